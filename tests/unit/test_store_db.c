/* The store's database: what was saved is read back, batches hold or fail as
 * one, damage and full disks are said. */
#include "test.h"

#include "made_chain.h"
#include "store/db.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define A (&test_arena)

static char              dir[64];
static struct made_chain chain;
static struct db         db;
static uint8_t           genesis_hash[32] = { 1, 2, 3 };

static struct binding binding(const char *chain_id, int64_t initial)
{
    return (struct binding){ span_str(chain_id), SPAN_OF(genesis_hash),
                             initial };
}

static void dir_make(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_store_db.XXXXXX");
    must(mkdtemp(dir));
}

static void dir_remove(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    must(system(command) == 0);
}

static void setup(int64_t initial, size_t validators)
{
    struct binding b = binding("made", initial);

    dir_make();
    made_open(&chain, "made", initial, validators);
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
    db_close(&db);
    made_close(&chain);
    dir_remove();
}

static enum err save_block(const struct made_height *m)
{
    struct block_to_save b = { m->height, m->block_id, m->block, m->commit,
                               SPAN(NULL, 0) };
    enum err             e = db_save_block(&db, &b, A);

    return e == OK ? db_save_results(&db, m->height, m->results, A) : e;
}

/* As consensus does: block and results synced, the state not. */
static enum err save(const struct made_height *m)
{
    enum err e = save_block(m);

    if (e == OK)
        e = db_commit(&db);
    if (e == OK)
        e = db_save_state(&db, m->height, m->state, false);
    arena_reset(A);
    return e;
}

/* Everything about a height, against what was made. */
static void check_height(const struct made_height *m, bool has_next)
{
    struct span       s;
    struct found_tx   tx;
    struct block_meta meta;
    int64_t           height;
    bool              is_canonical;
    struct hash       h;

    CHECK_EQ(db_get_block(&db, m->height, &s), OK);
    CHECK(span_eq(s, m->block), "block %d", (int)m->height);
    CHECK_EQ(db_get_meta(&db, m->height, &s), OK);
    CHECK_EQ(pb_decode(&block_meta_desc, &meta, A, s), ACCEPT);
    CHECK_EQ(meta.num_txs, m->txs.n);
    CHECK_EQ(db_find_block(&db, &m->hash, &height, A), OK);
    CHECK_EQ(height, m->height);
    CHECK_EQ(db_get_results(&db, m->height, &s, A), OK);
    CHECK(span_eq(s, m->results), "results %d", (int)m->height);
    CHECK_EQ(db_get_commit(&db, m->height, &s, &is_canonical, A), OK);
    CHECK_BYTES(s, m->commit);
    CHECK_EQ(is_canonical, has_next);
    CHECK_EQ(db_get_validators(&db, m->height, &s, A), OK);
    CHECK_BYTES(s, m->validators, "validators %d", (int)m->height);
    CHECK_EQ(db_get_validators(&db, m->height + 1, &s, A), OK);
    CHECK_BYTES(s, m->next_validators, "validators %d", (int)m->height + 1);
    CHECK_EQ(db_get_params(&db, m->height, &s), OK);
    CHECK_BYTES(s, m->params);
    for (size_t i = 0; i < m->txs.n; i += 1 + m->txs.n / 7) {
        tx_hash(&h, m->txs.v[i]);
        CHECK_EQ(db_get_tx(&db, &h, &tx), OK);
        CHECK_EQ(tx.height, m->height);
        CHECK_EQ(tx.index, i);
        CHECK(span_eq(tx.tx, m->txs.v[i]));
        CHECK(tx.result.n > 0);
    }
    db_end(&db);
    arena_reset(A);
}

