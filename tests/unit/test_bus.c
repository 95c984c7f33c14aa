/* The bus between real processes: exactly one answer to each request,
 * restarts noticed in tens of milliseconds, bounds, strangers. */
#include "test.h"

#include "base/limits.h"
#include "bus/bus.h"
#include "bus/wire.h"
#include "loops.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

static char               dir[64], endpoint[128], hints[128];
static struct loop       *loop;
static struct bus        *bus;
static struct bus_client *client;

/* ---- the server: a process of its own ---- */

enum server_mode { SERVER_ECHO, SERVER_SILENT };

static enum server_mode mode;
static struct bus      *server_bus;

static void server_request(void *ctx, struct bus_call call, struct span body)
{
    UNUSED(ctx);
    if (mode == SERVER_SILENT)
        return;
    if (span_eq(body, span_str("fail")))
        bus_reply(call, ERR_NOT_FOUND, "no such thing", SPAN(NULL, 0));
    else if (span_eq(body, span_str("who")))
        bus_reply(call, OK, call.request.text,
                  span_str(log_request_now()->text));
    else if (span_eq(body, span_str("huge")))
        bus_reply(call, OK, NULL, SPAN("x", (size_t)BUS_MSG_BYTES_MAX + 1));
    else
        bus_reply(call, OK, NULL, body);
}

static void server_push(void *ctx, uint32_t peer, struct span body)
{
    struct bus_server *s = *(struct bus_server **)ctx;

    must(bus_push_to(s, peer, body));
    bus_publish(server_bus, "height", body);
}

/* Tells of clients to those that are there. */
static void server_client(void *ctx, uint32_t peer, const char *service,
                          uint64_t boot)
{
    char text[64];

    UNUSED(ctx);
    UNUSED(peer);
    UNUSED(boot);
    snprintf(text, sizeof text, "came %s", service);
    bus_publish(server_bus, "client", span_str(text));
}

static void server_gone(void *ctx, uint32_t peer)
{
    UNUSED(ctx);
    UNUSED(peer);
    bus_publish(server_bus, "client", span_str("gone"));
}

static void server_admin(void *ctx, struct bus_call call, struct span body)
{
    UNUSED(ctx);
    UNUSED(body);
    bus_reply(call, OK, "admin", SPAN(NULL, 0));
}

static _Noreturn void server_main(void)
{
    static const struct bus_server_fns fns = { server_request, server_push,
                                               server_client, server_gone };
    static struct bus_server          *s;
    struct loop                       *l = loop_new();

    server_bus = bus_open(l, "server");
    must_ok(bus_serve(&s, server_bus, endpoint, &fns, &s), "serve");
    must_ok(bus_publish_open(server_bus, hints), "publish");
    bus_serve_admin(s, server_admin, NULL);
    loop_run(l);
    _exit(0);
}

static _Noreturn void other_main(void)
{
    struct loop *l = loop_new();
    struct bus  *b = bus_open(l, "other");

    bus_connect(b, endpoint, &(struct bus_client_fns){ 0 }, NULL);
    loop_run(l);
    _exit(0);
}

/* This program once more, since a copy of a process with threads may hold their
 * locks for ever.  It ends with the test, however that ends. */
static pid_t start_process(const char *as)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/proc/self/exe", "test_bus", as, endpoint, hints, NULL);
        _exit(127);
    }
    return pid;
}

/* Before main, which would run the tests. */
__attribute__((constructor)) static void be_another(int argc, char **argv)
{
    if (argc != 4)
        return;
    snprintf(endpoint, sizeof endpoint, "%s", argv[2]);
    snprintf(hints, sizeof hints, "%s", argv[3]);
    if (strcmp(argv[1], "other") == 0)
        other_main();
    mode = strcmp(argv[1], "silent") == 0 ? SERVER_SILENT : SERVER_ECHO;
    server_main();
}

static pid_t server_start(enum server_mode m)
{
    return start_process(m == SERVER_SILENT ? "silent" : "echo");
}

