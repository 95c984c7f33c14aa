/* call - one method call on its way: arguments in, result or error out.
 *
 * A handler asks other services and ends with exactly one of call_done and
 * call_fail, now or later.
 * Memory:  everything of a call lives in its exchange's arena. */
#ifndef WARREN_CALL_H
#define WARREN_CALL_H

#include "abci/abci.h"
#include "api/args.h"
#include "api/jsonrpc.h"
#include "api/shell.h"
#include "base/err.h"
#include "crypto/hash.h"
#include "proto/consensus.pb-c.h"
#include "proto/mempool.pb-c.h"
#include "proto/p2p.pb-c.h"
#include "proto/store.pb-c.h"
#include "json/write.h"

struct call;
struct exchange;
struct socket;

/* call_request_id - of the client's request that c belongs to. */
struct request_id call_request_id(const struct call *c);

struct method {
    const char *name;
    void (*fn)(struct call *c);
    struct arg_spec args[ARGS_MAX];
    /* Cache-Control on answers: never, always, or when height is given. */
    enum { CACHE_NEVER, CACHE_ALWAYS, CACHE_WITH_HEIGHT } cache;
    bool is_unsafe;
    bool is_overlapping; /* several in a row may be on their way together */
};
const struct method *method_find(struct span name);
/* stream_method_find - one that only clients on a WebSocket may call. */
const struct method       *stream_method_find(struct span name);
size_t                     method_arg_count(const struct method *m);
extern const struct method methods[];
extern const size_t        method_count;

struct call {
    struct shell        *shell;
    struct exchange     *exchange;
    const struct method *method;
    struct arg           args[ARGS_MAX];
    struct arena        *arena;
    struct rpc_id        id;
    uint64_t             began_us;
    struct buf           out;
    struct json_writer   w; /* where the handler writes the result */
    /* What handlers keep between steps. */
    int64_t      height, last_height;
    struct call *next;       /* of those that wait for the application */
    struct call *next_alike; /* of those that share a question */
    struct timer patience;
    bool         is_again;
    struct span  bytes;
    struct hash  tx; /* of the transaction that it brings */
    void        *state;
    void (*at_end)(struct call *c); /* before its memory goes; or NULL */
    int expected;                   /* kind of the reply */
    void (*then)(struct call *c);
    void (*then_store)(struct call *c, const Store__Reply *r);
    void (*then_mempool)(struct call *c, const Mempool__Reply *r);
    void (*then_submitted)(struct call                       *c,
                           const Mempool__Submitted__Verdict *v);
    void (*then_consensus)(struct call *c, const Consensus__Reply *r);
    void (*then_p2p)(struct call *c, const P2p__Reply *r);
    void (*then_app)(struct call *c, const struct abci_response *r);
};

enum { ASK_DEADLINE_MS = 5000 };

/* Ask a service; `then` gets its reply of the expected kind, or the call fails
 * by itself with a text that names the service.  Reply memory is borrowed until
 * `then` ends. */
void ask_store(struct call *c, Store__Request *req,
               Store__Reply__KindCase expected,
               void (*then)(struct call *c, const Store__Reply *r));
void ask_mempool(struct call *c, Mempool__Request *req,
                 Mempool__Reply__KindCase expected,
                 void (*then)(struct call *c, const Mempool__Reply *r));
void ask_consensus(struct call *c, Consensus__Request *req,
                   Consensus__Reply__KindCase expected,
                   void (*then)(struct call *c, const Consensus__Reply *r));
void ask_p2p(struct call *c, P2p__Request *req, P2p__Reply__KindCase expected,
             void (*then)(struct call *c, const P2p__Reply *r));
void ask_app(struct call *c, const struct abci_request *req,
             void (*then)(struct call *c, const struct abci_response *r));

/* ask_failed - the call fails unless status is OK; text is what the service
 * said, if anything. */
NODISCARD bool ask_failed(struct call *c, const char *service, enum err status,
                          const char *text);

/* await_app - is the application connected?  If not, the call waits, and goes
 * on with `again` once it is; it fails after a few seconds. */
NODISCARD bool await_app(struct call *c, void (*again)(struct call *c));
/* app_is_up - go on with the calls that wait for it (for the shell). */
void app_is_up(void *shell);

/* call_height - the height argument against the chain, as getHeight does:
 * `then` runs with c->height and c->last_height set, or the call fails.
 * With is_next the height after the last is allowed, and the default. */
void call_height(struct call *c, bool is_next, void (*then)(struct call *c));

/* call_socket - the WebSocket that it came on; NULL once the client left. */
struct socket *call_socket(const struct call *c);

void call_done(struct call *c);
void call_fail(struct call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* call_bad_args - an argument cannot be what the method takes. */
void call_bad_args(struct call *c, struct span why);

/* call_page - per_page and page arguments at index; false after failing. */
NODISCARD bool call_page(struct call *c, size_t page_arg, size_t total,
                         size_t *skip, size_t *count);
int64_t        call_per_page(const struct arg *a);

static inline struct span span_of(ProtobufCBinaryData d)
{
    return (struct span){ d.data, d.len };
}

#endif
