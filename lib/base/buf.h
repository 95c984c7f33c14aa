/* buf - a bounded byte buffer that grows on the heap, for text and bytes.
 *
 * Shapes:  len <= cap <= max.  Once an append would pass max (or memory is
 *          refused) is_full is set and further appends do nothing: check it
 *          once at the end.
 * Memory:  buf_fini frees; buf_use works in the caller's memory instead. */
#ifndef WARREN_BUF_H
#define WARREN_BUF_H

#include "base/base.h"

struct buf {
    uint8_t *p;
    size_t   len, cap, max;
    bool     is_full;
    bool     is_borrowed;
};

void buf_init(struct buf *b, size_t max);
void buf_use(struct buf *b, void *mem, size_t cap);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b);

/* buf_room - n writable bytes at the end, counted as used; NULL when full. */
uint8_t *buf_room(struct buf *b, size_t n);
void     buf_add(struct buf *b, struct span s);
void     buf_byte(struct buf *b, uint8_t byte);
void     buf_str(struct buf *b, const char *s);
void     buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void     buf_hex(struct buf *b, struct span s); /* lower case */
void     buf_hex_upper(struct buf *b, struct span s);
void     buf_base64(struct buf *b, struct span s); /* standard, padded */
void     buf_uvarint(struct buf *b, uint64_t v);
void     buf_svarint(struct buf *b, int64_t v); /* zig-zag */

/* zigzag - a signed number as varints carry it: 0, -1, 1, -2, ... in order. */
static inline uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ -(uint64_t)(v < 0);
}

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){ b->p, b->len };
}

/* buf_cstr - the text with a terminating zero that is not counted; "" when
 * full or empty. */
const char *buf_cstr(struct buf *b);

#endif
