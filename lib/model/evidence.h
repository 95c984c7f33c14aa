/* evidence - proof that a validator broke the rules.
 *
 * Source:  CometBFT v0.38 types/evidence.go, evidence/verify.go. */
#ifndef WARREN_EVIDENCE_H
#define WARREN_EVIDENCE_H

#include "model/block.h"
#include "model/validators.h"

enum reject evidence_validate(const struct evidence *e, struct arena *a);
void evidence_hash(struct hash *out, const struct evidence *e, struct arena *a);
int64_t      evidence_height(const struct evidence *e);
struct stamp evidence_time(const struct evidence *e);
size_t       evidence_size(const struct evidence *e); /* as in a block */

/* duplicate_vote_verify - against the set at the evidence's height. */
enum reject duplicate_vote_verify(const struct duplicate_vote_evidence *e,
                                  struct span              chain_id,
                                  const struct validators *s, struct arena *a);
/* light_client_attack_verify - common is the header and set at the common
 * height, trusted our own header at the conflicting height (or our latest
 * for a forward attack). */
enum reject
     light_client_attack_verify(const struct light_client_attack_evidence *e,
                                const struct signed_header                *common,
                                const struct signed_header                *trusted,
                                const struct validators *common_vals,
                                struct span chain_id, struct arena *a);
bool evidence_is_expired(int64_t height, struct stamp now,
                         int64_t evidence_height, struct stamp evidence_time,
                         int64_t max_age_blocks, int64_t max_age_ns);

/* duplicate_vote_make - the two votes in their canonical order. */
struct evidence *duplicate_vote_make(const struct vote *a, const struct vote *b,
                                     struct stamp             block_time,
                                     const struct validators *s,
                                     struct arena            *arena);

#endif
