/* The application protocol over a real socket: order, flushing, failures. */
#include "test.h"

#include "abci/abci.h"
#include "base/limits.h"
#include "loops.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLS = 5000 };

static char         dir[64], address[128];
static struct loop *loop;

static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/warren-abci-XXXXXX");
    must(mkdtemp(dir) != NULL);
    snprintf(address, sizeof address, "unix://%s/app.sock", dir);
    loop = loop_new();
}

static void teardown(void)
{
    run_for(loop, 10); /* what is still closing ends */
    loop_free(loop);
    must(rmdir(dir) == 0);
}

/* ---- an application that answers with what it was asked ---- */

static void handler(void *ctx, const struct abci_request *req,
                    struct abci_response *res, struct arena *a)
{
    UNUSED(ctx);
    if (req->which == ABCI_REQ_QUERY) {
        res->which        = ABCI_RES_QUERY;
        res->query        = arena_new(a, struct abci_res_query);
        res->query->value = req->query->data;
        return;
    }
    if (req->which == ABCI_REQ_CHECK_TX) {
        res->which              = ABCI_RES_CHECK_TX;
        res->check_tx           = arena_new(a, struct abci_res_check_tx);
        res->check_tx->gas_used = (int64_t)load_be64(req->check_tx->tx.p);
        return;
    }
    abci_except(res, a, "no such thing as %s", abci_request_name(req->which));
}

/* ---- what the client saw ---- */

static struct seen {
    size_t answered, failed, up, down, want;
    bool   in_order;
    char   error[128], why[128];
} seen;

static void expect(size_t want)
{
    seen = (struct seen){ .want = want, .in_order = true };
}

static void on_up(void *ctx)
{
    UNUSED(ctx);
    seen.up++;
    loop_stop(loop);
}

static void on_down(void *ctx, const char *why)
{
    UNUSED(ctx);
    seen.down++;
    snprintf(seen.why, sizeof seen.why, "%s", why);
    loop_stop(loop);
}

static const struct abci_client_fns client_fns = { on_up, on_down };

static void on_check(void *ctx, uint64_t tag, const struct abci_response *res,
                     const char *error)
{
    UNUSED(ctx);
    if (res && !error) {
        seen.in_order &=
            tag == seen.answered && res->check_tx->gas_used == (int64_t)tag;
        seen.answered++;
    } else {
        snprintf(seen.error, sizeof seen.error, "%s", error);
        seen.failed++;
    }
    if (seen.answered + seen.failed == seen.want)
        loop_stop(loop);
}

static void call_check(struct abci_client *c, uint64_t tag)
{
    uint8_t                  tx[8];
    struct abci_req_check_tx check = { .tx = SPAN_OF(tx) };
    struct abci_request      req   = { .which    = ABCI_REQ_CHECK_TX,
                                       .check_tx = &check };

    store_be64(tx, tag);
    abci_call(c, &req, on_check, NULL, tag);
}

static void call_info(struct abci_client *c, abci_fn *fn)
{
    struct abci_req_info info = { 0 };
    struct abci_request  req  = { .which = ABCI_REQ_INFO, .info = &info };

    abci_call(c, &req, fn, NULL, 0);
}

TEST(pipelined_calls_are_answered_in_order)
{
    struct abci_server *s;
    struct abci_client *c;

    setup();
    must(abci_serve(&s, loop, address, handler, NULL) == OK);
    expect(CALLS);
    c = abci_connect(loop, address, &client_fns, NULL);
    CHECK(run_for(loop, LONG_MS) && abci_is_up(c), "connected");
    for (uint64_t i = 0; i < CALLS; i++)
        call_check(c, i);
    CHECK_EQ(abci_in_flight(c), CALLS, "in flight");
    CHECK(run_for(loop, LONG_MS), "all answered in time");
    CHECK_EQ(seen.answered, CALLS, "answered");
    CHECK(seen.in_order, "each by its own answer, in order");
    CHECK_EQ(abci_in_flight(c), 0, "none in flight");
    abci_close(c);
    abci_server_close(s);
    teardown();
}

/* An application that stands still. */
TEST(there_is_no_room_long_before_calls_are_refused)
{
    static uint8_t           tx[1 << 20];
    struct abci_req_check_tx large = { .tx = SPAN_OF(tx) };
    struct abci_request      req   = { .which    = ABCI_REQ_CHECK_TX,
                                       .check_tx = &large };
    struct abci_server      *s;
    struct abci_client      *c;
    uint64_t                 n = 0;

    setup();
    must(abci_serve(&s, loop, address, handler, NULL) == OK);
    expect(0);
    c = abci_connect(loop, address, &client_fns, NULL);
    CHECK(!abci_has_room(c), "none without a connection");
    CHECK(run_for(loop, LONG_MS) && abci_has_room(c), "connected");
    for (; abci_has_room(c) && n < CALLS; n++)
        abci_call(c, &req, on_check, NULL, n);
    CHECK(n > 8 && n < 64, "%zu MiB were taken", (size_t)n);
    expect(n + 1);
    seen.in_order = false; /* they say nothing of their place */
    abci_call(c, &req, on_check, NULL, n);
    CHECK(run_for(loop, LONG_MS), "all answered in time");
    CHECK_EQ(seen.answered, n + 1, "none was refused");
    CHECK(abci_has_room(c), "room again");
    abci_close(c);
    abci_server_close(s);
    teardown();
}

