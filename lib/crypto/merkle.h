/* merkle - ordered Merkle trees with membership proofs.
 *
 * Source:  RFC 6962 section 2.1 (leaf prefix 0x00, node prefix 0x01), as
 *          CometBFT crypto/merkle: the empty tree is SHA-256 of nothing, a
 *          tree splits at the largest power of two strictly below n.
 * Shapes:  hashes are 32 bytes; aunts run from leaf to root, at most 100.
 * Memory:  merkle_root uses O(log n) stack; proofs are made in the arena. */
#ifndef WARREN_MERKLE_H
#define WARREN_MERKLE_H

#include "base/arena.h"
#include "crypto/hash.h"

void merkle_leaf(struct hash *out, struct span leaf);
void merkle_inner(struct hash *out, const struct hash *l, const struct hash *r);

/* merkle_root - over n leaves; merkle_root_hashes over hashes of leaves. */
void merkle_root(struct hash *root, const struct span *leaf, size_t n);
void merkle_root_hashes(struct hash *root, const struct hash *leaf, size_t n);

struct merkle_proof {
    int64_t            total, index;
    struct span        leaf_hash;
    const struct span *aunts;
    size_t             aunt_count;
};

/* merkle_proofs - root and a proof for each of n leaves, in the arena.
 *
 * False when the arena is full. */
NODISCARD bool merkle_proofs(struct hash *root, struct merkle_proof *out,
                             const struct span *leaf, size_t n,
                             struct arena *a);

/* merkle_proof_root - what the proof's leaf hash and aunts lead to; false
 * when their number does not fit total and index. */
NODISCARD bool merkle_proof_root(struct hash               *root,
                                 const struct merkle_proof *p);

/* merkle_verify - is leaf under root by p?  Malformed is false. */
NODISCARD bool merkle_verify(struct span root, struct span leaf,
                             const struct merkle_proof *p);

#endif
