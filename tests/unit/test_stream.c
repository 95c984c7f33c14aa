/* Streams: what is written arrives whole and in order, bounds hold, and a
 * stream can go at any moment. */
#include "test.h"

#include "loop/address.h"
#include "loop/stream.h"
#include "loops.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;

/* One end that counts. */
struct end {
    struct stream *s;
    size_t         got, opened, closed, drained;
    size_t         want;     /* stop the loop when got reaches it */
    uint64_t       checksum; /* of the bytes and their positions */
    bool           echoes, refuses, closes_on_data;
    char           why[64];
};

static void on_open(void *ctx)
{
    ((struct end *)ctx)->opened++;
}

static size_t on_data(void *ctx, struct span in)
{
    struct end *e = ctx;

    if (e->closes_on_data) {
        stream_close(e->s);
        e->s = NULL;
        loop_stop(loop);
        return 0;
    }
    if (e->refuses)
        return 0;
    for (size_t i = 0; i < in.n; i++)
        e->checksum += in.p[i] * (uint64_t)(e->got + i + 1);
    e->got += in.n;
    if (e->echoes)
        CHECK(stream_write(e->s, in));
    if (e->want && e->got >= e->want)
        loop_stop(loop);
    return in.n;
}

static void on_drain(void *ctx)
{
    ((struct end *)ctx)->drained++;
}

static void on_close(void *ctx, const char *why)
{
    struct end *e = ctx;

    e->closed++;
    e->s = NULL;
    snprintf(e->why, sizeof e->why, "%s", why);
    loop_stop(loop);
}

static const struct stream_fns fns = { .on_open  = on_open,
                                       .on_data  = on_data,
                                       .on_drain = on_drain,
                                       .on_close = on_close };

static struct end server;
static void       on_accept(void *ctx, int fd, const char *peer)
{
    UNUSED(ctx);
    CHECK(peer[0] != 0);
    server.s = stream_adopt(loop, fd, &fns, &server);
}

static void pair_open(struct end *a, struct end *b)
{
    int fd[2];

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    *a = *b = (struct end){ 0 };
    a->s    = stream_adopt(loop, fd[0], &fns, a);
    b->s    = stream_adopt(loop, fd[1], &fns, b);
}

TEST(an_address_is_taken_apart_or_refused)
{
    static const struct {
        const char *text, *host;
        int         port; /* -1: refused */
    } cases[] = {
        { "tcp://127.0.0.1:26657", "127.0.0.1", 26657 },
        { "localhost:0", "localhost", 0 },
        { "tcp://:26656", "", 26656 },
        { "tcp://[::1]:1", "::1", 1 },
        { "::1:1", NULL, -1 },
        { "tcp://127.0.0.1", NULL, -1 },
        { "127.0.0.1:", NULL, -1 },
        { "127.0.0.1:65536", NULL, -1 },
        { "127.0.0.1:-1", NULL, -1 },
        { "http://127.0.0.1:1", NULL, -1 },
        { "unix://", NULL, -1 },
        { "", NULL, -1 },
    };
    struct address a;

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool is_ok = address_parse(&a, cases[i].text);

        CHECK_EQ(is_ok, cases[i].port >= 0, "%s", cases[i].text);
        if (is_ok) {
            CHECK_STR(a.host, cases[i].host);
            CHECK_EQ(a.port, cases[i].port);
        }
    }
    CHECK(address_parse(&a, "unix:///tmp/x") && a.is_unix);
    CHECK_STR(a.path, "/tmp/x");
}

