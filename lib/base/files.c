#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_AT_ONCE = 1 << 16 };

static enum err failed(const char *path, const char *doing)
{
    return fail(ERR_DISK, "%s: cannot %s: %s", path, doing, strerror(errno));
}

static enum err read_all(struct buf *out, int fd, const char *path, size_t max)
{
    size_t before = out->len;

    for (;;) {
        uint8_t *room = buf_room(out, READ_AT_ONCE);
        ssize_t  n    = room ? read(fd, room, READ_AT_ONCE) : 0;

        if (!room)
            return fail(ERR_DISK, "%s: no memory for the file", path);
        out->len -= READ_AT_ONCE - (n > 0 ? (size_t)n : 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(path, "read");
        if (out->len - before > max)
            return fail(ERR_CORRUPT, "%s: larger than %zu bytes", path, max);
        if (n == 0)
            return OK;
    }
}

static enum err check_mode(int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return failed(path, "look at it");
    if ((st.st_mode & 077) == 0)
        return OK;
    return fail(ERR_KEY,
                "%s: mode %04o lets others at the key; run: chmod 600 %s", path,
                (unsigned)st.st_mode & 07777, path);
}

static enum err read_file(struct buf *out, const char *path, size_t max,
                          bool is_secret)
{
    int      fd = open(path, O_RDONLY | O_CLOEXEC);
    enum err e;

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : failed(path, "open");
    e = is_secret ? check_mode(fd, path) : OK;
    if (e == OK)
        e = read_all(out, fd, path, max);
    close(fd);
    return e;
}

enum err file_read(struct buf *out, const char *path, size_t max)
{
    return read_file(out, path, max, false);
}

enum err file_read_secret(struct buf *out, const char *path, size_t max)
{
    return read_file(out, path, max, true);
}

static bool write_all(int fd, struct span bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return true;
}

static bool sync_directory(const char *path)
{
    char dir[PATH_MAX];
    int  fd;
    bool is_ok;

    snprintf(dir, sizeof dir, "%s", path);
    fd    = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    is_ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_ok;
}

/* The bytes in a new file beside path, synced; its name in temp. */
static enum err write_temp(char temp[PATH_MAX], const char *path,
                           struct span bytes, unsigned mode)
{
    int  fd;
    bool is_ok;

    if (snprintf(temp, PATH_MAX, "%s.new", path) >= PATH_MAX)
        return fail(ERR_DISK, "%s: the name is too long", path);
    unlink(temp);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return failed(temp, "create");
    is_ok = write_all(fd, bytes) && fsync(fd) == 0;
    is_ok = close(fd) == 0 && is_ok;
    if (is_ok)
        return OK;
    (void)!failed(temp, "write");
    unlink(temp); /* room for others, when the disk is full */
    return ERR_DISK;
}

enum err file_replace(const char *path, struct span bytes, unsigned mode)
{
    char     temp[PATH_MAX];
    enum err code = write_temp(temp, path, bytes, mode);

    if (code != OK)
        return code;
    if (rename(temp, path) == 0 && sync_directory(path))
        return OK;
    return failed(path, "replace");
}

/* The file at spare, to be written over: one of ours that nothing else names,
 * or a new one. */
static int open_spare(const char *spare, unsigned mode)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };
    int         fd = open(spare, FLAGS, mode);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        st.st_nlink == 1 && (st.st_mode & 0777) == mode &&
        st.st_uid == geteuid())
        return fd;
    if (fd >= 0)
        close(fd);
    unlink(spare);
    return open(spare, FLAGS | O_EXCL, mode);
}

/* Its size stays as it is when it can: then the disk has bytes to take, and
 * nothing about them. */
static bool write_spare(int fd, struct span bytes)
{
    struct stat st;

    return write_all(fd, bytes) && fstat(fd, &st) == 0 &&
           ((size_t)st.st_size == bytes.n ||
            ftruncate(fd, (off_t)bytes.n) == 0) &&
           fdatasync(fd) == 0;
}

/* Not every file system can exchange. */
static bool exchange(const char *spare, const char *path)
{
    return renameat2(AT_FDCWD, spare, AT_FDCWD, path, RENAME_EXCHANGE) == 0 ||
           rename(spare, path) == 0;
}

enum err file_swap(const char *path, struct span bytes, unsigned mode)
{
    char spare[PATH_MAX];
    int  fd;
    bool is_ok;

    if (snprintf(spare, PATH_MAX, "%s.old", path) >= PATH_MAX)
        return fail(ERR_DISK, "%s: the name is too long", path);
    fd = open_spare(spare, mode);
    if (fd < 0)
        return failed(spare, "create");
    is_ok = write_spare(fd, bytes);
    is_ok = close(fd) == 0 && is_ok;
    if (is_ok && exchange(spare, path) && sync_directory(path))
        return OK;
    (void)!failed(path, "replace");
    unlink(spare); /* it may be the one that path is after a power cut */
    return ERR_DISK;
}

enum err file_create(const char *path, struct span bytes, unsigned mode,
                     bool *is_new)
{
    char        temp[PATH_MAX];
    struct stat st;
    enum err    code;

    *is_new = lstat(path, &st) != 0;
    if (!*is_new)
        return OK;
    code = write_temp(temp, path, bytes, mode);
    if (code != OK)
        return code;
    *is_new = link(temp, path) == 0; /* unlike rename, it replaces nothing */
    if (!*is_new && errno != EEXIST)
        code = failed(path, "create");
    unlink(temp);
    if (code == OK && !sync_directory(path))
        code = failed(path, "sync");
    return code;
}
