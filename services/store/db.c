#include "store/db.h"

#include "base/log.h"
#include "model/block.h"
#include "store/db_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STATE_BYTES_MAX = 64 << 20,
    CHECK_HEIGHTS   = 100, /* read and checked at the start */
    CHECK_BYTES     = 64 << 20,
};

static const char *const tables[TABLE_COUNT] = { "main", "heights", "sets",
                                                 "runs", "evidence" };

/* ---- records ---- */

enum err db_damaged(const char *what, int64_t height)
{
    return fail(ERR_CORRUPT,
                "%s at height %" PRId64 " is not what was written; restore a "
                "backup, or remove the store and synchronize again",
                what, height);
}

enum err db_refuse(struct db *db, enum err code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(db->why, sizeof db->why, fmt, ap);
    va_end(ap);
    return code;
}

enum err db_put(struct db *db, kv_table table, struct span key,
                struct span payload)
{
    return db_put_flagged(db, table, key, RECORD_PLAIN, payload);
}

enum err db_put_flagged(struct db *db, kv_table table, struct span key,
                        uint8_t flags, struct span payload)
{
    uint8_t *p;
    enum err e =
        kv_reserve(db->batch, table, key, RECORD_HEAD_BYTES + payload.n, &p);

    if (e != OK)
        return e;
    if (payload.n)
        memcpy(p + RECORD_HEAD_BYTES, payload.p, payload.n);
    record_seal(p, key, flags, payload.n);
    db->batch_bytes += payload.n;
    return OK;
}

enum err db_txn(struct db *db, struct kv_txn **t)
{
    enum err e = OK;

    if (!db->batch && !db->reading)
        e = kv_read(&db->reading, db->kv);
    *t = db->batch ? db->batch : db->reading;
    return e;
}

enum err db_get(struct db *db, kv_table table, struct span key,
                struct record *out)
{
    struct kv_txn *t;
    struct span    value = { 0 };
    enum err       e     = db_txn(db, &t);

    if (e == OK)
        e = kv_get(t, table, key, &value);
    if (e != OK || record_open(out, key, value))
        return e;
    if (table == TABLE_MAIN)
        return db_damaged((const char *)key.p, db->heads.height);
    return db_damaged(table == TABLE_SETS ? "a validator or parameter set"
                                          : "a record of the chain",
                      (int64_t)load_be64(key.p + (table == TABLE_SETS)));
}

void db_end(struct db *db)
{
    if (db->reading)
        kv_abort(db->reading);
    db->reading = NULL;
}

/* ---- opening ---- */

/* A page that was lost would read as a store that never had a block. */
static enum err count_main(struct db *db)
{
    static const char *const keys[] = { KEY_BINDING, KEY_HEADS, KEY_STATE,
                                        KEY_SEEN, KEY_EVIDENCE };
    struct kv_txn           *t;
    struct span              v;
    size_t                   want = 0, found = 0;
    enum err                 e = db_txn(db, &t);

    if (e == OK)
        e = kv_count(t, TABLE_MAIN, &want);
    for (size_t i = 0; i < COUNT(keys) && e == OK; i++) {
        e = kv_get(t, TABLE_MAIN, span_str(keys[i]), &v);
        found += e == OK;
        e = e == ERR_NOT_FOUND ? OK : e;
    }
    return e == OK && found != want ? db_damaged("the list of heights", 0) : e;
}

static enum err read_main(struct db *db)
{
    struct record r;
    enum err      e = db_get(db, TABLE_MAIN, span_str(KEY_BINDING), &r);

    if (e == ERR_NOT_FOUND)
        return OK;
    if (e != OK)
        return e;
    if (r.payload.n > sizeof db->binding_bytes)
        return db_damaged("the chain's name", 0);
    memcpy(db->binding_bytes, r.payload.p, r.payload.n);
    if (!binding_decode(&db->binding, SPAN(db->binding_bytes, r.payload.n)))
        return db_damaged("the chain's name", 0);
    db->is_bound = true;
    e            = db_get(db, TABLE_MAIN, span_str(KEY_HEADS), &r);
    if (e == OK && !heads_decode(&db->heads, r.payload))
        return db_damaged("the list of heights", 0);
    if (e == OK)
        e = db_get(db, TABLE_MAIN, span_str(KEY_STATE), &r);
    if (e == OK)
        buf_add(&db->state, r.payload);
    db->next = db->heads;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err check_height(struct db *db, int64_t height, size_t *bytes,
                             struct arena *a)
{
    struct span meta = { 0 }, block = { 0 }, results;
    enum err    e = db_get_meta(db, height, &meta);

