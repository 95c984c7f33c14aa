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

struct bus_sub {
    struct bus_sub *next;
    struct zsock    sock;
    struct dialler  dialler;
    struct timer    redial;
    void (*fn)(void *ctx, const char *topic, struct span body);
    void *ctx;
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
    s->fn(s->ctx, text, frame_span(&f->msg[1]));
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

/* Nobody says that a publisher is gone. */
static void on_redial(void *ctx)
{
    struct bus_sub *s = ctx;

    dial_again(&s->dialler);
    timer_set(&s->redial, DIAL_US);
}

void bus_subscribe(struct bus *b, const char *endpoint, const char *prefix,
                   void (*fn)(void *ctx, const char *topic, struct span body),
                   void *ctx)
{
    struct bus_sub *s = calloc(1, sizeof *s);

    must(s);
    s->fn   = fn;
    s->ctx  = ctx;
    s->next = b->subs;
    b->subs = s;
    zsock_open(&s->sock, b, ZMQ_SUB, HINT_QUEUE_MAX, HINT_QUEUE_MAX);
    must(zmq_setsockopt(s->sock.sock, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) ==
         0);
    zsock_watch(&s->sock, b, on_sub, s);
    must_ok(bus_dial(&s->dialler, b, &s->sock, endpoint), "subscribe to hints");
    timer_init(&s->redial, b->loop, on_redial, s);
    if (s->dialler.is_name)
        timer_set(&s->redial, DIAL_US);
}

void hints_close(struct bus *b)
{
    if (b->pub)
        zsock_close(&b->pub->sock);
    for (struct bus_sub *s = b->subs; s; s = s->next) {
        timer_fini(&s->redial);
        dial_close(&s->dialler);
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
        free(s);
    }
}
