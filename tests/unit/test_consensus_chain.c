/* Empty blocks, vote extensions, time, heights and memory as transcripts; see
 * test_consensus.c. */
#include "rig.h"

enum { PREVOTE = TYPE_PREVOTE, PRECOMMIT = TYPE_PRECOMMIT };

/* ---- empty blocks ---- */

TEST(without_transactions_no_block_but_the_proofs)
{
    struct rig_options o = { .waits_for_txs = true };
    struct rig        *r = rig_new(1, 1, &o);

    rig_start(r);
    rig_run(r, 100000);
    CHECK_EQ(r->nodes[0].core.height, 2, "height 1 proves the genesis");
    rig_said(r, 0);
    rig_txs(r, 0);
    CHECK_SAID(r, 0,
               "100000 h2 r0 timer propose 3000ms\n"
               "100000 h2 r0 propose B\n"
               "100000 h2 r0 prevote B\n"
               "100000 h2 r0 lock B\n"
               "100000 h2 r0 precommit B\n"
               "100000 h2 r0 decide B\n");
    rig_txs(r, 0); /* in NewHeight already */
    rig_run(r, 101000);
    CHECK_EQ(r->nodes[0].core.height, 4);
    rig_run(r, 200000);
    CHECK_EQ(r->nodes[0].core.height, 4);
    rig_free(r);
}

TEST(a_new_app_hash_is_proven_by_an_empty_block)
{
    struct rig_options o = { .waits_for_txs = true, .app_hash_changes = true };
    struct rig        *r = rig_new(1, 1, &o);

    rig_start(r);
    rig_run(r, 10500);
    CHECK(r->nodes[0].core.height > 10);
    rig_free(r);
}

TEST(empty_blocks_come_at_their_interval)
{
    struct rig_options o = { .empty_interval_ms = 5000 };
    struct rig        *r = rig_new(1, 1, &o);

    rig_start(r);
    rig_run(r, 6500);
    rig_said(r, 0);
    CHECK_EQ(r->nodes[0].core.height, 3, "at 0 and at 1000 + 5000");
    rig_run(r, 13000);
    CHECK_EQ(r->nodes[0].core.height, 4);
    rig_free(r);
}

/* ---- vote extensions ---- */

TEST(precommits_carry_and_demand_extensions)
{
    struct rig_options o = { .extensions_from = 1 };
    struct rig        *r = rig_proposed(&o);
    struct vote       *v;
    struct event       ev = { .kind = EV_VOTE, .peer = { { 1 } } };

    rig_votes(r, 0, 1, 2, PREVOTE, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 lock A\n"
               "    0 h1 r0 precommit A\n",
               "our own is not verified");
    v = (struct vote *)(uintptr_t)vote_set_get(
        height_votes_precommits(&r->nodes[0].core.votes, 0), 0);
    CHECK_BYTES(v->extension, span_str("extension"));

    ev.vote = rig_vote_make(r, 1, 1, PRECOMMIT, 0, 'A');
    ((struct vote *)(uintptr_t)ev.vote)->extension = span_str("another");
    rig_event(r, 0, ev);
    CHECK_SAID(r, 0, "    0 h1 r0 refuse: invalid signature\n");
    rig_vote(r, 0, 1, PRECOMMIT, 0, 'A');
    rig_vote(r, 0, 1, PRECOMMIT, 0, 'A');
    CHECK_SAID(r, 0, "    0 h1 r0 verify extension\n", "once");
    rig_vote(r, 0, 2, PRECOMMIT, 0, '-');
    CHECK_SAID(r, 0, "    0 h1 r0 timer precommit 1000ms\n",
               "nil has no extension");
    rig_vote(r, 0, 3, PRECOMMIT, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 verify extension\n"
               "    0 h1 r0 decide A\n");
    rig_free(r);
}

