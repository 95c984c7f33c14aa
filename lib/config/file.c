/* config.toml into the config. */
#include "config/internal.h"

#include "base/limits.h"
#include "toml/toml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct retired {
    const char *table, *key, *advice;
} retired[] = {
#define TOP_KNOB(member, key, kind, preset, range, choices, help)
#define TABLE(name, title, help)
#define END(name)
#define KNOB(table, member, key, kind, preset, range, choices, help)
#define RETIRED(table, key, advice) { table, key, advice },
#define INERT(knob, what)
#include "config/config.def"
};

/* The names of the tables. */
static const char *const tables[] = {
#define TOP_KNOB(member, key, kind, preset, range, choices, help)
#define TABLE(name, title, help) #name,
#define END(name)
#define KNOB(table, member, key, kind, preset, range, choices, help)
#define RETIRED(table, key, advice)
#define INERT(knob, what)
#include "config/config.def"
};

/* ---- names that are like another ---- */

/* Edits that make b of a, at most max + 1. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[80], n = strlen(b);

    if (n >= COUNT(row) || strlen(a) >= COUNT(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

/* What may pass for a slip of the pen: a third of the letters. */
static size_t slip(const char *what)
{
    return strlen(what) / 3 + 1;
}

const char *config_nearest(const char *what, const char *const *names, size_t n)
{
    const char *best     = NULL;
    size_t      distance = slip(what) + 1;

    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(what, names[i]);

        if (d < distance) {
            distance = d;
            best     = names[i];
        }
    }
    return best;
}

/* A key in the wrong table is the likelier slip when its name is right. */
static size_t knob_distance(const char *name, const struct config_knob_info *k,
                            const char *full)
{
    const char *dot = strchr(name, '.');
    const char *key = dot ? dot + 1 : name;

    return strcmp(key, k->key) == 0 ? 1 : edit_distance(name, full);
}

bool config_nearest_knob(struct buf *out, const char *name)
{
    size_t distance = slip(name) + 1;
    size_t best     = CONFIG_KNOBS;

    for (size_t i = 0; i < CONFIG_KNOBS; i++) {
        char       text[128];
        struct buf full;
        size_t     d;

        buf_use(&full, text, sizeof text);
        config_knob_name(&full, &config_knobs[i]);
        d = knob_distance(name, &config_knobs[i], buf_cstr(&full));
        if (d < distance) {
            distance = d;
            best     = i;
        }
    }
    if (best < CONFIG_KNOBS)
        config_knob_name(out, &config_knobs[best]);
    return best < CONFIG_KNOBS;
}

/* ---- what the file may not say ---- */

static struct config_origin origin_at(const struct toml *n)
{
    return (struct config_origin){ .kind = FROM_FILE, .line = n->line };
}

static enum err unknown_key(const struct config *c, const char *table,
                            const struct toml *n)
{
    struct config_origin from = origin_at(n);
    char                 name[160];
    struct buf           near;
    enum err             code;

    for (size_t i = 0; i < COUNT(retired); i++)
        if (strcmp(retired[i].table, table) == 0 &&
            strcmp(retired[i].key, (const char *)n->key.p) == 0)
            return config_fail(c, &from, ERR_CONFIG,
                               "key '%s' is of an older version: %s; delete"
                               " the line",
                               retired[i].key, retired[i].advice);
    snprintf(name, sizeof name, "%s%s%.80s", table, *table ? "." : "",
             (const char *)n->key.p);
    buf_init(&near, 256);
    if (config_nearest_knob(&near, name))
        code = config_fail(c, &from, ERR_CONFIG,
                           "unknown key '%s'; did you mean '%s'?", name,
                           buf_cstr(&near));
    else
        code = config_fail(c, &from, ERR_CONFIG,
                           "unknown key '%s'; 'warren config show' lists all",
                           name);
    buf_fini(&near);
    return code;
}

static enum err unknown_table(const struct config *c, const struct toml *n)
{
    struct config_origin from = origin_at(n);
    const char          *name = (const char *)n->key.p;
    const char          *near;

    for (size_t i = 0; i < COUNT(retired); i++)
        if (!*retired[i].key && strcmp(retired[i].table, name) == 0)
            return config_fail(c, &from, ERR_CONFIG,
                               "table [%s] is of an older version: %s", name,
                               retired[i].advice);
    near = config_nearest(name, tables, COUNT(tables));
    if (near)
        return config_fail(c, &from, ERR_CONFIG,
                           "unknown table [%.80s]; did you mean [%s]?", name,
                           near);
    return config_fail(c, &from, ERR_CONFIG, "unknown table [%.80s]", name);
}

