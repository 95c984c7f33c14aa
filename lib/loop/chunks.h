/* chunks - a body that comes in chunks.
 *
 * Source:  RFC 9112 section 7.1; the bounds and words of Go's net/http.
 *          Lines end in CR LF here, also those of a trailer, which is read
 *          and forgotten. */
#ifndef WARREN_CHUNKS_H
#define WARREN_CHUNKS_H

#include "base/buf.h"

enum chunks_what { CHUNKS_MORE, CHUNKS_WHOLE, CHUNKS_BROKEN };

struct chunks {
    enum { CHUNKS_SIZE, CHUNKS_DATA, CHUNKS_DATA_END, CHUNKS_TRAILER } at;
    uint64_t    left;
    int64_t     excess; /* bytes that are no data, beyond what is fair */
    size_t      line_n;
    const char *why; /* it is broken */
    char        line[4096];
};

/* chunks_take - go on with in, data to out; *used of it belonged to the body.
 * Broken too when out is full. */
NODISCARD enum chunks_what chunks_take(struct chunks *c, struct span in,
                                       size_t *used, struct buf *out);
/* chunks_cut - why it is broken when nothing more comes. */
const char *chunks_cut(const struct chunks *c);

#endif
