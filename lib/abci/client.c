#include "abci/abci.h"

#include "base/limits.h"
#include "base/log.h"
#include "metrics/metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BACKOFF_MIN_US     = 10000,
    BACKOFF_MAX_US     = 1000000,
    CONNECT_TIMEOUT_MS = 5000,
    SENT_MAX           = BUS_PENDING_MAX,
    ROOM_BYTES         = 32 << 20, /* that wait, at most, where there is room */
};

struct call {
    abci_fn *fn; /* NULL: a Flush of our own */
    void    *ctx;
    uint64_t tag;
    uint64_t sent_us;
    int32_t  which;
};

/* First in, first out; cap is a power of two. */
struct calls {
    struct call *v;
    size_t       head, n, cap;
};

struct abci_client {
    struct loop           *loop;
    char                  *address;
    struct abci_client_fns fns;
    void                  *ctx;
    struct stream         *stream; /* NULL while waiting to try again */
    bool                   is_up, needs_flush, is_closing;
    unsigned               busy;    /* callbacks we are inside of */
    struct calls           sent;    /* in the order of their answers */
    struct calls           refused; /* never sent: told in the next turn */
    size_t                 in_flight;
    struct deferred        flush, refuse;
    struct timer           retry;
    uint64_t               backoff_us;
    struct arena           out, in;
};

static void calls_push(struct calls *q, struct call call)
{
    if (q->n == q->cap) {
        size_t       cap = q->cap ? q->cap * 2 : 64;
        struct call *v   = malloc(cap * sizeof *v);

        must(v != NULL);
        for (size_t i = 0; i < q->n; i++)
            v[i] = q->v[(q->head + i) & (q->cap - 1)];
        free(q->v);
        *q = (struct calls){ v, 0, q->n, cap };
    }
    q->v[(q->head + q->n++) & (q->cap - 1)] = call;
}

static bool calls_pop(struct calls *q, struct call *call)
{
    if (q->n == 0)
        return false;
    *call   = q->v[q->head];
    q->head = (q->head + 1) & (q->cap - 1);
    q->n--;
    return true;
}

const char *abci_request_name(int32_t which)
{
    const struct pb_desc *d = &abci_request_desc;

    for (size_t i = 0; i < d->field_count; i++)
        if (d->fields[i].num == (uint32_t)which)
            return d->fields[i].name;
    return "none";
}

static const char *response_name(int32_t which)
{
    return which == ABCI_RES_EXCEPTION ? "exception"
                                       : abci_request_name(which - 1);
}

/* ---- being called back, and going away meanwhile ---- */

static void destroy(struct abci_client *c)
{
    deferred_fini(&c->flush);
    deferred_fini(&c->refuse);
    timer_fini(&c->retry);
    arena_close(&c->out);
    arena_close(&c->in);
    free(c->sent.v);
    free(c->refused.v);
    free(c->address);
    free(c);
}

static void leave(struct abci_client *c)
{
    if (--c->busy == 0 && c->is_closing)
        destroy(c);
}

static void answer(struct abci_client *c, const struct call *call,
                   const struct abci_response *res, const char *error)
{
    if (!call->fn)
        return;
    c->in_flight--;
    call->fn(call->ctx, call->tag, res, error);
}

static void answer_none(struct abci_client *c, struct calls *q,
                        const char *error)
{
    struct call call;

    for (size_t n = q->n; n > 0 && !c->is_closing && calls_pop(q, &call); n--)
        answer(c, &call, NULL, error);
}

/* The connection is gone. */
static void lost(struct abci_client *c, const char *why)
{
    bool was_up = c->is_up;

    c->stream = NULL;
    c->is_up = c->needs_flush = false;
    answer_none(c, &c->sent, why);
    if (was_up && !c->is_closing && c->fns.on_down)
        c->fns.on_down(c->ctx, why);
    if (c->is_closing)
        return;
    timer_set(&c->retry, c->backoff_us);
    c->backoff_us *= 2;
    if (c->backoff_us > BACKOFF_MAX_US)
        c->backoff_us = BACKOFF_MAX_US;
}

static void drop(struct abci_client *c, const char *why)
{
    log_event(LOG_WARN, "application connection dropped", LOG_STR("why", why));
    stream_close(c->stream);
    lost(c, why);
}

/* ---- answers ---- */

static void take_exception(struct abci_client         *c,
                           const struct abci_response *res)
{
    struct span error = res->exception->error;
    char       *copy  = arena_alloc(&c->in, error.n + 1);
    const char *text  = copy ? copy : "exception";
    struct call call;

    if (copy && error.n)
        memcpy(copy, error.p, error.n);
    if (calls_pop(&c->sent, &call))
        answer(c, &call, res, text);
    if (c->stream)
        drop(c, text);
}

