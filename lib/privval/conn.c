#include "privval/conn.h"

#include "base/buf.h"
#include "base/limits.h"
#include "secret/secret.h"

#include <stdlib.h>
#include <sys/random.h>

enum {
    DIAL_MS      = 3000,
    HANDSHAKE_US = 3000000,
    BUFFER_BYTES = 256 << 10,
    ARENA_BYTES  = 16 << 20,
};

struct privval_conn {
    struct stream                 *stream;
    const struct privval_conn_fns *fns;
    void                          *ctx;
    bool                           has_secret, is_open, is_closed;
    unsigned                       depth; /* of callbacks */
    struct secret                  secret;
    struct privkey                 key;
    struct timer                   handshake;
    struct deferred                start; /* of an adopted one */
    struct buf                     plain, out;
    struct arena                   arena;
};

bool privval_is_secret(const char *address)
{
    return strncmp(address, "unix://", 7) != 0;
}

static void conn_free(struct privval_conn *c)
{
    timer_fini(&c->handshake);
    deferred_fini(&c->start);
    if (c->has_secret)
        secret_fini(&c->secret);
    privkey_wipe(&c->key);
    buf_fini(&c->plain);
    buf_fini(&c->out);
    arena_close(&c->arena);
    free(c);
}

void privval_close(struct privval_conn *c)
{
    if (c->is_closed)
        return;
    c->is_closed = true;
    if (c->stream)
        stream_close(c->stream);
    if (c->depth == 0)
        conn_free(c);
}

static void fail_conn(struct privval_conn *c, const char *why)
{
    if (c->is_closed)
        return;
    c->is_closed = true;
    if (c->stream)
        stream_close(c->stream);
    c->stream = NULL;
    c->depth++;
    c->fns->on_close(c->ctx, why);
    if (--c->depth == 0)
        conn_free(c);
}

/* Send what the handshake or the cipher left in c->out. */
static bool flush(struct privval_conn *c)
{
    bool is_ok = !c->out.is_full && stream_write(c->stream, buf_span(&c->out));

    buf_clear(&c->out);
    return is_ok;
}

static void open_up(struct privval_conn *c)
{
    timer_clear(&c->handshake);
    c->is_open = true;
    if (c->fns->on_open)
        c->fns->on_open(c->ctx);
}

static void take_message(struct privval_conn *c, struct span body)
{
    struct privval_msg m;

    arena_reset(&c->arena);
    if (pb_decode(&privval_msg_desc, &m, &c->arena, body) ||
        privval_msg_validate(&m))
        fail_conn(c, "a malformed message");
    else
        c->fns->on_message(c->ctx, &m);
}

/* Whole messages off the front of in; what is left waits for more. */
static void take_plain(struct privval_conn *c, struct span *in)
{
    struct span body;

    while (!c->is_closed && in->n) {
        enum reject r = pb_delimited_read(in, PRIVVAL_MSG_BYTES_MAX, &body);

        if (r == REJECT_MISSING)
            return;
        if (r)
            fail_conn(c, "a message that is too long or not one");
        else
            take_message(c, body);
    }
}

static void take_secret(struct privval_conn *c, struct span *in)
{
    bool        was_open = c->secret.stage == SECRET_OPEN;
    struct span rest;

    if (secret_read(&c->secret, in, &c->plain, &c->out) || !flush(c)) {
        fail_conn(c, c->secret.why ? c->secret.why : "not a secret connection");
        return;
    }
    if (!was_open && c->secret.stage == SECRET_OPEN)
        open_up(c);
    rest = buf_span(&c->plain);
    take_plain(c, &rest);
    if (c->is_closed)
        return;
    if (rest.n) /* before the first message there is no buffer */
        memmove(c->plain.p, rest.p, rest.n);
    c->plain.len = rest.n;
}

static size_t on_data(void *ctx, struct span in)
{
    struct privval_conn *c    = ctx;
    struct span          rest = in;

    c->depth++;
    if (c->has_secret)
        take_secret(c, &rest);
    else
        take_plain(c, &rest);
    if (--c->depth == 0 && c->is_closed)
        conn_free(c);
    return in.n - rest.n;
}

static void begin(struct privval_conn *c)
{
    uint8_t ephemeral[32];

    if (!c->has_secret) {
        open_up(c);
        return;
    }
    must(getrandom(ephemeral, sizeof ephemeral, 0) == sizeof ephemeral);
    privkey_generate(&c->key, KEY_TYPE_ED25519);
    secret_init(&c->secret, &c->key, ephemeral, &c->out);
    explicit_bzero(ephemeral, sizeof ephemeral);
    if (!flush(c))
        fail_conn(c, "the handshake cannot be sent");
}

static void on_open(void *ctx)
{
    struct privval_conn *c = ctx;

    c->depth++;
    begin(c);
    if (--c->depth == 0 && c->is_closed)
        conn_free(c);
}

static void on_close(void *ctx, const char *why)
{
    struct privval_conn *c = ctx;

    c->stream = NULL; /* gone already */
    fail_conn(c, why);
}

static void on_handshake_timeout(void *ctx)
{
    fail_conn(ctx, "no handshake in time");
}

static const struct stream_fns stream_fns = { .on_open  = on_open,
                                              .on_data  = on_data,
                                              .on_close = on_close };

static struct privval_conn *conn_new(struct loop *l, bool has_secret,
                                     const struct privval_conn_fns *fns,
                                     void                          *ctx)
{
    struct privval_conn *c = calloc(1, sizeof *c);

    must(c != NULL);
    c->fns        = fns;
    c->ctx        = ctx;
    c->has_secret = has_secret;
    buf_init(&c->plain, BUFFER_BYTES);
    buf_init(&c->out, BUFFER_BYTES);
    arena_open(&c->arena, ARENA_BYTES);
    deferred_init(&c->start, l, on_open, c);
    timer_init(&c->handshake, l, on_handshake_timeout, c);
    timer_set(&c->handshake, HANDSHAKE_US + DIAL_MS * 1000);
    return c;
}

struct privval_conn *privval_dial(struct loop *l, const char *address,
                                  const struct privval_conn_fns *fns, void *ctx)
{
    struct privval_conn *c = conn_new(l, privval_is_secret(address), fns, ctx);

    c->stream = stream_connect(l, address, DIAL_MS, &stream_fns, c);
    return c;
}

struct privval_conn *privval_adopt(struct loop *l, int fd, bool is_secret,
                                   const struct privval_conn_fns *fns,
                                   void                          *ctx)
{
    struct privval_conn *c = conn_new(l, is_secret, fns, ctx);

    c->stream = stream_adopt(l, fd, &stream_fns, c);
    deferred_set(&c->start);
    return c;
}

bool privval_is_open(const struct privval_conn *c)
{
    return c->is_open && !c->is_closed;
}

bool privval_send(struct privval_conn *c, const struct privval_msg *m)
{
    struct arena a;
    uint8_t      memory[PRIVVAL_MSG_BYTES_MAX + 64];
    struct span  bytes;

    if (!privval_is_open(c))
        return false;
    arena_use(&a, memory, sizeof memory);
    bytes = pb_encode_delimited(&privval_msg_desc, m, &a);
    if (!bytes.p)
        return false;
    if (!c->has_secret)
        return stream_write(c->stream, bytes);
    secret_write(&c->secret, &c->out, bytes);
    return flush(c);
}
