/* A decided block: execute, store, commit, next state.
 *
 *   FinalizeBlock -> SaveBlock (with seen commit and results: one sync)
 *                 -> mempool Lock
 *   both answered -> EndHeight to the WAL -> Commit -> mempool Update
 *                 -> SaveState (rides on the next sync) -> next height
 *
 * Where one block follows the other, in block sync, SaveState travels with the
 * next SaveBlock, mempool stays locked over some heights without transactions
 * and hears of the last of them, and the application is asked to execute the
 * next block right behind Commit.
 *
 * README.md says why a kill between any two of these loses nothing.  The
 * application may go and come back: what it executed but did not commit it is
 * asked again, and must answer the same. */
#include "base/log.h"
#include "consensus/measure.h"
#include "consensus/shell.h"
#include "svc/trace.h"

enum { RETRY_US = 1000000 };

/* ---- the next state ---- */

static bool keep_results(struct shell *s, struct apply *a,
                         const struct abci_res_finalize_block *res)
{
    size_t n = res->tx_results.n;

    a->results = pb_encode(&abci_res_finalize_block_desc, res, &s->apply_arena);
    a->codes   = arena_newn(&s->apply_arena, uint32_t, n);
    if (!a->results.p || (n > 0 && !a->codes))
        return false;
    for (size_t i = 0; i < n; i++)
        a->codes[i] = res->tx_results.v[i].code;
    return true;
}

static bool take_results(struct shell                         *s,
                         const struct abci_res_finalize_block *res)
{
    struct apply *a   = &s->apply;
    const char   *why = exec_next_state(&a->next, shell_chain(s), a->block,
                                        &a->id, res, &s->apply_arena);

    if (why) {
        app_fault(s, "FinalizeBlock", why);
        return false;
    }
    if (!keep_results(s, a, res)) {
        shell_halt(s, "no room for the results of height %" PRId64, a->height);
        return false;
    }
    a->has_results = true;
    return true;
}

/* The second answer of an application that was restarted in between. */
static bool is_same(struct shell *s, const struct abci_res_finalize_block *res)
{
    size_t      mark = arena_mark(&s->apply_arena);
    struct span again =
        pb_encode(&abci_res_finalize_block_desc, res, &s->apply_arena);
    bool is_equal = again.p && span_eq(again, s->apply.results);

    arena_release(&s->apply_arena, mark);
    return is_equal;
}

static void on_finalized(void *ctx, uint64_t session,
                         const struct abci_response *res, const char *error)
{
    struct shell *s = ctx;
    struct apply *a = &s->apply;

    if (session != s->app.session || s->is_halted || !res)
        return;
    if (error) {
        app_fault(s, "FinalizeBlock", error);
        return;
    }
    if (a->has_results && !is_same(s, res->finalize_block)) {
        app_fault(s, "FinalizeBlock",
                  "other results for the same block than before it was"
                  " restarted: it is not deterministic");
        return;
    }
    if (!a->has_results && !take_results(s, res->finalize_block))
        return;
    trace_block(TRACE_EXECUTED, a->height, 0);
    a->is_finalized = true;
    a->finalize_us  = now_us() - a->started_us;
    apply_go(s);
}

/* In the state before it, of which `last` are the last validators. */
static bool call_finalize(struct shell *s, const struct block *b,
                          const struct hash       *hash,
                          const struct validators *last, abci_fn *fn)
{
    struct exec_context            x = { last, s->genesis.initial_height };
    struct abci_req_finalize_block finalize;
    struct abci_request            req  = { .which = ABCI_REQ_FINALIZE_BLOCK,
                                            .finalize_block = &finalize };
    size_t                         mark = arena_mark(&s->scratch);
    bool is_made = exec_finalize(&finalize, b, hash, &x, &s->scratch);

    if (is_made)
        abci_call(s->app.client, &req, fn, s, s->app.session);
    arena_release(&s->scratch, mark);
    return is_made;
}

static void ask_finalize(struct shell *s)
{
    struct apply *a = &s->apply;

    a->is_finalize_asked = true;
    if (s->foretold.height == a->height &&
        s->foretold.session == s->app.session)
        a->started_us = s->foretold.at_us;
    else if (!call_finalize(s, a->block, &a->hash,
                            &shell_chain(s)->last_validators, on_finalized))
        shell_halt(s, "block %" PRId64 " is too large to execute", a->height);
}

/* Commit was answered before this: the block is being applied. */
static void on_foretold(void *ctx, uint64_t session,
                        const struct abci_response *res, const char *error)
{
    struct shell *s = ctx;

    if (s->apply.is_active && s->apply.height == s->foretold.height)
        on_finalized(ctx, session, res, error);
    else
        s->foretold.height = 0;
}

