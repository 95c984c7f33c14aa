#include "supervisor.h"

#include "base/log.h"
#include "loop/loop.h"
#include "svc/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PAUSE_FIRST_US  = 20000,
    PAUSE_MAX_US    = 5000000,
    STAYED_UP_US    = 1000000,
    AGAIN_US        = 500000, /* signals nearer than this are one */
    LOCK_TRIES      = 150,    /* of 20 ms each */
    LOCK_PAUSE_US   = 20000,
    LOCK_TEXT_BYTES = 32,
    PATH_BYTES_MAX  = 4096,
};

struct child {
    const struct supervised *spec;
    struct supervisor       *owner;
    struct timer             restart;
    pid_t                    pid; /* 0: not running */
    uint64_t                 started_us, pause_us;
    bool                     has_stayed_up;
    unsigned                 starts;
};

struct supervisor {
    const struct supervisor_plan *plan;
    struct loop                  *loop;
    struct child                  child[SUPERVISED_MAX];
    struct child                 *stopping; /* the one told to stop */
    struct timer                  patience; /* with it */
    bool                          is_stopping, is_killing;
    uint64_t                      stopped_us; /* when it began to stop */
    enum err                      code;
};

bool supervisor_is_final(int exit_code, bool has_stayed_up)
{
    switch ((enum err)exit_code) {
    case ERR_USAGE:
    case ERR_CONFIG:
    case ERR_GENESIS:
    case ERR_KEY:
    case ERR_SIGNSTATE:
    case ERR_CHAIN:
    case ERR_CORRUPT: return true;
    case ERR_DISK:
    case ERR_NET: return !has_stayed_up;
    case OK:
    case ERR_FAILED:
    case ERR_APP:
    case ERR_BUSY:
    case ERR_NOT_FOUND:
    case ERR_TIMEOUT:
    case ERR_VERIFY: return false;
    }
    return false;
}

/* ---- locks ---- */

static int lock_open(const char *run_dir, const char *name)
{
    char path[PATH_BYTES_MAX];

    snprintf(path, sizeof path, "%s/%s.lock", run_dir, name);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static void lock_sign(int fd)
{
    char text[LOCK_TEXT_BYTES];
    int  n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        /* Only people read it. */
    }
}

static enum err lock_node(int *fd, const char *run_dir)
{
    char    text[LOCK_TEXT_BYTES] = "";
    ssize_t n;

    *fd = lock_open(run_dir, "supervisor");
    if (*fd < 0)
        return fail(ERR_DISK, "%s/supervisor.lock: %s", run_dir,
                    strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        lock_sign(*fd);
        return OK;
    }
    n                           = pread(*fd, text, sizeof text - 1, 0);
    text[n > 0 ? (size_t)n : 0] = 0;
    text[strcspn(text, "\n")]   = 0;
    close(*fd);
    return fail(ERR_BUSY,
                "a node is already running with the sockets in %s (process %s);"
                " stop it first, or give another --home",
                run_dir, text);
}

/* The process takes its lock by itself; this waits for a predecessor that is
 * on its way out.  The descriptor closes with exec. */
static bool wait_for_lock(const char *run_dir, const char *name)
{
    int fd = lock_open(run_dir, name);

    if (fd < 0)
        return false;
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno != EWOULDBLOCK || i == LOCK_TRIES)
            return false;
        usleep(LOCK_PAUSE_US);
    }
    return true;
}

/* ---- starting ---- */

enum err supervised_exec(const struct supervised *s, const char *run_dir)
{
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (*run_dir && !wait_for_lock(run_dir, s->name))
        return fail(ERR_BUSY, "%s is already running with the sockets in %s",
                    s->name, run_dir);
    execv(s->path, s->argv);
    return fail(ERR_FAILED, "%s: cannot be started: %s", s->path,
                strerror(errno));
}

/* In the new process.  It must not outlive its supervisor, not even one that
 * died before prctl. */
static _Noreturn void become(const struct supervised *s, const char *run_dir,
                             pid_t parent, unsigned restarts)
{
    char     starts[16];
    int      null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(ERR_FAILED);
    unsetenv("NOTIFY_SOCKET"); /* the manager knows the supervisor */
    unsetenv("WATCHDOG_USEC");
    setpgid(0, 0);            /* Ctrl-C is the supervisor's to pass on */
    signal(SIGTTOU, SIG_IGN); /* else `stty tostop` would stop who logs */
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    snprintf(starts, sizeof starts, "%u", restarts);
    setenv("WARREN_RESTARTS", starts, 1);
    _exit((int)supervised_exec(s, run_dir));
}

static void start(struct child *c)
{
    pid_t parent = getpid(), pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0)
        become(c->spec, c->owner->plan->run_dir, parent, c->starts);
    c->started_us = now_us();
    if (pid < 0) {
        (void)!fail(ERR_FAILED, "%s: cannot be started: %s; trying again",
                    c->spec->name, strerror(errno));
        timer_set(&c->restart, PAUSE_MAX_US);
        return;
    }
    c->pid = pid;
    c->starts++;
    log_event(c->starts == 1 ? LOG_DEBUG : LOG_INFO, "started",
              LOG_STR("process", c->spec->name), LOG_INT("pid", pid));
}

static void on_restart(void *ctx)
{
    start(ctx);
}

/* ---- stopping ---- */

