#include "consensus/shell.h"

#include "base/files.h"
#include "base/log.h"
#include "consensus/measure.h"
#include "svc/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HEIGHT_BYTES    = 1 << 30, /* reserved, not touched */
    CANDIDATE_BYTES = 512 << 20,
    STATE_BYTES_MAX = 64 << 20,
    SYNC_US         = 2000000,
};

/* ---- effects ---- */

static const char *fact_name(enum fact f)
{
    switch (f) {
    case FACT_NEW_ROUND: return "new round";
    case FACT_TIMEOUT_PROPOSE: return "no proposal in time";
    case FACT_TIMEOUT_WAIT: return "no more votes in time";
    case FACT_PROPOSAL: return "proposal";
    case FACT_COMPLETE_PROPOSAL: return "complete proposal";
    case FACT_INVALID_BLOCK: return "invalid block, prevoting nil";
    case FACT_REJECTED_BLOCK: return "application rejected block";
    case FACT_POLKA: return "polka";
    case FACT_LOCK: return "lock";
    case FACT_RELOCK: return "relock";
    case FACT_UNLOCK: return "unlock";
    case FACT_VALID_BLOCK: return "valid block";
    case FACT_VOTE: return "vote";
    case FACT_LATE_VOTE: return "late vote";
    case FACT_DUPLICATE_VOTE: return "duplicate vote";
    case FACT_DUPLICATE_PART: return "duplicate part";
    case FACT_OWN_CONFLICT:
        return "our key signed a conflicting vote: does another node use it?";
    }
    return "";
}

static enum log_level fact_level(const struct effect *e)
{
    switch (e->fact) {
    case FACT_INVALID_BLOCK:
    case FACT_REJECTED_BLOCK:
    case FACT_OWN_CONFLICT: return LOG_WARN;
    case FACT_NEW_ROUND: return e->round > 0 ? LOG_INFO : LOG_DEBUG;
    default: return LOG_DEBUG;
    }
}

static void trace_fact(const struct effect *e)
{
    if (e->fact == FACT_PROPOSAL)
        trace_block(TRACE_PROPOSED, e->height, e->round);
    else if (e->fact == FACT_COMPLETE_PROPOSAL)
        trace_block(TRACE_COMPLETE, e->height, e->round);
    else if (e->fact == FACT_POLKA)
        trace_block(TRACE_POLKA, e->height, e->round);
}

static void note_fact(const struct effect *e)
{
    trace_fact(e);
    log_event(fact_level(e), fact_name(e->fact), LOG_INT("height", e->height),
              LOG_INT("round", e->round),
              LOG_STR("why", e->text ? e->text : ""));
}

static void set_timer(struct shell *s, const struct effect *e)
{
    s->timeout = e->timer;
    if (e->timer.duration > 0) {
        timer_set(&s->timer, (uint64_t)e->timer.duration / 1000);
        return;
    }
    timer_clear(&s->timer);
    inputs_timeout(&s->inputs, &s->timeout);
}

/* Somebody asks for the numbers. */
static void on_asked(void *ctx)
{
    struct shell *s = ctx;

    measure_syncing(s->phase == PHASE_SYNC);
    if (s->phase > PHASE_STORE)
        measure_latest(shell_chain(s)->last_height);
}

static void on_timer(void *ctx)
{
    struct shell *s = ctx;

    inputs_timeout(&s->inputs, &s->timeout);
    pump(s);
}

static void perform(struct shell *s, const struct effect *e)
{
    measure_effect(&s->core, e);
    switch (e->kind) {
    case FX_SET_TIMER: set_timer(s, e); break;
    case FX_NEW_STEP:
        pump_step(s, e);
        reactor_effect(&s->reactor, e);
        break;
    case FX_OWN_PROPOSAL:
    case FX_OWN_PARTS:
    case FX_OWN_VOTE: pump_own(s, e); break;
    case FX_HAS_VOTE:
    case FX_NEW_VALID_BLOCK: reactor_effect(&s->reactor, e); break;
    case FX_EVIDENCE: pool_conflict(&s->pool, e->vote, e->other); break;
    case FX_REFUSED:
        log_event(LOG_DEBUG, "refused a message", LOG_STR("why", e->text));
        break;
    case FX_FACT: note_fact(e); break;
    case FX_HALT:
        shell_halt(s, "height %" PRId64 " round %d: %s", e->height, e->round,
                   e->text);
        break;
    case FX_PREPARE:
    case FX_VALIDATE:
    case FX_EXTEND:
    case FX_VERIFY_EXTENSION:
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE: ask_open(s, e); break;
    case FX_APPLY:
        trace_block(TRACE_DECIDED, e->height, e->round);
        apply_decided(s, e);
        break;
    }
}

