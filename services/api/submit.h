/* submit - transactions on their way to the mempool, several in one request.
 *
 * Company: one that comes alone leaves at once.  What comes while others are
 *          on their way waits for their answers, HOLD_US at most, and a moment
 *          for the next of those who were just answered: clients that wait for
 *          their answers soon travel together.
 * Shapes:  at most GROUP_TXS in a request, and GROUP_BYTES unless it is one;
 *          their order is that of the calls.
 * Memory:  the bytes stay in their calls, which last until they are told. */
#ifndef WARREN_API_SUBMIT_H
#define WARREN_API_SUBMIT_H

#include "api/call.h"

struct submits;
struct submits *submits_new(struct shell *s);
void            submits_free(struct submits *g);

/* submit_tx - the call's first argument.  `then` gets what the mempool says
 * of it, borrowed until it ends, or the call fails by itself. */
void submit_tx(struct call *c,
               void (*then)(struct call                       *c,
                            const Mempool__Submitted__Verdict *v));

#endif
