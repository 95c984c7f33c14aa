/* vote - votes and proposals: what is signed, and what is well formed.
 *
 * Source:  CometBFT v0.38 types/vote.go, proposal.go, canonical.go. */
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
/* block_id_copy - with hashes copied into the arena. */
NODISCARD bool block_id_copy(struct block_id *out, const struct block_id *in,
                             struct arena *a);

/* *_sign_bytes - the length-prefixed canonical message, in the arena; p is
 * NULL when the time cannot be encoded or the arena is full. */
struct span vote_sign_bytes(const struct vote *v, struct span chain_id,
                            struct arena *a);
struct span vote_extension_sign_bytes(const struct vote *v,
                                      struct span chain_id, struct arena *a);
struct span proposal_sign_bytes(const struct proposal *p, struct span chain_id,
                                struct arena *a);

/* ValidateBasic of each; a positive max_block_size for the proposal bounds
 * the part count, 0 skips that. */
enum reject block_id_validate(const struct block_id *id);
enum reject part_set_header_validate(const struct part_set_header *h);
enum reject vote_validate(const struct vote *v);
enum reject proposal_validate(const struct proposal *p, int64_t max_block_size);

/* vote_verify - address belongs to the key and the signature holds. */
NODISCARD bool vote_verify(const struct vote *v, struct span chain_id,
                           const struct pubkey *k, struct arena *a);
/* vote_verify_extended - also the extension's signature, for non-nil
 * precommits. */
NODISCARD bool vote_verify_extended(const struct vote *v, struct span chain_id,
                                    const struct pubkey *k, struct arena *a);
NODISCARD bool proposal_verify(const struct proposal *p, struct span chain_id,
                               const struct pubkey *k, struct arena *a);

#endif
