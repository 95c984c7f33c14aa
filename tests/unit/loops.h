/* loops - a test runs its loop for a while, or until something holds.
 *
 * Units:   milliseconds. */
#ifndef LOOPS_H
#define LOOPS_H

#include "loop/loop.h"

/* A busy machine takes its time, and no test is about how long. */
enum { LONG_MS = 60000 };

/* run_for - l runs until something stops it; false when ms went by first. */
bool run_for(struct loop *l, uint64_t ms);

/* These run the `loop` of the test that uses them, for LONG_MS at most.
 * WAIT_FOR checks cond in the end, as one case. */
#define RUN_UNTIL(cond)                                                        \
    for (uint64_t end_ = now_us() + LONG_MS * 1000;                            \
         !(cond) && now_us() < end_;)                                          \
    run_for(loop, 5)
#define WAIT_FOR(cond)                                                         \
    do {                                                                       \
        RUN_UNTIL(cond);                                                       \
        CHECK(cond, #cond);                                                    \
    } while (0)

#endif
