/* warren config check | show | diff */
#include "cli.h"

enum err cmd_config_check(struct cli *c)
{
    enum err code = cli_words(c, 0, 0);

    if (code == OK)
        code = cli_config(c);
    if (code == OK && !c->config->has_file)
        code = fail(ERR_CONFIG,
                    "%s: there is no such file; 'warren init' makes"
                    " one (without it, start takes the defaults)",
                    c->config->path);
    if (code == OK)
        config_warn(c->config);
    if (code != OK || !c->is_json)
        return code;
    out_begin(c);
    out_str(c, "file", c->config->path);
    out_bool(c, "exists", c->config->has_file);
    out_bool(c, "valid", true);
    return out_end(c);
}

static void print_origin(struct buf *out, const struct config_origin *o)
{
    switch (o->kind) {
    case FROM_DEFAULT: buf_str(out, "default"); break;
    case FROM_FILE: buf_printf(out, "file, line %" PRIu32, o->line); break;
    case FROM_ENV: buf_str(out, o->name); break;
    case FROM_FLAG: buf_printf(out, "--%s", o->name); break;
    }
}

/* A word is the name of a knob, or of its table. */
static bool is_of(const char *word, const char *name)
{
    size_t n = strlen(word);

    return strncmp(word, name, n) == 0 && (name[n] == 0 || name[n] == '.');
}

static bool is_asked(const struct cli *c, const char *name)
{
    for (size_t i = 0; i < c->word_count; i++)
        if (is_of(c->word[i], name))
            return true;
    return c->word_count == 0;
}

static bool is_known(const char *word)
{
    bool       found = false;
    struct buf name;

    buf_init(&name, 256);
    for (size_t i = 0; i < CONFIG_KNOBS && !found; i++) {
        buf_clear(&name);
        config_knob_name(&name, &config_knobs[i]);
        found = is_of(word, buf_cstr(&name));
    }
    buf_fini(&name);
    return found;
}

static void show_knob(struct cli *c, const struct config_knob_info *k,
                      const struct config *defaults)
{
    struct buf name, value, preset, origin;
    bool       is_shown, is_other;

    buf_init(&name, 256);
    buf_init(&value, 1 << 20);
    buf_init(&preset, 1 << 20);
    buf_init(&origin, 4096);
    config_knob_name(&name, k);
    config_print_value(&value, c->config, k);
    is_shown = is_asked(c, buf_cstr(&name));
    if (defaults) {
        config_print_value(&preset, defaults, k);
        is_other = !span_eq(buf_span(&value), buf_span(&preset));
        is_shown = is_shown && is_other;
    }
    if (k->kind == CONFIG_SECRET && value.len > 2) {
        buf_clear(&value);
        buf_str(&value, "\"***\"");
    }
    if (is_shown) {
        print_origin(&origin, &c->config->origin[k - config_knobs]);
        if (!c->is_json) { /* as it would stand in the file */
            buf_printf(&c->out, "%s = %s  # %s\n", buf_cstr(&name),
                       buf_cstr(&value), buf_cstr(&origin));
        } else {
            out_item(c);
            out_str(c, "key", buf_cstr(&name));
            out_str(c, "value", buf_cstr(&value));
            out_str(c, "origin", buf_cstr(&origin));
            out_item_end(c);
        }
    }
    buf_fini(&name);
    buf_fini(&value);
    buf_fini(&preset);
    buf_fini(&origin);
}

static enum err show(struct cli *c, const struct config *defaults)
{
    out_begin(c);
    out_list(c, "config");
    for (size_t i = 0; i < CONFIG_KNOBS; i++)
        show_knob(c, &config_knobs[i], defaults);
    out_list_end(c);
    return out_end(c);
}

enum err cmd_config_show(struct cli *c)
{
    enum err code = cli_config(c);

    for (size_t i = 0; code == OK && i < c->word_count; i++)
        if (!is_known(c->word[i]))
            code =
                fail(ERR_NOT_FOUND,
                     "no key '%s'; 'warren config show' lists all", c->word[i]);
    return code == OK ? show(c, NULL) : code;
}

enum err cmd_config_diff(struct cli *c)
{
    struct config *defaults;
    enum err       code = cli_words(c, 0, 0);

    if (code == OK)
        code = cli_config(c);
    if (code != OK)
        return code;
    defaults = config_default(c->config->home);
    code     = show(c, defaults);
    config_free(defaults);
    return code;
}
