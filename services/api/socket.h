/* socket - a client on a WebSocket: its requests, answers and subscriptions.
 *
 * Source:  CometBFT v0.38 rpc/jsonrpc/server (WebSocket), rpc/core/events.go.
 * Shapes:  one request per message; they are called one after the other, as
 *          there, but for transactions in a row, which travel together; the
 *          answers come in the order of the requests.
 * Memory:  a client who does not read is not read from: what waits for it is
 *          one answer over SOCKET_BYTES, and events up to
 *          experimental_subscription_buffer_size of each subscription or
 *          SOCKET_EVENT_BYTES; all clients share the text of an event. */
#ifndef WARREN_SOCKET_H
#define WARREN_SOCKET_H

#include "api/events.h"
#include "api/shell.h"

struct socket;
struct exchange;

enum { SOCKET_BYTES = 1 << 20, SOCKET_EVENT_BYTES = 64 << 20 };

/* socket_open - a request for /websocket: upgraded, or told why not. */
void socket_open(struct shell *s, struct http_request *r);
/* sockets_close - say that the server goes away, once each has its answers;
 * those of whom more is to come are closed when is_now. */
void sockets_close(struct shell *s, bool is_now);

/* socket_answered - its exchange is over; the answer is in it. */
void socket_answered(struct socket *k, struct exchange *x);

const char *socket_peer(const struct socket *k); /* "ip:port" */

/* socket_subscriptions - how many it has. */
size_t socket_subscriptions(const struct socket *k);
bool   socket_has(const struct socket *k, struct span printed_query);
void   socket_subscribe(struct socket *k, struct subscription *sub);
/* socket_unsubscribe - false when it has no such subscription; an empty
 * query stands for all of them. */
NODISCARD bool socket_unsubscribe(struct socket *k, struct span printed_query);
/* socket_event - tail is the end of the event's message.  May end the
 * subscription, or close the socket. */
void socket_event(struct subscription *sub, struct ws_text *tail);

#endif
