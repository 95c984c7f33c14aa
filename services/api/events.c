#include "api/events.h"

#include "api/block_events.h"
#include "api/gojson.h"
#include "api/shell.h"
#include "api/socket.h"
#include "base/log.h"
#include "proto/store.pb-c.h"

#include <stdlib.h>

enum {
    POLL_US     = 500000,
    ASK_MS      = 5000,
    ARENA_BYTES = 1 << 30,
    TEXT_BYTES  = 512 << 20,
    SLICE       = 64, /* events at once, before others have their turn */
    SLICE_BYTES = 4 << 20,
};

struct events {
    struct shell        *shell;
    struct subscription *subscriptions, *cursor;
    int64_t              next, last; /* to be read; known to exist */
    bool                 is_busy;    /* with the height that is next */
    struct timer         poll;
    struct deferred      go_on;
    struct arena         arena; /* of that height */
    struct block_events  block;
    size_t               published;
};

/* ---- subscriptions ---- */

static struct span make_head(const struct rpc_id *id, struct span text)
{
    struct buf b;

    buf_init(&b, 1 << 24);
    rpc_begin_result(&b, id);
    buf_str(&b, "{\"query\":");
    gojson_quote(&b, text);
    buf_byte(&b, ',');
    must(!b.is_full);
    return buf_span(&b); /* freed with the subscription */
}

static struct span print(const struct query *q)
{
    struct buf b;

    buf_init(&b, 1 << 16);
    query_print(&b, q);
    return buf_span(&b);
}

static struct span wanted_event(const struct query *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].op == QUERY_EQ && q->v[i].arg == QUERY_STRING &&
            span_eq(q->v[i].tag, span_str("tm.event")))
            return q->v[i].text;
    return (struct span){ 0 };
}

struct subscription *subscription_new(const struct rpc_id *id, struct span text)
{
    enum { FOR_A_BYTE = 64 }; /* conditions are larger than their text */
    struct subscription *sub  = calloc(1, sizeof *sub);
    size_t               room = FOR_A_BYTE * (text.n + 16) + id->text.n;
    char                 said[64];
    struct buf           error;
    struct arena         a;

    must(sub != NULL);
    sub->memory = calloc(1, room);
    must(sub->memory != NULL);
    arena_use(&a, sub->memory, room);
    buf_use(&error, said, sizeof said);
    must(query_parse(&sub->query, text, &a, &error));
    sub->id      = *id;
    sub->id.text = arena_copy(&a, id->text);
    sub->printed = print(&sub->query);
    sub->head    = make_head(id, text);
    sub->event   = wanted_event(&sub->query);
    return sub;
}

void subscription_free(struct subscription *sub)
{
    free((void *)(uintptr_t)sub->printed.p);
    free((void *)(uintptr_t)sub->head.p);
    free(sub->memory);
    free(sub);
}

static void read_next(struct events *e);
static void reached(struct events *e, int64_t height);

void events_add(struct events *e, struct subscription *sub, int64_t current)
{
    if (!e->subscriptions) {
        e->last = current;
        e->next = current + 1;
        timer_set(&e->poll, POLL_US);
    }
    sub->events = e;
    sub->after  = current;
    sub->next   = e->subscriptions;
    sub->at     = &e->subscriptions;
    if (sub->next)
        sub->next->at = &sub->next;
    e->subscriptions = sub;
    reached(e, current);
}

void events_remove(struct subscription *sub)
{
    struct events *e = sub->events;

    if (!sub->at)
        return;
    if (e->cursor == sub)
        e->cursor = sub->next;
    *sub->at = sub->next;
    if (sub->next)
        sub->next->at = sub->at;
    sub->at = NULL;
}

/* ---- publishing ---- */

static void print_facts(struct json_writer *w, const struct event_data *d)
{
    jw_object(w);
    for (size_t i = 0; i < d->n; i++) {
        if (i == 0 || !span_eq(d->facts[i].tag, d->facts[i - 1].tag)) {
            if (i)
                jw_array_end(w);
            jw_key_span(w, d->facts[i].tag);
            jw_array(w);
        }
        jw_str(w, d->facts[i].value);
    }
    jw_array_end(w);
    jw_object_end(w);
}

/* The end of the message, from behind the query on; NULL when too large. */
static struct ws_text *print_event(const struct event_data *d)
{
    struct json_writer w;
    struct buf         b;
    struct ws_text    *text;

    buf_init(&b, TEXT_BYTES);
    buf_str(&b, "\"data\":");
    jw_init(&w, &b, 0);
    jw_object(&w);
    JW(&w, "type", cstr, d->type);
    jw_key(&w, "value");
    d->print(&w, d->value);
    jw_object_end(&w);
    buf_str(&b, ",\"events\":");
    jw_init(&w, &b, 0);
    print_facts(&w, d);
    buf_str(&b, "}}");
    if (b.is_full) {
        log_event(LOG_WARN, "an event is too large to be sent",
                  LOG_STR("event", d->name), LOG_INT("height", d->height));
        buf_fini(&b);
        return NULL;
    }
    text = ws_text_new(&b);
    return text;
}

static bool is_for(const struct subscription *sub, const struct event_data *d)
{
    return (d->height == 0 || d->height > sub->after) &&
           query_matches(&sub->query, d->facts, d->n);
}

void events_publish(struct events *e, const struct event_data *d)
{
    struct ws_text      *text = NULL;
    struct subscription *sub;

    for (e->cursor = e->subscriptions; (sub = e->cursor);) {
        e->cursor = sub->next;
        if (!is_for(sub, d))
            continue;
        if (!text)
            text = print_event(d);
        if (text)
            socket_event(sub, text);
    }
    if (text)
        ws_text_drop(text);
}

