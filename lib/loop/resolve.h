/* resolve - host names to addresses, without blocking.
 *
 * Source:  libevent's evdns: /etc/hosts and /etc/resolv.conf, read anew for
 *          each question. */
#ifndef WARREN_RESOLVE_H
#define WARREN_RESOLVE_H

#include "loop/loop.h"

#include <sys/socket.h>

enum { ADDRESSES_MAX = 8 };

struct addresses {
    struct sockaddr_storage v[ADDRESSES_MAX];
    socklen_t               len[ADDRESSES_MAX];
    size_t                  n;
};

struct resolve;

/* resolve_start - fn is called once, later, with no addresses on failure. */
struct resolve *
resolve_start(struct loop *l, const char *host, uint16_t port,
              void (*fn)(void *ctx, const struct addresses *found), void *ctx);
/* resolve_cancel - fn will not be called; NULL is fine. */
void resolve_cancel(struct resolve *r);

#endif
