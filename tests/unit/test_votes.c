/* Scenarios of CometBFT's types/vote_set_test.go and
 * consensus/types/height_vote_set_test.go. */
#include "consensus/votes.h"
#include "test.h"

enum { N_MAX = 16 };

static struct {
    struct privkey    keys[N_MAX];
    struct validators vals;
    struct span       chain_id;
    struct arena      scratch;
} w;

static const struct peer_id peer_1 = { { 1 } }, peer_2 = { { 2 } };

static void world(size_t n)
{
    struct privkey keys[N_MAX];
    struct val     v[N_MAX];

    crypto_setup();
    w.chain_id = span_str("test_chain_id");
    for (size_t i = 0; i < n; i++) {
        uint8_t seed[32] = { (uint8_t)(i + 1) };

        must(privkey_from_seed(&keys[i], KEY_TYPE_ED25519, SPAN_OF(seed)));
        v[i] = (struct val){ .power = 1 };
        privkey_public(&v[i].key, &keys[i]);
        pubkey_address(v[i].address, &v[i].key);
    }
    must(validators_new(&w.vals, v, n, &test_arena) == ACCEPT);
    for (size_t i = 0; i < n; i++)
        w.keys[validators_find(&w.vals, SPAN_OF(v[i].address))] = keys[i];
}

static struct block_id block(char letter)
{
    uint8_t *h = arena_alloc(&test_arena, 32);

    memset(h, letter, 32);
    return (struct block_id){ SPAN(h, 32), { 1, SPAN(h, 32) } };
}

/* letter '-' is nil */
static struct vote vote(int index, int32_t type, int32_t round, char letter)
{
    uint8_t    *sig = arena_alloc(&test_arena, 64);
    struct vote v   = { .type              = type,
                        .height            = 1,
                        .round             = round,
                        .timestamp         = { 1700000000, 0 },
                        .validator_address = SPAN_OF(w.vals.v[index].address),
                        .validator_index   = index,
                        .signature         = SPAN(sig, 64) };

    if (letter != '-')
        v.block_id = block(letter);
    privkey_sign(sig, &w.keys[index],
                 vote_sign_bytes(&v, w.chain_id, &test_arena));
    return v;
}

static enum vote_result add(struct vote_set *s, int index, char letter)
{
    struct vote        v = vote(index, s->type, s->round, letter);
    const struct vote *other;

    return vote_set_add(s, &v, false, &other, &test_arena);
}

static struct vote_set new_set(int32_t type)
{
    struct vote_set s;

    vote_set_init(&s, 1, 0, type, false, w.chain_id, &w.vals, &test_arena);
    return s;
}

TEST(one_vote_is_kept_and_is_no_majority)
{
    struct vote_set s;

    world(10);
    s = new_set(TYPE_PREVOTE);
    CHECK(!vote_set_get(&s, 0));
    CHECK_EQ(add(&s, 0, '-'), VOTE_ADDED);
    CHECK(vote_set_get(&s, 0));
    CHECK(!vote_set_get(&s, 1));
    CHECK(!vote_set_maj23(&s));
}

TEST(seven_of_ten_are_a_majority)
{
    struct vote_set s;

    world(10);
    s = new_set(TYPE_PREVOTE);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(add(&s, i, '-'), VOTE_ADDED);
    CHECK(!vote_set_maj23(&s), "6 of 10");
    CHECK(!vote_set_has_any(&s), "6 of 10");
    add(&s, 6, 'B');
    CHECK(!vote_set_maj23(&s), "7 of 10, one for a block");
    CHECK(vote_set_has_any(&s), "7 of 10 said something");
    add(&s, 7, '-');
    CHECK(vote_set_maj23(&s) && block_id_is_nil(vote_set_maj23(&s)));
    CHECK(!vote_set_has_all(&s));
}

TEST(two_thirds_of_power_need_one_block_id)
{
    struct vote_set    s;
    struct vote        v;
    struct block_id    other = block('B');
    const struct vote *conflict;

    world(10);
    s = new_set(TYPE_PREVOTE);
    for (int i = 0; i < 6; i++)
        add(&s, i, 'B');
    /* Same hash, other parts: another block id. */
    other.part_set_header.total = 2;
    v                           = vote(6, TYPE_PREVOTE, 0, 'B');
    v.block_id                  = other;
    privkey_sign((uint8_t *)(uintptr_t)v.signature.p, &w.keys[6],
                 vote_sign_bytes(&v, w.chain_id, &test_arena));
    CHECK_EQ(vote_set_add(&s, &v, false, &conflict, &test_arena), VOTE_ADDED);
    CHECK(!vote_set_maj23(&s), "7 voted, 6 for one id");
    add(&s, 7, 'B');
    CHECK(vote_set_maj23(&s) != NULL);
}

