/* From the store's state to the first round.
 *
 *   store: Open, GetStatus, GetState     -> the state, or that of genesis
 *   store: GetPending                    -> evidence that waits for a block
 *   application: app_check, apply_stored -> the application holds it as well
 *   store: GetCommit, GetBlock           -> what the core begins with
 *   WAL: replay                          -> where we were in this height
 * Nothing is waited for in turn that may come in any order: app_check runs
 * when both the state and the application are there. */
#include "base/limits.h"
#include "base/log.h"
#include "consensus/shell.h"

static void give_up(struct shell *s, enum err e)
{
    s->is_halted = true;
    svc_exit(s->svc, e);
}

/* ---- the state ---- */

static enum err take_state(struct shell *s, struct span bytes)
{
    struct span kept = arena_copy(&s->boot, bytes);

    if (bytes.n == 0) {
        if (state_from_genesis(&s->chain, &s->genesis, &s->boot) != ACCEPT)
            return fail(ERR_GENESIS,
                        "genesis: the validators make no set (a key twice, or"
                        " powers not above 0 or together above the limit)");
        return OK;
    }
    if (!kept.p || state_decode(&s->chain, kept, &s->boot) != ACCEPT)
        return fail(ERR_CORRUPT, "store: the state cannot be read; restore a"
                                 " backup");
    if (!span_eq(s->chain.chain_id, s->genesis.chain_id))
        return fail(ERR_CHAIN, "store: the state is that of the chain %.*s",
                    (int)s->chain.chain_id.n,
                    (const char *)s->chain.chain_id.p);
    return OK;
}

static void on_state(struct shell *s, enum err status, const char *text,
                     const Store__Reply *r)
{
    int64_t  height;
    enum err e = status;

    if (!e && r->kind_case == STORE__REPLY__KIND_STATE)
        e = take_state(s, SPAN(r->state->state.data, r->state->state.len));
    else
        e = fail(e ? e : ERR_FAILED, "store: no state: %s", text);
    height = s->chain.last_height;
    if (!e && s->store_height < height)
        e = fail(ERR_CORRUPT,
                 "store: its blocks end at height %" PRId64 ", its state at"
                 " %" PRId64 "; restore a backup",
                 s->store_height, height);
    if (e) {
        give_up(s, e);
        return;
    }
    s->saved_height = s->saving_height = height;
    log_event(LOG_INFO, "chain", LOG_STR("id", s->svc->chain_id),
              LOG_INT("height", height), LOG_INT("blocks", s->store_height),
              LOG_HEXV("app_hash", s->chain.app_hash));
    proof_start(s);
}

void boot_evidence_read(struct shell *s)
{
    s->phase = PHASE_HANDSHAKE;
    app_check(s);
}

static void on_status(struct shell *s, enum err status, const char *text,
                      const Store__Reply *r)
{
    Store__GetState get = STORE__GET_STATE__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    if (status || r->kind_case != STORE__REPLY__KIND_STATUS) {
        give_up(s, fail(status ? status : ERR_FAILED, "store: no status: %s",
                        text));
        return;
    }
    s->store_lowest = r->status->lowest;
    s->store_height = r->status->height;
    req.kind_case   = STORE__REQUEST__KIND_GET_STATE;
    req.get_state   = &get;
    store_ask(s, &req, on_state);
}

static void on_open(struct shell *s, enum err status, const char *text,
                    const Store__Reply *r)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    UNUSED(r);
    if (status) {
        give_up(s, fail(status, "store: %s", text));
        return;
    }
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    store_ask(s, &req, on_status);
}

void boot_start(struct shell *s)
{
    Store__Open    open = STORE__OPEN__INIT;
    Store__Request req  = STORE__REQUEST__INIT;

    svc_condition(s->svc, "consensus", "starting");
    open.chain_id          = (char *)(uintptr_t)s->svc->chain_id;
    open.genesis_hash.data = s->genesis_hash.b;
    open.genesis_hash.len  = HASH_BYTES;
    open.initial_height    = s->genesis.initial_height;
    req.kind_case          = STORE__REQUEST__KIND_OPEN;
    req.open               = &open;
    store_ask(s, &req, on_open);
}

/* ---- the core ---- */

static struct consensus_config core_config(const struct config *cfg)
{
    return (struct consensus_config){
        .propose_ns          = cfg->consensus.timeout_propose,
        .propose_delta_ns    = cfg->consensus.timeout_propose_delta,
        .prevote_ns          = cfg->consensus.timeout_prevote,
        .prevote_delta_ns    = cfg->consensus.timeout_prevote_delta,
        .precommit_ns        = cfg->consensus.timeout_precommit,
        .precommit_delta_ns  = cfg->consensus.timeout_precommit_delta,
        .commit_ns           = cfg->consensus.timeout_commit,
        .empty_interval_ns   = cfg->consensus.create_empty_blocks_interval,
        .time_tolerance_ns   = cfg->consensus.block_time_tolerance,
        .skip_timeout_commit = cfg->consensus.skip_timeout_commit,
        .create_empty_blocks = cfg->consensus.create_empty_blocks,
    };
}

