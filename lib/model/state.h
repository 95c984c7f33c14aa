/* state - what the chain has agreed after a height.
 *
 * Source:  CometBFT v0.38 state/state.go, state/validation.go.
 * Memory:  sets and spans live in the arena that made the state. */
#ifndef WARREN_STATE_H
#define WARREN_STATE_H

#include "model/evidence.h"
#include "model/params.h"
#include "model/validators.h"

struct genesis;

struct chain_state {
    struct version    version; /* block protocol, app version of next header */
    struct span       chain_id;
    int64_t           initial_height;
    int64_t           last_height; /* 0 before the first block */
    struct block_id   last_block_id;
    struct stamp      last_time;
    struct validators next_validators, validators, last_validators;
    int64_t           last_height_validators_changed;
    struct params     params;
    int64_t           last_height_params_changed;
    struct span       last_results_hash;
    struct span       app_hash;
};

/* state_from_genesis - before InitChain. */
NODISCARD enum reject state_from_genesis(struct chain_state   *s,
                                         const struct genesis *g,
                                         struct arena         *a);
NODISCARD bool state_copy(struct chain_state *out, const struct chain_state *s,
                          struct arena *a);

/* As tendermint.state.State bytes, for the store. */
struct span state_encode(const struct chain_state *s, struct arena *a);
NODISCARD enum reject state_decode(struct chain_state *s, struct span in,
                                   struct arena *a);

/* What a finalized block changes. */
struct state_change {
    const struct header               *header;
    struct block_id                    block_id;
    const struct val                  *validator_updates;
    size_t                             validator_update_count;
    const struct consensus_params_msg *param_updates; /* NULL: none */
    struct hash                        results_hash;
    struct span                        app_hash; /* of this block */
};
/* state_next - the state after the block; rejects bad updates. */
NODISCARD enum reject state_next(struct chain_state        *out,
                                 const struct chain_state  *s,
                                 const struct state_change *c, struct arena *a);

/* block_validate_against - all of state/validation.go but the content of
 * evidence: header fields against the state, last commit in full, time,
 * proposer, evidence size.  *why names the first rule broken. */
enum reject block_validate_against(const struct block       *b,
                                   const struct chain_state *s, struct arena *a,
                                   const char **why);

/* state_make_block - a proposal's block on this state: fills the header.
 * last_commit NULL at the initial height. */
struct block *state_make_block(const struct chain_state *s, int64_t height,
                               const struct span *txs, size_t tx_count,
                               const struct commit   *last_commit,
                               const struct evidence *evidence,
                               size_t                 evidence_count,
                               struct span proposer_address, struct arena *a);

#endif
