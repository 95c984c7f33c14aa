/* svc - what every service process has: start, config, bus, health, stop.
 *
 * A service binds ipc://RUN/<name>.sock (requests) and RUN/<name>.pub.sock
 * (hints); [warren] in config.toml can give tcp addresses instead (hints on
 * the next port).  RUN/<name>.lock keeps a second process out.  The admin
 * lane answers health and metrics for every service (proto/admin.proto); with
 * status_laddr, GET /livez, /readyz and /metrics there do too. */
#ifndef WARREN_SVC_H
#define WARREN_SVC_H

#include "bus/bus.h"
#include "config/config.h"
#include "metrics/metrics.h"

struct svc {
    const char        *name;
    struct config     *config;
    struct loop       *loop;
    struct bus        *bus;
    struct bus_server *server;   /* after svc_serve */
    const char        *chain_id; /* label of the metrics; svc_run looks into the
                                    genesis file for whoever left it empty */
    int exit_code;
};

/* svc_start - flags, config, log, loop, bus.  Ends the process with a clear
 * line when any of it is wrong, and after --help, --version and --check. */
struct svc *svc_start(const char *name, int argc, char **argv);
/* svc_files - as many open files as the system grants; fails when that is not
 * enough to start. */
NODISCARD enum err svc_files(void);
/* svc_keep_secrets - for who holds keys: no core dumps, no debugger.  Call it
 * right after svc_start. */
void svc_keep_secrets(struct svc *s);
/* svc_serve - bind the service's endpoints, and the status port. */
NODISCARD enum err svc_serve(struct svc *s, const struct bus_server_fns *fns,
                             void *ctx);
/* svc_connect - a client to another service of this node. */
struct bus_client *svc_connect(struct svc *s, const char *service,
                               const struct bus_client_fns *fns, void *ctx);
void svc_subscribe(struct svc *s, const char *service, const char *prefix,
                   void (*fn)(void *ctx, const char *topic, struct span body),
                   void *ctx);
/* svc_status_relay - the status port, if there is one, also answers
 * /SERVICE/readyz and /SERVICE/metrics, by asking that service: for one that
 * nobody else can reach. */
void svc_status_relay(struct svc *s, const char *service);
/* svc_endpoint - where service is reached; for a tcp one with its key.  Lives
 * as long as the config. */
const char *svc_endpoint(struct svc *s, const char *service, bool is_pub);

/* svc_metrics - every series of this process; buf_fini it. */
void svc_metrics(struct buf *out, struct svc *s);
/* svc_disk - where this service's data lies, if not in a kv, to tell what room
 * there is; path lives as long as the process. */
void svc_disk(struct svc *s, const char *path);

/* svc_condition - readiness: reason is a static text, NULL when fine.  At
 * most 16 names. */
void svc_condition(struct svc *s, const char *name, const char *reason);

/* svc_on_stop - SIGTERM calls fn, which ends with svc_exit soon, rather than
 * ending the process at once; a second one does. */
void svc_on_stop(struct svc *s, loop_fn *fn, void *ctx);

void svc_run(struct svc *s);                 /* until SIGTERM or svc_exit */
void svc_exit(struct svc *s, enum err code); /* from inside the loop */
int  svc_stop(struct svc *s);                /* frees; the exit code */

#endif
