/* http - a small HTTP/1.1 server.
 *
 * Source:  libevent's evhttp; RFC 9112.
 * Memory:  a request lives until http_reply; its spans and texts with it. */
#ifndef WARREN_HTTP_H
#define WARREN_HTTP_H

#include "loop/loop.h"

struct http_server;
struct http_request;

struct http_limits {
    size_t   body_max, header_max;
    uint32_t connections_max;
    uint32_t timeout_ms; /* of an idle or slow connection */
};

typedef void http_fn(void *ctx, struct http_request *r);

NODISCARD enum err http_listen(struct http_server **out, struct loop *l,
                               const char               *address,
                               const struct http_limits *limits, http_fn *fn,
                               void *ctx);
uint16_t           http_port(const struct http_server *s);
void               http_close(struct http_server *s);

const char *http_method(const struct http_request *r); /* "GET" ... */
const char *http_path(const struct http_request *r);   /* still escaped */
const char *http_query(const struct http_request *r);  /* "" when none */
const char *http_header(const struct http_request *r, const char *name);
struct span http_body(const struct http_request *r);
const char *http_peer(const struct http_request *r); /* "ip:port" */

/* Before the reply; NULL value removes. */
void http_set_header(struct http_request *r, const char *name,
                     const char *value);
/* http_reply - now or later; the request is gone afterwards.  Replying to a
 * client that left is fine. */
void http_reply(struct http_request *r, int status, struct span body);

#endif
