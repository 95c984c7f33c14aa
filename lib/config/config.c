#include "config/internal.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARENA_BYTES = 64 << 20, NAME_BYTES_MAX = 160 };

/* ---- defaults ---- */

static const char *host_name(struct config *c)
{
    char name[256] = "";

    if (gethostname(name, sizeof name - 1) != 0 || !*name)
        return "anonymous";
    return config_text(c, name);
}

static const char *absolute(struct config *c, const char *path)
{
    char  *real = realpath(path, NULL), cwd[4096], *joined;
    size_t n;

    if (real) {
        const char *copy = config_text(c, real);

        free(real);
        return copy;
    }
    if (*path == '/' || !getcwd(cwd, sizeof cwd))
        return config_text(c, path);
    n      = strlen(cwd) + strlen(path) + 2;
    joined = arena_alloc(&c->arena, n);
    must(joined);
    snprintf(joined, n, "%s/%s", cwd, path);
    return joined;
}

static void set_home(struct config *c, const char *home)
{
    c->home = absolute(c, home);
    c->path = config_path(c, "config/config.toml");
}

struct config *config_default(const char *home)
{
    static const struct config_origin none = { .kind = FROM_DEFAULT };
    struct config                    *c    = calloc(1, sizeof *c);

    must(c);
    arena_open(&c->arena, ARENA_BYTES);
    c->genesis_hash = "";
    set_home(c, home);
    for (size_t i = 0; i < CONFIG_KNOBS; i++)
        must(config_set_knob(c, &config_knobs[i], config_knobs[i].preset,
                             &none) == OK);
    c->moniker = host_name(c);
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_close(&c->arena);
    free(c);
}

enum err config_set(struct config *c, const char *name, const char *text)
{
    const struct config_knob_info *k    = config_find(name);
    struct config_origin           from = { .kind = FROM_FLAG,
                                            .name = config_text(c, name) };
    struct buf                     near;
    enum err                       code;

    if (k)
        return config_set_knob(c, k, text, &from);
    buf_init(&near, 256);
    if (config_nearest_knob(&near, name))
        code = fail(ERR_USAGE, "unknown flag --%s; did you mean --%s?", name,
                    buf_cstr(&near));
    else
        code = fail(ERR_USAGE, "unknown flag --%s; see --help", name);
    buf_fini(&near);
    return code;
}

/* ---- the environment ---- */

static void name_variable(char *name, size_t cap, const char *prefix,
                          const char *knob)
{
    snprintf(name, cap, "%s%s", prefix, knob);
    for (char *p = name; *p; p++)
        *p = *p == '.' || *p == '-'   ? '_'
             : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A')
                                      : *p;
}

/* CMT_RPC_LADDR of rpc.laddr; the forms without the first '_' (CMTHOME)
 * count more, as they do for CometBFT. */
static const char *variable(char *name, size_t cap, const char *knob)
{
    static const char *const prefixes[] = { "CMT", "CMT_" };

    for (size_t i = 0; i < COUNT(prefixes); i++) {
        const char *value;

        name_variable(name, cap, prefixes[i], knob);
        value = getenv(name);
        if (value && *value)
            return value;
    }
    return NULL;
}

/* A slip in a variable's name would be read by nobody.  What is like no key
 * may be somebody else's. */
void config_warn_variables(void)
{
    static char names[CONFIG_KNOBS][NAME_BYTES_MAX];
    const char *known[CONFIG_KNOBS];

    for (size_t i = 0; i < CONFIG_KNOBS; i++) {
        char       knob[128];
        struct buf b;

        buf_use(&b, knob, sizeof knob);
        config_knob_name(&b, &config_knobs[i]);
        name_variable(names[i], sizeof names[i], "CMT_", buf_cstr(&b));
        known[i] = names[i];
    }
    for (char **e = environ; *e; e++) {
        char        name[NAME_BYTES_MAX];
        size_t      n = strcspn(*e, "=");
        const char *near;

        if (strncmp(*e, "CMT_", 4) != 0 || n >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)n, *e);
        near = config_nearest(name, known, CONFIG_KNOBS);
        if (!near || strcmp(near, name) == 0 || strcmp(name, "CMT_HOME") == 0 ||
            (n > 5 && strcmp(name + n - 5, "_FILE") == 0))
            continue;
        log_text(LOG_WARN, "%s names no key; did you mean %s?", name, near);
    }
}

