#include "api/submit.h"

#include "base/limits.h"
#include "base/log.h"

#include <stdlib.h>

enum {
    GROUP_TXS   = 256,
    GROUP_BYTES = 256 << 10,
    ENOUGH      = 32,   /* waiting for more gains little */
    HOLD_US     = 5000, /* for answers to those before */
    COMPANY_US  = 300,  /* for clients that were answered */
};

/* Those of one request. */
struct group {
    struct group   *next, **prev; /* of those that were sent */
    struct submits *all;
    size_t          n;
    struct call    *calls[GROUP_TXS];
};

struct submits {
    struct shell   *shell;
    struct group   *next; /* is being gathered; NULL when none is */
    struct group   *sent;
    size_t          bytes;
    size_t          flying;   /* groups without an answer */
    size_t          expected; /* calls: who was answered, and who waited */
    struct deferred due;
    struct timer    patience;
    struct arena    arena; /* of one reply */
};

/* ---- answers ---- */

static void *take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void leave(void *arena, void *p)
{
    UNUSED(arena);
    UNUSED(p);
}

static void group_free(struct group *g)
{
    *g->prev = g->next;
    if (g->next)
        g->next->prev = g->prev;
    free(g);
}

static void group_sent(struct submits *s, struct group *g)
{
    g->next = s->sent;
    g->prev = &s->sent;
    if (g->next)
        g->next->prev = &g->next;
    s->sent = g;
}

/* One verdict for each, or NULL. */
static Mempool__Submitted *read_reply(struct group *g, struct span body)
{
    ProtobufCAllocator alloc = { take, leave, &g->all->arena };
    Mempool__Reply    *r;

    arena_reset(&g->all->arena);
    r = mempool__reply__unpack(&alloc, body.n, body.p);
    if (!r || r->kind_case != MEMPOOL__REPLY__KIND_SUBMITTED ||
        r->submitted->n_verdicts != g->n)
        return NULL;
    return r->submitted;
}

/* They may come again soon, and those that waited with them. */
static void landed(const struct group *g)
{
    struct submits *s = g->all;

    if (--s->flying > 0)
        return;
    s->expected = g->n;
    if (!s->next)
        return;
    s->expected += s->next->n;
    timer_set(&s->patience, COMPANY_US);
}

static void on_reply(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body)
{
    struct group       *g = ctx;
    Mempool__Submitted *m = status == OK ? read_reply(g, body) : NULL;

    UNUSED(tag);
    landed(g);
    for (size_t i = 0; i < g->n; i++) {
        struct call      *c      = g->calls[i];
        struct request_id before = log_request(call_request_id(c));

        if (!ask_failed(c, "mempool", status, text) && m)
            c->then_submitted(c, m->verdicts[i]);
        else if (status == OK)
            call_fail(c, "mempool gave an answer of another kind");
        log_request(before);
    }
    group_free(g);
}

/* ---- requests ---- */

/* What they say, as one message. */
static struct span pack(const struct group *g)
{
    ProtobufCBinaryData txs[GROUP_TXS];
    struct request_id   ids[GROUP_TXS];
    char               *requests[GROUP_TXS];
    Mempool__Submit     m   = MEMPOOL__SUBMIT__INIT;
    Mempool__Request    req = MEMPOOL__REQUEST__INIT;
    uint8_t            *p;
    size_t              n;

    for (size_t i = 0; i < g->n; i++) {
        struct span tx = g->calls[i]->args[0].bytes;

        txs[i]      = (ProtobufCBinaryData){ tx.n, (uint8_t *)(uintptr_t)tx.p };
        ids[i]      = call_request_id(g->calls[i]);
        requests[i] = ids[i].text;
    }
    m.n_txs       = g->n;
    m.txs         = txs;
    m.n_requests  = g->n;
    m.requests    = requests;
    req.kind_case = MEMPOOL__REQUEST__KIND_SUBMIT;
    req.submit    = &m;
    n             = mempool__request__get_packed_size(&req);
    p             = malloc(n + 1);
    must(p != NULL);
    mempool__request__pack(&req, p);
    return SPAN(p, n);
}

static void send_group(void *ctx)
{
    struct submits   *s = ctx;
    struct group     *g = s->next;
    struct request_id before;
    struct span       packed;

    if (!g)
        return;
    packed  = pack(g);
    before  = log_request(call_request_id(g->calls[0]));
    s->next = NULL;
    s->flying++;
    group_sent(s, g);
    timer_clear(&s->patience);
    bus_request(s->shell->mempool, BUS_SERVICE, packed, ASK_DEADLINE_MS,
                on_reply, g, 0);
    log_request(before);
    free((void *)(uintptr_t)packed.p);
}

static void begin_group(struct submits *s)
{
    s->next = malloc(sizeof *s->next);
    must(s->next != NULL);
    s->next->all = s;
    s->next->n   = 0;
    s->bytes     = 0;
}

/* Now, or with what may come soon? */
static void schedule(struct submits *s)
{
    size_t n = s->next->n;

    if (n == GROUP_TXS || s->bytes > GROUP_BYTES)
        send_group(s);
    else if (n >= ENOUGH || (s->flying == 0 && n >= s->expected))
        deferred_set(&s->due);
    else if (n == 1)
        timer_set(&s->patience, s->flying > 0 ? HOLD_US : COMPANY_US);
}

void submit_tx(struct call *c,
               void (*then)(struct call                       *c,
                            const Mempool__Submitted__Verdict *v))
{
    struct submits *s = c->shell->submits;
    size_t          n = c->args[0].bytes.n;

    c->then_submitted = then;
    if (s->next && s->bytes + n > GROUP_BYTES)
        send_group(s);
    if (!s->next)
        begin_group(s);
    s->next->calls[s->next->n++] = c;
    s->bytes += n;
    schedule(s);
}

/* ---- life ---- */

struct submits *submits_new(struct shell *shell)
{
    struct submits *s = calloc(1, sizeof *s);

    must(s != NULL);
    s->shell = shell;
    arena_open(&s->arena, DECODE_ARENA_BYTES);
    deferred_init(&s->due, shell->svc->loop, send_group, s);
    timer_init(&s->patience, shell->svc->loop, send_group, s);
    return s;
}

void submits_free(struct submits *s)
{
    deferred_fini(&s->due);
    timer_fini(&s->patience);
    arena_close(&s->arena);
    free(s->next);
    while (s->sent)
        group_free(s->sent);
    free(s);
}
