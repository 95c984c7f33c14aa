/* field25519 - integers modulo p = 2^255 - 19, for public data only.
 *
 * Source:  RFC 7748, RFC 8032; arithmetic in five limbs of 51 bits.
 * Shapes:  "tight" limbs are below 2^52, "loose" ones below 2^55.  mul and
 *          square take loose and give tight; add of two tight values is
 *          loose; sub takes a loose a, and b of limbs below 2^53, and gives
 *          loose.  Time depends on the values. */
#ifndef WARREN_FIELD25519_H
#define WARREN_FIELD25519_H

#include "base/base.h"

struct fe {
    uint64_t v[5];
};

typedef unsigned __int128 fe_wide;

#define FE_MASK ((UINT64_C(1) << 51) - 1)
#define FE_ZERO ((struct fe){ { 0 } })
#define FE_ONE  ((struct fe){ { 1 } })

static inline void fe_add(struct fe *r, const struct fe *a, const struct fe *b)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = a->v[i] + b->v[i];
}

/* a - b, as a + 4p - b. */
static inline void fe_sub(struct fe *r, const struct fe *a, const struct fe *b)
{
    r->v[0] = a->v[0] + ((UINT64_C(1) << 53) - 76) - b->v[0];
    for (int i = 1; i < 5; i++)
        r->v[i] = a->v[i] + ((UINT64_C(1) << 53) - 4) - b->v[i];
}

static inline void fe_negate(struct fe *r, const struct fe *a)
{
    fe_sub(r, &FE_ZERO, a);
}

/* Carries five wide limbs into tight ones. */
static inline void fe_carry(struct fe *r, fe_wide t[5])
{
    fe_wide top;

    for (int i = 0; i < 4; i++) {
        // cppcheck-suppress shiftTooManyBits ; it has 128
        t[i + 1] += t[i] >> 51;
        r->v[i] = (uint64_t)t[i] & FE_MASK;
    }
    r->v[4] = (uint64_t)t[4] & FE_MASK;
    // cppcheck-suppress shiftTooManyBits
    top     = r->v[0] + (t[4] >> 51) * 19; /* 2^255 = 19 */
    r->v[0] = (uint64_t)top & FE_MASK;
    r->v[1] += (uint64_t)(top >> 51);
}

static inline void fe_mul(struct fe *r, const struct fe *a, const struct fe *b)
{
    const uint64_t *x = a->v, *y = b->v;
    uint64_t y1 = 19 * y[1], y2 = 19 * y[2], y3 = 19 * y[3], y4 = 19 * y[4];
    fe_wide  t[5];

    t[0] = (fe_wide)x[0] * y[0] + (fe_wide)x[1] * y4 + (fe_wide)x[2] * y3 +
           (fe_wide)x[3] * y2 + (fe_wide)x[4] * y1;
    t[1] = (fe_wide)x[0] * y[1] + (fe_wide)x[1] * y[0] + (fe_wide)x[2] * y4 +
           (fe_wide)x[3] * y3 + (fe_wide)x[4] * y2;
    t[2] = (fe_wide)x[0] * y[2] + (fe_wide)x[1] * y[1] + (fe_wide)x[2] * y[0] +
           (fe_wide)x[3] * y4 + (fe_wide)x[4] * y3;
    t[3] = (fe_wide)x[0] * y[3] + (fe_wide)x[1] * y[2] + (fe_wide)x[2] * y[1] +
           (fe_wide)x[3] * y[0] + (fe_wide)x[4] * y4;
    t[4] = (fe_wide)x[0] * y[4] + (fe_wide)x[1] * y[3] + (fe_wide)x[2] * y[2] +
           (fe_wide)x[3] * y[1] + (fe_wide)x[4] * y[0];
    fe_carry(r, t);
}

static inline void fe_square(struct fe *r, const struct fe *a)
{
    const uint64_t *x = a->v;
    uint64_t d0 = 2 * x[0], d1 = 2 * x[1], x3 = 19 * x[3], x4 = 19 * x[4];
    fe_wide  t[5];

    t[0] = (fe_wide)x[0] * x[0] + (fe_wide)d1 * x4 + (fe_wide)(2 * x[2]) * x3;
    t[1] = (fe_wide)d0 * x[1] + (fe_wide)(2 * x[2]) * x4 + (fe_wide)x[3] * x3;
    t[2] = (fe_wide)d0 * x[2] + (fe_wide)x[1] * x[1] + (fe_wide)(2 * x[3]) * x4;
    t[3] = (fe_wide)d0 * x[3] + (fe_wide)d1 * x[2] + (fe_wide)x[4] * x4;
    t[4] = (fe_wide)d0 * x[4] + (fe_wide)d1 * x[3] + (fe_wide)x[2] * x[2];
    fe_carry(r, t);
}

/* fe_load - 255 bits, little endian; the top bit is ignored, and values from
 * p to 2^255 - 1 are reduced. */
void fe_load(struct fe *r, const uint8_t in[32]);
/* fe_store - the one canonical form. */
void fe_store(uint8_t out[32], const struct fe *a);
bool fe_equal(const struct fe *a, const struct fe *b);
bool fe_is_zero(const struct fe *a);
bool fe_is_odd(const struct fe *a);

/* fe_sqrt_ratio - a root of u / v; false when there is none.  0 / v is 0. */
NODISCARD bool fe_sqrt_ratio(struct fe *r, const struct fe *u,
                             const struct fe *v);

#endif
