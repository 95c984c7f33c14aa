/* genesis - genesis.json and the key files, in CometBFT's forms.
 *
 * Source:  CometBFT v0.38 types/genesis.go, p2p/key.go, privval/file.go,
 *          libs/json (64-bit numbers are strings).
 * Shapes:  reading is strict: duplicate keys, other forms of numbers and
 *          trailing data are refused; unknown keys are not, as in CometBFT.
 *          After a reject *why (a static or arena text) names the place, what
 *          was found and what was expected.
 * Memory:  everything lives in the arena or borrows from the file's text;
 *          what is read of key files is wiped before it is freed. */
#ifndef WARREN_GENESIS_H
#define WARREN_GENESIS_H

#include "model/params.h"
#include "model/validators.h"
#include "json/write.h"

struct genesis {
    struct stamp  time; /* STAMP_ZERO: the file has none */
    struct span   chain_id;
    int64_t       initial_height; /* 1 when the file says 0 */
    struct params params;
    struct val   *validators; /* in the order of the file */
    struct span  *names;      /* of the validators */
    size_t        validator_count;
    struct span   app_hash;
    struct span   app_state; /* raw JSON as it stands in the file; n 0: none */
};

/* genesis_parse - also refuses what CometBFT only panics at later: negative
 * power, a validator twice, a total above TOTAL_POWER_MAX; and control
 * characters in the chain id.  app_state borrows from json. */
NODISCARD enum reject genesis_parse(struct genesis *g, struct span json,
                                    struct arena *a, const char **why);
/* genesis_print - as CometBFT saves it (indented by two). */
void genesis_print(struct buf *out, const struct genesis *g);

/* The same, and its parts, as values of a larger document. */
void genesis_write(struct json_writer *w, const struct genesis *g);
void params_write(struct json_writer *w, const struct params *p);
/* pubkey_write - {type, value}; null for KEY_TYPE_NONE. */
void pubkey_write(struct json_writer *w, enum key_type type, struct span bytes);

/* Key files: an ed25519 key whose halves match (node), either type (the
 * validator's, whose address and public key must be its own). */
NODISCARD enum reject node_key_parse(struct privkey *k, struct span json,
                                     const char **why);
void                  node_key_print(struct buf *out, const struct privkey *k);
NODISCARD enum reject validator_key_parse(struct privkey *k, struct span json,
                                          const char **why);
void validator_key_print(struct buf *out, const struct privkey *k);

/* data/priv_validator_state.json: height, round and step must be there;
 * signature and sign_bytes both or neither. */
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
