/* The rules as transcripts.  Node 0 is validator 0, who proposes in round 0
 * of height 1; the other validators say what the test has them say. */
#include "rig.h"

enum { PREVOTE = TYPE_PREVOTE, PRECOMMIT = TYPE_PRECOMMIT };

/* ---- cores among themselves ---- */

TEST(a_single_validator_decides_alone)
{
    struct rig *r = rig_new(1, 1, NULL);

    rig_start(r);
    rig_run(r, 1500);
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 propose A\n"
               "    0 h1 r0 prevote A\n"
               "    0 h1 r0 lock A\n"
               "    0 h1 r0 precommit A\n"
               "    0 h1 r0 decide A\n"
               " 1000 h2 r0 timer propose 3000ms\n"
               " 1000 h2 r0 propose B\n"
               " 1000 h2 r0 prevote B\n"
               " 1000 h2 r0 lock B\n"
               " 1000 h2 r0 precommit B\n"
               " 1000 h2 r0 decide B\n");
    CHECK_EQ(r->nodes[0].core.height, 3);
    rig_free(r);
}

TEST(four_validators_decide_in_three_message_delays)
{
    struct rig *r = rig_new(4, 4, NULL);

    rig_start(r);
    rig_run(r, 900);
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 propose A\n"
               "    0 h1 r0 prevote A\n"
               "   20 h1 r0 lock A\n"
               "   20 h1 r0 precommit A\n"
               "   30 h1 r0 decide A\n");
    CHECK_SAID(r, 2,
               "    0 h1 r0 timer propose 3000ms\n"
               "   10 h1 r0 prevote A\n"
               "   20 h1 r0 lock A\n"
               "   20 h1 r0 precommit A\n"
               "   30 h1 r0 decide A\n");
    for (int i = 0; i < 4; i++)
        CHECK_EQ(r->nodes[i].core.height, 2, "node %d", i);
    rig_free(r);
}

TEST(each_height_has_the_next_proposer)
{
    struct rig *r = rig_new(4, 4, NULL);

    rig_start(r);
    for (int h = 1; h <= 8; h++) {
        rig_run(r, r->now + 5);
        CHECK_EQ(r->nodes[0].core.height, h);
        CHECK_EQ(rig_proposer(r, 0), (h - 1) % 4, "height %d", h);
        rig_run(r, r->now + 1025);
    }
    rig_free(r);
}

TEST(the_powerful_propose_more_often)
{
    struct rig_options o        = { .powers = { 3, 1 } };
    struct rig        *r        = rig_new(2, 2, &o);
    int                turns[2] = { 0 };

    rig_start(r);
    for (int h = 1; h <= 8; h++) {
        rig_run(r, r->now + 5);
        turns[rig_proposer(r, 0)]++;
        rig_run(r, r->now + 1025);
    }
    CHECK_EQ(turns[0], 6);
    CHECK_EQ(turns[1], 2);
    rig_free(r);
}

TEST(a_silent_proposer_costs_one_round)
{
    struct rig *r = rig_new(4, 4, NULL);

    r->nodes[0].is_silent = true;
    rig_start(r);
    rig_run(r, 4500);
    CHECK_SAID(r, 2,
               "    0 h1 r0 timer propose 3000ms\n"
               " 3000 h1 r0 prevote nil\n"
               " 3010 h1 r0 precommit nil\n"
               " 3020 h1 r0 timer precommit 1000ms\n"
               " 4020 h1 r1 timer propose 3500ms\n"
               " 4030 h1 r1 prevote B\n"
               " 4040 h1 r1 lock B\n"
               " 4040 h1 r1 precommit B\n"
               " 4050 h1 r1 decide B\n");
    rig_free(r);
}

TEST(with_all_precommits_nobody_is_waited_for)
{
    struct rig_options o = { .skip_timeout_commit = true };
    struct rig        *r = rig_new(4, 4, &o);

    rig_start(r);
    rig_run(r, 400);
    CHECK(r->nodes[0].core.height >= 10, "height %" PRId64,
          r->nodes[0].core.height);
    rig_free(r);
}

/* ---- who proposes, and what ---- */

