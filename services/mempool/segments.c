#include "mempool/segments.h"

#include "base/log.h"
#include "wire/walrec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 32 };

static void name_of(char out[NAME_BYTES], uint32_t number)
{
    snprintf(out, NAME_BYTES, "%08" PRIu32 ".log", number);
}

static struct segment *find(struct segments *s, uint32_t number)
{
    must(s->n > 0 && number >= s->v[0].number &&
         number - s->v[0].number < s->n);
    return &s->v[number - s->v[0].number];
}

static void add(struct segments *s, uint32_t number)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 16;
        s->v   = realloc(s->v, s->cap * sizeof *s->v);
        must(s->v != NULL);
    }
    s->v[s->n++] = (struct segment){ .number = number };
    s->last      = number;
}

/* ---- reading ---- */

static enum err io_failed(const struct segments *s, const char *what,
                          const char *name)
{
    return fail(ERR_DISK, "cannot %s %s/%s: %s", what, s->dir, name,
                strerror(errno));
}

size_t segments_replay(struct span in, uint32_t segment, segments_fn *fn,
                       void *ctx)
{
    size_t at = 0;

    while (in.n - at >= RECORD_HEAD) {
        uint32_t    n    = load_be32(in.p + at);
        struct span body = SPAN(in.p + at + RECORD_HEAD, n);

        if (n > in.n - at - RECORD_HEAD || n > RECORD_BODY_MAX ||
            load_be32(in.p + at + 4) != crc32c(body) || !fn(ctx, segment, body))
            break;
        at += RECORD_HEAD + n;
    }
    return at;
}

static enum err read_whole(struct segments *s, int fd, const char *name,
                           uint8_t **out, size_t *n)
{
    struct stat st;
    size_t      at = 0;

    if (fstat(fd, &st) < 0)
        return io_failed(s, "read", name);
    *n   = (size_t)st.st_size;
    *out = malloc(*n + 1);
    if (!*out)
        return fail(ERR_FAILED, "%s/%s: no memory for %zu bytes", s->dir, name,
                    *n);
    while (at < *n) {
        ssize_t k = read(fd, *out + at, *n - at);

        if (k <= 0) {
            free(*out);
            return io_failed(s, "read", name);
        }
        at += (size_t)k;
    }
    return OK;
}

static enum err cut(struct segments *s, int fd, const char *name, size_t from,
                    size_t size)
{
    log_event(LOG_INFO, "cut the torn tail of the journal",
              LOG_STR("file", name), LOG_UINT("bytes", size - from));
    if (ftruncate(fd, (off_t)from) < 0 || fsync(fd) < 0)
        return io_failed(s, "cut", name);
    return OK;
}

/* The next segment is made before the last bytes of this one are written, and
 * gets its first ones when these are on the disk. */
static bool may_be_torn(const struct segments *s, const uint32_t *numbers,
                        size_t behind)
{
    char        name[NAME_BYTES];
    struct stat st;

    if (behind != 1)
        return behind == 0;
    name_of(name, numbers[1]);
    return fstatat(s->dir_fd, name, &st, 0) == 0 && st.st_size == 0;
}

