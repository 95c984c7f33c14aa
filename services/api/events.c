#include "api/events.h"

#include "api/block_events.h"
#include "api/gojson.h"
#include "api/heights.h"
#include "api/shell.h"
#include "api/socket.h"
#include "base/log.h"

#include <stdlib.h>

enum {
    ARENA_BYTES = 1 << 30,
    TEXT_BYTES  = 512 << 20,
    SLICE       = 64, /* events at once, before others have their turn */
    SLICE_BYTES = 4 << 20,
};

struct events {
    struct subscription *subscriptions, *cursor;
    struct heights       heights;
    bool                 is_publishing;
    struct deferred      go_on;
    struct arena         arena; /* of the block that is published */
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

void events_add(struct events *e, struct subscription *sub, int64_t current)
{
    bool is_first = !e->subscriptions;

    sub->events = e;
    sub->after  = current;
    sub->next   = e->subscriptions;
    sub->at     = &e->subscriptions;
    if (sub->next)
        sub->next->at = &sub->next;
    e->subscriptions = sub;
    if (is_first)
        heights_follow(&e->heights, current);
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

    if (!e->is_publishing)
        return;
    for (int i = 0; i < SLICE && ws_texts_bytes() < from + SLICE_BYTES; i++) {
        bool is_more = block_event(&e->block, e->published++, &e->arena,
                                   is_wanted, publish, e);

        arena_release(&e->arena, mark);
        if (is_more)
            continue;
        e->is_publishing = false;
        heights_done(&e->heights, true);
        return;
    }
    deferred_set(&e->go_on);
}

/* ---- reading ---- */

static struct span kept(struct events *e, ProtobufCBinaryData d)
{
    return arena_copy(&e->arena, SPAN(d.data, d.len));
}

static void got_results(void *ctx, uint64_t tag, enum err status,
                        const char *text, struct span body)
{
    struct events *e = ctx;
    Store__Reply  *r = heights_reply(status, body, STORE__REPLY__KIND_RESULTS);
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
        heights_done(&e->heights, false);
        return;
    }
    e->is_publishing = true;
    e->published     = 0;
    publish_some(e);
}

static void on_block(void *ctx, const Store__Block *b)
{
    struct events    *e   = ctx;
    Store__GetResults get = STORE__GET_RESULTS__INIT;
    Store__Request    req = STORE__REQUEST__INIT;

    arena_reset(&e->arena);
    if (pb_decode(&block_meta_desc, &e->block.meta, &e->arena,
                  kept(e, b->meta)) != ACCEPT ||
        pb_decode(&block_desc, &e->block.block, &e->arena, kept(e, b->block)) !=
            ACCEPT) {
        heights_done(&e->heights, false);
        return;
    }
    get.height      = e->heights.reading;
    req.kind_case   = STORE__REQUEST__KIND_GET_RESULTS;
    req.get_results = &get;
    heights_ask(&e->heights, &req, got_results, e);
}

static bool is_followed(void *ctx)
{
    const struct events *e = ctx;

    return e->subscriptions != NULL;
}

struct events *events_new(struct shell *s)
{
    static const struct heights_fns fns = { is_followed, on_block };
    struct events                  *e   = calloc(1, sizeof *e);

    must(e != NULL);
    arena_open(&e->arena, ARENA_BYTES);
    deferred_init(&e->go_on, s->svc->loop, publish_some, e);
    heights_open(&e->heights, s, &fns, e);
    return e;
}

void events_free(struct events *e)
{
    heights_close(&e->heights);
    deferred_fini(&e->go_on);
    arena_close(&e->arena);
    free(e);
}
