/* What a peer is told, decided from what it said: views against a core that
 * the rig drives. */
#include "consensus/gossip.h"
#include "rig.h"

static struct peer_view  peer;
static struct gossip_act act;

static struct gossip_env env_of(struct rig *r)
{
    return (struct gossip_env){ .core = &r->nodes[0].core };
}

static void meet(void)
{
    peer_view_init(&peer, &(struct peer_id){ { 9 } });
}

static struct gossip_heard hear_on(struct rig *r, uint8_t channel,
                                   enum consensus_kind kind, void *member)
{
    struct consensus_msg m   = { .which = kind, .new_round_step = member };
    struct gossip_env    env = env_of(r);
    struct gossip_heard  h;

    gossip_hear(&peer, &env, channel,
                pb_encode(&consensus_msg_desc, &m, &test_arena), &test_arena,
                &h);
    return h;
}

static struct gossip_heard hear(struct rig *r, enum consensus_kind kind,
                                void *member)
{
    return hear_on(r, consensus_channel(kind), kind, member);
}

static struct gossip_heard step(struct rig *r, int64_t height, int32_t round,
                                enum step s, int32_t last)
{
    struct new_round_step m = { height, round, s, 0, last };

    return hear(r, CONSENSUS_NEW_ROUND_STEP, &m);
}

static bool next(struct rig *r, unsigned room)
{
    struct gossip_env env = env_of(r);

    return gossip_next(&peer, &env, room, &act);
}

static size_t count(struct rig *r, unsigned room, enum consensus_kind kind)
{
    size_t n = 0;

    while (next(r, room))
        n += act.msg.which == kind;
    return n;
}

TEST(nothing_is_said_before_the_peer_has)
{
    struct rig *r = rig_proposed(NULL);

    meet();
    CHECK(!next(r, ROOM_ALL));
    step(r, 1, 0, STEP_PROPOSE, -1);
    CHECK(next(r, ROOM_DATA));
    CHECK_EQ(act.msg.which, CONSENSUS_PROPOSAL);
    CHECK(next(r, ROOM_DATA));
    CHECK_EQ(act.msg.which, CONSENSUS_BLOCK_PART);
    CHECK(!next(r, ROOM_DATA), "each once");
    CHECK_EQ(count(r, ROOM_STATE | ROOM_BITS, CONSENSUS_VOTE), 0, "no room");
    CHECK_EQ(count(r, ROOM_VOTES, CONSENSUS_VOTE), 1, "our prevote");
    rig_free(r);
}

/* What gossip_next says at a time, counted by kind. */
static size_t count_at(struct rig *r, uint64_t now_us, enum consensus_kind kind)
{
    struct gossip_env env = env_of(r);
    size_t            n   = 0;

    env.now_us = now_us;
    while (gossip_next(&peer, &env, ROOM_DATA | ROOM_VOTES, &act))
        n += act.msg.which == kind;
    return n;
}

TEST(parts_of_another_s_block_are_left_to_others_for_a_moment)
{
    struct rig    *r  = rig_proposed(NULL);
    const uint64_t t0 = 5000000, part = GOSSIP_HOLD_PART_US;
    const uint64_t t1 = t0 + GOSSIP_HOLD_US + part;

    r->nodes[0].core.own = -1; /* as if it had come from a peer */
    meet();
    step(r, 1, 0, STEP_PROPOSE, -1);
    CHECK_EQ(count_at(r, t0, CONSENSUS_PROPOSAL), 0);
    CHECK_EQ(peer.hold_until_us, t1);
    CHECK_EQ(count_at(r, t1 - 1, CONSENSUS_BLOCK_PART), 0);
    CHECK_EQ(count_at(r, t1, CONSENSUS_BLOCK_PART), 1, "it depends on us");
    CHECK_EQ(peer.blocks.until, 1 + GOSSIP_NEED_FIRST);
    CHECK_EQ(peer.hold_until_us, 0);

    meet();
    step(r, 1, 0, STEP_PROPOSE, -1);
    CHECK_EQ(count_at(r, t0, CONSENSUS_BLOCK_PART), 0);
    step(r, 1, 0, STEP_PREVOTE, -1);
    CHECK_EQ(count_at(r, t1, CONSENSUS_BLOCK_PART), 0, "it has them, perhaps");
    CHECK_EQ(
        count_at(r, t0 + GOSSIP_HOLD_VOTED_US + part, CONSENSUS_BLOCK_PART), 1);
    CHECK_EQ(peer.blocks.until, 0);
    rig_free(r);
}

