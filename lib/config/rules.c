/* What a single value cannot tell: forms of addresses, and knobs that must
 * agree with each other.  Source: the ValidateBasic functions of CometBFT's
 * config.go, and what its node refuses when it starts. */
#include "config/internal.h"

#include "base/log.h"
#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>

#define ORIGIN(c, knob) (&(c)->origin[CONFIG_##knob])

/* ---- forms ---- */

static bool is_port(const char *s)
{
    uint64_t v;

    return uint64_parse(&v, span_str(s)) && v <= 65535;
}

/* host:port, [v6]:port or :port */
static bool is_host_port(const char *s, size_t n)
{
    char        text[300];
    const char *colon;

    if (n >= sizeof text)
        return false;
    memcpy(text, s, n);
    text[n] = 0;
    colon   = strrchr(text, ':');
    if (!colon || !is_port(colon + 1) || strpbrk(text, " \t/@"))
        return false;
    return *text == '[' ? colon[-1] == ']'
                        : memchr(text, ':', (size_t)(colon - text)) == NULL;
}

static bool is_address(const char *s)
{
    if (strncmp(s, "unix://", 7) == 0)
        return s[7] != 0;
    if (strncmp(s, "tcp://", 6) == 0)
        s += 6;
    return is_host_port(s, strlen(s));
}

static bool is_node_id(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)s[i]))
            return false;
    return n == 40;
}

static bool is_peer(const char *s, size_t n)
{
    const char *at;

    if (n > 6 && memcmp(s, "tcp://", 6) == 0) {
        s += 6;
        n -= 6;
    }
    at = memchr(s, '@', n);
    return at && is_node_id(s, (size_t)(at - s)) && at[1] != ':' &&
           is_host_port(at + 1, n - (size_t)(at - s) - 1);
}

/* ---- one knob, one form ---- */

static enum err check_address(const struct config *c, enum config_knob knob,
                              const char *value)
{
    /* The RPC server may listen in several places. */
    char *copy = strdup(value), *rest = copy, *one;
    bool  is_fine = true;

    must(copy);
    while ((one = strsep(&rest, ",")) != NULL) {
        one += strspn(one, " ");
        one[strcspn(one, " ")] = 0;
        is_fine                = is_fine && (!*one || is_address(one));
    }
    free(copy);
    if (is_fine)
        return OK;
    return config_fail(c, &c->origin[knob], ERR_CONFIG,
                       "%s%s%s = \"%s\": expected tcp://host:port or"
                       " unix:///path",
                       config_knobs[knob].table,
                       *config_knobs[knob].table ? "." : "",
                       config_knobs[knob].key, value);
}

/* Each of a list separated by commas. */
static enum err check_each(const struct config *c, enum config_knob knob,
                           const char *value,
                           bool (*is_fine)(const char *, size_t),
                           const char *expected)
{
    for (const char *p = value; *p;) {
        size_t blanks = strspn(p, " "), n = strcspn(p, ",");
        size_t len = n > blanks ? n - blanks : 0;

        while (len && p[blanks + len - 1] == ' ')
            len--;
        if (len && !is_fine(p + blanks, len))
            return config_fail(
                c, &c->origin[knob], ERR_CONFIG, "%s: \"%.*s\": expected %s",
                config_knobs[knob].key, len < 120 ? (int)len : 120, p + blanks,
                expected);
        p += n + (p[n] == ',');
    }
    return OK;
}

/* Unlike the other servers, p2p is never off; nor is it for CometBFT. */
static enum err check_p2p_address(const struct config *c)
{
    if (c->p2p.laddr[strspn(c->p2p.laddr, " ,")])
        return check_address(c, CONFIG_p2p_laddr, c->p2p.laddr);
    return config_fail(c, &c->origin[CONFIG_p2p_laddr], ERR_CONFIG,
                       "laddr = \"%s\" in [p2p]: a node listens for peers;"
                       " for one that strangers cannot reach write"
                       " \"tcp://127.0.0.1:0\"",
                       c->p2p.laddr);
}

static enum err check_addresses(const struct config *c)
{
    enum err e[] = {
        check_address(c, CONFIG_TOP_priv_validator_laddr,
                      c->priv_validator_laddr),
        check_address(c, CONFIG_rpc_laddr, c->rpc.laddr),
        check_address(c, CONFIG_rpc_grpc_laddr, c->rpc.grpc_laddr),
        check_p2p_address(c),
        check_address(c, CONFIG_p2p_external_address, c->p2p.external_address),
        check_address(c, CONFIG_instrumentation_prometheus_listen_addr,
                      c->instrumentation.prometheus_listen_addr),
    };

