/* One knob: its name, reading and printing its value. */
#include "config/internal.h"

#include "base/text.h"
#include "config/duration.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const struct config_knob_info config_knobs[CONFIG_KNOBS] = {
#define BOUNDS(low, high) low, high
#define TOP_KNOB(member, key, kind, preset, range, choices, help)              \
    { "",    key,     CONFIG_##kind, preset,                                   \
      range, choices, help,          offsetof(struct config, member) },
#define TABLE(name, title, help)
#define END(name)
#define KNOB(table, member, key, kind, preset, range, choices, help)           \
    { #table, key,     CONFIG_##kind, preset,                                  \
      range,  choices, help,          offsetof(struct config, table.member) },
#define RETIRED(table, key, advice)
#define INERT(knob, what)
#include "config/config.def"
};

void config_knob_name(struct buf *out, const struct config_knob_info *k)
{
    if (*k->table) {
        buf_str(out, k->table);
        buf_byte(out, '.');
    }
    buf_str(out, k->key);
}

static bool same_name(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char x = a[i] == '-' ? '_' : a[i], y = b[i] == '-' ? '_' : b[i];

        if (x != y || !x)
            return false;
    }
    return true;
}

const struct config_knob_info *config_find(const char *name)
{
    for (size_t i = 0; i < CONFIG_KNOBS; i++) {
        const struct config_knob_info *k = &config_knobs[i];
        size_t table = strlen(k->table), key = strlen(k->key);

        if (table == 0
                ? strlen(name) == key && same_name(name, k->key, key)
                : strlen(name) == table + 1 + key &&
                      same_name(name, k->table, table) && name[table] == '.' &&
                      same_name(name + table + 1, k->key, key))
            return k;
    }
    return NULL;
}

const char *config_text(struct config *c, const char *s)
{
    size_t n = strlen(s);
    char  *p = arena_alloc(&c->arena, n + 1);

    must(p); /* the arena is larger than any file and command line */
    memcpy(p, s, n);
    return p;
}

/* ---- errors ---- */

void config_where(struct buf *out, const struct config *c,
                  const struct config_origin *from)
{
    switch (from->kind) {
    case FROM_FILE: buf_printf(out, "%s:%" PRIu32, c->path, from->line); break;
    case FROM_ENV: buf_str(out, from->name); break;
    case FROM_FLAG: buf_printf(out, "--%s", from->name); break;
    case FROM_DEFAULT: buf_str(out, c->path); break;
    }
}

enum err config_fail(const struct config *c, const struct config_origin *from,
                     enum err code, const char *fmt, ...)
{
    struct buf where;
    char       text[768];
    va_list    ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_init(&where, 8192);
    config_where(&where, c, from);
    code = fail(code, "%s: %s", buf_cstr(&where), text);
    buf_fini(&where);
    return code;
}

static enum err bad_value(const struct config           *c,
                          const struct config_knob_info *k,
                          const struct config_origin *from, const char *found,
                          const char *expected)
{
    struct buf name;
    enum err   code;

    buf_init(&name, 256);
    config_knob_name(&name, k);
    code = config_fail(c, from, ERR_CONFIG, "%s = \"%s\": expected %s",
                       buf_cstr(&name),
                       k->kind == CONFIG_SECRET ? "***" : found, expected);
    buf_fini(&name);
    return code;
}

/* ---- reading ---- */

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);

    for (const char *p = choices;; p++) {
        size_t len = strcspn(p, "|");

        if (len == n && memcmp(p, text, n) == 0)
            return true;
        p += len;
        if (!*p)
            return false;
    }
}

static bool read_bool(bool *out, const char *text)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return false;
    *out = text[0] == 't';
    return true;
}

/* What a number or duration should have been. */
static enum err out_of_range(const struct config           *c,
                             const struct config_knob_info *k,
                             const struct config_origin *from, const char *text)
{
    struct buf want;
    bool       is_time = k->kind == CONFIG_TIME;
    enum err   code;

    buf_init(&want, 256);
    buf_str(&want, is_time ? "a duration such as \"1.5s\" or \"100ms\""
                           : "a whole number");
    if (k->low != INT64_MIN) {
        buf_str(&want, ", at least ");
        if (is_time)
            duration_print(&want, k->low);
        else
            buf_printf(&want, "%" PRId64, k->low);
    }
    if (k->high != INT64_MAX)
        buf_printf(&want, ", at most %" PRId64, k->high);
    code = bad_value(c, k, from, text, buf_cstr(&want));
    buf_fini(&want);
    return code;
}

