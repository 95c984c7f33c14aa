#include "crypto/zip215.h"

#include "crypto/edwards25519.h"
#include "crypto/hash.h"

/* ---- integers modulo the group order L = 2^252 + c ---- */

struct scalar {
    uint64_t w[4]; /* little endian, below L */
};

static const uint64_t order[4] = { 0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0,
                                   0x1000000000000000 };

static bool is_below_order(const uint64_t w[4])
{
    for (int i = 3; i >= 0; i--)
        if (w[i] != order[i])
            return w[i] < order[i];
    return false;
}

/* r = r * 2^64 + word: with x = q * 2^252 + low that is low - q * c, plus L
 * when negative, since q * c is below 2^191. */
static void shift_in(struct scalar *r, uint64_t word)
{
    unsigned __int128 q  = (unsigned __int128)r->w[3] << 4 | r->w[2] >> 60;
    uint64_t          q0 = (uint64_t)q, q1 = (uint64_t)(q >> 64);
    uint64_t low[4] = { word, r->w[0], r->w[1], r->w[2] & (~UINT64_C(0) >> 4) };
    uint64_t sub[4];
    unsigned __int128 t      = (unsigned __int128)q0 * order[0];
    uint64_t          borrow = 0, carry = 0;

    sub[0] = (uint64_t)t;
    t      = (t >> 64) + (unsigned __int128)q0 * order[1] + q1 * order[0];
    sub[1] = (uint64_t)t;
    t      = (t >> 64) + q1 * order[1];
    sub[2] = (uint64_t)t;
    sub[3] = (uint64_t)(t >> 64);
    for (int i = 0; i < 4; i++) {
        t       = (unsigned __int128)low[i] - sub[i] - borrow;
        r->w[i] = (uint64_t)t;
        borrow  = (uint64_t)(t >> 64) & 1;
    }
    for (int i = 0; borrow && i < 4; i++) {
        t       = (unsigned __int128)r->w[i] + order[i] + carry;
        r->w[i] = (uint64_t)t;
        carry   = (uint64_t)(t >> 64);
    }
}

static void scalar_reduce(struct scalar *r, const uint64_t wide[8])
{
    memset(r, 0, sizeof *r);
    for (int i = 7; i >= 0; i--)
        shift_in(r, wide[i]);
}

/* r = a * b + r; all below L. */
static void scalar_mul_add(struct scalar *r, const struct scalar *a,
                           const struct scalar *b)
{
    uint64_t wide[8];

    memset(wide, 0, sizeof wide);
    memcpy(wide, r->w, sizeof r->w);
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;

        for (int k = 0; k < 4; k++) {
            unsigned __int128 t =
                (unsigned __int128)a->w[i] * b->w[k] + wide[i + k] + carry;

            wide[i + k] = (uint64_t)t;
            carry       = (uint64_t)(t >> 64);
        }
        for (int k = i + 4; k < 8 && carry; k++) {
            unsigned __int128 t = (unsigned __int128)wide[k] + carry;

            wide[k] = (uint64_t)t;
            carry   = (uint64_t)(t >> 64);
        }
    }
    scalar_reduce(r, wide);
}

static void scalar_digits(struct digits *r, const struct scalar *s, int width)
{
    uint8_t bytes[32];

    for (int i = 0; i < 4; i++)
        store_le64(bytes + 8 * i, s->w[i]);
    digits_make(r, bytes, width);
}

/* ---- one signature ---- */

/* What an item says, checked as far as its own bytes allow. */
struct claim {
    struct point  key, nonce; /* A, R */
    struct scalar s, k;       /* k = SHA-512(R, A, message) */
};

static bool claim_load(struct claim *c, const struct zip215_item *item)
{
    struct span parts[] = { SPAN(item->sig, 32), SPAN(item->pub, 32),
                            item->msg };
    uint8_t     digest[64];
    uint64_t    wide[8];

    for (int i = 0; i < 4; i++)
        c->s.w[i] = load_le64(item->sig + 32 + 8 * i);
    if (!is_below_order(c->s.w) || !point_load(&c->key, item->pub) ||
        !point_load(&c->nonce, item->sig))
        return false;
    sha512_parts(digest, parts, COUNT(parts));
    for (int i = 0; i < 8; i++)
        wide[i] = load_le64(digest + 8 * i);
    scalar_reduce(&c->k, wide);
    return true;
}

