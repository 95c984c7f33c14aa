/* The ledger's database over LMDB: heights, proofs, restarts. */
#include "test.h"

#include "ics23/ops.h"
#include "kv/kv.h"
#include "ledger/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHAIN span_str("test-chain")

struct fixture {
    char           dir[64];
    struct state  *state;
    struct changes changes;
    struct arena   arena;
};

static void open_state(struct fixture *f, int64_t keep)
{
    struct state_options o = { .cache_bytes = 65536, .keep = keep };

    must(state_open(&f->state, f->dir, &o) == OK);
}

static void fixture_open(struct fixture *f, int64_t keep)
{
    snprintf(f->dir, sizeof f->dir, "/tmp/warren-test-XXXXXX");
    must(mkdtemp(f->dir) != NULL);
    arena_open(&f->arena, 1 << 26);
    open_state(f, keep);
}

static void remove_dir(const char *dir)
{
    char path[128];

    snprintf(path, sizeof path, "%s/data.mdb", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/lock.mdb", dir);
    unlink(path);
    rmdir(dir);
}

static void fixture_close(struct fixture *f)
{
    state_close(f->state);
    arena_close(&f->arena);
    remove_dir(f->dir);
}

/* A block that writes `count` records of its own and the one named "k". */
static struct hash apply_block(struct fixture *f, int64_t height, int count)
{
    char key[32], value[32];

    arena_reset(&f->arena);
    changes_init(&f->changes, &f->arena);
    snprintf(value, sizeof value, "%" PRId64, height);
    for (int s = 0; s < LEDGER_TREES; s++)
        changes_set(&f->changes, (enum ledger_store)s, span_str(FORMAT_KEY),
                    span_str(FORMAT_VALUE));
    changes_set(&f->changes, STORE_RECORDS, span_str("k"), span_str(value));
    changes_set(&f->changes, STORE_HISTORY, span_str(value), span_str("h"));
    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof key, "r%" PRId64 "/%d", height, i);
        changes_set(&f->changes, STORE_RECORDS, span_str(key), span_str(value));
    }
    return state_apply(f->state, &f->changes, height, &test_arena);
}

static struct hash commit_block(struct fixture *f, int64_t height, int count)
{
    struct hash h = apply_block(f, height, count);

    state_commit(f->state, &f->changes, CHAIN);
    return h;
}

static void check_value(struct fixture *f, int64_t height, const char *want)
{
    struct ledger_db db;
    struct span      value = { 0 };

    if (!CHECK(state_at(&db, f->state, height), "height %" PRId64, height))
        return;
    CHECK(db.get(db.ctx, STORE_RECORDS, span_str("k"), &value),
          "height %" PRId64, height);
    CHECK_BYTES(value, span_str(want), "height %" PRId64, height);
    state_rest(f->state);
}

TEST(a_new_state_is_empty_and_readable)
{
    struct fixture   f;
    struct ledger_db db;
    struct span      value;

    fixture_open(&f, 10);
    CHECK_EQ(state_height(f.state), 0);
    CHECK_EQ(state_oldest(f.state), 0);
    CHECK(state_at(&db, f.state, 0));
    CHECK(!db.get(db.ctx, STORE_RECORDS, span_str("k"), &value));
    CHECK(!db.get(db.ctx, STORE_HISTORY, span_str("k"), &value));
    CHECK(!state_at(&db, f.state, 1), "not there yet");
    fixture_close(&f);
}

TEST(what_is_committed_is_found_after_a_restart)
{
    struct fixture f;
    struct hash    want, got;

    fixture_open(&f, 10);
    commit_block(&f, 5, 3);
    want = commit_block(&f, 6, 3);
    state_close(f.state);
    open_state(&f, 10);
    CHECK_EQ(state_height(f.state), 6);
    CHECK_EQ(state_oldest(f.state), 5);
    got = state_app_hash(f.state);
    CHECK(hash_eq(&got, &want), "app hash");
    CHECK_BYTES(state_chain_id(f.state), CHAIN);
    check_value(&f, 5, "5");
    check_value(&f, 6, "6");
    fixture_close(&f);
}

