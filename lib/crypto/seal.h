/* seal - encryption that notices tampering: ChaCha20-Poly1305.
 *
 * Source:  RFC 8439 without associated data; the 12-byte nonce is four zero
 *          bytes and a 64-bit counter, little endian.
 * Shapes:  keys 32 bytes; a sealed text is SEAL_BYTES longer than its plain.
 * Memory:  one OpenSSL context per key, freed by seal_fini, which wipes. */
#ifndef WARREN_SEAL_H
#define WARREN_SEAL_H

#include "base/base.h"

enum { SEAL_BYTES = 16 };

struct seal {
    void *ctx;
};

enum seal_way { SEAL_ENCRYPT, SEAL_DECRYPT };

void seal_init(struct seal *s, enum seal_way way, const uint8_t key[32]);
void seal_fini(struct seal *s);

/* seal_close - plain to out, plain.n + SEAL_BYTES long.  A counter must never
 * come twice under one key. */
void seal_close(struct seal *s, uint8_t *out, uint64_t counter,
                struct span plain);

/* seal_open - sealed to out, SEAL_BYTES shorter; false when it was not made
 * with this key and counter, and out is then wiped. */
NODISCARD bool seal_open(struct seal *s, uint8_t *out, uint64_t counter,
                         struct span sealed);

#endif
