#include "wire/consensus.h"

#include "base/limits.h"
#include "model/partset.h"
#include "model/vote.h"

enum { STEP_COUNT = 8 };

PB_DESC(new_round_step_desc, struct new_round_step,
        PB_FIELD(struct new_round_step, 1, height, PB_INT64),
        PB_FIELD(struct new_round_step, 2, round, PB_INT32),
        PB_FIELD(struct new_round_step, 3, step, PB_UINT32),
        PB_FIELD(struct new_round_step, 4, seconds_since_start_time, PB_INT64),
        PB_FIELD(struct new_round_step, 5, last_commit_round, PB_INT32));

PB_DESC(new_valid_block_desc, struct new_valid_block,
        PB_FIELD(struct new_valid_block, 1, height, PB_INT64),
        PB_FIELD(struct new_valid_block, 2, round, PB_INT32),
        PB_SUB(struct new_valid_block, 3, block_part_set_header,
               part_set_header_desc),
        PB_PTR(struct new_valid_block, 4, block_parts, bit_array_desc),
        PB_FIELD(struct new_valid_block, 5, is_commit, PB_BOOL));

PB_DESC(proposal_msg_desc, struct proposal_msg,
        PB_SUB(struct proposal_msg, 1, proposal, proposal_desc));

PB_DESC(proposal_pol_desc, struct proposal_pol,
        PB_FIELD(struct proposal_pol, 1, height, PB_INT64),
        PB_FIELD(struct proposal_pol, 2, proposal_pol_round, PB_INT32),
        PB_SUB(struct proposal_pol, 3, proposal_pol, bit_array_desc));

PB_DESC(block_part_msg_desc, struct block_part_msg,
        PB_FIELD(struct block_part_msg, 1, height, PB_INT64),
        PB_FIELD(struct block_part_msg, 2, round, PB_INT32),
        PB_SUB(struct block_part_msg, 3, part, part_desc));

PB_DESC(vote_msg_desc, struct vote_msg,
        PB_PTR(struct vote_msg, 1, vote, vote_desc));

PB_DESC(has_vote_desc, struct has_vote,
        PB_FIELD(struct has_vote, 1, height, PB_INT64),
        PB_FIELD(struct has_vote, 2, round, PB_INT32),
        PB_FIELD(struct has_vote, 3, type, PB_INT32),
        PB_FIELD(struct has_vote, 4, index, PB_INT32));

PB_DESC(vote_set_maj23_desc, struct vote_set_maj23,
        PB_FIELD(struct vote_set_maj23, 1, height, PB_INT64),
        PB_FIELD(struct vote_set_maj23, 2, round, PB_INT32),
        PB_FIELD(struct vote_set_maj23, 3, type, PB_INT32),
        PB_SUB(struct vote_set_maj23, 4, block_id, block_id_desc));

PB_DESC(vote_set_bits_desc, struct vote_set_bits,
        PB_FIELD(struct vote_set_bits, 1, height, PB_INT64),
        PB_FIELD(struct vote_set_bits, 2, round, PB_INT32),
        PB_FIELD(struct vote_set_bits, 3, type, PB_INT32),
        PB_SUB(struct vote_set_bits, 4, block_id, block_id_desc),
        PB_SUB(struct vote_set_bits, 5, votes, bit_array_desc));

#define MEMBER(n, name, desc)                                                  \
    PB_ONEOF_MSG(struct consensus_msg, n, which, name, desc)
PB_DESC(consensus_msg_desc, struct consensus_msg,
        MEMBER(CONSENSUS_NEW_ROUND_STEP, new_round_step, new_round_step_desc),
        MEMBER(CONSENSUS_NEW_VALID_BLOCK, new_valid_block,
               new_valid_block_desc),
        MEMBER(CONSENSUS_PROPOSAL, proposal, proposal_msg_desc),
        MEMBER(CONSENSUS_PROPOSAL_POL, proposal_pol, proposal_pol_desc),
        MEMBER(CONSENSUS_BLOCK_PART, block_part, block_part_msg_desc),
        MEMBER(CONSENSUS_VOTE, vote, vote_msg_desc),
        MEMBER(CONSENSUS_HAS_VOTE, has_vote, has_vote_desc),
        MEMBER(CONSENSUS_VOTE_SET_MAJ23, vote_set_maj23, vote_set_maj23_desc),
        MEMBER(CONSENSUS_VOTE_SET_BITS, vote_set_bits, vote_set_bits_desc));

enum reject bit_array_validate(const struct bit_array *b)
{
    /* Go's arithmetic: the sum wraps, the quotient is cut towards zero. */
    int64_t words = (int64_t)((uint64_t)b->bits + 63) / 64;

    return words >= 0 && (uint64_t)words == b->elems.n ? ACCEPT
                                                       : REJECT_MISMATCH;
}

static enum reject validate_place(int64_t height, int32_t round)
{
    return height < 0 || round < 0 ? REJECT_RANGE : ACCEPT;
}

