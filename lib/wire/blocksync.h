/* blocksync - old blocks for nodes that are behind: channel 0x40.
 *
 * Source:  CometBFT v0.38 proto/tendermint/blocksync/types.proto,
 *          blocksync/{msgs,reactor}.go.
 * Memory:  everything borrows from the decoded bytes and their arena. */
#ifndef WARREN_WIRE_BLOCKSYNC_H
#define WARREN_WIRE_BLOCKSYNC_H

#include "model/types.h"

enum blocksync_kind {
    BLOCKSYNC_NONE              = 0,
    BLOCKSYNC_BLOCK_REQUEST     = 1,
    BLOCKSYNC_NO_BLOCK_RESPONSE = 2,
    BLOCKSYNC_BLOCK_RESPONSE    = 3,
    BLOCKSYNC_STATUS_REQUEST    = 4,
    BLOCKSYNC_STATUS_RESPONSE   = 5,
};

struct block_request {
    int64_t height;
};
struct no_block_response {
    int64_t height;
};
struct block_response {
    struct block           *block;
    struct extended_commit *ext_commit; /* NULL: extensions are off there */
};
struct status_request {
    uint8_t unused;
};
struct status_response {
    int64_t height, base;
};

struct blocksync_msg {
    enum blocksync_kind which;
    union {
        struct block_request     *block_request;
        struct no_block_response *no_block_response;
        struct block_response    *block_response;
        struct status_request    *status_request;
        struct status_response   *status_response;
    };
};

extern const struct pb_desc block_request_desc, no_block_response_desc,
    block_response_desc, status_request_desc, status_response_desc,
    blocksync_msg_desc;

/* What a look at the raw bytes tells before anything is decoded. */
struct blocksync_sight {
    bool   is_block_response; /* accept only from whom a block was asked */
    size_t signatures, extended_signatures;
};

/* blocksync_scan - the filter on raw bytes.
 *
 * REJECT_MALFORMED, or REJECT_LIMIT above VOTES_MAX signatures in the last
 * commit or in the extended commit.  Costs no memory. */
enum reject blocksync_scan(struct blocksync_sight *out, struct span in);

/* blocksync_msg_validate - a member is there and is well formed; a block
 * response includes the block's and the extended commit's own rules. */
enum reject blocksync_msg_validate(const struct blocksync_msg *m,
                                   struct arena               *a);

#endif
