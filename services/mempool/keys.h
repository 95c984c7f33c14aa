/* keys - find the record of a 32-byte key among an array of records.
 *
 * Source:  linear probing with deletion by shifting back (Knuth, 6.4 R).
 * Shapes:  records stand in the owner's array; a key is at the start of each.
 *          At most half of the table is in use.
 * Memory:  the table is made once, in the arena.  The seed keeps senders from
 *          choosing keys that collide. */
#ifndef WARREN_MEMPOOL_KEYS_H
#define WARREN_MEMPOOL_KEYS_H

#include "base/arena.h"
#include "base/limits.h"

enum { KEYS_NONE = UINT32_MAX, KEYS_PREFIX_BYTES = 16 };

struct key_slot {
    uint32_t record; /* its index + 1, 0: free */
    uint32_t tag;    /* of its key: most searches need not look there */
};

struct keys {
    struct key_slot *slot;
    size_t           mask;
    uint64_t         seed;
    const uint8_t   *records;
    size_t           stride;
};

/* keys_init - for up to count records; aborts when the arena is full. */
void keys_init(struct keys *k, const void *records, size_t stride, size_t count,
               uint64_t seed, struct arena *a);

/* keys_find - the index of its record, or KEYS_NONE. */
uint32_t keys_find(const struct keys *k, const uint8_t key[HASH_BYTES]);
/* keys_find_prefix - a record whose key begins so, or KEYS_NONE. */
uint32_t keys_find_prefix(const struct keys *k,
                          const uint8_t      prefix[KEYS_PREFIX_BYTES]);
void     keys_add(struct keys *k, uint32_t record); /* not there yet */
void     keys_del(struct keys *k, uint32_t record); /* there, still intact */
void     keys_clear(struct keys *k);

#endif
