/* multi - several named trees under one app hash.
 *
 * Source:  Cosmos SDK store/rootmulti: the hash and the proof operators of
 *          ics23/multistore.h over the roots of the trees.
 * Memory:  results live in the arena; ERR_BUSY when it is full.  The stores
 *          belong to the caller. */
#ifndef WARREN_IAVL_MULTI_H
#define WARREN_IAVL_MULTI_H

#include "iavl/iavl.h"
#include "ics23/ops.h"

enum { MULTI_STORES_MAX = 64 };

struct multi_store {
    const char  *name;
    struct iavl *tree;
};

struct multi {
    const struct multi_store *v;
    size_t                    n; /* at most MULTI_STORES_MAX */
};

/* multi_find - the index of a store, or n when no store has that name. */
size_t multi_find(const struct multi *m, struct span name);

/* multi_hash - the app hash of a version; ERR_NOT_FOUND unless every tree
 * still has it. */
NODISCARD enum err multi_hash(struct hash *app_hash, const struct multi *m,
                              int64_t version, struct arena *a);

/* multi_seal - seal every tree as this version; the app hash it will have. */
NODISCARD enum err multi_seal(struct hash *app_hash, const struct multi *m,
                              int64_t version, struct arena *a);

/* multi_prove - the operators (ics23:iavl, ics23:simple) that prove key in
 * store i at a version, or its absence. */
NODISCARD enum err multi_prove(struct abci_proof_ops *out,
                               const struct multi *m, size_t i, int64_t version,
                               struct span key, struct arena *a);

#endif
