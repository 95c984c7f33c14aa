#include "p2p/mconn.h"
#include "test.h"

#include "wire/p2p.h"

#define SECOND UINT64_C(1000000)

static const struct mconn_config config = { .payload_max      = 1024,
                                            .recv_payload_max = 1024,
                                            .ping_us          = 60 * SECOND,
                                            .pong_us          = 45 * SECOND };

/* What a vector's connection knows. */
static void open_vector(struct mconn *m, const json_t *c)
{
    struct mconn_channel ch[MCONN_LANES_MAX];
    struct span          ids = SPAN("", 0);
    uint8_t              id[MCONN_LANES_MAX];
    size_t               n    = 0;
    const char          *text = vec_str(c, "channels");

    for (; *text; text += text[2] ? 3 : 2) {
        id[n] = hex_span((char[]){ text[0], text[1], 0 }, &test_arena).p[0];
        ch[n] = (struct mconn_channel){ id[n], 1, 1,
                                        (size_t)vec_int(c, "recv_capacity") };
        n++;
    }
    ids = SPAN(id, n);
    mconn_init(m, &config, ch, n, ids, 0);
}

static void check_received(const json_t *c, const struct mconn_message *got,
                           size_t i, const char *name)
{
    const json_t *want = json_array_get(json_object_get(c, "received"), i);

    if (!CHECK(want != NULL, "%s: message %zu was not expected", name, i))
        return;
    CHECK_EQ(got->channel, vec_int(want, "channel"), "%s", name);
    CHECK_BYTES(got->bytes, vec_hex(want, "data", &test_arena), "%s", name);
}

/* Feed a stream in steps; messages are checked as they come. */
static void check_stream(const json_t *c, struct span all, size_t step)
{
    const char          *name = vec_str(c, "name");
    struct mconn         m;
    struct mconn_message msg;
    struct span          in    = { all.p, 0 };
    enum mconn_got       got   = MCONN_WAIT;
    size_t               count = 0;

    open_vector(&m, c);
    while (got != MCONN_BROKEN) {
        got = mconn_read(&m, &in, &msg);
        if (got == MCONN_MESSAGE)
            check_received(c, &msg, count++, name);
        if (got == MCONN_WAIT) {
            size_t left = (size_t)(all.p + all.n - in.p) - in.n;

            if (left == 0)
                break;
            in.n += left < step ? left : step;
        }
    }
    CHECK_EQ(got != MCONN_BROKEN && in.n == 0, vec_bool(c, "ok"),
             "%s in steps of %zu", name, step);
    CHECK_EQ(count, json_array_size(json_object_get(c, "received")), "%s",
             name);
    mconn_fini(&m);
}

static struct span delimited(struct span body)
{
    struct buf  b;
    struct span all;

    buf_init(&b, 1 << 20);
    buf_uvarint(&b, body.n);
    buf_add(&b, body);
    all = arena_copy(&test_arena, buf_span(&b));
    buf_fini(&b);
    return all;
}

TEST(packets_are_judged_as_in_the_vectors)
{
    json_t *v = vectors_open("wire_p2p"), *c;
    size_t  i, n = 0;

    json_array_foreach(v, i, c)
    {
        const char *kind = vec_str(c, "kind");
        struct span bytes;

        if (strncmp(kind, "packet_", 7) != 0)
            continue;
        n++;
        bytes = vec_hex(c, "bytes", &test_arena);
        if (strcmp(kind, "packet_stream") != 0)
            bytes = delimited(bytes);
        check_stream(c, bytes, SIZE_MAX);
        check_stream(c, bytes, 1);
    }
    CHECK_EQ(n, 55 + 53 + 106 + 15, "cases");
    json_decref(v);
}

TEST(messages_are_cut_as_in_the_vectors)
{
    json_t *v = vectors_open("secret_connection"), *c;
    size_t  i, n = 0;

    json_array_foreach(v, i, c)
    {
        struct mconn_channel ch = { 0, 1, 1, 1 << 20 };
        struct mconn         m;
        struct parcel       *p;
        struct buf           out;

        if (strcmp(vec_str(c, "kind"), "mconnection_send") != 0)
            continue;
        n++;
        ch.id = (uint8_t)vec_int(c, "channel");
        buf_init(&out, 1 << 20);
        mconn_init(&m, &config, &ch, 1, SPAN(&ch.id, 1), 0);
        p = parcel_new(vec_hex(c, "message", &test_arena));
        CHECK_EQ(mconn_queue(&m, ch.id, p), MCONN_QUEUED);
        parcel_drop(p);
        CHECK(mconn_has_output(&m));
        mconn_write(&m, &out, SIZE_MAX);
        CHECK(!mconn_has_output(&m));
        CHECK_BYTES(buf_span(&out), vec_hex(c, "bytes", &test_arena), "%s",
                    vec_str(c, "name"));
        mconn_fini(&m);
        buf_fini(&out);
    }
    CHECK_EQ(n, 16, "cases");
    json_decref(v);
}