static void server_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- this side ---- */

static struct {
    int        ups, new_boots, downs;
    int        answers, want;
    enum err   status;
    char       text[128], named[128];
    struct buf body;
    uint64_t   tag_sum, order; /* decimal: one tag after the other */
    char       pushed[64], hinted[64];
    bool       is_inside; /* a call: no callback may run now */
    pid_t      victim;    /* dies while its answers are read */
} seen;

static void kill_victim(void)
{
    if (!seen.victim)
        return;
    server_kill(seen.victim);
    usleep(20000); /* libzmq's thread notices */
    seen.victim = 0;
}

static void on_up(void *ctx, bool is_new_boot)
{
    UNUSED(ctx);
    seen.ups++;
    seen.new_boots += is_new_boot;
    loop_stop(loop);
}

static void on_down(void *ctx)
{
    UNUSED(ctx);
    seen.downs++;
}

static void on_push(void *ctx, struct span body)
{
    UNUSED(ctx);
    snprintf(seen.pushed, sizeof seen.pushed, "%.*s", (int)body.n,
             (const char *)body.p);
    loop_stop(loop);
}

static void on_answer(void *ctx, uint64_t tag, enum err status,
                      const char *text, struct span body)
{
    UNUSED(ctx);
    must(!seen.is_inside); /* never from inside a call */
    seen.answers++;
    seen.tag_sum += tag;
    if (seen.answers % 100 == 50)
        kill_victim();
    seen.order  = seen.order * 10 + tag;
    seen.status = status;
    snprintf(seen.text, sizeof seen.text, "%s", text);
    snprintf(seen.named, sizeof seen.named, "%s", log_request_now()->text);
    buf_clear(&seen.body);
    buf_add(&seen.body, body);
    if (seen.answers >= seen.want)
        loop_stop(loop);
}

static void on_hint(void *ctx, const char *topic, struct span body)
{
    UNUSED(ctx);
    snprintf(seen.hinted, sizeof seen.hinted, "%s %.*s", topic, (int)body.n,
             (const char *)body.p);
    loop_stop(loop);
}

static void ask(struct span body, uint32_t deadline_ms, uint64_t tag)
{
    seen.is_inside = true;
    bus_request(client, BUS_SERVICE, body, deadline_ms, on_answer, NULL, tag);
    seen.is_inside = false;
}

static void open_all(void)
{
    static const struct bus_client_fns fns = { on_up, on_down, on_push };

    buf_fini(&seen.body);
    memset(&seen, 0, sizeof seen);
    buf_init(&seen.body, 64 << 20);
    snprintf(dir, sizeof dir, "/tmp/test_bus.XXXXXX");
    must(mkdtemp(dir));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/s", dir);
    snprintf(hints, sizeof hints, "ipc://%s/s.pub", dir);
    loop   = loop_new();
    bus    = bus_open(loop, "client");
    client = bus_connect(bus, endpoint, &fns, NULL);
}

static void close_all(void)
{
    char command[128];

    bus_close(bus);
    loop_free(loop);
    buf_fini(&seen.body);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    CHECK_EQ(system(command), 0);
}

TEST(a_request_gets_its_answer_status_and_text)
{
    pid_t pid;

    open_all();
    pid = server_start(SERVER_ECHO);
    ask(span_str("hello"), 0, 7); /* before anybody is there */
    RUN_UNTIL(seen.answers == 1);
    CHECK_EQ(seen.answers, 1);
    CHECK_EQ(seen.tag_sum, 7);
    CHECK_EQ(seen.status, OK);
    CHECK_BYTES(buf_span(&seen.body), span_str("hello"));
    CHECK_EQ(seen.ups, 1);
    CHECK_EQ(seen.new_boots, 1);
    ask(span_str("fail"), LONG_MS, 0);
    RUN_UNTIL(seen.answers == 2);
    CHECK_EQ(seen.status, ERR_NOT_FOUND);
    CHECK_STR(seen.text, "no such thing");
    ask(span_str("huge"), LONG_MS, 0);
    RUN_UNTIL(seen.answers == 3);
    CHECK_EQ(seen.status, ERR_FAILED);
    CHECK_STR(seen.text, "the answer is too large");
    bus_request(client, BUS_ADMIN, SPAN(NULL, 0), LONG_MS, on_answer, NULL, 0);
    RUN_UNTIL(seen.answers == 4);
    CHECK_STR(seen.text, "admin");
    server_kill(pid);
    close_all();
}

