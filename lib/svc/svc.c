#include "svc/svc.h"

#include "crypto/key.h"

#include "base/log.h"
#include "svc/internal.h"
#include "svc/notify.h"
#include "svc/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_SWEEP_US = 1000000, NOTE_US = 1000000 };

/* ---- starting ---- */

static void help(const char *name)
{
    printf("usage: %s [--home DIR] [--KEY VALUE ...]\n"
           "\n"
           "The %s service of a node; \"warren start\" runs all of them.\n"
           "\n"
           "  --home DIR    the node's directory (CMTHOME, ~/.warren)\n"
           "  --KEY VALUE   any key of config.toml, e.g. --log_level debug\n"
           "  --check       read the configuration, say what is wrong, end\n"
           "  --version     the version, and end\n",
           name, name);
    exit(0);
}

/* Takes the flags that every service has out of argv. */
static bool take_flags(const char *name, int *argc, char **argv)
{
    bool is_check = false;
    int  kept     = 0;

    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            help(name);
        if (strcmp(argv[i], "--version") == 0 && i + 1 == *argc) {
            printf("%s\n", WARREN_NODE_VERSION);
            exit(0);
        }
        if (strcmp(argv[i], "--check") == 0)
            is_check = true;
        else
            argv[kept++] = argv[i];
    }
    argv[ *argc = kept] = NULL;
    return is_check;
}

static void set_signals(void)
{
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

static void set_log(const char *name, const struct config *c)
{
    bool is_json = strcmp(c->log_format, "json") == 0;

    if (!log_setup(name, is_json ? LOG_JSON : LOG_PLAIN, c->log_level))
        must_ok(fail(ERR_CONFIG,
                     "log_level: \"%s\" is not a level; write debug, info, "
                     "warn or none, or module:level with commas",
                     c->log_level),
                "set up the log");
    log_collected(*c->warren.org ? c->warren.org : c->moniker);
    log_limit_repeats();
}

/* One process of each name per node. */
static enum err lock_service(struct svc_process *p)
{
    char path[512], pid[16] = "";
    int  n;

    if (!*config_run_dir(p->svc.config))
        return OK;
    snprintf(path, sizeof path, "%s/%s.lock", config_run_dir(p->svc.config),
             p->svc.name);
    p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (p->lock < 0)
        return fail(ERR_DISK, "cannot make %s: %s", path, strerror(errno));
    if (flock(p->lock, LOCK_EX | LOCK_NB) != 0) {
        if (pread(p->lock, pid, sizeof pid - 1, 0) > 0)
            pid[strcspn(pid, "\n")] = 0;
        return fail(ERR_NET,
                    "%s of %s runs already (pid %s); stop it, or use another "
                    "--home",
                    p->svc.name, p->svc.config->home, pid);
    }
    n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(p->lock, 0) != 0 || pwrite(p->lock, pid, (size_t)n, 0) != n)
        return fail(ERR_DISK, "cannot write %s: %s", path, strerror(errno));
    return OK;
}

static void on_stop_signal(void *ctx)
{
    struct svc_process *p       = svc_process(ctx);
    loop_fn            *on_stop = p->on_stop;

    log_event(LOG_INFO, "stopping on a signal");
    p->on_stop = NULL;
    if (on_stop)
        on_stop(p->stop_ctx);
    else
        svc_exit(ctx, OK);
}

void svc_on_stop(struct svc *s, loop_fn *fn, void *ctx)
{
    svc_process(s)->on_stop  = fn;
    svc_process(s)->stop_ctx = ctx;
}

/* What blocks need is given back once they are done: a process is alive for
 * months, and its largest block would else stay with it. */
static void give_memory_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
    (void)mallopt(M_ARENA_MAX, 2);
}

struct svc *svc_start(const char *name, int argc, char **argv)
{
    struct svc_process *p        = calloc(1, sizeof *p);
    struct svc         *s        = &p->svc;
    bool                is_check = take_flags(name, &argc, argv);

    must(p);
    *p          = (struct svc_process){ .started_us = now_us(), .lock = -1 };
    s->name     = name;
    s->chain_id = "";
    give_memory_back();
    set_signals();
    crypto_setup();
    must(log_setup(name, LOG_PLAIN, "info"));
    must_ok(svc_files(), "start");
    must_ok(config_load(&s->config, argc, argv), "read the configuration");
    must_ok(config_end_args(s->config, 1), "read the command line");
    set_log(name, s->config);
    metrics_start(name);
    svc_measure_start();
    trace_open((size_t)s->config->warren.trace_records);
    if (is_check) {
        printf("%s: the configuration is fine\n", s->config->path);
        exit(0);
    }
    must_ok(config_make_run_dir(s->config), "make the run directory");
    must_ok(lock_service(p), "start");
    s->loop = loop_new();
    s->bus  = bus_open(s->loop, name);
    must_ok(svc_keys(s), "read the CURVE keys");
    loop_on_signal(s->loop, SIGTERM, on_stop_signal, s);
    loop_on_signal(s->loop, SIGINT, on_stop_signal, s);
    return s;
}