static void take_response(struct abci_client *c, struct span body)
{
    struct abci_response res;
    struct call          call;
    char                 why[96];

    arena_reset(&c->in);
    if (pb_decode(&abci_response_desc, &res, &c->in, body)) {
        drop(c, "malformed response");
        return;
    }
    if (res.which == ABCI_RES_EXCEPTION) {
        take_exception(c, &res);
        return;
    }
    if (c->sent.n == 0) {
        drop(c, "unexpected response when no call was made");
        return;
    }
    call = c->sent.v[c->sent.head];
    if (res.which != call.which + 1) {
        snprintf(why, sizeof why, "unexpected response %s to the request %s",
                 response_name(res.which), abci_request_name(call.which));
        drop(c, why);
        return;
    }
    (void)calls_pop(&c->sent, &call);
    c->backoff_us = BACKOFF_MIN_US;
    metric_observe(&metric_abci_connection_method_timing_seconds,
                   abci_request_name(call.which),
                   call.which == ABCI_REQ_CHECK_TX ? "async" : "sync",
                   (double)(now_us() - call.sent_us) / 1e6);
    answer(c, &call, &res, NULL);
}

static size_t on_data(void *ctx, struct span in)
{
    struct abci_client *c   = ctx;
    size_t              all = in.n;
    struct span         body;

    c->busy++;
    while (c->stream) {
        enum reject r = pb_delimited_read(&in, ABCI_MSG_BYTES_MAX, &body);

        if (r == REJECT_MISSING)
            break;
        if (r)
            drop(c, "malformed response length");
        else
            take_response(c, body);
    }
    leave(c);
    return all - in.n;
}

static void on_open(void *ctx)
{
    struct abci_client *c = ctx;

    c->is_up = true;
    c->busy++;
    if (c->fns.on_up)
        c->fns.on_up(c->ctx);
    leave(c);
}

static void on_close(void *ctx, const char *why)
{
    struct abci_client *c = ctx;

    c->busy++;
    lost(c, why);
    leave(c);
}

static void on_drain(void *ctx)
{
    struct abci_client *c = ctx;

    deferred_set(&c->flush);
}

static void try_connect(void *ctx)
{
    static const struct stream_fns fns = { .on_open  = on_open,
                                           .on_data  = on_data,
                                           .on_drain = on_drain,
                                           .on_close = on_close };
    struct abci_client            *c   = ctx;

    c->stream =
        stream_connect(c->loop, c->address, CONNECT_TIMEOUT_MS, &fns, c);
    stream_limits(c->stream, 2 * (size_t)ABCI_MSG_BYTES_MAX,
                  ABCI_MSG_BYTES_MAX + 16);
}

/* ---- calls ---- */

static void send_flush(void *ctx)
{
    static const uint8_t frame[] = { 2, 0x12, 0 };
    struct abci_client  *c       = ctx;

    if (!c->is_up || !c->needs_flush ||
        !stream_write(c->stream, SPAN_OF(frame)))
        return;
    c->needs_flush = false;
    calls_push(&c->sent,
               (struct call){ .which = ABCI_REQ_FLUSH, .sent_us = now_us() });
}

static void tell_refused(void *ctx)
{
    struct abci_client *c = ctx;

    c->busy++;
    answer_none(c, &c->refused,
                c->is_up ? "too much is in flight to the application"
                         : "not connected to the application");
    leave(c);
}

static bool send_call(struct abci_client *c, const struct abci_request *req)
{
    struct span frame;

    if (!c->is_up || c->sent.n >= SENT_MAX)
        return false;
    arena_reset(&c->out);
    frame = pb_encode_delimited(&abci_request_desc, req, &c->out);
    return frame.p && stream_write(c->stream, frame);
}

void abci_call(struct abci_client *c, const struct abci_request *req,
               abci_fn *fn, void *ctx, uint64_t tag)
{
    struct call call = { .fn      = fn,
                         .ctx     = ctx,
                         .tag     = tag,
                         .sent_us = now_us(),
                         .which   = req->which };

    must(fn != NULL);
    c->in_flight++;
    deferred_set(&c->flush); /* before the stream's, so that both go as one */
    if (send_call(c, req)) {
        calls_push(&c->sent, call);
        c->needs_flush = true;
    } else {
        calls_push(&c->refused, call);
        deferred_set(&c->refuse);
    }
}

bool abci_is_up(const struct abci_client *c)
{
    return c->is_up;
}

size_t abci_in_flight(const struct abci_client *c)
{
    return c->in_flight;
}

bool abci_has_room(const struct abci_client *c)
{
    return c->is_up && c->sent.n < SENT_MAX &&
           stream_pending(c->stream) < ROOM_BYTES;
}

struct abci_client *abci_connect(struct loop *l, const char *address,
                                 const struct abci_client_fns *fns, void *ctx)
{
    struct abci_client *c = calloc(1, sizeof *c);

    must(c != NULL);
    c->loop       = l;
    c->address    = strdup(address);
    c->ctx        = ctx;
    c->backoff_us = BACKOFF_MIN_US;
    must(c->address != NULL);
    if (fns)
        c->fns = *fns;
    arena_open(&c->out, DECODE_ARENA_BYTES);
    arena_open(&c->in, DECODE_ARENA_BYTES);
    deferred_init(&c->flush, l, send_flush, c);
    deferred_init(&c->refuse, l, tell_refused, c);
    timer_init(&c->retry, l, try_connect, c);
    try_connect(c);
    return c;
}

void abci_close(struct abci_client *c)
{
    if (!c)
        return;
    if (c->stream)
        stream_close(c->stream);
    c->stream     = NULL;
    c->is_up      = false;
    c->is_closing = true;
    if (c->busy == 0)
        destroy(c);
}
