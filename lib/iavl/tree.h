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
    /* Stored nodes that no kept version uses, in the order of their keys:
     * distance from doomed_base and nonce, 32 bits each. */
    uint64_t *doomed;
    size_t    doomed_count, doomed_at;
    int64_t   doomed_base;
    uint8_t   doomed_end[13]; /* the last list that they come from */
};

enum { ORPHANS_KEY = 13 }; /* bytes of 'o', version, chunk */

/* tree_load - the node behind a reference that is not empty; borrowed until
 * the cache is trimmed. */
NODISCARD enum err tree_load(struct iavl *t, const struct iavl_ref *ref,
                             struct iavl_node **out);

void               tree_root_key(uint8_t key[9], int64_t version);
NODISCARD enum err tree_find_oldest(struct iavl *t);

#endif
