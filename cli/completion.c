/* Completion for shells, made from commands.def. */
#include "cli.h"

/* The words that can follow "warren" (depth 0) or "warren WORD". */
static void print_words(const char *first)
{
    size_t n = strlen(first);

    for (size_t i = 0; i < command_count; i++) {
        const char *w = commands[i].words;

        if (n && (strncmp(w, first, n) != 0 || w[n] != ' '))
            continue;
        printf("%s ", n ? w + n + 1 : w);
    }
}

/* The first words of all commands. */
static void print_first_words(void)
{
    for (size_t i = 0; i < command_count; i++)
        printf("%.*s ", (int)strcspn(commands[i].words, " "),
               commands[i].words);
}

/* What an argument can be, where that is one of a few words. */
static void print_arguments(const struct command *cmd)
{
    if (cmd->run == cmd_start)
        printf("store ledger kvstore signer consensus mempool p2p api ");
    else if (cmd->run == cmd_completion)
        printf("bash zsh fish ");
    else if (cmd->run == cmd_help)
        print_first_words();
}

static void print_flag_words(const struct command *cmd)
{
    for (size_t i = 0; i < command_flag_count; i++)
        if (!command_flags[i].command || command_flags[i].command == cmd)
            printf("--%s%s ", command_flags[i].name,
                   *command_flags[i].arg ? "=" : "");
}

static void print_knob_words(void)
{
    for (size_t i = 0; i < CONFIG_KNOBS; i++) {
        const struct config_knob_info *k = &config_knobs[i];

        if (strcmp(k->key, "version") != 0)
            printf("--%s%s%s= ", k->table, *k->table ? "." : "", k->key);
    }
}

static void print_bash(void)
{
    printf("_warren() {\n"
           "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" line words=\"\"\n"
           "    COMPREPLY=()\n"
           "    line=\" ${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n"
           "    case \"$line\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        printf("    \" %s \"*) words=\"", commands[i].words);
        print_arguments(&commands[i]);
        print_flag_words(&commands[i]);
        printf("\" ;;\n");
    }
    printf("    \" keys \"*) words=\"");
    print_words("keys");
    printf("\" ;;\n    \" tx \"*) words=\"");
    print_words("tx");
    printf("\" ;;\n    \" config \"*) words=\"");
    print_words("config");
    printf("\" ;;\n    *) words=\"");
    print_first_words();
    print_flag_words(NULL);
    printf("\" ;;\n    esac\n"
           "    case \"$cur\" in\n"
           "    --*.*) words=\"");
    print_knob_words();
    printf("\" ;;\n    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
           "    [[ ${#COMPREPLY[@]} -eq 0 && $cur != -* ]] &&"
           " COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "}\n"
           "complete -F _warren warren\n");
}

static void print_zsh(void)
{
    printf("#compdef warren\nautoload -U +X bashcompinit && bashcompinit\n");
    print_bash();
}

/* A text in fish's single quotes. */
static void print_quoted(const char *s)
{
    putchar('\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            putchar('\\');
        putchar(*s);
    }
    putchar('\'');
}

static void print_fish(void)
{
    for (size_t i = 0; i < command_count; i++) {
        const char *w = commands[i].words;
        size_t      n = strcspn(w, " ");

        if (w[n])
            printf("complete -c warren -n '__fish_seen_subcommand_from %.*s'"
                   " -a %s -d ",
                   (int)n, w, w + n + 1);
        else
            printf("complete -c warren -n __fish_use_subcommand -a %s -d ", w);
        print_quoted(commands[i].summary);
        printf("\n");
        if (w[n])
            printf("complete -c warren -n __fish_use_subcommand -a %.*s\n",
                   (int)n, w);
    }
    for (size_t i = 0; i < command_flag_count; i++) {
        const struct command_flag *f = &command_flags[i];

        printf("complete -c warren %s-l %s -d ", *f->arg ? "-r " : "", f->name);
        print_quoted(f->help);
        if (f->command)
            printf(" -n '__fish_seen_subcommand_from %s'",
                   strrchr(f->command->words, ' ')
                       ? strrchr(f->command->words, ' ') + 1
                       : f->command->words);
        printf("\n");
    }
}

enum err cmd_completion(struct cli *c)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[]    = { { "bash", print_bash },
                      { "zsh", print_zsh },
                      { "fish", print_fish } };
    enum err code = cli_words(c, 1, 1);

    if (code != OK)
        return code;
    for (size_t i = 0; i < COUNT(shells); i++) {
        if (strcmp(c->word[0], shells[i].shell) == 0) {
            shells[i].print();
            return OK;
        }
    }
    return fail(ERR_USAGE, "shell '%s': expected bash, zsh or fish",
                c->word[0]);
}
