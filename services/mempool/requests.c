/* requests - what consensus and the api ask for, but for new transactions. */
#include "mempool/shell.h"

#include "crypto/hash.h"

#include <stdlib.h>

void reply(struct bus_call call, Mempool__Reply *r)
{
    size_t   n = mempool__reply__get_packed_size(r);
    uint8_t *p = malloc(n + 1);

    must(p != NULL);
    mempool__reply__pack(r, p);
    bus_reply(call, OK, NULL, SPAN(p, n));
    free(p);
}

void reply_done(struct bus_call call)
{
    Mempool__Done  m = MEMPOOL__DONE__INIT;
    Mempool__Reply r = MEMPOOL__REPLY__INIT;

    r.kind_case = MEMPOOL__REPLY__KIND_DONE;
    r.done      = &m;
    reply(call, &r);
}

static void refuse(struct bus_call call, const char *text)
{
    bus_reply(call, ERR_USAGE, text, (struct span){ 0 });
}

static void hold(struct held **list, struct held h)
{
    struct held *copy = malloc(sizeof *copy);

    must(copy != NULL);
    *copy      = h;
    copy->next = NULL;
    while (*list)
        list = &(*list)->next;
    *list = copy;
}

static Mempool__Size size_of(const struct shell *s)
{
    Mempool__Size m = MEMPOOL__SIZE__INIT;

    m.count  = (int64_t)s->core.count;
    m.bytes  = s->core.bytes;
    m.height = s->core.height;
    return m;
}

/* ---- reading ---- */

/* The first n, as far as one message holds them. */
static void reply_txs(struct shell *s, struct bus_call call, size_t n)
{
    Mempool__Txs   m    = MEMPOOL__TXS__INIT;
    Mempool__Reply r    = MEMPOOL__REPLY__INIT;
    Mempool__Size  size = size_of(s);
    size_t         sum  = 0;

    m.txs  = calloc(n + 1, sizeof *m.txs);
    m.size = &size;
    must(m.txs != NULL);
    for (const struct mempool_tx *tx = mempool_first(&s->core);
         tx && m.n_txs < n; tx       = mempool_next(&s->core, tx)) {
        sum += (size_t)mempool_tx_size(tx->bytes.n);
        if (sum > REPLY_BYTES_MAX)
            break;
        m.txs[m.n_txs].data  = (uint8_t *)(uintptr_t)tx->bytes.p;
        m.txs[m.n_txs++].len = tx->bytes.n;
    }
    r.kind_case = MEMPOOL__REPLY__KIND_TXS;
    r.txs       = &m;
    reply(call, &r);
    free(m.txs);
}

static void on_reap(struct shell *s, struct bus_call call,
                    const Mempool__Reap *m)
{
    if (s->is_rechecking)
        hold(&s->reaps, (struct held){ .call      = call,
                                       .max_bytes = m->max_bytes,
                                       .max_gas   = m->max_gas });
    else
        reply_txs(s, call, mempool_reap(&s->core, m->max_bytes, m->max_gas));
}

static void on_list(struct shell *s, struct bus_call call,
                    const Mempool__List *m)
{
    size_t n = s->core.count;

    reply_txs(s, call, m->limit < n ? m->limit : n);
}

static void on_get_size(struct shell *s, struct bus_call call)
{
    Mempool__Size  m = size_of(s);
    Mempool__Reply r = MEMPOOL__REPLY__INIT;

    r.kind_case = MEMPOOL__REPLY__KIND_SIZE;
    r.size      = &m;
    reply(call, &r);
}

/* ---- commits ---- */

static void unlock(struct shell *s)
{
    s->is_locked     = false;
    s->has_lock_call = false;
}

static void on_lock(struct shell *s, struct bus_call call,
                    const Mempool__Lock *m)
{
    s->is_locked     = true;
    s->lock_height   = m->height;
    s->locked_us     = now_us();
    s->is_lock_whole = abci_is_up(s->app);
    s->lock          = call;
    s->has_lock_call = s->asked.n > 0 || s->rechecks_asked > 0;
    if (!s->has_lock_call)
        reply_done(call);
}

/* Take what the block has out of the pool; txs gets the journal's words. */
static void take_out(struct shell *s, const Mempool__Update *m, uint8_t *txs)
{
    for (size_t i = 0; i < m->n_txs; i++) {
        struct hash              h;
        const struct mempool_tx *tx;
        uint32_t                 segment;
        struct span              bytes;

        sha256(&h, SPAN(m->txs[i].data, m->txs[i].len));
        trace_tx(TRACE_INCLUDED, h.b, (uint64_t)m->height);
        tx      = mempool_find(&s->core, h.b);
        segment = tx ? tx->segment : 0;
        bytes   = mempool_committed(&s->core, h.b, m->codes[i] == 0);
        if (tx)
            shell_drop(s, segment, bytes);
        memcpy(txs, h.b, HASH_BYTES);
        txs[HASH_BYTES] = m->codes[i] == 0;
        txs += JOURNAL_BLOCK_TX_BYTES;
    }
}

