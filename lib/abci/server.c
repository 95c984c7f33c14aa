#include "abci/abci.h"

#include "base/limits.h"
#include "base/log.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    CONNS_MAX        = 64,
    FLUSH_BYTES      = 4096, /* as bufio.Writer in Go's server */
    OUTPUT_BYTES_MAX = 2 * ABCI_MSG_BYTES_MAX,
    CLOSE_TIMEOUT_MS = 1000,
};

struct conn {
    struct abci_server *server;
    struct stream      *stream;
    struct buf          out; /* answers that wait for a Flush */
    struct conn        *prev, *next;
};

struct abci_server {
    struct loop     *loop;
    struct listener *listener;
    abci_handler    *fn;
    void            *ctx;
    struct conn     *conns;
    size_t           conn_count;
    struct arena     arena;
};

static void conn_free(struct conn *c)
{
    struct abci_server *s = c->server;

    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->conn_count--;
    buf_fini(&c->out);
    free(c);
}

/* ---- answers ---- */

static bool flush(struct conn *c)
{
    bool is_ok = c->out.len == 0 || stream_write(c->stream, buf_span(&c->out));

    buf_clear(&c->out);
    return is_ok;
}

/* Into the buffer while it fits, else straight on; false when the output is
 * over its bound. */
static bool put(struct conn *c, struct span frame)
{
    if (frame.n <= FLUSH_BYTES) {
        if (c->out.len + frame.n > FLUSH_BYTES && !flush(c))
            return false;
        buf_add(&c->out, frame);
        return !c->out.is_full;
    }
    return flush(c) && stream_write(c->stream, frame);
}

static bool put_response(struct conn *c, const struct abci_response *res)
{
    struct span frame =
        pb_encode_delimited(&abci_response_desc, res, &c->server->arena);

    return frame.p && put(c, frame);
}

/* Say why and go; c is freed. */
static void end(struct conn *c, struct abci_response *res)
{
    struct span text = res->exception->error;

    log_text(LOG_WARN, "application connection ended: %.*s", (int)text.n,
             (const char *)text.p);
    if (put_response(c, res) && flush(c))
        stream_close_flushed(c->stream, CLOSE_TIMEOUT_MS);
    else
        stream_close(c->stream);
    conn_free(c);
}

/* ---- requests ---- */

static void handle(struct abci_server *s, const struct abci_request *req,
                   struct abci_response *res)
{
    struct arena *a = &s->arena;

    switch (req->which) {
    case ABCI_REQ_NONE:
        abci_except(res, a, "unknown request from client");
        return;
    case ABCI_REQ_ECHO:
        res->which = ABCI_RES_ECHO;
        res->echo  = arena_new(a, struct abci_res_echo);
        if (res->echo)
            res->echo->message = req->echo->message;
        break;
    case ABCI_REQ_FLUSH:
        res->which = ABCI_RES_FLUSH;
        res->flush = arena_new(a, struct abci_res_flush);
        break;
    default: s->fn(s->ctx, req, res, a); break;
    }
    must(res->which == req->which + 1 || res->which == ABCI_RES_EXCEPTION);
}

/* One request; false when the connection (and c) is gone. */
static bool serve_one(struct conn *c, struct span body)
{
    struct abci_server  *s   = c->server;
    struct abci_request  req = { 0 };
    struct abci_response res = { 0 };

    arena_reset(&s->arena);
    if (pb_decode(&abci_request_desc, &req, &s->arena, body))
        abci_except(&res, &s->arena, "error reading message: malformed");
    else
        handle(s, &req, &res);
    if (res.which == ABCI_RES_EXCEPTION) {
        end(c, &res);
        return false;
    }
    if (put_response(c, &res) && (res.which != ABCI_RES_FLUSH || flush(c)))
        return true;
    log_event(LOG_WARN, "application connection ended: output over its bound");
    stream_close(c->stream);
    conn_free(c);
    return false;
}

static size_t on_data(void *ctx, struct span in)
{
    struct conn *c   = ctx;
    size_t       all = in.n;
    struct span  body;

    for (;;) {
        enum reject r = pb_delimited_read(&in, ABCI_MSG_BYTES_MAX, &body);

        if (r == REJECT_MISSING)
            break;
        if (r) {
            struct abci_response res = { 0 };

            arena_reset(&c->server->arena);
            abci_except(&res, &c->server->arena,
                        "error reading message: invalid length");
            end(c, &res);
            break;
        }
        if (!serve_one(c, body))
            break;
        if (stream_pending(c->stream) > OUTPUT_BYTES_MAX / 4) {
            stream_pause(c->stream, true);
            break;
        }
    }
    return all - in.n;
}

static void on_drain(void *ctx)
{
    struct conn *c = ctx;

    stream_pause(c->stream, false);
}

static void on_close(void *ctx, const char *why)
{
    log_event(LOG_DEBUG, "application connection closed", LOG_STR("why", why));
    conn_free(ctx);
}

static void on_accept(void *ctx, int fd, const char *peer)
{
    static const struct stream_fns fns = { .on_data  = on_data,
                                           .on_drain = on_drain,
                                           .on_close = on_close };
    struct abci_server            *s   = ctx;
    struct conn                   *c;

    UNUSED(peer);
    if (s->conn_count >= CONNS_MAX || !(c = calloc(1, sizeof *c))) {
        close(fd);
        return;
    }
    c->server = s;
    c->next   = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    s->conn_count++;
    buf_init(&c->out, FLUSH_BYTES);
    c->stream = stream_adopt(s->loop, fd, &fns, c);
    stream_limits(c->stream, OUTPUT_BYTES_MAX, ABCI_MSG_BYTES_MAX + 16);
}

enum err abci_serve(struct abci_server **out, struct loop *l,
                    const char *address, abci_handler *fn, void *ctx)
{
    struct abci_server *s = calloc(1, sizeof *s);
    enum err            e;

    must(s != NULL);
    s->loop = l;
    s->fn   = fn;
    s->ctx  = ctx;
    e       = listener_open(&s->listener, l, address, on_accept, s);
    if (e) {
        free(s);
        return e;
    }
    arena_open(&s->arena, DECODE_ARENA_BYTES);
    *out = s;
    return OK;
}

void abci_server_close(struct abci_server *s)
{
    if (!s)
        return;
    listener_close(s->listener);
    while (s->conns) {
        stream_close(s->conns->stream);
        conn_free(s->conns);
    }
    arena_close(&s->arena);
    free(s);
}
