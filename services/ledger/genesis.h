/* genesis - the ledger's part of genesis.json: accounts and collections.
 *
 * Source:  services/ledger/README.md.
 * Shapes:  {"accounts": [{"address": "warren1...", "org": "...", "pub_key":
 *          {"type": "secp256k1" | "ed25519", "value": base64}}],
 *          "collections": [{"name": "...", "writers": ["warren1..."] | "*"}]}
 *          in which every member may be missing but address, pub_key, its
 *          type and value, and name.  An account's number is its place.
 *          Anything else is refused, so that a misspelt name is never passed
 *          over.  No text at all is a ledger without accounts. */
#ifndef WARREN_LEDGER_GENESIS_H
#define WARREN_LEDGER_GENESIS_H

#include "ledger/view.h"

/* genesis_apply - write the first state.  NULL, or what is wrong and where,
 * in the arena; then the view's changes are garbage. */
NODISCARD const char *genesis_apply(const struct ledger_view *v,
                                    struct span app_state, struct arena *a);

#endif
