/* evidence - proof that a validator broke the rules.
 *
 * Source:  CometBFT v0.38 types/evidence.go, evidence/verify.go.
 * Memory:  scratch and results in the caller's arena. */
#ifndef WARREN_EVIDENCE_H
#define WARREN_EVIDENCE_H

#include "model/block.h"
#include "model/validators.h"

/* evidence_validate - FromProto with ValidateBasic.  Everything below but
 * evidence_size expects evidence that has passed it. */
NODISCARD enum reject evidence_validate(const struct evidence *e,
                                        struct arena          *a);
/* evidence_canonical - *e as CometBFT encodes it again: without the total
 * power of the conflicting set, flags of its commit cut to eight bits.
 * Borrows from *e; false when the arena is full. */
NODISCARD bool evidence_canonical(struct evidence       *out,
                                  const struct evidence *e, struct arena *a);
/* evidence_bytes - the bare message that the header's hash covers; p is NULL
 * when the arena is full. */
struct span evidence_bytes(const struct evidence *e, struct arena *a);
/* evidence_hash - what identifies a piece of evidence; false when the arena
 * is full.  A light-client attack is known by its block and common height
 * alone, whoever signed. */
NODISCARD bool evidence_hash(struct hash *out, const struct evidence *e,
                             struct arena *a);
/* light_client_attack_hash - of a header's hash and the common height: 31
 * bytes of the hash, a zero, and the height as a zig-zag varint. */
void         light_client_attack_hash(struct hash *out, struct span conflicting,
                                      int64_t common_height);
int64_t      evidence_height(const struct evidence *e);
struct stamp evidence_time(const struct evidence *e);
/* evidence_size - bytes that it takes as an item of a block's list. */
size_t evidence_size(const struct evidence *e);

/* duplicate_vote_verify - against the set at the evidence's height. */
NODISCARD enum reject
duplicate_vote_verify(const struct duplicate_vote_evidence *e,
                      struct span chain_id, const struct validators *s,
                      struct arena *a);
/* light_client_attack_verify - common is the header and set at the common
 * height, trusted our own header at the conflicting height (or our latest
 * for a forward attack, once its time is known not to be before).
 *
 * An amnesia attack names no validators and is refused: so is it by every
 * CometBFT node that gets it from another. */
NODISCARD enum reject light_client_attack_verify(
    const struct light_client_attack_evidence *e,
    const struct signed_header *common, const struct signed_header *trusted,
    const struct validators *common_vals, struct arena *a);
/* light_client_attack_check - the same, where are_unnamed says that the list
 * of validators is nil, as it can be in memory but not on the wire. */
NODISCARD enum reject light_client_attack_check(
    const struct light_client_attack_evidence *e,
    const struct signed_header *common, const struct signed_header *trusted,
    const struct validators *common_vals, bool are_unnamed, struct arena *a);
/* light_client_attack_is_lunatic - the conflicting header is not what the
 * trusted state leads to. */
bool light_client_attack_is_lunatic(
    const struct light_client_attack_evidence *e, const struct header *trusted);
/* light_client_attack_culprits - who signed both, by power then address.
 *
 * *out gets *n validators in the arena; none for amnesia.  False when the
 * arena is full or the commits do not fit the sets. */
NODISCARD bool light_client_attack_culprits(
    struct val **out, size_t *n, const struct light_client_attack_evidence *e,
    const struct signed_header *trusted, const struct validators *common_vals,
    struct arena *a);

/* evidence_is_expired - too old in blocks and in time, both. */
bool evidence_is_expired(int64_t height, struct stamp now,
                         int64_t evidence_height, struct stamp evidence_time,
                         int64_t max_age_blocks, int64_t max_age_ns);

/* duplicate_vote_make - the two votes in their canonical order; borrows
 * them.  NULL when the voter is not in the set or the arena is full. */
struct evidence *duplicate_vote_make(const struct vote *a, const struct vote *b,
                                     struct stamp             block_time,
                                     const struct validators *s,
                                     struct arena            *arena);

#endif
