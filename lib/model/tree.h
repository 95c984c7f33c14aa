/* tree - the root of a Merkle tree whose leaves come one by one.
 *
 * Source:  as crypto/merkle.h; equal to merkle_root over the same leaves.
 *          Roots of full subtrees are kept on a stack, so that neither the
 *          leaves nor their hashes need to be held.
 * Memory:  a struct tree of 2 KiB; messages above TREE_LEAF_BYTES are encoded
 *          in the arena, which is as full afterwards as before. */
#ifndef WARREN_TREE_H
#define WARREN_TREE_H

#include "crypto/hash.h"
#include "pb/pb.h"

enum { TREE_LEAF_BYTES = 256, TREE_PARTS_MAX = 4 };

struct tree {
    uint64_t    n;     /* leaves */
    size_t      depth; /* roots on the stack: the bits set in n */
    struct hash root[64];
};

static inline void tree_begin(struct tree *t)
{
    t->n = t->depth = 0;
}

/* tree_add - a leaf that is the concatenation of at most TREE_PARTS_MAX
 * parts. */
void tree_add(struct tree *t, const struct span *part, size_t n);
/* tree_add_message - the leaf is an encoded message; false when the arena
 * cannot hold it, and then nothing is added. */
NODISCARD bool tree_add_message(struct tree *t, const struct pb_desc *d,
                                const void *msg, struct arena *a);
/* tree_add_wrapped - a byte string as a message's field 1; an empty one is an
 * empty leaf (google.protobuf.BytesValue and StringValue). */
void tree_add_wrapped(struct tree *t, struct span value);
/* tree_end - the root over all leaves. */
void tree_end(const struct tree *t, struct hash *root);

/* uvarint_put - base-128 into at most ten bytes; the number written. */
size_t uvarint_put(uint8_t out[10], uint64_t v);

#endif
