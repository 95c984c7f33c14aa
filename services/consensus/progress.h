/* progress - how far the things that are under way have come.  For the
 * shell's files; see shell.h for who works on which, and where their memory
 * is. */
#ifndef WARREN_CONSENSUS_PROGRESS_H
#define WARREN_CONSENSUS_PROGRESS_H

#include "abci/abci.h"
#include "bus/bus.h"
#include "consensus/consensus.h"

struct app {
    struct abci_client *client;
    uint64_t            session;     /* counts connections */
    bool                is_up;       /* connected, Info answered */
    bool                is_ready;    /* and holds what it must */
    bool                has_genesis; /* InitChain was called */
    int64_t             height;      /* that it has committed */
    struct span         hash;        /* after it */
    uint8_t             hash_bytes[1024];
    uint64_t            protocol; /* Info.app_version */
};

/* A block that the application lacks; memory in lack_arena. */
struct lacking {
    bool              is_asked; /* store was */
    uint64_t          session;  /* of the application, then */
    struct block      block;
    struct hash       hash;
    struct validators last_vals;
    struct span       app_hash;    /* that it answered */
    int64_t           height;      /* of the block above our state ... */
    struct span       meta, bytes; /* ... and what store has of it */
};

/* The question of the core that waits for an answer. */
struct question {
    struct effect fx;
    bool          is_open;
    uint64_t      serial; /* answers to an older one are of no use */
    LIST(const struct evidence) evidence; /* of the block to propose */
};

/* Who asked for a verdict on evidence; a number never comes again. */
struct asker {
    uint64_t        number; /* 0: nobody */
    struct bus_call call;
};

/* The block being applied, and how far it has come. */
struct apply {
    bool            is_active;
    int64_t         height;
    uint64_t        started_us, finalize_us;
    struct block_id id;
    struct hash     hash; /* of its header */
    struct block   *block;
    struct span     bytes, seen; /* of the block; of the commit for it */
    bool            is_extended; /* seen is an ExtendedCommit */

    bool               has_results; /* and so the next state */
    struct span        results;     /* ResponseFinalizeBlock */
    uint32_t          *codes;       /* of the transactions */
    struct chain_state next;
    int64_t            retain_height;

    bool is_finalized, is_finalize_asked; /* by the present session */
    bool is_saved, is_save_asked;         /* block and results, by store */
    bool is_locked, is_lock_asked;        /* mempool */
    bool is_lock_granted; /* it answered: else we go on all the same */
    bool is_end_noted;    /* in the WAL */
    bool is_committed, is_commit_asked; /* by the application */
};

/* A block that the application was asked to execute, in this session of it,
 * before it is applied. */
struct foretold {
    int64_t  height;
    uint64_t session, at_us;
};

/* What is asked of mempool for a proposal. */
struct shell;
typedef void txs_fn(struct shell *s, uint64_t serial, const span_list *txs);
struct reap {
    txs_fn  *fn; /* NULL: nothing waits */
    bool     is_sent;
    uint64_t serial;
    int64_t  max_bytes, max_gas;
};

/* What mempool knows.  Memory of owed in owed_arena. */
struct txs_progress {
    bool         is_met;       /* it has heard of every height */
    bool         is_owing;     /* it is told of those that it missed: */
    int64_t      owed_height;  /* of this one now, */
    span_list    owed;         /* which has these transactions */
    bool         is_lock_kept; /* over heights that it was not told of, */
    uint64_t     lock_kept_us; /* since then */
    struct reap  reap;
    struct timer reap_timer;
};

#endif
