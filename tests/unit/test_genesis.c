/* genesis.json and the key files, in CometBFT's own forms. */
#include "test.h"

#include "model/genesis.h"

static void each(const char *kind, void (*fn)(const json_t *c))
{
    json_t *all = vectors_open("json_forms"), *c;
    size_t  i, n = 0;

    crypto_setup();
    json_array_foreach(all, i, c)
    {
        if (strcmp(vec_str(c, "kind"), kind) != 0)
            continue;
        arena_reset(&test_arena);
        fn(c);
        n++;
    }
    CHECK(n > 0, "%s has no case", kind);
    json_decref(all);
}

static struct span text_of(const json_t *c)
{
    return span_str(vec_str(c, "text"));
}

/* ---- genesis ---- */

static void check_set_hash(const json_t *c, const struct genesis *g)
{
    struct validators set;
    struct hash       h;

    must(!validators_new(&set, g->validators, g->validator_count, &test_arena));
    validators_hash(&h, &set);
    CHECK_BYTES(hash_span(&h), vec_hex(c, "validator_set_hash", &test_arena),
                "%s: validators", vec_str(c, "name"));
}

static void check_completed(const json_t *c, const struct genesis *g)
{
    struct buf         out;
    struct json_writer w;
    const char        *name = vec_str(c, "name");

    if (stamp_is_zero(g->time)) {
        CHECK(!vec_has(c, "completed"), "%s: the clock decides", name);
        return;
    }
    buf_init(&out, 1 << 20);
    jw_init(&w, &out, 0);
    genesis_write(&w, g);
    CHECK_STR(buf_cstr(&out), vec_str(c, "completed"), "%s: completed", name);
    if (strstr(name, "genesis-saved")) {
        buf_clear(&out);
        genesis_print(&out, g);
        CHECK_STR(buf_cstr(&out), vec_str(c, "text"), "%s: saved", name);
    }
    buf_fini(&out);
}

static void check_genesis(const json_t *c)
{
    const char *name = vec_str(c, "name"), *why = "";
    bool        want = vec_bool(c, "ok") && !vec_has(c, "validator_set_error");
    struct genesis g;
    struct hash    h;
    enum reject    r = genesis_parse(&g, text_of(c), &test_arena, &why);

    if (!CHECK_EQ(r == ACCEPT, want, "%s: %s", name, why) || r)
        return;
    CHECK_EQ(g.initial_height, vec_int(c, "initial_height"), "%s", name);
    CHECK_BYTES(g.app_state, vec_hex(c, "app_state_hex", &test_arena),
                "%s: app_state", name);
    params_hash(&h, &g.params);
    CHECK_BYTES(hash_span(&h), vec_hex(c, "params_hash", &test_arena),
                "%s: params", name);
    check_set_hash(c, &g);
    check_completed(c, &g);
}

TEST(genesis_texts_get_cometbfts_verdicts)
{
    each("genesis_text", check_genesis);
}

#define KEY_A                                                                  \
    "{\"type\":\"tendermint/PubKeyEd25519\","                                  \
    "\"value\":\"8boKBH+L+WelFM3EuP35SIQ6CzfczlXbrwjhvSgRyhQ=\"}"
#define KEY_B                                                                  \
    "{\"type\":\"tendermint/PubKeyEd25519\","                                  \
    "\"value\":\"k7g7evylTwFu67MFRa1GcyAxV2pzv8pHyVF+78U6Th8=\"}"
#define VALS(list) "{\"chain_id\":\"c\",\"validators\":[" list "]}"

