/* The store's layout and its index: pure. */
#include "test.h"

#include "made_chain.h"
#include "store/index.h"
#include "store/store.h"

#include <stdlib.h>

#define A (&test_arena)

TEST(keys_sort_by_height_and_kind)
{
    static const struct {
        int64_t          height;
        enum height_kind kind;
    } order[] = { { 1, AT_META },        { 1, AT_BLOCK },  { 2, AT_META },
                  { 255, AT_COMMIT },    { 256, AT_META }, { 1 << 20, AT_META },
                  { INT64_MAX, AT_META } };

    for (size_t i = 0; i < COUNT(order); i++) {
        struct store_key k = height_key(order[i].height, order[i].kind);
        int64_t          height;
        enum height_kind kind;

        CHECK(height_of(&height, &kind, SPAN_OF(k.b)));
        CHECK_EQ(height, order[i].height);
        CHECK_EQ(kind, order[i].kind);
        if (i > 0) {
            struct store_key before =
                height_key(order[i - 1].height, order[i - 1].kind);

            CHECK(memcmp(before.b, k.b, sizeof k.b) < 0, "%zu", i);
        }
    }
}

TEST(every_flipped_bit_of_a_record_is_noticed)
{
    struct store_key key = height_key(12, AT_META), other = key;
    uint8_t          bytes[RECORD_HEAD_BYTES + 40];
    struct record    r;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    record_seal(bytes, SPAN_OF(key.b), RECORD_PLAIN, 40);
    CHECK(record_open(&r, SPAN_OF(key.b), SPAN_OF(bytes)));
    CHECK_BYTES(r.payload, SPAN(bytes + RECORD_HEAD_BYTES, 40));
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!record_open(&r, SPAN_OF(key.b), SPAN_OF(bytes)), "%zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(!record_open(&r, SPAN_OF(key.b), SPAN(bytes, sizeof bytes - 1)));
    other = height_key(13, AT_META);
    CHECK(!record_open(&r, SPAN_OF(other.b), SPAN_OF(bytes)),
          "a record in another's place");
    CHECK(!record_open(&r, SPAN_OF(key.b), SPAN(bytes, 4)));
}

TEST(heads_and_bindings_come_back)
{
    struct heads h = { 2, 9, 1, 8, 9, 7, 40 }, got;
    uint8_t      bytes[HEADS_BYTES], bound[BINDING_BYTES_MAX], hash[32] = { 3 };
    struct binding b = { span_str("chain"), SPAN_OF(hash), 5 }, back;
    size_t         n;

    heads_encode(bytes, &h);
    CHECK(heads_decode(&got, SPAN_OF(bytes)));
    CHECK(memcmp(&h, &got, sizeof h) == 0);
    h.lowest = 10;
    heads_encode(bytes, &h);
    CHECK(!heads_decode(&got, SPAN_OF(bytes)), "lowest above highest");
    n = binding_encode(bound, &b);
    CHECK(binding_decode(&back, SPAN(bound, n)));
    CHECK_BYTES(back.chain_id, b.chain_id);
    CHECK_BYTES(back.genesis_hash, b.genesis_hash);
    CHECK_EQ(back.initial_height, 5);
}

