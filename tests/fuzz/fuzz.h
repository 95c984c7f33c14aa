/* fuzz - what every target shares.
 *
 * A target is a file fuzz_<name>.c that defines fuzz_one(): it takes any
 * bytes, and aborts (must) when its property does not hold.  Seeds come from
 * the vectors: see seeds.txt.  `make fuzz` runs each for FUZZ_SECONDS;
 * objects of a service that one needs besides libwarren are named in
 * FUZZ_OBJ_fuzz_<name>, as in tests/unit.
 *
 * Memory:  fuzz_arena is empty at each call and reset behind it. */
#ifndef WARREN_FUZZ_H
#define WARREN_FUZZ_H

#include "pb/pb.h"

extern struct arena fuzz_arena;

void fuzz_one(struct span in);

/* fuzz_decode - decode a message into *msg and check the codec on it: what it
 * encodes to has the size foretold, decodes again, and encodes to the same.
 *
 * False when the input does not decode. */
bool fuzz_decode(const struct pb_desc *d, void *msg, struct span in);

/* fuzz_take - n bytes off the front of *in, zeros where it ends. */
uint64_t fuzz_take(struct span *in, size_t n);

#endif
