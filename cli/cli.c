#include "cli.h"

#include "base/text.h"

#include <stdlib.h>

/* ---- the table ---- */

enum {
#define GROUP(title)
#define COMMAND(id, words, args, summary, details) COMMAND_##id,
#define ALIAS(id, word)
#define FLAG(id, name, arg, help)
#define GLOBAL(name, arg, help)
#define EXIT(code, meaning)
#include "commands.def"
    COMMANDS
};

const struct command commands[COMMANDS] = {
#define GROUP(title)
#define COMMAND(id, words, args, summary, details)                             \
    { words, args, summary, details, cmd_##id },
#define ALIAS(id, word)
#define FLAG(id, name, arg, help)
#define GLOBAL(name, arg, help)
#define EXIT(code, meaning)
#include "commands.def"
};
const size_t command_count = COMMANDS;

const struct command_flag command_flags[] = {
#define GROUP(title)
#define COMMAND(id, words, args, summary, details)
#define ALIAS(id, word)
#define FLAG(id, name, arg, help) { &commands[COMMAND_##id], name, arg, help },
#define GLOBAL(name, arg, help)   { NULL, name, arg, help },
#define EXIT(code, meaning)
#include "commands.def"
};
const size_t command_flag_count = COUNT(command_flags);

const struct command_alias command_aliases[] = {
#define GROUP(title)
#define COMMAND(id, words, args, summary, details)
#define ALIAS(id, word) { &commands[COMMAND_##id], word },
#define FLAG(id, name, arg, help)
#define GLOBAL(name, arg, help)
#define EXIT(code, meaning)
#include "commands.def"
};
const size_t command_alias_count = COUNT(command_aliases);

const struct command_row command_rows[] = {
#define GROUP(title) { title, NULL },
#define COMMAND(id, words, args, summary, details)                             \
    { NULL, &commands[COMMAND_##id] },
#define ALIAS(id, word)
#define FLAG(id, name, arg, help)
#define GLOBAL(name, arg, help)
#define EXIT(code, meaning)
#include "commands.def"
};
const size_t command_row_count = COUNT(command_rows);

const struct command_exit command_exits[] = {
#define GROUP(title)
#define COMMAND(id, words, args, summary, details)
#define ALIAS(id, word)
#define FLAG(id, name, arg, help)
#define GLOBAL(name, arg, help)
#define EXIT(code, meaning) { code, #code, meaning },
#include "commands.def"
};
const size_t command_exit_count = COUNT(command_exits);

/* ---- names ---- */

/* '-' and '_' are the same. */
static bool same(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char x = a[i] == '_' ? '-' : a[i], y = b[i] == '_' ? '-' : b[i];

        if (x != y || !x)
            return false;
    }
    return true;
}

static bool same_word(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && same(a, b, strlen(a));
}

/* Does the name of the command ("keys new") start these words?  Returns how
 * many it takes. */
static size_t name_takes(const char *name, const char *const *word, size_t n)
{
    size_t used = 0;

    while (*name) {
        size_t len = strcspn(name, " ");

        if (used == n || strlen(word[used]) != len ||
            !same(name, word[used], len))
            return 0;
        used++;
        name += len + (name[len] == ' ');
    }
    return used;
}

const struct command *cli_command(const char *const *word, size_t n,
                                  size_t *used)
{
    *used = 0;
    for (size_t i = 0; i < command_count; i++) {
        size_t takes = name_takes(commands[i].words, word, n);

        if (takes) {
            *used = takes;
            return &commands[i];
        }
    }
    for (size_t i = 0; n && i < command_alias_count; i++) {
        if (same_word(command_aliases[i].word, word[0])) {
            *used = 1;
            return command_aliases[i].command;
        }
    }
    return NULL;
}

static const struct command_flag *find_flag(const struct command *cmd,
                                            const char           *name)
{
    for (size_t i = 0; i < command_flag_count; i++) {
        const struct command_flag *f = &command_flags[i];

        if ((!f->command || f->command == cmd) && same_word(f->name, name))
            return f;
    }
    return NULL;
}

/* ---- parsing ---- */

/* One word of the command line that starts with a dash. */
struct dash {
    char        name[160];
    const char *value; /* behind '=', or NULL */
};

static bool is_dash(const char *arg)
{
    return arg[0] == '-' && arg[1] &&
           (arg[1] < '0' || arg[1] > '9'); /* "-" and "-5" are words */
}

static bool split_dash(struct dash *d, const char *arg)
{
    const char *name = arg + (arg[1] == '-' ? 2 : 1);
    size_t      n    = strcspn(name, "=");

    if (n == 0 || n >= sizeof d->name)
        return false;
    memcpy(d->name, name, n);
    d->name[n] = 0;
    d->value   = name[n] == '=' ? name + n + 1 : NULL;
    if (strcmp(arg, "-h") == 0)
        snprintf(d->name, sizeof d->name, "help");
    return true;
}

static const struct config_knob_info *knob_of(const char *name)
{
    return strcmp(name, "version") == 0 ? NULL : config_find(name);
}

static bool is_config_flag(const char *name, bool *needs_value)
{
    const struct config_knob_info *k = knob_of(name);

    *needs_value = !k || k->kind != CONFIG_BOOL;
    if (same_word(name, "trace")) {
        *needs_value = false;
        return true;
    }
    return k || same_word(name, "home") || same_word(name, "genesis-hash");
}

static enum err unknown_flag(const struct command *cmd, const char *arg,
                             const char *name)
{
    const char *names[CLI_FLAGS_MAX], *near;
    size_t      n = 0;
    struct buf  knob;
    enum err    code;

    for (size_t i = 0; i < command_flag_count && n < COUNT(names); i++)
        if (!command_flags[i].command || command_flags[i].command == cmd)
            names[n++] = command_flags[i].name;
    near = config_nearest(name, names, n);
    buf_init(&knob, 256);
    if (!near && strlen(name) > 3 && config_nearest_knob(&knob, name))
        near = buf_cstr(&knob);
    if (near)
        code =
            fail(ERR_USAGE, "unknown flag %s; did you mean --%s?", arg, near);
    else
        code = fail(ERR_USAGE, "unknown flag %s; see 'warren %s%s--help'", arg,
                    cmd ? cmd->words : "", cmd ? " " : "");
    buf_fini(&knob);
    return code;
}

static enum err set_output(struct cli *c, const char *value)
{
    if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
        return fail(ERR_USAGE, "--output=%s: expected text or json", value);
    c->is_json = value[0] == 'j';
    return OK;
}

/* Take flag argv[*i], and the next word if it is its value. */
static enum err take_flag(struct cli *c, int *i, int argc, char **argv)
{
    const char                *arg = argv[*i];
    const struct command_flag *f;
    struct dash                d;
    bool                       needs_value, is_config, passes;

    if (!split_dash(&d, arg))
        return unknown_flag(c->command, arg, "");
    if (strcmp(arg, "-o") == 0)
        snprintf(d.name, sizeof d.name, "output");
    else if (arg[1] != '-' && strcmp(arg, "-h") != 0)
        return unknown_flag(c->command, arg, d.name);
    f         = find_flag(c->command, d.name);
    is_config = is_config_flag(d.name, &needs_value);
    if (!f && !is_config)
        return unknown_flag(c->command, arg, d.name);
    if (f)
        needs_value = *f->arg != 0;
    if (c->flag_count == CLI_FLAGS_MAX || c->config_argc >= CLI_FLAGS_MAX)
        return fail(ERR_USAGE, "too many flags, at most %d", CLI_FLAGS_MAX);
    passes =
        is_config && (!f || !f->command || same_word(d.name, "genesis-hash"));
    if (passes)
        c->config_argv[c->config_argc++] = argv[*i];
    if (needs_value && !d.value) {
        if (*i + 1 >= argc)
            return fail(ERR_USAGE, "flag %s needs a value", arg);
        d.value = argv[++*i];
        if (passes)
            c->config_argv[c->config_argc++] = argv[*i];
    }
    if (!f)
        return OK;
    if (same_word(f->name, "output"))
        return set_output(c, d.value);
    if (same_word(f->name, "help"))
        c->wants_help = true;
    c->flag[c->flag_count++] =
        (struct cli_value){ f->name, d.value ? d.value : "true" };
    return OK;
}

/* The words that come first name the command, whatever flags are between. */
static void find_command(struct cli *c, int argc, char **argv)
{
    const char *word[2] = { NULL };
    size_t      n       = 0, used;

    for (int i = 1; i < argc && n < COUNT(word); i++) {
        struct dash d;
        bool        needs_value;

        if (strcmp(argv[i], "--") == 0)
            break;
        if (!is_dash(argv[i])) {
            word[n++] = argv[i];
        } else if (split_dash(&d, argv[i]) && !d.value) {
            const struct command_flag *f = find_flag(NULL, d.name);

            (void)is_config_flag(d.name, &needs_value);
            if (f ? *f->arg != 0 : needs_value && knob_of(d.name))
                i++;
            else if (strcmp(argv[i], "-o") == 0)
                i++;
        }
    }
    c->command = cli_command(word, n, &used);
}

enum err cli_parse(struct cli *c, int argc, char **argv)
{
    bool   is_end = false;
    size_t used   = 0;

    *c                               = (struct cli){ .program = argv[0] };
    c->config_argv[c->config_argc++] = argv[0];
    find_command(c, argc, argv);
    for (int i = 1; i < argc; i++) {
        enum err code = OK;

        if (!is_end && strcmp(argv[i], "--") == 0)
            is_end = true;
        else if (!is_end && is_dash(argv[i]))
            code = take_flag(c, &i, argc, argv);
        else if (c->word_count == CLI_WORDS_MAX)
            code = fail(ERR_USAGE, "too many arguments");
        else
            c->word[c->word_count++] = argv[i];
        if (code != OK)
            return code;
    }
    if (c->command) { /* its name is no argument */
        (void)cli_command(c->word, c->word_count, &used);
        c->word_count -= used;
        memmove(c->word, c->word + used, c->word_count * sizeof *c->word);
    }
    return OK;
}

/* ---- what commands ask ---- */

const char *cli_flag(const struct cli *c, const char *name)
{
    for (size_t i = c->flag_count; i-- > 0;)
        if (same_word(c->flag[i].name, name))
            return c->flag[i].value;
    return NULL;
}

bool cli_switch(const struct cli *c, const char *name, bool preset)
{
    const char *value = cli_flag(c, name);

    return value ? strcmp(value, "false") != 0 : preset;
}

enum err cli_number(int64_t *out, const struct cli *c, const char *name,
                    int64_t preset, int64_t low, int64_t high)
{
    const char *value = cli_flag(c, name);

    *out = preset;
    if (!value)
        return OK;
    if (!int64_parse(out, span_str(value)) || *out < low || *out > high)
        return fail(ERR_USAGE,
                    "--%s=%s: expected a number from %" PRId64 " to %" PRId64,
                    name, value, low, high);
    return OK;
}

enum err cli_words(const struct cli *c, size_t low, size_t high)
{
    if (c->word_count >= low && c->word_count <= high)
        return OK;
    if (c->word_count > high)
        return fail(ERR_USAGE, "unexpected argument '%s'; usage: warren %s%s%s",
                    c->word[high], c->command->words,
                    *c->command->args ? " " : "", c->command->args);
    return fail(ERR_USAGE, "too few arguments; usage: warren %s %s",
                c->command->words, c->command->args);
}

enum err cli_config(struct cli *c)
{
    if (c->config)
        return OK;
    return config_load(&c->config, c->config_argc, c->config_argv);
}
