/* warren unsafe-reset-all | reset-state | unsafe-reset-priv-validator */
#include "cli.h"
#include "make_home.h"

#include "base/files.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { DEPTH_FDS = 16, PATH_BYTES_MAX = 4096 };

/* While a node runs nothing may be removed under it. */
static enum err lock_node(int *fd, const struct config *c)
{
    char     path[PATH_BYTES_MAX];
    enum err code = config_make_run_dir(c);

    if (code != OK)
        return code;
    snprintf(path, sizeof path, "%s/supervisor.lock", config_run_dir(c));
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return fail(ERR_DISK, "%s: %s", path, strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    close(*fd);
    return fail(ERR_BUSY, "the node of %s is running; stop it first", c->home);
}

static const char *kept_file; /* of the removal that runs */

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
    UNUSED(st);
    UNUSED(kind);
    if (at->level == 0 || (kept_file && strcmp(path, kept_file) == 0))
        return 0;
    if (remove(path) == 0 || errno == ENOENT)
        return 0;
    if (kept_file && (errno == ENOTEMPTY || errno == EEXIST))
        return 0; /* holds the kept file */
    return -1;
}

/* Everything below dir but keep (or NULL). */
static enum err empty_dir(const char *dir, const char *keep)
{
    if (!home_exists(dir))
        return OK;
    kept_file = keep;
    if (nftw(dir, remove_one, DEPTH_FDS, FTW_DEPTH | FTW_PHYS) == 0)
        return OK;
    return fail(ERR_DISK, "%s: cannot be emptied: %s", dir, strerror(errno));
}

static enum err reset_sign_state(const struct config *c)
{
    static const struct sign_state nothing = { .height = 0 };
    char                           text[4096];
    struct buf                     b;
    const char *path = config_path(c, c->priv_validator_state_file);

    buf_use(&b, text, sizeof text);
    sign_state_print(&b, &nothing);
    return file_replace(path, buf_span(&b), 0600);
}

static enum err say(struct cli *c, const char *what, const char *where)
{
    out_begin(c);
    out_str(c, what, where);
    return out_end(c);
}

static enum err begin(struct cli *c, int *lock)
{
    enum err code = cli_words(c, 0, 0);

    if (code == OK)
        code = cli_config(c);
    return code == OK ? lock_node(lock, c->config) : code;
}

static enum err remove_addr_book(const struct config *c)
{
    const char *path = config_path(c, c->p2p.addr_book_file);

    if (unlink(path) == 0 || errno == ENOENT)
        return OK;
    return fail(ERR_DISK, "%s: cannot be removed: %s", path, strerror(errno));
}

enum err cmd_unsafe_reset_all(struct cli *c)
{
    const char *data;
    int         lock;
    enum err    code = begin(c, &lock);

    if (code != OK)
        return code;
    data = config_path(c->config, c->config->db_dir);
    if (!cli_switch(c, "keep-addr-book", false))
        code = remove_addr_book(c->config);
    if (code == OK)
        code = empty_dir(data, NULL);
    if (code == OK)
        code = home_mkdir(data, 0700);
    if (code == OK)
        code = reset_sign_state(c->config);
    close(lock);
    return code == OK ? say(c, "emptied", data) : code;
}

enum err cmd_reset_state(struct cli *c)
{
    const char *data, *state;
    int         lock;
    enum err    code = begin(c, &lock);

    if (code != OK)
        return code;
    data  = config_path(c->config, c->config->db_dir);
    state = config_path(c->config, c->config->priv_validator_state_file);
    code  = empty_dir(data, state);
    close(lock);
    return code == OK ? say(c, "emptied", data) : code;
}

enum err cmd_unsafe_reset_priv_validator(struct cli *c)
{
    int      lock;
    enum err code = begin(c, &lock);

    if (code != OK)
        return code;
    code = reset_sign_state(c->config);
    close(lock);
    return code == OK ? say(c, "reset",
                            config_path(c->config,
                                        c->config->priv_validator_state_file))
                      : code;
}
