/* The loop: order and time of calls, the pool's order and bounds. */
#include "test.h"

#include "loops.h"

#include <signal.h>
#include <unistd.h>

static struct loop *loop;
static char         trace[64];

static void note(void *ctx)
{
    strncat(trace, ctx, sizeof trace - strlen(trace) - 1);
}

TEST(timers_fire_in_order_and_once)
{
    struct timer a, b, c;

    loop     = loop_new();
    trace[0] = 0;
    timer_init(&a, loop, note, (char *)"a");
    timer_init(&b, loop, note, (char *)"b");
    timer_init(&c, loop, note, (char *)"c");
    timer_set(&a, 3000);
    timer_set(&b, 1000);
    timer_set(&c, 2000);
    timer_clear(&c);
    timer_set(&b, 2000);
    timer_set(&b, 500);
    run_for(loop, 20);
    CHECK_STR(trace, "ba");
    timer_fini(&a);
    timer_fini(&b);
    timer_fini(&c);
    loop_free(loop);
}

static uint64_t fired_at;
static void     note_time(void *ctx)
{
    UNUSED(ctx);
    fired_at = now_us();
    loop_stop(loop);
}

TEST(a_timer_is_exact_to_well_below_a_millisecond)
{
    struct timer t;
    uint64_t     best = UINT64_MAX;

    loop = loop_new();
    timer_init(&t, loop, note_time, NULL);
    for (int i = 0; i < 20; i++) {
        uint64_t start = now_us();

        timer_set(&t, 200);
        loop_run(loop);
        if (fired_at - start < best)
            best = fired_at - start;
    }
    CHECK(best < 600, "took %" PRIu64 " us", best);
    timer_fini(&t);
    loop_free(loop);
}

static struct deferred again;
static int             again_count;
static void            call_again(void *ctx)
{
    UNUSED(ctx);
    again_count++;
    deferred_set(&again);
}

TEST(many_sets_of_a_deferred_call_are_one)
{
    struct deferred d;

    loop     = loop_new();
    trace[0] = 0;
    deferred_init(&d, loop, note, (char *)"d");
    deferred_set(&d);
    deferred_set(&d);
    CHECK_STR(trace, "", "not from inside the call");
    run_for(loop, 2);
    CHECK_STR(trace, "d");
    deferred_fini(&d);
    loop_free(loop);
}

TEST(a_deferred_call_that_sets_itself_starves_nobody)
{
    loop        = loop_new();
    again_count = 0;
    deferred_init(&again, loop, call_again, NULL);
    deferred_set(&again);
    run_for(loop, 5); /* ends although the queue never empties */
    CHECK(again_count > 100, "%d", again_count);
    deferred_fini(&again);
    loop_free(loop);
}

TEST(signals_arrive_in_the_loop)
{
    loop     = loop_new();
    trace[0] = 0;
    loop_on_signal(loop, SIGUSR1, note, (char *)"s");
    kill(getpid(), SIGUSR1);
    run_for(loop, 5);
    CHECK_STR(trace, "s");
    loop_free(loop);
}

static char fd_bytes[8];
static int  pipe_fd[2];
static void on_pipe(void *ctx)
{
    UNUSED(ctx);
    if (read(pipe_fd[0], fd_bytes, 1) == 1)
        loop_stop(loop);
}

TEST(a_watch_reports_until_paused)
{
    struct watch w;

    loop = loop_new();
    CHECK_EQ(pipe(pipe_fd), 0);
    watch_init(&w, loop, pipe_fd[0], WATCH_READ, on_pipe, NULL);
    CHECK_EQ(write(pipe_fd[1], "xy", 2), 2);
    run_for(loop, 100);
    CHECK_EQ(fd_bytes[0], 'x');
    run_for(loop, 100);
    CHECK_EQ(fd_bytes[0], 'y');
    watch_pause(&w, true);
    CHECK_EQ(write(pipe_fd[1], "z", 1), 1);
    run_for(loop, 3);
    CHECK_EQ(fd_bytes[0], 'y');
    watch_pause(&w, false);
    run_for(loop, 100);
    CHECK_EQ(fd_bytes[0], 'z');
    watch_fini(&w);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    loop_free(loop);
}

/* ---- the pool ---- */

enum { JOBS = 64 };
static struct job {
    int  number;
    long sum;
} jobs[JOBS];
static int done_order[JOBS], done_count;

static void job_work(void *ctx)
{
    struct job *j = ctx;

    /* Early jobs take longest, so that they finish out of order. */
    usleep((useconds_t)(JOBS - j->number) * 20);
    j->sum = j->number * 2;
}

static void job_done(void *ctx)
{
    struct job *j = ctx;

    CHECK_EQ(j->sum, j->number * 2);
    done_order[done_count++] = j->number;
    if (done_count == JOBS)
        loop_stop(loop);
}

TEST(a_pool_is_done_in_the_order_of_submission)
{
    struct pool *p;

    loop       = loop_new();
    p          = pool_new(loop, 3, JOBS);
    done_count = 0;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){ .number = i };
        CHECK(pool_submit(p, job_work, job_done, &jobs[i]));
    }
    CHECK(!pool_submit(p, job_work, job_done, &jobs[0]), "the queue is full");
    run_for(loop, 2000);
    CHECK_EQ(done_count, JOBS);
    for (int i = 0; i < done_count; i++)
        CHECK_EQ(done_order[i], i);
    pool_free(p);
    loop_free(loop);
}

TEST(a_pool_can_be_freed_with_jobs_waiting)
{
    struct pool *p;

    loop = loop_new();
    p    = pool_new(loop, 1, JOBS);
    for (int i = 0; i < JOBS; i++)
        CHECK(pool_submit(p, job_work, job_done, &jobs[i]));
    pool_free(p);
    loop_free(loop);
}
