/* The ledger as a consensus engine sees it: transactions into blocks. */
#include "ledger_rig.h"

#include <stdio.h>

static struct rig rig;

static const char *text_of(struct span s)
{
    char *p = arena_alloc(&test_arena, s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

static void check_code(const struct abci_tx_result *res, const char *codespace,
                       uint32_t code, const char *name)
{
    CHECK(res->code == code && span_eq(res->codespace, span_str(codespace)),
          "%s: got %u %s: %s", name, res->code, text_of(res->codespace),
          text_of(res->log));
}

/* ---- proposals asked ---- */

static struct abci_res_prepare_proposal prepare(const struct span *txs,
                                                size_t n, int64_t max)
{
    struct abci_req_prepare_proposal q = { .height       = rig.height + 1,
                                           .max_tx_bytes = max };

    q.txs.v = (struct span *)(uintptr_t)txs;
    q.txs.n = n;
    return *rig_ask(&rig, ABCI_REQ_PREPARE_PROPOSAL, &q).prepare_proposal;
}

static int32_t process(const struct span *txs, size_t n)
{
    struct abci_req_process_proposal q = { .height = rig.height + 1 };

    q.txs.v = (struct span *)(uintptr_t)txs;
    q.txs.n = n;
    return rig_ask(&rig, ABCI_REQ_PROCESS_PROPOSAL, &q)
        .process_proposal->status;
}

/* ---- execution ---- */

TEST(records_are_put_and_deleted_with_versions_that_count_on)
{
    static const struct {
        const char *name;
        bool        is_delete;
        uint32_t    code;
        const char *data; /* of the response: its version */
    } cases[] = {
        { "first version", false, CODE_OK, "0801" },
        { "second version", false, CODE_OK, "0802" },
        { "deletion", true, CODE_OK, "0803" },
        { "nothing to delete", true, CODE_NOT_FOUND, NULL },
        { "written again", false, CODE_OK, "0804" },
    };

    rig_open(&rig, 10);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cosmos_any              m   = cases[i].is_delete
                                                 ? rig_delete(&rig, 0, "open", "k", NULL)
                                                 : rig_put(&rig, 0, "open", "k", "{}", NULL);
        struct span                    tx  = rig_tx(&rig, 0, m);
        struct abci_res_finalize_block res = rig_block(&rig, &tx, 1);
        struct tx_msg_data             data;

        check_code(&res.tx_results.v[0], cases[i].code ? "ledger" : "",
                   cases[i].code, cases[i].name);
        if (!cases[i].data) {
            CHECK(res.tx_results.v[0].data.n == 0 &&
                      res.tx_results.v[0].events.n == 0,
                  "a failed transaction says nothing");
            continue;
        }
        must(pb_decode(&tx_msg_data_desc, &data, &test_arena,
                       res.tx_results.v[0].data) == ACCEPT);
        CHECK_EQ(data.msg_responses.n, 1);
        CHECK_BYTES(data.msg_responses.v[0].value,
                    hex_span(cases[i].data, &test_arena), "%s", cases[i].name);
    }
    rig_close(&rig);
}

TEST(preconditions_hold_at_execution)
{
    struct {
        const char                *name;
        struct ledger_precondition p;
        uint32_t                   absent, v1, deleted;
    } cases[] = {
        { "absent",
          { CONDITION_ABSENT, { .absent = true } },
          CODE_OK,
          CODE_EXISTS,
          CODE_OK },
        { "version 0",
          { CONDITION_VERSION, { .version = 0 } },
          CODE_OK,
          CODE_VERSION_CONFLICT,
          CODE_OK },
        { "version 1",
          { CONDITION_VERSION, { .version = 1 } },
          CODE_VERSION_CONFLICT,
          CODE_OK,
          CODE_VERSION_CONFLICT },
        { "unchanged since 0",
          { CONDITION_UNCHANGED_SINCE, { .unchanged_since = 0 } },
          CODE_OK,
          CODE_VERSION_CONFLICT,
          CODE_VERSION_CONFLICT },
        { "unchanged since 9",
          { CONDITION_UNCHANGED_SINCE, { .unchanged_since = 9 } },
          CODE_OK,
          CODE_OK,
          CODE_OK },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct abci_res_finalize_block res;
        struct span                    tx[6];

        arena_reset(&test_arena);
        rig_open(&rig, 10);
        tx[0] = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "b", "1", NULL));
        tx[1] = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "c", "1", NULL));
        tx[2] = rig_tx(&rig, 0, rig_delete(&rig, 0, "open", "c", NULL));
        rig_block(&rig, tx, 3);
        for (size_t k = 0; k < 3; k++)
            tx[k] = rig_tx(&rig, 0,
                           rig_put(&rig, 0, "open",
                                   (const char *[]){ "a", "b", "c" }[k], "2",
                                   &cases[i].p));
        res = rig_block(&rig, tx, 3);
        CHECK_EQ(res.tx_results.v[0].code, cases[i].absent, "%s, absent: %s",
                 cases[i].name, text_of(res.tx_results.v[0].log));
        CHECK_EQ(res.tx_results.v[1].code, cases[i].v1, "%s, version 1: %s",
                 cases[i].name, text_of(res.tx_results.v[1].log));
        CHECK_EQ(res.tx_results.v[2].code, cases[i].deleted, "%s, deleted: %s",
                 cases[i].name, text_of(res.tx_results.v[2].log));
        rig_close(&rig);
    }
}

