#include "api/share.h"

#include "api/call.h"
#include "base/log.h"

#include <stdlib.h>

enum { BUCKETS = 64, SHARED_BYTES = 64 };

/* Calls in the order in which they came. */
struct queue {
    struct call *first, **end;
};

/* A question that is under way. */
struct share {
    struct share      *next, **prev; /* of the same bucket */
    struct bus_client *to;
    bus_reply_fn      *fn;
    struct queue       asked, waiting;
    size_t             n;
    uint8_t            request[SHARED_BYTES];
};

struct shares {
    struct share *buckets[BUCKETS];
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->end   = &q->first;
}

static void push(struct queue *q, struct call *c)
{
    c->next_alike = NULL;
    *q->end       = c;
    q->end        = &c->next_alike;
}

static void share_free(struct share *s)
{
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    free(s);
}

/* ---- asking ---- */

static void on_reply(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body);

/* In the name of c's request. */
static void send_for(struct bus_client *to, struct span request,
                     bus_reply_fn *fn, void *ctx, const struct call *c)
{
    struct request_id before = log_request(call_request_id(c));

    bus_request(to, BUS_SERVICE, request, ASK_DEADLINE_MS, fn, ctx, 0);
    log_request(before);
}

static void ask(struct share *s)
{
    send_for(s->to, SPAN(s->request, s->n), on_reply, s, s->asked.first);
}

/* Each call may end in its turn, and be gone. */
static void tell(struct call *c, bus_reply_fn *fn, enum err status,
                 const char *text, struct span body)
{
    while (c) {
        struct call      *next   = c->next_alike;
        struct request_id before = log_request(call_request_id(c));

        fn(c, 0, status, text, body);
        log_request(before);
        c = next;
    }
}

static void on_reply(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body)
{
    struct share *s     = ctx;
    struct call  *asked = s->asked.first;
    bus_reply_fn *fn    = s->fn;

    UNUSED(tag);
    if (s->waiting.first) {
        s->asked = s->waiting;
        queue_init(&s->waiting);
        ask(s);
    } else {
        share_free(s);
    }
    tell(asked, fn, status, text, body);
}

/* ---- finding ---- */

static struct share **bucket_of(struct shares *s, struct span request)
{
    uint32_t h = 0;

    for (size_t i = 0; i < request.n; i++)
        h = h * 31 + request.p[i];
    return &s->buckets[h % BUCKETS];
}

static struct share *find(struct share *s, const struct bus_client *to,
                          struct span request)
{
    while (s && (s->to != to || s->n != request.n ||
                 memcmp(s->request, request.p, request.n) != 0))
        s = s->next;
    return s;
}

static struct share *share_new(struct share **bucket, struct span request)
{
    struct share *s = malloc(sizeof *s);

    must(s != NULL);
    s->next = *bucket;
    s->prev = bucket;
    if (s->next)
        s->next->prev = &s->next;
    *bucket = s;
    s->n    = request.n;
    memcpy(s->request, request.p, request.n);
    queue_init(&s->asked);
    queue_init(&s->waiting);
    return s;
}

void share_ask(struct shares *all, struct bus_client *to, struct span request,
               bus_reply_fn *fn, struct call *c)
{
    struct share **bucket = bucket_of(all, request);
    struct share  *s;

    if (request.n > SHARED_BYTES) {
        send_for(to, request, fn, c, c);
        return;
    }
    s = find(*bucket, to, request);
    if (s) {
        push(&s->waiting, c);
        return;
    }
    s     = share_new(bucket, request);
    s->to = to;
    s->fn = fn;
    push(&s->asked, c);
    ask(s);
}

/* ---- life ---- */

struct shares *shares_new(void)
{
    struct shares *s = calloc(1, sizeof *s);

    must(s != NULL);
    return s;
}

void shares_free(struct shares *s)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (s->buckets[i])
            share_free(s->buckets[i]);
    free(s);
}
