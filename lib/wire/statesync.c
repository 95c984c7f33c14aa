#include "wire/statesync.h"

#include "base/limits.h"

const struct pb_desc snapshots_request_desc = {
    "snapshots_request_desc", NULL, 0, sizeof(struct snapshots_request)
};
PB_DESC(snapshots_response_desc, struct snapshots_response,
        PB_FIELD(struct snapshots_response, 1, height, PB_UINT64),
        PB_FIELD(struct snapshots_response, 2, format, PB_UINT32),
        PB_FIELD(struct snapshots_response, 3, chunks, PB_UINT32),
        PB_FIELD(struct snapshots_response, 4, hash, PB_BYTES),
        PB_FIELD(struct snapshots_response, 5, metadata, PB_BYTES));
PB_DESC(chunk_request_desc, struct chunk_request,
        PB_FIELD(struct chunk_request, 1, height, PB_UINT64),
        PB_FIELD(struct chunk_request, 2, format, PB_UINT32),
        PB_FIELD(struct chunk_request, 3, index, PB_UINT32));
PB_DESC(chunk_response_desc, struct chunk_response,
        PB_FIELD(struct chunk_response, 1, height, PB_UINT64),
        PB_FIELD(struct chunk_response, 2, format, PB_UINT32),
        PB_FIELD(struct chunk_response, 3, index, PB_UINT32),
        PB_FIELD(struct chunk_response, 4, chunk, PB_BYTES),
        PB_FIELD(struct chunk_response, 5, missing, PB_BOOL));

#define MEMBER(n, name, desc)                                                  \
    PB_ONEOF_MSG(struct statesync_msg, n, which, name, desc)
PB_DESC(statesync_msg_desc, struct statesync_msg,
        MEMBER(STATESYNC_SNAPSHOTS_REQUEST, snapshots_request,
               snapshots_request_desc),
        MEMBER(STATESYNC_SNAPSHOTS_RESPONSE, snapshots_response,
               snapshots_response_desc),
        MEMBER(STATESYNC_CHUNK_REQUEST, chunk_request, chunk_request_desc),
        MEMBER(STATESYNC_CHUNK_RESPONSE, chunk_response, chunk_response_desc));

static enum reject validate_snapshot(const struct snapshots_response *m)
{
    if (m->height == 0 || m->chunks == 0)
        return REJECT_RANGE;
    if (m->hash.n == 0)
        return REJECT_MISSING;
    return m->chunks > SNAPSHOT_CHUNKS_MAX ? REJECT_LIMIT : ACCEPT;
}

static enum reject validate_chunk(const struct chunk_response *m)
{
    if (m->height == 0)
        return REJECT_RANGE;
    if (m->missing)
        return m->chunk.n ? REJECT_MISMATCH : ACCEPT;
    return m->chunk.p ? ACCEPT : REJECT_MISSING;
}

enum reject statesync_msg_validate(const struct statesync_msg *m)
{
    switch (m->which) {
    case STATESYNC_SNAPSHOTS_REQUEST: return ACCEPT;
    case STATESYNC_SNAPSHOTS_RESPONSE:
        return validate_snapshot(m->snapshots_response);
    case STATESYNC_CHUNK_REQUEST:
        return m->chunk_request->height == 0 ? REJECT_RANGE : ACCEPT;
    case STATESYNC_CHUNK_RESPONSE: return validate_chunk(m->chunk_response);
    case STATESYNC_NONE: break;
    }
    return REJECT_MISSING;
}