/* The only caller of consensus_step. */
void shell_step(struct shell *s, struct event *ev)
{
    s->fx.n = 0;
    measure_event(&s->core, ev);
    consensus_step(&s->core, &s->fx, ev);
}

void shell_perform(struct shell *s)
{
    for (size_t i = 0; i < s->fx.n; i++)
        perform(s, &s->fx.v[i]);
}

void shell_feed(struct shell *s, struct event *ev)
{
    shell_step(s, ev);
    shell_perform(s);
}

void shell_answer(struct shell *s, struct event *ev)
{
    if (s->is_halted)
        return;
    ev->now = pump_now(s);
    shell_feed(s, ev);
    pump(s);
}

void shell_halt(struct shell *s, const char *fmt, ...)
{
    char    why[512];
    va_list ap;

    if (s->is_halted)
        return;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    s->is_halted = true;
    timer_clear(&s->timer);
    txs_pause(s);
    txs_release(s);
    inputs_forget_peers(&s->inputs); /* or nothing is heard any more */
    reactor_taken(&s->reactor);
    svc_condition(s->svc, "consensus", "halted, see the log");
    log_text(LOG_WARN,
             "consensus is halted: %s; nothing is decided until this is mended"
             " and consensus restarted, all else is served",
             why);
}

const struct chain_state *shell_chain(const struct shell *s)
{
    return s->phase < PHASE_REPLAY || s->phase == PHASE_SYNC ? &s->chain
                                                             : &s->core.state;
}

/* ---- opening ---- */

static enum err read_genesis(struct shell *s)
{
    const char *path =
        config_path(s->svc->config, s->svc->config->genesis_file);
    const char *why = "";
    struct buf  text;
    struct span kept;
    enum err    e;

    buf_init(&text, GENESIS_BYTES_MAX);
    e = file_read(&text, path, GENESIS_BYTES_MAX);
    if (e == ERR_NOT_FOUND)
        e = fail(ERR_GENESIS,
                 "%s: no such file; get it from the chain's founders, or make"
                 " a chain of your own with `warren init`",
                 path);
    kept = e ? (struct span){ 0 } : arena_copy(&s->boot, buf_span(&text));
    buf_fini(&text);
    if (e)
        return e;
    sha256(&s->genesis_hash, kept);
    if (genesis_parse(&s->genesis, kept, &s->boot, &why) != ACCEPT)
        return fail(ERR_GENESIS, "%s: %s", path, why);
    if (stamp_is_zero(s->genesis.time))
        log_event(LOG_WARN,
                  "genesis has no genesis_time: the first block is dated in "
                  "year 1; add one before the chain begins",
                  LOG_STR("file", path));
    return OK;
}

static void open_memory(struct shell *s)
{
    arena_open(&s->in, DECODE_ARENA_BYTES);
    arena_open(&s->work, DECODE_ARENA_BYTES);
    arena_open(&s->apply_arena, DECODE_ARENA_BYTES);
    arena_open(&s->lack_arena, DECODE_ARENA_BYTES);
    arena_open(&s->owed_arena, DECODE_ARENA_BYTES);
    arena_open(&s->boot, DECODE_ARENA_BYTES);
    arena_open(&s->store_in, DECODE_ARENA_BYTES);
    arena_open(&s->scratch, DECODE_ARENA_BYTES);
    arena_open(&s->core.heights[0], HEIGHT_BYTES);
    arena_open(&s->core.heights[1], HEIGHT_BYTES);
    arena_open(&s->core.scratch, HEIGHT_BYTES);
    for (size_t i = 0; i < CANDIDATES; i++)
        arena_open(&s->core.candidates[i].arena, CANDIDATE_BYTES);
    proof_open(s);
}

static void close_memory(struct shell *s)
{
    struct arena *all[] = { &s->in,
                            &s->work,
                            &s->apply_arena,
                            &s->lack_arena,
                            &s->owed_arena,
                            &s->boot,
                            &s->store_in,
                            &s->scratch,
                            &s->core.heights[0],
                            &s->core.heights[1],
                            &s->core.scratch };

    for (size_t i = 0; i < COUNT(all); i++)
        arena_close(all[i]);
    for (size_t i = 0; i < CANDIDATES; i++)
        arena_close(&s->core.candidates[i].arena);
    proof_close(s);
}

