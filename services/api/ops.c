/* ops - what operators' tools read: /metrics, /livez, /readyz.
 *
 * One port for the whole node: the other services are asked on their admin
 * lane, and one that does not answer shows as warren_service_up 0. */
#include "api/call.h"
#include "api/gojson.h"
#include "proto/admin.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

enum { ASK_MS = 500, METRICS_BYTES = 32 << 20 };

struct member {
    struct gather *gather;
    const char    *name;
    bool           is_up;
    Admin__Reply  *reply;
};

struct gather {
    struct shell        *shell;
    struct http_request *http;
    void (*then)(struct gather *g);
    struct member members[NEIGHBOURS_MAX];
    size_t        count, pending;
};

bool ops_handles(const char *path)
{
    return strcmp(path, "/livez") == 0 || strcmp(path, "/readyz") == 0;
}

static void gather_free(struct gather *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->members[i].reply)
            admin__reply__free_unpacked(g->members[i].reply, NULL);
    free(g);
}

static void finished(struct gather *g)
{
    g->then(g);
    gather_free(g);
}

static void answered(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body)
{
    struct member *m = ctx;

    UNUSED(tag);
    UNUSED(text);
    m->is_up = status == OK;
    if (m->is_up)
        m->reply = admin__reply__unpack(NULL, body.n, body.p);
    if (--m->gather->pending == 0)
        finished(m->gather);
}

static void gather(struct shell *s, struct http_request *r,
                   Admin__Request__KindCase what,
                   void (*then)(struct gather *g))
{
    Admin__GetHealth  health  = ADMIN__GET_HEALTH__INIT;
    Admin__GetMetrics metrics = ADMIN__GET_METRICS__INIT;
    Admin__Request    req     = ADMIN__REQUEST__INIT;
    struct gather    *g       = calloc(1, sizeof *g);
    uint8_t           packed[64];
    size_t            n;

    must(g != NULL);
    req.kind_case = what;
    if (what == ADMIN__REQUEST__KIND_GET_HEALTH)
        req.get_health = &health;
    else
        req.get_metrics = &metrics;
    n        = admin__request__pack(&req, packed);
    g->shell = s;
    g->http  = r;
    g->then  = then;
    for (size_t i = 0; i < s->neighbour_count; i++) {
        struct member *m = &g->members[g->count++];

        *m = (struct member){ .gather = g, .name = s->neighbours[i].name };
        g->pending++;
    }
    for (size_t i = 0; i < g->count; i++)
        bus_request(s->neighbours[i].client, BUS_ADMIN, SPAN(packed, n), ASK_MS,
                    answered, &g->members[i], i);
}

/* ---- /readyz ---- */

static void add_reason(struct buf *out, size_t *n, const char *service,
                       const char *reason)
{
    buf_str(out, *n ? "," : "");
    buf_str(out, "{\"service\":");
    gojson_quote(out, span_str(service));
    buf_str(out, ",\"reason\":");
    gojson_quote(out, span_str(reason));
    buf_str(out, "}");
    ++*n;
}

static void add_reasons(struct buf *out, size_t *n, const struct member *m)
{
    const Admin__Health *h;
    char                 text[256];

    if (!m->is_up || !m->reply ||
        m->reply->kind_case != ADMIN__REPLY__KIND_HEALTH) {
        add_reason(out, n, m->name, "does not answer");
        return;
    }
    h = m->reply->health;
    for (size_t i = 0; i < h->n_reasons; i++) {
        snprintf(text, sizeof text, "%.100s: %.120s", h->reasons[i]->condition,
                 h->reasons[i]->reason);
        add_reason(out, n, m->name, text);
    }
}

static void readyz(struct gather *g)
{
    struct buf out, whole;
    size_t     n = 0;

    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < g->count; i++)
        add_reasons(&out, &n, &g->members[i]);
    if (!abci_is_up(g->shell->app))
        add_reason(&out, &n, "api", "the application is not connected");
    if (g->shell->is_stopping)
        add_reason(&out, &n, "api", "it is being stopped");
    buf_init(&whole, 1 << 17);
    buf_printf(&whole, "{\"ready\":%s,\"reasons\":[", n ? "false" : "true");
    buf_add(&whole, buf_span(&out));
    buf_str(&whole, "]}\n");
    http_set_header(g->http, "Content-Type", "application/json");
    http_reply(g->http, n ? 503 : 200, buf_span(&whole));
    buf_fini(&whole);
    buf_fini(&out);
}

/* ---- /metrics ---- */

