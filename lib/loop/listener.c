#include "loop/address.h"
#include "loop/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPT_BURST = 16, OUT_OF_FDS_PAUSE_US = 100000 };

struct listener {
    struct watch watch;
    struct timer pause; /* while no descriptor is free */
    void (*on_accept)(void *ctx, int fd, const char *peer);
    void          *ctx;
    int            fd;
    uint16_t       port;
    struct address address;
    bool           is_paused;
};

static void on_acceptable(void *ctx)
{
    struct listener *l = ctx;

    for (int i = 0; i < ACCEPT_BURST && !l->is_paused; i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t               n    = sizeof from;
        char                    peer[64];
        int fd = accept4(l->fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                       errno == ENOBUFS)) {
            watch_pause(&l->watch, true);
            timer_set(&l->pause, OUT_OF_FDS_PAUSE_US);
        }
        if (fd < 0)
            return;
        address_print(peer, sizeof peer, (struct sockaddr *)&from);
        l->on_accept(l->ctx, fd, peer);
    }
}

static void on_pause_over(void *ctx)
{
    struct listener *l = ctx;

    if (!l->is_paused)
        watch_pause(&l->watch, false);
}

/* The file of a unix socket that nobody listens on any more. */
static void remove_stale(const struct sockaddr_storage *sa, socklen_t n,
                         const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)sa, n) < 0 &&
        errno == ECONNREFUSED)
        unlink(path);
    close(fd);
}

static int open_socket(const struct sockaddr_storage *sa, socklen_t n)
{
    int one = 1;
    int fd =
        socket(sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)sa, n) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t               n  = sizeof sa;

    getsockname(fd, (struct sockaddr *)&sa, &n);
    if (sa.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&sa)->sin_port);
    if (sa.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
    return 0;
}

enum err listener_open(struct listener **out, struct loop *loop,
                       const char *address,
                       void (*on_accept)(void *ctx, int fd, const char *peer),
                       void *ctx)
{
    struct listener        *l;
    struct address          a;
    struct sockaddr_storage sa;
    socklen_t               n;
    int                     fd;

    if (!address_parse(&a, address))
        return fail(ERR_CONFIG,
                    "%s: not an address; write tcp://host:port or unix:///path",
                    address);
    if (!address_find(&a, &sa, &n))
        return fail(ERR_NET, "%s: host name does not resolve", address);
    if (a.is_unix)
        remove_stale(&sa, n, a.path);
    fd = open_socket(&sa, n);
    if (fd < 0)
        return fail(ERR_NET, "cannot listen on %s: %s%s", address,
                    strerror(errno),
                    errno == EADDRINUSE ? "; stop what listens there, or give"
                                          " another address"
                                        : "");
    l = calloc(1, sizeof *l);
    must(l);
    *l = (struct listener){ .fd        = fd,
                            .on_accept = on_accept,
                            .ctx       = ctx,
                            .port      = bound_port(fd),
                            .address   = a };
    watch_init(&l->watch, loop, fd, WATCH_READ, on_acceptable, l);
    timer_init(&l->pause, loop, on_pause_over, l);
    *out = l;
    return OK;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

void listener_pause(struct listener *l, bool is_paused)
{
    l->is_paused = is_paused;
    watch_pause(&l->watch, is_paused);
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    watch_fini(&l->watch);
    timer_fini(&l->pause);
    close(l->fd);
    if (l->address.is_unix)
        unlink(l->address.path);
    free(l);
}
