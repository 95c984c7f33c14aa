#include "p2p/greet.h"
#include "test.h"

#include "base/arena.h"

/* One node, and its end of a connection. */
struct node {
    struct privkey     key;
    struct greet_self  self;
    char               id[NODE_ID_TEXT + 1];
    struct greet       greet;
    struct buf         plain, out;
    enum greet_verdict verdict;
};

static struct node_info plain_info(const char *id)
{
    return (struct node_info){
        .protocol_version = { 8, 11, 1 },
        .default_node_id  = span_str(id),
        .listen_addr      = span_str("tcp://127.0.0.1:26656"),
        .network          = span_str("chain-a"),
        .version          = span_str("0.38.25"),
        .channels         = span_str("\x20\x21\x22\x23"),
        .moniker          = span_str("node"),
        .other            = { span_str("on"), span_str("tcp://0.0.0.0:1") },
    };
}

static void node_open(struct node *n, uint8_t seed)
{
    uint8_t       bytes[32] = { 0 };
    struct pubkey pub;

    crypto_setup();
    memset(n, 0, sizeof *n);
    bytes[1] = seed;
    must(privkey_from_seed(&n->key, KEY_TYPE_ED25519, SPAN_OF(bytes)));
    privkey_public(&pub, &n->key);
    n->self.key = &n->key;
    node_id_of(n->self.id, &pub);
    node_id_print(n->id, n->self.id);
    n->self.info = plain_info(n->id);
    buf_init(&n->plain, 1 << 16);
    buf_init(&n->out, 1 << 16);
}

static void node_close(struct node *n)
{
    greet_fini(&n->greet);
    buf_fini(&n->plain);
    buf_fini(&n->out);
}

static void start(struct node *n, const uint8_t *dialled, uint8_t seed)
{
    uint8_t ephemeral[32] = { 0 };

    ephemeral[1] = seed;
    n->self.hello =
        pb_encode_delimited(&node_info_desc, &n->self.info, &test_arena);
    greet_init(&n->greet, &n->self, dialled, ephemeral, &n->out);
}

/* What from has to say goes to to, step bytes at a time. */
static void carry(struct node *from, struct node *to, size_t step)
{
    struct span all  = arena_copy(&test_arena, buf_span(&from->out));
    struct span seen = { all.p, 0 };

    buf_clear(&from->out);
    while (to->verdict == GREET_WAIT && seen.p + seen.n < all.p + all.n) {
        size_t left = (size_t)(all.p + all.n - seen.p) - seen.n;

        seen.n += left < step ? left : step;
        to->verdict = greet_read(&to->greet, &seen, &to->plain, &to->out);
    }
}

static void meet(struct node *a, struct node *b, const uint8_t *dialled,
                 size_t step)
{
    start(a, dialled, 11);
    start(b, NULL, 12);
    for (int i = 0; i < 4; i++) {
        carry(a, b, step);
        carry(b, a, step);
    }
}

TEST(two_nodes_greet_each_other)
{
    static const size_t steps[] = { SIZE_MAX, 1044, 100, 1 };

    for (size_t i = 0; i < COUNT(steps); i++) {
        struct node a, b;

        node_open(&a, 1);
        node_open(&b, 2);
        meet(&a, &b, b.self.id, steps[i]);
        CHECK_EQ(a.verdict, GREET_DONE, "%s", a.greet.why);
        CHECK_EQ(b.verdict, GREET_DONE, "%s", b.greet.why);
        CHECK(memcmp(a.greet.id, b.self.id, ADDRESS_BYTES) == 0);
        CHECK(memcmp(b.greet.id, a.self.id, ADDRESS_BYTES) == 0);
        CHECK_BYTES(b.greet.info.moniker, span_str("node"));
        CHECK_EQ(a.plain.len + b.plain.len, 0);
        node_close(&a);
        node_close(&b);
    }
}

/* Each case spoils what b says; the verdict is a's. */
static void spoil_id(struct node_info *m)
{
    m->default_node_id = span_str("0123456789012345678901234567890123456789");
}
static void spoil_case(struct node_info *m)
{
    static char upper[NODE_ID_TEXT + 1];

    for (size_t i = 0; i < NODE_ID_TEXT; i++) {
        char c   = (char)m->default_node_id.p[i];
        upper[i] = c >= 'a' ? (char)(c - 32) : c;
    }
    m->default_node_id = SPAN(upper, NODE_ID_TEXT);
}
static void spoil_network(struct node_info *m)
{
    m->network = span_str("chain-b");
}
static void spoil_version(struct node_info *m)
{
    m->protocol_version.block = 12;
}
static void spoil_channels(struct node_info *m)
{
    m->channels = span_str("\x50");
}
static void spoil_moniker(struct node_info *m)
{
    m->moniker = span_str("");
}
static void spoil_size(struct node_info *m)
{
    static char long_text[NODE_INFO_BYTES_MAX];

    memset(long_text, 'x', sizeof long_text - 1);
    m->moniker = span_str(long_text);
}
static void keep_other_versions(struct node_info *m)
{
    m->protocol_version.p2p = 7;
    m->protocol_version.app = 99;
}

TEST(a_wrong_node_info_is_refused)
{
    static const struct {
        const char *name;
        void (*spoil)(struct node_info *m);
        enum greet_verdict want;
    } cases[] = {
        { "another id", spoil_id, GREET_MALFORMED },
        { "its id in capitals", spoil_case, GREET_MALFORMED },
        { "another network", spoil_network, GREET_INCOMPATIBLE },
        { "another block version", spoil_version, GREET_INCOMPATIBLE },
        { "no channel in common", spoil_channels, GREET_INCOMPATIBLE },
        { "no moniker", spoil_moniker, GREET_MALFORMED },
        { "too long", spoil_size, GREET_MALFORMED },
        { "other p2p and app versions", keep_other_versions, GREET_DONE },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct node a, b;

        node_open(&a, 1);
        node_open(&b, 2);
        cases[i].spoil(&b.self.info);
        meet(&a, &b, b.self.id, SIZE_MAX);
        CHECK_EQ(a.verdict, cases[i].want, "%s: %s", cases[i].name,
                 a.greet.why ? a.greet.why : "no reason");
        node_close(&a);
        node_close(&b);
    }
}

TEST(the_node_that_answers_must_be_the_one_dialled)
{
    struct node a, b, c;

    node_open(&a, 1);
    node_open(&b, 2);
    node_open(&c, 3);
    meet(&a, &b, c.self.id, SIZE_MAX);
    CHECK_EQ(a.verdict, GREET_STRANGER);
    CHECK(!a.greet.has_sent_info, "a stranger learns nothing of us");
    node_close(&a);
    node_close(&b);
    node_close(&c);
}

TEST(a_node_that_reaches_itself_notices)
{
    struct node a, b;

    node_open(&a, 1);
    node_open(&b, 1);
    meet(&a, &b, NULL, SIZE_MAX);
    CHECK_EQ(a.verdict, GREET_SELF);
    CHECK_EQ(b.verdict, GREET_SELF);
    node_close(&a);
    node_close(&b);
}