/* The home was run by CometBFT for a while, or the store is an older copy.
 * What we voted and locked stands at the end of the log: it is left as it is,
 * and we take no part until the store is as high.  The block that ended last
 * can be decided from the log itself, should the network wait for us there. */
static enum err log_is_ahead(struct shell *s, int64_t highest)
{
    int64_t  ended = s->chain.last_height, ignored;
    enum err e;

    wal_replay_close(s->replay);
    s->replay = NULL;
    if (!fetch_is_wanted(&s->reactor)) /* and nobody has these blocks */
        return wal_replay_open(&s->replay, s->wal, ended, NULL);
    e            = wal_replay_open(&s->replay, s->wal, highest - 1, &ignored);
    s->log_ahead = highest;
    s->log_from  = s->replay ? highest - 1 : highest;
    wal_replay_close(s->replay);
    s->replay = NULL;
    log_event(LOG_WARN,
              "the log knows of heights that the store lacks: they are fetched"
              " from peers before we take part",
              LOG_INT("log", highest), LOG_INT("store", ended));
    return e;
}

/* Height h + 1 is replayed from behind EndHeight(h).  Where that is missing,
 * the process ended after the store had block h and before the record was on
 * the disk: no message of ours for h + 1 can be in the log then, since it
 * would stand, and be synced, behind the record. */
static enum err find_replay(struct shell *s)
{
    int64_t  ended = s->chain.last_height, highest;
    enum err e     = wal_replay_open(&s->replay, s->wal, ended, &highest);

    if (!e && highest > ended && s->log_ahead == 0)
        return log_is_ahead(s, highest);
    if (e || s->replay)
        return e;
    log_event(LOG_INFO, "the end of the last height is noted now",
              LOG_INT("height", ended));
    e = wal_append_end_height(s->wal, now_stamp(), ended, &s->scratch);
    return e ? e : wal_sync(s->wal);
}

bool boot_replay(struct shell *s)
{
    enum err e = find_replay(s);

    if (e) {
        give_up(s, e);
        return false;
    }
    s->replay_now = now_stamp();
    s->phase      = PHASE_REPLAY;
    return true;
}

static void start_core(struct shell *s, const struct extended_commit *seen,
                       bool needs_proof)
{
    struct consensus_config cfg   = core_config(s->svc->config);
    struct event            state = { .kind = EV_STATE,
                                      .now  = now_stamp(),
                                      .state = { &s->chain, seen, needs_proof } };
    struct event            key   = { .kind = EV_KEY, .now = state.now };

    if (!boot_replay(s))
        return;
    consensus_init(&s->core, &cfg);
    shell_feed(s, &state);
    s->first_height = s->core.height;
    if (s->key.type != KEY_TYPE_NONE && !s->is_halted) {
        key.key = s->key;
        shell_feed(s, &key);
    }
    pump(s);
}

/* ---- what the core begins with ---- */

/* A commit as one with extensions, which it does not have. */
static bool widen(struct extended_commit *out, const struct commit *c,
                  struct arena *a)
{
    out->height                = c->height;
    out->round                 = c->round;
    out->block_id              = c->block_id;
    out->extended_signatures.n = c->signatures.n;
    out->extended_signatures.v =
        arena_newn(a, struct extended_commit_sig, c->signatures.n);
    if (!out->extended_signatures.v && c->signatures.n > 0)
        return false;
    for (size_t i = 0; i < c->signatures.n; i++)
        out->extended_signatures.v[i] = (struct extended_commit_sig){
            .block_id_flag     = c->signatures.v[i].block_id_flag,
            .validator_address = c->signatures.v[i].validator_address,
            .timestamp         = c->signatures.v[i].timestamp,
            .signature         = c->signatures.v[i].signature,
        };
    return true;
}

static bool asks_extended(const struct shell *s)
{
    return params_has_extensions(&s->chain.params, s->chain.last_height);
}

bool commit_widened(struct extended_commit *out, struct span bytes,
                    bool is_extended, struct arena *a)
{
    struct commit c;
    struct span   kept = arena_copy(a, bytes);

    if (!kept.p)
        return false;
    if (is_extended)
        return pb_decode(&extended_commit_desc, out, a, kept) == ACCEPT;
    return pb_decode(&commit_desc, &c, a, kept) == ACCEPT && widen(out, &c, a);
}

