/* pace - how far block sync is, how fast it goes, how long it will take.
 *
 * Units:   microseconds of a clock that does not jump; blocks a second.
 * Memory:  fixed.  Pure. */
#ifndef WARREN_CONSENSUS_PACE_H
#define WARREN_CONSENSUS_PACE_H

#include "base/base.h"
#include "base/buf.h"

enum { PACE_LINE_BYTES = 256 };

struct pace {
    int64_t  first, height; /* where it began; what we have */
    uint64_t us;            /* when we had it */
    double   rate;          /* of the last seconds */
    bool     has_rate;
};

void pace_begin(struct pace *p, int64_t height, uint64_t now_us);
/* pace_note - height is what we have now.  To be called a few times a
 * second or less often. */
void pace_note(struct pace *p, int64_t height, uint64_t now_us);

/* pace_left_s - seconds until top at this rate; -1 when nothing moves. */
int64_t pace_left_s(const struct pace *p, int64_t top);

/* pace_line - the whole of it for people, of less than `columns`
 * characters, all ASCII.  top < 0: no peer has told yet. */
void pace_line(struct buf *out, const struct pace *p, int64_t top, size_t peers,
               size_t columns);

#endif
