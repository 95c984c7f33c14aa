/* ask - requests to other services on behalf of a call. */
#include "api/call.h"
#include "api/share.h"
#include "base/log.h"

#include <stdlib.h>

/* What protobuf-c unpacks goes to the call's arena. */
static void *arena_take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void arena_keep(void *arena, void *p)
{
    UNUSED(arena);
    UNUSED(p);
}

#define ALLOCATOR(c)                                                           \
    {                                                                          \
        arena_take, arena_keep, (c)->arena                                     \
    }

bool ask_failed(struct call *c, const char *service, enum err status,
                const char *text)
{
    if (status == OK)
        return false;
    log_event(status == ERR_TIMEOUT ? LOG_INFO : LOG_DEBUG,
              "a service did not do what was asked", LOG_STR("of", service),
              LOG_STR("code", err_name(status)));
    if (status == ERR_TIMEOUT)
        call_fail(c, "%s did not answer in time; it may be restarting",
                  service);
    else if (text && *text)
        call_fail(c, "%s", text);
    else
        call_fail(c, "%s: %s", service, err_name(status));
    return true;
}

/* Pack a request into the arena and send it. */
static void send_to(struct call *c, struct bus_client *to,
                    const ProtobufCMessage *req, bus_reply_fn *fn)
{
    size_t   n = protobuf_c_message_get_packed_size(req);
    uint8_t *p = arena_alloc(c->arena, n + 1);

    if (!p) {
        call_fail(c, "the request is too large");
        return;
    }
    protobuf_c_message_pack(req, p);
    share_ask(c->shell->shares, to, SPAN(p, n), fn, c);
}

#define REPLY_HANDLER(service, Type, unpack)                                   \
    static void service##_replied(void *ctx, uint64_t tag, enum err status,    \
                                  const char *text, struct span body)          \
    {                                                                          \
        struct call       *c     = ctx;                                        \
        ProtobufCAllocator alloc = ALLOCATOR(c);                               \
        Type              *r;                                                  \
                                                                               \
        UNUSED(tag);                                                           \
        if (ask_failed(c, #service, status, text))                             \
            return;                                                            \
        r = unpack(&alloc, body.n, body.p);                                    \
        if (r && (int)r->kind_case == c->expected)                             \
            c->then_##service(c, r);                                           \
        else                                                                   \
            call_fail(c, #service " gave an answer of another kind");          \
    }

REPLY_HANDLER(store, Store__Reply, store__reply__unpack)
REPLY_HANDLER(mempool, Mempool__Reply, mempool__reply__unpack)
REPLY_HANDLER(consensus, Consensus__Reply, consensus__reply__unpack)
REPLY_HANDLER(p2p, P2p__Reply, p2p__reply__unpack)

void ask_store(struct call *c, Store__Request *req,
               Store__Reply__KindCase expected,
               void (*then)(struct call *c, const Store__Reply *r))
{
    c->expected   = expected;
    c->then_store = then;
    send_to(c, c->shell->store, &req->base, store_replied);
}

void ask_mempool(struct call *c, Mempool__Request *req,
                 Mempool__Reply__KindCase expected,
                 void (*then)(struct call *c, const Mempool__Reply *r))
{
    c->expected     = expected;
    c->then_mempool = then;
    send_to(c, c->shell->mempool, &req->base, mempool_replied);
}

void ask_consensus(struct call *c, Consensus__Request *req,
                   Consensus__Reply__KindCase expected,
                   void (*then)(struct call *c, const Consensus__Reply *r))
{
    c->expected       = expected;
    c->then_consensus = then;
    send_to(c, c->shell->consensus, &req->base, consensus_replied);
}

void ask_p2p(struct call *c, P2p__Request *req, P2p__Reply__KindCase expected,
             void (*then)(struct call *c, const P2p__Reply *r))
{
    c->expected = expected;
    c->then_p2p = then;
    send_to(c, c->shell->p2p, &req->base, p2p_replied);
}

static void app_replied(void *ctx, uint64_t tag,
                        const struct abci_response *res, const char *error)
{
    struct call *c = ctx;

    UNUSED(tag);
    if (res && !error)
        c->then_app(c, res);
    else if (!abci_is_up(c->shell->app) && !c->is_again && c->then &&
             !await_app(c, c->then))
        c->is_again = true; /* it died meanwhile: asked once more */
    else
        call_fail(c, "the application did not answer: %s",
                  error ? error : "not connected");
}

void ask_app(struct call *c, const struct abci_request *req,
             void (*then)(struct call *c, const struct abci_response *r))
{
    c->then_app = then;
    abci_call(c->shell->app, req, app_replied, c, 0);
}

/* ---- an application that is being restarted ---- */

static void forget(struct call *c)
{
    struct call **at = &c->shell->awaiting_app;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    timer_fini(&c->patience);
}

static void out_of_patience(void *call)
{
    struct call *c = call;

    forget(c);
    call_fail(c, "the application did not answer: not connected");
}

bool await_app(struct call *c, void (*again)(struct call *c))
{
    c->then = again;
    if (abci_is_up(c->shell->app))
        return true;
    c->next                = c->shell->awaiting_app;
    c->shell->awaiting_app = c;
    timer_init(&c->patience, c->shell->svc->loop, out_of_patience, c);
    timer_set(&c->patience, (uint64_t)ASK_DEADLINE_MS * 1000);
    return false;
}

void app_is_up(void *ctx)
{
    struct shell *s = ctx;

    while (s->awaiting_app && abci_is_up(s->app)) {
        struct call *c = s->awaiting_app;

        forget(c);
        c->then(c);
    }
}
