/* trace - what this process saw of transactions and blocks, and when.
 *
 * Shapes:  two rings, of records by transaction (the first eight bytes of its
 *          hash) and by height; the newest overwrite the oldest.  Each has a
 *          stage, the time, and a detail that depends on the stage.
 * Costs:   a clock reading and 24 bytes a record; memory is touched only as
 *          the rings fill, and never grows.
 * Units:   microseconds since 1970, by this host's clock.
 * Asked for by admin.GetTrace. */
#ifndef WARREN_TRACE_H
#define WARREN_TRACE_H

#include "base/base.h"
#include "proto/admin.pb-c.h"

enum trace_stage {
    TRACE_NONE,
    /* Of a transaction; detail: */
    TRACE_RECEIVED,  /* from a client */
    TRACE_FROM_PEER, /* number of the peer */
    TRACE_CHECKED,   /* CheckTx's code */
    TRACE_REFUSED,   /* without or in spite of CheckTx: mempool.Refusal */
    TRACE_SENT,      /* number of the peer */
    TRACE_ANSWERED,  /* the client was */
    TRACE_INCLUDED,  /* height of the block that it is in */
    TRACE_REMOVED,   /* no longer valid, or flushed */
    /* Of a block: */
    TRACE_PROPOSED, /* a proposal is there; detail: its round, as below */
    TRACE_COMPLETE, /* and all of its parts */
    TRACE_POLKA,    /* two thirds prevoted it */
    TRACE_DECIDED,
    TRACE_EXECUTED,
    TRACE_COMMITTED, /* by the application */
    TRACE_INDEXED,   /* on the disk, and found by hash */
};

/* trace_open - rings for so many transaction records, and a sixteenth for
 * blocks; 0 keeps none. */
void trace_open(size_t records);
void trace_close(void);

void trace_tx(enum trace_stage stage, const uint8_t *hash, uint64_t detail);
void trace_block(enum trace_stage stage, int64_t height, int32_t round);
/* trace_peer - how peer `number` is called: its id.  A few hundred of the
 * newest are remembered. */
void trace_peer(uint64_t number, struct span id);

/* trace_answer - what is known of the transaction with this hash, and of the
 * block at this height (0: not known).  Until the next call. */
void trace_answer(Admin__Trace *out, const uint8_t *hash, int64_t height);

#endif
