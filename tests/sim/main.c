/* sim [--seed N] [--runs N] [--seconds N [--cpu]] [--long N] [--real]
 *     [--verbose] [--test]
 *
 * Runs schedules from the seed on; at a violation says the seed and tells
 * that schedule again, and ends with status 1. */
#include "sim.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct options {
    uint64_t seed, runs, seconds, longs;
    bool     is_real, is_verbose, is_test, is_cpu;
};

struct totals {
    uint64_t schedules, heights, cut, failed, hash;
    uint64_t tally[TALLY_COUNT], had[TALLY_COUNT];
};

static bool read_number(char **argv, int *i, const char *name, uint64_t *out)
{
    if (strcmp(argv[*i], name) != 0)
        return false;
    must(argv[*i + 1]);
    *out = strtoull(argv[++*i], NULL, 0);
    return true;
}

static void read_options(struct options *o, char **argv)
{
    for (int i = 1; argv[i]; i++) {
        if (read_number(argv, &i, "--seed", &o->seed) ||
            read_number(argv, &i, "--runs", &o->runs) ||
            read_number(argv, &i, "--seconds", &o->seconds) ||
            read_number(argv, &i, "--long", &o->longs))
            continue;
        o->is_real |= strcmp(argv[i], "--real") == 0;
        o->is_verbose |= strcmp(argv[i], "--verbose") == 0;
        o->is_cpu |= strcmp(argv[i], "--cpu") == 0;
        o->is_test |= strcmp(argv[i], "--test") == 0;
    }
}

static void report(uint64_t seed, bool is_long, const struct options *o)
{
    struct plan p;

    plan_make(&p, seed, is_long);
    printf("FAIL SEED=%" PRIu64 "%s: %s\n", seed, is_long ? " (long)" : "",
           W.violation);
    plan_print(&W.plan);
    if (!o->is_verbose)
        world_run(&p, true);
}

static bool run_one(uint64_t seed, bool is_long, struct totals *t,
                    const struct options *o)
{
    struct plan p;

    plan_make(&p, seed, is_long);
    world_run(&p, o->is_verbose);
    t->schedules++;
    t->heights += (uint64_t)W.highest;
    t->cut += W.is_over;
    for (int i = 0; i < TALLY_COUNT; i++) {
        t->tally[i] += W.tally[i];
        t->had[i] += W.tally[i] > 0;
    }
    t->hash = mix64(t->hash, W.hash);
    if (!W.violation[0])
        return true;
    t->failed++;
    report(seed, is_long, o);
    return false;
}

/* The same seed makes the same trace. */
static bool is_repeatable(uint64_t seed)
{
    struct plan p;
    uint64_t    first;

    plan_make(&p, seed, false);
    world_run(&p, false);
    first = W.hash;
    world_run(&p, false);
    return W.hash == first;
}

static bool counts_cpu;

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(counts_cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_all(const struct options *o, struct totals *t)
{
    double end = o->seconds ? seconds_now() + (double)o->seconds : 1e300;

    for (uint64_t i = 0; i < o->runs && seconds_now() < end; i++)
        if (!run_one(o->seed + i, false, t, o))
            return;
    for (uint64_t i = 0; i < o->longs && seconds_now() < end; i++)
        if (!run_one(o->seed + i, true, t, o))
            return;
}

static void print_totals(const struct totals *t)
{
    static const char *const names[] = {
#define X(name, text) text,
        TALLIES(X)
#undef X
    };

    printf("%" PRIu64 " schedules, %" PRIu64 " heights decided, %" PRIu64
           " cut short; trace %016" PRIx64 "\n",
           t->schedules, t->heights, t->cut, t->hash);
    for (int i = 0; i < TALLY_COUNT; i++)
        printf("%12" PRIu64 " %-42s in %5.1f %% of schedules (%" PRIu64 ")\n",
               t->tally[i], names[i],
               100.0 * (double)t->had[i] /
                   (double)(t->schedules + !t->schedules),
               t->had[i]);
}

int main(int argc, char **argv)
{
    struct options o = { .seed = 1, .runs = UINT64_MAX };
    struct totals  t = { 0 };
    bool           is_same;

    UNUSED(argc);
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_options(&o, argv);
    counts_cpu = o.is_cpu;
    must(log_setup("sim", LOG_PLAIN, "none"));
    crypto_setup();
    crypto_use_stubs(!o.is_real);
    world_open();
    is_same = is_repeatable(o.seed);
    if (!is_same)
        printf("FAIL SEED=%" PRIu64 " makes two different traces\n", o.seed);
    run_all(&o, &t);
    print_totals(&t);
    if (o.is_test)
        printf("%" PRIu64 " passed, %" PRIu64 " failed, 0 skipped\n",
               t.schedules - t.failed + is_same, t.failed + !is_same);
    else
        printf("%" PRIu64 " violations\n", t.failed);
    return t.failed > 0 || !is_same;
}
