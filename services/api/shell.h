/* shell - the api's sockets: HTTP in, the bus and the application out. */
#ifndef WARREN_API_SHELL_H
#define WARREN_API_SHELL_H

#include "abci/abci.h"
#include "loop/http.h"
#include "svc/svc.h"

struct waits;
struct submits;
struct events;
struct shares;
struct socket;
struct exchange;
struct call;

/* A service of this node, asked for health and metrics. */
struct neighbour {
    struct shell      *shell;
    const char        *name;
    struct bus_client *client;
    bool               is_needed; /* no call can do without it */
};
enum { NEIGHBOURS_MAX = 8 };

struct shell {
    struct svc         *svc;
    struct bus_client  *store, *mempool, *consensus, *p2p;
    struct neighbour    neighbours[NEIGHBOURS_MAX];
    size_t              neighbour_count;
    struct abci_client *app;
    struct call        *awaiting_app;
    struct http_server *rpc, *ops;
    struct waits       *waits;
    struct submits     *submits;
    struct shares      *shares;
    struct events      *events;
    bool                is_stopping;
    struct timer        drain;
    unsigned            drain_turns; /* left */
    struct socket      *sockets;
    size_t              subscribers; /* sockets with subscriptions */
    const char         *chain_id;
    struct span         genesis;   /* printed, for /genesis */
    struct arena        memory;    /* of what lives as long as the process */
    size_t              exchanges; /* in flight */
    uint64_t            requests;  /* numbered by us */
    uint64_t            traced_us; /* as if the last trace began then */
    struct buf          node_info; /* as p2p gave it, and when */
    uint64_t            node_info_us;
    struct exchange    *idle;
    size_t              idle_count;
};

NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* rpc_serve - answer one HTTP request on the RPC port (route.c). */
void rpc_serve(void *shell, struct http_request *r);
void exchanges_close(struct shell *s);
/* ops_serve - metrics and health on the metrics port (ops.c).
 * ops_handles - is path one of ops_serve's that the RPC port serves too? */
void ops_serve(void *shell, struct http_request *r);
bool ops_handles(const char *path);

#endif
