#include "ledger/state.h"

#include "iavl/multi.h"

#include <stdlib.h>

enum { T_HISTORY, T_CHAIN, T_TREES }; /* then two tables per tree */
enum {
    TABLES      = T_TREES + 2 * LEDGER_TREES,
    PRUNE_MIN   = 1024, /* nodes per tree and block */
    LAST_BYTES  = 8 + HASH_BYTES,
    CHAIN_BYTES = CHAIN_ID_BYTES_MAX,
};

static const char *const tables[TABLES] = {
    [T_HISTORY] = "history",
    [T_CHAIN]   = "chain",
    "auth.nodes",
    "auth.meta",
    "ibc.nodes",
    "ibc.meta",
    "records.nodes",
    "records.meta",
};

/* A height that is being read. */
struct reading {
    struct state    *state;
    struct iavl_view view[LEDGER_TREES];
    int64_t          height;
};

struct state {
    struct kv         *kv;
    struct kv_txn     *txn; /* being read or written, or NULL */
    struct iavl_kv     db[LEDGER_TREES];
    struct multi_store store[LEDGER_TREES];
    struct multi       multi;
    int64_t            keep, height, applied;
    struct hash        app_hash, applied_hash;
    uint8_t            chain_id[CHAIN_BYTES];
    size_t             chain_id_n;
    struct reading     reading;
};

/* ---- opening ---- */

static void read_begin(struct state *s)
{
    if (!s->txn)
        must_ok(kv_read(&s->txn, s->kv), "read the ledger's state");
}

void state_rest(struct state *s)
{
    if (s->txn)
        kv_abort(s->txn);
    s->txn = NULL;
}

static enum err open_trees(struct state *s, size_t cache_bytes)
{
    enum err e = OK;

    s->multi = (struct multi){ s->store, LEDGER_TREES };
    for (size_t i = 0; e == OK && i < LEDGER_TREES; i++) {
        kv_table nodes = (kv_table)(T_TREES + 2 * i);

        iavl_kv_init(&s->db[i], &s->txn, nodes, nodes + 1);
        s->store[i].name = store_name((enum ledger_store)i);
        e = iavl_open(&s->store[i].tree, s->store[i].name, &s->db[i].db,
                      cache_bytes / LEDGER_TREES);
    }
    return e;
}

static enum err read_chain(struct state *s)
{
    struct span v;
    enum err    e = kv_get(s->txn, T_CHAIN, span_str("last"), &v);

    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if (v.n != LAST_BYTES)
        return fail(ERR_CORRUPT, "ledger: the record of the last height is"
                                 " damaged; restore a backup");
    s->height = (int64_t)load_be64(v.p);
    memcpy(s->app_hash.b, v.p + 8, HASH_BYTES);
    e = kv_get(s->txn, T_CHAIN, span_str("chain_id"), &v);
    if (e || v.n == 0 || v.n > sizeof s->chain_id)
        return fail(ERR_CORRUPT, "ledger: the record of the chain id is"
                                 " damaged; restore a backup");
    memcpy(s->chain_id, v.p, v.n);
    s->chain_id_n = v.n;
    return OK;
}

/* The trees must be at the recorded height and hash to its app hash. */
static enum err check_whole(struct state *s)
{
    uint8_t      mem[8192];
    struct arena a;
    struct hash  got;
    enum err     e;

    if (s->height == 0)
        return OK;
    arena_use(&a, mem, sizeof mem);
    for (size_t i = 0; i < LEDGER_TREES; i++)
        if (iavl_version(s->store[i].tree) != s->height)
            return fail(ERR_CORRUPT,
                        "ledger: store %s is at height %" PRId64
                        ", expected %" PRId64 "; restore a backup",
                        s->store[i].name, iavl_version(s->store[i].tree),
                        s->height);
    e = multi_hash(&got, &s->multi, s->height, &a);
    if (e == OK && !hash_eq(&got, &s->app_hash))
        return fail(ERR_CORRUPT,
                    "ledger: the stores of height %" PRId64
                    " do not have its app hash; restore a backup",
                    s->height);
    return e;
}

enum err state_open(struct state **out, const char *dir,
                    const struct state_options *o)
{
    struct state *s = calloc(1, sizeof *s);
    enum err      e;

    must(s && o->keep >= 1);
    s->keep = o->keep;
    e       = kv_open(&s->kv, dir, tables, TABLES, KV_SYNC);
    if (e) {
        free(s);
        return e;
    }
    e = kv_read(&s->txn, s->kv);
    if (e == OK)
        e = open_trees(s, o->cache_bytes);
    if (e == OK)
        e = read_chain(s);
    if (e == OK)
        e = check_whole(s);
    state_rest(s);
    if (e) {
        state_close(s);
        return e;
    }
    *out = s;
    return OK;
}

void state_close(struct state *s)
{
    state_rest(s);
    for (size_t i = 0; i < LEDGER_TREES; i++)
        if (s->store[i].tree)
            iavl_close(s->store[i].tree);
    kv_close(s->kv);
    free(s);
}

int64_t state_height(const struct state *s)
{
    return s->height;
}

int64_t state_oldest(const struct state *s)
{
    return iavl_oldest(s->store[0].tree);
}

struct hash state_app_hash(const struct state *s)
{
    return s->app_hash;
}

struct span state_chain_id(const struct state *s)
{
    return SPAN(s->chain_id, s->chain_id_n);
}

/* ---- reading ---- */

static bool read_get(void *ctx, enum ledger_store store, struct span key,
                     struct span *value)
{
    struct reading *r = ctx;
    enum err        e;

