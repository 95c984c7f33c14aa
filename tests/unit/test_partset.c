/* Parts that fit and parts that do not, as in types/part_set_test.go, and the
 * greatest sizes of types/block_test.go. */
#include "test.h"

#include "model/block.h"
#include "model/partset.h"

enum { PARTS = 5 };

/* A block of four whole parts and some. */
static struct part_set make_set(void)
{
    size_t          n = (PARTS - 1) * PART_BYTES + 1234;
    uint8_t        *p = arena_alloc(&test_arena, n);
    struct part_set s;

    must(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)((i * i >> 3) + (i >> 16));
    must(part_set_from_bytes(&s, SPAN(p, n), &test_arena));
    return s;
}

/* A part of its own memory, so that it can be changed. */
static struct part own_part(const struct part_set *s, uint32_t index)
{
    struct part p = part_set_part(s, index);
    size_t      n = p.proof.aunts.n;

    p.bytes           = arena_copy(&test_arena, p.bytes);
    p.proof.leaf_hash = arena_copy(&test_arena, p.proof.leaf_hash);
    p.proof.aunts.v   = arena_newn(&test_arena, struct span, n);
    for (size_t i = 0; i < n; i++)
        p.proof.aunts.v[i] =
            arena_copy(&test_arena, s->proofs[index].aunts.v[i]);
    return p;
}

static uint8_t *writable(struct span s)
{
    return (uint8_t *)(uintptr_t)s.p;
}

static void wrong_aunt(struct part *p)
{
    writable(p->proof.aunts.v[0])[0]++;
}
static void wrong_leaf(struct part *p)
{
    writable(p->proof.leaf_hash)[31]++;
}
static void wrong_bytes(struct part *p)
{
    writable(p->bytes)[0]++;
}
static void wrong_proof_index(struct part *p)
{
    p->proof.index++;
}
static void shifted(struct part *p)
{
    p->index++;
    p->proof.index++;
}
static void wrong_total(struct part *p)
{
    p->proof.total--;
}
static void greater_total(struct part *p)
{
    p->proof.total++;
}
static void cut(struct part *p)
{
    p->bytes.n--;
}
static void no_bytes(struct part *p)
{
    p->bytes.n = 0;
}
static void far_index(struct part *p)
{
    p->index       = 10000;
    p->proof.index = 10000;
}
static void no_aunts(struct part *p)
{
    p->proof.aunts.n = 0;
}

TEST(a_part_that_is_not_the_blocks_is_refused_and_changes_nothing)
{
    static const struct {
        const char *name;
        void (*change)(struct part *);
    } cases[] = {
        { "an aunt", wrong_aunt },
        { "the leaf", wrong_leaf },
        { "the bytes", wrong_bytes },
        { "cut short", cut },
        { "proof index", wrong_proof_index },
        { "both indices", shifted },
        { "a lower total", wrong_total },
        { "no bytes", no_bytes },
        { "a greater total", greater_total },
        { "far index", far_index },
        { "no aunts", no_aunts },
    };
    struct part_set        from = make_set(), to;
    struct part_set_header h    = part_set_header(&from);
    bool                   is_new;

    must(part_set_init(&to, &h, &test_arena));
    for (size_t i = 0; i < COUNT(cases); i++)
        for (uint32_t k = 0; k < PARTS; k++) {
            struct part p = own_part(&from, k);

            cases[i].change(&p);
            CHECK(part_set_add(&to, &p, &is_new) != ACCEPT, "%s of part %u",
                  cases[i].name, k);
            CHECK(!is_new && to.count == 0 && to.size == 0, "%s of part %u",
                  cases[i].name, k);
        }
    CHECK(!part_set_is_complete(&to), "nothing was added");
}

TEST(a_set_is_complete_with_its_parts_in_any_order)
{
    static const uint32_t  orders[][PARTS] = { { 0, 1, 2, 3, 4 },
                                               { 4, 3, 2, 1, 0 },
                                               { 2, 4, 0, 3, 1 } };
    struct part_set        from            = make_set(), to;
    struct part_set_header h               = part_set_header(&from);
    bool                   is_new;

    for (size_t i = 0; i < COUNT(orders); i++) {
        must(part_set_init(&to, &h, &test_arena));
        for (size_t k = 0; k < PARTS; k++) {
            struct part p = own_part(&from, orders[i][k]);

            CHECK(!part_set_has(&to, p.index), "not yet");
            CHECK_EQ(part_set_add(&to, &p, &is_new), ACCEPT, "taken");
            memset(writable(p.bytes), 0, p.bytes.n); /* was copied */
            CHECK(is_new && part_set_has(&to, p.index), "there");
            CHECK_EQ(part_set_add(&to, &p, &is_new), ACCEPT, "again");
            CHECK(!is_new, "which is not new, whatever it carries");
        }
        CHECK(part_set_is_complete(&to), "complete");
        CHECK(span_eq(part_set_bytes(&to), part_set_bytes(&from)), "equal");
    }
}

