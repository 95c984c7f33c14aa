/* pool - evidence of broken rules, until a block punishes it: pure.
 *
 * Source:  CometBFT v0.38 evidence/pool.go, verify.go, reactor.go.
 * Shapes:  evidence is pending, then committed or expired.  Pending evidence
 *          has been verified.  Two votes that contradict each other become
 *          evidence when the block of their height is there: its time is the
 *          evidence's.
 *          What a check needs of the past is asked for by POOL_LOAD; one
 *          question at a time is open.
 *          Evidence that expires is not proposed or passed on any more, but
 *          taken from others for a little longer: CometBFT looks for what has
 *          expired only now and then, and proposes it until it does.
 * Memory:  pending evidence as bytes in `store`, what waits to be checked in
 *          `inbox`, contradicting votes in `conflicts`: arenas given by the
 *          caller; what does not fit is left out, and offered again by
 *          others; work has room for all of inbox.  An effect holds until emit
 * returns. */
#ifndef WARREN_CONSENSUS_POOL_H
#define WARREN_CONSENSUS_POOL_H

#include "model/evidence.h"
#include "model/state.h"
#include "model/vote.h"

enum {
    POOL_ITEMS_MAX     = 4096,
    POOL_JOBS_MAX      = 64,
    POOL_PEER_JOBS_MAX = 16, /* of one peer */
    POOL_CONFLICTS_MAX = 256,
    POOL_GRACE_BLOCKS  = 10,
};
#define POOL_GRACE_NS   INT64_C(10000000000)
#define POOL_REOFFER_NS INT64_C(10000000000)

enum pool_verdict { POOL_INVALID, POOL_VALID };

struct pool_effect {
    enum pool_effect_kind {
        POOL_SAVE,      /* pending now: keep bytes under height and hash */
        POOL_DROP,      /* not pending any more */
        POOL_COMMITTED, /* keep for ever that this was committed */
        /* Find out what struct pool_facts tells of hash and height, and of
         * other_height unless that is 0; answer with pool_loaded. */
        POOL_LOAD,
        POOL_CHECKED, /* the answer to pool_check: verdict */
        POOL_PUNISH,  /* peer sent what does not hold: disconnect */
        POOL_ANSWER,  /* the answer to pool_ask of this peer */
    } kind;
    int64_t           height, other_height;
    struct hash       hash;
    struct span       bytes; /* tendermint.types.Evidence */
    uint64_t          peer;
    enum pool_verdict verdict;
    const char       *text; /* static: why not; NULL: nothing is wrong */
    /* Of POOL_ANSWER with a text: what was refused, and knowing what. */
    const struct evidence   *evidence;
    const struct pool_facts *facts;
};

/* What the store knows; NULL for what it has not. */
struct pool_facts {
    bool                        is_committed;
    const struct signed_header *common; /* at height */
    const struct validators    *validators;
    const struct signed_header *trusted; /* at other_height */
};

struct pool_item {
    struct hash  hash;
    int64_t      height;
    int64_t      from; /* a peer deciding this height can verify it */
    struct stamp time;
    size_t       at, size; /* in the store */
    uint64_t     number;   /* greater than that of any before */
};

struct pool_conflict {
    struct vote a, b;
};

/* What came from outside: each item for itself. */
struct pool_job {
    uint64_t    peer;
    bool        is_asked; /* by pool_ask */
    struct span bytes;    /* tendermint.types.EvidenceList */
    size_t      next;     /* the item that is checked */
};

/* A block's evidence: all or nothing. */
struct pool_block {
    const struct evidence_list *list; /* NULL: none is checked */
    size_t                      next;
    bool                        is_decided;
};

struct pool {
    void (*emit)(void *ctx, const struct pool_effect *e);
    void        *ctx;
    struct arena store, inbox, conflicts, scratch, work;

    /* Of the state after the last block. */
    int64_t                last_height;
    struct stamp           last_time;
    struct span            chain_id;
    struct validators      last_validators;
    struct evidence_params params;
    struct arena           state;

    struct pool_item items[POOL_ITEMS_MAX]; /* by height, then hash */
    size_t           count;
    uint64_t         numbers;

    struct pool_conflict waiting[POOL_CONFLICTS_MAX];
    size_t               waiting_count;

    struct pool_job      jobs[POOL_JOBS_MAX];
    size_t               job_count;
    struct evidence_list list; /* of the first job, decoded in work */
    bool                 is_decoded;
    struct pool_block    block;
    struct hash          seen[POOL_ITEMS_MAX]; /* its items before next */
    enum { POOL_IDLE, POOL_LOADS_JOB, POOL_LOADS_BLOCK } loading;
};

/* pool_init - empty; all arenas are open, emit and ctx are set. */
void pool_init(struct pool *p, const struct chain_state *s);
/* pool_restore - pending evidence that was saved; false for what it is not. */
NODISCARD bool pool_restore(struct pool *p, struct span bytes);

/* pool_conflict - two votes of one validator that passed verification. */
void pool_conflict(struct pool *p, const struct vote *a, const struct vote *b);
/* pool_foretell - the evidence that pool_update will make of conflicts when
 * it gets this state, so that it can be saved with the block; in the arena,
 * borrowing the votes. */
NODISCARD bool pool_foretell(const struct pool *p, const struct chain_state *s,
                             struct evidence_list *out, struct arena *a);
/* pool_update - a block was executed, with this evidence in it. */
void pool_update(struct pool *p, const struct chain_state *s,
                 const struct evidence_list *committed);

/* pool_hear - an EvidenceList of a peer; false for a malformed one, which is
 * to end the connection. */
NODISCARD bool pool_hear(struct pool *p, uint64_t peer, struct span bytes);
/* pool_ask - the same for one piece, well formed, on behalf of somebody who
 * gets POOL_ANSWER; false when there is no room. */
NODISCARD bool pool_ask(struct pool *p, uint64_t asker,
                        const struct evidence *ev);
/* pool_check - is all evidence of a block new and true?  POOL_CHECKED says;
 * one such question at a time, l holds until then.
 *
 * Of a block that +2/3 want anyhow, nobody has to prove what is too old, or
 * older than what is kept: they found it younger. */
void pool_check(struct pool *p, const struct evidence_list *l, bool is_decided);
/* pool_loaded - the answer to POOL_LOAD. */
void pool_loaded(struct pool *p, const struct pool_facts *f);

/* pool_pending - the oldest evidence that fits into bytes_max of a block (-1:
 * all), decoded in the arena; false when that is full. */
NODISCARD bool pool_pending(const struct pool *p, int64_t bytes_max,
                            struct evidence_list *out, struct arena *a);
/* pool_next - the next message for a peer at this height, after *cursor, in
 * the arena; n is 0 when there is none, or none that it can verify yet.
 *
 * Beginning with 0, and again every POOL_REOFFER_NS.  A peer whose height is
 * not known, 0, gets nothing yet and misses nothing. */
struct span pool_next(const struct pool *p, uint64_t *cursor,
                      int64_t peer_height, struct arena *a);

#endif