/* Ask who asks, under the id that text is. */
static void ask_as(const char *text)
{
    struct request_id id, before;

    (void)request_id_take(&id, span_str(text));
    before = log_request(id);
    ask(span_str("who"), LONG_MS, 0);
    log_request(before);
    seen.answers = 0;
    RUN_UNTIL(seen.answers == 1);
}

TEST(the_request_of_a_client_travels_there_and_back)
{
    static const char longest[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    pid_t pid;

    open_all();
    pid = server_start(SERVER_ECHO);
    ask_as("req-1.a:b/c_d");
    CHECK_STR(seen.text, "req-1.a:b/c_d");
    CHECK_BYTES(buf_span(&seen.body), span_str("req-1.a:b/c_d"));
    CHECK_STR(seen.named, "req-1.a:b/c_d");
    CHECK_STR(log_request_now()->text, "", "and is over afterwards");
    ask_as(longest);
    CHECK_STR(seen.text, longest);
    ask_as("");
    CHECK_STR(seen.text, "");
    CHECK_EQ(seen.body.len, 0, "nobody's after somebody's");
    server_kill(pid);
    close_all();
}

TEST(an_id_is_short_and_of_harmless_characters)
{
    struct request_id id;
    char              text[REQUEST_ID_MAX + 2];

    memset(text, 'a', sizeof text);
    CHECK(request_id_take(&id, SPAN(text, REQUEST_ID_MAX)));
    CHECK(!request_id_take(&id, SPAN(text, REQUEST_ID_MAX + 1)));
    CHECK_STR(id.text, "");
    CHECK(!request_id_take(&id, span_str("")));
    CHECK(!request_id_take(&id, span_str("a b")));
    CHECK(!request_id_take(&id, span_str("a\nb")));
    CHECK(!request_id_take(&id, span_str("a\"b")));
    CHECK(!request_id_take(&id, SPAN("a\0b", 3)));
    CHECK(!request_id_take(&id, span_str("caf\xc3\xa9")));
}

TEST(a_hundred_thousand_requests_get_one_answer_each)
{
    enum { N = 100000, BATCH = 10000 };
    pid_t    pid;
    uint64_t start;
    uint8_t  body[300] = { 1 };

    open_all();
    pid = server_start(SERVER_ECHO);
    RUN_UNTIL(bus_is_up(client));
    start = now_us();
    for (uint64_t i = 0; i < N; i++) {
        ask(SPAN_OF(body), i % 2 ? 0 : LONG_MS, i);
        seen.want = (int)i + 1;
        if (i % BATCH == BATCH - 1)
            RUN_UNTIL(seen.answers == seen.want);
    }
    printf("  %.2f us a request\n", (double)(now_us() - start) / N);
    CHECK_EQ(seen.answers, N);
    CHECK_EQ(seen.tag_sum, (uint64_t)N * (N - 1) / 2);
    server_kill(pid);
    close_all();
}

TEST(twenty_megabytes_travel_whole)
{
    size_t   n = 20 << 20;
    uint8_t *p = malloc(n);
    pid_t    pid;

    open_all();
    pid = server_start(SERVER_ECHO);
    RUN_UNTIL(bus_is_up(client));
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 31 >> 3);
    ask(SPAN(p, n), 0, 0);
    RUN_UNTIL(seen.answers == 1);
    CHECK(span_eq(buf_span(&seen.body), SPAN(p, n)));
    free(p);
    server_kill(pid);
    close_all();
}

