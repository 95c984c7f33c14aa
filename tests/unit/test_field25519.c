/* Arithmetic modulo 2^255 - 19 at the edges of its limbs, against plain
 * long division. */
#include "crypto/edwards25519.h"
#include "test.h"

/* A number of 16 words of 32 bits, little endian. */
struct big {
    uint32_t w[20];
};

static struct big big_of(const struct fe *a)
{
    struct big r = { { 0 } };

    for (int i = 4; i >= 0; i--) { /* r = r * 2^51 + limb */
        unsigned __int128 carry = a->v[i];
        struct big        s     = { { 0 } };

        for (int k = 0; k < 18; k++) {
            s.w[k + 1] |= (uint32_t)((uint64_t)r.w[k] << 19 >> 0);
            s.w[k + 2] |= (uint32_t)((uint64_t)r.w[k] << 19 >> 32);
        }
        for (int k = 0; k < 20; k++) {
            carry += s.w[k];
            r.w[k] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return r;
}

static struct big big_mul(const struct big *a, const struct big *b)
{
    struct big r = { { 0 } };

    for (int i = 0; i < 9; i++) {
        uint64_t carry = 0;

        for (int k = 0; k < 9; k++) {
            uint64_t t = (uint64_t)a->w[i] * b->w[k] + r.w[i + k] + carry;

            r.w[i + k] = (uint32_t)t;
            carry      = t >> 32;
        }
        r.w[i + 9] += (uint32_t)carry;
    }
    return r;
}

/* The remainder, bit by bit from the top. */
static void big_store(uint8_t out[32], const struct big *a)
{
    uint32_t r[9] = { 0 };

    for (int bit = 20 * 32 - 1; bit >= 0; bit--) {
        uint32_t in = a->w[bit / 32] >> (bit % 32) & 1, borrow = 0, s[9];

        for (int k = 0; k < 9; k++) {
            uint32_t top = r[k] >> 31;

            r[k] = r[k] << 1 | in;
            in   = top;
        }
        for (int k = 0; k < 9; k++) {
            uint32_t p = k == 0   ? 0xffffffed
                         : k == 7 ? 0x7fffffff
                         : k == 8 ? 0
                                  : 0xffffffff;
            uint64_t t = (uint64_t)r[k] - p - borrow;

            s[k]   = (uint32_t)t;
            borrow = t >> 63;
        }
        if (!borrow)
            memcpy(r, s, sizeof r);
    }
    for (int k = 0; k < 8; k++)
        store_le32(out + 4 * k, r[k]);
}

static const uint64_t edges[] = {
    0,
    1,
    18,
    19,
    20,
    (UINT64_C(1) << 51) - 20,
    (UINT64_C(1) << 51) - 19,
    (UINT64_C(1) << 51) - 1,
    UINT64_C(1) << 51,
    (UINT64_C(1) << 52) - 1,
    (UINT64_C(1) << 53) - 1,
    (UINT64_C(1) << 54) - 1,
    UINT64_C(22000000000000000), /* the loosest that doubling makes */
};

static struct fe pick(uint64_t *seed)
{
    struct fe r;

    for (int i = 0; i < 5; i++) {
        *seed  = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        r.v[i] = edges[(*seed >> 33) % COUNT(edges)];
    }
    return r;
}

TEST(products_at_the_edges_are_right)
{
    uint64_t seed = 1;
    size_t   bad  = 0;

    for (int i = 0; i < 3000; i++) {
        struct fe  x = pick(&seed), y = pick(&seed), r;
        struct big a = big_of(&x), b = big_of(&y), c;
        uint8_t    want[32], got[32];

        c = big_mul(&a, &b);
        big_store(want, &c);
        fe_mul(&r, &x, &y);
        fe_store(got, &r);
        bad += memcmp(want, got, 32) != 0;
        for (int k = 0; k < 5; k++)
            bad += r.v[k] >= UINT64_C(1) << 52;
        c = big_mul(&a, &a);
        big_store(want, &c);
        fe_square(&r, &x);
        fe_store(got, &r);
        bad += memcmp(want, got, 32) != 0;
    }
    CHECK_EQ(bad, 0, "of 6000 products");
}

TEST(every_value_has_one_form)
{
    static const struct {
        const char *in, *out; /* of the lowest byte; others ff, top 7f */
    } cases[] = { { "ed", "00" }, { "ee", "01" }, { "ff", "12" } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t   in[32], out[32], want[32] = { 0 };
        struct fe a;

        memset(in, 0xff, sizeof in);
        in[31]  = 0x7f;
        in[0]   = hex_span(cases[i].in, &test_arena).p[0];
        want[0] = hex_span(cases[i].out, &test_arena).p[0];
        fe_load(&a, in);
        fe_store(out, &a);
        CHECK_BYTES(SPAN_OF(out), SPAN_OF(want), "%s", cases[i].in);
    }
}

TEST(differences_and_sums_agree)
{
    uint64_t seed = 7;
    size_t   bad  = 0;

    for (int i = 0; i < 2000; i++) {
        struct fe x = pick(&seed), y = pick(&seed), d, s;

        fe_mul(&x, &x, &FE_ONE); /* tight */
        fe_mul(&y, &y, &FE_ONE);
        fe_sub(&d, &x, &y);
        fe_add(&s, &d, &y);
        bad += !fe_equal(&s, &x);
        fe_negate(&d, &x);
        fe_add(&s, &d, &x);
        bad += !fe_is_zero(&s);
    }
    CHECK_EQ(bad, 0);
}

TEST(roots_are_roots)
{
    uint64_t seed  = 3;
    size_t   found = 0, bad = 0;

    for (int i = 0; i < 500; i++) {
        struct fe u = pick(&seed), v = pick(&seed), r, t;

        fe_mul(&u, &u, &FE_ONE);
        fe_mul(&v, &v, &FE_ONE);
        if (fe_is_zero(&v) || !fe_sqrt_ratio(&r, &u, &v))
            continue;
        found++;
        fe_square(&t, &r);
        fe_mul(&t, &t, &v);
        bad += !fe_equal(&t, &u);
    }
    CHECK(found > 200 && found < 350, "%zu of 500 have one", found);
    CHECK_EQ(bad, 0);
}

/* Digits of both widths add up to the scalar they were made of. */
TEST(digits_add_up)
{
    uint64_t seed = 5;

    edwards_setup();
    for (int i = 0; i < 300; i++) {
        uint8_t          scalar[32] = { 0 };
        struct digits    d5, d8;
        struct multiples m;
        struct point     base, x, y;
        uint8_t          encoded[32];

        memset(encoded, 0x66, sizeof encoded);
        encoded[0] = 0x58;
        must(point_load(&base, encoded));
        point_multiples(&m, &base);
        for (int k = 0; k < 32; k++) {
            seed      = seed * UINT64_C(6364136223846793005) + 1;
            scalar[k] = i % 3 ? (uint8_t)(seed >> 40) : i % 2 ? 0xff : 0;
        }
        scalar[31] &= 0x1f;
        digits_make(&d5, scalar, EDWARDS_WIDTH);
        digits_make(&d8, scalar, EDWARDS_BASE_WIDTH);
        point_identity(&x);
        point_identity(&y);
        for (int k = 256; k >= 0; k--) {
            point_double(&x, &x);
            point_double(&y, &y);
            point_add_digit(&x, d5.d[k], &m);
            point_add_base(&y, d8.d[k]);
        }
        fe_mul(&x.t, &x.x, &y.z);
        fe_mul(&y.t, &y.x, &x.z);
        CHECK(fe_equal(&x.t, &y.t), "scalar %d", i);
    }
}
