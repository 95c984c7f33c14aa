#include "consensus/wal_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err disk_error(const struct wal_files *f, const char *doing)
{
    return fail(ERR_DISK, "wal %s: %s: %s", f->head, doing, strerror(errno));
}

static void name_of(const struct wal_files *f, int index,
                    char out[WAL_PATH_BYTES + 16])
{
    if (index == f->end)
        snprintf(out, WAL_PATH_BYTES + 16, "%s", f->head);
    else
        snprintf(out, WAL_PATH_BYTES + 16, "%s.%03d", f->head, index);
}

static enum err make_dir(const struct wal_files *f)
{
    if (mkdir(f->dir, 0700) != 0 && errno != EEXIST)
        return disk_error(f, "make the directory");
    return OK;
}

/* NNN of "wal.NNN", or -1. */
static int index_in(const char *name, const char *base)
{
    size_t n = strlen(base);
    long   v;

    if (strncmp(name, base, n) != 0 || name[n] != '.' || !name[n + 1])
        return -1;
    for (const char *p = name + n + 1; *p; p++)
        if (!isdigit((unsigned char)*p))
            return -1;
    v = strtol(name + n + 1, NULL, 10);
    return v < 1 << 30 ? (int)v : -1;
}

enum err wal_files_find(struct wal_files *f, const char *path)
{
    const char    *slash = strrchr(path, '/');
    struct dirent *d;
    DIR           *dir;
    int            min = -1, max = -1;

    must(slash); /* a path of the configuration is absolute */
    if (strlen(path) >= sizeof f->head)
        return fail(ERR_CONFIG, "consensus.wal_file: longer than %d bytes",
                    WAL_PATH_BYTES - 1);
    snprintf(f->head, sizeof f->head, "%s", path);
    snprintf(f->dir, sizeof f->dir, "%.*s", (int)(slash - path), path);
    if (make_dir(f))
        return ERR_DISK;
    dir = opendir(f->dir);
    if (!dir)
        return disk_error(f, "read the directory");
    while ((d = readdir(dir))) {
        int i = index_in(d->d_name, slash + 1);

        if (i >= 0 && (min < 0 || i < min))
            min = i;
        if (i > max)
            max = i;
    }
    closedir(dir);
    f->begin = min < 0 ? 0 : min;
    f->end   = max + 1;
    return OK;
}

enum err wal_files_sync_dir(const struct wal_files *f)
{
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    return rc == 0 ? OK : disk_error(f, "sync the directory");
}

enum err wal_files_rotate(struct wal_files *f)
{
    char to[WAL_PATH_BYTES + 16];

    f->end++;
    name_of(f, f->end - 1, to);
    if (rename(f->head, to) != 0)
        return disk_error(f, "rename the full head");
    return wal_files_sync_dir(f);
}

static uint64_t size_of(const struct wal_files *f, int index)
{
    char        name[WAL_PATH_BYTES + 16];
    struct stat st;

    name_of(f, index, name);
    return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t size_between(const struct wal_files *f, int from, int to)
{
    uint64_t sum = 0;

    for (int i = from; i < to; i++)
        sum += size_of(f, i);
    return sum;
}

enum err wal_files_trim(struct wal_files *f, uint64_t total, int ended)
{
    char     name[WAL_PATH_BYTES + 16];
    uint64_t all = size_between(f, f->begin, f->end + 1);
    uint64_t old = size_between(f, f->begin, ended);

    for (; f->begin < ended; f->begin++) {
        uint64_t n = size_of(f, f->begin);

        if (all <= total && old <= total / 16)
            break;
        all -= n;
        old -= n;
        name_of(f, f->begin, name);
        if (unlink(name) != 0 && errno != ENOENT)
            return disk_error(f, "remove the oldest file");
    }
    return OK;
}

static enum err read_all(const struct wal_files *f, int fd, size_t size,
                         struct span *bytes)
{
    uint8_t *p    = malloc(size + 1);
    size_t   done = 0;

    if (!p)
        return fail(ERR_CORRUPT, "wal %s: no memory for a file of %zu bytes",
                    f->head, size);
    while (done < size) {
        ssize_t n = read(fd, p + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(p);
            return disk_error(f, "read");
        }
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *bytes = SPAN(p, done);
    return OK;
}

enum err wal_files_read(const struct wal_files *f, int index,
                        struct span *bytes)
{
    char        name[WAL_PATH_BYTES + 16];
    struct stat st;
    enum err    e;
    int         fd;

    name_of(f, index, name);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) { /* dropped as one of the oldest */
        *bytes = (struct span){ 0 };
        return OK;
    }
    if (fd < 0)
        return disk_error(f, "open for reading");
    e = fstat(fd, &st) == 0 ? read_all(f, fd, (size_t)st.st_size, bytes)
                            : disk_error(f, "stat");
    close(fd);
    return e;
}

void wal_files_unread(struct span bytes)
{
    free((void *)(uintptr_t)bytes.p);
}

enum err wal_files_damaged(const struct wal_files *f, int index, uint64_t at,
                           const char *why)
{
    char name[WAL_PATH_BYTES + 16];

    name_of(f, index, name);
    return fail(ERR_CORRUPT,
                "wal %s: byte %" PRIu64 ": %s; what follows was written when"
                " this was on the disk, so it is damage and no torn write;"
                " restore the file, or if"
                " this validator's votes of the last minutes do not matter"
                " (it was stopped, or a copy of the chain is elsewhere) move"
                " the directory %s away",
                name, at, why, f->dir);
}