TEST(rounds_rotate_the_proposer)
{
    struct rig *r = rig_four(NULL);

    rig_fire(r, 0);
    for (int32_t round = 0; round < 7; round++) {
        CHECK_EQ(rig_proposer(r, 0), round % 4, "round %d", round);
        rig_votes(r, 0, 1, 3, PRECOMMIT, round, '-');
        rig_fire(r, 0);
        CHECK_EQ(r->nodes[0].core.round, round + 1);
    }
    rig_free(r);
}

TEST(a_skipped_round_turns_the_proposer_as_well)
{
    struct rig *r = rig_four(NULL);

    rig_fire(r, 0);
    rig_votes(r, 0, 1, 3, PRECOMMIT, 2, '-');
    CHECK_EQ(r->nodes[0].core.round, 2);
    CHECK_EQ(rig_proposer(r, 0), 2);
    rig_free(r);
}

TEST(without_a_key_nothing_is_signed)
{
    struct rig  *r  = rig_four(NULL);
    struct event ev = { .kind = EV_KEY };

    rig_event(r, 0, ev);
    rig_fire(r, 0);
    rig_fire(r, 0);
    CHECK_SAID(r, 0, "    0 h1 r0 timer propose 3000ms\n");
    CHECK_EQ(r->nodes[0].core.step, STEP_PREVOTE);
    rig_free(r);
}

TEST(a_key_that_comes_late_makes_up_for_it)
{
    struct rig  *r  = rig_four(NULL);
    struct event ev = { .kind = EV_KEY };

    rig_event(r, 0, ev);
    rig_fire(r, 0);
    privkey_public(&ev.key, &r->keys[0]);
    rig_event(r, 0, ev);
    rig_settle(r);
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 propose A\n"
               "    0 h1 r0 prevote A\n");
    rig_free(r);
}

TEST(votes_that_could_not_be_signed_are_made_up)
{
    struct rig  *r  = rig_proposed(NULL);
    struct event ev = { .kind = EV_KEY };

    r->nodes[0].is_sign_failing = true;
    rig_votes(r, 0, 1, 2, PREVOTE, 0, 'A');
    CHECK_SAID(r, 0, "    0 h1 r0 lock A\n");
    r->nodes[0].is_sign_failing = false;
    privkey_public(&ev.key, &r->keys[0]);
    rig_event(r, 0, ev);
    rig_settle(r);
    CHECK_SAID(r, 0, "    0 h1 r0 precommit A\n");
    rig_event(r, 0, ev);
    CHECK_SAID(r, 0, "", "once");
    rig_free(r);
}

TEST(a_refused_proposal_is_not_waited_for)
{
    struct rig *r = rig_four(NULL);

    r->nodes[0].is_sign_refused = true;
    rig_fire(r, 0);
    CHECK_EQ(r->nodes[0].core.step, STEP_PREVOTE);
    rig_free(r);

    r                           = rig_four(NULL);
    r->nodes[0].is_sign_failing = true;
    rig_fire(r, 0);
    CHECK_EQ(r->nodes[0].core.step, STEP_PROPOSE, "it may come back");
    rig_free(r);
}

TEST(an_invalid_proposal_is_prevoted_nil)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    r->nodes[0].core.state.app_hash = span_str("another");
    rig_block_new(r, 0, 0);
    r->nodes[0].core.state.app_hash = (struct span){ 0 };
    rig_propose(r, 0, 0, -1, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 invalid: app hash is not the state's\n"
               "    0 h1 r0 prevote nil\n");
    rig_votes(r, 0, 2, 2, PREVOTE, 0, '-');
    CHECK_SAID(r, 0, "    0 h1 r0 precommit nil\n");
    rig_free(r);
}

TEST(a_block_that_the_application_rejects_is_prevoted_nil)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    r->nodes[0].rejects_blocks = true;
    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    rig_propose(r, 0, 0, -1, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 prevote nil\n");
    rig_free(r);
}

TEST(proposals_of_others_and_odd_rounds_are_refused)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    rig_said(r, 0);
    rig_block_new(r, 0, 0);
    rig_proposal(r, 0, 1, -1, 'A');
    CHECK_SAID(r, 0, "");
    CHECK(!r->nodes[0].core.proposal, "another round");
    /* Signed by the proposer of round 0, who is not asked in round 1. */
    rig_votes(r, 0, 2, 2, PRECOMMIT, 1, '-');
    rig_vote(r, 0, 0, PRECOMMIT, 1, '-');
    rig_said(r, 0);
    rig_free(r);
}

