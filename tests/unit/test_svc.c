/* A service process: how it starts, refuses to start, answers and stops. */
#include "test.h"

#include "proto/admin.pb-c.h"
#include "svc/notify.h"
#include "svc/svc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[160];

static void on_request(void *ctx, struct bus_call call, struct span body)
{
    struct svc *s = ctx;

    if (span_eq(body, span_str("exit")))
        svc_exit(s, ERR_CORRUPT);
    else
        bus_reply(call, OK, NULL, body);
}

static _Noreturn void service_main(char **argv, int argc)
{
    static const struct bus_server_fns fns = { .on_request = on_request };
    struct svc                        *s   = svc_start("store", argc, argv);

    s->chain_id = "test-chain";
    svc_condition(s, "disk", NULL);
    svc_condition(s, "consensus", "not reachable");
    must_ok(svc_serve(s, &fns, s), "serve");
    svc_run(s);
    exit(svc_stop(s));
}

/* A child with these flags behind --home. */
static pid_t service_start(const char *flag, const char *value)
{
    char  program[] = "store", home_flag[] = "--home";
    char *argv[6] = { program, home_flag, home };
    int   argc    = 3;
    pid_t pid;

    if (flag)
        argv[argc++] = (char *)(uintptr_t)flag;
    if (value)
        argv[argc++] = (char *)(uintptr_t)value;
    pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(99);
        service_main(argv, argc);
    }
    return pid;
}