TEST(a_rejected_extension_takes_its_vote_along)
{
    struct rig_options o = { .extensions_from = 1 };
    struct rig        *r = rig_proposed(&o);
    size_t             used;

    rig_votes(r, 0, 1, 2, PREVOTE, 0, 'A');
    rig_vote(r, 0, 1, PRECOMMIT, 0, 'A');
    r->nodes[0].rejects_extensions = true;
    rig_said(r, 0);
    used = r->nodes[0].core.heights[r->nodes[0].core.current].used;
    rig_vote(r, 0, 2, PRECOMMIT, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 verify extension\n"
               "    0 h1 r0 refuse: the application refused a vote"
               " extension\n");
    CHECK_EQ(r->nodes[0].core.heights[r->nodes[0].core.current].used, used);
    CHECK_EQ(r->nodes[0].core.height, 1);
    rig_free(r);
}

TEST(extensions_where_there_are_none_are_refused)
{
    struct rig  *r  = rig_proposed(NULL);
    struct vote *v  = rig_vote_make(r, 1, 1, PRECOMMIT, 0, 'A');
    struct event ev = { .kind = EV_VOTE, .vote = v, .peer = { { 1 } } };

    v->extension = span_str("x");
    rig_event(r, 0, ev);
    CHECK_SAID(r, 0, "    0 h1 r0 refuse: unexpected vote extension\n");
    rig_free(r);
}

TEST(extensions_begin_at_their_height)
{
    struct rig_options o = { .extensions_from = 3 };
    struct rig        *r = rig_new(4, 4, &o);

    rig_start(r);
    rig_run(r, 5000);
    CHECK(r->nodes[0].core.height >= 5);
    for (int i = 0; i < 4; i++)
        CHECK(vote_set_get(r->nodes[i].core.last_commit, 1)->extension.n > 0);
    rig_free(r);
}

/* ---- time, heights, memory ---- */

TEST(votes_are_later_than_their_block)
{
    struct rig        *r = rig_new(1, 1, NULL);
    const struct vote *v;

    /* The block's time, that of genesis, lies ahead of our clock. */
    r->now = -30000;
    rig_start(r);
    r->nodes[0].holds_apply = true;
    rig_run(r, -29000);
    v = vote_set_get(height_votes_prevotes(&r->nodes[0].core.votes, 0), 0);
    CHECK(v != NULL);
    if (v)
        CHECK_EQ(stamp_diff(v->timestamp, r->genesis.last_time), 1000000);
    rig_free(r);
}

TEST(a_block_too_far_ahead_of_our_clock_is_invalid)
{
    struct rig *r = rig_new(1, 1, NULL);

    r->now = -90000;
    rig_start(r);
    rig_run(r, -89000);
    CHECK_SAID(r, 0,
               "-90000 h1 r0 timer propose 3000ms\n"
               "-90000 h1 r0 propose A\n"
               "-90000 h1 r0 invalid: block time is too far ahead of our"
               " clock\n"
               "-90000 h1 r0 prevote nil\n"
               "-90000 h1 r0 precommit nil\n"
               "-90000 h1 r0 timer precommit 1000ms\n"
               "-89000 h1 r1 timer propose 3500ms\n"
               "-89000 h1 r1 propose A\n"
               "-89000 h1 r1 invalid: block time is too far ahead of our"
               " clock\n"
               "-89000 h1 r1 prevote nil\n"
               "-89000 h1 r1 precommit nil\n"
               "-89000 h1 r1 timer precommit 1500ms\n");
    rig_free(r);
}

TEST(a_chain_may_begin_at_any_height)
{
    struct rig_options o = { .initial_height = 1000 };
    struct rig        *r = rig_new(4, 4, &o);
    struct vote       *v;
    struct event       ev = { .kind = EV_VOTE, .peer = { { 1 } } };

    rig_start(r);
    v       = rig_vote_make(r, 1, 999, PRECOMMIT, 0, '-');
    ev.vote = v;
    rig_event(r, 0, ev); /* there is no last commit to put it in */
    rig_run(r, 2500);
    CHECK(r->nodes[0].core.height >= 1002);
    rig_free(r);
}

