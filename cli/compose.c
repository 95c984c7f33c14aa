/* warren testnet --layout compose: what the containers of one organisation
 * mount, each no more than its own.
 *
 *   .env                           read by docker-compose
 *   ORG/config/                    for all of them, read-only
 *   ORG/secrets/                   a file for each secret of each
 *   ORG/signer/                    the signer's volume: the state moves with
 *                                  the key
 *   ORG/keys/                      accounts, for people */
#include "testnet.h"

#include "base/files.h"
#include "bus/bus.h"
#include "home.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

enum {
    USER           = 10001, /* of the image */
    FILES_OPEN     = 16,
    ENV_BYTES      = 1024,
    PATH_BYTES_MAX = 4096,
    LIST_BYTES_MAX = 1024,
};

static const char *const services[] = {
    "consensus", "mempool", "p2p", "store", "api", "ledger", "signer",
};

struct setting {
    const char *key, *value; /* %s: the organisation */
};

static enum err set_all(struct node *n, const struct setting *all, size_t count)
{
    char     value[512];
    enum err code = OK;

    for (size_t i = 0; i < count && code == OK; i++) {
        snprintf(value, sizeof value, all[i].value, n->name);
        code = config_set(n->config, all[i].key, value);
    }
    return code;
}

enum err compose_start(struct node *n)
{
    static const char *const dirs[] = { "config", "secrets", "signer", "keys" };
    static const struct setting all[] = {
        { "node_key_file", "secrets/node_key" },
        { "priv_validator_key_file", "secrets/validator_key" },
        { "priv_validator_state_file", "signer/priv_validator_state.json" },
    };

    enum err code = set_all(n, all, COUNT(all));

    for (size_t i = 0; i < COUNT(dirs) && code == OK; i++)
        code = home_mkdir(config_path(n->config, dirs[i]), 0700);
    return code;
}

/* ---- CURVE ---- */

static enum err new_curve_key(const struct node *n, const char *service,
                              char public_key[BUS_KEY_TEXT])
{
    char     secret[BUS_KEY_TEXT], name[64];
    bool     is_new;
    enum err code;

    snprintf(name, sizeof name, "secrets/curve-%s", service);
    bus_make_key(secret, public_key);
    code = file_create(config_path(n->config, name), span_str(secret), 0600,
                       &is_new);
    explicit_bzero(secret, sizeof secret);
    return code;
}

static enum err make_curve_keys(struct node *n)
{
    char       key[BUS_KEY_TEXT], memory[LIST_BYTES_MAX];
    struct buf list;
    enum err   code = OK;

    buf_use(&list, memory, sizeof memory);
    for (size_t i = 0; i < COUNT(services) && code == OK; i++) {
        code = new_curve_key(n, services[i], key);
        buf_printf(&list, "%s%s=%s", i ? "," : "", services[i], key);
    }
    return code == OK
               ? config_set(n->config, "warren.curve_servers", buf_cstr(&list))
               : code;
}

/* ---- the config ---- */

static enum err set_addresses(struct node *n)
{
    char     key[64], address[300];
    enum err code = OK;

    for (size_t i = 0; i < COUNT(services) && code == OK; i++) {
        snprintf(key, sizeof key, "warren.%s", services[i]);
        snprintf(address, sizeof address, "tcp://%s-%s:26670", n->name,
                 services[i]);
        code = config_set(n->config, key, address);
    }
    return code;
}

enum err compose_node(struct node *n)
{
    static const struct setting app   = { "proxy_app", "tcp://%s-abci:26658" };
    static const struct setting all[] = {
        { "log_format", "json" },
        { "priv_validator_laddr", "tcp://%s-privval:26659" },
        { "rpc.laddr", "tcp://0.0.0.0:26657" },
        { "p2p.addr_book_file", "data/addrbook.json" },
        { "node_key_file", "/run/secrets/node_key" },
        { "priv_validator_key_file", "/run/secrets/validator_key" },
        { "priv_validator_state_file", "data/priv_validator_state.json" },
        { "warren.run_dir", "data/run" },
        { "warren.curve_key_file", "/run/secrets/curve" },
        { "warren.status_laddr", "tcp://0.0.0.0:26660" },
    };
    enum err code = make_curve_keys(n);

    if (code == OK)
        code = set_all(n, all, COUNT(all));
    if (code == OK)
        code = set_addresses(n);
    if (code == OK && strcmp(n->config->proxy_app, "ledger") == 0)
        code = set_all(n, &app, 1);
    return code;
}

/* ---- the environment ---- */

static int give_away(const char *path, const struct stat *st, int kind,
                     struct FTW *at)
{
    UNUSED(st);
    UNUSED(kind);
    UNUSED(at);
    return lchown(path, USER, USER);
}

/* Containers do not run as root, and must be able to read their secrets. */
static enum err give_all_away(const char *dir)
{
    if (geteuid() != 0 || nftw(dir, give_away, FILES_OPEN, FTW_PHYS) == 0)
        return OK;
    return fail(ERR_DISK, "%s: cannot be given to the user %d: %s", dir, USER,
                strerror(errno));
}

enum err compose_finish(const char *dir, const struct node *n, size_t count)
{
    char       path[PATH_BYTES_MAX], memory[ENV_BYTES];
    unsigned   user  = geteuid() ? geteuid() : USER;
    unsigned   group = geteuid() ? getegid() : USER;
    struct buf text;
    bool       is_new;
    enum err   code = OK;

    for (size_t i = 0; i < count && code == OK; i++)
        code = give_all_away(n[i].config->home);
    if (code != OK)
        return code;
    buf_use(&text, memory, sizeof memory);
    buf_printf(&text,
               "# Made with the keys by warren testnet; docker-compose reads"
               " it.\n"
               "COMPOSE_PROJECT_NAME=warren\n"
               "WARREN_USER=%u:%u\n",
               user, group);
    snprintf(path, sizeof path, "%s/.env", dir);
    code = file_create(path, buf_span(&text), 0644, &is_new);
    return code == OK ? give_all_away(path) : code;
}
