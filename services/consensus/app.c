/* The application: who it is, and the blocks that it lacks.
 *
 * The table of the protocol's start-up, with A what it has committed, S the
 * store's last block, T our state:
 *   A = 0          InitChain first (and at T = 0 its answer is the state)
 *   A < T          FinalizeBlock and Commit A + 1 ... T, state untouched
 *   A = T          hashes must agree
 *   S > T          then apply T + 1: apply.c, with A = T by the application,
 *                  above from the stored results
 * It holds at start and whenever the application comes back.  S is T or T + 1;
 * T + 2 if store and consensus were both killed before the last state, which
 * the store had not synced yet, was sent again. */
#include "base/log.h"
#include "consensus/shell.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROGRESS_HEIGHTS = 1000 };

/* Wait for another session: nothing can be done with this one. */
static void refuse(struct shell *s, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void refuse(struct shell *s, const char *reason, const char *fmt, ...)
{
    char    why[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    s->app.is_up = s->app.is_ready = false;
    svc_condition(s->svc, "application", reason);
    log_text(LOG_WARN,
             "%s; nothing is decided until the application comes back"
             " otherwise",
             why);
}

void app_go_on(struct shell *s)
{
    s->app.is_ready = true;
    svc_condition(s->svc, "application", NULL);
    if (s->apply.is_active)
        apply_go(s);
    else if (s->phase == PHASE_HANDSHAKE)
        boot_go_on(s);
    else
        ask_again(s);
}

void app_fault(struct shell *s, const char *call, const char *why)
{
    const struct chain_state *c = shell_chain(s);

    svc_condition(s->svc, "application", "answered what it must not");
    shell_halt(s,
               "the application answered %s behind height %" PRId64
               " with: %s; mend the application",
               call, c->last_height, why);
}

/* An answer of this session, or else one that nobody waits for. */
static const struct abci_response *accept(struct shell *s, uint64_t session,
                                          const struct abci_response *res,
                                          const char *call, const char *error)
{
    if (session != s->app.session || s->is_halted || !res)
        return NULL;
    if (error) {
        app_fault(s, call, error);
        return NULL;
    }
    return res;
}

static void set_hash(struct app *app, struct span hash)
{
    app->hash = (struct span){ app->hash_bytes, 0 };
    if (hash.n > sizeof app->hash_bytes)
        hash.n = sizeof app->hash_bytes;
    if (hash.n > 0)
        memcpy(app->hash_bytes, hash.p, hash.n);
    app->hash.n = hash.n;
}

void app_committed(struct shell *s, int64_t height, struct span hash)
{
    s->app.height = height;
    set_hash(&s->app, hash);
}

static void hash_fault(struct shell *s, int64_t height, struct span want)
{
    static char got[129], must_be[129];
    struct buf  a, b;

    buf_use(&a, got, sizeof got - 1);
    buf_use(&b, must_be, sizeof must_be - 1);
    buf_hex_upper(&a,
                  SPAN(s->app.hash.p, s->app.hash.n > 64 ? 64 : s->app.hash.n));
    buf_hex_upper(&b, SPAN(want.p, want.n > 64 ? 64 : want.n));
    got[a.len] = must_be[b.len] = 0;
    refuse(s, "has another hash than the chain",
           "the application's hash after height %" PRId64 " is %s, the chain"
           " says %s: is it another application, or another version of it, or"
           " were the data of one of both reset?",
           height, got, must_be);
}

/* ---- InitChain ---- */

static void on_init_saved(struct shell *s, enum err status, const char *text,
                          const Store__Reply *r)
{
    UNUSED(r);
    if (status) {
        shell_halt(s, "store did not keep the first state: %s", text);
        return;
    }
    app_check(s);
}

static void save_first_state(struct shell *s)
{
    Store__SaveState save  = STORE__SAVE_STATE__INIT;
    Store__Request   req   = STORE__REQUEST__INIT;
    size_t           mark  = arena_mark(&s->scratch);
    struct span      state = state_encode(&s->chain, &s->scratch);

    must(state.p);
    save.height     = 0;
    save.state.data = (uint8_t *)(uintptr_t)state.p;
    save.state.len  = state.n;
    save.sync       = true;
    req.kind_case   = STORE__REQUEST__KIND_SAVE_STATE;
    req.save_state  = &save;
    store_ask(s, &req, on_init_saved);
    arena_release(&s->scratch, mark);
}

static void on_init_chain(void *ctx, uint64_t session,
                          const struct abci_response *res, const char *error)
{
    struct shell *s = ctx;
    const char   *why;

    res = accept(s, session, res, "InitChain", error);
    if (!res)
        return;
    s->app.has_genesis = true;
    set_hash(&s->app, res->init_chain->app_hash);
    if (s->phase > PHASE_HANDSHAKE || s->chain.last_height > 0) {
        app_check(s);
        return;
    }
    why = exec_after_init(&s->chain, &s->genesis, res->init_chain, &s->boot);
    if (why)
        app_fault(s, "InitChain", why);
    else
        save_first_state(s);
}

static void init_chain(struct shell *s)
{
    struct abci_req_init_chain init;
    struct abci_request        req  = { .which      = ABCI_REQ_INIT_CHAIN,
                                        .init_chain = &init };
    size_t                     mark = arena_mark(&s->scratch);

    must(exec_init_chain(&init, &s->genesis, &s->scratch));
    log_event(LOG_INFO, "application begins with the genesis state");
    abci_call(s->app.client, &req, on_init_chain, s, s->app.session);
    arena_release(&s->scratch, mark);
}

/* ---- blocks that it lacks ---- */

/* Store answers in its own time: an answer to another session's question only
 * makes us look again. */
static bool is_stale(struct shell *s)
{
    s->lacking.is_asked = false;
    if (s->lacking.session == s->app.session && s->app.is_up && !s->is_halted)
        return false;
    app_check(s);
    return true;
}

static void ask_for_app(struct shell *s, Store__Request *req, store_fn *fn)
{
    if (s->lacking.is_asked)
        return;
    s->lacking.is_asked = true;
    s->lacking.session  = s->app.session;
    store_ask(s, req, fn);
}

static void on_lacking_commit(void *ctx, uint64_t session,
                              const struct abci_response *res,
                              const char                 *error)
{
    struct shell *s = ctx;

    if (!accept(s, session, res, "Commit", error))
        return;
    s->app.height = s->lacking.block.header.height;
    set_hash(&s->app, s->lacking.app_hash);
    if (s->app.height % PROGRESS_HEIGHTS == 0)
        log_event(LOG_INFO, "application catches up",
                  LOG_INT("height", s->app.height),
                  LOG_INT("of", shell_chain(s)->last_height));
    app_check(s);
}

static void on_lacking_finalized(void *ctx, uint64_t session,
                                 const struct abci_response *res,
                                 const char                 *error)
{
    struct abci_req_commit commit = { 0 };
    struct abci_request req = { .which = ABCI_REQ_COMMIT, .commit = &commit };
    struct shell       *s   = ctx;

    res = accept(s, session, res, "FinalizeBlock", error);
    if (!res)
        return;
    if (res->finalize_block->tx_results.n != s->lacking.block.data.txs.n) {
        app_fault(s, "FinalizeBlock",
                  "another number of results than of"
                  " transactions");
        return;
    }
    s->lacking.app_hash =
        arena_copy(&s->lack_arena, res->finalize_block->app_hash);
    abci_call(s->app.client, &req, on_lacking_commit, s, session);
}

static void finalize_lacking(struct shell *s)
{
    struct exec_context            x = { &s->lacking.last_vals,
                                         s->genesis.initial_height };
    struct abci_req_finalize_block finalize;
    struct abci_request            req = { .which = ABCI_REQ_FINALIZE_BLOCK,
                                           .finalize_block = &finalize };

    if (!exec_finalize(&finalize, &s->lacking.block, &s->lacking.hash, &x,
                       &s->lack_arena)) {
        shell_halt(s, "a stored block is too large to execute");
        return;
    }
    abci_call(s->app.client, &req, on_lacking_finalized, s, s->app.session);
}

static void on_lacking_validators(struct shell *s, enum err status,
                                  const char *text, const Store__Reply *r)
{
    struct validator_set_msg m;
    struct span              bytes;

    if (is_stale(s))
        return;
    bytes = status || r->kind_case != STORE__REPLY__KIND_VALIDATORS
                ? (struct span){ 0 }
                : arena_copy(&s->lack_arena, SPAN(r->validators->set.data,
                                                  r->validators->set.len));
    if (bytes.n == 0 ||
        pb_decode(&validator_set_desc, &m, &s->lack_arena, bytes) != ACCEPT ||
        validators_from_msg(&s->lacking.last_vals, &m, &s->lack_arena) !=
            ACCEPT ||
        s->lacking.last_vals.n != s->lacking.block.last_commit->signatures.n)
        shell_halt(s,
                   "the validators of height %" PRId64
                   " that the application needs cannot be read: %s",
                   s->lacking.block.header.height - 1, text);
    else
        finalize_lacking(s);
}

static void get_last_validators(struct shell *s)
{
    Store__GetValidators get = STORE__GET_VALIDATORS__INIT;
    Store__Request       req = STORE__REQUEST__INIT;

    get.height         = s->lacking.block.header.height - 1;
    req.kind_case      = STORE__REQUEST__KIND_GET_VALIDATORS;
    req.get_validators = &get;
    ask_for_app(s, &req, on_lacking_validators);
}

/* The block of that height, whole, and the one that its meta names. */
static bool read_lacking(struct shell *s, int64_t height, const Store__Block *r)
{
    struct block_meta meta;
    struct span       kept, kept_meta;

    arena_reset(&s->lack_arena);
    kept      = arena_copy(&s->lack_arena, SPAN(r->block.data, r->block.len));
    kept_meta = arena_copy(&s->lack_arena, SPAN(r->meta.data, r->meta.len));
    return kept.p && kept_meta.p &&
           pb_decode(&block_meta_desc, &meta, &s->lack_arena, kept_meta) ==
               ACCEPT &&
           pb_decode(&block_desc, &s->lacking.block, &s->lack_arena, kept) ==
               ACCEPT &&
           block_validate(&s->lacking.block, &s->lack_arena) == ACCEPT &&
           s->lacking.block.header.height == height &&
           header_hash(&s->lacking.hash, &s->lacking.block.header) &&
           span_eq(meta.block_id.hash, SPAN_OF(s->lacking.hash.b));
}

static int64_t lacking_height(const struct shell *s)
{
    return s->app.height > 0 ? s->app.height + 1 : s->genesis.initial_height;
}

static void on_lacking_block(struct shell *s, enum err status, const char *text,
                             const Store__Reply *r)
{
    const struct header *h;

    if (is_stale(s))
        return;
    if (status || r->kind_case != STORE__REPLY__KIND_BLOCK ||
        !read_lacking(s, lacking_height(s), r->block)) {
        shell_halt(s,
                   "block %" PRId64
                   " that the application lacks cannot be read: %s",
                   s->app.height + 1, text);
        return;
    }
    h = &s->lacking.block.header;
    if (s->app.height > 0 && !span_eq(s->app.hash, h->app_hash))
        hash_fault(s, s->app.height, h->app_hash);
    else if (h->height == s->genesis.initial_height)
        finalize_lacking(s);
    else
        get_last_validators(s);
}

static void catch_up(struct shell *s)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    svc_condition(s->svc, "application", "catching up");
    get.height    = lacking_height(s);
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    ask_for_app(s, &req, on_lacking_block);
}

/* ---- the block above our state ---- */

static void on_stored_results(struct shell *s, enum err status,
                              const char *text, const Store__Reply *r)
{
    struct span results = { 0 };

    UNUSED(text);
    if (is_stale(s))
        return;
    if (!status && r->kind_case == STORE__REPLY__KIND_RESULTS)
        results = SPAN(r->results->results.data, r->results->results.len);
    if (!apply_stored(s, s->lacking.meta, s->lacking.bytes, results))
        shell_halt(s, "block %" PRId64 " of the store cannot be read",
                   s->lacking.height);
}

static void on_stored_block(struct shell *s, enum err status, const char *text,
                            const Store__Reply *r)
{
    Store__GetResults get = STORE__GET_RESULTS__INIT;
    Store__Request    req = STORE__REQUEST__INIT;

    if (is_stale(s))
        return;
    if (status || r->kind_case != STORE__REPLY__KIND_BLOCK) {
        shell_halt(s, "block %" PRId64 " of the store cannot be read: %s",
                   s->lacking.height, text);
        return;
    }
    arena_reset(&s->apply_arena);
    s->lacking.meta  = arena_copy(&s->apply_arena,
                                  SPAN(r->block->meta.data, r->block->meta.len));
    s->lacking.bytes = arena_copy(
        &s->apply_arena, SPAN(r->block->block.data, r->block->block.len));
    get.height      = s->lacking.height;
    req.kind_case   = STORE__REQUEST__KIND_GET_RESULTS;
    req.get_results = &get;
    ask_for_app(s, &req, on_stored_results);
}

static void get_stored_block(struct shell *s)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    s->lacking.height = s->chain.last_height > 0 ? s->chain.last_height + 1
                                                 : s->genesis.initial_height;
    get.height        = s->lacking.height;
    req.kind_case     = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block     = &get;
    ask_for_app(s, &req, on_stored_block);
}

