/* Links between services that are apart: whose key is let in, how the other
 * is found by its name, where a process listens. */
#include "test.h"

#include "bus/bus.h"
#include "loop/address.h"
#include "loops.h"
#include "svc/svc.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVICES = 7, STRANGER = SERVICES, PORT = 26670 };

static const struct {
    const char *name, *callers; /* who connects to it (docs/links.md) */
} services[SERVICES] = {
    { "consensus", "api signer" },
    { "mempool", "api consensus" },
    { "p2p", "api consensus mempool" },
    { "store", "api consensus" },
    { "ledger", "api" },
    { "signer", "consensus" },
    { "api", "" },
};

static struct {
    char secret[BUS_KEY_TEXT], open[BUS_KEY_TEXT];
} keys[SERVICES + 1];

static char         home[64], host[32], curve_servers[600];
static struct loop *loop;

/* ---- the other side ---- */

static void on_request(void *ctx, struct bus_call call, struct span body)
{
    UNUSED(ctx);
    bus_reply(call, OK, NULL, body);
}

static _Noreturn void service_main(const char *name, int argc, char **argv)
{
    static const struct bus_server_fns fns = { .on_request = on_request };
    struct svc                        *s   = svc_start(name, argc, argv);

    s->chain_id = "test-chain";
    must_ok(svc_serve(s, &fns, s), "serve");
    svc_run(s);
    _exit(svc_stop(s));
}

/* This program once more, since a copy of a process with threads may hold their
 * locks for ever.  It ends with the test, however that ends. */
static pid_t service_start(int i, const char *at, const char *listen)
{
    const char *name = services[i].name;
    char        text[5][700];
    pid_t       pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(text[0], sizeof text[0], "--home=%s", home);
    snprintf(text[1], sizeof text[1], "--warren.%s=tcp://%s:%d", name, at,
             PORT + 10 * i);
    snprintf(text[2], sizeof text[2], "--warren.curve_key_file=%s/%s", home,
             name);
    snprintf(text[3], sizeof text[3], "--warren.curve_servers=%s",
             curve_servers);
    snprintf(text[4], sizeof text[4], "--warren.listen=%s", listen);
    execl("/proc/self/exe", "test_links", name, text[0], text[1], text[2],
          text[3], text[4], NULL);
    _exit(127);
}

/* Before main, which would run the tests. */
__attribute__((constructor)) static void be_a_service(int argc, char **argv)
{
    if (argc == 7)
        service_main(argv[1], argc - 1, argv + 1);
}

static int service_end(pid_t pid, int signal)
{
    int status;

    if (signal)
        kill(pid, signal);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- this side ---- */

static void write_key(const char *name, const char *secret)
{
    char  path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", home, name);
    f = fopen(path, "w");
    must(f && fputs(secret, f) >= 0 && fclose(f) == 0);
    must(chmod(path, 0600) == 0);
}

/* An address of this process's own, so that all ports are free there. */
static void open_all(void)
{
    size_t n   = 0;
    int    pid = getpid();

    snprintf(home, sizeof home, "/tmp/test_links.XXXXXX");
    must(mkdtemp(home));
    snprintf(host, sizeof host, "127.%d.%d.%d", 1 + (pid >> 16) % 200,
             pid >> 8 & 255, pid & 255);
    for (int i = 0; i <= SERVICES; i++)
        bus_make_key(keys[i].secret, keys[i].open);
    for (int i = 0; i < SERVICES; i++) {
        n += (size_t)snprintf(curve_servers + n, sizeof curve_servers - n,
                              "%s%s=%s", i ? "," : "", services[i].name,
                              keys[i].open);
        write_key(services[i].name, keys[i].secret);
    }
}

static void close_all(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -rf %s", home);
    CHECK_EQ(system(command), 0);
}

static struct bus *bus_as(int i)
{
    struct bus *b =
        bus_open(loop, i == STRANGER ? "stranger" : services[i].name);

    must_ok(bus_set_key(b, keys[i].secret), "take a key");
    return b;
}

static struct bus_client *dial(struct bus *b, const char *at, int i)
{
    static const struct bus_client_fns none = { 0 };
    char                               to[200];

    snprintf(to, sizeof to, "tcp://%s:%d#%s", at, PORT + 10 * i, keys[i].open);
    return bus_connect(b, to, &none, NULL);
}

static struct {
    int      answers;
    enum err status;
} seen;

static void on_answer(void *ctx, uint64_t tag, enum err status,
                      const char *text, struct span body)
{
    UNUSED(ctx);
    UNUSED(tag);
    UNUSED(text);
    UNUSED(body);
    seen.answers++;
    seen.status = status;
    loop_stop(loop);
}

static enum err ask(struct bus_client *c, uint32_t deadline_ms)
{
    int before = seen.answers;

    bus_request(c, BUS_SERVICE, span_str("?"), deadline_ms, on_answer, NULL, 0);
    RUN_UNTIL(seen.answers > before);
    CHECK_EQ(seen.answers, before + 1);
    return seen.status;
}

static bool is_open(const char *at, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port   = htons((uint16_t)port) };
    int                fd = socket(AF_INET, SOCK_STREAM, 0);
    bool               is;

    must(inet_pton(AF_INET, at, &to.sin_addr) == 1);
    is = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return is;
}

