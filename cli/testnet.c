/* warren testnet: the homes of a network. */
#include "testnet.h"

#include "make_home.h"

#include "base/files.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdlib.h>
#include <sys/random.h>

enum {
    NODES_MAX      = 1000,
    PORTS_PER_NODE = 10,
    HOME_BYTES_MAX = 4096,
    PEER_BYTES_MAX = HOST_BYTES_MAX + 64,
};

struct network {
    struct cli  *c;
    struct node *node;
    size_t       validators, count;
    int64_t      base_port; /* 0: each node on its own host */
    int64_t      p2p_port;
    bool         is_compose;
};

/* ---- hosts and ports ---- */

static size_t given_hosts(const struct cli *c, const char *out[NODES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < c->flag_count; i++)
        if (strcmp(c->flag[i].name, "hostname") == 0 && n < NODES_MAX)
            out[n++] = c->flag[i].value;
    return n;
}

static enum err next_ip(char *out, const char *first, size_t i)
{
    unsigned b[4];
    char     end;

    if (sscanf(first, "%3u.%3u.%3u.%3u%c", &b[0], &b[1], &b[2], &b[3], &end) !=
            4 ||
        b[0] > 255 || b[1] > 255 || b[2] > 255 || b[3] + i > 255)
        return fail(ERR_USAGE,
                    "--starting-ip-address=%s: expected an IPv4 address with"
                    " room for all nodes behind it",
                    first);
    snprintf(out, HOST_BYTES_MAX, "%u.%u.%u.%u", b[0], b[1], b[2],
             b[3] + (unsigned)i);
    return OK;
}

static enum err place_node(const struct network *net, size_t i)
{
    const struct cli *c      = net->c;
    const char       *prefix = cli_flag(c, "hostname-prefix");
    const char       *suffix = cli_flag(c, "hostname-suffix");
    const char       *first  = cli_flag(c, "starting-ip-address");
    const char       *hosts[NODES_MAX];
    size_t            n    = given_hosts(c, hosts);
    struct node      *node = &net->node[i];

    node->port = (uint16_t)net->p2p_port;
    if (n && n != net->count)
        return fail(ERR_USAGE,
                    "%zu times --hostname for %zu nodes; give one"
                    " for each",
                    n, net->count);
    if (net->is_compose) {
        snprintf(node->host, sizeof node->host, "%s-p2p", node->name);
    } else if (net->base_port) {
        snprintf(node->host, sizeof node->host, "127.0.0.1");
        node->port = (uint16_t)((size_t)net->base_port + i * PORTS_PER_NODE);
    } else if (n) {
        snprintf(node->host, sizeof node->host, "%s", hosts[i]);
    } else if (first && *first) {
        return next_ip(node->host, first, i);
    } else {
        snprintf(node->host, sizeof node->host, "%s%zu%s",
                 prefix ? prefix : "node", i, suffix ? suffix : "");
    }
    return OK;
}

/* ---- one node's files ---- */

static void say_nothing(void *ctx, const char *what, const char *path,
                        bool is_new)
{
    UNUSED(ctx);
    UNUSED(what);
    UNUSED(path);
    UNUSED(is_new);
}

static enum err set(struct config *c, const char *name, const char *fmt,
                    const char *text, unsigned port)
{
    char value[512];

    snprintf(value, sizeof value, fmt, text, port);
    return config_set(c, name, value);
}

/* Ports of a node that shares its host with others. */
static enum err set_ports(struct config *c, unsigned port)
{
    enum err code = set(c, "p2p.laddr", "tcp://%s:%u", "127.0.0.1", port);

    if (code == OK)
        code = set(c, "rpc.laddr", "tcp://%s:%u", "127.0.0.1", port + 1);
    if (code == OK)
        code = set(c, "instrumentation.prometheus_listen_addr", "%s:%u",
                   "127.0.0.1", port + 2);
    return code;
}

static enum err set_moniker(const struct network *net, size_t i)
{
    struct node *n = &net->node[i];
    char         text[32];
    uint8_t      bytes[8];
    struct buf   b;

    if (!cli_switch(net->c, "random-monikers", false))
        return config_set(n->config, "moniker",
                          net->base_port || net->is_compose ? n->name
                                                            : n->host);
    must(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
    buf_use(&b, text, sizeof text);
    buf_hex_upper(&b, SPAN_OF(bytes));
    return config_set(n->config, "moniker", buf_cstr(&b));
}

/* The config of a node: --config, then what the flags said, then what makes
 * it a node of this network. */
static enum err configure(const struct network *net, size_t i, const char *home)
{
    struct cli  *c     = net->c;
    struct node *n     = &net->node[i];
    const char  *start = cli_flag(c, "config");
    char        *argv[CLI_FLAGS_MAX + 8];
    int          argc = 0;
    char         home_flag[HOME_BYTES_MAX + 8];
    enum err     code;

