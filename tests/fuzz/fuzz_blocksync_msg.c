/* Block sync.
 *
 * Properties: what decodes passes the scan, whose counts are at least what
 * was decoded; a valid message is valid again behind a round trip. */
#include "fuzz.h"

#include "wire/blocksync.h"

static void check_counts(const struct blocksync_sight *s,
                         const struct blocksync_msg   *m)
{
    const struct block_response *r = m->block_response;

    if (m->which != BLOCKSYNC_BLOCK_RESPONSE)
        return;
    must(s->is_block_response);
    if (r->block && r->block->last_commit)
        must(s->signatures >= r->block->last_commit->signatures.n);
    if (r->ext_commit)
        must(s->extended_signatures >= r->ext_commit->extended_signatures.n);
}

void fuzz_one(struct span in)
{
    struct blocksync_sight s;
    struct blocksync_msg   m, again;
    enum reject            scan = blocksync_scan(&s, in);
    struct span            bytes;

    if (!fuzz_decode(&blocksync_msg_desc, &m, in))
        return;
    must(scan != REJECT_MALFORMED);
    check_counts(&s, &m);
    if (blocksync_msg_validate(&m, &fuzz_arena) != ACCEPT)
        return;
    bytes = pb_encode(&blocksync_msg_desc, &m, &fuzz_arena);
    must(pb_decode(&blocksync_msg_desc, &again, &fuzz_arena, bytes) == ACCEPT);
    must(blocksync_msg_validate(&again, &fuzz_arena) == ACCEPT);
}