TEST(calls_without_a_connection_fail_later_not_inside)
{
    struct abci_client *c;

    setup();
    expect(2);
    c = abci_connect(loop, address, &client_fns, NULL);
    call_check(c, 0);
    call_check(c, 1);
    CHECK_EQ(seen.failed, 0, "not from inside the call");
    CHECK(run_for(loop, LONG_MS), "told");
    CHECK_EQ(seen.failed, 2, "both failed");
    CHECK_STR(seen.error, "not connected to the application");
    abci_close(c);
    teardown();
}

TEST(a_client_finds_the_application_when_it_comes_and_comes_back)
{
    struct abci_server *s;
    struct abci_client *c;

    setup();
    expect(1);
    c = abci_connect(loop, address, &client_fns, NULL);
    call_check(c, 0);
    CHECK(run_for(loop, LONG_MS), "fails first");
    must(abci_serve(&s, loop, address, handler, NULL) == OK);
    CHECK(run_for(loop, LONG_MS) && seen.up == 1, "up");
    abci_server_close(s);
    CHECK(run_for(loop, LONG_MS) && seen.down == 1, "down");
    must(abci_serve(&s, loop, address, handler, NULL) == OK);
    CHECK(run_for(loop, LONG_MS) && seen.up == 2, "up again");
    abci_close(c);
    abci_server_close(s);
    teardown();
}

TEST(an_exception_fails_its_call_and_all_behind_it)
{
    struct abci_server *s;
    struct abci_client *c;

    setup();
    must(abci_serve(&s, loop, address, handler, NULL) == OK);
    expect(0);
    c = abci_connect(loop, address, &client_fns, NULL);
    CHECK(run_for(loop, LONG_MS), "connected");
    call_check(c, 0);
    call_info(c, on_check);
    call_check(c, 1);
    CHECK(run_for(loop, LONG_MS) && seen.down == 1, "connection ended");
    CHECK_EQ(seen.answered, 1, "the one before");
    CHECK_EQ(seen.failed, 2, "itself and the one behind");
    CHECK_STR(seen.error, "no such thing as info");
    CHECK_STR(seen.why, "no such thing as info");
    CHECK(run_for(loop, LONG_MS) && seen.up == 2, "connected again");
    abci_close(c);
    abci_server_close(s);
    teardown();
}

static struct abci_client *closing;

static void close_inside(void *ctx, uint64_t tag,
                         const struct abci_response *res, const char *error)
{
    UNUSED(ctx);
    UNUSED(tag);
    UNUSED(error);
    seen.answered += res != NULL;
    abci_close(closing);
    loop_stop(loop);
}

TEST(a_client_may_be_closed_from_inside_a_callback)
{
    struct abci_server   *s;
    struct abci_req_query query = { 0 };
    struct abci_request   req   = { .which = ABCI_REQ_QUERY, .query = &query };

    setup();
    must(abci_serve(&s, loop, address, handler, NULL) == OK);
    expect(0);
    closing = abci_connect(loop, address, &client_fns, NULL);
    CHECK(run_for(loop, LONG_MS), "connected");
    abci_call(closing, &req, close_inside, NULL, 0);
    abci_call(closing, &req, close_inside, NULL, 1);
    CHECK(run_for(loop, LONG_MS), "called back");
    CHECK_EQ(seen.answered, 1, "once");
    abci_server_close(s);
    teardown();
}

/* ---- raw bytes against the server, and a raw server ---- */

static uint8_t raw[1 << 16];
static size_t  raw_len, raw_want;
static bool    raw_closed;

static size_t raw_data(void *ctx, struct span in)
{
    UNUSED(ctx);
    must(raw_len + in.n <= sizeof raw);
    memcpy(raw + raw_len, in.p, in.n);
    raw_len += in.n;
    if (raw_want && raw_len >= raw_want)
        loop_stop(loop);
    return in.n;
}

static void raw_close(void *ctx, const char *why)
{
    UNUSED(ctx);
    UNUSED(why);
    raw_closed = true;
    loop_stop(loop);
}

static const struct stream_fns raw_fns = { .on_data  = raw_data,
                                           .on_close = raw_close };