TEST(every_height_is_read_back_also_after_reopening)
{
    enum { N = 700 };
    static struct made_height m[N];
    struct span               s;

    setup(1, 4);
    for (int i = 0; i < N; i++) {
        m[i] = made_next(&chain, (size_t)i % 9, 60,
                         i == 100   ? 900
                         : i == 333 ? 0
                                    : -1);
        CHECK_EQ(save(&m[i]), OK, "%s", db.why);
        if (i % 50 == 49)
            check_height(&m[i - 20], true);
    }
    CHECK_EQ(db.heads.height, N);
    CHECK_EQ(db.heads.state, N);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i += 3)
            check_height(&m[i], i + 1 < N);
        check_height(&m[N - 1], false);
        CHECK_EQ(db_get_validators(&db, N + 3, &s, A), OK);
        CHECK_EQ(s.n, 0, "not known yet");
        CHECK_EQ(db_get_validators(&db, N + 2, &s, A), OK);
        CHECK(s.n > 0);
        CHECK_EQ(db_get_params(&db, N + 2, &s), OK);
        CHECK_EQ(s.n, 0);
        CHECK_BYTES(buf_span(&db.state), m[N - 1].state);
        reopen();
    }
    teardown();
}

TEST(a_chain_may_begin_above_one)
{
    struct made_height m[3];
    struct span        s;

    setup(1000, 3);
    for (int i = 0; i < 3; i++) {
        m[i] = made_next(&chain, 1, 20, -1);
        CHECK_EQ(save(&m[i]), OK, "%s", db.why);
    }
    CHECK_EQ(db.heads.lowest, 1000);
    for (int i = 0; i < 3; i++)
        check_height(&m[i], i < 2);
    CHECK_EQ(db_get_validators(&db, 999, &s, A), OK);
    CHECK_EQ(s.n, 0);
    teardown();
}

TEST(what_does_not_follow_is_refused_and_repeats_are_fine)
{
    struct made_height m[4];
    struct made_chain  other;

    setup(1, 3);
    for (int i = 0; i < 4; i++)
        m[i] = made_next(&chain, 1, 20, -1);
    CHECK_EQ(save(&m[1]), ERR_FAILED);
    CHECK_STR(db.why, "block 2 does not follow block 0");
    CHECK_EQ(save(&m[0]), OK);
    CHECK_EQ(save(&m[0]), OK, "the same once more");
    CHECK_EQ(db_save_state(&db, 2, m[1].state, false), ERR_FAILED);
    CHECK_EQ(db_save_state(&db, 1, m[1].state, false), ERR_FAILED);
    CHECK_EQ(db_save_results(&db, 2, m[1].results, A), ERR_FAILED);
    CHECK_EQ(save(&m[2]), ERR_FAILED);
    CHECK_EQ(save(&m[1]), OK);
    made_open(&other, "made", 1, 3);
    other.random = 99;
    made_next(&other, 1, 20, -1);
    m[3] = made_next(&other, 1, 20, -1);
    CHECK_EQ(save(&m[3]), ERR_FAILED);
    CHECK_STR(db.why, "another block is stored at height 2");
    check_height(&m[1], false);
    made_close(&other);
    teardown();
}

TEST(a_batch_that_is_undone_leaves_no_trace)
{
    struct made_height m[6];
    struct found_tx    tx;
    struct hash        h;
    int64_t            height;

    setup(1, 3);
    for (int i = 0; i < 6; i++)
        m[i] = made_next(&chain, 3, 20, i == 2 ? 77 : -1);
    CHECK_EQ(save(&m[0]), OK);
    for (int i = 1; i < 4; i++) {
        CHECK_EQ(save_block(&m[i]), OK);
        CHECK_EQ(db_save_state(&db, m[i].height, m[i].state, false), OK);
    }
    db_undo(&db);
    CHECK_EQ(db.heads.height, 1);
    CHECK_EQ(db.heads.state, 1);
    CHECK_BYTES(buf_span(&db.state), m[0].state);
    tx_hash(&h, m[2].txs.v[0]);
    CHECK_EQ(db_get_tx(&db, &h, &tx), OK);
    CHECK_EQ(tx.height, 0);
    CHECK_EQ(db_find_block(&db, &m[2].hash, &height, A), OK);
    CHECK_EQ(height, 0);
    db_end(&db);
    /* The state that waited before the batch still waits. */
    for (int i = 1; i < 6; i++) {
        CHECK_EQ(save_block(&m[i]), OK);
        CHECK_EQ(db_save_state(&db, m[i].height, m[i].state, false), OK);
    }
    CHECK_EQ(db_commit(&db), OK);
    reopen();
    for (int i = 0; i < 6; i++)
        check_height(&m[i], i < 5);
    teardown();
}

