/* The kvstore application against CometBFT's, call by call. */
#include "test.h"

#include "kvstore/kvstore.h"

#include <stdio.h>

/* ---- a map in memory ---- */

enum { ROWS_MAX = 4096 };

static struct row {
    enum kvstore_table table;
    struct span        key, value;
} rows[ROWS_MAX];
static size_t       row_count;
static struct arena map_memory;

static struct row *find(enum kvstore_table t, struct span key)
{
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].table == t && span_eq(rows[i].key, key))
            return &rows[i];
    return NULL;
}

static enum err map_get(void *ctx, enum kvstore_table t, struct span key,
                        struct span *value)
{
    const struct row *r = find(t, key);

    UNUSED(ctx);
    *value = r ? r->value : (struct span){ 0 };
    return r ? OK : ERR_NOT_FOUND;
}

static enum err map_put(void *ctx, enum kvstore_table t, struct span key,
                        struct span value)
{
    struct row *r = find(t, key);

    UNUSED(ctx);
    if (!r) {
        must(row_count < ROWS_MAX);
        r      = &rows[row_count++];
        *r     = (struct row){ .table = t };
        r->key = arena_copy(&map_memory, key);
    }
    r->value = arena_copy(&map_memory, value);
    return OK;
}

static enum err map_del(void *ctx, enum kvstore_table t, struct span key)
{
    struct row *r = find(t, key);

    UNUSED(ctx);
    if (!r)
        return ERR_NOT_FOUND;
    *r = rows[--row_count];
    return OK;
}

static const struct kvstore_db map = { NULL, map_get, map_put, map_del };

static struct arena block;

static void start(struct kvstore *k, const struct kvstore_options *opt)
{
    if (!block.base) {
        arena_open(&block, 64 << 20);
        arena_open(&map_memory, 64 << 20);
    }
    row_count = 0;
    arena_reset(&map_memory);
    CHECK_EQ(kvstore_open(k, &block, opt, &map), OK, "open");
}

/* ---- CometBFT's sessions ---- */

/* A bare message of the vectors as a member of the envelope. */
static struct span wrap(uint32_t num, struct span bare)
{
    struct buf b;

    buf_use(&b, arena_alloc(&test_arena, bare.n + 16), bare.n + 16);
    buf_uvarint(&b, (uint64_t)num << 3 | 2);
    buf_uvarint(&b, bare.n);
    buf_add(&b, bare);
    return buf_span(&b);
}

static uint32_t request_number(const char *call)
{
    static const struct {
        const char *call;
        uint32_t    num;
    } names[] = {
        { "Info", ABCI_REQ_INFO },
        { "InitChain", ABCI_REQ_INIT_CHAIN },
        { "CheckTx", ABCI_REQ_CHECK_TX },
        { "PrepareProposal", ABCI_REQ_PREPARE_PROPOSAL },
        { "ProcessProposal", ABCI_REQ_PROCESS_PROPOSAL },
        { "FinalizeBlock", ABCI_REQ_FINALIZE_BLOCK },
        { "Commit", ABCI_REQ_COMMIT },
        { "Query", ABCI_REQ_QUERY },
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(names[i].call, call) == 0)
            return names[i].num;
    return 0;
}

static void check_state(const struct kvstore *k, const json_t *c,
                        const char *name)
{
    uint8_t    hash[16] = { 0 };
    struct buf b;

    buf_use(&b, hash, sizeof hash);
    buf_svarint(&b, k->done.size);
    CHECK_BYTES(SPAN(hash, 8), vec_hex(c, "app_hash", &test_arena), "%s: state",
                name);
    CHECK_EQ(k->done.height, vec_int(c, "height"), "%s: height", name);
}

static struct abci_response run(struct kvstore *k, uint32_t num,
                                struct span bare, const char *name)
{
    struct abci_request  req;
    struct abci_response res = { 0 };

    CHECK_EQ(pb_decode(&abci_request_desc, &req, &test_arena, wrap(num, bare)),
             ACCEPT, "%s: request", name);
    CHECK_EQ(kvstore_handle(k, &map, &req, &res, &test_arena), OK, "%s: db",
             name);
    return res;
}

static void check_call(struct kvstore *k, const json_t *c, const char *name)
{
    uint32_t             num = request_number(vec_str(c, "call"));
    struct abci_response res;

    if (!CHECK(num != 0, "%s: unknown call", name))
        return;
    res = run(k, num, vec_hex(c, "request", &test_arena), name);
    if (!vec_bool(c, "ok")) {
        CHECK_EQ(res.which, ABCI_RES_EXCEPTION, "%s", name);
        return;
    }
    CHECK_BYTES(pb_encode(&abci_response_desc, &res, &test_arena),
                wrap(num + 1, vec_hex(c, "response", &test_arena)), "%s", name);
}

