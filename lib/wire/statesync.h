/* statesync - snapshots of the application: channels 0x60 and 0x61.
 *
 * Source:  CometBFT v0.38 proto/tendermint/statesync/types.proto,
 *          statesync/messages.go.
 * Memory:  everything borrows from the decoded bytes and their arena. */
#ifndef WARREN_WIRE_STATESYNC_H
#define WARREN_WIRE_STATESYNC_H

#include "model/types.h"

enum statesync_kind {
    STATESYNC_NONE               = 0,
    STATESYNC_SNAPSHOTS_REQUEST  = 1,
    STATESYNC_SNAPSHOTS_RESPONSE = 2,
    STATESYNC_CHUNK_REQUEST      = 3,
    STATESYNC_CHUNK_RESPONSE     = 4,
};

struct snapshots_request {
    uint8_t unused;
};
struct snapshots_response {
    uint64_t    height;
    uint32_t    format, chunks;
    struct span hash, metadata;
};
struct chunk_request {
    uint64_t height;
    uint32_t format, index;
};
struct chunk_response {
    uint64_t    height;
    uint32_t    format, index;
    struct span chunk; /* p is NULL when the field was absent */
    bool        missing;
};

struct statesync_msg {
    enum statesync_kind which;
    union {
        struct snapshots_request  *snapshots_request;
        struct snapshots_response *snapshots_response;
        struct chunk_request      *chunk_request;
        struct chunk_response     *chunk_response;
    };
};

extern const struct pb_desc snapshots_request_desc, snapshots_response_desc,
    chunk_request_desc, chunk_response_desc, statesync_msg_desc;

/* statesync_msg_validate - a member is there and is well formed; a snapshot
 * has at most SNAPSHOT_CHUNKS_MAX chunks.  A chunk of no bytes must be marked
 * missing or have its field present. */
enum reject statesync_msg_validate(const struct statesync_msg *m);

#endif
