#include "mempool/shell.h"

#include "base/log.h"
#include "crypto/hash.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

/* ---- numbers for operators ---- */

void shell_count(enum shell_count what)
{
    struct metric *const counts[] = {
        [COUNT_FAILED]   = &metric_mempool_failed_txs,
        [COUNT_REJECTED] = &metric_mempool_rejected_txs,
        [COUNT_EVICTED]  = &metric_mempool_evicted_txs,
        [COUNT_RECHECK]  = &metric_mempool_recheck_times,
    };

    metric_add(counts[what], NULL, NULL, 1);
}

void shell_measure(struct shell *s)
{
    metric_set(&metric_mempool_size, NULL, NULL, (double)s->core.count);
    metric_set(&metric_mempool_size_bytes, NULL, NULL, (double)s->core.bytes);
}

/* ---- consensus waits for something to do ---- */

static void publish(struct shell *s)
{
    Mempool__Size m = MEMPOOL__SIZE__INIT;
    uint8_t       bytes[64];
    size_t        n;

    m.count  = (int64_t)s->core.count;
    m.bytes  = s->core.bytes;
    m.height = s->core.height;
    n        = mempool__size__pack(&m, bytes);
    bus_publish(s->svc->bus, "txs", SPAN(bytes, n));
}

void shell_available(struct shell *s)
{
    if (s->is_hinted)
        return;
    s->is_hinted = true;
    publish(s);
}

/* A hint may get lost. */
static void on_hint_due(void *ctx)
{
    struct shell *s = ctx;

    if (s->core.count > 0 && !s->is_rechecking)
        publish(s);
    timer_set(&s->hint, HINT_US);
}

/* ---- the journal ---- */

static struct journal_tx journal_tx_of(const struct shell      *s,
                                       const struct mempool_tx *tx)
{
    return (struct journal_tx){ .seq    = tx->seq,
                                .origin = mempool_origin(&s->core, tx->key),
                                .height = tx->height,
                                .gas    = tx->gas,
                                .bytes  = tx->bytes };
}

/* Write those of the first segment again, so that it can go. */
static void relocate(struct shell *s)
{
    uint32_t segment = journal_crowded(s->journal);

    if (segment == 0)
        return;
    for (const struct mempool_tx *tx = mempool_first(&s->core); tx;
         tx                          = mempool_next(&s->core, tx)) {
        struct journal_tx  copy  = journal_tx_of(s, tx);
        struct mempool_tx *moved = mempool_find(&s->core, tx->key);

        if (tx->segment != segment)
            continue;
        moved->segment = journal_add_tx(s->journal, &copy);
        journal_release(s->journal, segment, tx->bytes.n);
    }
}

void shell_keep(struct shell *s, struct mempool_tx *tx)
{
    struct journal_tx j = journal_tx_of(s, tx);

    if (s->journal)
        tx->segment = journal_add_tx(s->journal, &j);
    metric_observe(&metric_mempool_tx_size_bytes, NULL, NULL,
                   (double)tx->bytes.n);
    shell_available(s);
    gossip_add(s, tx);
}

void shell_drop(struct shell *s, uint32_t segment, struct span bytes)
{
    if (s->journal)
        journal_release(s->journal, segment, bytes.n);
    free((void *)(uintptr_t)bytes.p);
}

static void on_durable(void *ctx)
{
    struct shell *s = ctx;

    submit_flush(s);
    request_flush(s);
    relocate(s);
    checks_go(s);
}

static void on_journal_failed(void *ctx, enum err e)
{
    struct shell *s = ctx;

    svc_exit(s->svc, e);
}

/* ---- reading it ---- */

static void found_tx(void *ctx, const struct journal_tx *j)
{
    struct shell     *s    = ctx;
    uint8_t          *copy = malloc(j->bytes.n + 1);
    struct mempool_tx tx   = {
          .gas = j->gas, .height = j->height, .seq = j->seq, .segment = j->segment
    };
    struct mempool_tx *there;
    struct hash        h;

    sha256(&h, j->bytes);
    memcpy(tx.key, h.b, HASH_BYTES);
    there = mempool_find(&s->core, tx.key);
    if (there) { /* written again, from a segment that was to go */
        there->segment = j->segment;
        free(copy);
        return;
    }
    must(copy != NULL);
    if (j->bytes.n)
        memcpy(copy, j->bytes.p, j->bytes.n);
    tx.bytes = SPAN(copy, j->bytes.n);
    if (!mempool_restore(&s->core, &tx, j->origin))
        free(copy); /* the bounds were lowered */
}

static void forget(struct shell *s, struct mempool_tx *tx)
{
    if (tx)
        free((void *)(uintptr_t)mempool_remove(&s->core, tx).p);
}

static void found_block(void *ctx, const struct journal_block *b)
{
    struct shell *s = ctx;

    s->core.height    = b->height;
    s->core.max_bytes = b->max_bytes;
    s->core.max_gas   = b->max_gas;
    for (size_t i = 0; i < b->n; i++) {
        const uint8_t *key = b->txs + i * JOURNAL_BLOCK_TX_BYTES;

        free((void *)(uintptr_t)mempool_committed(&s->core, key,
                                                  key[HASH_BYTES] != 0)
                 .p);
    }
}

