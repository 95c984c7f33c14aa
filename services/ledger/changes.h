/* changes - what has been written on top of a committed state.
 *
 * Shapes:  entries ordered by store and key, one per key; the last write
 *          counts.  changes_begin marks a point to which changes_undo goes
 *          back; marks do not nest.
 * Memory:  everything in the arena; keys and values are copied.  A write that
 *          finds it full sets is_full and is lost: whoever executes must ask
 *          at the end. */
#ifndef WARREN_LEDGER_CHANGES_H
#define WARREN_LEDGER_CHANGES_H

#include "base/arena.h"

/* Where the state is.  The first three are trees under the app hash. */
enum ledger_store {
    STORE_AUTH,
    STORE_IBC,
    STORE_RECORDS,
    STORE_HISTORY, /* every version of every record */
    LEDGER_TREES = STORE_HISTORY,
};

struct change {
    struct change    *child[2];
    int               height;
    enum ledger_store store;
    struct span       key, value;
    enum { CHANGE_NONE, CHANGE_SET, CHANGE_DELETED } kind;
};

struct undo;

struct changes {
    struct arena  *arena;
    struct change *root;
    struct undo   *undo; /* since the mark */
    bool           has_mark, is_full;
};

void changes_init(struct changes *c, struct arena *a);

/* changes_find - the entry of a key, or NULL when it was not written. */
const struct change *changes_find(const struct changes *c,
                                  enum ledger_store store, struct span key);
void changes_set(struct changes *c, enum ledger_store store, struct span key,
                 struct span value);
void changes_delete(struct changes *c, enum ledger_store store,
                    struct span key);

void changes_begin(struct changes *c);
void changes_undo(struct changes *c); /* back to the mark, which is gone */
void changes_keep(struct changes *c); /* only the mark is gone */

/* changes_each - every written key in order. */
void changes_each(const struct changes *c,
                  void (*fn)(void *ctx, const struct change *ch), void *ctx);

#endif
