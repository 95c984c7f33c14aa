/* explain - why evidence was refused, in CometBFT's words: pure.
 *
 * Source:  CometBFT v0.38 evidence/verify.go. */
#ifndef WARREN_CONSENSUS_EXPLAIN_H
#define WARREN_CONSENSUS_EXPLAIN_H

#include "consensus/pool.h"

/* explain - of evidence that the pool has refused with these facts; why is the
 * pool's own reason, for what needs no numbers. */
void explain(struct buf *out, const struct pool *p, const struct evidence *ev,
             const struct pool_facts *f, const char *why);

#endif
