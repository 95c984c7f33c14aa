/* partset - a block cut into parts that can be checked one by one.
 *
 * Source:  CometBFT v0.38 types/part_set.go.
 * Memory:  a set made from bytes borrows them; a set filled from parts owns
 *          one buffer in its arena. */
#ifndef WARREN_PARTSET_H
#define WARREN_PARTSET_H

#include "crypto/hash.h"
#include "model/types.h"

struct part_set {
    uint32_t      total, count;
    struct hash   root;
    uint8_t      *bytes;  /* parts in place, PART_BYTES apart */
    size_t        size;   /* of all parts added so far */
    size_t        last;   /* bytes of the last part once known */
    uint64_t     *have;   /* a bit each */
    struct proof *proofs; /* one each, in the arena */
    struct arena *arena;
};

/* part_set_from_bytes - cut data; false when the arena is full. */
NODISCARD bool part_set_from_bytes(struct part_set *out, struct span data,
                                   struct arena *a);
/* part_set_init - empty, waiting for parts under this header. */
NODISCARD bool part_set_init(struct part_set              *out,
                             const struct part_set_header *h, struct arena *a);
/* part_validate - ValidateBasic of one part. */
enum reject part_validate(const struct part *p);
/* part_set_add - checks index, size and proof.  *is_new is false for one
 * that was there.  On reject nothing changes. */
NODISCARD enum reject part_set_add(struct part_set *s, const struct part *p,
                                   bool *is_new);
bool                  part_set_has(const struct part_set *s, uint32_t index);
bool                  part_set_is_complete(const struct part_set *s);
/* part_set_part - the part at index, which must be there. */
struct part part_set_part(const struct part_set *s, uint32_t index);
/* part_set_bytes - the whole data; only when complete. */
struct span            part_set_bytes(const struct part_set *s);
struct part_set_header part_set_header(const struct part_set *s);

#endif
