#include "signer/shell.h"

#include "base/log.h"

enum {
    REDIAL_MIN_US = 10000,
    REDIAL_MAX_US = 1000000,
    /* A node pings every 3.3 s.  Silence this long is a host that is gone
     * without a word: over TCP nothing else would tell. */
    IDLE_US     = 15000000,
    ARENA_BYTES = 64 << 20,
};

/* ---- requests ---- */

static void count(const char *verdict, uint64_t since)
{
    metric_add(&metric_signer_requests_total, verdict, NULL, 1);
    metric_since(&metric_signer_request_seconds, NULL, NULL, since);
}

static void refuse(struct shell *s, const struct privval_msg *req)
{
    struct privval_msg res;

    log_event(LOG_WARN, "refused to sign",
              LOG_STR("why", "a negative height or round"));
    count("refused", now_us());
    privval_refuse(req, &res, "negative height or round", &s->arena);
    if (!privval_send(s->conn, &res))
        log_event(LOG_WARN, "an answer does not fit the connection");
}

static enum err save(struct shell *s)
{
    uint64_t began = now_us();
    enum err e     = signer_save_state(s);

    metric_since(&metric_fsync_seconds, "state", NULL, began);
    return e;
}

static void on_message(void *ctx, const struct privval_msg *req)
{
    struct shell      *s     = ctx;
    struct last_signed kept  = s->privval.last;
    uint64_t           began = now_us();
    struct privval_msg res;
    bool               is_new;
    char               why[WHY_BYTES];

    timer_set(&s->idle, IDLE_US);
    arena_reset(&s->arena);
    if (!privval_is_storable(req)) {
        refuse(s, req);
        return;
    }
    if (!privval_answer(&s->privval, req, &res, &is_new, why, &s->arena))
        return; /* an answer to nothing */
    if (is_new && save(s) != OK) {
        /* Not durable: the signature stays here and never was. */
        s->privval.last = kept;
        return;
    }
    if (why[0])
        log_event(LOG_WARN, "refused to sign", LOG_STR("why", why));
    if (req->which != PRIVVAL_PING_REQUEST &&
        req->which != PRIVVAL_PUB_KEY_REQUEST)
        count(why[0] ? "refused" : "signed", began);
    if (!privval_send(s->conn, &res))
        log_event(LOG_WARN, "an answer does not fit the connection");
}

/* ---- the connection ---- */

static void on_open(void *ctx)
{
    struct shell *s = ctx;

    s->redial_us = REDIAL_MIN_US;
    timer_set(&s->idle, IDLE_US);
    svc_condition(s->svc, "consensus", NULL);
    log_event(LOG_INFO, "connected", LOG_STR("to", s->address));
}

static void on_close(void *ctx, const char *why)
{
    struct shell *s = ctx;

    s->conn = NULL;
    timer_clear(&s->idle);
    svc_condition(s->svc, "consensus", "not connected");
    log_event(LOG_DEBUG, "not connected", LOG_STR("to", s->address),
              LOG_STR("why", why));
    timer_set(&s->redial, s->redial_us);
    s->redial_us *= 2;
    if (s->redial_us > REDIAL_MAX_US)
        s->redial_us = REDIAL_MAX_US;
}

static void on_idle(void *ctx)
{
    struct shell *s = ctx;

    log_event(LOG_WARN, "the node has gone silent", LOG_STR("at", s->address));
    privval_close(s->conn);
    on_close(s, "silent");
}

static const struct privval_conn_fns conn_fns = { .on_open    = on_open,
                                                  .on_message = on_message,
                                                  .on_close   = on_close };

static void dial(void *ctx)
{
    struct shell *s = ctx;

    s->conn = privval_dial(s->svc->loop, s->address, &conn_fns, s);
}

static void start_dialling(struct shell *s)
{
    svc_condition(s->svc, "history", NULL);
    timer_fini(&s->redial);
    timer_fini(&s->idle);
    timer_init(&s->redial, s->svc->loop, dial, s);
    timer_init(&s->idle, s->svc->loop, on_idle, s);
    dial(s);
}

bool signer_is_at_home(const struct shell *s)
{
    const struct config *cfg = s->svc->config;

    return !*cfg->priv_validator_laddr || *cfg->warren.consensus;
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    static const struct bus_server_fns none = { 0 };
    enum err                           e;

    s->svc       = svc;
    s->redial_us = REDIAL_MIN_US;
    s->address   = config_privval_address(svc->config);
    arena_open(&s->arena, ARENA_BYTES);
    e = signer_read_chain_id(s);
    e = e ? e : signer_read_key(s);
    e = e ? e : signer_read_state(s);
    e = e ? e : svc_serve(svc, &none, s);
    if (e)
        return e;
    svc->chain_id = s->chain_id;
    svc_disk(svc, s->state_path);
    metric_add(&metric_signer_requests_total, "signed", NULL, 0);
    metric_add(&metric_signer_requests_total, "refused", NULL, 0);
    svc_condition(svc, "consensus", "not connected");
    if (privval_is_secret(s->address) && !signer_is_at_home(s))
        start_dialling(s); /* a node on another host, that cannot be asked */
    else
        signer_check_history(s, start_dialling);
    return OK;
}

void shell_close(struct shell *s)
{
    if (s->conn)
        privval_close(s->conn);
    timer_fini(&s->redial);
    timer_fini(&s->idle);
    privkey_wipe(&s->key);
    arena_close(&s->arena);
}