static void wait_open(const char *at, int port)
{
    for (int i = 0; i < LONG_MS / 10 && !is_open(at, port); i++)
        usleep(10000);
    CHECK(is_open(at, port), "%s:%d", at, port);
}

/* ---- tests ---- */

static bool is_caller(int from, int to)
{
    char all[64], *rest = all;

    snprintf(all, sizeof all, "%s", services[to].callers);
    for (char *word; (word = strsep(&rest, " "));)
        if (from != STRANGER && strcmp(word, services[from].name) == 0)
            return true;
    return false;
}

static int count_up(struct bus_client *c[SERVICES + 1][SERVICES],
                    bool               is_linked)
{
    int n = 0;

    for (int from = 0; from <= STRANGER; from++)
        for (int to = 0; to < SERVICES; to++)
            if (c[from][to] && is_caller(from, to) == is_linked)
                n += bus_is_up(c[from][to]);
    return n;
}

TEST(a_key_opens_what_its_service_has_a_link_to)
{
    struct bus_client *c[SERVICES + 1][SERVICES] = { 0 };
    struct bus        *b[SERVICES + 1];
    pid_t              pid[SERVICES];

    open_all();
    for (int i = 0; i < SERVICES; i++)
        pid[i] = service_start(i, host, "");
    loop = loop_new();
    for (int from = 0; from <= STRANGER; from++) {
        b[from] = bus_as(from);
        for (int to = 0; to < SERVICES; to++)
            if (to != from)
                c[from][to] = dial(b[from], host, to);
    }
    RUN_UNTIL(count_up(c, true) == 11);
    CHECK_EQ(count_up(c, true), 11);
    run_for(loop, 500);
    CHECK_EQ(count_up(c, false), 0);
    for (int from = 0; from <= STRANGER; from++)
        for (int to = 0; to < SERVICES; to++)
            CHECK(!c[from][to] || bus_is_up(c[from][to]) == is_caller(from, to),
                  "%d to %s", from, services[to].name);
    CHECK(!is_open(host, PORT + 10 * 6)); /* nobody calls api */
    for (int i = 0; i <= STRANGER; i++)
        bus_close(b[i]);
    loop_free(loop);
    for (int i = 0; i < SERVICES; i++)
        CHECK_EQ(service_end(pid[i], SIGTERM), 0, "%s", services[i].name);
    close_all();
}

enum { API = 6, STORE = 3 };

/* Too long for a name, so that no server is asked. */
static const char nowhere[] = "nowhere-nowhere-nowhere-nowhere-nowhere-nowhere-"
                              "nowhere-nowhere-nowhere";

TEST(a_name_is_looked_up_and_one_that_is_gone_holds_nobody_up)
{
    struct bus_client *named, *gone, *plain;
    struct bus        *b;
    pid_t              pid;

    open_all();
    pid = service_start(STORE, host, "");
    wait_open(host, PORT + 10 * STORE);
    loop  = loop_new();
    b     = bus_as(API);
    gone  = dial(b, nowhere, STORE);
    plain = dial(b, host, STORE);
    CHECK_EQ(ask(plain, LONG_MS), OK);
    CHECK_EQ(ask(gone, 200), ERR_TIMEOUT);
    CHECK_EQ(ask(plain, LONG_MS), OK);
    CHECK(!bus_is_up(gone));
    service_end(pid, SIGTERM);
    bus_close(b);
    run_for(loop, 20); /* questions that nobody wants answered any more */
    loop_free(loop);

    pid = service_start(STORE, "localhost", "localhost");
    wait_open("127.0.0.1", PORT + 10 * STORE);
    loop  = loop_new();
    b     = bus_as(API);
    named = dial(b, "localhost", STORE);
    CHECK_EQ(ask(named, LONG_MS), OK);
    service_end(pid, SIGKILL);
    pid = service_start(STORE, "localhost", "localhost");
    CHECK_EQ(ask(named, LONG_MS), OK);
    CHECK_EQ(service_end(pid, SIGTERM), 0);
    bus_close(b);
    run_for(loop, 20);
    loop_free(loop);
    close_all();
}

TEST(a_process_listens_where_it_is_told)
{
    int   port = PORT + 10 * STORE;
    pid_t pid;

    open_all();
    pid = service_start(STORE, "a.name", host);
    wait_open(host, port);
    wait_open(host, port + 1);
    CHECK(!is_open("127.0.0.2", port));
    CHECK(!is_open("127.0.0.2", port + 1));
    CHECK_EQ(service_end(pid, SIGTERM), 0);
    pid = service_start(STORE, "a.name", "");
    wait_open("127.0.0.2", port);
    CHECK_EQ(service_end(pid, SIGTERM), 0);
    CHECK_EQ(service_end(service_start(STORE, "a.name", nowhere), 0), ERR_NET);
    close_all();
}
