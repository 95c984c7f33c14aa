#include "ledger/ledger.h"

#include "base/limits.h"
#include "ledger/genesis.h"

enum { KEPT_BYTES = 16 << 20 };
#define LAYER_BYTES (UINT64_C(4) << 30) /* reserved, not touched */

/* ---- layers ---- */

static void layer_open(struct layer *l)
{
    arena_open(&l->arena, LAYER_BYTES);
    changes_init(&l->changes, &l->arena);
}

static void layer_reset(struct layer *l)
{
    arena_reset(&l->arena);
    changes_init(&l->changes, &l->arena);
}

void ledger_open(struct ledger *l, const struct ledger_host *host)
{
    struct span id = host->chain_id(host->ctx);

    *l = (struct ledger){ .host = host };
    layer_open(&l->genesis);
    layer_open(&l->check);
    layer_open(&l->block);
    layer_open(&l->trial);
    arena_open(&l->kept, KEPT_BYTES);
    arena_open(&l->scratch, DECODE_ARENA_BYTES);
    verdicts_init(&l->verdicts, &l->kept);
    must(id.n <= sizeof l->chain_id);
    memcpy(l->chain_id, id.p, id.n);
    l->chain_id_n = id.n;
}

void ledger_close(struct ledger *l)
{
    arena_close(&l->genesis.arena);
    arena_close(&l->check.arena);
    arena_close(&l->block.arena);
    arena_close(&l->trial.arena);
    arena_close(&l->kept);
    arena_close(&l->scratch);
}

/* The committed state, and on it what genesis says as long as no block is
 * committed. */
static bool base_get(void *ctx, enum ledger_store store, struct span key,
                     struct span *value)
{
    struct ledger     *l = ctx;
    struct ledger_view v = { &l->committed,
                             l->has_genesis ? &l->genesis.changes : NULL };

    return view_get(&v, store, key, value);
}

static void base_open(struct ledger *l)
{
    const struct ledger_host *h = l->host;

    must(h->at(h->ctx, h->height(h->ctx), &l->committed));
    l->base = (struct ledger_db){ .ctx    = l,
                                  .height = l->committed.height,
                                  .get    = base_get };
}

static struct run run_on(struct ledger *l, struct changes *c, int64_t height)
{
    return (struct run){ .view     = { &l->base, c },
                         .chain_id = SPAN(l->chain_id, l->chain_id_n),
                         .verdicts = &l->verdicts,
                         .scratch  = &l->scratch,
                         .height   = height };
}

static int64_t next_height(const struct ledger *l)
{
    int64_t height = l->host->height(l->host->ctx);

    return height ? height + 1 : l->initial_height;
}

/* ---- the chain ---- */

static void on_info(struct ledger *l, struct abci_res_info *res,
                    struct arena *a)
{
    const struct ledger_host *h    = l->host;
    struct hash               hash = h->app_hash(h->ctx);

    res->data              = span_str("warren ledger");
    res->version           = span_str("1");
    res->app_version       = LEDGER_APP_VERSION;
    res->last_block_height = h->height(h->ctx);
    if (res->last_block_height)
        res->last_block_app_hash = arena_copy(a, hash_span(&hash));
}

static void on_init_chain(struct ledger *l, const struct abci_req_init_chain *q,
                          struct abci_response *res, struct arena *a)
{
    struct ledger_view view = { &l->committed, &l->genesis.changes };
    struct hash        empty;
    const char        *why;

    if (l->host->height(l->host->ctx)) {
        abci_except(res, a,
                    "the chain began already: block %" PRId64 " is committed",
                    l->host->height(l->host->ctx));
        return;
    }
    if (q->chain_id.n == 0 || q->chain_id.n > sizeof l->chain_id) {
        abci_except(res, a, "the chain id must have 1 to %zu bytes",
                    sizeof l->chain_id);
        return;
    }
    layer_reset(&l->genesis);
    layer_reset(&l->check);
    why = genesis_apply(&view, q->app_state_bytes, a);
    if (why) {
        l->has_genesis = false;
        abci_except(res, a, "%s", why);
        return;
    }
    memcpy(l->chain_id, q->chain_id.p, q->chain_id.n);
    l->chain_id_n     = q->chain_id.n;
    l->initial_height = q->initial_height > 0 ? q->initial_height : 1;
    l->has_genesis    = true;
    l->executed       = 0;
    sha256(&empty, (struct span){ 0 });
    res->init_chain->app_hash = arena_copy(a, hash_span(&empty));
}

