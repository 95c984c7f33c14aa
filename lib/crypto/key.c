#include "crypto/key.h"

#include "crypto/edwards25519.h"
#include "crypto/hash.h"
#include "crypto/zip215.h"

#include <secp256k1.h>
#include <sodium.h>

static secp256k1_context *curve;

void crypto_setup(void)
{
    uint8_t blind[32];

    if (curve)
        return;
    must(sodium_init() >= 0);
    edwards_setup();
    curve = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    must(curve != NULL);
    randombytes_buf(blind, sizeof blind);
    must(secp256k1_context_randomize(curve, blind));
    sodium_memzero(blind, sizeof blind);
}

/* ---- public keys ---- */

static size_t public_bytes(enum key_type type)
{
    switch (type) {
    case KEY_TYPE_ED25519: return 32;
    case KEY_TYPE_SECP256K1: return 33;
    case KEY_TYPE_NONE: break;
    }
    return 0;
}

const char *key_type_name(enum key_type type)
{
    switch (type) {
    case KEY_TYPE_ED25519: return "ed25519";
    case KEY_TYPE_SECP256K1: return "secp256k1";
    case KEY_TYPE_NONE: break;
    }
    return NULL;
}

bool pubkey_make(struct pubkey *out, enum key_type type, struct span bytes)
{
    *out = (struct pubkey){ .type = type };
    if (bytes.n == 0 || bytes.n != public_bytes(type))
        return false;
    memcpy(out->b, bytes.p, bytes.n);
    return true;
}

struct span pubkey_span(const struct pubkey *k)
{
    return SPAN(k->b, public_bytes(k->type));
}

void pubkey_address(uint8_t out[20], const struct pubkey *k)
{
    struct hash h;

    must(k->type != KEY_TYPE_NONE);
    sha256(&h, pubkey_span(k));
    if (k->type == KEY_TYPE_SECP256K1)
        ripemd160(out, hash_span(&h));
    else
        memcpy(out, h.b, 20);
}

/* ---- checking ---- */

bool ed25519_verify_zip215(const uint8_t pub[32], struct span msg,
                           const uint8_t sig[64])
{
    return zip215_verify(&(struct zip215_item){ pub, sig, msg });
}

/* libsodium is faster and stricter: what it takes ZIP-215 takes as well, as
 * an equation that holds also holds eight times over.  Only what it refuses
 * needs the second look. */
static bool ed25519_verify(const uint8_t pub[32], struct span msg,
                           const uint8_t sig[64])
{
    return crypto_sign_verify_detached(sig, msg.p, msg.n, pub) == 0 ||
           ed25519_verify_zip215(pub, msg, sig);
}

/* The order of secp256k1. */
static const uint8_t curve_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
    0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41
};

/* One subtraction is enough: the order is above 2^255. */
static void reduce(uint8_t x[32])
{
    int borrow = 0;

    if (memcmp(x, curve_order, 32) < 0)
        return;
    for (int i = 31; i >= 0; i--) {
        int v = x[i] - curve_order[i] - borrow;

        borrow = v < 0;
        x[i]   = (uint8_t)v;
    }
}

/* The library refuses R or S from the order on; Go's verifier has reduced
 * both before it looks.  Both refuse a high S. */
bool secp256k1_verify_go(struct span pub, struct span msg, struct span sig)
{
    secp256k1_pubkey          key;
    secp256k1_ecdsa_signature parsed;
    uint8_t                   rs[64];
    struct hash               h;

    must(curve != NULL);
    if (sig.n != sizeof rs || pub.n == 0 ||
        !secp256k1_ec_pubkey_parse(curve, &key, pub.p, pub.n))
        return false;
    memcpy(rs, sig.p, sizeof rs);
    reduce(rs);
    reduce(rs + 32);
    if (!secp256k1_ecdsa_signature_parse_compact(curve, &parsed, rs))
        return false;
    sha256(&h, msg);
    return secp256k1_ecdsa_verify(curve, &parsed, h.b, &key) == 1;
}

bool pubkey_verify(const struct pubkey *k, struct span msg, struct span sig)
{
    if (sig.n != 64)
        return false;
    switch (k->type) {
    case KEY_TYPE_ED25519: return ed25519_verify(k->b, msg, sig.p);
    case KEY_TYPE_SECP256K1:
        return secp256k1_verify_go(pubkey_span(k), msg, sig);
    case KEY_TYPE_NONE: break;
    }
    return false;
}

static bool is_batchable(const struct sig_check *c)
{
    return c->key.type == KEY_TYPE_ED25519 && c->sig.n == 64;
}