TEST(a_transaction_is_all_or_nothing_but_uses_its_sequence)
{
    struct abci_res_finalize_block res;
    struct cosmos_any              m[2];
    struct span                    tx[2], value;
    struct ledger_db               db;
    struct ledger_view             v = { &db, NULL };
    struct ledger_account          account;
    struct state_key               k;
    uint8_t                        address[20];

    rig_open(&rig, 10);
    m[0]  = rig_put(&rig, 0, "open", "a", "1", NULL);
    m[1]  = rig_put(&rig, 0, "closed", "b", "1", NULL);
    tx[0] = rig_sign(&rig, 0, m, 2);
    rig.sequence[0]++;
    tx[1] = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "c", "1", NULL));
    res   = rig_block(&rig, tx, 2);
    check_code(&res.tx_results.v[0], "ledger", CODE_FORBIDDEN, "the second");
    check_code(&res.tx_results.v[1], "", CODE_OK, "the next sequence");
    must(state_at(&db, rig.state, 1));
    key_record(&k, 'r', span_str("open"), span_str("a"));
    CHECK(!view_get(&v, STORE_RECORDS, state_key_span(&k), &value),
          "the first message left nothing");
    must(account_address_parse(address, span_str(rig.address[0])));
    must(account_load(&account, &v, SPAN_OF(address), &test_arena));
    CHECK_EQ(account.sequence, 2);
    state_rest(rig.state);
    rig_close(&rig);
}

TEST(every_signer_of_a_transaction_must_sign_and_moves_on)
{
    struct cosmos_any   m[2];
    struct tx_draft     draft = { .messages = m, .message_count = 2 };
    struct draft_signer s[2];
    struct span         good, one_missing, exchanged;

    rig_open(&rig, 10);
    m[0] = rig_put(&rig, 0, "mine", "a", "1", NULL);
    m[1] = rig_put(&rig, 1, "open", "b", "1", NULL);
    for (int i = 0; i < 2; i++)
        s[i] = (struct draft_signer){ .key    = &rig.key[i],
                                      .pub    = rig.pub[i],
                                      .number = (uint64_t)i };
    good = cosmos_tx_build(&draft, s, 2, span_str(RIG_CHAIN), &test_arena);
    one_missing =
        cosmos_tx_build(&draft, s, 1, span_str(RIG_CHAIN), &test_arena);
    s[1].key  = &rig.key[2];
    exchanged = cosmos_tx_build(&draft, s, 2, span_str(RIG_CHAIN), &test_arena);
    CHECK_EQ(rig_finalize(&rig, &one_missing, 1).tx_results.v[0].code,
             COSMOS_UNAUTHORIZED);
    CHECK_EQ(rig_finalize(&rig, &exchanged, 1).tx_results.v[0].code,
             COSMOS_UNAUTHORIZED);
    CHECK_EQ(rig_block(&rig, &good, 1).tx_results.v[0].code, CODE_OK);
    rig.sequence[0] = rig.sequence[1] = 1;
    for (int i = 0; i < 2; i++)
        CHECK_EQ(
            rig_check(&rig,
                      rig_tx(&rig, i, rig_put(&rig, i, "open", "c", "1", NULL)),
                      CHECK_TX_NEW)
                .code,
            CODE_OK, "signer %d", i);
    rig_close(&rig);
}

