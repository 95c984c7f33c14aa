/* txs - methods that take transactions or look them up. */
#include "api/methods.h"
#include "api/submit.h"
#include "api/waits.h"
#include "crypto/merkle.h"
#include "model/block.h"
#include "rpcjson/results.h"
#include "svc/trace.h"

static ProtobufCBinaryData data_of(struct span s)
{
    return (ProtobufCBinaryData){ s.n, (uint8_t *)(uintptr_t)s.p };
}

/* ---- broadcast ---- */

static void take_tx(struct call *c)
{
    tx_hash(&c->tx, c->args[0].bytes);
    trace_tx(TRACE_RECEIVED, c->tx.b, 0);
}

/* The application's answer about the transaction; NULL after failing. */
static struct abci_res_check_tx *verdict(struct call                       *c,
                                         const Mempool__Submitted__Verdict *v,
                                         const char *prefix)
{
    struct abci_res_check_tx *res;

    if (v->refusal != MEMPOOL__SUBMITTED__VERDICT__REFUSAL__NONE) {
        call_fail(c, "%s%s", prefix, v->error);
        return NULL;
    }
    res = arena_new(c->arena, struct abci_res_check_tx);
    if (res && pb_decode(&abci_res_check_tx_desc, res, c->arena,
                         arena_copy(c->arena, span_of(v->check))) == ACCEPT)
        return res;
    call_fail(c, "the mempool gave a verdict that does not decode");
    return NULL;
}

static void put_broadcast(struct call *c, const struct abci_res_check_tx *res)
{
    rj_result_broadcast_tx(&c->w, res, hash_span(&c->tx));
    trace_tx(TRACE_ANSWERED, c->tx.b, res->code);
    call_done(c);
}

static void async_done(struct call *c, const Mempool__Submitted__Verdict *v)
{
    static const struct abci_res_check_tx unknown = { 0 };

    if (verdict(c, v, ""))
        put_broadcast(c, &unknown);
}

void method_broadcast_tx_async(struct call *c)
{
    take_tx(c);
    submit_tx(c, async_done);
}

static void sync_done(struct call *c, const Mempool__Submitted__Verdict *v)
{
    const struct abci_res_check_tx *res = verdict(c, v, "");

    if (res)
        put_broadcast(c, res);
}

void method_broadcast_tx_sync(struct call *c)
{
    take_tx(c);
    submit_tx(c, sync_done);
}

/* ---- broadcast_tx_commit ---- */

/* Both must come, in either order: the mempool's answer and the block. */
struct pending {
    struct wait              *wait; /* NULL once it has ended */
    struct abci_res_check_tx *check;
    bool                      is_committed, is_failed;
};

static void put_commit(struct call *c, const struct abci_res_check_tx *check,
                       const struct abci_tx_result *result, int64_t height)
{
    jw_object(&c->w);
    jw_key(&c->w, "check_tx");
    rj_check_tx(&c->w, check);
    jw_key(&c->w, "tx_result");
    rj_tx_result(&c->w, result);
    JW(&c->w, "hash", hex_upper, hash_span(&c->tx));
    JW(&c->w, "height", int_text, height);
    jw_object_end(&c->w);
    trace_tx(TRACE_ANSWERED, c->tx.b, check->code);
    call_done(c);
}

static void commit_found(struct call *c, const Store__Reply *r)
{
    struct pending       *p = c->state;
    struct abci_tx_result result;

    if (pb_decode(&abci_tx_result_desc, &result, c->arena,
                  span_of(r->tx->result)) != ACCEPT)
        call_fail(c, "the store gave a result that does not decode");
    else
        put_commit(c, p->check, &result, r->tx->height);
}

static void ask_tx(struct call *c, const struct hash *hash,
                   void (*then)(struct call *c, const Store__Reply *r))
{
    Store__GetTx   get = STORE__GET_TX__INIT;
    Store__Request req = STORE__REQUEST__INIT;

    get.hash      = data_of(hash_span(hash));
    req.kind_case = STORE__REQUEST__KIND_GET_TX;
    req.get_tx    = &get;
    ask_store(c, &req, STORE__REPLY__KIND_TX, then);
}

static void settle(struct call *c)
{
    struct pending *p = c->state;

    if (!p->check || p->wait)
        return;
    if (!p->is_committed) {
        call_fail(c, "timed out waiting for tx to be included in a block");
        return;
    }
    ask_tx(c, &c->tx, commit_found);
}

