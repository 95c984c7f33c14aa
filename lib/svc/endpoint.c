/* Where services are reached, and the keys for those on other hosts. */
#include "base/text.h"
#include "loop/address.h"
#include "svc/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENDPOINT_MAX = 300, KEY_TEXT = 40 };

static const char *configured(const struct config *c, const char *service)
{
    const struct {
        const char *service, *address;
    } all[] = {
        { "consensus", c->warren.consensus },
        { "mempool", c->warren.mempool },
        { "p2p", c->warren.p2p },
        { "store", c->warren.store },
        { "api", c->warren.api },
        { "ledger", c->warren.ledger },
        { "signer", c->warren.signer },
    };

    for (size_t i = 0; i < COUNT(all); i++)
        if (strcmp(all[i].service, service) == 0)
            return all[i].address;
    return "";
}

/* KEY of "service=KEY" in curve_servers; NULL when there is none. */
static const char *server_key(const struct config *c, const char *service)
{
    size_t n = strlen(service);

    for (size_t i = 0; i < c->warren.curve_servers.n; i++) {
        const char *entry = c->warren.curve_servers.v[i];

        if (strncmp(entry, service, n) == 0 && entry[n] == '=')
            return entry + n + 1;
    }
    return NULL;
}

/* An address of this host, and not a name that others know it by. */
static bool is_numeric(const char *host, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr("0123456789.", host[i]))
            return host[0] == '[';
    return true;
}

/* Where this process listens: `listen`, a number, or every interface. */
static void print_own(char *out, const struct config *c, const char *address,
                      size_t host, unsigned port)
{
    struct address          a = { .port = (uint16_t)port };
    struct sockaddr_storage found;
    socklen_t               n;
    char                    at[64];

    if (*c->warren.listen) {
        snprintf(a.host, sizeof a.host, "%s", c->warren.listen);
        if (!address_find(&a, &found, &n))
            must_ok(fail(ERR_NET, "warren.listen: nobody knows %s", a.host),
                    "find where to listen");
        address_print(at, sizeof at, (struct sockaddr *)&found);
        snprintf(out, ENDPOINT_MAX, "tcp://%s", at);
    } else if (is_numeric(address + 6, host - 6)) {
        snprintf(out, ENDPOINT_MAX, "%.*s:%u", (int)host, address, port);
    } else {
        snprintf(out, ENDPOINT_MAX, "tcp://*:%u", port);
    }
}

/* tcp://host:port, one port higher for hints, and the server's key. */
static void print_tcp(char *out, const struct svc *s, const char *address,
                      const char *service, bool is_pub)
{
    const struct config *c     = s->config;
    const char          *colon = strrchr(address, ':');
    const char          *key   = server_key(c, service);
    size_t               host  = colon ? (size_t)(colon - address) : 0;
    uint64_t             port  = 0;

    if (!uint64_parse(&port, span_str(address + host + 1)) || port == 0 ||
        port >= UINT16_MAX || strncmp(address, "tcp://", 6) != 0)
        must_ok(fail(ERR_CONFIG,
                     "warren.%s: \"%s\" is not an address; write "
                     "tcp://host:port, or nothing for a local socket",
                     service, address),
                "find a service");
    if (strcmp(service, s->name) == 0)
        print_own(out, c, address, host, (unsigned)port + is_pub);
    else
        snprintf(out, ENDPOINT_MAX, "%.*s:%u%s%s", (int)host, address,
                 (unsigned)port + is_pub, key ? "#" : "", key ? key : "");
}

const char *svc_endpoint(struct svc *s, const char *service, bool is_pub)
{
    const char *address = configured(s->config, service);
    char       *out     = arena_alloc(&s->config->arena, ENDPOINT_MAX);

    must(out);
    if (address[0])
        print_tcp(out, s, address, service, is_pub);
    else
        snprintf(out, ENDPOINT_MAX, "ipc://%s/%s%s", config_run_dir(s->config),
                 service, is_pub ? ".pub.sock" : ".sock");
    return out;
}

static enum err read_key(char key[KEY_TEXT + 1], const char *path)
{
    struct stat st;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t     n;

    if (fd < 0)
        return fail(ERR_KEY, "curve_key_file %s: %s", path, strerror(errno));
    n = fstat(fd, &st) == 0 ? read(fd, key, KEY_TEXT) : -1;
    close(fd);
    if (n != KEY_TEXT)
        return fail(ERR_KEY, "curve_key_file %s: less than 40 characters",
                    path);
    if (st.st_mode & 077)
        return fail(ERR_KEY,
                    "curve_key_file %s: others can read it (mode %03o); "
                    "chmod 600 it, and make a new key if they may have",
                    path, (unsigned)st.st_mode & 0777);
    key[KEY_TEXT] = 0;
    return OK;
}

/* Does `from`, or anybody if NULL, connect to `to`?  Hints flow against it. */
static bool is_linked(const char *from, const char *to)
{
    enum pattern { REQUEST, PUSH, HINT, ABCI, PRIVVAL, ADMIN };
    static const struct {
        const char  *from, *to;
        enum pattern pattern;
    } links[] = {
#define LINK(from, to, pattern, message, bound) { #from, #to, pattern },
#include "../proto/topology.def"
#undef LINK
    };

    for (size_t i = 0; i < COUNT(links); i++) {
        bool is_hint   = links[i].pattern == HINT;
        bool is_stream = links[i].pattern == PUSH || /* on REQUEST's */
                         links[i].pattern == ABCI ||
                         links[i].pattern == PRIVVAL;
        const char *client = is_hint ? links[i].to : links[i].from;
        const char *server = is_hint ? links[i].from : links[i].to;

        if (!is_stream && (!from || strcmp(client, from) == 0) &&
            strcmp(server, to) == 0)
            return true;
    }
    return false;
}

bool svc_is_served(const struct svc *s)
{
    const char *own = configured(s->config, s->name);

    return strncmp(own, "tcp://", 6) != 0 || is_linked(NULL, s->name) ||
           s->config->warren.curve_allow.n > 0;
}

/* Who connects to this process may come in: with its own key only. */
static enum err allow_linked(struct svc *s)
{
    const struct config *c = s->config;
    enum err             r = OK;

    for (size_t i = 0; i < c->warren.curve_servers.n && r == OK; i++) {
        const char *entry = c->warren.curve_servers.v[i];
        const char *eq    = strchr(entry, '=');
        char        name[32];

        snprintf(name, sizeof name, "%.*s", (int)(eq - entry), entry);
        if (is_linked(name, s->name))
            r = bus_allow(s->bus, eq + 1);
    }
    return r;
}

enum err svc_keys(struct svc *s)
{
    const struct config *c = s->config;
    char                 key[KEY_TEXT + 1];
    enum err             r;

    if (!c->warren.curve_key_file[0])
        return OK;
    r = read_key(key, config_path(c, c->warren.curve_key_file));
    if (r == OK)
        r = bus_set_key(s->bus, key);
    explicit_bzero(key, sizeof key);
    for (size_t i = 0; i < c->warren.curve_allow.n && r == OK; i++)
        r = bus_allow(s->bus, c->warren.curve_allow.v[i]);
    return r == OK ? allow_linked(s) : r;
}
