/* The HTTP server over real sockets: framing, bounds, time-outs. */
#include "test.h"

#include "loop/http.h"
#include "loops.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct world {
    struct loop        *loop;
    struct http_server *server;
    int                 fd;
    char                got[65536];
    size_t              n;
    int                 requests;
};

static void echo(void *ctx, struct http_request *r)
{
    struct world *w = ctx;
    char          text[256];
    struct buf    out;

    w->requests++;
    buf_use(&out, text, sizeof text);
    buf_printf(&out, "%s %s?%s %zu %s %s", http_method(r), http_path(r),
               http_query(r), http_body(r).n,
               http_header(r, "x-test") ? http_header(r, "x-test") : "-",
               http_body_error(r) ? http_body_error(r) : "0");
    http_set_header(r, "Content-Type", "text/plain");
    http_reply(r, 200, buf_span(&out));
}

static void open_world(struct world *w, struct http_limits limits)
{
    memset(w, 0, sizeof *w);
    w->loop = loop_new();
    must(http_listen(&w->server, w->loop, "tcp://127.0.0.1:0", &limits, echo,
                     w) == OK);
}

static int dial(const struct world *w)
{
    struct sockaddr_in a  = { .sin_family = AF_INET,
                              .sin_port   = htons(http_port(w->server)) };
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    must(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

/* Send text on a new connection; what came back within a moment. */
static const char *talk(struct world *w, const char *text)
{
    struct pollfd p;

    w->fd = dial(w);
    must(send(w->fd, text, strlen(text), MSG_NOSIGNAL) ==
         (ssize_t)strlen(text));
    for (int i = 0; i < 10; i++)
        run_for(w->loop, 10);
    w->n = 0;
    p    = (struct pollfd){ .fd = w->fd, .events = POLLIN };
    while (poll(&p, 1, 0) > 0) {
        ssize_t k = recv(w->fd, w->got + w->n, sizeof w->got - 1 - w->n, 0);

        if (k <= 0)
            break;
        w->n += (size_t)k;
    }
    w->got[w->n] = 0;
    close(w->fd);
    run_for(w->loop, 5);
    return w->got;
}

static void close_world(struct world *w)
{
    http_close(w->server);
    loop_free(w->loop);
}

static const struct http_limits plain = { .body_max        = 100,
                                          .header_max      = 2000,
                                          .connections_max = 4,
                                          .timeout_ms      = 1000 };

#define SPACES_10  "          "
#define SPACES_50  SPACES_10 SPACES_10 SPACES_10 SPACES_10 SPACES_10
#define SPACES_100 SPACES_50 SPACES_50

TEST(requests_are_framed)
{
    static const struct {
        const char *send, *want;
    } cases[] = {
        { "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n",
          "GET /a?b=c 0 yes 0" },
        { "GET /a HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n\r\n", "GET /a? 0 - 0" },
        { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
          "POST /? 3 - 0" },
        { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "3\r\nabc\r\n0\r\n\r\n",
          "POST /? 3 - 0" },
        { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n",
          "POST /? 0 - http: request body too large" },
        { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "65\r\n" SPACES_100 " ",
          "POST /? 0 - http: request body too large" },
        { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "3\r\nabcde",
          "POST /? 0 - malformed chunked encoding" },
        { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
          "Content-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          "Connection: close\r\n\r\nPOST /? 3 - 0" },
        { "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
          "Content-Length: 1\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\n" },
        { "POST / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n",
          "HTTP/1.1 417 Expectation Failed\r\n" },
        { "GET / HTTP/1.1\r\nHost: x\r\nX-Test: a\r\n  b\r\n\r\n",
          "GET /? 0 a b 0" },
        { "FOO /%41 HTTP/1.2\nHost: x\n\n", "FOO /%41? 0 - 0" },
        { "garbage\r\n", "HTTP/1.1 400 Bad Request" },
        { "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n",
          "HTTP/1.1 400 Bad Request" },
        { "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n"
          "\r\n",
          "GET /2? 0 - 0" },
        { "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n" },
        { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
          "Connection: keep-alive\r\n" },
        { "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 " },
        { "garbage\r\n\r\n", "HTTP/1.1 400 Bad Request" },
        { "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
          "Content-Length: 2\r\n\r\n",
          "HTTP/1.1 400 Bad Request" },
        { "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request" },
        { "GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",
          "HTTP/1.1 400 Bad Request" },
        { "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "HTTP/1.1 400 Bad Request" },
        { "GET http://a.b:1/c?d=e HTTP/1.1\r\nHost: a.b:1\r\n\r\n",
          "GET /c?d=e 0 - 0" },
        { "GET http://a.b HTTP/1.1\r\nHost: a.b\r\n\r\n", "GET ? 0 - 0" },
    };
    struct world w;

    open_world(&w, plain);
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK(strstr(talk(&w, cases[i].send), cases[i].want), "%s -> %s",
              cases[i].send, w.got);
    close_world(&w);
}

TEST(long_headers_are_refused)
{
    struct world w;
    char         text[8000];

    open_world(&w, plain);
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    text[sizeof text - 1] = 0;
    CHECK(strstr(talk(&w, text), "431 "), "%s", w.got);
    close_world(&w);
}

TEST(connections_over_the_limit_wait_and_slow_ones_are_cut)
{
    struct http_limits limits = plain;
    struct world       w;
    int                fds[6];

    limits.timeout_ms = 100;
    open_world(&w, limits);
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = dial(&w); /* send nothing */
    CHECK(!strstr(talk(&w, "GET /z HTTP/1.1\r\nHost: x\r\n\r\n"), "never"));
    for (int i = 0; i < 60; i++)
        run_for(w.loop, 10);
    CHECK(strstr(talk(&w, "GET /after HTTP/1.1\r\nHost: x\r\n\r\n"), "/after"),
          "silent connections made room: %s", w.got);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    close_world(&w);
}

/* Everything that comes until the other side says no more. */
static const char *rest(struct world *w)
{
    struct pollfd p = { .fd = w->fd, .events = POLLIN };
    ssize_t       k = 1;

    for (int i = 0; i < 500 && k > 0; i++) {
        run_for(w->loop, 5);
        while (k > 0 && poll(&p, 1, 0) > 0) {
            k = recv(w->fd, w->got + w->n, sizeof w->got - 1 - w->n, 0);
            w->n += k > 0 ? (size_t)k : 0;
        }
    }
    w->got[w->n] = 0;
    close(w->fd);
    return k == 0 ? w->got : "no end";
}

TEST(who_says_no_more_hears_all_answers)
{
    static const struct {
        const char *send, *want;
    } cases[] = {
        { "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n"
          "\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /3? 0 - 0" },
        { "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2", "400 Bad Request" },
        { "GET /1 HTTP/1.1\r\nHost: x\r\n", "400 Bad Request" },
        { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab",
          "POST /? 0 - unexpected EOF" },
        { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "3\r\nab",
          "POST /? 0 - unexpected EOF" },
    };
    struct world w;

    open_world(&w, plain);
    for (size_t i = 0; i < COUNT(cases); i++) {
        w.n  = 0;
        w.fd = dial(&w);
        must(send(w.fd, cases[i].send, strlen(cases[i].send), MSG_NOSIGNAL) >
             0);
        shutdown(w.fd, SHUT_WR);
        CHECK(strstr(rest(&w), cases[i].want), "%s -> %s", cases[i].send,
              w.got);
    }
    close_world(&w);
}
