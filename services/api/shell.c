#include "api/shell.h"

#include "api/call.h"
#include "api/events.h"
#include "api/gojson.h"
#include "api/share.h"
#include "api/socket.h"
#include "api/submit.h"
#include "api/waits.h"
#include "model/genesis.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 20000, MEMORY_BYTES = 1 << 30 };

static enum err read_file(struct span *out, const char *path, size_t max,
                          struct arena *a)
{
    FILE    *f = fopen(path, "rb");
    uint8_t *p = arena_alloc(a, max + 1);
    size_t   n;

    if (!f || !p)
        return fail(ERR_GENESIS, "%s: cannot be read; `warren init` makes one",
                    path);
    n = fread(p, 1, max + 1, f);
    fclose(f);
    if (n > max)
        return fail(ERR_GENESIS, "%s: larger than %zu bytes", path, max);
    *out = SPAN(p, n);
    return OK;
}

static const char *copy_text(struct arena *a, struct span text)
{
    char *p = arena_alloc(a, text.n + 1);

    must(p != NULL);
    memcpy(p, text.p, text.n);
    return p;
}

/* What /genesis answers does not change: print it once. */
static enum err load_genesis(struct shell *s)
{
    const char    *path, *why = "";
    struct genesis g;
    struct arena   scratch;
    struct buf     indented, compact;
    struct span    text;
    enum err       e;

    path = config_path(s->svc->config, s->svc->config->genesis_file);
    arena_open(&scratch, MEMORY_BYTES);
    e = read_file(&text, path, GENESIS_BYTES_MAX, &scratch);
    if (!e && genesis_parse(&g, text, &scratch, &why))
        e = fail(ERR_GENESIS, "%s: %s", path, why);
    if (!e) {
        buf_init(&indented, 2 * GENESIS_BYTES_MAX);
        buf_init(&compact, 2 * GENESIS_BYTES_MAX);
        genesis_print(&indented, &g);
        gojson_compact(&compact, buf_span(&indented));
        s->genesis       = arena_copy(&s->memory, buf_span(&compact));
        s->chain_id      = copy_text(&s->memory, g.chain_id);
        s->svc->chain_id = s->chain_id;
        buf_fini(&indented);
        buf_fini(&compact);
    }
    arena_close(&scratch);
    return e;
}

static void on_up(void *ctx, bool is_new_boot)
{
    struct neighbour *n = ctx;

    UNUSED(is_new_boot);
    if (n->is_needed)
        svc_condition(n->shell->svc, n->name, NULL);
}

static void on_down(void *ctx)
{
    struct neighbour *n = ctx;

    if (n->is_needed)
        svc_condition(n->shell->svc, n->name, "not reachable");
}

static struct bus_client *meet(struct shell *s, const char *service,
                               bool is_needed)
{
    static const struct bus_client_fns fns = { .on_up   = on_up,
                                               .on_down = on_down };
    struct neighbour                  *n = &s->neighbours[s->neighbour_count++];

    must(s->neighbour_count <= NEIGHBOURS_MAX);
    *n = (struct neighbour){ .shell     = s,
                             .name      = service,
                             .is_needed = is_needed };
    if (is_needed)
        svc_condition(s->svc, service, "not reached yet");
    n->client = svc_connect(s->svc, service, &fns, n);
    return n->client;
}

static void on_app_up(void *ctx)
{
    struct shell *s = ctx;

    svc_condition(s->svc, "application", NULL);
    app_is_up(s);
}

static void on_app_down(void *ctx, const char *why)
{
    struct shell *s = ctx;

    UNUSED(why);
    svc_condition(s->svc, "application", "not connected");
}

