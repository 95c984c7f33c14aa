/* genesis - genesis.json and the key files, in CometBFT's forms.
 *
 * Source:  CometBFT v0.38 types/genesis.go, p2p/key.go, privval/file.go,
 *          libs/json (64-bit numbers are strings).
 * Shapes:  reading is strict: duplicate keys, unknown number forms and
 *          trailing data are refused; *why (a static or arena text) names
 *          the place, what was found and what was expected.
 * Memory:  everything lives in the arena. */
#ifndef WARREN_GENESIS_H
#define WARREN_GENESIS_H

#include "model/params.h"
#include "model/validators.h"

struct genesis {
    struct stamp  time;
    struct span   chain_id;
    int64_t       initial_height; /* 1 when the file says 0 */
    struct params params;
    struct val   *validators;
    struct span  *names; /* of the validators */
    size_t        validator_count;
    struct span   app_hash;
    struct span   app_state; /* raw JSON as it stands in the file; n 0: none */
};

NODISCARD enum reject genesis_parse(struct genesis *g, struct span json,
                                    struct arena *a, const char **why);
/* genesis_print - as CometBFT saves it (indented by two). */
void genesis_print(struct buf *out, const struct genesis *g);

NODISCARD enum reject node_key_parse(struct privkey *k, struct span json,
                                     const char **why);
void                  node_key_print(struct buf *out, const struct privkey *k);
NODISCARD enum reject validator_key_parse(struct privkey *k, struct span json,
                                          const char **why);
void validator_key_print(struct buf *out, const struct privkey *k);

/* data/priv_validator_state.json */
struct sign_state {
    int64_t     height;
    int32_t     round;
    int8_t      step; /* 0 none, 1 propose, 2 prevote, 3 precommit */
    struct span signature, sign_bytes;
};
NODISCARD enum reject sign_state_parse(struct sign_state *s, struct span json,
                                       struct arena *a, const char **why);
void sign_state_print(struct buf *out, const struct sign_state *s);

#endif
