/* warren start: the processes of a node, together or one alone. */
#include "cli.h"
#include "home.h"
#include "supervisor.h"

#include "base/log.h"
#include "svc/svc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

/* Every process there is, in the order of starting; only those of this
 * configuration run. */
static const char *const service_names[] = {
    "store",     "ledger",  "kvstore", "signer",
    "consensus", "mempool", "p2p",     "api",
};

static bool is_wanted(const struct config *c, const char *name)
{
    const char *app = config_app_service(c);

    if (strcmp(name, "ledger") == 0 || strcmp(name, "kvstore") == 0)
        return app && strcmp(app, name) == 0;
    if (strcmp(name, "signer") == 0)
        return !*c->priv_validator_laddr;
    return true;
}

/* ../libexec/warren of the running program, so that a tree can be moved;
 * WARREN_LIBEXEC for one that is laid out otherwise. */
static enum err libexec_dir(char *out, size_t cap)
{
    const char *given = getenv("WARREN_LIBEXEC");
    char        self[PATH_BYTES_MAX];
    ssize_t     n;

    if (given && *given) {
        snprintf(out, cap, "%s", given);
        return OK;
    }
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return fail(ERR_FAILED,
                    "/proc/self/exe: %s; set WARREN_LIBEXEC to the"
                    " directory of the services",
                    strerror(errno));
    self[n] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');

        if (slash)
            *slash = 0;
    }
    if ((size_t)snprintf(out, cap, "%s/libexec/warren", self) >= cap)
        return fail(ERR_FAILED, "%.80s...: the path is too long", self);
    return OK;
}

/* What a service is started with: the home and the flags given here. */
struct arguments {
    char *v[CLI_FLAGS_MAX + 8];
};

static enum err plan_service(struct supervised *s, struct arguments *args,
                             struct cli *c, const char *name,
                             const char *libexec)
{
    static char home_flag[] = "--home";
    size_t      n = strlen(libexec) + strlen(name) + 2, k = 0;
    char       *path = malloc(n);

    must(path);
    snprintf(path, n, "%s/%s", libexec, name);
    if (access(path, X_OK) != 0) {
        enum err code = fail(ERR_FAILED,
                             "%s: %s; the installation is not complete, or"
                             " WARREN_LIBEXEC is wrong",
                             path, strerror(errno));

        free(path);
        return code;
    }
    *s           = (struct supervised){ name, path, args->v };
    args->v[k++] = path;
    for (int i = 1; i < c->config_argc; i++)
        args->v[k++] = c->config_argv[i];
    args->v[k++] = home_flag;
    args->v[k++] = (char *)(uintptr_t)c->config->home;
    args->v[k]   = NULL;
    return OK;
}

static void announce(const struct config *c)
{
    config_warn(c);
    log_event(LOG_INFO, "starting", LOG_STR("home", c->home),
              LOG_STR("moniker", c->moniker),
              LOG_STR("proxy_app", c->proxy_app), LOG_STR("rpc", c->rpc.laddr),
              LOG_STR("p2p", c->p2p.laddr));
}

static enum err run_all(struct cli *c, const char *libexec)
{
    static struct arguments args[COUNT(service_names)];
    struct supervisor_plan  plan = {
         .run_dir         = config_run_dir(c->config),
         .stop_timeout_us = (uint64_t)c->config->warren.stop_timeout / 1000,
    };
    enum err code = OK;

    if (*c->config->warren.status_laddr)
        return fail(ERR_CONFIG,
                    "warren.status_laddr: %s cannot serve all processes; leave"
                    " it empty, or start each by itself with its own address:"
                    " warren start SERVICE --warren.status_laddr=...",
                    c->config->warren.status_laddr);
    if (!*plan.run_dir)
        return fail(ERR_CONFIG,
                    "warren.run_dir: all processes together need one; leave it"
                    " out, or start each by itself: warren start SERVICE");
    for (size_t i = 0; i < COUNT(service_names) && code == OK; i++) {
        if (!is_wanted(c->config, service_names[i]))
            continue;
        code = plan_service(&plan.service[plan.count], &args[i], c,
                            service_names[i], libexec);
        plan.count += code == OK;
    }
    if (code == OK) {
        announce(c->config);
        code = supervise(&plan);
    }
    for (size_t i = 0; i < plan.count; i++)
        free((char *)(uintptr_t)plan.service[i].path);
    return code;
}

static enum err run_one(struct cli *c, const char *libexec, const char *name)
{
    static struct arguments args;
    struct supervised       s;
    enum err                code;

    for (size_t i = 0; i < COUNT(service_names); i++) {
        if (strcmp(service_names[i], name) != 0)
            continue;
        code = plan_service(&s, &args, c, name, libexec);
        return code == OK ? supervised_exec(&s, config_run_dir(c->config))
                          : code;
    }
    return fail(ERR_USAGE,
                "no service '%s'; there are store, ledger, kvstore, signer,"
                " consensus, mempool, p2p and api",
                name);
}

enum err cmd_start(struct cli *c)
{
    char     libexec[PATH_BYTES_MAX];
    enum err code = cli_words(c, 0, 1);
    bool     is_json;

    if (code == OK)
        code = cli_config(c);
    if (code != OK)
        return code;
    is_json = c->is_json || strcmp(c->config->log_format, "json") == 0;
    must(log_setup("warren", is_json ? LOG_JSON : LOG_PLAIN,
                   c->config->log_level));
    log_collected(*c->config->warren.org ? c->config->warren.org
                                         : c->config->moniker);
    code = svc_files();
    if (code == OK)
        code = c->word_count ? config_make_run_dir(c->config)
                             : home_check(c->config);
    if (code == OK)
        code = libexec_dir(libexec, sizeof libexec);
    if (code != OK)
        return code;
    return c->word_count ? run_one(c, libexec, c->word[0])
                         : run_all(c, libexec);
}