static void commit_waited(void *ctx, bool is_committed)
{
    struct call    *c = ctx;
    struct pending *p = c->state;

    p->wait         = NULL;
    p->is_committed = is_committed;
    settle(c);
}

static void commit_checked(struct call *c, const Mempool__Submitted__Verdict *v)
{
    static const struct abci_tx_result none = { 0 };
    struct pending                    *p    = c->state;
    struct abci_res_check_tx          *check;

    check = verdict(c, v, "error on broadcastTxCommit: ");
    if (!check)
        return; /* and nothing is left of the call */
    p->check = check;
    if (check->code != 0)
        put_commit(c, check, &none, 0);
    else
        settle(c);
}

static void stop_waiting(struct call *c)
{
    struct pending *p = c->state;

    if (p->wait)
        waits_remove(p->wait);
}

void method_broadcast_tx_commit(struct call *c)
{
    struct pending *p = arena_new(c->arena, struct pending);
    int64_t timeout   = c->shell->svc->config->rpc.timeout_broadcast_tx_commit;

    must(p != NULL);
    take_tx(c);
    c->state  = p;
    c->at_end = stop_waiting;
    p->wait   = waits_add(c->shell->waits, &c->tx, (uint64_t)timeout / 1000,
                          commit_waited, c);
    if (p->wait)
        submit_tx(c, commit_checked);
    else
        call_fail(c, "max_subscription_clients %d reached", WAITS_MAX);
}

/* ---- check_tx ---- */

static void checked(struct call *c, const Mempool__Reply *r)
{
    struct abci_res_check_tx res;

    if (pb_decode(&abci_res_check_tx_desc, &res, c->arena,
                  span_of(r->checked->check)) != ACCEPT) {
        call_fail(c, "the mempool gave another answer than Checked");
        return;
    }
    rj_check_tx(&c->w, &res);
    call_done(c);
}

void method_check_tx(struct call *c)
{
    Mempool__Check   check = MEMPOOL__CHECK__INIT;
    Mempool__Request req   = MEMPOOL__REQUEST__INIT;

    check.tx      = data_of(c->args[0].bytes);
    req.kind_case = MEMPOOL__REQUEST__KIND_CHECK;
    req.check     = &check;
    ask_mempool(c, &req, MEMPOOL__REPLY__KIND_CHECKED, checked);
}

/* ---- tx ---- */

/* Where the transaction stands under the block's data hash. */
static bool prove(struct call *c, const struct block *b, struct rj_tx *t)
{
    size_t               n      = b->data.txs.n;
    struct hash         *hashes = arena_newn(c->arena, struct hash, n);
    struct span         *leaves = arena_newn(c->arena, struct span, n);
    struct merkle_proof *proofs = arena_newn(c->arena, struct merkle_proof, n);
    struct proof        *proof  = arena_new(c->arena, struct proof);
    struct hash         *root   = arena_new(c->arena, struct hash);

    if (!hashes || !leaves || !proofs || !proof || !root || t->index >= n)
        return false;
    for (size_t i = 0; i < n; i++) {
        tx_hash(&hashes[i], b->data.txs.v[i]);
        leaves[i] = hash_span(&hashes[i]);
    }
    if (!merkle_proofs(root, proofs, leaves, n, c->arena))
        return false;
    proof->total     = proofs[t->index].total;
    proof->index     = proofs[t->index].index;
    proof->leaf_hash = proofs[t->index].leaf_hash;
    proof->aunts.v   = (struct span *)(uintptr_t)proofs[t->index].aunts;
    proof->aunts.n   = proofs[t->index].aunt_count;
    t->proof         = proof;
    t->root          = hash_span(root);
    return true;
}

static void tx_block(struct call *c, const Store__Reply *r)
{
    struct rj_tx *t = c->state;
    struct block  b;

    if (r->block->block.len &&
        (pb_decode(&block_desc, &b, c->arena, span_of(r->block->block)) ||
         !prove(c, &b, t))) {
        call_fail(c, "the transaction's block cannot be proved from");
        return;
    }
    rj_result_tx(&c->w, t);
    call_done(c);
}

