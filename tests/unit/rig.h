/* rig - consensus cores in one process, with a clock, a network and an
 * application that are plain functions; for transcripts.
 *
 * Validators 0 .. n - 1 stand in set order, each with power 1 unless told
 * otherwise.  `cores` of them are run by the production core; the others say
 * only what a test has them say (rig_vote, rig_propose).
 * Blocks are called A, B, C ... in the order in which they appear.
 * Memory: everything is in the test arena. */
#ifndef RIG_H
#define RIG_H

#include "consensus/consensus.h"
#include "test.h"

enum { RIG_VALIDATORS_MAX = 16, RIG_BLOCKS_MAX = 26 };
enum { RIG_DELAY_MS = 10 };

struct rig_options {
    int64_t powers[RIG_VALIDATORS_MAX]; /* 0: 1 */
    int64_t extensions_from;            /* height, 0: never */
    int64_t initial_height;             /* 0: 1 */
    int     first;                      /* node i is validator i + first */
    bool    skip_timeout_commit;
    bool    waits_for_txs;
    int64_t empty_interval_ms;
    bool    app_hash_changes; /* with every block */
    /* Block `update_at` gives validator `update_who` another power. */
    int64_t update_at, update_power;
    int     update_who;
};

struct rig_block {
    struct block_id id;
    struct part_set parts;
    struct hash     hash;
};

struct rig_delivery {
    int64_t              at;
    int                  node;
    struct peer_id       from;
    struct span          bytes; /* a consensus message */
    struct rig_delivery *next;
};

struct rig_node {
    struct consensus core;
    struct buf       transcript;
    struct arena     app; /* holds the state until the core copied it */
    bool             is_timer_set, is_silent;
    bool             is_sign_failing, is_sign_refused;
    int64_t          timer_at;
    struct timeout   timer;
    struct effects   fx;
    size_t           evidence, steps, valid_blocks;
    /* What its application and its evidence pool say. */
    bool          rejects_blocks, rejects_extensions;
    bool          holds_apply; /* rig_apply() lets go on */
    bool          is_apply_held;
    struct effect held;
};

struct rig {
    size_t               n, cores;
    struct rig_options   opt;
    struct privkey       keys[RIG_VALIDATORS_MAX];
    struct val           everybody[RIG_VALIDATORS_MAX];
    struct chain_state   genesis;
    struct rig_node     *nodes;
    struct rig_block     blocks[RIG_BLOCKS_MAX];
    size_t               block_count;
    int64_t              now; /* ms */
    struct rig_delivery *queue;
    struct span          tx; /* of the next block prepared */
    int64_t              app_hashes;
};

struct rig *rig_new(size_t validators, size_t cores,
                    const struct rig_options *opt);
void        rig_free(struct rig *r);
void        rig_start(struct rig *r);

/* rig_run - deliver messages and fire timers until ms. */
void rig_run(struct rig *r, int64_t ms);
/* rig_settle - deliver what is under way, without firing timers. */
void rig_settle(struct rig *r);
/* rig_fire - the timer of one node, at its time. */
void rig_fire(struct rig *r, int node);
void rig_event(struct rig *r, int node, struct event ev);
void rig_txs(struct rig *r, int node);
void rig_apply(struct rig *r, int node);

/* rig_block_new - a valid block on the state of a node, by a validator;
 * returns its letter. */
char rig_block_new(struct rig *r, int node, int proposer);
/* rig_propose - proposal and parts from the proposer of the round to node. */
void rig_propose(struct rig *r, int node, int32_t round, int32_t pol_round,
                 char letter);
void rig_proposal(struct rig *r, int node, int32_t round, int32_t pol_round,
                  char letter);
void rig_parts(struct rig *r, int node, int32_t round, char letter);
/* rig_vote - validator's vote to node; letter '-' is nil. */
void rig_vote(struct rig *r, int node, int validator, int32_t type,
              int32_t round, char letter);
/* rig_votes - of all validators from first on that are not cores. */
void rig_votes(struct rig *r, int node, int first, int count, int32_t type,
               int32_t round, char letter);
/* rig_vote_make - signed, in the arena. */
struct vote *rig_vote_make(struct rig *r, int validator, int64_t height,
                           int32_t type, int32_t round, char letter);
/* rig_proposer - of the round that node is in. */
int rig_proposer(struct rig *r, int node);

/* Scenes: node 0 among four, started; then it has proposed A and prevoted it
 * (as validator 0); then it is locked on A and has precommitted it. */
struct rig *rig_four(const struct rig_options *opt);
struct rig *rig_proposed(const struct rig_options *opt);
struct rig *rig_locked(void);

/* rig_said - the transcript since the last call, as text. */
const char *rig_said(struct rig *r, int node);
#define CHECK_SAID(r, node, want, ...)                                         \
    CHECK_STR(rig_said((r), (node)), (want), "" __VA_ARGS__)

#endif
