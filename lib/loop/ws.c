#include "loop/ws.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "loop/frames.h"

#include <stdlib.h>
#include <strings.h>

enum {
    PING_US    = 27000000,
    READ_US    = 30000000,
    WRITE_US   = 10000000,
    OUTPUT_MAX = 256 << 10,
    INPUT_MAX  = 64 << 10,
    KEY_BYTES  = 16,
};

struct ws_text {
    size_t     refs;
    struct buf text;
};

static size_t texts_bytes;

struct message {
    struct message *next;
    struct ws_text *tail;
    void           *mark;
    size_t          sent, head_n;
    uint8_t         head[]; /* the frame's header and the message's */
};

struct ws {
    struct http_tunnel   *tunnel;
    struct stream        *stream;
    struct ws_fns         fns;
    void                 *ctx;
    struct frames_reader *reader;
    struct timer          ping, read, write;
    struct deferred       resume;
    struct message       *first, **last;
    size_t                count, bytes;
    struct buf            pong; /* the last ping's payload */
    bool                  wants_ping, wants_pong, is_paused;
    bool                  is_gone; /* closed inside a callback */
    unsigned              depth;
};

/* ---- texts ---- */

struct ws_text *ws_text_new(struct buf *b)
{
    struct ws_text *t = calloc(1, sizeof *t);

    must(t != NULL);
    t->refs = 1;
    t->text = *b;
    texts_bytes += t->text.cap;
    buf_init(b, b->max);
    return t;
}

void ws_text_drop(struct ws_text *t)
{
    if (--t->refs)
        return;
    texts_bytes -= t->text.cap;
    buf_fini(&t->text);
    free(t);
}

size_t ws_texts_bytes(void)
{
    return texts_bytes;
}

/* ---- the end ---- */

static size_t tail_size(const struct message *m)
{
    return m->tail ? m->tail->text.len : 0;
}

static void pop(struct ws *w)
{
    struct message *m = w->first;

    w->first = m->next;
    if (!w->first)
        w->last = &w->first;
    w->count--;
    w->bytes -= m->head_n + tail_size(m);
    if (m->tail)
        ws_text_drop(m->tail);
    free(m);
}

static void ws_free(struct ws *w)
{
    while (w->first)
        pop(w);
    timer_fini(&w->ping);
    timer_fini(&w->read);
    timer_fini(&w->write);
    deferred_fini(&w->resume);
    frames_free(w->reader);
    buf_fini(&w->pong);
    free(w);
}

/* The connection is gone already, or goes now; *w lives while it is used. */
static void drop(struct ws *w)
{
    w->is_gone = true;
    timer_clear(&w->ping);
    timer_clear(&w->read);
    timer_clear(&w->write);
    if (w->depth == 0)
        ws_free(w);
}

/* After callbacks: false when the connection is gone. */
static bool leave(struct ws *w)
{
    bool is_gone = w->is_gone;

    if (--w->depth == 0 && is_gone)
        ws_free(w);
    return !is_gone;
}

static void end(struct ws *w)
{
    void (*on_close)(void *) = w->fns.on_close;
    void *ctx                = w->ctx;

    drop(w);
    on_close(ctx);
}

static void cut(void *ctx)
{
    struct ws *w = ctx;

    http_tunnel_close(w->tunnel, false);
    end(w);
}

/* A close frame fits behind whole messages only. */
static void say_goodbye(struct ws *w, struct span payload)
{
    char       text[160];
    struct buf out;

    if (!w->first || w->first->sent == 0) {
        buf_use(&out, text, sizeof text);
        frames_head(&out, FRAME_CLOSE, payload.n);
        buf_add(&out, payload);
        (void)!stream_write(w->stream, buf_span(&out));
    }
    http_tunnel_close(w->tunnel, true);
}

void ws_close(struct ws *w, uint16_t code)
{
    uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };

    if (w->is_gone)
        return;
    say_goodbye(w, SPAN_OF(payload));
    drop(w);
}

/* ---- output ---- */

static void control(struct ws *w, int opcode, struct span payload)
{
    char       text[160];
    struct buf out;

    buf_use(&out, text, sizeof text);
    frames_head(&out, opcode, payload.n);
    buf_add(&out, payload);
    /* Full means that the client reads nothing: it is cut soon. */
    (void)!stream_write(w->stream, buf_span(&out));
}

