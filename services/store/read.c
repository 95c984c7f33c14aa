/* Reading: what is absent is empty. */
#include "store/db_internal.h"

#include "model/block.h"
#include "pack/pack.h"

#include <stdlib.h>

static enum err absent_is_fine(enum err e)
{
    return e == ERR_NOT_FOUND ? OK : e;
}

/* The payload of a record of a height; empty when there is none. */
static enum err get_at(struct db *db, int64_t height, enum height_kind kind,
                       struct span *out)
{
    struct store_key k = height_key(height, kind);
    struct record    r = { 0 };
    enum err         e = db_get(db, TABLE_HEIGHTS, key_span(&k), &r);

    *out = e == OK ? r.payload : SPAN(NULL, 0);
    return absent_is_fine(e);
}

/* Is a height among those whose records must be there? */
static bool is_kept(const struct db *db, int64_t height, int64_t highest)
{
    const struct heads *h = db->batch ? &db->next : &db->heads;

    return h->lowest > 0 && height >= h->lowest && height <= highest;
}

enum err db_get_block(struct db *db, int64_t height, struct span *block)
{
    enum err e = get_at(db, height, AT_BLOCK, block);

    if (e == OK && block->n == 0 && is_kept(db, height, db->heads.height))
        return db_damaged("the place of a block", height);
    return e;
}

enum err db_get_meta(struct db *db, int64_t height, struct span *meta)
{
    enum err e = get_at(db, height, AT_META, meta);

    if (e == OK && meta->n == 0 && is_kept(db, height, db->heads.height))
        return db_damaged("the place of a block's meta", height);
    return e;
}

enum err db_get_extended(struct db *db, int64_t height, struct span *commit)
{
    return get_at(db, height, AT_EXTENDED, commit);
}

enum err db_get_results(struct db *db, int64_t height, struct span *results,
                        struct arena *a)
{
    struct store_key k = height_key(height, AT_RESULTS);
    struct record    r = { 0 };
    enum err         e = db_get(db, TABLE_HEIGHTS, key_span(&k), &r);
    size_t           n;
    uint8_t         *p;

    *results = e == OK ? r.payload : SPAN(NULL, 0);
    if (e == ERR_NOT_FOUND && is_kept(db, height, db->heads.state))
        return db_damaged("the place of the results", height);
    if (e != OK || r.flags != RECORD_PACKED)
        return absent_is_fine(e);
    n = unpack_size(r.payload);
    p = arena_alloc(a, n + 1);
    if (!p || !unpack(p, n, r.payload))
        return db_damaged("the results", height);
    *results = SPAN(p, n);
    return OK;
}

/* The commit that was seen for the newest block. */
static enum err get_seen(struct db *db, int64_t height, struct span *commit)
{
    struct record r = { 0 };
    enum err      e = db_get(db, TABLE_MAIN, span_str(KEY_SEEN), &r);

    *commit = SPAN(NULL, 0);
    if (e == OK && r.payload.n < 8)
        return db_damaged("the seen commit", height);
    if (e == OK && (int64_t)load_be64(r.payload.p) == height)
        *commit = SPAN(r.payload.p + 8, r.payload.n - 8);
    return absent_is_fine(e);
}

enum err db_get_commit(struct db *db, int64_t height, struct span *commit,
                       bool *is_canonical, struct arena *a)
{
    struct span block;
    enum err    e = db_get_block(db, height + 1, &block);

    *commit       = SPAN(NULL, 0);
    *is_canonical = block.n > 0;
    if (e != OK)
        return e;
    if (block.n > 0) {
        *commit = block_last_commit(block, a);
        return commit->p ? OK : db_damaged("the commit in a block", height + 1);
    }
    e             = get_at(db, height, AT_COMMIT, commit);
    *is_canonical = commit->n > 0;
    return e == OK && commit->n == 0 ? get_seen(db, height, commit) : e;
}

/* ---- sets ---- */

/* The newest one at or below height: in memory, else on disk. */
static enum err newest_set(struct db *db, enum set_kind kind, int64_t height,
                           int64_t *at, struct span *bytes)
{
    struct store_key  want = set_key(kind, height), found;
    struct kv_cursor *c;
    struct kv_txn    *t;
    struct record     r;
    struct span       k, v;
    int64_t           h;
    enum err          e = db_txn(db, &t);

    *at = -1;
    if (e == OK)
        e = kv_cursor_open(&c, t, TABLE_SETS);
    if (e != OK)
        return e;
    e = kv_seek(c, key_span(&want), &k, &v);
    if (e == ERR_NOT_FOUND)
        e = kv_last(c, &k, &v);
    else if (e == OK && !span_eq(k, key_span(&want)))
        e = kv_prev(c, &k, &v);
    if (e == OK && set_height_of(&h, kind, k)) {
        *at   = h;
        found = set_key(kind, h);
    }
    kv_cursor_close(c);
    if (e == OK && *at >= 0) {
        e      = db_get(db, TABLE_SETS, key_span(&found), &r);
        *bytes = r.payload;
    }
    for (size_t i = 0; i < db->pending_count; i++) {
        const struct pending_set *p = &db->pending[i];

        if (set_height_of(&h, kind, key_span(&p->key)) && h <= height &&
            h >= *at) {
            *at    = h;
            *bytes = buf_span(&p->bytes);
        }
    }
    return absent_is_fine(e);
}

