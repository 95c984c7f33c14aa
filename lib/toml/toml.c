#include "toml/toml.h"

#include "base/text.h"
#include "toml/internal.h"

#include <stdarg.h>
#include <stdio.h>

/* How a table or array came to be decides who may add to it. */
enum {
    BY_VALUE,  /* inline: closed */
    BY_PARENT, /* [a] of a header [a.b]: may be defined once more */
    BY_HEADER, /* [a], or an element of [[a]] */
    BY_DOTS,   /* a of a.b = 1: more dotted keys, or sub-tables */
    BY_APPEND, /* the array of [[a]] */
};

bool toml_fail(struct parser *s, const char *fmt, ...)
{
    va_list ap;

    s->error->line   = s->line;
    s->error->column = (uint32_t)(s->p - s->line_start) + 1;
    va_start(ap, fmt);
    vsnprintf(s->error->text, sizeof s->error->text, fmt, ap);
    va_end(ap);
    return false;
}

bool toml_newline(struct parser *s)
{
    if (toml_peek(s) == '\n')
        s->p++;
    else if (toml_peek(s) == '\r' && toml_peek_at(s, 1) == '\n')
        s->p += 2;
    else
        return false;
    s->line++;
    s->line_start = s->p;
    return true;
}

struct toml *toml_node(struct parser *s, enum toml_kind kind)
{
    struct toml *n =
        s->nodes < TOML_NODES_MAX ? arena_new(s->arena, struct toml) : NULL;

    if (!n) {
        (void)toml_fail(s, "too many values, at most %d", TOML_NODES_MAX);
        return NULL;
    }
    s->nodes++;
    n->kind   = kind;
    n->line   = s->line;
    n->column = (uint32_t)(s->p - s->line_start) + 1;
    return n;
}

