/* request - the id that a client's request has in the logs of all services.
 *
 * Taken from X-Request-Id, else the trace id of a W3C traceparent, else made
 * here; the answer names it in X-Request-Id. */
#ifndef WARREN_API_REQUEST_H
#define WARREN_API_REQUEST_H

#include "api/shell.h"

/* request_id_of - what r asks for, or one made for it; r may be NULL. */
struct request_id request_id_of(struct shell *s, const struct http_request *r);

#endif