/* NAME_FILE holds a secret's place rather than the secret. */
static enum err secret_from_file(struct config                 *c,
                                 const struct config_knob_info *k,
                                 const char                    *knob)
{
    char                 name[NAME_BYTES_MAX], text[4096], key[128];
    const char          *path;
    FILE                *f;
    size_t               n;
    struct config_origin from = { .kind = FROM_ENV };
    enum err             code;

    snprintf(key, sizeof key, "%s_file", knob);
    path = variable(name, sizeof name, key);
    if (!path)
        return OK;
    from.name = config_text(c, name);
    f         = fopen(path, "rbe");
    if (!f)
        return config_fail(c, &from, ERR_CONFIG, "%s cannot be read: %s", path,
                           strerror(errno));
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    text[n] = 0;
    code    = config_set_knob(c, k, text, &from);
    explicit_bzero(text, sizeof text);
    return code;
}

static enum err read_environment(struct config *c)
{
    enum err code = OK, e;

    for (size_t i = 0; i < CONFIG_KNOBS; i++) {
        const struct config_knob_info *k = &config_knobs[i];
        char                           knob[128], name[NAME_BYTES_MAX];
        const char                    *value;
        struct buf                     b;

        buf_use(&b, knob, sizeof knob);
        config_knob_name(&b, k);
        (void)buf_cstr(&b);
        value = variable(name, sizeof name, knob);
        if (value) {
            struct config_origin from = { .kind = FROM_ENV,
                                          .name = config_text(c, name) };

            e    = config_set_knob(c, k, value, &from);
            code = code ? code : e;
        }
        if (k->kind == CONFIG_SECRET) {
            e    = secret_from_file(c, k, knob);
            code = code ? code : e;
        }
    }
    return code;
}

/* ---- flags ---- */

/* One --name[=value], split; value NULL when there is none. */
struct flag {
    char        name[NAME_BYTES_MAX];
    const char *value;
};

static bool is_flag(struct flag *f, const char *arg)
{
    const char *eq = strchr(arg, '=');
    size_t      n  = eq ? (size_t)(eq - arg) : strlen(arg);

    if (arg[0] != '-' || arg[1] != '-' || n < 3 || n - 2 >= sizeof f->name)
        return false;
    memcpy(f->name, arg + 2, n - 2);
    f->name[n - 2] = 0;
    f->value       = eq ? eq + 1 : NULL;
    return true;
}

static bool is_named(const struct flag *f, const char *name)
{
    for (size_t i = 0;; i++) {
        char c = f->name[i] == '-' ? '_' : f->name[i];

        if (c != name[i])
            return false;
        if (!c)
            return true;
    }
}

/* --version belongs to the program, not to the key of that name. */
static const struct config_knob_info *knob_flag(const struct flag *f)
{
    return is_named(f, "version") ? NULL : config_find(f->name);
}

/* The value of flag i: behind '=' or the next word, which is then passed. */
static enum err take_value(struct flag *f, int *i, int argc, char **argv)
{
    if (f->value)
        return OK;
    if (*i + 1 >= argc)
        return fail(ERR_USAGE, "flag --%s needs a value", f->name);
    f->value = argv[++*i];
    return OK;
}

static enum err set_flag(struct config *c, const struct config_knob_info *k,
                         struct flag *f, int *i, int argc, char **argv)
{
    struct config_origin from = { .kind = FROM_FLAG };
    enum err             code = OK;

    if (k->kind == CONFIG_BOOL && !f->value)
        f->value = "true";
    else
        code = take_value(f, i, argc, argv);
    if (code != OK)
        return code;
    from.name = config_text(c, f->name);
    return config_set_knob(c, k, f->value, &from);
}

