/* Keys as the Cosmos SDK makes, prints and checks them. */
#include "crypto/bech32.h"
#include "crypto/hash.h"
#include "crypto/mnemonic.h"
#include "test.h"

static struct span text_of(const json_t *c, const char *key)
{
    const json_t *s = json_object_get(c, key);

    must(json_is_string(s));
    return SPAN(json_string_value(s), json_string_length(s));
}

/* The secret of a test key: ed25519 takes its hash h as the seed, secp256k1
 * takes h mod (n - 1) + 1, which for h below n - 1 is h + 1. */
static void key_of_secret(struct privkey *k, const char *type,
                          struct span secret)
{
    struct hash h;

    sha256(&h, secret);
    if (strcmp(type, "ed25519") == 0) {
        must(privkey_from_seed(k, KEY_TYPE_ED25519, hash_span(&h)));
        return;
    }
    for (int i = 31; ++h.b[i] == 0; i--)
        must(i > 0);
    must(privkey_from_seed(k, KEY_TYPE_SECP256K1, hash_span(&h)));
}

static void check_address_texts(const json_t *c, struct span address,
                                const char *name)
{
    static const char *const prefix[] = { "warren", "cosmos" };

    for (size_t i = 0; i < COUNT(prefix); i++) {
        struct buf b;
        uint8_t    back[255];
        size_t     n = 0;

        buf_init(&b, 1024);
        bech32_encode(&b, prefix[i], address);
        CHECK_STR(buf_cstr(&b), vec_str(c, prefix[i]), "%s", name);
        CHECK(
            bech32_address_decode(back, &n, prefix[i], text_of(c, prefix[i])));
        CHECK_BYTES(SPAN(back, n), address, "%s", name);
        buf_fini(&b);
    }
    CHECK_BYTES(address, vec_hex(c, "bytes", &test_arena), "%s", name);
}

static void check_key(const json_t *c)
{
    const char    *name = vec_str(c, "secret"), *type = vec_str(c, "type");
    struct span    priv = vec_hex(c, "private", &test_arena);
    struct privkey k, given;
    struct pubkey  pub;
    uint8_t        address[20];

    key_of_secret(&k, type, span_str(name));
    privkey_public(&pub, &k);
    pubkey_address(address, &pub);
    CHECK_BYTES(SPAN(k.b, priv.n), priv, "%s", name);
    CHECK(privkey_make(&given, k.type, priv), "%s", name);
    CHECK_BYTES(pubkey_span(&pub), vec_hex(c, "pubkey", &test_arena), "%s",
                name);
    check_address_texts(json_object_get(c, "address"), SPAN_OF(address), name);
}

TEST(keys_and_addresses_are_those_of_the_vectors)
{
    json_t *v = vectors_open("ledger/keys"), *c;
    size_t  i;

    crypto_setup();
    CHECK_EQ(json_array_size(json_object_get(v, "keys")), 16, "keys");
    json_array_foreach(json_object_get(v, "keys"), i, c) check_key(c);
    CHECK_EQ(json_array_size(json_object_get(v, "multisig_keys")), 4);
    json_array_foreach(json_object_get(v, "multisig_keys"), i, c)
    {
        struct hash h;

        sha256(&h, vec_hex(c, "amino", &test_arena));
        check_address_texts(json_object_get(c, "address"), SPAN(h.b, 20),
                            "multisig");
    }
    json_decref(v);
}

TEST(bech32_texts_are_judged_as_in_the_vectors)
{
    json_t *v = vectors_open("ledger/keys"), *c;
    size_t  i;

    CHECK_EQ(json_array_size(json_object_get(v, "bech32")), 34, "cases");
    json_array_foreach(json_object_get(v, "bech32"), i, c)
    {
        uint8_t out[255];
        size_t  n = 0;
        bool    is_ok =
            bech32_address_decode(out, &n, "warren", text_of(c, "text"));

        CHECK_EQ(is_ok, vec_bool(c, "ok"), "%s", vec_str(c, "name"));
        if (is_ok)
            CHECK_BYTES(SPAN(out, n), vec_hex(c, "bytes", &test_arena), "%s",
                        vec_str(c, "name"));
    }
    json_decref(v);
}

static void check_derived(const json_t *c, const struct hd_key *master,
                          const struct hd_key *leaf, const char *name)
{
    struct pubkey pub;
    uint8_t       address[20];

    privkey_public(&pub, &leaf->key);
    pubkey_address(address, &pub);
    CHECK_BYTES(SPAN(master->key.b, 32),
                vec_hex(c, "master_private", &test_arena), "%s", name);
    CHECK_BYTES(SPAN_OF(master->chain),
                vec_hex(c, "master_chain_code", &test_arena), "%s", name);
    CHECK_BYTES(SPAN(leaf->key.b, 32), vec_hex(c, "private", &test_arena), "%s",
                name);
    CHECK_BYTES(pubkey_span(&pub), vec_hex(c, "pubkey", &test_arena), "%s",
                name);
    check_address_texts(json_object_get(c, "address"), SPAN_OF(address), name);
}

