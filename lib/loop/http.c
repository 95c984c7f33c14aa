#include "loop/http.h"

#include "base/buf.h"

#include <http_parser.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum {
    HEADERS_MAX  = 128,
    PEER_BYTES   = 64,
    INPUT_BYTES  = 256 << 10,
    OUTPUT_BYTES = 1 << 30,
    FLUSH_MS     = 10000,
};

struct header {
    size_t name, value; /* offsets into text */
};

struct http_request {
    struct conn  *conn; /* NULL once the client has left */
    const char   *method;
    struct buf    text; /* target and headers, each ended by a zero */
    size_t        target, query;
    struct header headers[HEADERS_MAX];
    size_t        header_count;
    struct buf    body;
    bool          is_too_large, is_keep_alive, is_head, is_old;
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
    http_parser          parser;
    struct http_request *request; /* being read, or being answered */
    bool                 is_answering, is_broken, is_overfull, is_value;
    bool                 is_tunnel;
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
    buf_init(&r->text, c->server->limits.header_max);
    buf_init(&r->body, c->server->limits.body_max);
    buf_init(&r->reply_headers, 1 << 16);
    memcpy(r->peer, c->peer, PEER_BYTES);
    return r;
}

static void request_free(struct http_request *r)
{
    buf_fini(&r->text);
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
static void refuse(struct conn *c, const char *status)
{
    char       text[512];
    struct buf out;

    buf_use(&out, text, sizeof text);
    buf_printf(&out,
               "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Connection: close\r\n\r\n%s",
               status, status);
    if (stream_write(c->stream, buf_span(&out)))
        conn_close(c, true);
    else
        conn_close(c, false);
}

/* ---- parsing ---- */

static struct conn *conn_of(http_parser *p)
{
    return p->data;
}

static int on_begin(http_parser *p)
{
    struct conn *c = conn_of(p);

    c->request  = request_new(c);
    c->is_value = false;
    return 0;
}

static int add_text(struct conn *c, const char *at, size_t n)
{
    buf_add(&c->request->text, SPAN(at, n));
    c->is_overfull |= c->request->text.is_full;
    return c->is_overfull;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
    return add_text(conn_of(p), at, n);
}

static void end_text(struct http_request *r)
{
    buf_byte(&r->text, 0);
}

static int on_field(http_parser *p, const char *at, size_t n)
{
    struct conn         *c = conn_of(p);
    struct http_request *r = c->request;

    if (c->is_value || r->header_count == 0) {
        if (r->header_count == HEADERS_MAX) {
            c->is_overfull = true;
            return 1;
        }
        end_text(r);
        r->headers[r->header_count++].name = r->text.len;
        c->is_value                        = false;
    }
    return add_text(c, at, n);
}

static int on_value(http_parser *p, const char *at, size_t n)
{
    struct conn         *c = conn_of(p);
    struct http_request *r = c->request;

    if (!c->is_value) {
        end_text(r);
        r->headers[r->header_count - 1].value = r->text.len;
        c->is_value                           = true;
    }
    return add_text(c, at, n);
}

static bool wants_continue(const struct http_request *r)
{
    const char *expect = http_header(r, "Expect");

    return expect && strcasecmp(expect, "100-continue") == 0;
}

/* A request of HTTP/1.1 names its host, once: who reads another one in front
 * of us would route it elsewhere. */
static bool has_host(const struct http_request *r)
{
    size_t hosts = 0;

    for (size_t i = 0; i < r->header_count; i++)
        hosts += strcasecmp((const char *)r->text.p + r->headers[i].name,
                            "Host") == 0;
    return hosts == 1 || (hosts == 0 && r->is_old);
}

/* What is sent to a proxy has the host in its target too. */
static bool skip_authority(struct http_request *r)
{
    char *path;

    if (strncasecmp((char *)r->text.p, "http://", 7) != 0)
        return true;
    path = strchr((char *)r->text.p + 7, '/');
    if (!path)
        return false;
    r->target = (size_t)(path - (char *)r->text.p);
    return true;
}

static int on_headers(http_parser *p)
{
    struct conn         *c = conn_of(p);
    struct http_request *r = c->request;
    char                *query;

    if (c->is_value == false && r->header_count)
        return 1;
    end_text(r);
    if (r->text.is_full) {
        c->is_overfull = true;
        return 1;
    }
    r->is_old = p->http_major < 1 || p->http_minor < 1;
    if (!has_host(r) || !skip_authority(r))
        return -1; /* 1 would mean: no body */
    query = strpbrk((char *)r->text.p, "?#");
    if (query) {
        bool is_query = *query == '?';

        *query   = 0;
        r->query = (size_t)(query + 1 - (char *)r->text.p);
        if (!is_query)
            r->text.p[r->query] = 0;
    } else {
        r->query = strlen((char *)r->text.p); /* the empty text there */
    }
    r->method        = http_method_str((enum http_method)p->method);
    r->is_head       = p->method == HTTP_HEAD;
    r->is_keep_alive = http_should_keep_alive(p);
    if (p->content_length != ULLONG_MAX &&
        p->content_length > c->server->limits.body_max)
        r->is_too_large = true;
    else if (wants_continue(r) &&
             !stream_write(c->stream,
                           span_str("HTTP/1.1 100 Continue\r\n\r\n")))
        return 1;
    return r->is_too_large;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
    struct http_request *r = conn_of(p)->request;

    buf_add(&r->body, SPAN(at, n));
    r->is_too_large |= r->body.is_full;
    return r->is_too_large;
}

static int on_complete(http_parser *p)
{
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin    = on_begin,
    .on_url              = on_url,
    .on_header_field     = on_field,
    .on_header_value     = on_value,
    .on_headers_complete = on_headers,
    .on_body             = on_body,
    .on_message_complete = on_complete,
};

static void hand_over(struct conn *c)
{
    struct http_server  *s = c->server;
    struct http_request *r = c->request;

    timer_clear(&c->timeout);
    c->is_answering = true;
    stream_pause(c->stream, true);
    if (r->is_too_large) {
        r->is_keep_alive = false;
        buf_clear(&r->body);
    }
    s->fn(s->ctx, r);
}

static size_t on_data(void *ctx, struct span in)
{
    struct conn *c = ctx;
    size_t       n;

    if (c->is_tunnel)
        return c->tunnel.fns.on_data(c->tunnel.ctx, in);
    if (c->is_answering)
        return 0;
    n = http_parser_execute(&c->parser, &settings, (const char *)in.p, in.n);
    switch (HTTP_PARSER_ERRNO(&c->parser)) {
    case HPE_PAUSED:
        http_parser_pause(&c->parser, 0);
        hand_over(c);
        return n;
    case HPE_OK: return n;
    default: break;
    }
    if (c->request && c->request->is_too_large && !c->is_overfull)
        hand_over(c);
    else if (c->is_overfull ||
             HTTP_PARSER_ERRNO(&c->parser) == HPE_HEADER_OVERFLOW)
        refuse(c, "431 Request Header Fields Too Large");
    else
        refuse(c, "400 Bad Request");
    return in.n;
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
                                              .on_drain = on_drain,
                                              .on_close = on_close };

static void on_accept(void *ctx, int fd, const char *peer)
{
    struct http_server *s = ctx;
    struct conn        *c = calloc(1, sizeof *c);

    must(c != NULL);
    c->server = s;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
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
    http_parser_set_max_header_size((uint32_t)limits->header_max + 4096);
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
    return r->method ? r->method : "";
}

const char *http_path(const struct http_request *r)
{
    return (const char *)r->text.p + r->target;
}

const char *http_query(const struct http_request *r)
{
    return (const char *)r->text.p + r->query;
}

const char *http_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcasecmp((const char *)r->text.p + r->headers[i].name, name) == 0)
            return (const char *)r->text.p + r->headers[i].value;
    return NULL;
}

struct span http_body(const struct http_request *r)
{
    return buf_span(&r->body);
}

bool http_is_too_large(const struct http_request *r)
{
    return r->is_too_large;
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

static void put_head(struct buf *out, const struct http_request *r, int status,
                     size_t body)
{
    time_t    now = time(NULL);
    struct tm tm;
    char      date[64];

    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, reason(status));
    buf_add(out, buf_span(&r->reply_headers));
    if (status != 101)
        buf_printf(out, "Date: %s\r\n", date);
    if (status != 204 && status != 101)
        buf_printf(out, "Content-Length: %zu\r\n", body);
    if (status == 101)
        buf_str(out, "Connection: Upgrade\r\n");
    else if (!r->is_keep_alive)
        buf_str(out, "Connection: close\r\n");
    else if (r->is_old)
        buf_str(out, "Connection: keep-alive\r\n");
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
    if (is_sent && !r->is_head && status != 204)
        is_sent = stream_write(c->stream, body);
    buf_fini(&head);
    c->request      = NULL;
    c->is_answering = false;
    request_free(r);
    if (is_last || !is_sent) {
        conn_close(c, is_sent);
        return;
    }
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
