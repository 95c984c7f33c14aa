/* budget - so many bytes a second, with time given from outside.
 *
 * Units:   microseconds of a monotonic clock; bytes per second, 0 is no
 *          limit.
 * Shapes:  saves up at most a tenth of a second.  What is spent may exceed
 *          what there is: then nothing may be until that is made good. */
#ifndef WARREN_P2P_BUDGET_H
#define WARREN_P2P_BUDGET_H

#include "base/base.h"

struct budget {
    int64_t  rate, bytes; /* left; negative when overspent */
    uint64_t at_us;
};

void budget_init(struct budget *b, int64_t rate, uint64_t now_us);
void budget_time(struct budget *b, uint64_t now_us);

static inline bool budget_may(const struct budget *b)
{
    return b->rate == 0 || b->bytes > 0;
}

static inline void budget_spend(struct budget *b, size_t n)
{
    if (b->rate != 0)
        b->bytes -= (int64_t)n;
}

/* budget_wait - microseconds until something may be spent; 0: now. */
uint64_t budget_wait(const struct budget *b);

#endif
