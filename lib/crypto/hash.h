/* hash - SHA-256 and its relatives.
 *
 * Source:  FIPS 180-4; RIPEMD-160; through OpenSSL, which uses SHA-NI.
 * Memory:  none; usable without crypto_setup(). */
#ifndef WARREN_HASH_H
#define WARREN_HASH_H

#include "base/base.h"
#include "base/limits.h"

struct hash {
    uint8_t b[HASH_BYTES];
};

static inline struct span hash_span(const struct hash *h)
{
    return (struct span){ h->b, HASH_BYTES };
}

static inline bool hash_eq(const struct hash *a, const struct hash *b)
{
    return memcmp(a->b, b->b, HASH_BYTES) == 0;
}

void sha256(struct hash *out, struct span in);
/* sha256_parts - the hash of the parts one behind the other. */
void sha256_parts(struct hash *out, const struct span *part, size_t n);
void sha512_parts(uint8_t out[64], const struct span *part, size_t n);
void ripemd160(uint8_t out[20], struct span in);
/* sha1 - for the handshake of WebSocket, where it protects nothing. */
void sha1(uint8_t out[20], struct span in);

/* A running SHA-256, held by value: hash_begin starts or restarts it. */
struct hasher {
    uint64_t state[16];
};
void hash_begin(struct hasher *h);
void hash_update(struct hasher *h, struct span in);
void hash_end(struct hasher *h, struct hash *out);

#endif