static int exit_code(pid_t pid)
{
    int status;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int exit_code_with(const char *flag, const char *value)
{
    return exit_code(service_start(flag, value));
}

/* ---- asking it ---- */

static struct loop  *loop;
static Admin__Reply *reply;
static enum err      status;

static void on_reply(void *ctx, uint64_t tag, enum err s, const char *text,
                     struct span body)
{
    UNUSED(ctx);
    UNUSED(tag);
    UNUSED(text);
    status = s;
    reply  = admin__reply__unpack(NULL, body.n, body.p);
    loop_stop(loop);
}

static void ask(enum bus_lane lane, struct span body)
{
    struct config     *c = config_default(home);
    struct bus        *b;
    struct bus_client *client;
    char               endpoint[300];

    snprintf(endpoint, sizeof endpoint, "ipc://%s/store.sock",
             config_run_dir(c));
    loop   = loop_new();
    b      = bus_open(loop, "test");
    client = bus_connect(b, endpoint, &(struct bus_client_fns){ 0 }, NULL);
    bus_request(client, lane, body, 1000, on_reply, NULL, 0);
    loop_run(loop);
    bus_close(b);
    loop_free(loop);
    config_free(c);
}

static void ask_admin(const Admin__Request *r)
{
    uint8_t packed[300];
    size_t  n = admin__request__pack(r, packed);

    ask(BUS_ADMIN, SPAN(packed, n));
}

static void home_make(void)
{
    snprintf(home, sizeof home, "/tmp/test_svc.XXXXXX");
    must(mkdtemp(home));
}

static void home_remove(void)
{
    char command[200];

    snprintf(command, sizeof command, "rm -rf %s", home);
    must(system(command) == 0);
}

TEST(a_service_answers_health_and_metrics_and_stops_when_asked)
{
    Admin__Request    r = ADMIN__REQUEST__INIT;
    Admin__GetHealth  h = ADMIN__GET_HEALTH__INIT;
    Admin__GetMetrics m = ADMIN__GET_METRICS__INIT;
    char              all[65536];
    pid_t             pid;

    home_make();
    pid          = service_start(NULL, NULL);
    r.kind_case  = ADMIN__REQUEST__KIND_GET_HEALTH;
    r.get_health = &h;
    ask_admin(&r);
    if (CHECK(reply && reply->kind_case == ADMIN__REPLY__KIND_HEALTH)) {
        CHECK_STR(reply->health->service, "store");
        CHECK_EQ(reply->health->n_reasons, 1);
        CHECK_STR(reply->health->reasons[0]->condition, "consensus");
        CHECK_STR(reply->health->reasons[0]->reason, "not reachable");
        CHECK(reply->health->boot != 0);
    }
    admin__reply__free_unpacked(reply, NULL);
    r.kind_case   = ADMIN__REQUEST__KIND_GET_METRICS;
    r.get_metrics = &m;
    ask_admin(&r);
    if (CHECK(reply && reply->kind_case == ADMIN__REPLY__KIND_METRICS)) {
        snprintf(all, sizeof all, "%.*s", (int)reply->metrics->text.len,
                 (const char *)reply->metrics->text.data);
        CHECK(strstr(all, "warren_process_resident_memory_bytes{chain_id="
                          "\"test-chain\",service=\"store\"} "));
        CHECK(strstr(all, "warren_process_ready{chain_id=\"test-chain\","
                          "service=\"store\"} 0\n"));
    }
    admin__reply__free_unpacked(reply, NULL);
    ask(BUS_ADMIN, span_str("\xff\xff"));
    CHECK_EQ(status, ERR_USAGE);
    admin__reply__free_unpacked(reply, NULL);
    kill(pid, SIGTERM);
    CHECK_EQ(exit_code(pid), 0);
    home_remove();
}

/* What the status port at `path` answers to `request`. */
static void ask_status(char *out, size_t cap, const char *path,
                       const char *request)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int                fd = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t             n  = 0;
    ssize_t            got;

    snprintf(sa.sun_path, sizeof sa.sun_path, "%.100s", path);
    must(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    must(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
    while (n + 1 < cap && (got = read(fd, out + n, cap - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = 0;
    close(fd);
}

TEST(the_status_port_answers_probes_and_prometheus)
{
    static const struct {
        const char *request, *status, *says;
    } cases[] = {
        { "GET /livez HTTP/1.0\r\n\r\n", "200", "{\"live\":true}" },
        { "GET /readyz HTTP/1.0\r\n\r\n", "503",
          "{\"ready\":false,\"reasons\":[{\"service\":\"store\",\"reason\":"
          "\"consensus: not reachable\"}]}" },
        { "GET /metrics HTTP/1.0\r\n\r\n", "200",
          "warren_process_ready{chain_id=\"test-chain\",service=\"store\"}"
          " 0\n" },
        { "HEAD /livez HTTP/1.0\r\n\r\n", "200", "" },
        { "GET /signer/metrics HTTP/1.0\r\n\r\n", "404", "/metrics" },
        { "POST /livez HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", "405", "GET" },
        { "nonsense\r\n\r\n", "400", "" },
    };
    char  address[200], all[65536], line[32];
    pid_t pid;

    home_make();
    snprintf(address, sizeof address, "unix://%s/status", home);
    pid = service_start("--warren.status_laddr", address);
    ask(BUS_SERVICE, span_str("")); /* it serves */
    admin__reply__free_unpacked(reply, NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        ask_status(all, sizeof all, address + 7, cases[i].request);
        snprintf(line, sizeof line, " %s ", cases[i].status);
        CHECK(strncmp(all, "HTTP/1.", 7) == 0 &&
                  strncmp(all + 8, line, strlen(line)) == 0,
              "%s: %.20s", cases[i].request, all);
        CHECK(strstr(all, cases[i].says), "%s", cases[i].request);
    }
    kill(pid, SIGTERM);
    CHECK_EQ(exit_code(pid), 0);
    CHECK_EQ(exit_code_with("--warren.status_laddr", "nowhere"), ERR_CONFIG);
    home_remove();
}

/* A service manager's end; what reaches it is read by note. */
static int manager_open(char *path, size_t cap)
{
    struct sockaddr_un sa      = { .sun_family = AF_UNIX };
    struct timeval     patient = { .tv_sec = 20 };
    int                fd      = socket(AF_UNIX, SOCK_DGRAM, 0);

    snprintf(path, cap, "%s/notify", home);
    snprintf(sa.sun_path, sizeof sa.sun_path, "%.100s", path);
    must(bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patient, sizeof patient) ==
         0);
    return fd;
}

static void note(int fd, const char *want)
{
    char    text[512];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = 0;
    CHECK_STR(text, want);
}

TEST(a_service_manager_is_told)
{
    char  path[200];
    int   fd;
    pid_t pid;

    home_make();
    fd = manager_open(path, sizeof path);
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "20000", 1);
    pid = service_start(NULL, NULL);
    note(fd, "READY=1");
    note(fd, "STATUS=consensus not reachable");
    note(fd, "WATCHDOG=1");
    note(fd, "WATCHDOG=1");
    unsetenv("WATCHDOG_USEC");
    close(fd); /* who does not listen is no trouble */
    kill(pid, SIGTERM);
    CHECK_EQ(exit_code(pid), 0);
    unlink(path);

    fd  = manager_open(path, sizeof path);
    pid = service_start(NULL, NULL);
    note(fd, "READY=1");
    note(fd, "STATUS=consensus not reachable");
    kill(pid, SIGTERM);
    note(fd, "STOPPING=1\nSTATUS=stopping"); /* and no watchdog before it */
    CHECK_EQ(exit_code(pid), 0);
    close(fd);

    CHECK(!notify_send("READY=1"), "nobody listens");
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    CHECK(!notify_send("READY=1"), "an address of another kind");
    unsetenv("NOTIFY_SOCKET");
    home_remove();
}

TEST(a_second_process_of_the_same_service_is_refused)
{
    pid_t pid;

    home_make();
    pid = service_start(NULL, NULL);
    ask(BUS_SERVICE, SPAN(NULL, 0)); /* it is there */
    admin__reply__free_unpacked(reply, NULL);
    CHECK_EQ(exit_code_with(NULL, NULL), ERR_NET);
    kill(pid, SIGKILL);
    CHECK_EQ(exit_code(pid), -1);
    pid = service_start(NULL, NULL); /* what -9 left does not matter */
    ask(BUS_SERVICE, span_str(""));
    CHECK_EQ(status, OK);
    admin__reply__free_unpacked(reply, NULL);
    ask(BUS_SERVICE, span_str("exit"));
    CHECK_EQ(exit_code(pid), ERR_CORRUPT, "svc_exit's code");
    home_remove();
}

TEST(what_is_wrong_at_start_has_its_own_exit_code)
{
    home_make();
    CHECK_EQ(exit_code_with("--check", NULL), 0);
    CHECK_EQ(exit_code_with("--help", NULL), 0);
    CHECK_EQ(exit_code_with("--version", NULL), 0);
    CHECK_EQ(exit_code_with("--no_such_flag", "x"), ERR_USAGE);
    CHECK_EQ(exit_code_with("word", NULL), ERR_USAGE);
    CHECK_EQ(exit_code_with("--log_level", "loud"), ERR_CONFIG);
    CHECK_EQ(exit_code_with("--warren.store", "tcp://127.0.0.1:30000"),
             ERR_CONFIG, "plain tcp");
    CHECK_EQ(exit_code_with("--warren.store", "127.0.0.1"), ERR_CONFIG);
    CHECK_EQ(exit_code_with("--warren.curve_key_file", "missing"), ERR_KEY);
    home_remove();
}

TEST(who_keeps_secrets_dumps_no_core)
{
    pid_t pid;

    home_make();
    pid = fork();
    if (pid == 0) {
        char          program[] = "signer", flag[] = "--home";
        char         *argv[] = { program, flag, home, NULL };
        struct svc   *s      = svc_start("signer", 3, argv);
        struct rlimit r;

        svc_keep_secrets(s);
        getrlimit(RLIMIT_CORE, &r);
        _exit(r.rlim_max == 0 ? 0 : 1);
    }
    CHECK_EQ(exit_code(pid), 0);
    home_remove();
}
