#include "iavl/db.h"

static struct iavl_kv *self(struct iavl_db *db)
{
    return CONTAINER_OF(db, struct iavl_kv, db);
}

static enum err get(struct iavl_db *db, enum iavl_table table, struct span key,
                    struct span *value)
{
    return kv_get(*self(db)->txn, self(db)->tables[table], key, value);
}

static enum err seek(struct iavl_db *db, enum iavl_table table,
                     struct span from, struct span *key, struct span *value)
{
    struct kv_cursor *c;
    enum err          e;

    e = kv_cursor_open(&c, *self(db)->txn, self(db)->tables[table]);
    if (e)
        return e;
    e = kv_seek(c, from, key, value);
    kv_cursor_close(c);
    return e;
}

static enum err last(struct iavl_db *db, enum iavl_table table,
                     struct span *key, struct span *value)
{
    struct kv_cursor *c;
    enum err          e;

    e = kv_cursor_open(&c, *self(db)->txn, self(db)->tables[table]);
    if (e)
        return e;
    e = kv_last(c, key, value);
    kv_cursor_close(c);
    return e;
}

static enum err put(struct iavl_db *db, enum iavl_table table, struct span key,
                    struct span value)
{
    kv_table t = self(db)->tables[table];

    if (table == IAVL_NODES)
        return kv_append(*self(db)->txn, t, key, value);
    return kv_put(*self(db)->txn, t, key, value);
}

static enum err del(struct iavl_db *db, enum iavl_table table, struct span key)
{
    return kv_del(*self(db)->txn, self(db)->tables[table], key);
}

void iavl_kv_init(struct iavl_kv *k, struct kv_txn **txn, kv_table nodes,
                  kv_table meta)
{
    *k = (struct iavl_kv){ .db     = { get, seek, last, put, del },
                           .txn    = txn,
                           .tables = {
                               [IAVL_NODES] = nodes, [IAVL_META] = meta } };
}