/* The first of those numbers, and how many are behind it. */
static enum err read_segment(struct segments *s, const uint32_t *numbers,
                             size_t behind, segments_fn *fn, void *ctx)
{
    char     name[NAME_BYTES];
    uint32_t number = numbers[0];
    int      fd;
    uint8_t *bytes = NULL;
    size_t   n     = 0, whole;
    enum err e;

    name_of(name, number);
    fd = openat(s->dir_fd, name, O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return io_failed(s, "open", name);
    e = read_whole(s, fd, name, &bytes, &n);
    if (e) {
        close(fd);
        return e;
    }
    add(s, number);
    whole = segments_replay(SPAN(bytes, n), number, fn, ctx);
    free(bytes);
    find(s, number)->bytes = whole;
    s->bytes += whole;
    if (whole < n)
        e = may_be_torn(s, numbers, behind)
                ? cut(s, fd, name, whole, n)
                : fail(ERR_CORRUPT,
                       "%s/%s: damaged at byte %zu of %zu; move %s away to"
                       " start without the pending transactions",
                       s->dir, name, whole, n, s->dir);
    if (e || behind > 0)
        close(fd);
    else
        s->fd = fd;
    return e;
}

/* ---- opening ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The numbers of the files that are there, ascending. */
static enum err list(struct segments *s, uint32_t **out, size_t *n)
{
    DIR           *d = opendir(s->dir);
    struct dirent *f;
    size_t         cap = 0;

    *out = NULL;
    *n   = 0;
    if (!d)
        return io_failed(s, "list", "");
    while ((f = readdir(d))) {
        uint32_t number;
        char     name[NAME_BYTES];

        if (sscanf(f->d_name, "%8" SCNu32, &number) != 1 || number == 0)
            continue;
        name_of(name, number);
        if (strcmp(name, f->d_name) != 0)
            continue;
        if (*n == cap) {
            cap  = cap ? 2 * cap : 64;
            *out = realloc(*out, cap * sizeof **out);
            must(*out != NULL);
        }
        (*out)[(*n)++] = number;
    }
    closedir(d);
    if (*n)
        qsort(*out, *n, sizeof **out, by_number);
    return OK;
}

static enum err read_all(struct segments *s, segments_fn *fn, void *ctx)
{
    uint32_t *numbers;
    size_t    n;
    enum err  e = list(s, &numbers, &n);

    for (size_t i = 0; !e && i < n; i++) {
        if (i > 0 && numbers[i] != numbers[i - 1] + 1)
            e = fail(ERR_CORRUPT,
                     "%s: %08" PRIu32 ".log is missing; move the directory"
                     " away to start without the pending transactions",
                     s->dir, numbers[i - 1] + 1);
        else
            e = read_segment(s, numbers + i, n - 1 - i, fn, ctx);
    }
    free(numbers);
    return e;
}

static enum err open_dir(struct segments *s)
{
    if (mkdir(s->dir, 0700) < 0 && errno != EEXIST)
        return io_failed(s, "make", "");
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return io_failed(s, "open", "");
    s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return io_failed(s, "open", "lock");
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return fail(ERR_BUSY, "%s: in use by another process", s->dir);
    return OK;
}

enum err segments_open(struct segments *s, const char *dir,
                       size_t segment_bytes, segments_fn *fn, void *ctx)
{
    enum err e;

    *s = (struct segments){ .dir           = strdup(dir),
                            .dir_fd        = -1,
                            .lock_fd       = -1,
                            .fd            = -1,
                            .segment_bytes = segment_bytes };
    must(s->dir != NULL);
    e = open_dir(s);
    if (!e)
        e = read_all(s, fn, ctx);
    if (!e && s->fd < 0)
        e = segments_next(s);
    if (e)
        segments_close(s);
    return e;
}

void segments_close(struct segments *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    free(s->v);
    free(s->dir);
}

enum err segments_next(struct segments *s)
{
    char name[NAME_BYTES];

    name_of(name, s->last + 1);
    s->fd = openat(s->dir_fd, name,
                   O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->fd < 0 || fsync(s->dir_fd) < 0)
        return io_failed(s, "make", name);
    add(s, s->last + 1);
    return OK;
}

/* ---- counting ---- */

void segments_seal(struct segments *s, uint8_t *record, size_t n)
{
    must(n > 0 && n <= RECORD_BODY_MAX);
    store_be32(record, (uint32_t)n);
    store_be32(record + 4, crc32c(SPAN(record + RECORD_HEAD, n)));
    find(s, s->last)->bytes += RECORD_HEAD + n;
    s->bytes += RECORD_HEAD + n;
}

bool segments_is_full(const struct segments *s)
{
    return s->v[s->n - 1].bytes >= s->segment_bytes;
}

void segments_hold(struct segments *s, uint32_t segment, size_t bytes)
{
    find(s, segment)->held++;
    s->held_bytes += RECORD_HEAD + bytes;
}

void segments_release(struct segments *s, uint32_t segment, size_t bytes,
                      uint64_t mark)
{
    struct segment *g = find(s, segment);

    must(g->held > 0);
    g->held--;
    g->released = mark;
    s->held_bytes -= RECORD_HEAD + bytes;
}

void segments_drop(struct segments *s, uint64_t durable, size_t keep)
{
    while (s->n > keep && s->v[0].held == 0 && s->v[0].released <= durable) {
        char name[NAME_BYTES];

        name_of(name, s->v[0].number);
        if (unlinkat(s->dir_fd, name, 0) < 0)
            return; /* next time, perhaps */
        s->bytes -= s->v[0].bytes;
        s->n--;
        memmove(s->v, s->v + 1, s->n * sizeof *s->v);
    }
}

uint32_t segments_crowded(const struct segments *s, size_t keep)
{
    if (s->n <= keep + 1 ||
        s->bytes <= 2 * s->held_bytes + (keep + 1) * s->segment_bytes)
        return 0;
    return s->v[0].number;
}
