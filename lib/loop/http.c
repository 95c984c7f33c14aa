#include "loop/http.h"

#include "base/buf.h"
#include "loop/chunks.h"
#include "loop/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    PEER_BYTES   = 64,
    HEAD_SPARE   = 4096, /* as Go's server allows beyond the bound */
    SKIPS_MAX    = 4,
    INPUT_BYTES  = 256 << 10,
    OUTPUT_BYTES = 1 << 30,
    FLUSH_MS     = 10000,
};

static const char BODY_TOO_LARGE[] = "http: request body too large";

struct http_request {
    struct conn  *conn; /* NULL once the client has left */
    struct head   head;
    struct chunks chunks;
    struct buf    body;
    const char   *body_error;
    bool          is_in_body, is_keep_alive;
    struct buf    reply_headers;
    char          peer[PEER_BYTES];
};

struct http_tunnel {
    struct stream_fns fns;
    void             *ctx;
};

struct conn {
    struct http_server  *server;
    struct stream       *stream;
    struct http_request *request; /* being read, or being answered */
    bool                 is_answering, is_tunnel, was_post;
    unsigned             skips; /* line ends to pass over */
    struct http_tunnel   tunnel;
    struct timer         timeout;
    char                 peer[PEER_BYTES];
    struct conn         *prev, *next;
};

struct http_server {
    struct loop       *loop;
    struct listener   *listener;
    struct http_limits limits;
    http_fn           *fn;
    void              *ctx;
    struct conn       *conns;
    uint32_t           count;
    bool               is_draining;
};

/* ---- a request's life ---- */

static struct http_request *request_new(struct conn *c)
{
    struct http_request *r = calloc(1, sizeof *r);

    must(r != NULL);
    r->conn = c;
    head_init(&r->head, c->server->limits.header_max + HEAD_SPARE);
    buf_init(&r->body, c->server->limits.body_max);
    buf_init(&r->reply_headers, 1 << 16);
    memcpy(r->peer, c->peer, PEER_BYTES);
    return r;
}

static void request_free(struct http_request *r)
{
    head_fini(&r->head);
    buf_fini(&r->body);
    buf_fini(&r->reply_headers);
    free(r);
}

static void conn_free(struct conn *c)
{
    struct http_server *s = c->server;

    if (c->request && c->is_answering)
        c->request->conn = NULL; /* its reply will go nowhere */
    else if (c->request)
        request_free(c->request);
    timer_fini(&c->timeout);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (s->listener && s->count == s->limits.connections_max)
        listener_pause(s->listener, false);
    s->count--;
    free(c);
}

static void conn_close(struct conn *c, bool is_flushed)
{
    if (is_flushed)
        stream_close_flushed(c->stream, FLUSH_MS);
    else
        stream_close(c->stream);
    conn_free(c);
}

static void on_timeout(void *conn)
{
    conn_close(conn, false);
}

static void arm(struct conn *c)
{
    timer_set(&c->timeout, (uint64_t)c->server->limits.timeout_ms * 1000);
}

/* A refusal that needs no handler, as Go's server words it. */
static void refuse(struct conn *c, const char *status, const char *body)
{
    char       text[512];
    struct buf out;
    bool       is_sent;

    buf_use(&out, text, sizeof text);
    buf_printf(&out,
               "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Connection: close\r\n\r\n%s",
               status, body);
    is_sent = stream_write(c->stream, buf_span(&out));
    conn_close(c, is_sent);
}

/* ---- reading a request ---- */

static void hand_over(struct conn *c)
{
    struct http_server  *s = c->server;
    struct http_request *r = c->request;

    timer_clear(&c->timeout);
    c->was_post     = strcmp(http_method(r), "POST") == 0;
    c->is_answering = true;
    stream_pause(c->stream, true);
    if (r->body_error) {
        r->is_keep_alive = false;
        buf_clear(&r->body);
    }
    s->fn(s->ctx, r);
}

