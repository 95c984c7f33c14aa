#include "mempool/journal.h"

#include "base/buf.h"
#include "mempool/segments.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    KEEP_SEGMENTS = 2,
    LAZY_US       = 50000,   /* what nobody waits for may take, */
    IDLE_US       = 1000000, /* a block without transactions even this, */
    LAZY_BYTES    = 1 << 20, /* or until so much is there */
    WAITING_MAX   = 1 << 30,
    TX_HEAD       = 32,
    BLOCK_HEAD    = 24,
};

enum record_type { TYPE_TX = 1, TYPE_BLOCK, TYPE_DROP, TYPE_CLEAR };

_Static_assert(BLOCK_HEAD + JOURNAL_BLOCK_TX_BYTES * (uint64_t)BLOCK_TXS_MAX <
                   RECORD_BODY_MAX,
               "a record holds the transactions of any block");

/* What the thread works on. */
struct job {
    struct buf bytes;
    int        fd;
    int        error; /* errno */
    bool       is_worked;
    bool       ends_segment;
    uint64_t   mark, sync_us;
};

struct journal {
    struct segments      segments;
    struct journal_fns   fns;
    void                *ctx;
    struct pool         *pool;
    struct deferred      kick;
    struct timer         lazy;
    uint64_t             lazy_us;   /* when it fires; 0: it does not run */
    bool                 is_urgent; /* do not wait for it */
    struct buf           fill;      /* waits for the job to come back */
    struct job           job;
    bool                 is_flying, is_failed;
    uint64_t             mark, durable;
    struct journal_block last; /* opens each segment */
};

/* ---- reading ---- */

static int64_t get_i64(const uint8_t *p)
{
    return (int64_t)load_be64(p);
}

/* Who hears of the records. */
struct reader {
    const struct journal_fns *fns;
    void                     *ctx;
    struct journal_block     *last; /* may be NULL */
};

static bool read_tx(const struct reader *r, uint32_t segment, struct span in)
{
    if (in.n < TX_HEAD)
        return false;
    r->fns->on_tx(r->ctx, &(struct journal_tx){
                              .seq     = load_be64(in.p),
                              .origin  = load_be64(in.p + 8),
                              .height  = get_i64(in.p + 16),
                              .gas     = get_i64(in.p + 24),
                              .bytes   = SPAN(in.p + TX_HEAD, in.n - TX_HEAD),
                              .segment = segment });
    return true;
}

static bool read_block(const struct reader *r, struct span in)
{
    struct journal_block b;

    if (in.n < BLOCK_HEAD || (in.n - BLOCK_HEAD) % JOURNAL_BLOCK_TX_BYTES != 0)
        return false;
    b = (struct journal_block){ .height    = get_i64(in.p),
                                .max_bytes = get_i64(in.p + 8),
                                .max_gas   = get_i64(in.p + 16) };
    if (r->last)
        *r->last = b;
    b.txs = in.p + BLOCK_HEAD;
    b.n   = (in.n - BLOCK_HEAD) / JOURNAL_BLOCK_TX_BYTES;
    r->fns->on_block(r->ctx, &b);
    return true;
}

static bool on_record(void *ctx, uint32_t segment, struct span body)
{
    const struct reader *r = ctx;
    struct span          in;

    if (body.n == 0)
        return false;
    in = SPAN(body.p + 1, body.n - 1);
    switch (body.p[0]) {
    case TYPE_TX: return read_tx(r, segment, in);
    case TYPE_BLOCK: return read_block(r, in);
    case TYPE_DROP:
        if (in.n != HASH_BYTES + 1)
            return false;
        r->fns->on_drop(r->ctx, in.p, in.p[HASH_BYTES] != 0);
        return true;
    case TYPE_CLEAR:
        if (in.n != 0)
            return false;
        r->fns->on_clear(r->ctx);
        return true;
    default: return false;
    }
}

size_t journal_replay(struct span in, uint32_t segment,
                      const struct journal_fns *fns, void *ctx)
{
    struct reader r = { fns, ctx, NULL };

    return segments_replay(in, segment, on_record, &r);
}

