/* stamp - moments in UTC, as seconds and nanoseconds.
 *
 * Source:  google.protobuf.Timestamp; RFC 3339; Go's time.RFC3339Nano.
 * Units:   seconds since 1970-01-01T00:00:00Z; 0 <= nanos < 10^9.
 *          STAMP_ZERO is Go's zero time, year 1. */
#ifndef WARREN_STAMP_H
#define WARREN_STAMP_H

#include "base/buf.h"

struct stamp {
    int64_t seconds;
    int32_t nanos;
};

#define STAMP_ZERO_SECONDS INT64_C(-62135596800)
#define STAMP_MAX_SECONDS  INT64_C(253402300799) /* end of the year 9999 */
#define STAMP_ZERO         ((struct stamp){ STAMP_ZERO_SECONDS, 0 })

static inline bool stamp_is_zero(struct stamp t)
{
    return t.seconds == STAMP_ZERO_SECONDS && t.nanos == 0;
}

static inline int stamp_cmp(struct stamp a, struct stamp b)
{
    if (a.seconds != b.seconds)
        return a.seconds < b.seconds ? -1 : 1;
    return (a.nanos > b.nanos) - (a.nanos < b.nanos);
}

/* stamp_valid - the range that protobuf can carry: years 1 to 9999. */
static inline bool stamp_valid(struct stamp t)
{
    return t.seconds >= STAMP_ZERO_SECONDS && t.seconds <= STAMP_MAX_SECONDS &&
           t.nanos >= 0 && t.nanos < 1000000000;
}

/* stamp_add - t + nanoseconds; saturates outside the valid range. */
struct stamp stamp_add(struct stamp t, int64_t nanoseconds);

/* stamp_diff - a - b in nanoseconds, saturating. */
int64_t stamp_diff(struct stamp a, struct stamp b);

/* stamp_parse - RFC 3339 with an optional fraction; the zone must be Z. */
NODISCARD bool stamp_parse(struct stamp *t, struct span text);

/* stamp_print - RFC3339Nano: no trailing zeros in the fraction, ends in Z. */
void stamp_print(struct buf *b, struct stamp t);

#endif
