/* WebSocket: messages out of frames, verdicts on broken ones, bounds; and a
 * connection over a real socket. */
#include "test.h"

#include "loop/frames.h"
#include "loop/ws.h"
#include "loops.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- frames ---- */

/* A client's frame with an empty mask. */
static void put_frame(struct buf *out, int first, struct span payload)
{
    size_t at = out->len;

    frames_head(out, first & 15, payload.n);
    out->p[at]     = (uint8_t)first;
    out->p[at + 1] = (uint8_t)(out->p[at + 1] | 0x80);
    buf_add(out, SPAN("\0\0\0\0", 4));
    buf_add(out, payload);
}

/* What is read from in, given in pieces: "M:text" and so on. */
static void read_all(struct buf *out, struct span in, size_t piece, size_t max)
{
    static const char     names[] = "-MiocB";
    struct frames_reader *r       = frames_new(max);
    enum frames_what      what    = FRAMES_MORE;

    while (in.n && what != FRAMES_CLOSE && what != FRAMES_BROKEN) {
        struct span part = SPAN(in.p, in.n < piece ? in.n : piece), payload;

        in = SPAN(in.p + part.n, in.n - part.n);
        while ((what = frames_next(r, &part, &payload)) != FRAMES_MORE) {
            buf_printf(out, "%c:", names[what]);
            if (what == FRAMES_CLOSE || what == FRAMES_BROKEN) {
                if (payload.n >= 2)
                    buf_printf(out, "%d ", payload.p[0] << 8 | payload.p[1]);
                payload = SPAN(payload.p + (payload.n < 2 ? payload.n : 2),
                               payload.n < 2 ? 0 : payload.n - 2);
            }
            buf_add(out, payload);
            buf_byte(out, ' ');
            if (what == FRAMES_CLOSE || what == FRAMES_BROKEN)
                break;
        }
    }
    frames_free(r);
}

enum { FIN = 0x80, MAX = 1000 };

TEST(messages_come_whole_however_they_are_cut)
{
    static char big[900];
    struct buf  in, once, bytes;

    memset(big, 'x', sizeof big);
    buf_init(&in, 1 << 16);
    put_frame(&in, FIN | 1, span_str("one"));
    put_frame(&in, 1, span_str("t"));
    put_frame(&in, FIN | 9, span_str("ping"));
    put_frame(&in, 0, span_str(""));
    put_frame(&in, FIN | 0, span_str("wo"));
    put_frame(&in, FIN | 10, span_str(""));
    put_frame(&in, FIN | 2, SPAN_OF(big));
    put_frame(&in, FIN | 1, span_str(""));
    put_frame(&in, FIN | 8, SPAN("\x03\xe8why", 5));
    put_frame(&in, FIN | 1, span_str("never"));
    buf_init(&once, 1 << 16);
    read_all(&once, buf_span(&in), 1 << 16, MAX);
    CHECK(strncmp(buf_cstr(&once), "M:one i:ping M:two o: M:xxx", 27) == 0,
          "%s", buf_cstr(&once));
    CHECK(strcmp(buf_cstr(&once) + once.len - 13, "x M: c:1000  ") == 0, "%s",
          buf_cstr(&once) + once.len - 13);
    for (size_t piece = 1; piece < 40; piece++) {
        buf_init(&bytes, 1 << 16);
        read_all(&bytes, buf_span(&in), piece, MAX);
        CHECK_BYTES(buf_span(&bytes), buf_span(&once), "pieces of %zu", piece);
        buf_fini(&bytes);
    }
    buf_fini(&in);
    buf_fini(&once);
}

