#include "home.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096, KEY_FILE_BYTES_MAX = 65536 };

/* ---- files ---- */

enum err home_mkdir(const char *path, unsigned mode)
{
    char        part[PATH_BYTES_MAX];
    size_t      n = strlen(path);
    struct stat st;

    if (n >= sizeof part)
        return fail(ERR_DISK, "%.80s...: the path is too long", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i])
            continue;
        part[i] = 0;
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return fail(ERR_DISK, "%s: cannot be made: %s", part,
                        strerror(errno));
        part[i] = i < n ? '/' : 0;
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return fail(ERR_DISK, "%s: is no directory", path);
    return OK;
}

bool home_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static enum err sync_parent(const char *path)
{
    char  dir[PATH_BYTES_MAX];
    char *slash;
    int   fd, code;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (!slash)
        snprintf(dir, sizeof dir, ".");
    else
        slash[slash == dir] = 0;
    fd   = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    code = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return code == 0 ? OK
                     : fail(ERR_DISK, "%s: cannot be synced: %s", dir,
                            strerror(errno));
}

static bool write_all(int fd, struct span text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = SPAN(text.p + n, text.n - (size_t)n);
    }
    return true;
}

/* The text in a file beside path, synced; its name in temp. */
static enum err write_temp(char *temp, size_t cap, const char *path,
                           unsigned mode, struct span text)
{
    int  fd;
    bool is_fine;

    if ((size_t)snprintf(temp, cap, "%s.tmp%ld", path, (long)getpid()) >= cap)
        return fail(ERR_DISK, "%.80s...: the path is too long", path);
    unlink(temp);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return fail(ERR_DISK, "%s: cannot be made: %s", temp, strerror(errno));
    is_fine = write_all(fd, text) && fsync(fd) == 0;
    is_fine = close(fd) == 0 && is_fine;
    if (is_fine)
        return OK;
    unlink(temp);
    return fail(ERR_DISK, "%s: cannot be written: %s", temp, strerror(errno));
}

enum err home_write_new(const char *path, unsigned mode, struct span text,
                        bool *is_new)
{
    char     temp[PATH_BYTES_MAX];
    enum err code;
    int      linked;

    *is_new = !home_exists(path);
    if (!*is_new)
        return OK;
    code = write_temp(temp, sizeof temp, path, mode, text);
    if (code != OK)
        return code;
    linked  = link(temp, path); /* unlike rename, it replaces nothing */
    *is_new = linked == 0;
    if (linked != 0 && errno != EEXIST)
        code = fail(ERR_DISK, "%s: cannot be made: %s", path, strerror(errno));
    unlink(temp);
    return code == OK ? sync_parent(path) : code;
}

enum err home_replace(const char *path, unsigned mode, struct span text)
{
    char     temp[PATH_BYTES_MAX];
    enum err code = write_temp(temp, sizeof temp, path, mode, text);

    if (code != OK)
        return code;
    if (rename(temp, path) != 0) {
        code =
            fail(ERR_DISK, "%s: cannot be replaced: %s", path, strerror(errno));
        unlink(temp);
        return code;
    }
    return sync_parent(path);
}

static enum err read_open(struct span *out, int fd, const char *path,
                          size_t max, struct arena *a)
{
    struct stat st;
    uint8_t    *text;
    size_t      n = 0, size;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fail(ERR_DISK, "%s: is no file", path);
    size = (size_t)st.st_size;
    if (st.st_size < 0 || size > max)
        return fail(ERR_DISK, "%s: has %zu bytes, at most %zu are read", path,
                    size, max);
    text = arena_alloc(a, size + 1);
    if (!text)
        return fail(ERR_FAILED, "%s: no memory for %zu bytes", path, size);
    while (n < size) {
        ssize_t got = read(fd, text + n, size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(ERR_DISK, "%s: cannot be read: %s", path,
                        strerror(errno));
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *out = SPAN(text, n);
    return OK;
}

static enum err open_to_read(int *fd, const char *path)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd >= 0)
        return OK;
    if (errno == ENOENT)
        return ERR_NOT_FOUND;
    return fail(ERR_DISK, "%s: cannot be read: %s", path, strerror(errno));
}

enum err home_read(struct span *out, const char *path, size_t max,
                   struct arena *a)
{
    int      fd;
    enum err code = open_to_read(&fd, path);

    if (code != OK)
        return code;
    code = read_open(out, fd, path, max, a);
    close(fd);
    return code;
}

enum err home_read_secret(struct span *out, const char *path, size_t max,
                          struct arena *a)
{
    int         fd;
    struct stat st;
    enum err    code = open_to_read(&fd, path);