TEST(parts_may_come_before_their_proposal)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    rig_parts(r, 0, 0, 'A');
    CHECK_SAID(r, 0, "    0 h1 r0 timer propose 3000ms\n");
    rig_proposal(r, 0, 0, -1, 'A');
    CHECK_SAID(r, 0, "", "parts without a header were not kept");
    rig_parts(r, 0, 0, 'A');
    CHECK_SAID(r, 0, "    0 h1 r0 prevote A\n");
    rig_free(r);
}

/* ---- a full round ---- */

TEST(three_prevotes_lock_three_precommits_decide)
{
    struct rig *r = rig_locked();

    rig_vote(r, 0, 1, PRECOMMIT, 0, 'A');
    CHECK_SAID(r, 0, "");
    rig_vote(r, 0, 2, PRECOMMIT, 0, 'A');
    CHECK_SAID(r, 0, "    0 h1 r0 decide A\n");
    CHECK_EQ(r->nodes[0].core.height, 2);
    CHECK_EQ(r->nodes[0].core.step, STEP_NEW_HEIGHT);
    rig_free(r);
}

TEST(a_late_precommit_joins_the_last_commit)
{
    struct rig      *r = rig_locked();
    struct vote_set *last;

    rig_votes(r, 0, 1, 2, PRECOMMIT, 0, 'A');
    last = r->nodes[0].core.last_commit;
    CHECK(!vote_set_get(last, 3));
    r->nodes[0].core.height--; /* the vote is for the height before */
    {
        struct vote *v  = rig_vote_make(r, 3, 1, PRECOMMIT, 0, 'A');
        struct event ev = { .kind = EV_VOTE, .vote = v };

        r->nodes[0].core.height++;
        rig_event(r, 0, ev);
        CHECK(vote_set_get(last, 3));
        CHECK(vote_set_has_all(last));
        rig_event(r, 0, ev);
        rig_fire(r, 0);
        CHECK_EQ(r->nodes[0].core.height, 2);
    }
    rig_free(r);
}

TEST(votes_without_a_majority_are_waited_for)
{
    struct rig *r = rig_proposed(NULL);

    rig_vote(r, 0, 1, PREVOTE, 0, '-');
    CHECK_SAID(r, 0, "");
    rig_vote(r, 0, 2, PREVOTE, 0, '-');
    CHECK_SAID(r, 0, "    0 h1 r0 timer prevote 1000ms\n");
    rig_fire(r, 0);
    CHECK_SAID(r, 0, " 1000 h1 r0 precommit nil\n");
    rig_vote(r, 0, 1, PRECOMMIT, 0, 'A');
    rig_vote(r, 0, 2, PRECOMMIT, 0, '-');
    CHECK_SAID(r, 0, " 1000 h1 r0 timer precommit 1000ms\n");
    rig_fire(r, 0);
    CHECK_SAID(r, 0, " 2000 h1 r1 timer propose 3500ms\n");
    rig_free(r);
}

TEST(a_nil_polka_is_precommitted_nil_at_once)
{
    struct rig *r = rig_proposed(NULL);

    rig_votes(r, 0, 1, 3, PREVOTE, 0, '-');
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer prevote 1000ms\n"
               "    0 h1 r0 precommit nil\n");
    rig_votes(r, 0, 1, 2, PRECOMMIT, 0, '-');
    CHECK_SAID(r, 0, "    0 h1 r0 timer precommit 1000ms\n");
    rig_free(r);
}

TEST(timeouts_grow_with_the_rounds)
{
    struct rig *r = rig_four(NULL);

    rig_fire(r, 0);
    for (int32_t round = 0; round < 3; round++) {
        rig_said(r, 0);
        rig_votes(r, 0, 1, 3, PRECOMMIT, round, '-');
        CHECK_EQ(r->nodes[0].timer.step, STEP_PRECOMMIT_WAIT);
        CHECK_EQ(r->nodes[0].timer.duration / 1000000, 1000 + 500 * round);
        rig_fire(r, 0);
        CHECK_EQ(r->nodes[0].timer.step, STEP_PROPOSE);
        CHECK_EQ(r->nodes[0].timer.duration / 1000000, 3500 + 500 * round);
    }
    rig_free(r);
}

