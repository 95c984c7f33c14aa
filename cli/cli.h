/* cli - what every command of warren has: its words, flags, config, output.
 *
 * commands.def lists the commands; cmd_<id>() below runs each and returns
 * the exit code.  What is wrong has then been logged by fail(): what, why,
 * and what to do.
 * Memory:  a struct cli lives until the program ends. */
#ifndef WARREN_CLI_H
#define WARREN_CLI_H

#include "config/config.h"
#include "json/write.h"

#include <stdio.h>

enum { CLI_WORDS_MAX = 64, CLI_FLAGS_MAX = 256 };

struct cli_value {
    const char *name, *value; /* value "true" of a bare switch */
};

struct cli {
    const char           *program; /* argv[0] */
    const struct command *command; /* NULL: only its first words are right */
    bool                  is_json, wants_help;
    const char           *word[CLI_WORDS_MAX]; /* arguments */
    size_t                word_count;
    struct cli_value      flag[CLI_FLAGS_MAX]; /* of this command */
    size_t                flag_count;
    /* Flags that belong to the config, argv[0] before them. */
    char          *config_argv[CLI_FLAGS_MAX + 2];
    int            config_argc;
    struct config *config; /* after cli_config */

    struct buf         out; /* of the answer being written */
    struct json_writer json;
    bool               is_in_item, has_fields;
};

struct command {
    const char *words, *args, *summary, *details;
    enum err (*run)(struct cli *c);
};
struct command_flag {
    const struct command *command; /* NULL: global */
    const char           *name, *arg, *help;
};
struct command_alias {
    const struct command *command;
    const char           *word;
};
/* Titles and commands in the order of the help. */
struct command_row {
    const char           *title;   /* or NULL */
    const struct command *command; /* or NULL */
};
struct command_exit {
    enum err    code;
    const char *name, *meaning;
};

extern const struct command       commands[];
extern const size_t               command_count;
extern const struct command_flag  command_flags[];
extern const size_t               command_flag_count;
extern const struct command_alias command_aliases[];
extern const size_t               command_alias_count;
extern const struct command_row   command_rows[];
extern const size_t               command_row_count;
extern const struct command_exit  command_exits[];
extern const size_t               command_exit_count;

#define GROUP(title)
#define COMMAND(id, words, args, summary, details)                             \
    enum err cmd_##id(struct cli *c);
#define ALIAS(id, word)
#define FLAG(id, name, arg, help)
#define GLOBAL(name, arg, help)
#define EXIT(code, meaning)
#include "commands.def"

/* cli_parse - the command line into c; ERR_USAGE says what is wrong. */
NODISCARD enum err cli_parse(struct cli *c, int argc, char **argv);

/* cli_command - the command that n words name ("keys", "new"); *used of them
 * belong to its name.  '-' and '_' are the same. */
const struct command *cli_command(const char *const *word, size_t n,
                                  size_t *used);

/* cli_flag - the value of a flag of this command, the last if given twice,
 * or NULL. */
const char *cli_flag(const struct cli *c, const char *name);
/* cli_switch - is it given and not "false"? */
bool cli_switch(const struct cli *c, const char *name, bool preset);
/* cli_number - of a flag, preset when absent. */
NODISCARD enum err cli_number(int64_t *out, const struct cli *c,
                              const char *name, int64_t preset, int64_t low,
                              int64_t high);

/* cli_words - refuse another number of arguments. */
NODISCARD enum err cli_words(const struct cli *c, size_t low, size_t high);

/* cli_config - load the config (once) into c->config. */
NODISCARD enum err cli_config(struct cli *c);

/* ---- answers: lines "key  value", or one JSON object ----
 *
 * Between out_begin and out_end each call adds a member; out_list and
 * out_item make an array of objects, shown as a line per object in text. */
void out_begin(struct cli *c);
void out_str(struct cli *c, const char *key, const char *value);
void out_span(struct cli *c, const char *key, struct span value);
void out_int(struct cli *c, const char *key, int64_t value);
void out_bool(struct cli *c, const char *key, bool value);
/* out_json - a value that is JSON already; shown as it is in text. */
void out_json(struct cli *c, const char *key, struct span json);
void out_list(struct cli *c, const char *key);
void out_item(struct cli *c);
void out_item_end(struct cli *c);
void out_list_end(struct cli *c);
/* out_end - print it; ERR_DISK when nobody takes it. */
NODISCARD enum err out_end(struct cli *c);

/* help_command, help_all - to standard output. */
NODISCARD enum err help_command(struct cli *c, const struct command *cmd);
NODISCARD enum err help_all(struct cli *c);
/* help_group - the commands that start with this word; ERR_NOT_FOUND when
 * there are none. */
NODISCARD enum err help_group(struct cli *c, const char *word);

#endif