TEST(one_bad_signature_among_many_is_found)
{
    enum { N = 150 };
    struct span                    tx[N];
    struct abci_res_finalize_block res;

    rig_open(&rig, 10);
    for (int i = 0; i < N; i++)
        tx[i] =
            rig_tx(&rig, i % 2, rig_put(&rig, i % 2, "open", "k", "1", NULL));
    tx[N - 1] = arena_copy(&test_arena, tx[N - 1]);
    ((uint8_t *)(uintptr_t)tx[N - 1].p)[tx[N - 1].n - 40] ^= 1;
    CHECK_EQ(process(tx, N - 1), PROPOSAL_ACCEPT);
    CHECK_EQ(process(tx, N), PROPOSAL_REJECT);
    res = rig_block(&rig, tx, N);
    for (int i = 0; i < N; i++)
        CHECK_EQ(res.tx_results.v[i].code,
                 i == N - 1 ? COSMOS_UNAUTHORIZED : CODE_OK, "%d", i);
    rig_close(&rig);
}

TEST(a_message_emits_two_events)
{
    static const struct {
        const char *key, *value;
        bool        index;
    } want[] = {
        { "action", "/warren.ledger.v1.MsgPut", true },
        { "sender", NULL, true },
        { "action", "put", false },
        { "collection", "open", true },
        { "key", "0x6101", true },
        { "version", "1", false },
        { "writer", NULL, false },
        { "msg_index", "0", false },
    };
    const struct abci_tx_result *res;
    struct span                  tx;
    size_t                       k = 0;

    rig_open(&rig, 10);
    tx  = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "a\x01", "1", NULL));
    res = &rig_block(&rig, &tx, 1).tx_results.v[0];
    CHECK_EQ(res->events.n, 2);
    CHECK_BYTES(res->events.v[0].type, span_str("message"));
    CHECK_BYTES(res->events.v[1].type, span_str("record"));
    for (size_t e = 0; e < res->events.n; e++)
        for (size_t i = 0; i < res->events.v[e].attributes.n; i++, k++) {
            const struct abci_attribute *a = &res->events.v[e].attributes.v[i];

            CHECK_BYTES(a->key, span_str(want[k].key));
            CHECK_BYTES(a->value, span_str(want[k].value ? want[k].value
                                                         : rig.address[0]));
            CHECK_EQ(a->index, want[k].index);
        }
    CHECK_EQ(k, COUNT(want));
    rig_close(&rig);
}

/* ---- refusals, the same in CheckTx and in a block ---- */

static struct span plain(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "open", "k", "1", NULL);

    return rig_sign(&rig, 0, &m, 1);
}

static struct span garbage(void)
{
    return span_str("no transaction");
}

static struct span signature_changed(void)
{
    struct span tx = arena_copy(&test_arena, plain());

    ((uint8_t *)(uintptr_t)tx.p)[tx.n - 1] ^= 1;
    return tx;
}

/* The signature holds, under another hash. */
static struct span body_twice(void)
{
    struct span     tx = plain(), rest = tx;
    struct pb_field body;
    struct buf      b;

    must(pb_next(&rest, &body) > 0);
    buf_init(&b, 4096);
    buf_add(&b, SPAN(tx.p, tx.n - rest.n));
    buf_add(&b, tx);
    tx = arena_copy(&test_arena, buf_span(&b));
    buf_fini(&b);
    return tx;
}

