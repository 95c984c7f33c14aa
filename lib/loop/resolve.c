#include "loop/resolve.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

struct resolve {
    struct evdns_base *dns;
    struct deferred    done;
    struct addresses   found;
    void (*fn)(void *ctx, const struct addresses *found);
    void *ctx;
};

static void resolve_done(void *ctx)
{
    struct resolve *r = ctx;

    if (r->dns)
        evdns_base_free(r->dns, 0);
    deferred_fini(&r->done);
    if (r->fn)
        r->fn(r->ctx, &r->found);
    free(r);
}

static void on_answer(int result, struct evutil_addrinfo *list, void *ctx)
{
    struct resolve   *r = ctx;
    struct addresses *a = &r->found;

    if (result == 0) {
        for (struct evutil_addrinfo *i = list; i; i = i->ai_next) {
            if (a->n == ADDRESSES_MAX || i->ai_addrlen > sizeof a->v[0])
                break;
            memcpy(&a->v[a->n], i->ai_addr, i->ai_addrlen);
            a->len[a->n++] = i->ai_addrlen;
        }
        evutil_freeaddrinfo(list);
    }
    deferred_set(&r->done);
}

struct resolve *
resolve_start(struct loop *l, const char *host, uint16_t port,
              void (*fn)(void *ctx, const struct addresses *found), void *ctx)
{
    struct resolve        *r     = calloc(1, sizeof *r);
    struct evutil_addrinfo hints = { .ai_family   = AF_UNSPEC,
                                     .ai_socktype = SOCK_STREAM };
    char                   service[8];

    must(r);
    r->fn  = fn;
    r->ctx = ctx;
    deferred_init(&r->done, l, resolve_done, r);
    r->dns = evdns_base_new(loop_base(l), EVDNS_BASE_INITIALIZE_NAMESERVERS);
    if (!r->dns) {
        deferred_set(&r->done);
        return r;
    }
    /* Who asks asks again; an answer that does not come must not delay that. */
    evdns_base_set_option(r->dns, "timeout:", "2");
    evdns_base_set_option(r->dns, "attempts:", "2");
    snprintf(service, sizeof service, "%u", port);
    evdns_getaddrinfo(r->dns, host, service, &hints, on_answer, r);
    return r;
}

void resolve_cancel(struct resolve *r)
{
    if (r)
        r->fn = NULL;
}
