/* submit - requests that bring transactions, until each has its verdict. */
#include "mempool/shell.h"

#include "crypto/hash.h"

#include <stdlib.h>

/* One request.  It may come again with the same number, when the client did
 * not hear the answer: then only the way back has changed. */
struct submit {
    struct submit  *next, **prev; /* of the same bucket */
    struct submit  *ready_next;
    struct shell   *shell;
    struct bus_call call;
    uint64_t        origin;
    size_t          left;    /* without a verdict */
    bool            is_open; /* all of it has been looked at */
    uint64_t        mark;    /* of the journal, behind the last one kept */
    size_t          n;
    struct verdict {
        enum mempool_refusal refusal;
        char                *error; /* malloc()ed, or NULL */
        struct span          check; /* the same */
        struct request_id    request;
    } v[];
};

static void submit_free(struct submit *u)
{
    for (size_t i = 0; i < u->n; i++) {
        free(u->v[i].error);
        free((void *)(uintptr_t)u->v[i].check.p);
    }
    *u->prev = u->next;
    if (u->next)
        u->next->prev = u->prev;
    free(u);
}

static void submit_reply(const struct submit *u)
{
    Mempool__Submitted            m = MEMPOOL__SUBMITTED__INIT;
    Mempool__Reply                r = MEMPOOL__REPLY__INIT;
    Mempool__Submitted__Verdict  *v = calloc(u->n + 1, sizeof *v);
    Mempool__Submitted__Verdict **p = calloc(u->n + 1, sizeof *p);

    must(v != NULL && p != NULL);
    for (size_t i = 0; i < u->n; i++) {
        mempool__submitted__verdict__init(&v[i]);
        v[i].refusal = (Mempool__Submitted__Verdict__Refusal)u->v[i].refusal;
        if (u->v[i].error)
            v[i].error = u->v[i].error;
        v[i].check.data = (uint8_t *)(uintptr_t)u->v[i].check.p;
        v[i].check.len  = u->v[i].check.n;
        p[i]            = &v[i];
    }
    m.verdicts   = p;
    m.n_verdicts = u->n;
    r.kind_case  = MEMPOOL__REPLY__KIND_SUBMITTED;
    r.submitted  = &m;
    reply(u->call, &r);
    free(v);
    free(p);
}

void submit_flush(struct shell *s)
{
    uint64_t durable = s->journal ? journal_durable(s->journal) : UINT64_MAX;
    struct submit *u;

    while ((u = s->ready) && u->mark <= durable) {
        s->ready = u->ready_next;
        if (!s->ready)
            s->ready_end = &s->ready;
        submit_reply(u);
        submit_free(u);
    }
}

/* Every verdict is there: answer now, or when the disk has what was kept. */
static void complete(struct submit *u)
{
    struct shell *s = u->shell;

    if (u->mark == 0) {
        submit_reply(u);
        submit_free(u);
        return;
    }
    u->ready_next = NULL;
    *s->ready_end = u;
    s->ready_end  = &u->ready_next;
}

void submit_answer(struct submit *u, uint32_t index,
                   enum mempool_refusal            refusal,
                   const struct abci_res_check_tx *res, const char *error)
{
    struct verdict *v = &u->v[index];

    v->refusal = refusal;
    if (refusal == MEMPOOL_TAKEN) {
        size_t   n = pb_size(&abci_res_check_tx_desc, res);
        uint8_t *p = malloc(n + 1);

        must(p != NULL);
        pb_encode_to(&abci_res_check_tx_desc, res, p, n);
        v->check = SPAN(p, n);
        if (res->code == 0 && u->shell->journal)
            u->mark = journal_mark(u->shell->journal);
    } else {
        v->error = strdup(error);
        must(v->error != NULL);
    }
    if (--u->left == 0 && u->is_open)
        complete(u);
}

/* ---- coming in ---- */

static void refuse(struct submit *u, uint32_t index,
                   enum mempool_refusal refusal, size_t size)
{
    char       text[256];
    struct buf b;

    if (refusal == MEMPOOL_FULL)
        shell_count(COUNT_REJECTED);
    buf_use(&b, text, sizeof text);
    mempool_error(&b, &u->shell->core, refusal, size,
                  (struct mempool_answer){ 0 });
    submit_answer(u, index, refusal, NULL, buf_cstr(&b));
}