static void echo_over(const char *listen_on, const char *connect_to)
{
    struct end       client = { .want = 5 };
    struct listener *l      = NULL;
    char             address[128];

    loop   = loop_new();
    server = (struct end){ .echoes = true };
    CHECK_EQ(listener_open(&l, loop, listen_on, on_accept, NULL), OK);
    snprintf(address, sizeof address, connect_to, listener_port(l));
    client.s = stream_connect(loop, address, 1000, &fns, &client);
    CHECK(stream_write(client.s, span_str("hello")), "before it is open");
    run_for(loop, 2000);
    CHECK_EQ(client.opened, 1);
    CHECK_EQ(client.got, 5, "%s", address);
    CHECK_EQ(server.opened, 0, "not called for adopted ones");
    stream_close(client.s);
    run_for(loop, 2000);
    CHECK_EQ(server.closed, 1);
    CHECK_STR(server.why, "closed by the other side");
    listener_close(l);
    loop_free(loop);
}

TEST(an_echo_comes_back_over_each_kind_of_address)
{
    char dir[] = "/tmp/test_stream.XXXXXX", path[64];

    must(mkdtemp(dir));
    snprintf(path, sizeof path, "unix://%s/s", dir);
    echo_over("127.0.0.1:0", "tcp://127.0.0.1:%u");
    echo_over("tcp://127.0.0.1:0", "localhost:%u");
    echo_over(path, path);
    rmdir(dir);
}

TEST(a_stale_unix_socket_does_not_hinder_listening)
{
    char             dir[] = "/tmp/test_stream.XXXXXX", path[64];
    struct listener *a = NULL, *b = NULL;
    int              fd;

    must(mkdtemp(dir));
    snprintf(path, sizeof path, "unix://%s/s", dir);
    loop = loop_new();
    struct sockaddr_storage sa;
    socklen_t               n;
    struct address          address;
    CHECK(address_parse(&address, path));
    CHECK(address_sockaddr(&address, &sa, &n));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&sa, n), 0);
    close(fd); /* the file stays, as after kill -9 */
    CHECK_EQ(listener_open(&a, loop, path, on_accept, NULL), OK);
    CHECK_EQ(listener_open(&b, loop, path, on_accept, NULL), ERR_NET,
             "a live one is left alone");
    listener_close(a);
    rmdir(dir);
    loop_free(loop);
}