static void break_off(struct conn *c, const char *why)
{
    c->request->body_error = why;
    hand_over(c);
}

static bool wants_continue(const struct http_request *r)
{
    return head_has_token(&r->head, "Expect", "100-continue") &&
           !head_is_old(&r->head) && (r->head.length || r->head.is_chunked);
}

/* Somebody expects what we do not do. */
static bool expects_more(const struct http_request *r)
{
    const char *expect = http_header(r, "Expect");

    return expect && *expect &&
           !head_has_token(&r->head, "Expect", "100-continue");
}

/* The head is whole; true when a body is to come, else *c may be gone. */
static bool end_head(struct conn *c)
{
    struct http_request *r = c->request;

    r->is_in_body    = true;
    r->is_keep_alive = r->head.is_keep_alive;
    if (expects_more(r)) {
        r->is_keep_alive = false;
        c->is_answering  = true;
        http_reply(r, 417, (struct span){ 0 });
    } else if (!r->head.is_chunked &&
               r->head.length > c->server->limits.body_max) {
        break_off(c, BODY_TOO_LARGE);
    } else if (wants_continue(r) &&
               !stream_write(c->stream,
                             span_str("HTTP/1.1 100 Continue\r\n\r\n"))) {
        conn_close(c, false);
    } else if (!r->head.is_chunked && r->head.length == 0) {
        hand_over(c);
    } else {
        return true;
    }
    return false;
}

/* Some old clients send a line end behind the body of a POST. */
static size_t skip_line_ends(struct conn *c, struct span in)
{
    size_t n = 0;

    while (n < in.n && c->skips && (in.p[n] == '\r' || in.p[n] == '\n')) {
        c->skips--;
        n++;
    }
    if (n < in.n)
        c->skips = 0;
    return n;
}

static size_t read_chunks(struct conn *c, struct span in)
{
    struct http_request *r = c->request;
    size_t               used;

    switch (chunks_take(&r->chunks, in, &used, &r->body)) {
    case CHUNKS_MORE: break;
    case CHUNKS_WHOLE: hand_over(c); break;
    case CHUNKS_BROKEN: break_off(c, r->chunks.why); break;
    }
    return used;
}

static size_t read_bytes(struct conn *c, struct span in)
{
    struct http_request *r    = c->request;
    size_t               left = (size_t)r->head.length - r->body.len;
    size_t               n    = in.n < left ? in.n : left;

    buf_add(&r->body, SPAN(in.p, n));
    if (r->body.is_full)
        break_off(c, "out of memory");
    else if (n == left)
        hand_over(c);
    return n;
}

static size_t read_body(struct conn *c, struct span in)
{
    return c->request->head.is_chunked ? read_chunks(c, in) : read_bytes(c, in);
}

static size_t read_head(struct conn *c, struct span in)
{
    size_t       skipped = skip_line_ends(c, in), used;
    struct head *h;

    in = SPAN(in.p + skipped, in.n - skipped);
    if (in.n == 0)
        return skipped;
    if (!c->request)
        c->request = request_new(c);
    h = &c->request->head;
    switch (head_take(h, in, &used)) {
    case HEAD_MORE: break;
    case HEAD_WHOLE:
        if (end_head(c))
            used += read_body(c, SPAN(in.p + used, in.n - used));
        break;
    case HEAD_REFUSED: refuse(c, h->refusal, h->refusal_body); break;
    }
    return skipped + used;
}

static size_t on_data(void *ctx, struct span in)
{
    struct conn *c = ctx;

    if (c->is_tunnel)
        return c->tunnel.fns.on_data(c->tunnel.ctx, in);
    if (c->is_answering || in.n == 0)
        return 0;
    if (c->request && c->request->is_in_body)
        return read_body(c, in);
    return read_head(c, in);
}

