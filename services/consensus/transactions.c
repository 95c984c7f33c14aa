/* Transactions: what mempool gives for a proposal, and what it must hear.
 *
 * A mempool that is away costs an empty proposal, never a height. */
#include "base/log.h"
#include "consensus/shell.h"
#include "proto/mempool.pb-c.h"

#include <stdlib.h>

enum { REAP_MS = 1000, LOCK_MS = 3000, LOCK_KEPT_US = 100000 };

static void *arena_take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void arena_keep(void *arena, void *p)
{
    UNUSED(arena);
    UNUSED(p);
}

static Mempool__Reply *read_reply(struct shell *s, struct span body)
{
    ProtobufCAllocator alloc = { arena_take, arena_keep, &s->work };

    return mempool__reply__unpack(&alloc, body.n, body.p);
}

static void ask(struct shell *s, Mempool__Request *req, uint32_t deadline_ms,
                bus_reply_fn *fn, void *ctx, uint64_t tag)
{
    size_t   n    = mempool__request__get_packed_size(req);
    uint8_t *body = malloc(n + 1);

    must(body);
    mempool__request__pack(req, body);
    bus_request(s->mempool, BUS_SERVICE, SPAN(body, n), deadline_ms, fn, ctx,
                tag);
    free(body);
}

/* ---- proposals ---- */

static bool take_txs(struct shell *s, span_list *txs, struct span body)
{
    Mempool__Reply *r = read_reply(s, body);

    if (!r || r->kind_case != MEMPOOL__REPLY__KIND_TXS)
        return false;
    txs->v = arena_newn(&s->work, struct span, r->txs->n_txs);
    if (!txs->v && r->txs->n_txs > 0)
        return false;
    txs->n = r->txs->n_txs;
    for (size_t i = 0; i < txs->n; i++)
        txs->v[i] = SPAN(r->txs->txs[i].data, r->txs->txs[i].len);
    return true;
}

static void on_reaped(void *ctx, uint64_t serial, enum err status,
                      const char *text, struct span body)
{
    struct shell *s   = ctx;
    span_list     txs = { 0 };
    txs_fn       *fn  = s->txs.reap.fn;

    if (!fn || s->txs.reap.serial != serial)
        return;
    s->txs.reap.fn = NULL;
    if (!s->question.is_open || s->question.serial != serial)
        return;
    if (status || !take_txs(s, &txs, body)) {
        txs = (span_list){ 0 };
        log_event(LOG_WARN, "mempool gave no transactions",
                  LOG_STR("why", text ? text : err_name(status)));
    }
    fn(s, serial, &txs);
}

static void send_reap(struct shell *s)
{
    Mempool__Reap    reap = MEMPOOL__REAP__INIT;
    Mempool__Request req  = MEMPOOL__REQUEST__INIT;

    s->txs.reap.is_sent = true;
    reap.max_bytes      = s->txs.reap.max_bytes;
    reap.max_gas        = s->txs.reap.max_gas;
    req.kind_case       = MEMPOOL__REQUEST__KIND_REAP;
    req.reap            = &reap;
    timer_clear(&s->txs.reap_timer);
    ask(s, &req, REAP_MS, on_reaped, s, s->txs.reap.serial);
}

/* What was sent is answered in time by itself. */
static void reap_none(struct shell *s)
{
    static const span_list none;
    txs_fn                *fn = s->txs.reap.fn;

    if (!fn || s->txs.reap.is_sent)
        return;
    timer_clear(&s->txs.reap_timer);
    s->txs.reap.fn = NULL;
    if (s->question.is_open && s->question.serial == s->txs.reap.serial)
        fn(s, s->txs.reap.serial, &none);
}

static void on_reap_timer(void *ctx)
{
    reap_none(ctx);
}

/* A mempool that has not heard of every height would give transactions that
 * a block has already: it is waited for, but not for long. */
void txs_reap(struct shell *s, int64_t max_bytes, int64_t max_gas, txs_fn *fn,
              uint64_t serial)
{
    s->txs.reap = (struct reap){ fn, false, serial, max_bytes, max_gas };
    if (!bus_is_up(s->mempool))
        timer_set(&s->txs.reap_timer, 0);
    else if (!s->txs.is_met)
        timer_set(&s->txs.reap_timer, REAP_MS * 1000);
    else
        send_reap(s);
}

/* From now on it hears of each height before it is asked for more. */
static void met(struct shell *s)
{
    s->txs.is_met = true;
    if (s->txs.reap.fn && !s->txs.reap.is_sent)
        send_reap(s);
}

/* ---- commits ---- */

static void on_locked(void *ctx, uint64_t height, enum err status,
                      const char *text, struct span body)
{
    struct shell *s = ctx;

    UNUSED(body);
    if (status)
        log_event(LOG_WARN, "mempool did not wait for the commit",
                  LOG_UINT("height", height),
                  LOG_STR("why", text ? text : err_name(status)));
    if (s->apply.is_active && (uint64_t)s->apply.height == height) {
        s->apply.is_lock_granted = status == OK;
        s->apply.is_locked       = true;
        apply_go(s);
    }
}

