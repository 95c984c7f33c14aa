#include "store/shell.h"

#include "base/log.h"
#include "crypto/key.h"
#include "model/types.h"
#include "svc/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- answering ---- */

void shell_reply(struct shell *s, struct bus_call call,
                 const Store__Reply *reply)
{
    size_t   n = store__reply__get_packed_size(reply);
    uint8_t *p = malloc(n + 1);

    UNUSED(s);
    must(p);
    store__reply__pack(reply, p);
    bus_reply(call, OK, NULL, SPAN(p, n));
    free(p);
}

static const char *why(const struct shell *s, enum err e)
{
    switch (e) {
    case ERR_DISK: return "the store's disk is full or failing";
    case ERR_CORRUPT: return "what the store holds there is damaged";
    default: return s->db.why[0] ? s->db.why : err_name(e);
    }
}

void shell_refuse(struct shell *s, struct bus_call call, enum err e)
{
    bus_reply(call, e, why(s, e), SPAN(NULL, 0));
    s->db.why[0] = 0;
}

static void reply_done(struct shell *s, struct bus_call call)
{
    Store__Done  done  = STORE__DONE__INIT;
    Store__Reply reply = STORE__REPLY__INIT;

    reply.kind_case = STORE__REPLY__KIND_DONE;
    reply.done      = &done;
    shell_reply(s, call, &reply);
}

static void publish(struct shell *s)
{
    int64_t           height = s->hint_height;
    Store__Height     hint   = STORE__HEIGHT__INIT;
    struct block_meta m      = { 0 };
    struct span       bytes;
    uint8_t           packed[32];

    s->hint_height = 0;
    s->hinted_us   = now_us();
    if (height == 0 || db_get_meta(&s->db, height, &bytes) != OK)
        return;
    if (bytes.n > 0 &&
        pb_decode(&block_meta_desc, &m, &s->arena, bytes) == ACCEPT)
        hint.txs = (uint32_t)m.num_txs;
    hint.height = height;
    bus_publish(s->svc->bus, "height",
                SPAN(packed, store__height__pack(&hint, packed)));
    db_end(&s->db);
}

/* Heights that follow each other fast, as in block sync, share a hint. */
void shell_publish(struct shell *s, int64_t height)
{
    uint64_t since = now_us() - s->hinted_us;

    if (since < HINT_PACE_US && s->hint_height == 0)
        timer_set(&s->hint, HINT_PACE_US - since);
    s->hint_height = height;
    if (since >= HINT_PACE_US)
        publish(s);
}

static void on_hint(void *ctx)
{
    struct shell *s = ctx;

    publish(s);
    arena_reset(&s->arena);
}

void shell_bound(struct shell *s)
{
    struct span id = s->db.binding.chain_id;

    memcpy(s->chain_id, id.p, id.n);
    s->chain_id[id.n] = 0;
    s->svc->chain_id  = s->chain_id;
}

/* ---- commits ---- */

static void settle(struct shell *s, enum err e)
{
    size_t n = s->held_count;

    s->held_count = 0;
    for (size_t i = 0; i < n; i++) {
        if (e != OK)
            shell_refuse(s, s->held[i].call, e);
        else
            reply_done(s, s->held[i].call);
    }
    for (size_t i = 0; i < n && e == OK; i++)
        if (s->held[i].state >= 0)
            shell_publish(s, s->held[i].state);
    svc_condition(s->svc, "disk", e == ERR_DISK ? "full or failing" : NULL);
}

static void measure(struct shell *s, uint64_t since)
{
    metric_observe(&metric_store_commit_seconds, NULL, NULL,
                   (double)(now_us() - since) / 1e6);
    metric_set(&metric_store_height, NULL, NULL, (double)s->db.heads.height);
    metric_set(&metric_store_lowest_height, NULL, NULL,
               (double)s->db.heads.lowest);
}

/* Blocks above from, which is all there was, are found from now on. */
static void trace_saved(const struct shell *s, int64_t from)
{
    int64_t top = s->db.heads.height;

    if (from < top - HELD_MAX)
        from = top - HELD_MAX;
    while (from < top)
        trace_block(TRACE_INDEXED, ++from, 0);
}

void shell_commit(struct shell *s)
{
    uint64_t start  = now_us();
    int64_t  height = s->db.heads.height;

    if (!db_has_batch(&s->db))
        return;
    settle(s, db_commit(&s->db));
    trace_saved(s, height);
    measure(s, start);
}

