/* The pieces that a SecretConnection is made of. */
#include "crypto/agree.h"
#include "crypto/key.h"
#include "crypto/seal.h"
#include "crypto/transcript.h"
#include "test.h"

#include <stdio.h>

TEST(a_transcript_gives_the_published_challenge)
{
    struct transcript t;
    uint8_t           out[32], long_out[500], again[500];

    transcript_init(&t, "test protocol");
    transcript_append(&t, "some label", span_str("some data"));
    transcript_extract(&t, "challenge", out, sizeof out);
    CHECK_BYTES(SPAN_OF(out), hex_span("d5a21972d0d5fe320c0d263fac7fffb8"
                                       "145aa640af6e9bca177c03c7efcf0615",
                                       &test_arena));
    transcript_extract(&t, "more", long_out, sizeof long_out);
    transcript_append(&t, "back", SPAN_OF(long_out));
    transcript_extract(&t, "more", again, sizeof again);
    CHECK(memcmp(long_out, again, sizeof again) != 0, "it moves on");
}

/* RFC 7748, section 5.2. */
TEST(secrets_agreed_by_rfc_7748)
{
    struct span k = hex_span("a546e36bf0527c9d3b16154b82465edd"
                             "62144c0ac1fc5a18506a2244ba449ac4",
                             &test_arena);
    struct span u = hex_span("e6db6867583030db3594c1a424b15f7c"
                             "726624ec26b3353b10a903a6d0ab1c4c",
                             &test_arena);
    uint8_t     out[32], ours[32], theirs[32], low[32] = { 1 };

    crypto_setup();
    CHECK(x25519_shared(out, k.p, u.p));
    CHECK_BYTES(SPAN_OF(out), hex_span("c3da55379de9c6908e94ea4df28d084f"
                                       "32eccf03491c71f754b4075577a28552",
                                       &test_arena));
    x25519_public(ours, k.p);
    x25519_public(theirs, u.p);
    CHECK(x25519_shared(out, k.p, theirs));
    CHECK(x25519_shared(low, u.p, ours));
    CHECK_BYTES(SPAN_OF(out), SPAN_OF(low), "both sides");
    memset(low, 0, sizeof low);
    for (int i = 0; i < 4; i++) { /* 0 and 1, without and with the top bit */
        low[0]  = i & 1;
        low[31] = i & 2 ? 0x80 : 0;
        CHECK(!x25519_shared(out, k.p, low), "low order %d", i);
    }
}

/* RFC 5869, test case 3: no salt, no info. */
TEST(keys_derived_by_rfc_5869)
{
    uint8_t secret[22], out[42];

    memset(secret, 0x0b, sizeof secret);
    hkdf_sha256(out, sizeof out, SPAN_OF(secret), span_str(""));
    CHECK_BYTES(SPAN_OF(out),
                hex_span("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879e"
                         "c3454e5f3c738d2d9d201395faa4b61a96c8",
                         &test_arena));
}

TEST(sealed_text_opens_only_with_its_key_and_counter)
{
    static const uint8_t key[32] = { 1 }, other[32] = { 2 };
    struct seal          out, in, wrong;
    uint8_t              sealed[5 + SEAL_BYTES], plain[5];

    seal_init(&out, SEAL_ENCRYPT, key);
    seal_init(&in, SEAL_DECRYPT, key);
    seal_init(&wrong, SEAL_DECRYPT, other);
    for (uint64_t n = 0; n < 3; n++) {
        seal_close(&out, sealed, n, span_str("hello"));
        CHECK(!seal_open(&in, plain, n + 1, SPAN_OF(sealed)), "counter");
        CHECK(!seal_open(&wrong, plain, n, SPAN_OF(sealed)), "key");
        CHECK(!seal_open(&in, plain, n, SPAN(sealed, 20)), "cut");
        CHECK(!seal_open(&in, plain, n, SPAN(sealed, 4)), "too short");
        CHECK(seal_open(&in, plain, n, SPAN_OF(sealed)), "right");
        CHECK_BYTES(SPAN_OF(plain), span_str("hello"));
        sealed[n] ^= 1;
        CHECK(!seal_open(&in, plain, n, SPAN_OF(sealed)), "flipped");
    }
    seal_fini(&out);
    seal_fini(&in);
    seal_fini(&wrong);
}

/* dh secret, is-least, receive key, send key, unused key */
TEST(connection_keys_are_those_of_the_golden_file)
{
    FILE  *f = fopen("tests/vectors/secret_connection_derive_golden.csv", "r");
    char   line[512], field[5][65];
    size_t lines = 0;

    must(f != NULL);
    while (fgets(line, sizeof line, f)) {
        struct span dh;
        uint8_t     out[96];
        bool        is_least;

        must(sscanf(line, "%64[^,],%64[^,],%64[^,],%64[^,],%64[^,\n]", field[0],
                    field[1], field[2], field[3], field[4]) == 5);
        dh       = hex_span(field[0], &test_arena);
        is_least = strcmp(field[1], "true") == 0;
        hkdf_sha256(out, sizeof out, dh,
                    span_str("TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_"
                             "GEN"));
        CHECK_BYTES(SPAN(out, 32),
                    hex_span(field[is_least ? 2 : 3], &test_arena));
        CHECK_BYTES(SPAN(out + 32, 32),
                    hex_span(field[is_least ? 3 : 2], &test_arena));
        CHECK_BYTES(SPAN(out + 64, 32), hex_span(field[4], &test_arena));
        lines++;
    }
    CHECK_EQ(lines, 32, "lines");
    fclose(f);
}
