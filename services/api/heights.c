#include "api/heights.h"

#include "base/log.h"

enum {
    POLL_US   = 500000,
    ASK_MS    = 5000,
    LOOK_BACK = 3, /* heights read again after a restart */
};

void heights_ask(struct heights *h, const Store__Request *req, bus_reply_fn *fn,
                 void *ctx)
{
    uint8_t packed[64];
    size_t  n = store__request__pack(req, packed);

    bus_request(h->shell->store, BUS_SERVICE, SPAN(packed, n), ASK_MS, fn, ctx,
                0);
}

Store__Reply *heights_reply(enum err status, struct span body,
                            Store__Reply__KindCase kind)
{
    Store__Reply *r =
        status == OK ? store__reply__unpack(NULL, body.n, body.p) : NULL;

    if (r && r->kind_case != kind) {
        store__reply__free_unpacked(r, NULL);
        r = NULL;
    }
    return r;
}

/* ---- blocks ---- */

static void got_block(void *ctx, uint64_t tag, enum err status,
                      const char *text, struct span body)
{
    struct heights *h = ctx;
    Store__Reply   *r = heights_reply(status, body, STORE__REPLY__KIND_BLOCK);

    UNUSED(tag);
    UNUSED(text);
    if (r && r->block->block.len)
        h->fns->block(h->ctx, r->block);
    else
        heights_done(h, false);
    if (r)
        store__reply__free_unpacked(r, NULL);
}

static void read_next(struct heights *h)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    if (h->reading || h->next > h->last)
        return;
    if (!h->fns->is_wanted(h->ctx)) {
        h->next = h->last + 1;
        return;
    }
    h->reading    = h->next;
    get.height    = h->next;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    heights_ask(h, &req, got_block, h);
}

void heights_done(struct heights *h, bool is_ok)
{
    if (h->next == h->reading && is_ok)
        h->next++;
    else if (h->next == h->reading)
        h->last = h->next - 1; /* the poll tries again */
    h->reading = 0;
    read_next(h);
}

/* ---- heights ---- */

static void reached(struct heights *h, int64_t height)
{
    if (h->next == 0)
        h->next = height > LOOK_BACK ? height - LOOK_BACK + 1 : 1;
    if (height > h->last)
        h->last = height;
    read_next(h);
}

static void on_height(void *ctx, const char *topic, struct span body)
{
    Store__Height *hint = store__height__unpack(NULL, body.n, body.p);

    UNUSED(topic);
    if (!hint)
        return;
    reached(ctx, hint->height);
    store__height__free_unpacked(hint, NULL);
}

static void got_status(void *ctx, uint64_t tag, enum err status,
                       const char *text, struct span body)
{
    struct heights *h = ctx;
    Store__Reply   *r = heights_reply(status, body, STORE__REPLY__KIND_STATUS);

    UNUSED(tag);
    UNUSED(text);
    if (!r)
        return;
    if (h->next && h->next < r->status->lowest && !h->reading) {
        log_event(LOG_WARN, "heights are pruned before they were read",
                  LOG_INT("from", h->next),
                  LOG_INT("lowest", r->status->lowest));
        h->next = r->status->lowest;
    }
    reached(h, r->status->state_height);
    store__reply__free_unpacked(r, NULL);
}

static void on_poll(void *ctx)
{
    struct heights  *h   = ctx;
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    if (!h->fns->is_wanted(h->ctx))
        return;
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    heights_ask(h, &req, got_status, h);
    timer_set(&h->poll, POLL_US);
}

void heights_follow(struct heights *h, int64_t current)
{
    timer_set(&h->poll, POLL_US);
    if (!current)
        return;
    h->next = current + 1;
    reached(h, current);
}

void heights_open(struct heights *h, struct shell *s,
                  const struct heights_fns *fns, void *ctx)
{
    *h = (struct heights){ .shell = s, .fns = fns, .ctx = ctx };
    timer_init(&h->poll, s->svc->loop, on_poll, h);
    svc_subscribe(s->svc, "store", "height", on_height, h);
}

void heights_close(struct heights *h)
{
    timer_fini(&h->poll);
}
