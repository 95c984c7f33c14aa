/* vote - votes and proposals: what is signed, and what is well formed.
 *
 * Source:  CometBFT v0.38 types/vote.go, proposal.go, canonical.go.
 * Memory:  sign bytes and copies live in the caller's arena. */
#ifndef WARREN_VOTE_H
#define WARREN_VOTE_H

#include "crypto/key.h"
#include "model/types.h"

static inline bool block_id_is_nil(const struct block_id *id)
{
    return id->hash.n == 0 && id->part_set_header.total == 0 &&
           id->part_set_header.hash.n == 0;
}
/* block_id_is_complete - both hashes of 32 bytes and a total above 0. */
bool block_id_is_complete(const struct block_id *id);
bool block_id_eq(const struct block_id *a, const struct block_id *b);
/* block_id_cmp - the order of the two votes in evidence: by the bytes of the
 * hash followed by the encoded part set header. */
int block_id_cmp(const struct block_id *a, const struct block_id *b);
/* block_id_copy - with hashes copied into the arena. */
NODISCARD bool block_id_copy(struct block_id *out, const struct block_id *in,
                             struct arena *a);
/* vote_copy - with every byte string copied into the arena. */
NODISCARD bool vote_copy(struct vote *out, const struct vote *in,
                         struct arena *a);

/* *_sign_bytes - the length-prefixed canonical message, in the arena.
 *
 * p is NULL when the arena is full, when the time is outside years 1 to 9999
 * or when the block id's hashes are neither empty nor of 32 bytes.  The type
 * of a proposal is not looked at: it signs as one. */
struct span vote_sign_bytes(const struct vote *v, struct span chain_id,
                            struct arena *a);
struct span vote_extension_sign_bytes(const struct vote *v,
                                      struct span chain_id, struct arena *a);
struct span proposal_sign_bytes(const struct proposal *p, struct span chain_id,
                                struct arena *a);

/* ValidateBasic of each.  max_block_bytes bounds the number of parts of a
 * proposal; -1 stands for BLOCK_BYTES_MAX, 0 skips that. */
NODISCARD enum reject block_id_validate(const struct block_id *id);
NODISCARD enum reject part_set_header_validate(const struct part_set_header *h);
NODISCARD enum reject vote_validate(const struct vote *v);
NODISCARD enum reject proposal_validate(const struct proposal *p,
                                        int64_t                max_block_bytes);

/* vote_is_for_block - a precommit for a block: the only kind that carries an
 * extension. */
static inline bool vote_is_for_block(const struct vote *v)
{
    return v->type == TYPE_PRECOMMIT && !block_id_is_nil(&v->block_id);
}

/* vote_verify - address belongs to the key and the signature holds. */
NODISCARD bool vote_verify(const struct vote *v, struct span chain_id,
                           const struct pubkey *k, struct arena *a);
/* vote_verify_extension - the extension's signature; true when the vote can
 * carry none. */
NODISCARD bool vote_verify_extension(const struct vote *v, struct span chain_id,
                                     const struct pubkey *k, struct arena *a);
/* vote_verify_extended - both; a vote for a block must have an extension
 * signature. */
NODISCARD bool vote_verify_extended(const struct vote *v, struct span chain_id,
                                    const struct pubkey *k, struct arena *a);
/* proposal_verify - the signature holds (a proposal names no address). */
NODISCARD bool proposal_verify(const struct proposal *p, struct span chain_id,
                               const struct pubkey *k, struct arena *a);

#endif
