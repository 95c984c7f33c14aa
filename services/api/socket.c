#include "api/socket.h"

#include "api/call.h"
#include "api/exchange.h"
#include "api/gojson.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    IN_FLIGHT_MAX  = 32,
    CROWDED        = 2048, /* exchanges: from here on, one per socket */
    TEXTS_MAX      = 256 << 20,
    CODE_AWAY      = 1001,
    CODE_POLICY    = 1008,
    CODE_TRY_LATER = 1013,
};

/* A request on its way; answers leave from the oldest on. */
struct slot {
    struct exchange *x;
    bool             is_answered;
};

struct socket {
    struct shell        *shell;
    struct ws           *ws;
    struct slot          slots[IN_FLIGHT_MAX];
    size_t               first, count;
    struct exchange     *held; /* the next one, which must wait for them */
    struct subscription *subscriptions;
    size_t               subscription_count;
    bool                 is_closing;
    char                 peer[64];
    struct socket       *prev, *next;
};

/* ---- the end ---- */

static void forget_exchanges(struct socket *k)
{
    for (size_t i = 0; i < k->count; i++) {
        struct slot *s = &k->slots[(k->first + i) % IN_FLIGHT_MAX];

        if (s->is_answered)
            exchange_end(s->x);
        else
            exchange_orphan(s->x);
    }
    if (k->held)
        exchange_end(k->held);
}

static void socket_free(struct socket *k)
{
    forget_exchanges(k);
    metric_add(&metric_api_websockets, NULL, NULL, -1);
    metric_add(&metric_api_subscriptions, NULL, NULL,
               -(double)k->subscription_count);
    if (k->subscription_count)
        k->shell->subscribers--;
    while (k->subscriptions) {
        struct subscription *sub = k->subscriptions;

        k->subscriptions = sub->sibling;
        events_remove(sub);
        subscription_free(sub);
    }
    if (k->prev)
        k->prev->next = k->next;
    else
        k->shell->sockets = k->next;
    if (k->next)
        k->next->prev = k->prev;
    free(k);
}

static void socket_close(struct socket *k, uint16_t code)
{
    if (code == CODE_POLICY)
        metric_add(&metric_api_subscriptions_dropped_total, NULL, NULL,
                   (double)k->subscription_count);
    ws_close(k->ws, code);
    socket_free(k);
}

static void on_close(void *socket)
{
    socket_free(socket);
}

static bool is_idle(const struct socket *k)
{
    return k->count == 0 && !k->held && ws_queued(k->ws) == 0;
}

void sockets_close(struct shell *s, bool is_now)
{
    struct socket *next;

    for (struct socket *k = s->sockets; k; k = next) {
        next          = k->next;
        k->is_closing = true;
        ws_pause(k->ws, true);
        if (is_now || is_idle(k))
            socket_close(k, CODE_AWAY);
    }
}

/* ---- requests ---- */

static bool has_room(const struct socket *k)
{
    int64_t max =
        k->shell->svc->config->rpc.experimental_websocket_write_buffer_size;

    return ws_queued(k->ws) < (size_t)max &&
           ws_queued_bytes(k->ws) < SOCKET_BYTES;
}

static bool may_start(const struct socket *k, const struct exchange *x)
{
    const struct slot *last;

    if (k->count == 0)
        return true;
    last = &k->slots[(k->first + k->count - 1) % IN_FLIGHT_MAX];
    return k->count < IN_FLIGHT_MAX && k->shell->exchanges < CROWDED &&
           exchange_overlaps(last->x) && exchange_overlaps(x);
}

static void start(struct socket *k, struct exchange *x)
{
    k->slots[(k->first + k->count++) % IN_FLIGHT_MAX] =
        (struct slot){ x, false };
    exchange_start(x);
}

static void update(struct socket *k)
{
    if (k->held && has_room(k) && may_start(k, k->held)) {
        struct exchange *x = k->held;

        k->held = NULL;
        start(k, x);
    }
    ws_pause(k->ws, k->held || !has_room(k) || k->is_closing);
}

/* Answers in order; a large one is not copied. */
static void send_answer(struct socket *k, struct buf *out)
{
    struct ws_text *text;

    if (out->len == 0)
        return;
    if (out->len < 4096) {
        ws_send(k->ws, buf_span(out), NULL, NULL);
        return;
    }
    text = ws_text_new(out);
    ws_send(k->ws, (struct span){ 0 }, text, NULL);
    ws_text_drop(text);
}

void socket_answered(struct socket *k, struct exchange *x)
{
    for (size_t i = 0; i < k->count; i++) {
        struct slot *s = &k->slots[(k->first + i) % IN_FLIGHT_MAX];

        if (s->x == x)
            s->is_answered = true;
    }
    while (k->count && k->slots[k->first].is_answered) {
        struct exchange *done = k->slots[k->first].x;

        send_answer(k, exchange_answer(done));
        k->first = (k->first + 1) % IN_FLIGHT_MAX;
        k->count--;
        exchange_end(done);
    }
    update(k);
}

static void on_message(void *socket, struct span message)
{
    struct socket   *k = socket;
    struct exchange *x = exchange_of_message(k->shell, k, message);

    if (!x) {
        socket_close(k, CODE_TRY_LATER);
        return;
    }
    k->held = x;
    update(k);
}

