/* mempool - transactions between nodes: channel 0x30.
 *
 * Source:  CometBFT v0.38 proto/tendermint/mempool/types.proto,
 *          mempool/filter.go (rules on the raw bytes, before decoding).
 * Memory:  transactions borrow from the decoded bytes. */
#ifndef WARREN_WIRE_MEMPOOL_H
#define WARREN_WIRE_MEMPOOL_H

#include "model/types.h"

enum mempool_kind { MEMPOOL_NONE = 0, MEMPOOL_TXS = 1 };

struct txs {
    span_list txs;
};

struct mempool_msg {
    enum mempool_kind which;
    union {
        struct txs *txs;
    };
};

extern const struct pb_desc txs_desc, mempool_msg_desc;

/* mempool_filter - may these bytes be decoded at all?
 *
 * Refuses groups, an empty transaction, no transaction, one above
 * max_tx_bytes, and a sum above the larger of both limits.  A limit of 0 is
 * none.  Costs no memory; whoever breaks it is to be disconnected. */
enum reject mempool_filter(struct span in, size_t max_tx_bytes,
                           size_t max_batch_bytes);

/* mempool_msg_validate - a member is there. */
enum reject mempool_msg_validate(const struct mempool_msg *m);

#endif
