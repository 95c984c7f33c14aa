/* block_events - the events of a block: by what each is known, how it prints.
 *
 * Source:  CometBFT v0.38 state/execution.go (which and in which order),
 *          types/event_bus.go (what they are known by), types/events.go.
 * Memory:  facts live in the arena until the event has been published. */
#ifndef WARREN_BLOCK_EVENTS_H
#define WARREN_BLOCK_EVENTS_H

#include "abci/types.h"
#include "api/events.h"
#include "model/types.h"
#include "json/write.h"

struct block_events {
    struct block_meta              meta;
    struct block                   block;
    struct abci_res_finalize_block results; /* one for each transaction */
};

/* block_event - the i-th event, if it is wanted, to publish; false when there
 * are none from i on. */
NODISCARD bool
block_event(const struct block_events *b, size_t i, struct arena *a,
            bool (*is_wanted)(void *ctx, const char *name),
            void (*publish)(void *ctx, const struct event_data *d), void *ctx);

#endif