TEST(bad_votes_are_named)
{
    struct vote_set    s;
    const struct vote *other;
    struct vote        v;

    world(10);
    s = new_set(TYPE_PREVOTE);
    CHECK_EQ(add(&s, 0, 'B'), VOTE_ADDED);
    CHECK_EQ(add(&s, 0, 'B'), VOTE_DUPLICATE);
    CHECK_EQ(add(&s, 0, '-'), VOTE_CONFLICT);

    v = vote(1, TYPE_PREVOTE, 1, '-');
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena), VOTE_BAD_STEP);
    v = vote(1, TYPE_PRECOMMIT, 0, '-');
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena), VOTE_BAD_STEP);
    v                 = vote(1, TYPE_PREVOTE, 0, '-');
    v.validator_index = 10;
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena), VOTE_BAD_INDEX);
    v.validator_index = INT32_MAX;
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena), VOTE_BAD_INDEX);
    v.validator_index = -1;
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena), VOTE_BAD_INDEX);
    v.validator_index = 2;
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena),
             VOTE_BAD_ADDRESS);
    v                   = vote(1, TYPE_PREVOTE, 0, '-');
    v.timestamp.seconds = 1;
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena),
             VOTE_BAD_SIGNATURE);
    v           = vote(1, TYPE_PREVOTE, 0, '-');
    v.extension = span_str("x");
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena),
             VOTE_BAD_EXTENSION);
}

TEST(another_signature_for_a_known_vote_is_told_apart)
{
    struct vote_set    s;
    const struct vote *other;
    struct vote        v;

    world(4);
    s = new_set(TYPE_PREVOTE);
    add(&s, 0, 'B');
    v                   = vote(0, TYPE_PREVOTE, 0, 'B');
    v.timestamp.seconds = 1800000000;
    privkey_sign((uint8_t *)(uintptr_t)v.signature.p, &w.keys[0],
                 vote_sign_bytes(&v, w.chain_id, &test_arena));
    CHECK_EQ(vote_set_add(&s, &v, false, &other, &test_arena), VOTE_RESIGNED);
}

TEST(conflicts_count_only_for_claimed_blocks)
{
    struct vote_set s;
    struct block_id b1 = block('1'), b2 = block('2');

    world(4);
    s = new_set(TYPE_PREVOTE);
    CHECK_EQ(add(&s, 0, '-'), VOTE_ADDED);
    CHECK_EQ(add(&s, 0, '1'), VOTE_CONFLICT, "nobody vouches for 1");
    CHECK(vote_set_claim(&s, &peer_1, &b1));
    CHECK_EQ(add(&s, 0, '1'), VOTE_ADDED_CONFLICT, "now it counts");
    CHECK(block_id_is_nil(&vote_set_get(&s, 0)->block_id), "primary stays");
    CHECK(vote_set_claim(&s, &peer_1, &b1), "the same claim again");
    CHECK(!vote_set_claim(&s, &peer_1, &b2), "another claim of that peer");
    CHECK_EQ(add(&s, 0, '2'), VOTE_CONFLICT, "2 is not tracked");

    CHECK_EQ(add(&s, 1, '1'), VOTE_ADDED);
    CHECK(!vote_set_maj23(&s));
    CHECK_EQ(add(&s, 2, '2'), VOTE_ADDED);
    CHECK(!vote_set_maj23(&s));
    CHECK(vote_set_has_any(&s), "three of four voted something");
    CHECK(vote_set_claim(&s, &peer_2, &b1));
    CHECK_EQ(add(&s, 2, '1'), VOTE_ADDED_CONFLICT);
    CHECK(vote_set_maj23(&s) && block_id_eq(vote_set_maj23(&s), &b1));
    CHECK(block_id_eq(&vote_set_get(&s, 0)->block_id, &b1),
          "the quorum's votes become the primary ones");
    CHECK(!vote_set_has_all(&s));
}

TEST(a_conflict_after_the_quorum_replaces_the_primary_vote)
{
    struct vote_set s;
    struct block_id b = block('1');

    world(4);
    s = new_set(TYPE_PREVOTE);
    add(&s, 0, '-');
    add(&s, 1, '1');
    add(&s, 2, '1');
    add(&s, 3, '1');
    CHECK_EQ(add(&s, 0, '1'), VOTE_CONFLICT, "adds no power");
    CHECK(block_id_eq(&vote_set_get(&s, 0)->block_id, &b));
    CHECK_EQ(add(&s, 0, '1'), VOTE_DUPLICATE, "and is known now");
    CHECK_EQ(s.power, 4);
    CHECK_EQ(s.maj23->power, 3);
}

TEST(refused_votes_cost_no_memory)
{
    struct vote_set s;
    size_t          used;
    struct arena    own;

    world(4);
    arena_open(&own, 1 << 20);
    vote_set_init(&s, 1, 0, TYPE_PREVOTE, false, w.chain_id, &w.vals, &own);
    add(&s, 0, '-');
    used = own.used;
    for (char l = 'a'; l <= 'z'; l++)
        CHECK_EQ(add(&s, 0, l), VOTE_CONFLICT);
    CHECK_EQ(own.used, used);
    arena_close(&own);
}