TEST(what_is_only_applied_is_not_there_after_a_restart)
{
    struct fixture f;
    struct hash    want, got;

    fixture_open(&f, 10);
    commit_block(&f, 1, 3);
    want = apply_block(&f, 2, 50);
    check_value(&f, 1, "1");
    state_close(f.state);
    open_state(&f, 10);
    CHECK_EQ(state_height(f.state), 1);
    got = apply_block(&f, 2, 50);
    CHECK(hash_eq(&got, &want), "replayed, with the same hash");
    apply_block(&f, 2, 49);
    got = apply_block(&f, 2, 50);
    CHECK(hash_eq(&got, &want), "applied again in one process");
    state_commit(f.state, &f.changes, CHAIN);
    check_value(&f, 2, "2");
    fixture_close(&f);
}

TEST(only_the_last_heights_are_kept)
{
    struct fixture   f;
    struct ledger_db db;
    char             text[24];

    fixture_open(&f, 4);
    for (int64_t h = 1; h <= 20; h++)
        commit_block(&f, h, 20);
    CHECK_EQ(state_oldest(f.state), 17);
    CHECK(!state_at(&db, f.state, 16), "pruned");
    state_close(f.state);
    open_state(&f, 2);
    commit_block(&f, 21, 1);
    CHECK_EQ(state_oldest(f.state), 20, "fewer are kept from now on");
    for (int64_t h = 20; h <= 21; h++) {
        snprintf(text, sizeof text, "%" PRId64, h);
        check_value(&f, h, text);
    }
    fixture_close(&f);
}

static void check_proof(struct fixture *f, int64_t height,
                        const struct hash *app_hash, const char *key,
                        const char *value)
{
    struct abci_proof_ops ops;
    char                  mem[128];
    struct buf            path;
    const char           *why;
    bool                  is_ok;

    buf_use(&path, mem, sizeof mem);
    ops_keypath(&path, span_str("records"), span_str(key));
    must(state_prove(&ops, f->state, STORE_RECORDS, height, span_str(key),
                     &test_arena));
    is_ok = value ? ops_member(&ops, hash_span(app_hash), buf_span(&path),
                               span_str(value), &test_arena, &why)
                  : ops_absent(&ops, hash_span(app_hash), buf_span(&path),
                               &test_arena, &why);
    CHECK(is_ok, "%s at %" PRId64 ": %s", key, height, is_ok ? "" : why);
    state_rest(f->state);
}

TEST(every_kept_height_proves_what_was_there)
{
    struct fixture f;
    struct hash    hash[4];

    fixture_open(&f, 10);
    for (int64_t h = 1; h <= 3; h++)
        hash[h] = commit_block(&f, h, 10);
    for (int64_t h = 1; h <= 3; h++) {
        char text[24];

        snprintf(text, sizeof text, "%" PRId64, h);
        check_proof(&f, h, &hash[h], "k", text);
        check_proof(&f, h, &hash[h], "r3/5", h < 3 ? NULL : "3");
        check_proof(&f, h, &hash[h], "absent", NULL);
    }
    fixture_close(&f);
}

/* Change one record of a table behind the state's back. */
static void spoil(struct fixture *f, const char *table, const char *key,
                  const char *value)
{
    const char *const names[] = { table };
    struct kv        *kv;
    struct kv_txn    *t;

    must(kv_open(&kv, f->dir, names, 1, KV_SYNC) == OK);
    must(kv_write(&t, kv) == OK);
    must(kv_put(t, 0, span_str(key), span_str(value)) == OK);
    must(kv_commit(t) == OK);
    kv_close(kv);
}

TEST(damage_is_refused_at_the_start)
{
    static const struct {
        const char *table, *key, *value;
    } cases[] = {
        { "chain", "last", "short" },
        { "chain", "last", "\0\0\0\0\0\0\0\x03" },
        { "chain", "last", "----------------------------------------" },
        { "chain", "chain_id", "" },
        { "auth.meta", "r99999999", "x" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct state_options o = { .cache_bytes = 65536, .keep = 10 };
        struct fixture       f;

        fixture_open(&f, 10);
        commit_block(&f, 1, 3);
        state_close(f.state);
        spoil(&f, cases[i].table, cases[i].key, cases[i].value);
        CHECK_EQ(state_open(&f.state, f.dir, &o), ERR_CORRUPT, "case %zu", i);
        arena_close(&f.arena);
        remove_dir(f.dir);
    }
}
