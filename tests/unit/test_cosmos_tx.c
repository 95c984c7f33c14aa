/* Transactions: the verdicts of the Cosmos SDK's decoder and ante handlers
 * on valid and mutated bytes. */
#include "test.h"

#include "cosmos/keys.h"
#include "cosmos/tx.h"
#include "crypto/bech32.h"

static json_t *vectors;

static const json_t *list(const char *name)
{
    if (!vectors)
        vectors = vectors_open("ledger/tx");
    crypto_setup();
    return json_object_get(vectors, name);
}

/* ---- the messages that the vectors use ---- */

struct msg_send {
    struct span from, to;
    LIST(struct cosmos_coin) amount;
};
PB_DESC(msg_send_desc, struct msg_send,
        PB_FIELD(struct msg_send, 1, from, PB_STRING),
        PB_FIELD(struct msg_send, 2, to, PB_STRING),
        PB_SUBS(struct msg_send, 3, amount, cosmos_coin_desc, 0));

struct msg_exec {
    struct span grantee;
    LIST(struct cosmos_any) msgs;
};
PB_DESC(msg_exec_desc, struct msg_exec,
        PB_FIELD(struct msg_exec, 1, grantee, PB_STRING),
        PB_SUBS(struct msg_exec, 2, msgs, cosmos_any_desc, 0));

struct msg_put {
    struct span signer, collection, key, value;
};
PB_DESC(msg_put_desc, struct msg_put,
        PB_FIELD(struct msg_put, 1, signer, PB_STRING),
        PB_FIELD(struct msg_put, 2, collection, PB_STRING),
        PB_FIELD(struct msg_put, 3, key, PB_BYTES),
        PB_FIELD(struct msg_put, 4, value, PB_BYTES));

#define SEND_URL "/cosmos.bank.v1beta1.MsgSend"
#define EXEC_URL "/cosmos.authz.v1beta1.MsgExec"
#define PUT_URL  "/warren.ledger.v1.MsgPut"

static const struct cosmos_type types[] = {
    { SEND_URL, &msg_send_desc, 1 },
    { EXEC_URL, &msg_exec_desc, 1 },
    { PUT_URL, &msg_put_desc, 1 },
};
enum { KNOWN_TO_THE_LIBRARY = 2 };

static struct cosmos_rules rules_for(const char *prefix, size_t type_count)
{
    return (struct cosmos_rules){
        .prefix         = prefix,
        .chain_id       = span_str("warren-1"),
        .types          = types,
        .type_count     = type_count,
        .tx_bytes_max   = 1 << 20,
        .messages_max   = 256,
        .memo_bytes_max = 256,
        .signers_max    = 7,
    };
}

/* ---- the state that every verdict assumes ---- */

static bool find_account(struct cosmos_account *out, const struct tx_signer *s)
{
    const json_t *c;
    size_t        i;

    json_array_foreach((json_t *)(uintptr_t)list("accounts"), i, c)
    {
        uint8_t        address[255];
        size_t         n;
        struct pubkey *key = arena_new(&test_arena, struct pubkey);

        must(bech32_address_decode(address, &n, "warren",
                                   span_str(vec_str(c, "address"))));
        if (!span_eq(SPAN(address, n), SPAN(s->address, s->address_n)))
            continue;
        must(pubkey_make(key,
                         strcmp(vec_str(c, "type"), "ed25519") == 0
                             ? KEY_TYPE_ED25519
                             : KEY_TYPE_SECP256K1,
                         vec_hex(c, "pubkey", &test_arena)));
        *out = (struct cosmos_account){ vec_uint(c, "account_number"),
                                        vec_uint(c, "sequence"), key,
                                        vec_bool(c, "key_stored") };
        return true;
    }
    return false;
}

enum { HEIGHT = 10 };

static bool passes(struct cosmos_tx *tx, struct span bytes,
                   const struct cosmos_rules *rules, bool is_simulation,
                   struct cosmos_fault *why)
{
    struct arena *a = &test_arena;

    *why = (struct cosmos_fault){ 0 };
    if (!cosmos_tx_decode(tx, bytes, rules, a, why) ||
        !cosmos_tx_check(tx, rules, HEIGHT, is_simulation, a, why))
        return false;
    for (size_t i = 0; i < tx->signer_count; i++) {
        struct cosmos_account account;

        if (!find_account(&account, &tx->signers[i])) {
            strcpy(why->log, "no account");
            return false;
        }
        if (!cosmos_tx_check_signer(tx, i, &account, is_simulation, why))
            return false;
        if (!is_simulation &&
            !cosmos_tx_verify(tx, i, account.number, rules->chain_id, a, why))
            return false;
    }
    return true;
}

