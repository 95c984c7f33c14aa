/* checks - CheckTx: what waits for it, what is under way, what comes back. */
#include "mempool/shell.h"

#include "base/log.h"

#include <stdlib.h>

static void push(struct check_queue *q, struct check *c)
{
    c->next = NULL;
    *q->end = c;
    q->end  = &c->next;
    q->n++;
    q->bytes += c->tx.n;
}

static struct check *pop(struct check_queue *q)
{
    struct check *c = q->first;

    if (!c)
        return NULL;
    q->first = c->next;
    if (!q->first)
        q->end = &q->first;
    q->n--;
    q->bytes -= c->tx.n;
    return c;
}

/* Everything of from in front of what is in to. */
static void put_back(struct check_queue *to, struct check_queue *from)
{
    if (!from->first)
        return;
    *from->end = to->first;
    if (!to->first)
        to->end = from->end;
    to->first = from->first;
    to->n += from->n;
    to->bytes += from->bytes;
    *from = (struct check_queue){ .end = &from->first };
}

static void check_free(struct check *c)
{
    free((void *)(uintptr_t)c->tx.p);
    free(c);
}

/* ---- what comes back ---- */

static struct mempool_answer answer_of(const struct abci_res_check_tx *r)
{
    return (struct mempool_answer){ r->code, r->gas_wanted };
}

/* Tell whoever sent it, if that is one of our clients. */
static void tell(struct shell *s, const struct check *c,
                 enum mempool_refusal            refusal,
                 const struct abci_res_check_tx *r)
{
    char       text[256];
    struct buf b;

    if (!c->submit)
        return;
    buf_use(&b, text, sizeof text);
    mempool_error(&b, &s->core, refusal, c->tx.n,
                  r ? answer_of(r) : (struct mempool_answer){ 0 });
    submit_answer(c->submit, c->index, refusal, r, buf_cstr(&b));
}

static void log_verdict(const struct check *c, enum mempool_refusal refusal,
                        const struct abci_res_check_tx *r)
{
    struct request_id before;

    if (!log_enabled(LOG_DEBUG))
        return;
    before = log_request(submit_request(c->submit, c->index));
    log_event(LOG_DEBUG, "transaction checked", LOG_HEXV("tx", SPAN_OF(c->key)),
              LOG_UINT("code", r->code), LOG_INT("refusal", refusal));
    log_request(before);
}

static void take_answer(struct shell *s, struct check *c,
                        const struct abci_res_check_tx *r)
{
    struct mempool_tx   *kept;
    struct mempool_from  from = { .sender = c->sender,
                                  .origin = submit_origin(c->submit) };
    enum mempool_refusal refusal =
        mempool_keep(&s->core, c->key, c->tx, answer_of(r), from, &kept);

    log_verdict(c, refusal, r);
    trace_tx(TRACE_CHECKED, c->key, r->code);
    if (refusal)
        trace_tx(TRACE_REFUSED, c->key, refusal);
    if (kept) {
        c->tx = (struct span){ 0 }; /* the core's now */
        shell_keep(s, kept);
    } else if (refusal == MEMPOOL_FULL || refusal == MEMPOOL_IN_CACHE) {
        shell_count(COUNT_REJECTED);
    } else {
        shell_count(COUNT_FAILED);
    }
    tell(s, c, refusal, r);
}

/* A Lock is answered once nothing is under way. */
static void settle(struct shell *s)
{
    if (s->is_rechecking && s->rechecks_asked == 0 &&
        !mempool_recheck_pending(&s->core)) {
        s->is_rechecking = false;
        timer_clear(&s->recheck_timeout);
        if (s->core.count > 0)
            shell_available(s);
    }
    if (s->has_lock_call && s->asked.n == 0 && s->rechecks_asked == 0) {
        s->has_lock_call = false;
        reply_done(s->lock);
    }
    request_flush(s);
    submit_flush(s);
    shell_measure(s);
}

/* The application cannot stand this one. */
static void refuse_poison(struct shell *s, struct check *c, const char *why)
{
    struct request_id before = log_request(submit_request(c->submit, c->index));

    log_event(LOG_WARN, "the application failed on a transaction",
              LOG_HEXV("tx", SPAN_OF(c->key)), LOG_STR("why", why));
    log_request(before);
    trace_tx(TRACE_REFUSED, c->key, MEMPOOL_APP_DOWN);
    mempool_withdraw(&s->core, c->key);
    shell_count(COUNT_FAILED);
    tell(s, c, MEMPOOL_APP_DOWN, NULL);
    check_free(c);
}

