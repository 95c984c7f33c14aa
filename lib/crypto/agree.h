/* agree - a shared secret from two key pairs, and keys from a secret.
 *
 * Source:  RFC 7748 (X25519), RFC 5869 (HKDF with SHA-256, empty salt).
 * Shapes:  X25519 keys and results are 32 bytes.
 * Memory:  none; the caller wipes what it gets. */
#ifndef WARREN_AGREE_H
#define WARREN_AGREE_H

#include "base/base.h"

void x25519_public(uint8_t pub[32], const uint8_t secret[32]);

/* x25519_shared - false when the other side's key is of low order. */
NODISCARD bool x25519_shared(uint8_t out[32], const uint8_t secret[32],
                             const uint8_t pub[32]);

/* hkdf_sha256 - n bytes (at most 255 * 32) from the secret and a label. */
void hkdf_sha256(uint8_t *out, size_t n, struct span secret, struct span info);

#endif
