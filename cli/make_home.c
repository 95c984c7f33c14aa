#include "make_home.h"

#include "base/files.h"
#include "base/limits.h"
#include "loop/loop.h"
#include "json/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { PATH_BYTES_MAX = 4096, KEY_TEXT_MAX = 4096 };

enum err make_key_type(enum key_type *out, const char *flag)
{
    if (!flag || strcmp(flag, "ed25519") == 0)
        *out = KEY_TYPE_ED25519;
    else if (strcmp(flag, "secp256k1") == 0)
        *out = KEY_TYPE_SECP256K1;
    else
        return fail(ERR_USAGE, "--key-type=%s: expected ed25519 or secp256k1",
                    flag);
    return OK;
}

enum err make_dirs(const struct config *c)
{
    static const char *const dirs[] = { "config", "data", "keys" };
    enum err                 code   = home_mkdir(c->home, 0700);

    for (size_t i = 0; i < COUNT(dirs) && code == OK; i++)
        code = home_mkdir(config_path(c, dirs[i]), 0700);
    return code;
}

/* ---- keys ---- */

/* The directory of a file named in the config. */
static enum err make_parent(const char *path)
{
    char  dir[PATH_BYTES_MAX];
    char *slash;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (!slash || slash == dir)
        return OK;
    *slash = 0;
    return home_mkdir(dir, 0700);
}

static enum err write_file(const char *path, unsigned mode, struct span text,
                           bool *is_new)
{
    enum err code = make_parent(path);

    return code == OK ? file_create(path, text, mode, is_new) : code;
}

/* Write a new key unless the file is there. */
static enum err new_key_file(const char *path, enum key_type type,
                             void (*print)(struct buf           *out,
                                           const struct privkey *k),
                             bool *is_new)
{
    char           text[KEY_TEXT_MAX];
    struct buf     out;
    struct privkey k;
    enum err       code;

    privkey_generate(&k, type);
    buf_use(&out, text, sizeof text);
    print(&out, &k);
    code = write_file(path, 0600, buf_span(&out), is_new);
    explicit_bzero(text, sizeof text);
    privkey_wipe(&k);
    return code;
}

static enum err make_sign_state(const struct config *c, bool is_key_new,
                                made_fn *made, void *ctx)
{
    static const struct sign_state nothing = { .height = 0 };
    const char *path = config_path(c, c->priv_validator_state_file);
    char        text[KEY_TEXT_MAX];
    struct buf  out;
    bool        is_new = false;
    enum err    code;

    if (!is_key_new && !home_exists(path))
        return fail(ERR_SIGNSTATE,
                    "%s: the validator key is there, what it signed last is"
                    " not; restore the newest copy.  Only if the key never"
                    " signed on this chain:"
                    " 'warren unsafe-reset-priv-validator'",
                    path);
    buf_use(&out, text, sizeof text);
    sign_state_print(&out, &nothing);
    code = write_file(path, 0600, buf_span(&out), &is_new);
    if (code == OK)
        made(ctx, "signing state", path, is_new);
    return code;
}

enum err make_keys(struct pubkey *validator, struct pubkey *node,
                   const struct config *c, enum key_type type, made_fn *made,
                   void *ctx)
{
    const char    *key  = config_path(c, c->priv_validator_key_file);
    const char    *path = config_path(c, c->node_key_file);
    struct privkey k;
    bool           is_new;
    enum err       code;

    code = new_key_file(key, type, validator_key_print, &is_new);
    if (code == OK) {
        made(ctx, "validator key", key, is_new);
        code = make_sign_state(c, is_new, made, ctx);
    }
    if (code == OK)
        code = home_validator_key(&k, c);
    if (code == OK)
        privkey_public(validator, &k);
    if (code == OK)
        code = new_key_file(path, KEY_TYPE_ED25519, node_key_print, &is_new);
    if (code == OK) {
        made(ctx, "node key", path, is_new);
        code = home_node_key(&k, c);
    }
    if (code == OK)
        privkey_public(node, &k);
    privkey_wipe(&k);
    return code;
}

enum err make_admin(struct account_key *out, const struct config *c,
                    made_fn *made, void *ctx)
{
    const char    *path   = config_path(c, "keys/admin.json");
    bool           is_new = !home_exists(path);
    struct privkey k;
    enum err       code = OK;

    if (is_new) {
        privkey_generate(&k, KEY_TYPE_SECP256K1);
        code = keystore_save(c, "admin", &k, SPAN(NULL, 0));
        privkey_wipe(&k);
    }
    if (code == OK)
        code = keystore_show(out, c, "admin");
    if (code == OK)
        made(ctx, "account key", path, is_new);
    return code;
}

