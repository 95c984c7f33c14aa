#include "home.h"

#include "base/files.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES_MAX     = 4096,
    KEY_FILE_BYTES_MAX = 65536,
    READ_ROOM          = 1 << 17, /* file_read reads in steps */
};

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

/* A copy in the arena of what file_read gave, which is wiped. */
static enum err keep(struct span *out, struct buf *text, enum err code,
                     struct arena *a)
{
    if (code == OK) {
        *out = arena_copy(a, buf_span(text));
        if (text->len && !out->p)
            code = fail(ERR_FAILED, "no memory for a file of %zu bytes",
                        text->len);
    }
    if (text->p)
        explicit_bzero(text->p, text->len);
    buf_fini(text);
    return code;
}

enum err home_read(struct span *out, const char *path, size_t max,
                   struct arena *a)
{
    struct buf text;

    buf_init(&text, max + READ_ROOM);
    return keep(out, &text, file_read(&text, path, max), a);
}

enum err home_read_secret(struct span *out, const char *path, size_t max,
                          struct arena *a)
{
    struct buf text;

    buf_init(&text, max + READ_ROOM);
    return keep(out, &text, file_read_secret(&text, path, max), a);
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
    else if (code == ERR_DISK || code == ERR_CORRUPT)
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

/* Else each service would say so by itself.  What is not there they make. */
static enum err check_data(const struct config *c)
{
    static const char *const part[] = { "",         "/store",   "/ledger",
                                        "/kvstore", "/mempool", "/cs.wal" };
    char                     path[PATH_MAX];

    for (size_t i = 0; i < COUNT(part); i++) {
        snprintf(path, sizeof path, "%s%s", config_path(c, c->db_dir), part[i]);
        if (access(path, W_OK | X_OK) != 0 && errno != ENOENT)
            return fail(ERR_DISK,
                        "%s: cannot be written: %s; it must belong to the user"
                        " that runs the node",
                        path, strerror(errno));
    }
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
    if (code == OK)
        code = check_data(c);
    return code == OK ? config_make_run_dir(c) : code;
}