static enum err wrong_type(const struct config           *c,
                           const struct config_knob_info *k,
                           const struct toml             *n)
{
    static const char *const wanted[] = { [CONFIG_TEXT]   = "text in quotes",
                                          [CONFIG_SECRET] = "text in quotes",
                                          [CONFIG_BOOL]   = "true or false",
                                          [CONFIG_INT]    = "a whole number",
                                          [CONFIG_QINT]   = "a whole number",
                                          [CONFIG_TIME]   = "a duration in"
                                                            " quotes, such as"
                                                            " \"1.5s\"",
                                          [CONFIG_LIST] = "an array of texts" };
    struct config_origin     from     = origin_at(n);
    struct buf               name;
    enum err                 code;

    buf_init(&name, 256);
    config_knob_name(&name, k);
    code =
        config_fail(c, &from, ERR_CONFIG, "%s is %s: expected %s",
                    buf_cstr(&name), toml_kind_name(n->kind), wanted[k->kind]);
    buf_fini(&name);
    return code;
}

/* ---- values ---- */

static enum err set_array(struct config *c, const struct config_knob_info *k,
                          const struct toml *n)
{
    struct config_origin from = origin_at(n);
    const char         **v = arena_newn(&c->arena, const char *, n->count + 1);
    size_t               i = 0;

    must(v);
    for (const struct toml *e = n->first; e; e = e->next) {
        if (e->kind != TOML_STRING)
            return wrong_type(c, k, e);
        v[i++] = (const char *)e->text.p;
    }
    config_set_list(c, k, v, i, &from);
    return OK;
}

/* Numbers and booleans may stand in quotes, as CometBFT takes them. */
static enum err set_value(struct config *c, const struct config_knob_info *k,
                          const struct toml *n)
{
    struct config_origin from = origin_at(n);
    char                 number[32];

    if (n->kind == TOML_ARRAY && k->kind == CONFIG_LIST)
        return set_array(c, k, n);
    if (n->kind == TOML_STRING && memchr(n->text.p, 0, n->text.n))
        return config_fail(c, &from, ERR_CONFIG, "%s: text with a zero byte",
                           k->key);
    if (n->kind == TOML_STRING)
        return config_set_knob(c, k, (const char *)n->text.p, &from);
    if (n->kind == TOML_BOOL && k->kind == CONFIG_BOOL)
        return config_set_knob(c, k, n->is_true ? "true" : "false", &from);
    if (n->kind == TOML_INTEGER &&
        (k->kind == CONFIG_INT || k->kind == CONFIG_QINT ||
         (k->kind == CONFIG_TIME && n->integer == 0))) {
        snprintf(number, sizeof number, "%" PRId64, n->integer);
        return config_set_knob(c, k, number, &from);
    }
    return wrong_type(c, k, n);
}

static const struct config_knob_info *knob_of(const char        *table,
                                              const struct toml *n)
{
    for (size_t i = 0; i < CONFIG_KNOBS; i++)
        if (strcmp(config_knobs[i].table, table) == 0 &&
            span_eq(span_str(config_knobs[i].key), n->key))
            return &config_knobs[i];
    return NULL;
}

static bool is_table_name(const struct toml *n)
{
    for (size_t i = 0; i < COUNT(tables); i++)
        if (span_eq(span_str(tables[i]), n->key))
            return true;
    return false;
}

/* Every fault is told, so that one run names them all. */
static enum err set_table(struct config *c, const char *table,
                          const struct toml *t)
{
    enum err code = OK, e;

    for (const struct toml *n = t->first; n; n = n->next) {
        const struct config_knob_info *k = knob_of(table, n);

        if (k)
            e = set_value(c, k, n);
        else if (!*table && n->kind == TOML_TABLE)
            e = is_table_name(n) ? set_table(c, (const char *)n->key.p, n)
                                 : unknown_table(c, n);
        else
            e = unknown_key(c, table, n);
        code = code ? code : e;
    }
    return code;
}

/* ---- the file ---- */

static enum err read_text(struct config *c, struct span *out)
{
    FILE    *f = fopen(c->path, "rbe");
    uint8_t *text;

    if (!f && errno == ENOENT)
        return ERR_NOT_FOUND;
    if (!f)
        return fail(ERR_CONFIG, "%s: cannot be read: %s", c->path,
                    strerror(errno));
    text = arena_alloc(&c->arena, CONFIG_BYTES_MAX + 1);
    must(text);
    out->n = fread(text, 1, CONFIG_BYTES_MAX + 1, f);
    out->p = text;
    if (ferror(f)) {
        fclose(f);
        return fail(ERR_CONFIG, "%s: cannot be read: %s", c->path,
                    strerror(errno));
    }
    fclose(f);
    return OK;
}

enum err config_read_file(struct config *c)
{
    struct toml_error e;
    struct span       text;
    struct toml      *root;
    enum err          code = read_text(c, &text);

    c->has_file = code != ERR_NOT_FOUND;
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK)
        return code;
    if (!toml_parse(&root, text, &c->arena, &e))
        return fail(ERR_CONFIG, "%s:%" PRIu32 ":%" PRIu32 ": %s", c->path,
                    e.line, e.column, e.text);
    return set_table(c, "", root);
}
