/* A node and a signer over real sockets: plain and secret, whole messages and
 * what is not one; and that what is saved is found again. */
#include "test.h"

#include "base/limits.h"
#include "crypto/key.h"
#include "loops.h"
#include "model/genesis.h"
#include "privval/conn.h"
#include "privval/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct loop     *loop;
static struct listener *listener;
static char             dir[64], address[128];

/* One side: what it saw. */
struct side {
    struct privval_conn *conn;
    size_t               opened, closed, messages;
    struct privval_msg   last; /* only its kind is used later */
    size_t               extension_n;
    bool                 closes_on_message;
    char                 why[96];
};

static struct side node, signer;

static void on_open(void *ctx)
{
    ((struct side *)ctx)->opened++;
}

static void on_message(void *ctx, const struct privval_msg *m)
{
    struct side *s = ctx;

    s->messages++;
    s->last = *m;
    if (m->which == PRIVVAL_SIGN_VOTE_REQUEST && m->sign_vote_request->vote)
        s->extension_n = m->sign_vote_request->vote->extension.n;
    if (s->closes_on_message) {
        privval_close(s->conn);
        s->conn = NULL;
    }
}

static void on_close(void *ctx, const char *why)
{
    struct side *s = ctx;

    s->closed++;
    s->conn = NULL;
    snprintf(s->why, sizeof s->why, "%s", why);
}

static const struct privval_conn_fns fns = { on_open, on_message, on_close };

static void on_accept(void *ctx, int fd, const char *peer)
{
    UNUSED(ctx);
    UNUSED(peer);
    node.conn =
        privval_adopt(loop, fd, privval_is_secret(address), &fns, &node);
}

static void setup(bool is_tcp)
{
    crypto_setup();
    memset(&node, 0, sizeof node);
    memset(&signer, 0, sizeof signer);
    snprintf(dir, sizeof dir, "/tmp/warren-privval-XXXXXX");
    must(mkdtemp(dir) != NULL);
    loop = loop_new();
    if (is_tcp)
        snprintf(address, sizeof address, "tcp://127.0.0.1:0");
    else
        snprintf(address, sizeof address, "unix://%s/pv.sock", dir);
    must(listener_open(&listener, loop, address, on_accept, NULL) == OK);
    if (is_tcp)
        snprintf(address, sizeof address, "tcp://127.0.0.1:%u",
                 (unsigned)listener_port(listener));
}

static void teardown(void)
{
    if (node.conn)
        privval_close(node.conn);
    if (signer.conn)
        privval_close(signer.conn);
    run_for(loop, 1);
    listener_close(listener);
    loop_free(loop);
    must(rmdir(dir) == 0);
}

static void connect_both(void)
{
    signer.conn = privval_dial(loop, address, &fns, &signer);
    WAIT_FOR(node.opened == 1 && signer.opened == 1);
}

static bool ask_vote(struct privval_conn *c, size_t extension_bytes)
{
    uint8_t    *bytes          = arena_alloc(&test_arena, extension_bytes + 1);
    struct vote v              = { .type      = TYPE_PRECOMMIT,
                                   .height    = 5,
                                   .timestamp = STAMP_ZERO,
                                   .extension = SPAN(bytes, extension_bytes) };
    struct sign_vote_request q = { &v, span_str("chain") };
    struct privval_msg       m = { .which = PRIVVAL_SIGN_VOTE_REQUEST,
                                   .sign_vote_request = &q };

    return privval_send(c, &m);
}

TEST(messages_arrive_whole_over_both_transports)
{
    for (int is_tcp = 0; is_tcp <= 1; is_tcp++) {
        setup(is_tcp);
        connect_both();
        for (size_t i = 0; i < 20; i++)
            CHECK(ask_vote(node.conn, i * 400), "sent %zu", i);
        WAIT_FOR(signer.messages == 20);
        CHECK_EQ(signer.last.which, PRIVVAL_SIGN_VOTE_REQUEST);
        CHECK_EQ(signer.extension_n, 19 * 400, "the last, in order");
        CHECK(ask_vote(signer.conn, 10), "and the other way");
        WAIT_FOR(node.messages == 1);
        teardown();
    }
}

TEST(a_message_over_the_limit_is_not_sent)
{
    setup(false);
    connect_both();
    CHECK(!ask_vote(node.conn, PRIVVAL_MSG_BYTES_MAX + 100));
    CHECK(ask_vote(node.conn, 10), "the connection is still good");
    WAIT_FOR(signer.messages == 1);
    teardown();
}

TEST(either_side_may_go_also_inside_a_callback)
{
    for (int is_tcp = 0; is_tcp <= 1; is_tcp++) {
        setup(is_tcp);
        connect_both();
        signer.closes_on_message = true;
        CHECK(ask_vote(node.conn, 1) && ask_vote(node.conn, 2));
        WAIT_FOR(node.closed == 1);
        CHECK_EQ(signer.messages, 1, "none behind the close");
        CHECK_EQ(signer.closed, 0, "whoever closes is not told");
        teardown();
    }
}

/* ---- what is not a message ---- */

static size_t no_data(void *ctx, struct span in)
{
    UNUSED(ctx);
    return in.n;
}

static void raw_closed(void *ctx, const char *why)
{
    UNUSED(why);
    *(bool *)ctx = true;
}

