/* The serving side: a ROUTER, and what is known of each connected client. */
#include "bus/wire.h"

#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PEERS_MAX     = 256,
    ROUTING_MAX   = 255,   /* bytes, libzmq's bound */
    WAITING_MAX   = 65536, /* replies that libzmq would not take yet */
    PROBE_FIRST   = 2000,  /* us after a disconnection */
    PROBE_SECOND  = 50000,
    GENERATION_AT = 8, /* a handle: generation above, slot below */
};

struct waiting {
    struct waiting *next;
    zmq_msg_t       header, body;
};

struct peer {
    uint32_t        handle; /* 0: the slot is free */
    uint8_t         routing[ROUTING_MAX];
    size_t          routing_n;
    char            service[SERVICE_NAME_MAX + 1];
    uint64_t        boot;
    uint64_t        heard_us;
    bool            is_introduced; /* said HELLO */
    bool            is_lost;       /* to be swept */
    struct waiting *first, **last;
    size_t          waiting_n;
};

struct bus_server {
    struct bus_server    *next;
    struct bus           *bus;
    struct bus_server_fns fns;
    void                 *ctx;
    void (*admin)(void *ctx, struct bus_call call, struct span body);
    void           *admin_ctx;
    struct zsock    sock, monitor;
    int             lock;
    struct timer    tick, probe;
    struct deferred sweep;
    uint64_t        ticked_us;
    unsigned        probes;
    uint32_t        generation;
    struct peer     peers[PEERS_MAX];
    size_t          peers_used; /* slots in use lie below */
    atomic_size_t   queued[PEERS_MAX];
};

/* ---- peers ---- */

static struct peer *peer_by_handle(struct bus_server *s, uint32_t handle)
{
    struct peer *p = &s->peers[handle % PEERS_MAX];

    return handle != 0 && p->handle == handle && !p->is_lost ? p : NULL;
}

static struct peer *peer_by_routing(struct bus_server *s, struct span routing)
{
    for (size_t i = 0; i < s->peers_used; i++) {
        struct peer *p = &s->peers[i];

        if (p->handle && !p->is_lost &&
            span_eq(routing, SPAN(p->routing, p->routing_n)))
            return p;
    }
    return NULL;
}

static struct peer *peer_new(struct bus_server *s, struct span routing)
{
    size_t       i = 0;
    struct peer *p;

    while (i < PEERS_MAX && s->peers[i].handle)
        i++;
    if (i == PEERS_MAX || routing.n == 0 || routing.n > ROUTING_MAX)
        return NULL;
    if (i == s->peers_used)
        s->peers_used++;
    if (++s->generation >= 1u << (32 - GENERATION_AT))
        s->generation = 1;
    p  = &s->peers[i];
    *p = (struct peer){ .handle = s->generation << GENERATION_AT | (uint32_t)i,
                        .routing_n = routing.n,
                        .heard_us  = now_us() };
    p->last = &p->first;
    memcpy(p->routing, routing.p, routing.n);
    return p;
}

static void peer_drop_waiting(struct peer *p)
{
    while (p->first) {
        struct waiting *w = p->first;

        p->first = w->next;
        zmq_msg_close(&w->header);
        zmq_msg_close(&w->body);
        free(w);
    }
    p->last      = &p->first;
    p->waiting_n = 0;
}

/* The owner is told from the sweep, never from inside its own call. */
static void peer_lose(struct bus_server *s, struct peer *p)
{
    p->is_lost = true;
    deferred_set(&s->sweep);
}

static void on_sweep(void *ctx)
{
    struct bus_server *s = ctx;

    for (size_t i = 0; i < s->peers_used; i++) {
        struct peer *p      = &s->peers[i];
        uint32_t     handle = p->handle;
        bool         is_told;

        if (!handle || !p->is_lost)
            continue;
        peer_drop_waiting(p);
        is_told   = p->is_introduced && s->fns.on_gone;
        p->handle = 0;
        if (is_told)
            s->fns.on_gone(s->ctx, handle);
    }
}