TEST(an_unsynced_state_is_lost_with_the_process_and_saved_again)
{
    struct made_height m[3];
    struct db          copy;

    setup(1, 3);
    for (int i = 0; i < 3; i++)
        m[i] = made_next(&chain, 2, 20, -1);
    CHECK_EQ(save(&m[0]), OK);
    CHECK_EQ(save(&m[1]), OK);
    /* As after kill -9: opened anew without a word. */
    copy = db;
    kv_close(copy.kv);
    CHECK_EQ(db_open(&db, dir, true), OK);
    CHECK_EQ(db.heads.height, 2);
    CHECK_EQ(db.heads.state, 1, "synced with block 2");
    CHECK_EQ(db_save_state(&db, 2, m[1].state, false), OK);
    CHECK_EQ(save(&m[2]), OK);
    check_height(&m[1], true);
    runs_close(&copy.runs);
    for (size_t i = 0; i < copy.pending_count; i++)
        buf_fini(&copy.pending[i].bytes);
    buf_fini(&copy.state);
    buf_fini(&copy.next_state);
    free(copy.memory);
    free(copy.staged);
    teardown();
}

TEST(another_chain_is_refused)
{
    struct binding b;

    setup(1, 3);
    b = binding("made", 1);
    CHECK_EQ(db_bind(&db, &b), OK);
    b = binding("other", 1);
    CHECK_EQ(db_bind(&db, &b), ERR_CHAIN);
    reopen();
    CHECK_EQ(db_bind(&db, &b), ERR_CHAIN);
    CHECK(strstr(db.why, "holds the other chain \"made\""), "%s", db.why);
    b = binding("made", 2);
    CHECK_EQ(db_bind(&db, &b), ERR_CHAIN);
    genesis_hash[0]++;
    b = binding("made", 1);
    CHECK_EQ(db_bind(&db, &b), ERR_CHAIN);
    CHECK(strstr(db.why, "another genesis of chain \"made\""), "%s", db.why);
    teardown();
}

/* ---- transactions ---- */

TEST(a_transaction_seen_twice_is_the_one_that_succeeded_last)
{
    struct made_height m;
    struct found_tx    tx;
    struct hash        h, failed;
    struct span        same[10];

    setup(1, 3);
    m = made_next(&chain, 10, 30, -1); /* 4 and 9 fail */
    memcpy(same, m.txs.v, sizeof same);
    CHECK_EQ(save(&m), OK);
    tx_hash(&h, same[3]);
    tx_hash(&failed, same[4]);
    /* The same transactions one place further: 3 fails now, 4 succeeds. */
    chain.state.last_height = 1;
    for (int round = 0; round < 2; round++) {
        struct span txs[10] = { same[9], same[0], same[1], same[2], same[4],
                                same[3], same[5], same[6], same[7], same[8] };
        struct abci_tx_result          results[10] = { 0 };
        struct abci_res_finalize_block f = { .tx_results = { results, 10 } };
        struct block                  *b;
        struct part_set                parts;
        struct block_id                id;
        struct block_to_save           s;

        results[round == 0 ? 5 : 4].code = 1; /* of same[3], of same[4] */
        b = state_make_block(&chain.state, 2 + round, txs, 10, chain.last, NULL,
                             0, SPAN_OF(chain.state.validators.v[0].address),
                             A);
        s = (struct block_to_save){ .height = 2 + round,
                                    .block  = pb_encode(&block_desc, b, A) };
        must(part_set_from_bytes(&parts, s.block, A));
        must(block_id_make(&id, &b->header, &parts, A));
        s.block_id         = pb_encode(&block_id_desc, &id, A);
        chain.last->height = 2 + round;
        s.seen_commit      = pb_encode(&commit_desc, chain.last, A);
        CHECK_EQ(db_save_block(&db, &s, A), OK, "%s", db.why);
        CHECK_EQ(
            db_save_results(&db, 2 + round,
                            pb_encode(&abci_res_finalize_block_desc, &f, A), A),
            OK);
        CHECK_EQ(db_commit(&db), OK);
        chain.state.last_height = 2 + round;
        CHECK_EQ(
            db_save_state(&db, 2 + round, state_encode(&chain.state, A), false),
            OK, "%s", db.why);
    }
    CHECK_EQ(db_get_tx(&db, &h, &tx), OK);
    CHECK_EQ(tx.height, 3, "1 and 3 succeeded, 2 failed");
    CHECK_EQ(db_get_tx(&db, &failed, &tx), OK);
    CHECK_EQ(tx.height, 2, "1 and 3 failed, 2 succeeded");
    db_end(&db);
    teardown();
}

