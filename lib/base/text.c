#include "base/text.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(uint8_t *out, size_t out_n, struct span text)
{
    if (text.n != out_n * 2)
        return false;
    for (size_t i = 0; i < out_n; i++) {
        int hi = hex_digit(text.p[2 * i]), lo = hex_digit(text.p[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(uint8_t *out, size_t cap, size_t *n, struct span text)
{
    uint32_t acc    = 0;
    int      digits = 0, pads = 0;

    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        int     d;

        if (c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            if (++pads > 2 || digits < 2 || digits + pads > 4)
                return false;
            continue;
        }
        d = base64_digit(c);
        if (d < 0 || pads)
            return false;
        acc = acc << 6 | (uint32_t)d;
        if (++digits < 4)
            continue;
        if (cap - *n < 3)
            return false;
        out[(*n)++] = (uint8_t)(acc >> 16);
        out[(*n)++] = (uint8_t)(acc >> 8);
        out[(*n)++] = (uint8_t)acc;
        digits      = 0;
        acc         = 0;
    }
    if (digits == 0)
        return pads == 0;
    if (digits + pads != 4 || cap - *n < (size_t)digits - 1)
        return false;
    acc <<= 6 * pads;
    out[(*n)++] = (uint8_t)(acc >> 16);
    if (digits == 3)
        out[(*n)++] = (uint8_t)(acc >> 8);
    return true;
}

bool uint64_parse(uint64_t *out, struct span text)
{
    uint64_t v = 0;

    if (text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' ||
            __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool int64_parse(int64_t *out, struct span text)
{
    bool     is_negative = text.n && text.p[0] == '-';
    uint64_t v;

    if (is_negative)
        text = SPAN(text.p + 1, text.n - 1);
    if (!uint64_parse(&v, text) || v > (uint64_t)INT64_MAX + is_negative)
        return false;
    *out = is_negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool utf8_valid(struct span t)
{
    for (size_t i = 0; i < t.n;) {
        uint8_t  c    = t.p[i++];
        int      more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        uint32_t v;

        if (more == 0)
            continue;
        if (c < 0xc2 || c > 0xf4 || t.n - i < (size_t)more)
            return false;
        v = c & (0x3fU >> more);
        for (int k = 0; k < more; k++, i++) {
            if ((t.p[i] & 0xc0) != 0x80)
                return false;
            v = v << 6 | (t.p[i] & 0x3f);
        }
        if ((more == 2 && (v < 0x800 || (v >= 0xd800 && v < 0xe000))) ||
            (more == 3 && (v < 0x10000 || v > 0x10ffff)))
            return false;
    }
    return true;
}
