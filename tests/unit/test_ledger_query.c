/* Queries: heights, records with proofs, history, pages, and the paths that
 * Cosmos clients call. */
#include "ledger_rig.h"

#include "cosmos/keys.h"
#include "iavl/multi.h"

#include <stdio.h>

#define RECORD      "/warren.ledger.v1.Query/Record"
#define HISTORY     "/warren.ledger.v1.Query/History"
#define RECORDS     "/warren.ledger.v1.Query/Records"
#define COLLECTIONS "/warren.ledger.v1.Query/Collections"
#define ACCOUNT     "/cosmos.auth.v1beta1.Query/Account"
#define SIMULATE    "/cosmos.tx.v1beta1.Service/Simulate"

static struct rig rig;

static const char *text_of(struct span s)
{
    char *p = arena_alloc(&test_arena, s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

/* One block with one record. */
static void put(const char *collection, const char *key, const char *value)
{
    struct span tx =
        rig_tx(&rig, 0, rig_put(&rig, 0, collection, key, value, NULL));

    must(rig_block(&rig, &tx, 1).tx_results.v[0].code == CODE_OK);
}

static struct span record_query(const char *collection, const char *key)
{
    struct ledger_record_query q = { span_str(collection), span_str(key) };

    return pb_encode(&ledger_record_query_desc, &q, &test_arena);
}

static struct ledger_record_answer record_of(const struct abci_res_query *res)
{
    struct ledger_record_answer out;

    must(pb_decode(&ledger_record_answer_desc, &out, &test_arena, res->value) ==
         ACCEPT);
    return out;
}

/* ---- heights ---- */

TEST(a_query_answers_at_the_height_it_is_asked_for)
{
    static const struct {
        int64_t     height;
        bool        prove;
        uint32_t    code;
        int64_t     answered;
        const char *value;
    } cases[] = {
        { 0, false, CODE_OK, 6, "6" },
        { 0, true, CODE_OK, 5, "5" },
        { 6, true, CODE_OK, 6, "6" },
        { 4, false, CODE_OK, 4, "4" },
        { 3, true, CODE_OK, 3, "3" },
        { 2, false, CODE_PRUNED, 0, NULL },
        { 7, false, CODE_NOT_READY, 0, NULL },
        { -1, false, CODE_MALFORMED, 0, NULL },
        { INT64_MAX, true, CODE_NOT_READY, 0, NULL },
        { INT64_MIN, true, CODE_MALFORMED, 0, NULL },
    };
    char text[16];

    rig_open(&rig, 4);
    CHECK_EQ(rig_query(&rig, RECORD, record_query("open", "k"), 0, false).code,
             CODE_NOT_READY, "before the first block");
    for (int i = 1; i <= 6; i++) {
        snprintf(text, sizeof text, "%d", i);
        put("open", "k", text);
    }
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct abci_res_query res =
            rig_query(&rig, RECORD, record_query("open", "k"), cases[i].height,
                      cases[i].prove);

        CHECK_EQ(res.code, cases[i].code, "case %zu: %s", i, text_of(res.log));
        CHECK_EQ(res.height, cases[i].answered, "case %zu", i);
        if (cases[i].value)
            CHECK_BYTES(record_of(&res).record->value, span_str(cases[i].value),
                        "case %zu", i);
    }
    rig_close(&rig);
}

/* ---- proofs ---- */

static void check_proof(const struct abci_res_query *res, struct span value,
                        const char *name)
{
    uint8_t     mem[1024];
    struct buf  path;
    const char *why = "";
    bool        is_ok;

    buf_use(&path, mem, sizeof mem);
    ops_keypath(&path, span_str("records"), res->key);
    is_ok = res->proof_ops != NULL &&
            (value.n ? ops_member(res->proof_ops, hash_span(&rig.app_hash),
                                  buf_span(&path), value, &test_arena, &why)
                     : ops_absent(res->proof_ops, hash_span(&rig.app_hash),
                                  buf_span(&path), &test_arena, &why));
    CHECK(is_ok, "%s: %s", name, why);
}

TEST(an_answer_is_proved_to_whoever_knows_the_app_hash)
{
    struct abci_res_query res;
    struct span           record;

    rig_open(&rig, 10);
    put("open", "k", "{\"a\":[1,\"b\"]}");
    put("open", "other", "1");
    res = rig_query(&rig, RECORD, record_query("open", "k"), 2, true);
    record =
        pb_encode(&ledger_record_desc, record_of(&res).record, &test_arena);
    check_proof(&res, record, "a record");
    CHECK_BYTES(SPAN(res.value.p + 2, res.value.n - 2), record,
                "the record's bytes stand in the answer");
    res = rig_query(&rig, RECORD, record_query("open", "kk"), 2, true);
    CHECK(res.code == CODE_OK && !record_of(&res).record, "no such record");
    check_proof(&res, (struct span){ 0 }, "absence");
    res = rig_query(&rig, RECORD, record_query("open", "k"), 2, false);
    CHECK(!res.proof_ops, "only if asked");
    rig_close(&rig);
}

TEST(a_deleted_record_is_absent_and_its_deletion_is_provable)
{
    struct abci_res_query res;
    struct state_key      k;
    struct span           tx;
    struct ledger_record  gone;

    rig_open(&rig, 10);
    put("open", "k", "1");
    tx = rig_tx(&rig, 0, rig_delete(&rig, 0, "open", "k", NULL));
    rig_block(&rig, &tx, 1);
    res = rig_query(&rig, RECORD, record_query("open", "k"), 2, true);
    CHECK(res.code == CODE_OK && !record_of(&res).record);
    check_proof(&res, (struct span){ 0 }, "absence");
    key_record(&k, 'd', span_str("open"), span_str("k"));
    res = rig_query(&rig, "/store/records/key", state_key_span(&k), 2, true);
    check_proof(&res, res.value, "deletion");
    must(pb_decode(&ledger_record_desc, &gone, &test_arena, res.value) ==
         ACCEPT);
    CHECK(gone.is_deleted && gone.version == 2 && gone.height == 2);
    rig_close(&rig);
}

/* ---- stores ---- */

TEST(stores_are_asked_as_the_sdk_is_asked)
{
    static const struct {
        const char *path, *key;
        int64_t     height;
        uint32_t    code;
        const char *value;
    } cases[] = {
        { "/store/ibc/key", FORMAT_KEY, 0, CODE_OK, FORMAT_VALUE },
        { "/store/auth/key", FORMAT_KEY, 1, CODE_OK, FORMAT_VALUE },
        { "/store/records/key", "none", 1, CODE_OK, "" },
        { "/store/records/key", "", 1, CODE_MALFORMED, NULL },
        { "/store/nosuch/key", "a", 1, CODE_NOT_FOUND, NULL },
        { "/store/history/key", "a", 1, CODE_NOT_FOUND, NULL },
        { "/store/records/subspace", "a", 1, CODE_MALFORMED, NULL },
        { "/store/records", "a", 1, CODE_MALFORMED, NULL },
        { "/store/", "a", 1, CODE_MALFORMED, NULL },
        { "/store", "a", 1, CODE_NOT_FOUND, NULL },
        { "", "a", 1, CODE_NOT_FOUND, NULL },
        { "/store/records/key", "a", 9, CODE_NOT_READY, NULL },
    };

    rig_open(&rig, 10);
    rig_block(&rig, NULL, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct abci_res_query res = rig_query(
            &rig, cases[i].path, span_str(cases[i].key), cases[i].height, true);

        CHECK_EQ(res.code, cases[i].code, "case %zu: %s", i, text_of(res.log));
        if (!cases[i].value) {
            CHECK(res.value.n == 0 && !res.proof_ops, "case %zu", i);
            continue;
        }
        CHECK_BYTES(res.value, span_str(cases[i].value), "case %zu", i);
        CHECK_BYTES(res.key, span_str(cases[i].key), "case %zu", i);
        CHECK(res.proof_ops && res.proof_ops->ops.n == 2, "case %zu", i);
    }
    rig_close(&rig);
}

/* ---- history ---- */

static struct ledger_history_answer history(uint64_t after, uint32_t limit,
                                            int64_t height)
{
    struct ledger_history_query  q = { span_str("open"), span_str("k"), after,
                                       limit };
    struct ledger_history_answer out;
    struct abci_res_query        res = rig_query(
               &rig, HISTORY, pb_encode(&ledger_history_query_desc, &q, &test_arena),
               height, false);

    must(res.code == CODE_OK && pb_decode(&ledger_history_answer_desc, &out,
                                          &test_arena, res.value) == ACCEPT);
    return out;
}

TEST(the_history_is_a_chain_that_the_latest_version_vouches_for)
{
    static const int64_t         heights[] = { 1, 3, 4, 5 };
    struct ledger_history_answer h;
    struct span                  tx;

    rig_open(&rig, 2); /* history outlives the heights that are kept */
    put("open", "k", "1");
    put("open", "kk", "1");
    put("open", "k", "2");
    tx = rig_tx(&rig, 1, rig_delete(&rig, 1, "open", "k", NULL));
    rig_block(&rig, &tx, 1);
    put("open", "k", "4");
    h = history(0, 0, 0);
    if (!CHECK_EQ(h.records.n, 4))
        return;
    CHECK(!h.has_more);
    for (size_t i = 0; i < 4; i++) {
        struct ledger_record *r = &h.records.v[i];
        struct hash           digest;

        CHECK_EQ(r->version, i + 1);
        CHECK(r->tx_hash.n == 32 && r->writer.n == 20, "who and where");
        CHECK_EQ(r->is_deleted, i == 2);
        CHECK_EQ(r->height, heights[i]);
        if (i == 0)
            continue;
        sha256(&digest, pb_encode(&ledger_record_desc, r - 1, &test_arena));
        CHECK_BYTES(r->previous, hash_span(&digest), "version %zu", i + 1);
    }
    rig_close(&rig);
}

TEST(a_history_comes_in_pages_and_as_of_a_height)
{
    char text[16];

    rig_open(&rig, 50);
    for (int i = 1; i <= 7; i++) {
        snprintf(text, sizeof text, "%d", i);
        put("open", "k", text);
    }
    CHECK_EQ(history(0, 3, 0).records.n, 3);
    CHECK(history(0, 3, 0).has_more);
    CHECK_EQ(history(3, 3, 0).records.v[0].version, 4);
    CHECK_EQ(history(6, 3, 0).records.n, 1);
    CHECK(!history(6, 3, 0).has_more);
    CHECK_EQ(history(7, 3, 0).records.n, 0);
    CHECK_EQ(history(UINT64_MAX, 3, 0).records.n, 0);
    CHECK_EQ(history(0, 0, 4).records.n, 4, "as of height 4");
    CHECK(!history(0, 4, 4).has_more, "as of height 4");
    rig_close(&rig);
}

/* ---- pages of records ---- */

static struct ledger_records_answer records(const char *collection,
                                            struct span from,
                                            const char *prefix, uint32_t limit)
{
    struct ledger_records_query  q = { span_str(collection), from,
                                       span_str(prefix), limit };
    struct ledger_records_answer out;
    struct abci_res_query        res = rig_query(
               &rig, RECORDS, pb_encode(&ledger_records_query_desc, &q, &test_arena),
               0, false);

    must(res.code == CODE_OK && pb_decode(&ledger_records_answer_desc, &out,
                                          &test_arena, res.value) == ACCEPT);
    return out;
}

static const char *keys_of(struct ledger_records_answer a)
{
    static char mem[256];
    struct buf  b;

    buf_use(&b, mem, sizeof mem);
    for (size_t i = 0; i < a.entries.n; i++) {
        buf_add(&b, a.entries.v[i].key);
        buf_byte(&b, ' ');
    }
    buf_byte(&b, '|');
    buf_add(&b, a.next);
    return buf_cstr(&b);
}

TEST(records_come_in_pages_in_the_order_of_their_keys)
{
    static const char *const keys[] = { "c", "a", "ab", "b", "abc", "\xff" };
    struct span              none   = { 0 };

    rig_open(&rig, 10);
    for (size_t i = 0; i < COUNT(keys); i++)
        put("open", keys[i], "1");
    put("mine", "zz", "1");
    CHECK_STR(keys_of(records("open", none, "", 0)), "a ab abc b c \xff |");
    CHECK_STR(keys_of(records("mine", none, "", 0)), "zz |");
    CHECK_STR(keys_of(records("closed", none, "", 0)), "|");
    CHECK_STR(keys_of(records("open", none, "ab", 0)), "ab abc |");
    CHECK_STR(keys_of(records("open", none, "", 2)), "a ab |abc");
    CHECK_STR(keys_of(records("open", span_str("abc"), "", 2)), "abc b |c");
    CHECK_STR(keys_of(records("open", span_str("c"), "", 2)), "c \xff |");
    CHECK_STR(keys_of(records("open", span_str("abc"), "a", 9)), "abc |");
    CHECK_STR(keys_of(records("open", span_str("\xff\xff"), "", 9)), "|");
    rig_close(&rig);
}

TEST(a_page_is_bounded_in_bytes)
{
    struct ledger_records_answer out;
    char                        *value = arena_alloc(&test_arena, 60001);
    char                         key[16];

    rig_open(&rig, 10);
    memset(value, '"', 60000);
    memset(value + 1, 'x', 59998);
    for (int i = 0; i < 80; i++) {
        snprintf(key, sizeof key, "%03d", i);
        put("open", key, value);
    }
    out = records("open", (struct span){ 0 }, "", 1000);
    CHECK(out.entries.n == 69 && out.next.n == 3, "%zu records", out.entries.n);
    rig_close(&rig);
}

TEST(collections_are_listed)
{
    struct ledger_collections_query  q = { .limit = 2 };
    struct ledger_collections_answer out;
    struct abci_res_query            res;

    rig_open(&rig, 10);
    put("open", "k", "1");
    res = rig_query(&rig, COLLECTIONS,
                    pb_encode(&ledger_collections_query_desc, &q, &test_arena),
                    0, false);
    must(pb_decode(&ledger_collections_answer_desc, &out, &test_arena,
                   res.value) == ACCEPT);
    CHECK_EQ(out.collections.n, 2);
    CHECK_BYTES(out.collections.v[0].name, span_str("closed"));
    CHECK_BYTES(out.collections.v[1].name, span_str("mine"));
    CHECK_BYTES(out.next, span_str("open"));
    rig_close(&rig);
}

/* ---- what is refused ---- */

TEST(malformed_queries_are_refused)
{
    static const struct {
        const char *path, *data;
        uint32_t    code;
    } cases[] = {
        { RECORD, "ff", CODE_MALFORMED },
        { RECORD, "", CODE_MALFORMED },
        { RECORD, "0a0441424344120161", CODE_MALFORMED },
        { RECORD, "0a046f70656e", CODE_MALFORMED },
        { RECORD, "0a046e6f6e65120161", CODE_NOT_FOUND },
        { HISTORY, "0a", CODE_MALFORMED },
        { HISTORY, "0a046e6f6e65120161", CODE_NOT_FOUND },
        { RECORDS, "0a046e6f6e65", CODE_NOT_FOUND },
        { RECORDS, "", CODE_MALFORMED },
        { ACCOUNT, "", CODE_MALFORMED },
        { SIMULATE, "", CODE_MALFORMED },
        { SIMULATE, "08", CODE_MALFORMED },
        { SIMULATE, "120161", COSMOS_TX_DECODE },
        { "/warren.ledger.v1.Query/Recor", "", CODE_NOT_FOUND },
        { "/warren.ledger.v1.Query/Recordss", "", CODE_NOT_FOUND },
    };

    rig_open(&rig, 10);
    rig_block(&rig, NULL, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct abci_res_query res =
            rig_query(&rig, cases[i].path, hex_span(cases[i].data, &test_arena),
                      0, false);

        CHECK_EQ(res.code, cases[i].code, "%s %s: %s", cases[i].path,
                 cases[i].data, text_of(res.log));
    }
    rig_close(&rig);
}

/* ---- Cosmos ---- */

TEST(an_account_moves_its_sequence_on)
{
    struct query_account_request  q;
    struct query_account_response out;
    struct base_account           base;
    struct abci_res_query         res;

    rig_open(&rig, 10);
    put("open", "k", "1");
    q.address = span_str(rig.address[0]);
    res       = rig_query(&rig, ACCOUNT,
                          pb_encode(&query_account_request_desc, &q, &test_arena), 0,
                          false);
    must(pb_decode(&query_account_response_desc, &out, &test_arena,
                   res.value) == ACCEPT);
    must(pb_decode(&base_account_desc, &base, &test_arena,
                   out.account->value) == ACCEPT);
    CHECK_EQ(base.sequence, 1);
    CHECK_EQ(base.account_number, 0);
    CHECK_BYTES(base.address, span_str(rig.address[0]));
    q.address = span_str(rig.address[2]);
    res       = rig_query(&rig, ACCOUNT,
                          pb_encode(&query_account_request_desc, &q, &test_arena), 0,
                          false);
    CHECK_EQ(res.code, 22);
    CHECK_BYTES(res.codespace, span_str("sdk"));
    CHECK(strstr(text_of(res.log), "rpc error: code = NotFound") != NULL, "%s",
          text_of(res.log));
    rig_close(&rig);
}

TEST(a_simulation_changes_nothing)
{
    struct simulate_request  q = { .tx = NULL };
    struct simulate_response out;
    struct cosmos_any        m;
    struct abci_res_query    res;
    struct span              tx;

    rig_open(&rig, 10);
    rig_block(&rig, NULL, 0);
    m  = rig_put(&rig, 0, "open", "k", "1", NULL);
    tx = rig_sign(&rig, 0, &m, 1);
    for (int i = 0; i < 2; i++) {
        q.tx_bytes = tx;
        res        = rig_query(&rig, SIMULATE,
                               pb_encode(&simulate_request_desc, &q, &test_arena), 0,
                               false);
        CHECK_EQ(res.code, CODE_OK, "%s", text_of(res.log));
        must(pb_decode(&simulate_response_desc, &out, &test_arena, res.value) ==
             ACCEPT);
        CHECK_EQ(out.gas_info->gas_wanted, 1000);
        CHECK_EQ(out.gas_info->gas_used, tx.n);
        CHECK_EQ(out.result->msg_responses.n, 1);
        CHECK_EQ(out.result->events.n, 2);
    }
    CHECK_EQ(rig_check(&rig, tx, CHECK_TX_NEW).code, CODE_OK, "still unused");
    m          = rig_put(&rig, 0, "closed", "k", "1", NULL);
    q.tx_bytes = rig_sign(&rig, 0, &m, 1);
    res =
        rig_query(&rig, SIMULATE,
                  pb_encode(&simulate_request_desc, &q, &test_arena), 0, false);
    CHECK_EQ(res.code, CODE_FORBIDDEN);
    rig_close(&rig);
}

/* ---- the library's own answer ---- */

static struct ledger_account vector_account;

static bool vector_get(void *ctx, enum ledger_store store, struct span key,
                       struct span *value)
{
    struct state_key k;

    UNUSED(ctx);
    key_account(&k, vector_account.address);
    *value = pb_encode(&ledger_account_desc, &vector_account, &test_arena);
    return store == STORE_AUTH && span_eq(key, state_key_span(&k));
}

static int64_t vector_height(void *ctx)
{
    UNUSED(ctx);
    return 42;
}

static bool vector_at(void *ctx, int64_t height, struct ledger_db *out)
{
    UNUSED(ctx);
    *out = (struct ledger_db){ .height = height, .get = vector_get };
    return true;
}

static const json_t *named(const json_t *list, const char *name)
{
    const json_t *c;
    size_t        i;

    json_array_foreach(list, i,
                       c) if (strcmp(vec_str(c, "name"), name) == 0) return c;
    return NULL;
}

TEST(the_account_query_answers_the_sdks_bytes)
{
    json_t       *all = vectors_open("ledger/queries");
    const json_t *c   = named(json_object_get(all, "abci_queries"), "account");
    struct query_source   source = { .latest = vector_height,
                                     .oldest = vector_height,
                                     .at     = vector_at };
    struct abci_req_query q;
    struct abci_res_query res;
    uint8_t               address[20];

    must(account_address_parse(
        address, span_str("warren1hts2e2msu6940fsnwd3m5756v02lztt9m7nh83")));
    vector_account = (struct ledger_account){
        .address  = SPAN_OF(address),
        .key_type = KEY_TYPE_SECP256K1,
        .pub_key  = hex_span("0372376470cc83079aa05404941c8bf36b176362c6dce5a3"
                              "a4139acf5b0415de15",
                             &test_arena),
        .account_number = 7,
        .sequence       = 3,
    };
    must(pb_decode(&abci_req_query_desc, &q, &test_arena,
                   vec_hex(c, "request", &test_arena)) == ACCEPT);
    query_answer(&res, &q, &source, &test_arena);
    CHECK_BYTES(pb_encode(&abci_res_query_desc, &res, &test_arena),
                vec_hex(c, "response", &test_arena));
    json_decref(all);
}

/* ---- the SDK's multistores, asked through the same table ---- */

enum { SDK_STORES_MAX = 16 };

struct sdk {
    struct multi       multi;
    struct multi_store store[SDK_STORES_MAX];
    struct iavl_mem   *mem[SDK_STORES_MAX];
    int64_t            latest, asked;
};

static void sdk_open(struct sdk *k, const json_t *names)
{
    const json_t *name;
    size_t        i;

    *k = (struct sdk){ .multi = { k->store, json_array_size(names) } };
    json_array_foreach(names, i, name)
    {
        k->mem[i]        = iavl_mem_new();
        k->store[i].name = json_string_value(name);
        must(iavl_open(&k->store[i].tree, k->store[i].name,
                       iavl_mem_db(k->mem[i]), 1 << 20) == OK);
    }
}

static void sdk_close(struct sdk *k)
{
    for (size_t i = 0; i < k->multi.n; i++) {
        iavl_close(k->store[i].tree);
        iavl_mem_free(k->mem[i]);
    }
}

static int sdk_find(void *ctx, struct span name)
{
    struct sdk *k = ctx;
    size_t      i = multi_find(&k->multi, name);

    return i < k->multi.n ? (int)i : -1;
}

static void sdk_block(struct sdk *k, const json_t *h)
{
    const json_t *w;
    struct hash   app_hash;
    size_t        i;

    k->latest = vec_int(h, "height");
    json_array_foreach(json_object_get(h, "writes"), i, w)
    {
        int s = sdk_find(k, span_str(vec_str(w, "store")));

        must(s >= 0 &&
             iavl_set(k->store[s].tree, vec_hex(w, "key", &test_arena),
                      vec_hex(w, "value", &test_arena), NULL) == OK);
    }
    must(multi_seal(&app_hash, &k->multi, k->latest, &test_arena) == OK);
    for (i = 0; i < k->multi.n; i++) {
        must(iavl_write(k->store[i].tree) == OK);
        iavl_publish(k->store[i].tree);
    }
}

static int64_t sdk_latest(void *ctx)
{
    return ((struct sdk *)ctx)->latest;
}

static int64_t sdk_oldest(void *ctx)
{
    UNUSED(ctx);
    return 1;
}

static bool sdk_get(void *ctx, enum ledger_store store, struct span key,
                    struct span *value)
{
    struct sdk      *k = ctx;
    struct iavl_view v;

    must(iavl_at(&v, k->store[store].tree, k->asked) == OK);
    return iavl_get(&v, key, value) == OK;
}

static bool sdk_at(void *ctx, int64_t height, struct ledger_db *out)
{
    ((struct sdk *)ctx)->asked = height;
    *out = (struct ledger_db){ .ctx = ctx, .height = height, .get = sdk_get };
    return true;
}

static bool sdk_prove(void *ctx, int64_t height, enum ledger_store store,
                      struct span key, struct abci_proof_ops *out,
                      struct arena *a)
{
    struct sdk *k = ctx;

    return multi_prove(out, &k->multi, store, height, key, a) == OK;
}

static void sdk_check(struct sdk *k, const json_t *c)
{
    struct query_source   source = { .ctx    = k,
                                     .latest = sdk_latest,
                                     .oldest = sdk_oldest,
                                     .find   = sdk_find,
                                     .at     = sdk_at,
                                     .prove  = sdk_prove };
    struct abci_req_query q      = { .path   = span_str(vec_str(c, "path")),
                                     .data   = vec_hex(c, "key", &test_arena),
                                     .height = vec_int(c, "height"),
                                     .prove  = true };
    struct abci_res_query res;

    query_answer(&res, &q, &source, &test_arena);
    if (vec_has(c, "stage")) {
        CHECK(res.code && !res.proof_ops, "%s: %s", vec_str(c, "name"),
              vec_str(c, "error"));
        return;
    }
    CHECK_EQ(res.height, vec_int(c, "response_height"), "%s",
             vec_str(c, "name"));
    CHECK_BYTES(pb_encode(&abci_res_query_desc, &res, &test_arena),
                vec_hex(c, "response", &test_arena), "%s", vec_str(c, "name"));
}

TEST(store_queries_answer_the_sdks_bytes)
{
    json_t       *all = vectors_open("ledger/proof_ops");
    const json_t *s, *h, *c;
    size_t        i, n, checked = 0;

    json_array_foreach(json_object_get(all, "stores"), i, s)
    {
        struct sdk k;

        arena_reset(&test_arena);
        sdk_open(&k, json_object_get(s, "names"));
        json_array_foreach(json_object_get(s, "heights"), n, h)
            sdk_block(&k, h);
        json_array_foreach(json_object_get(all, "cases"), n, c)
        {
            if (vec_uint(c, "stores") != k.multi.n)
                continue;
            sdk_check(&k, c);
            checked++;
        }
        sdk_close(&k);
    }
    CHECK_EQ(checked, json_array_size(json_object_get(all, "cases")));
    json_decref(all);
}
