#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_use(struct buf *b, void *mem, size_t cap)
{
    *b = (struct buf){ .p = mem, .cap = cap, .max = cap, .is_borrowed = true };
}

void buf_fini(struct buf *b)
{
    if (!b->is_borrowed)
        free(b->p);
    *b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
    b->len     = 0;
    b->is_full = false;
}

static bool grow(struct buf *b, size_t need)
{
    size_t   cap = b->cap ? b->cap : 256;
    uint8_t *p;

    if (need > b->max || b->is_borrowed)
        return false;
    while (cap < need)
        cap *= 2;
    if (cap > b->max)
        cap = b->max;
    p = realloc(b->p, cap);
    if (!p)
        return false;
    b->p   = p;
    b->cap = cap;
    return true;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
    uint8_t *p;

    if (b->is_full)
        return NULL;
    if (n > b->cap - b->len &&
        (n > SIZE_MAX - b->len || !grow(b, b->len + n))) {
        b->is_full = true;
        return NULL;
    }
    p = b->p + b->len;
    b->len += n;
    return p;
}

void buf_add(struct buf *b, struct span s)
{
    uint8_t *p = s.n ? buf_room(b, s.n) : NULL;

    if (p)
        memcpy(p, s.p, s.n);
}

void buf_byte(struct buf *b, uint8_t byte)
{
    uint8_t *p = buf_room(b, 1);

    if (p)
        *p = byte;
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, span_str(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char    text[512];
    va_list ap;
    int     n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        b->is_full = true;
    else
        buf_add(b, SPAN(text, (size_t)n));
}

static void add_hex(struct buf *b, struct span s, const char *digits)
{
    uint8_t *p = s.n ? buf_room(b, s.n * 2) : NULL;

    for (size_t i = 0; p && i < s.n; i++) {
        *p++ = (uint8_t)digits[s.p[i] >> 4];
        *p++ = (uint8_t)digits[s.p[i] & 15];
    }
}

void buf_hex(struct buf *b, struct span s)
{
    add_hex(b, s, "0123456789abcdef");
}

void buf_hex_upper(struct buf *b, struct span s)
{
    add_hex(b, s, "0123456789ABCDEF");
}

void buf_base64(struct buf *b, struct span s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t          *p        = s.n ? buf_room(b, (s.n + 2) / 3 * 4) : NULL;

    for (size_t i = 0; p && i < s.n; i += 3) {
        size_t   left = s.n - i;
        uint32_t v    = (uint32_t)s.p[i] << 16;

        if (left > 1)
            v |= (uint32_t)s.p[i + 1] << 8;
        if (left > 2)
            v |= s.p[i + 2];
        *p++ = (uint8_t)digits[v >> 18];
        *p++ = (uint8_t)digits[v >> 12 & 63];
        *p++ = left > 1 ? (uint8_t)digits[v >> 6 & 63] : '=';
        *p++ = left > 2 ? (uint8_t)digits[v & 63] : '=';
    }
}

void buf_uvarint(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_byte(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    buf_byte(b, (uint8_t)v);
}

void buf_svarint(struct buf *b, int64_t v)
{
    buf_uvarint(b, zigzag(v));
}

const char *buf_cstr(struct buf *b)
{
    if (b->is_full || !buf_room(b, 1))
        return "";
    b->len--;
    b->p[b->len] = 0;
    return (const char *)b->p;
}
