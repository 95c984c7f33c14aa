/* shell - the api's sockets: HTTP in, the bus and the application out. */
#ifndef WARREN_API_SHELL_H
#define WARREN_API_SHELL_H

#include "abci/abci.h"
#include "loop/http.h"
#include "svc/svc.h"

struct waits; /* broadcast_tx_commit calls that wait for their block */

struct shell {
    struct svc         *svc;
    struct bus_client  *store, *mempool, *consensus, *p2p;
    struct abci_client *app;
    struct http_server *rpc, *ops;
    struct waits       *waits;
    struct span         genesis; /* printed, for /genesis */
    struct arena        memory;  /* of what lives as long as the process */
    size_t              exchanges;
};

NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* rpc_serve - answer one HTTP request on the RPC port (exchange.c). */
void rpc_serve(void *shell, struct http_request *r);
/* ops_serve - metrics and health on the metrics port (ops.c).
 * ops_handles - is path one of ops_serve's that the RPC port serves too? */
void ops_serve(void *shell, struct http_request *r);
bool ops_handles(const char *path);

/* waits - see waits.c. */
struct call;
NODISCARD enum err waits_open(struct shell *s);
void               waits_close(struct shell *s);
/* waits_add - the call goes on in waits_then when its tx (c->bytes) is in a
 * block or the time is up.  False when too many wait. */
NODISCARD bool waits_add(struct call *c);
void           waits_remove(struct call *c);

#endif