TEST(votes_of_others_are_left_to_others_for_a_moment)
{
    struct rig     *r  = rig_proposed(NULL);
    const uint64_t  t0 = 5000000, t1 = t0 + GOSSIP_HOLD_VOTES_US;
    struct has_vote has = { 1, 0, TYPE_PREVOTE, 1 };

    rig_votes(r, 0, 1, 1, TYPE_PREVOTE, 0, 'A');
    meet();
    step(r, 1, 0, STEP_PREVOTE, -1);
    CHECK_EQ(count_at(r, t0, CONSENSUS_VOTE), 1, "our own");
    CHECK_EQ(peer.hold_until_us, t1);
    hear(r, CONSENSUS_HAS_VOTE, &has);
    CHECK_EQ(count_at(r, t0 + 1, CONSENSUS_VOTE), 0);
    CHECK_EQ(peer.hold_until_us, 0, "it came from another");

    meet();
    step(r, 1, 0, STEP_PREVOTE, -1);
    CHECK_EQ(count_at(r, t0, CONSENSUS_VOTE), 1);
    CHECK_EQ(count_at(r, t1 - 1, CONSENSUS_VOTE), 0);
    CHECK_EQ(count_at(r, t1, CONSENSUS_VOTE), 1, "it depends on us");
    CHECK_EQ(peer.votes.until, 1 + GOSSIP_NEED_FIRST);
    rig_votes(r, 0, 2, 2, TYPE_PREVOTE, 0, 'A');
    CHECK_EQ(count_at(r, t1, CONSENSUS_VOTE), 3, "and waits no more");
    rig_free(r);
}

TEST(a_peer_that_says_what_it_lacks_gets_it_at_once)
{
    struct rig            *r     = rig_proposed(NULL);
    const struct block_id *id    = &r->blocks[0].id;
    struct bit_array       none  = { .bits = id->part_set_header.total };
    uint64_t               words = 0;
    struct new_valid_block m     = { 1, 0, id->part_set_header, &none, true };

    r->nodes[0].core.own = -1;
    none.elems.v         = &words;
    none.elems.n         = 1;
    meet();
    step(r, 1, 0, STEP_COMMIT, -1);
    hear(r, CONSENSUS_NEW_VALID_BLOCK, &m);
    CHECK_EQ(count_at(r, 5000000, CONSENSUS_BLOCK_PART), 1);
    rig_free(r);
}

TEST(what_we_proposed_is_sent_at_once)
{
    struct rig *r = rig_proposed(NULL);

    CHECK(r->nodes[0].core.own >= 0);
    meet();
    step(r, 1, 0, STEP_PROPOSE, -1);
    CHECK_EQ(count_at(r, 5000000, CONSENSUS_BLOCK_PART), 1);
    rig_free(r);
}

TEST(a_peer_is_not_told_what_it_said_itself)
{
    struct rig     *r = rig_proposed(NULL);
    struct has_vote m = { 1, 0, TYPE_PREVOTE, 0 };

    meet();
    step(r, 1, 0, STEP_PREVOTE, -1);
    hear(r, CONSENSUS_HAS_VOTE, &m);
    CHECK_EQ(count(r, ROOM_VOTES, CONSENSUS_VOTE), 0);
    rig_votes(r, 0, 1, 1, TYPE_PREVOTE, 0, 'A');
    CHECK_EQ(count(r, ROOM_VOTES, CONSENSUS_VOTE), 1);
    rig_free(r);
}

TEST(parts_of_a_locked_block_go_to_whoever_collects_it)
{
    struct rig            *r     = rig_locked();
    uint64_t               none  = 0;
    struct bit_array       array = { 1, { &none, 1 } };
    struct new_valid_block m     = { .height      = 1,
                                     .block_parts = &array,
                                     .is_commit   = true };

    m.block_part_set_header         = r->blocks[0].id.part_set_header;
    r->nodes[0].core.proposal_parts = -1; /* as in a later round */
    meet();
    step(r, 1, 0, STEP_COMMIT, -1);
    hear(r, CONSENSUS_NEW_VALID_BLOCK, &m);
    CHECK_EQ(count(r, ROOM_DATA, CONSENSUS_BLOCK_PART), 1);
    rig_free(r);
}

TEST(a_majority_is_asked_about_and_answered)
{
    struct rig           *r = rig_locked();
    struct vote_set_maj23 m = { 1, 0, TYPE_PREVOTE, r->blocks[0].id };
    struct gossip_heard   h;

    meet();
    step(r, 1, 0, STEP_PREVOTE, -1);
    CHECK_EQ(count(r, ROOM_STATE, CONSENSUS_VOTE_SET_MAJ23), 0);
    gossip_query(&peer);
    CHECK_EQ(count(r, ROOM_STATE, CONSENSUS_VOTE_SET_MAJ23), 1);

    h = hear(r, CONSENSUS_VOTE_SET_MAJ23, &m);
    CHECK(h.has_event && h.event.kind == EV_CLAIM);
    h.event.now = (struct stamp){ .seconds = 1700000000 };
    rig_event(r, 0, h.event);
    CHECK(next(r, ROOM_BITS));
    CHECK_EQ(act.msg.which, CONSENSUS_VOTE_SET_BITS);
    CHECK_EQ(act.body.bits.votes.elems.v[0], 7, "of validators 0, 1, 2");
    h = hear(r, CONSENSUS_VOTE_SET_MAJ23, &m);
    CHECK(!h.has_event && !h.drop, "the same again is only answered");
    CHECK(next(r, ROOM_BITS));
    m.block_id = (struct block_id){ 0 };
    h          = hear(r, CONSENSUS_VOTE_SET_MAJ23, &m);
    CHECK(h.drop != NULL, "another one is misbehaviour");
    rig_free(r);
}