/* ---- comparing ---- */

static bool is_possible(struct shell *s, int64_t a)
{
    if (a > s->store_height) {
        refuse(s, "ahead of the chain",
               "the application has committed height %" PRId64 ", the store"
               " ends at %" PRId64 ": restart the application if it counts"
               " blocks before Commit; else the store was reset or restored"
               " without it",
               a, s->store_height);
        return false;
    }
    if (s->store_height > 0 &&
        (a > 0 ? a < s->store_lowest - 1
               : s->store_lowest > s->genesis.initial_height)) {
        refuse(s, "too far behind",
               "the application is at height %" PRId64 ", the oldest block"
               " kept is %" PRId64 ": give it a state of at least %" PRId64
               ", by a snapshot or a backup",
               a, s->store_lowest, s->store_lowest - 1);
        return false;
    }
    return true;
}

void app_check(struct shell *s)
{
    const struct chain_state *c = shell_chain(s);
    int64_t                   a = s->app.height;

    if (!s->app.is_up || s->is_halted || s->phase < PHASE_HANDSHAKE ||
        !is_possible(s, a))
        return;
    if (s->phase == PHASE_HANDSHAKE && c->last_height == 0 &&
        !s->app.has_genesis)
        s->chain.version.app = s->app.protocol;
    if (a == 0 && !s->app.has_genesis)
        init_chain(s);
    else if (a < c->last_height)
        catch_up(s);
    else if (a == c->last_height && !span_eq(s->app.hash, c->app_hash))
        hash_fault(s, a, c->app_hash);
    else if (s->apply.is_active && a == s->apply.height &&
             s->apply.has_results &&
             !span_eq(s->app.hash, s->apply.next.app_hash))
        hash_fault(s, a, s->apply.next.app_hash);
    else if (s->apply.is_active)
        apply_app_up(s);
    else if (s->store_height > c->last_height)
        get_stored_block(s);
    else
        app_go_on(s);
}

