/* Values and whole answers of the RPC, byte for byte as CometBFT prints. */
#include "test.h"

#include "base/text.h"
#include "model/evidence.h"
#include "rpcjson/evidence.h"
#include "rpcjson/results.h"

static json_t *vectors;

static json_t *forms(void)
{
    if (!vectors)
        vectors = vectors_open("json_forms");
    return vectors;
}

/* Everything that is printed from protobuf bytes alone. */
union value {
    struct header               header;
    struct block                block;
    struct block_meta           block_meta;
    struct commit               commit;
    struct vote                 vote;
    struct proposal             proposal;
    struct validator_set_msg    validator_set;
    struct abci_tx_result       tx_result;
    struct consensus_params_msg params;
};

static void print_header(struct json_writer *w, const void *v)
{
    rj_header(w, v);
}
static void print_block(struct json_writer *w, const void *v)
{
    rj_block(w, v, RJ_EMPTY_NULL);
}
static void print_block_meta(struct json_writer *w, const void *v)
{
    rj_block_meta(w, v);
}
static void print_commit(struct json_writer *w, const void *v)
{
    rj_commit(w, v, RJ_EMPTY_NULL);
}
static void print_vote(struct json_writer *w, const void *v)
{
    rj_vote(w, v);
}
static void print_proposal(struct json_writer *w, const void *v)
{
    rj_proposal(w, v);
}
static void print_validator_set(struct json_writer *w, const void *v)
{
    rj_validator_set(w, v);
}
static void print_tx_result(struct json_writer *w, const void *v)
{
    rj_tx_result(w, v);
}

static const struct form {
    const char           *kind;
    const struct pb_desc *desc;
    void (*print)(struct json_writer *w, const void *v);
} kinds[] = {
    { "header", &header_desc, print_header },
    { "block", &block_desc, print_block },
    { "block_meta", &block_meta_desc, print_block_meta },
    { "commit", &commit_desc, print_commit },
    { "vote", &vote_desc, print_vote },
    { "proposal", &proposal_desc, print_proposal },
    { "validator_set", &validator_set_desc, print_validator_set },
    { "exec_tx_result", &abci_tx_result_desc, print_tx_result },
};

static struct buf         printed;
static struct json_writer writer;

static struct json_writer *begin(void)
{
    buf_fini(&printed);
    buf_init(&printed, 1 << 20);
    jw_init(&writer, &printed, 0);
    return &writer;
}

static void check_text(const json_t *c)
{
    CHECK_STR(buf_cstr(&printed), vec_str(c, "text"), "%s", vec_str(c, "name"));
}

TEST(values_print_as_cometbft_prints_them)
{
    json_t *c;
    size_t  i;

    json_array_foreach(forms(), i, c)
    {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            union value v;

            if (strcmp(kinds[k].kind, vec_str(c, "kind")) != 0)
                continue;
            must(!pb_decode(kinds[k].desc, &v, &test_arena,
                            vec_hex(c, "bytes", &test_arena)));
            kinds[k].print(begin(), &v);
            check_text(c);
        }
    }
}

static const json_t *case_named(const char *name)
{
    json_t *c;
    size_t  i;

    json_array_foreach(forms(), i,
                       c) if (strcmp(vec_str(c, "name"), name) == 0) return c;
    must(!"a case of that name");
    return NULL;
}

static struct span b64(const char *text)
{
    size_t   n, cap = strlen(text) + 3;
    uint8_t *p = arena_alloc(&test_arena, cap);

    must(base64_decode(p, cap, &n, span_str(text)));
    return SPAN(p, n);
}

static void decode_named(const char *name, const struct pb_desc *d, void *out)
{
    must(!pb_decode(d, out, &test_arena,
                    vec_hex(case_named(name), "bytes", &test_arena)));
}

/* These cases hold the messages without their oneof. */
TEST(evidence_prints_with_its_type)
{
    struct duplicate_vote_evidence      d;
    struct light_client_attack_evidence a;
    struct evidence                     e[2] = {
                            { EVIDENCE_DUPLICATE_VOTE, { .duplicate_vote_evidence = &d } },
                            { EVIDENCE_LIGHT_CLIENT, { .light_client_attack_evidence = &a } },
    };
    struct evidence_list l = { .evidence = { e, 2 } };

    decode_named("evidence-duplicate-vote", &duplicate_vote_evidence_desc, &d);
    rj_evidence(begin(), &e[0]);
    check_text(case_named("evidence-duplicate-vote"));
    decode_named("evidence-light-client-attack",
                 &light_client_attack_evidence_desc, &a);
    rj_evidence(begin(), &e[1]);
    check_text(case_named("evidence-light-client-attack"));
    rj_evidence_list(begin(), &l, RJ_EMPTY_LIST);
    check_text(case_named("evidence-list"));
}

