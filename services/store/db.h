/* db - a chain on disk.
 *
 * Saving opens a batch; everything saved until db_commit is one synced
 * transaction, so that requests that wait together share a sync.  A state
 * saved outside a batch waits in memory for the next one: what it says can be
 * computed again from the block and its results.
 *
 * Errors:  ERR_DISK when the disk is full or fails: the batch is undone and
 *          reading goes on.  ERR_CORRUPT when what is read is not what was
 *          written.  ERR_FAILED for what may not be saved now; *why says it.
 * Memory:  what db_get_* return borrows from the arena, the database or
 *          the state, until db_end. */
#ifndef WARREN_STORE_DB_H
#define WARREN_STORE_DB_H

#include "base/buf.h"
#include "kv/kv.h"
#include "store/index.h"
#include "store/runs.h"
#include "store/store.h"

enum {
    PENDING_MAX    = 16,       /* sets that wait for a commit */
    MEMORY_ENTRIES = 4096,     /* of the index, then they go to disk */
    MEMORY_HEIGHTS = 1000,     /* the same; also read again at start */
    BATCH_BYTES    = 64 << 20, /* then a batch is full */
    VIEWS          = 8,        /* heights whose txs are at hand */
    VIEW_BYTES     = 64 << 20, /* of all views together */
};

/* Sets that wait for their transaction. */
struct pending_set {
    struct store_key key;
    struct buf       bytes;
};

/* Where the transactions and results of a height are. */
struct height_view {
    int64_t    height; /* 0: empty */
    uint64_t   used;
    uint32_t  *txs; /* offset and length of each, in the record */
    size_t     count;
    struct buf results; /* unpacked */
    uint32_t  *result_at;
    size_t     result_count;
};

struct db {
    struct kv     *kv;
    const char    *dir;
    bool           is_bound, indexes_txs;
    uint8_t        binding_bytes[BINDING_BYTES_MAX];
    struct binding binding; /* borrows from binding_bytes */
    struct heads   heads;   /* what is true now */
    struct heads   next;    /* what will be, once the batch is committed */
    struct buf     state, next_state;
    bool           has_next_state, is_state_saved;

    struct kv_txn     *batch; /* open while something waits for a commit */
    size_t             batch_bytes;
    struct kv_txn     *reading;
    struct pending_set pending[PENDING_MAX]; /* saved outside a batch */
    size_t             pending_count;

    /* The index: sorted entries in memory, those of the batch, and runs. */
    struct index_entry *memory, *staged;
    size_t              memory_n, memory_cap, staged_n, staged_cap;
    struct runs         runs;

    struct height_view views[VIEWS];
    uint64_t           clock;
    char               why[160]; /* of the last refusal */
};

/* db_open - read what is there, and check its newest part.  ERR_CORRUPT and
 * ERR_DISK refuse it, having said why. */
NODISCARD enum err db_open(struct db *db, const char *dir, bool indexes_txs);
/* db_close - what waits is committed first. */
void db_close(struct db *db);
/* db_bind - remember the chain, or refuse another one (ERR_CHAIN). */
NODISCARD enum err db_bind(struct db *db, const struct binding *b);

/* ---- saving ---- */

NODISCARD enum err db_save_block(struct db *db, const struct block_to_save *b,
                                 struct arena *a);
NODISCARD enum err db_save_results(struct db *db, int64_t height,
                                   struct span results, struct arena *a);
/* db_save_state - in a batch when one is open or is_durable. */
NODISCARD enum err db_save_state(struct db *db, int64_t height,
                                 struct span state, bool is_durable);
/* db_add_evidence - pending, unless it is already or was committed; it has
 * passed verification.  In a batch. */
NODISCARD enum err db_add_evidence(struct db *db, struct span bytes,
                                   struct arena *a);
/* db_drop_evidence - pending no more; in a batch. */
NODISCARD enum err db_drop_evidence(struct db *db, int64_t height,
                                    const struct hash *hash);
bool               db_has_batch(const struct db *db);
/* db_commit - durable when OK.  Otherwise nothing of the batch was saved. */
NODISCARD enum err db_commit(struct db *db);
/* db_undo - as if the batch had not been. */
void db_undo(struct db *db);
/* db_prune - drop a bounded number of the blocks below retain; *is_done when
 * none are left.  Part of a batch. */
NODISCARD enum err db_prune(struct db *db, int64_t retain, int64_t evidence,
                            uint64_t *dropped, bool *is_done, struct arena *a);

/* ---- reading: what is absent is empty, and OK ---- */

NODISCARD enum err db_get_meta(struct db *db, int64_t height,
                               struct span *meta);
NODISCARD enum err db_get_block(struct db *db, int64_t height,
                                struct span *block);
/* db_find_block - the height of the block with this hash; 0: none. */
NODISCARD enum err db_find_block(struct db *db, const struct hash *hash,
                                 int64_t *height, struct arena *a);
NODISCARD enum err db_get_commit(struct db *db, int64_t height,
                                 struct span *commit, bool *is_canonical,
                                 struct arena *a);
NODISCARD enum err db_get_extended(struct db *db, int64_t height,
                                   struct span *commit);
NODISCARD enum err db_get_results(struct db *db, int64_t height,
                                  struct span *results, struct arena *a);
NODISCARD enum err db_get_validators(struct db *db, int64_t height,
                                     struct span *set, struct arena *a);
NODISCARD enum err db_get_params(struct db *db, int64_t height,
                                 struct span *params);
struct found_tx {
    int64_t     height; /* 0: none */
    uint32_t    index;
    struct span tx, result;
};
NODISCARD enum err db_get_tx(struct db *db, const struct hash *hash,
                             struct found_tx *out);
/* db_get_pending - at most EVIDENCE_MAX, by height. */
NODISCARD enum err db_get_pending(struct db *db, struct span **out, size_t *n,
                                  struct arena *a);
/* db_is_committed - by a block that is here, or that was pruned while headers
 * of the evidence's height are kept? */
NODISCARD enum err db_is_committed(struct db *db, int64_t height,
                                   const struct hash *hash, bool *out);
/* What evidence is checked against; empty what is not here.  Commits are
 * those in the next block. */
struct proof_facts {
    bool        is_committed;
    struct span meta, commit, validators; /* at its height */
    struct span other_meta, other_commit; /* at another */
};
NODISCARD enum err db_get_facts(struct db *db, struct proof_facts *out,
                                int64_t height, const struct hash *hash,
                                int64_t other_height, struct arena *a);
/* db_end - done with what was read. */
void db_end(struct db *db);

#endif