TEST(a_full_arena_refuses_votes)
{
    struct vote_set  s;
    struct arena     own;
    static uint8_t   mem[600];
    enum vote_result r = VOTE_ADDED;

    world(10);
    arena_use(&own, mem, sizeof mem);
    vote_set_init(&s, 1, 0, TYPE_PREVOTE, false, w.chain_id, &w.vals, &own);
    for (int i = 0; i < 10 && r == VOTE_ADDED; i++)
        r = add(&s, i, '-');
    CHECK_EQ(r, VOTE_NO_ROOM);
}

TEST(a_commit_goes_out_and_comes_back)
{
    struct vote_set         s, again;
    struct extended_commit *c;

    world(10);
    s = new_set(TYPE_PRECOMMIT);
    for (int i = 0; i < 6; i++)
        add(&s, i, 'B');
    add(&s, 6, 'C');
    add(&s, 7, 'B');
    add(&s, 8, '-');
    c = vote_set_commit(&s, &test_arena);
    CHECK_EQ(c->extended_signatures.n, 10);
    CHECK_EQ(c->extended_signatures.v[0].block_id_flag, FLAG_COMMIT);
    CHECK_EQ(c->extended_signatures.v[6].block_id_flag, FLAG_ABSENT,
             "for another block");
    CHECK_EQ(c->extended_signatures.v[8].block_id_flag, FLAG_NIL);
    CHECK_EQ(c->extended_signatures.v[9].block_id_flag, FLAG_ABSENT);
    CHECK(stamp_is_zero(c->extended_signatures.v[9].timestamp));
    CHECK_EQ(extended_commit_validate(c), ACCEPT);

    again = new_set(TYPE_PRECOMMIT);
    CHECK(vote_set_from_commit(&again, c, &test_arena));
    CHECK(block_id_eq(vote_set_maj23(&again), vote_set_maj23(&s)));
    c->extended_signatures.v[0].timestamp.seconds++;
    again = new_set(TYPE_PRECOMMIT);
    CHECK(!vote_set_from_commit(&again, c, &test_arena), "a forged one");
}

TEST(bits_tell_who_voted)
{
    struct vote_set s;
    struct block_id b = block('B');
    uint64_t        bits[1];

    world(10);
    s = new_set(TYPE_PREVOTE);
    add(&s, 1, 'B');
    add(&s, 3, '-');
    vote_set_bits(&s, NULL, bits);
    CHECK_EQ(bits[0], 2 + 8);
    vote_set_bits(&s, &b, bits);
    CHECK_EQ(bits[0], 2);
}

/* ---- heights ---- */

static enum vote_result add_to(struct height_votes  *h,
                               const struct peer_id *peer, int index,
                               int32_t round)
{
    struct vote        v = vote(index, TYPE_PRECOMMIT, round, '-');
    const struct vote *other;

    return height_votes_add(h, peer, &v, false, &other, &test_arena);
}

TEST(a_peer_opens_at_most_two_rounds_ahead)
{
    struct height_votes h;

    world(10);
    height_votes_init(&h, 1, false, w.chain_id, &w.vals, &test_arena);
    CHECK_EQ(add_to(&h, &peer_1, 0, 999), VOTE_ADDED);
    CHECK_EQ(add_to(&h, &peer_1, 1, 999), VOTE_ADDED);
    CHECK_EQ(add_to(&h, &peer_1, 0, 1000), VOTE_ADDED);
    CHECK_EQ(add_to(&h, &peer_1, 0, 1001), VOTE_UNWANTED_ROUND);
    CHECK_EQ(add_to(&h, &peer_2, 2, 1001), VOTE_ADDED, "another peer may");
    CHECK_EQ(add_to(&h, &peer_1, 0, 1001), VOTE_ADDED, "and opens it for all");
    CHECK_EQ(add_to(&h, &peer_2, 2, 1001), VOTE_DUPLICATE);
}

TEST(rounds_up_to_the_present_are_open)
{
    struct height_votes h;
    struct block_id     nil = { 0 };

    world(10);
    height_votes_init(&h, 1, false, w.chain_id, &w.vals, &test_arena);
    height_votes_set_round(&h, 5);
    for (int32_t r = 5; r >= 0; r--)
        CHECK_EQ(add_to(&h, &peer_1, 0, r), VOTE_ADDED);
    for (int32_t r = 5; r >= 0; r--)
        CHECK(vote_set_get(height_votes_precommits(&h, r), 0));
    CHECK(!height_votes_prevotes(&h, 6));
    CHECK(height_votes_claim(&h, 2, TYPE_PREVOTE, &peer_1, &nil));
    CHECK(height_votes_claim(&h, 77, TYPE_PREVOTE, &peer_1, &nil),
          "an unknown round is ignored");
    CHECK(!height_votes_precommits(&h, 77));
}