/* ---- writing ---- */

static void work(void *ctx)
{
    struct job    *job  = ctx;
    const uint8_t *p    = job->bytes.p;
    size_t         left = job->bytes.len;
    uint64_t       began;

    job->is_worked = true;
    while (left > 0) {
        ssize_t n = write(job->fd, p, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            job->error = errno;
            return;
        }
        p += n;
        left -= (size_t)n;
    }
    began = now_us();
    if (fdatasync(job->fd) < 0)
        job->error = errno;
    job->sync_us = now_us() - began;
}

static void done(void *ctx)
{
    struct job     *job = ctx;
    struct journal *j   = CONTAINER_OF(job, struct journal, job);

    j->is_flying = false;
    buf_clear(&job->bytes);
    if (job->ends_segment)
        close(job->fd);
    if (job->error) {
        j->is_failed = true;
        j->fns.on_failed(j->ctx, fail(ERR_DISK,
                                      "cannot write the mempool's journal"
                                      " in %s: %s; free space, then restart",
                                      j->segments.dir, strerror(job->error)));
        return;
    }
    metric_observe(&metric_fsync_seconds, "journal", NULL,
                   (double)job->sync_us / 1e6);
    j->durable = job->mark;
    segments_drop(&j->segments, j->durable, KEEP_SEGMENTS);
    j->fns.on_durable(j->ctx);
    if (j->is_urgent)
        deferred_set(&j->kick);
}

/* Give the thread all that came since the last time. */
static void kick(void *ctx)
{
    struct journal *j     = ctx;
    struct buf      empty = j->job.bytes;
    enum err        e     = OK;

    if (j->is_flying || j->is_failed || j->fill.len == 0)
        return;
    must(!j->fill.is_full);
    j->is_urgent = false;
    j->job =
        (struct job){ .bytes = j->fill, .fd = j->segments.fd, .mark = j->mark };
    j->fill = empty;
    if (segments_is_full(&j->segments)) {
        j->job.ends_segment = true;
        e                   = segments_next(&j->segments);
    }
    if (e) {
        j->is_failed = true;
        j->fns.on_failed(j->ctx, e);
        return;
    }
    if (j->job.ends_segment && j->last.height > 0)
        journal_add_block(j, &j->last);
    j->is_flying = true;
    must(pool_submit(j->pool, work, done, &j->job));
}

/* Room for a record's body of n bytes; end_record finishes it. */
static uint8_t *begin_record(struct journal *j, enum record_type type, size_t n)
{
    uint8_t *p = buf_room(&j->fill, 8 + 1 + n);

    must(p != NULL);
    p[8] = (uint8_t)type;
    return p + 9;
}

static void hurry(struct journal *j)
{
    j->is_urgent = true;
    deferred_set(&j->kick);
}

static void on_lazy(void *ctx)
{
    struct journal *j = ctx;

    j->lazy_us = 0;
    hurry(j);
}

/* A record that nobody waits for goes with the next that somebody does, or
 * after so long; 0: at once. */
static void end_record(struct journal *j, uint8_t *p, size_t n, uint64_t wait)
{
    uint64_t at = now_us() + wait;

    segments_seal(&j->segments, p - 9, n + 1);
    j->mark++;
    if (wait == 0 || j->fill.len >= LAZY_BYTES) {
        hurry(j);
    } else if (j->lazy_us == 0 || at < j->lazy_us) {
        j->lazy_us = at;
        timer_set(&j->lazy, wait);
    }
}

uint32_t journal_add_tx(struct journal *j, const struct journal_tx *tx)
{
    size_t   n       = TX_HEAD + tx->bytes.n;
    uint8_t *p       = begin_record(j, TYPE_TX, n);
    uint32_t segment = j->segments.last;

    store_be64(p, tx->seq);
    store_be64(p + 8, tx->origin);
    store_be64(p + 16, (uint64_t)tx->height);
    store_be64(p + 24, (uint64_t)tx->gas);
    if (tx->bytes.n)
        memcpy(p + TX_HEAD, tx->bytes.p, tx->bytes.n);
    end_record(j, p, n, tx->origin != 0 ? 0 : LAZY_US);
    segments_hold(&j->segments, segment, 1 + TX_HEAD + tx->bytes.n);
    return segment;
}

