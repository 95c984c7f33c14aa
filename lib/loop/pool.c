/* The pool of pure work: a ring of jobs that threads take in order and whose
 * done() the loop calls in order. */
#include "loop/loop.h"

#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    loop_fn *work, *done;
    void    *ctx;
    bool     is_finished;
};

/* Counters only grow: job i lives in ring[i % cap], and
 * done <= taken <= submitted <= done + cap. */
struct pool {
    struct job     *ring;
    size_t          cap;
    uint64_t        submitted, taken, done;
    bool            is_stopping;
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    pthread_t      *threads;
    size_t          thread_count;
    int             fd; /* an eventfd: some job has finished */
    struct watch    watch;
};

static void *pool_thread(void *ctx)
{
    struct pool *p   = ctx;
    uint64_t     one = 1;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct job *j;

        while (p->taken == p->submitted && !p->is_stopping)
            pthread_cond_wait(&p->wake, &p->lock);
        if (p->is_stopping)
            break;
        j = &p->ring[p->taken++ % p->cap];
        pthread_mutex_unlock(&p->lock);
        j->work(j->ctx);
        pthread_mutex_lock(&p->lock);
        j->is_finished = true;
        if (j == &p->ring[p->done % p->cap])
            must(write(p->fd, &one, sizeof one) == sizeof one);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool pool_next_done(struct pool *p, struct job *j)
{
    bool is_there;

    pthread_mutex_lock(&p->lock);
    *j       = p->ring[p->done % p->cap];
    is_there = p->done < p->taken && j->is_finished;
    if (is_there)
        p->done++;
    pthread_mutex_unlock(&p->lock);
    return is_there;
}

static void pool_drain(void *ctx)
{
    struct pool *p = ctx;
    uint64_t     count;
    struct job   j;

    if (read(p->fd, &count, sizeof count) < 0)
        return;
    while (pool_next_done(p, &j))
        j.done(j.ctx);
}

struct pool *pool_new(struct loop *l, size_t threads, size_t queue_max)
{
    struct pool *p = calloc(1, sizeof *p);
    sigset_t     all, old;

    must(p && threads > 0 && queue_max > 0);
    p->cap     = queue_max;
    p->ring    = calloc(queue_max, sizeof *p->ring);
    p->threads = calloc(threads, sizeof *p->threads);
    p->fd      = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(p->ring && p->threads);
    must_get(p->fd >= 0, "event descriptor");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    watch_init(&p->watch, l, p->fd, WATCH_READ, pool_drain, p);

    /* Signals belong to the loop's thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (; p->thread_count < threads; p->thread_count++) {
        errno =
            pthread_create(&p->threads[p->thread_count], NULL, pool_thread, p);
        must_get(errno == 0, "thread");
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return p;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    watch_fini(&p->watch);
    close(p->fd);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p->ring);
    free(p);
}

bool pool_submit(struct pool *p, loop_fn *work, loop_fn *done, void *ctx)
{
    bool has_room;

    pthread_mutex_lock(&p->lock);
    has_room = p->submitted - p->done < p->cap;
    if (has_room) {
        p->ring[p->submitted++ % p->cap] =
            (struct job){ .work = work, .done = done, .ctx = ctx };
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return has_room;
}