    for (size_t i = 0; i < COUNT(e); i++)
        if (e[i] != OK)
            return e[i];
    return OK;
}

static enum err check_peers(const struct config *c)
{
    static const char peer[] = "ID@host:port, ID being 40 hex digits";
    static const char id[]   = "node IDs of 40 hex digits";
    enum err          e[]    = {
                    check_each(c, CONFIG_p2p_seeds, c->p2p.seeds, is_peer, peer),
                    check_each(c, CONFIG_p2p_persistent_peers, c->p2p.persistent_peers,
                               is_peer, peer),
                    check_each(c, CONFIG_p2p_unconditional_peer_ids,
                               c->p2p.unconditional_peer_ids, is_node_id, id),
                    check_each(c, CONFIG_p2p_private_peer_ids, c->p2p.private_peer_ids,
                               is_node_id, id),
    };

    for (size_t i = 0; i < COUNT(e); i++)
        if (e[i] != OK)
            return e[i];
    return OK;
}

/* ---- the top ---- */

/* MAJOR.MINOR.PATCH, then -prerelease and +build. */
static bool is_semver(const char *s)
{
    for (int i = 0; i < 3; i++) {
        size_t n = strspn(s, "0123456789");

        if (n == 0 || (n > 1 && *s == '0'))
            return false;
        s += n;
        if (i < 2 && *s++ != '.')
            return false;
    }
    if (*s && *s != '-' && *s != '+')
        return false;
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-+.", *p))
            return false;
    return *s == 0 || s[1] != 0;
}

static enum err check_app(const struct config *c)
{
    static const char *const built_in[] = { "ledger", "kvstore",
                                            "persistent_kvstore" };
    const char              *near;

    if (config_app_service(c) || is_address(c->proxy_app))
        return OK;
    near = config_nearest(c->proxy_app, built_in, COUNT(built_in));
    return config_fail(c, ORIGIN(c, TOP_proxy_app), ERR_CONFIG,
                       "proxy_app = \"%s\": expected tcp://host:port,"
                       " unix:///path, ledger, kvstore or persistent_kvstore"
                       "%s%s%s",
                       c->proxy_app, near ? "; did you mean " : "",
                       near ? near : "", near ? "?" : "");
}

static bool is_ascii_text(const char *s)
{
    bool has_graph = false;

    for (; *s; s++) {
        if (*s < 0x20 || *s > 0x7e)
            return false;
        has_graph = has_graph || *s != ' ';
    }
    return has_graph;
}

static enum err check_top(const struct config *c)
{
    if (*c->version && !is_semver(c->version))
        return config_fail(c, ORIGIN(c, TOP_version), ERR_CONFIG,
                           "version = \"%s\": expected one such as \"%s\"",
                           c->version, CONFIG_VERSION);
    if (!is_ascii_text(c->moniker))
        return config_fail(c, ORIGIN(c, TOP_moniker), ERR_CONFIG,
                           "moniker = \"%s\": expected printable ASCII, not"
                           " only blanks",
                           c->moniker);
    if (!log_spec_valid(c->log_level))
        return config_fail(c, ORIGIN(c, TOP_log_level), ERR_CONFIG,
                           "log_level = \"%s\": expected debug, info, error"
                           " or none, or a list such as"
                           " \"consensus:debug,*:info\"",
                           c->log_level);
    if (strcmp(c->abci, "socket") != 0)
        return config_fail(c, ORIGIN(c, TOP_abci), ERR_CONFIG,
                           "abci = \"%s\": Warren speaks to applications over"
                           " sockets; set it to \"socket\"",
                           c->abci);
    return check_app(c);
}

/* ---- tables ---- */

static enum err check_rpc(const struct config *c)
{
    if (c->rpc.experimental_websocket_write_buffer_size <
        c->rpc.experimental_subscription_buffer_size)
        return config_fail(
            c, ORIGIN(c, rpc_experimental_websocket_write_buffer_size),
            ERR_CONFIG,
            "experimental_websocket_write_buffer_size = %" PRId64
            ": expected at least experimental_subscription_buffer_size,"
            " %" PRId64,
            c->rpc.experimental_websocket_write_buffer_size,
            c->rpc.experimental_subscription_buffer_size);
    return OK;
}

static enum err check_mempool(const struct config *c)
{
    if (strcmp(c->mempool.type, "nop") == 0 &&
        !c->consensus.create_empty_blocks)
        return config_fail(c, ORIGIN(c, mempool_type), ERR_CONFIG,
                           "mempool type \"nop\" needs create_empty_blocks ="
                           " true in [consensus]");
    return OK;
}

static size_t count_servers(const char *s, bool *has_empty)
{
    size_t n = 0;

    *has_empty = false;
    for (;; n++) {
        size_t len = strcspn(s, ",");

        *has_empty = *has_empty || len == 0;
        s += len;
        if (*s++ != ',')
            return n + 1;
    }
}

