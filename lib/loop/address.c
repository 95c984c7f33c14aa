#include "loop/address.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

static bool parse_unix(struct address *out, const char *path)
{
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof out->path)
        return false;
    out->is_unix = true;
    memcpy(out->path, path, n + 1);
    return true;
}

bool address_parse(struct address *out, const char *text)
{
    const char *colon;
    uint64_t    port;
    size_t      n;

    *out = (struct address){ 0 };
    if (strncmp(text, "unix://", 7) == 0)
        return parse_unix(out, text + 7);
    if (strncmp(text, "tcp://", 6) == 0)
        text += 6;
    colon = strrchr(text, ':');
    if (!colon || !colon[1] || !uint64_parse(&port, span_str(colon + 1)) ||
        port > UINT16_MAX)
        return false;
    n = (size_t)(colon - text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    } else if (memchr(text, ':', n)) {
        return false;
    }
    if (n >= sizeof out->host || memchr(text, '/', n))
        return false;
    memcpy(out->host, text, n);
    out->port = (uint16_t)port;
    return true;
}

bool address_sockaddr(const struct address *a, struct sockaddr_storage *out,
                      socklen_t *len)
{
    struct sockaddr_un  *un = (struct sockaddr_un *)out;
    struct sockaddr_in  *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (a->is_unix) {
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, a->path, sizeof un->sun_path);
        *len = sizeof *un;
        return true;
    }
    if (!a->host[0] || inet_pton(AF_INET, a->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port   = htons(a->port);
        *len           = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, a->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port   = htons(a->port);
        *len            = sizeof *v6;
        return true;
    }
    return false;
}

/* IPv4 where a name has both: that is what others dial. */
static const struct addrinfo *preferred(const struct addrinfo *all)
{
    for (const struct addrinfo *a = all; a; a = a->ai_next)
        if (a->ai_family == AF_INET)
            return a;
    return all;
}

bool address_find(const struct address *a, struct sockaddr_storage *out,
                  socklen_t *len)
{
    struct addrinfo  hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;

    if (address_sockaddr(a, out, len))
        return true;
    if (getaddrinfo(a->host, NULL, &hints, &found) != 0)
        return false;
    *len = preferred(found)->ai_addrlen;
    memcpy(out, preferred(found)->ai_addr, *len);
    freeaddrinfo(found);
    if (out->ss_family == AF_INET)
        ((struct sockaddr_in *)out)->sin_port = htons(a->port);
    else
        ((struct sockaddr_in6 *)out)->sin6_port = htons(a->port);
    return true;
}

void address_print(char *out, size_t cap, const struct sockaddr *sa)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sa;
    const struct sockaddr_in6 *v6 =
        (const struct sockaddr_in6 *)(const void *)sa;
    char ip[INET6_ADDRSTRLEN] = "";

    if (sa->sa_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
        snprintf(out, cap, "%s:%u", ip, ntohs(v4->sin_port));
    } else if (sa->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
        snprintf(out, cap, "[%s]:%u", ip, ntohs(v6->sin6_port));
    } else {
        snprintf(out, cap, "unix");
    }
}
