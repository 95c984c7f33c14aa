/* netaddr - addresses of nodes as the address book keeps them, and what kind
 * of network they lie in.
 *
 * Source:  CometBFT v0.38 p2p/netaddress.go; RFC 1918, 3849, 3927, 3964,
 *          4193, 4380, 4843, 4862, 6052, 6145.
 * Shapes:  an IP is 16 bytes, version 4 mapped into ::ffff:0:0/96. */
#ifndef WARREN_P2P_NETADDR_H
#define WARREN_P2P_NETADDR_H

#include "base/buf.h"
#include "wire/addr.h"

struct netaddr {
    uint8_t  id[ADDRESS_BYTES];
    uint8_t  ip[IP_BYTES];
    uint16_t port;
};

enum { NETADDR_GROUP_MAX = 24, IP_PORT_TEXT_MAX = 56 };

bool netaddr_eq(const struct netaddr *a, const struct netaddr *b);
bool ip_eq(const uint8_t a[IP_BYTES], const uint8_t b[IP_BYTES]);

/* netaddr_is_valid - not unspecified, broadcast or for documentation. */
bool netaddr_is_valid(const struct netaddr *a);
/* netaddr_is_routable - valid, and reachable over the public internet. */
bool netaddr_is_routable(const struct netaddr *a);

/* netaddr_group - the network an address belongs to: addresses of one group
 * are likely of one owner.  With is_strict all local and all unroutable ones
 * are two groups.  Returns the length of the name. */
size_t netaddr_group(char out[NETADDR_GROUP_MAX], const struct netaddr *a,
                     bool is_strict);

/* ip_print - "1.2.3.4" or "2001:db8::1"; ip_port_print adds the port, with
 * brackets where needed. */
void ip_print(char out[IP_TEXT_MAX + 1], const uint8_t ip[IP_BYTES]);
void ip_port_print(char out[IP_PORT_TEXT_MAX], const uint8_t ip[IP_BYTES],
                   uint16_t port);

#endif
