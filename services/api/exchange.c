/* exchange - one HTTP request: the batch in it, its answer.
 *
 * Calls of a batch run one after the other, as CometBFT runs them; only
 * transactions that are sent in a row are on their way together, in order. */
#include "api/exchange.h"

#include "api/call.h"
#include "api/gojson.h"
#include "api/methods.h"
#include "api/request.h"
#include "api/socket.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    ARENA_BYTES   = 256 << 20, /* reserved for one exchange, not touched */
    ANSWER_BYTES  = 512 << 20,
    KEEP_BYTES    = 1 << 16, /* an answer's buffer that is worth keeping */
    EXCHANGES_MAX = 4096,
    IDLE_MAX      = 64,
};

struct exchange {
    struct shell        *shell;
    struct http_request *http;   /* what it came on: this, */
    struct socket       *socket; /* or this; neither once the client left */
    struct rpc_request  *requests;
    size_t               count, at; /* at: the next to be called */
    size_t               in_flight; /* calls that wait for others */
    bool                 is_uri, is_batch, may_cache, is_broken, is_socket;
    bool                 is_driving, is_overlapping;
    int                  status;
    uint64_t             began_us;
    struct request_id    id;
    struct call          first, *rest; /* of requests 0, 1 ... */
    struct arena         arena;
    struct exchange     *next; /* of the idle ones */
};

static const struct rpc_id uri_id = { .kind = RPC_ID_INT, .n = -1 };

static struct call *call_of(struct exchange *x, size_t i)
{
    return i == 0 ? &x->first : &x->rest[i - 1];
}

static void exchange_free(struct exchange *x)
{
    buf_fini(&x->first.out);
    arena_close(&x->arena);
    free(x);
}

/* Keep a few with their memory: most answers are small and many. */
void exchange_end(struct exchange *x)
{
    struct shell *s = x->shell;

    for (size_t i = 1; x->rest && i < x->count; i++)
        buf_fini(&call_of(x, i)->out);
    s->exchanges--;
    if (s->idle_count == IDLE_MAX || x->first.out.cap > KEEP_BYTES) {
        exchange_free(x);
        return;
    }
    arena_reset(&x->arena);
    buf_clear(&x->first.out);
    x->next = s->idle;
    s->idle = x;
    s->idle_count++;
}

void exchanges_close(struct shell *s)
{
    while (s->idle) {
        struct exchange *x = s->idle;

        s->idle = x->next;
        exchange_free(x);
    }
}

struct request_id call_request_id(const struct call *c)
{
    return c->exchange->id;
}

static void log_answered(const struct exchange *x)
{
    struct request_id before = log_request(x->id);

    log_event(LOG_DEBUG, "answered", LOG_INT("status", x->status),
              LOG_UINT("us", now_us() - x->began_us));
    log_request(before);
}

static void reply(struct exchange *x, struct buf *out)
{
    if (out->is_full) {
        buf_clear(out);
        rpc_error(out, &uri_id, RPC_INTERNAL_ERROR,
                  span_str("the answer is too large"));
        x->status = 500;
    }
    if (out->len)
        http_set_header(x->http, "Content-Type", "application/json");
    if (out->len && x->may_cache)
        http_set_header(x->http, "Cache-Control", "public, max-age=86400");
    http_set_header(x->http, "X-Request-Id", x->id.text);
    if (log_enabled(LOG_DEBUG))
        log_answered(x);
    http_reply(x->http, x->status, buf_span(out));
}

static void finish_message(struct exchange *x)
{
    struct buf *out = &x->first.out;

    if (log_enabled(LOG_DEBUG))
        log_answered(x);
    if (out->is_full) {
        buf_clear(out);
        rpc_error(out, &uri_id, RPC_INTERNAL_ERROR,
                  span_str("the answer is too large"));
    }
    if (x->socket)
        socket_answered(x->socket, x);
    else
        exchange_end(x);
}

