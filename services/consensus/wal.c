#include "consensus/wal.h"

#include "base/limits.h"
#include "base/log.h"
#include "consensus/wal_files.h"
#include "loop/loop.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES_MAX  = 10 << 20,
    TOTAL_BYTES_MAX = 1 << 30,
    BUFFER_BYTES    = 256 << 10,
    PATH_BYTES      = 4096,
};

struct wal {
    struct wal_files files;
    int              fd;
    uint64_t         head_bytes; /* in the file */
    uint64_t         head_max, total_max;
    int              ended; /* the file with the last EndHeight; 0: not known */
    uint8_t          buffer[BUFFER_BYTES];
    size_t           buffered;
    bool             is_synced;
    /* The last record, while it can be taken back: where it begins, and
     * is_synced before it. */
    bool   can_take_back, was_synced;
    size_t last_at;
};

static enum err disk_error(const struct wal *w, const char *doing)
{
    return fail(ERR_DISK,
                "wal %s: %s: %s; free or repair the disk and start again",
                w->files.head, doing, strerror(errno));
}

/* ---- opening ---- */

/* The first corrupt record, and whether one stands behind it that was written
 * after a sync, so that the damage is none of a power cut. */
struct damage {
    bool        is_there, was_synced;
    uint64_t    at;
    const char *why;
};

static bool is_record_at(struct span bytes, size_t at)
{
    const uint8_t *p = bytes.p + at;
    size_t         n;

    if (bytes.n - at < 8)
        return false;
    n = load_be32(p + 4);
    return n > 0 && n <= WAL_RECORD_BYTES_MAX && n <= bytes.n - at - 8 &&
           crc32c(SPAN(p + 8, n)) == load_be32(p);
}

/* Signed by us, and not before all that led to it was on the disk. */
static bool is_after_sync(const struct timed_wal_msg *m)
{
    return m->msg->which == WAL_MSG_INFO && m->msg->msg_info->peer_id.n == 0 &&
           m->msg->msg_info->msg.which == CONSENSUS_VOTE;
}

static bool has_sync_behind(struct span bytes, size_t at, struct arena *a)
{
    struct timed_wal_msg m;
    const char          *why;

    while (at < bytes.n) {
        struct wal_reader r      = { .bytes = bytes, .at = at };
        size_t            mark   = arena_mark(a);
        bool              is_one = is_record_at(bytes, at), is_found;

        is_found = is_one && wal_next(&r, &m, a, &why) == WAL_RECORD &&
                   is_after_sync(&m);
        arena_release(a, mark);
        if (is_found)
            return true;
        at = is_one ? r.at : at + 1;
    }
    return false;
}

static struct damage find_damage(struct span bytes, struct arena *a)
{
    struct wal_reader    r = { .bytes = bytes };
    struct damage        d = { 0 };
    struct timed_wal_msg m;
    enum wal_verdict     v;

    do {
        size_t mark = arena_mark(a);

        v = wal_next(&r, &m, a, &d.why);
        arena_release(a, mark);
    } while (v == WAL_RECORD);
    d.at = r.start;
    /* Up to three stray bytes read as the end, but records that follow them
     * would not be found. */
    d.is_there = v == WAL_CORRUPT || r.start < bytes.n;
    if (v == WAL_END)
        d.why = "the header is cut off";
    d.was_synced = v == WAL_CORRUPT && has_sync_behind(bytes, d.at + 1, a);
    return d;
}

static enum err cut_tail(struct wal *w, const struct damage *d)
{
    if (ftruncate(w->fd, (off_t)d->at) != 0 || fdatasync(w->fd) != 0)
        return disk_error(w, "cut the torn tail");
    log_event(LOG_WARN, "wal_tail_cut", LOG_STR("file", w->files.head),
              LOG_UINT("byte", d->at), LOG_UINT("bytes", w->head_bytes - d->at),
              LOG_STR("why", d->why));
    w->head_bytes = d->at;
    return OK;
}

static enum err check_head(struct wal *w)
{
    struct arena  a;
    struct span   bytes;
    struct damage d;
    enum err      e = wal_files_read(&w->files, w->files.end, &bytes);

    if (e)
        return e;
    arena_open(&a, DECODE_ARENA_BYTES);
    w->head_bytes = bytes.n;
    d             = find_damage(bytes, &a);
    arena_close(&a);
    wal_files_unread(bytes);
    if (!d.is_there)
        return OK;
    if (d.was_synced)
        return wal_files_damaged(&w->files, w->files.end, d.at, d.why);
    return cut_tail(w, &d);
}

static enum err open_head(struct wal *w)
{
    struct stat st;

