/* Connecting.  libzmq looks names up in the thread that moves all messages,
 * and waits there for an answer: a name that is gone, as that of a stopped
 * container is, would hold up every other link.  So it only gets numbers. */
#include "bus/wire.h"

#include "base/log.h"
#include "loop/address.h"
#include "loop/resolve.h"

#include <stdio.h>

enum { PATIENCE_US = 2000000 }; /* then the question is asked anew */

static void set_text(void *sock, int option, const char *text)
{
    must(zmq_setsockopt(sock, option, text, strlen(text)) == 0);
}

static const struct sockaddr *first_ip4(const struct addresses *found)
{
    for (size_t i = 0; i < found->n; i++)
        if (found->v[i].ss_family == AF_INET)
            return (const struct sockaddr *)&found->v[i];
    return NULL;
}

static void dial(struct dialler *d, const char *address)
{
    if (d->connected[0])
        (void)zmq_disconnect(d->z->sock, d->connected);
    d->dialled_us = now_us();
    if (zmq_connect(d->z->sock, address) != 0)
        d->connected[0] = 0;
    else if (address != d->connected)
        snprintf(d->connected, sizeof d->connected, "%s", address);
    zsock_poke(d->z);
}

/* libzmq dials by itself until it comes upon somebody who breaks the protocol
 * or refuses our key; then never again, whoever is there by now. */
static bool is_lost(const struct dialler *d)
{
    return !d->is_linked && now_us() - d->dialled_us > SILENT_US;
}

/* Somewhere else than before: another container took over the name. */
static void on_resolved(void *ctx, const struct addresses *found)
{
    struct dialler        *d  = ctx;
    const struct sockaddr *ip = first_ip4(found);
    char                   address[sizeof d->connected], at[48];

    d->resolve = NULL;
    if (!ip)
        return;
    address_print(at, sizeof at, ip);
    snprintf(address, sizeof address, "tcp://%s", at);
    if (strcmp(address, d->connected) != 0 || is_lost(d))
        dial(d, address);
}

void dial_again(struct dialler *d)
{
    struct address a;
    uint64_t       now = now_us();

    if (!d->is_name && d->connected[0] && is_lost(d))
        dial(d, d->connected);
    if (!d->is_name || (d->resolve && now - d->asked_us < PATIENCE_US))
        return;
    must(address_parse(&a, d->to.address));
    resolve_cancel(d->resolve);
    d->asked_us = now;
    d->resolve  = resolve_start(d->bus->loop, a.host, a.port, on_resolved, d);
}

void dial_close(struct dialler *d)
{
    resolve_cancel(d->resolve);
    d->resolve = NULL;
}

static bool is_name(const struct endpoint *e)
{
    struct sockaddr_storage sa;
    struct address          a;
    socklen_t               n;

    return e->is_tcp && address_parse(&a, e->address) &&
           !address_sockaddr(&a, &sa, &n);
}

enum err bus_dial(struct dialler *d, struct bus *b, struct zsock *z,
                  const char *endpoint)
{
    struct endpoint *e = &d->to;

    *d = (struct dialler){ .bus = b, .z = z };
    if (!endpoint_parse(e, endpoint))
        return fail(ERR_CONFIG,
                    "%s: not an endpoint; write ipc:///path or "
                    "tcp://host:port",
                    endpoint);
    if (e->is_tcp && (!e->key[0] || !b->secret_key[0]))
        return fail(ERR_CONFIG,
                    "%s: tcp without CURVE is refused; set curve_key_file and "
                    "curve_servers in [warren], or use ipc",
                    e->address);
    if (e->is_tcp) {
        set_text(z->sock, ZMQ_CURVE_SERVERKEY, e->key);
        set_text(z->sock, ZMQ_CURVE_PUBLICKEY, b->public_key);
        set_text(z->sock, ZMQ_CURVE_SECRETKEY, b->secret_key);
    }
    d->is_name = is_name(e);
    if (d->is_name) {
        dial_again(d);
        return OK;
    }
    dial(d, e->address);
    if (d->connected[0])
        return OK;
    return fail(ERR_NET, "cannot connect to %s: %s", e->address,
                zmq_strerror(zmq_errno()));
}