static size_t check_session(const json_t *s)
{
    struct kvstore         k;
    const char            *title  = vec_str(s, "name");
    bool                   blocks = strstr(title, "block events") != NULL;
    struct kvstore_options opt    = { .retain_blocks    = blocks ? 2 : 0,
                                      .has_block_events = blocks,
                                      .is_eager         = true };
    json_t                *calls  = json_object_get(s, "calls"), *c;
    size_t                 i;

    start(&k, &opt);
    json_array_foreach(calls, i, c)
    {
        char name[128];

        snprintf(name, sizeof name, "%s, call %zu %s", title, i,
                 vec_str(c, "call"));
        if (strcmp(vec_str(c, "call"), "state") == 0)
            check_state(&k, c, name);
        else
            check_call(&k, c, name);
    }
    return json_array_size(calls);
}

TEST(sessions_equal_cometbfts)
{
    json_t *all = vectors_open("ledger/kvstore"), *s;
    size_t  i, calls = 0;

    json_array_foreach(json_object_get(all, "sessions"), i, s) calls +=
        check_session(s);
    CHECK_EQ(calls, 651, "calls");
    json_decref(all);
}

TEST(transactions_get_cometbfts_code)
{
    json_t *all = vectors_open("ledger/kvstore"), *c;
    size_t  i;

    json_array_foreach(json_object_get(all, "check_tx"), i, c)
    {
        struct kvstore           k;
        struct kvstore_options   opt = { 0 };
        struct abci_req_check_tx tx  = { .tx = vec_hex(c, "tx", &test_arena) };
        struct abci_response     res;

        start(&k, &opt);
        CHECK_EQ(kvstore_check(tx.tx, &test_arena), vec_int(c, "code"), "%s",
                 vec_str(c, "text"));
        res = run(&k, ABCI_REQ_CHECK_TX,
                  pb_encode(&abci_req_check_tx_desc, &tx, &test_arena),
                  vec_str(c, "text"));
        CHECK_BYTES(
            pb_encode(&abci_res_check_tx_desc, res.check_tx, &test_arena),
            vec_hex(c, "response", &test_arena), "%s", vec_str(c, "text"));
    }
    CHECK_EQ(i, 37, "cases");
    json_decref(all);
}

/* ---- what the example does not promise ---- */

static struct abci_response finalize(struct kvstore *k, int64_t height,
                                     const char *tx)
{
    struct span                    txs[] = { span_str(tx) };
    struct abci_req_finalize_block req   = { .txs    = { txs, 1 },
                                             .height = height,
                                             .time   = STAMP_ZERO };

    return run(k, ABCI_REQ_FINALIZE_BLOCK,
               pb_encode(&abci_req_finalize_block_desc, &req, &test_arena), tx);
}

static int64_t info_height(struct kvstore *k)
{
    struct span empty = { 0 };

    return run(k, ABCI_REQ_INFO, empty, "info").info->last_block_height;
}

TEST(a_block_counts_once_it_is_committed)
{
    struct kvstore         k;
    struct kvstore_options opt  = { 0 };
    struct span            want = hex_span("0200000000000000", &test_arena);
    struct abci_response   res;

    start(&k, &opt);
    (void)finalize(&k, 1, "a=1");
    CHECK_EQ(info_height(&k), 0, "executed only");
    res = finalize(&k, 1, "a=1");
    CHECK_BYTES(res.finalize_block->app_hash, want, "executed twice");
    (void)run(&k, ABCI_REQ_COMMIT, (struct span){ 0 }, "commit");
    CHECK_EQ(info_height(&k), 1, "committed");
    (void)run(&k, ABCI_REQ_COMMIT, (struct span){ 0 }, "commit again");
    CHECK_EQ(info_height(&k), 1, "committed twice");
    CHECK_EQ(k.done.size, 1, "one transaction");
}

TEST(state_is_found_again)
{
    struct kvstore         k, again;
    struct kvstore_options opt = { 0 };

    start(&k, &opt);
    (void)finalize(&k, 1, "a=1");
    (void)run(&k, ABCI_REQ_COMMIT, (struct span){ 0 }, "commit");
    CHECK_EQ(kvstore_open(&again, &block, &opt, &map), OK, "open");
    CHECK_EQ(again.done.height, 1, "height");
    CHECK_EQ(again.done.size, 1, "size");
}

TEST(a_proposal_holds_nothing_that_would_be_rejected)
{
    struct kvstore         k;
    struct kvstore_options opt = { 0 };
    struct span txs[] = { span_str("a:1"), span_str("val:x"), span_str("b=2") };
    struct abci_req_prepare_proposal req = { .txs  = { txs, 3 },
                                             .time = STAMP_ZERO };
    struct abci_response             res;

    start(&k, &opt);
    CHECK_EQ(kvstore_check(txs[1], &test_arena), KVSTORE_OK,
             "the example's CheckTx takes it");
    res = run(&k, ABCI_REQ_PREPARE_PROPOSAL,
              pb_encode(&abci_req_prepare_proposal_desc, &req, &test_arena),
              "prepare");
    if (CHECK_EQ(res.prepare_proposal->txs.n, 2)) {
        CHECK_BYTES(res.prepare_proposal->txs.v[0], span_str("a=1"));
        CHECK_BYTES(res.prepare_proposal->txs.v[1], span_str("b=2"));
    }
}
