/* wal - what consensus writes down before it acts on it.
 *
 * Source:  CometBFT v0.38 proto/tendermint/consensus/wal.proto,
 *          consensus/msgs.go (WALFromProto).
 * Memory:  everything borrows from the decoded bytes and their arena. */
#ifndef WARREN_WIRE_WAL_H
#define WARREN_WIRE_WAL_H

#include "wire/consensus.h"

enum wal_kind {
    WAL_NONE        = 0,
    WAL_ROUND_STATE = 1,
    WAL_MSG_INFO    = 2,
    WAL_TIMEOUT     = 3,
    WAL_END_HEIGHT  = 4,
};

struct wal_round_state {
    int64_t     height;
    int32_t     round;
    struct span step; /* "RoundStepPropose" and so on */
};
struct wal_msg_info {
    struct consensus_msg msg;
    struct span          peer_id; /* empty: our own */
};
struct wal_timeout {
    int64_t  duration; /* nanoseconds */
    int64_t  height;
    int32_t  round;
    uint32_t step; /* at most 255 */
};
struct wal_end_height {
    int64_t height;
};

struct wal_msg {
    enum wal_kind which;
    union {
        struct wal_round_state *event_data_round_state;
        struct wal_msg_info    *msg_info;
        struct wal_timeout     *timeout_info;
        struct wal_end_height  *end_height;
    };
};

struct timed_wal_msg {
    struct stamp    time;
    struct wal_msg *msg;
};

extern const struct pb_desc wal_round_state_desc, wal_msg_info_desc,
    wal_timeout_desc, wal_end_height_desc, wal_msg_desc, timed_wal_msg_desc;

/* timed_wal_msg_validate - a member is there, a consensus message in it is
 * well formed, a timeout's step fits a byte. */
enum reject timed_wal_msg_validate(const struct timed_wal_msg *m);

#endif