/* Would anybody want an event of this name?  One may ask for no name. */
static bool is_wanted(void *ctx, const char *name)
{
    struct events *e = ctx;

    for (const struct subscription *sub = e->subscriptions; sub;
         sub                            = sub->next)
        if (!sub->event.p || span_eq(sub->event, span_str(name)))
            return true;
    return false;
}

static void publish(void *ctx, const struct event_data *d)
{
    events_publish(ctx, d);
}

/* Some events of the block; then others have their turn. */
static void publish_some(void *ctx)
{
    struct events *e    = ctx;
    size_t         from = ws_texts_bytes(), mark = arena_mark(&e->arena);

    if (!e->is_busy)
        return;
    for (int i = 0; i < SLICE && ws_texts_bytes() < from + SLICE_BYTES; i++) {
        bool is_more = block_event(&e->block, e->published++, &e->arena,
                                   is_wanted, publish, e);

        arena_release(&e->arena, mark);
        if (is_more)
            continue;
        e->is_busy = false;
        e->next++;
        read_next(e);
        return;
    }
    deferred_set(&e->go_on);
}

/* ---- reading ---- */

static void ask_store(struct events *e, const Store__Request *req,
                      bus_reply_fn *fn)
{
    uint8_t packed[64];
    size_t  n = store__request__pack(req, packed);

    bus_request(e->shell->store, BUS_SERVICE, SPAN(packed, n), ASK_MS, fn, e,
                0);
}

static void ask_status(struct events *e);

/* The height cannot be read now: ask what is there. */
static void retry(struct events *e)
{
    e->is_busy = false;
    e->last    = e->next - 1; /* the poll tries again */
}

static Store__Reply *reply_of(enum err status, struct span body,
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

static struct span kept(struct events *e, ProtobufCBinaryData d)
{
    return arena_copy(&e->arena, SPAN(d.data, d.len));
}

static void got_results(void *ctx, uint64_t tag, enum err status,
                        const char *text, struct span body)
{
    struct events *e = ctx;
    Store__Reply  *r = reply_of(status, body, STORE__REPLY__KIND_RESULTS);
    bool           is_ok;

    UNUSED(tag);
    UNUSED(text);
    is_ok = r && r->results->results.len &&
            pb_decode(&abci_res_finalize_block_desc, &e->block.results,
                      &e->arena, kept(e, r->results->results)) == ACCEPT &&
            e->block.results.tx_results.n == e->block.block.data.txs.n;
    if (r)
        store__reply__free_unpacked(r, NULL);
    if (!is_ok) {
        retry(e);
        return;
    }
    e->published = 0;
    publish_some(e);
}

static void got_block(void *ctx, uint64_t tag, enum err status,
                      const char *text, struct span body)
{
    struct events    *e   = ctx;
    Store__Reply     *r   = reply_of(status, body, STORE__REPLY__KIND_BLOCK);
    Store__GetResults get = STORE__GET_RESULTS__INIT;
    Store__Request    req = STORE__REQUEST__INIT;
    bool              is_ok;

    UNUSED(tag);
    UNUSED(text);
    is_ok = r && r->block->block.len &&
            pb_decode(&block_meta_desc, &e->block.meta, &e->arena,
                      kept(e, r->block->meta)) == ACCEPT &&
            pb_decode(&block_desc, &e->block.block, &e->arena,
                      kept(e, r->block->block)) == ACCEPT;
    if (r)
        store__reply__free_unpacked(r, NULL);
    if (!is_ok) {
        retry(e);
        return;
    }
    get.height      = e->next;
    req.kind_case   = STORE__REQUEST__KIND_GET_RESULTS;
    req.get_results = &get;
    ask_store(e, &req, got_results);
}

static void read_next(struct events *e)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    if (e->is_busy || !e->subscriptions || e->next > e->last)
        return;
    arena_reset(&e->arena);
    e->is_busy    = true;
    get.height    = e->next;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    ask_store(e, &req, got_block);
}

static void reached(struct events *e, int64_t height)
{
    if (height > e->last)
        e->last = height;
    read_next(e);
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
    struct events *e = ctx;
    Store__Reply  *r = reply_of(status, body, STORE__REPLY__KIND_STATUS);

    UNUSED(tag);
    UNUSED(text);
    if (!r)
        return;
    if (!e->is_busy && e->next < r->status->lowest) {
        log_event(LOG_WARN, "heights are pruned before their events were read",
                  LOG_INT("from", e->next),
                  LOG_INT("lowest", r->status->lowest));
        e->next = r->status->lowest;
    }
    reached(e, r->status->state_height);
    store__reply__free_unpacked(r, NULL);
}

static void ask_status(struct events *e)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_store(e, &req, got_status);
}

static void on_poll(void *ctx)
{
    struct events *e = ctx;

    if (!e->subscriptions)
        return;
    ask_status(e);
    timer_set(&e->poll, POLL_US);
}

struct events *events_new(struct shell *s)
{
    struct events *e = calloc(1, sizeof *e);

    must(e != NULL);
    e->shell = s;
    arena_open(&e->arena, ARENA_BYTES);
    timer_init(&e->poll, s->svc->loop, on_poll, e);
    deferred_init(&e->go_on, s->svc->loop, publish_some, e);
    svc_subscribe(s->svc, "store", "height", on_height, e);
    return e;
}

void events_free(struct events *e)
{
    timer_fini(&e->poll);
    deferred_fini(&e->go_on);
    arena_close(&e->arena);
    free(e);
}
