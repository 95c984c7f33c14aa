/* Evidence in the store: pending until a block commits it, and then for ever;
 * in one transaction with the block, and made again from the blocks. */
#include "test.h"

#include "made_chain.h"
#include "model/evidence.h"
#include "store/db_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define A (&test_arena)

static char              dir[64];
static struct made_chain chain;
static struct db         db;

static void setup(void)
{
    static uint8_t genesis_hash[32] = { 1, 2, 3 };
    struct binding b = { span_str("made"), SPAN_OF(genesis_hash), 1 };

    snprintf(dir, sizeof dir, "/tmp/test_store_evidence.XXXXXX");
    must(mkdtemp(dir));
    made_open(&chain, "made", 1, 4);
    CHECK_EQ(db_open(&db, dir, true), OK);
    CHECK_EQ(db_bind(&db, &b), OK);
    CHECK_EQ(db_save_state(&db, 0, made_genesis_state(&chain), true), OK);
    CHECK_EQ(db_commit(&db), OK);
}

static void reopen(void)
{
    db_close(&db);
    CHECK_EQ(db_open(&db, dir, true), OK);
}

static void teardown(void)
{
    char command[96];

    db_close(&db);
    made_close(&chain);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    must(system(command) == 0);
}

static struct vote *vote(int64_t height, int voter, char block)
{
    struct vote *v = arena_new(A, struct vote);
    struct hash *h = arena_new(A, struct hash);

    must(v && h);
    memset(h, block, sizeof *h);
    *v = (struct vote){
        .type              = TYPE_PREVOTE,
        .height            = height,
        .block_id          = { hash_span(h), { 1, hash_span(h) } },
        .timestamp         = chain.state.last_time,
        .validator_address = SPAN_OF(chain.state.validators.v[voter].address),
        .validator_index   = voter,
        .signature         = span_str("signature"),
    };
    return v;
}

static struct evidence *evidence(int64_t height, int voter)
{
    struct evidence *e =
        duplicate_vote_make(vote(height, voter, 'a'), vote(height, voter, 'b'),
                            chain.state.last_time, &chain.state.validators, A);

    must(e);
    return e;
}

static struct span bytes_of(const struct evidence *e)
{
    return pb_encode(&evidence_desc, e, A);
}

static struct hash hash_of(const struct evidence *e)
{
    struct hash h;

    must(evidence_hash(&h, e, A));
    return h;
}

static void save_with(const struct evidence *e)
{
    struct made_height   m;
    struct block_to_save b = { 0 };

    chain.evidence       = e;
    chain.evidence_count = e != NULL;
    m                    = made_next(&chain, 1, 20, -1);
    b.height             = m.height;
    b.block_id           = m.block_id;
    b.block              = m.block;
    b.seen_commit        = m.commit;
    CHECK_EQ(db_save_block(&db, &b, A), OK);
    CHECK_EQ(db_save_results(&db, m.height, m.results, A), OK);
    CHECK_EQ(db_commit(&db), OK);
    CHECK_EQ(db_save_state(&db, m.height, m.state, false), OK);
}

static void add(const struct evidence *e)
{
    CHECK_EQ(db_add_evidence(&db, bytes_of(e), A), OK);
    CHECK_EQ(db_commit(&db), OK);
}

static size_t pending(struct span **all)
{
    size_t n;

    CHECK_EQ(db_get_pending(&db, all, &n, A), OK);
    return n;
}

static bool is_committed(const struct evidence *e)
{
    struct hash h = hash_of(e);
    bool        is_there;

    CHECK_EQ(db_is_committed(&db, evidence_height(e), &h, &is_there), OK);
    db_end(&db);
    return is_there;
}

TEST(evidence_is_pending_until_a_block_commits_it)
{
    struct evidence *a, *b;
    struct span     *all;
    struct hash      h;

    setup();
    save_with(NULL);
    a = evidence(1, 0);
    b = evidence(1, 1);
    add(a);
    add(b);
    add(b);
    reopen();
    CHECK_EQ(pending(&all), 2);
    CHECK(span_eq(all[0], bytes_of(a)) || span_eq(all[1], bytes_of(a)));
    CHECK(!is_committed(a));

    save_with(a);
    CHECK(is_committed(a));
    CHECK_EQ(pending(&all), 1);
    CHECK_BYTES(all[0], bytes_of(b));
    add(a);
    CHECK_EQ(pending(&all), 1, "what a block has is not pending again");
    reopen();
    CHECK(is_committed(a));
    CHECK_EQ(pending(&all), 1);

    h = hash_of(b);
    CHECK_EQ(db_drop_evidence(&db, 1, &h), OK);
    CHECK_EQ(db_drop_evidence(&db, 1, &h), OK);
    CHECK_EQ(db_commit(&db), OK);
    CHECK_EQ(pending(&all), 0);
    CHECK_EQ(db_add_evidence(&db, span_str("garbage"), A), ERR_FAILED);
    teardown();
}

