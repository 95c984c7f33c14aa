/* exchange - one request from its bytes to its answer, as its carrier (HTTP in
 * exchange.c, a WebSocket in socket.c) sees it. */
#ifndef WARREN_EXCHANGE_H
#define WARREN_EXCHANGE_H

#include "api/shell.h"

struct exchange;
struct method;
struct socket;

/* exchange_serve_post - answer the calls in a body.
 * exchange_serve_uri - answer a call of m with arguments from query and form.
 * exchange_serve_body_error - answer that the body cannot be read. */
void exchange_serve_post(struct shell *s, struct http_request *r);
void exchange_serve_uri(struct shell *s, struct http_request *r,
                        const struct method *m);
void exchange_serve_body_error(struct shell *s, struct http_request *r);

/* exchange_of_message - a request that came on a WebSocket, not called yet;
 * NULL when too many are in flight. */
struct exchange *exchange_of_message(struct shell *s, struct socket *k,
                                     struct span message);
/* exchange_overlaps - may it be on its way together with others like it? */
bool exchange_overlaps(const struct exchange *x);
/* exchange_start - call it; socket_answered comes now or later. */
void exchange_start(struct exchange *x);
/* exchange_answer - the answer; empty when there is none to send. */
struct buf *exchange_answer(struct exchange *x);
void        exchange_end(struct exchange *x);
/* exchange_orphan - nobody waits for the answer any more. */
void exchange_orphan(struct exchange *x);

#endif
