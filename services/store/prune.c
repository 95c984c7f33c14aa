/* Pruning: blocks go first; what evidence needs (metas, commits, sets) stays
 * until it is older too. */
#include "store/db_internal.h"

enum { PRUNE_HEIGHTS = 100, PRUNE_BYTES = 32 << 20 };

static enum err drop_at(struct db *db, int64_t height, enum height_kind kind)
{
    struct store_key k = height_key(height, kind);
    enum err         e = kv_del(db->batch, TABLE_HEIGHTS, key_span(&k));

    return e == ERR_NOT_FOUND ? OK : e;
}

/* The commit for the height below a block lives in that block: keep it. */
static enum err keep_commit(struct db *db, int64_t height, struct span block,
                            struct arena *a)
{
    struct store_key k = height_key(height, AT_COMMIT);
    struct span      meta, commit = block_last_commit(block, a);
    enum err         e = db_get_meta(db, height, &meta);

    if (e != OK || meta.n == 0)
        return e;
    return db_put(db, TABLE_HEIGHTS, key_span(&k), commit);
}

static enum err drop_block(struct db *db, int64_t height, int64_t evidence,
                           size_t *bytes, struct arena *a)
{
    struct span block;
    enum err    e = db_get_block(db, height, &block);

    *bytes += block.n;
    if (e == OK && block.n > 0 && height - 1 >= evidence)
        e = keep_commit(db, height - 1, block, a);
    if (e == OK)
        e = drop_at(db, height, AT_BLOCK);
    if (e == OK)
        e = drop_at(db, height, AT_RESULTS);
    arena_reset(a);
    return e;
}

static enum err drop_evidence(struct db *db, int64_t height)
{
    enum err e = drop_at(db, height, AT_META);

    if (e == OK)
        e = drop_at(db, height, AT_COMMIT);
    return e == OK ? drop_at(db, height, AT_EXTENDED) : e;
}

/* Of each kind of set, the newest at or below height stays. */
static enum err drop_sets(struct db *db, enum set_kind kind, int64_t height)
{
    enum err e = OK;

    while (e == OK) {
        struct store_key  first = set_key(kind, 0), second;
        struct kv_cursor *c;
        struct span       k, v;
        int64_t           h = 0, above = 0;

        e = kv_cursor_open(&c, db->batch, TABLE_SETS);
        if (e != OK)
            return e;
        e = kv_seek(c, key_span(&first), &k, &v);
        if (e == OK && !set_height_of(&h, kind, k))
            e = ERR_NOT_FOUND;
        if (e == OK)
            e = kv_next(c, &k, &v);
        if (e == OK && (!set_height_of(&above, kind, k) || above > height))
            e = ERR_NOT_FOUND;
        kv_cursor_close(c);
        second = set_key(kind, h);
        if (e == OK)
            e = kv_del(db->batch, TABLE_SETS, key_span(&second));
    }
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err prune_some(struct db *db, int64_t retain, int64_t evidence,
                           uint64_t *dropped, bool *is_done, struct arena *a)
{
    struct heads *h     = &db->next;
    size_t        bytes = 0;
    int           n     = 0;
    enum err      e     = OK;

    while (e == OK && h->lowest < retain && n < PRUNE_HEIGHTS &&
           bytes < PRUNE_BYTES) {
        e = drop_block(db, h->lowest, evidence, &bytes, a);
        views_drop(db, h->lowest);
        h->lowest++;
        n++;
        (*dropped)++;
    }
    for (; e == OK && h->evidence < evidence && h->evidence < h->lowest &&
           n < 2 * PRUNE_HEIGHTS;
         n++)
        e = drop_evidence(db, h->evidence++);
    *is_done = h->lowest >= retain &&
               (h->evidence >= evidence || h->evidence >= h->lowest);
    if (e == OK)
        e = db_forget_evidence(db, h->evidence, a);
    if (e == OK && *is_done)
        e = drop_sets(db, SET_VALIDATORS, h->evidence);
    if (e == OK && *is_done)
        e = drop_sets(db, SET_PARAMS, h->evidence);
    return e;
}

enum err db_prune(struct db *db, int64_t retain, int64_t evidence,
                  uint64_t *dropped, bool *is_done, struct arena *a)
{
    const struct heads *h = db->batch ? &db->next : &db->heads;
    enum err            e;

    *is_done = true;
    if (retain > h->height)
        return db_refuse(db, ERR_FAILED,
                         "cannot prune beyond the latest height %" PRId64,
                         h->height);
    if (retain <= h->lowest && (evidence <= h->evidence || h->lowest == 0))
        return OK;
    if (evidence > retain)
        evidence = retain;
    e = db_begin(db);
    if (e == OK)
        e = prune_some(db, retain, evidence, dropped, is_done, a);
    if (e != OK)
        db_undo(db);
    return e;
}
