/* block - headers, commits and blocks: hashes and well-formedness.
 *
 * Source:  CometBFT v0.38 types/block.go, tx.go, results.go.
 * Shapes:  *_validate gives the verdict of CometBFT's FromProto, which is
 *          ValidateBasic and, for commits, a little more: every signature
 *          entry is checked at height 0 too.  What was never encoded need
 *          not be treated otherwise.
 * Memory:  hashing needs the arena only for parts that are large, and gives
 *          that back; what is returned by pointer or span lives in it. */
#ifndef WARREN_BLOCK_H
#define WARREN_BLOCK_H

#include "crypto/hash.h"
#include "model/types.h"

enum { BLOCK_PROTOCOL = 11 };

/* header_hash - false when validators_hash is empty (no hash exists). */
NODISCARD bool        header_hash(struct hash *out, const struct header *h);
NODISCARD enum reject header_validate(const struct header *h);
void                  tx_hash(struct hash *out, struct span tx);
void                  data_hash(struct hash *out, const struct data *d);

/* commit_hash - false when the arena is full. */
NODISCARD bool commit_hash(struct hash *out, const struct commit *c,
                           struct arena *a);
/* commit_validate - also cuts each flag to eight bits, which is all that
 * CometBFT keeps of it: past this call flags are 1, 2 or 3. */
NODISCARD enum reject commit_validate(struct commit *c);
NODISCARD enum reject extended_commit_validate(struct extended_commit *c);
/* commit_check - the verdict of commit_validate, leaving flags as they are. */
NODISCARD enum reject commit_check(const struct commit *c);
/* commit_validate_basic - ValidateBasic alone, as of a commit that was made
 * in memory: the block id's lengths are free, and so is all at height 0. */
NODISCARD enum reject commit_validate_basic(const struct commit *c);
/* commit_sig_validate - one signature entry of a commit. */
NODISCARD enum reject commit_sig_validate(const struct commit_sig *s);
/* extended_commit_ensure - extensions are signed on every vote for the block
 * and absent elsewhere; or absent everywhere when they are off. */
NODISCARD enum reject extended_commit_ensure(const struct extended_commit *c,
                                             bool are_enabled);

/* commit_sig_flag - the flag as CometBFT reads it. */
static inline int32_t commit_sig_flag(const struct commit_sig *s)
{
    return (uint8_t)s->block_id_flag;
}

/* commit_vote - the precommit that entry i stands for, borrowed from c; of no
 * use when the entry is absent. */
struct vote commit_vote(const struct commit *c, size_t i);
struct vote extended_commit_vote(const struct extended_commit *c, size_t i);
/* commit_sign_bytes - what entry i signs; p is NULL as for vote_sign_bytes,
 * and for an unknown flag. */
struct span commit_sign_bytes(const struct commit *c, size_t i,
                              struct span chain_id, struct arena *a);
/* commit_sig_of - the entry for a vote; NULL: absent. */
struct commit_sig          commit_sig_of(const struct vote *v);
struct extended_commit_sig extended_commit_sig_of(const struct vote *v);

/* commit_median_time - the BFT time: v0.38's rule, nil votes count.
 *
 * Year 1 when nobody voted; false for a vote of an address that is not in the
 * set, or when the arena is full. */
struct validators;
NODISCARD bool commit_median_time(struct stamp *out, const struct commit *c,
                                  const struct validators *vals,
                                  struct arena            *a);

/* extended_commit_strip - the plain commit inside, in the arena, or NULL. */
struct commit *extended_commit_strip(const struct extended_commit *c,
                                     struct arena                 *a);

/* evidence_list_hash - false when the arena is full. */
NODISCARD bool evidence_list_hash(struct hash                *out,
                                  const struct evidence_list *l,
                                  struct arena               *a);

/* block_validate - ValidateBasic: parts, and their hashes in the header.
 * Flags of the last commit are cut as by commit_validate. */
NODISCARD enum reject block_validate(struct block *b, struct arena *a);
/* block_encode - the bytes that CometBFT makes of a validated block: those
 * that its part set is cut from.  p is NULL when the arena is full. */
struct span block_encode(const struct block *b, struct arena *a);

/* block_tx_budget - bytes left for transactions (MaxDataBytes); negative
 * when evidence and commit leave nothing. */
int64_t block_tx_budget(int64_t max_bytes, int64_t evidence_bytes,
                        size_t validators);
/* tx_size - what a transaction takes of that budget. */
int64_t tx_size(struct span tx);

/* results_hash - over the kept fields of each result. */
struct exec_result_kept {
    uint32_t    code;
    struct span data;
    int64_t     gas_wanted, gas_used;
};
void results_hash(struct hash *out, const struct exec_result_kept *r, size_t n);

#endif
