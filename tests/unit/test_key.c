#include "crypto/hash.h"
#include "crypto/key.h"
#include "test.h"

#include <stdlib.h>

static enum key_type type_of(const char *name)
{
    return strcmp(name, "ed25519") == 0 ? KEY_TYPE_ED25519 : KEY_TYPE_SECP256K1;
}

/* A good signature to stand beside others in a batch. */
static struct sig_check good_check(uint8_t sig[64])
{
    struct privkey   k;
    struct sig_check c        = { .msg = span_str("a good one") };
    uint8_t          seed[32] = { 7 };

    must(privkey_from_seed(&k, KEY_TYPE_ED25519, SPAN_OF(seed)));
    privkey_public(&c.key, &k);
    privkey_sign(sig, &k, c.msg);
    c.sig = SPAN(sig, 64);
    return c;
}

static void check_ed25519(const json_t *c)
{
    const char      *name = vec_str(c, "name");
    uint8_t          sig[64];
    struct sig_check many[2] = { good_check(sig) };
    struct span      pub     = vec_hex(c, "pub_key", &test_arena);
    bool             ok      = vec_bool(c, "ok"), is_key;

    many[1].msg = vec_hex(c, "message", &test_arena);
    many[1].sig = vec_hex(c, "signature", &test_arena);
    is_key      = pubkey_make(&many[1].key, KEY_TYPE_ED25519, pub);
    CHECK_EQ(is_key && pubkey_verify(&many[1].key, many[1].msg, many[1].sig),
             ok, "%s", name);
    CHECK_EQ(is_key && pubkey_verify_many(many, 2), vec_bool(c, "batch_ok"),
             "%s in a batch", name);
    CHECK_EQ(is_key && many[1].ok, ok, "%s, its verdict in a batch", name);
    CHECK(!is_key || many[0].ok, "%s, the verdict of its neighbour", name);
}

static void check_secp256k1(const json_t *c)
{
    struct span pub = vec_hex(c, "pub_key", &test_arena);
    struct span msg = vec_hex(c, "message", &test_arena);
    struct span sig = vec_hex(c, "signature", &test_arena);

    CHECK_EQ(secp256k1_verify_go(pub, msg, sig), vec_bool(c, "ok"), "%s",
             vec_str(c, "name"));
}

static void check_address(const json_t *c)
{
    const char    *name = vec_str(c, "name");
    enum key_type  type = type_of(vec_str(c, "key_type"));
    struct privkey priv;
    struct pubkey  pub;
    struct span    msg = vec_hex(c, "message", &test_arena);
    uint8_t        address[20], sig[64];

    if (!CHECK(privkey_make(&priv, type, vec_hex(c, "priv_key", &test_arena)),
               "%s", name))
        return;
    privkey_public(&pub, &priv);
    pubkey_address(address, &pub);
    privkey_sign(sig, &priv, msg);
    CHECK_BYTES(pubkey_span(&pub), vec_hex(c, "pub_key", &test_arena), "%s",
                name);
    CHECK_BYTES(SPAN_OF(address), vec_hex(c, "address", &test_arena), "%s",
                name);
    CHECK_BYTES(SPAN_OF(sig), vec_hex(c, "signature", &test_arena), "%s", name);
    CHECK(pubkey_verify(&pub, msg, SPAN_OF(sig)), "%s", name);
}

TEST(signatures_are_judged_as_in_the_vectors)
{
    json_t *v = vectors_open("signatures"), *c;
    size_t  i;

    crypto_setup();
    CHECK_EQ(json_array_size(v), 697, "cases");
    json_array_foreach(v, i, c)
    {
        const char *kind = vec_str(c, "kind");

        if (strcmp(kind, "ed25519") == 0)
            check_ed25519(c);
        else if (strcmp(kind, "secp256k1") == 0)
            check_secp256k1(c);
        else if (CHECK_STR(kind, "address", "kind"))
            check_address(c);
    }
    json_decref(v);
}

/* 100 checks; every seventh is spoilt in its own way. */
TEST(many_verdicts_are_those_of_one_by_one)
{
    enum { N = 100 };
    static struct sig_check c[N];
    static uint8_t          sig[N][64];
    static struct privkey   k[N];

    crypto_setup();
    for (size_t i = 0; i < N; i++) {
        privkey_generate(&k[i],
                         i % 10 == 3 ? KEY_TYPE_SECP256K1 : KEY_TYPE_ED25519);
        c[i].msg = SPAN(&k[i], i % 40);
        privkey_sign(sig[i], &k[i], c[i].msg);
        privkey_public(&c[i].key, &k[i]);
        c[i].sig = SPAN(sig[i], 64);
    }
    CHECK(pubkey_verify_many(c, N), "all are good");
    for (size_t i = 0; i < N; i += 7)
        sig[i][i % 64] ^= 1;
    CHECK(!pubkey_verify_many(c, N), "some are bad");
    for (size_t i = 0; i < N; i++)
        CHECK_EQ(c[i].ok, i % 7 != 0, "check %zu", i);
    CHECK(pubkey_verify_many(c, 0), "none is bad of none");
}

TEST(a_key_whose_halves_differ_is_refused)
{
    struct privkey k, back;
    uint8_t        bad[64];

    crypto_setup();
    privkey_generate(&k, KEY_TYPE_ED25519);
    memcpy(bad, k.b, sizeof bad);
    CHECK(privkey_make(&back, KEY_TYPE_ED25519, SPAN_OF(bad)));
    bad[40] ^= 1;
    CHECK(!privkey_make(&back, KEY_TYPE_ED25519, SPAN_OF(bad)));
    CHECK(!privkey_make(&back, KEY_TYPE_ED25519, SPAN(bad, 63)));
    CHECK(!privkey_make(&back, KEY_TYPE_SECP256K1, SPAN_OF(bad)));
    memset(bad, 0xff, sizeof bad);
    CHECK(!privkey_make(&back, KEY_TYPE_SECP256K1, SPAN(bad, 32)), "above n");
    memset(bad, 0, sizeof bad);
    CHECK(!privkey_make(&back, KEY_TYPE_SECP256K1, SPAN(bad, 32)), "zero");
}

TEST(hashes_of_known_texts)
{
    struct hash   h;
    struct hasher run;
    uint8_t       out[64];

    sha256(&h, span_str("abc"));
    CHECK_BYTES(hash_span(&h), hex_span("ba7816bf8f01cfea414140de5dae2223"
                                        "b00361a396177a9cb410ff61f20015ad",
                                        &test_arena));
    hash_begin(&run);
    hash_update(&run, span_str("a"));
    hash_update(&run, span_str(""));
    hash_update(&run, span_str("bc"));
    hash_end(&run, &h);
    CHECK_BYTES(hash_span(&h), hex_span("ba7816bf8f01cfea414140de5dae2223"
                                        "b00361a396177a9cb410ff61f20015ad",
                                        &test_arena));
    ripemd160(out, span_str("abc"));
    CHECK_BYTES(
        SPAN(out, 20),
        hex_span("8eb208f7e05d987a9b044a8e98c6b087f15a0bfc", &test_arena));
    sha512_parts(out, (struct span[]){ span_str("ab"), span_str("c") }, 2);
    CHECK_BYTES(SPAN_OF(out), hex_span("ddaf35a193617abacc417349ae204131"
                                       "12e6fa4e89a97ea20a9eeee64b55d39a"
                                       "2192992a274fc1a836ba3c23a3feebbd"
                                       "454d4423643ce80e2a9ac94fa54ca49f",
                                       &test_arena));
}