static void too_big(struct part *p)
{
    static uint8_t big[PART_BYTES + 1];

    p->bytes       = SPAN_OF(big);
    p->proof.total = 1;
    p->index       = 0;
    p->proof.index = 0;
}
static void small_last(struct part *p)
{
    p->bytes.n     = PART_BYTES - 1;
    p->index       = 1;
    p->proof.index = 1;
    p->proof.total = 2;
}
static void small_inner(struct part *p)
{
    p->bytes.n     = PART_BYTES - 1;
    p->proof.total = 2;
}
static void big_leaf(struct part *p)
{
    p->proof.leaf_hash = SPAN(p->bytes.p, 1024);
}
static void index_of_another(struct part *p)
{
    p->index = 1;
}
static void negative_total(struct part *p)
{
    p->proof.total = INT64_MIN;
}
static void many_aunts(struct part *p)
{
    struct span *v = arena_newn(&test_arena, struct span, AUNTS_MAX + 1);

    for (size_t i = 0; i <= AUNTS_MAX; i++)
        v[i] = p->proof.leaf_hash;
    p->proof.aunts.v = v;
    p->proof.aunts.n = AUNTS_MAX + 1;
}
static void as_it_is(struct part *p)
{
    UNUSED(p);
}

TEST(a_part_is_well_formed_or_is_refused)
{
    static const struct {
        const char *name;
        void (*change)(struct part *);
        bool want;
    } cases[] = {
        { "as it is", as_it_is, true },
        { "too big", too_big, false },
        { "small last part", small_last, true },
        { "small inner part", small_inner, false },
        { "leaf hash too big", big_leaf, false },
        { "index of another", index_of_another, false },
        { "negative total", negative_total, false },
        { "a proof too long", many_aunts, false },
    };
    struct part_set s = make_set();

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct part p = own_part(&s, 0);

        cases[i].change(&p);
        CHECK_EQ(part_validate(&p) == ACCEPT, cases[i].want, "%s",
                 cases[i].name);
    }
}

TEST(a_header_of_no_or_of_too_many_parts_makes_no_set)
{
    uint8_t                root[32] = { 1 };
    struct part_set_header h        = { 0, SPAN_OF(root) };
    struct part_set        s;

    CHECK(!part_set_init(&s, &h, &test_arena), "none");
    h.total = BLOCK_PARTS_MAX + 1;
    CHECK(!part_set_init(&s, &h, &test_arena), "too many");
    h.total = UINT32_MAX;
    CHECK(!part_set_init(&s, &h, &test_arena), "by far");
    h.total  = 1;
    h.hash.n = 31;
    CHECK(!part_set_init(&s, &h, &test_arena), "a short root");
    h.hash.n = 32;
    CHECK(part_set_init(&s, &h, &test_arena), "one");
}

/* ---- what block_tx_budget reckons with ---- */

static uint8_t some[256];

static struct block_id greatest_block_id(void)
{
    return (struct block_id){
        .hash            = SPAN(some, 32),
        .part_set_header = { INT32_MAX, SPAN(some, 32) },
    };
}

TEST(the_greatest_header_and_commit_have_the_sizes_reckoned_with)
{
    struct stamp      longest = { STAMP_ZERO_SECONDS, 999999999 };
    struct header     h       = { .version              = { INT64_MAX, INT64_MAX },
                                  .chain_id             = SPAN(some, 4 * 50),
                                  .height               = INT64_MAX,
                                  .time                 = longest,
                                  .last_block_id        = greatest_block_id(),
                                  .last_commit_hash     = SPAN(some, 32),
                                  .data_hash            = SPAN(some, 32),
                                  .validators_hash      = SPAN(some, 32),
                                  .next_validators_hash = SPAN(some, 32),
                                  .consensus_hash       = SPAN(some, 32),
                                  .app_hash             = SPAN(some, 32),
                                  .last_results_hash    = SPAN(some, 32),
                                  .evidence_hash        = SPAN(some, 32),
                                  .proposer_address     = SPAN(some, 20) };
    struct commit_sig sigs[3];
    struct commit     c = { .height   = INT64_MAX,
                            .round    = INT32_MAX,
                            .block_id = greatest_block_id() };

    for (size_t i = 0; i < COUNT(sigs); i++)
        sigs[i] = (struct commit_sig){ FLAG_NIL, SPAN(some, 20), longest,
                                       SPAN(some, 64) };
    c.signatures.v = sigs;
    CHECK_EQ(pb_size(&header_desc, &h), 626, "header");
    CHECK_EQ(pb_size(&commit_sig_desc, &sigs[0]), 109, "entry");
    for (c.signatures.n = 0; c.signatures.n <= 3; c.signatures.n++)
        CHECK_EQ(pb_size(&commit_desc, &c), 94 + 111 * c.signatures.n,
                 "commit of %zu", c.signatures.n);
    CHECK_EQ(block_tx_budget(1000, 100, 1), 1000 - 11 - 626 - 205 - 100,
             "budget");
}