    if (e == OK)
        e = db_get_block(db, height, &block);
    if (e == OK && (meta.n == 0 || block.n == 0))
        return db_damaged("a block that should be there", height);
    if (e == OK && height <= db->heads.results)
        e = db_get_results(db, height, &results, a);
    *bytes += block.n;
    arena_reset(a);
    return e;
}

/* The newest heights: what the node goes on with. */
static enum err check_newest(struct db *db, struct arena *a)
{
    size_t      bytes = 0;
    enum err    e     = OK;
    struct span s     = { 0 };
    bool        is_canonical;

    for (int64_t h = db->heads.height;
         e == OK && h >= db->heads.lowest && h > 0 && bytes < CHECK_BYTES &&
         h > db->heads.height - CHECK_HEIGHTS;
         h--)
        e = check_height(db, h, &bytes, a);
    if (e == OK && db->heads.height > 0)
        e = db_get_commit(db, db->heads.height, &s, &is_canonical, a);
    if (e == OK && db->heads.height > 0 && s.n == 0)
        e = db_damaged("the place of the seen commit", db->heads.height);
    if (e == OK && db->state.len > 0)
        e = db_get_validators(db, db->heads.state + 1, &s, a);
    arena_reset(a);
    return e;
}

/* Heights that the index on disk does not have yet. */
static enum err index_newest(struct db *db, struct arena *a)
{
    enum err e    = OK;
    int64_t  from = db->heads.indexed + 1;

    if (from < db->heads.lowest)
        from = db->heads.lowest;
    for (int64_t h = from; e == OK && h > 0 && h <= db->heads.height; h++) {
        struct span bytes;
        struct hash hash;

        struct block *b = arena_new(a, struct block);

        e = db_get_block(db, h, &bytes);
        if (e != OK)
            break;
        if (!b || pb_decode(&block_desc, b, a, bytes) != ACCEPT ||
            !header_hash(&hash, &b->header))
            return db_damaged("a block", h);
        db_stage_entries(db, h, &hash, &b->data.txs);
        arena_reset(a);
    }
    return e;
}

static void adopt_staged(struct db *db)
{
    size_t need = db->memory_n + db->staged_n;

    if (need > db->memory_cap) {
        db->memory_cap = 2 * need;
        db->memory = realloc(db->memory, db->memory_cap * sizeof *db->memory);
        must(db->memory);
    }
    index_sort(db->staged, db->staged_n);
    index_insert(db->memory, db->memory_n, db->staged, db->staged_n);
    db->memory_n = need;
    db->staged_n = 0;
}

enum err db_open(struct db *db, const char *dir, bool indexes_txs)
{
    struct arena a;
    enum err     e;

    *db = (struct db){ .dir = dir, .indexes_txs = indexes_txs };
    buf_init(&db->state, STATE_BYTES_MAX);
    buf_init(&db->next_state, STATE_BYTES_MAX);
    db->is_state_saved = true;
    e                  = kv_open(&db->kv, dir, tables, TABLE_COUNT, KV_SYNC);
    if (e != OK)
        return e;
    arena_open(&a, DECODE_ARENA_BYTES);
    e = count_main(db);
    if (e == OK)
        e = read_main(db);
    if (e == OK)
        e = runs_open(&db->runs, db->kv, TABLE_RUNS);
    if (e == OK && runs_entries(&db->runs) != db->heads.entries)
        e = fail(ERR_CORRUPT,
                 "%s: a part of the index is missing; restore a backup, or "
                 "remove the directory and synchronize again",
                 dir);
    if (e == OK && db->is_bound)
        e = check_newest(db, &a);
    if (e == OK && db->is_bound)
        e = index_newest(db, &a);
    if (e == OK)
        adopt_staged(db);
    if (e == OK && db->is_bound)
        e = db_open_evidence(db, &a);
    arena_close(&a);
    db_end(db);
    if (e != OK)
        db_close(db);
    return e;
}

void db_close(struct db *db)
{
    if (!db->kv)
        return;
    db_end(db);
    if (db->batch || !db->is_state_saved)
        if (db_begin(db) != OK || db_commit(db) != OK)
            log_event(LOG_WARN, "the newest state was not saved; it will be "
                                "computed again");
    runs_close(&db->runs);
    kv_close(db->kv);
    for (size_t i = 0; i < db->pending_count; i++)
        buf_fini(&db->pending[i].bytes);
    views_drop(db, 0);
    free(db->memory);
    free(db->staged);
    buf_fini(&db->state);
    buf_fini(&db->next_state);
    *db = (struct db){ 0 };
}

enum err db_bind(struct db *db, const struct binding *b)
{
    struct binding *mine = &db->binding;
    size_t          n;
    enum err        e;

