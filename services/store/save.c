/* Saving: what a batch gets. */
#include "store/db_internal.h"

#include "base/log.h"
#include "model/block.h"
#include "pack/pack.h"

#include <stdlib.h>

enum { PACK_FROM = 256 };

/* A failure in the middle of a batch ends the batch. */
static enum err undo_on(struct db *db, enum err e)
{
    if (e != OK)
        db_undo(db);
    return e;
}

void db_stage_entries(struct db *db, int64_t height, const struct hash *block,
                      const span_list *txs)
{
    size_t need = db->staged_n + 1 + (db->indexes_txs ? txs->n : 0);

    if (need > db->staged_cap) {
        db->staged_cap = 2 * need;
        db->staged = realloc(db->staged, db->staged_cap * sizeof *db->staged);
        must(db->staged);
    }
    index_entry_make(&db->staged[db->staged_n++], block, height,
                     INDEX_OF_BLOCK);
    for (size_t i = 0; db->indexes_txs && i < txs->n; i++) {
        struct hash h;

        tx_hash(&h, txs->v[i]);
        index_entry_make(&db->staged[db->staged_n++], &h, height, (uint32_t)i);
    }
}

/* The same block once more: a request that was repeated. */
static enum err same_again(struct db *db, const struct block_to_save *b,
                           struct arena *a)
{
    struct span       meta;
    struct block_meta m;
    struct span       id;
    enum err          e = db_get_meta(db, b->height, &meta);

    if (e != OK)
        return e;
    if (pb_decode(&block_meta_desc, &m, a, meta) != ACCEPT)
        return db_damaged("a block's meta", b->height);
    id = pb_encode(&block_id_desc, &m.block_id, a);
    if (!span_eq(id, b->block_id))
        return db_refuse(db, ERR_FAILED,
                         "another block is stored at height %" PRId64,
                         b->height);
    return OK;
}

static enum err put_at(struct db *db, int64_t height, enum height_kind kind,
                       struct span payload)
{
    struct store_key k = height_key(height, kind);

    return db_put(db, TABLE_HEIGHTS, key_span(&k), payload);
}

static enum err put_seen(struct db *db, int64_t height, struct span commit,
                         struct arena *a)
{
    uint8_t *p = arena_alloc(a, 8 + commit.n);

    if (!p)
        return fail(ERR_FAILED, "a commit of %zu bytes is too large", commit.n);
    store_be64(p, (uint64_t)height);
    memcpy(p + 8, commit.p, commit.n);
    return db_put(db, TABLE_MAIN, span_str(KEY_SEEN), SPAN(p, 8 + commit.n));
}

static enum err put_block(struct db *db, const struct block_to_save *b,
                          const struct block_facts *facts, struct arena *a)
{
    enum err e = put_at(db, b->height, AT_META, facts->meta);

    if (e == OK)
        e = put_at(db, b->height, AT_BLOCK, b->block);
    if (e == OK && b->extended_commit.n > 0)
        e = put_at(db, b->height, AT_EXTENDED, b->extended_commit);
    if (e == OK)
        e = put_seen(db, b->height, facts->seen, a);
    if (e == OK)
        e = db_mark_evidence(db, b->height, facts->evidence, a);
    return e;
}

enum err db_save_block(struct db *db, const struct block_to_save *b,
                       struct arena *a)
{
    struct block_facts  facts;
    const struct heads *h = db->batch ? &db->next : &db->heads;
    const char         *why;
    enum err            e;

    if (!db->is_bound)
        return db_refuse(db, ERR_FAILED, "the store is not open");
    if (h->height > 0 && b->height >= h->lowest && b->height <= h->height)
        return same_again(db, b, a);
    if (!block_may_follow(h, &db->binding, b->height))
        return db_refuse(db, ERR_FAILED,
                         "block %" PRId64 " does not follow block %" PRId64,
                         b->height, h->height);
    why = block_examine(&facts, b, db->binding.chain_id, a);
    if (why)
        return db_refuse(db, ERR_FAILED, "%s", why);
    e = db_begin(db);
    if (e == OK)
        e = put_block(db, b, &facts, a);
    if (e != OK)
        return undo_on(db, e);
    db_stage_entries(db, b->height, &facts.hash, facts.txs);
    db->next.height = b->height;
    if (db->next.lowest == 0)
        db->next.lowest = db->next.evidence = b->height;
    return OK;
}