static struct stamp stamp_of(const json_t *c, const char *key)
{
    struct stamp t;

    must(stamp_parse(&t, span_str(vec_str(c, key))));
    return t;
}

static struct block_id block_id_of(const json_t *c, const char *key)
{
    const json_t *id    = json_object_get(c, key);
    const json_t *parts = json_object_get(id, "parts");

    return (struct block_id){
        vec_hex(id, "hash", &test_arena),
        { (uint32_t)vec_int(parts, "total"),
          vec_hex(parts, "hash", &test_arena) },
    };
}

static struct header header_of(const json_t *c)
{
    const json_t *version = json_object_get(c, "version");
    struct arena *a       = &test_arena;

    return (struct header){
        .version  = { vec_uint(version, "block"), vec_uint(version, "app") },
        .chain_id = span_str(vec_str(c, "chain_id")),
        .height   = vec_int(c, "height"),
        .time     = stamp_of(c, "time"),
        .last_block_id        = block_id_of(c, "last_block_id"),
        .last_commit_hash     = vec_hex(c, "last_commit_hash", a),
        .data_hash            = vec_hex(c, "data_hash", a),
        .validators_hash      = vec_hex(c, "validators_hash", a),
        .next_validators_hash = vec_hex(c, "next_validators_hash", a),
        .consensus_hash       = vec_hex(c, "consensus_hash", a),
        .app_hash             = vec_hex(c, "app_hash", a),
        .last_results_hash    = vec_hex(c, "last_results_hash", a),
        .evidence_hash        = vec_hex(c, "evidence_hash", a),
        .proposer_address     = vec_hex(c, "proposer_address", a),
    };
}

static struct commit commit_of(const json_t *c)
{
    const json_t      *list = json_object_get(c, "signatures");
    size_t             n    = json_array_size(list);
    struct commit_sig *sigs = arena_newn(&test_arena, struct commit_sig, n);

    for (size_t i = 0; i < n; i++) {
        const json_t *s   = json_array_get(list, i);
        const json_t *sig = json_object_get(s, "signature");

        sigs[i] = (struct commit_sig){
            (int32_t)vec_int(s, "block_id_flag"),
            vec_hex(s, "validator_address", &test_arena),
            stamp_of(s, "timestamp"),
            json_is_null(sig) ? (struct span){ 0 }
                              : b64(json_string_value(sig)),
        };
    }
    return (struct commit){ .height     = vec_int(c, "height"),
                            .round      = (int32_t)vec_int(c, "round"),
                            .block_id   = block_id_of(c, "block_id"),
                            .signatures = { sigs, n } };
}

TEST(a_commit_answer_holds_header_and_commit)
{
    const json_t *c    = case_named("commit-result");
    json_t       *text = json_loads(vec_str(c, "text"), 0, NULL);
    json_t       *sh   = json_object_get(text, "signed_header");
    struct header h    = header_of(json_object_get(sh, "header"));
    struct commit m    = commit_of(json_object_get(sh, "commit"));

    rj_result_commit(begin(), &h, &m, true);
    check_text(c);
    json_decref(text);
}

TEST(a_validators_answer_is_a_page)
{
    struct validator_set_msg s;

    decode_named("validator-set", &validator_set_desc, &s);
    rj_result_validators(begin(), 5, s.validators.v, s.validators.n, 3);
    check_text(case_named("validators-result"));
}

TEST(parameters_print_whole_or_as_an_update)
{
    struct consensus_params_msg m;
    struct params               p;

    decode_named("consensus-params", &consensus_params_desc, &m);
    must(!params_from_msg(&p, &m));
    rj_params(begin(), &p);
    check_text(case_named("consensus-params"));
    rj_result_params(begin(), 5, &p);
    check_text(case_named("consensus-params-result"));

    m = (struct consensus_params_msg){ .block = &(struct block_params){
                                           1048576, 123456 } };
    rj_params_update(begin(), &m);
    CHECK_STR(buf_cstr(&printed), "{\"block\":{\"max_bytes\":\"1048576\","
                                  "\"max_gas\":\"123456\"}}");
}