static void on_key(void *ctx, const struct pubkey *key)
{
    struct shell *s = ctx;

    s->key = *key;
    svc_condition(s->svc, "signer", NULL);
    if (s->phase < PHASE_REPLAY) {
        boot_go_on(s);
        return;
    }
    inputs_key(&s->inputs);
    pump(s);
}

static void on_signer_down(void *ctx, const char *why)
{
    struct shell *s = ctx;

    svc_condition(s->svc, "signer", "not connected");
    log_event(LOG_WARN, "signer is gone", LOG_STR("why", why));
}

static enum err open_signer(struct shell *s)
{
    static const struct signer_fns fns = { on_key, on_signer_down };

    const struct config *cfg = s->svc->config;

    if (!*cfg->priv_validator_laddr || *cfg->warren.signer)
        svc_status_relay(s->svc, "signer");
    svc_condition(s->svc, "signer", "not connected yet");
    return signer_open(&s->signer, s->svc->loop, config_privval_address(cfg),
                       s->genesis.chain_id, &fns, s);
}

static void on_store_up(void *ctx, bool is_new_boot)
{
    struct shell *s = ctx;

    svc_condition(s->svc, "store", NULL);
    if (is_new_boot && s->phase > PHASE_STORE)
        apply_save_state(s);
}

static void on_store_down(void *ctx)
{
    struct shell *s = ctx;

    svc_condition(s->svc, "store", "not reachable");
}

static void on_retry(void *ctx)
{
    apply_retry(ctx);
}

static void on_sync_timer(void *ctx)
{
    struct shell *s = ctx;

    pump_sync(s);
    timer_set(&s->sync_timer, SYNC_US);
}

static void on_pump_later(void *ctx)
{
    pump(ctx);
}

static const char *chain_id_text(struct shell *s)
{
    char *p = arena_alloc(&s->boot, s->genesis.chain_id.n + 1);

    must(p);
    memcpy(p, s->genesis.chain_id.p, s->genesis.chain_id.n);
    return p;
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    static const struct bus_client_fns store_fns = { on_store_up, on_store_down,
                                                     NULL };
    enum err                           e;

    s->svc = svc;
    open_memory(s);
    buf_init(&s->last_state, STATE_BYTES_MAX);
    e = read_genesis(s);
    if (e)
        return e;
    svc->chain_id = chain_id_text(s);
    e             = wal_open(&s->wal,
                             config_path(svc->config, svc->config->consensus.wal_file));
    if (!e)
        e = svc_serve(svc, &status_fns, s);
    if (!e)
        e = open_signer(s);
    if (e)
        return e;
    timer_init(&s->timer, svc->loop, on_timer, s);
    timer_init(&s->retry, svc->loop, on_retry, s);
    timer_init(&s->sync_timer, svc->loop, on_sync_timer, s);
    deferred_init(&s->pump_later, svc->loop, on_pump_later, s);
    timer_set(&s->sync_timer, SYNC_US);
    svc_condition(svc, "store", "not reached yet");
    s->store = svc_connect(svc, "store", &store_fns, s);
    measure_start();
    svc_disk(svc, config_path(svc->config, svc->config->consensus.wal_file));
    s->numbers = (struct metrics_source){ .fn = on_asked, .ctx = s };
    metrics_join(&s->numbers);
    txs_open(s);
    app_open(s);
    reactor_open(&s->reactor, s);
    boot_start(s);
    return OK;
}

void shell_close(struct shell *s)
{
    metrics_leave(&s->numbers);
    if (s->wal && wal_sync(s->wal) == OK)
        wal_close(s->wal);
    wal_replay_close(s->replay);
    if (s->store)
        bus_client_close(s->store);
    store_forget(s);
    if (s->mempool)
        bus_client_close(s->mempool);
    if (s->signer)
        signer_close(s->signer);
    if (s->app.client)
        abci_close(s->app.client);
    reactor_close(&s->reactor);
    inputs_clear(&s->inputs);
    buf_fini(&s->last_state);
    if (s->timer.fn) {
        timer_fini(&s->timer);
        timer_fini(&s->retry);
        timer_fini(&s->txs.reap_timer);
        timer_fini(&s->sync_timer);
        deferred_fini(&s->pump_later);
    }
    close_memory(s);
}