/* ---- sending ---- */

/* 0, or the errno: EAGAIN (its queue is full), EHOSTUNREACH (gone).  On
 * success the messages are libzmq's. */
static int send_to(struct bus_server *s, struct peer *p, zmq_msg_t *header,
                   zmq_msg_t *body)
{
    zmq_msg_t routing;
    int       error;

    must(zmq_msg_init_size(&routing, p->routing_n) == 0);
    memcpy(zmq_msg_data(&routing), p->routing, p->routing_n);
    if (frame_send(&routing, s->sock.sock, ZMQ_SNDMORE) < 0) {
        error = errno;
        zmq_msg_close(&routing);
        return error;
    }
    must(frame_send(header, s->sock.sock, ZMQ_SNDMORE) >= 0);
    must(frame_send(body, s->sock.sock, 0) >= 0);
    zsock_poke(&s->sock);
    return 0;
}

static void wait_in_line(struct bus_server *s, struct peer *p,
                         zmq_msg_t *header, zmq_msg_t *body)
{
    struct waiting *w = calloc(1, sizeof *w);

    must(w);
    zmq_msg_init(&w->header);
    zmq_msg_init(&w->body);
    zmq_msg_move(&w->header, header);
    zmq_msg_move(&w->body, body);
    *p->last = w;
    p->last  = &w->next;
    if (++p->waiting_n > WAITING_MAX)
        peer_lose(s, p);
}

static void flush_waiting(struct bus_server *s)
{
    for (size_t i = 0; i < s->peers_used; i++) {
        struct peer *p = &s->peers[i];

        while (p->handle && !p->is_lost && p->first) {
            struct waiting *w = p->first;

            if (send_to(s, p, &w->header, &w->body) != 0)
                break;
            p->first = w->next;
            if (!p->first)
                p->last = &p->first;
            p->waiting_n--;
            free(w);
        }
    }
}

/* Hello and push may be refused; a reply waits its turn. */
static bool send_message(struct bus_server *s, struct peer *p,
                         const struct bus_header *h, struct span body,
                         bool must_arrive)
{
    zmq_msg_t header, message;
    int       error = EAGAIN;

    header_encode(&header, h);
    body_make(&message, body, &s->queued[p->handle % PEERS_MAX]);
    if (!p->first)
        error = send_to(s, p, &header, &message);
    if (error == EAGAIN && must_arrive) {
        wait_in_line(s, p, &header, &message);
        error = 0;
    } else if (error && error != EAGAIN) {
        peer_lose(s, p);
    }
    if (error || must_arrive) {
        zmq_msg_close(&header);
        zmq_msg_close(&message);
    }
    return error == 0;
}

/* What a client asked wrongly is its own affair. */
static void log_failure(struct request_id request, enum err status,
                        const char *text)
{
    struct request_id before = log_request(request);
    bool is_theirs           = status == ERR_USAGE || status == ERR_NOT_FOUND;

    log_event(is_theirs ? LOG_DEBUG : LOG_INFO, "request failed",
              LOG_STR("code", err_name(status)),
              LOG_STR("why", text ? text : ""));
    log_request(before);
}

void bus_reply(struct bus_call call, enum err status, const char *text,
               struct span body)
{
    struct peer      *p = peer_by_handle(call.server, call.peer);
    struct bus_header h = { .kind   = KIND_REPLY,
                            .id     = call.id,
                            .boot   = call.server->bus->boot,
                            .status = (uint32_t)status,
                            .text   = span_str(text) };

    if (status != OK && call.request.text[0])
        log_failure(call.request, status, text);
    if (!p)
        return;
    if (h.text.n > TEXT_BYTES_MAX)
        h.text.n = TEXT_BYTES_MAX;
    if (body.n > BUS_MSG_BYTES_MAX) {
        h.status = ERR_FAILED;
        h.text   = span_str("the answer is too large");
        body.n   = 0;
    }
    send_message(call.server, p, &h, body, true);
}