TEST(a_request_in_flight_survives_the_death_of_its_server)
{
    pid_t    pid;
    uint64_t start;

    open_all();
    pid = server_start(SERVER_SILENT);
    RUN_UNTIL(bus_is_up(client));
    seen.want = 1000;
    for (uint64_t i = 0; i < 1000; i++)
        ask(span_str("idempotent"), 0, i);
    run_for(loop, 50);
    CHECK_EQ(seen.answers, 0);
    server_kill(pid);
    start = now_us();
    while (bus_is_up(client) && now_us() - start < LONG_MS * 1000)
        run_for(loop, 1);
    CHECK(!bus_is_up(client));
    printf("  down noticed after %" PRIu64 " us\n", now_us() - start);
    pid   = server_start(SERVER_ECHO);
    start = now_us();
    while (!bus_is_up(client) && now_us() - start < LONG_MS * 1000)
        run_for(loop, 1);
    printf("  up again after %" PRIu64 " us\n", now_us() - start);
    CHECK_EQ(seen.downs, 1);
    CHECK_EQ(seen.ups, 2);
    CHECK_EQ(seen.new_boots, 2);
    RUN_UNTIL(seen.answers == 1000);
    CHECK_EQ(seen.answers, 1000);
    CHECK_EQ(seen.tag_sum, 999 * 1000 / 2);
    server_kill(pid);
    close_all();
}

TEST(killing_the_server_again_and_again_loses_no_request)
{
    pid_t pid = 0;

    open_all();
    for (int round = 0; round < 20; round++) {
        pid = server_start(SERVER_ECHO);
        for (uint64_t i = 0; i < 50; i++)
            ask(span_str("work"), 0, 1);
        seen.want = 1 << 30;
        run_for(loop, (uint64_t)(rand() % 30));
        server_kill(pid);
    }
    pid       = server_start(SERVER_ECHO);
    seen.want = 1000;
    RUN_UNTIL(seen.answers == 1000);
    CHECK_EQ(seen.answers, 1000);
    CHECK_EQ(seen.tag_sum, 1000);
    server_kill(pid);
    close_all();
}

/* libzmq may notice between the two frames of a message. */
TEST(a_server_that_dies_while_it_is_asked_loses_no_request)
{
    pid_t pid;

    open_all();
    for (int round = 1; round <= 10; round++) {
        pid = server_start(SERVER_SILENT);
        RUN_UNTIL(bus_is_up(client));
        kill(pid, SIGKILL);
        for (int i = 0; i < 4000; i++)
            ask(span_str("work"), 0, 1);
        server_kill(pid);
        pid       = server_start(SERVER_ECHO);
        seen.want = round * 4000;
        RUN_UNTIL(seen.answers == seen.want);
        CHECK_EQ(seen.answers, seen.want);
        CHECK_EQ(seen.tag_sum, (uint64_t)seen.want);
        server_kill(pid);
        RUN_UNTIL(!bus_is_up(client));
    }
    close_all();
}

/* Nor between the two frames of an answer. */
TEST(a_server_that_dies_while_it_answers_loses_no_request)
{
    pid_t pid;

    open_all();
    for (int round = 1; round <= 20; round++) {
        pid = server_start(SERVER_ECHO);
        RUN_UNTIL(bus_is_up(client));
        for (int i = 0; i < 1000; i++)
            ask(span_str("work"), 0, 1);
        usleep(20000); /* the answers are there */
        seen.victim = pid;
        seen.want   = round * 1000;
        RUN_UNTIL(!seen.victim && !bus_is_up(client));
        pid = server_start(SERVER_ECHO);
        RUN_UNTIL(seen.answers == seen.want);
        CHECK_EQ(seen.answers, seen.want);
        CHECK_EQ(seen.tag_sum, (uint64_t)seen.want);
        server_kill(pid);
        RUN_UNTIL(!bus_is_up(client));
    }
    close_all();
}

