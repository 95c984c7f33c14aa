/* tree - what the parts of lib/iavl share. */
#ifndef WARREN_IAVL_TREE_H
#define WARREN_IAVL_TREE_H

#include "iavl/node.h"

struct iavl_orphan {
    int64_t  version;
    uint32_t nonce;
};

struct iavl {
    const char         *name;
    struct iavl_db     *db;
    struct node_cache   cache;
    struct iavl_ref     latest, working;
    int64_t             version, oldest; /* published; 0: none */
    int64_t             sealed;          /* 0: not sealed */
    struct iavl_orphan *orphans;         /* stored nodes that working lost */
    size_t              orphan_count, orphan_cap;
    struct buf          moved;   /* an inner key on its way up */
    struct buf          scratch; /* one record being encoded */
};

/* tree_load - the node behind a reference that is not empty; borrowed until
 * the cache is trimmed. */
NODISCARD enum err tree_load(struct iavl *t, const struct iavl_ref *ref,
                             struct iavl_node **out);

#endif