static void copy_change(void *ctx, const struct change *ch)
{
    struct changes *to = ctx;

    if (ch->kind == CHANGE_SET)
        changes_set(to, ch->store, ch->key, ch->value);
}

/* Before transaction i of a block: the signatures of it and those behind. */
static void verify_ahead(const struct run *r, const span_list *txs, size_t i)
{
    size_t left = txs->n - i;

    if (i % RUN_AHEAD == 0)
        run_verify_ahead(r, txs->v + i, left < RUN_AHEAD ? left : RUN_AHEAD);
}

/* Is this the block that comes next? */
static bool fits(struct ledger *l, int64_t height, struct abci_response *res,
                 struct arena *a)
{
    if (!l->host->height(l->host->ctx) && !l->has_genesis) {
        abci_except(res, a, "the chain has not begun: InitChain is missing");
        return false;
    }
    if (height == next_height(l))
        return true;
    abci_except(res, a,
                "block %" PRId64 " does not come next, %" PRId64 " does",
                height, next_height(l));
    return false;
}

static void run_one(const struct run *r, struct abci_tx_result *res,
                    struct span raw, struct arena *a)
{
    struct ledger_tx tx;
    struct outcome   why;

    if (run_admit(r, &tx, raw, &why, a))
        run_messages(r, &tx, res, a);
    else
        run_refused(res, &tx, &why);
    /* A result must not depend on the memory of this node. */
    must(!r->view.changes->is_full &&
         !(res->code == CODE_BUSY &&
           span_eq(res->codespace, span_str(LEDGER_CODESPACE))));
}

static void on_finalize(struct ledger                        *l,
                        const struct abci_req_finalize_block *q,
                        struct abci_response *res, struct arena *a)
{
    struct abci_res_finalize_block *out = res->finalize_block;
    struct run                      r = run_on(l, &l->block.changes, q->height);
    struct hash                     app_hash;

    if (!fits(l, q->height, res, a))
        return;
    layer_reset(&l->block);
    if (l->has_genesis)
        changes_each(&l->genesis.changes, copy_change, &l->block.changes);
    out->tx_results.n = q->txs.n;
    out->tx_results.v = arena_newn(a, struct abci_tx_result, q->txs.n);
    must(out->tx_results.v);
    for (size_t i = 0; i < q->txs.n; i++) {
        verify_ahead(&r, &q->txs, i);
        run_one(&r, &out->tx_results.v[i], q->txs.v[i], a);
        arena_reset(&l->scratch);
    }
    app_hash = l->host->apply(l->host->ctx, &l->block.changes, q->height, a);
    out->app_hash = arena_copy(a, hash_span(&app_hash));
    l->executed   = q->height;
}

static void on_commit(struct ledger *l, struct abci_response *res,
                      struct arena *a)
{
    if (!l->executed) {
        abci_except(res, a, "nothing to commit: FinalizeBlock is missing");
        return;
    }
    l->host->commit(l->host->ctx, &l->block.changes,
                    SPAN(l->chain_id, l->chain_id_n));
    l->executed    = 0;
    l->has_genesis = false;
    layer_reset(&l->block);
    layer_reset(&l->check); /* what still waits is rechecked */
    layer_reset(&l->genesis);
}

/* ---- the mempool ---- */

static void on_check_tx(struct ledger *l, const struct abci_req_check_tx *q,
                        struct abci_res_check_tx *res, struct arena *a)
{
    struct run            r   = run_on(l, &l->check.changes, next_height(l));
    struct outcome        why = { 0 };
    struct abci_tx_result out;
    struct ledger_tx      tx = { 0 };