static void raw_send(void *sock, struct bus_header *h)
{
    zmq_msg_t m;

    h->boot = 1;
    header_encode(&m, h);
    must(zmq_msg_send(&m, sock, ZMQ_SNDMORE) >= 0);
    must(zmq_send(sock, "", 0, 0) == 0);
}

TEST(what_was_written_for_another_process_is_dropped)
{
    void             *ctx = zmq_ctx_new(), *sock = zmq_socket(ctx, ZMQ_DEALER);
    int               ms = LONG_MS;
    struct frames     f;
    struct bus_header h = { .kind = KIND_HELLO, .service = span_str("raw") };
    pid_t             pid;

    open_all();
    pid = server_start(SERVER_ECHO);
    RUN_UNTIL(bus_is_up(client));
    must(zmq_connect(sock, endpoint) == 0);
    raw_send(sock, &h);
    must(zmq_poll(&(zmq_pollitem_t){ sock, 0, ZMQ_POLLIN, 0 }, 1, ms) == 1);
    must(frames_receive(sock, &f) && header_decode(&h, frame_span(&f.msg[0])));
    for (uint64_t id = 1; id <= 3; id++) {
        struct bus_header q = { .kind = KIND_REQUEST,
                                .lane = BUS_SERVICE,
                                .id   = id,
                                .to =
                                    id == 1 ? h.boot + 1 : h.boot * (id == 2) };

        raw_send(sock, &q);
    }
    frames_fini(&f);
    for (uint64_t id = 2; id <= 3; id++) {
        must(zmq_poll(&(zmq_pollitem_t){ sock, 0, ZMQ_POLLIN, 0 }, 1, ms) == 1);
        must(frames_receive(sock, &f));
        CHECK(header_decode(&h, frame_span(&f.msg[0])));
        CHECK_EQ(h.kind, KIND_REPLY);
        CHECK_EQ(h.id, id);
        frames_fini(&f);
    }
    zmq_close(sock);
    zmq_ctx_term(ctx);
    server_kill(pid);
    close_all();
}

/* libzmq by itself never dials again where somebody broke the protocol. */
TEST(who_else_was_at_the_endpoint_is_forgotten)
{
    uint8_t greeting[64]  = { 0xff, [9] = 0x7f, 3, 0, 'P', 'L', 'A', 'I', 'N' };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int   fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), other;
    pid_t pid;

    open_all();
    snprintf(at.sun_path, sizeof at.sun_path, "%s/s", dir);
    must(bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    must(listen(fd, 16) == 0);
    other = accept(fd, NULL, NULL);
    must(send(other, greeting, sizeof greeting, MSG_NOSIGNAL) > 0);
    run_for(loop, 300);
    CHECK(!bus_is_up(client));
    close(other);
    close(fd);
    pid = server_start(SERVER_ECHO);
    WAIT_FOR(bus_is_up(client));
    server_kill(pid);
    close_all();
}

static void count_hint(void *ctx, const char *topic, struct span body)
{
    UNUSED(topic);
    UNUSED(body);
    ++*(int *)ctx;
}

TEST(pushes_go_both_ways_and_hints_to_whom_they_concern)
{
    int   others = 0;
    pid_t pid;

    open_all();
    CHECK(!bus_push(client, span_str("x")), "nobody is there");
    pid = server_start(SERVER_ECHO);
    bus_subscribe(bus, hints, "height", on_hint, NULL);
    bus_subscribe(bus, hints, "height", count_hint, &others);
    RUN_UNTIL(bus_is_up(client));
    for (int i = 0; i < 3000 && !(seen.hinted[0] && seen.pushed[0]); i++) {
        CHECK(bus_push(client, span_str("note")));
        run_for(loop, 20);
    }
    CHECK_STR(seen.pushed, "note");
    CHECK_STR(seen.hinted, "height note");
    CHECK(others > 0, "everybody who listens is told");
    server_kill(pid);
    close_all();
}