static enum err set_genesis_hash(struct config *c, const char *hex)
{
    if (strlen(hex) != 64 || strspn(hex, "0123456789abcdefABCDEF") != 64)
        return fail(ERR_USAGE,
                    "--genesis_hash=%.80s: expected 64 hex digits,"
                    " the SHA-256 of the genesis file",
                    hex);
    c->genesis_hash = config_text(c, hex);
    return OK;
}

/* The home, before the file can be read. */
static enum err find_home(struct config *c, int argc, char **argv)
{
    struct flag f;
    const char *home = NULL, *user;
    char        text[4096], name[NAME_BYTES_MAX];

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_flag(&f, argv[i]) && is_named(&f, "home")) {
            if (take_value(&f, &i, argc, argv) != OK)
                return ERR_USAGE;
            home = f.value;
        }
    }
    if (home && !*home)
        return fail(ERR_USAGE, "--home is empty; give a directory");
    if (!home)
        home = variable(name, sizeof name, "home");
    if (!home) {
        user = getenv("HOME");
        snprintf(text, sizeof text, "%s/.warren", user && *user ? user : ".");
        home = text;
    }
    set_home(c, home);
    return OK;
}

static enum err read_flags(struct config *c, int argc, char **argv)
{
    bool     is_end = false;
    enum err code   = OK, e;

    c->argv = arena_newn(&c->arena, char *, (size_t)argc + 1);
    must(c->argv);
    for (int i = 0; i < argc; i++) {
        const struct config_knob_info *k;
        struct flag                    f;

        is_end = is_end || strcmp(argv[i], "--") == 0;
        if (i == 0 || is_end || !is_flag(&f, argv[i])) {
            c->argv[c->argc++] = argv[i];
            continue;
        }
        k = knob_flag(&f);
        e = OK;
        if (k)
            e = set_flag(c, k, &f, &i, argc, argv);
        else if (is_named(&f, "home"))
            e = take_value(&f, &i, argc, argv);
        else if (is_named(&f, "genesis_hash"))
            e = take_value(&f, &i, argc, argv) ? ERR_USAGE
                                               : set_genesis_hash(c, f.value);
        else if (strchr(f.name, '.'))
            e = config_set(c, f.name, "");
        else if (!is_named(&f, "trace"))
            c->argv[c->argc++] = argv[i];
        code = code ? code : e;
    }
    return code;
}

enum err config_end_args(const struct config *c, int keep)
{
    const char *arg;
    struct flag f;
    struct buf  near;
    enum err    code;

    if (c->argc <= keep)
        return OK;
    arg = c->argv[keep];
    if (!is_flag(&f, arg))
        return fail(ERR_USAGE, "unexpected argument '%s'; see --help", arg);
    buf_init(&near, 256);
    if (config_nearest_knob(&near, f.name))
        code = fail(ERR_USAGE, "unknown flag --%s; did you mean --%s?", f.name,
                    buf_cstr(&near));
    else
        code = fail(ERR_USAGE, "unknown flag --%s; see --help", f.name);
    buf_fini(&near);
    return code;
}

/* ---- all of it ---- */

enum err config_load(struct config **out, int argc, char **argv)
{
    return config_load_from(out, NULL, argc, argv);
}

/* The file stands in for the one of home while it is read. */
static enum err read_file(struct config *c, const char *file)
{
    const char *own = c->path;
    enum err    code;

    if (!file)
        return config_read_file(c);
    c->path = file;
    code    = config_read_file(c);
    if (code == OK && !c->has_file)
        code = fail(ERR_CONFIG, "%s: there is no such file", file);
    c->path = own;
    return code;
}

enum err config_load_from(struct config **out, const char *file, int argc,
                          char **argv)
{
    struct config *c    = config_default(".");
    enum err       code = find_home(c, argc, argv), e;

    *out = NULL;
    if (code == OK) {
        code = read_file(c, file);
        e    = read_environment(c);
        code = code ? code : e;
        e    = read_flags(c, argc, argv);
        code = code ? code : e;
    }
    if (code == OK)
        code = config_check_rules(c);
    if (code != OK) {
        config_free(c);
        return code;
    }
    *out = c;
    return OK;
}
