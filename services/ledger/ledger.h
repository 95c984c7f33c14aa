/* ledger - the built-in application: companies' records in agreed order.
 *
 * Source:  ABCI 2.0 (CometBFT v0.38 spec/abci); proto/ledger.proto.
 * Shapes:  pure: what a block leaves behind depends on nothing but the state
 *          and the block.  State is reached through struct ledger_host.
 * Memory:  requests and answers borrow from the caller's arena for one call;
 *          what waits for Commit stands in arenas of its own. */
#ifndef WARREN_LEDGER_LEDGER_H
#define WARREN_LEDGER_LEDGER_H

#include "abci/abci.h"
#include "ledger/query.h"
#include "ledger/run.h"

enum { LEDGER_APP_VERSION = 1 };

/* Where the state is kept. */
struct ledger_host {
    void *ctx;
    int64_t (*height)(void *ctx); /* committed; 0: none */
    int64_t (*oldest)(void *ctx);
    struct hash (*app_hash)(void *ctx);
    struct span (*chain_id)(void *ctx); /* of the committed state */
    bool (*at)(void *ctx, int64_t height, struct ledger_db *out);
    bool (*prove)(void *ctx, int64_t height, enum ledger_store store,
                  struct span key, struct abci_proof_ops *out, struct arena *a);
    /* apply - the app hash that these changes lead to at this height; what
     * was applied before is dropped. */
    struct hash (*apply)(void *ctx, const struct changes *c, int64_t height,
                         struct arena *a);
    /* commit - the applied changes, durably. */
    void (*commit)(void *ctx, const struct changes *c, struct span chain_id);
};

/* Changes in an arena of their own. */
struct layer {
    struct arena   arena;
    struct changes changes;
};

struct ledger {
    const struct ledger_host *host;
    struct arena              kept, scratch;
    struct verdicts           verdicts;
    struct layer              genesis;  /* until the first block is committed */
    struct layer              check;    /* what waits in the mempool */
    struct layer              block;    /* executed, not committed */
    struct layer              trial;    /* forgotten with the request */
    int64_t                   executed; /* height of block; 0: none */
    int64_t                   initial_height;
    uint8_t                   chain_id[CHAIN_ID_BYTES_MAX];
    size_t                    chain_id_n;
    bool                      has_genesis; /* in the layer */
    struct ledger_db          committed;   /* for the present request */
    struct ledger_db          base;        /* the same under genesis */
};

/* ledger_open - over what the host has committed. */
void ledger_open(struct ledger *l, const struct ledger_host *host);
void ledger_close(struct ledger *l);

/* ledger_handle - answer one request; an exception for what a consensus
 * engine must not ask in this state. */
void ledger_handle(struct ledger *l, const struct abci_request *req,
                   struct abci_response *res, struct arena *a);

#endif
