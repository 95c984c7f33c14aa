/* iavl - a versioned, authenticated, balanced tree of keys and values.
 *
 * Source:  the IAVL+ tree of Cosmos (iavl v1.2.2: shape, hashes, versions and
 *          node numbers); proofs are ICS-23.
 * Shapes:  keys and values are any bytes, but an empty key or value cannot be
 *          proved, nor an absence next to it.  A version is a positive
 *          number above the last one.
 *          Writes go to the working tree; iavl_seal turns it into a version
 *          and yields its root, iavl_write stores what is new in it, and
 *          iavl_publish makes it the latest.  iavl_rollback forgets
 *          the working tree at any point before iavl_publish.
 * Cost:    a write copies the nodes on its path that are still unchanged in
 *          this version; each is hashed and stored once per version.  A
 *          node names its children with their heights, sizes and hashes, so
 *          that siblings off the path are not read.
 * Memory:  nodes that were used of late are kept up to a number of bytes.
 *          Values and views are borrowed until the next call on the tree.
 * Errors:  those of the db below; ERR_CORRUPT when a stored node does not
 *          have the hash that its parent names. */
#ifndef WARREN_IAVL_H
#define WARREN_IAVL_H

#include "iavl/db.h"
#include "ics23/ics23.h"

struct iavl;
struct iavl_node;

/* Where a subtree is, and what its parent knows of it.  size 0: empty. */
struct iavl_ref {
    struct iavl_node *node; /* while it is not stored yet */
    int64_t           version, size;
    uint32_t          nonce;
    int8_t            height;
    struct hash       hash;
};

/* One state of a tree to read from. */
struct iavl_view {
    struct iavl    *tree;
    struct iavl_ref root;
};

/* iavl_open - db must stay; name appears in messages.  Reads the latest
 * version, if there is one. */
NODISCARD enum err iavl_open(struct iavl **out, const char *name,
                             struct iavl_db *db, size_t cache_bytes);
void               iavl_close(struct iavl *t);

int64_t iavl_version(const struct iavl *t); /* latest published; 0: none */
int64_t iavl_oldest(const struct iavl *t);  /* still stored; 0: none */

/* ---- reading ---- */

/* iavl_latest, iavl_working - the published and the working state. */
struct iavl_view iavl_latest(struct iavl *t);
struct iavl_view iavl_working(struct iavl *t);
/* iavl_at - the state of a version; ERR_NOT_FOUND when it is not stored. */
NODISCARD enum err iavl_at(struct iavl_view *out, struct iavl *t,
                           int64_t version);
/* iavl_root - of a published or sealed state; of the empty tree SHA-256 of
 * nothing. */
struct hash iavl_root(const struct iavl_view *v);

/* iavl_get - ERR_NOT_FOUND when there is no such key. */
NODISCARD enum err iavl_get(const struct iavl_view *v, struct span key,
                            struct span *value);

/* iavl_range - fn for each key in ascending order from the first >= from,
 * until it returns false, to < to (to.p NULL: to the end).  fn must not
 * call the tree. */
typedef bool       iavl_range_fn(void *ctx, struct span key, struct span value);
NODISCARD enum err iavl_range(const struct iavl_view *v, struct span from,
                              struct span to, iavl_range_fn *fn, void *ctx);

/* iavl_prove - that key is there, or that it is not, in a published state.
 *
 * In an empty tree the proof of absence has neither side, and verifies
 * nowhere.  ERR_BUSY when the arena is full. */
NODISCARD enum err iavl_prove(struct ics23_proof     *out,
                              const struct iavl_view *v, struct span key,
                              struct arena *a);

/* ---- writing ---- */

/* iavl_set - *was_there when the key had a value; may be NULL.  Setting the
 * same value again makes a new leaf all the same.  ERR_USAGE without a value
 * (p NULL); one of no bytes is fine. */
NODISCARD enum err iavl_set(struct iavl *t, struct span key, struct span value,
                            bool *was_there);
/* iavl_remove - without the key nothing changes. */
NODISCARD enum err iavl_remove(struct iavl *t, struct span key,
                               bool *was_there);

/* iavl_seal - number and hash what is new; no write may follow. */
void iavl_seal(struct iavl *t, int64_t version, struct hash *root);
/* iavl_write - into db, inside a transaction of its owner. */
NODISCARD enum err iavl_write(struct iavl *t);
/* iavl_publish - after that transaction has been committed. */
void iavl_publish(struct iavl *t);
void iavl_rollback(struct iavl *t);
/* iavl_lost - how many stored nodes the working tree no longer uses. */
size_t iavl_lost(const struct iavl *t);

/* iavl_prune - forget versions below oldest, and delete at most about budget
 * nodes that only they used (the rest is left for later calls); inside a
 * transaction.  The latest version always stays.
 *
 * Nodes are deleted in the order of their keys, many versions' at a time, so
 * that those on one page go together: call it with a new oldest now and then
 * rather than for each version, and while iavl_is_pruning for the rest. */
NODISCARD enum err iavl_prune(struct iavl *t, int64_t oldest, size_t budget);
bool               iavl_is_pruning(const struct iavl *t);

/* iavl_walk - every node of a published state in pre-order, for checks. */
struct iavl_seen {
    struct iavl_ref ref;
    struct span     key, value; /* value.p NULL: an inner node */
};
typedef void       iavl_walk_fn(void *ctx, const struct iavl_seen *n);
NODISCARD enum err iavl_walk(const struct iavl_view *v, iavl_walk_fn *fn,
                             void *ctx);

#endif
