/* rpc - a client of a node's JSON-RPC, one call at a time.
 *
 * Source:  CometBFT v0.38 rpc; HTTP/1.0, so that an answer ends with its
 *          connection.
 * Shapes:  addresses http://host:port, tcp://host:port, host:port or
 *          unix:///path; answers of at most 256 MiB.
 * Memory:  a reply owns its text and values until rpc_reply_fini. */
#ifndef WARREN_RPC_H
#define WARREN_RPC_H

#include "cli.h"
#include "json/read.h"

struct rpc {
    char     address[512]; /* as lib/loop/stream takes it */
    char     host[256];    /* for the Host header */
    uint32_t timeout_ms;   /* of one call */
};

struct rpc_reply {
    struct buf               text;
    struct json_doc          doc;
    const struct json_value *result; /* NULL: the node answered an error */
    char                     error[512];
    bool                     has_doc;
};

/* rpc_open - --node, else the config's rpc.laddr; no connection yet. */
NODISCARD enum err rpc_open(struct rpc *r, struct cli *c);
/* rpc_open_at - --node, else this address. */
NODISCARD enum err rpc_open_at(struct rpc *r, struct cli *c,
                               const char *address);

/* rpc_ask - one call; params is a JSON object.  OK also for an error that
 * the node answered (result NULL, its text in error); what keeps it from
 * answering is logged: ERR_NET, ERR_TIMEOUT. */
NODISCARD enum err rpc_ask(struct rpc_reply *out, const struct rpc *r,
                           const char *method, struct span params);
/* rpc_call - rpc_ask, and an answered error is logged as ERR_FAILED. */
NODISCARD enum err rpc_call(struct rpc_reply *out, const struct rpc *r,
                            const char *method, struct span params);
void               rpc_reply_fini(struct rpc_reply *r);

/* rpc_page - GET a path: its status and body.  text holds both, whatever is
 * returned: buf_fini it. */
NODISCARD enum err rpc_page(struct buf *text, struct span *body, int *status,
                            const struct rpc *r, const char *path);

/* rpc_get - a value below result: "sync_info.latest_block_height"; NULL when
 * a part is missing. */
const struct json_value *rpc_get(const struct rpc_reply *r, const char *path);

/* rpc_text - that value as a text, "" when it is none; borrowed. */
struct span rpc_text(const struct rpc_reply *r, const char *path);

#endif
