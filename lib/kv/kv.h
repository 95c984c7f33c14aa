/* kv - ordered key-value tables in one LMDB environment.
 *
 * Source:  LMDB 0.9; lib/kv is its only includer.
 * Shapes:  keys of 1 to 511 bytes, ordered as bytes; one writer at a time.
 * Memory:  spans from a transaction are borrowed from the map and valid until
 *          it ends or writes.
 *          A key or value passed to kv_put must not lie in the map.
 * Errors:  ERR_DISK when the disk is full or fails (the transaction is lost,
 *          the environment stays whole), ERR_CORRUPT for damage, ERR_NOT_FOUND
 *          for absent keys.  Space is checked before LMDB maps a file, because
 *          a full disk would otherwise end the process with SIGBUS. */
#ifndef WARREN_KV_H
#define WARREN_KV_H

#include "base/err.h"

struct kv;
struct kv_txn;
struct kv_cursor;
typedef unsigned kv_table; /* index into the names given to kv_open */

enum { KV_SYNC = 0, KV_NOSYNC = 1 };

/* kv_open - dir is made (0700) when missing.  The map grows by itself. */
NODISCARD enum err kv_open(struct kv **out, const char *dir,
                           const char *const *tables, size_t table_count,
                           int flags);
void               kv_close(struct kv *kv);
NODISCARD enum err kv_sync(struct kv *kv);
size_t             kv_disk_bytes(const struct kv *kv);
/* kv_set_map - the address space to start with, for tests of its growth. */
void kv_set_map(struct kv *kv, size_t bytes);

/* A failed operation of a write transaction leaves nothing but kv_abort.
 * Cursors are closed before their transaction ends. */
NODISCARD enum err kv_read(struct kv_txn **out, struct kv *kv);
NODISCARD enum err kv_write(struct kv_txn **out, struct kv *kv);
/* kv_commit - durable when it returns OK (without KV_NOSYNC).  The
 * transaction is gone either way. */
NODISCARD enum err kv_commit(struct kv_txn *t);
void               kv_abort(struct kv_txn *t); /* also ends a read */

NODISCARD enum err kv_get(struct kv_txn *t, kv_table table, struct span key,
                          struct span *value);
/* kv_count - how many entries the table has had put, whatever can be read. */
NODISCARD enum err kv_count(struct kv_txn *t, kv_table table, size_t *count);
NODISCARD enum err kv_put(struct kv_txn *t, kv_table table, struct span key,
                          struct span value);
/* kv_append - put at the end; keys must come in ascending order, which is
 * the caller's to know. */
NODISCARD enum err kv_append(struct kv_txn *t, kv_table table, struct span key,
                             struct span value);
/* kv_reserve - put a value of n bytes to be filled in by the caller. */
NODISCARD enum err kv_reserve(struct kv_txn *t, kv_table table, struct span key,
                              size_t n, uint8_t **value);
NODISCARD enum err kv_del(struct kv_txn *t, kv_table table, struct span key);

/* Cursors: kv_seek goes to the first key >= key (empty key: the first),
 * kv_last to the last; ERR_NOT_FOUND at either end. */
NODISCARD enum err kv_cursor_open(struct kv_cursor **out, struct kv_txn *t,
                                  kv_table table);
void               kv_cursor_close(struct kv_cursor *c);
NODISCARD enum err kv_seek(struct kv_cursor *c, struct span key, struct span *k,
                           struct span *v);
NODISCARD enum err kv_next(struct kv_cursor *c, struct span *k, struct span *v);
NODISCARD enum err kv_prev(struct kv_cursor *c, struct span *k, struct span *v);
NODISCARD enum err kv_last(struct kv_cursor *c, struct span *k, struct span *v);

#endif
