/* The first state: what app_state may say, and what it is told otherwise. */
#include "test.h"

#include "crypto/key.h"
#include "ledger/genesis.h"

#define ADDR_0 "warren1hts2e2msu6940fsnwd3m5756v02lztt9m7nh83"
#define KEY_0  "A3I3ZHDMgweaoFQElByL82sXY2LG3OWjpBOaz1sEFd4V"
#define ADDR_1 "warren1v8tr996pdt6dyn4n5hde3wfru3zwz5ywsme2av"
#define KEY_1  "sCfKjacHYMN6T8G/sjrQ2yLkEoKntZ+yhbenpvlfXY4="

#define ACCOUNT_0                                                              \
    "{\"address\":\"" ADDR_0 "\",\"pub_key\":{\"type\":\"secp256k1\","         \
    "\"value\":\"" KEY_0 "\"},\"org\":\"carrier\"}"
#define ACCOUNT_1                                                              \
    "{\"address\":\"" ADDR_1 "\",\"pub_key\":{\"type\":\"ed25519\","           \
    "\"value\":\"" KEY_1 "\"}}"

static bool nothing(void *ctx, enum ledger_store store, struct span key,
                    struct span *value)
{
    UNUSED(ctx);
    UNUSED(store);
    UNUSED(key);
    UNUSED(value);
    return false;
}

static const struct ledger_db empty_db = { .get = nothing };

static struct changes changes;

static const char *apply(const char *text)
{
    struct ledger_view v = { &empty_db, &changes };

    arena_reset(&test_arena);
    changes_init(&changes, &test_arena);
    return genesis_apply(&v, span_str(text), &test_arena);
}

TEST(a_genesis_makes_accounts_and_collections)
{
    struct ledger_view       v = { &empty_db, &changes };
    struct ledger_account    account;
    struct ledger_collection c;
    uint8_t                  address[ADDRESS_BYTES];

    CHECK(apply("{\"accounts\":[" ACCOUNT_0 "," ACCOUNT_1 "],\"collections\":["
                "{\"name\":\"a\",\"writers\":\"*\"},"
                "{\"name\":\"b\",\"writers\":[\"" ADDR_1 "\"]},"
                "{\"name\":\"c\"}]}") == NULL);
    must(account_address_parse(address, span_str(ADDR_0)));
    CHECK(account_load(&account, &v, SPAN_OF(address), &test_arena));
    CHECK(account.account_number == 0 && account.sequence == 0 &&
              account.key_type == KEY_TYPE_SECP256K1,
          "the first account");
    CHECK_BYTES(account.org, span_str("carrier"));
    must(account_address_parse(address, span_str(ADDR_1)));
    CHECK(account_load(&account, &v, SPAN_OF(address), &test_arena));
    CHECK(account.account_number == 1 && account.key_type == KEY_TYPE_ED25519 &&
              account.org.n == 0,
          "the second account");
    CHECK(collection_load(&c, &v, span_str("a"), &test_arena) && c.is_open);
    CHECK(collection_load(&c, &v, span_str("b"), &test_arena) && !c.is_open);
    CHECK_EQ(c.writers.n, 1);
    CHECK_BYTES(c.writers.v[0], SPAN_OF(address));
    CHECK(collection_load(&c, &v, span_str("c"), &test_arena) &&
              c.writers.n == 0,
          "nobody may write");
}

TEST(a_genesis_without_text_is_a_ledger_without_accounts)
{
    static const char *const cases[] = { "", "{}", "{\"accounts\":[]}" };
    struct ledger_view       v       = { &empty_db, &changes };
    struct span              value;

    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(apply(cases[i]) == NULL, "%s", cases[i]);
        for (int s = 0; s < LEDGER_TREES; s++)
            CHECK(view_get(&v, (enum ledger_store)s, span_str(FORMAT_KEY),
                           &value),
                  "a store is never empty");
    }
}

TEST(what_a_genesis_may_not_say_is_named)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "[]", "app_state: it must be an object" },
        { "{\"acounts\":[]}", "app_state: unknown member \"acounts\" in it;"
                              " known are accounts, collections" },
        { "{\"accounts\":{}}",
          "app_state: accounts must be a list of at most 1048576" },
        { "{\"accounts\":[1]}",
          "app_state.accounts[0]: an account must be an object" },
        { "{\"accounts\":[" ACCOUNT_0 ",{}]}",
          "app_state.accounts[1]: a value is not an address (warren1..., 20"
          " bytes)" },
        { "{\"accounts\":[{\"address\":\"cosmos1x\"}]}",
          "app_state.accounts[0]: cosmos1x is not an address (warren1..., 20"
          " bytes)" },
        { "{\"accounts\":[{\"address\":\"" ADDR_0 "\",\"name\":\"x\"}]}",
          "app_state.accounts[0]: unknown member \"name\" in an account; known"
          " are address, pub_key, org" },
        { "{\"accounts\":[{\"address\":\"" ADDR_0 "\"}]}",
          "app_state.accounts[0]: pub_key must be an object" },
        { "{\"accounts\":[{\"address\":\"" ADDR_0
          "\",\"pub_key\":{\"type\":\"rsa\",\"value\":\"" KEY_0 "\"}}]}",
          "app_state.accounts[0]: pub_key.type must be secp256k1 or ed25519" },
        { "{\"accounts\":[{\"address\":\"" ADDR_0
          "\",\"pub_key\":{\"type\":\"ed25519\",\"value\":\"" KEY_0 "\"}}]}",
          "app_state.accounts[0]: pub_key.value is not the base64 of a ed25519"
          " key" },
        { "{\"accounts\":[{\"address\":\"" ADDR_0
          "\",\"pub_key\":{\"type\":\"ed25519\",\"value\":\"" KEY_1 "\"}}]}",
          "app_state.accounts[0]: address is not that of pub_key" },
        { "{\"accounts\":[" ACCOUNT_0 "," ACCOUNT_0 "]}",
          "app_state.accounts[1]: the address stands twice" },
        { "{\"collections\":[{\"name\":\"A\"}]}",
          "app_state.collections[0]: name must be 1 to 64 of a-z 0-9 . _ -" },
        { "{\"collections\":[{}]}",
          "app_state.collections[0]: name must be 1 to 64 of a-z 0-9 . _ -" },
        { "{\"collections\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
          "app_state.collections[1]: the name \"a\" stands twice" },
        { "{\"collections\":[{\"name\":\"a\",\"writers\":\"all\"}]}",
          "app_state.collections[0]: writers must be \"*\" or a list of at"
          " most 1000 addresses" },
        { "{\"collections\":[{\"name\":\"a\",\"writers\":[\"all\"]}]}",
          "app_state.collections[0]: all is not an address (warren1..., 20"
          " bytes)" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(apply(cases[i].text), cases[i].why, "%s", cases[i].text);
    CHECK(apply("{\"accounts\":[],\"accounts\":[]}") != NULL, "a member twice");
    CHECK(apply("{") != NULL, "no JSON");
}
