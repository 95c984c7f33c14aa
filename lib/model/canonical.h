/* canonical - the messages that votes and proposals sign.
 *
 * Source:  CometBFT v0.38 proto/tendermint/types/canonical.proto.
 * Shapes:  signed behind their length: see *_sign_bytes in vote.h.
 * Memory:  as types.h. */
#ifndef WARREN_CANONICAL_H
#define WARREN_CANONICAL_H

#include "model/types.h"

struct canonical_vote {
    int32_t          type;
    int64_t          height, round;
    struct block_id *block_id; /* NULL for nil */
    struct stamp     timestamp;
    struct span      chain_id;
};
struct canonical_proposal {
    int32_t          type;
    int64_t          height, round;
    int64_t          pol_round;
    struct block_id *block_id;
    struct stamp     timestamp;
    struct span      chain_id;
};
struct canonical_vote_extension {
    struct span extension;
    int64_t     height, round;
    struct span chain_id;
};

extern const struct pb_desc canonical_vote_desc, canonical_proposal_desc,
    canonical_vote_extension_desc;

#endif