TEST(a_transaction_is_visible_with_its_state)
{
    struct made_height m;
    struct found_tx    tx;
    struct hash        h;

    setup(1, 3);
    m = made_next(&chain, 2, 30, -1);
    tx_hash(&h, m.txs.v[1]);
    CHECK_EQ(save_block(&m), OK);
    CHECK_EQ(db_commit(&db), OK);
    CHECK_EQ(db_get_tx(&db, &h, &tx), OK);
    CHECK_EQ(tx.height, 0);
    CHECK_EQ(db_save_state(&db, 1, m.state, false), OK);
    CHECK_EQ(db_get_tx(&db, &h, &tx), OK);
    CHECK_EQ(tx.height, 1);
    db_end(&db);
    teardown();
}

static void find_all(const struct made_height *m, size_t n)
{
    size_t missing = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m[i].txs.n; k++) {
            struct index_found found = { 0 };
            struct kv_txn     *t;
            struct hash        h;

            tx_hash(&h, m[i].txs.v[k]);
            must(kv_read(&t, db.kv) == OK);
            must(runs_find(&db.runs, t, &found, &h) == OK);
            index_find(&found, db.memory, db.memory_n, &h);
            kv_abort(t);
            missing += !(found.n == 1 &&
                         index_entry_height(&found.v[0]) == m[i].height &&
                         index_entry_index(&found.v[0]) == k);
        }
    }
    CHECK_EQ(missing, 0);
}

TEST(the_index_merges_its_runs_and_loses_nothing)
{
    enum { N = 160, TXS = 2500 };
    static struct made_height m[N];
    size_t                    most = 0;

    setup(1, 1);
    for (int i = 0; i < N; i++) {
        m[i] = made_next(&chain, TXS, 16, -1);
        CHECK_EQ(save(&m[i]), OK, "%s", db.why);
        if (db.runs.n > most)
            most = db.runs.n;
        if (i == 77 || i == 120)
            reopen(); /* in the middle of a merge */
    }
    CHECK(most < 3 * INDEX_FANOUT, "%zu runs", most);
    CHECK(db.runs.n < 2 * INDEX_FANOUT, "%zu runs", db.runs.n);
    find_all(m, N);
    reopen();
    find_all(m, N);
    teardown();
}

/* ---- pruning ---- */

TEST(pruned_blocks_leave_what_evidence_needs)
{
    enum { N = 300 };
    static struct made_height m[N];
    struct span               s;
    uint64_t                  dropped = 0;
    bool                      is_done = false, is_canonical;

    setup(1, 3);
    for (int i = 0; i < N; i++) {
        m[i] = made_next(&chain, 2, 30, i == 150 ? 60 : -1);
        CHECK_EQ(save(&m[i]), OK);
    }
    while (!is_done) {
        CHECK_EQ(db_prune(&db, 250, 200, &dropped, &is_done, A), OK);
        CHECK_EQ(db_commit(&db), OK);
    }
    CHECK_EQ(dropped, 249);
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(db.heads.lowest, 250);
        CHECK_EQ(db.heads.evidence, 200);
        for (int h = 199; h < 251; h++) {
            CHECK_EQ(db_get_block(&db, h, &s), OK);
            CHECK_EQ(s.n > 0, h >= 250, "block %d", h);
            CHECK_EQ(db_get_meta(&db, h, &s), OK);
            CHECK_EQ(s.n > 0, h >= 200, "meta %d", h);
            CHECK_EQ(db_get_commit(&db, h, &s, &is_canonical, A), OK);
            CHECK_EQ(s.n > 0, h >= 200, "commit %d", h);
            if (h >= 200) {
                CHECK_BYTES(s, m[h - 1].commit);
                CHECK(is_canonical);
                CHECK_EQ(db_get_validators(&db, h, &s, A), OK);
                CHECK_BYTES(s, m[h - 1].validators, "set %d", h);
                CHECK_EQ(db_get_params(&db, h, &s), OK);
                CHECK_BYTES(s, m[h - 1].params);
            }
        }
        CHECK_EQ(db_get_validators(&db, 100, &s, A), OK);
        CHECK_EQ(s.n, 0);
        for (int i = 249; i < N; i++)
            check_height(&m[i], i + 1 < N);
        reopen();
    }
    CHECK_EQ(db_prune(&db, N + 1, 1, &dropped, &is_done, A), ERR_FAILED);
    CHECK_EQ(db_prune(&db, 10, 1, &dropped, &is_done, A), OK, "nothing to do");
    CHECK(is_done);
    teardown();
}