/* The client says no more, but may listen. */
static void on_end(void *ctx)
{
    struct conn         *c = ctx;
    struct http_request *r = c->request;

    if (c->is_tunnel || c->is_answering)
        return;
    if (!r)
        conn_close(c, true);
    else if (!r->is_in_body)
        refuse(c, "400 Bad Request", "400 Bad Request");
    else
        break_off(c, r->head.is_chunked ? chunks_cut(&r->chunks)
                                        : "unexpected EOF");
}

static void on_drain(void *ctx)
{
    struct conn *c = ctx;

    if (c->is_tunnel && c->tunnel.fns.on_drain)
        c->tunnel.fns.on_drain(c->tunnel.ctx);
}

static void on_close(void *ctx, const char *why)
{
    struct conn       *c       = ctx;
    struct http_tunnel t       = c->tunnel;
    bool               is_told = c->is_tunnel;

    conn_free(c);
    if (is_told)
        t.fns.on_close(t.ctx, why);
}

static const struct stream_fns stream_fns = { .on_data  = on_data,
                                              .on_end   = on_end,
                                              .on_drain = on_drain,
                                              .on_close = on_close };

static void on_accept(void *ctx, int fd, const char *peer)
{
    struct http_server *s = ctx;
    struct conn        *c = calloc(1, sizeof *c);

    must(c != NULL);
    c->server = s;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    timer_init(&c->timeout, s->loop, on_timeout, c);
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns  = c;
    c->stream = stream_adopt(s->loop, fd, &stream_fns, c);
    stream_limits(c->stream, OUTPUT_BYTES, INPUT_BYTES);
    arm(c);
    if (++s->count == s->limits.connections_max)
        listener_pause(s->listener, true);
}

enum err http_listen(struct http_server **out, struct loop *l,
                     const char *address, const struct http_limits *limits,
                     http_fn *fn, void *ctx)
{
    struct http_server *s = calloc(1, sizeof *s);
    enum err            e;

    must(s != NULL);
    *s = (struct http_server){
        .loop = l, .limits = *limits, .fn = fn, .ctx = ctx
    };
    e = listener_open(&s->listener, l, address, on_accept, s);
    if (e) {
        free(s);
        return e;
    }
    *out = s;
    return OK;
}

uint16_t http_port(const struct http_server *s)
{
    return listener_port(s->listener);
}

void http_close(struct http_server *s)
{
    if (!s)
        return;
    listener_close(s->listener);
    s->listener = NULL;
    while (s->conns) {
        struct http_tunnel t       = s->conns->tunnel;
        bool               is_told = s->conns->is_tunnel;

        conn_close(s->conns, true);
        if (is_told)
            t.fns.on_close(t.ctx, "the server closes");
    }
    free(s);
}

void http_drain(struct http_server *s)
{
    struct conn *next;

    listener_close(s->listener);
    s->listener    = NULL;
    s->is_draining = true;
    for (struct conn *c = s->conns; c; c = next) {
        next = c->next;
        if (!c->request && !c->is_tunnel)
            conn_close(c, true);
    }
}

size_t http_count(const struct http_server *s)
{
    return s->count;
}

/* ---- what a handler sees ---- */

const char *http_method(const struct http_request *r)
{
    return head_method(&r->head);
}

const char *http_path(const struct http_request *r)
{
    return head_path(&r->head);
}

const char *http_query(const struct http_request *r)
{
    return head_query(&r->head);
}

const char *http_host(const struct http_request *r)
{
    return head_host(&r->head);
}

bool http_is_star(const struct http_request *r)
{
    return r->head.is_star;
}

const char *http_header(const struct http_request *r, const char *name)
{
    return head_value(&r->head, name);
}

struct span http_body(const struct http_request *r)
{
    return buf_span(&r->body);
}

const char *http_body_error(const struct http_request *r)
{
    return r->body_error;
}

const char *http_peer(const struct http_request *r)
{
    return r->peer;
}

/* ---- replies ---- */

