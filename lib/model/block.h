/* block - headers, commits and blocks: hashes and well-formedness.
 *
 * Source:  CometBFT v0.38 types/block.go, tx.go, results.go. */
#ifndef WARREN_BLOCK_H
#define WARREN_BLOCK_H

#include "crypto/hash.h"
#include "model/types.h"

/* header_hash - false when validators_hash is empty (no hash exists). */
NODISCARD bool header_hash(struct hash *out, const struct header *h);
enum reject    header_validate(const struct header *h);
void           tx_hash(struct hash *out, struct span tx);
void           data_hash(struct hash *out, const struct data *d);
void commit_hash(struct hash *out, const struct commit *c, struct arena *a);
enum reject commit_validate(const struct commit *c);
enum reject extended_commit_validate(const struct extended_commit *c);
/* commit_sig_validate - one signature entry of a commit. */
enum reject commit_sig_validate(const struct commit_sig *s);
void        evidence_list_hash(struct hash *out, const struct evidence_list *l,
                               struct arena *a);
/* block_validate - ValidateBasic: parts, their hashes in the header. */
enum reject block_validate(const struct block *b, struct arena *a);

/* commit_sign_bytes - what signature i of the commit signs. */
struct span commit_sign_bytes(const struct commit *c, size_t i,
                              struct span chain_id, struct arena *a);
/* commit_median_time - the BFT time: v0.38's rule, nil votes count. */
struct validators;
NODISCARD bool commit_median_time(struct stamp *out, const struct commit *c,
                                  const struct validators *vals);

/* extended_commit_strip - the plain commit inside, in the arena. */
struct commit *extended_commit_strip(const struct extended_commit *c,
                                     struct arena                 *a);

/* block_tx_budget - bytes left for transactions (MaxDataBytes); negative
 * when evidence and commit leave nothing. */
int64_t block_tx_budget(int64_t max_bytes, int64_t evidence_bytes,
                        size_t validators);

/* last_results_hash - over the kept fields of each result. */
struct exec_result_kept {
    uint32_t    code;
    struct span data;
    int64_t     gas_wanted, gas_used;
};
void results_hash(struct hash *out, const struct exec_result_kept *r, size_t n,
                  struct arena *a);

#endif