/* "a,b" to a list; blanks around a comma do not count. */
static void split_list(struct config *c, const struct config_knob_info *k,
                       const char *text, const struct config_origin *from)
{
    const char *v[256];
    size_t      n = 0;

    for (const char *p = text; *p && n < COUNT(v);) {
        size_t len = strcspn(p, ","), skip = strspn(p, " ");
        char  *one;

        skip = skip < len ? skip : len;
        one  = arena_alloc(&c->arena, len - skip + 1);
        must(one);
        memcpy(one, p + skip, len - skip);
        for (size_t i = len - skip; i > 0 && one[i - 1] == ' '; i--)
            one[i - 1] = 0;
        v[n++] = one;
        p += len + (p[len] == ',');
    }
    config_set_list(c, k, v, n, from);
}

void config_set_list(struct config *c, const struct config_knob_info *k,
                     const char *const *v, size_t n,
                     const struct config_origin *from)
{
    const char **copy = arena_newn(&c->arena, const char *, n ? n : 1);

    must(copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = config_text(c, v[i]);
    *(struct text_list *)(void *)((char *)c + k->offset) =
        (struct text_list){ copy, n };
    c->origin[k - config_knobs] = *from;
}

enum err config_set_knob(struct config *c, const struct config_knob_info *k,
                         const char *text, const struct config_origin *from)
{
    void   *at = (char *)c + k->offset;
    int64_t v;

    switch (k->kind) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
        if (*k->choices && !is_choice(k->choices, text))
            return bad_value(c, k, from, text, k->choices);
        *(const char **)at = config_text(c, text);
        break;
    case CONFIG_BOOL:
        if (!read_bool(at, text))
            return bad_value(c, k, from, text, "true or false");
        break;
    case CONFIG_INT:
    case CONFIG_QINT:
    case CONFIG_TIME:
        if ((k->kind == CONFIG_TIME ? !duration_parse(&v, text)
                                    : !int64_parse(&v, span_str(text))) ||
            v < k->low || v > k->high)
            return out_of_range(c, k, from, text);
        *(int64_t *)at = v;
        break;
    case CONFIG_LIST: split_list(c, k, text, from); return OK;
    }
    c->origin[k - config_knobs] = *from;
    return OK;
}

/* ---- printing ---- */

static void print_text(struct buf *out, const char *s)
{
    buf_byte(out, '"');
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;

        if (ch == '"' || ch == '\\')
            buf_byte(out, '\\');
        if (ch < 0x20 || ch == 0x7f)
            buf_printf(out, "\\u%04X", ch);
        else
            buf_byte(out, ch);
    }
    buf_byte(out, '"');
}

void config_print_value(struct buf *out, const struct config *c,
                        const struct config_knob_info *k)
{
    const void             *at = (const char *)c + k->offset;
    const struct text_list *list;

    switch (k->kind) {
    case CONFIG_TEXT:
    case CONFIG_SECRET: print_text(out, *(const char *const *)at); break;
    case CONFIG_BOOL: buf_str(out, *(const bool *)at ? "true" : "false"); break;
    case CONFIG_INT: buf_printf(out, "%" PRId64, *(const int64_t *)at); break;
    case CONFIG_QINT:
        buf_printf(out, "\"%" PRId64 "\"", *(const int64_t *)at);
        break;
    case CONFIG_TIME:
        buf_byte(out, '"');
        duration_print(out, *(const int64_t *)at);
        buf_byte(out, '"');
        break;
    case CONFIG_LIST: /* CometBFT leaves a comma behind the last */
        list = at;
        buf_byte(out, '[');
        for (size_t i = 0; i < list->n; i++) {
            print_text(out, list->v[i]);
            buf_str(out, ", ");
        }
        buf_byte(out, ']');
        break;
    }
}