TEST(block_results_hold_both_forms_of_events)
{
    struct abci_res_finalize_block r = { 0 };
    struct abci_tx_result          results[2];
    const json_t                  *c = case_named("block-results");
    json_t                        *text;

    rj_result_block_results(begin(), 5, &r);
    check_text(case_named("block-results-empty"));

    decode_named("exec-tx-result", &abci_tx_result_desc, &results[0]);
    decode_named("exec-tx-result-zero", &abci_tx_result_desc, &results[1]);
    text           = json_loads(vec_str(c, "text"), 0, NULL);
    r.tx_results.v = results;
    r.tx_results.n = 2;
    r.events.v     = results[0].events.v;
    r.events.n     = results[0].events.n;
    r.app_hash     = b64(vec_str(text, "app_hash"));
    rj_result_block_results(begin(), 5, &r);
    check_text(c);
    json_decref(text);
}

TEST(a_tx_answer_has_a_proof_when_asked_for)
{
    const json_t *c     = case_named("tx-result");
    json_t       *text  = json_loads(vec_str(c, "text"), 0, NULL);
    json_t       *outer = json_object_get(text, "proof");
    json_t       *inner = json_object_get(outer, "proof");
    json_t       *list  = json_object_get(inner, "aunts");
    struct span   aunts[2];
    struct proof  proof = { .total     = vec_int(inner, "total"),
                            .index     = vec_int(inner, "index"),
                            .leaf_hash = b64(vec_str(inner, "leaf_hash")),
                            .aunts     = { aunts, 2 } };
    struct rj_tx  t     = { .hash   = vec_hex(text, "hash", &test_arena),
                            .height = 5,
                            .index  = 1,
                            .tx     = SPAN("b", 1),
                            .root   = vec_hex(outer, "root_hash", &test_arena) };

    for (size_t i = 0; i < 2; i++)
        aunts[i] = b64(json_string_value(json_array_get(list, i)));
    rj_result_tx(begin(), &t);
    check_text(case_named("tx-result-no-proof"));
    decode_named("exec-tx-result", &abci_tx_result_desc, &t.result);
    t.proof = &proof;
    rj_result_tx(begin(), &t);
    check_text(c);
    json_decref(text);
}

TEST(broadcast_and_query_answers)
{
    struct abci_res_check_tx checked = { .code      = 1,
                                         .data      = SPAN("\x01\x02", 2),
                                         .log       = SPAN("l", 1),
                                         .codespace = SPAN("cs", 2) };
    struct abci_res_query    q       = {
                 .code = 1, .key = SPAN("k", 1), .value = SPAN("v", 1), .height = 5
    };
    struct abci_res_query zero = { 0 };

    rj_result_broadcast_tx(begin(), &checked,
                           hex_span("ca978112ca1bbdcafac231b39a23dc4d"
                                    "a786eff8147c4e72b9807785afee48bb",
                                    &test_arena));
    check_text(case_named("broadcast-result"));
    rj_result_query(begin(), &q);
    check_text(case_named("abci-query-result"));
    rj_result_query(begin(), &zero);
    check_text(case_named("abci-query-result-zero"));
}

TEST(forms_that_the_quirks_of_the_rpc_ask_for)
{
    struct abci_attribute a = { .key = SPAN("k", 1) };
    struct abci_event     e = { .type = SPAN("x", 1), .attributes = { &a, 1 } };
    struct abci_tx_result r = { .code = 2, .events = { &e, 1 } };
    struct abci_validator_update u   = { { KEY_ED25519, SPAN("%", 1) }, 12 };
    struct abci_proof_op         op  = { .type = SPAN("t2", 2) };
    struct abci_proof_ops        ops = { { &op, 1 } };
    struct abci_res_query        q   = { .proof_ops = &ops };
    struct block block               = { .last_commit = &(struct commit){ 0 } };

    rj_tx_result_plain(begin(), &r);
    CHECK_STR(buf_cstr(&printed),
              "{\"code\":2,\"events\":[{\"type\":\"x\",\"attributes\":"
              "[{\"key\":\"k\",\"value\":\"\",\"index\":false}]}]}");
    rj_validator_updates(begin(), &u, 1);
    CHECK_STR(buf_cstr(&printed),
              "[{\"pub_key\":{\"Sum\":{\"type\":"
              "\"tendermint.crypto.PublicKey_Ed25519\","
              "\"value\":{\"ed25519\":\"JQ==\"}}},\"power\":\"12\"}]");
    rj_query(begin(), &q);
    CHECK(strstr(buf_cstr(&printed),
                 "\"proofOps\":{\"ops\":[{\"type\":\"t2\",\"key\":null,"
                 "\"data\":null}]}") != NULL,
          "%s", buf_cstr(&printed));
    rj_block(begin(), &block, RJ_EMPTY_LIST);
    CHECK(strstr(buf_cstr(&printed),
                 "\"data\":{\"txs\":[]},\"evidence\":{\"evidence\":[]},"
                 "\"last_commit\":{\"height\":\"0\",\"round\":0,\"block_id\":"
                 "{\"hash\":\"\",\"parts\":{\"total\":0,\"hash\":\"\"}},"
                 "\"signatures\":[]}") != NULL,
          "%s", buf_cstr(&printed));
}