    w->fd =
        open(w->files.head, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (w->fd < 0 || fstat(w->fd, &st) != 0)
        return disk_error(w, "open");
    w->head_bytes = (uint64_t)st.st_size;
    /* Blocks set aside make syncs cheaper; the size stays as it is. */
    if (fallocate(w->fd, FALLOC_FL_KEEP_SIZE, 0, HEAD_BYTES_MAX) != 0)
        errno = 0;
    return wal_files_sync_dir(&w->files);
}

static enum err begin(struct wal *w)
{
    static uint8_t        mem[1024];
    struct arena          a;
    struct wal_end_height end = { 0 };
    struct wal_msg       body = { .which = WAL_END_HEIGHT, .end_height = &end };
    struct timed_wal_msg m    = { .msg = &body };
    enum err             e;

    arena_use(&a, mem, sizeof mem);
    e = wal_append(w, &m, &a);
    return e ? e : wal_sync(w);
}

enum err wal_open(struct wal **out, const char *path)
{
    struct wal *w = calloc(1, sizeof *w);
    enum err    e;

    must(w);
    w->fd        = -1;
    w->head_max  = HEAD_BYTES_MAX;
    w->total_max = TOTAL_BYTES_MAX;
    w->is_synced = true;
    e            = wal_files_find(&w->files, path);
    if (!e)
        e = open_head(w);
    if (!e && w->head_bytes > 0)
        e = check_head(w);
    if (!e && w->head_bytes == 0 && w->files.begin == w->files.end)
        e = begin(w);
    if (e) {
        wal_close(w);
        return e;
    }
    *out = w;
    return OK;
}

void wal_close(struct wal *w)
{
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

void wal_set_limits(struct wal *w, uint64_t head_max, uint64_t total_max)
{
    w->head_max  = head_max;
    w->total_max = total_max;
}

struct wal_files *wal_files_of(struct wal *w)
{
    return &w->files;
}

/* ---- appending ---- */

static enum err write_out(struct wal *w)
{
    size_t done = 0;

    w->can_take_back = false;
    while (done < w->buffered) {
        ssize_t n = write(w->fd, w->buffer + done, w->buffered - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            enum err e = disk_error(w, "write");

            /* Leave whole records behind. */
            if (ftruncate(w->fd, (off_t)w->head_bytes) != 0)
                return e;
            return e;
        }
        done += (size_t)n;
    }
    w->head_bytes += w->buffered;
    w->buffered = 0;
    return OK;
}

static enum err rotate(struct wal *w)
{
    enum err e = wal_sync(w);

    if (e)
        return e;
    if (ftruncate(w->fd, (off_t)w->head_bytes) != 0)
        return disk_error(w, "give back what was set aside");
    close(w->fd);
    w->fd = -1;
    e     = wal_files_rotate(&w->files);
    if (!e)
        e = open_head(w);
    return e ? e : wal_files_trim(&w->files, w->total_max, w->ended);
}

/* Longer than the buffer: straight to the file. */
static enum err put(struct wal *w, struct span record)
{
    enum err e = OK;

    for (size_t n; record.n > 0 && !e; record.p += n, record.n -= n) {
        n = BUFFER_BYTES - w->buffered;
        if (n > record.n)
            n = record.n;
        memcpy(w->buffer + w->buffered, record.p, n);
        w->buffered += n;
        if (w->buffered == BUFFER_BYTES)
            e = write_out(w);
    }
    return e;
}

enum err wal_append(struct wal *w, const struct timed_wal_msg *m,
                    struct arena *scratch)
{
    size_t      mark   = arena_mark(scratch);
    struct span record = wal_record_encode(m, scratch);
    enum err    e;

    if (!record.p)
        return fail(ERR_BUSY, "wal %s: a message of %zu bytes is too long",
                    w->files.head, record.n);
    w->can_take_back = true;
    w->was_synced    = w->is_synced;
    w->last_at       = w->buffered;
    w->is_synced     = false;
    e                = put(w, record);
    arena_release(scratch, mark);
    if (!e && w->head_bytes + w->buffered >= w->head_max)
        e = rotate(w);
    return e;
}

void wal_take_back(struct wal *w)
{
    if (!w->can_take_back)
        return;
    w->buffered      = w->last_at;
    w->is_synced     = w->was_synced;
    w->can_take_back = false;
}

enum err wal_append_end_height(struct wal *w, struct stamp now, int64_t height,
                               struct arena *scratch)
{
    struct wal_end_height end = { .height = height };
    struct wal_msg       body = { .which = WAL_END_HEIGHT, .end_height = &end };
    struct timed_wal_msg m    = { .time = now, .msg = &body };

    w->ended = w->files.end;
    return wal_append(w, &m, scratch);
}

enum err wal_sync(struct wal *w)
{
    uint64_t began;
    enum err e;

    if (w->is_synced)
        return OK;
    e = write_out(w);
    if (e)
        return e;
    began = now_us();
    if (fdatasync(w->fd) != 0)
        return disk_error(w, "sync");
    metric_since(&metric_fsync_seconds, "wal", NULL, began);
    w->is_synced = true;
    return OK;
}

enum err wal_flush(struct wal *w)
{
    return w->buffered > 0 ? write_out(w) : OK;
}

bool wal_is_synced(const struct wal *w)
{
    return w->is_synced;
}