static void on_commit(void *ctx)
{
    shell_commit(ctx);
}

void shell_hold(struct shell *s, struct bus_call call, int64_t state)
{
    s->held[s->held_count++] = (struct held){ call, state };
    if (s->held_count == HELD_MAX || s->db.batch_bytes > BATCH_BYTES)
        shell_commit(s);
    else
        deferred_set(&s->commit);
}

/* ---- pruning, a piece at a time ---- */

static void prune_end(struct shell *s, enum err e)
{
    Store__Pruned pruned = STORE__PRUNED__INIT;
    Store__Reply  reply  = STORE__REPLY__INIT;

    s->pruning.is_active = false;
    pruned.blocks        = s->pruning.dropped;
    reply.kind_case      = STORE__REPLY__KIND_PRUNED;
    reply.pruned         = &pruned;
    if (e != OK)
        shell_refuse(s, s->pruning.call, e);
    else
        shell_reply(s, s->pruning.call, &reply);
}

static void on_prune(void *ctx)
{
    struct shell   *s = ctx;
    struct pruning *p = &s->pruning;
    bool            is_done;
    enum err        e;

    shell_commit(s);
    e = db_prune(&s->db, p->retain, p->evidence, &p->dropped, &is_done,
                 &s->arena);
    if (e == OK)
        e = db_commit(&s->db);
    if (e != OK || is_done)
        prune_end(s, e);
    else
        deferred_set(&p->step);
}

void shell_prune(struct shell *s, struct bus_call call, int64_t retain,
                 int64_t evidence)
{
    struct pruning *p = &s->pruning;

    if (p->is_active) {
        bus_reply(call, ERR_BUSY, "pruning already", SPAN(NULL, 0));
        return;
    }
    p->call      = call;
    p->retain    = retain;
    p->evidence  = evidence;
    p->dropped   = 0;
    p->is_active = true;
    deferred_set(&p->step);
}

/* ---- the bus ---- */

static void *arena_take(void *ctx, size_t n)
{
    return arena_alloc(ctx, n);
}

static void arena_keep(void *ctx, void *p)
{
    UNUSED(ctx);
    UNUSED(p);
}

static void on_request(void *ctx, struct bus_call call, struct span body)
{
    struct shell      *s     = ctx;
    ProtobufCAllocator alloc = { arena_take, arena_keep, &s->arena };
    Store__Request    *r     = store__request__unpack(&alloc, body.n, body.p);

    if (r)
        shell_answer(s, call, r);
    else
        bus_reply(call, ERR_USAGE, "malformed request", SPAN(NULL, 0));
    db_end(&s->db);
    arena_reset(&s->arena);
    /* An operation that failed has undone the batch of those before it. */
    if (s->held_count > 0 && !db_has_batch(&s->db))
        settle(s, ERR_DISK);
}

/* ---- life ---- */

static enum err open_db(struct shell *s)
{
    const struct config *c   = s->svc->config;
    const char          *dir = config_path(c, c->db_dir);
    char                *own =
        arena_alloc(&s->svc->config->arena, strlen(dir) + sizeof "/store");

    must(own);
    memcpy(own, dir, strlen(dir));
    memcpy(own + strlen(dir), "/store", sizeof "/store");
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(ERR_DISK, "cannot make %s: %s", dir, strerror(errno));
    return db_open(&s->db, own, strcmp(c->tx_index.indexer, "null") != 0);
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    static const struct bus_server_fns fns = { .on_request = on_request };
    enum err                           e;

    s->svc = svc;
    crypto_setup(); /* validator keys are parsed */
    arena_open(&s->arena, DECODE_ARENA_BYTES);
    deferred_init(&s->commit, svc->loop, on_commit, s);
    deferred_init(&s->pruning.step, svc->loop, on_prune, s);
    timer_init(&s->hint, svc->loop, on_hint, s);
    e = open_db(s);
    if (e != OK)
        return e;
    if (s->db.is_bound)
        shell_bound(s);
    log_event(LOG_INFO, "open", LOG_INT("lowest", s->db.heads.lowest),
              LOG_INT("height", s->db.heads.height),
              LOG_INT("state", s->db.heads.state));
    return svc_serve(svc, &fns, s);
}

void shell_close(struct shell *s)
{
    shell_commit(s);
    deferred_fini(&s->commit);
    deferred_fini(&s->pruning.step);
    timer_fini(&s->hint);
    db_close(&s->db);
    arena_close(&s->arena);
}