/* ---- evidence, there and back ---- */

static void check_read_again(const char *name, const struct evidence *e)
{
    struct json_writer w;
    struct evidence    again;
    struct buf         out, error;
    char               text[512];

    buf_init(&out, 1 << 20);
    buf_use(&error, text, sizeof text);
    jw_init(&w, &out, 0);
    rj_evidence(&w, e);
    CHECK(rj_evidence_read(&again, buf_span(&out), &test_arena, &error),
          "%s: %.*s", name, (int)error.len, text);
    CHECK_EQ(again.which, e->which, "%s", name);
    CHECK_BYTES(evidence_bytes(&again, &test_arena),
                evidence_bytes(e, &test_arena), "%s", name);
    buf_fini(&out);
}

TEST(evidence_is_read_as_it_is_printed)
{
    json_t *c, *all = vectors_open("evidence");
    size_t  i, n    = 0;

    json_array_foreach(all, i, c)
    {
        struct evidence e;
        const char     *hex =
            json_string_value(json_object_get(c, "wrapped_bytes"));
        struct span s     = span_str(hex ? hex : "");
        uint8_t    *bytes = arena_alloc(&test_arena, s.n / 2 + 1);

        if (!hex || !hex_decode(bytes, s.n / 2, s) ||
            pb_decode(&evidence_desc, &e, &test_arena, SPAN(bytes, s.n / 2)) !=
                ACCEPT ||
            evidence_validate(&e, &test_arena) != ACCEPT)
            continue;
        check_read_again(json_string_value(json_object_get(c, "name")), &e);
        n++;
    }
    json_decref(all);
    CHECK(n > 10, "%d were read", (int)n);
}

TEST(what_is_no_evidence_is_refused_with_a_reason)
{
    static const struct {
        const char *text, *why; /* NULL: it is read */
    } cases[] = {
        { "null", NULL },
        { "{\"type\":\"tendermint/DuplicateVoteEvidence\",\"value\":{}}",
          NULL },
        { "{\"type\":\"tendermint/LightClientAttackEvidence\",\"value\":{"
          "\"ConflictingBlock\":{\"signed_header\":null}}}",
          NULL },
        { "{\"type\":\"x\",\"value\":{}}", "unknown type \"x\"" },
        { "{\"value\":{}}", "interface type cannot be empty" },
        { "[]", "json: cannot unmarshal array into Go value of type "
                "json.interfaceWrapper" },
        { "7", "json: cannot unmarshal number into Go value of type "
               "json.interfaceWrapper" },
        { "{\"type\":7}", "json: cannot unmarshal number into Go struct field "
                          "interfaceWrapper.type of type string" },
        { "{\"type\":\"tendermint/DuplicateVoteEvidence\",\"value\":3}",
          "json: cannot unmarshal value of evidence" },
        { "{\"type\":\"tendermint/DuplicateVoteEvidence\",\"value\":{"
          "\"vote_a\":{\"height\":5}}}",
          "json: cannot unmarshal height of evidence" },
        { "{\"type\":\"tendermint/DuplicateVoteEvidence\",\"value\":{"
          "\"vote_a\":{\"round\":4294967296}}}",
          "json: cannot unmarshal round of evidence" },
        { "{\"type\":\"tendermint/LightClientAttackEvidence\",\"value\":{"
          "\"ByzantineValidators\":[7]}}",
          "json: cannot unmarshal validators of evidence" },
        { "{\"type\":\"tendermint/LightClientAttackEvidence\",\"value\":{"
          "\"ConflictingBlock\":{\"signed_header\":{\"commit\":{"
          "\"signatures\":{}}}}}}",
          "json: cannot unmarshal signatures of evidence" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct evidence e;
        char            text[512];
        struct buf      error;
        bool            is_read;

        buf_use(&error, text, sizeof text);
        is_read =
            rj_evidence_read(&e, span_str(cases[i].text), &test_arena, &error);
        CHECK_EQ(is_read, cases[i].why == NULL, "%s", cases[i].text);
        if (cases[i].why)
            CHECK_BYTES(buf_span(&error), span_str(cases[i].why), "%s",
                        cases[i].text);
    }
}
