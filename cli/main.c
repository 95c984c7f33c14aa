/* warren: the command line.  The commands are in commands.def; this file
 * finds the one that is meant. */
#include "cli.h"

#include "base/log.h"
#include "crypto/key.h"

/* No command has these words: name the nearest. */
static enum err unknown_command(struct cli *c)
{
    const char *names[128], *near, *word = c->word[0];
    size_t      n = 0;

    if (help_group(c, word) == OK)
        return c->word_count == 1
                   ? ERR_USAGE
                   : fail(ERR_USAGE, "no command '%s %s'", word, c->word[1]);
    for (size_t i = 0; i < command_count && n < COUNT(names); i++)
        names[n++] = commands[i].words;
    near = config_nearest(word, names, n);
    if (near)
        return fail(ERR_USAGE, "no command '%s'; did you mean '%s'?", word,
                    near);
    return fail(ERR_USAGE, "no command '%s'; 'warren help' lists all", word);
}

static enum err run(struct cli *c)
{
    if (c->wants_help && c->command)
        return help_command(c, c->command);
    if (c->command)
        return c->command->run(c);
    if (c->word_count && !c->wants_help)
        return unknown_command(c);
    if (c->word_count && help_group(c, c->word[0]) == OK)
        return OK;
    if (help_all(c) != OK)
        return ERR_DISK;
    return c->wants_help ? OK : ERR_USAGE;
}

/* Before anything can go wrong: whom is it to be told? */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--output=json") == 0 ||
            (i + 1 < argc && strcmp(argv[i + 1], "json") == 0 &&
             (strcmp(argv[i], "--output") == 0 || strcmp(argv[i], "-o") == 0)))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    enum log_format format = wants_json(argc, argv) ? LOG_JSON : LOG_BRIEF;
    struct cli      c;
    enum err        code;

    must(log_setup("warren", format, "info"));
    crypto_setup();
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        argv[1] += 2;
    code = cli_parse(&c, argc, argv);
    if (code == OK)
        code = run(&c);
    if (code == OK && (fflush(stdout) != 0 || ferror(stdout)))
        code = fail(ERR_DISK, "standard output: cannot be written");
    config_free(c.config);
    return (int)code;
}
