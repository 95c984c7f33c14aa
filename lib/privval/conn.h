/* conn - one connection between a node and a signer: whole messages.
 *
 * Source:  CometBFT v0.38 privval/signer_endpoint.go: length-delimited
 *          messages; over TCP inside a SecretConnection whose keys are made
 *          up for the occasion, over a unix socket plain.
 * Shapes:  messages of at most PRIVVAL_MSG_BYTES_MAX; a longer or malformed
 *          one closes the connection.
 * Memory:  a message borrows until its callback returns. */
#ifndef WARREN_PRIVVAL_CONN_H
#define WARREN_PRIVVAL_CONN_H

#include "loop/stream.h"
#include "wire/privval.h"

struct privval_conn;

struct privval_conn_fns {
    void (*on_open)(void *ctx); /* messages may be sent */
    /* on_message - decoded and validated.  May close the connection. */
    void (*on_message)(void *ctx, const struct privval_msg *m);
    /* on_close - not after privval_close; the connection is gone. */
    void (*on_close)(void *ctx, const char *why);
};

/* privval_dial - connect to "tcp://..." or "unix://...". */
struct privval_conn *privval_dial(struct loop *l, const char *address,
                                  const struct privval_conn_fns *fns,
                                  void                          *ctx);
/* privval_adopt - a connection that was accepted; is_secret over TCP. */
struct privval_conn *privval_adopt(struct loop *l, int fd, bool is_secret,
                                   const struct privval_conn_fns *fns,
                                   void                          *ctx);
void                 privval_close(struct privval_conn *c);
bool                 privval_is_open(const struct privval_conn *c);
/* privval_send - false when it does not fit the bounds or is not open. */
NODISCARD bool privval_send(struct privval_conn      *c,
                            const struct privval_msg *m);

/* privval_is_secret - does a connection to this address carry secrets? */
bool privval_is_secret(const char *address);

#endif
