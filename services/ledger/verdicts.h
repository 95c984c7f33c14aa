/* verdicts - hashes of transactions whose signatures are known to hold.
 *
 * Shapes:  two generations of VERDICTS_MAX hashes each; when the younger is
 *          full the older one is forgotten.  Only good verdicts are kept.
 * Memory:  in the arena given at the start, about 4 MiB. */
#ifndef WARREN_LEDGER_VERDICTS_H
#define WARREN_LEDGER_VERDICTS_H

#include "base/arena.h"
#include "crypto/hash.h"

enum { VERDICTS_MAX = 32768 };

struct verdicts {
    struct hash *slot[2]; /* [0]: the younger; a zero hash is a free slot */
    size_t       count;   /* in the younger */
};

/* verdicts_init - aborts when the arena has no room. */
void verdicts_init(struct verdicts *v, struct arena *a);
bool verdicts_has(const struct verdicts *v, const struct hash *tx);
void verdicts_add(struct verdicts *v, const struct hash *tx);

#endif