/* ---- beyond the vectors ---- */

static const struct mconn_channel two[] = { { 0x21, 10, 100, 1 << 20 },
                                            { 0x22, 5, 100, 1 << 20 } };

static void queue_bytes(struct mconn *m, uint8_t channel, size_t n)
{
    uint8_t       *mem = arena_alloc(&test_arena, n + 1);
    struct parcel *p   = parcel_new(SPAN(mem, n));

    must(mconn_queue(m, channel, p) == MCONN_QUEUED);
    parcel_drop(p);
}

/* Bytes of data per channel in a plain stream. */
static void count_data(struct span in, size_t per_channel[256])
{
    struct arena  a;
    uint8_t       mem[1024];
    struct packet p;
    struct span   body;

    while (in.n > 0) {
        arena_use(&a, mem, sizeof mem);
        must(pb_delimited_read(&in, 2000, &body) == ACCEPT);
        must(pb_decode(&packet_desc, &p, &a, body) == ACCEPT);
        if (p.which == PACKET_MSG)
            per_channel[p.packet_msg->channel_id] += p.packet_msg->data.n;
    }
}

TEST(channels_share_by_priority)
{
    struct mconn m;
    struct buf   out;
    size_t       sent[256] = { 0 };

    buf_init(&out, 1 << 20);
    mconn_init(&m, &config, two, 2, span_str("\x21\x22"), 0);
    queue_bytes(&m, 0x21, 1 << 20);
    queue_bytes(&m, 0x22, 1 << 20);
    mconn_write(&m, &out, 300 << 10);
    count_data(buf_span(&out), sent);
    CHECK(sent[0x21] > sent[0x22] * 19 / 10 &&
              sent[0x21] < sent[0x22] * 21 / 10,
          "%zu and %zu bytes at priorities 10 and 5", sent[0x21], sent[0x22]);
    mconn_fini(&m);
    buf_fini(&out);
}

TEST(what_was_sent_fades)
{
    struct mconn m;
    struct buf   out;

    buf_init(&out, 1 << 20);
    mconn_init(&m, &config, two, 2, span_str("\x21\x22"), 0);
    queue_bytes(&m, 0x21, 10000);
    mconn_write(&m, &out, SIZE_MAX);
    CHECK(m.lane[0].recently_sent > 10000);
    for (uint64_t t = 1; t <= 60; t++)
        must(mconn_time(&m, t * SECOND));
    CHECK(m.lane[0].recently_sent < 50, "a minute later");
    mconn_fini(&m);
    buf_fini(&out);
}

TEST(the_send_rate_is_kept)
{
    struct mconn_config slow = config;
    struct mconn        m;
    struct buf          out;

    slow.send_rate = 1000000;
    buf_init(&out, 16 << 20);
    mconn_init(&m, &slow, two, 2, span_str("\x21\x22"), 0);
    for (int i = 0; i < 12; i++)
        queue_bytes(&m, 0x21, 1 << 20);
    for (uint64_t t = 0; t < 5 * SECOND; t += 10000) {
        must(mconn_time(&m, t));
        mconn_write(&m, &out, SIZE_MAX);
        CHECK(mconn_wait(&m, t) > 0, "nothing more may go at %" PRIu64, t);
    }
    CHECK(out.len > 4900000 && out.len < 5200000, "%zu bytes in 5 s", out.len);
    mconn_fini(&m);
    buf_fini(&out);
}

TEST(a_slow_budget_loses_nothing_to_rounding)
{
    struct budget b;
    uint64_t      got = 0;

    budget_init(&b, 3, 0);
    b.bytes = 0;
    for (uint64_t t = 1; t <= 100 * SECOND; t += 9973) {
        budget_time(&b, t);
        if (budget_may(&b)) {
            got += (uint64_t)b.bytes;
            budget_spend(&b, (size_t)b.bytes);
        }
    }
    CHECK(got >= 298 && got <= 300, "%" PRIu64 " of 300", got);
    budget_time(&b, UINT64_MAX);
    CHECK(b.bytes > 0 && b.bytes <= 1 << 20, "no overflow");
}

