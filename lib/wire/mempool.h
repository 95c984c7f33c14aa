/* mempool - transactions between nodes: channel 0x30; and, between nodes of
 * ours only, which ones one has: channel 0x77.
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

/* What its sender has, so that nobody sends it to it: the first bytes of
 * hashes, one after another.  message Seen { bytes prefixes = 1; } */
enum {
    SEEN_CHANNEL      = 0x77,
    SEEN_PREFIX_BYTES = 16,
    SEEN_MAX          = 1024,
    SEEN_MSG_BYTES    = SEEN_MAX * SEEN_PREFIX_BYTES + 8,
};

struct seen_msg {
    struct span prefixes;
};

extern const struct pb_desc txs_desc, mempool_msg_desc, seen_msg_desc;

/* mempool_filter - may these bytes be decoded at all?
 *
 * Refuses groups, an empty transaction, no transaction, one above
 * max_tx_bytes, and a sum above the larger of both limits.  A limit of 0 is
 * none.  Costs no memory; whoever breaks it is to be disconnected. */
enum reject mempool_filter(struct span in, size_t max_tx_bytes,
                           size_t max_batch_bytes);

/* mempool_msg_validate - a member is there. */
enum reject mempool_msg_validate(const struct mempool_msg *m);

/* seen_msg_validate - 1 to SEEN_MAX whole prefixes. */
enum reject seen_msg_validate(const struct seen_msg *m);

#endif
