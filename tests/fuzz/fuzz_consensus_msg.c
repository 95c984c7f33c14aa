/* Consensus messages.
 *
 * Properties: what decodes encodes to itself; a valid one is valid again
 * behind a round trip, its bit arrays can be read at every index, and a log
 * record that holds it reads back as the same. */
#include "fuzz.h"

#include "base/limits.h"
#include "wire/walrec.h"

static void read_bits(const struct bit_array *b)
{
    size_t n = bit_array_size(b), set = 0;

    must(n <= VOTES_MAX);
    for (size_t i = 0; i < n + 64; i++)
        set += bit_array_get(b, i);
    must(set <= n);
}

static void check_record(const struct consensus_msg *m, struct span encoded)
{
    struct wal_msg_info  info = { .msg = *m };
    struct wal_msg       msg  = { WAL_MSG_INFO, { .msg_info = &info } };
    struct timed_wal_msg t    = { { 1, 2 }, &msg }, back;
    struct span          rec  = wal_record_encode(&t, &fuzz_arena);
    struct wal_reader    r    = { .bytes = rec };
    const char          *why;

    must(rec.p);
    must(wal_next(&r, &back, &fuzz_arena, &why) == WAL_RECORD);
    must(back.msg->which == WAL_MSG_INFO);
    must(span_eq(
        pb_encode(&consensus_msg_desc, &back.msg->msg_info->msg, &fuzz_arena),
        encoded));
    must(wal_next(&r, &back, &fuzz_arena, &why) == WAL_END);
}

void fuzz_one(struct span in)
{
    struct consensus_msg m, again;
    struct span          bytes;

    if (!fuzz_decode(&consensus_msg_desc, &m, in) ||
        consensus_msg_validate(&m) != ACCEPT)
        return;
    bytes = pb_encode(&consensus_msg_desc, &m, &fuzz_arena);
    must(consensus_msg_decode(&again, &fuzz_arena, bytes) == ACCEPT);
    must(consensus_channel(m.which) >= 0x20 &&
         consensus_channel(m.which) <= 0x23);
    if (m.which == CONSENSUS_NEW_VALID_BLOCK)
        read_bits(m.new_valid_block->block_parts);
    if (m.which == CONSENSUS_PROPOSAL_POL)
        read_bits(&m.proposal_pol->proposal_pol);
    if (m.which == CONSENSUS_VOTE_SET_BITS)
        read_bits(&m.vote_set_bits->votes);
    check_record(&m, bytes);
}
