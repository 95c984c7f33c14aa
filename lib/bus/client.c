/* The asking side: a DEALER, the requests in flight, and whether the other
 * process is there and still the same one. */
#include "bus/wire.h"

#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 64, SLOT_BITS = 16, IN_FLIGHT_BYTES_MAX = 1 << 30 };

/* A request without its reply.  Slots are found by id, and linked in the
 * order of asking, so that sending again keeps it. */
struct pending {
    uint64_t          id; /* 0: free */
    uint32_t          prev, next;
    uint64_t          deadline_us;
    uint32_t          deadline_ms;
    enum bus_lane     lane;
    bool              is_sent;
    zmq_msg_t         body;
    bus_reply_fn     *fn;
    void             *ctx;
    uint64_t          tag;
    struct request_id request;
};

/* A request that was refused at once, to be told later. */
struct refused {
    struct refused *next;
    bus_reply_fn   *fn;
    void           *ctx;
    uint64_t        tag;
    enum err        status;
};

struct bus_client {
    struct bus_client    *next;
    struct bus           *bus;
    struct bus_client_fns fns;
    void                 *ctx;
    struct zsock          sock, monitor;
    struct dialler        dialler;
    struct timer          tick, deadlines;
    struct deferred       refusals;
    uint64_t              boot, session; /* of the server */
    uint64_t              heard_us, ticked_us;
    uint64_t              next_deadline_us; /* none is earlier; 0: none */
    bool                  is_up, is_closed;
    bool                  has_unsent;
    uint64_t              sequence;
    struct pending       *slots; /* slots[0] is the ring's anchor */
    uint32_t              slots_n, free_slot;
    size_t                in_flight_bytes;
    struct refused       *refused, **refused_last;
    atomic_size_t         queued;
    char                  name[SERVICE_NAME_MAX + 1]; /* of the server */
};

/* ---- the requests in flight ---- */

static void slots_grow(struct bus_client *c)
{
    uint32_t n = c->slots_n ? c->slots_n * 2 : SLOTS_FIRST;

    c->slots = realloc(c->slots, n * sizeof *c->slots);
    must(c->slots);
    for (uint32_t i = n; i-- > c->slots_n;) {
        c->slots[i] = (struct pending){ .next = c->free_slot };
        if (i > 0)
            c->free_slot = i;
    }
    if (c->slots_n == 0)
        c->slots[0] = (struct pending){ 0 };
    c->slots_n = n;
}

/* The new last one; NULL when too many wait. */
static struct pending *pending_add(struct bus_client *c)
{
    struct pending *p, *anchor;
    uint32_t        slot;

    if (!c->free_slot && c->slots_n > BUS_PENDING_MAX / 2)
        return NULL;
    if (!c->free_slot)
        slots_grow(c);
    slot         = c->free_slot;
    p            = &c->slots[slot];
    anchor       = &c->slots[0];
    c->free_slot = p->next;
    *p           = (struct pending){ .id   = ++c->sequence << SLOT_BITS | slot,
                                     .prev = anchor->prev };
    c->slots[anchor->prev].next = slot;
    anchor->prev                = slot;
    return p;
}

static struct pending *pending_find(struct bus_client *c, uint64_t id)
{
    uint32_t slot = (uint32_t)(id & ((1 << SLOT_BITS) - 1));

    return id && slot < c->slots_n && c->slots[slot].id == id ? &c->slots[slot]
                                                              : NULL;
}

static void pending_remove(struct bus_client *c, struct pending *p)
{
    uint32_t slot = (uint32_t)(p - c->slots);

    c->slots[p->prev].next = p->next;
    c->slots[p->next].prev = p->prev;
    c->in_flight_bytes -= zmq_msg_size(&p->body);
    zmq_msg_close(&p->body);
    p->id        = 0;
    p->next      = c->free_slot;
    c->free_slot = slot;
}

static void finish(struct bus_client *c, struct pending *p, enum err status,
                   const char *text, struct span body)
{
    struct pending    done   = *p;
    struct request_id before = log_request(p->request);

    pending_remove(c, p);
    done.fn(done.ctx, done.tag, status, text, body);
    log_request(before);
}

/* ---- sending ---- */

