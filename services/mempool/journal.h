/* journal - what was accepted, on disk, until a block has it.
 *
 * Shapes:  a directory of segments NNNNNNNN.log of about JOURNAL_SEGMENT_BYTES
 *          each.  A record is its body's length and CRC-32C (4 bytes each, big
 *          endian) and the body: a type, then its fields, big endian.
 *          The last segments stay even when all in them is done, so that the
 *          cache of transactions seen is found again as well.
 * Order:   records are written and synced by a thread, in batches of what
 *          came while the batch before was under way.  A mark counts records;
 *          what it covers may be promised once journal_durable has passed it.
 *          A client's transaction is written at once; what nobody waits for
 *          (one from a peer, a block, which consensus tells again) goes with
 *          the next that is, or within 50 ms; a block without transactions
 *          within a second.
 * Memory:  what waits for the disk is bounded by the caller, who looks at
 *          journal_waiting before taking more.
 * Errors:  ERR_CORRUPT for damage other than a torn tail, which is cut; the
 *          disk failing later is told through on_failed, once. */
#ifndef WARREN_MEMPOOL_JOURNAL_H
#define WARREN_MEMPOOL_JOURNAL_H

#include "base/limits.h"
#include "loop/loop.h"

enum { JOURNAL_SEGMENT_BYTES = 16 << 20 };

struct journal;

struct journal_tx {
    uint64_t    seq, origin;
    int64_t     height, gas;
    struct span bytes;
    uint32_t    segment; /* where it was found */
};

struct journal_block {
    int64_t        height, max_bytes, max_gas;
    size_t         n;
    const uint8_t *txs; /* n times: key (32), 1 when its code was 0 */
};
enum { JOURNAL_BLOCK_TX_BYTES = HASH_BYTES + 1 };

struct journal_fns {
    /* While opening, each record in order; spans are borrowed. */
    void (*on_tx)(void *ctx, const struct journal_tx *tx);
    void (*on_block)(void *ctx, const struct journal_block *b);
    void (*on_drop)(void *ctx, const uint8_t key[HASH_BYTES], bool uncache);
    void (*on_clear)(void *ctx);
    /* Later. */
    void (*on_durable)(void *ctx);
    void (*on_failed)(void *ctx, enum err e);
};

/* journal_open - reads dir (made when missing) and goes on behind it.
 *
 * segment_bytes 0 is JOURNAL_SEGMENT_BYTES.  ERR_BUSY when another process
 * has it open. */
NODISCARD enum err journal_open(struct journal **out, struct loop *l,
                                const char *dir, size_t segment_bytes,
                                const struct journal_fns *fns, void *ctx);
/* journal_close - waits until what was added is on disk. */
void journal_close(struct journal *j);

/* journal_replay - hand each record of a segment's bytes to fns; how many
 * bytes are whole records that make sense.  Pure. */
size_t journal_replay(struct span in, uint32_t segment,
                      const struct journal_fns *fns, void *ctx);

/* Adding.  journal_add_tx returns its segment: give it to journal_release
 * when the transaction is gone. */
uint32_t journal_add_tx(struct journal *j, const struct journal_tx *tx);
void     journal_add_block(struct journal *j, const struct journal_block *b);
void     journal_add_drop(struct journal *j, const uint8_t key[HASH_BYTES],
                          bool uncache);
void     journal_add_clear(struct journal *j);

void journal_release(struct journal *j, uint32_t segment, size_t bytes);
/* journal_adopt - a transaction found in that segment still waits. */
void journal_adopt(struct journal *j, uint32_t segment, size_t bytes);

/* journal_crowded - a segment whose transactions should be added again, so
 * that it can go; 0: none.  Costs at most one segment of writing. */
uint32_t journal_crowded(const struct journal *j);

uint64_t journal_mark(const struct journal *j);    /* records added */
uint64_t journal_durable(const struct journal *j); /* of them on disk */
size_t   journal_waiting(const struct journal *j); /* bytes not on disk */
uint64_t journal_bytes(const struct journal *j);   /* of all segments */

#endif
