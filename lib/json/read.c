#include "json/read.h"

#include "base/text.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const json_t *in(const struct json_value *v)
{
    return (const json_t *)(const void *)v;
}

static const struct json_value *out(const json_t *v)
{
    return (const struct json_value *)(const void *)v;
}

static json_t *mut(const struct json_value *v)
{
    return (json_t *)(uintptr_t)v;
}

/* ---- the text itself ---- */

/* Behind the string that begins at text[i]. */
static size_t skip_string(struct span t, size_t i)
{
    for (i++; i < t.n && t.p[i] != '"'; i++)
        if (t.p[i] == '\\')
            i++;
    return i < t.n ? i + 1 : t.n;
}

static bool is_too_deep(struct span t)
{
    size_t depth = 0;

    for (size_t i = 0; i < t.n;) {
        if (t.p[i] == '"') {
            i = skip_string(t, i);
            continue;
        }
        if ((t.p[i] == '{' || t.p[i] == '[') && ++depth > JSON_DEPTH_MAX)
            return true;
        if ((t.p[i] == '}' || t.p[i] == ']') && depth > 0)
            depth--;
        i++;
    }
    return false;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of the value at text[i]: where its enclosing object goes on. */
static size_t skip_value(struct span t, size_t i)
{
    for (size_t depth = 0; i < t.n;) {
        uint8_t c = t.p[i];

        if (c == '"') {
            i = skip_string(t, i);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}'))
            break;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        i++;
    }
    return i;
}

static struct span trim(struct span t, size_t from, size_t to)
{
    while (from < to && is_space(t.p[from]))
        from++;
    while (to > from && is_space(t.p[to - 1]))
        to--;
    return SPAN(t.p + from, to - from);
}

/* Is this string of the text, quotes included, the key?  Escapes are read
 * by the parser, so a key that has any is compared through it. */
static bool is_key(struct span quoted, const char *key)
{
    json_t *v = json_loadb((const char *)quoted.p, quoted.n,
                           JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same = v && span_eq(SPAN(json_string_value(v), json_string_length(v)),
                             span_str(key));

    json_decref(v);
    return same;
}

struct span json_member_text(const struct json_doc *d, const char *key)
{
    struct span t = d->text, found = { 0 };
    size_t      i = 0;

    if (!json_is_object(in(d->root)))
        return found;
    while (i < t.n && t.p[i] != '{')
        i++;
    for (i++; i < t.n && t.p[i] != '}'; i++) {
        size_t name, end;

        if (t.p[i] != '"')
            continue;
        name = i;
        i    = skip_string(t, i);
        end  = i;
        while (i < t.n && t.p[i] != ':')
            i++;
        i++;
        if (is_key(SPAN(t.p + name, end - name), key))
            found = trim(t, i, skip_value(t, i));
        i = skip_value(t, i);
        if (i < t.n && t.p[i] == '}')
            break;
    }
    return found;
}

/* Key files are read through here too: nothing read stays in freed memory. */
static void wipe_and_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

enum reject json_doc_parse(struct json_doc *d, struct span text,
                           enum json_keys keys)
{
    json_error_t e;
    size_t       flags = JSON_DECODE_ANY | JSON_ALLOW_NUL |
                   (keys == JSON_KEYS_UNIQUE ? JSON_REJECT_DUPLICATES : 0);

    json_set_alloc_funcs(malloc, wipe_and_free);
    *d = (struct json_doc){ .text = text };
    if (is_too_deep(text)) {
        snprintf(d->why, sizeof d->why, "nested more than %d deep",
                 JSON_DEPTH_MAX);
        return REJECT_LIMIT;
    }
    d->root = (struct json_value *)(void *)json_loadb(
        text.n ? (const char *)text.p : "", text.n, flags, &e);
    if (d->root)
        return ACCEPT;
    snprintf(d->why, sizeof d->why, "line %d: %.120s", e.line, e.text);
    return REJECT_MALFORMED;
}

void json_doc_fini(struct json_doc *d)
{
    json_decref(mut(d->root));
    d->root = NULL;
}

/* ---- values ---- */

enum json_kind json_kind(const struct json_value *v)
{
    if (!v)
        return JV_NULL;
    switch (json_typeof(in(v))) {
    case JSON_OBJECT: return JV_OBJECT;
    case JSON_ARRAY: return JV_ARRAY;
    case JSON_STRING: return JV_STRING;
    case JSON_INTEGER: return JV_INT;
    case JSON_REAL: return JV_REAL;
    case JSON_TRUE:
    case JSON_FALSE: return JV_BOOL;
    case JSON_NULL: break;
    }
    return JV_NULL;
}

bool json_is(const struct json_value *v, enum json_kind kind)
{
    return v && json_kind(v) == kind;
}

const struct json_value *json_get(const struct json_value *object,
                                  const char              *key)
{
    return out(json_object_get(in(object), key));
}

const struct json_value *json_get_folded(const struct json_value *object,
                                         const char              *key)
{
    const struct json_value *v = json_get(object, key), *folded = NULL;
    const char              *name;
    void                    *at = NULL;

    if (v)
        return v;
    while (json_each(object, &at, &name, &v))
        if (strcasecmp(name, key) == 0)
            folded = v;
    return folded;
}

size_t json_count(const struct json_value *v)
{
    return json_is_array(in(v)) ? json_array_size(in(v))
                                : json_object_size(in(v));
}

const struct json_value *json_item(const struct json_value *array, size_t i)
{
    return out(json_array_get(in(array), i));
}

bool json_each(const struct json_value *object, void **at, const char **key,
               const struct json_value **value)
{
    *at = *at ? json_object_iter_next(mut(object), *at)
              : json_object_iter(mut(object));
    if (!*at)
        return false;
    *key   = json_object_iter_key(*at);
    *value = out(json_object_iter_value(*at));
    return true;
}

/* ---- typed reads ---- */

bool json_read_bool(bool *out_v, const struct json_value *v)
{
    if (!json_is(v, JV_BOOL))
        return false;
    *out_v = json_is_true(in(v));
    return true;
}

bool json_read_int(int64_t *out_v, const struct json_value *v)
{
    if (!json_is(v, JV_INT))
        return false;
    *out_v = json_integer_value(in(v));
    return true;
}

bool json_read_double(double *out_v, const struct json_value *v)
{
    if (!json_is(v, JV_INT) && !json_is(v, JV_REAL))
        return false;
    *out_v = json_number_value(in(v));
    return true;
}

bool json_read_str(struct span *out_v, const struct json_value *v)
{
    if (!json_is(v, JV_STRING))
        return false;
    *out_v = SPAN(json_string_value(in(v)), json_string_length(in(v)));
    return true;
}

bool json_read_int_text(int64_t *out_v, const struct json_value *v)
{
    struct span s;

    return json_read_str(&s, v) && int64_parse(out_v, s);
}

bool json_read_uint_text(uint64_t *out_v, const struct json_value *v)
{
    struct span s;

    return json_read_str(&s, v) && uint64_parse(out_v, s);
}

bool json_read_base64(struct span *out_v, const struct json_value *v,
                      struct arena *a)
{
    struct span s;
    uint8_t    *p;
    size_t      n, cap;

    if (json_is(v, JV_NULL)) {
        *out_v = (struct span){ 0 };
        return true;
    }
    if (!json_read_str(&s, v))
        return false;
    cap = s.n / 4 * 3 + 3;
    p   = arena_alloc(a, cap);
    if (!p || !base64_decode(p, cap, &n, s))
        return false;
    *out_v = SPAN(p, n);
    return true;
}

bool json_read_hex(struct span *out_v, const struct json_value *v,
                   struct arena *a)
{
    struct span s;
    uint8_t    *p;

    if (!json_read_str(&s, v))
        return false;
    p = arena_alloc(a, s.n / 2 + 1);
    if (!p || !hex_decode(p, s.n / 2, s))
        return false;
    *out_v = SPAN(p, s.n / 2);
    return true;
}

bool json_read_stamp(struct stamp *out_v, const struct json_value *v)
{
    struct span s;

    return json_read_str(&s, v) && stamp_parse(out_v, s);
}