/* Between two messages. */
static void send_control(struct ws *w)
{
    if (w->wants_pong)
        control(w, FRAME_PONG, buf_span(&w->pong));
    if (w->wants_ping)
        control(w, FRAME_PING, (struct span){ 0 });
    w->wants_ping = w->wants_pong = false;
}

/* As much of a message as the stream takes now; true when that was all. */
static bool send_message(struct ws *w, struct message *m)
{
    while (m->sent < m->head_n + tail_size(m)) {
        size_t      at   = m->sent;
        size_t      room = OUTPUT_MAX - stream_pending(w->stream);
        struct span part = SPAN(m->head + at, m->head_n - at);

        if (at >= m->head_n)
            part = SPAN(m->tail->text.p + (at - m->head_n),
                        tail_size(m) - (at - m->head_n));
        if (part.n > room)
            part.n = room;
        if (part.n == 0 || !stream_write(w->stream, part)) {
            /* on_drain comes only after a refusal or much output. */
            return false;
        }
        m->sent += part.n;
    }
    return true;
}

static void pump(struct ws *w)
{
    if (w->is_gone)
        return;
    w->depth++;
    if (!w->first || w->first->sent == 0)
        send_control(w);
    while (w->first && send_message(w, w->first)) {
        void *mark = w->first->mark;

        pop(w);
        send_control(w);
        timer_set(&w->write, WRITE_US);
        if (w->fns.on_sent)
            w->fns.on_sent(w->ctx, mark);
        if (w->is_gone)
            break;
    }
    if (!w->is_gone && !w->first && stream_pending(w->stream) == 0)
        timer_clear(&w->write);
    leave(w);
}

static void on_write_timeout(void *ctx)
{
    struct ws *w = ctx;

    if (w->first)
        cut(w);
}

void ws_send(struct ws *w, struct span head, struct ws_text *tail, void *mark)
{
    uint8_t         frame[16];
    struct buf      out;
    struct message *m;

    buf_use(&out, frame, sizeof frame);
    frames_head(&out, FRAME_TEXT, head.n + (tail ? tail->text.len : 0));
    m = malloc(sizeof *m + out.len + head.n);
    must(m != NULL);
    *m = (struct message){ .tail = tail, .mark = mark };
    memcpy(m->head, frame, out.len);
    if (head.n)
        memcpy(m->head + out.len, head.p, head.n);
    m->head_n = out.len + head.n;
    if (tail)
        tail->refs++;
    if (!w->first)
        timer_set(&w->write, WRITE_US);
    *w->last = m;
    w->last  = &m->next;
    w->count++;
    w->bytes += m->head_n + tail_size(m);
    deferred_set(&w->resume);
}

size_t ws_queued(const struct ws *w)
{
    return w->count;
}

size_t ws_queued_bytes(const struct ws *w)
{
    return w->bytes;
}

static void on_ping_time(void *ctx)
{
    struct ws *w = ctx;

    w->wants_ping = true;
    timer_set(&w->ping, PING_US);
    pump(w);
}

/* ---- input ---- */

static void handle(struct ws *w, enum frames_what what, struct span payload)
{
    switch (what) {
    case FRAMES_MORE: break;
    case FRAMES_MESSAGE:
        timer_set(&w->read, READ_US);
        w->fns.on_message(w->ctx, payload);
        break;
    case FRAMES_PING: /* of many that wait, the last is answered */
        buf_clear(&w->pong);
        buf_add(&w->pong, payload);
        w->wants_pong = true;
        deferred_set(&w->resume);
        break;
    case FRAMES_PONG: timer_set(&w->read, READ_US); break;
    case FRAMES_CLOSE:
    case FRAMES_BROKEN:
        say_goodbye(w, payload);
        end(w);
        break;
    }
}

static size_t on_data(void *ctx, struct span in)
{
    struct ws       *w     = ctx;
    size_t           whole = in.n;
    enum frames_what what  = FRAMES_PING;
    struct span      payload;

    w->depth++;
    while (!w->is_gone && !w->is_paused && what != FRAMES_MORE) {
        what = frames_next(w->reader, &in, &payload);
        handle(w, what, payload);
    }
    leave(w);
    return whole - in.n;
}