TEST(broken_frames_are_told_what_is_wrong)
{
    static const struct {
        const char *hex, *want;
    } cases[] = {
        { "8100", "B:1002 bad MASK " },
        { "c18000000000", "B:1002 RSV1 set " },
        { "b18000000000", "B:1002 RSV2 set, RSV3 set " },
        { "838000000000", "B:1002 bad opcode 3 " },
        { "800100", "B:1002 continuation after FIN, bad MASK " },
        { "018000000000818000000000", "B:1002 data before FIN " },
        { "81fe03e900000000aa", "B:1009  " },
        { "81ff7fffffffffffffff00000000aa", "B:1009  " },
        { "81ffffffffffffffffff00000000aa", "B:1002 malformed frame " },
        { "81fe000100000000aa", "B:1002 malformed frame " },
        { "89fe00800000000000", "B:1002 malformed frame " },
        { "098000000000", "B:1002 malformed frame " },
        { "8882000000001388", "B:1002 bad close code 5000 " },
        { "888200000000 03ed", "B:1002 bad close code 1005 " },
        { "88830000000003e8ff", "B:1002 invalid utf8 payload in close frame " },
        { "888000000000", "c: " },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        char       text[256], hex[64];
        size_t     n = 0;

        for (const char *p = cases[i].hex; *p; p++)
            if (*p != ' ')
                hex[n++] = *p;
        hex[n] = 0;
        buf_use(&out, text, sizeof text);
        read_all(&out, hex_span(hex, &test_arena), 1 << 16, MAX);
        CHECK_STR(buf_cstr(&out), cases[i].want, "%s", cases[i].hex);
    }
}

TEST(a_message_in_many_frames_is_bounded_by_its_sum)
{
    struct buf in, out;
    char       text[256];

    buf_init(&in, 1 << 16);
    put_frame(&in, 1, span_str("x"));
    for (int i = 0; i < MAX; i++)
        put_frame(&in, 0, span_str("y"));
    buf_use(&out, text, sizeof text);
    read_all(&out, buf_span(&in), 77, MAX);
    CHECK_STR(buf_cstr(&out), "B:1009  ");
    buf_fini(&in);
}

TEST(lengths_take_the_fewest_bytes)
{
    static const struct {
        size_t      n;
        const char *want;
    } cases[] = { { 0, "8100" },
                  { 125, "817d" },
                  { 126, "817e007e" },
                  { 65535, "817effff" },
                  { 65536, "817f0000000000010000" } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf head;
        char       mem[16];

        buf_use(&head, mem, sizeof mem);
        frames_head(&head, FRAME_TEXT, cases[i].n);
        CHECK_BYTES(buf_span(&head), hex_span(cases[i].want, &test_arena));
    }
}

/* ---- a connection ---- */

struct world {
    struct loop        *loop;
    struct http_server *server;
    struct ws          *ws;
    int                 fd, closed, sent;
    struct buf          heard;
};

static void on_message(void *ctx, struct span m)
{
    struct world *w = ctx;

    buf_add(&w->heard, m);
    buf_byte(&w->heard, ' ');
}

static void on_sent(void *ctx, void *mark)
{
    UNUSED(mark);
    ((struct world *)ctx)->sent++;
}

static void on_close(void *ctx)
{
    struct world *w = ctx;

    w->closed++;
    w->ws = NULL;
}

static void serve(void *ctx, struct http_request *r)
{
    static const struct ws_fns fns = { on_message, on_sent, on_close };
    struct world              *w   = ctx;

    w->ws = ws_accept(w->loop, r, MAX, &fns, w);
}

static void say(struct world *w, struct span s)
{
    must(send(w->fd, s.p, s.n, MSG_NOSIGNAL) == (ssize_t)s.n);
    for (int i = 0; i < 5; i++)
        run_for(w->loop, 5);
}

