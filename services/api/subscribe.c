/* subscribe - the methods of WebSocket clients only. */
#include "api/events.h"
#include "api/methods.h"
#include "api/socket.h"

/* Each event is sent with both. */
enum { QUERY_BYTES_MAX = 512, ID_BYTES_MAX = 4096 };

static void done(struct call *c)
{
    jw_object(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

/* The query in its one form; p NULL after failing. */
static struct span read_query(struct call *c)
{
    struct query q;
    struct buf   error, printed;
    char         text[1024];

    buf_use(&error, text, sizeof text);
    if (!query_parse(&q, c->args[0].bytes, c->arena, &error)) {
        call_fail(c, "failed to parse query: %s", buf_cstr(&error));
        return (struct span){ 0 };
    }
    buf_use(&printed, arena_alloc(c->arena, 6 * c->args[0].bytes.n + 64),
            6 * c->args[0].bytes.n + 64);
    query_print(&printed, &q);
    return buf_span(&printed);
}

/* From the height that the store has now on: what is saved later is told. */
static void current_known(struct call *c, const Store__Reply *r)
{
    const struct config_rpc *rpc = &c->shell->svc->config->rpc;
    struct socket           *k   = call_socket(c);
    struct subscription     *sub;

    if (!k) { /* it left meanwhile */
        done(c);
        return;
    }
    if (socket_subscriptions(k) == 0 &&
        c->shell->subscribers >= (size_t)rpc->max_subscription_clients) {
        call_fail(c, "max_subscription_clients %" PRId64 " reached",
                  rpc->max_subscription_clients);
        return;
    }
    sub = subscription_new(&c->id, c->args[0].bytes);
    socket_subscribe(k, sub);
    events_add(c->shell->events, sub, r->status->state_height);
    done(c);
}

void method_subscribe(struct call *c)
{
    const struct config_rpc *rpc = &c->shell->svc->config->rpc;
    struct socket           *k   = call_socket(c);
    Store__GetStatus         get = STORE__GET_STATUS__INIT;
    Store__Request           req = STORE__REQUEST__INIT;
    struct span              printed;

    if ((int64_t)c->shell->subscribers >= rpc->max_subscription_clients) {
        call_fail(c, "max_subscription_clients %" PRId64 " reached",
                  rpc->max_subscription_clients);
        return;
    }
    if ((int64_t)socket_subscriptions(k) >= rpc->max_subscriptions_per_client) {
        call_fail(c, "max_subscriptions_per_client %" PRId64 " reached",
                  rpc->max_subscriptions_per_client);
        return;
    }
    if (c->args[0].bytes.n > QUERY_BYTES_MAX) {
        call_fail(c, "maximum query length exceeded");
        return;
    }
    if (c->id.text.n > ID_BYTES_MAX) {
        call_fail(c, "maximum length of a subscription's id exceeded");
        return;
    }
    printed = read_query(c);
    if (!printed.p)
        return;
    if (socket_has(k, printed)) {
        call_fail(c, "already subscribed");
        return;
    }
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_store(c, &req, STORE__REPLY__KIND_STATUS, current_known);
}

static void unsubscribe(struct call *c, struct span printed)
{
    if (socket_unsubscribe(call_socket(c), printed))
        done(c);
    else
        call_fail(c, "subscription not found");
}

void method_unsubscribe(struct call *c)
{
    struct span printed = read_query(c);

    if (printed.p)
        unsubscribe(c, printed);
}

void method_unsubscribe_all(struct call *c)
{
    unsubscribe(c, (struct span){ 0 });
}
