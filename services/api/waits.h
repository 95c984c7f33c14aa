/* waits - calls that wait until a block holds their transaction.
 *
 * While calls wait, each new block is read once (heights) and its transactions
 * are looked up among them.
 * Units:   microseconds.
 * Memory:  at most WAITS_MAX calls wait. */
#ifndef WARREN_WAITS_H
#define WARREN_WAITS_H

#include "api/shell.h"
#include "crypto/hash.h"

struct waits;
struct wait;
enum { WAITS_MAX = 10000 };

struct waits *waits_new(struct shell *s);
void          waits_free(struct waits *w);

/* waits_add - fn(ctx, true) once hash is in a block, or fn(ctx, false) after
 * timeout_us; never from inside this call.  NULL when too many wait. */
struct wait *waits_add(struct waits *w, const struct hash *hash,
                       uint64_t timeout_us,
                       void (*fn)(void *ctx, bool is_committed), void *ctx);
/* waits_remove - forget one that has not ended. */
void waits_remove(struct wait *x);

#endif
