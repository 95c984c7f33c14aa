/* vault: only the passphrase opens it, and no change passes. */
#include "crypto/key.h"
#include "crypto/vault.h"
#include "test.h"

TEST(vault_opens_with_its_passphrase_only)
{
    static const uint8_t secret[32] = { 1, 2, 3 };
    struct vault         v, w;
    uint8_t              out[VAULT_SECRET_MAX];
    size_t               n;

    crypto_setup();
    CHECK(vault_close(&v, span_str("open sesame"), SPAN_OF(secret)));
    CHECK_EQ(v.box_n, sizeof secret + 16);
    CHECK(vault_open(out, &n, &v, span_str("open sesame")));
    CHECK_BYTES(SPAN(out, n), SPAN_OF(secret));
    CHECK(!vault_open(out, &n, &v, span_str("open sesam")));
    CHECK(!vault_open(out, &n, &v, span_str("")));
    CHECK_EQ(n, 0);

    w = v;
    w.box[0] ^= 1;
    CHECK(!vault_open(out, &n, &w, span_str("open sesame")));
    w = v;
    w.salt[0] ^= 1;
    CHECK(!vault_open(out, &n, &w, span_str("open sesame")));
    w       = v;
    w.box_n = 15;
    CHECK(!vault_open(out, &n, &w, span_str("open sesame")));
    w        = v;
    w.memory = UINT64_MAX;
    CHECK(!vault_open(out, &n, &w, span_str("open sesame")));
    w        = v;
    w.passes = 1000;
    CHECK(!vault_open(out, &n, &w, span_str("open sesame")));
    CHECK(vault_close(&w, span_str("open sesame"), SPAN_OF(secret)));
    CHECK(memcmp(v.box, w.box, v.box_n) != 0, "salt and nonce are fresh");
}

/* Parameters are those kept with it: a vault of one pass over 8 MiB, salt
 * and nonce counting from 0. */
TEST(vault_opens_with_its_own_parameters)
{
    struct vault v = { .memory = 8192 * 1024, .passes = 1 };
    struct span  box =
        hex_span("a4241ab3fd60970eb1efa5229baf614be813cbeb4170", &test_arena);
    uint8_t out[VAULT_SECRET_MAX];
    size_t  n;

    for (size_t i = 0; i < sizeof v.salt; i++)
        v.salt[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof v.nonce; i++)
        v.nonce[i] = (uint8_t)i;
    memcpy(v.box, box.p, box.n);
    v.box_n = box.n;
    CHECK(vault_open(out, &n, &v, span_str("correct horse")));
    CHECK_BYTES(SPAN(out, n), span_str("secret"));
}