TEST(failures_to_connect_are_told_later_with_a_reason)
{
    static const struct {
        const char *address, *why;
    } cases[] = {
        { "127.0.0.1:1", "Connection refused" },
        { "nonsense", "malformed address" },
        { "unix:///nonexistent/x", "No such file or directory" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct end e = { 0 };

        loop = loop_new();
        e.s  = stream_connect(loop, cases[i].address, 1000, &fns, &e);
        CHECK_EQ(e.closed, 0);
        run_for(loop, 2000);
        CHECK_STR(e.why, cases[i].why);
        CHECK_EQ(e.closed, 1);
        loop_free(loop);
    }
}

TEST(a_stream_can_be_closed_while_its_name_is_being_resolved)
{
    struct end e = { 0 };

    loop = loop_new();
    e.s  = stream_connect(loop, "localhost:1", 1000, &fns, &e);
    stream_close(e.s);
    run_for(loop, 20);
    CHECK_EQ(e.closed, 0);
    loop_free(loop);
}

TEST(sixty_megabytes_arrive_whole_through_small_buffers)
{
    struct end a, b;
    size_t     n    = 60 << 20;
    uint8_t   *data = malloc(n);
    uint64_t   sum  = 0;

    loop = loop_new();
    pair_open(&a, &b);
    for (size_t i = 0; i < n; i++) {
        data[i] = (uint8_t)(i * 7 + i / 1000);
        sum += data[i] * (uint64_t)(i + 1);
    }
    b.want = n;
    for (size_t at = 0, step = 1; at < n; at += step) {
        step = step * 3 % 200000 + 1;
        if (step > n - at)
            step = n - at;
        must(stream_write(a.s, SPAN(data + at, step)));
    }
    run_for(loop, 10000);
    CHECK_EQ(b.got, n);
    CHECK_EQ(b.checksum, sum);
    CHECK_EQ(a.drained, 1);
    stream_close(a.s);
    stream_close(b.s);
    free(data);
    loop_free(loop);
}

TEST(output_stops_at_its_limit_and_drains)
{
    struct end a, b;
    uint8_t    kb[1024] = { 0 };
    size_t     accepted = 0;

    loop = loop_new();
    pair_open(&a, &b);
    stream_limits(a.s, 100 << 10, 1 << 20);
    stream_pause(b.s, true);
    while (stream_write(a.s, SPAN_OF(kb)))
        accepted++;
    CHECK_EQ(accepted, 100);
    CHECK_EQ(stream_pending(a.s), 100 << 10);
    stream_pause(b.s, false);
    b.want = accepted * 1024;
    run_for(loop, 1000);
    CHECK_EQ(b.got, accepted * 1024);
    CHECK_EQ(a.drained, 1);
    stream_close(a.s);
    stream_close(b.s);
    loop_free(loop);
}

TEST(input_that_nobody_takes_waits_in_the_kernel)
{
    struct end a, b;
    uint8_t    kb[1024] = { 0 };
    size_t     total    = 0;

    loop = loop_new();
    pair_open(&a, &b);
    b.refuses = true;
    stream_limits(b.s, 1 << 20, 64 << 10);
    for (int i = 0; i < 2000; i++)
        total += stream_write(a.s, SPAN_OF(kb)) ? sizeof kb : 0;
    run_for(loop, 20);
    CHECK(stream_pending(a.s) > 1 << 20, "%zu", stream_pending(a.s));
    b.refuses = false;
    b.want    = total;
    stream_pause(b.s, true);
    stream_pause(b.s, false); /* offers again what was refused */
    run_for(loop, 1000);
    CHECK_EQ(b.got, total);
    stream_close(a.s);
    stream_close(b.s);
    loop_free(loop);
}

TEST(a_stream_may_be_closed_from_its_own_callback)
{
    struct end a, b;

    loop = loop_new();
    pair_open(&a, &b);
    b.closes_on_data = true;
    CHECK(stream_write(a.s, span_str("x")));
    run_for(loop, 100);
    CHECK(b.s == NULL);
    CHECK_EQ(b.closed, 0, "not told of what it did itself");
    run_for(loop, 100);
    CHECK_EQ(a.closed, 1);
    loop_free(loop);
}

TEST(what_was_written_before_a_flushed_close_arrives)
{
    struct end a, b;
    size_t     n    = 3 << 20;
    uint8_t   *data = calloc(1, n);

    loop = loop_new();
    pair_open(&a, &b);
    CHECK(stream_write(a.s, SPAN(data, n)));
    CHECK(stream_write(b.s, span_str("never read")));
    stream_close_flushed(a.s, 1000);
    run_for(loop, 1000);
    CHECK_EQ(b.got, n);
    CHECK_EQ(b.closed, 1);
    CHECK_EQ(a.closed, 0);
    run_for(loop, 10);
    free(data);
    loop_free(loop);
}

TEST(a_flushed_close_gives_up_after_its_time)
{
    struct end a, b;
    uint8_t   *data = calloc(1, 3 << 20);

    loop = loop_new();
    pair_open(&a, &b);
    stream_pause(b.s, true);
    CHECK(stream_write(a.s, SPAN(data, 3 << 20)));
    stream_close_flushed(a.s, 30);
    run_for(loop, 50);
    stream_pause(b.s, false);
    run_for(loop, 1000);
    CHECK_EQ(b.closed, 1);
    CHECK(b.got < 3 << 20);
    free(data);
    loop_free(loop);
}

TEST(the_last_words_of_the_other_side_are_heard)
{
    struct end a, b;
    uint8_t    big[100000] = { 0 };

    loop = loop_new();
    pair_open(&a, &b);
    CHECK(stream_write(b.s, span_str("bye")));
    stream_close_flushed(b.s, 100);
    CHECK(stream_write(a.s, SPAN_OF(big)));
    run_for(loop, 1000);
    CHECK_EQ(a.got, 3);
    CHECK_EQ(a.closed, 1);
    run_for(loop, 5);
    loop_free(loop);
}