/* It was kept for this very request, whose answer was lost. */
static void answer_again(struct submit *u, uint32_t index,
                         const uint8_t key[HASH_BYTES])
{
    const struct mempool_tx *tx  = mempool_find(&u->shell->core, key);
    struct abci_res_check_tx res = { .gas_wanted = tx ? tx->gas : 0 };

    submit_answer(u, index, MEMPOOL_TAKEN, &res, NULL);
}

static void take_tx(struct submit *u, uint32_t index, struct span tx)
{
    struct shell        *s = u->shell;
    struct hash          h;
    enum mempool_refusal refusal;

    sha256(&h, tx);
    trace_tx(TRACE_RECEIVED, h.b, 0);
    if (mempool_origin(&s->core, h.b) == u->origin) {
        answer_again(u, index, h.b);
        return;
    }
    if (s->is_app_late && !abci_is_up(s->app)) {
        refuse(u, index, MEMPOOL_APP_DOWN, tx.n);
        return;
    }
    refusal = mempool_offer(&s->core, h.b, tx.n, 0);
    if (refusal) {
        trace_tx(TRACE_REFUSED, h.b, refusal);
        refuse(u, index, refusal, tx.n);
    } else if (!checks_add(s, u, index, 0, h.b, tx)) {
        mempool_withdraw(&s->core, h.b);
        trace_tx(TRACE_REFUSED, h.b, MEMPOOL_FULL);
        refuse(u, index, MEMPOOL_FULL, tx.n);
    }
}

uint64_t submit_origin(const struct submit *u)
{
    return u ? u->origin : 0;
}

struct request_id submit_request(const struct submit *u, uint32_t index)
{
    return u ? u->v[index].request : (struct request_id){ "" };
}

/* Of several clients' requests each is named. */
static void name_requests(struct submit *u, const Mempool__Submit *m)
{
    for (size_t i = 0; i < u->n; i++)
        if (m->n_requests != u->n ||
            !request_id_take(&u->v[i].request, span_str(m->requests[i])))
            u->v[i].request = u->call.request;
}

/* A number for the request, the same when it is sent again; never 0. */
static uint64_t origin_of(const struct shell *s, struct bus_call call)
{
    uint64_t boot = shell_boot(s, call.peer);

    return ((boot ^ call.id) * UINT64_C(0x9e3779b97f4a7c15) + call.id) | 1;
}

static struct submit **bucket_of(struct shell *s, uint64_t origin)
{
    return &s->submits[(origin >> 32) % SUBMIT_BUCKETS];
}

static struct submit *find(struct shell *s, uint64_t origin)
{
    struct submit *u = *bucket_of(s, origin);

    while (u && u->origin != origin)
        u = u->next;
    return u;
}

static struct submit *submit_new(struct shell *s, struct bus_call call,
                                 uint64_t origin, size_t n)
{
    struct submit **bucket = bucket_of(s, origin);
    struct submit  *u      = calloc(1, sizeof *u + n * sizeof u->v[0]);

    must(u != NULL);
    u->shell  = s;
    u->call   = call;
    u->origin = origin;
    u->n      = n;
    u->left   = n;
    u->next   = *bucket;
    u->prev   = bucket;
    if (u->next)
        u->next->prev = &u->next;
    *bucket = u;
    return u;
}

void submit_begin(struct shell *s, struct bus_call call,
                  const Mempool__Submit *m)
{
    uint64_t       origin = origin_of(s, call);
    struct submit *u      = find(s, origin);

    if (u) {
        u->call = call;
        return;
    }
    if (m->n_txs == 0 || m->n_txs > SUBMIT_TXS_MAX) {
        bus_reply(call, ERR_USAGE, "Submit takes 1 to 1000 transactions",
                  (struct span){ 0 });
        return;
    }
    u = submit_new(s, call, origin, m->n_txs);
    name_requests(u, m);
    for (uint32_t i = 0; i < m->n_txs; i++)
        take_tx(u, i, SPAN(m->txs[i].data, m->txs[i].len));
    u->is_open = true;
    if (u->left == 0)
        complete(u);
    checks_go(s);
    submit_flush(s);
}

void submit_open(struct shell *s)
{
    s->ready_end = &s->ready;
}

void submit_close(struct shell *s)
{
    for (size_t i = 0; i < SUBMIT_BUCKETS; i++)
        while (s->submits[i])
            submit_free(s->submits[i]);
}
