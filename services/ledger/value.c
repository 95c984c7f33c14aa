#include "ledger/value.h"

#include "base/text.h"
#include "ledger/limits.h"

struct reader {
    const uint8_t *p;
    size_t         n, at, depth;
    const char    *why; /* the first thing that is wrong */
};

static bool refuse(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

static int peek(const struct reader *r)
{
    return r->at < r->n ? r->p[r->at] : -1;
}

/* The same, seen at an earlier byte. */
static bool refuse_at(struct reader *r, const uint8_t *p, const char *why)
{
    r->at = (size_t)(p - r->p);
    return refuse(r, why);
}

static bool take(struct reader *r, uint8_t c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

/* ---- strings ---- */

/* The value of an escape whose backslash has been taken; -1 when there is a
 * shorter form or no such escape. */
static int escape(struct reader *r)
{
    static const char    names[]  = "\"\\bfnrt";
    static const uint8_t values[] = { '"', '\\', 8, 12, 10, 13, 9 };
    const char          *name;
    uint8_t              byte;
    int                  c = peek(r);

    if (c < 0)
        return -1;
    r->at++;
    name = c ? strchr(names, c) : NULL;
    if (name)
        return values[name - names];
    if (c != 'u' || r->n - r->at < 4 || memcmp(r->p + r->at, "00", 2) != 0 ||
        !hex_decode(&byte, 1, SPAN(r->p + r->at + 2, 2)))
        return -1;
    for (int i = 2; i < 4; i++)
        if (r->p[r->at + (size_t)i] >= 'A' && r->p[r->at + (size_t)i] <= 'F')
            return -1;
    r->at += 4;
    if (byte >= 0x20 || memchr(values + 2, byte, 5))
        return -1;
    return byte;
}

/* A string; *inside is what stands between the quotes. */
static bool string(struct reader *r, struct span *inside)
{
    size_t from;

    if (!take(r, '"'))
        return refuse(r, "a string must begin with a quote");
    for (from = r->at; peek(r) != '"';) {
        int c = peek(r);

        if (c < 0x20)
            return refuse(r, c < 0 ? "a string does not end"
                                   : "a control character is not escaped");
        r->at++;
        if (c == '\\' && escape(r) < 0)
            return refuse(r, "an escape is unknown or not the shortest");
    }
    *inside = SPAN(r->p + from, r->at - from);
    r->at++;
    return utf8_valid(*inside) ||
           refuse_at(r, inside->p, "a string is not UTF-8");
}

/* ---- the order of names ---- */

/* Names one after the other as UTF-16 units; both are known to be good. */
struct units {
    struct reader r;
    uint32_t      low; /* second half of a pair that waits */
};

static uint32_t utf8_next(struct reader *r)
{
    uint32_t c    = r->p[r->at++];
    int      more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

    if (more)
        c &= 0x3fu >> more;
    while (more-- > 0)
        c = c << 6 | (r->p[r->at++] & 0x3fu);
    return c;
}

static int64_t unit_next(struct units *u)
{
    uint32_t c = u->low;

    u->low = 0;
    if (c)
        return c;
    if (u->r.at >= u->r.n)
        return -1;
    if (take(&u->r, '\\'))
        return escape(&u->r);
    c = utf8_next(&u->r);
    if (c < 0x10000)
        return c;
    u->low = 0xdc00 + ((c - 0x10000) & 0x3ff);
    return 0xd800 + ((c - 0x10000) >> 10);
}

static int names_cmp(struct span a, struct span b)
{
    struct units x = { .r = { .p = a.p, .n = a.n } };
    struct units y = { .r = { .p = b.p, .n = b.n } };
    int64_t      i, k;

    do {
        i = unit_next(&x);
        k = unit_next(&y);
    } while (i == k && i >= 0);
    return (i > k) - (i < k);
}

/* ---- values ---- */

static bool value(struct reader *r);

static bool object(struct reader *r)
{
    struct span name, before = { 0 };

    if (take(r, '}'))
        return true;
    for (;;) {
        if (!string(r, &name))
            return false;
        if (before.p && names_cmp(before, name) >= 0)
            return refuse_at(r, name.p,
                             "members are not sorted, or one stands twice");
        before = name;
        if (!take(r, ':'))
            return refuse(r, "a colon must follow a member's name");
        if (!value(r))
            return false;
        if (take(r, '}'))
            return true;
        if (!take(r, ','))
            return refuse(r, "an object goes on with a comma or ends");
    }
}

static bool array(struct reader *r)
{
    if (take(r, ']'))
        return true;
    for (;;) {
        if (!value(r))
            return false;
        if (take(r, ']'))
            return true;
        if (!take(r, ','))
            return refuse(r, "an array goes on with a comma or ends");
    }
}

static bool integer(struct reader *r)
{
    size_t      from = r->at;
    struct span digits;
    int64_t     v;

    if (peek(r) == '-')
        r->at++;
    digits = SPAN(r->p + r->at, 0);
    while (peek(r) >= '0' && peek(r) <= '9') {
        r->at++;
        digits.n++;
    }
    if (digits.n == 0)
        return refuse(r, "a value is missing or unknown");
    if (peek(r) == '.' || peek(r) == 'e' || peek(r) == 'E')
        return refuse(r, "a number is not an integer; use a string");
    if (digits.p[0] == '0' && (digits.n > 1 || digits.p != r->p + from))
        return refuse(r, "a number begins with a zero");
    return int64_parse(&v, SPAN(r->p + from, r->at - from)) ||
           refuse(r, "a number is over 64 bits; use a string");
}

static bool word(struct reader *r, const char *text)
{
    size_t n = strlen(text);

    if (r->n - r->at < n || memcmp(r->p + r->at, text, n) != 0)
        return refuse(r, "a value is missing or unknown");
    r->at += n;
    return true;
}

static bool nested(struct reader *r, bool (*inside)(struct reader *r))
{
    bool is_ok;

    if (++r->depth > VALUE_DEPTH_MAX)
        return refuse(r, "the nesting is too deep");
    r->at++;
    is_ok = inside(r);
    r->depth--;
    return is_ok;
}

static bool value(struct reader *r)
{
    struct span ignored;

    switch (peek(r)) {
    case '{': return nested(r, object);
    case '[': return nested(r, array);
    case '"': return string(r, &ignored);
    case 't': return word(r, "true");
    case 'f': return word(r, "false");
    case 'n': return word(r, "null");
    default: return integer(r);
    }
}

const char *value_check(struct span text, size_t *at)
{
    struct reader r = { .p = text.p, .n = text.n };

    if (value(&r) && r.at < r.n)
        refuse(&r, "more follows behind the value");
    *at = r.at;
    return r.why;
}