static void note_block(struct shell *s, size_t n, const uint8_t *txs)
{
    if (s->journal)
        journal_add_block(
            s->journal, &(struct journal_block){ .height    = s->core.height,
                                                 .max_bytes = s->core.max_bytes,
                                                 .max_gas   = s->core.max_gas,
                                                 .n         = n,
                                                 .txs       = txs });
}

static void on_block(struct shell *s, const Mempool__Update *m, bool is_final)
{
    uint8_t *txs = malloc(m->n_txs * JOURNAL_BLOCK_TX_BYTES + 1);

    must(txs != NULL);
    s->core.height = m->height;
    s->is_hinted   = false;
    take_out(s, m, txs);
    note_block(s, m->n_txs, txs);
    free(txs);
    if (s->is_recheck_on)
        checks_recheck(s, is_final);
    if (!s->is_rechecking && s->core.count > 0)
        shell_available(s);
}

static void on_update(struct shell *s, struct bus_call call,
                      const Mempool__Update *m)
{
    bool is_new  = m->height > s->core.height;
    bool is_owed = s->is_locked && m->height < s->lock_height;
    /* Only then has the application forgotten what it was asked before. */
    bool is_final = m->is_locked && s->is_locked && s->is_lock_whole &&
                    m->height == s->lock_height;

    if (m->n_codes != m->n_txs) {
        refuse(call, "Update needs one code for each transaction");
        return;
    }
    s->core.max_bytes = m->max_bytes;
    s->core.max_gas   = m->max_gas;
    if (!is_owed)
        unlock(s);
    if (is_new)
        on_block(s, m, is_final);
    hold(&s->updates,
         (struct held){ .call = call,
                        .mark = s->journal ? journal_mark(s->journal) : 0 });
    shell_measure(s);
    request_flush(s);
    checks_go(s);
}

static void on_flush(struct shell *s, struct bus_call call)
{
    const struct mempool_tx *tx;

    while ((tx = mempool_first(&s->core))) {
        uint32_t segment = tx->segment;

        trace_tx(TRACE_REMOVED, tx->key, 0);
        shell_drop(s, segment,
                   mempool_remove(&s->core, mempool_find(&s->core, tx->key)));
    }
    mempool_clear_cache(&s->core);
    if (s->journal)
        journal_add_clear(s->journal);
    shell_measure(s);
    reply_done(call);
}

/* ---- what was held ---- */

void request_flush(struct shell *s)
{
    uint64_t durable = s->journal ? journal_durable(s->journal) : UINT64_MAX;
    struct held *h;

    while ((h = s->updates) && h->mark <= durable) {
        s->updates = h->next;
        reply_done(h->call);
        free(h);
    }
    while (!s->is_rechecking && (h = s->reaps)) {
        s->reaps = h->next;
        reply_txs(s, h->call, mempool_reap(&s->core, h->max_bytes, h->max_gas));
        free(h);
    }
}

void request_gone(struct shell *s, uint32_t peer)
{
    if (s->is_locked && s->lock.peer == peer) {
        unlock(s);
        checks_go(s);
    }
}

static void free_list(struct held *h)
{
    while (h) {
        struct held *next = h->next;

        free(h);
        h = next;
    }
}

void request_close(struct shell *s)
{
    free_list(s->reaps);
    free_list(s->updates);
}

/* ---- dispatch ---- */

static void *take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void leave(void *arena, void *p)
{
    UNUSED(arena);
    UNUSED(p);
}

void request_dispatch(struct shell *s, struct bus_call call, struct span body)
{
    ProtobufCAllocator alloc = { take, leave, &s->scratch };
    Mempool__Request  *r;

    arena_reset(&s->scratch);
    r = mempool__request__unpack(&alloc, body.n, body.p);
    if (!r) {
        refuse(call, "malformed mempool.Request");
        return;
    }
    switch (r->kind_case) {
    case MEMPOOL__REQUEST__KIND_SUBMIT: submit_begin(s, call, r->submit); break;
    case MEMPOOL__REQUEST__KIND_REAP: on_reap(s, call, r->reap); break;
    case MEMPOOL__REQUEST__KIND_LOCK: on_lock(s, call, r->lock); break;
    case MEMPOOL__REQUEST__KIND_UPDATE: on_update(s, call, r->update); break;
    case MEMPOOL__REQUEST__KIND_LIST: on_list(s, call, r->list); break;
    case MEMPOOL__REQUEST__KIND_GET_SIZE: on_get_size(s, call); break;
    case MEMPOOL__REQUEST__KIND_CHECK:
        checks_probe(s, call, SPAN(r->check->tx.data, r->check->tx.len));
        break;
    case MEMPOOL__REQUEST__KIND_FLUSH: on_flush(s, call); break;
    default: refuse(call, "mempool.Request without a known kind"); break;
    }
}