static void meet_all(struct shell *s)
{
    static const struct abci_client_fns fns = { .on_up   = on_app_up,
                                                .on_down = on_app_down };
    const struct config                *cfg = s->svc->config;
    const char                         *app = config_app_service(cfg);

    s->store     = meet(s, "store", true);
    s->mempool   = meet(s, "mempool", true);
    s->consensus = meet(s, "consensus", true);
    s->p2p       = meet(s, "p2p", false);
    if (app)
        meet(s, app, false);
    /* In a place of its own it talks to consensus alone, which reports it. */
    if (!*cfg->priv_validator_laddr && !*cfg->warren.signer)
        meet(s, "signer", false);
    svc_condition(s->svc, "application", "not connected yet");
    s->app = abci_connect(s->svc->loop, config_app_address(cfg), &fns, s);
}

static uint32_t connections(int64_t configured)
{
    return configured <= 0 || configured > 65536 ? 65536 : (uint32_t)configured;
}

static enum err listen_all(struct shell *s)
{
    const struct config *cfg    = s->svc->config;
    struct http_limits   limits = {
          .body_max        = (size_t)cfg->rpc.max_body_bytes,
          .header_max      = (size_t)cfg->rpc.max_header_bytes,
          .connections_max = connections(cfg->rpc.max_open_connections),
          .timeout_ms      = TIMEOUT_MS,
    };
    struct http_limits ops = { .body_max        = 1024,
                               .header_max      = 16384,
                               .connections_max = 64,
                               .timeout_ms      = TIMEOUT_MS };
    enum err           e   = OK;

    if (*cfg->rpc.laddr)
        e = http_listen(&s->rpc, s->svc->loop, cfg->rpc.laddr, &limits,
                        rpc_serve, s);
    if (!e && cfg->instrumentation.prometheus)
        e = http_listen(&s->ops, s->svc->loop,
                        cfg->instrumentation.prometheus_listen_addr, &ops,
                        ops_serve, s);
    return e;
}

/* Stopping: nobody new comes in, answers that are due are given, WebSocket
 * clients hear that they should go elsewhere; all within a second. */
enum { DRAIN_TURN_US = 20000, DRAIN_TURNS = 40 };

static void drain_turn(void *ctx)
{
    struct shell *s = ctx;

    if (s->drain_turns == 0) {
        svc_exit(s->svc, OK);
        return;
    }
    s->drain_turns--;
    sockets_close(s, s->drain_turns == 0);
    if (http_count(s->rpc) == 0)
        s->drain_turns = 0; /* one more, for what is still being sent */
    timer_set(&s->drain, DRAIN_TURN_US);
}

static void on_stop(void *ctx)
{
    struct shell *s = ctx;

    s->is_stopping = true;
    s->drain_turns = DRAIN_TURNS;
    svc_condition(s->svc, "stopping", "it is being stopped");
    http_drain(s->rpc);
    drain_turn(s);
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    static const struct bus_server_fns none = { 0 };
    enum err                           e;

    s->svc = svc;
    for (size_t i = 0; i < method_count; i++)
        metric_add(&metric_api_errors_total, methods[i].name, NULL, 0);
    metric_set(&metric_api_websockets, NULL, NULL, 0);
    metric_set(&metric_api_subscriptions, NULL, NULL, 0);
    arena_open(&s->memory, MEMORY_BYTES);
    buf_init(&s->node_info, NODE_INFO_BYTES_MAX);
    e = load_genesis(s);
    if (!e)
        e = svc_serve(svc, &none, s);
    if (e)
        return e;
    meet_all(s);
    s->waits   = waits_new(s);
    s->submits = submits_new(s);
    s->shares  = shares_new();
    s->events  = events_new(s);
    timer_init(&s->drain, svc->loop, drain_turn, s);
    e = listen_all(s);
    if (!e && s->rpc)
        svc_on_stop(svc, on_stop, s);
    return e;
}

void shell_close(struct shell *s)
{
    timer_fini(&s->drain);
    http_close(s->rpc);
    if (s->ops)
        http_close(s->ops);
    waits_free(s->waits);
    events_free(s->events);
    exchanges_close(s);
    abci_close(s->app);
    for (size_t i = 0; i < s->neighbour_count; i++)
        bus_client_close(s->neighbours[i].client);
    submits_free(s->submits);
    shares_free(s->shares);
    arena_close(&s->memory);
    buf_fini(&s->node_info);
}