enum err make_config(const struct config *c, made_fn *made, void *ctx)
{
    struct buf text;
    bool       is_new = false;
    enum err   code;

    buf_init(&text, CONFIG_BYTES_MAX);
    config_template(&text, c);
    code = text.is_full ? fail(ERR_CONFIG, "%s: too large", c->path)
                        : write_file(c->path, 0644, buf_span(&text), &is_new);
    if (code == OK)
        made(ctx, "configuration", c->path, is_new);
    buf_fini(&text);
    return code;
}

/* ---- genesis ---- */

static void random_id(char *out, size_t cap, const char *prefix)
{
    static const char letters[] = "0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";
    size_t            n         = (size_t)snprintf(out, cap, "%s-", prefix);

    for (size_t i = 0; i < 6; i++) {
        uint8_t byte;

        do
            must(getrandom(&byte, 1, 0) == 1);
        while (byte >= 248); /* 4 * 62: each letter as likely */
        out[n++] = letters[byte % 62];
    }
    out[n] = 0;
}

/* The accounts, and one collection that they all may write to. */
static void print_app_state(struct buf *out, const struct chain_plan *p)
{
    struct json_writer w;

    jw_init(&w, out, 0);
    jw_object(&w);
    jw_key(&w, "accounts");
    jw_array(&w);
    for (size_t i = 0; i < p->account_count; i++) {
        const struct account_key *k = &p->accounts[i];

        jw_object(&w);
        JW(&w, "address", cstr, k->address);
        if (p->orgs)
            JW(&w, "org", cstr, p->orgs[i]);
        jw_key(&w, "pub_key");
        jw_object(&w);
        JW(&w, "type", cstr, key_type_name(k->pub.type));
        JW(&w, "value", base64_text, pubkey_span(&k->pub));
        jw_object_end(&w);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_key(&w, "collections");
    jw_array(&w);
    jw_object(&w);
    JW(&w, "name", cstr, "records");
    JW(&w, "writers", cstr, "*");
    jw_object_end(&w);
    jw_array_end(&w);
    jw_object_end(&w);
}

static void fill_validators(struct genesis *g, const struct chain_plan *p,
                            struct arena *a)
{
    g->validators      = arena_newn(a, struct val, p->validator_count + 1);
    g->names           = arena_newn(a, struct span, p->validator_count + 1);
    g->validator_count = p->validator_count;
    must(g->validators && g->names);
    for (size_t i = 0; i < p->validator_count; i++) {
        struct val *v = &g->validators[i];

        pubkey_address(v->address, &p->validators[i]);
        v->key      = p->validators[i];
        v->power    = p->power;
        g->names[i] = p->names ? span_str(p->names[i]) : SPAN(NULL, 0);
    }
}

/* secp256k1 validators must be allowed by the parameters. */
static void fill_key_types(struct genesis *g)
{
    bool has_secp = false;

    for (size_t i = 0; i < g->validator_count; i++)
        has_secp = has_secp || g->validators[i].key.type == KEY_TYPE_SECP256K1;
    if (has_secp && !params_allows_key(&g->params, KEY_TYPE_SECP256K1))
        g->params.key_types[g->params.key_type_count++] = KEY_TYPE_SECP256K1;
}

enum err make_genesis_text(struct buf *out, const struct chain_plan *p)
{
    char           id[64];
    const char    *why;
    struct arena   a;
    struct buf     state;
    struct genesis g    = { .time = now_stamp(), .initial_height = 1 }, again;
    enum err       code = OK;

    arena_open(&a, (size_t)GENESIS_BYTES_MAX * 8);
    buf_init(&state, GENESIS_BYTES_MAX);
    if (!p->chain_id)
        random_id(id, sizeof id, p->prefix);
    g.chain_id = span_str(p->chain_id ? p->chain_id : id);
    if (p->initial_height)
        g.initial_height = p->initial_height;
    params_default(&g.params);
    fill_validators(&g, p, &a);
    fill_key_types(&g);
    if (p->account_count) {
        print_app_state(&state, p);
        g.app_state = buf_span(&state);
    }
    genesis_print(out, &g);
    if (out->is_full || genesis_parse(&again, buf_span(out), &a, &why))
        code = fail(ERR_GENESIS, "the chain cannot be: %s",
                    out->is_full ? "the genesis file is too large" : why);
    buf_fini(&state);
    arena_close(&a);
    return code;
}