    if (code != OK)
        return code;
    if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
        code = fail(ERR_KEY,
                    "%s: mode %04o lets others read the key, expected 0600;"
                    " run: chmod 600 %s",
                    path, (unsigned)st.st_mode & 07777, path);
    else
        code = read_open(out, fd, path, max, a);
    close(fd);
    return code;
}

/* ---- the node's own ---- */

typedef enum reject key_parser(struct privkey *k, struct span json,
                               const char **why);

static enum err read_key(struct privkey *k, const char *path, const char *what,
                         key_parser *parse)
{
    struct arena a;
    struct span  text;
    const char  *why;
    enum err     code;

    arena_open(&a, KEY_FILE_BYTES_MAX + 4096);
    code = home_read_secret(&text, path, KEY_FILE_BYTES_MAX, &a);
    if (code == ERR_NOT_FOUND)
        code = fail(ERR_KEY,
                    "%s: the %s is missing; restore it, or make a new one"
                    " with 'warren init'",
                    path, what);
    else if (code == ERR_DISK)
        code = ERR_KEY;
    else if (code == OK && parse(k, text, &why) != ACCEPT)
        code = fail(ERR_KEY, "%s: the %s is damaged: %s; restore it", path,
                    what, why);
    explicit_bzero(a.base, a.used);
    arena_close(&a);
    return code;
}

enum err home_node_key(struct privkey *k, const struct config *c)
{
    return read_key(k, config_path(c, c->node_key_file), "node key",
                    node_key_parse);
}

enum err home_validator_key(struct privkey *k, const struct config *c)
{
    return read_key(k, config_path(c, c->priv_validator_key_file),
                    "validator key", validator_key_parse);
}

enum err home_sign_state(struct sign_state *s, const struct config *c,
                         struct arena *a)
{
    const char *path = config_path(c, c->priv_validator_state_file);
    const char *why;
    struct span text;
    enum err    code = home_read(&text, path, KEY_FILE_BYTES_MAX, a);

    if (code == ERR_NOT_FOUND)
        return fail(ERR_SIGNSTATE,
                    "%s: what this validator signed last is missing; restore"
                    " the newest copy.  Only if its key never signed on this"
                    " chain: 'warren unsafe-reset-priv-validator'",
                    path);
    if (code != OK)
        return ERR_SIGNSTATE;
    if (sign_state_parse(s, text, a, &why) != ACCEPT)
        return fail(ERR_SIGNSTATE,
                    "%s: the signing state is damaged: %s; restore the newest"
                    " copy",
                    path, why);
    return OK;
}

static enum err check_hash(const struct config *c, const char *path,
                           struct span text)
{
    uint8_t     want[HASH_BYTES];
    struct hash got;
    struct buf  hex;
    enum err    code;

    if (!*c->genesis_hash)
        return OK;
    sha256(&got, text);
    if (hex_decode(want, sizeof want, span_str(c->genesis_hash)) &&
        memcmp(want, got.b, sizeof want) == 0)
        return OK;
    buf_init(&hex, 128);
    buf_hex(&hex, hash_span(&got));
    code = fail(ERR_GENESIS, "%s: SHA-256 %s, --genesis_hash expects %s", path,
                buf_cstr(&hex), c->genesis_hash);
    buf_fini(&hex);
    return code;
}

enum err home_genesis(struct genesis *g, const struct config *c,
                      struct arena *a)
{
    const char *path = config_path(c, c->genesis_file);
    const char *why;
    struct span text;
    enum err    code = home_read(&text, path, GENESIS_BYTES_MAX, a);

    if (code == ERR_NOT_FOUND)
        return fail(ERR_GENESIS,
                    "%s: the genesis file is missing; make a new chain with"
                    " 'warren init --home %s', or copy that of the chain to"
                    " join",
                    path, c->home);
    if (code != OK)
        return ERR_GENESIS;
    code = check_hash(c, path, text);
    if (code != OK)
        return code;
    if (genesis_parse(g, text, a, &why) != ACCEPT)
        return fail(ERR_GENESIS, "%s: %s", path, why);
    return OK;
}

enum err home_check(const struct config *c)
{
    struct arena      a;
    struct genesis    g;
    struct sign_state s;
    struct privkey    k;
    enum err          code;

    arena_open(&a, (size_t)GENESIS_BYTES_MAX * 8);
    code = home_genesis(&g, c, &a);
    if (code == OK)
        code = home_node_key(&k, c);
    privkey_wipe(&k);
    if (code == OK && !*c->priv_validator_laddr)
        code = home_validator_key(&k, c);
    privkey_wipe(&k);
    if (code == OK && !*c->priv_validator_laddr)
        code = home_sign_state(&s, c, &a);
    arena_close(&a);
    return code == OK ? config_make_run_dir(c) : code;
}