    changes_begin(&l->check.changes);
    if (l->chain_id_n == 0)
        refuse(&why, a, CODE_NOT_READY, NO_DETAIL, "the chain has not begun");
    else if (run_admit(&r, &tx, q->tx, &why, a) && run_may(&r, &tx, &why, a))
        why.code = CODE_OK;
    if (why.code)
        changes_undo(&l->check.changes);
    else
        changes_keep(&l->check.changes);
    run_refused(&out, &tx, &why);
    res->code       = out.code;
    res->log        = out.log;
    res->info       = out.info;
    res->codespace  = out.codespace;
    res->gas_wanted = out.gas_wanted;
    res->gas_used   = out.gas_used;
}

/* ---- proposals ---- */

/* What a transaction takes in a block: a tag, its length, itself. */
static int64_t size_in_block(struct span tx)
{
    int64_t n = 1 + (int64_t)tx.n;

    for (size_t v = tx.n; v; v >>= 7)
        n++;
    return n;
}

static void on_prepare(struct ledger                          *l,
                       const struct abci_req_prepare_proposal *q,
                       struct abci_res_prepare_proposal *res, struct arena *a)
{
    struct run r    = run_on(l, &l->trial.changes, q->height);
    int64_t    left = q->max_tx_bytes;

    res->txs.v = arena_newn(a, struct span, q->txs.n);
    must(res->txs.v);
    for (size_t i = 0; i < q->txs.n; i++) {
        struct ledger_tx tx;
        struct outcome   why;
        int64_t          size = size_in_block(q->txs.v[i]);

        arena_reset(&l->scratch);
        if (size > left || !run_admit(&r, &tx, q->txs.v[i], &why, a))
            continue;
        left -= size;
        res->txs.v[res->txs.n++] = q->txs.v[i];
    }
}

/* A block is refused if any of its transactions would not be admitted: what
 * on_prepare leaves is always accepted, since both see the same state. */
static void on_process(struct ledger                          *l,
                       const struct abci_req_process_proposal *q,
                       struct abci_res_process_proposal *res, struct arena *a)
{
    struct run r = run_on(l, &l->trial.changes, q->height);

    res->status = PROPOSAL_ACCEPT;
    for (size_t i = 0; i < q->txs.n; i++) {
        struct ledger_tx tx;
        struct outcome   why;

        verify_ahead(&r, &q->txs, i);
        arena_reset(&l->scratch);
        if (run_admit(&r, &tx, q->txs.v[i], &why, a))
            continue;
        res->status = PROPOSAL_REJECT;
        return;
    }
}

/* ---- queries ---- */

/* The transaction of a request; its old form has the same encoding. */
static bool simulated_tx(struct span *tx, struct span request, struct arena *a)
{
    struct simulate_request in;

    if (pb_decode(&simulate_request_desc, &in, a, request) != ACCEPT)
        return false;
    *tx = in.tx_bytes;
    if (tx->n == 0 && in.tx)
        *tx = pb_encode(&tx_msg_desc, in.tx, a);
    return tx->p != NULL;
}

static bool simulate(void *ctx, struct span request, struct span *response,
                     struct outcome *out, struct arena *a)
{
    struct ledger           *l = ctx;
    struct run               r = run_on(l, &l->trial.changes, next_height(l));
    struct ledger_tx         tx;
    struct span              raw;
    struct abci_tx_result    done;
    struct tx_msg_data       data;
    struct gas_info          gas;
    struct simulate_result   result = { 0 };
    struct simulate_response answer = { &gas, &result };

    r.is_simulation = true;
    if (!simulated_tx(&raw, request, a))
        return refuse(out, a, CODE_MALFORMED, NO_DETAIL,
                      "the request holds no transaction");
    if (!run_admit(&r, &tx, raw, out, a))
        return false;
    run_messages(&r, &tx, &done, a);
    if (done.code) {
        *out = (struct outcome){ done.code, LEDGER_CODESPACE, done.log,
                                 done.info };
        return false;
    }
    must(pb_decode(&tx_msg_data_desc, &data, a, done.data) == ACCEPT);
    gas = (struct gas_info){ (uint64_t)tx.gas_wanted, (uint64_t)tx.gas_used };
    result.events.v        = done.events.v;
    result.events.n        = done.events.n;
    result.msg_responses.v = data.msg_responses.v;
    result.msg_responses.n = data.msg_responses.n;
    *response              = pb_encode(&simulate_response_desc, &answer, a);
    return response->p != NULL;
}