bool zip215_verify(const struct zip215_item *item)
{
    struct claim     c;
    struct multiples key;
    struct addend    nonce;
    struct digits    s, k;
    struct point     sum;

    if (!claim_load(&c, item))
        return false;
    point_multiples(&key, &c.key);
    scalar_digits(&s, &c.s, EDWARDS_BASE_WIDTH);
    scalar_digits(&k, &c.k, EDWARDS_WIDTH);
    point_identity(&sum);
    for (int i = 256; i >= 0; i--) {
        point_double(&sum, &sum);
        point_add_digit(&sum, -k.d[i], &key);
        point_add_base(&sum, s.d[i]);
    }
    point_addend(&nonce, &c.nonce);
    point_sub(&sum, &sum, &nonce);
    return point_has_small_order(&sum);
}

/* ---- many at once ---- */

/* One member's share: -z k A - z R. */
struct share {
    struct multiples key, nonce;
    struct digits    zk, z;
};

/* The factor of member i: 16 bytes of a hash of all claims and i. */
static void factor(struct scalar *z, const struct hash *seed, size_t i)
{
    uint8_t     number[8];
    struct hash h;

    store_le64(number, i);
    sha256_parts(&h, (struct span[]){ hash_span(seed), SPAN_OF(number) }, 2);
    memset(z, 0, sizeof *z);
    z->w[0] = load_le64(h.b);
    z->w[1] = load_le64(h.b + 8);
}

/* k binds key, nonce and message; s is the rest of what a claim says. */
static void seed_add(struct hasher *h, const struct claim *c)
{
    hash_update(h, SPAN_OF(c->k.w));
    hash_update(h, SPAN_OF(c->s.w));
}

static void share_make(struct share *r, struct scalar *s, const struct claim *c,
                       const struct scalar *z)
{
    struct scalar zk = { { 0 } };

    scalar_mul_add(&zk, z, &c->k);
    scalar_mul_add(s, z, &c->s);
    point_multiples(&r->key, &c->key);
    point_multiples(&r->nonce, &c->nonce);
    scalar_digits(&r->zk, &zk, EDWARDS_WIDTH);
    scalar_digits(&r->z, z, EDWARDS_WIDTH);
}

static bool sum_has_small_order(const struct share *share, size_t n,
                                const struct scalar *s)
{
    struct digits base;
    struct point  sum;

    scalar_digits(&base, s, EDWARDS_BASE_WIDTH);
    point_identity(&sum);
    for (int i = 256; i >= 0; i--) {
        point_double(&sum, &sum);
        point_add_base(&sum, base.d[i]);
        for (size_t m = 0; m < n; m++) {
            point_add_digit(&sum, -share[m].zk.d[i], &share[m].key);
            point_add_digit(&sum, -share[m].z.d[i], &share[m].nonce);
        }
    }
    return point_has_small_order(&sum);
}

bool zip215_verify_batch(const struct zip215_item *item, size_t n)
{
    struct claim  claim[ZIP215_BATCH_MAX];
    struct share  share[ZIP215_BATCH_MAX];
    struct hasher h;
    struct hash   seed;
    struct scalar s = { { 0 } }, z;

    must(n <= ZIP215_BATCH_MAX);
    hash_begin(&h);
    for (size_t i = 0; i < n; i++) {
        if (!claim_load(&claim[i], &item[i]))
            return false;
        seed_add(&h, &claim[i]);
    }
    hash_end(&h, &seed);
    for (size_t i = 0; i < n; i++) {
        factor(&z, &seed, i);
        share_make(&share[i], &s, &claim[i], &z);
    }
    return sum_has_small_order(share, n, &s);
}