static struct span wrong_sequence(void)
{
    struct span tx;

    rig.sequence[0] = 4;
    tx              = plain();
    rig.sequence[0] = 0;
    return tx;
}

static struct span unknown_account(void)
{
    struct cosmos_any m = rig_put(&rig, 2, "open", "k", "1", NULL);

    return rig_sign(&rig, 2, &m, 1);
}

static struct span another_signs(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "open", "k", "1", NULL);

    return rig_sign(&rig, 1, &m, 1);
}

static struct span with_draft(struct tx_draft d)
{
    struct cosmos_any   m = rig_put(&rig, 0, "open", "k", "1", NULL);
    struct draft_signer s = { .key = &rig.key[0], .pub = rig.pub[0] };

    d.messages      = &m;
    d.message_count = 1;
    return cosmos_tx_build(&d, &s, 1, span_str(RIG_CHAIN), &test_arena);
}

static struct span expired(void)
{
    rig_block(&rig, NULL, 0);
    return with_draft((struct tx_draft){ .timeout_height = 1 });
}

static struct span long_memo(void)
{
    return with_draft(
        (struct tx_draft){ .memo = SPAN(arena_alloc(&test_arena, 257), 257) });
}

static struct span no_collection(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "nosuch", "k", "1", NULL);

    return rig_sign(&rig, 0, &m, 1);
}

static struct span not_allowed(void)
{
    struct cosmos_any m = rig_put(&rig, 1, "mine", "k", "1", NULL);

    return rig_sign(&rig, 1, &m, 1);
}

static struct span not_canonical(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "open", "k", "{ }", NULL);

    return rig_sign(&rig, 0, &m, 1);
}

static struct span no_value(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "open", "k", "", NULL);

    return rig_sign(&rig, 0, &m, 1);
}

static struct span no_key(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "open", "", "1", NULL);

    return rig_sign(&rig, 0, &m, 1);
}

/* A JSON string of n bytes. */
static const char *long_text(size_t n)
{
    char *p = arena_alloc(&test_arena, n + 1);

    memset(p, '"', n);
    memset(p + 1, 'x', n - 2);
    return p;
}

static struct span long_key(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "open", long_text(257), "1", NULL);

    return rig_sign(&rig, 0, &m, 1);
}

static struct span long_value(void)
{
    struct cosmos_any m =
        rig_put(&rig, 0, "open", "k", long_text(VALUE_BYTES_MAX + 1), NULL);

    return rig_sign(&rig, 0, &m, 1);
}

static struct span bad_name(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "Open", "k", "1", NULL);

    return rig_sign(&rig, 0, &m, 1);
}

static struct span too_large(void)
{
    struct cosmos_any m[5];

    for (int i = 0; i < 5; i++)
        m[i] = rig_put(&rig, 0, "open", "k", long_text(60000), NULL);
    return rig_sign(&rig, 0, m, 5);
}

static struct span too_many(void)
{
    struct cosmos_any m[TX_MESSAGES_MAX + 1];

    for (size_t i = 0; i < COUNT(m); i++)
        m[i] = rig_put(&rig, 0, "open", "k", "1", NULL);
    return rig_sign(&rig, 0, m, COUNT(m));
}

static struct span foreign_message(void)
{
    struct cosmos_any m = rig_put(&rig, 0, "open", "k", "1", NULL);

    m.type_url = span_str("/cosmos.bank.v1beta1.MsgSend");
    return rig_sign(&rig, 0, &m, 1);
}

