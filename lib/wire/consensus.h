/* consensus - what nodes tell each other to agree: channels 0x20 to 0x23.
 *
 * Source:  CometBFT v0.38 proto/tendermint/consensus/types.proto,
 *          consensus/msgs.go and the ValidateBasic of consensus/reactor.go.
 * Shapes:  a decoded message is as its sender chose; after
 *          consensus_msg_validate heights and rounds are not negative, bit
 *          arrays have exactly the words that their size asks for and at
 *          most VOTES_MAX (parts: BLOCK_PARTS_MAX) bits.
 * Memory:  everything borrows from the decoded bytes and their arena. */
#ifndef WARREN_WIRE_CONSENSUS_H
#define WARREN_WIRE_CONSENSUS_H

#include "model/types.h"

enum consensus_kind { /* numbers of the oneof */
                      CONSENSUS_NONE            = 0,
                      CONSENSUS_NEW_ROUND_STEP  = 1,
                      CONSENSUS_NEW_VALID_BLOCK = 2,
                      CONSENSUS_PROPOSAL        = 3,
                      CONSENSUS_PROPOSAL_POL    = 4,
                      CONSENSUS_BLOCK_PART      = 5,
                      CONSENSUS_VOTE            = 6,
                      CONSENSUS_HAS_VOTE        = 7,
                      CONSENSUS_VOTE_SET_MAJ23  = 8,
                      CONSENSUS_VOTE_SET_BITS   = 9,
};

struct new_round_step {
    int64_t  height;
    int32_t  round;
    uint32_t step;                     /* 1 NewHeight ... 8 Commit */
    int64_t  seconds_since_start_time; /* any number */
    int32_t  last_commit_round;        /* -1 at the initial height */
};

struct new_valid_block {
    int64_t                height;
    int32_t                round;
    struct part_set_header block_part_set_header;
    struct bit_array      *block_parts; /* may be absent until validated */
    bool                   is_commit;
};

struct proposal_msg {
    struct proposal proposal;
};

struct proposal_pol {
    int64_t          height;
    int32_t          proposal_pol_round;
    struct bit_array proposal_pol;
};

struct block_part_msg {
    int64_t     height;
    int32_t     round;
    struct part part;
};

struct vote_msg {
    struct vote *vote;
};

struct has_vote {
    int64_t height;
    int32_t round;
    int32_t type;
    int32_t index;
};

struct vote_set_maj23 {
    int64_t         height;
    int32_t         round;
    int32_t         type;
    struct block_id block_id;
};

struct vote_set_bits {
    int64_t          height;
    int32_t          round; /* any number */
    int32_t          type;
    struct block_id  block_id;
    struct bit_array votes; /* may be empty */
};

struct consensus_msg {
    enum consensus_kind which;
    union {
        struct new_round_step  *new_round_step;
        struct new_valid_block *new_valid_block;
        struct proposal_msg    *proposal;
        struct proposal_pol    *proposal_pol;
        struct block_part_msg  *block_part;
        struct vote_msg        *vote;
        struct has_vote        *has_vote;
        struct vote_set_maj23  *vote_set_maj23;
        struct vote_set_bits   *vote_set_bits;
    };
};

extern const struct pb_desc new_round_step_desc, new_valid_block_desc,
    proposal_msg_desc, proposal_pol_desc, block_part_msg_desc, vote_msg_desc,
    has_vote_desc, vote_set_maj23_desc, vote_set_bits_desc, consensus_msg_desc;

/* consensus_msg_validate - a member is there and is well formed. */
enum reject consensus_msg_validate(const struct consensus_msg *m);

/* consensus_msg_decode - pb_decode and validate in one. */
NODISCARD enum reject consensus_msg_decode(struct consensus_msg *m,
                                           struct arena *a, struct span in);

/* consensus_channel - the channel that carries messages of this kind. */
uint8_t consensus_channel(enum consensus_kind kind);

/* new_round_step_validate_height - last_commit_round is -1 at the initial
 * height and only there, and the height is not below it. */
enum reject new_round_step_validate_height(const struct new_round_step *m,
                                           int64_t initial_height);

/* bit_array_validate - as many words as the bits need.
 *
 * As in CometBFT a size of -63 to -1 with no words passes: read sizes with
 * bit_array_size.  Bits above the size may be set. */
enum reject bit_array_validate(const struct bit_array *b);

/* bit_array_size - bits of a valid array; 0 for NULL and negative sizes. */
static inline size_t bit_array_size(const struct bit_array *b)
{
    return b && b->bits > 0 ? (size_t)b->bits : 0;
}

/* bit_array_get - bit i of a valid array; false from the size on. */
static inline bool bit_array_get(const struct bit_array *b, size_t i)
{
    return i < bit_array_size(b) && (b->elems.v[i / 64] >> (i % 64) & 1);
}

#endif
