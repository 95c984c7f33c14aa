/* db - where the nodes of an IAVL tree are stored.
 *
 * Shapes:  two ordered tables of bytes.  Keys of IAVL_NODES are put in
 *          ascending order, above every key that is there.
 * Memory:  spans that are found are borrowed until the next call.
 * Errors:  ERR_NOT_FOUND for absent keys, others from the disk. */
#ifndef WARREN_IAVL_DB_H
#define WARREN_IAVL_DB_H

#include "base/err.h"
#include "kv/kv.h"

enum iavl_table { IAVL_NODES, IAVL_META };

struct iavl_db {
    NODISCARD enum err (*get)(struct iavl_db *db, enum iavl_table table,
                              struct span key, struct span *value);
    /* first key >= from */
    NODISCARD enum err (*seek)(struct iavl_db *db, enum iavl_table table,
                               struct span from, struct span *key,
                               struct span *value);
    /* last key of the table */
    NODISCARD enum err (*last)(struct iavl_db *db, enum iavl_table table,
                               struct span *key, struct span *value);
    NODISCARD enum err (*put)(struct iavl_db *db, enum iavl_table table,
                              struct span key, struct span value);
    NODISCARD enum err (*del)(struct iavl_db *db, enum iavl_table table,
                              struct span key);
};

/* In memory, for tests. */
struct iavl_mem;
struct iavl_mem *iavl_mem_new(void);
struct iavl_db  *iavl_mem_db(struct iavl_mem *m);
void             iavl_mem_free(struct iavl_mem *m);
size_t iavl_mem_count(const struct iavl_mem *m, enum iavl_table table);
/* iavl_mem_damage - flip a bit in the nth entry's value. */
void iavl_mem_damage(struct iavl_mem *m, enum iavl_table table, size_t nth,
                     size_t bit);

/* In two tables of LMDB, through the transaction that *txn points to: the
 * owner sets it before any call. */
struct iavl_kv {
    struct iavl_db  db;
    struct kv_txn **txn;
    kv_table        tables[2]; /* by enum iavl_table */
};
void iavl_kv_init(struct iavl_kv *k, struct kv_txn **txn, kv_table nodes,
                  kv_table meta);

#endif
