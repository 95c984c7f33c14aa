#include "loop/loop.h"

#include "base/log.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

enum { SIGNALS_MAX = 8, BURST_CALLBACKS = 64 };

struct signal_watch {
    struct event *ev;
    loop_fn      *fn;
    void         *ctx;
};

struct loop {
    struct event_base  *base;
    struct signal_watch signals[SIGNALS_MAX];
    size_t              signal_count;
};

/* libevent's own complaints; none is expected. */
static void on_libevent_log(int severity, const char *text)
{
    log_event(severity >= EVENT_LOG_ERR ? LOG_BUG : LOG_DEBUG, "libevent",
              LOG_STR("text", text));
}

struct loop *loop_new(void)
{
    struct loop         *l   = calloc(1, sizeof *l);
    struct event_config *cfg = event_config_new();

    must(l && cfg);
    event_set_log_callback(on_libevent_log);
    /* A timerfd: without it epoll rounds time-outs up to milliseconds. */
    event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
    event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
    /* Look at the descriptors again even if deferred calls never end. */
    event_config_set_max_dispatch_interval(cfg, NULL, BURST_CALLBACKS, 0);
    l->base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    must_get(l->base, "event loop");
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->signal_count; i++)
        event_free(l->signals[i].ev);
    event_base_free(l->base);
    free(l);
}

void loop_run(struct loop *l)
{
    event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *l)
{
    event_base_loopbreak(l->base);
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

struct stamp now_stamp(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (struct stamp){ t.tv_sec, (int32_t)t.tv_nsec };
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct timer *t = ctx;

    UNUSED(fd);
    UNUSED(what);
    t->fn(t->ctx);
}

void timer_init(struct timer *t, struct loop *l, loop_fn *fn, void *ctx)
{
    *t    = (struct timer){ .fn = fn, .ctx = ctx };
    t->ev = event_new(l->base, -1, 0, on_timer, t);
    must(t->ev);
}

void timer_set(struct timer *t, uint64_t us)
{
    struct timeval tv = { .tv_sec  = (time_t)(us / 1000000),
                          .tv_usec = (suseconds_t)(us % 1000000) };

    event_add(t->ev, &tv);
}

void timer_clear(struct timer *t)
{
    event_del(t->ev);
}

void timer_fini(struct timer *t)
{
    if (t->ev)
        event_free(t->ev);
    t->ev = NULL;
}

static void on_watch(evutil_socket_t fd, short what, void *ctx)
{
    struct watch *w = ctx;

    UNUSED(fd);
    UNUSED(what);
    w->fn(w->ctx);
}

void watch_init(struct watch *w, struct loop *l, int fd, int what, loop_fn *fn,
                void *ctx)
{
    short flags = EV_PERSIST;

    if (what & WATCH_READ)
        flags |= EV_READ;
    if (what & WATCH_WRITE)
        flags |= EV_WRITE;
    *w    = (struct watch){ .fn = fn, .ctx = ctx };
    w->ev = event_new(l->base, fd, flags, on_watch, w);
    must(w->ev);
    event_add(w->ev, NULL);
}

void watch_pause(struct watch *w, bool is_paused)
{
    if (is_paused)
        event_del(w->ev);
    else
        event_add(w->ev, NULL);
}

void watch_fini(struct watch *w)
{
    if (w->ev)
        event_free(w->ev);
    w->ev = NULL;
}

static void on_deferred(evutil_socket_t fd, short what, void *ctx)
{
    struct deferred *d = ctx;

    UNUSED(fd);
    UNUSED(what);
    d->fn(d->ctx);
}

void deferred_init(struct deferred *d, struct loop *l, loop_fn *fn, void *ctx)
{
    *d    = (struct deferred){ .fn = fn, .ctx = ctx };
    d->ev = event_new(l->base, -1, 0, on_deferred, d);
    must(d->ev);
}

void deferred_set(struct deferred *d)
{
    event_active(d->ev, EV_TIMEOUT, 0);
}

void deferred_fini(struct deferred *d)
{
    if (d->ev)
        event_free(d->ev);
    d->ev = NULL;
}

static void on_signal(evutil_socket_t signo, short what, void *ctx)
{
    struct signal_watch *s = ctx;

    UNUSED(signo);
    UNUSED(what);
    s->fn(s->ctx);
}

void loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *ctx)
{
    struct signal_watch *s = &l->signals[l->signal_count];

    must(l->signal_count < SIGNALS_MAX);
    *s    = (struct signal_watch){ .fn = fn, .ctx = ctx };
    s->ev = event_new(l->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, s);
    must(s->ev);
    event_add(s->ev, NULL);
    l->signal_count++;
}
