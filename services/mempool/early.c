#include "mempool/early.h"

void early_init(struct early *e, uint64_t seed, struct arena *a)
{
    *e = (struct early){ .v    = arena_newn(a, struct early_entry, EARLY_MAX),
                         .seed = seed | 1 };
    must(e->v != NULL);
}

static struct early_entry *entry_of(const struct early *e,
                                    const uint8_t      *prefix)
{
    uint64_t h = (load_le64(prefix) ^ load_le64(prefix + 8)) * e->seed;

    return &e->v[(h >> 32) % EARLY_MAX];
}

void early_note(struct early *e, const uint8_t prefix[KEYS_PREFIX_BYTES],
                uint64_t peers)
{
    struct early_entry *n = entry_of(e, prefix);

    if (memcmp(n->prefix, prefix, KEYS_PREFIX_BYTES) != 0) {
        memcpy(n->prefix, prefix, KEYS_PREFIX_BYTES);
        n->peers = 0;
    }
    n->peers |= peers;
}

uint64_t early_take(struct early *e, const uint8_t prefix[KEYS_PREFIX_BYTES])
{
    struct early_entry *n     = entry_of(e, prefix);
    uint64_t            peers = 0;

    if (memcmp(n->prefix, prefix, KEYS_PREFIX_BYTES) == 0) {
        peers    = n->peers;
        n->peers = 0;
    }
    return peers;
}

void early_forget(struct early *e, uint64_t bit)
{
    for (size_t i = 0; i < EARLY_MAX; i++)
        e->v[i].peers &= ~bit;
}
