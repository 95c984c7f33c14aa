/* Evidence: what is pending, and what the blocks here have committed.
 *
 * A block marks its evidence in its own transaction, so the two cannot differ.
 * In a store where they do (written before there was this table, or damaged)
 * the marks are made again from the blocks when it is opened. */
#include "store/db_internal.h"

#include "base/log.h"
#include "model/evidence.h"

enum {
    COMMITTED         = 'c', /* the height of the block */
    PENDING           = 'p', /* tendermint.types.Evidence */
    KEY_BYTES         = 1 + 8 + HASH_BYTES,
    PENDING_BYTES_MAX = 64 << 20,
    DROP_MAX          = 1000,
    REBUILD_HEIGHTS   = 10000, /* looked at between commits */
};

struct proof_key {
    uint8_t b[KEY_BYTES];
};

static struct proof_key proof_key(char kind, int64_t height,
                                  const struct hash *hash)
{
    struct proof_key k;

    k.b[0] = (uint8_t)kind;
    store_be64(k.b + 1, (uint64_t)height);
    memcpy(k.b + 9, hash->b, HASH_BYTES);
    return k;
}

static bool has(struct db *db, const struct proof_key *k, enum err *e)
{
    struct kv_txn *t;
    struct span    value;

    *e = db_txn(db, &t);
    if (*e == OK)
        *e = kv_get(t, TABLE_EVIDENCE, SPAN_OF(k->b), &value);
    if (*e == ERR_NOT_FOUND) {
        *e = OK;
        return false;
    }
    return *e == OK;
}

static enum err drop_key(struct db *db, struct span key)
{
    enum err e = kv_del(db->batch, TABLE_EVIDENCE, key);

    return e == ERR_NOT_FOUND ? OK : e;
}

/* ---- blocks ---- */

enum err db_mark_evidence(struct db *db, int64_t height,
                          const struct evidence_list *l, struct arena *a)
{
    uint8_t     at[8];
    struct hash hash;
    enum err    e = OK;

    store_be64(at, (uint64_t)height);
    for (size_t i = 0; i < l->evidence.n && e == OK; i++) {
        const struct evidence *ev = &l->evidence.v[i];
        struct proof_key       k;

        if (ev->which == EVIDENCE_NONE)
            continue;
        if (!evidence_hash(&hash, ev, a))
            return fail(ERR_FAILED, "evidence too large to be marked");
        k = proof_key(COMMITTED, evidence_height(ev), &hash);
        e = db_put(db, TABLE_EVIDENCE, SPAN_OF(k.b), SPAN_OF(at));
        k = proof_key(PENDING, evidence_height(ev), &hash);
        if (e == OK)
            e = drop_key(db, SPAN_OF(k.b));
    }
    return e;
}

/* ---- pending ---- */

enum err db_add_evidence(struct db *db, struct span bytes, struct arena *a)
{
    struct evidence  ev;
    struct hash      hash;
    struct proof_key committed, pending;
    enum err         e;

    if (pb_decode(&evidence_desc, &ev, a, bytes) != ACCEPT ||
        evidence_validate(&ev, a) != ACCEPT || !evidence_hash(&hash, &ev, a))
        return db_refuse(db, ERR_FAILED, "evidence does not decode");
    committed = proof_key(COMMITTED, evidence_height(&ev), &hash);
    pending   = proof_key(PENDING, evidence_height(&ev), &hash);
    if (has(db, &committed, &e) || e != OK)
        return e;
    if (has(db, &pending, &e) || e != OK)
        return e;
    e = db_begin(db);
    if (e == OK)
        e = db_put(db, TABLE_EVIDENCE, SPAN_OF(pending.b), bytes);
    if (e != OK)
        db_undo(db);
    return e;
}

enum err db_drop_evidence(struct db *db, int64_t height,
                          const struct hash *hash)
{
    struct proof_key k = proof_key(PENDING, height, hash);
    enum err         e;

    if (!has(db, &k, &e) || e != OK)
        return e;
    e = db_begin(db);
    if (e == OK)
        e = drop_key(db, SPAN_OF(k.b));
    if (e != OK)
        db_undo(db);
    return e;
}

/* Every record of a kind; fn says whether to go on. */
typedef bool record_fn(void *ctx, struct span key, const struct record *r,
                       bool is_whole);

static enum err each(struct db *db, char kind, record_fn *fn, void *ctx)
{
    struct kv_cursor *c;
    struct kv_txn    *t;
    struct span       k, v;
    struct record     r;
    uint8_t           first = (uint8_t)kind;
    enum err          e     = db_txn(db, &t);

    if (e == OK)
        e = kv_cursor_open(&c, t, TABLE_EVIDENCE);
    if (e != OK)
        return e;
    for (e = kv_seek(c, SPAN(&first, 1), &k, &v);
         e == OK && k.n > 0 && k.p[0] == first; e = kv_next(c, &k, &v)) {
        bool is_whole = k.n == KEY_BYTES && record_open(&r, k, v);

        if (!fn(ctx, k, &r, is_whole))
            break;
    }
    kv_cursor_close(c);
    return e == ERR_NOT_FOUND ? OK : e;
}

struct list {
    struct span *v;
    size_t       n, bytes;
};

static bool take_pending(void *ctx, struct span key, const struct record *r,
                         bool is_whole)
{
    struct list *l = ctx;

    UNUSED(key);
    if (!is_whole)
        return true;
    l->bytes += r->payload.n;
    if (l->n >= EVIDENCE_MAX || l->bytes > PENDING_BYTES_MAX)
        return false;
    l->v[l->n++] = r->payload;
    return true;
}