bool bus_push_to(struct bus_server *s, uint32_t peer, struct span body)
{
    struct peer      *p = peer_by_handle(s, peer);
    struct bus_header h = { .kind = KIND_PUSH, .boot = s->bus->boot };
    size_t            queued;

    if (!p || body.n > BUS_MSG_BYTES_MAX)
        return false;
    queued = atomic_load(&s->queued[peer % PEERS_MAX]);
    if ((queued == 0 || queued + body.n <= BUS_MSG_BYTES_MAX) &&
        send_message(s, p, &h, body, false))
        return true;
    link_dropped(p->service, "server", 1);
    return false;
}

void bus_part(struct bus_server *s, uint32_t peer)
{
    struct peer *p = peer_by_handle(s, peer);

    if (p)
        peer_lose(s, p);
}

/* ---- receiving ---- */

static void say_hello(struct bus_server *s, struct peer *p)
{
    struct bus_header h = { .kind    = KIND_HELLO,
                            .id      = p->handle,
                            .boot    = s->bus->boot,
                            .service = span_str(s->bus->service) };

    send_message(s, p, &h, SPAN(NULL, 0), false);
}

static void on_hello(struct bus_server *s, struct peer *p,
                     const struct bus_header *h)
{
    if (!p->is_introduced && h->service.n <= SERVICE_NAME_MAX) {
        memcpy(p->service, h->service.p, h->service.n);
        p->boot          = h->boot;
        p->is_introduced = true;
        if (s->fns.on_client)
            s->fns.on_client(s->ctx, p->handle, p->service, p->boot);
    }
    say_hello(s, p);
}

static void on_request(struct bus_server *s, struct peer *p,
                       const struct bus_header *h, struct span body)
{
    struct bus_call   call = { s, p->handle, h->id, { "" } };
    struct request_id before;

    (void)request_id_take(&call.request, h->request);
    before = log_request(call.request);
    if (call.request.text[0])
        log_event(LOG_DEBUG, "asked", LOG_STR("by", p->service));
    if (h->lane == BUS_SERVICE && s->fns.on_request)
        s->fns.on_request(s->ctx, call, body);
    else if (h->lane == BUS_ADMIN && s->admin)
        s->admin(s->admin_ctx, call, body);
    else
        bus_reply(call, ERR_USAGE, "no such lane", SPAN(NULL, 0));
    log_request(before);
}

static void on_message(struct bus_server *s, struct frames *f)
{
    struct bus_header h;
    struct span       routing;
    struct peer      *p;

    if (f->n != 3 || !header_decode(&h, frame_span(&f->msg[1])) || !h.boot) {
        log_event(LOG_DEBUG, "bus: malformed message dropped");
        return;
    }
    if (h.to && h.to != s->bus->boot)
        return; /* written for a process that is gone */
    routing = frame_span(&f->msg[0]);
    p       = peer_by_routing(s, routing);
    if (p && p->is_introduced && p->boot != h.boot) {
        peer_lose(s, p); /* another process under the same routing id */
        p = NULL;
    }
    if (!p)
        p = peer_new(s, routing);
    if (!p)
        return;
    p->heard_us = now_us();
    switch (h.kind) {
    case KIND_HELLO: on_hello(s, p, &h); break;
    case KIND_REQUEST: on_request(s, p, &h, frame_span(&f->msg[2])); break;
    case KIND_PUSH:
        if (s->fns.on_push)
            s->fns.on_push(s->ctx, p->handle, frame_span(&f->msg[2]));
        break;
    default: break;
    }
}

static bool on_sock(void *ctx)
{
    struct bus_server *s = ctx;
    struct frames      f;
    size_t             n = 0;

    for (; n < DRAIN_BURST && frames_receive(s->sock.sock, &f); n++) {
        on_message(s, &f);
        frames_fini(&f);
    }
    flush_waiting(s);
    return n == DRAIN_BURST;
}

/* ---- who is still there ---- */

