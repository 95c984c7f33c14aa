/* consensus - the rules that decide one block per height: pure.
 *
 * Source:  CometBFT v0.38 consensus/state.go (spec/consensus; with its
 *          unlock rule, unlike arXiv:1807.04938).
 * Shapes:  events go in one at a time, effects come out in order.  Where
 *          CometBFT waits inside a step (application, signer, execution) the
 *          core emits an asking effect, sets `awaiting` and takes nothing but
 *          its answer until that came: so the order of everything equals
 *          CometBFT's, and replaying the WAL's inputs rebuilds the state.
 *          One validator is the case n = 1.
 * Memory:  the arenas in struct consensus are given by the caller.  Two
 *          heights and at most five blocks are kept at a time. */
#ifndef WARREN_CONSENSUS_H
#define WARREN_CONSENSUS_H

#include "consensus/events.h"

enum { TASKS_MAX = 16, CANDIDATES = 5 };

struct consensus_config {
    int64_t propose_ns, propose_delta_ns;
    int64_t prevote_ns, prevote_delta_ns;
    int64_t precommit_ns, precommit_delta_ns;
    int64_t commit_ns;
    int64_t empty_interval_ns; /* create_empty_blocks_interval */
    int64_t time_tolerance_ns; /* of a block's time beyond our clock */
    bool    skip_timeout_commit;
    bool    create_empty_blocks;
};

/* A block being collected or kept, and the memory for it. */
struct candidate {
    struct arena    arena;
    struct part_set parts;
    struct block   *block; /* once complete and well-formed */
    struct block_id id;    /* of block */
    bool            is_valid, is_evidence_checked;
};

enum awaiting {
    AWAIT_NOTHING,
    AWAIT_PREPARED,
    AWAIT_VALIDATED,
    AWAIT_EXTENDED,
    AWAIT_EXTENSION_VERIFIED,
    AWAIT_SIGNED,
    AWAIT_APPLIED,
};

/* What remains to be done of a step; a stack, see consensus.c. */
struct task {
    uint8_t kind;
    int32_t round;
    int64_t height;
};

/* Everything may be read by others between two steps. */
struct consensus {
    struct consensus_config cfg;
    struct arena            heights[2]; /* this height and the one before */
    struct arena            scratch;
    struct candidate        candidates[CANDIDATES];
    size_t                  current; /* of heights */

    struct chain_state state; /* after height - 1 */
    bool               has_state, is_started, is_halted, needs_proof, has_txs;
    struct pubkey      key;
    uint8_t            address[ADDRESS_BYTES];

    int64_t           height;
    int32_t           round;
    enum step         step;
    struct stamp      start_time, commit_time;
    struct validators validators; /* turned to this round's proposer */

    const struct proposal *proposal;
    /* Indices of candidates, -1: none. */
    int  proposal_parts, locked, valid, own;
    bool has_proposal_block; /* of proposal_parts */
    /* -1: none */
    int32_t             locked_round, valid_round, commit_round;
    struct height_votes votes;
    struct vote_set    *last_commit; /* NULL before the first block */
    bool                saw_precommit_wait;
    bool                is_proposal_lost; /* ours of this round, for good */

    struct timeout  timer; /* the latest set */
    enum awaiting   awaiting;
    struct task     tasks[TASKS_MAX];
    size_t          task_count;
    struct vote     vote_in_work; /* to be signed, or to be verified */
    struct peer_id  vote_peer;
    size_t          vote_mark; /* of the height's arena before it */
    struct proposal proposal_in_work;

    /* Whether the last event left anything behind; what was ignored or refused
     * a replay can do without.  A vote that the application is asked about
     * (vote_in_work, of vote_peer) leaves something once that accepts it. */
    bool is_heard;

    /* Of the step that runs. */
    struct effects     *out;
    const struct event *ev;
};

/* consensus_init - nothing known yet; heights, scratch and the candidates'
 * arenas are open. */
void consensus_init(struct consensus *c, const struct consensus_config *cfg);

/* consensus_step - take one event; effects are appended to *out.
 *
 * The first event is EV_STATE.  While c->awaiting is set, only its answer
 * may come. */
void consensus_step(struct consensus *c, struct effects *out,
                    const struct event *ev);

/* consensus_proposer - of the present round. */
const struct val *consensus_proposer(struct consensus *c);

/* consensus_is_validator - is our key in the present set? */
bool consensus_is_validator(const struct consensus *c);

/* consensus_proposal_block - the complete one of this round, or NULL. */
const struct candidate *consensus_proposal_block(const struct consensus *c);

#endif