/* One answer is an object, several are an array. */
static void finish(struct exchange *x)
{
    struct buf joined;
    size_t     n = 0, last = 0;

    if (x->is_socket) {
        finish_message(x);
        return;
    }
    for (size_t i = 0; i < x->count; i++)
        if (call_of(x, i)->out.len) {
            last = i;
            n++;
        }
    if (n <= 1 || x->is_broken) {
        reply(x, &call_of(x, x->is_broken ? 0 : last)->out);
        exchange_end(x);
        return;
    }
    buf_init(&joined, ANSWER_BYTES);
    for (size_t i = 0; i < x->count; i++) {
        struct buf *out = &call_of(x, i)->out;

        if (out->len == 0)
            continue;
        buf_byte(&joined, joined.len ? ',' : '[');
        buf_add(&joined, buf_span(out));
        joined.is_full |= out->is_full;
    }
    buf_byte(&joined, ']');
    reply(x, &joined);
    buf_fini(&joined);
    exchange_end(x);
}

static void drive(struct exchange *x);

static const char *method_name(const struct call *c)
{
    return c->method ? c->method->name : "unknown";
}

static void answered(struct call *c)
{
    metric_since(&metric_api_request_seconds, method_name(c), NULL,
                 c->began_us);
    if (c->at_end)
        c->at_end(c);
    c->exchange->in_flight--;
    drive(c->exchange);
}

static void answer_error(struct call *c, enum rpc_code code, struct span data)
{
    metric_add(&metric_api_errors_total, method_name(c), NULL, 1);
    buf_clear(&c->out);
    rpc_error(&c->out, &c->id, code, data);
    answered(c);
}

void call_done(struct call *c)
{
    rpc_end(&c->out);
    answered(c);
}

void call_fail(struct call *c, const char *fmt, ...)
{
    struct exchange *x = c->exchange;
    char             text[2048];
    va_list          ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_event(LOG_DEBUG, "failed", LOG_STR("why", text));
    if (x->is_uri) {
        x->status    = 500;
        x->may_cache = false;
    }
    answer_error(c, RPC_INTERNAL_ERROR, span_str(text));
}

/* Over a WebSocket CometBFT gives this another code. */
static enum rpc_code bad_params(const struct exchange *x)
{
    return x->is_socket ? RPC_INTERNAL_ERROR : RPC_INVALID_PARAMS;
}

void call_bad_args(struct call *c, struct span why)
{
    struct exchange *x = c->exchange;
    char             text[4096];
    struct buf       b;

    buf_use(&b, text, sizeof text);
    buf_printf(&b, "error converting %s params to arguments: %.*s",
               x->is_uri ? "http" : "json", (int)why.n, (const char *)why.p);
    x->may_cache = false;
    if (x->is_uri)
        x->status = 500;
    answer_error(c, bad_params(x), buf_span(&b));
}

/* CometBFT calls a method that lacks its arguments and recovers the panic:
 * one answer, whatever the batch. */
static void too_few_arguments(struct call *c)
{
    struct exchange *x = c->exchange;

    metric_add(&metric_api_errors_total, method_name(c), NULL, 1);
    buf_clear(&x->first.out);
    rpc_error(
        &x->first.out, &uri_id, RPC_INTERNAL_ERROR,
        span_str(x->is_socket
                     ? "WSJSONRPC: reflect: Call with too few input arguments"
                     : "reflect: Call with too few input arguments"));
    x->status    = 500;
    x->may_cache = false;
    x->is_broken = true;
    x->at        = x->count;
    answered(c);
}

static bool may_cache(const struct method *m, const struct arg *args)
{
    switch (m->cache) {
    case CACHE_NEVER: return false;
    case CACHE_ALWAYS: return true;
    case CACHE_WITH_HEIGHT: break;
    }
    return args[0].is_set;
}

static void run(struct call *c)
{
    rpc_begin_result(&c->out, &c->id);
    jw_init(&c->w, &c->out, 0);
    c->method->fn(c);
}

static void prepare(struct exchange *x, struct call *c, struct rpc_id id,
                    const struct method *m)
{
    struct buf out = c->out;

    *c = (struct call){ .shell    = x->shell,
                        .exchange = x,
                        .method   = m,
                        .id       = id,
                        .began_us = now_us(),
                        .arena    = &x->arena,
                        .out      = out };
    if (!c->out.max)
        buf_init(&c->out, ANSWER_BYTES);
    x->in_flight++;
}

static const struct method *find_method(const struct exchange *x,
                                        struct span            name)
{
    const struct method *m = method_find(name);

    return m || !x->is_socket ? m : stream_method_find(name);
}

