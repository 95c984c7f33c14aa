/* query - what abci_query answers: one table of paths.
 *
 * Source:  proto/ledger.proto; cosmos.auth.v1beta1.Query/Account; the store
 *          queries of the Cosmos SDK.
 * Shapes:  height 0 asks for the latest; with prove for the latest less one,
 *          because the app hash of a height stands in the next header.
 *          The answer names its height.
 * Memory:  answers in the arena. */
#ifndef WARREN_LEDGER_QUERY_H
#define WARREN_LEDGER_QUERY_H

#include "ledger/outcome.h"
#include "ledger/view.h"

/* The committed heights, through functions. */
struct query_source {
    void *ctx;
    int64_t (*latest)(void *ctx); /* 0: none yet */
    int64_t (*oldest)(void *ctx);
    /* find - the number of a store by its name, or -1. */
    int (*find)(void *ctx, struct span name);
    bool (*at)(void *ctx, int64_t height, struct ledger_db *out);
    bool (*prove)(void *ctx, int64_t height, enum ledger_store store,
                  struct span key, struct abci_proof_ops *out, struct arena *a);
    /* simulate - a SimulateRequest to a SimulateResponse. */
    bool (*simulate)(void *ctx, struct span request, struct span *response,
                     struct outcome *out, struct arena *a);
};

void query_answer(struct abci_res_query *res, const struct abci_req_query *req,
                  const struct query_source *source, struct arena *a);

#endif