static void on_checked(void *ctx, uint64_t tag, const struct abci_response *res,
                       const char *error)
{
    struct shell *s = ctx;
    struct check *c;

    UNUSED(tag);
    if (!res)
        return; /* on_down puts all that was asked back */
    c = pop(&s->asked);
    must(c != NULL);
    if (error) {
        refuse_poison(s, c, error);
        return;
    }
    take_answer(s, c, res->check_tx);
    check_free(c);
    settle(s);
    checks_go(s);
}

static void evict(struct shell *s, struct mempool_tx *tx)
{
    uint32_t segment   = tx->segment;
    bool     is_cached = s->core.limits.keeps_invalid;

    trace_tx(TRACE_REMOVED, tx->key, 0);
    if (s->journal)
        journal_add_drop(s->journal, tx->key, !is_cached);
    if (!is_cached)
        shell_count(COUNT_EVICTED);
    shell_drop(s, segment, mempool_remove(&s->core, tx));
}

/* Does a refusal count that is heard now?  Consensus commits without the Lock
 * when it waited long enough, and then the application judges what is still
 * under way by the next height.  So once it, or this process, has stood still
 * for about as long, the rest of this recheck removes nothing. */
static bool is_fresh(struct shell *s)
{
    uint64_t now = now_us();

    if (now - s->recheck_heard_us > FRESH_US ||
        (s->is_locked && now - s->locked_us > FRESH_US))
        s->is_final = false;
    s->recheck_heard_us = now;
    return s->is_final;
}

static void on_rechecked(void *ctx, uint64_t seq,
                         const struct abci_response *res, const char *error)
{
    struct shell      *s = ctx;
    struct mempool_tx *tx;

    if (!res)
        return; /* on_down begins anew */
    s->rechecks_asked--;
    tx = mempool_recheck_find(&s->core, seq);
    if (error) {
        if (tx)
            evict(s, tx); /* or it would fail on it for ever */
        return;
    }
    shell_count(COUNT_RECHECK);
    if (is_fresh(s) && tx &&
        !mempool_rechecked(&s->core, tx, answer_of(res->check_tx)))
        evict(s, tx);
    settle(s);
    checks_go(s);
}

/* ---- asking ---- */

static void send_check(struct shell *s, struct span tx, int32_t type,
                       abci_fn *fn, uint64_t tag)
{
    struct abci_req_check_tx check = { .tx = tx, .type = type };
    struct abci_request      req   = { .which    = ABCI_REQ_CHECK_TX,
                                       .check_tx = &check };

    abci_call(s->app, &req, fn, s, tag);
}

/* What the client of the application refused would stay among those that were
 * asked, and get the answer to another. */
static bool has_room(const struct shell *s)
{
    return s->asked.n + s->rechecks_asked < ASKED_MAX &&
           s->asked.bytes < ASKED_BYTES_MAX && abci_has_room(s->app);
}

static void send_rechecks(struct shell *s)
{
    const struct mempool_tx *tx;

    while (has_room(s) && (tx = mempool_recheck_send(&s->core))) {
        s->rechecks_asked++;
        send_check(s, tx->bytes, CHECK_TX_RECHECK, on_rechecked, tx->seq);
    }
}

void checks_go(struct shell *s)
{
    if (!abci_is_up(s->app) || s->is_locked)
        return;
    send_rechecks(s);
    if (mempool_recheck_pending(&s->core))
        return; /* the old ones first */
    while (has_room(s) && s->waiting.n > 0 &&
           (!s->journal || journal_waiting(s->journal) < JOURNAL_LAG_MAX)) {
        struct check *c = pop(&s->waiting);

        push(&s->asked, c);
        send_check(s, c->tx, CHECK_TX_NEW, on_checked, 0);
    }
    gossip_balance(s);
}

void checks_recheck(struct shell *s, bool is_final)
{
    mempool_recheck_begin(&s->core);
    s->is_final         = is_final;
    s->recheck_heard_us = now_us();
    if (s->core.count == 0)
        return;
    s->is_rechecking = true;
    timer_set(&s->recheck_timeout, (uint64_t)s->recheck_timeout_ns / 1000);
    checks_go(s);
}

static void on_recheck_timeout(void *ctx)
{
    struct shell *s = ctx;

    log_event(LOG_WARN, "timed out waiting for recheck responses",
              LOG_UINT("left", s->rechecks_asked));
    s->is_rechecking = false;
    request_flush(s);
}

bool checks_add(struct shell *s, struct submit *submit, uint32_t index,
                uint64_t sender, const uint8_t key[HASH_BYTES], struct span tx)
{
    struct check *c;
    uint8_t      *copy;

    if (s->waiting.n >= WAITING_MAX || s->waiting.bytes >= WAITING_BYTES_MAX)
        return false;
    c    = calloc(1, sizeof *c);
    copy = malloc(tx.n + 1);
    must(c != NULL && copy != NULL);
    if (tx.n)
        memcpy(copy, tx.p, tx.n);
    c->submit = submit;
    c->index  = index;
    c->sender = sender;
    c->tx     = SPAN(copy, tx.n);
    memcpy(c->key, key, HASH_BYTES);
    push(&s->waiting, c);
    return true;
}

