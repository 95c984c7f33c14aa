#include "api/waits.h"

#include "api/heights.h"
#include "model/block.h"

#include <stdlib.h>

enum {
    BUCKETS    = 4096,
    ARENA_SIZE = 1 << 30,
};

struct wait {
    struct waits *waits;
    struct hash   hash;
    struct wait  *next;
    struct timer  timeout;
    void (*fn)(void *ctx, bool is_committed);
    void *ctx;
};

struct waits {
    struct loop   *loop;
    struct wait   *bucket[BUCKETS];
    size_t         count;
    struct heights heights;
    struct arena   arena; /* of the block that is looked through */
};

static struct wait **place(struct waits *w, const struct hash *h)
{
    return &w->bucket[load_be32(h->b) % BUCKETS];
}

void waits_remove(struct wait *x)
{
    struct wait **at = place(x->waits, &x->hash);

    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->waits->count--;
    timer_fini(&x->timeout);
    free(x);
}

static void end(struct wait *x, bool is_committed)
{
    void (*fn)(void *, bool) = x->fn;
    void *ctx                = x->ctx;

    waits_remove(x);
    fn(ctx, is_committed);
}

static void timed_out(void *x)
{
    end(x, false);
}

struct wait *waits_add(struct waits *w, const struct hash *hash,
                       uint64_t timeout_us,
                       void (*fn)(void *ctx, bool is_committed), void *ctx)
{
    struct wait *x, **at = place(w, hash);

    if (w->count >= WAITS_MAX)
        return NULL;
    x = calloc(1, sizeof *x);
    must(x != NULL);
    *x      = (struct wait){ .waits = w, .hash = *hash, .fn = fn, .ctx = ctx };
    x->next = *at;
    *at     = x;
    if (w->count++ == 0)
        heights_follow(&w->heights, 0);
    timer_init(&x->timeout, w->loop, timed_out, x);
    timer_set(&x->timeout, timeout_us);
    return x;
}

static void settle(struct waits *w, const struct block *b)
{
    struct hash h;

    for (size_t i = 0; i < b->data.txs.n && w->count; i++) {
        struct wait *x, *next;

        tx_hash(&h, b->data.txs.v[i]);
        for (x = *place(w, &h); x; x = next) {
            next = x->next;
            if (hash_eq(&x->hash, &h))
                end(x, true);
        }
    }
}

static void on_block(void *ctx, const Store__Block *stored)
{
    struct waits *w = ctx;
    struct block  b;

    arena_reset(&w->arena);
    if (pb_decode(&block_desc, &b, &w->arena,
                  SPAN(stored->block.data, stored->block.len)) == ACCEPT)
        settle(w, &b);
    heights_done(&w->heights, true);
}

static bool is_wanted(void *ctx)
{
    const struct waits *w = ctx;

    return w->count > 0;
}

struct waits *waits_new(struct shell *s)
{
    static const struct heights_fns fns = { is_wanted, on_block };
    struct waits                   *w   = calloc(1, sizeof *w);

    must(w != NULL);
    w->loop = s->svc->loop;
    arena_open(&w->arena, ARENA_SIZE);
    heights_open(&w->heights, s, &fns, w);
    return w;
}

void waits_free(struct waits *w)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (w->bucket[i])
            waits_remove(w->bucket[i]);
    heights_close(&w->heights);
    arena_close(&w->arena);
    free(w);
}