/* Up to a batch of checks, all of them batchable. */
static bool verify_group(struct sig_check **group, size_t n)
{
    struct zip215_item item[ZIP215_BATCH_MAX];
    bool               is_ok;

    for (size_t i = 0; i < n; i++)
        item[i] = (struct zip215_item){ group[i]->key.b, group[i]->sig.p,
                                        group[i]->msg };
    is_ok = n > 1 && zip215_verify_batch(item, n);
    if (is_ok) {
        for (size_t i = 0; i < n; i++)
            group[i]->ok = true;
        return true;
    }
    is_ok = true;
    for (size_t i = 0; i < n; i++) {
        group[i]->ok = zip215_verify(&item[i]);
        is_ok        = is_ok && group[i]->ok;
    }
    return is_ok;
}

bool pubkey_verify_many(struct sig_check *checks, size_t n)
{
    struct sig_check *group[ZIP215_BATCH_MAX];
    size_t            waiting = 0;
    bool              is_ok   = true;

    for (size_t i = 0; i < n; i++) {
        if (is_batchable(&checks[i])) {
            group[waiting++] = &checks[i];
        } else {
            checks[i].ok =
                pubkey_verify(&checks[i].key, checks[i].msg, checks[i].sig);
            is_ok = is_ok && checks[i].ok;
        }
        if (waiting == COUNT(group)) {
            is_ok   = verify_group(group, waiting) && is_ok;
            waiting = 0;
        }
    }
    return verify_group(group, waiting) && is_ok;
}

/* ---- private keys ---- */

bool privkey_from_seed(struct privkey *out, enum key_type type,
                       struct span seed)
{
    uint8_t pub[32];

    must(curve != NULL);
    *out = (struct privkey){ .type = type };
    if (seed.n != 32)
        return false;
    switch (type) {
    case KEY_TYPE_ED25519:
        crypto_sign_seed_keypair(pub, out->b, seed.p);
        return true;
    case KEY_TYPE_SECP256K1:
        memcpy(out->b, seed.p, 32);
        return secp256k1_ec_seckey_verify(curve, out->b) == 1;
    case KEY_TYPE_NONE: break;
    }
    return false;
}

void privkey_generate(struct privkey *out, enum key_type type)
{
    uint8_t seed[32];

    must(type != KEY_TYPE_NONE);
    do
        randombytes_buf(seed, sizeof seed);
    while (!privkey_from_seed(out, type, SPAN_OF(seed)));
    sodium_memzero(seed, sizeof seed);
}

bool privkey_make(struct privkey *out, enum key_type type, struct span bytes)
{
    if (type != KEY_TYPE_ED25519 || bytes.n == 32)
        return privkey_from_seed(out, type, bytes);
    *out = (struct privkey){ .type = type };
    if (bytes.n != 64)
        return false;
    if (privkey_from_seed(out, type, SPAN(bytes.p, 32)) &&
        memcmp(out->b + 32, bytes.p + 32, 32) == 0)
        return true;
    privkey_wipe(out);
    return false;
}

void privkey_public(struct pubkey *out, const struct privkey *k)
{
    secp256k1_pubkey pub;
    size_t           n = sizeof out->b;

    *out = (struct pubkey){ .type = k->type };
    switch (k->type) {
    case KEY_TYPE_ED25519: memcpy(out->b, k->b + 32, 32); return;
    case KEY_TYPE_SECP256K1:
        must(secp256k1_ec_pubkey_create(curve, &pub, k->b));
        must(secp256k1_ec_pubkey_serialize(curve, out->b, &n, &pub,
                                           SECP256K1_EC_COMPRESSED));
        return;
    case KEY_TYPE_NONE: break;
    }
    must(!"a private key without a type");
}

static void sign_secp256k1(uint8_t sig[64], const uint8_t key[32],
                           struct span msg)
{
    secp256k1_ecdsa_signature made;
    struct hash               h;

    sha256(&h, msg);
    must(secp256k1_ecdsa_sign(curve, &made, h.b, key,
                              secp256k1_nonce_function_rfc6979, NULL));
    must(secp256k1_ecdsa_signature_serialize_compact(curve, sig, &made));
}

void privkey_sign(uint8_t sig[64], const struct privkey *k, struct span msg)
{
    must(curve != NULL);
    switch (k->type) {
    case KEY_TYPE_ED25519:
        must(crypto_sign_detached(sig, NULL, msg.p, msg.n, k->b) == 0);
        return;
    case KEY_TYPE_SECP256K1: sign_secp256k1(sig, k->b, msg); return;
    case KEY_TYPE_NONE: break;
    }
    must(!"a private key without a type");
}

void privkey_wipe(struct privkey *k)
{
    sodium_memzero(k, sizeof *k);
}

bool privkey_add(struct privkey *k, const uint8_t scalar[32])
{
    must(curve != NULL && k->type == KEY_TYPE_SECP256K1);
    return secp256k1_ec_seckey_tweak_add(curve, k->b, scalar) == 1;
}
