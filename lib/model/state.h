/* state - what the chain has agreed after a height.
 *
 * Source:  CometBFT v0.38 state/state.go, state/validation.go,
 *          state/execution.go (updateState), consensus/replay.go (InitChain).
 * Shapes:  validator updates of height H act at H + 2, parameter updates at
 *          H + 1.  The app version of the next header is the application's
 *          own (from Info) until parameters are updated for the first time,
 *          and from then on params.app_version.
 * Memory:  sets and spans live in the arena that made the state. */
#ifndef WARREN_STATE_H
#define WARREN_STATE_H

#include "base/version.h"
#include "model/evidence.h"
#include "model/params.h"
#include "model/validators.h"

struct genesis;

struct chain_state {
    struct version    version; /* block protocol, app version of next header */
    struct span       software;
    struct span       chain_id;
    int64_t           initial_height;
    int64_t           last_height; /* 0 before the first block */
    struct block_id   last_block_id;
    struct stamp      last_time; /* the genesis time before the first block */
    struct validators next_validators, validators, last_validators;
    int64_t           last_height_validators_changed;
    struct params     params;
    int64_t           last_height_params_changed;
    struct span       last_results_hash;
    struct span       app_hash;
};

/* state_from_genesis - before InitChain.  A genesis without validators gives
 * empty sets, for InitChain to fill.  Rejects what validators_new rejects. */
NODISCARD enum reject state_from_genesis(struct chain_state   *s,
                                         const struct genesis *g,
                                         struct arena         *a);
/* state_init_chain - take over the answer to InitChain, at height 0: a
 * non-empty list of validators replaces those of the genesis, parameters are
 * merged (their app version too) but not validated, an empty app hash leaves
 * that of the genesis.
 *
 * REJECT_MISSING when there are no validators even now. */
NODISCARD enum reject
state_init_chain(struct chain_state *s, const struct val *validators, size_t n,
                 const struct consensus_params_msg *params,
                 struct span app_hash, struct arena *a);
/* state_copy - everything copied into the arena; false when it is full. */
NODISCARD bool state_copy(struct chain_state *out, const struct chain_state *s,
                          struct arena *a);

/* As tendermint.state.State bytes: those that CometBFT keeps under stateKey.
 * decode takes empty sets too, as of a state before InitChain.  encode's p is
 * NULL when the arena is full. */
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
/* state_next - the state after the block; borrows nothing from *s or *c.
 *
 * REJECT_RANGE for an update with a key type that the parameters do not
 * allow, or any that validators_update or params_update rejects. */
NODISCARD enum reject state_next(struct chain_state        *out,
                                 const struct chain_state  *s,
                                 const struct state_change *c, struct arena *a);

/* block_validate_against - block_validate, and all of state/validation.go but
 * the content of evidence and the clock: header fields against the state,
 * last commit in full, BFT time, proposer, evidence size.  *why names the
 * first rule broken; it is "" on ACCEPT. */
NODISCARD enum reject block_validate_against(struct block             *b,
                                             const struct chain_state *s,
                                             struct arena *a, const char **why);
/* block_validate_known - the same, where entries of the last commit that equal
 * those of known are not verified again (see commit_verify_known); NULL: none,
 * b->last_commit itself: all. */
NODISCARD enum reject block_validate_known(struct block             *b,
                                           const struct chain_state *s,
                                           const struct commit      *known,
                                           struct arena *a, const char **why);
/* block_extends - the same for a block that has passed block_validate, whose
 * hashes are not computed again. */
NODISCARD enum reject block_extends(const struct block       *b,
                                    const struct chain_state *s,
                                    const struct commit *known, struct arena *a,
                                    const char **why);

/* state_make_block - a proposal's block on this state, all of the header
 * filled in.  last_commit NULL at the initial height.
 *
 * Borrows its arguments and the state; NULL when the arena is full or the
 * commit names someone who is not in the last set. */
struct block *state_make_block(const struct chain_state *s, int64_t height,
                               const struct span *txs, size_t tx_count,
                               const struct commit   *last_commit,
                               const struct evidence *evidence,
                               size_t                 evidence_count,
                               struct span proposer_address, struct arena *a);

/* block_id_make - the id of a block: header hash and part set; in the arena.
 * False when the header has no hash or the arena is full. */
struct part_set;
NODISCARD bool block_id_make(struct block_id *out, const struct header *h,
                             const struct part_set *parts, struct arena *a);

#endif
