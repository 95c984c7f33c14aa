/* What a WebSocket client sends.
 *
 * Properties: cut into other pieces the same bytes give the same messages and
 * the same verdict; a message is within its bound. */
#include "fuzz.h"

#include "loop/frames.h"

enum { MESSAGE_MAX = 300 };

static void read_all(struct buf *out, struct span in, size_t piece)
{
    struct frames_reader *r    = frames_new(MESSAGE_MAX);
    enum frames_what      what = FRAMES_MORE;

    while (in.n && what != FRAMES_CLOSE && what != FRAMES_BROKEN) {
        struct span part = SPAN(in.p, in.n < piece ? in.n : piece), payload;

        in = SPAN(in.p + part.n, in.n - part.n);
        do {
            what = frames_next(r, &part, &payload);
            must(payload.n <= MESSAGE_MAX);
            must(what != FRAMES_MORE || part.n == 0);
            buf_byte(out, (uint8_t)what);
            buf_add(out, payload);
            if (what == FRAMES_MORE)
                out->len--;
        } while (what != FRAMES_MORE && what != FRAMES_CLOSE &&
                 what != FRAMES_BROKEN);
    }
    frames_free(r);
}

void fuzz_one(struct span in)
{
    struct buf whole, parts;
    size_t     piece = in.n ? in.p[0] % 16 + 1 : 1;

    buf_init(&whole, 1 << 24);
    buf_init(&parts, 1 << 24);
    read_all(&whole, in, in.n ? in.n : 1);
    read_all(&parts, in, piece);
    must(span_eq(buf_span(&whole), buf_span(&parts)));
    buf_fini(&whole);
    buf_fini(&parts);
}
