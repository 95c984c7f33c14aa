/* config.toml, written out. */
#include "config/internal.h"

static void print_help(struct buf *out, const char *help)
{
    while (*help) {
        size_t n = strcspn(help, "\n");

        buf_str(out, "# ");
        buf_add(out, SPAN(help, n));
        buf_byte(out, '\n');
        help += n + (help[n] == '\n');
    }
}

static void print_banner(struct buf *out, const char *title)
{
    static const char rule[] = "###############################################"
                               "########################"
                               "\n";

    buf_str(out, rule);
    buf_printf(out, "###  %s\n", title);
    buf_str(out, rule);
}

static void print_table(struct buf *out, const char *name, const char *title,
                        const char *help)
{
    buf_byte(out, '\n');
    print_banner(out, title);
    buf_printf(out, "[%s]\n", name);
    if (*help) {
        buf_byte(out, '\n');
        print_help(out, help);
    }
}

/* A knob without help belongs to the one above it. */
static void print_knob(struct buf *out, const struct config *c, size_t i)
{
    const struct config_knob_info *k = &config_knobs[i];

    if (*k->help)
        buf_byte(out, '\n');
    print_help(out, k->help);
    buf_printf(out, "%s = ", k->key);
    config_print_value(out, c, k);
    buf_byte(out, '\n');
}

void config_template(struct buf *out, const struct config *c)
{
    buf_str(out,
            "# Configuration of a Warren node, in TOML (https://toml.io).\n"
            "# CometBFT reads and writes the same keys, up to [warren].\n"
            "#\n"
            "# A flag (--rpc.laddr=...) counts more than a variable\n"
            "# (CMT_RPC_LADDR=...), which counts more than this file.  A path\n"
            "# that does not start with a slash starts at the home directory\n"
            "# (--home, CMTHOME).  Durations are written \"1h30m\", \"2s\" or\n"
            "# \"100ms\".  'warren config check' tells what is wrong in here.\n"
            "\n");
    print_banner(out, "Main options");
#define TOP_KNOB(member, key, kind, preset, range, choices, help)              \
    print_knob(out, c, CONFIG_TOP_##member);
#define TABLE(name, title, help) print_table(out, #name, title, help);
#define END(name)
#define KNOB(table, member, key, kind, preset, range, choices, help)           \
    print_knob(out, c, CONFIG_##table##_##member);
#define RETIRED(table, key, advice)
#define INERT(knob, what)
#include "config/config.def"
}
