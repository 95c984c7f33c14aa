/* early - who has transactions that are not here yet.
 *
 * Shapes:  a transaction is known by the first bytes of its hash.  What is
 *          noted may be forgotten for something newer: then a peer is sent
 *          what it has, and nothing worse.
 * Memory:  one table, made once, in the arena. */
#ifndef WARREN_MEMPOOL_EARLY_H
#define WARREN_MEMPOOL_EARLY_H

#include "mempool/keys.h"

enum { EARLY_MAX = 4096 };

struct early_entry {
    uint8_t  prefix[KEYS_PREFIX_BYTES];
    uint64_t peers; /* a bit for each */
};

struct early {
    struct early_entry *v;
    uint64_t            seed;
};

void early_init(struct early *e, uint64_t seed, struct arena *a);
void early_note(struct early *e, const uint8_t prefix[KEYS_PREFIX_BYTES],
                uint64_t peers);
/* early_take - who has it; then it is forgotten here. */
uint64_t early_take(struct early *e, const uint8_t prefix[KEYS_PREFIX_BYTES]);
/* early_forget - that bit means another peer from now on. */
void early_forget(struct early *e, uint64_t bit);

#endif