static void call_request(struct exchange *x, size_t i)
{
    const struct rpc_request *r = &x->requests[i];
    struct call              *c = call_of(x, i);
    const struct method      *m = find_method(x, r->method);
    char                      text[4096];
    struct buf                error;

    prepare(x, c, r->id, m);
    if (!m || (m->is_unsafe && !x->shell->svc->config->rpc.unsafe)) {
        x->may_cache = false;
        answer_error(c, RPC_METHOD_NOT_FOUND, (struct span){ 0 });
        return;
    }
    if (r->params.n == 0 && method_arg_count(m)) {
        too_few_arguments(c);
        return;
    }
    buf_use(&error, text, sizeof text);
    buf_str(&error, "error converting json params to arguments: ");
    if (r->params.n && !args_from_json(c->args, m->args, method_arg_count(m),
                                       r->params, &x->arena, &error)) {
        x->may_cache = false;
        answer_error(c, bad_params(x), buf_span(&error));
        return;
    }
    x->may_cache      = x->may_cache && may_cache(m, c->args);
    x->is_overlapping = m->is_overlapping;
    run(c);
}

/* May the next call go out while others wait? */
static bool may_overlap(const struct exchange *x)
{
    const struct method *m;

    if (x->in_flight == 0)
        return true;
    m = method_find(x->requests[x->at].method);
    return x->is_overlapping && m && m->is_overlapping;
}

/* Run calls until one must wait for others or all are answered.  A call that
 * ends at once comes back to this loop, not deeper into the stack. */
static void drive(struct exchange *x)
{
    if (x->is_driving)
        return;
    x->is_driving = true;
    while (x->at < x->count && may_overlap(x)) {
        size_t i = x->at++;

        if (x->requests[i].id.kind != RPC_ID_NONE)
            call_request(x, i);
    }
    x->is_driving = false;
    if (x->in_flight || x->at < x->count)
        return;
    finish(x);
}

static void begin_log(struct exchange *x)
{
    x->began_us = now_us();
    log_event(
        LOG_DEBUG, "request",
        LOG_STR("from", x->http ? http_peer(x->http) : socket_peer(x->socket)),
        LOG_STR("path", x->http ? http_path(x->http) : "/websocket"));
}

/* Came on either of both. */
static struct exchange *exchange_make(struct shell *s, struct http_request *r,
                                      struct socket *k)
{
    struct exchange *x = s->idle;

    if (s->exchanges >= EXCHANGES_MAX)
        return NULL;
    if (x) {
        struct exchange kept = { .arena = x->arena, .first.out = x->first.out };

        s->idle = x->next;
        s->idle_count--;
        *x = kept;
    } else {
        x = calloc(1, sizeof *x);
        must(x != NULL);
        arena_open(&x->arena, ARENA_BYTES);
        buf_init(&x->first.out, ANSWER_BYTES);
    }
    x->shell     = s;
    x->http      = r;
    x->socket    = k;
    x->is_socket = k != NULL;
    x->status    = 200;
    x->id        = request_id_of(s, r);
    log_request(x->id);
    if (log_enabled(LOG_DEBUG))
        begin_log(x);
    s->exchanges++;
    return x;
}

static struct exchange *exchange_new(struct shell *s, struct http_request *r)
{
    struct exchange *x = exchange_make(s, r, NULL);

    if (!x)
        http_reply(r, 503, span_str("too many requests in flight\n"));
    return x;
}

/* ---- what comes on a WebSocket ---- */

struct exchange *exchange_of_message(struct shell *s, struct socket *k,
                                     struct span message)
{
    static const struct rpc_id none   = { .kind = RPC_ID_NONE };
    struct request_id          before = *log_request_now();
    struct exchange           *x      = exchange_make(s, NULL, k);
    char                       text[1024];
    struct buf                 error;

    log_request(before);
    if (!x)
        return NULL;
    buf_use(&error, text, sizeof text);
    buf_str(&error, "error unmarshaling request: ");
    message = arena_copy(&x->arena, message);
    if (rpc_parse_message(message, &x->requests, &x->arena, &error)) {
        x->count = 1;
    } else {
        rpc_error(&x->first.out, &none, RPC_PARSE_ERROR, buf_span(&error));
        x->is_broken = true;
    }
    return x;
}

