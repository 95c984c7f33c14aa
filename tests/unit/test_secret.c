#include "secret/secret.h"
#include "test.h"

/* One end of a connection whose wire is the test itself. */
struct end {
    struct privkey node;
    struct secret  s;
    struct buf     out, plain;
};

static void end_open(struct end *e, struct span node, struct span ephemeral)
{
    crypto_setup();
    must(privkey_make(&e->node, KEY_TYPE_ED25519, node));
    buf_init(&e->out, 1 << 20);
    buf_init(&e->plain, 1 << 20);
    secret_init(&e->s, &e->node, ephemeral.p, &e->out);
}

static void end_close(struct end *e)
{
    secret_fini(&e->s);
    buf_fini(&e->out);
    buf_fini(&e->plain);
}

/* Feed bytes, at most step at a time, as a socket would. */
static enum reject feed(struct end *e, struct span in, size_t step)
{
    struct span seen = { in.p, 0 };
    enum reject r    = ACCEPT;

    while (r == ACCEPT && seen.n + seen.p < in.p + in.n) {
        size_t left = (size_t)(in.p + in.n - seen.p) - seen.n;

        seen.n += left < step ? left : step;
        r = secret_read(&e->s, &seen, &e->plain, &e->out);
    }
    return r;
}

static struct span joined(const json_t *list)
{
    struct buf    b;
    struct span   all;
    size_t        i;
    const json_t *v;

    buf_init(&b, 1 << 20);
    json_array_foreach(list, i, v)
        buf_add(&b, hex_span(json_string_value(v), &test_arena));
    all = arena_copy(&test_arena, buf_span(&b));
    buf_fini(&b);
    return all;
}

static void check_side(const json_t *c, struct end *e, const char *name)
{
    struct pubkey pub;

    privkey_public(&pub, &e->node);
    CHECK_BYTES(SPAN_OF(e->s.ephemeral_public),
                vec_hex(c, "ephemeral_public", &test_arena), "%s", name);
    CHECK_BYTES(SPAN_OF(e->s.challenge), vec_hex(c, "challenge", &test_arena),
                "%s", name);
    CHECK_BYTES(pubkey_span(&pub), vec_hex(c, "pub_key", &test_arena), "%s",
                name);
}

static void check_data(const json_t *list, struct end *a, struct end *b,
                       const char *name)
{
    size_t        i;
    const json_t *d;

    json_array_foreach(list, i, d)
    {
        bool        is_a = strcmp(vec_str(d, "from"), "a") == 0;
        struct end *from = is_a ? a : b, *to = is_a ? b : a;
        struct span data = vec_hex(d, "data", &test_arena);

        buf_clear(&from->out);
        buf_clear(&to->plain);
        CHECK_EQ(from->s.out_count, vec_uint(d, "first_nonce"), "%s", name);
        secret_write(&from->s, &from->out, data);
        CHECK_BYTES(buf_span(&from->out), joined(json_object_get(d, "frames")),
                    "%s data %zu", name, i);
        CHECK_EQ(feed(to, buf_span(&from->out), 1000), ACCEPT, "%s", name);
        CHECK_BYTES(buf_span(&to->plain), data, "%s data %zu", name, i);
    }
}

static void check_handshake(const json_t *c)
{
    const char   *name = vec_str(c, "name");
    const json_t *ja = json_object_get(c, "a"), *jb = json_object_get(c, "b");
    struct span   a_sends = joined(json_object_get(c, "a_sends"));
    struct span   b_sends = joined(json_object_get(c, "b_sends"));
    struct end    a, b;

    end_open(&a, vec_hex(ja, "priv_key", &test_arena),
             vec_hex(ja, "ephemeral_secret", &test_arena));
    end_open(&b, vec_hex(jb, "priv_key", &test_arena),
             vec_hex(jb, "ephemeral_secret", &test_arena));
    CHECK_EQ(feed(&a, b_sends, 1), ACCEPT, "%s", name);
    CHECK_EQ(feed(&b, a_sends, a_sends.n), ACCEPT, "%s", name);
    CHECK_BYTES(buf_span(&a.out), a_sends, "%s, what a sends", name);
    CHECK_BYTES(buf_span(&b.out), b_sends, "%s, what b sends", name);
    CHECK_EQ(a.s.stage, SECRET_OPEN, "%s", name);
    CHECK_EQ(b.s.stage, SECRET_OPEN, "%s", name);
    check_side(ja, &a, name);
    check_side(jb, &b, name);
    CHECK_BYTES(pubkey_span(&a.s.remote), vec_hex(jb, "pub_key", &test_arena));
    check_data(json_object_get(c, "data"), &a, &b, name);
    end_close(&a);
    end_close(&b);
}

