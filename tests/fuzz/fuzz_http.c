/* What an HTTP client sends: a head, and a body in chunks behind it.
 *
 * Properties: cut into other pieces the same bytes give the same texts and the
 * same verdict; the parts of a head lie within it; a body is within its
 * bound. */
#include "fuzz.h"

#include "loop/chunks.h"
#include "loop/head.h"
#include "loop/target.h"

enum { HEAD_MAX = 2000, BODY_MAX = 300, TEXT_MAX = 1 << 16 };

static void put_head(struct buf *out, const struct head *h)
{
    const char *value = head_value(h, "x");

    buf_str(out, head_method(h));
    buf_str(out, head_path(h));
    buf_str(out, head_query(h));
    buf_str(out, head_host(h));
    buf_str(out, value ? value : "-");
    buf_printf(out, "%d%d %zu", h->is_chunked, h->is_keep_alive,
               (size_t)h->length);
    path_normal(out, head_path(h));
    path_clean(out, head_path(h));
}

static void read_body(struct buf *out, struct span in, size_t piece)
{
    struct chunks    c    = { 0 };
    enum chunks_what what = CHUNKS_MORE;
    struct buf       body;
    size_t           used;

    buf_init(&body, BODY_MAX);
    while (in.n && what == CHUNKS_MORE) {
        what = chunks_take(&c, SPAN(in.p, in.n < piece ? in.n : piece), &used,
                           &body);
        must(used <= in.n && body.len <= BODY_MAX);
        must(what != CHUNKS_MORE || used > 0);
        in = SPAN(in.p + used, in.n - used);
    }
    if (what == CHUNKS_WHOLE)
        buf_add(out, buf_span(&body));
    buf_str(out, what == CHUNKS_BROKEN ? c.why
                 : what == CHUNKS_MORE ? chunks_cut(&c)
                                       : "whole");
    buf_fini(&body);
}

static void read_all(struct buf *out, struct span in, size_t piece)
{
    struct head    h;
    enum head_what what = HEAD_MORE;
    size_t         used;

    head_init(&h, HEAD_MAX);
    while (in.n && what == HEAD_MORE) {
        what = head_take(&h, SPAN(in.p, in.n < piece ? in.n : piece), &used);
        must(used <= in.n && h.text.len <= HEAD_MAX && !h.text.is_full);
        in = SPAN(in.p + used, in.n - used);
    }
    if (what == HEAD_WHOLE) {
        put_head(out, &h);
        read_body(out, in, piece);
    } else if (what == HEAD_REFUSED) {
        buf_str(out, h.refusal);
    }
    head_fini(&h);
}

void fuzz_one(struct span in)
{
    struct buf whole, parts;
    size_t     piece = in.n ? in.p[in.n - 1] % 16 + 1 : 1;

    buf_init(&whole, TEXT_MAX);
    buf_init(&parts, TEXT_MAX);
    read_all(&whole, in, in.n);
    read_all(&parts, in, piece);
    must(span_eq(buf_span(&whole), buf_span(&parts)));
    buf_fini(&whole);
    buf_fini(&parts);
}