/* ---- damage ---- */

/* Flip a bit where the bytes of needle stand in the file; how often. */
static int flip(struct span needle)
{
    char        path[96];
    int         fd, found = 0;
    struct stat st;
    uint8_t    *file;

    snprintf(path, sizeof path, "%s/data.mdb", dir);
    fd = open(path, O_RDWR);
    must(fd >= 0 && fstat(fd, &st) == 0);
    file = malloc((size_t)st.st_size);
    must(pread(fd, file, (size_t)st.st_size, 0) == st.st_size);
    for (uint8_t *p = file;
         (p = memmem(p, (size_t)(file + st.st_size - p), needle.p, needle.n));
         p++, found++) {
        uint8_t byte = p[needle.n / 2] ^ 0x10;

        must(pwrite(fd, &byte, 1, p - file + (ptrdiff_t)needle.n / 2) == 1);
    }
    close(fd);
    free(file);
    return found;
}

TEST(a_flipped_bit_is_refused_at_start_or_when_it_is_read)
{
    enum { N = 150 };
    static struct made_height m[N];
    struct span               s;
    struct found_tx           tx;
    struct hash               h;

    setup(1, 3);
    for (int i = 0; i < N; i++) {
        m[i] = made_next(&chain, 3, 40, -1);
        CHECK_EQ(save(&m[i]), OK);
    }
    db_close(&db);
    CHECK(flip(m[9].txs.v[1]) > 0); /* an old block */
    CHECK_EQ(db_open(&db, dir, true), ERR_CORRUPT,
             "its hashes are to be read again at start");
    CHECK(flip(SPAN(m[9].txs.v[1].p, 10)) > 0);
    dir_remove();
    made_close(&chain);

    /* The same, where the index is on disk already. */
    setup(1, 3);
    for (int i = 0; i < N; i++) {
        m[i] = made_next(&chain, 60, 40, -1);
        CHECK_EQ(save(&m[i]), OK);
    }
    db_close(&db);
    CHECK(flip(m[9].txs.v[1]) > 0);
    CHECK_EQ(db_open(&db, dir, true), OK);
    CHECK_EQ(db_get_block(&db, 10, &s), ERR_CORRUPT);
    tx_hash(&h, m[9].txs.v[2]);
    CHECK_EQ(db_get_tx(&db, &h, &tx), ERR_CORRUPT);
    tx_hash(&h, m[10].txs.v[2]);
    CHECK_EQ(db_get_tx(&db, &h, &tx), OK);
    CHECK_EQ(tx.height, 11, "others are fine");
    db_close(&db);
    CHECK(flip(m[N - 1].txs.v[1]) > 0); /* the newest block */
    CHECK_EQ(db_open(&db, dir, true), ERR_CORRUPT);
    made_close(&chain);
    dir_remove();
}

/* In a child, since LMDB may fault: ERR_CORRUPT for whatever is refused, 0
 * when all is as it was made, 99 for a wrong answer. */
static int read_all(const struct made_height *m, int n)
{
    int worst = db_open(&db, dir, true);

    for (int i = 0; i < n && worst != 99 && db.kv; i++) {
        struct span     s[4];
        struct found_tx tx = { 0 };
        struct hash     h;
        bool            is_canonical;
        enum err        e[5];

        tx_hash(&h, m[i].txs.v[0]);
        e[0] = db_get_block(&db, i + 1, &s[0]);
        e[1] = db_get_results(&db, i + 1, &s[1], A);
        e[2] = db_get_commit(&db, i + 1, &s[2], &is_canonical, A);
        e[3] = db_get_meta(&db, i + 1, &s[3]);
        e[4] = db_get_tx(&db, &h, &tx);
        for (int k = 0; k < 5; k++)
            worst = e[k] ? (int)e[k] : worst;
        if ((!e[0] && !span_eq(s[0], m[i].block)) ||
            (!e[1] && !span_eq(s[1], m[i].results)) ||
            (!e[2] && !span_eq(s[2], m[i].commit)) ||
            (!e[4] && tx.height != i + 1))
            worst = 99;
        db_end(&db);
    }
    return worst;
}

