/* segments - the files of a journal: read at the start, appended, dropped.
 *
 * Shapes:  DIR/NNNNNNNN.log, numbered without a gap; records of length and
 *          CRC-32C (4 bytes each, big endian) and body.  The last file that
 *          has any bytes may end in half a record, which is cut.
 * Errors:  ERR_CORRUPT for damage anywhere else, ERR_BUSY when another
 *          process holds the directory, ERR_DISK. */
#ifndef WARREN_MEMPOOL_SEGMENTS_H
#define WARREN_MEMPOOL_SEGMENTS_H

#include "base/err.h"

enum { RECORD_HEAD = 8, RECORD_BODY_MAX = 288 << 20 };

struct segment {
    uint32_t number;
    uint64_t bytes;
    size_t   held;     /* records in it that still matter */
    uint64_t released; /* the mark when the last one ceased to */
};

struct segments {
    char           *dir;
    int             dir_fd, lock_fd, fd; /* fd: the last one, for appending */
    size_t          segment_bytes;
    struct segment *v; /* ascending */
    size_t          n, cap;
    uint32_t        last;
    uint64_t        bytes, held_bytes;
};

/* Each record while opening; false when it makes no sense. */
typedef bool segments_fn(void *ctx, uint32_t segment, struct span body);

/* segments_replay - hand each record of a file's bytes to fn; how many bytes
 * are whole records that make sense. */
size_t segments_replay(struct span in, uint32_t segment, segments_fn *fn,
                       void *ctx);

NODISCARD enum err segments_open(struct segments *s, const char *dir,
                                 size_t segment_bytes, segments_fn *fn,
                                 void *ctx);
void               segments_close(struct segments *s);

/* segments_seal - fill in the head in front of a body of n bytes, which goes
 * to the last segment. */
void segments_seal(struct segments *s, uint8_t *record, size_t n);
bool segments_is_full(const struct segments *s);
/* segments_next - begin another; the fd of the one before is the caller's. */
NODISCARD enum err segments_next(struct segments *s);

/* A record of so many body bytes matters, and matters no more; what replaces
 * it has that mark. */
void segments_hold(struct segments *s, uint32_t segment, size_t bytes);
void segments_release(struct segments *s, uint32_t segment, size_t bytes,
                      uint64_t mark);

/* segments_drop - remove from the front what matters no more, as far as what
 * replaced it is on disk; the last keep stay. */
void segments_drop(struct segments *s, uint64_t durable, size_t keep);
/* segments_crowded - the first, when most bytes of all do not matter. */
uint32_t segments_crowded(const struct segments *s, size_t keep);

#endif