TEST(a_block_is_saved_only_under_its_own_id)
{
    struct made_chain    c;
    struct made_height   one, two;
    struct block_facts   facts;
    struct block_to_save b;
    struct block_meta    meta;
    const char          *why;

    made_open(&c, "made", 1, 3);
    one = made_next(&c, 5, 100, -1);
    two = made_next(&c, 2, 100, -1);
    b   = (struct block_to_save){ 2, two.block_id, two.block, two.commit,
                                  SPAN(NULL, 0) };
    why = block_examine(&facts, &b, span_str("made"), A);
    CHECK(why == NULL, "%s", why ? why : "");
    CHECK(hash_eq(&facts.hash, &two.hash));
    CHECK_EQ(facts.txs->n, 2);
    CHECK_BYTES(facts.seen, two.commit);
    CHECK_EQ(pb_decode(&block_meta_desc, &meta, A, facts.meta), ACCEPT);
    CHECK_EQ(meta.num_txs, 2);
    CHECK_EQ(meta.block_size, two.block.n);
    CHECK_STR(block_examine(&facts, &b, span_str("other"), A),
              "the block is of another chain");
    b.height = 3;
    CHECK_STR(block_examine(&facts, &b, span_str("made"), A),
              "the block is of another height");
    b.height   = 2;
    b.block_id = one.block_id;
    CHECK_STR(block_examine(&facts, &b, span_str("made"), A),
              "the block is not the one its id names");
    b.block_id    = two.block_id;
    b.seen_commit = one.commit;
    CHECK_STR(block_examine(&facts, &b, span_str("made"), A),
              "the seen commit is of another height");
    b.seen_commit = SPAN("\xff", 1);
    CHECK_STR(block_examine(&facts, &b, span_str("made"), A),
              "the seen commit does not decode");
    b.block.n--;
    CHECK_STR(block_examine(&facts, &b, span_str("made"), A),
              "the block does not decode");
    CHECK_BYTES(block_last_commit(two.block, A), one.commit);
    made_close(&c);
}

/* A block may give its last commit in two pieces; decoders put them
 * together, and so must we. */
TEST(a_last_commit_in_pieces_is_put_together)
{
    struct made_chain  c;
    struct made_height one, two;
    struct span        commit, want;
    struct block       b;
    uint8_t           *p;

    made_open(&c, "made", 1, 3);
    one = made_next(&c, 1, 10, -1);
    two = made_next(&c, 1, 10, -1);
    /* ... and another piece that only says round = 7. */
    p = arena_alloc(A, two.block.n + 4);
    memcpy(p, two.block.p, two.block.n);
    memcpy(p + two.block.n, "\x22\x02\x10\x07", 4);
    CHECK_EQ(pb_decode(&block_desc, &b, A, SPAN(p, two.block.n + 4)), ACCEPT);
    want   = pb_encode(&commit_desc, b.last_commit, A);
    commit = block_last_commit(SPAN(p, two.block.n + 4), A);
    CHECK_BYTES(commit, want);
    CHECK(!span_eq(commit, one.commit));
    made_close(&c);
}

TEST(sets_are_saved_where_they_change_and_now_and_then)
{
    struct made_chain  c;
    struct state_facts f;
    struct set_to_save sets[SETS_TO_SAVE_MAX];
    size_t             saved = 0;

    made_open(&c, "made", 1, 3);
    CHECK(state_examine(&f, made_genesis_state(&c)));
    CHECK_EQ(state_sets(sets, &f, true), 3, "1, 2 and the parameters");
    CHECK_EQ(sets[0].height, 1);
    CHECK_EQ(sets[1].height, 2);
    CHECK_EQ(sets[2].kind, SET_PARAMS);
    for (int64_t h = 1; h <= 300; h++) {
        struct made_height m = made_next(&c, 0, 0, h == 100 ? 500 : -1);
        size_t             n;

        CHECK(state_examine(&f, m.state));
        CHECK_EQ(f.height, h);
        n = state_sets(sets, &f, false);
        saved += n;
        if (n > 0) {
            CHECK(h == 100 || h == 254, "%d", (int)h);
            CHECK_EQ(sets[0].height, h + 2);
        }
    }
    CHECK_EQ(saved, 2);
    CHECK(!state_examine(&f, SPAN("\x12", 1)));
    made_close(&c);
}

TEST(turned_validators_are_those_of_that_height)
{
    struct made_chain  c;
    struct made_height first, m;

    made_open(&c, "made", 1, 5);
    first = made_next(&c, 0, 0, -1);
    for (int64_t h = 2; h <= 200; h++) {
        m = made_next(&c, 0, 0, -1);
        CHECK_BYTES(validators_turned(first.validators, h - 1, A), m.validators,
                    "height %d", (int)h);
    }
    CHECK(validators_turned(SPAN("\xff", 1), 1, A).p == NULL);
    made_close(&c);
}

/* ---- the index ---- */

static struct hash hash_of(uint32_t i)
{
    struct hash h;
    uint8_t     bytes[4];

    store_be32(bytes, i);
    sha256(&h, SPAN_OF(bytes));
    return h;
}

