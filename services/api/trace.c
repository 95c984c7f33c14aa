/* trace - what the services of this node remember of one transaction.
 *
 * Each keeps its own records (svc/trace.h) and is asked for them; the store
 * tells the height, or else the mempool's records do, and then the services
 * are asked again, as steps of a block are kept by height.  At most twenty
 * traces a second: a service looks through all of its memory for one. */
#include "svc/trace.h"
#include "api/methods.h"

#include <stdlib.h>

enum { ASK_MS = 2000, PAUSE_US = 50000, BURST = 20 };

struct member {
    struct tracing     *tracing;
    const char         *name;
    const Admin__Trace *trace; /* NULL: did not answer */
};

struct tracing {
    struct call  *call;
    int64_t       height;
    struct member members[NEIGHBOURS_MAX + 1];
    size_t        count, pending;
    bool          is_asked; /* with the height */
};

struct step {
    const char                 *service;
    const Admin__Trace__Record *record;
};

/* ---- the answer ---- */

static int by_time(const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    return (x->record->time_us > y->record->time_us) -
           (x->record->time_us < y->record->time_us);
}

/* All records of all services, by their time. */
static struct step *steps_of(const struct tracing *t, size_t *n)
{
    struct step *all;

    *n = 0;
    for (size_t i = 0; i < t->count; i++)
        *n += t->members[i].trace ? t->members[i].trace->n_records : 0;
    all = arena_newn(t->call->arena, struct step, *n + 1);
    *n  = 0;
    for (size_t i = 0; all && i < t->count; i++) {
        const struct member *m = &t->members[i];

        for (size_t k = 0; m->trace && k < m->trace->n_records; k++)
            all[(*n)++] = (struct step){ m->name, m->trace->records[k] };
    }
    if (*n)
        qsort(all, *n, sizeof *all, by_time);
    return all;
}

static struct stamp stamp_of(int64_t us)
{
    if (us < 0) /* another service's word */
        us = 0;
    return (struct stamp){ us / 1000000, (int32_t)(us % 1000000 * 1000) };
}

static void put_step(struct json_writer *w, const struct step *s)
{
    jw_object(w);
    JW(w, "time", stamp, stamp_of(s->record->time_us));
    JW(w, "service", cstr, s->service);
    JW(w, "step", cstr, s->record->stage);
    if (s->record->height)
        JW(w, "height", int_text, s->record->height);
    if (s->record->round)
        JW(w, "round", int, s->record->round);
    if (*s->record->peer)
        JW(w, "peer", cstr, s->record->peer);
    if (s->record->code)
        JW(w, "code", int, s->record->code);
    jw_object_end(w);
}

static void put_service(struct json_writer *w, const struct member *m)
{
    jw_object(w);
    JW(w, "service", cstr, m->name);
    JW(w, "answers", bool, m->trace != NULL);
    if (m->trace && m->trace->since_us) {
        JW(w, "since", stamp, stamp_of(m->trace->since_us));
        JW(w, "is_overrun", bool, m->trace->is_overrun);
    }
    jw_object_end(w);
}