void journal_add_block(struct journal *j, const struct journal_block *b)
{
    size_t   n = BLOCK_HEAD + b->n * JOURNAL_BLOCK_TX_BYTES;
    uint8_t *p = begin_record(j, TYPE_BLOCK, n);

    store_be64(p, (uint64_t)b->height);
    store_be64(p + 8, (uint64_t)b->max_bytes);
    store_be64(p + 16, (uint64_t)b->max_gas);
    if (b->n)
        memcpy(p + BLOCK_HEAD, b->txs, b->n * JOURNAL_BLOCK_TX_BYTES);
    end_record(j, p, n, b->n > 0 ? LAZY_US : IDLE_US);
    j->last = (struct journal_block){ .height    = b->height,
                                      .max_bytes = b->max_bytes,
                                      .max_gas   = b->max_gas };
}

void journal_add_drop(struct journal *j, const uint8_t key[HASH_BYTES],
                      bool uncache)
{
    uint8_t *p = begin_record(j, TYPE_DROP, HASH_BYTES + 1);

    memcpy(p, key, HASH_BYTES);
    p[HASH_BYTES] = uncache;
    end_record(j, p, HASH_BYTES + 1, LAZY_US);
}

void journal_add_clear(struct journal *j)
{
    end_record(j, begin_record(j, TYPE_CLEAR, 0), 0, 0);
}

/* ---- what is held ---- */

void journal_release(struct journal *j, uint32_t segment, size_t bytes)
{
    segments_release(&j->segments, segment, 1 + TX_HEAD + bytes, j->mark);
}

void journal_adopt(struct journal *j, uint32_t segment, size_t bytes)
{
    segments_hold(&j->segments, segment, 1 + TX_HEAD + bytes);
}

uint32_t journal_crowded(const struct journal *j)
{
    return segments_crowded(&j->segments, KEEP_SEGMENTS);
}

uint64_t journal_mark(const struct journal *j)
{
    return j->mark;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable;
}

size_t journal_waiting(const struct journal *j)
{
    return j->fill.len + (j->is_flying ? j->job.bytes.len : 0);
}

uint64_t journal_bytes(const struct journal *j)
{
    return j->segments.bytes;
}

/* ---- opening ---- */

enum err journal_open(struct journal **out, struct loop *l, const char *dir,
                      size_t segment_bytes, const struct journal_fns *fns,
                      void *ctx)
{
    struct journal *j = calloc(1, sizeof *j);
    struct reader   r = { .fns = fns, .ctx = ctx };
    enum err        e;

    must(j != NULL);
    r.last = &j->last;
    j->fns = *fns;
    j->ctx = ctx;
    buf_init(&j->fill, WAITING_MAX);
    buf_init(&j->job.bytes, WAITING_MAX);
    e = segments_open(&j->segments, dir,
                      segment_bytes ? segment_bytes : JOURNAL_SEGMENT_BYTES,
                      on_record, &r);
    if (e) {
        free(j);
        return e;
    }
    j->pool = pool_new(l, 1, 1);
    deferred_init(&j->kick, l, kick, j);
    timer_init(&j->lazy, l, on_lazy, j);
    *out = j;
    return OK;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    pool_free(j->pool); /* waits for what it works on */
    if (j->is_flying && !j->job.is_worked)
        work(&j->job);
    if (j->is_flying && j->job.ends_segment)
        close(j->job.fd);
    if (j->fill.len && !j->is_failed && !j->job.error) {
        buf_fini(&j->job.bytes);
        j->job = (struct job){ .bytes = j->fill, .fd = j->segments.fd };
        buf_init(&j->fill, 0);
        work(&j->job);
    }
    deferred_fini(&j->kick);
    timer_fini(&j->lazy);
    segments_close(&j->segments);
    buf_fini(&j->fill);
    buf_fini(&j->job.bytes);
    free(j);
}
