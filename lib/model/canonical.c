#include "model/canonical.h"

#define F PB_FIELD

PB_DESC(canonical_vote_desc, struct canonical_vote,
        F(struct canonical_vote, 1, type, PB_INT32),
        F(struct canonical_vote, 2, height, PB_SFIXED64),
        F(struct canonical_vote, 3, round, PB_SFIXED64),
        PB_PTR(struct canonical_vote, 4, block_id, block_id_desc),
        F(struct canonical_vote, 5, timestamp, PB_STAMP),
        F(struct canonical_vote, 6, chain_id, PB_STRING));

PB_DESC(canonical_proposal_desc, struct canonical_proposal,
        F(struct canonical_proposal, 1, type, PB_INT32),
        F(struct canonical_proposal, 2, height, PB_SFIXED64),
        F(struct canonical_proposal, 3, round, PB_SFIXED64),
        F(struct canonical_proposal, 4, pol_round, PB_INT64),
        PB_PTR(struct canonical_proposal, 5, block_id, block_id_desc),
        F(struct canonical_proposal, 6, timestamp, PB_STAMP),
        F(struct canonical_proposal, 7, chain_id, PB_STRING));

PB_DESC(canonical_vote_extension_desc, struct canonical_vote_extension,
        F(struct canonical_vote_extension, 1, extension, PB_BYTES),
        F(struct canonical_vote_extension, 2, height, PB_SFIXED64),
        F(struct canonical_vote_extension, 3, round, PB_SFIXED64),
        F(struct canonical_vote_extension, 4, chain_id, PB_STRING));
