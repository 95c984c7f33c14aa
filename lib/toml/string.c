#include "toml/internal.h"

static bool add_utf8(struct parser *s, uint8_t *out, size_t *n, uint32_t v)
{
    if (v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return toml_fail(s, "escape \\u%04" PRIX32 " is no character", v);
    if (v < 0x80) {
        out[(*n)++] = (uint8_t)v;
    } else if (v < 0x800) {
        out[(*n)++] = (uint8_t)(0xc0 | v >> 6);
        out[(*n)++] = (uint8_t)(0x80 | (v & 0x3f));
    } else if (v < 0x10000) {
        out[(*n)++] = (uint8_t)(0xe0 | v >> 12);
        out[(*n)++] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
        out[(*n)++] = (uint8_t)(0x80 | (v & 0x3f));
    } else {
        out[(*n)++] = (uint8_t)(0xf0 | v >> 18);
        out[(*n)++] = (uint8_t)(0x80 | (v >> 12 & 0x3f));
        out[(*n)++] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
        out[(*n)++] = (uint8_t)(0x80 | (v & 0x3f));
    }
    return true;
}

static bool unicode_escape(struct parser *s, int digits, uint8_t *out,
                           size_t *n)
{
    uint32_t v = 0;

    for (int i = 0; i < digits; i++, s->p++) {
        int c = toml_peek(s), d;

        if (c >= '0' && c <= '9')
            d = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            d = (c | 0x20) - 'a' + 10;
        else
            return toml_fail(s, "escape \\%c needs %d hex digits",
                             digits == 4 ? 'u' : 'U', digits);
        v = v << 4 | (uint32_t)d;
    }
    return add_utf8(s, out, n, v);
}

/* After a backslash at the end of a line: blanks and line ends are passed. */
static bool line_continuation(struct parser *s)
{
    const uint8_t *p = s->p;

    while (p < s->end && (*p == ' ' || *p == '\t'))
        p++;
    s->p = p;
    if (!toml_newline(s))
        return toml_fail(s, "only blanks may follow a backslash that ends"
                            " a line");
    for (;;) {
        while (toml_peek(s) == ' ' || toml_peek(s) == '\t')
            s->p++;
        if (!toml_newline(s))
            return true;
    }
}

/* s->p is behind the backslash. */
static bool escape(struct parser *s, bool is_long, uint8_t *out, size_t *n)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    int               c     = toml_peek(s);
    const char       *found = c > 0 ? strchr(from, c) : NULL;

    if (found) {
        s->p++;
        out[(*n)++] = (uint8_t)to[found - from];
        return true;
    }
    if (c == 'u' || c == 'U') {
        s->p++;
        return unicode_escape(s, c == 'u' ? 4 : 8, out, n);
    }
    if (is_long && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
        return line_continuation(s);
    return toml_fail(s, "unknown escape in a string; write \\\\ for a"
                        " backslash, or use single quotes");
}

static bool is_triple(const struct parser *s, int quote)
{
    return toml_peek(s) == quote && toml_peek_at(s, 1) == quote &&
           toml_peek_at(s, 2) == quote;
}

/* At a quote inside a long string: how many quotes belong to the text; -1
 * when they end the string, which is then passed. */
static int long_quotes(struct parser *s, int quote)
{
    int n = 0;

    while (n < 5 && toml_peek_at(s, (size_t)n) == quote)
        n++;
    return n < 3 ? n : -(n - 2);
}

/* One piece of a long string; true behind the closing quotes. */
static bool long_quote(struct parser *s, int quote, uint8_t *out, size_t *n)
{
    int quotes = long_quotes(s, quote);
    int keep   = quotes > 0 ? quotes : -quotes - 1;

    for (int i = 0; i < keep; i++)
        out[(*n)++] = (uint8_t)quote;
    s->p += keep + (quotes < 0 ? 3 : 0);
    return quotes < 0;
}

/* The bytes up to the closing quote; out has room for all of them. */
static bool string_body(struct parser *s, int quote, bool is_long, uint8_t *out,
                        size_t *n)
{
    for (bool is_end = false; !is_end;) {
        int c = toml_peek(s);

        if (c < 0)
            return toml_fail(s, "the string does not end");
        if (c == quote && is_long) {
            is_end = long_quote(s, quote, out, n);
        } else if (c == quote) {
            s->p++;
            is_end = true;
        } else if (is_long && toml_newline(s)) {
            out[(*n)++] = '\n';
        } else if (c == '\\' && quote == '"') {
            s->p++;
            if (!escape(s, is_long, out, n))
                return false;
        } else if (c == '\n') {
            return toml_fail(s, "the string does not end on its line");
        } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return toml_fail(s, "control character 0x%02x in a string", c);
        } else {
            out[(*n)++] = (uint8_t)c;
            s->p++;
        }
    }
    return true;
}

/* The most bytes that the string can have: up to its closing quote, the end
 * of its line or of the text. */
static size_t room_needed(const struct parser *s, int quote, bool is_long)
{
    size_t left = (size_t)(s->end - s->p), n = 0;

    for (; n < left; n++) {
        if (s->p[n] == '\\' && quote == '"')
            n++;
        else if (!is_long && (s->p[n] == quote || s->p[n] == '\n'))
            return n;
        else if (is_long && left - n >= 3 && s->p[n] == quote &&
                 s->p[n + 1] == quote && s->p[n + 2] == quote)
            return n + 2; /* two quotes may belong to the text */
    }
    return left;
}

bool toml_string(struct parser *s, struct span *out, bool may_be_long)
{
    int      quote   = toml_peek(s);
    bool     is_long = is_triple(s, quote);
    uint8_t *text;
    size_t   n = 0;

    if (is_long && !may_be_long)
        return toml_fail(s, "a key cannot be a multi-line string");
    s->p += is_long ? 3 : 1;
    if (is_long)
        (void)toml_newline(s);
    text = arena_alloc(s->arena, room_needed(s, quote, is_long) + 1);
    if (!text)
        return toml_fail(s, "too much text");
    if (!string_body(s, quote, is_long, text, &n))
        return false;
    text[n] = 0;
    *out    = SPAN(text, n);
    return true;
}
