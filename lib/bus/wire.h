/* wire - what both sides of the bus share: the header, frames, sockets that
 * report to the loop, and CURVE.
 *
 * Source:  proto/common.proto; libzmq 4.3 (zmq_getsockopt(3): ZMQ_FD is
 *          edge-triggered, so ZMQ_EVENTS is read on every wake and after
 *          every send).
 * Memory:  a struct frames owns its zmq messages until frames_fini. */
#ifndef WARREN_BUS_WIRE_H
#define WARREN_BUS_WIRE_H

#include "bus/bus.h"
#include "metrics/metrics.h"

#include <stdatomic.h>
#include <zmq.h>

enum {
    HEADER_BYTES_MAX   = 1024,
    SERVICE_NAME_MAX   = 32,
    TEXT_BYTES_MAX     = 512,
    SEND_QUEUE_MAX     = 65536, /* messages, in libzmq */
    RECEIVE_QUEUE_MAX  = 512,
    HINT_QUEUE_MAX     = 1000,
    DRAIN_BURST        = 256, /* messages before others get their turn */
    HELLO_US           = 1000000,
    SILENT_US          = 5000000, /* then the other side counts as gone */
    RECONNECT_FIRST_MS = 10,
    RECONNECT_MAX_MS   = 50,
    HANDSHAKE_MS       = 5000,
    KEY_BYTES          = 32,
    KEY_TEXT_BYTES     = BUS_KEY_TEXT, /* Z85 and a zero */
    ALLOWED_MAX        = 64,
};

enum { KIND_HELLO = 1, KIND_REQUEST, KIND_REPLY, KIND_PUSH };

struct bus_header {
    int32_t     kind, lane;
    uint64_t    id, boot;
    struct span service;
    uint32_t    deadline_ms, status;
    struct span text;
    struct span request;
    uint64_t    to; /* the boot it was written for; 0: any */
};

/* A message of one to three frames: [routing id] header body. */
struct frames {
    zmq_msg_t msg[3];
    size_t    n;
};

/* zmq_msg_send and zmq_msg_recv without waiting, again after a signal. */
int frame_send(zmq_msg_t *m, void *sock, int flags);
int frame_receive(zmq_msg_t *m, void *sock);

/* frames_receive - false when nothing waits: then libzmq has also taken all
 * that its descriptor told of, so the next news wakes us again.  Frames beyond
 * three are dropped and leave n at 4, so that no reader takes the message. */
NODISCARD bool frames_receive(void *sock, struct frames *f);
void           frames_fini(struct frames *f);
struct span    frame_span(zmq_msg_t *m);

/* header_decode - spans borrow from in. */
NODISCARD bool header_decode(struct bus_header *h, struct span in);
void           header_encode(zmq_msg_t *out, const struct bus_header *h);

/* body_make - a message with a copy of body; *queued counts its bytes until
 * libzmq has given them to the kernel. */
void body_make(zmq_msg_t *out, struct span body, atomic_size_t *queued);

/* A socket in the loop: fn drains it, and returns true to be called again
 * although nothing new arrives. */
struct zsock {
    void           *sock;
    struct watch    watch;
    struct deferred again;
    bool (*fn)(void *ctx);
    void *ctx;
};
void zsock_open(struct zsock *z, struct bus *b, int type, int send_queue,
                int receive_queue);
void zsock_watch(struct zsock *z, struct bus *b, bool (*fn)(void *ctx),
                 void *ctx);
/* zsock_poke - after every use of the socket outside fn. */
void zsock_poke(struct zsock *z);
void zsock_close(struct zsock *z);
bool zsock_can_receive(struct zsock *z);
/* zsock_monitor - m reports z's events named in the mask. */
void zsock_monitor(struct zsock *m, struct zsock *z, struct bus *b, int events,
                   bool (*fn)(void *ctx), void *ctx);
/* zsock_event - the next event of a monitor, 0 when there is none. */
int zsock_event(struct zsock *m);

/* Where an endpoint text leads: "ipc:///path" or "tcp://host:port#KEY". */
struct endpoint {
    char address[256];
    char key[KEY_TEXT_BYTES]; /* of the server; empty for ipc */
    bool is_tcp;
};
NODISCARD bool endpoint_parse(struct endpoint *e, const char *text);

/* Who may come in by tcp. */
struct bus_zap {
    struct zsock sock;
    uint8_t      allowed[ALLOWED_MAX][KEY_BYTES];
    size_t       allowed_count;
};

struct bus {
    struct loop       *loop;
    void              *ctx;
    char               service[SERVICE_NAME_MAX + 1];
    uint64_t           boot;
    unsigned           monitor_count;
    struct bus_server *servers;
    struct bus_client *clients;
    struct bus_sub    *subs;
    struct bus_pub    *pub;
    char               secret_key[KEY_TEXT_BYTES], public_key[KEY_TEXT_BYTES];
    struct bus_zap     zap;
    struct metrics_source numbers;
};

/* bus_bind - options for a listening socket, then bind; the lock keeps a
 * second process off the endpoint and is -1 for tcp. */
NODISCARD enum err bus_bind(struct bus *b, struct zsock *z,
                            const char *endpoint, int *lock);
/* Where a socket connects to, and for a name where that was. */
struct dialler {
    struct bus     *bus;
    struct zsock   *z;
    struct endpoint to;
    bool            is_name;
    char            connected[sizeof((struct endpoint *)0)->address];
    bool            is_linked; /* kept by the owner, from its monitor */
    uint64_t        dialled_us;
    struct resolve *resolve; /* under way */
    uint64_t        asked_us;
};
NODISCARD enum err bus_dial(struct dialler *d, struct bus *b, struct zsock *z,
                            const char *endpoint);
/* dial_again - while nobody answers: look where the name leads now, and who is
 * there after somebody who was no service. */
void               dial_again(struct dialler *d);
void               dial_close(struct dialler *d);
NODISCARD enum err zap_open(struct bus *b);
void               zap_close(struct bus *b);

/* *_close ends sockets; *_free gives memory back after the context. */
void servers_close(struct bus *b);
void servers_free(struct bus *b);
void clients_close(struct bus *b);
void clients_free(struct bus *b);
void hints_close(struct bus *b);
void hints_free(struct bus *b);

/* What waits for whom: told to a link_fn for each client and each peer. */
struct links;
typedef void link_fn(struct links *l, const char *name, const char *role,
                     size_t messages, size_t bytes);
void         clients_measure(struct bus *b, struct links *l, link_fn *fn);
void         servers_measure(struct bus *b, struct links *l, link_fn *fn);
/* links_measure - from now on, whenever somebody asks. */
void links_measure(struct bus *b);
/* link_dropped - messages that were not taken. */
void link_dropped(const char *name, const char *role, size_t n);

#endif