static bool is_vote_type(int32_t type)
{
    return type == TYPE_PREVOTE || type == TYPE_PRECOMMIT;
}

static enum reject validate_step(const struct new_round_step *m)
{
    if (m->step < 1 || m->step > STEP_COUNT || m->last_commit_round < -1)
        return REJECT_RANGE;
    return validate_place(m->height, m->round);
}

static enum reject validate_valid_block(const struct new_valid_block *m)
{
    enum reject r = validate_place(m->height, m->round);

    if (!r)
        r = part_set_header_validate(&m->block_part_set_header);
    if (r)
        return r;
    if (!m->block_parts || m->block_parts->bits == 0)
        return REJECT_MISSING;
    r = bit_array_validate(m->block_parts);
    if (!r && m->block_parts->bits != m->block_part_set_header.total)
        r = REJECT_MISMATCH;
    return r                                        ? r
           : m->block_parts->bits > BLOCK_PARTS_MAX ? REJECT_LIMIT
                                                    : ACCEPT;
}

static enum reject validate_pol(const struct proposal_pol *m)
{
    enum reject r = validate_place(m->height, m->proposal_pol_round);

    if (!r)
        r = bit_array_validate(&m->proposal_pol);
    if (!r && m->proposal_pol.bits == 0)
        r = REJECT_MISSING;
    return r ? r : m->proposal_pol.bits > VOTES_MAX ? REJECT_LIMIT : ACCEPT;
}

static enum reject validate_part(const struct block_part_msg *m)
{
    enum reject r = validate_place(m->height, m->round);

    return r ? r : part_validate(&m->part);
}

static enum reject validate_has_vote(const struct has_vote *m)
{
    if (!is_vote_type(m->type) || m->index < 0)
        return REJECT_RANGE;
    return validate_place(m->height, m->round);
}

static enum reject validate_maj23(const struct vote_set_maj23 *m)
{
    enum reject r = validate_place(m->height, m->round);

    if (!r && !is_vote_type(m->type))
        r = REJECT_RANGE;
    return r ? r : block_id_validate(&m->block_id);
}

static enum reject validate_bits(const struct vote_set_bits *m)
{
    enum reject r;

    if (m->height < 0 || !is_vote_type(m->type))
        return REJECT_RANGE;
    r = block_id_validate(&m->block_id);
    if (!r)
        r = bit_array_validate(&m->votes);
    return r ? r : m->votes.bits > VOTES_MAX ? REJECT_LIMIT : ACCEPT;
}

enum reject consensus_msg_validate(const struct consensus_msg *m)
{
    switch (m->which) {
    case CONSENSUS_NEW_ROUND_STEP: return validate_step(m->new_round_step);
    case CONSENSUS_NEW_VALID_BLOCK:
        return validate_valid_block(m->new_valid_block);
    case CONSENSUS_PROPOSAL:
        return proposal_validate(&m->proposal->proposal, 0);
    case CONSENSUS_PROPOSAL_POL: return validate_pol(m->proposal_pol);
    case CONSENSUS_BLOCK_PART: return validate_part(m->block_part);
    case CONSENSUS_VOTE:
        return m->vote->vote ? vote_validate(m->vote->vote) : REJECT_MISSING;
    case CONSENSUS_HAS_VOTE: return validate_has_vote(m->has_vote);
    case CONSENSUS_VOTE_SET_MAJ23: return validate_maj23(m->vote_set_maj23);
    case CONSENSUS_VOTE_SET_BITS: return validate_bits(m->vote_set_bits);
    case CONSENSUS_NONE: break;
    }
    return REJECT_MISSING;
}

enum reject consensus_msg_decode(struct consensus_msg *m, struct arena *a,
                                 struct span in)
{
    enum reject r = pb_decode(&consensus_msg_desc, m, a, in);

    return r ? r : consensus_msg_validate(m);
}

uint8_t consensus_channel(enum consensus_kind kind)
{
    switch (kind) {
    case CONSENSUS_PROPOSAL:
    case CONSENSUS_PROPOSAL_POL:
    case CONSENSUS_BLOCK_PART: return 0x21;
    case CONSENSUS_VOTE: return 0x22;
    case CONSENSUS_VOTE_SET_BITS: return 0x23;
    case CONSENSUS_NONE:
    case CONSENSUS_NEW_ROUND_STEP:
    case CONSENSUS_NEW_VALID_BLOCK:
    case CONSENSUS_HAS_VOTE:
    case CONSENSUS_VOTE_SET_MAJ23: break;
    }
    return 0x20;
}

enum reject new_round_step_validate_height(const struct new_round_step *m,
                                           int64_t initial_height)
{
    if (m->height < initial_height)
        return REJECT_RANGE;
    if (m->height == initial_height)
        return m->last_commit_round == -1 ? ACCEPT : REJECT_RANGE;
    return m->last_commit_round >= 0 ? ACCEPT : REJECT_RANGE;
}
