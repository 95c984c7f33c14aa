/* A log's file.
 *
 * Properties: reading always comes to an end, goes forward, and returns only
 * records whose checksum holds; searching finds what reading finds. */
#include "fuzz.h"

#include "wire/walrec.h"

static bool is_end_height(const struct timed_wal_msg *m, int64_t height)
{
    return m->msg->which == WAL_END_HEIGHT &&
           m->msg->end_height->height == height;
}

void fuzz_one(struct span in)
{
    struct wal_reader    r = { .bytes = in }, s = { .bytes = in };
    struct timed_wal_msg m;
    const char          *why;
    int64_t              last, height = (int64_t)in.n % 4;
    size_t               found = SIZE_MAX;
    enum wal_verdict     v;

    while ((v = wal_next(&r, &m, &fuzz_arena, &why)) != WAL_END) {
        must(r.at > r.start && r.at <= in.n);
        if (v == WAL_CORRUPT)
            continue;
        must(crc32c(SPAN(in.p + r.start + 8, r.at - r.start - 8)) ==
             load_be32(in.p + r.start));
        if (found == SIZE_MAX && is_end_height(&m, height))
            found = r.at;
    }
    must(r.at == in.n);
    if (wal_search_end_height(&s, height, true, &fuzz_arena, &last) ==
        WAL_FOUND)
        must(s.at == found && last == height);
    else
        must(found == SIZE_MAX);
}