static void check_mnemonic(const json_t *c, size_t i)
{
    struct span   text = text_of(c, "mnemonic");
    uint8_t       seed[64], entropy[32];
    struct hd_key master, leaf;
    size_t        n;
    bool          is_ok;
    char          name[16];

    snprintf(name, sizeof name, "case %zu", i);
    is_ok = mnemonic_seed(seed, text, text_of(c, "passphrase")) &&
            hd_master(&master, SPAN_OF(seed)) &&
            hd_derive(&leaf, &master, text_of(c, "path"));
    CHECK_EQ(is_ok, vec_bool(c, "ok"), "%s", name);
    if (!is_ok)
        return;
    CHECK_BYTES(SPAN_OF(seed), vec_hex(c, "seed", &test_arena), "%s", name);
    check_derived(c, &master, &leaf, name);
    if (vec_has(c, "entropy") &&
        CHECK(mnemonic_entropy(entropy, &n, text), "%s", name)) {
        struct buf b;

        buf_init(&b, 1024);
        mnemonic_print(&b, SPAN(entropy, n));
        CHECK_BYTES(SPAN(entropy, n), vec_hex(c, "entropy", &test_arena), "%s",
                    name);
        CHECK_BYTES(buf_span(&b), text, "%s", name);
        buf_fini(&b);
    }
}

TEST(mnemonics_and_paths_are_those_of_the_vectors)
{
    json_t *v = vectors_open("ledger/keys"), *c;
    size_t  i;

    crypto_setup();
    CHECK_EQ(json_array_size(json_object_get(v, "mnemonics")), 28, "cases");
    json_array_foreach(json_object_get(v, "mnemonics"), i, c)
        check_mnemonic(c, i);
    json_decref(v);
}

/* A zero byte ends a C string, not a word. */
TEST(a_word_with_a_zero_byte_is_no_word)
{
    static const char text[] = "abandon abandon abandon abandon abandon "
                               "abandon abandon abandon abandon abandon "
                               "abandon about";
    char              odd[sizeof text + 2];
    uint8_t           entropy[32];
    size_t            n;

    memcpy(odd, text, sizeof text);
    CHECK(mnemonic_entropy(entropy, &n, SPAN(odd, sizeof text - 1)));
    CHECK(!mnemonic_entropy(entropy, &n, SPAN(odd, sizeof text)));
    memcpy(odd + sizeof text, "x", 1);
    CHECK(!mnemonic_entropy(entropy, &n, SPAN(odd, sizeof text + 1)));
}

TEST(the_word_list_is_the_published_one)
{
    struct hasher h;
    struct hash   sum;

    hash_begin(&h);
    for (size_t i = 0; i < MNEMONIC_WORDS; i++) {
        hash_update(&h, span_str(mnemonic_words[i]));
        hash_update(&h, span_str("\n"));
    }
    hash_end(&h, &sum);
    CHECK_BYTES(hash_span(&sum), hex_span("2f5eed53a4727b4bf8880d8f3f199efc"
                                          "90e58503646d9ff8eff3a2ed3b24dbda",
                                          &test_arena));
}

static void check_signature(const json_t *c)
{
    struct span   pub = vec_hex(c, "pubkey", &test_arena);
    struct span   msg = vec_hex(c, "message", &test_arena);
    struct span   sig = vec_hex(c, "signature", &test_arena);
    struct pubkey k;
    bool          is_ok;

    if (strcmp(vec_str(c, "type"), "secp256k1") == 0)
        is_ok = secp256k1_verify_go(pub, msg, sig);
    else
        is_ok = pubkey_make(&k, KEY_TYPE_ED25519, pub) &&
                pubkey_verify(&k, msg, sig);
    CHECK_EQ(is_ok, vec_bool(c, "ok"), "%s %s", vec_str(c, "type"),
             vec_str(c, "name"));
}

TEST(account_signatures_are_judged_as_in_the_vectors)
{
    json_t *v = vectors_open("ledger/keys"), *c;
    size_t  i;

    crypto_setup();
    CHECK_EQ(json_array_size(json_object_get(v, "signatures")), 144, "cases");
    json_array_foreach(json_object_get(v, "signatures"), i, c)
        check_signature(c);
    json_decref(v);
}