static void open_world(struct world *w)
{
    static const struct http_limits limits = { 1000, 2000, 4, 1000 };
    struct sockaddr_in              a      = { .sin_family = AF_INET };

    *w = (struct world){ .loop = loop_new() };
    buf_init(&w->heard, 1 << 16);
    must(http_listen(&w->server, w->loop, "tcp://127.0.0.1:0", &limits, serve,
                     w) == OK);
    a.sin_port = htons(http_port(w->server));
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    w->fd = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(w->fd, (struct sockaddr *)&a, sizeof a) == 0);
    say(w, span_str("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
}

static void close_world(struct world *w)
{
    close(w->fd);
    http_close(w->server);
    run_for(w->loop, 5);
    buf_fini(&w->heard);
    loop_free(w->loop);
}

/* What has come back, as text. */
static const char *hear(struct world *w)
{
    static char   got[8192];
    struct pollfd p = { .fd = w->fd, .events = POLLIN };
    size_t        n = 0;
    ssize_t       k;

    run_for(w->loop, 5);
    while (n + 1 < sizeof got && poll(&p, 1, 0) > 0 &&
           (k = recv(w->fd, got + n, sizeof got - 1 - n, 0)) > 0)
        n += (size_t)k;
    got[n] = 0;
    return got;
}

TEST(the_handshake_is_that_of_the_rfc)
{
    struct world w;

    open_world(&w);
    CHECK(w.ws != NULL);
    CHECK(strstr(hear(&w), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != NULL);
    CHECK_EQ(http_count(w.server), 1, "it still counts");
    close_world(&w);
    CHECK_EQ(w.closed, 1);
}

TEST(a_paused_connection_hears_nothing_and_then_all)
{
    struct world w;
    struct buf   in;

    open_world(&w);
    buf_init(&in, 1 << 16);
    for (int i = 0; i < 3; i++)
        put_frame(&in, FIN | 1, span_str("abc"));
    ws_pause(w.ws, true);
    say(&w, buf_span(&in));
    CHECK_EQ(w.heard.len, 0);
    ws_pause(w.ws, false);
    run_for(w.loop, 10);
    CHECK_STR(buf_cstr(&w.heard), "abc abc abc ");
    buf_fini(&in);
    close_world(&w);
}

TEST(texts_that_many_share_go_when_the_last_is_sent)
{
    struct world    w;
    struct buf      b;
    struct ws_text *t;

    open_world(&w);
    hear(&w);
    buf_init(&b, 1 << 16);
    buf_str(&b, "tail");
    t = ws_text_new(&b);
    ws_send(w.ws, span_str("one "), t, NULL);
    ws_send(w.ws, span_str("two "), t, NULL);
    ws_text_drop(t);
    CHECK_EQ(ws_queued(w.ws), 2);
    CHECK(ws_texts_bytes() > 0);
    CHECK_STR(hear(&w), "\x81\x08one tail\x81\x08two tail");
    CHECK_EQ(ws_queued(w.ws), 0);
    CHECK_EQ(ws_queued_bytes(w.ws), 0);
    CHECK_EQ(ws_texts_bytes(), 0);
    CHECK_EQ(w.sent, 2);
    close_world(&w);
}

TEST(a_client_that_does_not_read_holds_what_waits_once)
{
    struct world    w;
    struct buf      b;
    struct ws_text *t;
    size_t          cap;

    open_world(&w);
    buf_init(&b, 1 << 24);
    must(buf_room(&b, 8 << 20) != NULL);
    t   = ws_text_new(&b);
    cap = ws_texts_bytes();
    for (int i = 0; i < 20; i++)
        ws_send(w.ws, span_str("x"), t, NULL);
    ws_text_drop(t);
    for (int i = 0; i < 10; i++)
        run_for(w.loop, 5);
    CHECK(ws_queued(w.ws) >= 15, "%zu wait", ws_queued(w.ws));
    CHECK_EQ(ws_texts_bytes(), cap);
    ws_close(w.ws, 1008);
    CHECK_EQ(ws_texts_bytes(), 0, "what waits is dropped");
    close_world(&w);
    CHECK_EQ(w.closed, 0, "who closes is not told");
}

TEST(pings_are_answered_and_a_close_is_echoed)
{
    struct world w;
    struct buf   in;

    open_world(&w);
    hear(&w);
    buf_init(&in, 1 << 16);
    put_frame(&in, FIN | 9, span_str("hi"));
    say(&w, buf_span(&in));
    CHECK_STR(hear(&w), "\x8a\x02hi");
    buf_clear(&in);
    put_frame(&in, FIN | 8, SPAN("\x03\xe9", 2));
    say(&w, buf_span(&in));
    CHECK_STR(hear(&w), "\x88\x02\x03\xe9");
    CHECK_EQ(w.closed, 1);
    CHECK_EQ(http_count(w.server), 0);
    buf_fini(&in);
    close_world(&w);
}