static int read_all_apart(const struct made_height *m, int n)
{
    pid_t pid = fork();
    int   status;

    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(98);
        _exit(read_all(m, n));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

TEST(a_bit_flipped_anywhere_is_harmless_or_said)
{
    enum { N = 120, FLIPS = 250 };
    static struct made_height m[N];
    char                      path[96];
    struct stat               st;
    int                       fd, said = 0;

#ifdef __SANITIZE_ADDRESS__
    skip("the sanitizer takes the signals");
    return;
#endif
    setup(1, 3);
    for (int i = 0; i < N; i++) {
        m[i] = made_next(&chain, 1 + (size_t)i % 60, 40, -1);
        CHECK_EQ(save(&m[i]), OK);
    }
    db_close(&db);
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    fd = open(path, O_RDWR);
    must(fd >= 0 && fstat(fd, &st) == 0);
    srand(1);
    for (int i = 0; i < FLIPS; i++) {
        /* Every other one where LMDB's own words are. */
        off_t   page = rand() % (st.st_size / 4096) * 4096;
        off_t   at   = page + rand() % (i % 2 ? 40 : 4096);
        uint8_t byte, bit = (uint8_t)(1 << rand() % 8);
        int     code;

        must(pread(fd, &byte, 1, at) == 1);
        byte ^= bit;
        must(pwrite(fd, &byte, 1, at) == 1);
        code = read_all_apart(m, N);
        CHECK(code == 0 || code == ERR_CORRUPT, "bit %d of byte %ld: %d", bit,
              (long)at, code);
        said += code != 0;
        byte ^= bit;
        must(pwrite(fd, &byte, 1, at) == 1);
    }
    CHECK(said > FLIPS / 4, "%d were said", said);
    CHECK_EQ(read_all_apart(m, N), 0);
    close(fd);
    made_close(&chain);
    dir_remove();
}

TEST(a_damaged_state_is_refused_at_start)
{
    struct made_height m;

    setup(1, 3);
    m = made_next(&chain, 3, 40, -1);
    CHECK_EQ(save(&m), OK);
    db_close(&db);
    CHECK(flip(SPAN(m.state.p, 60)) > 0);
    CHECK_EQ(db_open(&db, dir, true), ERR_CORRUPT);
    made_close(&chain);
    dir_remove();
}

TEST(a_full_disk_refuses_to_save_and_goes_on_when_there_is_room)
{
    static struct made_height m[400];
    enum err                  e = OK;
    int                       n = 0;

    dir_make();
    if (mount("tmpfs", dir, "tmpfs", 0, "size=12m") != 0) {
        dir_remove();
        skip("mounting a small file system needs root");
        return;
    }
    made_open(&chain, "made", 1, 3);
    struct binding b = binding("made", 1);
    CHECK_EQ(db_open(&db, dir, true), OK);
    CHECK_EQ(db_bind(&db, &b), OK);
    CHECK_EQ(db_save_state(&db, 0, made_genesis_state(&chain), true), OK);
    for (; n < 400 && e == OK; n++) {
        m[n] = made_next(&chain, 100, 1000, -1);
        e    = save(&m[n]);
    }
    n--;
    CHECK_EQ(e, ERR_DISK);
    CHECK(n > 50, "%d", n);
    CHECK_EQ(db.heads.height, n);
    CHECK_EQ(save(&m[n]), ERR_DISK, "still");
    for (int i = 0; i < n; i += 7)
        check_height(&m[i], i + 1 < n);
    CHECK_EQ(mount(NULL, dir, NULL, MS_REMOUNT, "size=40m"), 0);
    CHECK_EQ(save(&m[n]), OK);
    reopen();
    for (int i = 0; i <= n; i += 7)
        check_height(&m[i], i < n);
    db_close(&db);
    made_close(&chain);
    CHECK_EQ(umount(dir), 0);
    dir_remove();
}