/* Events repeat their words for every transaction: worth packing. */
static enum err put_results(struct db *db, int64_t height, struct span results,
                            struct arena *a)
{
    struct store_key k = height_key(height, AT_RESULTS);
    struct span      packed =
        results.n >= PACK_FROM ? pack(results, a) : SPAN(NULL, 0);

    if (!packed.p)
        return db_put(db, TABLE_HEIGHTS, key_span(&k), results);
    return db_put_flagged(db, TABLE_HEIGHTS, key_span(&k), RECORD_PACKED,
                          packed);
}

enum err db_save_results(struct db *db, int64_t height, struct span results,
                         struct arena *a)
{
    const struct heads *h = db->batch ? &db->next : &db->heads;
    enum err            e;

    if (height < h->lowest || height > h->height || h->height == 0)
        return db_refuse(
            db, ERR_FAILED,
            "results of height %" PRId64 ", where no block is stored", height);
    e = db_begin(db);
    if (e == OK)
        e = put_results(db, height, results, a);
    if (e != OK)
        return undo_on(db, e);
    views_drop(db, height);
    if (height > db->next.results)
        db->next.results = height;
    return OK;
}

/* ---- the state ---- */

/* Outside a batch: kept until the next one begins. */
static void add_pending(struct db *db, const struct store_key *key,
                        struct span bytes)
{
    struct pending_set *p = NULL;

    for (size_t i = 0; i < db->pending_count; i++)
        if (memcmp(&db->pending[i].key, key, sizeof *key) == 0)
            p = &db->pending[i];
    if (!p) {
        p      = &db->pending[db->pending_count++];
        p->key = *key;
        buf_init(&p->bytes, SIZE_MAX);
    }
    buf_clear(&p->bytes);
    buf_add(&p->bytes, bytes);
    must(!p->bytes.is_full);
}

static enum err save_sets(struct db *db, const struct set_to_save *sets,
                          size_t n)
{
    enum err e = OK;

    for (size_t i = 0; i < n && e == OK; i++) {
        struct store_key key = set_key(sets[i].kind, sets[i].height);

        if (db->batch)
            e = db_put(db, TABLE_SETS, key_span(&key), sets[i].bytes);
        else
            add_pending(db, &key, sets[i].bytes);
    }
    return undo_on(db, e);
}

static enum err check_state(struct db *db, int64_t height, struct span state,
                            struct state_facts *facts)
{
    const struct heads *h = db->batch ? &db->next : &db->heads;

    if (!db->is_bound)
        return db_refuse(db, ERR_FAILED, "the store is not open");
    if (!state_examine(facts, state) || facts->height != height)
        return db_refuse(db, ERR_FAILED,
                         "the state of height %" PRId64 " does not decode",
                         height);
    if (!span_eq(facts->chain_id, db->binding.chain_id))
        return db_refuse(db, ERR_FAILED, "the state is of another chain");
    if (!state_may_follow(h, height))
        return db_refuse(db, ERR_FAILED,
                         "state %" PRId64 " does not follow state %" PRId64
                         " with blocks up to %" PRId64,
                         height, h->state, h->height);
    return OK;
}

static void set_state(struct db *db, int64_t height, struct span state)
{
    struct buf *to = db->batch ? &db->next_state : &db->state;

    buf_clear(to);
    buf_add(to, state);
    must(!to->is_full);
    if (db->batch) {
        db->has_next_state = true;
        db->next.state     = height;
    } else {
        db->is_state_saved = false;
        db->heads.state    = height;
    }
}

enum err db_save_state(struct db *db, int64_t height, struct span state,
                       bool is_durable)
{
    struct state_facts facts;
    struct set_to_save sets[SETS_TO_SAVE_MAX];
    int64_t            before   = db->batch ? db->next.state : db->heads.state;
    bool               is_whole = db->heads.height == 0 || height != before + 1;
    enum err           e        = check_state(db, height, state, &facts);

    if (e == OK && height < before && db->heads.height > 0)
        return OK; /* repeated after later ones were saved */
    if (e == OK &&
        (is_durable || db->pending_count + SETS_TO_SAVE_MAX > PENDING_MAX))
        e = db_begin(db);
    if (e == OK)
        e = save_sets(db, sets, state_sets(sets, &facts, is_whole));
    if (e == OK)
        set_state(db, height, state);
    return e;
}
