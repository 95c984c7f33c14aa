/* Snapshots and their chunks.
 *
 * Property: a valid snapshot has 1 to SNAPSHOT_CHUNKS_MAX chunks, a valid
 * chunk its bytes or a mark that it is missing, never both. */
#include "fuzz.h"

#include "base/limits.h"
#include "wire/statesync.h"

void fuzz_one(struct span in)
{
    struct statesync_msg m;

    if (!fuzz_decode(&statesync_msg_desc, &m, in) ||
        statesync_msg_validate(&m) != ACCEPT)
        return;
    if (m.which == STATESYNC_SNAPSHOTS_RESPONSE)
        must(m.snapshots_response->chunks > 0 &&
             m.snapshots_response->chunks <= SNAPSHOT_CHUNKS_MAX);
    if (m.which == STATESYNC_CHUNK_RESPONSE)
        must(!m.chunk_response->missing || m.chunk_response->chunk.n == 0);
}