static void send_lock(struct shell *s, int64_t height)
{
    Mempool__Lock    lock = MEMPOOL__LOCK__INIT;
    Mempool__Request req  = MEMPOOL__REQUEST__INIT;

    lock.height   = height;
    req.kind_case = MEMPOOL__REQUEST__KIND_LOCK;
    req.lock      = &lock;
    ask(s, &req, LOCK_MS, on_locked, s, (uint64_t)height);
}

void txs_lock(struct shell *s, int64_t height)
{
    s->apply.is_lock_asked = true;
    if (bus_is_up(s->mempool) && !s->txs.is_lock_kept)
        send_lock(s, height);
    else
        s->apply.is_locked = true; /* it checks nothing */
}

static void on_updated(void *ctx, uint64_t height, enum err status,
                       const char *text, struct span body)
{
    UNUSED(ctx);
    UNUSED(body);
    if (status)
        log_event(LOG_WARN, "mempool did not take a commit",
                  LOG_UINT("height", height),
                  LOG_STR("why", text ? text : err_name(status)));
}

static void send_update(struct shell *s, int64_t height, const span_list *txs,
                        uint32_t *codes, const struct chain_state *after,
                        bool is_locked)
{
    Mempool__Update      update = MEMPOOL__UPDATE__INIT;
    Mempool__Request     req    = MEMPOOL__REQUEST__INIT;
    ProtobufCBinaryData *list   = calloc(txs->n + 1, sizeof *list);

    must(list);
    for (size_t i = 0; i < txs->n; i++)
        list[i] = (ProtobufCBinaryData){ txs->v[i].n,
                                         (uint8_t *)(uintptr_t)txs->v[i].p };
    update.height    = height;
    update.n_txs     = txs->n;
    update.txs       = list;
    update.n_codes   = codes ? txs->n : 0;
    update.codes     = codes;
    update.max_bytes = block_tx_budget(params_block_bytes(&after->params), 0,
                                       after->validators.n);
    update.max_gas   = after->params.block.max_gas;
    update.is_locked = is_locked;
    req.kind_case    = MEMPOOL__REQUEST__KIND_UPDATE;
    req.update       = &update;
    ask(s, &req, 0, on_updated, s, (uint64_t)height);
    free(list);
}

/* In block sync one height without transactions after the other is nothing to
 * wake mempool for, but no client is to wait for long. */
static bool may_keep_lock(const struct shell *s, const struct apply *a)
{
    if (s->phase != PHASE_SYNC || a->block->data.txs.n > 0)
        return false;
    return s->txs.is_lock_kept ? now_us() - s->txs.lock_kept_us < LOCK_KEPT_US
                               : a->is_lock_granted;
}

void txs_committed(struct shell *s, const struct apply *a)
{
    bool is_kept = may_keep_lock(s, a);

    /* Else it will hear of it with what else it missed, see on_size. */
    if (!s->txs.is_met)
        return;
    if (!s->txs.is_lock_kept)
        s->txs.lock_kept_us = now_us();
    s->txs.is_lock_kept = is_kept;
    if (!is_kept)
        send_update(s, a->height, &a->block->data.txs, a->codes, &a->next,
                    a->is_lock_granted);
}

void txs_pause(struct shell *s)
{
    static const span_list    none;
    const struct chain_state *chain = shell_chain(s);

    if (s->txs.is_lock_kept)
        send_update(s, chain->last_height, &none, NULL, chain, false);
    s->txs.is_lock_kept = false;
}

/* The Lock of a height that never comes is replaced by that of the last one,
 * which its Update ends. */
void txs_release(struct shell *s)
{
    static const span_list    none;
    const struct chain_state *chain = shell_chain(s);

    if (!s->apply.is_lock_asked || !bus_is_up(s->mempool))
        return;
    s->txs.is_lock_kept = false;
    send_lock(s, chain->last_height);
    send_update(s, chain->last_height, &none, NULL, chain, false);
}

/* ---- a mempool that comes back hears of every height it missed ---- */

static void owe(struct shell *s);

static void on_owed_results(struct shell *s, enum err status, const char *text,
                            const Store__Reply *r)
{
    struct abci_res_finalize_block res       = { 0 };
    size_t                         n         = s->txs.owed.n;
    bool                           has_codes = false;
    uint32_t                      *codes;

    UNUSED(text);
    if (!status && r->kind_case == STORE__REPLY__KIND_RESULTS &&
        pb_decode(&abci_res_finalize_block_desc, &res, &s->owed_arena,
                  SPAN(r->results->results.data, r->results->results.len)) ==
            ACCEPT &&
        res.tx_results.n == n)
        has_codes = true;
    codes = arena_newn(&s->owed_arena, uint32_t, n);
    must(codes || n == 0);
    for (size_t i = 0; has_codes && i < n; i++)
        codes[i] = res.tx_results.v[i].code;
    send_update(s, s->txs.owed_height, &s->txs.owed, codes, shell_chain(s),
                false);
    s->txs.owed_height++;
    owe(s);
}