/* The height that comes after the state. */
static int64_t next_height(const struct db *db)
{
    return db->heads.state ? db->heads.state + 1 : db->binding.initial_height;
}

/* What the headers say about the set of a height: false for another set. */
static enum err check_set(struct db *db, int64_t height, struct span set,
                          struct arena *a)
{
    struct span       bytes;
    struct block_meta m;
    bool              is_next = height > db->heads.height;
    enum err e = db_get_meta(db, is_next ? height - 1 : height, &bytes);

    if (e != OK || bytes.n == 0)
        return e;
    if (pb_decode(&block_meta_desc, &m, a, bytes) != ACCEPT)
        return db_damaged("a block's meta", height);
    if (validators_are(set,
                       is_next ? m.header.next_validators_hash
                               : m.header.validators_hash,
                       a))
        return OK;
    return db_damaged("the place of a validator set", height);
}

enum err db_get_validators(struct db *db, int64_t height, struct span *set,
                           struct arena *a)
{
    int64_t  at;
    enum err e;

    *set = SPAN(NULL, 0);
    if (db->state.len == 0 || height < 1 || height > next_height(db) + 1)
        return OK;
    e = newest_set(db, SET_VALIDATORS, height, &at, set);
    if (e != OK || at < 0)
        return e;
    *set = validators_turned(*set, height - at, a);
    return set->p ? check_set(db, height, *set, a)
                  : db_damaged("a validator set", at);
}

enum err db_get_params(struct db *db, int64_t height, struct span *params)
{
    int64_t at;

    *params = SPAN(NULL, 0);
    if (db->state.len == 0 || height < 1 || height > next_height(db))
        return OK;
    return newest_set(db, SET_PARAMS, height, &at, params);
}

/* ---- by hash ---- */

static enum err find(struct db *db, struct index_found *found,
                     const struct hash *hash)
{
    struct kv_txn *t;
    enum err       e = db_txn(db, &t);

    *found = (struct index_found){ 0 };
    if (e == OK)
        e = runs_find(&db->runs, t, found, hash);
    index_find(found, db->memory, db->memory_n, hash);
    return e;
}

static bool is_there(const struct db *db, int64_t height, int64_t highest)
{
    return height >= db->heads.lowest && height <= highest;
}

enum err db_find_block(struct db *db, const struct hash *hash, int64_t *height,
                       struct arena *a)
{
    struct index_found found;
    enum err           e = find(db, &found, hash);

    *height = 0;
    for (size_t i = found.n; i-- > 0 && e == OK && *height == 0;) {
        int64_t           h = index_entry_height(&found.v[i]);
        struct span       bytes;
        struct block_meta m;

        if (index_entry_index(&found.v[i]) != INDEX_OF_BLOCK ||
            !is_there(db, h, db->heads.height))
            continue;
        e = db_get_meta(db, h, &bytes);
        if (e == OK && bytes.n > 0 &&
            pb_decode(&block_meta_desc, &m, a, bytes) == ACCEPT &&
            span_eq(m.block_id.hash, hash_span(hash)))
            *height = h;
    }
    return e;
}

/* ---- views ---- */

static void view_free(struct height_view *v)
{
    free(v->txs);
    free(v->result_at);
    buf_fini(&v->results);
    *v = (struct height_view){ 0 };
}

void views_drop(struct db *db, int64_t height)
{
    for (size_t i = 0; i < VIEWS; i++)
        if (height == 0 || db->views[i].height == height)
            view_free(&db->views[i]);
}

/* A free view; the longest unused ones go, as do all when they grow large. */
static struct height_view *view_new(struct db *db)
{
    struct height_view *v     = &db->views[0];
    size_t              bytes = 0;

    for (size_t i = 0; i < VIEWS; i++) {
        bytes += db->views[i].results.cap + 8 * db->views[i].count;
        if (db->views[i].used < v->used)
            v = &db->views[i];
    }
    if (bytes > VIEW_BYTES)
        views_drop(db, 0);
    view_free(v);
    return v;
}