static void finish(struct tracing *t)
{
    struct call *c = t->call;
    size_t       n;
    struct step *all = steps_of(t, &n);

    jw_object(&c->w);
    JW(&c->w, "hash", hex_upper, c->args[0].bytes);
    JW(&c->w, "height", int_text, t->height);
    jw_key(&c->w, "steps");
    jw_array(&c->w);
    for (size_t i = 0; i < n; i++)
        put_step(&c->w, &all[i]);
    jw_array_end(&c->w);
    jw_key(&c->w, "services");
    jw_array(&c->w);
    for (size_t i = 0; i < t->count; i++)
        put_service(&c->w, &t->members[i]);
    jw_array_end(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

/* ---- asking ---- */

static void *arena_take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void arena_keep(void *arena, void *p)
{
    UNUSED(arena);
    UNUSED(p);
}

static void ask_all(struct tracing *t);

/* The height, as the mempool was told it. */
static int64_t height_in(const struct tracing *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const Admin__Trace *trace = t->members[i].trace;

        for (size_t k = 0; trace && k < trace->n_records; k++)
            if (trace->records[k]->height > 0)
                return trace->records[k]->height;
    }
    return 0;
}

static void all_answered(struct tracing *t)
{
    if (!t->is_asked)
        t->height = height_in(t);
    if (!t->is_asked && t->height > 0)
        ask_all(t);
    else
        finish(t);
}

/* Somebody else's process may leave out what it likes. */
static void answered(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body)
{
    struct member     *m     = ctx;
    ProtobufCAllocator alloc = { arena_take, arena_keep,
                                 m->tracing->call->arena };
    Admin__Reply      *r     = NULL;

    UNUSED(tag);
    UNUSED(text);
    if (status == OK)
        r = admin__reply__unpack(&alloc, body.n, body.p);
    m->trace = r && r->kind_case == ADMIN__REPLY__KIND_TRACE ? r->trace : NULL;
    if (--m->tracing->pending == 0)
        all_answered(m->tracing);
}

/* Our own records, copied: the memory is the next caller's. */
static void add_own(struct tracing *t)
{
    ProtobufCAllocator alloc = { arena_take, arena_keep, t->call->arena };
    Admin__Trace       own;
    size_t             n;
    uint8_t           *p;

    trace_answer(&own, t->call->args[0].bytes.p, t->height);
    n = admin__trace__get_packed_size(&own);
    p = arena_alloc(t->call->arena, n + 1);
    if (p)
        admin__trace__pack(&own, p);
    t->members[t->count++] =
        (struct member){ t, "api",
                         p ? admin__trace__unpack(&alloc, n, p) : NULL };
}

/* The others carry bytes, sign them or test, whatever they are about. */
static bool keeps_records(const char *service)
{
    return strcmp(service, "p2p") != 0 && strcmp(service, "signer") != 0 &&
           strcmp(service, "kvstore") != 0;
}

static void ask_all(struct tracing *t)
{
    struct shell   *s   = t->call->shell;
    Admin__GetTrace get = ADMIN__GET_TRACE__INIT;
    Admin__Request  req = ADMIN__REQUEST__INIT;
    uint8_t         packed[128];
    size_t          n;

    get.tx.data   = (uint8_t *)(uintptr_t)t->call->args[0].bytes.p;
    get.tx.len    = HASH_BYTES;
    get.height    = t->height;
    req.kind_case = ADMIN__REQUEST__KIND_GET_TRACE;
    req.get_trace = &get;
    n             = admin__request__pack(&req, packed);
    t->is_asked   = t->height > 0;
    t->count      = 0;
    add_own(t);
    t->pending = 0;
    for (size_t i = 0; i < s->neighbour_count; i++) {
        struct member *m = &t->members[t->count];

        if (!keeps_records(s->neighbours[i].name))
            continue;
        t->count++;
        t->pending++;
        *m = (struct member){ t, s->neighbours[i].name, NULL };
        bus_request(s->neighbours[i].client, BUS_ADMIN, SPAN(packed, n), ASK_MS,
                    answered, m, 0);
    }
}

/* ---- which height? ---- */

static void found(void *ctx, uint64_t tag, enum err status, const char *text,
                  struct span body)
{
    struct tracing    *t     = ctx;
    ProtobufCAllocator alloc = { arena_take, arena_keep, t->call->arena };
    Store__Reply      *r     = NULL;

    UNUSED(tag);
    UNUSED(text);
    if (status == OK)
        r = store__reply__unpack(&alloc, body.n, body.p);
    if (r && r->kind_case == STORE__REPLY__KIND_TX)
        t->height = r->tx->height;
    ask_all(t);
}

static bool is_too_soon(struct shell *s)
{
    uint64_t now = now_us();

    if (s->traced_us + BURST * PAUSE_US < now)
        s->traced_us = now - BURST * PAUSE_US;
    if (s->traced_us + PAUSE_US > now)
        return true;
    s->traced_us += PAUSE_US;
    return false;
}

void method_trace(struct call *c)
{
    struct span     hash = c->args[0].bytes;
    struct tracing *t    = arena_new(c->arena, struct tracing);
    Store__GetTx    get  = STORE__GET_TX__INIT;
    Store__Request  req  = STORE__REQUEST__INIT;
    uint8_t         packed[128];

    must(t != NULL);
    if (hash.n != HASH_BYTES) {
        call_fail(c, "the hash of a transaction has 32 bytes");
        return;
    }
    if (is_too_soon(c->shell)) {
        call_fail(c, "too many traces at once: try again");
        return;
    }
    t->call       = c;
    get.hash.data = (uint8_t *)(uintptr_t)hash.p;
    get.hash.len  = hash.n;
    req.kind_case = STORE__REQUEST__KIND_GET_TX;
    req.get_tx    = &get;
    bus_request(c->shell->store, BUS_SERVICE,
                SPAN(packed, store__request__pack(&req, packed)), ASK_MS, found,
                t, 0);
}
