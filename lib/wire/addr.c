#include "wire/addr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

bool ip_parse(uint8_t ip[IP_BYTES], struct span text)
{
    static const uint8_t mapped[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
    };
    char s[IP_TEXT_MAX + 1];

    if (text.n == 0 || text.n > IP_TEXT_MAX || memchr(text.p, 0, text.n))
        return false;
    memcpy(s, text.p, text.n);
    s[text.n] = 0;
    if (inet_pton(AF_INET6, s, ip) == 1)
        return true;
    memcpy(ip, mapped, sizeof mapped);
    return inet_pton(AF_INET, s, ip + sizeof mapped) == 1;
}

bool ip_is_v4(const uint8_t ip[IP_BYTES])
{
    for (int i = 0; i < 10; i++)
        if (ip[i])
            return false;
    return ip[10] == 0xff && ip[11] == 0xff;
}

/* Where byte c first stands in s from i on, or s.n. */
static size_t find(struct span s, size_t i, char c)
{
    const uint8_t *at = i < s.n ? memchr(s.p + i, c, s.n - i) : NULL;

    return at ? (size_t)(at - s.p) : s.n;
}

static struct span cut(struct span s, size_t from, size_t to)
{
    return SPAN(s.p + from, to - from);
}

bool host_port_split(struct span *host, struct span *port, struct span text)
{
    size_t colon = text.n, close, from = 0;

    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == ':')
            colon = i;
    if (colon == text.n)
        return false;
    if (text.p[0] == '[') {
        close = find(text, 0, ']');
        if (close + 1 != colon)
            return false;
        *host = cut(text, 1, close);
        from  = 1;
    } else {
        close = 0;
        *host = cut(text, 0, colon);
        if (find(*host, 0, ':') < host->n)
            return false;
    }
    *port = cut(text, colon + 1, text.n);
    return find(text, from, '[') == text.n &&
           find(text, close ? close + 1 : 0, ']') == text.n;
}

struct span addr_without_scheme(struct span s)
{
    const uint8_t *at = s.n ? memmem(s.p, s.n, "://", 3) : NULL, *end;

    if (!at)
        return s;
    at += 3;
    s   = SPAN(at, s.n - (size_t)(at - s.p));
    end = memmem(s.p, s.n, "://", 3);
    return end ? SPAN(at, (size_t)(end - at)) : s;
}

static bool is_name(struct span s)
{
    if (s.n > HOST_TEXT_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i], low = c | 0x20;

        if (!(c >= '0' && c <= '9') && !(low >= 'a' && low <= 'z') &&
            c != '-' && c != '.' && c != '_')
            return false;
    }
    return true;
}

bool node_addr_parse(struct node_addr *out, struct span text)
{
    struct span s  = addr_without_scheme(text), port;
    size_t      at = find(s, 0, '@');
    uint64_t    n;

    if (at == s.n || find(s, at + 1, '@') < s.n ||
        !hex_decode(out->id, sizeof out->id, cut(s, 0, at)) ||
        !host_port_split(&out->host, &port, cut(s, at + 1, s.n)) ||
        out->host.n == 0 || !uint64_parse(&n, port) || n > UINT16_MAX)
        return false;
    out->port  = (uint16_t)n;
    out->is_ip = ip_parse(out->ip, out->host);
    return out->is_ip || is_name(out->host);
}
