#include "ledger/shell.h"

#include "base/log.h"
#include "loop/loop.h"
#include "svc/trace.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { CACHE_BYTES = 64 << 20, PATH_BYTES_MAX = 4096 };

static void report(struct shell *s, int32_t which, uint64_t us)
{
    metric_observe(&metric_ledger_request_seconds, abci_request_name(which),
                   NULL, (double)us / 1e6);
    if (which != ABCI_REQ_COMMIT)
        return;
    metric_set(&metric_ledger_height, NULL, NULL,
               (double)state_height(s->state));
    trace_block(TRACE_COMMITTED, state_height(s->state), 0);
    log_event(LOG_DEBUG, "committed", LOG_INT("height", state_height(s->state)),
              LOG_UINT("us", us));
}

static void handle(void *ctx, const struct abci_request *req,
                   struct abci_response *res, struct arena *a)
{
    struct shell *s      = ctx;
    uint64_t      before = now_us();

    ledger_handle(&s->core, req, res, a);
    state_rest(s->state);
    report(s, req->which, now_us() - before);
}

static enum err open_state(struct shell *s)
{
    const struct config *cfg  = s->svc->config;
    const char          *data = config_path(cfg, cfg->db_dir);
    struct state_options o    = { .cache_bytes = CACHE_BYTES,
                                  .keep        = cfg->warren.ledger_versions };
    char                 dir[PATH_BYTES_MAX];
    int                  n;

    n = snprintf(dir, sizeof dir, "%s/ledger", data);
    if (n < 0 || (size_t)n >= sizeof dir)
        return fail(ERR_CONFIG, "db_dir is too long");
    if (mkdir(data, 0700) != 0 && errno != EEXIST)
        return fail(ERR_DISK, "cannot make %s: %s", data, strerror(errno));
    return state_open(&s->state, dir, &o);
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    static const struct bus_server_fns fns = { 0 };
    enum err                           e;

    *s = (struct shell){ .svc = svc };
    e  = open_state(s);
    if (e)
        return e;
    s->host = host_of_state(s->state);
    ledger_open(&s->core, &s->host);
    e = svc_serve(svc, &fns, s);
    if (e)
        return e;
    log_event(LOG_INFO, "state found",
              LOG_INT("height", state_height(s->state)),
              LOG_INT("oldest", state_oldest(s->state)));
    return abci_serve(&s->server, svc->loop, config_app_address(svc->config),
                      handle, s);
}

void shell_close(struct shell *s)
{
    abci_server_close(s->server);
    ledger_close(&s->core);
    state_close(s->state);
}