/* Takes body when it returns true. */
static bool send_message(struct bus_client *c, struct bus_header *h,
                         zmq_msg_t *body)
{
    zmq_msg_t header;

    h->boot = c->bus->boot;
    if (h->kind != KIND_HELLO)
        h->to = c->boot;
    header_encode(&header, h);
    if (frame_send(&header, c->sock.sock, ZMQ_SNDMORE) < 0) {
        zmq_msg_close(&header);
        return false;
    }
    /* Or the connection ended between the two: libzmq took the first back. */
    if (frame_send(body, c->sock.sock, 0) < 0)
        return false;
    zsock_poke(&c->sock);
    return true;
}

static bool send_pending(struct bus_client *c, struct pending *p)
{
    struct bus_header h = { .kind        = KIND_REQUEST,
                            .lane        = (int32_t)p->lane,
                            .id          = p->id,
                            .deadline_ms = p->deadline_ms,
                            .request     = span_str(p->request.text) };
    zmq_msg_t         body;

    zmq_msg_init(&body);
    zmq_msg_copy(&body, &p->body); /* shares the bytes */
    p->is_sent = send_message(c, &h, &body);
    zmq_msg_close(&body);
    return p->is_sent;
}

static void send_unsent(struct bus_client *c)
{
    if (!c->is_up || !c->has_unsent)
        return;
    c->has_unsent = false;
    for (uint32_t i = c->slots_n ? c->slots[0].next : 0; i;
         i          = c->slots[i].next) {
        if (!c->slots[i].is_sent && !send_pending(c, &c->slots[i])) {
            c->has_unsent = true;
            return;
        }
    }
}

static void say_hello(struct bus_client *c)
{
    struct bus_header h = { .kind    = KIND_HELLO,
                            .service = span_str(c->bus->service) };
    zmq_msg_t         body;

    zmq_msg_init(&body);
    if (!send_message(c, &h, &body))
        zmq_msg_close(&body);
}

static void on_refusals(void *ctx)
{
    struct bus_client *c = ctx;
    struct refused    *r = c->refused;

    c->refused      = NULL;
    c->refused_last = &c->refused;
    while (r) {
        struct refused *next = r->next;

        if (!c->is_closed)
            r->fn(r->ctx, r->tag, r->status,
                  r->status == ERR_BUSY ? "too many requests in flight"
                                        : "the request is too large",
                  SPAN(NULL, 0));
        free(r);
        r = next;
    }
}

static void refuse(struct bus_client *c, enum err status, bus_reply_fn *fn,
                   void *ctx, uint64_t tag)
{
    struct refused *r = calloc(1, sizeof *r);

    must(r);
    *r               = (struct refused){ NULL, fn, ctx, tag, status };
    *c->refused_last = r;
    c->refused_last  = &r->next;
    deferred_set(&c->refusals);
}

static void deadline_earlier(struct bus_client *c, uint64_t at)
{
    uint64_t now;

    if (c->next_deadline_us && c->next_deadline_us <= at)
        return;
    now                 = now_us();
    c->next_deadline_us = at;
    timer_set(&c->deadlines, at > now ? at - now : 0);
}

void bus_request(struct bus_client *c, enum bus_lane lane, struct span body,
                 uint32_t deadline_ms, bus_reply_fn *fn, void *ctx,
                 uint64_t tag)
{
    struct pending *p;

    if (body.n > BUS_MSG_BYTES_MAX) {
        refuse(c, ERR_FAILED, fn, ctx, tag);
        return;
    }
    p = c->in_flight_bytes + body.n > IN_FLIGHT_BYTES_MAX ? NULL
                                                          : pending_add(c);
    if (!p) {
        link_dropped(c->name, "client", 1);
        refuse(c, ERR_BUSY, fn, ctx, tag);
        return;
    }
    p->lane        = lane;
    p->deadline_ms = deadline_ms;
    p->fn          = fn;
    p->ctx         = ctx;
    p->tag         = tag;
    p->request     = *log_request_now();
    body_make(&p->body, body, &c->queued);
    c->in_flight_bytes += body.n;
    if (!c->is_up || c->has_unsent || !send_pending(c, p))
        c->has_unsent = true;
    if (deadline_ms) {
        p->deadline_us = now_us() + (uint64_t)deadline_ms * 1000;
        deadline_earlier(c, p->deadline_us);
    }
}