/* ---- rounds that others are in ---- */

TEST(prevotes_of_a_later_round_pull_us_there)
{
    struct rig *r = rig_proposed(NULL);

    rig_votes(r, 0, 1, 2, PREVOTE, 3, '-');
    CHECK_EQ(r->nodes[0].core.round, 0);
    rig_vote(r, 0, 3, PREVOTE, 3, '-');
    CHECK_EQ(r->nodes[0].core.round, 3);
    CHECK_SAID(r, 0, "    0 h1 r3 timer propose 4500ms\n");
    rig_free(r);
}

TEST(a_nil_polka_of_a_later_round_still_waits_for_its_proposal)
{
    struct rig *r = rig_locked();

    rig_votes(r, 0, 1, 3, PREVOTE, 1, '-');
    CHECK_EQ(r->nodes[0].core.round, 1);
    CHECK_EQ(r->nodes[0].core.step, STEP_PROPOSE);
    CHECK_SAID(r, 0, "    0 h1 r1 timer propose 3500ms\n");
    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               " 3500 h1 r1 prevote A\n"
               " 3500 h1 r1 unlock\n"
               " 3500 h1 r1 precommit nil\n");
    rig_free(r);
}

TEST(precommits_of_a_later_round_are_followed_and_waited_for)
{
    struct rig *r = rig_proposed(NULL);

    rig_vote(r, 0, 1, PRECOMMIT, 2, '-');
    rig_vote(r, 0, 2, PRECOMMIT, 2, 'A');
    rig_vote(r, 0, 3, PRECOMMIT, 2, '-');
    CHECK_SAID(r, 0,
               "    0 h1 r2 timer propose 4000ms\n"
               "    0 h1 r2 timer precommit 2000ms\n");
    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               " 2000 h1 r2 precommit nil\n"
               " 2000 h1 r3 timer propose 4500ms\n");
    rig_free(r);
}

static bool hears_part(struct rig *r, const struct part *p)
{
    struct event ev = { .kind = EV_PART, .part = { .height = 1, .part = p } };

    rig_event(r, 0, ev);
    return r->nodes[0].core.is_heard;
}

static bool hears_vote(struct rig *r, const struct vote *v)
{
    rig_event(r, 0, (struct event){ .kind = EV_VOTE, .vote = v });
    return r->nodes[0].core.is_heard;
}

/* A replay of the log does without what was of no use. */
TEST(what_leaves_nothing_behind_is_not_heard)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);
    struct part        part, junk;
    struct vote       *v;

    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    part = junk = part_set_part(&r->blocks[0].parts, 0);
    junk.proof.index++;
    CHECK(!hears_part(r, &part), "no proposal names its header");
    rig_proposal(r, 0, 0, -1, 'A');
    rig_settle(r);
    CHECK(r->nodes[0].core.is_heard);
    CHECK(!hears_part(r, &junk), "it does not fit the header");
    CHECK(hears_part(r, &part));
    CHECK(!hears_part(r, &part), "known");
    v = rig_vote_make(r, 2, 1, PREVOTE, 0, 'A');
    CHECK(hears_vote(r, v));
    CHECK(!hears_vote(r, v), "known");
    v = rig_vote_make(r, 3, 1, PREVOTE, 0, 'A');
    v->timestamp.nanos++;
    CHECK(!hears_vote(r, v), "of a bad signature");
    v = rig_vote_make(r, 3, 1, PREVOTE, 7, 'A');
    v->timestamp.nanos++;
    CHECK(hears_vote(r, v), "of a bad signature, but it opened a round");
    CHECK(!hears_vote(r, v));
    v = rig_vote_make(r, 2, 1, PREVOTE, 0, '-');
    CHECK(hears_vote(r, v), "evidence");
    for (int i = 0; i < 20; i++)
        hears_vote(r, v);
    CHECK(!hears_vote(r, v), "but not for ever");
    rig_free(r);
}

