#include "p2p/netaddr.h"

#include <arpa/inet.h>
#include <stdio.h>

/* A block of addresses: the leading bits of an IP. */
struct block {
    uint8_t ip[IP_BYTES];
    int     bits;
};

#define V4(a, b, c, d, n)                                                      \
    {                                                                          \
        { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, 96 + (n)     \
    }
#define V6(n, ...)                                                             \
    {                                                                          \
        { __VA_ARGS__ }, n                                                     \
    }

static const struct block unspecified4  = V4(0, 0, 0, 0, 32);
static const struct block unspecified6  = V6(128, 0);
static const struct block broadcast     = V4(255, 255, 255, 255, 32);
static const struct block documentation = V6(32, 0x20, 0x01, 0x0d, 0xb8);
static const struct block teredo        = V6(32, 0x20, 0x01);
static const struct block six_to_four   = V6(16, 0x20, 0x02);
static const struct block translated    = V6(96, 0, 0x64, 0xff, 0x9b);
static const struct block stateless =
    V6(96, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0);
static const struct block onion = V6(48, 0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43);
static const struct block hurricane = V6(32, 0x20, 0x01, 0x04, 0x70);

static const struct block local[] = {
    V4(127, 0, 0, 0, 8),
    V4(0, 0, 0, 0, 8),
    V6(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};

static const struct block private[] = {
    V4(10, 0, 0, 0, 8),          V4(192, 168, 0, 0, 16), V4(172, 16, 0, 0, 12),
    V4(169, 254, 0, 0, 16),      V6(64, 0xfe, 0x80),     V6(7, 0xfc),
    V6(28, 0x20, 0x01, 0, 0x10),
};

static bool is_in(const uint8_t ip[IP_BYTES], const struct block *b)
{
    int whole = b->bits / 8, rest = b->bits % 8;

    return memcmp(ip, b->ip, (size_t)whole) == 0 &&
           (rest == 0 || (ip[whole] ^ b->ip[whole]) >> (8 - rest) == 0);
}

static bool is_in_any(const uint8_t ip[IP_BYTES], const struct block *b,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_in(ip, &b[i]))
            return true;
    return false;
}

bool ip_eq(const uint8_t a[IP_BYTES], const uint8_t b[IP_BYTES])
{
    return memcmp(a, b, IP_BYTES) == 0;
}

bool netaddr_eq(const struct netaddr *a, const struct netaddr *b)
{
    return memcmp(a->id, b->id, sizeof a->id) == 0 && ip_eq(a->ip, b->ip) &&
           a->port == b->port;
}

bool netaddr_is_valid(const struct netaddr *a)
{
    return !is_in(a->ip, &unspecified4) && !is_in(a->ip, &unspecified6) &&
           !is_in(a->ip, &broadcast) && !is_in(a->ip, &documentation);
}

static bool is_local(const struct netaddr *a)
{
    return is_in_any(a->ip, local, COUNT(local));
}

bool netaddr_is_routable(const struct netaddr *a)
{
    return netaddr_is_valid(a) && !is_local(a) &&
           !is_in_any(a->ip, private, COUNT(private));
}

static size_t group_v4(char *out, const uint8_t v4[4])
{
    return (size_t)snprintf(out, NETADDR_GROUP_MAX, "%u.%u.0.0", v4[0], v4[1]);
}

size_t netaddr_group(char out[NETADDR_GROUP_MAX], const struct netaddr *a,
                     bool is_strict)
{
    const uint8_t *ip          = a->ip;
    const uint8_t  inverted[4] = { (uint8_t)~ip[12], (uint8_t)~ip[13],
                                   (uint8_t)~ip[14], (uint8_t)~ip[15] };
    size_t         n           = NETADDR_GROUP_MAX;

    if (is_strict && is_local(a))
        return (size_t)snprintf(out, n, "local");
    if (is_strict && !netaddr_is_routable(a))
        return (size_t)snprintf(out, n, "unroutable");
    if (ip_is_v4(ip) || is_in(ip, &stateless) || is_in(ip, &translated))
        return group_v4(out, ip + 12);
    if (is_in(ip, &six_to_four))
        return group_v4(out, ip + 2);
    if (is_in(ip, &teredo))
        return group_v4(out, inverted);
    if (is_in(ip, &onion))
        return (size_t)snprintf(out, n, "tor:%u", ip[6] & 15u);
    return (size_t)snprintf(out, n, "%02x%02x:%02x%02x:%x", ip[0], ip[1], ip[2],
                            ip[3], is_in(ip, &hurricane) ? ip[4] >> 4 : 0u);
}

void ip_print(char out[IP_TEXT_MAX + 1], const uint8_t ip[IP_BYTES])
{
    if (ip_is_v4(ip))
        must(inet_ntop(AF_INET, ip + 12, out, IP_TEXT_MAX + 1));
    else
        must(inet_ntop(AF_INET6, ip, out, IP_TEXT_MAX + 1));
}

void ip_port_print(char out[IP_PORT_TEXT_MAX], const uint8_t ip[IP_BYTES],
                   uint16_t port)
{
    char text[IP_TEXT_MAX + 1];

    ip_print(text, ip);
    snprintf(out, IP_PORT_TEXT_MAX, ip_is_v4(ip) ? "%s:%u" : "[%s]:%u", text,
             port);
}