TEST(a_refusal_names_place_found_and_expected)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "{\"chain_id\":\"a\",\"chain_id\":\"b\"}", "duplicate" },
        { "{\"chain_id\":\"a\\n\"}", "chain_id: found a control character" },
        { "{\"chain_id\":5}", "chain_id: expected a string" },
        { "{\"chain_id\":\"c\",\"initial_height\":\"01\"}",
          "initial_height: found \"01\"" },
        { VALS("{\"pub_key\":" KEY_A ",\"power\":\"-5\"}"),
          "validators[0].power: found \"-5\", expected 1 or more" },
        { VALS("{\"pub_key\":" KEY_A ",\"power\":\"1\"},"
               "{\"pub_key\":" KEY_B ",\"power\":\"1\"},"
               "{\"pub_key\":" KEY_A ",\"power\":\"1\"}"),
          "validators[2]: the same key as validators[0]" },
        { VALS("{\"pub_key\":" KEY_A ",\"power\":\"1152921504606846975\"},"
               "{\"pub_key\":" KEY_B ",\"power\":\"1\"}"),
          "validators[1].power: the total is above" },
        { VALS("{\"power\":\"1\"}"), "validators[0].pub_key: expected" },
        { VALS("{\"pub_key\":{\"type\":\"tendermint/PubKeyEd25519\","
               "\"value\":\"AAAA\"},\"power\":\"1\"}"),
          "validators[0].pub_key.value: found 3 bytes, expected 32" },
        { "{\"chain_id\":\"c\",\"consensus_params\":{\"block\":"
          "{\"max_bytes\":\"1\",\"max_gas\":\"-2\"}}}",
          "consensus_params.block.max_gas: expected" },
        { "[]", "expected {...}" },
        { "{\"chain_id\":\"c\"} {}", "line 1" },
    };

    crypto_setup();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct genesis g;
        const char    *why = "";

        CHECK(genesis_parse(&g, span_str(cases[i].text), &test_arena, &why),
              "%s", cases[i].text);
        CHECK(strstr(why, cases[i].why) != NULL, "got \"%s\", want \"%s\"", why,
              cases[i].why);
    }
}

/* ---- key files ---- */

static void check_node_key(const json_t *c)
{
    const char    *name = vec_str(c, "name"), *why = "";
    struct privkey k;
    struct pubkey  pub;
    uint8_t        id[ADDRESS_BYTES];
    struct buf     out;

    if (!CHECK_EQ(node_key_parse(&k, text_of(c), &why), ACCEPT, "%s: %s", name,
                  why))
        return;
    CHECK_BYTES(SPAN(k.b, 64), vec_hex(c, "priv_key", &test_arena), "%s", name);
    privkey_public(&pub, &k);
    pubkey_address(id, &pub);
    CHECK_BYTES(SPAN_OF(id), vec_hex(c, "node_id", &test_arena), "%s", name);
    buf_init(&out, 4096);
    node_key_print(&out, &k);
    CHECK_STR(buf_cstr(&out), vec_str(c, "text"), "%s", name);
    buf_fini(&out);
}

TEST(node_keys_are_read_and_printed)
{
    each("node_key", check_node_key);
}

static void check_validator_key(const json_t *c)
{
    const char    *name = vec_str(c, "name"), *why = "";
    struct span    want = vec_hex(c, "priv_key", &test_arena);
    struct privkey k;
    struct buf     out;

    if (!CHECK_EQ(validator_key_parse(&k, text_of(c), &why), ACCEPT, "%s: %s",
                  name, why))
        return;
    CHECK_BYTES(SPAN(k.b, want.n), want, "%s", name);
    buf_init(&out, 4096);
    validator_key_print(&out, &k);
    CHECK_STR(buf_cstr(&out), vec_str(c, "text"), "%s", name);
    buf_fini(&out);
}

TEST(validator_keys_are_read_and_printed)
{
    each("priv_validator_key", check_validator_key);
}

static void check_state(const json_t *c)
{
    const char       *name = vec_str(c, "name"), *why = "";
    struct sign_state s;
    struct buf        out;

    if (!CHECK_EQ(sign_state_parse(&s, text_of(c), &test_arena, &why), ACCEPT,
                  "%s: %s", name, why))
        return;
    if (vec_has(c, "height")) {
        CHECK_EQ(s.height, vec_int(c, "height"), "%s", name);
        CHECK_EQ(s.round, vec_int(c, "round"), "%s", name);
        CHECK_EQ(s.step, vec_int(c, "step"), "%s", name);
        CHECK_BYTES(s.signature, vec_hex(c, "signature", &test_arena), "%s",
                    name);
        CHECK_BYTES(s.sign_bytes, vec_hex(c, "sign_bytes", &test_arena), "%s",
                    name);
    }
    buf_init(&out, 4096);
    sign_state_print(&out, &s);
    CHECK_STR(buf_cstr(&out), vec_str(c, "text"), "%s", name);
    buf_fini(&out);
}

