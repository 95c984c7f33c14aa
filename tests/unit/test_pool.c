/* Evidence from two votes to the block that punishes it. */
#include "consensus/pool.h"
#include "rig.h"

enum { ARENA_BYTES = 4 << 20 };

static struct pool       *pool;
static size_t             said[POOL_PUNISH + 1];
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
    struct chain_state  *s    = state_at(r, 1);

    conflict(r, 1);
    pool_update(pool, s, &none);
    s->params.evidence.max_age_num_blocks = 10;
    s->params.evidence.max_age_duration   = 1000000000;
    s->last_height                        = 20;
    pool_update(pool, s, &none);
    CHECK_EQ(pool->count, 1, "old in blocks only");
    s->last_height = 21;
    s->last_time   = stamp_add(s->last_time, 2000000000);
    pool_update(pool, s, &none);
    CHECK_EQ(pool->count, 0);
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
    pool_check(pool, &l);
    CHECK_EQ(last.verdict, POOL_VALID);
    pool_check(pool, &twice);
    CHECK_EQ(last.verdict, POOL_INVALID, "twice in one block");

    pool_init(pool, &r->genesis);
    pool_update(pool, s, &none);
    facts.common       = header_at(s);
    facts.validators   = &s->last_validators;
    facts.is_committed = true;
    pool_check(pool, &l);
    CHECK_EQ(last.verdict, POOL_INVALID, "in an earlier block");
    facts.is_committed = false;
    is_late            = true;
    pool_check(pool, &l);
    CHECK_EQ(last.kind, POOL_LOAD);
    pool_loaded(pool, &facts);
    CHECK_EQ(last.kind, POOL_CHECKED);
    CHECK_EQ(last.verdict, POOL_VALID);
    CHECK_EQ(pool->count, 1);
    pool_check(pool, &none);
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
