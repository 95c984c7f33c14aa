#include "mempool/cache.h"

void cache_clear(struct cache *c)
{
    keys_clear(&c->keys);
    c->oldest = c->newest = KEYS_NONE;
    c->n                  = 0;
    c->free               = c->max ? 0 : KEYS_NONE;
    for (size_t i = 0; i < c->max; i++)
        c->v[i].next = i + 1 < c->max ? (uint32_t)i + 1 : KEYS_NONE;
}

void cache_init(struct cache *c, size_t max, uint64_t seed, struct arena *a)
{
    *c   = (struct cache){ .max = max };
    c->v = arena_newn(a, struct cache_entry, max);
    must(c->v != NULL);
    keys_init(&c->keys, c->v, sizeof *c->v, max, seed, a);
    cache_clear(c);
}

static void unlink_entry(struct cache *c, uint32_t i)
{
    const struct cache_entry *e = &c->v[i];

    if (e->prev == KEYS_NONE)
        c->oldest = e->next;
    else
        c->v[e->prev].next = e->next;
    if (e->next == KEYS_NONE)
        c->newest = e->prev;
    else
        c->v[e->next].prev = e->prev;
}

static void link_newest(struct cache *c, uint32_t i)
{
    c->v[i].prev = c->newest;
    c->v[i].next = KEYS_NONE;
    if (c->newest == KEYS_NONE)
        c->oldest = i;
    else
        c->v[c->newest].next = i;
    c->newest = i;
}

static void drop(struct cache *c, uint32_t i)
{
    keys_del(&c->keys, i);
    unlink_entry(c, i);
    c->v[i].next = c->free;
    c->free      = i;
    c->n--;
}

bool cache_push(struct cache *c, const uint8_t key[HASH_BYTES])
{
    uint32_t i = keys_find(&c->keys, key);

    if (i != KEYS_NONE) {
        unlink_entry(c, i);
        link_newest(c, i);
        return false;
    }
    if (c->max == 0)
        return true;
    if (c->n == c->max)
        drop(c, c->oldest);
    i       = c->free;
    c->free = c->v[i].next;
    memcpy(c->v[i].key, key, HASH_BYTES);
    c->v[i].origin  = 0;
    c->v[i].is_done = false;
    link_newest(c, i);
    keys_add(&c->keys, i);
    c->n++;
    return true;
}

void cache_remove(struct cache *c, const uint8_t key[HASH_BYTES])
{
    uint32_t i = keys_find(&c->keys, key);

    if (i != KEYS_NONE)
        drop(c, i);
}

bool cache_has(const struct cache *c, const uint8_t key[HASH_BYTES])
{
    return keys_find(&c->keys, key) != KEYS_NONE;
}

void cache_set_origin(struct cache *c, const uint8_t key[HASH_BYTES],
                      uint64_t origin)
{
    uint32_t i = keys_find(&c->keys, key);

    if (i != KEYS_NONE)
        c->v[i].origin = origin;
}

uint64_t cache_origin(const struct cache *c, const uint8_t key[HASH_BYTES])
{
    uint32_t i = keys_find(&c->keys, key);

    return i == KEYS_NONE ? 0 : c->v[i].origin;
}

void cache_set_done(struct cache *c, const uint8_t key[HASH_BYTES])
{
    uint32_t i = keys_find(&c->keys, key);

    if (i != KEYS_NONE)
        c->v[i].is_done = true;
}

bool cache_is_done(const struct cache *c, const uint8_t key[HASH_BYTES])
{
    uint32_t i = keys_find(&c->keys, key);

    return i != KEYS_NONE && c->v[i].is_done;
}
