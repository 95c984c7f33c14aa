#include "api/gojson.h"

#include "json/write.h"

#include <stdio.h>

enum { DEPTH_MAX = 10000 };

struct scan {
    struct span in;
    size_t      at, start;
    int         depth;
    bool        is_prefix;
    struct buf *error;
};

/* A character as Go's quoteChar prints it. */
static void put_char(struct buf *out, uint8_t c)
{
    if (c == '\'')
        buf_str(out, "'\\''");
    else if (c == '"')
        buf_str(out, "'\"'");
    else if (c == '\\')
        buf_str(out, "'\\\\'");
    else if (c == '\n')
        buf_str(out, "'\\n'");
    else if (c == '\r')
        buf_str(out, "'\\r'");
    else if (c == '\t')
        buf_str(out, "'\\t'");
    else if (c == '\a')
        buf_str(out, "'\\a'");
    else if (c == '\b')
        buf_str(out, "'\\b'");
    else if (c == '\f')
        buf_str(out, "'\\f'");
    else if (c == '\v')
        buf_str(out, "'\\v'");
    else if (c < 0x20 || c == 0x7f)
        buf_printf(out, "'\\x%02x'", c);
    else if (c < 0x80)
        buf_printf(out, "'%c'", c);
    else if (c < 0xa0 || c == 0xad)
        buf_printf(out, "'\\u%04x'", c);
    else /* Latin-1 as UTF-8 */
        buf_printf(out, "'%c%c'", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
}

/* At the end Go offers a blank to whatever is not complete. */
static bool is_inside_word(const char *where)
{
    static const char *const words[] = {
        "in literal ", "in numeric literal", "after decimal",
        "in exponent", "in string escape",   "in \\u"
    };

    for (size_t i = 0; i < COUNT(words); i++)
        if (strncmp(where, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static bool bad(struct scan *s, const char *where)
{
    if (s->at >= s->in.n && s->is_prefix) {
        buf_str(s->error,
                s->depth || s->at > s->start ? "unexpected EOF" : "EOF");
        return false;
    }
    if (s->at >= s->in.n && !is_inside_word(where)) {
        buf_str(s->error, "unexpected end of JSON input");
        return false;
    }
    buf_str(s->error, "invalid character ");
    put_char(s->error, s->at < s->in.n ? s->in.p[s->at] : ' ');
    buf_str(s->error, " ");
    buf_str(s->error, where);
    return false;
}

static int peek(const struct scan *s)
{
    return s->at < s->in.n ? s->in.p[s->at] : -1;
}

static void blanks(struct scan *s)
{
    while (s->at < s->in.n && memchr(" \t\r\n", s->in.p[s->at], 4))
        s->at++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool scan_string(struct scan *s)
{
    for (s->at++; peek(s) != '"'; s->at++) {
        int c = peek(s);

        if (c < 0x20)
            return bad(s, "in string literal");
        if (c != '\\')
            continue;
        s->at++;
        c = peek(s);
        if (c == 'u') {
            for (int i = 0; i < 4; i++) {
                s->at++;
                c = peek(s);
                if (!is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
                    return bad(s, "in \\u hexadecimal character escape");
            }
        } else if (c < 0 || !memchr("\"\\/bfnrt", c, 8)) {
            return bad(s, "in string escape code");
        }
    }
    s->at++;
    return true;
}

static bool scan_number(struct scan *s)
{
    if (peek(s) == '-') {
        s->at++;
        if (!is_digit(peek(s)))
            return bad(s, "in numeric literal");
    }
    if (peek(s) == '0')
        s->at++;
    else
        while (is_digit(peek(s)))
            s->at++;
    if (peek(s) == '.') {
        s->at++;
        if (!is_digit(peek(s)))
            return bad(s, "after decimal point in numeric literal");
        while (is_digit(peek(s)))
            s->at++;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        if (!is_digit(peek(s)))
            return bad(s, "in exponent of numeric literal");
        while (is_digit(peek(s)))
            s->at++;
    }
    return true;
}

static bool scan_literal(struct scan *s, const char *word)
{
    char where[64];

    for (const char *p = word + 1; *p; p++) {
        s->at++;
        if (peek(s) == *p)
            continue;
        snprintf(where, sizeof where, "in literal %s (expecting '%c')", word,
                 *p);
        return bad(s, where);
    }
    s->at++;
    return true;
}

static bool scan_value(struct scan *s);

static bool scan_object(struct scan *s)
{
    s->at++;
    blanks(s);
    if (peek(s) == '}') {
        s->at++;
        return true;
    }
    for (;;) {
        blanks(s);
        if (peek(s) != '"')
            return bad(s, "looking for beginning of object key string");
        if (!scan_string(s))
            return false;
        blanks(s);
        if (peek(s) != ':')
            return bad(s, "after object key");
        s->at++;
        if (!scan_value(s))
            return false;
        blanks(s);
        if (peek(s) == '}') {
            s->at++;
            return true;
        }
        if (peek(s) != ',')
            return bad(s, "after object key:value pair");
        s->at++;
    }
}

static bool scan_array(struct scan *s)
{
    s->at++;
    blanks(s);
    if (peek(s) == ']') {
        s->at++;
        return true;
    }
    for (;;) {
        if (!scan_value(s))
            return false;
        blanks(s);
        if (peek(s) == ']') {
            s->at++;
            return true;
        }
        if (peek(s) != ',')
            return bad(s, "after array element");
        s->at++;
    }
}

static bool scan_nested(struct scan *s, bool (*inner)(struct scan *))
{
    bool is_ok;

    if (s->depth == DEPTH_MAX) {
        return bad(s, "exceeded max depth");
    }
    s->depth++;
    is_ok = inner(s);
    s->depth--;
    return is_ok;
}

static bool scan_value(struct scan *s)
{
    int c;

    blanks(s);
    c = peek(s);
    if (c == '{')
        return scan_nested(s, scan_object);
    if (c == '[')
        return scan_nested(s, scan_array);
    if (c == '"')
        return scan_string(s);
    if (c == 't')
        return scan_literal(s, "true");
    if (c == 'f')
        return scan_literal(s, "false");
    if (c == 'n')
        return scan_literal(s, "null");
    if (c == '-' || is_digit(c))
        return scan_number(s);
    return bad(s, "looking for beginning of value");
}

bool gojson_check(struct span text, bool is_prefix, struct span *value,
                  struct buf *error)
{
    struct scan s = { .in = text, .is_prefix = is_prefix, .error = error };

    blanks(&s);
    s.start = s.at;
    if (!scan_value(&s))
        return false;
    *value = SPAN(text.p + s.start, s.at - s.start);
    blanks(&s);
    if (!is_prefix && s.at < text.n)
        return bad(&s, "after top-level value");
    return true;
}

enum gojson_kind gojson_kind(struct span v)
{
    switch (v.p[0]) {
    case '{': return GOJSON_OBJECT;
    case '[': return GOJSON_ARRAY;
    case '"': return GOJSON_STRING;
    case 't':
    case 'f': return GOJSON_BOOL;
    case 'n': return GOJSON_NULL;
    default: return GOJSON_NUMBER;
    }
}

const char *gojson_kind_name(enum gojson_kind k)
{
    static const char *const names[] = {
        [GOJSON_NULL] = "null",     [GOJSON_BOOL] = "bool",
        [GOJSON_NUMBER] = "number", [GOJSON_STRING] = "string",
        [GOJSON_ARRAY] = "array",   [GOJSON_OBJECT] = "object",
    };

    return names[k];
}

bool gojson_next(struct span *rest, struct span *key, struct span *value)
{
    struct buf  none;
    struct scan s = { .in = *rest, .error = &none };
    size_t      start;

    buf_use(&none, NULL, 0);
    /* Behind the opening bracket, or behind the comma of the last member;
     * the rest of an object starts with '{' or ',' followed by a key. */
    if (s.in.n == 0)
        return false;
    s.at = 1;
    blanks(&s);
    if (s.at >= s.in.n || s.in.p[s.at] == ']' || s.in.p[s.at] == '}')
        return false;
    *key  = (struct span){ 0 };
    start = s.at;
    if (!scan_value(&s))
        return false;
    *value = SPAN(s.in.p + start, s.at - start);
    blanks(&s);
    if (peek(&s) == ':') {
        *key = *value;
        s.at++;
        blanks(&s);
        start = s.at;
        if (!scan_value(&s))
            return false;
        *value = SPAN(s.in.p + start, s.at - start);
        blanks(&s);
    }
    *rest = SPAN(s.in.p + s.at, s.in.n - s.at);
    return true;
}

static size_t put_utf8(uint8_t *out, uint32_t r)
{
    if (r < 0x80) {
        out[0] = (uint8_t)r;
        return 1;
    }
    if (r < 0x800) {
        out[0] = (uint8_t)(0xc0 | r >> 6);
        out[1] = (uint8_t)(0x80 | (r & 0x3f));
        return 2;
    }
    if (r < 0x10000) {
        out[0] = (uint8_t)(0xe0 | r >> 12);
        out[1] = (uint8_t)(0x80 | (r >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (r & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | r >> 18);
    out[1] = (uint8_t)(0x80 | (r >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (r >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (r & 0x3f));
    return 4;
}

/* One UTF-8 sequence at p: its length, or 0 when it is not well formed. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
    uint8_t lo = 0x80, hi = 0xbf;
    size_t  want;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    want = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0)
        lo = 0xa0;
    if (p[0] == 0xed)
        hi = 0x9f;
    if (p[0] == 0xf0)
        lo = 0x90;
    if (p[0] == 0xf4)
        hi = 0x8f;
    if (n < want || p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return want;
}

static uint32_t hex4(const uint8_t *p)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];

        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

/* The escape at p (behind the backslash); *used is what it took. */
static uint32_t unescape(const uint8_t *p, const uint8_t *end, size_t *used)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char       *at;
    uint32_t          r, low;

    *used = 1;
    if (*p != 'u') {
        at = strchr(from, *p);
        return at ? (uint32_t)to[at - from] : *p;
    }
    *used = 5;
    r     = hex4(p + 1);
    if (r < 0xd800 || r > 0xdfff)
        return r;
    if (r < 0xdc00 && end - p >= 11 && p[5] == '\\' && p[6] == 'u') {
        low = hex4(p + 7);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *used = 11;
            return 0x10000 + ((r - 0xd800) << 10 | (low - 0xdc00));
        }
    }
    return 0xfffd;
}

struct span gojson_unquote(struct span v, struct arena *a)
{
    const uint8_t *p = v.p + 1, *end = v.p + v.n - 1;
    uint8_t       *out = arena_alloc(a, 3 * v.n), *at = out;
    size_t         used;

    if (!out)
        return (struct span){ NULL, 1 };
    while (p < end) {
        if (*p == '\\') {
            at += put_utf8(at, unescape(p + 1, end, &used));
            p += 1 + used;
            continue;
        }
        used = utf8_length(p, (size_t)(end - p));
        if (used == 0) {
            at += put_utf8(at, 0xfffd);
            p++;
            continue;
        }
        memcpy(at, p, used);
        at += used;
        p += used;
    }
    return SPAN(out, (size_t)(at - out));
}

void gojson_quote(struct buf *out, struct span s)
{
    struct json_writer w;

    jw_init(&w, out, 0);
    jw_str(&w, s);
}

void gojson_compact(struct buf *out, struct span s)
{
    bool is_text = false;

    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];

        if (c == '"')
            is_text = !is_text;
        if (!is_text && memchr(" \t\r\n", c, 4))
            continue;
        if (c == '<' || c == '>' || c == '&') {
            buf_printf(out, "\\u%04x", c);
        } else if (c == 0xe2 && s.n - i > 2 && s.p[i + 1] == 0x80 &&
                   (s.p[i + 2] & 0xfe) == 0xa8) {
            buf_printf(out, "\\u202%c", '0' + (s.p[i + 2] & 0xf));
            i += 2;
        } else {
            buf_byte(out, c);
            if (c == '\\' && i + 1 < s.n)
                buf_byte(out, s.p[++i]);
        }
    }
}

void gojson_go_quote(struct buf *out, struct span s)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < s.n;) {
        uint8_t           c = s.p[i];
        size_t            n = utf8_length(s.p + i, s.n - i);
        const char       *at;
        static const char from[] = "\a\b\f\n\r\t\v", to[] = "abfnrtv";

        if (n == 0 || (n == 1 && (c < 0x20 || c == 0x7f))) {
            at = c ? strchr(from, c) : NULL;
            if (at)
                buf_printf(out, "\\%c", to[at - from]);
            else
                buf_printf(out, "\\x%02x", c);
            i++;
            continue;
        }
        if (c == '"' || c == '\\')
            buf_byte(out, '\\');
        buf_add(out, SPAN(s.p + i, n));
        i += n;
    }
    buf_byte(out, '"');
}
