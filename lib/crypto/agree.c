#include "crypto/agree.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

void x25519_public(uint8_t pub[32], const uint8_t secret[32])
{
    must(crypto_scalarmult_base(pub, secret) == 0);
}

bool x25519_shared(uint8_t out[32], const uint8_t secret[32],
                   const uint8_t pub[32])
{
    static const uint8_t zero[32];

    return crypto_scalarmult(out, secret, pub) == 0 &&
           sodium_memcmp(out, zero, 32) != 0;
}

static void hmac_sha256(uint8_t out[32], struct span key, const uint8_t *data,
                        size_t n)
{
    unsigned out_n = 32;

    must(HMAC(EVP_sha256(), key.p, (int)key.n, data, n, out, &out_n));
}

void hkdf_sha256(uint8_t *out, size_t n, struct span secret, struct span info)
{
    enum { INFO_MAX = 256 };
    uint8_t key[32] = { 0 }, step[32 + INFO_MAX + 1], block[32];
    size_t  before  = 0; /* bytes of the previous block */

    must(info.n <= INFO_MAX && n <= 255 * 32);
    hmac_sha256(key, SPAN_OF(key), secret.p, secret.n); /* no salt: zeros */
    for (uint8_t i = 1; n > 0; i++) {
        size_t take = n < 32 ? n : 32;

        memcpy(step, block, before);
        memcpy(step + before, info.p, info.n);
        step[before + info.n] = i;
        hmac_sha256(block, SPAN_OF(key), step, before + info.n + 1);
        memcpy(out, block, take);
        out += take;
        n -= take;
        before = 32;
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(block, sizeof block);
    sodium_memzero(step, sizeof step);
}
