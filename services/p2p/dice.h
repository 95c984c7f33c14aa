/* dice - chance that a seed decides, for timing and for picking addresses;
 * never for secrets.
 *
 * Source:  SplitMix64 (Steele, Lea and Flood, 2014). */
#ifndef WARREN_P2P_DICE_H
#define WARREN_P2P_DICE_H

#include "base/base.h"

struct dice {
    uint64_t state;
};

static inline uint64_t dice_roll(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* dice_below - 0 .. n - 1; 0 for n of 0. */
static inline uint64_t dice_below(struct dice *d, uint64_t n)
{
    return n ? dice_roll(d) % n : 0;
}

#endif