/* What is kept in the reader is looked at again, and output goes on. */
static void on_resume(void *ctx)
{
    struct ws *w = ctx;

    w->depth++;
    if (!w->is_paused)
        on_data(w, (struct span){ 0 });
    if (!w->is_gone)
        pump(w);
    leave(w);
}

void ws_pause(struct ws *w, bool is_paused)
{
    if (w->is_gone || w->is_paused == is_paused)
        return;
    w->is_paused = is_paused;
    stream_pause(w->stream, is_paused);
    if (is_paused) {
        timer_clear(&w->read);
    } else {
        timer_set(&w->read, READ_US);
        deferred_set(&w->resume);
    }
}

static void on_drain(void *ctx)
{
    pump(ctx);
}

static void on_close(void *ctx, const char *why)
{
    UNUSED(why);
    end(ctx);
}

/* ---- the handshake ---- */

static bool has_token(const struct http_request *r, const char *name,
                      const char *token)
{
    const char *p = http_header(r, name);
    size_t      n;

    while (p && *p) {
        p += strspn(p, " \t,");
        n = strcspn(p, " \t,");
        if (n == strlen(token) && strncasecmp(p, token, n) == 0)
            return true;
        p += n;
    }
    return false;
}

static void refuse(struct http_request *r, int status, const char *text)
{
    http_set_header(r, "Content-Type", "text/plain; charset=utf-8");
    http_set_header(r, "Sec-Websocket-Version", "13");
    http_set_header(r, "X-Content-Type-Options", "nosniff");
    http_reply(r, status, span_str(text));
}

static bool is_asked_well(struct http_request *r)
{
    const char *key = http_header(r, "Sec-WebSocket-Key");
    uint8_t     bytes[KEY_BYTES];
    size_t      n = 0;

    if (!has_token(r, "Connection", "upgrade") ||
        !has_token(r, "Upgrade", "websocket")) {
        refuse(r, 400, "Bad Request\n");
        return false;
    }
    if (strcmp(http_method(r), "GET") != 0) {
        refuse(r, 405, "Method Not Allowed\n");
        return false;
    }
    if (!has_token(r, "Sec-WebSocket-Version", "13") || !key ||
        !base64_decode(bytes, sizeof bytes, &n, span_str(key)) ||
        n != KEY_BYTES) {
        refuse(r, 400, "Bad Request\n");
        return false;
    }
    return true;
}

static void answer_key(struct http_request *r)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t           digest[20];
    char              text[128];
    struct buf        b;

    buf_use(&b, text, sizeof text);
    buf_str(&b, http_header(r, "Sec-WebSocket-Key"));
    buf_str(&b, guid);
    sha1(digest, buf_span(&b));
    buf_clear(&b);
    buf_base64(&b, SPAN_OF(digest));
    http_clear_headers(r); /* this answer has none of the usual ones */
    http_set_header(r, "Upgrade", "websocket");
    http_set_header(r, "Sec-WebSocket-Accept", buf_cstr(&b));
}

static struct ws *ws_new(struct loop *l, size_t message_max,
                         const struct ws_fns *fns, void *ctx)
{
    struct ws *w = calloc(1, sizeof *w);

    must(w != NULL);
    w->fns    = *fns;
    w->ctx    = ctx;
    w->last   = &w->first;
    w->reader = frames_new(message_max);
    buf_init(&w->pong, 125);
    timer_init(&w->ping, l, on_ping_time, w);
    timer_init(&w->read, l, cut, w);
    timer_init(&w->write, l, on_write_timeout, w);
    deferred_init(&w->resume, l, on_resume, w);
    timer_set(&w->ping, PING_US);
    timer_set(&w->read, READ_US);
    return w;
}

struct ws *ws_accept(struct loop *l, struct http_request *r, size_t message_max,
                     const struct ws_fns *fns, void *ctx)
{
    static const struct stream_fns stream = { .on_data  = on_data,
                                              .on_drain = on_drain,
                                              .on_close = on_close };
    struct ws                     *w;

    if (!is_asked_well(r))
        return NULL;
    answer_key(r);
    w         = ws_new(l, message_max, fns, ctx);
    w->tunnel = http_upgrade(r, &stream, w);
    if (!w->tunnel) {
        ws_free(w);
        return NULL;
    }
    w->stream = http_tunnel_stream(w->tunnel);
    stream_limits(w->stream, OUTPUT_MAX, INPUT_MAX);
    return w;
}