static void forget_in(struct check_queue *q, uint64_t bit)
{
    for (struct check *c = q->first; c; c = c->next)
        c->sender &= ~bit;
}

void checks_forget_sender(struct shell *s, uint64_t bit)
{
    forget_in(&s->waiting, bit);
    forget_in(&s->asked, bit);
}

/* ---- a check of which nothing is kept ---- */

struct probe {
    struct shell   *shell;
    struct bus_call call;
};

static void on_probed(void *ctx, uint64_t tag, const struct abci_response *res,
                      const char *error)
{
    struct probe    *p = ctx;
    Mempool__Checked m = MEMPOOL__CHECKED__INIT;
    Mempool__Reply   r = MEMPOOL__REPLY__INIT;
    size_t           n;

    UNUSED(tag);
    if (res && !error) {
        n            = pb_size(&abci_res_check_tx_desc, res->check_tx);
        m.check.data = malloc(n + 1);
        m.check.len  = n;
        must(m.check.data != NULL);
        pb_encode_to(&abci_res_check_tx_desc, res->check_tx, m.check.data, n);
        r.kind_case = MEMPOOL__REPLY__KIND_CHECKED;
        r.checked   = &m;
        reply(p->call, &r);
        free(m.check.data);
    } else {
        bus_reply(p->call, ERR_APP, error, (struct span){ 0 });
    }
    checks_go(p->shell); /* it may have taken their room */
    free(p);
}

void checks_probe(struct shell *s, struct bus_call call, struct span tx)
{
    struct abci_req_check_tx check = { .tx = tx };
    struct abci_request      req   = { .which    = ABCI_REQ_CHECK_TX,
                                       .check_tx = &check };
    struct probe            *p;

    if (abci_is_up(s->app) && !abci_has_room(s->app)) {
        bus_reply(call, ERR_BUSY, "the application has much to check",
                  (struct span){ 0 });
        return;
    }
    p = malloc(sizeof *p);
    must(p != NULL);
    *p = (struct probe){ s, call };
    abci_call(s->app, &req, on_probed, p, 0);
}

/* ---- the application comes and goes ---- */

static void on_up(void *ctx)
{
    struct shell *s = ctx;

    svc_condition(s->svc, "application", NULL);
    timer_clear(&s->grace);
    s->is_app_late = false;
    /* It may have forgotten them; or it still counts them, and then its
     * refusal means nothing. */
    if (s->is_recheck_on)
        checks_recheck(s, false);
    checks_go(s);
}

static void on_down(void *ctx, const char *why)
{
    struct shell *s = ctx;

    svc_condition(s->svc, "application", "not reachable");
    log_event(LOG_INFO, "application is gone", LOG_STR("why", why));
    if (s->asked.first && s->rechecks_asked == 0 &&
        ++s->asked.first->tries == TRIES_MAX)
        refuse_poison(s, pop(&s->asked), why);
    put_back(&s->waiting, &s->asked);
    s->rechecks_asked = 0;
    s->is_rechecking  = false;
    s->is_lock_whole  = false;
    timer_clear(&s->recheck_timeout);
    timer_set(&s->grace, APP_GRACE_US);
    settle(s);
}

/* It is gone for long: whoever waits is told. */
static void on_late(void *ctx)
{
    struct shell *s = ctx;
    struct check *c;

    s->is_app_late = true;
    while ((c = pop(&s->waiting))) {
        trace_tx(TRACE_REFUSED, c->key, MEMPOOL_APP_DOWN);
        mempool_withdraw(&s->core, c->key);
        tell(s, c, MEMPOOL_APP_DOWN, NULL);
        check_free(c);
    }
    submit_flush(s);
    gossip_balance(s);
}

void checks_open(struct shell *s)
{
    static const struct abci_client_fns fns = { on_up, on_down };

    s->waiting.end = &s->waiting.first;
    s->asked.end   = &s->asked.first;
    timer_init(&s->grace, s->svc->loop, on_late, s);
    timer_init(&s->recheck_timeout, s->svc->loop, on_recheck_timeout, s);
    timer_set(&s->grace, APP_GRACE_US);
    svc_condition(s->svc, "application", "not reachable");
    s->app =
        abci_connect(s->svc->loop, config_app_address(s->svc->config), &fns, s);
}

void checks_close(struct shell *s)
{
    struct check *c;

    abci_close(s->app);
    timer_fini(&s->grace);
    timer_fini(&s->recheck_timeout);
    while ((c = pop(&s->asked)))
        check_free(c);
    while ((c = pop(&s->waiting)))
        check_free(c);
}
