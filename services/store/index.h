/* index - where a hash is: transactions and blocks, by their hash.  Pure.
 *
 * A tree keyed by hash would rewrite a page for nearly every transaction.
 * Instead entries gather in memory, go to disk as sorted runs, and FANOUT runs
 * of a level are merged into one of the next: every entry is written a few
 * times, always in sequence.
 *
 * Shapes:  an entry is the first 8 bytes of the hash, the height (5 bytes) and
 *          the index in the block (3 bytes, INDEX_OF_BLOCK for the block
 *          itself), all big endian, and sorts as bytes.  Who finds an entry
 *          compares the whole hash with what it leads to.
 * Memory:  the caller's arrays. */
#ifndef WARREN_STORE_INDEX_H
#define WARREN_STORE_INDEX_H

#include "crypto/hash.h"

enum {
    INDEX_ENTRY_BYTES = 16,
    INDEX_CHUNK       = 4096, /* entries of one record: 64 KiB */
    INDEX_FANOUT      = 8,
    INDEX_OF_BLOCK    = 0xffffff,
    INDEX_FOUND_MAX   = 16,
};

struct index_entry {
    uint8_t b[INDEX_ENTRY_BYTES];
};

void     index_entry_make(struct index_entry *e, const struct hash *hash,
                          int64_t height, uint32_t index);
int64_t  index_entry_height(const struct index_entry *e);
uint32_t index_entry_index(const struct index_entry *e);
uint64_t index_entry_prefix(const struct index_entry *e);

void index_sort(struct index_entry *v, size_t n);
/* index_insert - merge m sorted entries into n sorted ones; v has room. */
void index_insert(struct index_entry *v, size_t n,
                  const struct index_entry *more, size_t m);

/* What was found so far: the entries last in order, oldest first. */
struct index_found {
    struct index_entry v[INDEX_FOUND_MAX];
    size_t             n;
};
/* index_find - add entries of sorted v that may be of hash. */
void index_find(struct index_found *out, const struct index_entry *v, size_t n,
                const struct hash *hash);

/* Merging: each source offers a sorted piece of what it has left. */
struct index_source {
    const struct index_entry *v;
    size_t                    n, at;
    bool                      is_last; /* no piece follows this one */
};
/* index_merge - entries in order until out is full or a source needs its next
 * piece; entries below the lowest height are dropped.  Returns how many. */
size_t index_merge(struct index_entry *out, size_t cap,
                   struct index_source *sources, size_t n, int64_t lowest);

#endif