/* ---- connection ---- */

static void on_info(void *ctx, uint64_t session,
                    const struct abci_response *res, const char *error)
{
    struct shell               *s = ctx;
    const struct abci_res_info *info;

    res = accept(s, session, res, "Info", error);
    if (!res)
        return;
    info = res->info;
    if (info->last_block_height < 0) {
        app_fault(s, "Info", "a negative height");
        return;
    }
    s->app.is_up       = true;
    s->app.has_genesis = false;
    s->app.height      = info->last_block_height;
    s->app.protocol    = info->app_version;
    set_hash(&s->app, info->last_block_app_hash);
    log_event(LOG_INFO, "application", LOG_INT("height", s->app.height),
              LOG_HEXV("app_hash", s->app.hash),
              LOG_UINT("protocol", s->app.protocol));
    app_check(s);
}

static void on_up(void *ctx)
{
    struct shell        *s    = ctx;
    struct abci_req_info info = { .version       = span_str(CONFIG_VERSION),
                                  .block_version = BLOCK_PROTOCOL,
                                  .p2p_version   = 8,
                                  .abci_version  = span_str("2.0.0") };
    struct abci_request  req  = { .which = ABCI_REQ_INFO, .info = &info };

    s->app.session++;
    svc_condition(s->svc, "application", "introducing itself");
    abci_call(s->app.client, &req, on_info, s, s->app.session);
}

static void on_down(void *ctx, const char *why)
{
    struct shell *s = ctx;

    s->app.session++;
    s->app.is_up = s->app.is_ready = false;
    svc_condition(s->svc, "application", "not connected");
    log_event(LOG_WARN, "application is gone", LOG_STR("why", why));
    apply_app_down(s);
}

void app_open(struct shell *s)
{
    static const struct abci_client_fns fns = { on_up, on_down };

    svc_condition(s->svc, "application", "not connected yet");
    s->app.client =
        abci_connect(s->svc->loop, config_app_address(s->svc->config), &fns, s);
}