static const struct refusal {
    const char *name;
    struct span (*make)(void);
    const char *codespace;
    uint32_t    code;
    const char *error; /* in info */
} refusals[] = {
    { "nothing wrong", plain, "", CODE_OK, "" },
    { "garbage", garbage, "sdk", COSMOS_TX_DECODE, "MALFORMED" },
    { "the body twice", body_twice, "sdk", COSMOS_TX_DECODE, "MALFORMED" },
    { "a message of another application", foreign_message, "sdk",
      COSMOS_TX_DECODE, "MALFORMED" },
    { "signature changed", signature_changed, "sdk", COSMOS_UNAUTHORIZED,
      "UNAUTHENTICATED" },
    { "wrong sequence", wrong_sequence, "sdk", COSMOS_WRONG_SEQUENCE,
      "SEQUENCE" },
    { "unknown account", unknown_account, "sdk", COSMOS_UNKNOWN_ADDRESS,
      "UNAUTHENTICATED" },
    { "signed by another", another_signs, "sdk", COSMOS_INVALID_PUBKEY,
      "UNAUTHENTICATED" },
    { "expired", expired, "sdk", COSMOS_TIMEOUT_HEIGHT, "EXPIRED" },
    { "long memo", long_memo, "sdk", COSMOS_MEMO_TOO_LARGE, "TOO_LARGE" },
    { "too large", too_large, "sdk", COSMOS_TX_TOO_LARGE, "TOO_LARGE" },
    { "too many messages", too_many, "sdk", COSMOS_INVALID_REQUEST,
      "MALFORMED" },
    { "no such collection", no_collection, "ledger", CODE_NOT_FOUND,
      "NOT_FOUND" },
    { "not allowed", not_allowed, "ledger", CODE_FORBIDDEN, "FORBIDDEN" },
    { "not canonical", not_canonical, "ledger", CODE_MALFORMED, "MALFORMED" },
    { "no value", no_value, "ledger", CODE_MALFORMED, "MALFORMED" },
    { "no key", no_key, "ledger", CODE_MALFORMED, "MALFORMED" },
    { "long key", long_key, "ledger", CODE_TOO_LARGE, "TOO_LARGE" },
    { "long value", long_value, "ledger", CODE_TOO_LARGE, "TOO_LARGE" },
    { "bad name", bad_name, "ledger", CODE_MALFORMED, "MALFORMED" },
};

static void check_refusal(const struct refusal *c)
{
    struct abci_res_check_tx checked;
    struct abci_tx_result    run;
    struct span              tx;
    char                     info[64];

    rig_open(&rig, 10);
    tx      = c->make();
    checked = rig_check(&rig, tx, CHECK_TX_NEW);
    run     = rig_finalize(&rig, &tx, 1).tx_results.v[0];
    check_code(&run, c->codespace, c->code, c->name);
    CHECK(checked.code == run.code && span_eq(checked.log, run.log) &&
              span_eq(checked.codespace, run.codespace),
          "%s: CheckTx says %u %s", c->name, checked.code,
          text_of(checked.log));
    snprintf(info, sizeof info, "{\"error\":\"%s\"", c->error);
    CHECK(*c->error == 0 || strncmp(text_of(run.info), info, strlen(info)) == 0,
          "%s: %s", c->name, text_of(run.info));
    rig_close(&rig);
}

TEST(every_refusal_has_its_code_in_checktx_and_in_a_block)
{
    for (size_t i = 0; i < COUNT(refusals); i++) {
        arena_reset(&test_arena);
        check_refusal(&refusals[i]);
    }
}

/* ---- the mempool ---- */

TEST(several_transactions_of_an_account_can_wait)
{
    struct span tx[4];

    rig_open(&rig, 10);
    for (size_t i = 0; i < 4; i++)
        tx[i] = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "k", "1", NULL));
    CHECK_EQ(rig_check(&rig, tx[1], CHECK_TX_NEW).code, COSMOS_WRONG_SEQUENCE,
             "not before the first");
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(rig_check(&rig, tx[i], CHECK_TX_NEW).code, CODE_OK, "tx %zu",
                 i);
    CHECK_EQ(rig_check(&rig, tx[3], CHECK_TX_NEW).code, COSMOS_WRONG_SEQUENCE,
             "not twice");
    rig_block(&rig, tx, 2);
    CHECK_EQ(rig_check(&rig, tx[1], CHECK_TX_RECHECK).code,
             COSMOS_WRONG_SEQUENCE, "committed meanwhile");
    CHECK_EQ(rig_check(&rig, tx[2], CHECK_TX_RECHECK).code, CODE_OK);
    CHECK_EQ(rig_check(&rig, tx[3], CHECK_TX_RECHECK).code, CODE_OK);
    rig_close(&rig);
}