TEST(pings_go_out_and_are_answered)
{
    struct mconn         a, b;
    struct mconn_message msg;
    struct buf           out;
    struct span          in;

    buf_init(&out, 4096);
    mconn_init(&a, &config, two, 2, span_str(""), 0);
    mconn_init(&b, &config, two, 2, span_str(""), 0);
    CHECK(mconn_time(&a, 59 * SECOND) && !mconn_has_output(&a));
    CHECK(mconn_time(&a, 60 * SECOND) && mconn_has_output(&a));
    mconn_write(&a, &out, SIZE_MAX);
    CHECK_BYTES(buf_span(&out), SPAN("\x02\x0a\x00", 3));
    in = SPAN("\x02\x0a\x00\x02\x0a", 5);
    CHECK_EQ(mconn_read(&b, &in, &msg), MCONN_WAIT);
    CHECK_EQ(in.n, 2, "the rest waits for more");
    buf_clear(&out);
    mconn_write(&b, &out, SIZE_MAX);
    CHECK_BYTES(buf_span(&out), SPAN("\x02\x12\x00", 3));
    CHECK(mconn_time(&a, 104 * SECOND), "not late yet");
    in = buf_span(&out);
    CHECK_EQ(mconn_read(&a, &in, &msg), MCONN_WAIT);
    CHECK(mconn_time(&a, 106 * SECOND), "answered");
    CHECK(mconn_time(&a, 120 * SECOND), "asked again");
    CHECK(mconn_time(&a, 164 * SECOND), "44 s are fine");
    CHECK(!mconn_time(&a, 165 * SECOND), "45 s are not");
    mconn_fini(&a);
    mconn_fini(&b);
    buf_fini(&out);
}

TEST(a_full_lane_is_announced_and_takes_no_more)
{
    struct mconn   m;
    struct buf     out;
    struct parcel *p =
        parcel_new(SPAN(arena_alloc(&test_arena, 1 << 20), 1 << 20));
    uint8_t ids[MCONN_LANES_MAX];
    bool    busy[MCONN_LANES_MAX];
    size_t  n = 0;

    buf_init(&out, 128 << 20);
    mconn_init(&m, &config, two, 2, span_str("\x22"), 0);
    CHECK_EQ(mconn_queue(&m, 0x21, p), MCONN_CLOSED, "not listened on");
    CHECK_EQ(mconn_queue(&m, 0x77, p), MCONN_CLOSED, "unknown");
    CHECK_EQ(mconn_queue(&m, 0x22, p), MCONN_QUEUED);
    CHECK_EQ(mconn_turned(&m, ids, busy), 0, "at the mark, not above");
    CHECK_EQ(mconn_queue(&m, 0x22, p), MCONN_QUEUED);
    CHECK(mconn_turned(&m, ids, busy) == 1 && ids[0] == 0x22 && busy[0]);
    CHECK_EQ(mconn_turned(&m, ids, busy), 0, "said once");
    while (mconn_queue(&m, 0x22, p) == MCONN_QUEUED)
        n++;
    CHECK_EQ(n, 63, "more until it is full");
    CHECK_EQ(p->refs, 66);
    mconn_write(&m, &out, SIZE_MAX);
    CHECK(mconn_turned(&m, ids, busy) == 1 && !busy[0]);
    CHECK_EQ(p->refs, 1, "all are let go");
    queue_bytes(&m, 0x22, 1);
    mconn_fini(&m);
    parcel_drop(p);
    buf_fini(&out);
}

TEST(what_one_side_writes_the_other_reads)
{
    struct mconn         a, b;
    struct mconn_message msg;
    struct buf           out;
    struct span          in;
    size_t               want[] = { 0, 1, 1024, 1025, 70000, 3 }, n = 0;

    buf_init(&out, 1 << 20);
    mconn_init(&a, &config, two, 2, span_str("\x21\x22"), 0);
    mconn_init(&b, &config, two, 2, span_str("\x21\x22"), 0);
    for (size_t i = 0; i < COUNT(want); i++)
        queue_bytes(&a, 0x22, want[i]);
    mconn_write(&a, &out, SIZE_MAX);
    in = buf_span(&out);
    while (mconn_read(&b, &in, &msg) == MCONN_MESSAGE)
        CHECK_EQ(msg.bytes.n, want[n++]);
    CHECK_EQ(n, COUNT(want));
    CHECK(in.n == 0 && !b.why);
    mconn_fini(&a);
    mconn_fini(&b);
    buf_fini(&out);
}
