/* loop - one event loop per process: timers, descriptors, signals, workers.
 *
 * Source:  libevent 2.1; lib/loop is its only includer.
 * Units:   timers in microseconds of the monotonic clock.
 * Memory:  timers, watches and deferred calls are embedded in their owner,
 *          which must not move; *_fini before it goes, also from inside their
 *          own fn. */
#ifndef WARREN_LOOP_H
#define WARREN_LOOP_H

#include "base/err.h"
#include "base/stamp.h"

struct loop;
struct event;

struct loop       *loop_new(void);
void               loop_free(struct loop *l);
void               loop_run(struct loop *l); /* until loop_stop */
void               loop_stop(struct loop *l);
struct event_base *loop_base(struct loop *l); /* for lib/loop only */

uint64_t     now_us(void);    /* monotonic */
struct stamp now_stamp(void); /* the wall clock */

typedef void loop_fn(void *ctx);

struct timer {
    struct event *ev;
    loop_fn      *fn;
    void         *ctx;
};
void timer_init(struct timer *t, struct loop *l, loop_fn *fn, void *ctx);
void timer_set(struct timer *t, uint64_t us); /* once, replaces what was set */
void timer_clear(struct timer *t);
void timer_fini(struct timer *t);

/* A descriptor that becomes readable or writable (level-triggered). */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch {
    struct event *ev;
    loop_fn      *fn;
    void         *ctx;
};
void watch_init(struct watch *w, struct loop *l, int fd, int what, loop_fn *fn,
                void *ctx);
void watch_pause(struct watch *w, bool is_paused);
void watch_fini(struct watch *w);

/* fn(ctx) once after the events that are being handled now. */
struct deferred {
    struct event *ev;
    loop_fn      *fn;
    void         *ctx;
};
void deferred_init(struct deferred *d, struct loop *l, loop_fn *fn, void *ctx);
void deferred_set(struct deferred *d); /* many sets before it runs are one */
void deferred_fini(struct deferred *d);

/* loop_on_signal - fn(ctx) in the loop when signo arrives. */
void loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *ctx);

/* A pool for pure, bounded work: work() runs on a thread and touches only
 * ctx; done() runs in the loop, in the order of submission. */
struct pool;
struct pool *pool_new(struct loop *l, size_t threads, size_t queue_max);
/* pool_free - waits for jobs that run; those that wait are dropped, and no
 * done() is called any more. */
void pool_free(struct pool *p);
/* pool_submit - false when queue_max jobs wait: push back. */
NODISCARD bool pool_submit(struct pool *p, loop_fn *work, loop_fn *done,
                           void *ctx);

#endif