static void add_child(struct toml *parent, struct toml *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

struct toml *toml_get(const struct toml *table, struct span key)
{
    for (struct toml *c = table->first; c; c = c->next)
        if (span_eq(c->key, key))
            return c;
    return NULL;
}

const char *toml_kind_name(enum toml_kind kind)
{
    static const char *const names[] = { "a string",       "an integer",
                                         "a float",        "a boolean",
                                         "a date or time", "an array",
                                         "a table" };

    return names[kind];
}

/* ---- blanks, comments, line ends ---- */

static void blanks(struct parser *s)
{
    while (toml_peek(s) == ' ' || toml_peek(s) == '\t')
        s->p++;
}

static bool comment(struct parser *s)
{
    if (toml_peek(s) != '#')
        return true;
    for (;; s->p++) {
        int c = toml_peek(s);

        if (c < 0 || c == '\n' || (c == '\r' && toml_peek_at(s, 1) == '\n'))
            return true;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return toml_fail(s, "control character 0x%02x in a comment", c);
    }
}

/* Blanks, a comment, and the end of the line or of the text. */
static bool end_of_line(struct parser *s)
{
    blanks(s);
    if (!comment(s))
        return false;
    if (toml_peek(s) < 0 || toml_newline(s))
        return true;
    return toml_fail(s, "nothing may follow here on the line but a comment");
}

/* Inside an array: blanks, comments and line ends. */
static bool array_blanks(struct parser *s)
{
    do {
        blanks(s);
        if (!comment(s))
            return false;
    } while (toml_newline(s));
    return true;
}

/* ---- keys ---- */

struct key_path {
    struct span part[TOML_DEPTH_MAX];
    size_t      count;
    uint32_t    line, column;
};

static bool is_bare(int c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           c == '_' || c == '-';
}

static bool key_part(struct parser *s, struct span *out)
{
    const uint8_t *start = s->p;
    uint8_t       *copy;

    if (toml_peek(s) == '"' || toml_peek(s) == '\'')
        return toml_string(s, out, false);
    while (is_bare(toml_peek(s)))
        s->p++;
    if (s->p == start)
        return toml_fail(s, "a key is missing; bare keys have letters,"
                            " digits, '_' and '-'");
    out->n = (size_t)(s->p - start);
    copy   = arena_alloc(s->arena, out->n + 1);
    if (!copy)
        return toml_fail(s, "too much text");
    memcpy(copy, start, out->n);
    out->p = copy;
    return true;
}

static bool key_path(struct parser *s, struct key_path *k)
{
    k->count  = 0;
    k->line   = s->line;
    k->column = (uint32_t)(s->p - s->line_start) + 1;
    for (;;) {
        blanks(s);
        if (k->count == TOML_DEPTH_MAX)
            return toml_fail(s, "more than %d parts in a key", TOML_DEPTH_MAX);
        if (!key_part(s, &k->part[k->count++]))
            return false;
        blanks(s);
        if (toml_peek(s) != '.')
            return true;
        s->p++;
    }
}

/* Errors about a key name it where it stands. */
static bool key_fail(struct parser *s, const struct key_path *k, size_t part,
                     const char *why)
{
    (void)toml_fail(s, "key '%.*s' %s",
                    k->part[part].n < 60 ? (int)k->part[part].n : 60,
                    (const char *)k->part[part].p, why);
    s->error->line   = k->line;
    s->error->column = k->column;
    return false;
}

static struct toml *child_new(struct parser *s, const struct key_path *k,
                              size_t part, enum toml_kind kind, int origin)
{
    struct toml *n = toml_node(s, kind);

    if (!n)
        return NULL;
    n->key    = k->part[part];
    n->line   = k->line;
    n->column = k->column;
    n->origin = (uint8_t)origin;
    return n;
}

/* ---- values ---- */

static bool value(struct parser *s, struct toml *out, int depth);

/* key = value into a table; dotted keys make tables on the way. */
static bool key_value(struct parser *s, struct toml *table, int depth)
{
    struct key_path k;
    struct toml    *n;

    if (!key_path(s, &k))
        return false;
    if (toml_peek(s) != '=')
        return toml_fail(s, "'=' is missing after the key");
    s->p++;
    for (size_t i = 0; i + 1 < k.count; i++) {
        n = toml_get(table, k.part[i]);
        if (n && (n->kind != TOML_TABLE ||
                  (n->origin != BY_DOTS && n->origin != BY_PARENT)))
            return key_fail(s, &k, i, "is already defined");
        if (!n) {
            n = child_new(s, &k, i, TOML_TABLE, BY_DOTS);
            if (!n)
                return false;
            add_child(table, n);
        }
        n->origin = BY_DOTS;
        table     = n;
    }
    if (toml_get(table, k.part[k.count - 1]))
        return key_fail(s, &k, k.count - 1, "is given twice");
    n = child_new(s, &k, k.count - 1, TOML_STRING, BY_VALUE);
    if (!n)
        return false;
    add_child(table, n);
    blanks(s);
    return value(s, n, depth);
}

static bool array(struct parser *s, struct toml *out, int depth)
{
    struct toml *n;

    out->kind = TOML_ARRAY;
    for (s->p++;;) {
        if (!array_blanks(s))
            return false;
        if (toml_peek(s) == ']')
            break;
        n = toml_node(s, TOML_STRING);
        if (!n || !value(s, n, depth + 1))
            return false;
        add_child(out, n);
        if (!array_blanks(s))
            return false;
        if (toml_peek(s) == ']')
            break;
        if (toml_peek(s) != ',')
            return toml_fail(s, "',' or ']' is missing in the array");
        s->p++;
    }
    s->p++;
    return true;
}

static bool inline_table(struct parser *s, struct toml *out, int depth)
{
    out->kind = TOML_TABLE;
    s->p++;
    blanks(s);
    if (toml_peek(s) == '}') {
        s->p++;
        return true;
    }
    for (;;) {
        blanks(s);
        if (!key_value(s, out, depth + 1))
            return false;
        blanks(s);
        if (toml_peek(s) == '}')
            break;
        if (toml_peek(s) != ',')
            return toml_fail(s, "',' or '}' is missing in the inline table");
        s->p++;
    }
    s->p++;
    return true;
}

static bool value(struct parser *s, struct toml *out, int depth)
{
    if (depth > TOML_DEPTH_MAX)
        return toml_fail(s, "nested deeper than %d levels", TOML_DEPTH_MAX);
    switch (toml_peek(s)) {
    case '"':
    case '\'': out->kind = TOML_STRING; return toml_string(s, &out->text, true);
    case '[': return array(s, out, depth);
    case '{': return inline_table(s, out, depth);
    default: return toml_scalar(s, out);
    }
}

/* ---- [table] and [[array of tables]] ---- */

/* One step of a header towards its last part. */
static struct toml *step_into(struct parser *s, struct toml *table,
                              const struct key_path *k, size_t part)
{
    struct toml *n = toml_get(table, k->part[part]);

    if (!n) {
        n = child_new(s, k, part, TOML_TABLE, BY_PARENT);
        if (n)
            add_child(table, n);
        return n;
    }
    if (n->kind == TOML_ARRAY && n->origin == BY_APPEND)
        return n->last;
    if (n->kind == TOML_TABLE && n->origin != BY_VALUE)
        return n;
    (void)key_fail(s, k, part, "is already a value, no table");
    return NULL;
}

static struct toml *open_table(struct parser *s, struct toml *parent,
                               const struct key_path *k)
{
    size_t       last = k->count - 1;
    struct toml *n    = toml_get(parent, k->part[last]);

    if (n && (n->kind != TOML_TABLE || n->origin != BY_PARENT)) {
        (void)key_fail(s, k, last, "is already defined");
        return NULL;
    }
    if (!n) {
        n = child_new(s, k, last, TOML_TABLE, BY_HEADER);
        if (n)
            add_child(parent, n);
        return n;
    }
    n->origin = BY_HEADER;
    n->line   = k->line;
    n->column = k->column;
    return n;
}

static struct toml *open_element(struct parser *s, struct toml *parent,
                                 const struct key_path *k)
{
    size_t       last = k->count - 1;
    struct toml *list = toml_get(parent, k->part[last]), *n;

    if (list && (list->kind != TOML_ARRAY || list->origin != BY_APPEND)) {
        (void)key_fail(s, k, last, "is already defined, not as [[...]]");
        return NULL;
    }
    if (!list) {
        list = child_new(s, k, last, TOML_ARRAY, BY_APPEND);
        if (!list)
            return NULL;
        add_child(parent, list);
    }
    n = toml_node(s, TOML_TABLE);
    if (!n)
        return NULL;
    n->line   = k->line;
    n->column = k->column;
    n->origin = BY_HEADER;
    add_child(list, n);
    return n;
}

static struct toml *header(struct parser *s, struct toml *root)
{
    struct key_path k;
    bool            is_list = toml_peek_at(s, 1) == '[';
    struct toml    *t       = root;

    s->p += is_list ? 2 : 1;
    if (!key_path(s, &k))
        return NULL;
    for (int i = 0; i < (is_list ? 2 : 1); i++, s->p++) {
        if (toml_peek(s) != ']') {
            (void)toml_fail(s, "'%s' is missing", is_list ? "]]" : "]");
            return NULL;
        }
    }
    for (size_t i = 0; t && i + 1 < k.count; i++)
        t = step_into(s, t, &k, i);
    if (!t)
        return NULL;
    t = is_list ? open_element(s, t, &k) : open_table(s, t, &k);
    return t && end_of_line(s) ? t : NULL;
}

static bool document(struct parser *s, struct toml *root)
{
    struct toml *table = root;

    while (toml_peek(s) >= 0) {
        int c;

        blanks(s);
        c = toml_peek(s);
        if (c == '[') {
            table = header(s, root);
            if (!table)
                return false;
            continue;
        }
        if (c >= 0 && c != '#' && c != '\n' && c != '\r' &&
            !key_value(s, table, 1))
            return false;
        if (!end_of_line(s))
            return false;
    }
    return true;
}

/* Point at the first byte that is not UTF-8. */
static bool check_utf8(struct parser *s)
{
    while (s->p < s->end) {
        const uint8_t *eol = memchr(s->p, '\n', (size_t)(s->end - s->p));
        size_t n = eol ? (size_t)(eol - s->p) + 1 : (size_t)(s->end - s->p);

        if (!utf8_valid(SPAN(s->p, n)))
            return toml_fail(s, "the line is not UTF-8");
        s->p += n;
        s->line_start = s->p;
        s->line++;
    }
    return true;
}

bool toml_parse(struct toml **root, struct span text, struct arena *a,
                struct toml_error *e)
{
    const uint8_t *start = text.n ? text.p : (const uint8_t *)"";
    struct parser  s     = { .p          = start,
                             .end        = start + text.n,
                             .line_start = start,
                             .line       = 1,
                             .arena      = a,
                             .error      = e };

    if (text.n > TOML_BYTES_MAX)
        return toml_fail(&s, "longer than %d bytes", TOML_BYTES_MAX);
    if (!check_utf8(&s))
        return false;
    s.p = s.line_start = start;
    s.line             = 1;
    if (text.n >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0)
        s.p += 3; /* a byte order mark is allowed */
    *root = toml_node(&s, TOML_TABLE);
    if (!*root)
        return false;
    (*root)->origin = BY_HEADER;
    return document(&s, *root);
}
