#include "crypto/vault.h"

#include <sodium.h>

enum {
    PASSES     = 3,
    PASSES_MAX = 16,
    MEMORY     = 128 << 20,
    MEMORY_MIN = 1 << 20,
    MEMORY_MAX = 1 << 30,
};

_Static_assert(sizeof((struct vault *)0)->salt == crypto_pwhash_SALTBYTES &&
                   sizeof((struct vault *)0)->nonce ==
                       crypto_secretbox_NONCEBYTES &&
                   VAULT_BOX_MAX ==
                       VAULT_SECRET_MAX + crypto_secretbox_MACBYTES,
               "libsodium's sizes");

static bool derive(uint8_t             key[crypto_secretbox_KEYBYTES],
                   const struct vault *v, struct span passphrase)
{
    return crypto_pwhash(key, crypto_secretbox_KEYBYTES,
                         (const char *)passphrase.p, passphrase.n, v->salt,
                         v->passes, (size_t)v->memory,
                         crypto_pwhash_ALG_ARGON2ID13) == 0;
}

bool vault_close(struct vault *v, struct span passphrase, struct span secret)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    bool    is_fine;

    must(secret.n <= VAULT_SECRET_MAX);
    *v = (struct vault){ .memory = MEMORY, .passes = PASSES };
    randombytes_buf(v->salt, sizeof v->salt);
    randombytes_buf(v->nonce, sizeof v->nonce);
    is_fine =
        derive(key, v, passphrase) &&
        crypto_secretbox_easy(v->box, secret.p, secret.n, v->nonce, key) == 0;
    v->box_n = secret.n + crypto_secretbox_MACBYTES;
    sodium_memzero(key, sizeof key);
    return is_fine;
}

bool vault_open(uint8_t out[VAULT_SECRET_MAX], size_t *n, const struct vault *v,
                struct span passphrase)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    bool    is_fine;

    if (v->box_n < crypto_secretbox_MACBYTES || v->box_n > VAULT_BOX_MAX ||
        v->memory < MEMORY_MIN || v->memory > MEMORY_MAX || v->passes < 1 ||
        v->passes > PASSES_MAX)
        return false;
    is_fine =
        derive(key, v, passphrase) &&
        crypto_secretbox_open_easy(out, v->box, v->box_n, v->nonce, key) == 0;
    *n = is_fine ? v->box_n - crypto_secretbox_MACBYTES : 0;
    sodium_memzero(key, sizeof key);
    if (!is_fine)
        sodium_memzero(out, VAULT_SECRET_MAX);
    return is_fine;
}
