/* Evidence from two votes to the block that punishes it. */
#include "consensus/pool.h"
#include "rig.h"

enum { ARENA_BYTES = 4 << 20 };

static struct pool       *pool;
static size_t             said[POOL_ANSWER + 1];
static struct pool_effect last;
static struct pool_facts  facts;
static bool               is_late; /* the answer to a question comes later */

static void emit(void *ctx, const struct pool_effect *e)
{
    UNUSED(ctx);
    said[e->kind]++;
    last = *e;
    if (e->kind == POOL_LOAD && !is_late)
        pool_loaded(pool, &facts);
}

/* A chain of two blocks, and a pool that knows its first. */
static struct rig *scene(void)
{
    struct rig *r = rig_new(4, 4, NULL);

    pool = arena_new(&test_arena, struct pool);
    memset(said, 0, sizeof said);
    is_late = false;
    facts   = (struct pool_facts){ 0 };
    arena_open(&pool->store, ARENA_BYTES);
    arena_open(&pool->inbox, ARENA_BYTES);
    arena_open(&pool->conflicts, ARENA_BYTES);
    arena_open(&pool->scratch, ARENA_BYTES);
    arena_open(&pool->work, ARENA_BYTES);
    arena_open(&pool->state, ARENA_BYTES);
    pool->emit = emit;
    rig_start(r);
    rig_run(r, 1500);
    must(r->nodes[0].core.state.last_height >= 1);
    pool_init(pool, &r->genesis);
    return r;
}

static void done(struct rig *r)
{
    arena_close(&pool->store);
    arena_close(&pool->inbox);
    arena_close(&pool->conflicts);
    arena_close(&pool->scratch);
    arena_close(&pool->work);
    arena_close(&pool->state);
    rig_free(r);
}

static void conflict(struct rig *r, int validator)
{
    pool_conflict(pool, rig_vote_make(r, validator, 1, TYPE_PREVOTE, 0, 'A'),
                  rig_vote_make(r, validator, 1, TYPE_PREVOTE, 0, '-'));
}

/* The state after height 1, whatever the cores have reached. */
static struct chain_state *state_at(struct rig *r, int64_t height)
{
    struct chain_state *s = arena_new(&test_arena, struct chain_state);

    must(state_copy(s, &r->nodes[0].core.state, &test_arena));
    s->last_height = height;
    return s;
}

static const struct signed_header *header_at(struct chain_state *s)
{
    struct signed_header *h = arena_new(&test_arena, struct signed_header);

    h->header         = arena_new(&test_arena, struct header);
    h->header->height = s->last_height;
    h->header->time   = s->last_time;
    return h;
}

static struct evidence_list pending(void)
{
    struct evidence_list l;

    must(pool_pending(pool, -1, &l, &test_arena));
    return l;
}

TEST(two_votes_become_evidence_with_their_block)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 }, l;
    struct chain_state  *s    = state_at(r, 1);

    conflict(r, 2);
    conflict(r, 2);
    CHECK_EQ(pool->count, 0, "the time of its block is not known yet");
    pool_update(pool, s, &none);
    CHECK_EQ(said[POOL_SAVE], 1, "once");
    l = pending();
    CHECK_EQ(l.evidence.n, 1);
    CHECK_EQ(stamp_cmp(evidence_time(&l.evidence.v[0]), s->last_time), 0);
    CHECK_EQ(duplicate_vote_verify(l.evidence.v[0].duplicate_vote_evidence,
                                   s->chain_id, &s->last_validators,
                                   &test_arena),
             ACCEPT);
    conflict(r, 3);
    CHECK_EQ(pool->count, 2, "of the last height: at once");
    must(pool_pending(pool, 10, &l, &test_arena));
    CHECK_EQ(l.evidence.n, 0, "no room in the block");

    l = pending();
    pool_update(pool, state_at(r, 2), &l);
    CHECK_EQ(pool->count, 0);
    CHECK_EQ(said[POOL_COMMITTED], 2);
    CHECK_EQ(said[POOL_DROP], 2);
    done(r);
}

