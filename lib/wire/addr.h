/* addr - where a node listens: "id@host:port" and IP addresses in text.
 *
 * Source:  CometBFT v0.38 p2p/netaddress.go; Go's net.ParseIP and
 *          net.SplitHostPort.
 * Shapes:  an id is 40 hex digits; an IP is 16 bytes, version 4 mapped into
 *          ::ffff:0:0/96. */
#ifndef WARREN_WIRE_ADDR_H
#define WARREN_WIRE_ADDR_H

#include "base/base.h"
#include "base/limits.h"

enum { IP_BYTES = 16, IP_TEXT_MAX = 45, HOST_TEXT_MAX = 253 };

/* ip_parse - either version; no zone, no brackets, no leading zeros in
 * version 4. */
NODISCARD bool ip_parse(uint8_t ip[IP_BYTES], struct span text);

/* ip_is_v4 - is it a mapped version 4 address?  Its bytes are the last 4. */
bool ip_is_v4(const uint8_t ip[IP_BYTES]);

/* host_port_split - "host:port" or "[host]:port" into its borrowed halves,
 * either of which may be empty. */
NODISCARD bool host_port_split(struct span *host, struct span *port,
                               struct span text);

/* addr_without_scheme - what stands behind "scheme://", up to the next "://";
 * all of it when there is none. */
struct span addr_without_scheme(struct span text);

struct node_addr {
    uint8_t     id[ADDRESS_BYTES];
    struct span host;         /* an IP or a name; borrowed, never empty */
    uint8_t     ip[IP_BYTES]; /* when is_ip */
    bool        is_ip;
    uint16_t    port;
};

/* node_addr_parse - "[scheme://]id@host:port".
 *
 * A host that is no IP must look like a name (letters, digits, '-', '.',
 * '_'); whether it resolves is for whoever dials it to find out. */
NODISCARD bool node_addr_parse(struct node_addr *out, struct span text);

#endif
