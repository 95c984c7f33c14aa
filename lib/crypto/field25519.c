#include "crypto/field25519.h"

void fe_load(struct fe *r, const uint8_t in[32])
{
    r->v[0] = load_le64(in) & FE_MASK;
    r->v[1] = load_le64(in + 6) >> 3 & FE_MASK;
    r->v[2] = load_le64(in + 12) >> 6 & FE_MASK;
    r->v[3] = load_le64(in + 19) >> 1 & FE_MASK;
    r->v[4] = load_le64(in + 24) >> 12 & FE_MASK;
}

/* Loose limbs to limbs of 51 bits; the value is then below 2^255. */
static void carry_whole(struct fe *r)
{
    for (int pass = 0; pass < 3; pass++) {
        for (int i = 0; i < 4; i++) {
            r->v[i + 1] += r->v[i] >> 51;
            r->v[i] &= FE_MASK;
        }
        r->v[0] += 19 * (r->v[4] >> 51);
        r->v[4] &= FE_MASK;
    }
}

void fe_store(uint8_t out[32], const struct fe *a)
{
    struct fe r = *a;
    uint64_t  q = 19;

    carry_whole(&r);
    for (int i = 0; i < 5; i++)
        q = (r.v[i] + q) >> 51; /* 1 when r >= p, as r + 19 >= 2^255 */
    r.v[0] += 19 * q;
    for (int i = 0; i < 4; i++) {
        r.v[i + 1] += r.v[i] >> 51;
        r.v[i] &= FE_MASK;
    }
    r.v[4] &= FE_MASK;
    store_le64(out, r.v[0] | r.v[1] << 51);
    store_le64(out + 8, r.v[1] >> 13 | r.v[2] << 38);
    store_le64(out + 16, r.v[2] >> 26 | r.v[3] << 25);
    store_le64(out + 24, r.v[3] >> 39 | r.v[4] << 12);
}

bool fe_equal(const struct fe *a, const struct fe *b)
{
    uint8_t x[32], y[32];

    fe_store(x, a);
    fe_store(y, b);
    return memcmp(x, y, sizeof x) == 0;
}

bool fe_is_zero(const struct fe *a)
{
    return fe_equal(a, &FE_ZERO);
}

bool fe_is_odd(const struct fe *a)
{
    uint8_t x[32];

    fe_store(x, a);
    return x[0] & 1;
}

static void square_times(struct fe *r, const struct fe *a, int times)
{
    fe_square(r, a);
    for (int i = 1; i < times; i++)
        fe_square(r, r);
}

/* a^(2^252 - 3), which is a^((p - 5) / 8). */
static void power_for_root(struct fe *r, const struct fe *a)
{
    struct fe run[8], t; /* run[i] = a^(2^(2^i) - 1) */

    run[0] = *a;
    for (int i = 1; i < 8; i++) {
        square_times(&t, &run[i - 1], 1 << (i - 1));
        fe_mul(&run[i], &t, &run[i - 1]);
    }
    /* 250 ones = 128 + 64 + 32 + 16 + 8 + 2, then the bits 01. */
    t = run[7];
    for (int i = 6; i >= 0; i--) {
        if (i == 2 || i == 0)
            continue;
        square_times(&t, &t, 1 << i);
        fe_mul(&t, &t, &run[i]);
    }
    square_times(&t, &t, 2);
    fe_mul(r, &t, a);
}

/* A root of -1: 2^((p - 1) / 4). */
static const struct fe root_of_minus_one = { { 0x61b274a0ea0b0, 0x0d5a5fc8f189d,
                                               0x7ef5e9cbd0c60, 0x78595a6804c9e,
                                               0x2b8324804fc1d } };

bool fe_sqrt_ratio(struct fe *r, const struct fe *u, const struct fe *v)
{
    struct fe v3, x, t, sum;

    fe_square(&t, v);
    fe_mul(&v3, &t, v);
    fe_square(&t, &v3);
    fe_mul(&t, &t, v);
    fe_mul(&t, &t, u); /* u v^7 */
    power_for_root(&t, &t);
    fe_mul(&x, &v3, u);
    fe_mul(&x, &x, &t); /* u v^3 (u v^7)^((p - 5) / 8) */

    fe_square(&t, &x);
    fe_mul(&t, &t, v); /* u, or -u, or neither */
    fe_add(&sum, &t, u);
    if (fe_is_zero(&sum))
        fe_mul(&x, &x, &root_of_minus_one);
    else if (!fe_equal(&t, u))
        return false;
    *r = x;
    return true;
}
