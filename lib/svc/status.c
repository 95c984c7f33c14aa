/* The status port: what probes and Prometheus ask one service over HTTP. */
#include "base/log.h"
#include "svc/internal.h"
#include "json/write.h"

#include <stdio.h>
#include <stdlib.h>

enum { JSON_BYTES_MAX = 1 << 16, ASK_MS = 2000, PATH_BYTES = 80 };

static void reply_text(struct http_request *r, int status, const char *type,
                       struct span body)
{
    http_set_header(r, "Content-Type", type);
    http_reply(r, status, body);
}

static void reply_plain(struct http_request *r, int status, const char *text)
{
    reply_text(r, status, "text/plain; charset=utf-8", span_str(text));
}

static void reply_metrics(struct http_request *r, struct span text)
{
    reply_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}

/* 200 and {"ready":true,"reasons":[]}, or 503 and why not. */
static void reply_ready(struct http_request *r, const Admin__Health *h)
{
    struct json_writer w;
    struct buf         out;
    char               why[256];

    buf_init(&out, JSON_BYTES_MAX);
    jw_init(&w, &out, 0);
    jw_object(&w);
    JW(&w, "ready", bool, h->n_reasons == 0);
    jw_key(&w, "reasons");
    jw_array(&w);
    for (size_t i = 0; i < h->n_reasons; i++) {
        snprintf(why, sizeof why, "%.100s: %.120s", h->reasons[i]->condition,
                 h->reasons[i]->reason);
        jw_object(&w);
        JW(&w, "service", cstr, h->service);
        JW(&w, "reason", cstr, why);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    buf_byte(&out, '\n');
    reply_text(r, h->n_reasons ? 503 : 200, "application/json", buf_span(&out));
    buf_fini(&out);
}

static void own_ready(struct svc_process *p, struct http_request *r)
{
    struct svc_health h;

    svc_health(&h, p);
    reply_ready(r, &h.message);
}

static void own_metrics(struct svc_process *p, struct http_request *r)
{
    struct buf text;

    svc_metrics(&text, &p->svc);
    reply_metrics(r, buf_span(&text));
    buf_fini(&text);
}

/* ---- a service that is asked over the bus ---- */

static void relayed(void *ctx, uint64_t tag, enum err status, const char *text,
                    struct span body)
{
    struct http_request *r = ctx;
    Admin__Reply        *a = NULL;

    UNUSED(tag);
    UNUSED(text);
    if (status == OK)
        a = admin__reply__unpack(NULL, body.n, body.p);
    if (a && a->kind_case == ADMIN__REPLY__KIND_HEALTH)
        reply_ready(r, a->health);
    else if (a && a->kind_case == ADMIN__REPLY__KIND_METRICS)
        reply_metrics(r, SPAN(a->metrics->text.data, a->metrics->text.len));
    else
        reply_plain(r, 503, "the service does not answer\n");
    if (a)
        admin__reply__free_unpacked(a, NULL);
}

static void relay(struct svc_process *p, struct http_request *r, bool is_ready)
{
    Admin__GetHealth  health  = ADMIN__GET_HEALTH__INIT;
    Admin__GetMetrics metrics = ADMIN__GET_METRICS__INIT;
    Admin__Request    req     = ADMIN__REQUEST__INIT;
    uint8_t           packed[64];

    if (is_ready) {
        req.kind_case  = ADMIN__REQUEST__KIND_GET_HEALTH;
        req.get_health = &health;
    } else {
        req.kind_case   = ADMIN__REQUEST__KIND_GET_METRICS;
        req.get_metrics = &metrics;
    }
    bus_request(p->relayed, BUS_ADMIN,
                SPAN(packed, admin__request__pack(&req, packed)), ASK_MS,
                relayed, r, 0);
}

/* Is path that of the relayed service: "/signer" and what? */
static bool is_relayed(const struct svc_process *p, const char *path,
                       const char *what)
{
    char wanted[PATH_BYTES];

    if (!p->relayed)
        return false;
    snprintf(wanted, sizeof wanted, "/%s%s", p->relayed_name, what);
    return strcmp(path, wanted) == 0;
}

/* ---- requests ---- */

static void on_request(void *ctx, struct http_request *r)
{
    struct svc_process *p    = ctx;
    const char         *path = http_path(r);

    if (strcmp(http_method(r), "GET") != 0 &&
        strcmp(http_method(r), "HEAD") != 0)
        reply_plain(r, 405, "only GET\n");
    else if (strcmp(path, "/livez") == 0)
        reply_text(r, 200, "application/json", span_str("{\"live\":true}\n"));
    else if (strcmp(path, "/readyz") == 0)
        own_ready(p, r);
    else if (strcmp(path, "/metrics") == 0)
        own_metrics(p, r);
    else if (is_relayed(p, path, "/readyz"))
        relay(p, r, true);
    else if (is_relayed(p, path, "/metrics"))
        relay(p, r, false);
    else
        reply_plain(r, 404, "not here; see /metrics, /livez, /readyz\n");
}

enum err svc_status_open(struct svc_process *p)
{
    static const struct http_limits limits = { .body_max        = 1024,
                                               .header_max      = 16384,
                                               .connections_max = 64,
                                               .timeout_ms      = 20000 };
    const char *address                    = p->svc.config->warren.status_laddr;

    if (!*address)
        return OK;
    return http_listen(&p->status, p->svc.loop, address, &limits, on_request,
                       p);
}

void svc_status_relay(struct svc *s, const char *service)
{
    static const struct bus_client_fns none = { 0 };
    struct svc_process                *p    = svc_process(s);

    if (!p->status)
        return;
    p->relayed_name = service;
    p->relayed      = svc_connect(s, service, &none, p);
}