TEST(a_refused_transaction_does_not_use_its_sequence)
{
    struct cosmos_any bad, good;

    rig_open(&rig, 10);
    bad  = rig_put(&rig, 0, "closed", "k", "1", NULL);
    good = rig_put(&rig, 0, "open", "k", "1", NULL);
    CHECK_EQ(rig_check(&rig, rig_sign(&rig, 0, &bad, 1), CHECK_TX_NEW).code,
             CODE_FORBIDDEN);
    CHECK_EQ(rig_check(&rig, rig_sign(&rig, 0, &good, 1), CHECK_TX_NEW).code,
             CODE_OK);
    rig_close(&rig);
}

/* ---- proposals ---- */

TEST(a_proposal_keeps_the_order_and_drops_what_would_not_be_admitted)
{
    struct abci_res_prepare_proposal p;
    struct span                      tx[5];

    rig_open(&rig, 10);
    tx[0] = rig_tx(&rig, 1, rig_put(&rig, 1, "open", "k", "1", NULL));
    tx[1] = garbage();
    tx[2] = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "k", "1", NULL));
    tx[3] = tx[2];
    tx[4] = rig_tx(&rig, 0, rig_put(&rig, 0, "closed", "k", "1", NULL));
    p     = prepare(tx, 5, 1 << 20);
    CHECK_EQ(p.txs.n, 3);
    CHECK(span_eq(p.txs.v[0], tx[0]) && span_eq(p.txs.v[1], tx[2]) &&
              span_eq(p.txs.v[2], tx[4]),
          "what fails in execution is kept, it uses a sequence");
    CHECK_EQ(process(p.txs.v, p.txs.n), PROPOSAL_ACCEPT);
    CHECK_EQ(process(tx, 5), PROPOSAL_REJECT);
    p = prepare(tx, 5, (int64_t)tx[0].n + 2);
    CHECK_EQ(p.txs.n, 0, "tag, length of two bytes, transaction");
    p = prepare(tx, 5, (int64_t)tx[0].n + 3);
    CHECK_EQ(p.txs.n, 1);
    rig_close(&rig);
}

/* ---- the chain ---- */

static struct abci_res_info info(void)
{
    struct abci_req_info q = { .block_version = 11 };

    return *rig_ask(&rig, ABCI_REQ_INFO, &q).info;
}

TEST(info_names_what_is_durable_and_a_restart_replays_the_rest)
{
    struct span                    tx[2];
    struct hash                    first, second;
    struct abci_res_finalize_block again;

    rig_open(&rig, 10);
    CHECK_EQ(info().last_block_height, 0);
    CHECK_EQ(info().last_block_app_hash.n, 0);
    tx[0] = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "k", "1", NULL));
    tx[1] = rig_tx(&rig, 0, rig_put(&rig, 0, "open", "k", "2", NULL));
    rig_finalize(&rig, tx, 1);
    first = rig.app_hash;
    rig_restart(&rig, 10);
    CHECK_EQ(info().last_block_height, 0, "executed, not committed");
    rig_init_chain(&rig);
    rig_block(&rig, tx, 1);
    CHECK(hash_eq(&first, &rig.app_hash), "the same block, the same hash");
    rig_finalize(&rig, tx + 1, 1);
    second = rig.app_hash;
    rig_restart(&rig, 10);
    CHECK_EQ(info().last_block_height, 1);
    CHECK_BYTES(info().last_block_app_hash, hash_span(&first));
    again = rig_finalize(&rig, tx + 1, 1);
    CHECK_EQ(again.tx_results.v[0].code, CODE_OK);
    rig_finalize(&rig, NULL, 0);
    again = rig_block(&rig, tx + 1, 1);
    CHECK(hash_eq(&second, &rig.app_hash), "executed three times");
    rig_close(&rig);
}

