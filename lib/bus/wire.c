#include "bus/wire.h"

#include "base/limits.h"
#include "base/log.h"
#include "pb/pb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

PB_DESC(bus_header_desc, struct bus_header,
        PB_FIELD(struct bus_header, 1, kind, PB_INT32),
        PB_FIELD(struct bus_header, 2, lane, PB_INT32),
        PB_FIELD(struct bus_header, 3, id, PB_UINT64),
        PB_FIELD(struct bus_header, 4, boot, PB_UINT64),
        PB_FIELD(struct bus_header, 5, service, PB_STRING),
        PB_FIELD(struct bus_header, 6, deadline_ms, PB_UINT32),
        PB_FIELD(struct bus_header, 7, status, PB_UINT32),
        PB_FIELD(struct bus_header, 8, text, PB_STRING),
        PB_FIELD(struct bus_header, 9, request, PB_STRING),
        PB_FIELD(struct bus_header, 10, to, PB_UINT64));

/* ---- frames ---- */

struct span frame_span(zmq_msg_t *m)
{
    return SPAN(zmq_msg_data(m), zmq_msg_size(m));
}

int frame_send(zmq_msg_t *m, void *sock, int flags)
{
    int n;

    do
        n = zmq_msg_send(m, sock, flags | ZMQ_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

int frame_receive(zmq_msg_t *m, void *sock)
{
    int n;

    do
        n = zmq_msg_recv(m, sock, ZMQ_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

bool frames_receive(void *sock, struct frames *f)
{
    bool has_more = true;

    f->n = 0;
    while (has_more) {
        zmq_msg_t *m = &f->msg[f->n < 3 ? f->n : 2];

        if (f->n >= 3)
            zmq_msg_close(m);
        zmq_msg_init(m);
        if (frame_receive(m, sock) < 0) {
            zmq_msg_close(m);
            must(f->n == 0); /* the rest of a message is always there */
            return false;
        }
        has_more = zmq_msg_more(m);
        f->n += f->n < 4;
    }
    return true;
}

void frames_fini(struct frames *f)
{
    for (size_t i = 0; i < f->n && i < 3; i++)
        zmq_msg_close(&f->msg[i]);
    f->n = 0;
}

bool header_decode(struct bus_header *h, struct span in)
{
    struct arena none;
    uint8_t      mem[16];

    arena_use(&none, mem, sizeof mem);
    return in.n <= HEADER_BYTES_MAX &&
           pb_decode(&bus_header_desc, h, &none, in) == ACCEPT;
}

void header_encode(zmq_msg_t *out, const struct bus_header *h)
{
    size_t n = pb_size(&bus_header_desc, h);

    must(zmq_msg_init_size(out, n) == 0);
    pb_encode_to(&bus_header_desc, h, zmq_msg_data(out), n);
}

static void on_body_sent(void *data, void *queued)
{
    size_t n;

    /* The size stands before the bytes. */
    data = (char *)data - sizeof n;
    memcpy(&n, data, sizeof n);
    atomic_fetch_sub((atomic_size_t *)queued, n);
    free(data);
}

void body_make(zmq_msg_t *out, struct span body, atomic_size_t *queued)
{
    enum { COUNTED_FROM = 512 };
    char *p;

    if (body.n < COUNTED_FROM) {
        must(zmq_msg_init_size(out, body.n) == 0);
        if (body.n)
            memcpy(zmq_msg_data(out), body.p, body.n);
        return;
    }
    p = malloc(sizeof body.n + body.n);
    must(p);
    memcpy(p, &body.n, sizeof body.n);
    memcpy(p + sizeof body.n, body.p, body.n);
    atomic_fetch_add(queued, body.n);
    must(zmq_msg_init_data(out, p + sizeof body.n, body.n, on_body_sent,
                           queued) == 0);
    /* cppcheck-suppress memleak ; libzmq gives it to on_body_sent */
}

/* ---- sockets in the loop ---- */

static void set_int(void *sock, int option, int value)
{
    must(zmq_setsockopt(sock, option, &value, sizeof value) == 0);
}

void zsock_open(struct zsock *z, struct bus *b, int type, int send_queue,
                int receive_queue)
{
    int64_t bytes_max = BUS_MSG_BYTES_MAX + HEADER_BYTES_MAX;

    *z = (struct zsock){ .sock = zmq_socket(b->ctx, type) };
    must_get(z->sock, "socket of libzmq");
    set_int(z->sock, ZMQ_LINGER, 0);
    set_int(z->sock, ZMQ_SNDHWM, send_queue);
    set_int(z->sock, ZMQ_RCVHWM, receive_queue);
    set_int(z->sock, ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS);
    set_int(z->sock, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    set_int(z->sock, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    set_int(z->sock, ZMQ_TCP_MAXRT, SILENT_US / 1000);
    must(zmq_setsockopt(z->sock, ZMQ_MAXMSGSIZE, &bytes_max,
                        sizeof bytes_max) == 0);
}

static void on_wake(void *ctx)
{
    struct zsock *z = ctx;

    if (z->fn(z->ctx))
        zsock_poke(z);
}

void zsock_watch(struct zsock *z, struct bus *b, bool (*fn)(void *ctx),
                 void *ctx)
{
    int    fd;
    size_t n = sizeof fd;

    z->fn  = fn;
    z->ctx = ctx;
    must(zmq_getsockopt(z->sock, ZMQ_FD, &fd, &n) == 0);
    watch_init(&z->watch, b->loop, fd, WATCH_READ, on_wake, z);
    deferred_init(&z->again, b->loop, on_wake, z);
    zsock_poke(z);
}

void zsock_poke(struct zsock *z)
{
    if (z->again.ev)
        deferred_set(&z->again);
}

void zsock_close(struct zsock *z)
{
    watch_fini(&z->watch);
    deferred_fini(&z->again);
    if (z->sock)
        zmq_close(z->sock);
    z->sock = NULL;
}

bool zsock_can_receive(struct zsock *z)
{
    int    events = 0;
    size_t n      = sizeof events;
    int    r;

    if (!z->sock)
        return false;
    do
        r = zmq_getsockopt(z->sock, ZMQ_EVENTS, &events, &n);
    while (r < 0 && errno == EINTR);
    return r == 0 && (events & ZMQ_POLLIN);
}

void zsock_monitor(struct zsock *m, struct zsock *z, struct bus *b, int events,
                   bool (*fn)(void *ctx), void *ctx)
{
    char address[32];

    snprintf(address, sizeof address, "inproc://monitor-%u",
             b->monitor_count++);
    must_get(zmq_socket_monitor(z->sock, address, events) == 0,
             "socket of libzmq");
    zsock_open(m, b, ZMQ_PAIR, 0, 0);
    must(zmq_connect(m->sock, address) == 0);
    zsock_watch(m, b, fn, ctx);
}

int zsock_event(struct zsock *m)
{
    struct frames f;
    uint16_t      event = 0;

    if (!zsock_can_receive(m) || !frames_receive(m->sock, &f))
        return 0;
    if (zmq_msg_size(&f.msg[0]) >= sizeof event)
        memcpy(&event, zmq_msg_data(&f.msg[0]), sizeof event);
    frames_fini(&f);
    return event;
}

/* ---- endpoints ---- */

bool endpoint_parse(struct endpoint *e, const char *text)
{
    bool        is_tcp = strncmp(text, "tcp://", 6) == 0;
    const char *key    = is_tcp ? strchr(text, '#') : NULL;
    size_t      n      = key ? (size_t)(key - text) : strlen(text);

    *e = (struct endpoint){ .is_tcp = is_tcp };
    if (n >= sizeof e->address || (key && strlen(key) != KEY_TEXT_BYTES))
        return false;
    memcpy(e->address, text, n);
    if (key)
        memcpy(e->key, key + 1, KEY_TEXT_BYTES);
    return is_tcp || (strncmp(text, "ipc://", 6) == 0 && text[6]);
}
