/* address - "tcp://host:port", "host:port" and "unix:///path" taken apart.
 *
 * Shapes:  an IPv6 host stands in brackets; the host is empty for "any".
 * Memory:  values; nothing allocates. */
#ifndef WARREN_ADDRESS_H
#define WARREN_ADDRESS_H

#include "base/base.h"

#include <sys/socket.h>
#include <sys/un.h>

enum { ADDRESS_HOST_MAX = 254 };

struct address {
    bool     is_unix;
    char     host[ADDRESS_HOST_MAX];
    char     path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    uint16_t port;
};

/* address_parse - false when malformed or too long. */
NODISCARD bool address_parse(struct address *out, const char *text);
/* address_sockaddr - a unix path or a numeric host (empty: any) as a socket
 * address; false for names, which must be resolved. */
NODISCARD bool address_sockaddr(const struct address    *a,
                                struct sockaddr_storage *out, socklen_t *len);
/* address_find - as address_sockaddr, but asks for a name and waits for the
 * answer: for what a process listens on, before its loop runs.  false when
 * nobody knows it. */
NODISCARD bool address_find(const struct address    *a,
                            struct sockaddr_storage *out, socklen_t *len);
/* address_print - "ip:port", "[ip6]:port" or "unix". */
void address_print(char *out, size_t cap, const struct sockaddr *sa);

#endif