static const char *exception(int32_t which, void *q)
{
    struct abci_response res = rig_ask(&rig, which, q);

    return res.which == ABCI_RES_EXCEPTION ? text_of(res.exception->error) : "";
}

TEST(what_must_not_be_asked_is_an_exception)
{
    struct abci_req_finalize_block gap  = { .height = 3 };
    struct abci_req_finalize_block past = { .height = 1 };
    struct abci_req_init_chain     init = {
            .chain_id        = span_str("x"),
            .app_state_bytes = span_str("{\"acounts\":[]}"),
    };
    struct abci_req_commit commit = { 0 };

    rig_open(&rig, 10);
    CHECK_STR(exception(ABCI_REQ_COMMIT, &commit),
              "nothing to commit: FinalizeBlock is missing");
    CHECK_STR(exception(ABCI_REQ_FINALIZE_BLOCK, &gap),
              "block 3 does not come next, 1 does");
    CHECK_STR(exception(ABCI_REQ_INIT_CHAIN, &init),
              "app_state: unknown member \"acounts\" in it; known are accounts,"
              " collections");
    CHECK_STR(exception(ABCI_REQ_FINALIZE_BLOCK, &past),
              "the chain has not begun: InitChain is missing");
    init.chain_id = (struct span){ 0 };
    CHECK_STR(exception(ABCI_REQ_INIT_CHAIN, &init),
              "the chain id must have 1 to 50 bytes");
    rig_init_chain(&rig);
    rig_block(&rig, NULL, 0);
    CHECK_STR(exception(ABCI_REQ_FINALIZE_BLOCK, &past),
              "block 1 does not come next, 2 does");
    CHECK_STR(exception(ABCI_REQ_INIT_CHAIN, &init),
              "the chain began already: block 1 is committed");
    rig_close(&rig);
}

/* ---- determinism ---- */

/* Twenty blocks of everything; a hash over what every node must agree on. */
static struct hash long_run(bool check_first, size_t restart_every)
{
    struct hasher h;
    struct hash   out;

    rig_open(&rig, 5);
    hash_begin(&h);
    for (unsigned b = 0; b < 20; b++) {
        struct abci_res_finalize_block res;
        struct span                    tx[10];

        for (unsigned i = 0; i < COUNT(tx); i++) {
            char              key[16];
            int               who = (b + i) % 3 == 0;
            struct cosmos_any m;

            snprintf(key, sizeof key, "key-%u", (b * 7 + i * 13) % 40);
            m     = i % 4 == 3 ? rig_delete(&rig, who, "open", key, NULL)
                               : rig_put(&rig, who, i % 5 ? "open" : "mine", key,
                                         "{\"a\":1}", NULL);
            tx[i] = rig_tx(&rig, who, m);
            if (check_first)
                rig_check(&rig, tx[i], CHECK_TX_NEW);
        }
        if (restart_every && b && b % restart_every == 0)
            rig_restart(&rig, 5);
        res = rig_block(&rig, tx, COUNT(tx));
        hash_update(&h, res.app_hash);
        for (size_t i = 0; i < COUNT(tx); i++) {
            const struct abci_tx_result *t = &res.tx_results.v[i];

            hash_update(&h, SPAN(&t->code, sizeof t->code));
            hash_update(&h, t->data);
        }
    }
    hash_end(&h, &out);
    rig_close(&rig);
    return out;
}

TEST(results_depend_on_nothing_but_the_blocks)
{
    struct hash first = long_run(false, 0), again;

    /* State and results are frozen: a change here is another chain. */
    CHECK_BYTES(
        hash_span(&first),
        hex_span(
            "529315eb28c3f9213d8a3d43fc72485e2ef2d423a1b2fade55e2a4edfcda3cf6",
            &test_arena));
    again = long_run(true, 0);
    CHECK(hash_eq(&first, &again), "with every signature known before");
    again = long_run(true, 3);
    CHECK(hash_eq(&first, &again), "with restarts");
}
