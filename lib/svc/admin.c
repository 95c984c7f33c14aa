/* The admin lane: health, metrics and the log level of any service. */
#include "base/log.h"
#include "crypto/hash.h"
#include "svc/internal.h"
#include "svc/trace.h"

#include <stdlib.h>

enum { SPEC_BYTES_MAX = 256 };

static void reply_packed(struct bus_call call, const Admin__Reply *reply)
{
    size_t   n = admin__reply__get_packed_size(reply);
    uint8_t *p = malloc(n + 1);

    must(p);
    admin__reply__pack(reply, p);
    bus_reply(call, OK, NULL, SPAN(p, n));
    free(p);
}

void svc_health(struct svc_health *out, const struct svc_process *p)
{
    Admin__Health *h = &out->message;

    *h           = (Admin__Health)ADMIN__HEALTH__INIT;
    h->service   = (char *)(uintptr_t)p->svc.name;
    h->boot      = bus_boot_id(p->svc.bus);
    h->uptime_ms = (now_us() - p->started_us) / 1000;
    h->reasons   = out->list;
    for (size_t i = 0; i < p->condition_count; i++) {
        Admin__Health__Reason *r = &out->found[h->n_reasons];

        if (!p->conditions[i].reason)
            continue;
        *r           = (Admin__Health__Reason)ADMIN__HEALTH__REASON__INIT;
        r->condition = (char *)(uintptr_t)p->conditions[i].name;
        r->reason    = (char *)(uintptr_t)p->conditions[i].reason;
        out->list[h->n_reasons++] = r;
    }
}

static void answer_health(struct svc_process *p, struct bus_call call)
{
    struct svc_health h;
    Admin__Reply      reply = ADMIN__REPLY__INIT;

    svc_health(&h, p);
    reply.kind_case = ADMIN__REPLY__KIND_HEALTH;
    reply.health    = &h.message;
    reply_packed(call, &reply);
}

static void answer_metrics(struct svc_process *p, struct bus_call call)
{
    Admin__Metrics metrics = ADMIN__METRICS__INIT;
    Admin__Reply   reply   = ADMIN__REPLY__INIT;
    struct buf     text;

    svc_metrics(&text, &p->svc);
    metrics.text.data = text.p;
    metrics.text.len  = text.len;
    reply.kind_case   = ADMIN__REPLY__KIND_METRICS;
    reply.metrics     = &metrics;
    reply_packed(call, &reply);
    buf_fini(&text);
}

static void set_log_level(struct svc_process *p, struct bus_call call,
                          const char *spec)
{
    bool is_json = strcmp(p->svc.config->log_format, "json") == 0;

    if (strlen(spec) > SPEC_BYTES_MAX ||
        !log_setup(p->svc.name, is_json ? LOG_JSON : LOG_PLAIN, spec)) {
        bus_reply(call, ERR_USAGE, "not a log level", SPAN(NULL, 0));
        return;
    }
    log_event(LOG_INFO, "log level changed", LOG_STR("to", spec));
    bus_reply(call, OK, NULL, SPAN(NULL, 0));
}

static void answer_trace(struct bus_call call, const Admin__GetTrace *what)
{
    Admin__Trace trace;
    Admin__Reply reply = ADMIN__REPLY__INIT;

    if (what->tx.len != HASH_BYTES) {
        bus_reply(call, ERR_USAGE, "a hash has 32 bytes", SPAN(NULL, 0));
        return;
    }
    trace_answer(&trace, what->tx.data, what->height);
    reply.kind_case = ADMIN__REPLY__KIND_TRACE;
    reply.trace     = &trace;
    reply_packed(call, &reply);
}

void svc_admin(void *ctx, struct bus_call call, struct span body)
{
    struct svc_process *p = svc_process(ctx);
    Admin__Request     *r = admin__request__unpack(NULL, body.n, body.p);

    if (!r) {
        bus_reply(call, ERR_USAGE, "malformed", SPAN(NULL, 0));
        return;
    }
    switch (r->kind_case) {
    case ADMIN__REQUEST__KIND_GET_HEALTH: answer_health(p, call); break;
    case ADMIN__REQUEST__KIND_GET_METRICS: answer_metrics(p, call); break;
    case ADMIN__REQUEST__KIND_SET_LOG_LEVEL:
        set_log_level(p, call, r->set_log_level->spec);
        break;
    case ADMIN__REQUEST__KIND_GET_TRACE:
        answer_trace(call, r->get_trace);
        break;
    default: bus_reply(call, ERR_USAGE, "unknown request", SPAN(NULL, 0));
    }
    admin__request__free_unpacked(r, NULL);
}