TEST(evidence_expires_by_blocks_and_time)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 };
    struct evidence_list l;
    uint64_t             cursor = 0;
    struct chain_state  *s      = state_at(r, 1);

    conflict(r, 1);
    pool_update(pool, s, &none);
    l                                     = pending();
    s->params.evidence.max_age_num_blocks = 10;
    s->params.evidence.max_age_duration   = 1000000000;
    s->last_height                        = 20;
    pool_update(pool, s, &none);
    CHECK_EQ(pool->count, 1, "old in blocks only");
    s->last_height = 21;
    s->last_time   = stamp_add(s->last_time, 2000000000);
    pool_update(pool, s, &none);
    CHECK_EQ(pending().evidence.n, 0);
    CHECK_EQ(pool_next(pool, &cursor, 22, &test_arena).n, 0);
    pool_check(pool, &l, false);
    CHECK_EQ(last.verdict, POOL_VALID,
             "from those who have not noticed, for a while");
    s->last_height = 40;
    s->last_time   = stamp_add(s->last_time, 12000000000);
    pool_update(pool, s, &none);
    CHECK_EQ(pool->count, 0);
    facts.common     = header_at(state_at(r, 1));
    facts.validators = &s->last_validators;
    pool_check(pool, &l, false);
    CHECK_EQ(last.verdict, POOL_INVALID, "then nobody proposes it");
    pool_check(pool, &l, true);
    CHECK_EQ(last.verdict, POOL_VALID, "but +2/3 may have decided it");
    CHECK(pool_hear(pool, 3, pb_encode(&evidence_list_desc, &l, &test_arena)));
    CHECK_EQ(said[POOL_PUNISH], 0, "a peer may not know how old it is");
    done(r);
}

TEST(evidence_of_others_is_verified)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 }, l;
    struct chain_state  *s    = state_at(r, 1);
    struct span          bytes;
    uint64_t             cursor = 0;

    conflict(r, 2);
    pool_update(pool, s, &none);
    l     = pending();
    bytes = pool_next(pool, &cursor, 1, &test_arena);
    CHECK_EQ(bytes.n, 0, "the peer is not above its height");
    cursor = 0;
    bytes  = pool_next(pool, &cursor, 2, &test_arena);
    CHECK(bytes.n > 0);
    CHECK_EQ(pool_next(pool, &cursor, 2, &test_arena).n, 0, "once");

    pool_init(pool, &r->genesis);
    pool_update(pool, s, &none);
    CHECK(pool_hear(pool, 7, bytes));
    CHECK_EQ(said[POOL_LOAD], 1);
    CHECK_EQ(said[POOL_PUNISH], 0, "we may not have that height");
    facts.common     = header_at(s);
    facts.validators = &s->last_validators;
    CHECK(pool_hear(pool, 7, bytes));
    CHECK_EQ(pool->count, 1);
    CHECK(pool_hear(pool, 7, bytes));
    CHECK_EQ(said[POOL_LOAD], 2, "pending evidence is not looked up");

    l.evidence.v[0].duplicate_vote_evidence->validator_power++;
    CHECK(pool_hear(pool, 7, pb_encode(&evidence_list_desc, &l, &test_arena)));
    CHECK_EQ(said[POOL_PUNISH], 1);
    CHECK_EQ(last.peer, 7);
    CHECK(!pool_hear(pool, 7, span_str("nonsense")));
    l.evidence.v[0].duplicate_vote_evidence->vote_a = NULL;
    CHECK(!pool_hear(pool, 7, pb_encode(&evidence_list_desc, &l, &test_arena)));
    done(r);
}

TEST(evidence_of_a_block_is_new_and_true)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 }, l, twice;
    struct chain_state  *s    = state_at(r, 1);

    conflict(r, 2);
    pool_update(pool, s, &none);
    l                = pending();
    twice.evidence.n = 2;
    twice.evidence.v = (struct evidence[]){ l.evidence.v[0], l.evidence.v[0] };
    pool_check(pool, &l, false);
    CHECK_EQ(last.verdict, POOL_VALID);
    pool_check(pool, &twice, false);
    CHECK_EQ(last.verdict, POOL_INVALID, "twice in one block");

    pool_init(pool, &r->genesis);
    pool_update(pool, s, &none);
    facts.common       = header_at(s);
    facts.validators   = &s->last_validators;
    facts.is_committed = true;
    pool_check(pool, &l, false);
    CHECK_EQ(last.verdict, POOL_INVALID, "in an earlier block");
    facts.is_committed = false;
    is_late            = true;
    pool_check(pool, &l, false);
    CHECK_EQ(last.kind, POOL_LOAD);
    pool_loaded(pool, &facts);
    CHECK_EQ(last.kind, POOL_CHECKED);
    CHECK_EQ(last.verdict, POOL_VALID);
    CHECK_EQ(pool->count, 1);
    pool_check(pool, &none, false);
    CHECK_EQ(last.verdict, POOL_VALID, "nothing is always true");
    done(r);
}