/* Someone went: a message to each tells who, as libzmq knows no other way. */
static void on_probe(void *ctx)
{
    struct bus_server *s = ctx;

    for (size_t i = 0; i < s->peers_used; i++)
        if (s->peers[i].handle && !s->peers[i].is_lost)
            say_hello(s, &s->peers[i]);
    if (s->probes++ == 0)
        timer_set(&s->probe, PROBE_SECOND);
}

static bool on_monitor(void *ctx)
{
    struct bus_server *s = ctx;
    int                event;

    while ((event = zsock_event(&s->monitor)) != 0) {
        s->probes = 0;
        timer_set(&s->probe, PROBE_FIRST);
    }
    return false;
}

static void on_tick(void *ctx)
{
    struct bus_server *s       = ctx;
    uint64_t           now     = now_us();
    bool               is_late = now - s->ticked_us > 2 * HELLO_US;

    s->ticked_us = now;
    timer_set(&s->tick, HELLO_US);
    for (size_t i = 0; i < s->peers_used; i++) {
        struct peer *p = &s->peers[i];

        /* It was we who did not listen. */
        if (is_late)
            p->heard_us = now;
        if (p->handle && !p->is_lost && now - p->heard_us > SILENT_US)
            peer_lose(s, p);
    }
}

/* ---- life ---- */

static void server_close(struct bus_server *s)
{
    timer_fini(&s->tick);
    timer_fini(&s->probe);
    deferred_fini(&s->sweep);
    if (s->sock.sock)
        zmq_socket_monitor(s->sock.sock, NULL, 0);
    zsock_close(&s->monitor);
    zsock_close(&s->sock);
    for (size_t i = 0; i < s->peers_used; i++)
        if (s->peers[i].handle)
            peer_drop_waiting(&s->peers[i]);
}

enum err bus_serve(struct bus_server **out, struct bus *b, const char *endpoint,
                   const struct bus_server_fns *fns, void *ctx)
{
    struct bus_server *s   = calloc(1, sizeof *s);
    int                one = 1;
    enum err           r;

    must(s);
    s->bus     = b;
    s->fns     = *fns;
    s->ctx     = ctx;
    s->next    = b->servers;
    b->servers = s;
    zsock_open(&s->sock, b, ZMQ_ROUTER, SEND_QUEUE_MAX, RECEIVE_QUEUE_MAX);
    must(zmq_setsockopt(s->sock.sock, ZMQ_ROUTER_MANDATORY, &one, sizeof one) ==
         0);
    deferred_init(&s->sweep, b->loop, on_sweep, s);
    timer_init(&s->tick, b->loop, on_tick, s);
    timer_init(&s->probe, b->loop, on_probe, s);
    r = bus_bind(b, &s->sock, endpoint, &s->lock);
    if (r != OK) {
        server_close(s);
        return r;
    }
    zsock_monitor(&s->monitor, &s->sock, b, ZMQ_EVENT_DISCONNECTED, on_monitor,
                  s);
    zsock_watch(&s->sock, b, on_sock, s);
    s->ticked_us = now_us();
    timer_set(&s->tick, HELLO_US);
    *out = s;
    return OK;
}

void bus_serve_admin(struct bus_server *s,
                     void (*fn)(void *ctx, struct bus_call call,
                                struct span body),
                     void *ctx)
{
    s->admin     = fn;
    s->admin_ctx = ctx;
}

void servers_measure(struct bus *b, struct links *l, link_fn *fn)
{
    for (struct bus_server *s = b->servers; s; s = s->next) {
        for (size_t i = 0; i < s->peers_used; i++) {
            const struct peer *p = &s->peers[i];

            if (p->handle && p->is_introduced && !p->is_lost)
                fn(l, p->service, "server", p->waiting_n,
                   atomic_load(&s->queued[i]));
        }
    }
}

void servers_close(struct bus *b)
{
    for (struct bus_server *s = b->servers; s; s = s->next)
        server_close(s);
}

void servers_free(struct bus *b)
{
    while (b->servers) {
        struct bus_server *s = b->servers;

        b->servers = s->next;
        if (s->lock >= 0)
            close(s->lock);
        free(s);
    }
}
