#include "bus/bus.h"

#include "bus/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

struct bus *bus_open(struct loop *l, const char *service)
{
    struct bus *b = calloc(1, sizeof *b);

    must(b && strlen(service) <= SERVICE_NAME_MAX);
    b->loop = l;
    b->ctx  = zmq_ctx_new();
    must_get(b->ctx, "context of libzmq");
    memcpy(b->service, service, strlen(service) + 1);
    while (b->boot == 0)
        must(getrandom(&b->boot, sizeof b->boot, 0) == sizeof b->boot);
    links_measure(b);
    return b;
}

void bus_close(struct bus *b)
{
    if (!b)
        return;
    metrics_leave(&b->numbers);
    servers_close(b);
    clients_close(b);
    hints_close(b);
    zap_close(b);
    /* libzmq's thread may use what bodies point to until here. */
    while (zmq_ctx_term(b->ctx) < 0 && errno == EINTR)
        ;
    servers_free(b);
    clients_free(b);
    hints_free(b);
    explicit_bzero(b, sizeof *b);
    free(b);
}

uint64_t bus_boot_id(const struct bus *b)
{
    return b->boot;
}

/* ---- endpoints ---- */

/* The lock file beside the socket: libzmq would replace a live socket. */
static enum err lock_endpoint(const char *path, int *lock)
{
    char    name[300], pid[16] = "";
    ssize_t n;

    snprintf(name, sizeof name, "%s.lock", path);
    *lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        return fail(ERR_NET, "cannot make %s: %s", name, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0) {
        n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
        if (ftruncate(*lock, 0) == 0 && pwrite(*lock, pid, (size_t)n, 0) == n)
            return OK;
        close(*lock);
        return fail(ERR_DISK, "cannot write %s: %s", name, strerror(errno));
    }
    n                                   = pread(*lock, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
    close(*lock);
    return fail(ERR_NET,
                "%s is served by another process (pid %s); stop it, or give "
                "this one another home",
                path, pid);
}

static void set_text(void *sock, int option, const char *text)
{
    must(zmq_setsockopt(sock, option, text, strlen(text)) == 0);
}

/* What a tcp endpoint must have before anybody can reach it. */
static enum err secure_server(struct bus *b, struct zsock *z,
                              const char *endpoint)
{
    int one = 1;

    if (!b->secret_key[0] || b->zap.allowed_count == 0)
        return fail(ERR_CONFIG,
                    "%s: tcp without CURVE is refused; set curve_key_file and "
                    "curve_allow in [warren], or use ipc",
                    endpoint);
    must(zmq_setsockopt(z->sock, ZMQ_CURVE_SERVER, &one, sizeof one) == 0);
    set_text(z->sock, ZMQ_CURVE_SECRETKEY, b->secret_key);
    set_text(z->sock, ZMQ_ZAP_DOMAIN, "warren");
    return zap_open(b);
}

enum err bus_bind(struct bus *b, struct zsock *z, const char *endpoint,
                  int *lock)
{
    struct endpoint e;
    enum err        r = OK;

    *lock = -1;
    if (!endpoint_parse(&e, endpoint))
        return fail(ERR_CONFIG,
                    "%s: not an endpoint; write ipc:///path or "
                    "tcp://host:port",
                    endpoint);
    if (e.is_tcp)
        r = secure_server(b, z, e.address);
    else
        r = lock_endpoint(e.address + strlen("ipc://"), lock);
    if (r != OK)
        return r;
    if (zmq_bind(z->sock, e.address) == 0)
        return OK;
    return fail(ERR_NET, "cannot bind %s: %s", e.address,
                zmq_strerror(zmq_errno()));
}