TEST(pending_evidence_outlives_a_restart)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 };
    struct chain_state  *s    = state_at(r, 1);
    struct span          bytes;

    conflict(r, 2);
    pool_update(pool, s, &none);
    bytes = pb_encode(&evidence_desc, &pending().evidence.v[0], &test_arena);
    pool_init(pool, s);
    CHECK_EQ(pool->count, 0);
    CHECK(pool_restore(pool, bytes));
    CHECK_EQ(pool->count, 1);
    CHECK(!pool_restore(pool, span_str("x")));
    done(r);
}

TEST(what_conflicts_will_be_can_be_saved_with_their_block)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 }, told;
    struct chain_state  *s    = state_at(r, 1);
    struct span          bytes;

    CHECK(pool_foretell(pool, s, &told, &test_arena));
    CHECK_EQ(told.evidence.n, 0);
    conflict(r, 2);
    CHECK(pool_foretell(pool, state_at(r, 2), &told, &test_arena));
    CHECK_EQ(told.evidence.n, 0, "of another height");
    CHECK(pool_foretell(pool, s, &told, &test_arena));
    CHECK_EQ(told.evidence.n, 1);
    bytes = pb_encode(&evidence_desc, &told.evidence.v[0], &test_arena);
    pool_update(pool, s, &none);
    CHECK_BYTES(bytes, pb_encode(&evidence_desc, &pending().evidence.v[0],
                                 &test_arena));
    done(r);
}

TEST(peers_cannot_keep_a_block_from_being_checked)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 }, l;
    struct chain_state  *s    = state_at(r, 1);
    struct span          bytes;
    size_t               n = 0;

    conflict(r, 2);
    pool_update(pool, s, &none);
    l     = pending();
    bytes = pb_encode(&evidence_list_desc, &l, &test_arena);
    pool_init(pool, &r->genesis);
    pool_update(pool, s, &none);
    is_late = true;
    for (uint64_t peer = 1; peer <= 20; peer++)
        for (int i = 0; i < 20; i++)
            CHECK(pool_hear(pool, peer, bytes));
    CHECK_EQ(pool->job_count, POOL_JOBS_MAX);
    CHECK_EQ(said[POOL_LOAD], 1, "one question at a time");
    CHECK(!pool_ask(pool, 1, &l.evidence.v[0]), "no room");
    pool_check(pool, &l, false);
    facts.common     = header_at(s);
    facts.validators = &s->last_validators;
    is_late          = false;
    pool_loaded(pool, &facts);
    CHECK_EQ(said[POOL_CHECKED], 1);
    CHECK_EQ(pool->job_count, 0, "and the rest is done");
    CHECK_EQ(pool->inbox.used, 0);
    CHECK_EQ(pool->count, 1);

    /* The inbox does not fill up when it is never empty. */
    pool_init(pool, &r->genesis);
    pool_update(pool, s, &none);
    is_late = true;
    CHECK(pool_hear(pool, 1, bytes));
    for (int i = 0; i < 3; i++)
        CHECK(pool_hear(pool, (uint64_t)i, bytes));
    facts.common     = NULL;
    facts.validators = NULL;
    for (int i = 0; i < 40000; i++) {
        pool_loaded(pool, &facts);
        CHECK(pool_hear(pool, (uint64_t)i, bytes));
        n += bytes.n;
        CHECK_EQ(pool->job_count, 4);
    }
    CHECK(n > 2 * pool->inbox.cap);
    done(r);
}

TEST(whoever_asks_is_answered)
{
    struct rig          *r    = scene();
    struct evidence_list none = { 0 }, l;
    struct chain_state  *s    = state_at(r, 1);

    conflict(r, 2);
    pool_update(pool, s, &none);
    l = pending();
    pool_init(pool, &r->genesis);
    pool_update(pool, s, &none);
    CHECK(pool_ask(pool, 5, &l.evidence.v[0]));
    CHECK_EQ(last.kind, POOL_ANSWER);
    CHECK_EQ(last.peer, 5);
    CHECK(last.text && last.facts == &facts, "not here");
    facts.common     = header_at(s);
    facts.validators = &s->last_validators;
    CHECK(pool_ask(pool, 6, &l.evidence.v[0]));
    CHECK_EQ(last.kind, POOL_ANSWER);
    CHECK(!last.text);
    CHECK_EQ(pool->count, 1);
    CHECK(pool_ask(pool, 6, &l.evidence.v[0]));
    CHECK_EQ(said[POOL_ANSWER], 3);
    CHECK(!last.text, "pending already");
    l.evidence.v[0].duplicate_vote_evidence->total_voting_power++;
    CHECK(pool_ask(pool, 6, &l.evidence.v[0]));
    CHECK(last.text);
    CHECK_EQ(said[POOL_PUNISH], 0);
    done(r);
}
