/* runs - the part of the index that is on disk.
 *
 * Shapes:  RUNS is keyed by run (8 bytes) and chunk (4 bytes, big endian); a
 *          chunk holds up to INDEX_CHUNK sorted entries.  The chunk numbered
 *          RUN_FOOTER closes a run: level, count, first prefix of each chunk.
 *          A run without footer is what a merge left behind.
 *          Merging goes on a few chunks with each commit. */
#ifndef WARREN_STORE_RUNS_H
#define WARREN_STORE_RUNS_H

#include "kv/kv.h"
#include "store/index.h"

#define RUN_FOOTER UINT32_MAX

struct run {
    uint64_t  id;
    uint32_t  level, chunks;
    uint64_t  entries;
    uint64_t *first;    /* prefix of each chunk */
    bool     *is_known; /* chunks whose CRC was checked */
};

struct merge; /* one that is under way */

struct runs {
    kv_table      table;
    struct run   *v;
    size_t        n, cap;
    uint64_t      next_id;
    struct merge *merge;
    /* What the present transaction changes, applied when it is committed. */
    struct run added[2];
    size_t     added_n;
    bool       ends_merge;
    uint64_t  *garbage; /* runs to delete */
    size_t     garbage_n;
    bool       cleans_garbage;
};

NODISCARD enum err runs_open(struct runs *r, struct kv *kv, kv_table table);
void               runs_close(struct runs *r);
/* runs_add - write n sorted entries as a new run of level 0. */
NODISCARD enum err runs_add(struct runs *r, struct kv_txn *t,
                            const struct index_entry *v, size_t n);
/* runs_tidy - merge for a while; entries below lowest are dropped. */
NODISCARD enum err runs_tidy(struct runs *r, struct kv_txn *t, int64_t lowest);
/* runs_entries - how many there will be once the transaction is committed. */
int64_t runs_entries(const struct runs *r);
/* runs_committed, runs_undone - how the transaction ended. */
void runs_committed(struct runs *r);
void runs_undone(struct runs *r);
/* runs_find - entries that may be of hash.  ERR_CORRUPT for a damaged
 * chunk. */
NODISCARD enum err runs_find(struct runs *r, struct kv_txn *t,
                             struct index_found *out, const struct hash *hash);

#endif
