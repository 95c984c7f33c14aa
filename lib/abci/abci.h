/* abci - the application protocol over sockets: client and server.
 *
 * Source:  CometBFT v0.38 abci/client/socket_client.go, abci/server: uvarint
 *          length and message; strictly in order per connection; a server
 *          flushes its output only on Flush.
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
     * callback with NULL before this. */
    void (*on_down)(void *ctx, const char *why);
};

struct abci_client *abci_connect(struct loop *l, const char *address,
                                 const struct abci_client_fns *fns, void *ctx);
void                abci_close(struct abci_client *c);
bool                abci_is_up(const struct abci_client *c);
size_t              abci_in_flight(const struct abci_client *c);

/* res is NULL when the connection went away before the answer; error is the
 * text then, or of an exception response. */
typedef void abci_fn(void *ctx, uint64_t tag, const struct abci_response *res,
                     const char *error);

/* abci_call - send now, answered in order.  A Flush follows by itself when
 * no further call is made in this turn of the loop. */
void abci_call(struct abci_client *c, const struct abci_request *req,
               abci_fn *fn, void *ctx, uint64_t tag);

/* ---- server: many connections, one handler ---- */

struct abci_server;

/* abci_handler - fill in *res (zeroed, memory from the arena). */
typedef void abci_handler(void *ctx, const struct abci_request *req,
                          struct abci_response *res, struct arena *a);

NODISCARD enum err abci_serve(struct abci_server **out, struct loop *l,
                              const char *address, abci_handler *fn, void *ctx);
void               abci_server_close(struct abci_server *s);

#endif