static void found_drop(void *ctx, const uint8_t key[HASH_BYTES], bool uncache)
{
    struct shell *s = ctx;

    forget(s, mempool_find(&s->core, key));
    if (uncache)
        mempool_withdraw(&s->core, key);
}

static void found_clear(void *ctx)
{
    struct shell            *s = ctx;
    const struct mempool_tx *tx;

    while ((tx = mempool_first(&s->core)))
        forget(s, mempool_find(&s->core, tx->key));
    mempool_clear_cache(&s->core);
}

static enum err open_journal(struct shell *s)
{
    static const struct journal_fns fns = {
        .on_tx      = found_tx,
        .on_block   = found_block,
        .on_drop    = found_drop,
        .on_clear   = found_clear,
        .on_durable = on_durable,
        .on_failed  = on_journal_failed,
    };
    const struct config *cfg = s->svc->config;
    char                 dir[512];
    struct buf           path;
    enum err             e;

    /* journal_open says what is wrong when this fails. */
    (void)mkdir(config_path(cfg, cfg->db_dir), 0700);
    buf_use(&path, dir, sizeof dir);
    buf_printf(&path, "%s/mempool", config_path(cfg, cfg->db_dir));
    e = journal_open(&s->journal, s->svc->loop, buf_cstr(&path), 0, &fns, s);
    if (e)
        return e;
    svc_disk(s->svc, config_path(cfg, cfg->db_dir));
    for (const struct mempool_tx *tx = mempool_first(&s->core); tx;
         tx                          = mempool_next(&s->core, tx))
        journal_adopt(s->journal, tx->segment, tx->bytes.n);
    if (s->core.count > 0)
        log_event(LOG_INFO, "pending transactions found again",
                  LOG_UINT("count", s->core.count),
                  LOG_INT("bytes", s->core.bytes));
    return OK;
}

/* ---- clients ---- */

uint64_t shell_boot(const struct shell *s, uint32_t peer)
{
    for (size_t i = 0; i < s->client_count; i++)
        if (s->clients[i].peer == peer)
            return s->clients[i].boot;
    return 0;
}

static void on_gone(void *ctx, uint32_t peer)
{
    struct shell *s = ctx;

    for (size_t i = 0; i < s->client_count; i++)
        if (s->clients[i].peer == peer)
            s->clients[i] = s->clients[--s->client_count];
    request_gone(s, peer);
}

static void on_client(void *ctx, uint32_t peer, const char *service,
                      uint64_t boot)
{
    struct shell *s = ctx;

    UNUSED(service);
    if (s->client_count < CLIENTS_MAX)
        s->clients[s->client_count++] = (struct client){ peer, boot };
}

static void on_request(void *ctx, struct bus_call call, struct span body)
{
    request_dispatch(ctx, call, body);
}

/* ---- opening ---- */

static void open_core(struct shell *s)
{
    const struct config  *cfg    = s->svc->config;
    struct mempool_limits limits = {
        .count_max     = (size_t)cfg->mempool.size,
        .bytes_max     = cfg->mempool.max_txs_bytes,
        .tx_bytes_max  = (size_t)cfg->mempool.max_tx_bytes,
        .cache_max     = (size_t)cfg->mempool.cache_size,
        .keeps_invalid = cfg->mempool.keep_invalid_txs_in_cache,
    };
    uint64_t seed;

    must(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    arena_open(&s->memory, (limits.count_max + limits.cache_max + 64) * 256 +
                               EARLY_MAX * sizeof(struct early_entry));
    arena_open(&s->scratch, DECODE_ARENA_BYTES);
    mempool_init(&s->core, &limits, seed, &s->memory);
    early_init(&s->early, seed, &s->memory);
    s->is_recheck_on      = cfg->mempool.recheck;
    s->recheck_timeout_ns = cfg->mempool.recheck_timeout;
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    static const struct bus_server_fns fns = { .on_request = on_request,
                                               .on_client  = on_client,
                                               .on_gone    = on_gone };
    enum err                           e   = OK;

    *s = (struct shell){ .svc = svc };
    open_core(s);
    submit_open(s);
    if (svc->config->warren.mempool_journal)
        e = open_journal(s);
    if (!e)
        e = svc_serve(svc, &fns, s);
    if (e)
        return e;
    gossip_open(s);
    checks_open(s);
    timer_init(&s->hint, svc->loop, on_hint_due, s);
    timer_set(&s->hint, HINT_US);
    metric_set(&metric_mempool_size_limit, NULL, NULL,
               (double)svc->config->mempool.size);
    metric_set(&metric_mempool_limit_bytes, NULL, NULL,
               (double)svc->config->mempool.max_txs_bytes);
    shell_measure(s);
    return OK;
}

void shell_close(struct shell *s)
{
    const struct mempool_tx *tx;

    timer_fini(&s->hint);
    checks_close(s);
    gossip_close(s);
    submit_close(s);
    request_close(s);
    journal_close(s->journal);
    while ((tx = mempool_first(&s->core)))
        forget(s, mempool_find(&s->core, tx->key));
    arena_close(&s->memory);
    arena_close(&s->scratch);
}
