/* mempool - transactions that wait for a block, first in, first out.
 *
 * Source:  CometBFT v0.38 mempool/clist_mempool.go, errors.go, and
 *          state/tx_filter.go for the checks before and after CheckTx.
 * Shapes:  a transaction is known by its SHA-256.  Peers are bits of a word.
 * Memory:  the arrays are made once, in the arena.  A transaction's bytes
 *          belong to the shell, which frees them when one is handed back. */
#ifndef WARREN_MEMPOOL_H
#define WARREN_MEMPOOL_H

#include "base/buf.h"
#include "mempool/cache.h"

struct mempool_limits {
    size_t  count_max;     /* transactions: mempool.size */
    int64_t bytes_max;     /* of all: mempool.max_txs_bytes */
    size_t  tx_bytes_max;  /* of one: mempool.max_tx_bytes */
    size_t  cache_max;     /* mempool.cache_size */
    bool    keeps_invalid; /* in the cache */
};

/* One that waits. */
struct mempool_tx {
    uint8_t     key[HASH_BYTES];
    uint32_t    prev, next; /* in order; KEYS_NONE at the ends */
    struct span bytes;
    int64_t     gas, height; /* gas wanted; the height when it came */
    uint64_t    seq;         /* ascending in order; 0: the record is free */
    uint64_t    senders;     /* it came from them, or went to them */
    uint64_t    named;       /* they said that they have it */
    uint64_t    came_us;     /* the shell's: when a peer sent it; 0: our own */
    uint32_t    segment;     /* of the journal: the shell's */
};

struct mempool {
    struct mempool_limits limits;
    struct cache          cache;
    struct mempool_tx    *v;
    struct keys           keys;
    uint32_t              first, last, free;
    size_t                count;
    int64_t               bytes;
    int64_t               height;             /* of the last update */
    int64_t               max_bytes, max_gas; /* of one tx; -1: none */
    uint64_t              seq_next;
    uint32_t              ask, heard;  /* recheck: the next of each */
    uint64_t              recheck_end; /* the first seq that takes no part */
    uint32_t restored; /* the last one, while the journal is read */
};

/* Numbers of mempool.Submitted.Verdict.Refusal. */
enum mempool_refusal {
    MEMPOOL_TAKEN      = 0,
    MEMPOOL_IN_CACHE   = 1,
    MEMPOOL_TOO_LARGE  = 2,
    MEMPOOL_FULL       = 3,
    MEMPOOL_APP_DOWN   = 5,
    MEMPOOL_PRE_CHECK  = 6,
    MEMPOOL_POST_CHECK = 7,
};

void mempool_init(struct mempool *m, const struct mempool_limits *limits,
                  uint64_t seed, struct arena *a);

/* mempool_tx_size - bytes that it takes in a block, framing included. */
int64_t mempool_tx_size(size_t tx_bytes);

/* mempool_offer - may the application be asked about it?  Then it is in the
 * cache from now on.  One that waits already learns of its sender. */
enum mempool_refusal mempool_offer(struct mempool *m,
                                   const uint8_t key[HASH_BYTES], size_t size,
                                   uint64_t sender);

/* mempool_withdraw - the application could not be asked. */
void mempool_withdraw(struct mempool *m, const uint8_t key[HASH_BYTES]);

/* The application's word on one. */
struct mempool_answer {
    uint32_t code;
    int64_t  gas_wanted;
};

/* Where one came from. */
struct mempool_from {
    uint64_t sender; /* the peer's bit, or 0 */
    uint64_t origin; /* a number for the client's request, or 0 */
};

/* mempool_keep - an offered one was checked.
 *
 * MEMPOOL_TAKEN with *kept set: it waits from now on, and its bytes with it.
 * MEMPOOL_TAKEN with *kept NULL: the application refused it.  Otherwise it is
 * refused here, though the application took it; MEMPOOL_IN_CACHE also when a
 * block took it since it was offered. */
enum mempool_refusal
mempool_keep(struct mempool *m, const uint8_t key[HASH_BYTES],
             struct span bytes, struct mempool_answer answer,
             struct mempool_from from, struct mempool_tx **kept);

/* mempool_origin - of the request for which it was kept, also when a block has
 * it by now; 0 when unknown. */
uint64_t mempool_origin(const struct mempool *m, const uint8_t key[HASH_BYTES]);

/* mempool_restore - one from the journal, to where its seq belongs; NULL when
 * it is there or there is no room. */
struct mempool_tx *mempool_restore(struct mempool          *m,
                                   const struct mempool_tx *from,
                                   uint64_t                 origin);

/* mempool_error - what a client is told of a refusal. */
void mempool_error(struct buf *out, const struct mempool *m,
                   enum mempool_refusal refusal, size_t size,
                   struct mempool_answer answer);

/* ---- in order ---- */

const struct mempool_tx *mempool_first(const struct mempool *m);
const struct mempool_tx *mempool_next(const struct mempool    *m,
                                      const struct mempool_tx *tx);
/* A place in the order that stays when what is there goes away. */
struct mempool_cursor {
    uint64_t seq; /* all up to here were passed */
    uint32_t at;  /* where that one was */
};
/* mempool_ahead - the first behind the cursor, or NULL.  Quick, unless what
 * it stood on is gone. */
struct mempool_tx *mempool_ahead(const struct mempool        *m,
                                 const struct mempool_cursor *c);
void mempool_pass(const struct mempool *m, struct mempool_cursor *c,
                  const struct mempool_tx *tx);

struct mempool_tx *mempool_find(struct mempool *m,
                                const uint8_t   key[HASH_BYTES]);
struct mempool_tx *mempool_find_prefix(struct mempool *m,
                                       const uint8_t prefix[KEYS_PREFIX_BYTES]);

/* mempool_forget_sender - no transaction came from that bit any more. */
void mempool_forget_sender(struct mempool *m, uint64_t bit);

/* mempool_reap - how many from the front fit; -1 bounds nothing. */
size_t mempool_reap(const struct mempool *m, int64_t max_bytes,
                    int64_t max_gas);

/* ---- after a block ---- */

/* mempool_committed - one of the block; its bytes (p NULL: it did not wait
 * here) are the shell's again. */
struct span mempool_committed(struct mempool *m, const uint8_t key[HASH_BYTES],
                              bool is_ok);

/* mempool_remove - it waits no longer; its bytes are the shell's again. */
struct span mempool_remove(struct mempool *m, struct mempool_tx *tx);

/* mempool_recheck_begin - all that wait now are to be checked again. */
void mempool_recheck_begin(struct mempool *m);
/* mempool_recheck_send - the next to ask about, or NULL when all were. */
const struct mempool_tx *mempool_recheck_send(struct mempool *m);
/* mempool_recheck_pending - some were not asked about yet. */
bool mempool_recheck_pending(const struct mempool *m);
/* mempool_recheck_find - the one with this seq whose answer came; answers
 * come in order.  NULL when it was removed meanwhile. */
struct mempool_tx *mempool_recheck_find(struct mempool *m, uint64_t seq);
/* mempool_rechecked - does it still hold?  If not it leaves the cache, and is
 * to be removed. */
NODISCARD bool mempool_rechecked(struct mempool *m, const struct mempool_tx *tx,
                                 struct mempool_answer answer);

/* mempool_clear_cache - forget what was seen; what waits still waits. */
void mempool_clear_cache(struct mempool *m);

#endif