void apply_foretell(struct shell *s, const struct block *b,
                    const struct hash *hash)
{
    if (call_finalize(s, b, hash, &s->apply.next.last_validators, on_foretold))
        s->foretold =
            (struct foretold){ b->header.height, s->app.session, now_us() };
}

/* ---- store ---- */

/* A full disk may be freed: ask again.  Anything else is final. */
static bool is_passing(struct shell *s, enum err status, const char *text)
{
    if (status != ERR_DISK && status != ERR_BUSY)
        return false;
    svc_condition(s->svc, "store", "cannot save, see the log");
    log_event(LOG_WARN, "store cannot save, it is asked again",
              LOG_STR("why", text));
    timer_set(&s->retry, RETRY_US);
    return true;
}

static void on_saved(struct shell *s, enum err status, const char *text,
                     const Store__Reply *r)
{
    UNUSED(r);
    if (status && is_passing(s, status, text)) {
        s->apply.is_save_asked = false;
        return;
    }
    if (status) {
        shell_halt(s, "store did not keep block %" PRId64 ": %s",
                   s->apply.height, text);
        return;
    }
    svc_condition(s->svc, "store", NULL);
    s->apply.is_saved = true;
    if (s->store_height < s->apply.height)
        s->store_height = s->apply.height;
    if (s->store_lowest == 0)
        s->store_lowest = s->apply.height;
    apply_go(s);
}

static ProtobufCBinaryData *bytes_list(const span_list *l, size_t *n,
                                       struct arena *a)
{
    ProtobufCBinaryData *out = arena_newn(a, ProtobufCBinaryData, l->n);

    *n = out ? l->n : 0;
    for (size_t i = 0; i < *n; i++)
        out[i] =
            (ProtobufCBinaryData){ l->v[i].n, (uint8_t *)(uintptr_t)l->v[i].p };
    return out;
}

static void save_block(struct shell *s)
{
    struct apply       *a    = &s->apply;
    Store__SaveBlock    save = STORE__SAVE_BLOCK__INIT;
    Store__Request      req  = STORE__REQUEST__INIT;
    size_t              mark = arena_mark(&s->scratch);
    struct span         id   = pb_encode(&block_id_desc, &a->id, &s->scratch);
    ProtobufCBinaryData seen = { a->seen.n, (uint8_t *)(uintptr_t)a->seen.p };
    span_list           told;

    must(id.p);
    a->is_save_asked   = true;
    save.height        = a->height;
    save.block_id.data = (uint8_t *)(uintptr_t)id.p;
    save.block_id.len  = id.n;
    save.block.data    = (uint8_t *)(uintptr_t)a->bytes.p;
    save.block.len     = a->bytes.n;
    save.results.data  = (uint8_t *)(uintptr_t)a->results.p;
    save.results.len   = a->results.n;
    if (a->is_extended)
        save.extended_commit = seen;
    else
        save.seen_commit = seen;
    if (proof_foretold(s, &a->next, &told, &s->scratch))
        save.evidence = bytes_list(&told, &save.n_evidence, &s->scratch);
    req.kind_case  = STORE__REQUEST__KIND_SAVE_BLOCK;
    req.save_block = &save;
    store_ask(s, &req, on_saved);
    arena_release(&s->scratch, mark);
}

/* The block is there already, its results not. */
static void save_results(struct shell *s)
{
    Store__SaveResults save = STORE__SAVE_RESULTS__INIT;
    Store__Request     req  = STORE__REQUEST__INIT;

    s->apply.is_save_asked = true;
    save.height            = s->apply.height;
    save.results.data      = (uint8_t *)(uintptr_t)s->apply.results.p;
    save.results.len       = s->apply.results.n;
    req.kind_case          = STORE__REQUEST__KIND_SAVE_RESULTS;
    req.save_results       = &save;
    store_ask(s, &req, on_saved);
}

/* The state rides on the next sync: until then it is kept here, for a store
 * that is restarted has forgotten it. */
static void keep_state(struct shell *s)
{
    size_t      mark  = arena_mark(&s->scratch);
    struct span state = state_encode(&s->apply.next, &s->scratch);

    must(state.p);
    buf_clear(&s->last_state);
    buf_add(&s->last_state, state);
    must(!s->last_state.is_full);
    s->saving_height = s->apply.height;
    arena_release(&s->scratch, mark);
}

static void on_state_saved(struct shell *s, enum err status, const char *text,
                           const Store__Reply *r)
{
    UNUSED(r);
    if (status && is_passing(s, status, text))
        return;
    if (status) {
        shell_halt(s, "store did not keep the state of height %" PRId64 ": %s",
                   s->saving_height, text);
        return;
    }
    s->saved_height = s->saving_height;
    apply_go(s);
}

