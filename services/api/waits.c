#include "api/waits.h"

#include "model/block.h"
#include "proto/store.pb-c.h"

#include <stdlib.h>

enum {
    BUCKETS    = 4096,
    POLL_US    = 500000,
    ASK_MS     = 5000,
    LOOK_BACK  = 3, /* heights read again after a restart */
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
    struct shell *shell;
    struct wait  *bucket[BUCKETS];
    size_t        count;
    int64_t       seen, last; /* heights: read, known to exist */
    bool          is_reading;
    struct timer  poll;
    struct arena  arena;
};

static void read_next(struct waits *w);

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
        timer_set(&w->poll, POLL_US);
    timer_init(&x->timeout, w->shell->svc->loop, timed_out, x);
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

static void got_block(void *ctx, uint64_t tag, enum err status,
                      const char *text, struct span body)
{
    struct waits *w = ctx;
    Store__Reply *r = NULL;
    struct block  b;

    UNUSED(tag);
    UNUSED(text);
    w->is_reading = false;
    if (status == OK)
        r = store__reply__unpack(NULL, body.n, body.p);
    if (!r || r->kind_case != STORE__REPLY__KIND_BLOCK) {
        w->last = w->seen; /* the poll tries again */
    } else {
        w->seen++;
        arena_reset(&w->arena);
        if (pb_decode(&block_desc, &b, &w->arena,
                      SPAN(r->block->block.data, r->block->block.len)) ==
            ACCEPT)
            settle(w, &b);
    }
    if (r)
        store__reply__free_unpacked(r, NULL);
    read_next(w);
}

static void send_store(struct waits *w, const Store__Request *req,
                       bus_reply_fn *fn)
{
    uint8_t packed[64];
    size_t  n = store__request__pack(req, packed);

    bus_request(w->shell->store, BUS_SERVICE, SPAN(packed, n), ASK_MS, fn, w,
                0);
}

static void read_next(struct waits *w)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    if (w->is_reading || w->seen >= w->last)
        return;
    if (w->count == 0) {
        w->seen = w->last;
        return;
    }
    get.height    = w->seen + 1;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    w->is_reading = true;
    send_store(w, &req, got_block);
}

static void reached(struct waits *w, int64_t height)
{
    if (w->seen == 0)
        w->seen = height > LOOK_BACK ? height - LOOK_BACK : 0;
    if (height > w->last)
        w->last = height;
    read_next(w);
}

static void on_height(void *ctx, const char *topic, struct span body)
{
    Store__Height *h = store__height__unpack(NULL, body.n, body.p);

    UNUSED(topic);
    if (!h)
        return;
    reached(ctx, h->height);
    store__height__free_unpacked(h, NULL);
}

static void got_status(void *ctx, uint64_t tag, enum err status,
                       const char *text, struct span body)
{
    Store__Reply *r =
        status == OK ? store__reply__unpack(NULL, body.n, body.p) : NULL;

    UNUSED(tag);
    UNUSED(text);
    if (!r)
        return;
    if (r->kind_case == STORE__REPLY__KIND_STATUS)
        reached(ctx, r->status->state_height);
    store__reply__free_unpacked(r, NULL);
}

static void on_poll(void *ctx)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;
    struct waits    *w   = ctx;

    if (w->count == 0)
        return;
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    send_store(w, &req, got_status);
    timer_set(&w->poll, POLL_US);
}

struct waits *waits_new(struct shell *s)
{
    struct waits *w = calloc(1, sizeof *w);

    must(w != NULL);
    w->shell = s;
    arena_open(&w->arena, ARENA_SIZE);
    timer_init(&w->poll, s->svc->loop, on_poll, w);
    svc_subscribe(s->svc, "store", "height", on_height, w);
    return w;
}

void waits_free(struct waits *w)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (w->bucket[i])
            waits_remove(w->bucket[i]);
    timer_fini(&w->poll);
    arena_close(&w->arena);
    free(w);
}
