/* The kvstore application: any transactions, through the life of a block.
 *
 * Properties: a proposal holds nothing but what CheckTx accepts, and is itself
 * accepted;
 * a block of prepared pairs executes and commits; what was not committed
 * leaves no trace; the height never goes ahead of Commit. */
#include "fuzz.h"

#include "kvstore/kvstore.h"

enum { TXS_MAX = 32 };

static struct arena block;
static size_t       puts;

static enum err no_get(void *ctx, enum kvstore_table t, struct span key,
                       struct span *value)
{
    UNUSED(ctx);
    UNUSED(t);
    UNUSED(key);
    *value = (struct span){ 0 };
    return ERR_NOT_FOUND;
}

static enum err count_put(void *ctx, enum kvstore_table t, struct span key,
                          struct span value)
{
    UNUSED(ctx);
    UNUSED(key);
    UNUSED(value);
    puts += t == KVSTORE_PAIRS;
    return OK;
}

static enum err no_del(void *ctx, enum kvstore_table t, struct span key)
{
    UNUSED(ctx);
    UNUSED(t);
    UNUSED(key);
    return ERR_NOT_FOUND;
}

static const struct kvstore_db db = { NULL, no_get, count_put, no_del };

static struct abci_response ask(struct kvstore            *k,
                                const struct abci_request *req)
{
    struct abci_response res = { 0 };

    must(kvstore_handle(k, &db, req, &res, &fuzz_arena) == OK);
    must(res.which == req->which + 1 || res.which == ABCI_RES_EXCEPTION);
    return res;
}

static span_list split_txs(struct span in)
{
    span_list l = { arena_newn(&fuzz_arena, struct span, TXS_MAX), 0 };

    must(l.v != NULL);
    while (in.n > 0 && l.n < TXS_MAX) {
        size_t n = (size_t)fuzz_take(&in, 1);

        n          = n < in.n ? n : in.n;
        l.v[l.n++] = SPAN(in.p, n);
        in         = SPAN(in.p + n, in.n - n);
    }
    return l;
}

static span_list prepare(struct kvstore *k, span_list txs)
{
    struct abci_req_prepare_proposal p   = { .txs = txs };
    struct abci_request              req = { .which = ABCI_REQ_PREPARE_PROPOSAL,
                                             .prepare_proposal = &p };
    struct abci_response             res = ask(k, &req);
    size_t                           good = 0;

    for (size_t i = 0; i < txs.n; i++)
        good += kvstore_check(txs.v[i], &fuzz_arena) == KVSTORE_OK;
    must(res.which == ABCI_RES_PREPARE_PROPOSAL);
    must(res.prepare_proposal->txs.n <= good);
    return res.prepare_proposal->txs;
}

static void check_accepted(struct kvstore *k, span_list txs)
{
    struct abci_req_process_proposal p   = { .txs = txs };
    struct abci_request              req = { .which = ABCI_REQ_PROCESS_PROPOSAL,
                                             .process_proposal = &p };
    struct abci_response             res = ask(k, &req);

    must(res.which == ABCI_RES_PROCESS_PROPOSAL);
    must(res.process_proposal->status == PROPOSAL_ACCEPT);
}

static bool is_validator(struct span tx)
{
    return tx.n >= 4 && memcmp(tx.p, "val=", 4) == 0;
}

static struct abci_response finalize(struct kvstore *k, span_list txs)
{
    struct abci_req_finalize_block f   = { .txs = txs, .height = 1 };
    struct abci_request            req = { .which = ABCI_REQ_FINALIZE_BLOCK,
                                           .finalize_block = &f };

    return ask(k, &req);
}

static void commit(struct kvstore *k, span_list txs, size_t validators)
{
    struct abci_req_commit c   = { 0 };
    struct abci_request    req = { .which = ABCI_REQ_COMMIT, .commit = &c };
    struct abci_response   res = ask(k, &req);

    if (res.which == ABCI_RES_EXCEPTION) {
        must(validators > 0); /* a key of the wrong length */
        must(k->done.height == 0);
        return;
    }
    must(k->done.height == 1 && k->done.size == (int64_t)txs.n);
    must(puts == txs.n - validators);
}

void fuzz_one(struct span in)
{
    struct kvstore         k;
    struct kvstore_options opt = { 0 };
    span_list              txs = split_txs(in), prepared;
    struct abci_response   res;
    size_t                 validators = 0;

    if (!block.base)
        arena_open(&block, 64 << 20);
    puts = 0;
    must(kvstore_open(&k, &block, &opt, &db) == OK);
    (void)finalize(&k, txs); /* never committed */
    must(k.done.height == 0 && puts == 0);

    prepared = prepare(&k, txs);
    check_accepted(&k, prepared);
    for (size_t i = 0; i < prepared.n; i++)
        validators += is_validator(prepared.v[i]);
    res = finalize(&k, prepared);
    must(k.done.height == 0);
    if (res.which == ABCI_RES_EXCEPTION) {
        must(validators > 0); /* a key of an unknown type */
        return;
    }
    must(res.finalize_block->tx_results.n == prepared.n);
    must(res.finalize_block->validator_updates.n == validators);
    commit(&k, prepared, validators);
}