void apply_save_state(struct shell *s)
{
    Store__SaveState save = STORE__SAVE_STATE__INIT;
    Store__Request   req  = STORE__REQUEST__INIT;

    if (s->last_state.len == 0)
        return;
    s->is_state_owed = false;
    save.height      = s->saving_height;
    save.state.data  = s->last_state.p;
    save.state.len   = s->last_state.len;
    req.kind_case    = STORE__REQUEST__KIND_SAVE_STATE;
    req.save_state   = &save;
    store_ask(s, &req, on_state_saved);
}

static void save(struct shell *s)
{
    if (s->is_state_owed)
        apply_save_state(s);
    if (s->store_height < s->apply.height)
        save_block(s);
    else
        save_results(s);
}

void apply_pause(struct shell *s)
{
    if (s->is_state_owed)
        apply_save_state(s);
    txs_pause(s);
}

void apply_retry(struct shell *s)
{
    if (s->saved_height < s->saving_height)
        apply_save_state(s);
    else
        apply_go(s);
}

/* ---- commit ---- */

static void on_committed(void *ctx, uint64_t session,
                         const struct abci_response *res, const char *error)
{
    struct shell *s = ctx;

    if (session != s->app.session || s->is_halted || !res)
        return;
    if (error) {
        app_fault(s, "Commit", error);
        return;
    }
    trace_block(TRACE_COMMITTED, s->apply.height, 0);
    s->apply.is_committed  = true;
    s->apply.retain_height = res->commit->retain_height;
    apply_go(s);
}

static void ask_commit(struct shell *s)
{
    struct abci_req_commit commit = { 0 };
    struct abci_request req = { .which = ABCI_REQ_COMMIT, .commit = &commit };

    s->apply.is_commit_asked = true;
    abci_call(s->app.client, &req, on_committed, s, s->app.session);
}

/* Buffered: what we sign at the next height stands behind it in the log, and
 * is on the disk no earlier. */
static void end_height(struct shell *s)
{
    enum err e;

    if (s->phase < PHASE_REPLAY || s->apply.is_end_noted ||
        s->apply.height <= s->log_ahead ||
        s->apply.height == s->log_missed) /* it stands there */
        return;
    s->apply.is_end_noted = true;
    s->has_unsynced_input = true;
    e = wal_append_end_height(s->wal, now_stamp(), s->apply.height,
                              &s->scratch);
    if (e) {
        s->is_halted = true;
        svc_exit(s->svc, e);
    }
}

/* ---- done ---- */

static void note_committed(struct shell *s)
{
    const struct apply       *a     = &s->apply;
    const struct chain_state *chain = shell_chain(s);
    struct measured_block     m     = {
                .block       = a->block,
                .bytes       = a->bytes.n,
                .vals        = &chain->validators,
                .last_vals   = &chain->last_validators,
                .last_time   = chain->last_time,
                .is_first    = a->height == s->genesis.initial_height,
                .key         = &s->key,
                .finalize_us = a->finalize_us,
                .has_validator_updates =
                    a->next.last_height_validators_changed == a->height + 2,
                .has_param_updates =
                    a->next.last_height_params_changed == a->height + 1,
    };

    measure_commit(&m);
    /* Block sync tells of its progress in its own way. */
    log_event(s->phase == PHASE_SYNC ? LOG_DEBUG : LOG_INFO, "committed",
              LOG_INT("height", a->height), LOG_HEXV("hash", a->id.hash),
              LOG_UINT("txs", a->block->data.txs.n),
              LOG_HEXV("app_hash", a->next.app_hash),
              LOG_UINT("us", now_us() - a->started_us));
}

/* What we said above this height stands in the log and was not heard in the
 * replay, since that did not decide it; the next one begins here. */
static void start_again(struct shell *s)
{
    log_event(LOG_WARN, "the log goes on from here: starting again",
              LOG_INT("height", s->apply.height));
    s->is_halted = true;
    svc_exit(s->svc, OK);
}

static void finish(struct shell *s)
{
    struct apply *a      = &s->apply;
    struct event  done   = { .kind = EV_APPLIED, .applied = &a->next };
    int64_t       retain = a->retain_height;

    a->is_active = false;
    if (s->app.height < a->height)
        app_committed(s, a->height, a->next.app_hash);
    note_committed(s);
    proof_committed(s, a);
    txs_committed(s, a);
    keep_state(s);
    s->is_state_owed = s->phase == PHASE_SYNC && retain <= 0;
    if (!s->is_state_owed)
        apply_save_state(s);
    if (retain > 0)
        prune_to(s, retain);
    if (s->phase < PHASE_REPLAY) {
        must(state_copy(&s->chain, &a->next, &s->boot));
        app_check(s);
    } else if (s->phase == PHASE_SYNC) {
        fetch_applied(&s->reactor, a);
    } else if (s->phase == PHASE_RUN && a->height == s->log_missed) {
        start_again(s);
    } else {
        shell_answer(s, &done);
    }
}