void svc_keep_secrets(struct svc *s)
{
    struct rlimit none = { 0, 0 };

    UNUSED(s);
    must(prctl(PR_SET_DUMPABLE, 0) == 0);
    must(setrlimit(RLIMIT_CORE, &none) == 0);
}

/* ---- the bus ---- */

enum err svc_serve(struct svc *s, const struct bus_server_fns *fns, void *ctx)
{
    enum err r;

    if (!svc_is_served(s))
        return svc_status_open(svc_process(s));
    r = bus_serve(&s->server, s->bus, svc_endpoint(s, s->name, false), fns,
                  ctx);
    if (r != OK)
        return r;
    bus_serve_admin(s->server, svc_admin, s);
    r = bus_publish_open(s->bus, svc_endpoint(s, s->name, true));
    return r == OK ? svc_status_open(svc_process(s)) : r;
}

struct bus_client *svc_connect(struct svc *s, const char *service,
                               const struct bus_client_fns *fns, void *ctx)
{
    struct bus_client *c =
        bus_connect(s->bus, svc_endpoint(s, service, false), fns, ctx);

    bus_client_name(c, service);
    return c;
}

void svc_subscribe(struct svc *s, const char *service, const char *prefix,
                   void (*fn)(void *ctx, const char *topic, struct span body),
                   void *ctx)
{
    bus_subscribe(s->bus, svc_endpoint(s, service, true), prefix, fn, ctx);
}

/* ---- running ---- */

void svc_condition(struct svc *s, const char *name, const char *reason)
{
    struct svc_process *p = svc_process(s);
    size_t              i = 0;

    while (i < p->condition_count && strcmp(p->conditions[i].name, name) != 0)
        i++;
    must(i < CONDITIONS_MAX);
    if (i == p->condition_count)
        p->conditions[p->condition_count++].name = name;
    p->conditions[i].reason = reason;
}

static void on_log_sweep(void *ctx)
{
    struct svc_process *p = ctx;

    log_sweep();
    timer_set(&p->log_sweep, LOG_SWEEP_US);
}

/* What keeps it from being ready, in a line that may be cut. */
static void describe(char *out, size_t cap, const struct svc_process *p)
{
    size_t at = 0;

    snprintf(out, cap, "ready");
    for (size_t i = 0; i < p->condition_count && at < cap; i++)
        if (p->conditions[i].reason)
            at += (size_t)snprintf(out + at, cap - at, "%s%s %s",
                                   at ? ", " : "", p->conditions[i].name,
                                   p->conditions[i].reason);
}

/* The loop turns: that is what a watchdog wants to know. */
static void on_note(void *ctx)
{
    struct svc_process *p = ctx;
    char                status[NOTE_BYTES_MAX], text[NOTE_BYTES_MAX + 32];

    describe(status, sizeof status, p);
    if (strcmp(status, p->note_status) != 0) {
        memcpy(p->note_status, status, sizeof status);
        snprintf(text, sizeof text, "STATUS=%s", status);
        notify_send(text);
    }
    if (p->watchdog_us)
        notify_send("WATCHDOG=1");
    timer_set(&p->note, p->watchdog_us && p->watchdog_us / 2 < NOTE_US
                            ? p->watchdog_us / 2
                            : NOTE_US);
}

void svc_disk(struct svc *s, const char *path)
{
    svc_process(s)->disk_path = path;
}

void svc_run(struct svc *s)
{
    struct svc_process *p = svc_process(s);

    timer_init(&p->log_sweep, s->loop, on_log_sweep, p);
    timer_set(&p->log_sweep, LOG_SWEEP_US);
    if (!*s->chain_id)
        s->chain_id = svc_chain_id(s);
    log_event(LOG_INFO, "started", LOG_INT("pid", getpid()),
              LOG_STR("home", s->config->home));
    p->watchdog_us = notify_watchdog_us();
    if (notify_send("READY=1")) {
        timer_init(&p->note, s->loop, on_note, p);
        on_note(p);
    }
    loop_run(s->loop);
    timer_fini(&p->log_sweep);
    notify_send("STOPPING=1\nSTATUS=stopping");
}

void svc_exit(struct svc *s, enum err code)
{
    if (s->exit_code == OK)
        s->exit_code = (int)code;
    loop_stop(s->loop);
}

int svc_stop(struct svc *s)
{
    struct svc_process *p    = svc_process(s);
    int                 code = s->exit_code;

    if (p->relayed)
        bus_client_close(p->relayed);
    http_close(p->status);
    timer_fini(&p->note);
    bus_close(s->bus);
    loop_free(s->loop);
    log_flush();
    log_event(LOG_INFO, "stopped", LOG_INT("exit", code));
    trace_close();
    config_free(s->config);
    if (p->lock >= 0)
        close(p->lock);
    free(p);
    return code;
}