TEST(a_server_learns_at_once_who_comes_and_who_dies)
{
    pid_t    pid, other;
    uint64_t start;

    open_all();
    pid = server_start(SERVER_ECHO);
    RUN_UNTIL(bus_is_up(client));
    bus_subscribe(bus, hints, "client", on_hint, NULL);
    bus_subscribe(bus, hints, "height", on_hint, NULL);
    for (int i = 0; i < 3000 && !seen.hinted[0]; i++) {
        CHECK(bus_push(client, span_str("are we heard?")));
        run_for(loop, 20);
    }
    other = start_process("other");
    RUN_UNTIL(strcmp(seen.hinted, "client came other") == 0);
    CHECK_STR(seen.hinted, "client came other");
    server_kill(other);
    start = now_us();
    RUN_UNTIL(strcmp(seen.hinted, "client gone") == 0);
    CHECK_STR(seen.hinted, "client gone");
    printf("  gone after %" PRIu64 " us\n", now_us() - start);
    server_kill(pid);
    close_all();
}

TEST(deadlines_end_requests_in_their_order)
{
    pid_t    pid;
    uint64_t start;

    open_all();
    pid = server_start(SERVER_SILENT);
    RUN_UNTIL(bus_is_up(client));
    start = now_us();
    ask(span_str("x"), 1500, 2);
    ask(span_str("x"), 20, 1);
    ask(span_str("x"), 0, 100);
    RUN_UNTIL(seen.answers > 0);
    CHECK_EQ(seen.status, ERR_TIMEOUT);
    CHECK(now_us() - start >= 20000);
    RUN_UNTIL(seen.answers == 2);
    CHECK_EQ(seen.order, 12);
    CHECK(now_us() - start >= 1500000);
    server_kill(pid);
    close_all();
}

TEST(too_many_requests_are_refused_not_kept)
{
    open_all();
    seen.want = 10;
    for (int i = 0; i < BUS_PENDING_MAX + 9; i++)
        ask(span_str("x"), 0, 1);
    RUN_UNTIL(seen.answers >= 10);
    CHECK_EQ(seen.answers, 10, "slot 0 is never used");
    CHECK_EQ(seen.status, ERR_BUSY);
    close_all();
}

TEST(an_endpoint_has_one_server_and_dead_files_do_not_matter)
{
    struct bus_server_fns fns = { server_request, NULL, NULL, NULL };
    struct bus_server    *s;
    pid_t                 pid;

    open_all();
    pid = server_start(SERVER_ECHO);
    RUN_UNTIL(bus_is_up(client));
    CHECK_EQ(bus_serve(&s, bus, endpoint, &fns, NULL), ERR_NET);
    ask(span_str("still there"), LONG_MS, 0);
    RUN_UNTIL(seen.answers == 1);
    CHECK_EQ(seen.status, OK);
    server_kill(pid);
    CHECK_EQ(bus_serve(&s, bus, endpoint, &fns, NULL), OK);
    CHECK_EQ(bus_serve(&s, bus, "/just/a/path", &fns, NULL), ERR_CONFIG);
    CHECK_EQ(bus_serve(&s, bus, "ipc:///nonexistent/dir/s", &fns, NULL),
             ERR_NET);
    close_all();
}

/* ---- strangers ---- */

static void send_raw_garbage(void)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    uint8_t            junk[512];

    memcpy(sa.sun_path, endpoint + 6, strlen(endpoint + 6) + 1);
    for (int i = 0; i < 100; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        for (size_t k = 0; k < sizeof junk; k++)
            junk[k] = (uint8_t)rand();
        if (i % 3 == 0)
            memcpy(junk, "\1\0", 2); /* ZMTP 1.0 */
        CHECK_EQ(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        CHECK(send(fd, junk, sizeof junk, MSG_NOSIGNAL) > 0);
        close(fd);
    }
}