static void on_owed_block(struct shell *s, enum err status, const char *text,
                          const Store__Reply *r)
{
    Store__GetResults get = STORE__GET_RESULTS__INIT;
    Store__Request    req = STORE__REQUEST__INIT;
    struct block      b   = { 0 };
    struct span       kept;

    UNUSED(text);
    arena_reset(&s->owed_arena);
    kept = status || r->kind_case != STORE__REPLY__KIND_BLOCK
               ? (struct span){ 0 }
               : arena_copy(&s->owed_arena,
                            SPAN(r->block->block.data, r->block->block.len));
    if (!kept.p || pb_decode(&block_desc, &b, &s->owed_arena, kept) != ACCEPT)
        b = (struct block){ 0 };
    s->txs.owed     = b.data.txs;
    get.height      = s->txs.owed_height;
    req.kind_case   = STORE__REQUEST__KIND_GET_RESULTS;
    req.get_results = &get;
    store_ask(s, &req, on_owed_results);
}

static void owe(struct shell *s)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    if (!bus_is_up(s->mempool)) {
        s->txs.is_owing = false;
        return;
    }
    if (s->txs.owed_height > shell_chain(s)->last_height) {
        s->txs.is_owing = false;
        met(s);
        return;
    }
    get.height    = s->txs.owed_height;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    store_ask(s, &req, on_owed_block);
}

static void on_size(void *ctx, uint64_t tag, enum err status, const char *text,
                    struct span body)
{
    struct shell          *s     = ctx;
    ProtobufCAllocator     alloc = { arena_take, arena_keep, &s->owed_arena };
    Mempool__Reply        *r;
    static const span_list none;
    int64_t                last = shell_chain(s)->last_height;

    UNUSED(tag);
    UNUSED(text);
    if (s->txs.is_owing) /* it was asked twice */
        return;
    arena_reset(&s->owed_arena);
    r = status ? NULL : mempool__reply__unpack(&alloc, body.n, body.p);
    if (r && r->kind_case == MEMPOOL__REPLY__KIND_SIZE && r->size->height > 0 &&
        r->size->height < last) {
        s->txs.owed_height = r->size->height + 1;
        s->txs.is_owing    = true;
        if (s->txs.owed_height < s->store_lowest)
            s->txs.owed_height = s->store_lowest;
        owe(s);
    } else if (bus_is_up(s->mempool)) {
        send_update(s, last, &none, NULL, shell_chain(s), false);
        met(s);
    }
}

static void ask_size(struct shell *s)
{
    Mempool__GetSize get = MEMPOOL__GET_SIZE__INIT;
    Mempool__Request req = MEMPOOL__REQUEST__INIT;

    req.kind_case = MEMPOOL__REQUEST__KIND_GET_SIZE;
    req.get_size  = &get;
    ask(s, &req, 0, on_size, s, 0);
}

/* txs_meet - once the chain's state is known, and whenever mempool is new. */
void txs_meet(struct shell *s)
{
    if (s->phase > PHASE_HANDSHAKE && bus_is_up(s->mempool) && !s->txs.is_owing)
        ask_size(s);
}

static void on_up(void *ctx, bool is_new_boot)
{
    struct shell *s = ctx;

    UNUSED(is_new_boot);
    svc_condition(s->svc, "mempool", NULL);
    s->txs.is_met = s->txs.is_lock_kept = false;
    txs_meet(s);
}

static void on_down(void *ctx)
{
    struct shell *s = ctx;

    svc_condition(s->svc, "mempool", "not reachable");
    s->txs.is_met = s->txs.is_lock_kept = false;
    reap_none(s);
}

static void on_hint(void *ctx, const char *topic, struct span body)
{
    struct shell *s = ctx;

    UNUSED(topic);
    UNUSED(body);
    if (s->phase < PHASE_RUN)
        return;
    inputs_txs(&s->inputs);
    pump(s);
}

void txs_open(struct shell *s)
{
    static const struct bus_client_fns fns = { on_up, on_down, NULL };
    const struct config               *cfg = s->svc->config;

    svc_condition(s->svc, "mempool", "not reached yet");
    timer_init(&s->txs.reap_timer, s->svc->loop, on_reap_timer, s);
    s->mempool = svc_connect(s->svc, "mempool", &fns, s);
    if (!cfg->consensus.create_empty_blocks ||
        cfg->consensus.create_empty_blocks_interval > 0)
        svc_subscribe(s->svc, "mempool", "txs", on_hint, s);
}
