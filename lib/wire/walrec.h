/* walrec - records of the write-ahead log in a file's bytes.
 *
 * Source:  CometBFT v0.38 consensus/wal.go.
 * Shapes:  a record is CRC-32C of the body (4 bytes, big endian), the body's
 *          length (4 bytes, big endian, 1 to WAL_RECORD_BYTES_MAX), the body:
 *          a TimedWALMessage.
 * Memory:  decoded messages borrow from the bytes and the arena. */
#ifndef WARREN_WIRE_WALREC_H
#define WARREN_WIRE_WALREC_H

#include "wire/wal.h"

/* crc32c - Castagnoli's polynomial, as iSCSI and Go's hash/crc32. */
uint32_t crc32c(struct span in);
/* crc32c_portable - the same without the processor's instruction. */
uint32_t crc32c_portable(struct span in);

/* wal_record_encode - a whole record in the arena; p is NULL when the body is
 * longer than WAL_RECORD_BYTES_MAX or the arena is full. */
struct span wal_record_encode(const struct timed_wal_msg *m, struct arena *a);

enum wal_verdict {
    WAL_RECORD,  /* *m holds it */
    WAL_END,     /* no more; up to three stray bytes count as none */
    WAL_CORRUPT, /* *why says how; the next call goes on behind it */
};

struct wal_reader {
    struct span bytes;
    size_t      at;    /* the next record */
    size_t      start; /* the last one returned, or found corrupt */
};

/* wal_next - the record at r->at, validated; moves behind it. */
NODISCARD enum wal_verdict wal_next(struct wal_reader    *r,
                                    struct timed_wal_msg *m, struct arena *a,
                                    const char **why);

enum wal_search { WAL_FOUND, WAL_ABSENT, WAL_DAMAGED };

/* wal_search_end_height - puts the reader behind EndHeight(height).
 *
 * WAL_DAMAGED at the first corrupt record unless skip_corrupt (r->start is
 * where).  *last is the last height ended before the stop, or -1.  Leaves the
 * arena as it was. */
NODISCARD enum wal_search wal_search_end_height(struct wal_reader *r,
                                                int64_t            height,
                                                bool               skip_corrupt,
                                                struct arena *a, int64_t *last);

#endif