void apply_go(struct shell *s)
{
    struct apply *a = &s->apply;

    if (!a->is_active || s->is_halted)
        return;
    if (!a->is_finalized) {
        if (s->app.is_ready && !a->is_finalize_asked)
            ask_finalize(s);
        return;
    }
    if (!a->is_save_asked)
        save(s);
    if (!a->is_lock_asked)
        txs_lock(s, a->height);
    if (!a->is_saved)
        fetch_verify(&s->reactor); /* while the disk works */
    /* A state that the store refused would be a gap if the next came. */
    if (!a->is_saved || !a->is_locked ||
        s->saved_height != shell_chain(s)->last_height)
        return;
    if (!a->is_committed) {
        if (s->app.is_ready && !a->is_commit_asked) {
            end_height(s);
            if (s->is_halted)
                return;
            ask_commit(s);
            fetch_foretell(&s->reactor);
        }
        return;
    }
    finish(s);
}

/* ---- the application goes and comes ---- */

void apply_app_down(struct shell *s)
{
    struct apply *a = &s->apply;

    if (a->is_active && !a->is_committed)
        a->is_finalized = a->is_finalize_asked = a->is_commit_asked = false;
}

void apply_app_up(struct shell *s)
{
    struct apply *a = &s->apply;

    if (s->app.height >= a->height && !a->is_saved) {
        shell_halt(s,
                   "the application has committed height %" PRId64
                   ", but its results were not kept: restore it to the height"
                   " before",
                   a->height);
        return;
    }
    if (s->app.height >= a->height)
        a->is_finalized = a->is_committed = true;
    app_go_on(s);
}

/* ---- beginning ---- */

static void begin(struct shell *s, int64_t height)
{
    s->apply = (struct apply){ .is_active  = true,
                               .height     = height,
                               .started_us = now_us() };
}

void apply_decided(struct shell *s, const struct effect *e)
{
    struct apply  *a = &s->apply;
    struct commit *commit;

    arena_reset(&s->apply_arena);
    begin(s, e->height);
    a->id          = e->apply.id;
    a->block       = (struct block *)(uintptr_t)e->apply.block;
    a->bytes       = part_set_bytes(e->apply.parts);
    a->is_extended = e->apply.is_extended;
    memcpy(a->hash.b, a->id.hash.p, HASH_BYTES);
    if (a->is_extended) {
        a->seen =
            pb_encode(&extended_commit_desc, e->apply.seen, &s->apply_arena);
    } else {
        commit  = extended_commit_strip(e->apply.seen, &s->apply_arena);
        a->seen = pb_encode(&commit_desc, commit, &s->apply_arena);
    }
    must(a->seen.p);
    apply_go(s);
}

static bool take_stored_results(struct shell *s, struct span results)
{
    struct abci_res_finalize_block res;
    struct span                    kept = arena_copy(&s->apply_arena, results);

    if (!kept.p || pb_decode(&abci_res_finalize_block_desc, &res,
                             &s->apply_arena, kept) != ACCEPT)
        return false;
    if (!take_results(s, &res))
        return true; /* halted */
    s->apply.is_saved = s->apply.is_save_asked = true;
    return true;
}

bool apply_stored(struct shell *s, struct span meta, struct span block,
                  struct span results)
{
    struct apply      *a = &s->apply;
    struct block_meta *m = arena_new(&s->apply_arena, struct block_meta);
    const char        *why;

    begin(s, s->lacking.height);
    a->block = arena_new(&s->apply_arena, struct block);
    a->bytes = block;
    if (!m || !a->block ||
        pb_decode(&block_meta_desc, m, &s->apply_arena, meta) != ACCEPT ||
        pb_decode(&block_desc, a->block, &s->apply_arena, block) != ACCEPT ||
        block_validate(a->block, &s->apply_arena) != ACCEPT ||
        !header_hash(&a->hash, &a->block->header) ||
        !span_eq(m->block_id.hash, SPAN_OF(a->hash.b)))
        return false;
    a->id = m->block_id;
    if (block_validate_against(a->block, &s->chain, &s->apply_arena, &why) !=
        ACCEPT) {
        shell_halt(s,
                   "block %" PRId64 " of the store does not follow from the"
                   " state: %s",
                   a->height, why);
        return true;
    }
    if (results.n > 0 && !take_stored_results(s, results))
        return false;
    apply_app_up(s);
    return true;
}
