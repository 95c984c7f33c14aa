#include "api/cors.h"

#include <stdio.h>
#include <strings.h>

/* An allowed origin may hold one '*' for any run of characters. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = strchr(pattern, '*');
    size_t      head, tail, n = strlen(text);

    if (!star)
        return strcasecmp(pattern, text) == 0;
    head = (size_t)(star - pattern);
    tail = strlen(star + 1);
    return n >= head + tail && strncasecmp(pattern, text, head) == 0 &&
           strcasecmp(star + 1, text + n - tail) == 0;
}

static bool is_any(struct text_list list, const char *text)
{
    for (size_t i = 0; i < list.n; i++)
        if (strcmp(list.v[i], "*") == 0 || matches(list.v[i], text))
            return true;
    return false;
}

static bool is_method(struct text_list list, const char *method)
{
    for (size_t i = 0; i < list.n; i++)
        if (strcmp(method, "OPTIONS") == 0 || strcmp(list.v[i], method) == 0)
            return true;
    return false;
}

static bool is_listed(struct text_list list, const char *word, size_t n)
{
    for (size_t i = 0; i < list.n; i++)
        if (strcmp(list.v[i], "*") == 0 ||
            (strlen(list.v[i]) == n && strncasecmp(list.v[i], word, n) == 0))
            return true;
    return false;
}

/* Each header that the page wants to send must be allowed. */
static bool headers_allowed(struct text_list list, const char *wanted)
{
    while (wanted && *wanted) {
        size_t n;

        wanted += strspn(wanted, " ,");
        n = strcspn(wanted, " ,");
        if (n && strncasecmp(wanted, "origin", n) != 0 &&
            !is_listed(list, wanted, n))
            return false;
        wanted += n;
    }
    return true;
}

static const char *allowed_origin(struct text_list list, const char *origin)
{
    for (size_t i = 0; i < list.n; i++)
        if (strcmp(list.v[i], "*") == 0)
            return "*";
    return origin;
}

static void preflight(const struct config_rpc *rpc, struct http_request *r,
                      const char *origin, const char *method)
{
    const char *wanted = http_header(r, "Access-Control-Request-Headers");

    http_set_header(r, "Vary",
                    "Origin, Access-Control-Request-Method, "
                    "Access-Control-Request-Headers");
    if (origin && is_any(rpc->cors_allowed_origins, origin) &&
        is_method(rpc->cors_allowed_methods, method) &&
        headers_allowed(rpc->cors_allowed_headers, wanted)) {
        http_set_header(r, "Access-Control-Allow-Origin",
                        allowed_origin(rpc->cors_allowed_origins, origin));
        http_set_header(r, "Access-Control-Allow-Methods", method);
        if (wanted && *wanted)
            http_set_header(r, "Access-Control-Allow-Headers", wanted);
    }
    http_reply(r, 204, (struct span){ 0 });
}

bool cors_answer(const struct config_rpc *rpc, struct http_request *r)
{
    const char *origin, *method;

    if (rpc->cors_allowed_origins.n == 0)
        return false;
    origin = http_header(r, "Origin");
    method = http_header(r, "Access-Control-Request-Method");
    if (strcmp(http_method(r), "OPTIONS") == 0 && method && *method) {
        preflight(rpc, r, origin, method);
        return true;
    }
    http_set_header(r, "Vary", "Origin");
    if (origin && is_any(rpc->cors_allowed_origins, origin) &&
        is_method(rpc->cors_allowed_methods, http_method(r))) {
        http_set_header(r, "Access-Control-Allow-Origin",
                        allowed_origin(rpc->cors_allowed_origins, origin));
        http_set_header(r, "Access-Control-Expose-Headers", "X-Request-Id");
    }
    return false;
}