static void on_commit(struct shell *s, enum err status, const char *text,
                      const Store__Reply *r)
{
    struct extended_commit *seen = arena_new(&s->work, struct extended_commit);
    bool                    is_read =
        seen && !status && r->kind_case == STORE__REPLY__KIND_COMMIT &&
        commit_widened(seen,
                       SPAN(r->commit->commit.data, r->commit->commit.len),
                       asks_extended(s), &s->work);

    if (is_read)
        start_core(s, seen, s->needs_proof);
    else
        give_up(s, fail(status ? status : ERR_CORRUPT,
                        "store: the commit of height %" PRId64
                        " cannot be read: %s",
                        s->chain.last_height, text));
}

static void ask_commit(struct shell *s, int64_t height, bool is_extended,
                       store_fn *fn)
{
    Store__GetCommit get = STORE__GET_COMMIT__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    get.height     = height;
    get.extended   = is_extended;
    req.kind_case  = STORE__REQUEST__KIND_GET_COMMIT;
    req.get_commit = &get;
    store_ask(s, &req, fn);
}

/* Does the last header carry the application's latest hash? */
static void on_meta(struct shell *s, enum err status, const char *text,
                    const Store__Reply *r)
{
    struct block_meta meta;

    UNUSED(text);
    arena_reset(&s->work);
    s->needs_proof =
        status || r->kind_case != STORE__REPLY__KIND_BLOCK ||
        r->block->meta.len == 0 ||
        pb_decode(&block_meta_desc, &meta, &s->work,
                  SPAN(r->block->meta.data, r->block->meta.len)) != ACCEPT ||
        !span_eq(meta.header.app_hash, s->chain.app_hash);
    ask_commit(s, s->chain.last_height, asks_extended(s), on_commit);
}

static void read_last_block(struct shell *s)
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    if (s->chain.last_height == 0) {
        start_core(s, NULL, true);
        return;
    }
    get.height    = s->chain.last_height;
    get.meta_only = true;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    store_ask(s, &req, on_meta);
}

/* ---- has somebody else signed with our key? ---- */

static bool has_signed(const struct shell *s, const struct commit *c)
{
    uint8_t address[ADDRESS_BYTES];

    pubkey_address(address, &s->key);
    for (size_t i = 0; i < c->signatures.n; i++)
        if (commit_sig_flag(&c->signatures.v[i]) == FLAG_COMMIT &&
            span_eq(c->signatures.v[i].validator_address, SPAN_OF(address)))
            return true;
    return false;
}

static void check_signed(struct shell *s);

static void on_past_commit(struct shell *s, enum err status, const char *text,
                           const Store__Reply *r)
{
    struct commit c;

    UNUSED(text);
    arena_reset(&s->work);
    if (!status && r->kind_case == STORE__REPLY__KIND_COMMIT &&
        pb_decode(&commit_desc, &c, &s->work,
                  SPAN(r->commit->commit.data, r->commit->commit.len)) ==
            ACCEPT &&
        has_signed(s, &c)) {
        give_up(s, fail(ERR_SIGNSTATE,
                        "this validator's key signed height %" PRId64
                        ", within double_sign_check_height: if another node may"
                        " still run with it stop that one, else wait until the"
                        " chain is higher, or set consensus."
                        "double_sign_check_height to 0",
                        c.height));
        return;
    }
    s->checked_heights++;
    check_signed(s);
}

static void check_signed(struct shell *s)
{
    int64_t height = s->chain.last_height - s->checked_heights;

    if (s->checked_heights >=
            s->svc->config->consensus.double_sign_check_height ||
        height < s->genesis.initial_height || height < s->store_lowest)
        s->when_checked(s);
    else
        ask_commit(s, height, false, on_past_commit);
}

void boot_check_signed(struct shell *s, void (*then)(struct shell *s))
{
    s->checked_heights = 0;
    s->when_checked    = then;
    check_signed(s);
}

void boot_go_on(struct shell *s)
{
    bool is_checked = s->svc->config->consensus.double_sign_check_height > 0;

    if (s->phase != PHASE_HANDSHAKE || !s->app.is_ready || s->is_halted ||
        s->apply.is_active || s->store_height > s->chain.last_height)
        return;
    if (is_checked && s->key.type == KEY_TYPE_NONE) {
        svc_condition(s->svc, "consensus",
                      "double_sign_check_height waits for the signer");
        return;
    }
    s->phase = PHASE_COMMIT;
    txs_meet(s);
    if (fetch_is_wanted(&s->reactor))
        read_last_block(s); /* checked at the height of the network */
    else
        boot_check_signed(s, read_last_block);
}