static struct stream *raw_connect(void)
{
    raw_len = raw_want = 0;
    raw_closed         = false;
    return stream_connect(loop, address, 1000, &raw_fns, NULL);
}

TEST(answers_wait_for_a_flush_or_a_full_buffer)
{
    static const uint8_t echo[]  = { 9, 10, 7, 10, 5, 'h', 'e', 'l', 'l', 'o' };
    static const uint8_t flush[] = { 2, 18, 0 };
    struct abci_server  *s;
    struct stream       *r;

    setup();
    must(abci_serve(&s, loop, address, handler, NULL) == OK);
    r        = raw_connect();
    raw_want = 13;
    must(stream_write(r, SPAN_OF(echo)) && stream_write(r, SPAN_OF(flush)));
    CHECK(run_for(loop, LONG_MS), "answered");
    CHECK_BYTES(SPAN(raw, raw_len),
                hex_span("0912070a0568656c6c6f021a00", &test_arena));
    raw_len  = 0;
    raw_want = 4000;
    for (int i = 0; i < 500; i++)
        must(stream_write(r, SPAN_OF(echo)));
    CHECK(run_for(loop, LONG_MS), "a full buffer is sent");
    stream_close(r);
    abci_server_close(s);
    teardown();
}

TEST(what_is_malformed_gets_an_exception_and_the_end)
{
    static const struct {
        const char *name, *hex, *want;
    } cases[] = {
        { "no request", "00", "unknown request from client" },
        { "an unknown one", "03fa0100", "unknown request from client" },
        { "not protobuf", "020a05", "error reading message: malformed" },
        { "a lone end of a group", "01a4", "error reading message: malformed" },
        { "too long", "8180808001", "error reading message: invalid length" },
        { "an endless length", "ffffffffffffffffffff01",
          "error reading message: invalid length" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct abci_server  *s;
        struct abci_response res;
        struct stream       *r;
        struct span          in, body;

        setup();
        must(abci_serve(&s, loop, address, handler, NULL) == OK);
        r = raw_connect();
        must(stream_write(r, hex_span(cases[i].hex, &test_arena)));
        CHECK(run_for(loop, LONG_MS) && raw_closed, "%s: closed",
              cases[i].name);
        in = SPAN(raw, raw_len);
        CHECK_EQ(pb_delimited_read(&in, raw_len, &body), ACCEPT, "%s",
                 cases[i].name);
        CHECK_EQ(pb_decode(&abci_response_desc, &res, &test_arena, body),
                 ACCEPT, "%s", cases[i].name);
        if (CHECK_EQ(res.which, ABCI_RES_EXCEPTION, "%s", cases[i].name))
            CHECK_BYTES(res.exception->error, span_str(cases[i].want), "%s",
                        cases[i].name);
        abci_server_close(s);
        teardown();
    }
}

/* A server that says the same whatever it is asked. */
static const char *wrong_hex;

static size_t wrong_data(void *ctx, struct span in)
{
    struct stream **s = ctx;

    must(stream_write(*s, hex_span(wrong_hex, &test_arena)));
    return in.n;
}

static void wrong_close(void *ctx, const char *why)
{
    UNUSED(why);
    *(struct stream **)ctx = NULL;
}

static void wrong_accept(void *ctx, int fd, const char *peer)
{
    static const struct stream_fns fns = { .on_data  = wrong_data,
                                           .on_close = wrong_close };
    struct stream                **s   = ctx;

    UNUSED(peer);
    if (*s)
        stream_close(*s);
    *s = stream_adopt(loop, fd, &fns, ctx);
}

TEST(answers_out_of_turn_end_the_connection)
{
    static const struct {
        const char *name, *hex, *why;
    } cases[] = {
        { "of another kind", "021a00",
          "unexpected response flush to the request check_tx" },
        { "of none", "00", "unexpected response none to the request check_tx" },
        { "not protobuf", "020a05", "malformed response" },
        { "too long", "8180808001", "malformed response length" },
        { "one too many", "024a00021a00021a00",
          "unexpected response when no call was made" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct listener    *l;
        struct stream      *side = NULL;
        struct abci_client *c;

        setup();
        wrong_hex = cases[i].hex;
        must(listener_open(&l, loop, address, wrong_accept, &side) == OK);
        expect(0);
        c = abci_connect(loop, address, &client_fns, NULL);
        CHECK(run_for(loop, LONG_MS), "%s: connected", cases[i].name);
        call_check(c, 0);
        while (seen.down == 0 && run_for(loop, LONG_MS))
            ;
        CHECK_STR(seen.why, cases[i].why, "%s", cases[i].name);
        CHECK_EQ(abci_in_flight(c), 0, "%s: nothing in flight", cases[i].name);
        abci_close(c);
        if (side)
            stream_close(side);
        listener_close(l);
        teardown();
    }
}
