/* supervisor: what it does with processes that end, hang or refuse; the
 * processes are small scripts. */
#include "base/log.h"
#include "supervisor.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static int  next;

    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_supervisor.XXXXXX");
    must(mkdtemp(dir));
}

static void cleanup(void)
{
    char cmd[128];

    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    must(system(cmd) == 0);
}

/* A program that appends its name to DIR/log, then runs the script. */
static void program(struct supervised *s, const char *name, const char *script)
{
    static char *argvs[SUPERVISED_MAX][2];
    static int   next;
    char        *path = strdup(in_dir(name));
    FILE        *f    = fopen(path, "w");

    must(f &&
         fprintf(f, "#!/bin/sh\ncd %s\necho %s >>log\n%s\n", dir, name,
                 script) > 0 &&
         fclose(f) == 0 && chmod(path, 0700) == 0);
    next           = (next + 1) % SUPERVISED_MAX;
    argvs[next][0] = path;
    argvs[next][1] = NULL;
    *s             = (struct supervised){ name, path, argvs[next] };
}

/* How often the name stands in DIR/log. */
static int times(const char *name)
{
    FILE *f = fopen(in_dir("log"), "r");
    char  line[64];
    int   n = 0;

    while (f && fgets(line, sizeof line, f))
        n += strncmp(line, name, strlen(name)) == 0 &&
             line[strlen(name)] == '\n';
    if (f)
        fclose(f);
    return n;
}

static bool eventually(const char *name, int n)
{
    for (int i = 0; i < 500; i++, usleep(10000))
        if (times(name) >= n)
            return true;
    return false;
}

/* A supervisor in a process of its own. */
static pid_t run(struct supervisor_plan *plan)
{
    pid_t pid;

    plan->run_dir = dir;
    if (!plan->stop_timeout_us)
        plan->stop_timeout_us = 2000000;
    pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        signal(SIGINT, SIG_DFL); /* who runs tests may have it ignored */
        must(log_setup("test", LOG_PLAIN, "none"));
        _exit((int)supervise(plan));
    }
    return pid;
}

