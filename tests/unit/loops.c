#include "loops.h"

struct deadline {
    struct loop *loop;
    bool         is_over;
};

static void on_deadline(void *ctx)
{
    struct deadline *d = ctx;

    d->is_over = true;
    loop_stop(d->loop);
}

bool run_for(struct loop *l, uint64_t ms)
{
    struct deadline d = { l, false };
    struct timer    t;

    timer_init(&t, l, on_deadline, &d);
    timer_set(&t, ms * 1000);
    loop_run(l);
    timer_fini(&t);
    return !d.is_over;
}