/* The text format wants all lines of a family together: the first service
 * that has it gives the comments, later ones only their samples. */
struct family {
    struct span    name, text;
    struct family *next, *more; /* more: same name, from another service */
};

static struct span line_of(struct span *rest)
{
    const uint8_t *nl = memchr(rest->p, '\n', rest->n);
    size_t         n  = nl ? (size_t)(nl - rest->p) + 1 : rest->n;
    struct span    l  = SPAN(rest->p, n);

    *rest = SPAN(rest->p + n, rest->n - n);
    return l;
}

static bool starts(struct span s, const char *prefix)
{
    return s.n >= strlen(prefix) && memcmp(s.p, prefix, strlen(prefix)) == 0;
}

static struct span family_name(struct span help)
{
    const uint8_t *p = help.p + 7, *end = help.p + help.n;
    const uint8_t *q = p;

    while (q < end && *q != ' ' && *q != '\n')
        q++;
    return SPAN(p, (size_t)(q - p));
}

static void add_family(struct family **all, struct span name, struct span text,
                       struct arena *a)
{
    struct family **at = all, *f = arena_new(a, struct family);

    if (!f)
        return;
    *f = (struct family){ .name = name, .text = text };
    while (*at && !span_eq((*at)->name, name))
        at = &(*at)->next;
    if (!*at) {
        *at = f;
        return;
    }
    for (at = &(*at)->more; *at;)
        at = &(*at)->more;
    *at = f;
}

static void split(struct family **all, struct span text, struct arena *a)
{
    struct span    rest = text, name = { 0 }, l;
    const uint8_t *start = text.p;

    while (rest.n) {
        const uint8_t *at = rest.p;

        l = line_of(&rest);
        if (!starts(l, "# HELP "))
            continue;
        if (name.n)
            add_family(all, name, SPAN(start, (size_t)(at - start)), a);
        name  = family_name(l);
        start = at;
    }
    if (name.n)
        add_family(all, name, SPAN(start, (size_t)(text.p + text.n - start)),
                   a);
}

static void put_family(struct buf *out, const struct family *f)
{
    buf_add(out, f->text);
    for (f = f->more; f; f = f->more) {
        struct span rest = f->text;

        while (rest.n) {
            struct span l = line_of(&rest);

            if (!starts(l, "#"))
                buf_add(out, l);
        }
    }
}

static void put_up(struct buf *out, const struct gather *g)
{
    buf_str(out, "# HELP warren_service_up Whether the service answers."
                 " Unit: 1 yes, 0 no.\n"
                 "# TYPE warren_service_up gauge\n");
    for (size_t i = 0; i < g->count; i++)
        buf_printf(out,
                   "warren_service_up{chain_id=\"%s\",service=\"%s\"} %d\n",
                   g->shell->chain_id, g->members[i].name, g->members[i].is_up);
}

static void metrics(struct gather *g)
{
    struct arena   a;
    struct family *all = NULL;
    struct buf     out, own;

    arena_open(&a, 64 << 20);
    buf_init(&out, METRICS_BYTES);
    svc_metrics(&own, g->shell->svc);
    split(&all, buf_span(&own), &a);
    for (size_t i = 0; i < g->count; i++) {
        const Admin__Reply *r = g->members[i].reply;

        if (r && r->kind_case == ADMIN__REPLY__KIND_METRICS)
            split(&all, span_of(r->metrics->text), &a);
    }
    put_up(&out, g);
    for (const struct family *f = all; f; f = f->next)
        put_family(&out, f);
    http_set_header(g->http, "Content-Type",
                    "text/plain; version=0.0.4; charset=utf-8");
    http_reply(g->http, 200, buf_span(&out));
    buf_fini(&own);
    buf_fini(&out);
    arena_close(&a);
}

void ops_serve(void *ctx, struct http_request *r)
{
    struct shell *s    = ctx;
    const char   *path = http_path(r);

    if (strcmp(path, "/livez") == 0) {
        http_set_header(r, "Content-Type", "application/json");
        http_reply(r, 200, span_str("{\"live\":true}\n"));
    } else if (strcmp(path, "/readyz") == 0) {
        gather(s, r, ADMIN__REQUEST__KIND_GET_HEALTH, readyz);
    } else if (strcmp(path, "/metrics") == 0) {
        gather(s, r, ADMIN__REQUEST__KIND_GET_METRICS, metrics);
    } else {
        http_set_header(r, "Content-Type", "text/plain; charset=utf-8");
        http_reply(r, 404,
                   span_str("not here; see /metrics, /livez, /readyz\n"));
    }
}