static void on_sent(void *socket, void *mark)
{
    struct socket        *k   = socket;
    struct subscription  *sub = mark;
    struct subscription **at  = &k->subscriptions;

    if (sub && --sub->waiting == 0 && sub->is_over) {
        while (*at != sub)
            at = &(*at)->sibling;
        *at = sub->sibling;
        subscription_free(sub);
    }
    update(k);
    if (k->is_closing && is_idle(k))
        socket_close(k, CODE_AWAY);
}

void socket_open(struct shell *s, struct http_request *r)
{
    static const struct ws_fns fns = { .on_message = on_message,
                                       .on_sent    = on_sent,
                                       .on_close   = on_close };
    struct socket             *k   = calloc(1, sizeof *k);

    must(k != NULL);
    k->shell = s;
    snprintf(k->peer, sizeof k->peer, "%s", http_peer(r));
    k->ws = ws_accept(s->svc->loop, r,
                      (size_t)s->svc->config->rpc.max_body_bytes, &fns, k);
    if (!k->ws) {
        free(k);
        return;
    }
    metric_add(&metric_api_websockets, NULL, NULL, 1);
    k->next = s->sockets;
    if (k->next)
        k->next->prev = k;
    s->sockets = k;
}

const char *socket_peer(const struct socket *k)
{
    return k->peer;
}

/* ---- subscriptions ---- */

size_t socket_subscriptions(const struct socket *k)
{
    return k->subscription_count;
}

static struct subscription *find(const struct socket *k, struct span printed)
{
    struct subscription *sub = k->subscriptions;

    while (sub && (sub->is_over || !span_eq(sub->printed, printed)))
        sub = sub->sibling;
    return sub;
}

bool socket_has(const struct socket *k, struct span printed_query)
{
    return find(k, printed_query) != NULL;
}

void socket_subscribe(struct socket *k, struct subscription *sub)
{
    sub->socket      = k;
    sub->sibling     = k->subscriptions;
    k->subscriptions = sub;
    metric_add(&metric_api_subscriptions, NULL, NULL, 1);
    if (k->subscription_count++ == 0)
        k->shell->subscribers++;
}

/* It lives on while messages of it wait. */
static void cancel(struct subscription *sub)
{
    struct socket        *k  = sub->socket;
    struct subscription **at = &k->subscriptions;

    sub->is_over = true;
    events_remove(sub);
    metric_add(&metric_api_subscriptions, NULL, NULL, -1);
    if (--k->subscription_count == 0)
        k->shell->subscribers--;
    if (sub->waiting)
        return;
    while (*at != sub)
        at = &(*at)->sibling;
    *at = sub->sibling;
    subscription_free(sub);
}

bool socket_unsubscribe(struct socket *k, struct span printed_query)
{
    struct subscription *next, *sub;

    if (printed_query.n) {
        sub = find(k, printed_query);
        if (sub)
            cancel(sub);
        return sub != NULL;
    }
    if (k->subscription_count == 0)
        return false;
    for (sub = k->subscriptions; sub; sub = next) {
        next = sub->sibling;
        if (!sub->is_over)
            cancel(sub);
    }
    return true;
}

/* ---- events ---- */

static void say_cancelled(struct subscription *sub, const char *reason)
{
    char       text[256];
    struct buf why, out;

    buf_use(&why, text, sizeof text);
    buf_printf(&why, "subscription was canceled (reason: %s)", reason);
    buf_init(&out, 1 << 21);
    rpc_error(&out, &sub->id, RPC_SERVER_ERROR, buf_span(&why));
    ws_send(sub->socket->ws, buf_span(&out), NULL, NULL);
    buf_fini(&out);
}

static void too_slow(struct subscription *sub)
{
    struct socket *k = sub->socket;

    if (k->shell->svc->config->rpc.experimental_close_on_slow_client) {
        say_cancelled(sub, "slow client");
        socket_close(k, CODE_POLICY);
        return;
    }
    say_cancelled(sub, "internal subscription event buffer is out of capacity");
    metric_add(&metric_api_subscriptions_dropped_total, NULL, NULL, 1);
    cancel(sub);
}

/* Together they may not hold too much either: the slowest goes. */
static void relieve(struct shell *s)
{
    while (ws_texts_bytes() > TEXTS_MAX) {
        struct socket *worst = NULL;

        for (struct socket *k = s->sockets; k; k = k->next)
            if (ws_queued(k->ws) > 1 &&
                (!worst || ws_queued_bytes(k->ws) > ws_queued_bytes(worst->ws)))
                worst = k;
        if (!worst)
            return;
        socket_close(worst, CODE_POLICY);
    }
}

void socket_event(struct subscription *sub, struct ws_text *tail)
{
    struct socket           *k   = sub->socket;
    struct shell            *s   = k->shell;
    const struct config_rpc *rpc = &s->svc->config->rpc;

    if ((ws_queued(k->ws) >=
             (size_t)rpc->experimental_websocket_write_buffer_size &&
         sub->waiting >= (size_t)rpc->experimental_subscription_buffer_size) ||
        ws_queued_bytes(k->ws) > SOCKET_EVENT_BYTES) {
        too_slow(sub);
        return;
    }
    sub->waiting++;
    ws_send(k->ws, sub->head, tail, sub);
    ws_pause(k->ws, k->held || !has_room(k) || k->is_closing);
    relieve(s);
}
