/* Where services are reached, and the keys for those on other hosts. */
#include "base/text.h"
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

/* tcp://host:port, one port higher for hints, and the server's key. */
static void print_tcp(char *out, const struct config *c, const char *address,
                      const char *service, bool is_pub)
{
    const char *colon = strrchr(address, ':');
    const char *key   = server_key(c, service);
    size_t      host  = colon ? (size_t)(colon - address) : 0;
    uint64_t    port  = 0;

    if (!uint64_parse(&port, span_str(address + host + 1)) || port == 0 ||
        port >= UINT16_MAX || strncmp(address, "tcp://", 6) != 0)
        must_ok(fail(ERR_CONFIG,
                     "warren.%s: \"%s\" is not an address; write "
                     "tcp://host:port, or nothing for a local socket",
                     service, address),
                "find a service");
    snprintf(out, ENDPOINT_MAX, "%.*s:%u%s%s", (int)host, address,
             (unsigned)port + is_pub, key ? "#" : "", key ? key : "");
}

const char *svc_endpoint(struct svc *s, const char *service, bool is_pub)
{
    const char *address = configured(s->config, service);
    char       *out     = arena_alloc(&s->config->arena, ENDPOINT_MAX);

    must(out);
    if (address[0])
        print_tcp(out, s->config, address, service, is_pub);
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
    return r;
}
