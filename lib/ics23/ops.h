/* ops - proofs that lead through several trees, one operator each.
 *
 * Source:  CometBFT v0.38 crypto/merkle/proof_op.go, proof_key_path.go;
 *          Cosmos SDK store/types/proof.go (types ics23:iavl, ics23:simple).
 * Shapes:  operators stand inner tree first; a key path ("/store/x:HEX" or
 *          URL-escaped) outer tree first.  Each operator takes the last part
 *          of the path that is left, and its root is the value that the next
 *          one proves; the last root is the app hash.
 * Memory:  decoded proofs live in the arena. */
#ifndef WARREN_ICS23_OPS_H
#define WARREN_ICS23_OPS_H

#include "abci/types.h"
#include "ics23/ics23.h"

enum { OPS_MAX = 16 }; /* operators and parts of a path */

/* ops_member - do the operators prove value at keypath under app_hash?
 *
 * Malformed is false; *why is a static text that names the reason. */
NODISCARD bool ops_member(const struct abci_proof_ops *ops,
                          struct span app_hash, struct span keypath,
                          struct span value, struct arena *a, const char **why);

/* ops_absent - do they prove that nothing is at keypath?  No operators at
 * all are false. */
NODISCARD bool ops_absent(const struct abci_proof_ops *ops,
                          struct span app_hash, struct span keypath,
                          struct arena *a, const char **why);

/* ops_keypath - "/store/x:KEY" in upper-case hex. */
void ops_keypath(struct buf *out, struct span store, struct span key);

#endif