    snprintf(home_flag, sizeof home_flag, "--home=%s", home);
    for (int k = 0; k < c->config_argc; k++)
        argv[argc++] = c->config_argv[k];
    argv[argc++] = home_flag;
    argv[argc]   = NULL;
    if (home_exists(home))
        return fail(ERR_BUSY,
                    "%s: is there already; remove it, or choose"
                    " another directory with --o",
                    home);
    code = config_load_from(&n->config, start, argc, argv);
    if (code == OK &&
        n->config->origin[CONFIG_TOP_proxy_app].kind == FROM_DEFAULT)
        code = config_set(n->config, "proxy_app", "ledger");
    if (code == OK)
        code = config_set(n->config, "p2p.addr_book_strict", "false");
    if (code == OK)
        code = config_set(n->config, "p2p.allow_duplicate_ip", "true");
    if (code == OK)
        code = set_moniker(net, i);
    if (code == OK && net->base_port)
        code = set_ports(n->config, n->port);
    return code;
}

static const char *out_dir(const struct cli *c)
{
    const char *dir = cli_flag(c, "o");

    return dir ? dir : "./mytestnet";
}

/* Nothing is written yet: what is wrong with a flag is told before. */
static enum err plan_node(const struct network *net, size_t i)
{
    const char  *prefix = cli_flag(net->c, "node-dir-prefix");
    struct node *n      = &net->node[i];
    char         home[HOME_BYTES_MAX];
    enum err     code;

    if (net->is_compose)
        snprintf(n->name, sizeof n->name, "org%zu", i + 1);
    else
        snprintf(n->name, sizeof n->name, "%.100s%zu", prefix ? prefix : "node",
                 i);
    snprintf(home, sizeof home, "%s/%s", out_dir(net->c), n->name);
    code = place_node(net, i);
    return code == OK ? configure(net, i, home) : code;
}

static enum err make_node(const struct network *net, size_t i,
                          enum key_type type)
{
    struct node *n = &net->node[i];
    enum err code  = net->is_compose ? compose_start(n) : make_dirs(n->config);

    if (code == OK)
        code = make_keys(&n->validator, &n->id, n->config, type, say_nothing,
                         NULL);
    if (code == OK && strcmp(n->config->proxy_app, "ledger") == 0)
        code = make_admin(&n->admin, n->config, say_nothing, NULL);
    return code;
}

/* ---- what they have in common ---- */

static void print_peer(struct buf *out, const struct node *n)
{
    uint8_t id[ADDRESS_BYTES];

    pubkey_address(id, &n->id);
    buf_hex(out, SPAN_OF(id));
    buf_printf(out, "@%s:%u", n->host, n->port);
}

static enum err set_peers(const struct network *net)
{
    struct buf peers;
    enum err   code = OK;

    if (!cli_switch(net->c, "populate-persistent-peers", true))
        return OK;
    buf_init(&peers, NODES_MAX * PEER_BYTES_MAX);
    for (size_t i = 0; i < net->count && code == OK; i++) {
        buf_clear(&peers);
        for (size_t k = 0; k < net->count; k++) {
            if (k == i)
                continue;
            if (peers.len)
                buf_byte(&peers, ',');
            print_peer(&peers, &net->node[k]);
        }
        code = config_set(net->node[i].config, "p2p.persistent_peers",
                          buf_cstr(&peers));
    }
    buf_fini(&peers);
    return code;
}

/* The parts of every node in one place, as the genesis wants them. */
static enum err genesis_text(struct buf *out, const struct network *net)
{
    struct pubkey      *keys     = calloc(net->count + 1, sizeof *keys);
    struct account_key *accounts = calloc(net->count + 1, sizeof *accounts);
    const char        **names    = calloc(net->count + 1, sizeof *names);
    struct chain_plan   p        = { .chain_id        = cli_flag(net->c, "chain-id"),
                                     .prefix          = "chain",
                                     .power           = 1,
                                     .validators      = keys,
                                     .names           = names,
                                     .validator_count = net->validators,
                                     .accounts        = accounts,
                                     .orgs            = names };
    enum err code = cli_number(&p.initial_height, net->c, "initial-height", 1,
                               0, INT64_MAX);

