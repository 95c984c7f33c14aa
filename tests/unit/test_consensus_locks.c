/* Locks, POL rounds and valid blocks as transcripts; see test_consensus.c. */
#include "rig.h"

enum { PREVOTE = TYPE_PREVOTE, PRECOMMIT = TYPE_PRECOMMIT };

/* ---- locks ---- */

TEST(a_lock_survives_a_round_without_a_polka)
{
    struct rig *r = rig_locked();

    rig_vote(r, 0, 1, PRECOMMIT, 0, '-');
    rig_vote(r, 0, 2, PRECOMMIT, 0, '-');
    CHECK_SAID(r, 0, "    0 h1 r0 timer precommit 1000ms\n");
    rig_fire(r, 0);
    CHECK_EQ(r->nodes[0].core.locked_round, 0);
    rig_block_new(r, 0, 1);
    rig_propose(r, 0, 1, -1, 'B');
    CHECK_SAID(r, 0,
               " 1000 h1 r1 timer propose 3500ms\n"
               " 1000 h1 r1 prevote A\n",
               "not the proposal");
    rig_vote(r, 0, 1, PREVOTE, 1, 'B');
    rig_vote(r, 0, 2, PREVOTE, 1, '-');
    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               " 1000 h1 r1 timer prevote 1500ms\n"
               " 2500 h1 r1 precommit nil\n");
    CHECK_EQ(r->nodes[0].core.locked_round, 0);
    rig_free(r);
}

/* Round 1, locked on A; the proposal B is here and A was prevoted. */
static struct rig *locked_in_round_1(void)
{
    struct rig *r = rig_locked();

    rig_votes(r, 0, 1, 2, PRECOMMIT, 0, '-');
    rig_fire(r, 0);
    rig_block_new(r, 0, 1);
    rig_propose(r, 0, 1, -1, 'B');
    rig_said(r, 0);
    return r;
}

TEST(a_newer_polka_moves_the_lock)
{
    struct rig *r = locked_in_round_1();

    rig_votes(r, 0, 1, 3, PREVOTE, 1, 'B');
    CHECK_SAID(r, 0,
               " 1000 h1 r1 timer prevote 1500ms\n"
               " 1000 h1 r1 unlock\n"
               " 1000 h1 r1 lock B\n"
               " 1000 h1 r1 precommit B\n");
    CHECK_EQ(r->nodes[0].core.locked_round, 1);
    rig_votes(r, 0, 1, 2, PRECOMMIT, 1, 'B');
    CHECK_SAID(r, 0, " 1000 h1 r1 decide B\n");
    rig_free(r);
}

TEST(a_polka_for_the_locked_block_locks_it_again)
{
    struct rig *r = locked_in_round_1();

    /* The proposal is B, so A is not complete as a proposal: wait. */
    rig_votes(r, 0, 1, 2, PREVOTE, 1, 'A');
    CHECK_SAID(r, 0, " 1000 h1 r1 timer prevote 1500ms\n");
    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               " 2500 h1 r1 relock A\n"
               " 2500 h1 r1 precommit A\n");
    CHECK_EQ(r->nodes[0].core.locked_round, 1);
    rig_free(r);
}

TEST(the_locked_block_proposed_again_is_locked_at_once)
{
    struct rig *r = rig_locked();

    rig_votes(r, 0, 1, 3, PRECOMMIT, 0, '-');
    rig_fire(r, 0);
    rig_said(r, 0);
    rig_propose(r, 0, 1, 0, 'A');
    CHECK_SAID(r, 0, " 1000 h1 r1 prevote A\n");
    rig_votes(r, 0, 1, 2, PREVOTE, 1, 'A');
    CHECK_SAID(r, 0,
               " 1000 h1 r1 relock A\n"
               " 1000 h1 r1 precommit A\n");
    rig_free(r);
}

TEST(a_nil_polka_unlocks)
{
    struct rig *r = locked_in_round_1();

    rig_votes(r, 0, 1, 3, PREVOTE, 1, '-');
    CHECK_SAID(r, 0,
               " 1000 h1 r1 timer prevote 1500ms\n"
               " 1000 h1 r1 unlock\n"
               " 1000 h1 r1 precommit nil\n");
    CHECK_EQ(r->nodes[0].core.locked_round, -1);
    CHECK_EQ(r->nodes[0].core.valid_round, 0, "still worth proposing");
    rig_free(r);
}

TEST(a_polka_for_an_unknown_block_unlocks_and_fetches_it)
{
    struct rig *r = rig_locked();

    rig_votes(r, 0, 1, 2, PRECOMMIT, 0, '-');
    rig_fire(r, 0);
    rig_said(r, 0);
    rig_block_new(r, 0, 1);
    rig_fire(r, 0); /* no proposal: prevote the lock */
    rig_votes(r, 0, 1, 3, PREVOTE, 1, 'B');
    CHECK_SAID(r, 0,
               " 4500 h1 r1 prevote A\n"
               " 4500 h1 r1 timer prevote 1500ms\n"
               " 4500 h1 r1 unlock\n");
    CHECK_EQ(r->nodes[0].core.locked_round, -1);
    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               " 6000 h1 r1 unlock\n"
               " 6000 h1 r1 precommit nil\n");
    rig_parts(r, 0, 1, 'B');
    CHECK_EQ(r->nodes[0].core.valid_round, 1, "B came after its polka");
    rig_free(r);
}