static bool push(struct bus_client *c, struct span body)
{
    struct bus_header h      = { .kind = KIND_PUSH };
    size_t            queued = atomic_load(&c->queued);
    zmq_msg_t         message;

    if (!c->is_up || body.n > BUS_MSG_BYTES_MAX ||
        (queued > 0 && queued + body.n > BUS_MSG_BYTES_MAX))
        return false;
    body_make(&message, body, &c->queued);
    if (send_message(c, &h, &message))
        return true;
    zmq_msg_close(&message);
    return false;
}

bool bus_push(struct bus_client *c, struct span body)
{
    bool is_taken = push(c, body);

    if (!is_taken)
        link_dropped(c->name, "client", 1);
    return is_taken;
}

/* ---- receiving ---- */

static void go_down(struct bus_client *c)
{
    if (!c->is_up)
        return;
    c->is_up = false;
    if (c->fns.on_down)
        c->fns.on_down(c->ctx);
}

/* Another process or session has forgotten what was asked. */
static void on_hello(struct bus_client *c, const struct bus_header *h)
{
    bool is_new_boot    = h->boot != c->boot;
    bool is_new_session = is_new_boot || h->id != c->session;

    if (is_new_session)
        go_down(c);
    if (c->is_up || c->is_closed)
        return;
    c->boot    = h->boot;
    c->session = h->id;
    if (h->service.n <= SERVICE_NAME_MAX) {
        memcpy(c->name, h->service.p, h->service.n);
        c->name[h->service.n] = 0;
    }
    c->is_up = true;
    for (uint32_t i = c->slots_n ? c->slots[0].next : 0; i;
         i          = c->slots[i].next) {
        if (is_new_session)
            c->slots[i].is_sent = false;
        c->has_unsent |= !c->slots[i].is_sent;
    }
    send_unsent(c);
    if (c->fns.on_up)
        c->fns.on_up(c->ctx, is_new_boot);
}

static void on_reply(struct bus_client *c, const struct bus_header *h,
                     struct span body)
{
    struct pending *p = pending_find(c, h->id);
    enum err        status =
        h->status <= ERR_VERIFY ? (enum err)h->status : ERR_FAILED;
    char   text[TEXT_BYTES_MAX + 1];
    size_t n = h->text.n < TEXT_BYTES_MAX ? h->text.n : TEXT_BYTES_MAX;

    if (!p)
        return; /* timed out, or answered before */
    if (n)
        memcpy(text, h->text.p, n);
    text[n] = 0;
    finish(c, p, status, text, body);
}

static void on_message(struct bus_client *c, struct frames *f)
{
    struct bus_header h;

    if (f->n != 2 || !header_decode(&h, frame_span(&f->msg[0])) || !h.boot) {
        log_event(LOG_DEBUG, "bus: malformed message dropped");
        return;
    }
    c->heard_us = now_us();
    switch (h.kind) {
    case KIND_HELLO: on_hello(c, &h); break;
    case KIND_REPLY: on_reply(c, &h, frame_span(&f->msg[1])); break;
    case KIND_PUSH:
        if (c->fns.on_push)
            c->fns.on_push(c->ctx, frame_span(&f->msg[1]));
        break;
    default: break;
    }
}

static bool on_sock(void *ctx)
{
    struct bus_client *c = ctx;
    struct frames      f;
    size_t             n = 0;

    for (; n < DRAIN_BURST && c->sock.sock && frames_receive(c->sock.sock, &f);
         n++) {
        on_message(c, &f);
        frames_fini(&f);
    }
    if (!c->is_closed)
        send_unsent(c);
    return n == DRAIN_BURST && !c->is_closed;
}

/* ---- who is there ---- */

static bool on_monitor(void *ctx)
{
    struct bus_client *c = ctx;
    int                event;

    while (!c->is_closed && (event = zsock_event(&c->monitor)) != 0) {
        c->dialler.is_linked = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        if (c->dialler.is_linked) {
            c->session = 0; /* what was on its way is lost: send it again */
            say_hello(c);
        } else {
            go_down(c);
        }
    }
    return false;
}

static void on_tick(void *ctx)
{
    struct bus_client *c       = ctx;
    uint64_t           now     = now_us();
    bool               is_late = now - c->ticked_us > 2 * HELLO_US;

    c->ticked_us = now;
    timer_set(&c->tick, HELLO_US);
    if (is_late)
        c->heard_us = now; /* it was we who did not listen */
    if (c->dialler.is_linked || c->is_up)
        say_hello(c); /* or they would pile up for who is not there */
    if (now - c->heard_us > SILENT_US)
        go_down(c);
    if (!c->is_up)
        dial_again(&c->dialler);
}

