/* partset - a block cut into parts that can be checked one by one.
 *
 * Source:  CometBFT v0.38 types/part_set.go.
 * Shapes:  all parts but the last have PART_BYTES; at most BLOCK_PARTS_MAX.
 * Memory:  a set made from bytes borrows them; a set filled from parts owns
 *          one buffer in its arena, which must outlive it. */
#ifndef WARREN_PARTSET_H
#define WARREN_PARTSET_H

#include "base/limits.h"
#include "crypto/hash.h"
#include "model/types.h"

struct part_set {
    uint32_t       total, count;
    struct hash    root;
    const uint8_t *bytes; /* parts in place, part_size apart */
    uint8_t       *room;  /* the same, to be filled; NULL when borrowed */
    size_t         part_size;
    size_t         size;   /* of all parts added so far */
    size_t         last;   /* bytes of the last part once it is there */
    uint64_t      *have;   /* a bit each */
    struct proof  *proofs; /* one each, in the arena */
    struct arena  *arena;
};

/* part_set_from_bytes - cut data; false when the arena is full or data has
 * more than BLOCK_PARTS_MAX parts. */
NODISCARD bool part_set_from_bytes(struct part_set *out, struct span data,
                                   struct arena *a);
/* part_set_cut - with parts of another size, and any number of them. */
NODISCARD bool part_set_cut(struct part_set *out, struct span data,
                            size_t part_size, struct arena *a);
/* part_set_init - empty, waiting for parts under this header.
 *
 * False when it is not a header of one to BLOCK_PARTS_MAX parts with a root,
 * or the arena is full. */
NODISCARD bool part_set_init(struct part_set              *out,
                             const struct part_set_header *h, struct arena *a);
/* part_validate - ValidateBasic of one part. */
NODISCARD enum reject part_validate(const struct part *p);
/* part_set_add - copies a part that has its place and its proof.
 *
 * *is_new is false for one that was there, whatever it carries.  On reject
 * nothing changes. */
NODISCARD enum reject part_set_add(struct part_set *s, const struct part *p,
                                   bool *is_new);
bool                  part_set_has(const struct part_set *s, uint32_t index);
bool                  part_set_is_complete(const struct part_set *s);
/* part_set_part - the part at index, which must be there; borrowed. */
struct part part_set_part(const struct part_set *s, uint32_t index);
/* part_set_bytes - the whole data; only when complete. */
struct span part_set_bytes(const struct part_set *s);
/* part_set_header - borrows the root from s. */
struct part_set_header part_set_header(const struct part_set *s);
bool                   part_set_has_header(const struct part_set        *s,
                                           const struct part_set_header *h);

#endif