static int64_t query_latest(void *ctx)
{
    struct ledger *l = ctx;

    return l->host->height(l->host->ctx);
}

static int64_t query_oldest(void *ctx)
{
    struct ledger *l = ctx;

    return l->host->oldest(l->host->ctx);
}

static int query_find(void *ctx, struct span name)
{
    enum ledger_store store = store_find(name);

    UNUSED(ctx);
    return store < LEDGER_TREES ? (int)store : -1;
}

static bool query_at(void *ctx, int64_t height, struct ledger_db *out)
{
    struct ledger *l = ctx;

    return l->host->at(l->host->ctx, height, out);
}

static bool query_prove(void *ctx, int64_t height, enum ledger_store store,
                        struct span key, struct abci_proof_ops *out,
                        struct arena *a)
{
    struct ledger *l = ctx;

    return l->host->prove(l->host->ctx, height, store, key, out, a);
}

static void on_query(struct ledger *l, const struct abci_req_query *q,
                     struct abci_res_query *res, struct arena *a)
{
    struct query_source s = { .ctx      = l,
                              .latest   = query_latest,
                              .oldest   = query_oldest,
                              .find     = query_find,
                              .at       = query_at,
                              .prove    = query_prove,
                              .simulate = simulate };

    query_answer(res, q, &s, a);
}

/* ---- what the ledger does not use ---- */

enum { SNAPSHOT_REJECT = 3, CHUNK_ABORT = 2 };
enum { EXTENSION_ACCEPT = 1, EXTENSION_REJECT = 2 };

/* ---- all requests ---- */

/* An answer of every kind is a zeroed struct in the arena. */
static void prepare_answer(struct abci_response *res, int32_t which,
                           struct arena *a)
{
    enum { ANSWER_BYTES_MAX = 256 };
    void *answer = arena_alloc(a, ANSWER_BYTES_MAX);

    must(answer);
    res->which = which + 1;
    res->info  = answer; /* the members share one place */
}

void ledger_handle(struct ledger *l, const struct abci_request *req,
                   struct abci_response *res, struct arena *a)
{
    arena_reset(&l->scratch);
    layer_reset(&l->trial);
    base_open(l);
    prepare_answer(res, req->which, a);
    switch ((enum abci_request_case)req->which) {
    case ABCI_REQ_INFO: on_info(l, res->info, a); break;
    case ABCI_REQ_INIT_CHAIN: on_init_chain(l, req->init_chain, res, a); break;
    case ABCI_REQ_QUERY: on_query(l, req->query, res->query, a); break;
    case ABCI_REQ_CHECK_TX:
        on_check_tx(l, req->check_tx, res->check_tx, a);
        break;
    case ABCI_REQ_PREPARE_PROPOSAL:
        on_prepare(l, req->prepare_proposal, res->prepare_proposal, a);
        break;
    case ABCI_REQ_PROCESS_PROPOSAL:
        on_process(l, req->process_proposal, res->process_proposal, a);
        break;
    case ABCI_REQ_FINALIZE_BLOCK:
        on_finalize(l, req->finalize_block, res, a);
        break;
    case ABCI_REQ_COMMIT: on_commit(l, res, a); break;
    case ABCI_REQ_OFFER_SNAPSHOT:
        res->offer_snapshot->result = SNAPSHOT_REJECT;
        break;
    case ABCI_REQ_APPLY_SNAPSHOT_CHUNK:
        res->apply_snapshot_chunk->result = CHUNK_ABORT;
        break;
    case ABCI_REQ_VERIFY_VOTE_EXTENSION: /* ours are empty */
        res->verify_vote_extension->status =
            req->verify_vote_extension->vote_extension.n ? EXTENSION_REJECT
                                                         : EXTENSION_ACCEPT;
        break;
    case ABCI_REQ_LIST_SNAPSHOTS:
    case ABCI_REQ_LOAD_SNAPSHOT_CHUNK:
    case ABCI_REQ_EXTEND_VOTE:
    case ABCI_REQ_ECHO:
    case ABCI_REQ_FLUSH: break;
    case ABCI_REQ_NONE: abci_except(res, a, "unknown request"); break;
    }
}
