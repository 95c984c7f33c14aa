#include "canonical.h"

#include "json/read.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 16 };

static void escape(struct buf *out, uint8_t c)
{
    static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
    const char       *at = c ? strchr(from, c) : NULL;

    if (at)
        buf_printf(out, "\\%c", to[at - from]);
    else
        buf_printf(out, "\\u%04x", c);
}

void canonical_string(struct buf *out, struct span text)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];

        if (c < 0x20 || c == '"' || c == '\\')
            escape(out, c);
        else
            buf_byte(out, c);
    }
    buf_byte(out, '"');
}

/* Order of UTF-16 units: as bytes, but what takes two units (UTF-8 of four
 * bytes) comes before U+E000 and above (first bytes ee and ef). */
static int unit_weight(uint8_t c)
{
    return c == 0xee || c == 0xef ? c + 0x100 : c;
}

static int compare_names(const void *x, const void *y)
{
    const uint8_t *a = *(const uint8_t *const *)x;
    const uint8_t *b = *(const uint8_t *const *)y;

    while (*a && *a == *b) {
        a++;
        b++;
    }
    return unit_weight(*a) - unit_weight(*b);
}

static const char *print(struct buf *out, const struct json_value *v,
                         int depth);

static const char *print_object(struct buf *out, const struct json_value *v,
                                int depth)
{
    size_t                   n = json_count(v), i = 0;
    const char             **names = calloc(n + 1, sizeof *names);
    const struct json_value *member;
    const char              *why = NULL;

    must(names);
    for (void *at = NULL; i < n && json_each(v, &at, &names[i], &member);)
        i++;
    qsort(names, n, sizeof *names, compare_names);
    buf_byte(out, '{');
    for (i = 0; i < n && !why; i++) {
        if (i)
            buf_byte(out, ',');
        canonical_string(out, span_str(names[i]));
        buf_byte(out, ':');
        why = print(out, json_get(v, names[i]), depth + 1);
    }
    buf_byte(out, '}');
    free(names);
    return why;
}

static const char *print_array(struct buf *out, const struct json_value *v,
                               int depth)
{
    const char *why = NULL;

    buf_byte(out, '[');
    for (size_t i = 0; i < json_count(v) && !why; i++) {
        if (i)
            buf_byte(out, ',');
        why = print(out, json_item(v, i), depth + 1);
    }
    buf_byte(out, ']');
    return why;
}

static const char *print(struct buf *out, const struct json_value *v, int depth)
{
    struct span text = { 0 };
    int64_t     number;
    bool        is_true;

    if (depth > DEPTH_MAX && (json_is(v, JV_ARRAY) || json_is(v, JV_OBJECT)))
        return "it is nested deeper than 16 levels";
    switch (json_kind(v)) {
    case JV_NULL: buf_str(out, "null"); return NULL;
    case JV_BOOL:
        buf_str(out, json_read_bool(&is_true, v) && is_true ? "true" : "false");
        return NULL;
    case JV_INT:
        if (!json_read_int(&number, v))
            return "a number is larger than 64 bits";
        buf_printf(out, "%" PRId64, number);
        return NULL;
    case JV_REAL:
        return "a number has a fraction or an exponent; write it as a text,"
               " \"1.5\"";
    case JV_STRING:
        if (!json_read_str(&text, v))
            return "a string cannot be read";
        canonical_string(out, text);
        return NULL;
    case JV_ARRAY: return print_array(out, v, depth);
    case JV_OBJECT: return print_object(out, v, depth);
    }
    return "it is no JSON";
}

const char *canonical_json(struct buf *out, struct span text,
                           char why[static 200])
{
    struct json_doc d;
    const char     *failed;

    if (json_doc_parse(&d, text, JSON_KEYS_UNIQUE) != ACCEPT) {
        snprintf(why, 200, "it is no JSON: %s", d.why);
        return why;
    }
    failed = print(out, d.root, 1);
    json_doc_fini(&d);
    return failed;
}
