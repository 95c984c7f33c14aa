/* config: sources, their order, what is refused, and the template. */
#include "config/config.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64];

/* A fresh home whose config.toml holds text (NULL: none). */
static void home_with(const char *text)
{
    char  path[128];
    FILE *f;

    snprintf(home, sizeof home, "/tmp/test_config.XXXXXX");
    must(mkdtemp(home));
    snprintf(path, sizeof path, "%s/config", home);
    must(mkdir(path, 0700) == 0);
    if (!text)
        return;
    snprintf(path, sizeof path, "%s/config/config.toml", home);
    f = fopen(path, "w");
    must(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void home_gone(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/config/config.toml", home);
    unlink(path);
    snprintf(path, sizeof path, "%s/config", home);
    rmdir(path);
    rmdir(home);
}

/* What fail() wrote to stderr while fn ran. */
static char said[8192];

static enum err load(struct config **c, const char *const *flags)
{
    char *argv[16] = { (char *)(uintptr_t) "test", (char *)(uintptr_t) "--home",
                       home };
    int   argc = 3, keep = dup(2), log = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    enum err code;
    ssize_t  n;

    while (flags && *flags)
        argv[argc++] = (char *)(uintptr_t)*flags++;
    must(keep >= 0 && log >= 0 && dup2(log, 2) == 2);
    code = config_load(c, argc, argv);
    must(dup2(keep, 2) == 2);
    n                   = pread(log, said, sizeof said - 1, 0);
    said[n < 0 ? 0 : n] = 0;
    close(keep);
    close(log);
    return code;
}

TEST(defaults_are_cometbfts)
{
    struct config *c;

    home_with(NULL);
    CHECK_EQ(load(&c, NULL), OK, "%s", said);
    CHECK(!c->has_file);
    CHECK_STR(c->proxy_app, "tcp://127.0.0.1:26658");
    CHECK_STR(c->rpc.laddr, "tcp://127.0.0.1:26657");
    CHECK_STR(c->p2p.laddr, "tcp://0.0.0.0:26656");
    CHECK_EQ(c->consensus.timeout_propose, INT64_C(3000000000));
    CHECK_EQ(c->consensus.block_time_tolerance, INT64_C(60000000000));
    CHECK_EQ(c->statesync.trust_period, INT64_C(604800000000000));
    CHECK_EQ(c->mempool.size, 5000);
    CHECK_EQ(c->mempool.max_txs_bytes, 1073741824);
    CHECK_EQ(c->statesync.chunk_fetchers, 4);
    CHECK(c->consensus.create_empty_blocks && c->p2p.pex);
    CHECK_EQ(c->rpc.cors_allowed_methods.n, 3);
    CHECK_STR(c->rpc.cors_allowed_headers.v[4], "X-Server-Time");
    CHECK_EQ(c->rpc.cors_allowed_origins.n, 0);
    CHECK_STR(c->home, home);
    config_free(c);
    home_gone();
}

/* Another valid value for each knob. */
static void other_value(struct buf *out, const struct config_knob_info *k)
{
    static const struct {
        const char *name, *value;
    } special[] = {
        { "version", "1.2.3-rc1+x.y" },
        { "proxy_app", "unix:///tmp/app" },
        { "log_level", "consensus:debug,*:error" },
        { "priv_validator_laddr", "tcp://127.0.0.1:1" },
        { "rpc.laddr", "tcp://[::1]:8000" },
        { "rpc.grpc_laddr", "unix:///x" },
        { "rpc.experimental_subscription_buffer_size", "150" },
        { "rpc.experimental_websocket_write_buffer_size", "1500" },
        { "p2p.laddr", "tcp://:1" },
        { "p2p.external_address", "example.org:26656" },
        { "p2p.seeds", "0123456789abcdef0123456789abcdef01234567@h:1" },
        { "p2p.persistent_peers",
          "0123456789abcdef0123456789abcdef01234567@[::1]:1, "
          "0123456789abcdef0123456789abcdef01234568@h:2" },
        { "p2p.unconditional_peer_ids",
          "0123456789abcdef0123456789abcdef01234567" },
        { "p2p.private_peer_ids", "0123456789ABCDEF0123456789abcdef01234567" },
        { "instrumentation.prometheus_listen_addr", "127.0.0.1:9" },
        { "tx_index.indexer", "null" },
        { "abci", "socket" },
        { "blocksync.version", "v0" },
        { "statesync.enable", "false" },
        { "instrumentation.namespace", "x_y" },
        { "warren.curve_key_file", "k" },
        { "warren.curve_allow", "0123456789abcdefghijklmnopqrstuvwxyzABCD" },
        { "warren.curve_servers",
          "store=0123456789abcdefghijklmnopqrstuvwxyzABCD" },
    };
    char       name[128];
    struct buf b;

    buf_use(&b, name, sizeof name);
    config_knob_name(&b, k);
    for (size_t i = 0; i < COUNT(special); i++) {
        if (strcmp(special[i].name, buf_cstr(&b)) == 0) {
            buf_str(out, special[i].value);
            return;
        }
    }
    if (strcmp(k->table, "warren") == 0 && k->kind == CONFIG_TEXT) {
        buf_str(out, strcmp(k->key, "run_dir") == 0 ? "sockets"
                                                    : "tcp://10.0.0.1:7");
        return;
    }
    if (*k->choices) {
        buf_add(out, SPAN(k->choices, strcspn(k->choices, "|")));
        return;
    }
    switch (k->kind) {
    case CONFIG_TEXT:
    case CONFIG_SECRET: buf_str(out, "x 'quoted' \"text\" \\ back"); break;
    case CONFIG_BOOL:
        buf_str(out, strcmp(k->preset, "true") == 0 ? "false" : "true");
        break;
    case CONFIG_INT:
    case CONFIG_QINT: buf_str(out, "12345"); break;
    case CONFIG_TIME: buf_str(out, "1h2m3.5s"); break;
    case CONFIG_LIST: buf_str(out, "one, two"); break;
    }
}

static void upper_name(char *out, size_t cap, const char *prefix,
                       const struct config_knob_info *k)
{
    struct buf b;

    buf_use(&b, out, cap);
    buf_str(&b, prefix);
    config_knob_name(&b, k);
    (void)buf_cstr(&b);
    for (char *p = out; *p; p++)
        *p = *p == '.' || *p == '-'   ? '_'
             : *p >= 'a' && *p <= 'z' ? (char)(*p - 32)
                                      : *p;
}

static void check_printed(const struct config           *c,
                          const struct config_knob_info *k, const char *want,
                          const char *source)
{
    struct config *other = config_default("/");
    struct buf     got, expected;

    buf_init(&got, 1 << 16);
    buf_init(&expected, 1 << 16);
    config_print_value(&got, c, k);
    buf_printf(&expected, "%s%s%s", k->table, *k->table ? "." : "", k->key);
    CHECK_EQ(config_set(other, buf_cstr(&expected), want), OK);
    buf_clear(&expected);
    config_print_value(&expected, other, k);
    CHECK_STR(buf_cstr(&got), buf_cstr(&expected), "%s by %s", k->key, source);
    buf_fini(&got);
    buf_fini(&expected);
    config_free(other);
}

/* Is the knob's value that, loaded from `source`? */
static void check_loaded(const struct config_knob_info *k, const char *value,
                         const char *source, const char *flag)
{
    const char    *flags[] = { flag, NULL };
    struct config *c;

    CHECK_EQ(load(&c, flags), OK, "%s", said);
    if (!c)
        return;
    check_printed(c, k, value, source);
    if (flag)
        CHECK_EQ(c->argc, 1, "%s", flag);
    config_free(c);
}

static void check_from_file(const struct config_knob_info *k, const char *name,
                            const char *value)
{
    struct config *set = config_default("/tmp");
    struct buf     file;

    buf_init(&file, 1 << 20);
    CHECK_EQ(config_set(set, name, value), OK);
    if (strcmp(k->table, "warren") == 0)
        CHECK_EQ(config_set(set, "warren.curve-key-file", "k"), OK);
    config_template(&file, set);
    home_with(buf_cstr(&file));
    check_loaded(k, value, "file", NULL);
    home_gone();
    buf_fini(&file);
    config_free(set);
}

static void check_from_variable(const struct config_knob_info *k,
                                const char                    *value)
{
    char variable[128];

    upper_name(variable, sizeof variable, "CMT_", k);
    setenv(variable, value, 1);
    check_loaded(k, value, "variable", NULL);
    unsetenv(variable);
}

static void check_from_flag(const struct config_knob_info *k, const char *name,
                            const char *value)
{
    char flag[1024];

    snprintf(flag, sizeof flag, "--%s=%s", name, value);
    check_loaded(k, value, "flag", flag);
}

TEST(every_knob_round_trips)
{
    for (size_t i = 0; i < CONFIG_KNOBS; i++) {
        const struct config_knob_info *k = &config_knobs[i];
        struct buf                     value, name;

        buf_init(&value, 4096);
        buf_init(&name, 256);
        other_value(&value, k);
        config_knob_name(&name, k);
        check_from_file(k, buf_cstr(&name), buf_cstr(&value));
        home_with(strcmp(k->table, "warren") == 0
                      ? "[warren]\ncurve_key_file = 'k'"
                      : NULL);
        check_from_variable(k, buf_cstr(&value));
        if (strcmp(k->key, "version") != 0)
            check_from_flag(k, buf_cstr(&name), buf_cstr(&value));
        home_gone();
        buf_fini(&value);
        buf_fini(&name);
    }
}

TEST(flag_beats_variable_beats_file_beats_default)
{
    static const char *const flags[] = { "--moniker", "by-flag",
                                         "word",      "--rpc.unsafe",
                                         "--output",  "json",
                                         "--",        "--moniker",
                                         "x",         NULL };
    struct config           *c;

    home_with("moniker = 'by-file'\nlog_format = 'json'\n[rpc]\n"
              "max_body_bytes = 5\n");
    setenv("CMT_MONIKER", "by-variable", 1);
    setenv("CMT_RPC_MAX_BODY_BYTES", "6", 1);
    setenv("CMT_RPC_LADDR", "", 1);
    CHECK_EQ(load(&c, flags), OK, "%s", said);
    CHECK_STR(c->moniker, "by-flag");
    CHECK_EQ(c->rpc.max_body_bytes, 6);
    CHECK_STR(c->log_format, "json");
    CHECK_STR(c->rpc.laddr, "tcp://127.0.0.1:26657",
              "empty variables do not"
              " count");
    CHECK(c->rpc.unsafe);
    CHECK_EQ(c->argc, 7);
    CHECK_STR(c->argv[1], "word");
    CHECK_STR(c->argv[2], "--output");
    CHECK_STR(c->argv[4], "--");
    CHECK_EQ(c->origin[CONFIG_TOP_moniker].kind, FROM_FLAG);
    CHECK_EQ(c->origin[CONFIG_rpc_max_body_bytes].kind, FROM_ENV);
    CHECK_EQ(c->origin[CONFIG_TOP_log_format].kind, FROM_FILE);
    CHECK_EQ(c->origin[CONFIG_TOP_log_format].line, 2);
    config_free(c);
    setenv("CMTMONIKER", "without-underscore", 1);
    CHECK_EQ(load(&c, NULL), OK, "%s", said);
    CHECK_STR(c->moniker, "without-underscore");
    config_free(c);
    unsetenv("CMTMONIKER");
    unsetenv("CMT_MONIKER");
    unsetenv("CMT_RPC_MAX_BODY_BYTES");
    unsetenv("CMT_RPC_LADDR");
    home_gone();
}

TEST(home_comes_from_flag_then_variable)
{
    char          *argv[] = { (char *)(uintptr_t) "test", NULL, NULL };
    struct config *c;

    home_with("moniker = 'there'");
    setenv("CMTHOME", home, 1);
    CHECK_EQ(config_load(&c, 1, argv), OK);
    CHECK_STR(c->moniker, "there");
    config_free(c);
    argv[1] = (char *)(uintptr_t) "--home=/nonexistent/x";
    CHECK_EQ(config_load(&c, 2, argv), OK);
    CHECK_STR(c->home, "/nonexistent/x");
    CHECK_STR(config_path(c, "data/a"), "/nonexistent/x/data/a");
    CHECK_STR(config_path(c, "/a"), "/a");
    config_free(c);
    unsetenv("CMTHOME");
    home_gone();
}

struct fault {
    const char *file, *says;
};

/* Each is refused, and what is said names place and way out. */
static void check_faults(const struct fault *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct config *c;

        home_with(cases[i].file);
        CHECK_EQ(load(&c, NULL), ERR_CONFIG, "%s", cases[i].file);
        CHECK(!c);
        CHECK(strstr(said, cases[i].says), "%s: said: %s", cases[i].file, said);
        CHECK(strstr(said, "config.toml"), "%s: said: %s", cases[i].file, said);
        home_gone();
    }
}

TEST(unknown_keys_are_named_with_what_was_meant)
{
    static const struct fault cases[] = {
        { "monicker = 'x'", "config.toml:1: unknown key 'monicker'; did you"
                            " mean 'moniker'?" },
        { "\n\n[rpc]\nladdrr = 'x'", "config.toml:4: unknown key 'rpc.laddrr';"
                                     " did you mean 'rpc.laddr'?" },
        { "[rpc]\ntimeout_commit = '1s'", "did you mean"
                                          " 'consensus.timeout_commit'?" },
        { "[mempool]\nkeep_invalid_txs_in_cache = true",
          "did you mean 'mempool.keep-invalid-txs-in-cache'?" },
        { "zzzzzzzz = 1", "unknown key 'zzzzzzzz'; 'warren config show'" },
        { "[consenus]\n", "config.toml:1: unknown table [consenus]; did you"
                          " mean [consensus]?" },
        { "[fastsync]\nversion='v0'", "is of an older version" },
        { "fast_sync = true", "block sync is always on" },
        { "[p2p]\nupnp = true", "UPnP is gone" },
    };

    check_faults(cases, COUNT(cases));
}

TEST(top_level_values_are_checked)
{
    static const struct fault cases[] = {
        { "moniker = 5", "moniker is an integer: expected text in quotes" },
        { "moniker = ''", "moniker" },
        { "moniker = 'a'\nmoniker = 'b'", "config.toml:2:1: key 'moniker' is"
                                          " given twice" },
        { "moniker = \"a", "config.toml:1:13: the string does not end" },
        { "log_format = 'xml'", "log_format = \"xml\": expected plain|json" },
        { "log_level = 'loud'", "log_level = \"loud\"" },
        { "abci = 'grpc'", "set it to \"socket\"" },
        { "proxy_app = 'kvstor'", "did you mean kvstore?" },
        { "version = '1.x'", "version" },
        { "filter_peers = 1", "filter_peers is an integer: expected true or"
                              " false" },
    };

    check_faults(cases, COUNT(cases));
}

TEST(values_of_rpc_are_checked)
{
    static const struct fault cases[] = {
        { "[rpc]\nmax_body_bytes = -1", "at least 0" },
        { "[rpc]\nmax_body_bytes = 'many'", "a whole number" },
        { "[rpc]\nmax_body_bytes = 1.5", "is a float" },
        { "[rpc]\nladdr = 'localhost'", "expected tcp://host:port" },
        { "[rpc]\ncors_allowed_origins = [1]", "an array of texts" },
        { "[rpc]\nexperimental_subscription_buffer_size = 99", "at least 100" },
        { "[rpc]\nexperimental_websocket_write_buffer_size = 199",
          "experimental_subscription_buffer_size, 200" },
        { "[rpc]\nexperimental_subscription_buffer_size = 201",
          "experimental_subscription_buffer_size, 201" },
    };

    check_faults(cases, COUNT(cases));
}

TEST(values_of_p2p_and_mempool_are_checked)
{
    static const struct fault cases[] = {
        { "[p2p]\npersistent_peers = 'host:26656'", "ID@host:port" },
        { "[p2p]\nseeds = '0123@h:1'", "40 hex digits" },
        { "[p2p]\nladdr = 'tcp://1.2.3.4:99999'", "expected tcp://" },
        { "[p2p]\nladdr = ''", "write \"tcp://127.0.0.1:0\"" },
        { "[mempool]\ntype = 'priority'", "flood|nop" },
        { "[mempool]\ntype = 'nop'\n[consensus]\ncreate_empty_blocks = false",
          "nop" },
    };

    check_faults(cases, COUNT(cases));
}

TEST(values_of_consensus_are_checked)
{
    static const struct fault cases[] = {
        { "[blocksync]\nversion = 'v2'", "v0" },
        { "[consensus]\ntimeout_commit = 5", "a duration in quotes" },
        { "[consensus]\ntimeout_commit = '5'", "such as \"1.5s\"" },
        { "[consensus]\ntimeout_commit = '-1s'", "at least 0s" },
        { "[consensus]\nblock_time_tolerance = '0s'", "at least 1ns" },
    };

    check_faults(cases, COUNT(cases));
}

TEST(state_sync_needs_its_keys)
{
    static const struct fault cases[] = {
        { "[statesync]\nenable = true", "at least two" },
        { "[statesync]\nenable = true\nrpc_servers = 'a,'", "at least two" },
        { "[statesync]\nenable = true\nrpc_servers = 'a,b'", "trust_height" },
        { "[statesync]\nenable=true\nrpc_servers='a,b'\ntrust_height=5",
          "trust_hash" },
        { "[statesync]\nenable=true\nrpc_servers='a,b'\ntrust_height=5\n"
          "trust_hash='AB'\ndiscovery_time='1s'",
          "discovery_time" },
        { "[statesync]\nenable=true\nrpc_servers='a,b'\ntrust_height=5\n"
          "trust_hash='AB'\nchunk_fetchers='0'",
          "chunk_fetchers" },
    };

    check_faults(cases, COUNT(cases));
}

TEST(values_of_other_tables_are_checked)
{
    static const struct fault cases[] = {
        { "[tx_index]\nindexer = 'psql'", "kv" },
        { "[rpc]\ntls_cert_file = 'a'\ntls_key_file = 'b'", "HTTPS" },
        { "[instrumentation]\nnamespace = 'a b'", "namespace" },
        { "[instrumentation]\nmax_open_connections = -1", "at least 0" },
        { "[warren]\nstore = 'tcp://1.2.3.4:5'", "curve_key_file" },
        { "[warren]\ncurve_allow = ['short']", "40 characters" },
        { "rpc = 5", "unknown key 'rpc'" },
        { "moniker = \"a\\u0000b\"", "zero byte" },
        { "[tx_index]\npsql-conn = 5", "psql-conn is an integer" },
    };

    check_faults(cases, COUNT(cases));
}

TEST(keys_without_effect_say_why)
{
    CHECK(config_inert(CONFIG_TOP_filter_peers));
    CHECK(config_inert(CONFIG_rpc_grpc_laddr));
    CHECK(!config_inert(CONFIG_TOP_moniker));
}

TEST(every_fault_is_told_at_once)
{
    struct config *c;

    home_with("monicker = 'x'\nlog_format = 'xml'\n[rpc]\nunsafe = 3\n");
    CHECK_EQ(load(&c, NULL), ERR_CONFIG);
    CHECK(strstr(said, ":1: ") && strstr(said, ":2: ") && strstr(said, ":4: "),
          "%s", said);
    home_gone();
}

TEST(wrong_flags_are_named)
{
    static const struct {
        const char *flag[3];
        const char *says;
        enum err    code;
    } cases[] = {
        { { "--rpc.ladr=tcp://a:1" }, "did you mean --rpc.laddr?", ERR_USAGE },
        { { "--rpc.laddr" }, "--rpc.laddr needs a value", ERR_USAGE },
        { { "--rpc.max_body_bytes=x" }, "--rpc.max_body_bytes:", ERR_CONFIG },
        { { "--rpc.laddr=x" }, "--rpc.laddr: rpc.laddr = \"x\"", ERR_CONFIG },
        { { "--genesis_hash", "12" }, "64 hex digits", ERR_USAGE },
        { { "--rpc.unsafe=maybe" }, "true or false", ERR_CONFIG },
    };
    struct config *c;

    home_with(NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK_EQ(load(&c, cases[i].flag), cases[i].code, "%s",
                 cases[i].flag[0]);
        CHECK(strstr(said, cases[i].says), "%s: said: %s", cases[i].flag[0],
              said);
    }
    home_gone();
}

TEST(flags_may_stand_among_words)
{
    struct config *c;

    home_with(NULL);
    CHECK_EQ(load(&c, (const char *[]){ "--p2p.external-address=h:1",
                                        "--consensus.create_empty_blocks=false",
                                        "--p2p.pex", "more", NULL }),
             OK, "%s", said);
    CHECK_STR(c->p2p.external_address, "h:1");
    CHECK(!c->consensus.create_empty_blocks && c->p2p.pex);
    CHECK_EQ(config_end_args(c, 1), ERR_USAGE);
    CHECK_EQ(config_end_args(c, 2), OK);
    config_free(c);
    home_gone();
}

TEST(secrets_may_come_from_a_file)
{
    struct config *c;

    home_with("[tx_index]\npsql-conn = 'postgresql://file'");
    setenv("CMT_TX_INDEX_PSQL_CONN_FILE", "/nonexistent", 1);
    CHECK_EQ(load(&c, NULL), ERR_CONFIG);
    setenv("CMT_TX_INDEX_PSQL_CONN_FILE", "/dev/null", 1);
    CHECK_EQ(load(&c, NULL), OK, "%s", said);
    CHECK_STR(c->tx_index.psql_conn, "");
    config_free(c);
    unsetenv("CMT_TX_INDEX_PSQL_CONN_FILE");
    home_gone();
}

TEST(sockets_stand_in_the_run_directory)
{
    struct config *c = config_default("/srv/node");

    CHECK_STR(config_run_dir(c), "/srv/node/run");
    CHECK_EQ(config_set(c, "proxy_app", "ledger"), OK);
    CHECK_STR(config_app_address(c), "unix:///srv/node/run/app.sock");
    CHECK_STR(config_app_service(c), "ledger");
    CHECK_EQ(config_set(c, "proxy_app", "persistent_kvstore"), OK);
    CHECK_STR(config_app_service(c), "kvstore");
    CHECK_EQ(config_set(c, "proxy_app", "tcp://h:1"), OK);
    CHECK_STR(config_app_address(c), "tcp://h:1");
    CHECK(!config_app_service(c));
    CHECK_STR(config_privval_address(c), "unix:///srv/node/run/privval.sock");
    CHECK_EQ(config_set(c, "priv_validator_laddr", "tcp://h:2"), OK);
    CHECK_STR(config_privval_address(c), "tcp://h:2");
    config_free(c);
}

TEST(sockets_of_a_deep_home_are_elsewhere)
{
    char           deep[300];
    struct config *c;

    memset(deep, 'x', sizeof deep);
    deep[0]               = '/';
    deep[sizeof deep - 1] = 0;
    c                     = config_default(deep);
    CHECK(strlen(config_run_dir(c)) < 84, "%s", config_run_dir(c));
    CHECK_EQ(config_make_run_dir(c), OK);
    CHECK_EQ(config_make_run_dir(c), OK);
    CHECK_EQ(rmdir(config_run_dir(c)), 0);
    config_free(c);
}

/* What "cometbft init" of v0.38.25 writes, without its comments. */
static const char cometbft_file[] =
    "version = \"0.38.25\"\n"
    "proxy_app = \"tcp://127.0.0.1:26658\"\n"
    "moniker = \"node\"\n"
    "db_backend = \"goleveldb\"\n"
    "db_dir = \"data\"\n"
    "log_level = \"info\"\n"
    "log_format = \"plain\"\n"
    "genesis_file = \"config/genesis.json\"\n"
    "priv_validator_key_file = \"config/priv_validator_key.json\"\n"
    "priv_validator_state_file = \"data/priv_validator_state.json\"\n"
    "priv_validator_laddr = \"\"\n"
    "node_key_file = \"config/node_key.json\"\n"
    "abci = \"socket\"\n"
    "filter_peers = false\n"
    "event_bus_buffer_capacity = 0\n"
    "[rpc]\n"
    "laddr = \"tcp://127.0.0.1:26657\"\n"
    "cors_allowed_origins = []\n"
    "cors_allowed_methods = [\"HEAD\", \"GET\", \"POST\", ]\n"
    "cors_allowed_headers = [\"Origin\", \"Accept\", \"Content-Type\", "
    "\"X-Requested-With\", \"X-Server-Time\", ]\n"
    "grpc_laddr = \"\"\n"
    "grpc_max_open_connections = 900\n"
    "unsafe = false\n"
    "max_open_connections = 900\n"
    "max_subscription_clients = 100\n"
    "max_subscriptions_per_client = 5\n"
    "experimental_subscription_buffer_size = 200\n"
    "experimental_websocket_write_buffer_size = 200\n"
    "experimental_close_on_slow_client = false\n"
    "timeout_broadcast_tx_commit = \"10s\"\n"
    "max_request_batch_size = 10\n"
    "max_body_bytes = 1000000\n"
    "max_header_bytes = 1048576\n"
    "tls_cert_file = \"\"\n"
    "tls_key_file = \"\"\n"
    "pprof_laddr = \"\"\n"
    "[p2p]\n"
    "laddr = \"tcp://0.0.0.0:26656\"\n"
    "external_address = \"\"\n"
    "seeds = \"\"\n"
    "persistent_peers = \"\"\n"
    "addr_book_file = \"config/addrbook.json\"\n"
    "addr_book_strict = true\n"
    "max_num_inbound_peers = 40\n"
    "max_num_outbound_peers = 10\n"
    "unconditional_peer_ids = \"\"\n"
    "persistent_peers_max_dial_period = \"0s\"\n"
    "flush_throttle_timeout = \"100ms\"\n"
    "max_packet_msg_payload_size = 1024\n"
    "send_rate = 5120000\n"
    "recv_rate = 5120000\n"
    "pex = true\n"
    "seed_mode = false\n"
    "private_peer_ids = \"\"\n"
    "allow_duplicate_ip = false\n"
    "handshake_timeout = \"20s\"\n"
    "dial_timeout = \"3s\"\n"
    "[mempool]\n"
    "type = \"flood\"\n"
    "recheck = true\n"
    "recheck_timeout = \"1s\"\n"
    "broadcast = true\n"
    "wal_dir = \"\"\n"
    "size = 5000\n"
    "max_txs_bytes = 1073741824\n"
    "cache_size = 10000\n"
    "keep-invalid-txs-in-cache = false\n"
    "max_tx_bytes = 1048576\n"
    "max_batch_bytes = 0\n"
    "experimental_max_gossip_connections_to_persistent_peers = 0\n"
    "experimental_max_gossip_connections_to_non_persistent_peers = 0\n"
    "[statesync]\n"
    "enable = false\n"
    "rpc_servers = \"\"\n"
    "trust_height = 0\n"
    "trust_hash = \"\"\n"
    "trust_period = \"168h0m0s\"\n"
    "discovery_time = \"15s\"\n"
    "temp_dir = \"\"\n"
    "chunk_request_timeout = \"10s\"\n"
    "chunk_fetchers = \"4\"\n"
    "max_snapshot_chunks = 100000\n"
    "[blocksync]\n"
    "version = \"v0\"\n"
    "[consensus]\n"
    "wal_file = \"data/cs.wal/wal\"\n"
    "timeout_propose = \"3s\"\n"
    "timeout_propose_delta = \"500ms\"\n"
    "timeout_prevote = \"1s\"\n"
    "timeout_prevote_delta = \"500ms\"\n"
    "timeout_precommit = \"1s\"\n"
    "timeout_precommit_delta = \"500ms\"\n"
    "timeout_commit = \"1s\"\n"
    "double_sign_check_height = 0\n"
    "skip_timeout_commit = false\n"
    "create_empty_blocks = true\n"
    "create_empty_blocks_interval = \"0s\"\n"
    "peer_gossip_sleep_duration = \"100ms\"\n"
    "peer_query_maj23_sleep_duration = \"2s\"\n"
    "block_time_tolerance = \"1m0s\"\n"
    "[storage]\n"
    "discard_abci_responses = false\n"
    "[tx_index]\n"
    "indexer = \"kv\"\n"
    "psql-conn = \"\"\n"
    "[instrumentation]\n"
    "prometheus = false\n"
    "prometheus_listen_addr = \":26660\"\n"
    "max_open_connections = 3\n"
    "namespace = \"cometbft\"\n";

/* Only the lines with a key or table, up to [warren]. */
static void strip_comments(struct buf *out, const char *text)
{
    while (*text && strncmp(text, "[warren]", 8) != 0) {
        size_t n = strcspn(text, "\n") + 1;

        if (*text != '#' && *text != '\n')
            buf_add(out, SPAN(text, n));
        text += n;
    }
}

TEST(template_has_cometbfts_keys_in_its_order_and_form)
{
    struct config *c;
    struct buf     text, keys;

    home_with(cometbft_file);
    CHECK_EQ(load(&c, NULL), OK, "%s", said);
    buf_init(&text, 1 << 20);
    buf_init(&keys, 1 << 20);
    config_template(&text, c);
    strip_comments(&keys, buf_cstr(&text));
    CHECK_STR(buf_cstr(&keys), cometbft_file);
    for (const char *p = buf_cstr(&text); *p; p += strcspn(p, "\n") + 1)
        CHECK(strcspn(p, "\n") <= 78 || *p != '#', "long: %.90s", p);
    config_free(c);
    home_gone();
    home_with(buf_cstr(&text));
    CHECK_EQ(load(&c, NULL), OK, "%s", said);
    config_free(c);
    home_gone();
    buf_fini(&text);
    buf_fini(&keys);
}