static void send_zmq_garbage(void)
{
    void *ctx  = zmq_ctx_new();
    void *sock = zmq_socket(ctx, ZMQ_DEALER);
    int   wait = 100;

    CHECK_EQ(zmq_connect(sock, endpoint), 0);
    zmq_setsockopt(sock, ZMQ_LINGER, &wait, sizeof wait);
    for (int i = 0; i < 300; i++) {
        uint8_t junk[2000];
        int     frames = rand() % 6;

        for (size_t k = 0; k < sizeof junk; k++)
            junk[k] = (uint8_t)rand();
        if (i % 4 == 0)
            memcpy(junk, "\x08\x02\x10\x01\x18\x05\x20\x07", 8);
        for (; frames > 0; frames--)
            zmq_send(sock, junk, (size_t)rand() % sizeof junk, ZMQ_SNDMORE);
        zmq_send(sock, junk, i % 4 == 0 ? 8 : 20, 0);
    }
    zmq_close(sock);
    zmq_ctx_term(ctx);
}

TEST(garbage_on_the_socket_changes_nothing)
{
    pid_t pid;

    open_all();
    pid = server_start(SERVER_ECHO);
    RUN_UNTIL(bus_is_up(client));
    send_raw_garbage();
    send_zmq_garbage();
    ask(span_str("still fine"), LONG_MS, 0);
    RUN_UNTIL(seen.answers == 1);
    CHECK_EQ(seen.status, OK);
    CHECK_BYTES(buf_span(&seen.body), span_str("still fine"));
    CHECK_EQ(seen.downs, 0);
    server_kill(pid);
    close_all();
}

static void local_request(void *ctx, struct bus_call call, struct span body)
{
    UNUSED(ctx);
    bus_reply(call, OK, NULL, body);
}

TEST(tcp_needs_a_key_that_is_on_the_list)
{
    static const struct bus_server_fns fns        = { local_request, NULL, NULL,
                                                      NULL };
    static const struct bus_client_fns client_fns = { on_up, on_down, NULL };
    char server_pub[41], server_key[41], good_pub[41], good_key[41],
        bad_pub[41], bad_key[41], address[128];
    struct bus        *good, *bad;
    struct bus_server *s;
    struct bus_client *stranger;
    int                port = 20000 + getpid() % 10000;
    enum err           e;

    open_all();
    zmq_curve_keypair(server_pub, server_key);
    zmq_curve_keypair(good_pub, good_key);
    zmq_curve_keypair(bad_pub, bad_key);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    CHECK_EQ(bus_serve(&s, bus, address, &fns, NULL), ERR_CONFIG,
             "plain tcp is refused");
    CHECK_EQ(bus_set_key(bus, "short"), ERR_KEY);
    CHECK_EQ(bus_set_key(bus, server_key), OK);
    CHECK_EQ(bus_serve(&s, bus, address, &fns, NULL), ERR_CONFIG,
             "so is an empty list");
    CHECK_EQ(bus_allow(bus, "nonsense"), ERR_CONFIG);
    CHECK_EQ(bus_allow(bus, good_pub), OK);
    while ((e = bus_serve(&s, bus, address, &fns, NULL)) == ERR_NET &&
           port < 32768) /* another's port */
        snprintf(address, sizeof address, "tcp://127.0.0.1:%d", ++port);
    CHECK_EQ(e, OK);
    bus_client_close(client);
    good = bus_open(loop, "good");
    bad  = bus_open(loop, "bad");
    CHECK_EQ(bus_set_key(good, good_key), OK);
    CHECK_EQ(bus_set_key(bad, bad_key), OK);
    snprintf(address + strlen(address), sizeof address - strlen(address), "#%s",
             server_pub);
    stranger = bus_connect(bad, address, &client_fns, NULL);
    run_for(loop, 300);
    CHECK(!bus_is_up(stranger));
    client = bus_connect(good, address, &client_fns, NULL);
    RUN_UNTIL(bus_is_up(client));
    CHECK(bus_is_up(client));
    ask(span_str("sealed"), LONG_MS, 0);
    RUN_UNTIL(seen.answers == 1);
    CHECK_BYTES(buf_span(&seen.body), span_str("sealed"));
    CHECK(!bus_is_up(stranger));
    bus_close(good);
    bus_close(bad);
    close_all();
}
