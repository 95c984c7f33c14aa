/* pair - a block and the one above it, as peers give them: is the first the
 * one that follows?  It is believed by the commit for it in the second.
 *
 * Shapes:  pair_read, then pair_verify, then pair_follows.  Each says why the
 *          blocks do not hold, with the fault of whom, or NULL.
 * Memory:  what is read borrows from the slots and the arena.  Pure. */
#ifndef WARREN_CONSENSUS_PAIR_H
#define WARREN_CONSENSUS_PAIR_H

#include "consensus/sync.h"
#include "model/partset.h"
#include "model/state.h"
#include "wire/blocksync.h"

/* Which of the two is wrong. */
enum { PAIR_FIRST = 1, PAIR_SECOND = 2 };

struct pair {
    struct block_response *first, *second;
    struct part_set        parts; /* of the first block */
    struct block_id        id;
    bool                   is_extended;
    bool                   has_followed; /* pair_follows was content */
    unsigned               fault;        /* PAIR_* */
};

/* pair_read - what can be said of them alone. */
NODISCARD const char *pair_read(struct pair *p, const struct sync_slot *first,
                                const struct sync_slot *second,
                                struct arena           *a);
/* pair_verify - the commit in the second is one of this set for the first. */
NODISCARD const char *pair_verify(struct pair *p, const struct validators *set,
                                  struct span chain_id, struct arena *a);
/* pair_is_of - does the first block name this set as its own? */
bool pair_is_of(const struct pair *p, const struct validators *set);
/* pair_follows - the first block is what comes after c.  The commit in it was
 * verified as that of the block below, which is known, unless that is NULL.
 * Its evidence is left to the caller. */
NODISCARD const char *pair_follows(struct pair *p, const struct chain_state *c,
                                   const struct commit *known, struct arena *a);

#endif
