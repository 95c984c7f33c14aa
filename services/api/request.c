#include "api/request.h"

#include <stdio.h>

enum { TRACE_ID_AT = 3, TRACE_ID_HEX = 32 };

static bool is_lower_hex(const char *s, size_t n)
{
    return strspn(s, "0123456789abcdef") >= n;
}

/* Source: W3C Trace Context, 00-<trace-id>-<parent-id>-<flags>; a trace-id
 * of zeros is none. */
static bool take_traceparent(struct request_id *id, const char *text)
{
    static const char none[] = "00000000000000000000000000000000";

    if (!text || !is_lower_hex(text, 2) || text[2] != '-' ||
        !is_lower_hex(text + TRACE_ID_AT, TRACE_ID_HEX) ||
        text[TRACE_ID_AT + TRACE_ID_HEX] != '-' ||
        strncmp(text + TRACE_ID_AT, none, TRACE_ID_HEX) == 0)
        return false;
    return request_id_take(id, SPAN(text + TRACE_ID_AT, TRACE_ID_HEX));
}

struct request_id request_id_of(struct shell *s, const struct http_request *r)
{
    const char       *given = r ? http_header(r, "X-Request-Id") : NULL;
    struct request_id id;

    if (given && request_id_take(&id, span_str(given)))
        return id;
    if (r && take_traceparent(&id, http_header(r, "Traceparent")))
        return id;
    snprintf(id.text, sizeof id.text, "%016" PRIx64 "%016" PRIx64,
             bus_boot_id(s->svc->bus), ++s->requests);
    return id;
}
