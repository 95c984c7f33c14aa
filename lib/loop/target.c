#include "loop/target.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>

static bool is_ascii(uint8_t c)
{
    return c < 0x80;
}

static bool is_plain(uint8_t c)
{
    return is_ascii(c) && (isalnum(c) || (c && strchr("-_.~", c)));
}

static bool may_stand_in_path(uint8_t c)
{
    return is_plain(c) || (c && strchr("$&+,/:;=@", c));
}

static bool hex_byte(uint8_t *out, const char *p)
{
    return p[1] && hex_decode(out, 1, SPAN(p + 1, 2));
}

static bool is_escaped_well(const char *p)
{
    uint8_t byte;

    for (; (p = strchr(p, '%')); p++)
        if (!hex_byte(&byte, p))
            return false;
    return true;
}

/* ---- the authority ---- */

static bool is_port(const char *p)
{
    return *p == 0 || (*p == ':' && p[1 + strspn(p + 1, "0123456789")] == 0);
}

/* Escapes in a host stand for bytes beyond ASCII, or for '%' itself. */
static bool is_host_text(const char *p, const char *end)
{
    for (; p < end; p++) {
        uint8_t c = (uint8_t)*p, byte;

        if (c == '%') {
            if (end - p < 3 || !hex_byte(&byte, p) ||
                (is_ascii(byte) && byte != '%'))
                return false;
            p += 2;
        } else if (is_ascii(c) && !is_plain(c) &&
                   !strchr("!\"$&'()*+,:;<=>[]", c)) {
            return false;
        }
    }
    return true;
}

static bool is_ipv6(const char *p, size_t n)
{
    char            text[INET6_ADDRSTRLEN];
    struct in6_addr a;
    const char     *zone = memmem(p, n, "%25", 3);

    if (zone && zone + 3 == p + n)
        return false;
    if (zone)
        n = (size_t)(zone - p);
    if (n >= sizeof text)
        return false;
    memcpy(text, p, n);
    text[n] = 0;
    return inet_pton(AF_INET6, text, &a) == 1;
}

static bool is_host(const char *host)
{
    const char *open = strrchr(host, '['), *close, *colon;

    if (open && open != host)
        return false;
    if (open) {
        close = strrchr(host, ']');
        return close && is_ipv6(host + 1, (size_t)(close - host - 1)) &&
               is_port(close + 1);
    }
    colon = strrchr(host, ':');
    return (!colon || is_port(colon)) &&
           is_host_text(host, host + strlen(host));
}

static bool is_user(const char *p, const char *end)
{
    for (; p < end; p++) {
        uint8_t c = (uint8_t)*p, byte;

        if (c == '%' && (end - p < 3 || !hex_byte(&byte, p)))
            return false;
        if (!is_plain(c) && (!c || !strchr(":!$&'()*+,;=%@", c)))
            return false;
    }
    return true;
}

static bool cut_authority(struct target *t, char *text)
{
    char *at = strrchr(text, '@');

    if (at && !is_user(text, at))
        return false;
    t->host = at ? at + 1 : text;
    return is_host(t->host);
}

/* ---- the whole ---- */

/* Behind the scheme and its colon; text itself when it has none. */
static char *skip_scheme(char *text)
{
    char *p = text;

    while (is_ascii((uint8_t)*p) &&
           (isalpha(*p) || (p > text && (isdigit(*p) || strchr("+-.", *p)))) &&
           *p)
        p++;
    return *p == ':' ? p + 1 : text;
}

static char *cut_query(struct target *t, char *text)
{
    char *mark = strchr(text, '?');

    if (mark)
        *mark = 0;
    t->query = mark ? mark + 1 : text + strlen(text);
    return text;
}

/* "//host/path": the host moves over a slash to have a zero behind it. */
static bool cut_host(struct target *t, char *text)
{
    size_t n    = strcspn(text + 2, "/");
    char  *host = memmove(text + 1, text + 2, n);

    t->path = text + 2 + n;
    host[n] = 0;
    return cut_authority(t, host);
}

bool target_cut(struct target *t, char *text, bool is_authority)
{
    char *rest;

    *t = (struct target){ .path = text, .query = text + strlen(text) };
    for (const char *p = text; *p; p++)
        if ((uint8_t)*p < 0x20 || *p == 0x7f)
            return false;
    if (is_authority) {
        cut_query(t, text);
        t->path                  = text + strlen(text);
        text[strcspn(text, "/")] = 0;
        return cut_authority(t, text);
    }
    if (*text == 0 || strcmp(text, "*") == 0)
        return *text != 0;
    rest = skip_scheme(text);
    if (rest == text + 1)
        return false; /* a colon and no scheme before it */
    cut_query(t, rest);
    t->path = rest;
    if (*rest != '/') {
        t->path = rest + strlen(rest); /* opaque */
        return rest != text;
    }
    if (rest != text && rest[1] == '/' && !cut_host(t, rest))
        return false;
    return is_escaped_well(t->path);
}

/* ---- paths ---- */

void path_escape(struct buf *out, struct span path)
{
    for (size_t i = 0; i < path.n; i++) {
        if (may_stand_in_path(path.p[i]))
            buf_byte(out, path.p[i]);
        else
            buf_printf(out, "%%%02X", path.p[i]);
    }
}

void path_unescape(struct buf *out, const char *path)
{
    for (; *path; path++) {
        uint8_t c = (uint8_t)*path;

        if (c == '%' && hex_byte(&c, path))
            path += 2;
        buf_byte(out, c);
    }
}

void path_normal(struct buf *out, const char *path)
{
    const char *p = path;
    struct buf  plain;

    while (*p && (may_stand_in_path((uint8_t)*p) || strchr("!'()*[]%", *p)))
        p++;
    if (*p == 0) {
        buf_str(out, path);
        return;
    }
    buf_init(&plain, strlen(path) + 1);
    path_unescape(&plain, path);
    path_escape(out, buf_span(&plain));
    buf_fini(&plain);
}

void path_clean(struct buf *out, const char *path)
{
    bool ends_in_slash = false;

    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && memcmp(path, "..", 2) == 0) {
            while (out->len && out->p[out->len - 1] != '/')
                out->len--;
            out->len -= out->len > 0;
        } else if (n && !(n == 1 && *path == '.')) {
            buf_byte(out, '/');
            buf_add(out, SPAN(path, n));
        }
        path += n;
        ends_in_slash = *path == '/';
        path += ends_in_slash;
    }
    if (ends_in_slash || out->len == 0)
        buf_byte(out, '/');
}
