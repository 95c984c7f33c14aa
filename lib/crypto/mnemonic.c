#include "crypto/mnemonic.h"

#include "base/text.h"
#include "crypto/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD_BITS       = 11,
    SENTENCE_MAX    = 24 * 9, /* words of at most 8 letters, blanks between */
    PASSPHRASE_MAX  = 1024,
    SEED_ITERATIONS = 2048,
};
#define HARDENED UINT32_C(0x80000000)

/* ---- sentences ---- */

static unsigned bit_at(const uint8_t *p, size_t i)
{
    return p[i / 8] >> (7 - i % 8) & 1;
}

/* Entropy with its checksum byte behind. */
static void append_checksum(uint8_t out[33], struct span entropy)
{
    struct hash h;

    sha256(&h, entropy);
    memcpy(out, entropy.p, entropy.n);
    out[entropy.n] = h.b[0];
}

void mnemonic_print(struct buf *out, struct span entropy)
{
    uint8_t bits[33];
    size_t  words = entropy.n * 3 / 4;

    must(entropy.n >= 16 && entropy.n <= 32 && entropy.n % 4 == 0);
    append_checksum(bits, entropy);
    for (size_t w = 0; w < words; w++) {
        unsigned v = 0;

        for (size_t i = 0; i < WORD_BITS; i++)
            v = v << 1 | bit_at(bits, w * WORD_BITS + i);
        if (w > 0)
            buf_byte(out, ' ');
        buf_str(out, mnemonic_words[v]);
    }
    explicit_bzero(bits, sizeof bits);
}

static int compare_word(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The value of the word at the front, which is taken off with the one blank
 * behind it; -1 when there is none such. */
static int next_word(struct span *text)
{
    char        word[9];
    const char *hit;
    size_t      n = 0;

    while (n < text->n && text->p[n] != ' ')
        n++;
    if (n == 0 || n >= sizeof word || n + 1 == text->n || memchr(text->p, 0, n))
        return -1;
    memcpy(word, text->p, n);
    word[n] = 0;
    text->p += n < text->n ? n + 1 : n;
    text->n -= n < text->n ? n + 1 : n;
    hit = bsearch(word, mnemonic_words, MNEMONIC_WORDS, sizeof word,
                  compare_word);
    explicit_bzero(word, sizeof word);
    return hit ? (int)((hit - mnemonic_words[0]) / (ptrdiff_t)sizeof word) : -1;
}

/* All words as bits, eleven each; returns their number, 0 when malformed. */
static size_t read_words(uint8_t bits[33], struct span text)
{
    size_t words = 0;

    memset(bits, 0, 33);
    while (text.n > 0) {
        int v = next_word(&text);

        if (v < 0 || words == 24)
            return 0;
        for (size_t i = 0; i < WORD_BITS; i++) {
            size_t at = words * WORD_BITS + i;

            if (v >> (WORD_BITS - 1 - i) & 1)
                bits[at / 8] |= (uint8_t)(0x80 >> at % 8);
        }
        words++;
    }
    return words >= 12 && words % 3 == 0 ? words : 0;
}

bool mnemonic_entropy(uint8_t out[32], size_t *n, struct span text)
{
    uint8_t bits[33], again[33];
    size_t  words = read_words(bits, text);
    bool    is_ok = words > 0;

    *n = words / 3 * 4;
    if (is_ok) {
        uint8_t mask = (uint8_t)(0xff << (8 - words / 3));

        append_checksum(again, SPAN(bits, *n));
        is_ok = ((again[*n] ^ bits[*n]) & mask) == 0;
        memcpy(out, bits, *n);
    }
    explicit_bzero(bits, sizeof bits);
    explicit_bzero(again, sizeof again);
    return is_ok;
}

bool mnemonic_seed(uint8_t seed[64], struct span text, struct span passphrase)
{
    uint8_t entropy[32], salt[8 + PASSPHRASE_MAX];
    size_t  n;
    bool    is_ok = mnemonic_entropy(entropy, &n, text);

    explicit_bzero(entropy, sizeof entropy);
    if (!is_ok || passphrase.n > PASSPHRASE_MAX)
        return false;
    memcpy(salt, "mnemonic", 8);
    if (passphrase.n > 0)
        memcpy(salt + 8, passphrase.p, passphrase.n);
    must(text.n <= SENTENCE_MAX);
    must(PKCS5_PBKDF2_HMAC((const char *)text.p, (int)text.n, salt,
                           (int)(8 + passphrase.n), SEED_ITERATIONS,
                           EVP_sha512(), 64, seed) == 1);
    explicit_bzero(salt, sizeof salt);
    return true;
}

/* ---- derivation ---- */

static void hmac_sha512(uint8_t out[64], struct span key, struct span data)
{
    unsigned n = 64;

    must(HMAC(EVP_sha512(), key.p, (int)key.n, data.p, data.n, out, &n));
}

bool hd_master(struct hd_key *out, struct span seed)
{
    uint8_t i[64];
    bool    is_ok;

    hmac_sha512(i, span_str("Bitcoin seed"), seed);
    is_ok = privkey_from_seed(&out->key, KEY_TYPE_SECP256K1, SPAN(i, 32));
    memcpy(out->chain, i + 32, 32);
    explicit_bzero(i, sizeof i);
    return is_ok;
}

/* One step down.  A hardened child is made from the private key, others from
 * the public one. */
static bool child(struct hd_key *k, uint32_t number)
{
    uint8_t       data[37] = { 0 }, i[64];
    struct pubkey pub;
    bool          is_ok;

    if (number & HARDENED) {
        memcpy(data + 1, k->key.b, 32);
    } else {
        privkey_public(&pub, &k->key);
        memcpy(data, pub.b, 33);
    }
    store_be32(data + 33, number);
    hmac_sha512(i, SPAN_OF(k->chain), SPAN_OF(data));
    is_ok = privkey_add(&k->key, i);
    memcpy(k->chain, i + 32, 32);
    explicit_bzero(i, sizeof i);
    explicit_bzero(data, sizeof data);
    return is_ok;
}

/* The element at the front of a path, taken off with its '/'. */
static struct span next_element(struct span *path)
{
    const uint8_t *slash = memchr(path->p, '/', path->n);
    size_t         n     = slash ? (size_t)(slash - path->p) : path->n;
    struct span    e     = SPAN(path->p, n);

    path->p += slash ? n + 1 : n;
    path->n -= slash ? n + 1 : n;
    return e;
}

static bool read_element(uint32_t *number, struct span e)
{
    bool     is_hard = e.n > 0 && e.p[e.n - 1] == '\'';
    uint64_t v;

    e.n -= is_hard;
    if (!uint64_parse(&v, e) || v >= HARDENED)
        return false;
    *number = (uint32_t)v | (is_hard ? HARDENED : 0);
    return true;
}

bool hd_derive(struct hd_key *out, const struct hd_key *from, struct span path)
{
    uint32_t number;
    bool     is_open; /* a '/' was last: an element must follow */

    *out = *from;
    if (path.n == 0)
        return true;
    if (!memchr(path.p, '/', path.n))
        return false;
    if (path.n >= 2 && memcmp(path.p, "m/", 2) == 0)
        path = SPAN(path.p + 2, path.n - 2);
    do {
        struct span e = next_element(&path);

        is_open = e.p + e.n < path.p;
        if (!read_element(&number, e) || !child(out, number)) {
            hd_wipe(out);
            return false;
        }
    } while (is_open);
    return true;
}

void hd_wipe(struct hd_key *k)
{
    explicit_bzero(k, sizeof *k);
}
