/* abci - the application protocol over sockets: client and server.
 *
 * Source:  CometBFT v0.38 abci/client/socket_client.go, abci/server: uvarint
 *          length and message; strictly in order per connection; a server
 *          flushes its output on Flush, or when its buffer is full.
 * Shapes:  messages of at most ABCI_MSG_BYTES_MAX.
 * Memory:  requests are encoded at once; a response and its arena are
 *          borrowed until the callback returns. */
#ifndef WARREN_ABCI_H
#define WARREN_ABCI_H

#include "abci/types.h"
#include "loop/stream.h"

/* ---- client: one connection, reconnecting by itself ---- */

struct abci_client;

struct abci_client_fns { /* all may be NULL */
    void (*on_up)(void *ctx);
    /* on_down - the connection is gone; every call in flight has had its
     * callback before this.  Not called for attempts that never were up. */
    void (*on_down)(void *ctx, const char *why);
};

/* abci_connect - tries at once, then with a back-off of 10 ms to 1 s. */
struct abci_client *abci_connect(struct loop *l, const char *address,
                                 const struct abci_client_fns *fns, void *ctx);
/* abci_close - also from inside a callback; calls in flight get none. */
void   abci_close(struct abci_client *c);
bool   abci_is_up(const struct abci_client *c);
size_t abci_in_flight(const struct abci_client *c);
/* abci_has_room - so little waits to be sent that a call of up to 128 MiB is
 * not refused.  There is room again once some have been answered. */
bool abci_has_room(const struct abci_client *c);

/* res is NULL when there will be no answer, and error says why: not connected,
 * a bound was met, or the connection went away (closed, an answer out of turn
 * or malformed, an exception given to an earlier call).  For the call that an
 * exception answers, res is that exception and error its text. */
typedef void abci_fn(void *ctx, uint64_t tag, const struct abci_response *res,
                     const char *error);

/* abci_call - send now, answered in order; fn is called exactly once, never
 * from inside this call.  A Flush follows by itself when no further call is
 * made in this turn of the loop.  At most BUS_PENDING_MAX are in flight. */
void abci_call(struct abci_client *c, const struct abci_request *req,
               abci_fn *fn, void *ctx, uint64_t tag);

/* ---- server: many connections, one handler ---- */

struct abci_server;

/* abci_handler - fill in *res (zeroed, memory from the arena).
 *
 * res->which must be the answer to req->which, or an exception, which ends
 * the connection as CometBFT's server does.  Echo and Flush are answered
 * before they get here.  Must not close the server. */
typedef void abci_handler(void *ctx, const struct abci_request *req,
                          struct abci_response *res, struct arena *a);

/* abci_except - make *res an exception with this text. */
void abci_except(struct abci_response *res, struct arena *a, const char *fmt,
                 ...) PRINTF_LIKE(3, 4);

NODISCARD enum err abci_serve(struct abci_server **out, struct loop *l,
                              const char *address, abci_handler *fn, void *ctx);
void               abci_server_close(struct abci_server *s);

/* abci_request_name - "check_tx"; "none" for what is not known. */
const char *abci_request_name(int32_t which);

#endif
