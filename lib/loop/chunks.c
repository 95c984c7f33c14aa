#include "loop/chunks.h"

#include <ctype.h>

enum { DIGITS_MAX = 16, FREE_BYTES = 16, EXCESS_MAX = 16 << 10 };

static enum chunks_what broken(struct chunks *c, const char *why)
{
    c->why = why;
    return CHUNKS_BROKEN;
}

static bool take_size(struct chunks *c, size_t n)
{
    c->left = 0;
    if (n == 0)
        c->why = "empty hex number for chunk length";
    for (size_t i = 0; i < n && !c->why; i++) {
        uint8_t d = (uint8_t)c->line[i];

        if (d >= 0x80 || !isxdigit(d))
            c->why = "invalid byte in chunk length";
        else if (i == DIGITS_MAX)
            c->why = "http chunk length too large";
        c->left = c->left << 4 |
                  (uint64_t)(isdigit(d) ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    return !c->why;
}

/* Size and extensions, CR LF behind them. */
static enum chunks_what end_size(struct chunks *c)
{
    size_t      n    = c->line_n - 1;
    const char *cr   = memchr(c->line, '\r', n);
    const char *semi = memchr(c->line, ';', n);

    c->line_n = 0;
    if (!cr)
        return broken(c, "chunked line ends with bare LF");
    if (cr != c->line + n - 1)
        return broken(c, "invalid CR in chunked line");
    c->excess += (int64_t)n + 1;
    for (n--; n && (c->line[n - 1] == ' ' || c->line[n - 1] == '\t');)
        n--;
    if (!take_size(c, semi ? (size_t)(semi - c->line) : n))
        return CHUNKS_BROKEN;
    c->excess -=
        c->left > EXCESS_MAX ? c->excess : FREE_BYTES + 2 * (int64_t)c->left;
    if (c->excess < 0)
        c->excess = 0;
    if (c->left && c->excess > EXCESS_MAX)
        return broken(c, "chunked encoding contains too much non-data");
    c->at = c->left ? CHUNKS_DATA : CHUNKS_TRAILER;
    return CHUNKS_MORE;
}

/* The whole trailer is in line: each of its lines must be a header. */
static enum chunks_what end_trailer(struct chunks *c)
{
    const char *p = c->line, *end = c->line + c->line_n - 2;

    while (p < end) {
        const char *nl    = memchr(p, '\n', (size_t)(end - p));
        const char *colon = memchr(p, ':', (size_t)(end - p));

        if (!nl || nl == p || nl[-1] != '\r' || !colon || colon > nl)
            return broken(c, "malformed MIME header");
        p = nl + 1;
    }
    return CHUNKS_WHOLE;
}

static bool ends_in(const struct chunks *c, const char *text)
{
    size_t n = strlen(text);

    return c->line_n >= n && memcmp(c->line + c->line_n - n, text, n) == 0;
}

static enum chunks_what take_byte(struct chunks *c, char byte)
{
    if (c->line_n == sizeof c->line)
        return broken(c, c->at == CHUNKS_SIZE
                             ? "header line too long"
                             : "http: suspiciously long trailer after chunked "
                               "body");
    c->line[c->line_n++] = byte;
    if (c->at == CHUNKS_SIZE)
        return byte == '\n' ? end_size(c) : CHUNKS_MORE;
    if (c->at == CHUNKS_DATA_END) {
        if (c->line_n < 2)
            return CHUNKS_MORE;
        if (!ends_in(c, "\r\n"))
            return broken(c, "malformed chunked encoding");
        c->line_n = 0;
        c->at     = CHUNKS_SIZE;
        return CHUNKS_MORE;
    }
    if (c->line_n == 2 && ends_in(c, "\r\n"))
        return CHUNKS_WHOLE;
    return ends_in(c, "\r\n\r\n") ? end_trailer(c) : CHUNKS_MORE;
}

static size_t take_data(struct chunks *c, struct span in, struct buf *out)
{
    size_t n = in.n < c->left ? in.n : (size_t)c->left;

    buf_add(out, SPAN(in.p, n));
    c->left -= n;
    if (c->left == 0)
        c->at = CHUNKS_DATA_END;
    return n;
}

enum chunks_what chunks_take(struct chunks *c, struct span in, size_t *used,
                             struct buf *out)
{
    enum chunks_what what = CHUNKS_MORE;

    for (*used = 0; *used < in.n && what == CHUNKS_MORE;) {
        if (c->at == CHUNKS_DATA) {
            *used += take_data(c, SPAN(in.p + *used, in.n - *used), out);
            if (out->is_full)
                what = broken(c, "http: request body too large");
        } else {
            what = take_byte(c, (char)in.p[(*used)++]);
        }
    }
    return what;
}

const char *chunks_cut(const struct chunks *c)
{
    if (c->at != CHUNKS_TRAILER)
        return "unexpected EOF";
    if (c->line_n < 2)
        return "http: unexpected EOF reading trailer";
    return "http: suspiciously long trailer after chunked body";
}