TEST(a_polka_of_a_round_before_the_lock_does_not_unlock)
{
    struct rig *r = rig_four(NULL);

    /* Round 0: A is proposed here, the others prevote B unheard. */
    rig_fire(r, 0);
    rig_block_new(r, 0, 1);
    rig_votes(r, 0, 1, 2, PRECOMMIT, 0, '-');
    rig_vote(r, 0, 3, PRECOMMIT, 0, '-');
    rig_fire(r, 0);
    rig_said(r, 0);
    /* Round 1: B is proposed and locked. */
    r->tx = span_str("other=tx");
    rig_block_new(r, 0, 1);
    rig_propose(r, 0, 1, -1, 'C');
    rig_votes(r, 0, 1, 2, PREVOTE, 1, 'C');
    CHECK_SAID(r, 0,
               " 1000 h1 r1 prevote C\n"
               " 1000 h1 r1 lock C\n"
               " 1000 h1 r1 precommit C\n");
    /* Only now the prevotes of round 0 arrive. */
    rig_votes(r, 0, 1, 3, PREVOTE, 0, 'B');
    CHECK_SAID(r, 0, "");
    CHECK_EQ(r->nodes[0].core.locked_round, 1);
    rig_free(r);
}

TEST(the_valid_block_is_proposed_again)
{
    struct rig *r = rig_locked();

    for (int32_t round = 0; round < 4; round++) {
        rig_votes(r, 0, 1, 3, PRECOMMIT, round, '-');
        rig_said(r, 0);
        rig_fire(r, 0);
    }
    CHECK_SAID(r, 0,
               " 7000 h1 r4 timer propose 5000ms\n"
               " 7000 h1 r4 propose A pol 0\n"
               " 7000 h1 r4 prevote A\n");
    rig_free(r);
}

/* ---- POL rounds ---- */

TEST(a_proposal_with_a_pol_waits_for_its_prevotes)
{
    struct rig *r = rig_four(NULL);

    rig_fire(r, 0);
    rig_votes(r, 0, 1, 3, PRECOMMIT, 0, '-');
    rig_fire(r, 0);
    rig_votes(r, 0, 1, 3, PRECOMMIT, 1, '-');
    rig_fire(r, 0);
    rig_said(r, 0);
    rig_block_new(r, 0, 2);
    rig_propose(r, 0, 2, 1, 'B');
    CHECK_SAID(r, 0, "", "prevotes of round 1 are missing");
    rig_votes(r, 0, 1, 3, PREVOTE, 1, 'B');
    CHECK_SAID(r, 0, " 2500 h1 r2 prevote B\n");
    rig_free(r);
}

TEST(pol_rounds_out_of_range_are_refused)
{
    struct rig *r = rig_four(NULL);

    rig_fire(r, 0);
    rig_votes(r, 0, 1, 3, PRECOMMIT, 0, '-');
    rig_fire(r, 0);
    rig_said(r, 0);
    rig_block_new(r, 0, 1);
    rig_proposal(r, 0, 1, 1, 'B');
    CHECK_SAID(r, 0, " 1000 h1 r1 refuse: invalid POL round of a proposal\n");
    rig_proposal(r, 0, 1, 0, 'B');
    CHECK(r->nodes[0].core.proposal != NULL);
    rig_free(r);
}

/* ---- valid blocks ---- */

TEST(a_delayed_prevote_makes_the_block_valid)
{
    struct rig *r = rig_proposed(NULL);

    rig_vote(r, 0, 1, PREVOTE, 0, 'A');
    rig_vote(r, 0, 2, PREVOTE, 0, '-');
    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer prevote 1000ms\n"
               " 1000 h1 r0 precommit nil\n");
    CHECK_EQ(r->nodes[0].core.valid_round, -1);
    rig_vote(r, 0, 3, PREVOTE, 0, 'A');
    CHECK_EQ(r->nodes[0].core.valid_round, 0);
    CHECK_EQ(r->nodes[0].core.locked_round, -1, "too late to lock");
    rig_free(r);
}

TEST(a_delayed_proposal_becomes_the_valid_block)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    rig_vote(r, 0, 0, PREVOTE, 0, 'A');
    rig_votes(r, 0, 2, 2, PREVOTE, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               " 3000 h1 r0 prevote nil\n"
               " 3000 h1 r0 timer prevote 1000ms\n");
    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               " 4000 h1 r0 unlock\n"
               " 4000 h1 r0 precommit nil\n");
    rig_propose(r, 0, 0, -1, 'A');
    CHECK_EQ(r->nodes[0].core.valid_round, 0);
    rig_free(r);
}