static struct child *last_running(struct supervisor *s)
{
    for (size_t i = s->plan->count; i-- > 0;)
        if (s->child[i].pid)
            return &s->child[i];
    return NULL;
}

static void stop_next(struct supervisor *s)
{
    struct child *c = last_running(s);

    if (!c) {
        loop_stop(s->loop);
        return;
    }
    s->stopping = c;
    kill(c->pid, SIGTERM);
    timer_set(&s->patience, s->plan->stop_timeout_us);
}

static void kill_all(struct supervisor *s)
{
    s->is_killing = true;
    for (size_t i = 0; i < s->plan->count; i++)
        if (s->child[i].pid)
            kill(s->child[i].pid, SIGKILL);
}

static void stop(struct supervisor *s)
{
    s->is_stopping = true;
    s->stopped_us  = now_us();
    notify_send("STOPPING=1");
    for (size_t i = 0; i < s->plan->count; i++)
        timer_clear(&s->child[i].restart);
    stop_next(s);
}

static void on_impatience(void *ctx)
{
    struct supervisor *s = ctx;
    struct child      *c = s->stopping;

    if (!c || !c->pid)
        return;
    log_event(LOG_WARN, "does not stop, killed",
              LOG_STR("process", c->spec->name));
    kill(c->pid, SIGKILL);
    timer_set(&s->patience, s->plan->stop_timeout_us);
}

static void on_stop_signal(void *ctx)
{
    struct supervisor *s = ctx;

    if (s->is_stopping && now_us() - s->stopped_us < AGAIN_US)
        return; /* timeout(1) and terminals may tell the same thing twice */
    if (s->is_stopping) {
        log_event(LOG_WARN, "told to stop twice, killing all");
        kill_all(s);
        return;
    }
    log_event(LOG_INFO, "stopping");
    stop(s);
}

/* ---- a process ended ---- */

static void describe_end(char *out, size_t cap, int status)
{
    if (WIFSIGNALED(status))
        snprintf(out, cap, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(out, cap, "exit %d (%s)", WEXITSTATUS(status),
                 err_name((enum err)WEXITSTATUS(status)));
}

static void restart(struct child *c, const char *how, bool stayed_up)
{
    c->pause_us = stayed_up || c->pause_us == 0    ? PAUSE_FIRST_US
                  : c->pause_us * 2 < PAUSE_MAX_US ? c->pause_us * 2
                                                   : PAUSE_MAX_US;
    log_event(LOG_WARN, "ended, will start again",
              LOG_STR("process", c->spec->name), LOG_STR("how", how),
              LOG_UINT("pause_ms", c->pause_us / 1000));
    timer_set(&c->restart, c->pause_us);
}

static void ended(struct child *c, int status)
{
    struct supervisor *s         = c->owner;
    bool               stayed_up = now_us() - c->started_us >= STAYED_UP_US;
    char               how[64];

    c->pid           = 0;
    c->has_stayed_up = c->has_stayed_up || stayed_up;
    describe_end(how, sizeof how, status);
    if (s->is_stopping) {
        log_event(LOG_DEBUG, "stopped", LOG_STR("process", c->spec->name),
                  LOG_STR("how", how));
        if (c == s->stopping || !last_running(s))
            stop_next(s);
        return;
    }
    if (WIFEXITED(status) &&
        supervisor_is_final(WEXITSTATUS(status), c->has_stayed_up)) {
        s->code = (enum err)WEXITSTATUS(status);
        (void)!fail(s->code,
                    "%s cannot go on, %s: the reason stands in its last line;"
                    " stopping the node",
                    c->spec->name, how);
        stop(s);
        return;
    }
    restart(c, how, stayed_up);
}

static void on_child(void *ctx)
{
    struct supervisor *s = ctx;
    int                status;
    pid_t              pid;

    /* Whoever it is: as process 1 of a container this reaps orphans too. */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < s->plan->count; i++)
            if (s->child[i].pid == pid)
                ended(&s->child[i], status);
}

/* ---- all of it ---- */

static void setup(struct supervisor *s)
{
    static const int stops[] = { SIGTERM, SIGINT, SIGHUP };

    s->loop = loop_new();
    timer_init(&s->patience, s->loop, on_impatience, s);
    loop_on_signal(s->loop, SIGCHLD, on_child, s);
    for (size_t i = 0; i < COUNT(stops); i++) {
        struct sigaction old;

        /* nohup asked for SIGHUP to be ignored */
        if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            loop_on_signal(s->loop, stops[i], on_stop_signal, s);
    }
    for (size_t i = 0; i < s->plan->count; i++) {
        struct child *c = &s->child[i];

        c->spec  = &s->plan->service[i];
        c->owner = s;
        timer_init(&c->restart, s->loop, on_restart, c);
    }
}

enum err supervise(const struct supervisor_plan *plan)
{
    struct supervisor s = { .plan = plan };
    int               lock;
    enum err          code = lock_node(&lock, plan->run_dir);

    if (code != OK)
        return code;
    must(plan->count <= SUPERVISED_MAX);
    setup(&s);
    for (size_t i = 0; i < plan->count; i++)
        start(&s.child[i]);
    notify_send("READY=1");
    loop_run(s.loop);
    for (size_t i = 0; i < plan->count; i++)
        timer_fini(&s.child[i].restart);
    timer_fini(&s.patience);
    loop_free(s.loop);
    close(lock);
    return s.code;
}