/* What it thinks to have told us is told again. */
TEST(of_a_round_without_votes_the_answer_is_that_all_are_missing)
{
    struct rig           *r = rig_proposed(NULL);
    struct vote_set_maj23 m = { 1, 2, TYPE_PRECOMMIT, r->blocks[0].id };

    meet();
    step(r, 1, 0, STEP_PREVOTE, -1);
    hear(r, CONSENSUS_VOTE_SET_MAJ23, &m);
    CHECK(next(r, ROOM_BITS));
    CHECK_EQ(act.msg.which, CONSENSUS_VOTE_SET_BITS);
    CHECK_EQ(act.body.bits.votes.bits, 4);
    CHECK_EQ(act.body.bits.votes.elems.n, 1);
    CHECK_EQ(act.body.bits.votes.elems.v[0], 0);
    rig_free(r);
}

TEST(what_no_honest_peer_says_ends_the_connection)
{
    struct rig         *r    = rig_proposed(NULL);
    struct vote         vote = *rig_vote_make(r, 1, 1, TYPE_PREVOTE, 0, 'A');
    struct vote_msg     v    = { &vote };
    struct proposal_msg p    = { { .type      = TYPE_PROPOSAL,
                                   .height    = 1,
                                   .pol_round = -1,
                                   .block_id  = r->blocks[0].id,
                                   .signature = vote.signature } };
    struct gossip_env   env  = env_of(r);
    struct gossip_heard h;

    meet();
    CHECK(step(r, 0, 0, STEP_PROPOSE, -1).drop != NULL, "below the first");
    CHECK(step(r, 1, 0, STEP_PROPOSE, 0).drop != NULL, "there is no last");
    CHECK(step(r, 2, 0, STEP_PROPOSE, -1).drop != NULL, "there is one");
    gossip_hear(&peer, &env, 0x20, span_str("nonsense"), &test_arena, &h);
    CHECK(h.drop != NULL);
    p.proposal.block_id.part_set_header.total = 100000;
    CHECK(hear(r, CONSENSUS_PROPOSAL, &p).drop != NULL, "too many parts");
    h = hear_on(r, 0x20, CONSENSUS_VOTE, &v);
    CHECK(!h.drop && !h.has_event, "on the wrong channel: left out");
    CHECK(hear(r, CONSENSUS_VOTE, &v).has_event);
    vote.height = 7;
    CHECK(!hear(r, CONSENSUS_VOTE, &v).has_event, "of the future");
    vote.validator_index = INT32_MAX;
    CHECK(!hear(r, CONSENSUS_VOTE, &v).drop, "the core refuses it");
    rig_free(r);
}

TEST(a_peer_behind_gets_the_commit_and_then_the_block)
{
    struct rig             *r = rig_new(4, 4, NULL);
    struct gossip_env       env;
    struct extended_commit *c;

    rig_start(r);
    rig_run(r, 3500);
    CHECK(r->nodes[0].core.height >= 4);
    env            = env_of(r);
    env.store_base = 1;
    meet();
    step(r, 1, 0, STEP_PREVOTE, -1);
    CHECK(gossip_next(&peer, &env, ROOM_ALL, &act));
    CHECK_EQ(act.kind, ACT_LOAD_COMMIT);
    CHECK(!gossip_next(&peer, &env, ROOM_ALL, &act), "one question at a time");
    c         = vote_set_commit(r->nodes[0].core.last_commit, &test_arena);
    c->height = 1;
    gossip_commit(&peer, 1, c);
    for (int i = 0; i < 4; i++)
        CHECK(gossip_next_of_commit(&peer, c, &act));
    CHECK(!gossip_next_of_commit(&peer, c, &act));
    CHECK(gossip_next(&peer, &env, ROOM_ALL, &act));
    CHECK_EQ(act.kind, ACT_LOAD_PART);
    CHECK_EQ(act.height, 1);
    gossip_part_done(&peer);
    CHECK(!gossip_next(&peer, &env, ROOM_ALL, &act));
    rig_free(r);
}
