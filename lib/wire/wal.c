#include "wire/wal.h"

PB_DESC(wal_round_state_desc, struct wal_round_state,
        PB_FIELD(struct wal_round_state, 1, height, PB_INT64),
        PB_FIELD(struct wal_round_state, 2, round, PB_INT32),
        PB_FIELD(struct wal_round_state, 3, step, PB_STRING));
PB_DESC(wal_msg_info_desc, struct wal_msg_info,
        PB_SUB(struct wal_msg_info, 1, msg, consensus_msg_desc),
        PB_FIELD(struct wal_msg_info, 2, peer_id, PB_STRING));
PB_DESC(wal_timeout_desc, struct wal_timeout,
        PB_FIELD(struct wal_timeout, 1, duration, PB_DURATION),
        PB_FIELD(struct wal_timeout, 2, height, PB_INT64),
        PB_FIELD(struct wal_timeout, 3, round, PB_INT32),
        PB_FIELD(struct wal_timeout, 4, step, PB_UINT32));
PB_DESC(wal_end_height_desc, struct wal_end_height,
        PB_FIELD(struct wal_end_height, 1, height, PB_INT64));

#define MEMBER(n, name, desc) PB_ONEOF_MSG(struct wal_msg, n, which, name, desc)
PB_DESC(wal_msg_desc, struct wal_msg,
        MEMBER(WAL_ROUND_STATE, event_data_round_state, wal_round_state_desc),
        MEMBER(WAL_MSG_INFO, msg_info, wal_msg_info_desc),
        MEMBER(WAL_TIMEOUT, timeout_info, wal_timeout_desc),
        MEMBER(WAL_END_HEIGHT, end_height, wal_end_height_desc));
PB_DESC(timed_wal_msg_desc, struct timed_wal_msg,
        PB_FIELD(struct timed_wal_msg, 1, time, PB_STAMP),
        PB_PTR(struct timed_wal_msg, 2, msg, wal_msg_desc));

enum reject timed_wal_msg_validate(const struct timed_wal_msg *m)
{
    if (!m->msg)
        return REJECT_MISSING;
    switch (m->msg->which) {
    case WAL_ROUND_STATE: return ACCEPT;
    case WAL_MSG_INFO: return consensus_msg_validate(&m->msg->msg_info->msg);
    case WAL_TIMEOUT:
        return m->msg->timeout_info->step > UINT8_MAX ? REJECT_RANGE : ACCEPT;
    case WAL_END_HEIGHT: return ACCEPT;
    case WAL_NONE: break;
    }
    return REJECT_MISSING;
}
