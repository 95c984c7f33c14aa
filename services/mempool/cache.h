/* cache - the transactions seen lately, so as not to ask about them again.
 *
 * Source:  CometBFT v0.38 mempool/cache.go: least recently pushed goes first;
 *          pushing a key again makes it the most recent.
 * Memory:  its arrays are made once, in the arena. */
#ifndef WARREN_MEMPOOL_CACHE_H
#define WARREN_MEMPOOL_CACHE_H

#include "mempool/keys.h"

struct cache_entry {
    uint8_t  key[HASH_BYTES];
    uint32_t prev, next; /* by age; KEYS_NONE at the ends */
    uint64_t origin;     /* the request that brought it, 0: unknown */
    bool     is_done;    /* a block has it */
};

struct cache {
    struct cache_entry *v;
    struct keys         keys;
    uint32_t            oldest, newest, free;
    size_t              n, max; /* max 0: remembers nothing */
};

void cache_init(struct cache *c, size_t max, uint64_t seed, struct arena *a);
/* cache_push - false when it was there. */
bool     cache_push(struct cache *c, const uint8_t key[HASH_BYTES]);
void     cache_remove(struct cache *c, const uint8_t key[HASH_BYTES]);
void     cache_set_origin(struct cache *c, const uint8_t key[HASH_BYTES],
                          uint64_t origin);
uint64_t cache_origin(const struct cache *c, const uint8_t key[HASH_BYTES]);
/* cache_set_done - as long as it is here, it stays so. */
void cache_set_done(struct cache *c, const uint8_t key[HASH_BYTES]);
bool cache_is_done(const struct cache *c, const uint8_t key[HASH_BYTES]);
bool cache_has(const struct cache *c, const uint8_t key[HASH_BYTES]);
void cache_clear(struct cache *c);

#endif
