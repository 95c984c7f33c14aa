/* Hints: PUB and SUB.  A message is a topic and a body; it may be lost. */
#include "bus/wire.h"

#include <stdlib.h>
#include <unistd.h>

enum { TOPIC_MAX = 64, DIAL_US = 3000000 };

struct bus_pub {
    struct zsock  sock;
    int           lock;
    atomic_size_t queued;
};

typedef void hint_fn(void *ctx, const char *topic, struct span body);

/* Who listens: several parts of a process may want the same hints. */
struct listener {
    struct listener *next;
    hint_fn         *fn;
    void            *ctx;
};

struct bus_sub {
    struct bus_sub  *next;
    struct zsock     sock, monitor;
    struct dialler   dialler;
    struct timer     redial;
    struct listener *first;
    char             prefix[TOPIC_MAX + 1], endpoint[];
};

static bool on_pub(void *ctx)
{
    struct bus_pub *p = ctx;

    /* Nothing is received; asking keeps libzmq's own work going. */
    UNUSED(zsock_can_receive(&p->sock));
    return false;
}

enum err bus_publish_open(struct bus *b, const char *endpoint)
{
    struct bus_pub *p = calloc(1, sizeof *p);

    must(p && !b->pub);
    b->pub = p;
    zsock_open(&p->sock, b, ZMQ_PUB, HINT_QUEUE_MAX, HINT_QUEUE_MAX);
    zsock_watch(&p->sock, b, on_pub, p);
    return bus_bind(b, &p->sock, endpoint, &p->lock);
}

void bus_publish(struct bus *b, const char *topic, struct span body)
{
    struct bus_pub *p = b->pub;
    zmq_msg_t       name, message;

    if (!p)
        return;
    must(zmq_msg_init_size(&name, strlen(topic)) == 0);
    memcpy(zmq_msg_data(&name), topic, strlen(topic));
    if (frame_send(&name, p->sock.sock, ZMQ_SNDMORE) < 0) {
        zmq_msg_close(&name);
        return;
    }
    body_make(&message, body, &p->queued);
    if (frame_send(&message, p->sock.sock, 0) < 0)
        zmq_msg_close(&message);
    zsock_poke(&p->sock);
}

static void on_hint(struct bus_sub *s, struct frames *f)
{
    struct span topic;
    char        text[TOPIC_MAX + 1];

    if (f->n != 2)
        return;
    topic = frame_span(&f->msg[0]);
    if (topic.n > TOPIC_MAX)
        return;
    memcpy(text, topic.p, topic.n);
    text[topic.n] = 0;
    for (struct listener *l = s->first; l; l = l->next)
        l->fn(l->ctx, text, frame_span(&f->msg[1]));
}

static bool on_sub(void *ctx)
{
    struct bus_sub *s = ctx;
    struct frames   f;
    size_t          n = 0;

    while (n < DRAIN_BURST && zsock_can_receive(&s->sock)) {
        while (n++ < DRAIN_BURST && frames_receive(s->sock.sock, &f)) {
            on_hint(s, &f);
            frames_fini(&f);
        }
    }
    return n >= DRAIN_BURST;
}

static bool on_monitor(void *ctx)
{
    struct bus_sub *s = ctx;
    int             event;

    while ((event = zsock_event(&s->monitor)) != 0)
        s->dialler.is_linked = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    return false;
}

static void on_redial(void *ctx)
{
    struct bus_sub *s = ctx;

    dial_again(&s->dialler);
    timer_set(&s->redial, DIAL_US);
}

static struct bus_sub *subscribe(struct bus *b, const char *endpoint,
                                 const char *prefix)
{
    size_t          n = strlen(endpoint) + 1;
    struct bus_sub *s = calloc(1, sizeof *s + n);

    must(s && strlen(prefix) <= TOPIC_MAX);
    memcpy(s->endpoint, endpoint, n);
    memcpy(s->prefix, prefix, strlen(prefix) + 1);
    s->next = b->subs;
    b->subs = s;
    zsock_open(&s->sock, b, ZMQ_SUB, HINT_QUEUE_MAX, HINT_QUEUE_MAX);
    must(zmq_setsockopt(s->sock.sock, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) ==
         0);
    zsock_monitor(&s->monitor, &s->sock, b,
                  ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED,
                  on_monitor, s);
    zsock_watch(&s->sock, b, on_sub, s);
    must_ok(bus_dial(&s->dialler, b, &s->sock, endpoint), "subscribe to hints");
    timer_init(&s->redial, b->loop, on_redial, s);
    timer_set(&s->redial, DIAL_US);
    return s;
}

void bus_subscribe(struct bus *b, const char *endpoint, const char *prefix,
                   hint_fn *fn, void *ctx)
{
    struct listener *l = calloc(1, sizeof *l);
    struct bus_sub  *s = b->subs;

    while (s && (strcmp(s->endpoint, endpoint) != 0 ||
                 strcmp(s->prefix, prefix) != 0))
        s = s->next;
    if (!s)
        s = subscribe(b, endpoint, prefix);
    must(l);
    *l       = (struct listener){ s->first, fn, ctx };
    s->first = l;
}

void hints_close(struct bus *b)
{
    if (b->pub)
        zsock_close(&b->pub->sock);
    for (struct bus_sub *s = b->subs; s; s = s->next) {
        timer_fini(&s->redial);
        dial_close(&s->dialler);
        zmq_socket_monitor(s->sock.sock, NULL, 0);
        zsock_close(&s->monitor);
        zsock_close(&s->sock);
    }
}

void hints_free(struct bus *b)
{
    if (b->pub && b->pub->lock >= 0)
        close(b->pub->lock);
    free(b->pub);
    b->pub = NULL;
    while (b->subs) {
        struct bus_sub *s = b->subs;

        b->subs = s->next;
        while (s->first) {
            struct listener *l = s->first;

            s->first = l->next;
            free(l);
        }
        free(s);
    }
}
