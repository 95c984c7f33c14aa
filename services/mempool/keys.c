#include "mempool/keys.h"

void keys_init(struct keys *k, const void *records, size_t stride, size_t count,
               uint64_t seed, struct arena *a)
{
    size_t n = 16;

    while (n < count * 2)
        n *= 2;
    *k = (struct keys){ .slot    = arena_newn(a, struct key_slot, n),
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

/* Its low bits are where a key would like to be.  No more of the key counts
 * than the prefix. */
static uint32_t tag_of(const struct keys *k, const uint8_t *key)
{
    uint64_t h = (load_le64(key) ^ k->seed) * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ h >> 32 ^ load_le64(key + 8)) * k->seed;
    return (uint32_t)(h >> 20);
}

/* The slot whose key begins with these n bytes, or the free one where the
 * search ends. */
static struct key_slot *probe_n(const struct keys *k, const uint8_t *key,
                                size_t n)
{
    uint32_t         tag = tag_of(k, key);
    size_t           i   = tag & k->mask;
    struct key_slot *s;

    for (s = &k->slot[i]; s->record; s = &k->slot[i]) {
        if (s->tag == tag && memcmp(key_of(k, s->record - 1), key, n) == 0)
            break;
        i = (i + 1) & k->mask;
    }
    return s;
}

static struct key_slot *probe(const struct keys *k, const uint8_t *key)
{
    return probe_n(k, key, HASH_BYTES);
}

uint32_t keys_find(const struct keys *k, const uint8_t key[HASH_BYTES])
{
    return probe(k, key)->record - 1; /* 0 - 1 is KEYS_NONE */
}

uint32_t keys_find_prefix(const struct keys *k,
                          const uint8_t      prefix[KEYS_PREFIX_BYTES])
{
    return probe_n(k, prefix, KEYS_PREFIX_BYTES)->record - 1;
}

void keys_add(struct keys *k, uint32_t record)
{
    struct key_slot *s = probe(k, key_of(k, record));

    must(s->record == 0);
    *s = (struct key_slot){ record + 1, tag_of(k, key_of(k, record)) };
}

void keys_del(struct keys *k, uint32_t record)
{
    struct key_slot *s    = probe(k, key_of(k, record));
    size_t           hole = (size_t)(s - k->slot);

    must(s->record == record + 1);
    for (size_t i = (hole + 1) & k->mask; k->slot[i].record;
         i        = (i + 1) & k->mask) {
        size_t want = k->slot[i].tag & k->mask;

        /* Move it unless it stands between its home and the hole. */
        if (((i - want) & k->mask) < ((i - hole) & k->mask))
            continue;
        k->slot[hole] = k->slot[i];
        hole          = i;
    }
    k->slot[hole] = (struct key_slot){ 0 };
}

void keys_clear(struct keys *k)
{
    memset(k->slot, 0, (k->mask + 1) * sizeof *k->slot);
}
