/* jsonrpc - requests read and answers framed as CometBFT's RPC does.
 *
 * Source:  JSON-RPC 2.0; CometBFT v0.38 rpc/jsonrpc (what it accepts is
 *          wider: keys in any case, any "jsonrpc" member, ids cut to integers).
 * Memory:  requests borrow from the body or live in the arena. */
#ifndef WARREN_JSONRPC_H
#define WARREN_JSONRPC_H

#include "base/arena.h"
#include "base/buf.h"

struct rpc_id {
    enum { RPC_ID_NONE, RPC_ID_STRING, RPC_ID_INT } kind;
    struct span text;
    int64_t     n;
};

struct rpc_request {
    struct rpc_id id; /* RPC_ID_NONE: a notification, unanswered */
    struct span   method;
    struct span   params; /* raw JSON; n 0 when absent */
};

enum rpc_code {
    RPC_PARSE_ERROR      = -32700,
    RPC_INVALID_REQUEST  = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS   = -32602,
    RPC_INTERNAL_ERROR   = -32603,
    RPC_SERVER_ERROR     = -32000,
};

/* rpc_parse_body - one request, or a batch, out of a POST body.
 *
 * *is_batch is set for an array (also an empty one).  False: error holds the
 * text of a parse error. */
NODISCARD bool rpc_parse_body(struct span body, struct rpc_request **out,
                              size_t *n, bool *is_batch, struct arena *a,
                              struct buf *error);

/* rpc_parse_message - the same for a WebSocket message: no batches, and what
 * stands behind the request is passed over. */
NODISCARD bool rpc_parse_message(struct span message, struct rpc_request **out,
                                 struct arena *a, struct buf *error);

/* rpc_begin_result, then the result's JSON, then rpc_end. */
void rpc_begin_result(struct buf *out, const struct rpc_id *id);
void rpc_end(struct buf *out);
/* rpc_error - a whole answer; data n 0 leaves the member out. */
void rpc_error(struct buf *out, const struct rpc_id *id, enum rpc_code code,
               struct span data);

#endif