TEST(an_entry_carries_height_and_index)
{
    struct index_entry e;
    struct hash        h = hash_of(1);

    index_entry_make(&e, &h, INT64_C(0xffffffffff), INDEX_OF_BLOCK);
    CHECK_EQ(index_entry_height(&e), INT64_C(0xffffffffff));
    CHECK_EQ(index_entry_index(&e), INDEX_OF_BLOCK);
    CHECK_EQ(index_entry_prefix(&e), load_be64(h.b));
    index_entry_make(&e, &h, 1, 2);
    CHECK_EQ(index_entry_height(&e), 1);
    CHECK_EQ(index_entry_index(&e), 2);
}

static bool is_sorted(const struct index_entry *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (memcmp(v[i - 1].b, v[i].b, sizeof v->b) >= 0)
            return false;
    return true;
}

TEST(entries_are_found_after_sorting_and_inserting)
{
    enum { N = 3000, M = 500 };
    struct index_entry *v    = arena_newn(A, struct index_entry, N + M);
    struct index_entry *more = arena_newn(A, struct index_entry, M);
    struct index_found  found;

    for (uint32_t i = 0; i < N + M; i++) {
        struct hash h = hash_of(i);

        index_entry_make(i < N ? &v[i] : &more[i - N], &h, i + 1, i % 7);
    }
    index_sort(v, N);
    index_sort(more, M);
    index_insert(v, N, more, M);
    CHECK(is_sorted(v, N + M));
    for (uint32_t i = 0; i < N + M; i++) {
        struct hash h = hash_of(i);

        found.n = 0;
        index_find(&found, v, N + M, &h);
        CHECK(found.n == 1 && index_entry_height(&found.v[0]) == i + 1, "%u",
              i);
    }
    for (uint32_t i = N + M; i < N + M + 100; i++) {
        struct hash h = hash_of(i);

        found.n = 0;
        index_find(&found, v, N + M, &h);
        CHECK_EQ(found.n, 0);
    }
}

TEST(of_many_entries_for_a_hash_the_newest_are_kept)
{
    struct index_entry v[100];
    struct index_found found = { 0 };
    struct hash        h     = hash_of(1);

    for (uint32_t i = 0; i < 100; i++)
        index_entry_make(&v[i], &h, i + 1, 0);
    index_find(&found, v + 50, 50, &h); /* the newer run comes first */
    index_find(&found, v, 50, &h);
    CHECK_EQ(found.n, INDEX_FOUND_MAX);
    for (uint32_t i = 0; i < INDEX_FOUND_MAX; i++)
        CHECK_EQ(index_entry_height(&found.v[i]), 85 + i);
}

TEST(merging_by_pieces_gives_what_sorting_gives)
{
    enum { RUNS = 5, EACH = 200 };
    static struct index_entry v[RUNS][EACH], all[RUNS * EACH], out[RUNS * EACH];
    struct index_source       s[RUNS]     = { 0 };
    size_t                    given[RUNS] = { 0 }, n = 0, want = 0;

    for (uint32_t r = 0; r < RUNS; r++) {
        for (uint32_t i = 0; i < EACH; i++) {
            struct hash h = hash_of(r * EACH + i);

            index_entry_make(&v[r][i], &h, r * EACH + i, 0);
            if (r * EACH + i >= 300)
                all[want++] = v[r][i];
        }
        index_sort(v[r], EACH);
    }
    index_sort(all, want);
    for (size_t round = 0; n < want && round < 10000; round++) {
        size_t cap = 1 + round % 13;

        for (uint32_t r = 0; r < RUNS; r++) {
            size_t piece = 1 + (round + r) % 17;

            if (s[r].at < s[r].n || s[r].is_last)
                continue;
            if (piece > EACH - given[r])
                piece = EACH - given[r];
            s[r] =
                (struct index_source){ v[r] + given[r], piece, 0, piece == 0 };
            given[r] += piece;
        }
        n +=
            index_merge(out + n, cap < want - n ? cap : want - n, s, RUNS, 300);
    }
    CHECK_EQ(n, want);
    CHECK_BYTES(SPAN(out, n * sizeof *out), SPAN(all, want * sizeof *all));
}
