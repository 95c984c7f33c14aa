/* pack - bytes made smaller for the disk.
 *
 * Source:  Zstandard (RFC 8878); lib/pack is the only includer of zstd.h.
 * Shapes:  packed bytes begin with the size of what they hold, 4 bytes little
 *          endian.
 * Memory:  one context per process, kept. */
#ifndef WARREN_PACK_H
#define WARREN_PACK_H

#include "base/arena.h"

/* pack - in, packed into the arena; p is NULL when that would not be smaller
 * by at least an eighth, or the arena is full. */
struct span pack(struct span in, struct arena *a);
/* unpack_size - what packed bytes hold; 0 when they are malformed. */
size_t unpack_size(struct span packed);
/* unpack - into exactly n = unpack_size() bytes; false when malformed. */
NODISCARD bool unpack(uint8_t *out, size_t n, struct span packed);

#endif