TEST(mutated_transactions_get_the_librarys_verdicts)
{
    struct cosmos_rules rules = rules_for("warren", KNOWN_TO_THE_LIBRARY);
    size_t              i;
    const json_t       *c;

    json_array_foreach((json_t *)(uintptr_t)list("verdicts"), i, c)
    {
        const char         *name = vec_str(c, "name");
        struct cosmos_fault why;
        struct cosmos_tx    tx;
        bool                got;

        arena_reset(&test_arena);
        got = passes(&tx, vec_hex(c, "tx", &test_arena), &rules, false, &why);
        CHECK_EQ(got, vec_bool(c, "ok"), "%s: %s", name, why.log);
        CHECK(got || why.log[0], "%s: a refusal says why", name);
    }
}

/* Of what the library passes, these hold one signature under two hashes. */
static bool has_two_hashes(const char *name)
{
    static const char *const names[] = {
        "body twice",
        "auth info twice",
        "an empty body first, then the body",
        "padded tag of the body",
        "padded tag of the signature",
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

TEST(a_transaction_has_one_canonical_form)
{
    size_t        i, found = 0;
    const json_t *c;

    json_array_foreach((json_t *)(uintptr_t)list("verdicts"), i, c)
    {
        const char         *name = vec_str(c, "name");
        bool                two  = has_two_hashes(name);
        struct cosmos_fault why  = { 0 };

        arena_reset(&test_arena);
        found += two;
        if (vec_bool(c, "ok"))
            CHECK_EQ(
                cosmos_tx_is_canonical(vec_hex(c, "tx", &test_arena), &why),
                !two, "%s: %s", name, why.log);
    }
    CHECK_EQ(found, 5, "cases where one signature has two hashes");
}

/* ---- valid transactions ---- */

static void check_messages(const json_t *c, const struct cosmos_tx *tx)
{
    const json_t *want = json_object_get(c, "messages");

    CHECK_EQ(tx->body.messages.n, json_array_size(want), "%s",
             vec_str(c, "name"));
    for (size_t i = 0; i < tx->body.messages.n; i++) {
        const json_t *m = json_array_get(want, i);

        CHECK_BYTES(tx->body.messages.v[i].type_url,
                    span_str(vec_str(m, "type_url")), "%s", vec_str(c, "name"));
        CHECK_BYTES(tx->body.messages.v[i].value,
                    vec_hex(m, "value", &test_arena), "%s", vec_str(c, "name"));
    }
}

static void check_signers(const json_t *c, const struct cosmos_tx *tx,
                          bool has_keys)
{
    const json_t *want = json_object_get(c, "signers");
    const char   *name = vec_str(c, "name");

    CHECK_EQ(tx->signer_count, json_array_size(want), "%s", name);
    for (size_t i = 0; i < tx->signer_count; i++) {
        const json_t       *s = json_array_get(want, i);
        struct cosmos_fault why;
        uint64_t            number = vec_uint(s, "account_number");
        struct span         chain  = span_str(vec_str(c, "chain_id"));

        CHECK_BYTES(cosmos_sign_doc(tx->raw.body_bytes, tx->raw.auth_info_bytes,
                                    chain, number, &test_arena),
                    vec_hex(s, "sign_doc", &test_arena), "%s", name);
        CHECK_BYTES(tx->signers[i].signature,
                    vec_hex(s, "signature", &test_arena), "%s", name);
        CHECK_EQ(tx->signers[i].info->sequence, vec_uint(s, "sequence"), "%s",
                 name);
        if (!has_keys)
            continue;
        CHECK_BYTES(pubkey_span(&tx->signers[i].key),
                    vec_hex(s, "pubkey", &test_arena), "%s", name);
        CHECK_EQ(cosmos_tx_verify(tx, i, number, chain, &test_arena, &why),
                 vec_bool(s, "signature_valid"), "%s: %s", name, why.log);
    }
}

/* The key of a name such as "secp256k1 key 0": see keys.json. */
static void key_of(struct privkey *k, const char *name, enum key_type type)
{
    struct hash h;

    sha256(&h, span_str(name));
    for (int i = 31; type == KEY_TYPE_SECP256K1 && ++h.b[i] == 0; i--)
        must(i > 0);
    must(privkey_from_seed(k, type, hash_span(&h)));
}

/* Made again from its parts and keys, it is the same transaction. */
static void check_rebuilt(const json_t *c, const struct cosmos_tx *tx)
{
    const json_t       *names = json_object_get(c, "signers");
    struct privkey      keys[7];
    struct draft_signer signers[7];
    struct tx_draft     draft = {
            .messages       = tx->body.messages.v,
            .message_count  = tx->body.messages.n,
            .memo           = tx->body.memo,
            .timeout_height = tx->body.timeout_height,
            .fee            = *tx->auth.fee,
    };

    for (size_t i = 0; i < tx->signer_count; i++) {
        const json_t *s = json_array_get(names, i);

        key_of(&keys[i], vec_str(s, "key"), tx->signers[i].key.type);
        signers[i] = (struct draft_signer){ &keys[i], tx->signers[i].key,
                                            vec_uint(s, "account_number"),
                                            vec_uint(s, "sequence") };
    }
    CHECK_BYTES(cosmos_tx_build(&draft, signers, tx->signer_count,
                                span_str(vec_str(c, "chain_id")), &test_arena),
                tx->bytes, "%s: built again", vec_str(c, "name"));
}

static void check_valid(const json_t *c)
{
    const char         *name  = vec_str(c, "name");
    struct cosmos_rules rules = rules_for(vec_str(c, "prefix"), COUNT(types));
    bool                has_keys = strstr(name, "public key left out") == NULL;
    bool                is_extended = strstr(name, "extension option") != NULL;
    struct cosmos_fault why;
    struct cosmos_tx    tx;
    struct span         in = vec_hex(c, "tx", &test_arena);
    /* Application messages are known to us, unlike to the library. */
    bool want = vec_bool(c, "ok") || strstr(name, "application message");

    CHECK_EQ(passes(&tx, in, &rules, false, &why), want, "%s: %s", name,
             why.log);
    CHECK_BYTES(hash_span(&tx.hash), vec_hex(c, "tx_hash", &test_arena), "%s",
                name);
    CHECK_BYTES(tx.raw.body_bytes, vec_hex(c, "body_bytes", &test_arena), "%s",
                name);
    CHECK_BYTES(tx.raw.auth_info_bytes,
                vec_hex(c, "auth_info_bytes", &test_arena), "%s", name);
    if (is_extended)
        return;
    check_messages(c, &tx);
    if (!has_keys) { /* a simulation finds the signers all the same */
        CHECK(cosmos_tx_check(&tx, &rules, HEIGHT, true, &test_arena, &why),
              "%s: %s", name, why.log);
    }
    check_signers(c, &tx, has_keys);
    if (has_keys)
        check_rebuilt(c, &tx);
}

TEST(valid_transactions_are_read_verified_and_made_again)
{
    const json_t *c;
    size_t        i;

    json_array_foreach((json_t *)(uintptr_t)list("valid"), i, c)
    {
        arena_reset(&test_arena);
        check_valid(c);
    }
}

/* ---- nesting ---- */

/* The body of the recipe: depth times MsgExec around width MsgSends.  Each
 * level is encoded into the arena that the level before does not use. */
static struct cosmos_any nested(const struct cosmos_any *innermost,
                                struct arena level[2], size_t depth,
                                size_t width)
{
    struct cosmos_any *inner =
        arena_newn(&test_arena, struct cosmos_any, width);
    struct msg_send   send;
    struct cosmos_any any = *innermost;

    must(!pb_decode(&msg_send_desc, &send, &test_arena, innermost->value));
    for (size_t i = 0; i < width; i++)
        inner[i] = *innermost;
    for (size_t i = 0; i < depth; i++) {
        struct msg_exec exec = { .grantee = send.from, .msgs = { &any, 1 } };
        struct span     value;

        if (i == 0) {
            exec.msgs.v = inner;
            exec.msgs.n = width;
        }
        arena_reset(&level[i % 2]);
        value = pb_encode(&msg_exec_desc, &exec, &level[i % 2]);
        must(value.p);
        any = (struct cosmos_any){ span_str(EXEC_URL), value };
    }
    return any;
}

TEST(nesting_is_refused_where_the_library_refuses_it)
{
    struct cosmos_rules rules = rules_for("warren", KNOWN_TO_THE_LIBRARY);
    const json_t       *all   = list("nested"), *c;
    struct cosmos_fault why;
    struct cosmos_tx    first, tx;
    struct msg_exec     exec;
    struct arena        level[2];
    struct privkey      k;
    size_t              i;

    arena_open(&level[0], 16 << 20);
    arena_open(&level[1], 16 << 20);
    /* The first case gives the innermost message and the signer. */
    must(cosmos_tx_decode(&first,
                          vec_hex(json_array_get(all, 0), "tx", &test_arena),
                          &rules, &test_arena, &why));
    must(!pb_decode(&msg_exec_desc, &exec, &test_arena,
                    first.body.messages.v[0].value));
    key_of(&k, "secp256k1 key 0", KEY_TYPE_SECP256K1);
    json_array_foreach((json_t *)(uintptr_t)all, i, c)
    {
        size_t depth = (size_t)vec_int(c, "depth");
        size_t width = vec_has(c, "width") ? (size_t)vec_int(c, "width") : 1;
        struct cosmos_any   any = nested(&exec.msgs.v[0], level, depth, width);
        struct tx_draft     draft = { .messages      = &any,
                                      .message_count = 1,
                                      .fee           = *first.auth.fee };
        struct draft_signer s     = { .key = &k, .number = 7, .sequence = 3 };
        struct span         bytes;

        privkey_public(&s.pub, &k);
        bytes = cosmos_tx_build(&draft, &s, 1, rules.chain_id, &test_arena);
        CHECK_EQ(bytes.n, vec_int(c, "size"), "depth %zu width %zu", depth,
                 width);
        CHECK_EQ(passes(&tx, bytes, &rules, false, &why), vec_bool(c, "ok"),
                 "depth %zu width %zu: %s", depth, width, why.log);
        CHECK_BYTES(hash_span(&tx.hash), vec_hex(c, "tx_hash", &test_arena),
                    "depth %zu width %zu", depth, width);
        if (vec_has(c, "tx"))
            CHECK_BYTES(bytes, vec_hex(c, "tx", &test_arena), "depth %zu",
                        depth);
    }
    arena_close(&level[0]);
    arena_close(&level[1]);
}

TEST(signatures_are_metered_as_in_the_library)
{
    const json_t *c;
    size_t        i;

    json_array_foreach((json_t *)(uintptr_t)list("signature_gas"), i, c)
        CHECK_EQ(cosmos_signature_gas(strcmp(vec_str(c, "type"), "ed25519") == 0
                                          ? KEY_TYPE_ED25519
                                          : KEY_TYPE_SECP256K1),
                 vec_int(c, "gas"), "%s", vec_str(c, "type"));
}

TEST(simulations_get_the_librarys_verdicts)
{
    struct cosmos_rules rules = rules_for("warren", KNOWN_TO_THE_LIBRARY);
    json_t             *all   = vectors_open("ledger/queries"), *c;
    size_t              i;

    list("accounts");
    json_array_foreach(json_object_get(all, "simulations"), i, c)
    {
        struct cosmos_fault why;
        struct cosmos_tx    tx;

        arena_reset(&test_arena);
        CHECK_EQ(passes(&tx, vec_hex(c, "tx", &test_arena), &rules, true, &why),
                 vec_bool(c, "ok"), "%s: %s", vec_str(c, "name"), why.log);
    }
    json_decref(all);
}

TEST(limits_are_the_callers)
{
    const json_t       *c = json_array_get(list("valid"), 6); /* 3 messages */
    struct cosmos_rules rules = rules_for("warren", KNOWN_TO_THE_LIBRARY);
    struct span         in    = vec_hex(c, "tx", &test_arena);
    struct cosmos_fault why;
    struct cosmos_tx    tx;

    CHECK(passes(&tx, in, &rules, false, &why), "%s", why.log);
    rules.messages_max = 2;
    CHECK(!passes(&tx, in, &rules, false, &why), "three messages of two");
    CHECK_EQ(why.code, COSMOS_INVALID_REQUEST, "%s", why.log);
    rules              = rules_for("warren", KNOWN_TO_THE_LIBRARY);
    rules.tx_bytes_max = in.n - 1;
    CHECK(!passes(&tx, in, &rules, false, &why), "a byte too many");
    CHECK_EQ(why.code, COSMOS_TX_TOO_LARGE, "%s", why.log);
}

TEST(the_code_of_a_wrong_sequence_is_32)
{
    struct cosmos_rules rules = rules_for("warren", KNOWN_TO_THE_LIBRARY);
    const json_t       *c;
    size_t              i;

    json_array_foreach((json_t *)(uintptr_t)list("verdicts"), i, c)
    {
        struct cosmos_fault why;
        struct cosmos_tx    tx;

        if (strcmp(vec_str(c, "name"), "sequence one too high") != 0)
            continue;
        CHECK(!passes(&tx, vec_hex(c, "tx", &test_arena), &rules, false, &why));
        CHECK_EQ(why.code, 32, "clients retry on it");
        CHECK(strstr(why.log, "account sequence mismatch, expected 3, got 4"),
              "%s", why.log);
    }
}
