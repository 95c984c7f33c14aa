/* http - an HTTP/1.1 server.
 *
 * Source:  RFC 9112; requests are framed by head.h and chunks.h, with the
 *          verdicts of Go's net/http, connections by stream.h.
 * Shapes:  one request of a connection at a time; the next is read when it
 *          has been answered.  Malformed heads and heads over their bound are
 *          answered and slow senders cut off here; a body that is malformed,
 *          cut short or over its bound is handed on with http_body_error,
 *          empty.
 * Memory:  a request lives until http_reply; its spans and texts with it. */
#ifndef WARREN_HTTP_H
#define WARREN_HTTP_H

#include "loop/stream.h"

struct http_server;
struct http_request;

struct http_limits {
    size_t   body_max, header_max;
    uint32_t connections_max; /* more wait to be accepted */
    uint32_t timeout_ms;      /* for one request to arrive, or to be taken */
};

typedef void http_fn(void *ctx, struct http_request *r);

NODISCARD enum err http_listen(struct http_server **out, struct loop *l,
                               const char               *address,
                               const struct http_limits *limits, http_fn *fn,
                               void *ctx);
uint16_t           http_port(const struct http_server *s);
/* http_drain - accept no more, close connections that are between requests;
 * those that are not end with their answer.
 * http_count - connections that are left. */
void   http_drain(struct http_server *s);
size_t http_count(const struct http_server *s);
/* http_close - drops connections; requests in flight may still be answered. */
void http_close(struct http_server *s);

const char *http_method(const struct http_request *r); /* "GET" ... */
/* http_path - still escaped; "" when the target has none. */
const char *http_path(const struct http_request *r);
const char *http_query(const struct http_request *r);   /* "" when none */
const char *http_host(const struct http_request *r);    /* "" when none */
bool        http_is_star(const struct http_request *r); /* the target is "*" */
/* http_header - the first value of a header, NULL when there is none. */
const char *http_header(const struct http_request *r, const char *name);
struct span http_body(const struct http_request *r);
/* http_body_error - why the body could not be read; the connection ends with
 * the answer. */
const char *http_body_error(const struct http_request *r);
const char *http_peer(const struct http_request *r); /* "ip:port" */

/* Before the reply.  Values must not hold line breaks. */
void http_set_header(struct http_request *r, const char *name,
                     const char *value);
/* http_set_close - the connection ends with the answer. */
void http_set_close(struct http_request *r);
/* http_clear_headers - forget those set so far. */
void http_clear_headers(struct http_request *r);
/* http_upgrade - answer 101 with the headers set so far, and give the bytes of
 * the connection to fns (on_open is not called); the request is gone.  It
 * still counts among the server's connections.  NULL when the client left. */
struct http_tunnel;
struct http_tunnel *http_upgrade(struct http_request     *r,
                                 const struct stream_fns *fns, void *ctx);
struct stream      *http_tunnel_stream(const struct http_tunnel *t);
/* http_tunnel_close - none of its fns is called any more. */
void http_tunnel_close(struct http_tunnel *t, bool is_flushed);

/* http_reply - now or later; the request is gone afterwards.  Replying to a
 * client that left is fine. */
void http_reply(struct http_request *r, int status, struct span body);

#endif
