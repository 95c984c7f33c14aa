/* bus - how the services of a node talk: ZeroMQ and protobuf.
 *
 * Source:  proto/common.proto (header), proto/topology.def (every link).
 * Shapes:  a message is two frames, a common.Header and a body.  A service
 *          binds one ROUTER for requests and pushes, and one PUB for hints;
 *          others connect a DEALER to it and may subscribe.
 *          Every process has a boot id; clients say HELLO on connecting and
 *          once a second, so each side learns of the other's restart.
 * Units:   deadlines in milliseconds.
 * Memory:  bodies are borrowed until the callback returns.  Queues are
 *          bounded: a full one makes requests fail with ERR_BUSY and pushes
 *          return false, never block. */
#ifndef WARREN_BUS_H
#define WARREN_BUS_H

#include "base/log.h"
#include "loop/loop.h"

struct bus;
struct bus_server;
struct bus_client;

/* bus_open - service is the name that others see in HELLO. */
struct bus *bus_open(struct loop *l, const char *service);
void        bus_close(struct bus *b);
uint64_t    bus_boot_id(const struct bus *b);

/* For tcp endpoints, before serving or connecting: this process's secret key
 * and the public keys that may come in, each 40 characters of Z85. */
NODISCARD enum err bus_set_key(struct bus *b, const char *secret);
NODISCARD enum err bus_allow(struct bus *b, const char *public_key);
/* bus_make_key - a new pair of such texts. */
enum { BUS_KEY_TEXT = 41 };
void bus_make_key(char secret[BUS_KEY_TEXT], char public_key[BUS_KEY_TEXT]);

enum bus_lane { BUS_SERVICE = 1, BUS_ADMIN = 2 };

/* ---- serving ---- */

/* One request to be answered, now or later; a value to copy. */
struct bus_call {
    struct bus_server *server;
    uint32_t           peer; /* a connected client, valid until on_gone */
    uint64_t           id;
    struct request_id  request; /* for logs: see log_request */
};

struct bus_server_fns {
    /* While it runs, log_request names the call's. */
    void (*on_request)(void *ctx, struct bus_call call, struct span body);
    /* All of these may be NULL. */
    void (*on_push)(void *ctx, uint32_t peer, struct span body);
    void (*on_client)(void *ctx, uint32_t peer, const char *service,
                      uint64_t boot);
    void (*on_gone)(void *ctx, uint32_t peer); /* silent for 5 s or restarted */
};

/* bus_serve - bind endpoint ("ipc:///path", or "tcp://host:port" with CURVE);
 * on failure nothing is bound.  ERR_NET when another process serves it. */
NODISCARD enum err bus_serve(struct bus_server **out, struct bus *b,
                             const char                  *endpoint,
                             const struct bus_server_fns *fns, void *ctx);
/* bus_serve_admin - fn answers BUS_ADMIN requests; without it they fail. */
void bus_serve_admin(struct bus_server *s,
                     void (*fn)(void *ctx, struct bus_call call,
                                struct span body),
                     void *ctx);
/* bus_reply - answer once.  text explains a status other than OK. */
void bus_reply(struct bus_call call, enum err status, const char *text,
               struct span body);
/* bus_push_to - one way to a connected client; false when its queue is full
 * or it is gone. */
NODISCARD bool bus_push_to(struct bus_server *s, uint32_t peer,
                           struct span body);
/* bus_part - forget a client: on_gone is told later, and the client finds
 * itself in a new session.  Requests it waits for come again. */
void bus_part(struct bus_server *s, uint32_t peer);
/* bus_publish - a hint to whoever listens; may be lost, and says so nowhere. */
NODISCARD enum err bus_publish_open(struct bus *b, const char *endpoint);
void bus_publish(struct bus *b, const char *topic, struct span body);

/* ---- asking ---- */

struct bus_client_fns { /* all may be NULL */
    /* on_up - connected; is_new_boot when the other process is another one
     * than before: it has forgotten what it held in memory.  Also called
     * with false when only the connection or the session was lost: whoever
     * registered must do so again.  Requests in flight were sent again. */
    void (*on_up)(void *ctx, bool is_new_boot);
    void (*on_down)(void *ctx);
    void (*on_push)(void *ctx, struct span body);
};

/* bus_connect - endpoint as of bus_serve; a tcp one ends in "#KEY", the
 * server's public key.  Ends the process when it is malformed. */
struct bus_client *bus_connect(struct bus *b, const char *endpoint,
                               const struct bus_client_fns *fns, void *ctx);
/* bus_client_name - what the link is called in metrics before the server has
 * said its name; static. */
void bus_client_name(struct bus_client *c, const char *service);
/* bus_client_close - none of its fns is called any more. */
void bus_client_close(struct bus_client *c);
bool bus_is_up(const struct bus_client *c);

/* status other than OK: ERR_TIMEOUT past the deadline, ERR_BUSY, or what the
 * server said, with its text. */
typedef void bus_reply_fn(void *ctx, uint64_t tag, enum err status,
                          const char *text, struct span body);

/* bus_request - ask; fn is called exactly once, never from inside this call.
 *
 * Requests are idempotent by contract: one that was in flight when the server
 * restarted is sent again.  deadline_ms 0 waits for ever.  What log_request
 * names travels with it, and is named again while fn runs. */
void bus_request(struct bus_client *c, enum bus_lane lane, struct span body,
                 uint32_t deadline_ms, bus_reply_fn *fn, void *ctx,
                 uint64_t tag);
NODISCARD bool bus_push(struct bus_client *c, struct span body);

/* bus_subscribe - hints whose topic starts with prefix, of at most 64 bytes.
 * Who subscribes to the same shares a connection. */
void bus_subscribe(struct bus *b, const char *endpoint, const char *prefix,
                   void (*fn)(void *ctx, const char *topic, struct span body),
                   void *ctx);

#endif