TEST(sign_states_are_read_and_printed)
{
    each("priv_validator_state", check_state);
}

#define PRIV_A                                                                 \
    "\"priv_key\":{\"type\":\"tendermint/PrivKeyEd25519\",\"value\":"          \
    "\"epf1AxsyIJKg3xNwVleQGH6hAoINZENfxbPPINQIqnzxugoEf4v5Z6UUzcS4/"          \
    "flIhDoLN9zOVduvCOG9KBHKFA==\"}"

TEST(keys_that_do_not_fit_together_are_refused)
{
    static const char *const bad_validator_keys[] = {
        "{" PRIV_A "}",
        "{\"address\":\"5C32F4B6CE8E07A1BCDA669D3C4B76E0AB133D4A\"," PRIV_A "}",
        "{\"address\":\"41828988B19D22515DAC1C6BE349228B7E94A84F\","
        "\"pub_key\":" KEY_A "," PRIV_A "}",
        "{\"address\":\"5C32F4B6CE8E07A1BCDA669D3C4B76E0AB133D4A\","
        "\"pub_key\":" KEY_B "," PRIV_A "}",
        "{\"address\":\"5C32F4B6CE8E07A1BCDA669D3C4B76E0AB133D4A\","
        "\"pub_key\":" KEY_A "," PRIV_A "," PRIV_A "}",
        "",
    };
    static const char *const bad_node_keys[] = {
        ("{\"priv_key\":{\"type\":\"tendermint/PrivKeyEd25519\",\"value\":"
         "\"epf1AxsyIJKg3xNwVleQGH6hAoINZENfxbPPINQIqnzxugoEf4v5Z6UUzcS4/"
         "flIhDoLN9zOVduvCOG9KBHKFQ==\"}}"),
        ("{\"priv_key\":{\"type\":\"tendermint/PrivKeySecp256k1\",\"value\":"
         "\"2rZvNrHx3+6G2CsKKuEBXm1ttQeogRNsXCkcltm4qKc=\"}}"),
        "{\"priv_key\":{\"type\":\"other\",\"value\":\"AA==\"}}",
        "{\"priv_key\":{\"type\":\"tendermint/PrivKeyEd25519\",\"value\":5}}",
        "{}",
    };
    struct privkey k;
    const char    *why;

    crypto_setup();
    for (size_t i = 0; i < COUNT(bad_validator_keys); i++)
        CHECK(validator_key_parse(&k, span_str(bad_validator_keys[i]), &why),
              "%s", bad_validator_keys[i]);
    for (size_t i = 0; i < COUNT(bad_node_keys); i++)
        CHECK(node_key_parse(&k, span_str(bad_node_keys[i]), &why), "%s",
              bad_node_keys[i]);
}

TEST(a_sign_state_must_be_whole)
{
    static const char *const bad[] = {
        "{}",
        "{\"height\":\"1\",\"round\":0}",
        "{\"height\":1,\"round\":0,\"step\":0}",
        "{\"height\":\"-1\",\"round\":0,\"step\":0}",
        "{\"height\":\"1\",\"round\":-1,\"step\":0}",
        "{\"height\":\"1\",\"round\":0,\"step\":4}",
        "{\"height\":\"1\",\"round\":0,\"step\":1,\"signature\":\"AA==\"}",
        "{\"height\":\"1\",\"round\":0,\"step\":1,\"signbytes\":\"AA\"}",
        "{\"height\":\"1\",\"height\":\"2\",\"round\":0,\"step\":1}",
        "{\"height\":\"1\",\"round\":0,\"step\":1",
    };
    struct sign_state s;
    const char       *why;

    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(sign_state_parse(&s, span_str(bad[i]), &test_arena, &why), "%s",
              bad[i]);
}