void http_set_header(struct http_request *r, const char *name,
                     const char *value)
{
    buf_str(&r->reply_headers, name);
    buf_str(&r->reply_headers, ": ");
    buf_str(&r->reply_headers, value);
    buf_str(&r->reply_headers, "\r\n");
}

void http_set_close(struct http_request *r)
{
    r->is_keep_alive = false;
}

void http_clear_headers(struct http_request *r)
{
    buf_clear(&r->reply_headers);
}

static const char *reason(int status)
{
    static const struct {
        int         status;
        const char *text;
    } reasons[] = {
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 204, "No Content" },
        { 307, "Temporary Redirect" },
        { 400, "Bad Request" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 413, "Request Entity Too Large" },
        { 417, "Expectation Failed" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
    };

    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Unknown";
}

static bool is_head(const struct http_request *r)
{
    return strcmp(http_method(r), "HEAD") == 0;
}

/* To HEAD an empty body is one whose length was not worked out. */
static void put_head(struct buf *out, const struct http_request *r, int status,
                     size_t body)
{
    time_t    now = time(NULL);
    struct tm tm;
    char      date[64];

    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(out, "HTTP/1.%d %d %s\r\n", !head_is_old(&r->head), status,
               reason(status));
    buf_add(out, buf_span(&r->reply_headers));
    if (status != 101)
        buf_printf(out, "Date: %s\r\n", date);
    if (status != 204 && status != 101 && (body || !is_head(r)))
        buf_printf(out, "Content-Length: %zu\r\n", body);
    if (status == 101)
        buf_str(out, "Connection: Upgrade\r\n");
    else if (r->is_keep_alive == head_is_old(&r->head))
        buf_printf(out, "Connection: %s\r\n",
                   r->is_keep_alive ? "keep-alive" : "close");
    buf_str(out, "\r\n");
}

void http_reply(struct http_request *r, int status, struct span body)
{
    struct conn *c = r->conn;
    struct buf   head;
    bool         is_sent, is_last;

    if (!c) {
        request_free(r);
        return;
    }
    if (c->server->is_draining)
        r->is_keep_alive = false;
    is_last = !r->is_keep_alive;
    buf_init(&head, 1 << 17);
    put_head(&head, r, status, body.n);
    is_sent = stream_write(c->stream, buf_span(&head));
    if (is_sent && !is_head(r) && status != 204)
        is_sent = stream_write(c->stream, body);
    buf_fini(&head);
    c->request      = NULL;
    c->is_answering = false;
    request_free(r);
    if (is_last || !is_sent) {
        conn_close(c, is_sent);
        return;
    }
    c->skips = c->was_post ? SKIPS_MAX : 0;
    arm(c);
    stream_pause(c->stream, false);
}

/* ---- tunnels ---- */

static struct conn *conn_with(const struct http_tunnel *t)
{
    return CONTAINER_OF(t, struct conn, tunnel);
}

struct http_tunnel *http_upgrade(struct http_request     *r,
                                 const struct stream_fns *fns, void *ctx)
{
    struct conn *c = r->conn;
    char         text[1024];
    struct buf   head;

    if (!c) {
        request_free(r);
        return NULL;
    }
    buf_use(&head, text, sizeof text);
    put_head(&head, r, 101, 0);
    c->tunnel       = (struct http_tunnel){ *fns, ctx };
    c->is_tunnel    = true;
    c->request      = NULL;
    c->is_answering = false;
    request_free(r);
    if (head.is_full || !stream_write(c->stream, buf_span(&head))) {
        conn_close(c, false);
        return NULL;
    }
    stream_pause(c->stream, false);
    return &c->tunnel;
}

struct stream *http_tunnel_stream(const struct http_tunnel *t)
{
    return conn_with(t)->stream;
}

void http_tunnel_close(struct http_tunnel *t, bool is_flushed)
{
    conn_close(conn_with(t), is_flushed);
}
