#include "crypto/edwards25519.h"

enum { BASE_TABLE = 1 << (EDWARDS_BASE_WIDTH - 2) };

static struct addend base_odd[BASE_TABLE];
static bool          has_base;

/* d = -121665 / 121666, and 2d. */
static const struct fe d1 = { { 0x34dca135978a3, 0x1a8283b156ebd,
                                0x5e7a26001c029, 0x739c663a03cbb,
                                0x52036cee2b6ff } };
static const struct fe d2 = { { 0x69b9426b2f159, 0x35050762add7a,
                                0x3cf44c0038052, 0x6738cc7407977,
                                0x2406d9dc56dff } };

void point_identity(struct point *r)
{
    *r = (struct point){ .y = FE_ONE, .z = FE_ONE };
}

bool point_load(struct point *r, const uint8_t in[32])
{
    struct fe y2, u, v;
    bool      is_odd = in[31] >> 7;

    fe_load(&r->y, in);
    fe_square(&y2, &r->y);
    fe_sub(&u, &y2, &FE_ONE);
    fe_mul(&v, &y2, &d1);
    fe_add(&v, &v, &FE_ONE);
    if (!fe_sqrt_ratio(&r->x, &u, &v))
        return false;
    if (fe_is_odd(&r->x) != is_odd)
        fe_negate(&r->x, &r->x);
    r->z = FE_ONE;
    fe_mul(&r->t, &r->x, &r->y);
    return true;
}

void point_double(struct point *r, const struct point *p)
{
    struct fe a, b, c, e, f, g, h;

    fe_square(&a, &p->x);
    fe_square(&b, &p->y);
    fe_square(&c, &p->z);
    fe_add(&c, &c, &c);
    fe_add(&h, &a, &b);
    fe_add(&e, &p->x, &p->y);
    fe_square(&e, &e);
    fe_sub(&e, &h, &e); /* -2XY */
    fe_sub(&g, &a, &b);
    fe_add(&f, &c, &g);
    fe_mul(&r->x, &e, &f);
    fe_mul(&r->y, &g, &h);
    fe_mul(&r->t, &e, &h);
    fe_mul(&r->z, &f, &g);
}

/* The second half of an addition, from its four products. */
static void add_tail(struct point *r, const struct fe *a, const struct fe *b,
                     const struct fe *f, const struct fe *g)
{
    struct fe e, h;

    fe_sub(&e, b, a);
    fe_add(&h, b, a);
    fe_mul(&r->x, &e, f);
    fe_mul(&r->y, g, &h);
    fe_mul(&r->t, &e, &h);
    fe_mul(&r->z, f, g);
}

void point_add(struct point *r, const struct point *p, const struct addend *q)
{
    struct fe a, b, c, d, f, g;

    fe_sub(&a, &p->y, &p->x);
    fe_mul(&a, &a, &q->diff);
    fe_add(&b, &p->y, &p->x);
    fe_mul(&b, &b, &q->sum);
    fe_mul(&c, &p->t, &q->t2d);
    fe_mul(&d, &p->z, &q->z2);
    fe_sub(&f, &d, &c);
    fe_add(&g, &d, &c);
    add_tail(r, &a, &b, &f, &g);
}

/* -(X, Y) is (-X, Y): sum and difference change places, 2dT its sign. */
void point_sub(struct point *r, const struct point *p, const struct addend *q)
{
    struct fe a, b, c, d, f, g;

    fe_sub(&a, &p->y, &p->x);
    fe_mul(&a, &a, &q->sum);
    fe_add(&b, &p->y, &p->x);
    fe_mul(&b, &b, &q->diff);
    fe_mul(&c, &p->t, &q->t2d);
    fe_mul(&d, &p->z, &q->z2);
    fe_add(&f, &d, &c);
    fe_sub(&g, &d, &c);
    add_tail(r, &a, &b, &f, &g);
}

void point_addend(struct addend *r, const struct point *p)
{
    fe_add(&r->sum, &p->y, &p->x);
    fe_sub(&r->diff, &p->y, &p->x);
    fe_add(&r->z2, &p->z, &p->z);
    fe_mul(&r->t2d, &p->t, &d2);
}

static void odd_multiples(struct addend *odd, size_t n, const struct point *p)
{
    struct point  twice, at = *p;
    struct addend step;

    point_double(&twice, p);
    point_addend(&step, &twice);
    for (size_t i = 0; i < n; i++) {
        point_addend(&odd[i], &at);
        point_add(&at, &at, &step);
    }
}

void point_multiples(struct multiples *r, const struct point *p)
{
    odd_multiples(r->odd, EDWARDS_TABLE, p);
}

bool point_has_small_order(const struct point *p)
{
    struct point q = *p;

    for (int i = 0; i < 3; i++)
        point_double(&q, &q);
    return fe_is_zero(&q.x) && fe_equal(&q.y, &q.z);
}

void edwards_setup(void)
{
    /* y = 4/5, x even: 58 66 66 .. 66 */
    uint8_t      encoded[32];
    struct point base;

    if (has_base)
        return;
    memset(encoded, 0x66, sizeof encoded);
    encoded[0] = 0x58;
    must(point_load(&base, encoded));
    odd_multiples(base_odd, BASE_TABLE, &base);
    has_base = true;
}

/* n bits from bit i on, zero above the scalar. */
static unsigned bits_at(const uint8_t scalar[32], int i, int n)
{
    unsigned v = 0;

    for (int k = 0; k < 2; k++)
        if (i / 8 + k < 32)
            v |= (unsigned)scalar[i / 8 + k] << (8 * k);
    return v >> (i % 8) & ((1u << n) - 1);
}

void digits_make(struct digits *r, const uint8_t scalar[32], int width)
{
    unsigned carry = 0;
    int      i     = 0;

    memset(r->d, 0, sizeof r->d);
    while (i < 256) {
        unsigned v = bits_at(scalar, i, width) + carry;

        if ((v & 1) == 0) { /* the carry, if any, moves on */
            carry = bits_at(scalar, i, 1) & carry;
            i++;
            continue;
        }
        carry   = v >> (width - 1) & 1;
        r->d[i] = (int8_t)((int)v - (carry ? 1 << width : 0));
        i += width;
    }
    r->d[256] = (int8_t)carry;
}

void point_add_digit(struct point *r, int d, const struct multiples *m)
{
    if (d > 0)
        point_add(r, r, &m->odd[d / 2]);
    else if (d < 0)
        point_sub(r, r, &m->odd[-d / 2]);
}

void point_add_base(struct point *r, int d)
{
    must(has_base);
    if (d > 0)
        point_add(r, r, &base_odd[d / 2]);
    else if (d < 0)
        point_sub(r, r, &base_odd[-d / 2]);
}
