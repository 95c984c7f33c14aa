/* Property: what is TOML, written out again as TOML, reads as the same tree;
 * what is not, is refused at a place inside the text. */
#include "base/buf.h"
#include "fuzz.h"
#include "toml/toml.h"

#include <math.h>
#include <stdio.h>

static void write_text(struct buf *out, struct span s)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '"' || s.p[i] == '\\')
            buf_printf(out, "\\u%04X", s.p[i]);
        else
            buf_byte(out, s.p[i]);
    }
    buf_byte(out, '"');
}

static void write_number(struct buf *out, double v)
{
    char text[64];

    if (isnan(v) || isinf(v)) {
        buf_str(out, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    snprintf(text, sizeof text, "%.17g", v);
    buf_str(out, text);
    if (!strpbrk(text, ".e"))
        buf_str(out, ".0");
}

static void write_value(struct buf *out, const struct toml *n)
{
    bool is_table = n->kind == TOML_TABLE;

    switch (n->kind) {
    case TOML_STRING: write_text(out, n->text); return;
    case TOML_INTEGER: buf_printf(out, "%" PRId64, n->integer); return;
    case TOML_FLOAT: write_number(out, n->number); return;
    case TOML_BOOL: buf_str(out, n->is_true ? "true" : "false"); return;
    case TOML_TIME: buf_add(out, n->text); return;
    case TOML_ARRAY:
    case TOML_TABLE: break;
    }
    buf_byte(out, is_table ? '{' : '[');
    for (const struct toml *c = n->first; c; c = c->next) {
        if (is_table) {
            write_text(out, c->key);
            buf_byte(out, '=');
        }
        write_value(out, c);
        if (c->next)
            buf_byte(out, ',');
    }
    buf_byte(out, is_table ? '}' : ']');
}

static bool is_same(const struct toml *a, const struct toml *b)
{
    const struct toml *x, *y;

    if (a->kind != b->kind || !span_eq(a->key, b->key))
        return false;
    switch (a->kind) {
    case TOML_STRING:
    case TOML_TIME: return span_eq(a->text, b->text);
    case TOML_INTEGER: return a->integer == b->integer;
    case TOML_BOOL: return a->is_true == b->is_true;
    case TOML_FLOAT:
        return a->number == b->number || (isnan(a->number) && isnan(b->number));
    case TOML_ARRAY:
    case TOML_TABLE: break;
    }
    for (x = a->first, y = b->first; x && y; x = x->next, y = y->next)
        if (!is_same(x, y))
            return false;
    return !x && !y && a->count == b->count;
}

/* The root's members, a line each. */
static void write_root(struct buf *out, const struct toml *root)
{
    for (const struct toml *c = root->first; c; c = c->next) {
        write_text(out, c->key);
        buf_byte(out, '=');
        write_value(out, c);
        buf_byte(out, '\n');
    }
}

void fuzz_one(struct span in)
{
    struct toml      *first, *second;
    struct toml_error e = { 0 };
    struct buf        out;

    if (!toml_parse(&first, in, &fuzz_arena, &e)) {
        must(e.text[0] && e.line >= 1 && e.column >= 1);
        must(e.line <= in.n + 1 && e.column <= in.n + 1);
        return;
    }
    buf_init(&out, TOML_BYTES_MAX);
    write_root(&out, first);
    /* escapes may make it too long, nested keys too deep */
    if (!out.is_full && toml_parse(&second, buf_span(&out), &fuzz_arena, &e))
        must(is_same(first, second));
    else
        must(out.is_full || strstr(e.text, "deeper"));
    buf_fini(&out);
}