static void on_deadlines(void *ctx)
{
    struct bus_client *c    = ctx;
    uint64_t           now  = now_us();
    uint64_t           min  = 0;
    uint32_t           last = c->slots_n ? c->slots[0].prev : 0;

    /* Callbacks may add requests behind last; those are not due. */
    c->next_deadline_us = UINT64_MAX;
    for (uint32_t i = c->slots_n ? c->slots[0].next : 0, next; i; i = next) {
        struct pending *p = &c->slots[i];

        next = i == last ? 0 : p->next;
        if (!p->deadline_us || p->deadline_us > now)
            continue;
        metric_add(&metric_bus_timeouts_total, c->name, NULL, 1);
        finish(c, p, ERR_TIMEOUT, "no answer in time", SPAN(NULL, 0));
        if (c->is_closed)
            return;
    }
    for (uint32_t i = c->slots[0].next; i; i = c->slots[i].next)
        if (c->slots[i].deadline_us && (!min || c->slots[i].deadline_us < min))
            min = c->slots[i].deadline_us;
    c->next_deadline_us = 0;
    if (min)
        deadline_earlier(c, min);
}

/* ---- life ---- */

struct bus_client *bus_connect(struct bus *b, const char *endpoint,
                               const struct bus_client_fns *fns, void *ctx)
{
    struct bus_client *c = calloc(1, sizeof *c);

    must(c);
    c->bus          = b;
    c->fns          = *fns;
    c->ctx          = ctx;
    c->refused_last = &c->refused;
    c->ticked_us    = now_us();
    c->next         = b->clients;
    b->clients      = c;
    /* Not ZMQ_IMMEDIATE: it ends the pipe with the connection, and libzmq 4.3
     * aborts if that comes between the two frames of an answer. */
    zsock_open(&c->sock, b, ZMQ_DEALER, SEND_QUEUE_MAX, RECEIVE_QUEUE_MAX);
    timer_init(&c->tick, b->loop, on_tick, c);
    timer_init(&c->deadlines, b->loop, on_deadlines, c);
    deferred_init(&c->refusals, b->loop, on_refusals, c);
    zsock_monitor(&c->monitor, &c->sock, b,
                  ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED,
                  on_monitor, c);
    zsock_watch(&c->sock, b, on_sock, c);
    must_ok(bus_dial(&c->dialler, b, &c->sock, endpoint),
            "connect to another service");
    timer_set(&c->tick, HELLO_US);
    return c;
}

void bus_client_close(struct bus_client *c)
{
    if (!c || c->is_closed)
        return;
    c->is_closed = true;
    c->is_up     = false;
    timer_fini(&c->tick);
    timer_fini(&c->deadlines);
    deferred_fini(&c->refusals);
    zmq_socket_monitor(c->sock.sock, NULL, 0);
    zsock_close(&c->monitor);
    dial_close(&c->dialler);
    zsock_close(&c->sock);
    while (c->slots_n && c->slots[0].next)
        pending_remove(c, &c->slots[c->slots[0].next]);
    on_refusals(c);
}

void bus_client_name(struct bus_client *c, const char *service)
{
    snprintf(c->name, sizeof c->name, "%s", service);
}

bool bus_is_up(const struct bus_client *c)
{
    return c->is_up;
}

void clients_measure(struct bus *b, struct links *l, link_fn *fn)
{
    for (struct bus_client *c = b->clients; c; c = c->next) {
        size_t n = 0;

        if (c->is_closed || !*c->name)
            continue;
        for (uint32_t i = c->slots_n ? c->slots[0].next : 0; i;
             i          = c->slots[i].next)
            n++;
        fn(l, c->name, "client", n, c->in_flight_bytes);
        metric_set(&metric_bus_link_up, c->name, NULL, c->is_up);
        metric_add(&metric_bus_timeouts_total, c->name, NULL, 0);
    }
}

void clients_close(struct bus *b)
{
    for (struct bus_client *c = b->clients; c; c = c->next)
        bus_client_close(c);
}

void clients_free(struct bus *b)
{
    while (b->clients) {
        struct bus_client *c = b->clients;

        b->clients = c->next;
        free(c->slots);
        free(c);
    }
}