static void no_such_tx(struct call *c)
{
    struct buf hex;
    char       text[1024];

    buf_use(&hex, text, sizeof text);
    buf_hex_upper(&hex, c->args[0].bytes);
    call_fail(c, "tx (%s) not found", buf_cstr(&hex));
}

static void put_tx(struct call *c, const Store__Reply *r)
{
    Store__GetBlock  get = STORE__GET_BLOCK__INIT;
    Store__Request   req = STORE__REQUEST__INIT;
    const Store__Tx *tx  = r->tx;
    struct rj_tx    *t   = arena_new(c->arena, struct rj_tx);

    if (tx->height == 0) {
        no_such_tx(c);
        return;
    }
    if (!t || pb_decode(&abci_tx_result_desc, &t->result, c->arena,
                        span_of(tx->result))) {
        call_fail(c, "the store gave a result that does not decode");
        return;
    }
    t->hash   = c->args[0].bytes;
    t->height = tx->height;
    t->index  = tx->index;
    t->tx     = span_of(tx->tx);
    if (!c->args[1].b) {
        rj_result_tx(&c->w, t);
        call_done(c);
        return;
    }
    c->state      = t;
    get.height    = tx->height;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    ask_store(c, &req, STORE__REPLY__KIND_BLOCK, tx_block);
}

void method_tx(struct call *c)
{
    struct span hash = c->args[0].bytes;
    struct hash h    = { { 0 } };

    if (strcmp(c->shell->svc->config->tx_index.indexer, "null") == 0) {
        call_fail(c, "transaction indexing is disabled");
        return;
    }
    if (hash.n == 0) {
        call_fail(c, "transaction hash cannot be empty");
        return;
    }
    if (hash.n != HASH_BYTES) {
        no_such_tx(c);
        return;
    }
    memcpy(h.b, hash.p, HASH_BYTES);
    ask_tx(c, &h, put_tx);
}

/* ---- the mempool's content ---- */

static void put_counts(struct call *c, int64_t shown, const Mempool__Size *size)
{
    jw_object(&c->w);
    JW(&c->w, "n_txs", int_text, shown);
    JW(&c->w, "total", int_text, size->count);
    JW(&c->w, "total_bytes", int_text, size->bytes);
    jw_key(&c->w, "txs");
}

static void put_unconfirmed(struct call *c, const Mempool__Reply *r)
{
    const Mempool__Txs *t = r->txs;

    if (!t->size) {
        call_fail(c, "the mempool left out its size");
        return;
    }
    put_counts(c, (int64_t)t->n_txs, t->size);
    jw_array(&c->w);
    for (size_t i = 0; i < t->n_txs; i++)
        jw_base64(&c->w, span_of(t->txs[i]));
    jw_array_end(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

void method_unconfirmed_txs(struct call *c)
{
    Mempool__List    list = MEMPOOL__LIST__INIT;
    Mempool__Request req  = MEMPOOL__REQUEST__INIT;

    /* One more than asked for, as CometBFT answers. */
    list.limit    = (uint32_t)call_per_page(&c->args[0]) + 1;
    req.kind_case = MEMPOOL__REQUEST__KIND_LIST;
    req.list      = &list;
    ask_mempool(c, &req, MEMPOOL__REPLY__KIND_TXS, put_unconfirmed);
}

static void put_size(struct call *c, const Mempool__Reply *r)
{
    put_counts(c, r->size->count, r->size);
    jw_null(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

void method_num_unconfirmed_txs(struct call *c)
{
    Mempool__GetSize get = MEMPOOL__GET_SIZE__INIT;
    Mempool__Request req = MEMPOOL__REQUEST__INIT;

    req.kind_case = MEMPOOL__REQUEST__KIND_GET_SIZE;
    req.get_size  = &get;
    ask_mempool(c, &req, MEMPOOL__REPLY__KIND_SIZE, put_size);
}

static void flushed(struct call *c, const Mempool__Reply *r)
{
    UNUSED(r);
    jw_object(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

void method_unsafe_flush_mempool(struct call *c)
{
    Mempool__Flush   flush = MEMPOOL__FLUSH__INIT;
    Mempool__Request req   = MEMPOOL__REQUEST__INIT;

    req.kind_case = MEMPOOL__REQUEST__KIND_FLUSH;
    req.flush     = &flush;
    ask_mempool(c, &req, MEMPOOL__REPLY__KIND_DONE, flushed);
}