static bool is_hex(const char *s)
{
    size_t n = strlen(s);

    return n && n % 2 == 0 && strspn(s, "0123456789abcdefABCDEF") == n;
}

static enum err check_statesync(const struct config *c)
{
    static const int64_t five_seconds = INT64_C(5000000000);
    bool                 has_empty;
    size_t               servers;

    if (!c->statesync.enable)
        return OK;
    servers = count_servers(c->statesync.rpc_servers, &has_empty);
    if (servers < 2 || has_empty)
        return config_fail(c, ORIGIN(c, statesync_rpc_servers), ERR_CONFIG,
                           "rpc_servers = \"%s\": state sync needs at least"
                           " two, separated by commas",
                           c->statesync.rpc_servers);
    if (c->statesync.discovery_time &&
        c->statesync.discovery_time < five_seconds)
        return config_fail(c, ORIGIN(c, statesync_discovery_time), ERR_CONFIG,
                           "discovery_time: expected 0s or at least 5s");
    if (c->statesync.trust_period <= 0)
        return config_fail(c, ORIGIN(c, statesync_trust_period), ERR_CONFIG,
                           "trust_period: state sync needs one above 0s");
    if (c->statesync.trust_height <= 0)
        return config_fail(c, ORIGIN(c, statesync_trust_height), ERR_CONFIG,
                           "trust_height: state sync needs one above 0");
    if (!is_hex(c->statesync.trust_hash))
        return config_fail(c, ORIGIN(c, statesync_trust_hash), ERR_CONFIG,
                           "trust_hash = \"%s\": state sync needs the header's"
                           " hash in hex",
                           c->statesync.trust_hash);
    if (c->statesync.chunk_request_timeout < five_seconds)
        return config_fail(c, ORIGIN(c, statesync_chunk_request_timeout),
                           ERR_CONFIG,
                           "chunk_request_timeout: expected at least 5s");
    if (c->statesync.chunk_fetchers <= 0)
        return config_fail(c, ORIGIN(c, statesync_chunk_fetchers), ERR_CONFIG,
                           "chunk_fetchers: expected at least 1");
    if (c->statesync.max_snapshot_chunks == 0)
        return config_fail(c, ORIGIN(c, statesync_max_snapshot_chunks),
                           ERR_CONFIG,
                           "max_snapshot_chunks: expected at least 1");
    return OK;
}

static enum err check_others(const struct config *c)
{
    const char *ns = c->instrumentation.namespace;

    if (strcmp(c->tx_index.indexer, "psql") == 0)
        return config_fail(c, ORIGIN(c, tx_index_indexer), ERR_CONFIG,
                           "indexer = \"psql\": Warren's own index is \"kv\";"
                           " set it to that, or to \"null\"");
    for (const char *p = ns; *p; p++)
        if (!isalpha((unsigned char)*p) && *p != '_' && *p != ':' &&
            (p == ns || !isdigit((unsigned char)*p)))
            return config_fail(c, ORIGIN(c, instrumentation_namespace),
                               ERR_CONFIG,
                               "namespace = \"%s\": expected letters, digits"
                               " and '_'",
                               ns);
    return OK;
}

/* What CometBFT would serve and Warren would leave out in silence. */
static enum err check_missing(const struct config *c)
{
    if (*c->rpc.tls_cert_file && *c->rpc.tls_key_file)
        return config_fail(c, ORIGIN(c, rpc_tls_cert_file), ERR_CONFIG,
                           "tls_cert_file: HTTPS is not served, and clients"
                           " must not be left with HTTP instead; put a proxy"
                           " with TLS before rpc.laddr");
    if (c->statesync.enable)
        return config_fail(c, ORIGIN(c, statesync_enable), ERR_CONFIG,
                           "enable = true in [statesync]: snapshots are not"
                           " fetched; set it to false, and the node replays"
                           " the blocks");
    return OK;
}

static const struct {
    enum config_knob knob;
    const char      *what;
} inert[] = {
#define TOP_KNOB(member, key, kind, preset, range, choices, help)
#define TABLE(name, title, help)
#define END(name)
#define KNOB(table, member, key, kind, preset, range, choices, help)
#define RETIRED(table, key, advice)
#define INERT(knob, what) { CONFIG_##knob, what },
#include "config/config.def"
};

const char *config_inert(enum config_knob knob)
{
    for (size_t i = 0; i < COUNT(inert); i++)
        if (inert[i].knob == knob)
            return inert[i].what;
    return NULL;
}

