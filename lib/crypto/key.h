/* key - signatures, public keys and addresses.
 *
 * Source:  ZIP-215 for ed25519 (as CometBFT crypto/ed25519: cofactored,
 *          small-order and non-canonical points pass, S < L); SEC1 and RFC
 *          6979 for secp256k1 over SHA-256 of the message, R || S with both
 *          reduced mod n before a high S is refused.
 * Shapes:  ed25519: 32-byte public, 64-byte private (seed, public);
 *          secp256k1: 33-byte compressed public, 32-byte private;
 *          signatures 64 bytes, addresses 20.
 * Memory:  none; private keys belong to the caller, who wipes them. */
#ifndef WARREN_KEY_H
#define WARREN_KEY_H

#include "base/base.h"

enum key_type { /* numbers of tendermint.crypto.PublicKey */
                KEY_TYPE_NONE      = 0,
                KEY_TYPE_ED25519   = 1,
                KEY_TYPE_SECP256K1 = 2,
};

struct pubkey {
    enum key_type type;
    uint8_t       b[33];
};

struct privkey {
    enum key_type type;
    uint8_t       b[64];
};

void crypto_setup(void); /* once, before anything else here */

NODISCARD bool pubkey_make(struct pubkey *out, enum key_type type,
                           struct span bytes);
struct span    pubkey_span(const struct pubkey *k);
void           pubkey_address(uint8_t out[20], const struct pubkey *k);
/* "ed25519", "secp256k1" as consensus params name them; NULL for none. */
const char *key_type_name(enum key_type type);

NODISCARD bool pubkey_verify(const struct pubkey *k, struct span msg,
                             struct span sig);

/* privkey_generate - from the system's randomness. */
void privkey_generate(struct privkey *out, enum key_type type);
/* privkey_from_seed - 32 bytes; false when not a valid scalar. */
NODISCARD bool privkey_from_seed(struct privkey *out, enum key_type type,
                                 struct span seed);
/* privkey_make - 64 bytes for ed25519 whose halves must match, or 32. */
NODISCARD bool privkey_make(struct privkey *out, enum key_type type,
                            struct span bytes);
void           privkey_public(struct pubkey *out, const struct privkey *k);
/* privkey_sign - 64 deterministic bytes. */
void privkey_sign(uint8_t sig[64], const struct privkey *k, struct span msg);
void privkey_wipe(struct privkey *k);
/* privkey_add - a secp256k1 key plus a scalar modulo the order, as BIP-32
 * derives children; false when the scalar or the sum is unusable. */
NODISCARD bool privkey_add(struct privkey *k, const uint8_t scalar[32]);

/* ed25519_verify_zip215 - the rule itself, for any 32-byte key. */
NODISCARD bool ed25519_verify_zip215(const uint8_t pub[32], struct span msg,
                                     const uint8_t sig[64]);
/* secp256k1_verify_go - also takes 65-byte keys, as CometBFT's verifier. */
NODISCARD bool secp256k1_verify_go(struct span pub, struct span msg,
                                   struct span sig);

/* One of many signatures to check at once; ok is the verdict of each. */
struct sig_check {
    struct pubkey key;
    struct span   msg, sig;
    bool          ok;
};
/* pubkey_verify_many - same verdicts as one by one; may be faster.  Returns
 * whether all hold. */
bool pubkey_verify_many(struct sig_check *checks, size_t n);

#endif