TEST(memory_of_a_height_is_given_back)
{
    struct rig *r    = rig_new(1, 1, NULL);
    size_t      used = 0;

    rig_start(r);
    for (int i = 0; i < 20; i++) {
        rig_run(r, r->now + 1000);
        r->block_count = 0;
        if (i == 4)
            used = r->nodes[0].core.heights[r->nodes[0].core.current].used;
    }
    CHECK_EQ(r->nodes[0].core.heights[r->nodes[0].core.current].used, used);
    rig_free(r);
}

TEST(a_restart_takes_the_seen_commit_as_votes)
{
    struct rig       *r = rig_new(4, 4, NULL), *again;
    struct consensus *c;

    rig_start(r);
    rig_run(r, 900);
    c     = &r->nodes[0].core;
    again = rig_new(4, 1, NULL);
    {
        struct event ev = {
            .kind  = EV_STATE,
            .state = { .chain = &c->state,
                       .seen  = vote_set_commit(c->last_commit, &test_arena) },
        };
        again->now = 900;
        rig_event(again, 0, ev);
        CHECK_EQ(again->nodes[0].core.height, 2);
        CHECK(vote_set_maj23(again->nodes[0].core.last_commit) != NULL);
        rig_event(again, 0, ev);
        CHECK_EQ(again->nodes[0].core.height, 2, "old states are ignored");
    }
    rig_free(again);
    again = rig_new(4, 1, NULL);
    {
        struct extended_commit *bad =
            vote_set_commit(c->last_commit, &test_arena);
        struct event ev = {
            .kind  = EV_STATE,
            .state = { .chain = &c->state, .seen = bad },
        };

        bad->extended_signatures.v[0].timestamp.seconds++;
        rig_event(again, 0, ev);
        CHECK(again->nodes[0].core.is_halted);
    }
    rig_free(again);
    rig_free(r);
}

/* ---- the set of validators changes ---- */

/* All four cores, until height 8 with room to spare. */
static struct rig *changing(int64_t power)
{
    struct rig_options o = { .update_at    = 2,
                             .update_who   = 3,
                             .update_power = power };
    struct rig        *r = rig_new(4, 4, &o);

    rig_start(r);
    while (r->nodes[0].core.height < 8 && r->now < 60000)
        rig_run(r, r->now + 50);
    return r;
}

TEST(a_validator_leaves_two_heights_later)
{
    struct rig       *r = changing(0);
    struct consensus *c = &r->nodes[0].core;

    CHECK_EQ(c->height, 8);
    CHECK_EQ(c->state.validators.n, 3);
    CHECK_EQ(c->last_commit->vals->n, 3);
    CHECK_EQ(r->nodes[3].core.height, 8, "who left follows still");
    rig_free(r);
}

TEST(a_new_power_moves_a_validator_in_the_set)
{
    struct rig       *r = changing(7);
    struct consensus *c = &r->nodes[0].core;

    CHECK_EQ(c->height, 8);
    CHECK_EQ(c->state.validators.total, 10);
    CHECK_BYTES(SPAN_OF(c->state.validators.v[0].address),
                SPAN_OF(r->everybody[3].address), "it stands first");
    rig_free(r);
}

TEST(late_precommits_are_counted_against_their_own_set)
{
    struct rig_options o  = { .update_at = 1, .update_who = 3 };
    struct rig        *r  = rig_new(4, 3, &o);
    struct consensus  *c  = &r->nodes[0].core;
    struct event       ev = { .kind = EV_VOTE, .peer = { { 1 } } };

    rig_start(r);
    while (c->height < 3 && r->now < 20000)
        rig_run(r, r->now + 1);
    CHECK_EQ(c->state.validators.n, 3, "at height 3 it has left");
    CHECK_EQ(c->last_commit->vals->n, 4, "height 2 still had it");
    ev.vote = rig_vote_make(r, 3, 2, TYPE_PRECOMMIT, 0, 'B');
    CHECK(!vote_set_get(c->last_commit, 3));
    rig_event(r, 0, ev);
    CHECK(vote_set_get(c->last_commit, 3) != NULL);
    rig_free(r);
}
