#include "crypto/seal.h"

#include <openssl/evp.h>

void seal_init(struct seal *s, enum seal_way way, const uint8_t key[32])
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    must(c != NULL);
    must(EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, key, NULL,
                           way == SEAL_ENCRYPT) == 1);
    s->ctx = c;
}

void seal_fini(struct seal *s)
{
    EVP_CIPHER_CTX_free(s->ctx);
    s->ctx = NULL;
}

static void set_counter(EVP_CIPHER_CTX *c, uint64_t counter)
{
    uint8_t nonce[12] = { 0 };

    store_le64(nonce + 4, counter);
    must(EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) == 1);
}

void seal_close(struct seal *s, uint8_t *out, uint64_t counter,
                struct span plain)
{
    int n;

    set_counter(s->ctx, counter);
    must(EVP_EncryptUpdate(s->ctx, out, &n, plain.p, (int)plain.n) == 1);
    must(EVP_EncryptFinal_ex(s->ctx, out + n, &n) == 1);
    must(EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_BYTES,
                             out + plain.n) == 1);
}

bool seal_open(struct seal *s, uint8_t *out, uint64_t counter,
               struct span sealed)
{
    size_t  plain = sealed.n - SEAL_BYTES;
    uint8_t tag[SEAL_BYTES];
    int     n;

    if (sealed.n < SEAL_BYTES)
        return false;
    memcpy(tag, sealed.p + plain, SEAL_BYTES);
    set_counter(s->ctx, counter);
    must(EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_BYTES, tag) ==
         1);
    if (EVP_DecryptUpdate(s->ctx, out, &n, sealed.p, (int)plain) == 1 &&
        EVP_DecryptFinal_ex(s->ctx, out + n, &n) == 1)
        return true;
    explicit_bzero(out, plain);
    return false;
}