TEST(a_block_that_is_undone_commits_nothing)
{
    struct evidence     *a;
    struct made_height   m;
    struct block_to_save b = { 0 };
    struct span         *all;

    setup();
    save_with(NULL);
    a = evidence(1, 0);
    add(a);
    chain.evidence       = a;
    chain.evidence_count = 1;
    m                    = made_next(&chain, 1, 20, -1);
    b                    = (struct block_to_save){
                           m.height, m.block_id, m.block, m.commit, { 0 }
    };
    CHECK_EQ(db_save_block(&db, &b, A), OK);
    db_undo(&db);
    CHECK(!is_committed(a));
    CHECK_EQ(pending(&all), 1);
    teardown();
}

TEST(facts_are_those_of_the_height)
{
    struct evidence   *a;
    struct proof_facts f;
    struct hash        h;

    setup();
    save_with(NULL);
    save_with(NULL);
    a = evidence(1, 0);
    h = hash_of(a);
    CHECK_EQ(db_get_facts(&db, &f, 1, &h, 2, A), OK);
    CHECK(f.meta.n > 0 && f.commit.n > 0 && f.validators.n > 0);
    CHECK(f.other_meta.n > 0);
    CHECK_EQ(f.other_commit.n, 0, "the commit of the last block is not final");
    db_end(&db);
    CHECK_EQ(db_get_facts(&db, &f, 9, &h, 0, A), OK);
    CHECK_EQ(f.meta.n + f.commit.n + f.validators.n, 0);
    db_end(&db);
    teardown();
}

/* Take a record away, or change it, as damage or an older version would. */
static void break_record(char kind, const struct evidence *e, bool is_flipped)
{
    uint8_t        key[41] = { (uint8_t)kind };
    struct hash    h       = hash_of(e);
    struct span    value;
    struct kv_txn *t;
    uint8_t        copy[4096];

    store_be64(key + 1, (uint64_t)evidence_height(e));
    memcpy(key + 9, h.b, HASH_BYTES);
    must(kv_write(&t, db.kv) == OK);
    must(kv_get(t, TABLE_EVIDENCE, SPAN_OF(key), &value) == OK);
    memcpy(copy, value.p, value.n);
    copy[value.n - 1] ^= 1;
    if (is_flipped)
        must(kv_put(t, TABLE_EVIDENCE, SPAN_OF(key), SPAN(copy, value.n)) ==
             OK);
    else
        must(kv_del(t, TABLE_EVIDENCE, SPAN_OF(key)) == OK);
    must(kv_commit(t) == OK);
}

TEST(what_was_committed_is_made_again_from_the_blocks)
{
    struct evidence *a, *b;
    struct kv_txn   *t;
    struct span     *all;

    setup();
    save_with(NULL);
    a = evidence(1, 0);
    b = evidence(1, 1);
    save_with(a);
    add(b);
    /* As a store that was written before there were marks. */
    break_record('c', a, false);
    must(kv_write(&t, db.kv) == OK);
    must(kv_del(t, TABLE_MAIN, span_str(KEY_EVIDENCE)) == OK);
    must(kv_commit(t) == OK);
    CHECK(!is_committed(a));
    reopen();
    CHECK(is_committed(a), "from the blocks");
    CHECK_EQ(pending(&all), 1);
    db_end(&db);

    break_record('c', a, true);
    break_record('p', b, true);
    reopen();
    CHECK(is_committed(a), "damaged and made again");
    CHECK_EQ(pending(&all), 0, "others will offer it again");
    save_with(NULL);
    reopen();
    CHECK(is_committed(a));
    teardown();
}

TEST(marks_go_with_the_headers_that_they_belong_to)
{
    struct evidence *a, *b;
    struct arena     scratch;
    uint64_t         dropped = 0;
    bool             is_done = false;

    setup();
    save_with(NULL);
    a = evidence(1, 0);
    b = evidence(3, 0);
    save_with(a);
    save_with(NULL);
    save_with(b);
    for (int i = 0; i < 6; i++)
        save_with(NULL);
    arena_open(&scratch, DECODE_ARENA_BYTES);
    while (!is_done) {
        CHECK_EQ(db_prune(&db, 6, 3, &dropped, &is_done, &scratch), OK);
        CHECK_EQ(db_commit(&db), OK);
    }
    arena_close(&scratch);
    CHECK(!is_committed(a), "nobody can show a header of its height");
    CHECK(is_committed(b), "though its block is gone");
    reopen();
    CHECK(is_committed(b));
    teardown();
}