static bool note_txs(struct height_view *v, struct span block)
{
    struct arena a;
    struct block b;
    bool         is_fine;

    arena_open(&a, DECODE_ARENA_BYTES);
    is_fine = pb_decode(&block_desc, &b, &a, block) == ACCEPT;
    if (is_fine) {
        v->count = b.data.txs.n;
        v->txs   = calloc(v->count + 1, 2 * sizeof *v->txs);
        must(v->txs);
    }
    for (size_t i = 0; is_fine && i < v->count; i++) {
        struct span tx = b.data.txs.v[i];

        v->txs[2 * i]     = tx.n ? (uint32_t)(tx.p - block.p) : 0;
        v->txs[2 * i + 1] = (uint32_t)tx.n;
    }
    arena_close(&a);
    return is_fine;
}

/* Offset and length of each result. */
static void note_results(struct height_view *v, struct span results)
{
    struct span rest = results;

    struct pb_field f;

    buf_init(&v->results, SIZE_MAX);
    buf_add(&v->results, results);
    v->result_at = calloc(v->count + 1, 2 * sizeof *v->result_at);
    must(v->result_at && !v->results.is_full);
    while (v->result_count < v->count && pb_next(&rest, &f) > 0) {
        if (f.num != RESULTS_TX_FIELD)
            continue;
        v->result_at[2 * v->result_count] =
            f.bytes.n ? (uint32_t)(f.bytes.p - results.p) : 0;
        v->result_at[2 * v->result_count++ + 1] = (uint32_t)f.bytes.n;
    }
}

static enum err view_of(struct db *db, int64_t height, struct height_view **out)
{
    struct height_view *v;
    struct span         block, results;
    struct arena        a;
    enum err            e;

    for (size_t i = 0; i < VIEWS; i++) {
        if (db->views[i].height == height) {
            *out         = &db->views[i];
            (*out)->used = ++db->clock;
            return OK;
        }
    }
    e = db_get_block(db, height, &block);
    if (e != OK)
        return e;
    arena_open(&a, DECODE_ARENA_BYTES);
    v = view_new(db);
    e = db_get_results(db, height, &results, &a);
    if (e == OK && !note_txs(v, block))
        e = db_damaged("a block", height);
    if (e == OK)
        note_results(v, results);
    arena_close(&a);
    if (e != OK) {
        view_free(v);
        return e;
    }
    v->height = height;
    v->used   = ++db->clock;
    *out      = v;
    return OK;
}

/* The block was checked when its view was made. */
static enum err raw_block(struct db *db, int64_t height, struct span *block)
{
    struct store_key k = height_key(height, AT_BLOCK);
    struct kv_txn   *t;
    enum err         e = db_txn(db, &t);

    if (e == OK)
        e = kv_get(t, TABLE_HEIGHTS, key_span(&k), block);
    if (e == OK)
        *block =
            SPAN(block->p + RECORD_HEAD_BYTES, block->n - RECORD_HEAD_BYTES);
    return e;
}

static enum err look_at(struct db *db, const struct index_entry *entry,
                        const struct hash *hash, struct found_tx *out)
{
    int64_t             height = index_entry_height(entry);
    uint32_t            i      = index_entry_index(entry);
    struct height_view *v;
    struct span         block;
    struct hash         h;
    enum err            e;

    *out = (struct found_tx){ 0 };
    if (i == INDEX_OF_BLOCK || !is_there(db, height, db->heads.state))
        return OK;
    e = view_of(db, height, &v);
    if (e == OK)
        e = raw_block(db, height, &block);
    if (e != OK || i >= v->count)
        return e;
    out->tx = SPAN(block.p + v->txs[2 * i], v->txs[2 * i + 1]);
    tx_hash(&h, out->tx);
    if (!hash_eq(&h, hash))
        return OK;
    if (i < v->result_count)
        out->result =
            SPAN(v->results.p + v->result_at[2 * i], v->result_at[2 * i + 1]);
    out->height = height;
    out->index  = i;
    return OK;
}

static bool has_failed(struct span result)
{
    enum { CODE = 1 };
    struct pb_field f;

    while (pb_next(&result, &f) > 0)
        if (f.num == CODE)
            return f.value != 0;
    return false;
}

enum err db_get_tx(struct db *db, const struct hash *hash, struct found_tx *out)
{
    struct index_found found;
    struct found_tx    tx;
    enum err           e = find(db, &found, hash);

    /* The newest that succeeded; if none did, the newest. */
    *out = (struct found_tx){ 0 };
    for (size_t i = found.n; i-- > 0 && e == OK;) {
        e = look_at(db, &found.v[i], hash, &tx);
        if (e != OK || tx.height == 0)
            continue;
        if (out->height == 0 || !has_failed(tx.result))
            *out = tx;
        if (!has_failed(tx.result))
            break;
    }
    return e;
}
