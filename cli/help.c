/* Help, made from commands.def and config.def. */
#include "cli.h"

#include "config/duration.h"

#include <stdlib.h>

enum { NAME_WIDTH = 34 };

static void print_indented(const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        printf("%.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_flag(const struct command_flag *f)
{
    char name[96];

    snprintf(name, sizeof name, "--%s%s%s", f->name, *f->arg ? "=" : "",
             f->arg);
    printf("  %-*s %s\n", NAME_WIDTH, name, f->help);
}

static void print_flags(const struct command *cmd)
{
    bool has_any = false;

    for (size_t i = 0; i < command_flag_count; i++) {
        if (command_flags[i].command != cmd)
            continue;
        if (!has_any)
            printf("\n%s:\n", cmd ? "Flags" : "Flags of every command");
        has_any = true;
        print_flag(&command_flags[i]);
    }
}

static void print_command(const struct command *cmd)
{
    char name[96];

    snprintf(name, sizeof name, "%s%s%s", cmd->words, *cmd->args ? " " : "",
             cmd->args);
    printf("  %-*s %s\n", NAME_WIDTH, name, cmd->summary);
}

/* The table of commands for programs. */
static enum err help_json(struct cli *c)
{
    out_begin(c);
    out_list(c, "commands");
    for (size_t i = 0; i < command_count; i++) {
        out_item(c);
        out_str(c, "name", commands[i].words);
        out_str(c, "arguments", commands[i].args);
        out_str(c, "summary", commands[i].summary);
        out_str(c, "details", commands[i].details);
        out_list(c, "flags");
        for (size_t j = 0; j < command_flag_count; j++) {
            if (command_flags[j].command != &commands[i])
                continue;
            out_item(c);
            out_str(c, "name", command_flags[j].name);
            out_str(c, "value", command_flags[j].arg);
            out_str(c, "help", command_flags[j].help);
            out_item_end(c);
        }
        out_list_end(c);
        out_item_end(c);
    }
    out_list_end(c);
    return out_end(c);
}

enum err help_all(struct cli *c)
{
    if (c->is_json)
        return help_json(c);
    printf("warren - one ordered, authenticated set of records, shared\n\n"
           "Usage: warren COMMAND [ARGUMENT...] [--FLAG[=VALUE]...]\n");
    for (size_t i = 0; i < command_row_count; i++) {
        if (command_rows[i].title)
            printf("\n%s:\n", command_rows[i].title);
        else
            print_command(command_rows[i].command);
    }
    print_flags(NULL);
    printf("\nEvery key of config.toml is a flag too: --rpc.laddr=..., see"
           "\n'warren help config'.  First steps:\n\n"
           "  warren init && warren start\n"
           "  warren tx put records hello '\"world\"'\n"
           "  warren get records hello --prove > proof.json\n"
           "  warren verify proof.json\n");
    return OK;
}

enum err help_command(struct cli *c, const struct command *cmd)
{
    if (c->is_json)
        return help_json(c);
    printf("Usage: warren %s%s%s [--FLAG[=VALUE]...]\n\n%c%s.\n", cmd->words,
           *cmd->args ? " " : "", cmd->args, cmd->summary[0] ^ 0x20,
           cmd->summary + 1);
    if (*cmd->details)
        printf("\n");
    print_indented(cmd->details);
    print_flags(cmd);
    print_flags(NULL);
    printf("\nKeys of config.toml are flags too: 'warren help config'.  Exit\n"
           "status 0 means done; 'warren help exit' lists the others.\n");
    return OK;
}

enum err help_group(struct cli *c, const char *word)
{
    size_t n       = strlen(word);
    bool   has_any = false;

    for (size_t i = 0; i < command_count; i++) {
        if (strncmp(commands[i].words, word, n) != 0 ||
            commands[i].words[n] != ' ')
            continue;
        if (c->is_json)
            return help_json(c);
        if (!has_any)
            printf("Commands:\n");
        has_any = true;
        print_command(&commands[i]);
    }
    return has_any ? OK : ERR_NOT_FOUND;
}

static enum err help_exit(struct cli *c)
{
    out_begin(c);
    out_list(c, "exit_codes");
    for (size_t i = 0; i < command_exit_count; i++) {
        out_item(c);
        out_int(c, "code", command_exits[i].code);
        out_str(c, "name", err_name(command_exits[i].code));
        out_str(c, "meaning", command_exits[i].meaning);
        out_item_end(c);
    }
    out_list_end(c);
    return out_end(c);
}

static enum err help_config(struct cli *c)
{
    struct config *defaults = config_default(".");

    out_begin(c);
    out_list(c, "keys");
    for (size_t i = 0; i < CONFIG_KNOBS; i++) {
        const struct config_knob_info *k = &config_knobs[i];
        const char *inert                = config_inert((enum config_knob)i);
        struct buf  name, value;

        buf_init(&name, 256);
        buf_init(&value, 65536);
        buf_str(&name, "--");
        config_knob_name(&name, k);
        config_print_value(&value, defaults, k);
        out_item(c);
        out_str(c, "flag", buf_cstr(&name));
        out_str(c, "default", buf_cstr(&value));
        if (c->is_json) {
            out_str(c, "help", k->help);
            if (inert)
                out_str(c, "no_effect", inert);
        }
        out_item_end(c);
        buf_fini(&name);
        buf_fini(&value);
    }
    out_list_end(c);
    config_free(defaults);
    return out_end(c);
}

enum err cmd_help(struct cli *c)
{
    const struct command *cmd;
    size_t                used;

    if (c->word_count == 0)
        return help_all(c);
    if (strcmp(c->word[0], "exit") == 0)
        return help_exit(c);
    if (c->word_count == 1 && strcmp(c->word[0], "config") == 0)
        return help_config(c);
    cmd = cli_command(c->word, c->word_count, &used);
    if (cmd)
        return help_command(c, cmd);
    if (help_group(c, c->word[0]) == OK)
        return OK;
    return fail(ERR_USAGE, "no command '%s'; 'warren help' lists all",
                c->word[0]);
}
