/* duration - spans of time as Go writes them: "1h30m", "100ms", "0s".
 *
 * Source:  Go's time.ParseDuration and Duration.String.
 * Units:   nanoseconds. */
#ifndef WARREN_DURATION_H
#define WARREN_DURATION_H

#include "base/buf.h"

/* duration_parse - the whole text; false when malformed or out of range. */
NODISCARD bool duration_parse(int64_t *out, const char *text);
void           duration_print(struct buf *out, int64_t ns);

#endif
