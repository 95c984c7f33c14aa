/* The core's host: straight on to the state. */
#include "ledger/shell.h"

static int64_t height(void *ctx)
{
    return state_height(ctx);
}

static int64_t oldest(void *ctx)
{
    return state_oldest(ctx);
}

static struct hash app_hash(void *ctx)
{
    return state_app_hash(ctx);
}

static struct span chain_id(void *ctx)
{
    return state_chain_id(ctx);
}

static bool at(void *ctx, int64_t h, struct ledger_db *out)
{
    return state_at(out, ctx, h);
}

static bool prove(void *ctx, int64_t h, enum ledger_store store,
                  struct span key, struct abci_proof_ops *out, struct arena *a)
{
    return state_prove(out, ctx, store, h, key, a);
}

static struct hash apply(void *ctx, const struct changes *c, int64_t h,
                         struct arena *a)
{
    return state_apply(ctx, c, h, a);
}

static void commit(void *ctx, const struct changes *c, struct span id)
{
    state_commit(ctx, c, id);
}

struct ledger_host host_of_state(struct state *s)
{
    return (struct ledger_host){ s,  height, oldest, app_hash, chain_id,
                                 at, prove,  apply,  commit };
}
