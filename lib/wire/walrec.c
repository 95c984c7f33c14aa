#include "wire/walrec.h"

#include "base/limits.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

enum { HEADER_BYTES = 8, LENGTH_AT = 4 };

/* ---- CRC-32C ---- */

uint32_t crc32c_portable(struct span in)
{
    /* The remainders of four bits by the reflected polynomial 82f63b78. */
    static const uint32_t by_nibble[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };

    uint32_t crc = ~UINT32_C(0);

    for (size_t i = 0; i < in.n; i++) {
        crc ^= in.p[i];
        crc = crc >> 4 ^ by_nibble[crc & 15];
        crc = crc >> 4 ^ by_nibble[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(struct span in)
{
    uint64_t wide = UINT32_MAX;
    uint32_t crc;
    size_t   i = 0;

    for (; i + 8 <= in.n; i += 8)
        wide = _mm_crc32_u64(wide, load_le64(in.p + i));
    crc = (uint32_t)wide;
    for (; i < in.n; i++)
        crc = _mm_crc32_u8(crc, in.p[i]);
    return ~crc;
}
#endif

uint32_t crc32c(struct span in)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc_by_instruction(in);
#endif
    return crc32c_portable(in);
}

/* ---- records ---- */

struct span wal_record_encode(const struct timed_wal_msg *m, struct arena *a)
{
    size_t   n = pb_size(&timed_wal_msg_desc, m);
    uint8_t *p;

    if (n > WAL_RECORD_BYTES_MAX)
        return (struct span){ NULL, n };
    p = arena_alloc(a, HEADER_BYTES + n);
    if (!p)
        return (struct span){ NULL, n };
    pb_encode_to(&timed_wal_msg_desc, m, p + HEADER_BYTES, n);
    store_be32(p, crc32c(SPAN(p + HEADER_BYTES, n)));
    store_be32(p + LENGTH_AT, (uint32_t)n);
    return SPAN(p, HEADER_BYTES + n);
}

static enum wal_verdict corrupt(struct wal_reader *r, size_t next,
                                const char **why, const char *what)
{
    r->at = next;
    *why  = what;
    return WAL_CORRUPT;
}

enum wal_verdict wal_next(struct wal_reader *r, struct timed_wal_msg *m,
                          struct arena *a, const char **why)
{
    size_t         end = r->bytes.n, left = end - r->at, n;
    const uint8_t *p = r->bytes.p + r->at;

    r->start = r->at;
    if (left < LENGTH_AT) {
        r->at = end;
        return WAL_END;
    }
    if (left < HEADER_BYTES)
        return corrupt(r, end, why, "the header is cut off");
    n = load_be32(p + LENGTH_AT);
    if (n == 0 || n > WAL_RECORD_BYTES_MAX)
        return corrupt(r, r->at + HEADER_BYTES, why,
                       n ? "the length is above the limit" : "no length");
    if (n > left - HEADER_BYTES)
        return corrupt(r, end, why, "the record is cut off");
    r->at += HEADER_BYTES + n;
    if (crc32c(SPAN(p + HEADER_BYTES, n)) != load_be32(p))
        return corrupt(r, r->at, why, "the checksum differs");
    if (pb_decode(&timed_wal_msg_desc, m, a, SPAN(p + HEADER_BYTES, n)))
        return corrupt(r, r->at, why, "the message does not decode");
    if (timed_wal_msg_validate(m))
        return corrupt(r, r->at, why, "the message is not valid");
    return WAL_RECORD;
}

enum wal_search wal_search_end_height(struct wal_reader *r, int64_t height,
                                      bool skip_corrupt, struct arena *a,
                                      int64_t *last)
{
    struct timed_wal_msg m;
    const char          *why;

    *last = -1;
    for (;;) {
        size_t           mark = arena_mark(a);
        enum wal_verdict v    = wal_next(r, &m, a, &why);
        bool    is_end = v == WAL_RECORD && m.msg->which == WAL_END_HEIGHT;
        int64_t ended  = is_end ? m.msg->end_height->height : -1;

        arena_release(a, mark);
        if (v == WAL_END)
            return WAL_ABSENT;
        if (v == WAL_CORRUPT && !skip_corrupt)
            return WAL_DAMAGED;
        if (!is_end)
            continue;
        *last = ended;
        if (ended == height)
            return WAL_FOUND;
    }
}