    must(keys && accounts && names);
    for (size_t i = 0; i < net->count; i++) {
        keys[i]     = net->node[i].validator;
        accounts[i] = net->node[i].admin;
        names[i]    = net->node[i].name;
        p.account_count += net->node[i].admin.address[0] != 0;
    }
    if (p.account_count != net->count)
        p.account_count = 0;
    if (code == OK)
        code = make_genesis_text(out, &p);
    free(keys);
    free(accounts);
    free(names);
    return code;
}

/* Is there such a chain?  Asked before there are keys. */
static enum err check_chain(const struct network *net)
{
    const struct network bare = { .c = net->c };
    struct buf           text;
    enum err             code;

    buf_init(&text, GENESIS_BYTES_MAX);
    code = genesis_text(&text, &bare);
    buf_fini(&text);
    return code;
}

static enum err write_common(const struct network *net)
{
    struct buf text;
    bool       is_new;
    enum err   code;

    buf_init(&text, GENESIS_BYTES_MAX);
    code = genesis_text(&text, net);
    for (size_t i = 0; i < net->count && code == OK; i++) {
        const struct config *c = net->node[i].config;

        code = file_create(config_path(c, c->genesis_file), buf_span(&text),
                           0644, &is_new);
        if (code == OK && net->is_compose)
            code = compose_node(&net->node[i]);
        if (code == OK)
            code = make_config(c, say_nothing, NULL);
    }
    buf_fini(&text);
    return code;
}

/* ---- the command ---- */

static enum err say_network(struct cli *c, const struct network *net)
{
    out_begin(c);
    out_int(c, "nodes", (int64_t)net->count);
    out_int(c, "validators", (int64_t)net->validators);
    out_list(c, "homes");
    for (size_t i = 0; i < net->count; i++) {
        struct buf peer;

        buf_init(&peer, PEER_BYTES_MAX);
        print_peer(&peer, &net->node[i]);
        out_item(c);
        out_str(c, "home", net->node[i].config->home);
        out_str(c, "peer", buf_cstr(&peer));
        out_str(c, "rpc", net->node[i].config->rpc.laddr);
        out_item_end(c);
        buf_fini(&peer);
    }
    out_list_end(c);
    return out_end(c);
}

static enum err read_flags(struct network *net)
{
    struct cli *c = net->c;
    int64_t     v, n, top;
    enum err    code = cli_number(&v, c, "v", 4, 0, NODES_MAX);

    if (code == OK)
        code = cli_number(&n, c, "n", 0, 0, NODES_MAX - v);
    if (code == OK)
        code = cli_number(&net->p2p_port, c, "p2p-port", 26656, 1, 65535);
    if (code != OK)
        return code;
    net->validators = (size_t)v;
    net->count      = (size_t)(v + n);
    if (net->count == 0)
        return fail(ERR_USAGE, "no nodes: give --v or --n");
    top = 65535 - v * PORTS_PER_NODE - n * PORTS_PER_NODE;
    return cli_number(&net->base_port, c, "base-port", 0, 1024, top);
}

static enum err read_layout(struct network *net)
{
    const char *layout = cli_flag(net->c, "layout");

    net->is_compose = layout && strcmp(layout, "compose") == 0;
    if (!layout || net->is_compose || strcmp(layout, "homes") == 0)
        return OK;
    return fail(ERR_USAGE, "--layout=%s: expected homes or compose", layout);
}

enum err cmd_testnet(struct cli *c)
{
    struct network net = { .c = c };
    enum key_type  type;
    enum err       code = cli_words(c, 0, 0);

    if (code == OK)
        code = make_key_type(&type, cli_flag(c, "key-type"));
    if (code == OK)
        code = read_flags(&net);
    if (code == OK)
        code = read_layout(&net);
    if (code != OK)
        return code;
    net.node = calloc(net.count, sizeof *net.node);
    must(net.node);
    for (size_t i = 0; i < net.count && code == OK; i++)
        code = plan_node(&net, i);
    if (code == OK)
        code = check_chain(&net);
    for (size_t i = 0; i < net.count && code == OK; i++)
        code = make_node(&net, i, type);
    if (code == OK)
        code = set_peers(&net);
    if (code == OK)
        code = write_common(&net);
    if (code == OK && net.is_compose)
        code = compose_finish(out_dir(c), net.node, net.count);
    if (code == OK)
        code = say_network(c, &net);
    for (size_t i = 0; i < net.count; i++)
        config_free(net.node[i].config);
    free(net.node);
    return code;
}
