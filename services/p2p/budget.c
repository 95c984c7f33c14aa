#include "p2p/budget.h"

#define SECOND INT64_C(1000000)

enum { SAVED_MIN = 64 << 10 };

static int64_t saved_max(const struct budget *b)
{
    return b->rate / 10 > SAVED_MIN ? b->rate / 10 : SAVED_MIN;
}

void budget_init(struct budget *b, int64_t rate, uint64_t now_us)
{
    *b       = (struct budget){ .rate = rate > 0 ? rate : 0, .at_us = now_us };
    b->bytes = saved_max(b);
}

/* Time is taken in whole bytes, so that slow rates lose nothing. */
void budget_time(struct budget *b, uint64_t now_us)
{
    uint64_t passed = now_us > b->at_us ? now_us - b->at_us : 0;
    int64_t  gained;

    if (b->rate == 0)
        return;
    if (passed >= (uint64_t)SECOND * 60) {
        b->bytes = saved_max(b);
        b->at_us = now_us;
        return;
    }
    if (__builtin_mul_overflow((int64_t)passed, b->rate, &gained))
        gained = INT64_MAX;
    gained /= SECOND;
    if (gained == 0)
        return;
    b->at_us += (uint64_t)(((__int128)gained * SECOND) / b->rate);
    if (gained > saved_max(b) - b->bytes)
        b->bytes = saved_max(b);
    else
        b->bytes += gained;
}

uint64_t budget_wait(const struct budget *b)
{
    if (budget_may(b))
        return 0;
    return (uint64_t)((__int128)(1 - b->bytes) * SECOND / b->rate) + 1;
}
