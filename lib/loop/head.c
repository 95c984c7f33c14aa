#include "loop/head.h"

#include "base/text.h"
#include "loop/target.h"

#include <ctype.h>
#include <strings.h>

#define BAD_REQUEST "400 Bad Request"

void head_init(struct head *h, size_t max)
{
    *h = (struct head){ .max = max };
    buf_init(&h->text, max);
}

void head_fini(struct head *h)
{
    buf_fini(&h->text);
}

static bool refuse(struct head *h, const char *status)
{
    if (!h->refusal)
        h->refusal = h->refusal_body = status;
    return false;
}

static const char *at(const struct head *h, size_t offset)
{
    return (const char *)h->text.p + offset;
}

/* ---- the first line ---- */

static bool is_token(uint8_t c)
{
    return c < 0x80 && (isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

static bool take_version(struct head *h, const char *p)
{
    if (strlen(p) != 8 || strncmp(p, "HTTP/", 5) != 0 || !isdigit(p[5]) ||
        p[6] != '.' || !isdigit(p[7]))
        return false;
    h->major = p[5] - '0';
    h->minor = p[7] - '0';
    return true;
}

static bool take_line(struct head *h, char *line, size_t n)
{
    char         *uri = strchr(line, ' '), *version;
    struct target t;
    bool          is_connect;

    h->has_line = true;
    if (strlen(line) != n || !uri || uri == line)
        return refuse(h, BAD_REQUEST);
    *uri++  = 0;
    version = strchr(uri, ' ');
    for (const char *p = line; *p; p++)
        if (!is_token((uint8_t)*p))
            return refuse(h, BAD_REQUEST);
    if (!version)
        return refuse(h, BAD_REQUEST);
    *version++ = 0;
    is_connect = strcmp(line, "CONNECT") == 0;
    if (!take_version(h, version))
        return refuse(h, BAD_REQUEST);
    h->is_star = strcmp(uri, "*") == 0;
    if (!target_cut(&t, uri, is_connect && *uri != '/'))
        return refuse(h, BAD_REQUEST);
    h->path  = (size_t)(t.path - line);
    h->query = (size_t)(t.query - line);
    h->host  = t.host && *t.host ? (size_t)(t.host - line) : 0;
    return true;
}

/* ---- the other lines ---- */

static bool is_value(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((uint8_t)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **p, size_t *n)
{
    for (; *n && is_blank(**p); ++*p)
        --*n;
    while (*n && is_blank((*p)[*n - 1]))
        --*n;
}

/* A line that begins with a blank continues the value before it. */
static bool take_more_value(struct head *h, const char *p, size_t n)
{
    char *value_end = (char *)h->text.p + h->line - 1;

    trim(&p, &n);
    if (!h->has_header || !is_value(p, n))
        return refuse(h, BAD_REQUEST);
    if (value_end[-1]) /* not the first text of the value */
        *value_end++ = ' ';
    memmove(value_end, p, n);
    value_end[n] = 0;
    h->text.len  = (size_t)(value_end + n + 1 - (char *)h->text.p);
    return true;
}

/* "Name: value" becomes the two, each with a zero behind it, in the place of
 * the colon and of the line's end. */
static bool take_header(struct head *h, char *line, size_t n)
{
    char       *colon = memchr(line, ':', n);
    const char *value;
    size_t      value_n, name_n;

    if (!colon || colon == line)
        return refuse(h, BAD_REQUEST);
    name_n = (size_t)(colon - line);
    for (size_t i = 0; i < name_n; i++)
        if (!is_token((uint8_t)line[i]) && line[i] != ' ')
            return refuse(h, BAD_REQUEST);
    value   = colon + 1;
    value_n = n - name_n - 1;
    trim(&value, &value_n);
    if (!is_value(value, value_n))
        return refuse(h, BAD_REQUEST);
    *colon = 0;
    memmove(colon + 1, value, value_n);
    colon[1 + value_n] = 0;
    h->text.len        = h->line + name_n + value_n + 2;
    h->has_header      = true;
    return true;
}

/* ---- what they say together ---- */

/* Walk: name and value of the header at *from. */
static bool next_header(const struct head *h, size_t *from, const char **name,
                        const char **value)
{
    if (*from >= h->text.len)
        return false;
    *name  = at(h, *from);
    *value = *name + strlen(*name) + 1;
    *from  = (size_t)(*value + strlen(*value) + 1 - (const char *)h->text.p);
    return true;
}

static size_t count(const struct head *h, const char *wanted)
{
    size_t      n = 0, from = h->headers;
    const char *name, *value;

    while (next_header(h, &from, &name, &value))
        n += strcasecmp(name, wanted) == 0;
    return n;
}

static bool lists(const char *value, const char *token)
{
    while (*value) {
        size_t n, all;

        value += strspn(value, " \t,");
        all = n = strcspn(value, ",");
        while (n && is_blank(value[n - 1]))
            n--;
        if (n == strlen(token) && strncasecmp(value, token, n) == 0)
            return true;
        value += all;
    }
    return false;
}

static bool any_lists(const struct head *h, const char *wanted,
                      const char *token)
{
    size_t      from = h->headers;
    const char *name, *value;

    while (next_header(h, &from, &name, &value))
        if (strcasecmp(name, wanted) == 0 && lists(value, token))
            return true;
    return false;
}

/* Several lengths must be one. */
static bool take_length(struct head *h)
{
    size_t      from  = h->headers;
    const char *first = head_value(h, "Content-Length");
    const char *name, *value;

    if (!first)
        return true;
    while (next_header(h, &from, &name, &value))
        if (strcasecmp(name, "Content-Length") == 0 &&
            strcmp(value, first) != 0)
            return refuse(h, BAD_REQUEST);
    if (!isdigit((uint8_t)*first) ||
        !uint64_parse(&h->length, span_str(first)) || h->length > INT64_MAX)
        return refuse(h, BAD_REQUEST);
    return true;
}

/* Chunks win over a length, as RFC 9112 has it; but whoever sends both, or
 * chunks from before there were any, may be read otherwise by another: the
 * connection ends with the answer. */
static bool take_framing(struct head *h)
{
    size_t      n      = count(h, "Transfer-Encoding");
    const char *coding = head_value(h, "Transfer-Encoding");

    h->is_chunked = n && !head_is_old(h);
    if (h->is_chunked && (n > 1 || strcasecmp(coding, "chunked") != 0)) {
        refuse(h, "501 Not Implemented");
        h->refusal_body = "Unsupported transfer encoding";
        return false;
    }
    if (!take_length(h))
        return false;
    if (h->is_chunked && (any_lists(h, "Trailer", "Transfer-Encoding") ||
                          any_lists(h, "Trailer", "Trailer") ||
                          any_lists(h, "Trailer", "Content-Length")))
        return refuse(h, BAD_REQUEST);
    if (n && (!h->is_chunked || head_value(h, "Content-Length")))
        h->is_keep_alive = false;
    return true;
}

static void take_connection(struct head *h)
{
    if (head_is_old(h))
        h->is_keep_alive =
            h->major == 1 && head_has_token(h, "Connection", "keep-alive");
    else
        h->is_keep_alive = !any_lists(h, "Connection", "close");
}

static bool is_host_byte(uint8_t c)
{
    return c < 0x80 && (isalnum(c) || (c && strchr("!$%&'()*+,-.:;=[]_~", c)));
}

static bool check_host(struct head *h, bool is_preface)
{
    const char *host = head_value(h, "Host");

    if (!host && !head_is_old(h) && !is_preface &&
        strcmp(head_method(h), "CONNECT") != 0)
        return refuse(h, BAD_REQUEST ": missing required Host header");
    for (; host && *host; host++)
        if (!is_host_byte((uint8_t)*host))
            return refuse(h, BAD_REQUEST ": malformed Host header");
    return true;
}

static bool check_names(struct head *h)
{
    size_t      from = h->headers;
    const char *name, *value;

    while (next_header(h, &from, &name, &value))
        if (strchr(name, ' '))
            return refuse(h, BAD_REQUEST ": invalid header name");
    return true;
}

static bool finish(struct head *h)
{
    bool is_preface = h->major == 2 && h->minor == 0 && h->is_star &&
                      strcmp(head_method(h), "PRI") == 0;

    if (count(h, "Host") > 1)
        return refuse(h, BAD_REQUEST);
    take_connection(h);
    if (!take_framing(h))
        return false;
    if (h->major != 1 && !is_preface)
        return refuse(h, "505 HTTP Version Not Supported: unsupported protocol "
                         "version");
    is_preface = is_preface && h->headers == h->text.len;
    if (is_preface)
        h->is_keep_alive = false;
    return check_host(h, is_preface) && check_names(h);
}

/* ---- taking ---- */

/* The line that begins at h->line is whole; true when it was the last. */
static bool end_line(struct head *h)
{
    char  *line = (char *)h->text.p + h->line;
    size_t n    = h->text.len - h->line - 1;

    if (n && line[n - 1] == '\r')
        n--;
    line[n] = 0;
    if (!h->has_line) {
        if (take_line(h, line, n))
            h->headers = h->text.len;
    } else if (n == 0) {
        h->text.len = h->line;
        return finish(h);
    } else if (is_blank(*line)) {
        take_more_value(h, line, n);
    } else {
        take_header(h, line, n);
    }
    h->line = h->text.len;
    return false;
}

enum head_what head_take(struct head *h, struct span in, size_t *used)
{
    for (*used = 0; *used < in.n && !h->refusal;) {
        const uint8_t *from = in.p + *used;
        const uint8_t *nl   = memchr(from, '\n', in.n - *used);
        size_t         n    = nl ? (size_t)(nl - from) + 1 : in.n - *used;

        if (n > h->max - h->bytes) {
            refuse(h, "431 Request Header Fields Too Large");
            break;
        }
        h->bytes += n;
        *used += n;
        buf_add(&h->text, SPAN(from, n));
        if (nl && end_line(h))
            return HEAD_WHOLE;
    }
    return h->refusal ? HEAD_REFUSED : HEAD_MORE;
}

/* ---- reading it ---- */

const char *head_method(const struct head *h)
{
    return at(h, 0);
}

const char *head_path(const struct head *h)
{
    return at(h, h->path);
}

const char *head_query(const struct head *h)
{
    return at(h, h->query);
}

const char *head_host(const struct head *h)
{
    const char *host = h->host ? at(h, h->host) : head_value(h, "Host");

    return host ? host : "";
}

const char *head_value(const struct head *h, const char *wanted)
{
    size_t      from = h->headers;
    const char *name, *value;

    while (next_header(h, &from, &name, &value))
        if (strcasecmp(name, wanted) == 0)
            return value;
    return NULL;
}

bool head_has_token(const struct head *h, const char *name, const char *token)
{
    const char *value = head_value(h, name);

    return value && lists(value, token);
}

bool head_is_old(const struct head *h)
{
    return h->major < 1 || (h->major == 1 && h->minor < 1);
}