bool exchange_overlaps(const struct exchange *x)
{
    const struct method *m =
        x->count ? method_find(x->requests[0].method) : NULL;

    return m && m->is_overlapping;
}

void exchange_start(struct exchange *x)
{
    struct request_id before = log_request(x->id);

    drive(x);
    log_request(before);
}

struct buf *exchange_answer(struct exchange *x)
{
    return &x->first.out;
}

void exchange_orphan(struct exchange *x)
{
    x->socket = NULL;
}

struct socket *call_socket(const struct call *c)
{
    return c->exchange->socket;
}

static void whole_error(struct exchange *x, int status, enum rpc_code code,
                        struct span data)
{
    static const struct rpc_id none = { .kind = RPC_ID_NONE };

    x->status    = status;
    x->is_broken = true;
    x->may_cache = false;
    rpc_error(&x->first.out, x->is_uri ? &uri_id : &none, code, data);
    x->count = 0;
    finish(x);
}

void exchange_serve_body_error(struct shell *s, struct http_request *r)
{
    struct exchange *x = exchange_new(s, r);
    char             text[256];

    if (!x)
        return;
    snprintf(text, sizeof text, "error reading request body: %s",
             http_body_error(r));
    whole_error(x, 400, RPC_INVALID_REQUEST, span_str(text));
}

void exchange_serve_post(struct shell *s, struct http_request *r)
{
    struct exchange *x;
    char             text[1024];
    struct buf       error;
    int64_t          batch_max = s->svc->config->rpc.max_request_batch_size;

    x = exchange_new(s, r);
    if (!x)
        return;
    buf_use(&error, text, sizeof text);
    buf_str(&error, "error unmarshaling request: ");
    if (!rpc_parse_body(http_body(r), &x->requests, &x->count, &x->is_batch,
                        &x->arena, &error)) {
        whole_error(x, 500, RPC_PARSE_ERROR, buf_span(&error));
        return;
    }
    if (x->is_batch && batch_max > 0 && x->count > (size_t)batch_max) {
        http_clear_headers(r); /* CometBFT looks before it sets any */
        snprintf(text, sizeof text,
                 "batch request exceeds maximum (%" PRId64
                 ") allowed number of requests",
                 batch_max);
        whole_error(x, 200, RPC_INVALID_REQUEST, span_str(text));
        return;
    }
    if (x->count > 1) {
        x->rest = arena_newn(&x->arena, struct call, x->count - 1);
        if (!x->rest) {
            whole_error(x, 200, RPC_INVALID_REQUEST,
                        span_str("batch request is too large"));
            return;
        }
    }
    x->may_cache = x->count > 0;
    drive(x);
}

/* Only with these verbs, as Go's server has it. */
static bool is_form(const struct http_request *r)
{
    static const char type[] = "application/x-www-form-urlencoded";
    const char       *got    = http_header(r, "Content-Type");
    const char       *verb   = http_method(r);
    size_t            n      = sizeof type - 1;

    return got && strncasecmp(got, type, n) == 0 &&
           strspn(got + n, " \t") == strcspn(got + n, ";") &&
           (strcmp(verb, "POST") == 0 || strcmp(verb, "PUT") == 0 ||
            strcmp(verb, "PATCH") == 0);
}

static const char *posted_form(struct http_request *r, struct arena *a)
{
    struct span body = http_body(r);
    char       *text;

    if (!is_form(r) || body.n == 0)
        return "";
    text = arena_alloc(a, body.n + 1);
    if (!text)
        return "";
    memcpy(text, body.p, body.n);
    return text;
}

void exchange_serve_uri(struct shell *s, struct http_request *r,
                        const struct method *m)
{
    struct exchange *x = exchange_new(s, r);
    char             text[4096];
    struct buf       error;

    if (!x)
        return;
    x->is_uri = true;
    prepare(x, &x->first, uri_id, m);
    buf_use(&error, text, sizeof text);
    buf_str(&error, "error converting http params to arguments: ");
    if (!args_from_query(x->first.args, m->args, method_arg_count(m),
                         http_query(r), posted_form(r, &x->arena), &x->arena,
                         &error)) {
        whole_error(x, 500, RPC_INVALID_PARAMS, buf_span(&error));
        return;
    }
    x->count     = 1;
    x->at        = 1;
    x->may_cache = may_cache(m, x->first.args);
    run(&x->first);
}
