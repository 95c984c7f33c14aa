/* warren show-node-id | show-validator | gen-node-key | gen-validator */
#include "cli.h"
#include "make_home.h"

#include "base/files.h"
static enum err say_node_id(struct cli *c, const struct pubkey *k)
{
    uint8_t    id[ADDRESS_BYTES];
    char       text[64];
    struct buf b;

    pubkey_address(id, k);
    buf_use(&b, text, sizeof text);
    buf_hex(&b, SPAN_OF(id));
    if (!c->is_json) { /* nothing but the ID, for scripts */
        printf("%s\n", buf_cstr(&b));
        return OK;
    }
    out_begin(c);
    out_str(c, "node_id", buf_cstr(&b));
    return out_end(c);
}

enum err cmd_show_node_id(struct cli *c)
{
    struct privkey k;
    struct pubkey  pub;
    enum err       code = cli_words(c, 0, 0);

    if (code == OK)
        code = cli_config(c);
    if (code == OK)
        code = home_node_key(&k, c->config);
    if (code != OK)
        return code;
    privkey_public(&pub, &k);
    privkey_wipe(&k);
    return say_node_id(c, &pub);
}

enum err cmd_show_validator(struct cli *c)
{
    struct privkey     k;
    struct pubkey      pub;
    struct buf         b;
    struct json_writer w;
    enum err           code = cli_words(c, 0, 0);

    if (code == OK)
        code = cli_config(c);
    if (code == OK)
        code = home_validator_key(&k, c->config);
    if (code != OK)
        return code;
    privkey_public(&pub, &k);
    privkey_wipe(&k);
    buf_init(&b, 1024);
    jw_init(&w, &b, 0);
    pubkey_write(&w, pub.type, pubkey_span(&pub));
    printf("%s\n", buf_cstr(&b)); /* JSON already, as CometBFT prints it */
    buf_fini(&b);
    return OK;
}

static enum err write_node_key(struct pubkey *pub, const char *path)
{
    struct privkey k;
    char           text[4096];
    struct buf     b;
    bool           is_new = false;
    enum err       code;

    privkey_generate(&k, KEY_TYPE_ED25519);
    privkey_public(pub, &k);
    buf_use(&b, text, sizeof text);
    node_key_print(&b, &k);
    code = file_create(path, buf_span(&b), 0600, &is_new);
    privkey_wipe(&k);
    explicit_bzero(text, sizeof text);
    if (code == OK && !is_new)
        code = fail(ERR_KEY,
                    "%s: there is a node key already; with another"
                    " one peers would not know this node",
                    path);
    return code;
}

enum err cmd_gen_node_key(struct cli *c)
{
    struct pubkey pub;
    enum err      code = cli_words(c, 0, 0);

    if (code == OK)
        code = cli_config(c);
    if (code == OK)
        code = make_dirs(c->config);
    if (code == OK)
        code = write_node_key(&pub,
                              config_path(c->config, c->config->node_key_file));
    return code == OK ? say_node_id(c, &pub) : code;
}

enum err cmd_gen_validator(struct cli *c)
{
    enum key_type  type;
    struct privkey k;
    char           text[4096];
    struct buf     b;
    enum err       code = cli_words(c, 0, 0);

    if (code == OK)
        code = make_key_type(&type, cli_flag(c, "key-type"));
    if (code != OK)
        return code;
    privkey_generate(&k, type);
    buf_use(&b, text, sizeof text);
    validator_key_print(&b, &k);
    printf("%s\n", buf_cstr(&b));
    privkey_wipe(&k);
    explicit_bzero(text, sizeof text);
    return OK;
}