static int end_of(pid_t pid)
{
    int status;

    must(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void free_plan(struct supervisor_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free((char *)(uintptr_t)plan->service[i].path);
}

/* A process that stops when it is told, and says so. */
static const char well_behaved[] =
    "trap 'echo $(basename $0)-stopped >>log; exit 0' TERM\n"
    "while :; do sleep 0.01; done";

TEST(processes_run_until_a_signal_and_stop_last_first)
{
    struct supervisor_plan plan = { .count = 3 };
    char                   text[512];
    ssize_t                n;
    int                    fd;
    pid_t                  pid;

    setup();
    program(&plan.service[0], "one", well_behaved);
    program(&plan.service[1], "two", well_behaved);
    program(&plan.service[2], "three", well_behaved);
    pid = run(&plan);
    CHECK(eventually("one", 1) && eventually("two", 1) &&
          eventually("three", 1));
    usleep(100000);
    kill(pid, SIGTERM);
    kill(pid, SIGINT); /* at once: it is told the same thing twice */
    CHECK_EQ(end_of(pid), 0);
    fd = open(in_dir("log"), O_RDONLY);
    n  = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    CHECK(strstr(text, "three-stopped\ntwo-stopped\none-stopped\n"), "%s",
          text);
    free_plan(&plan);
    cleanup();
}

TEST(one_that_dies_is_started_again_and_the_others_stay)
{
    struct supervisor_plan plan = { .count = 2 };
    pid_t                  pid;

    setup();
    program(&plan.service[0], "steady", well_behaved);
    program(&plan.service[1], "mortal", "kill -9 $$");
    pid = run(&plan);
    CHECK(eventually("mortal", 4), "%d", times("mortal"));
    CHECK_EQ(times("steady"), 1);
    CHECK(times("mortal") < 12, "it is not started ever faster: %d",
          times("mortal"));
    kill(pid, SIGINT);
    CHECK_EQ(end_of(pid), 0);
    free_plan(&plan);
    cleanup();
}

TEST(an_exit_code_without_remedy_stops_all)
{
    static const struct {
        int  code;
        bool is_final;
    } cases[] = {
        { ERR_CONFIG, true },    { ERR_GENESIS, true }, { ERR_KEY, true },
        { ERR_SIGNSTATE, true }, { ERR_CHAIN, true },   { ERR_CORRUPT, true },
        { ERR_DISK, true },      { ERR_NET, true },     { ERR_FAILED, false },
        { ERR_APP, false },      { ERR_BUSY, false },   { OK, false },
        { 134, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct supervisor_plan plan = { .count = 2 };
        char                   script[32];
        pid_t                  pid;

        setup();
        snprintf(script, sizeof script, "exit %d", cases[i].code);
        program(&plan.service[0], "steady", well_behaved);
        program(&plan.service[1], "refuser", script);
        pid = run(&plan);
        if (!cases[i].is_final) {
            CHECK(eventually("refuser", 3), "exit %d", cases[i].code);
            kill(pid, SIGTERM);
            CHECK_EQ(end_of(pid), 0, "exit %d", cases[i].code);
        } else {
            CHECK_EQ(end_of(pid), cases[i].code);
            CHECK_EQ(times("refuser"), 1, "exit %d", cases[i].code);
        }
        free_plan(&plan);
        cleanup();
    }
    CHECK(supervisor_is_final(ERR_DISK, false) &&
          !supervisor_is_final(ERR_DISK, true) &&
          !supervisor_is_final(ERR_NET, true) &&
          supervisor_is_final(ERR_CORRUPT, true));
}

TEST(one_that_does_not_stop_is_killed)
{
    struct supervisor_plan plan = { .count = 1, .stop_timeout_us = 200000 };
    pid_t                  pid;

    setup();
    program(&plan.service[0], "deaf",
            "trap '' TERM\nwhile :; do sleep 0.01; done");
    pid = run(&plan);
    CHECK(eventually("deaf", 1));
    usleep(50000);
    kill(pid, SIGTERM);
    CHECK_EQ(end_of(pid), 0);
    free_plan(&plan);
    cleanup();
}

TEST(a_second_signal_kills_at_once)
{
    struct supervisor_plan plan = { .count = 1, .stop_timeout_us = 60000000 };
    pid_t                  pid;
    siginfo_t              info = { 0 };

    setup();
    program(&plan.service[0], "deaf",
            "trap '' TERM\nwhile :; do sleep 0.01; done");
    pid = run(&plan);
    CHECK(eventually("deaf", 1));
    usleep(50000);
    while (info.si_pid == 0) { /* until it has ended, which end_of reads */
        kill(pid, SIGINT);
        usleep(600000);
        must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0);
    }
    CHECK_EQ(end_of(pid), 0);
    free_plan(&plan);
    cleanup();
}

TEST(a_killed_supervisor_takes_its_processes_along)
{
    struct supervisor_plan plan = { .count = 1 };
    pid_t                  pid;
    long                   child = 0;
    FILE                  *f;

    setup();
    program(&plan.service[0], "orphan", "echo $$ >pid\nexec sleep 1000");
    pid = run(&plan);
    CHECK(eventually("orphan", 1));
    usleep(100000);
    f = fopen(in_dir("pid"), "r");
    CHECK(f && fscanf(f, "%ld", &child) == 1 && child > 0);
    if (f)
        fclose(f);
    kill(pid, SIGKILL);
    CHECK_EQ(end_of(pid), -SIGKILL);
    for (int i = 0; i < 200 && kill((pid_t)child, 0) == 0; i++)
        usleep(10000);
    CHECK(child > 0 && kill((pid_t)child, 0) != 0, "it is gone");
    pid = run(&plan);
    CHECK(eventually("orphan", 2), "a new start works at once");
    kill(pid, SIGTERM);
    CHECK_EQ(end_of(pid), 0);
    free_plan(&plan);
    cleanup();
}

TEST(a_second_supervisor_is_refused)
{
    struct supervisor_plan plan = { .count = 1 };
    pid_t                  first, second;

    setup();
    program(&plan.service[0], "steady", well_behaved);
    first = run(&plan);
    CHECK(eventually("steady", 1));
    second = run(&plan);
    CHECK_EQ(end_of(second), ERR_BUSY);
    CHECK_EQ(times("steady"), 1);
    kill(first, SIGTERM);
    CHECK_EQ(end_of(first), 0);
    free_plan(&plan);
    cleanup();
}
