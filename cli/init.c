/* warren init */
#include "cli.h"
#include "make_home.h"

#include "base/files.h"
#include "base/limits.h"

static void say_made(void *ctx, const char *what, const char *path, bool is_new)
{
    struct cli *c = ctx;

    out_item(c);
    out_str(c, "state", is_new ? "made" : "kept");
    out_str(c, "what", what);
    out_str(c, "path", path);
    out_item_end(c);
}

static enum err make_genesis(struct cli *c, const struct pubkey *validator,
                             const struct account_key *admin)
{
    const char       *path = config_path(c->config, c->config->genesis_file);
    struct chain_plan p    = { .chain_id        = cli_flag(c, "chain-id"),
                               .prefix          = "test-chain",
                               .power           = 10,
                               .validators      = validator,
                               .validator_count = 1,
                               .accounts        = admin,
                               .account_count   = admin ? 1 : 0 };
    struct buf        text;
    bool              is_new = false;
    enum err          code =
        cli_number(&p.initial_height, c, "initial-height", 1, 1, INT64_MAX);

    if (code != OK)
        return code;
    buf_init(&text, GENESIS_BYTES_MAX);
    code = make_genesis_text(&text, &p);
    if (code == OK)
        code = file_create(path, buf_span(&text), 0644, &is_new);
    if (code == OK)
        say_made(c, "genesis", path, is_new);
    buf_fini(&text);
    return code;
}

/* The account is of use only to a ledger whose genesis names it. */
static bool wants_admin(const struct cli *c)
{
    const char *genesis = config_path(c->config, c->config->genesis_file);

    return !cli_switch(c, "no-admin", false) && !home_exists(genesis) &&
           strcmp(c->config->proxy_app, "ledger") == 0;
}

static enum err make_all(struct cli *c)
{
    struct pubkey      validator, node;
    struct account_key admin;
    bool               has_admin = wants_admin(c);
    enum key_type      type;
    enum err           code = make_key_type(&type, cli_flag(c, "key-type"));

    if (code == OK)
        code = make_dirs(c->config);
    if (code == OK)
        code = make_config(c->config, say_made, c);
    if (code == OK)
        code = make_keys(&validator, &node, c->config, type, say_made, c);
    if (code == OK && has_admin)
        code = make_admin(&admin, c->config, say_made, c);
    if (code == OK)
        code = make_genesis(c, &validator, has_admin ? &admin : NULL);
    return code;
}

enum err cmd_init(struct cli *c)
{
    enum err code = cli_words(c, 0, 0), e;

    if (code == OK)
        code = cli_config(c);
    if (code == OK && !c->config->has_file &&
        c->config->origin[CONFIG_TOP_proxy_app].kind == FROM_DEFAULT)
        code = config_set(c->config, "proxy_app", "ledger");
    if (code != OK)
        return code;
    code = home_mkdir(c->config->home, 0700);
    if (code != OK)
        return code;
    out_begin(c);
    out_str(c, "home", c->config->home);
    out_list(c, "files");
    code = make_all(c);
    out_list_end(c);
    e = out_end(c);
    return code ? code : e;
}
