/* edwards25519 - the group of ed25519, for public data only.
 *
 * Source:  RFC 8032; Hisil, Wong, Carter and Dawson, "Twisted Edwards Curves
 *          Revisited" (2008), whose addition is complete on this curve.
 * Shapes:  points are extended coordinates (X : Y : Z : T), T = XY / Z.
 *          Time depends on the values. */
#ifndef WARREN_EDWARDS25519_H
#define WARREN_EDWARDS25519_H

#include "crypto/field25519.h"

struct point {
    struct fe x, y, z, t;
};

/* A point made ready to be added: Y + X, Y - X, 2Z, 2dT. */
struct addend {
    struct fe sum, diff, z2, t2d;
};

/* Odd multiples 1, 3, 5 ... of a point. */
enum {
    EDWARDS_WIDTH      = 5,
    EDWARDS_TABLE      = 1 << (EDWARDS_WIDTH - 2),
    EDWARDS_BASE_WIDTH = 8,
};
struct multiples {
    struct addend odd[EDWARDS_TABLE];
};

/* A scalar in signed odd digits, zero between; of at most 256 bits. */
struct digits {
    int8_t d[257];
};

/* edwards_setup - the table of the base point, once. */
void edwards_setup(void);

/* point_load - any encoding that ZIP-215 accepts: y may be p or more, and x
 * = 0 may have its sign bit set.  False when there is no such point. */
NODISCARD bool point_load(struct point *r, const uint8_t in[32]);
void           point_identity(struct point *r);
/* point_has_small_order - is [8]p the identity? */
bool point_has_small_order(const struct point *p);

void point_double(struct point *r, const struct point *p);
void point_add(struct point *r, const struct point *p, const struct addend *q);
void point_sub(struct point *r, const struct point *p, const struct addend *q);
void point_addend(struct addend *r, const struct point *p);
void point_multiples(struct multiples *r, const struct point *p);

/* digits_make - of a little-endian scalar below 2^255; width 5 or 8. */
void digits_make(struct digits *r, const uint8_t scalar[32], int width);
/* point_add_digit - r += d * the table's point, for a digit of width 5. */
void point_add_digit(struct point *r, int d, const struct multiples *m);
/* point_add_base - r += d * B, for a digit of width 8. */
void point_add_base(struct point *r, int d);

#endif
