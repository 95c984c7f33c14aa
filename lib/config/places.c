/* Paths and addresses that follow from the knobs. */
#include "config/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SUN_PATH_MAX  = 107, /* of a unix socket, without the closing zero */
    SOCKET_NAME   = 24,  /* the longest name of a socket in the run directory */
    PATH_TEXT_MAX = 4096,
};

const char *config_path(const struct config *c, const char *path)
{
    struct arena *a = (struct arena *)(uintptr_t)&c->arena;
    size_t        n = strlen(c->home) + strlen(path) + 2;
    char         *out;

    if (*path == '/')
        return path;
    out = arena_alloc(a, n);
    must(out);
    snprintf(out, n, "%s/%s", c->home, path);
    return out;
}

/* FNV-1a: only to tell homes apart. */
static uint64_t fingerprint(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
    return h;
}

static const char *keep(const struct config *c, const char *text)
{
    return config_text((struct config *)(uintptr_t)c, text);
}

const char *config_run_dir(const struct config *c)
{
    const char *dir  = config_path(c, c->warren.run_dir);
    const char *base = getenv("XDG_RUNTIME_DIR");
    char        text[PATH_TEXT_MAX];

    if (!*c->warren.run_dir)
        return "";
    if (strlen(dir) + 1 + SOCKET_NAME <= SUN_PATH_MAX)
        return dir;
    if (!base || *base != '/' || strlen(base) > 60)
        base = "/tmp";
    snprintf(text, sizeof text, "%s/warren-%u-%016" PRIx64, base,
             (unsigned)geteuid(), fingerprint(dir));
    return keep(c, text);
}

enum err config_make_run_dir(const struct config *c)
{
    const char *dir = config_run_dir(c);
    struct stat st;

    if (!*dir)
        return OK;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(ERR_DISK, "run directory %s: cannot be made: %s", dir,
                    strerror(errno));
    if (lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return fail(ERR_DISK,
                    "run directory %s: belongs to somebody else; remove it or"
                    " set run_dir in [warren]",
                    dir);
    if ((st.st_mode & 0777) != 0700 && chmod(dir, 0700) != 0)
        return fail(ERR_DISK, "run directory %s: mode %03o, expected 700: %s",
                    dir, (unsigned)st.st_mode & 0777, strerror(errno));
    return OK;
}

const char *config_app_service(const struct config *c)
{
    if (strcmp(c->proxy_app, "ledger") == 0)
        return "ledger";
    if (strcmp(c->proxy_app, "kvstore") == 0 ||
        strcmp(c->proxy_app, "persistent_kvstore") == 0)
        return "kvstore";
    return NULL;
}

static const char *run_socket(const struct config *c, const char *name)
{
    char text[PATH_TEXT_MAX];

    snprintf(text, sizeof text, "unix://%s/%s", config_run_dir(c), name);
    return keep(c, text);
}

const char *config_app_address(const struct config *c)
{
    return config_app_service(c) ? run_socket(c, "app.sock") : c->proxy_app;
}

const char *config_privval_address(const struct config *c)
{
    return *c->priv_validator_laddr ? c->priv_validator_laddr
                                    : run_socket(c, "privval.sock");
}