    read_begin(r->state);
    if (store == STORE_HISTORY)
        e = kv_get(r->state->txn, T_HISTORY, key, value);
    else
        e = iavl_get(&r->view[store], key, value);
    if (e != ERR_NOT_FOUND)
        must_ok(e, "read the ledger's state");
    return e == OK;
}

static void range_history(struct state *s, struct span from, struct span to,
                          bool (*fn)(void *ctx, struct span key,
                                     struct span value),
                          void *ctx)
{
    struct kv_cursor *c;
    struct span       key, value;
    enum err          e;

    must_ok(kv_cursor_open(&c, s->txn, T_HISTORY), "read the history");
    e = kv_seek(c, from, &key, &value);
    while (e == OK && (!to.p || span_cmp(key, to) < 0) && fn(ctx, key, value))
        e = kv_next(c, &key, &value);
    kv_cursor_close(c);
    if (e != ERR_NOT_FOUND)
        must_ok(e, "read the history");
}

static void
read_range(void *ctx, enum ledger_store store, struct span from, struct span to,
           bool (*fn)(void *ctx, struct span key, struct span value),
           void *fn_ctx)
{
    struct reading *r = ctx;

    read_begin(r->state);
    if (store == STORE_HISTORY)
        range_history(r->state, from, to, fn, fn_ctx);
    else
        must_ok(iavl_range(&r->view[store], from, to, fn, fn_ctx),
                "read the ledger's state");
}

bool state_at(struct ledger_db *out, struct state *s, int64_t height)
{
    struct reading *r = &s->reading;

    read_begin(s);
    *r = (struct reading){ .state = s, .height = height };
    for (size_t i = 0; i < LEDGER_TREES; i++) {
        enum err e = OK;

        if (height == s->height)
            r->view[i] = iavl_latest(s->store[i].tree);
        else
            e = iavl_at(&r->view[i], s->store[i].tree, height);
        if (e == ERR_NOT_FOUND)
            return false;
        must_ok(e, "read the ledger's state");
    }
    *out = (struct ledger_db){ r, height, read_get, read_range };
    return true;
}

bool state_prove(struct abci_proof_ops *out, struct state *s,
                 enum ledger_store store, int64_t height, struct span key,
                 struct arena *a)
{
    enum err e;

    read_begin(s);
    e = multi_prove(out, &s->multi, store, height, key, a);
    if (e != ERR_BUSY)
        must_ok(e, "prove from the ledger's state");
    return e == OK;
}

/* ---- a block ---- */

static void apply_one(void *ctx, const struct change *ch)
{
    struct state *s = ctx;
    struct iavl  *t;
    enum err      e;

    if (ch->store >= LEDGER_TREES)
        return; /* history is written with the commit */
    t = s->store[ch->store].tree;
    e = ch->kind == CHANGE_SET ? iavl_set(t, ch->key, ch->value, NULL)
                               : iavl_remove(t, ch->key, NULL);
    must_ok(e, "write the ledger's state");
}

struct hash state_apply(struct state *s, const struct changes *c,
                        int64_t height, struct arena *scratch)
{
    for (size_t i = 0; i < LEDGER_TREES; i++)
        iavl_rollback(s->store[i].tree);
    read_begin(s);
    changes_each(c, apply_one, s);
    must_ok(multi_seal(&s->applied_hash, &s->multi, height, scratch),
            "hash the ledger's state");
    s->applied = height;
    return s->applied_hash;
}

static void write_history(void *ctx, const struct change *ch)
{
    struct state *s = ctx;

    if (ch->store == STORE_HISTORY)
        must_ok(kv_put(s->txn, T_HISTORY, ch->key, ch->value),
                "write the history");
}

/* Old heights go an eighth of the kept ones at a time, their nodes little by
 * little. */
static enum err prune(struct state *s, struct iavl *t, size_t lost)
{
    int64_t oldest = s->applied - s->keep + 1;
    bool    is_due = oldest - iavl_oldest(t) > s->keep / 8;

    if (!is_due && !iavl_is_pruning(t))
        return OK;
    return iavl_prune(t, is_due ? oldest : 0, PRUNE_MIN + 2 * lost);
}

static enum err write_trees(struct state *s)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < LEDGER_TREES; i++) {
        struct iavl *t    = s->store[i].tree;
        size_t       lost = iavl_lost(t);

        e = iavl_write(t);
        if (e == OK && iavl_version(t))
            e = prune(s, t, lost);
    }
    return e;
}

static enum err write_chain(struct state *s, struct span chain_id)
{
    uint8_t  last[LAST_BYTES];
    enum err e;

    must(chain_id.n > 0 && chain_id.n <= sizeof s->chain_id);
    store_be64(last, (uint64_t)s->applied);
    memcpy(last + 8, s->applied_hash.b, HASH_BYTES);
    e = kv_put(s->txn, T_CHAIN, span_str("chain_id"), chain_id);
    return e ? e : kv_put(s->txn, T_CHAIN, span_str("last"), SPAN_OF(last));
}

void state_commit(struct state *s, const struct changes *c,
                  struct span chain_id)
{
    struct kv_txn *t;

    must(s->applied);
    state_rest(s);
    must_ok(kv_write(&s->txn, s->kv), "commit the ledger's state");
    must_ok(write_trees(s), "write the ledger's state");
    changes_each(c, write_history, s);
    must_ok(write_chain(s, chain_id), "write the ledger's height");
    t      = s->txn;
    s->txn = NULL;
    must_ok(kv_commit(t), "commit the ledger's state");
    for (size_t i = 0; i < LEDGER_TREES; i++)
        iavl_publish(s->store[i].tree);
    memcpy(s->chain_id, chain_id.p, chain_id.n);
    s->chain_id_n = chain_id.n;
    s->height     = s->applied;
    s->app_hash   = s->applied_hash;
    s->applied    = 0;
}
