/* The low-level calls of OpenSSL: the EVP ones look the algorithm up and
 * allocate for every message, which costs more than hashing a short one, and
 * RIPEMD-160 lives there in a provider that may not be installed. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/hash.h"

#include <openssl/ripemd.h>
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hasher), "state fits");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct hasher), "aligned");

static SHA256_CTX *state_of(struct hasher *h)
{
    /* cppcheck-suppress ctuuninitvar ; only its address is taken */
    return (SHA256_CTX *)(void *)h->state;
}

void hash_begin(struct hasher *h)
{
    must(SHA256_Init(state_of(h)) == 1);
}

void hash_update(struct hasher *h, struct span in)
{
    if (in.n > 0)
        must(SHA256_Update(state_of(h), in.p, in.n) == 1);
}

void hash_end(struct hasher *h, struct hash *out)
{
    must(SHA256_Final(out->b, state_of(h)) == 1);
}

void sha256(struct hash *out, struct span in)
{
    sha256_parts(out, &in, 1);
}

void sha256_parts(struct hash *out, const struct span *part, size_t n)
{
    SHA256_CTX c;

    must(SHA256_Init(&c) == 1);
    for (size_t i = 0; i < n; i++)
        if (part[i].n > 0)
            must(SHA256_Update(&c, part[i].p, part[i].n) == 1);
    must(SHA256_Final(out->b, &c) == 1);
}

void sha512_parts(uint8_t out[64], const struct span *part, size_t n)
{
    SHA512_CTX c;

    must(SHA512_Init(&c) == 1);
    for (size_t i = 0; i < n; i++)
        if (part[i].n > 0)
            must(SHA512_Update(&c, part[i].p, part[i].n) == 1);
    must(SHA512_Final(out, &c) == 1);
}

void ripemd160(uint8_t out[20], struct span in)
{
    RIPEMD160_CTX c;

    must(RIPEMD160_Init(&c) == 1);
    if (in.n > 0)
        must(RIPEMD160_Update(&c, in.p, in.n) == 1);
    must(RIPEMD160_Final(out, &c) == 1);
}

void sha1(uint8_t out[20], struct span in)
{
    SHA_CTX c;

    must(SHA1_Init(&c) == 1);
    if (in.n > 0)
        must(SHA1_Update(&c, in.p, in.n) == 1);
    must(SHA1_Final(out, &c) == 1);
}