TEST(a_decision_of_an_earlier_round_is_kept)
{
    struct rig *r = rig_proposed(NULL);

    rig_votes(r, 0, 1, 2, PRECOMMIT, 0, 'A');
    rig_votes(r, 0, 1, 3, PREVOTE, 1, '-');
    CHECK_EQ(r->nodes[0].core.round, 1);
    rig_said(r, 0);
    rig_vote(r, 0, 3, PRECOMMIT, 0, 'A');
    CHECK_EQ(r->nodes[0].core.step, STEP_COMMIT);
    CHECK_EQ(r->nodes[0].core.commit_round, 0);
    CHECK_SAID(r, 0, "", "round 1 has dropped the block");
    rig_parts(r, 0, 0, 'A');
    CHECK_SAID(r, 0, "    0 h1 r1 decide A\n");
    rig_free(r);
}

TEST(a_decision_for_an_unknown_block_waits_for_it)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    rig_vote(r, 0, 0, PRECOMMIT, 0, 'A');
    rig_votes(r, 0, 2, 2, PRECOMMIT, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 precommit nil\n");
    CHECK_EQ(r->nodes[0].core.step, STEP_COMMIT);
    rig_parts(r, 0, 0, 'A');
    CHECK_SAID(r, 0, "    0 h1 r0 decide A\n");
    CHECK_EQ(r->nodes[0].core.height, 2);
    rig_free(r);
}

TEST(timers_of_the_past_do_nothing)
{
    struct rig  *r    = rig_locked();
    struct event late = { .kind = EV_TIMEOUT };

    rig_votes(r, 0, 1, 2, PRECOMMIT, 0, 'A');
    rig_said(r, 0);
    for (int step = STEP_NEW_HEIGHT; step <= STEP_PRECOMMIT_WAIT; step++) {
        late.timeout = (struct timeout){ 0, 1, 0, (enum step)step };
        rig_event(r, 0, late);
    }
    CHECK_SAID(r, 0, "");
    CHECK_EQ(r->nodes[0].core.height, 2);
    CHECK_EQ(r->nodes[0].core.step, STEP_NEW_HEIGHT);
    rig_free(r);
}

/* ---- what is odd ---- */

TEST(conflicting_votes_become_evidence)
{
    struct rig *r = rig_proposed(NULL);

    rig_vote(r, 0, 1, PREVOTE, 0, 'A');
    rig_vote(r, 0, 1, PREVOTE, 0, '-');
    CHECK_SAID(r, 0, "    0 h1 r0 evidence\n");
    rig_vote(r, 0, 2, PRECOMMIT, 0, '-');
    rig_vote(r, 0, 2, PRECOMMIT, 0, 'A');
    CHECK_EQ(r->nodes[0].evidence, 2);
    rig_said(r, 0);
    rig_vote(r, 0, 0, PREVOTE, 0, '-');
    CHECK_SAID(r, 0, "    0 h1 r0 own conflict\n");
    CHECK_EQ(r->nodes[0].evidence, 2, "nobody accuses himself");
    rig_free(r);
}

TEST(a_claimed_majority_lets_conflicting_votes_count)
{
    struct rig  *r  = rig_proposed(NULL);
    struct event ev = { .kind = EV_CLAIM, .peer = { { 9 } } };

    rig_vote(r, 0, 1, PREVOTE, 0, '-');
    ev.claim.height = 1;
    ev.claim.type   = PREVOTE;
    ev.claim.id     = &r->blocks[0].id;
    rig_event(r, 0, ev);
    rig_vote(r, 0, 1, PREVOTE, 0, 'A');
    rig_vote(r, 0, 2, PREVOTE, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 evidence\n"
               "    0 h1 r0 lock A\n"
               "    0 h1 r0 precommit A\n");
    ev.claim.id = &(struct block_id){ 0 };
    rig_event(r, 0, ev);
    CHECK_SAID(r, 0,
               "    0 h1 r0 refuse: a second majority claimed for one round"
               " and type\n");
    rig_free(r);
}