enum err db_get_pending(struct db *db, struct span **out, size_t *n,
                        struct arena *a)
{
    struct list l = { .v = arena_newn(a, struct span, EVIDENCE_MAX) };
    enum err    e;

    must(l.v);
    e    = each(db, PENDING, take_pending, &l);
    *out = l.v;
    *n   = l.n;
    return e;
}

enum err db_is_committed(struct db *db, int64_t height, const struct hash *hash,
                         bool *out)
{
    struct proof_key k = proof_key(COMMITTED, height, hash);
    enum err         e;

    *out = has(db, &k, &e);
    return e;
}

static enum err get_header(struct db *db, int64_t height, struct span *meta,
                           struct span *commit, struct arena *a)
{
    bool     is_canonical = false;
    enum err e            = db_get_meta(db, height, meta);

    if (e == OK && meta->n > 0)
        e = db_get_commit(db, height, commit, &is_canonical, a);
    if (!is_canonical)
        *commit = SPAN(NULL, 0);
    return e;
}

enum err db_get_facts(struct db *db, struct proof_facts *out, int64_t height,
                      const struct hash *hash, int64_t other_height,
                      struct arena *a)
{
    enum err e;

    *out = (struct proof_facts){ 0 };
    e    = db_is_committed(db, height, hash, &out->is_committed);
    if (e == OK)
        e = get_header(db, height, &out->meta, &out->commit, a);
    if (e == OK && out->meta.n > 0)
        e = db_get_validators(db, height, &out->validators, a);
    if (e == OK && other_height > 0)
        e = get_header(db, other_height, &out->other_meta, &out->other_commit,
                       a);
    return e;
}

/* ---- pruning ---- */

struct below {
    int64_t height;
    uint8_t keys[DROP_MAX][KEY_BYTES];
    size_t  n;
};

static bool take_old(void *ctx, struct span key, const struct record *r,
                     bool is_whole)
{
    struct below *b = ctx;

    UNUSED(r);
    if (!is_whole || b->n == DROP_MAX ||
        (int64_t)load_be64(key.p + 1) >= b->height)
        return false;
    memcpy(b->keys[b->n++], key.p, KEY_BYTES);
    return true;
}

enum err db_forget_evidence(struct db *db, int64_t below, struct arena *a)
{
    struct below *b = arena_new(a, struct below);
    enum err      e;

    must(b);
    b->height = below;
    e         = each(db, COMMITTED, take_old, b);
    for (size_t i = 0; i < b->n && e == OK; i++)
        e = drop_key(db, SPAN_OF(b->keys[i]));
    return e;
}

/* ---- opening ---- */

struct damaged {
    uint8_t keys[DROP_MAX][KEY_BYTES];
    size_t  n;
};

static bool take_damaged(void *ctx, struct span key, const struct record *r,
                         bool is_whole)
{
    struct damaged *d = ctx;

    UNUSED(r);
    if (!is_whole && key.n == KEY_BYTES && d->n < DROP_MAX)
        memcpy(d->keys[d->n++], key.p, KEY_BYTES);
    return true;
}

/* Records that are not what was written: gone, in the batch. */
static enum err drop_damaged(struct db *db, bool *is_any, struct arena *a)
{
    struct damaged *d = arena_new(a, struct damaged);
    enum err        e;

    must(d);
    e = each(db, COMMITTED, take_damaged, d);
    if (e == OK)
        e = each(db, PENDING, take_damaged, d);
    *is_any = d->n > 0;
    if (e == OK && *is_any)
        e = db_begin(db);
    for (size_t i = 0; i < d->n && e == OK; i++)
        e = drop_key(db, SPAN_OF(d->keys[i]));
    if (*is_any)
        log_event(LOG_WARN,
                  "evidence is damaged; what was committed is read again from"
                  " the blocks",
                  LOG_UINT("records", d->n));
    return e;
}

static bool has_evidence(struct span meta, struct arena *a)
{
    struct block_meta m;
    struct hash       none;

    sha256(&none, SPAN(NULL, 0));
    return pb_decode(&block_meta_desc, &m, a, meta) == ACCEPT &&
           !span_eq(m.header.evidence_hash, hash_span(&none));
}

static enum err mark_height(struct db *db, int64_t height, struct arena *a)
{
    struct block b;
    struct span  bytes;
    enum err     e = db_get_meta(db, height, &bytes);

    if (e != OK || !has_evidence(bytes, a))
        return e;
    e = db_get_block(db, height, &bytes);
    if (e != OK)
        return e;
    if (pb_decode(&block_desc, &b, a, bytes) != ACCEPT)
        return db_damaged("a block", height);
    return db_mark_evidence(db, height, &b.evidence, a);
}

static enum err mark_all(struct db *db, struct arena *a)
{
    enum err e = db_begin(db);

    for (int64_t h = db->heads.lowest;
         e == OK && h > 0 && h <= db->heads.height; h++) {
        e = mark_height(db, h, a);
        arena_reset(a);
        if (e == OK && h % REBUILD_HEIGHTS == 0)
            e = db_commit(db);
        if (e == OK)
            e = db_begin(db);
    }
    if (e == OK)
        e = db_put(db, TABLE_MAIN, span_str(KEY_EVIDENCE), SPAN(NULL, 0));
    return e == OK ? db_commit(db) : e;
}

enum err db_open_evidence(struct db *db, struct arena *a)
{
    struct record r;
    bool          is_damaged;
    enum err      e = drop_damaged(db, &is_damaged, a);

    arena_reset(a);
    if (e == OK)
        e = db_get(db, TABLE_MAIN, span_str(KEY_EVIDENCE), &r);
    if (e == ERR_NOT_FOUND || is_damaged)
        e = mark_all(db, a);
    if (e != OK)
        db_undo(db);
    return e;
}