void config_warn(const struct config *c)
{
    config_warn_variables();
    for (size_t i = 0; i < COUNT(inert); i++) {
        const struct config_knob_info *k       = &config_knobs[inert[i].knob];
        const void                    *at      = (const char *)c + k->offset;
        bool                           is_text = k->kind == CONFIG_TEXT;
        struct buf                     where, name;

        if (is_text ? strcmp(*(const char *const *)at, k->preset) == 0
                    : !*(const bool *)at)
            continue;
        buf_init(&where, 8192);
        buf_init(&name, 256);
        config_where(&where, c, &c->origin[inert[i].knob]);
        config_knob_name(&name, k);
        log_text(LOG_WARN, "%s: %s has no effect: %s", buf_cstr(&where),
                 buf_cstr(&name), inert[i].what);
        buf_fini(&where);
        buf_fini(&name);
    }
}

/* ---- [warren] ---- */

static bool is_z85_key(const char *s)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        ".-:+=^!/*?&<>()[]{}@%$#";

    return strlen(s) == 40 && strspn(s, alphabet) == 40;
}

static enum err check_endpoint(const struct config *c, enum config_knob knob,
                               const char *value)
{
    bool is_tcp = strncmp(value, "tcp://", 6) == 0;

    if (!*value || (strncmp(value, "ipc:///", 7) == 0 && value[7]))
        return OK;
    if (!is_tcp || !is_host_port(value + 6, strlen(value + 6)))
        return config_fail(c, &c->origin[knob], ERR_CONFIG,
                           "%s = \"%s\": expected tcp://host:port, or nothing"
                           " for a socket in run_dir",
                           config_knobs[knob].key, value);
    if (!*c->warren.curve_key_file)
        return config_fail(c, &c->origin[knob], ERR_CONFIG,
                           "%s = \"%s\": plain tcp is open to strangers; set"
                           " curve_key_file and curve_allow too",
                           config_knobs[knob].key, value);
    return OK;
}

static enum err check_curve(const struct config *c)
{
    for (size_t i = 0; i < c->warren.curve_allow.n; i++)
        if (!is_z85_key(c->warren.curve_allow.v[i]))
            return config_fail(c, ORIGIN(c, warren_curve_allow), ERR_CONFIG,
                               "curve_allow: \"%s\": expected a public key of"
                               " 40 characters",
                               c->warren.curve_allow.v[i]);
    for (size_t i = 0; i < c->warren.curve_servers.n; i++) {
        const char *eq = strchr(c->warren.curve_servers.v[i], '=');

        if (!eq || !is_z85_key(eq + 1))
            return config_fail(c, ORIGIN(c, warren_curve_servers), ERR_CONFIG,
                               "curve_servers: \"%s\": expected SERVICE=KEY,"
                               " a key being 40 characters",
                               c->warren.curve_servers.v[i]);
    }
    return OK;
}

/* Without a directory nobody can have a socket in it. */
static enum err check_run_dir(const struct config *c)
{
    const char *all[] = { c->warren.consensus, c->warren.mempool,
                          c->warren.p2p,       c->warren.store,
                          c->warren.api,       c->warren.ledger,
                          c->warren.signer };

    for (size_t i = 0; i < COUNT(all) && !*c->warren.run_dir; i++)
        if (!*all[i])
            return config_fail(c, ORIGIN(c, warren_run_dir), ERR_CONFIG,
                               "run_dir = \"\": sockets need a directory,"
                               " unless every process has an address in"
                               " [warren]");
    return OK;
}

static enum err check_warren(const struct config *c)
{
    enum err e[] = {
        check_endpoint(c, CONFIG_warren_consensus, c->warren.consensus),
        check_endpoint(c, CONFIG_warren_mempool, c->warren.mempool),
        check_endpoint(c, CONFIG_warren_p2p, c->warren.p2p),
        check_endpoint(c, CONFIG_warren_store, c->warren.store),
        check_endpoint(c, CONFIG_warren_api, c->warren.api),
        check_endpoint(c, CONFIG_warren_ledger, c->warren.ledger),
        check_endpoint(c, CONFIG_warren_signer, c->warren.signer),
        check_curve(c),
        check_run_dir(c),
    };

    for (size_t i = 0; i < COUNT(e); i++)
        if (e[i] != OK)
            return e[i];
    return OK;
}

enum err config_check_rules(const struct config *c)
{
    static enum err (*const checks[])(const struct config *) = {
        check_top,    check_addresses, check_rpc,
        check_peers,  check_mempool,   check_statesync,
        check_others, check_missing,   check_warren,
    };
    enum err code = OK;

    for (size_t i = 0; i < COUNT(checks); i++) {
        enum err e = checks[i](c);

        code = code ? code : e;
    }
    return code;
}