TEST(votes_with_bad_indices_are_refused)
{
    struct rig  *r  = rig_proposed(NULL);
    struct vote *v  = rig_vote_make(r, 1, 1, PREVOTE, 0, 'A');
    struct event ev = { .kind = EV_VOTE, .vote = v, .peer = { { 1 } } };

    v->validator_index = INT32_MAX;
    rig_event(r, 0, ev);
    CHECK_SAID(r, 0, "    0 h1 r0 refuse: validator index out of range\n");
    v->validator_index = 2;
    rig_event(r, 0, ev);
    CHECK_SAID(r, 0,
               "    0 h1 r0 refuse: validator address is not that of its"
               " index\n");
    rig_free(r);
}

TEST(an_invalid_block_with_a_polka_halts)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    r->nodes[0].core.state.app_hash = span_str("another");
    rig_block_new(r, 0, 0);
    r->nodes[0].core.state.app_hash = (struct span){ 0 };
    rig_propose(r, 0, 0, -1, 'A');
    rig_said(r, 0);
    rig_vote(r, 0, 0, PREVOTE, 0, 'A');
    rig_votes(r, 0, 2, 2, PREVOTE, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer prevote 1000ms\n"
               "    0 h1 r0 invalid: app hash is not the state's\n"
               "    0 h1 r0 halt: +2/3 prevoted for an invalid block\n");
    rig_votes(r, 0, 2, 2, PRECOMMIT, 0, 'A');
    CHECK_SAID(r, 0, "", "it stands still");
    rig_free(r);
}

TEST(one_header_in_two_encodings_is_two_blocks)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);
    struct rig_block  *a, *b;
    struct span        bytes;
    uint8_t           *longer;

    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    a      = &r->blocks[0];
    b      = &r->blocks[1];
    bytes  = part_set_bytes(&a->parts);
    longer = arena_alloc(&test_arena, bytes.n + 3);
    memcpy(longer, bytes.p, bytes.n);
    memcpy(longer + bytes.n, "\xf8\x07\x01", 3); /* field 127 */
    must(
        part_set_from_bytes(&b->parts, SPAN(longer, bytes.n + 3), &test_arena));
    b->hash = a->hash;
    b->id =
        (struct block_id){ hash_span(&b->hash), part_set_header(&b->parts) };
    r->block_count = 2;

    rig_propose(r, 0, 0, -1, 'A');
    rig_vote(r, 0, 0, PREVOTE, 0, 'B');
    rig_votes(r, 0, 2, 2, PREVOTE, 0, 'B');
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 prevote A\n"
               "    0 h1 r0 timer prevote 1000ms\n");
    rig_vote(r, 0, 0, PRECOMMIT, 0, 'B');
    rig_votes(r, 0, 2, 2, PRECOMMIT, 0, 'B');
    CHECK_EQ(r->nodes[0].core.step, STEP_COMMIT);
    rig_said(r, 0);
    rig_parts(r, 0, 0, 'B');
    CHECK_SAID(r, 0, "    0 h1 r0 decide B\n");
    rig_free(r);
}

TEST(a_quorum_before_the_last_part_takes_two_votes_in_one_step)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    rig_proposal(r, 0, 0, -1, 'A');
    rig_vote(r, 0, 0, PREVOTE, 0, 'A');
    rig_votes(r, 0, 2, 2, PREVOTE, 0, 'A');
    rig_said(r, 0);
    rig_parts(r, 0, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 prevote A\n"
               "    0 h1 r0 lock A\n"
               "    0 h1 r0 precommit A\n");
    rig_free(r);
}

TEST(a_commit_without_its_block_asks_for_all_parts)
{
    struct rig_options o = { .first = 1 };
    struct rig        *r = rig_four(&o);

    rig_fire(r, 0);
    rig_block_new(r, 0, 0);
    rig_proposal(r, 0, 0, -1, 'A');
    rig_vote(r, 0, 0, PRECOMMIT, 0, 'A');
    rig_vote(r, 0, 2, PRECOMMIT, 0, 'A');
    rig_vote(r, 0, 3, PRECOMMIT, 0, 'A');
    CHECK_EQ(r->nodes[0].core.step, STEP_COMMIT);
    CHECK_EQ(r->nodes[0].core.height, 1);
    CHECK_EQ(r->nodes[0].valid_blocks, 1, "though the proposal named them");
    rig_free(r);
}