    if (db->is_bound && span_eq(mine->chain_id, b->chain_id) &&
        span_eq(mine->genesis_hash, b->genesis_hash) &&
        mine->initial_height == b->initial_height)
        return OK;
    if (db->is_bound)
        return db_refuse(db, ERR_CHAIN,
                         "%s holds %s chain \"%.*s\"; use another home, or "
                         "remove that directory",
                         db->dir,
                         span_eq(mine->chain_id, b->chain_id)
                             ? "another genesis of"
                             : "the other",
                         (int)mine->chain_id.n, (const char *)mine->chain_id.p);
    n = binding_encode(db->binding_bytes, b);
    must(binding_decode(mine, SPAN(db->binding_bytes, n)));
    e = db_begin(db);
    if (e == OK)
        e = db_put(db, TABLE_MAIN, span_str(KEY_BINDING),
                   SPAN(db->binding_bytes, n));
    if (e == OK)
        e = db_put(db, TABLE_MAIN, span_str(KEY_EVIDENCE), SPAN(NULL, 0));
    if (e != OK) {
        db_undo(db);
        return e;
    }
    e            = db_commit(db);
    db->is_bound = e == OK;
    return e;
}

/* ---- batches ---- */

bool db_has_batch(const struct db *db)
{
    return db->batch != NULL;
}

enum err db_begin(struct db *db)
{
    enum err e;

    if (db->batch)
        return OK;
    db_end(db);
    e = kv_write(&db->batch, db->kv);
    if (e != OK) {
        db->batch = NULL;
        return e;
    }
    db->next           = db->heads;
    db->batch_bytes    = 0;
    db->has_next_state = false;
    for (size_t i = 0; i < db->pending_count && e == OK; i++)
        e = db_put(db, TABLE_SETS, key_span(&db->pending[i].key),
                   buf_span(&db->pending[i].bytes));
    if (e != OK)
        db_undo(db);
    return e;
}

void db_undo(struct db *db)
{
    if (db->batch)
        kv_abort(db->batch);
    db->batch = NULL;
    runs_undone(&db->runs);
    db->next           = db->heads;
    db->staged_n       = 0;
    db->has_next_state = false;
    views_drop(db, 0);
}

static enum err put_state(struct db *db)
{
    const struct buf *state = db->has_next_state ? &db->next_state : &db->state;

    if (!db->has_next_state && db->is_state_saved)
        return OK;
    return db_put(db, TABLE_MAIN, span_str(KEY_STATE), buf_span(state));
}

/* The entries in memory, when they are many or of many heights. */
static enum err put_index(struct db *db)
{
    bool is_due = db->memory_n >= MEMORY_ENTRIES ||
                  (db->memory_n > 0 &&
                   db->heads.height - db->heads.indexed >= MEMORY_HEIGHTS);
    enum err e = OK;

    if (is_due) {
        e = runs_add(&db->runs, db->batch, db->memory, db->memory_n);
        db->next.indexed = db->heads.height;
    }
    if (e == OK)
        e = runs_tidy(&db->runs, db->batch, db->next.lowest);
    db->next.entries = runs_entries(&db->runs);
    return e;
}

static void batch_committed(struct db *db)
{
    struct buf old = db->state;

    if (db->next.indexed != db->heads.indexed)
        db->memory_n = 0;
    adopt_staged(db);
    runs_committed(&db->runs);
    db->heads = db->next;
    if (db->has_next_state) {
        db->state      = db->next_state;
        db->next_state = old;
    }
    db->has_next_state = false;
    db->is_state_saved = true;
    while (db->pending_count > 0)
        buf_fini(&db->pending[--db->pending_count].bytes);
}

enum err db_commit(struct db *db)
{
    uint8_t        heads[HEADS_BYTES];
    struct kv_txn *t;
    enum err       e;

    if (!db->batch)
        return OK;
    e = put_state(db);
    if (e == OK)
        e = put_index(db);
    heads_encode(heads, &db->next);
    if (e == OK)
        e = db_put(db, TABLE_MAIN, span_str(KEY_HEADS), SPAN_OF(heads));
    if (e == OK) {
        t         = db->batch;
        db->batch = NULL;
        e         = kv_commit(t);
    }
    if (e == OK)
        batch_committed(db);
    else
        db_undo(db);
    return e;
}