/* A connection that is open already, with a key of the vector's. */
static void check_read(const json_t *c)
{
    const char   *name  = vec_str(c, "name");
    struct span   bytes = vec_hex(c, "bytes", &test_arena);
    struct secret s     = { .stage    = SECRET_OPEN,
                            .in_count = vec_uint(c, "first_nonce") };
    struct buf    plain, out;
    enum reject   r;

    buf_init(&plain, 1 << 20);
    buf_init(&out, 1 << 20);
    seal_init(&s.in, SEAL_DECRYPT, vec_hex(c, "key", &test_arena).p);
    r = secret_read(&s, &bytes, &plain, &out);
    CHECK_EQ(r == ACCEPT && bytes.n == 0, vec_bool(c, "ok"), "%s", name);
    CHECK_BYTES(buf_span(&plain), vec_hex(c, "data", &test_arena), "%s", name);
    secret_fini(&s);
    buf_fini(&plain);
    buf_fini(&out);
}

static void check_remote(const json_t *c, size_t step)
{
    struct span received = vec_hex(c, "received", &test_arena);
    struct end  e;
    enum reject r;

    end_open(&e, vec_hex(c, "priv_key", &test_arena),
             vec_hex(c, "ephemeral_secret", &test_arena));
    r = feed(&e, received, step);
    CHECK_EQ(r == ACCEPT && e.s.stage == SECRET_OPEN, vec_bool(c, "ok"),
             "%s in steps of %zu", vec_str(c, "name"), step);
    CHECK((r == ACCEPT) == (e.s.why == NULL), "a refusal says why");
    end_close(&e);
}

TEST(connections_are_made_and_judged_as_in_the_vectors)
{
    json_t *v = vectors_open("secret_connection"), *c;
    size_t  i, n = 0;

    json_array_foreach(v, i, c)
    {
        const char *kind = vec_str(c, "kind");

        n++;
        if (strcmp(kind, "handshake") == 0)
            check_handshake(c);
        else if (strcmp(kind, "read") == 0)
            check_read(c);
        else if (strcmp(kind, "remote") == 0) {
            check_remote(c, SIZE_MAX);
            check_remote(c, 7);
        } else
            n--;
    }
    CHECK_EQ(n, 38, "cases; the rest are of the multiplexer");
    json_decref(v);
}

static void open_pair(struct end *a, struct end *b)
{
    uint8_t one[32] = { 0, 1 }, two[32] = { 0, 2 };

    end_open(a, SPAN_OF(one), SPAN_OF(two));
    end_open(b, SPAN_OF(two), SPAN_OF(one));
    must(feed(a, buf_span(&b->out), SIZE_MAX) == ACCEPT);
    must(feed(b, buf_span(&a->out), SIZE_MAX) == ACCEPT);
    must(feed(a, SPAN(b->out.p + 35, b->out.len - 35), SIZE_MAX) == ACCEPT);
}

TEST(a_full_buffer_stops_reading_until_it_is_emptied)
{
    struct end  a, b;
    uint8_t     data[20000], seen[20000];
    struct span in;
    size_t      n = 0;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    open_pair(&a, &b);
    buf_clear(&a.out);
    secret_write(&a.s, &a.out, SPAN_OF(data));
    CHECK_EQ(a.out.len, secret_write_bytes(sizeof data));
    in          = buf_span(&a.out);
    b.plain.max = 6000;
    while (n < sizeof data) {
        CHECK_EQ(secret_read(&b.s, &in, &b.plain, &b.out), ACCEPT);
        CHECK(b.plain.len > 0 && b.plain.len <= 6000 && !b.plain.is_full);
        memcpy(seen + n, b.plain.p, b.plain.len);
        n += b.plain.len;
        buf_clear(&b.plain);
    }
    CHECK_BYTES(SPAN_OF(seen), SPAN_OF(data));
    end_close(&a);
    end_close(&b);
}

/* Between the handshake's two messages and behind them nothing is lost. */
TEST(data_behind_the_authentication_is_delivered)
{
    struct end a, b;

    open_pair(&a, &b);
    secret_write(&a.s, &a.out, span_str("early"));
    end_close(&b);
    {
        uint8_t one[32] = { 0, 1 }, two[32] = { 0, 2 };

        end_open(&b, SPAN_OF(two), SPAN_OF(one));
    }
    CHECK_EQ(feed(&b, buf_span(&a.out), SIZE_MAX), ACCEPT);
    CHECK_BYTES(buf_span(&b.plain), span_str("early"));
    end_close(&a);
    end_close(&b);
}

TEST(a_stranger_is_given_no_more_memory_than_a_peer_needs)
{
    uint8_t    one[32] = { 0, 1 }, two[32] = { 0, 2 };
    struct end e;
    struct buf long_hello;

    buf_init(&long_hello, 10000);
    buf_uvarint(&long_hello, SECRET_HELLO_MAX + 1);
    end_open(&e, SPAN_OF(one), SPAN_OF(two));
    CHECK_EQ(feed(&e, buf_span(&long_hello), SIZE_MAX), REJECT_LIMIT);
    end_close(&e);
    buf_fini(&long_hello);
}