TEST(what_is_malformed_closes_the_connection)
{
    static const struct {
        const char *name, *hex, *why;
    } cases[] = {
        { "no member", "00", "a malformed message" },
        { "not protobuf", "020a05", "a malformed message" },
        { "too long", "815000", "a message that is too long or not one" },
        { "an endless length", "ffffffffffffffffffffff",
          "a message that is too long or not one" },
    };
    static const struct stream_fns raw_fns = { .on_data  = no_data,
                                               .on_close = raw_closed };

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool           is_closed = false;
        struct stream *raw;

        setup(false);
        raw = stream_connect(loop, address, 1000, &raw_fns, &is_closed);
        must(stream_write(raw, hex_span(cases[i].hex, &test_arena)));
        WAIT_FOR(is_closed && node.closed == 1);
        CHECK_STR(node.why, cases[i].why, "%s", cases[i].name);
        CHECK_EQ(node.messages, 0, "%s", cases[i].name);
        teardown();
    }
}

TEST(half_a_message_waits_for_the_rest)
{
    static const struct stream_fns raw_fns   = { .on_data  = no_data,
                                                 .on_close = raw_closed };
    static const uint8_t           ping[]    = { 2, 0x3a, 0 };
    bool                           is_closed = false;
    struct stream                 *raw;

    setup(false);
    raw = stream_connect(loop, address, 1000, &raw_fns, &is_closed);
    for (size_t i = 0; i < sizeof ping; i++) {
        CHECK_EQ(node.messages, 0, "after %zu bytes", i);
        must(stream_write(raw, SPAN(ping + i, 1)));
        run_for(loop, 5);
    }
    WAIT_FOR(node.messages == 1);
    CHECK_EQ(node.last.which, PRIVVAL_PING_REQUEST);
    stream_close(raw);
    WAIT_FOR(node.closed == 1);
    teardown();
}

TEST(a_stranger_to_the_handshake_is_closed)
{
    static const struct stream_fns raw_fns = { .on_data  = no_data,
                                               .on_close = raw_closed };
    uint8_t                        noise[2000];
    bool                           is_closed = false;
    struct stream                 *raw;

    memset(noise, 0xa5, sizeof noise);
    setup(true);
    raw = stream_connect(loop, address, 1000, &raw_fns, &is_closed);
    must(stream_write(raw, SPAN_OF(noise)));
    WAIT_FOR(is_closed && node.closed == 1);
    CHECK_EQ(node.opened, 0);
    teardown();
}

/* ---- the state file ---- */

TEST(what_the_signer_saves_it_finds_again)
{
    static const struct {
        int64_t height;
        int32_t round;
        int8_t  step;
    } cases[] = {
        { 0, 0, 0 },
        { 1, 0, 1 },
        { INT64_MAX, INT32_MAX, 3 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t           bytes[70];
        struct sign_state s = { .height     = cases[i].height,
                                .round      = cases[i].round,
                                .step       = cases[i].step,
                                .signature  = SPAN(bytes, 64),
                                .sign_bytes = SPAN(bytes, 70) };
        struct sign_state again;
        const char       *why = "";
        struct buf        text;

        memset(bytes, (int)i + 1, sizeof bytes);
        buf_init(&text, 4096);
        sign_state_print(&text, &s);
        if (CHECK_EQ(
                sign_state_parse(&again, buf_span(&text), &test_arena, &why),
                ACCEPT, "case %zu: %s", i, why)) {
            CHECK_EQ(again.height, s.height, "case %zu", i);
            CHECK_EQ(again.round, s.round, "case %zu", i);
            CHECK_EQ(again.step, s.step, "case %zu", i);
            CHECK_BYTES(again.signature, s.signature, "case %zu", i);
            CHECK_BYTES(again.sign_bytes, s.sign_bytes, "case %zu", i);
        }
        buf_fini(&text);
    }
}

TEST(what_could_not_be_found_again_is_not_signed)
{
    static const struct {
        int64_t height;
        int32_t round;
        bool    want;
    } cases[] = {
        { 0, 0, true },
        { 5, 2, true },
        { INT64_MAX, INT32_MAX, true },
        { 5, -1, false },
        { 5, INT32_MIN, false },
        { -1, 0, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vote v = { .height = cases[i].height, .round = cases[i].round };
        struct proposal              p    = { .height = cases[i].height,
                                              .round  = cases[i].round };
        struct sign_vote_request     vote = { .vote = &v };
        struct sign_proposal_request prop = { .proposal = &p };
        struct privval_msg res, req = { .which = PRIVVAL_SIGN_VOTE_REQUEST,
                                        .sign_vote_request = &vote };

        CHECK_EQ(privval_is_storable(&req), cases[i].want, "vote %zu", i);
        privval_refuse(&req, &res, "no", &test_arena);
        CHECK_EQ(res.which, PRIVVAL_SIGNED_VOTE_RESPONSE);
        CHECK(res.signed_vote_response->error != NULL);
        req = (struct privval_msg){ .which = PRIVVAL_SIGN_PROPOSAL_REQUEST,
                                    .sign_proposal_request = &prop };
        CHECK_EQ(privval_is_storable(&req), cases[i].want, "proposal %zu", i);
        privval_refuse(&req, &res, "no", &test_arena);
        CHECK_EQ(res.which, PRIVVAL_SIGNED_PROPOSAL_RESPONSE);
        CHECK(res.signed_proposal_response->error != NULL);
    }
}
