/* toml's parts: toml.c holds keys and tables, value.c numbers and times,
 * string.c the four kinds of strings. */
#ifndef WARREN_TOML_INTERNAL_H
#define WARREN_TOML_INTERNAL_H

#include "base/buf.h"
#include "toml/toml.h"

struct parser {
    const uint8_t     *p, *end, *line_start;
    uint32_t           line;
    uint32_t           nodes;
    struct arena      *arena;
    struct toml_error *error;
};

/* toml_fail - fill in the error at the present place; false. */
bool toml_fail(struct parser *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* toml_peek - the next byte, or -1 at the end. */
static inline int toml_peek(const struct parser *s)
{
    return s->p < s->end ? *s->p : -1;
}

static inline int toml_peek_at(const struct parser *s, size_t n)
{
    return (size_t)(s->end - s->p) > n ? s->p[n] : -1;
}

/* toml_newline - pass "\n" or "\r\n"; false when there is none. */
bool toml_newline(struct parser *s);

/* toml_node - a new zeroed node at the present place; NULL, with the error
 * set, past the bounds. */
struct toml *toml_node(struct parser *s, enum toml_kind kind);

/* A string that starts at the present quote; may_be_long allows the
 * triple-quoted forms. */
bool toml_string(struct parser *s, struct span *out, bool may_be_long);

/* A number, boolean or time that starts at the present byte. */
bool toml_scalar(struct parser *s, struct toml *out);

#endif
