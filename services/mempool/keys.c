#include "mempool/keys.h"

void keys_init(struct keys *k, const void *records, size_t stride, size_t count,
               uint64_t seed, struct arena *a)
{
    size_t n = 16;

    while (n < count * 2)
        n *= 2;
    *k = (struct keys){ .slot    = arena_newn(a, uint32_t, n),
                        .mask    = n - 1,
                        .seed    = seed | 1,
                        .records = records,
                        .stride  = stride };
    must(k->slot != NULL);
}

static const uint8_t *key_of(const struct keys *k, uint32_t record)
{
    return k->records + record * k->stride;
}

/* Where a key would like to be: no more of it counts than the prefix. */
static size_t home(const struct keys *k, const uint8_t *key)
{
    uint64_t h = (load_le64(key) ^ k->seed) * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ h >> 32 ^ load_le64(key + 8)) * k->seed;
    return (size_t)(h >> 20) & k->mask;
}

/* The slot whose key begins with these n bytes, or the free one where the
 * search ends. */
static size_t probe_n(const struct keys *k, const uint8_t *key, size_t n)
{
    size_t i = home(k, key);

    while (k->slot[i] && memcmp(key_of(k, k->slot[i] - 1), key, n) != 0)
        i = (i + 1) & k->mask;
    return i;
}

static size_t probe(const struct keys *k, const uint8_t *key)
{
    return probe_n(k, key, HASH_BYTES);
}

uint32_t keys_find(const struct keys *k, const uint8_t key[HASH_BYTES])
{
    return k->slot[probe(k, key)] - 1; /* 0 - 1 is KEYS_NONE */
}

uint32_t keys_find_prefix(const struct keys *k,
                          const uint8_t      prefix[KEYS_PREFIX_BYTES])
{
    return k->slot[probe_n(k, prefix, KEYS_PREFIX_BYTES)] - 1;
}

void keys_add(struct keys *k, uint32_t record)
{
    size_t i = probe(k, key_of(k, record));

    must(k->slot[i] == 0);
    k->slot[i] = record + 1;
}

void keys_del(struct keys *k, uint32_t record)
{
    size_t hole = probe(k, key_of(k, record));

    must(k->slot[hole] == record + 1);
    for (size_t i = (hole + 1) & k->mask; k->slot[i]; i = (i + 1) & k->mask) {
        size_t want = home(k, key_of(k, k->slot[i] - 1));

        /* Move it unless it stands between its home and the hole. */
        if (((i - want) & k->mask) < ((i - hole) & k->mask))
            continue;
        k->slot[hole] = k->slot[i];
        hole          = i;
    }
    k->slot[hole] = 0;
}

void keys_clear(struct keys *k)
{
    memset(k->slot, 0, (k->mask + 1) * sizeof *k->slot);
}
