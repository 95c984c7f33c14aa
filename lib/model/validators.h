/* validators - the set that takes turns proposing and whose power decides.
 *
 * Source:  CometBFT v0.38 types/validator_set.go (proposer priority,
 *          updates), types/validation.go (commit verification).
 * Shapes:  sorted by power descending, then address ascending; total power
 *          at most TOTAL_POWER_MAX.
 * Memory:  entries are owned values in one block of the caller's arena. */
#ifndef WARREN_VALIDATORS_H
#define WARREN_VALIDATORS_H

#include "crypto/hash.h"
#include "crypto/key.h"
#include "model/types.h"

struct val {
    uint8_t       address[ADDRESS_BYTES];
    struct pubkey key;
    int64_t       power;
    int64_t       priority;
};

struct validators {
    struct val *v;
    size_t      n;
    int64_t     total;    /* power */
    struct val  proposer; /* the one picked last; may have left the set */
    bool        has_proposer;
};

/* validators_new - a first set: all entries new, one increment.
 *
 * REJECT_RANGE for bad powers, REJECT_MISMATCH for duplicates. n == 0 is an
 * empty set. */
NODISCARD enum reject validators_new(struct validators *out,
                                     const struct val *v, size_t n,
                                     struct arena *a);
NODISCARD bool        validators_copy(struct validators       *out,
                                      const struct validators *in, struct arena *a);
/* validators_update - apply changes (power 0 removes) in any order. */
NODISCARD enum reject validators_update(struct validators *s,
                                        const struct val *changes, size_t n,
                                        struct arena *a);
/* validators_increment - times > 0 turns of the proposer rotation. */
void              validators_increment(struct validators *s, int32_t times);
void              validators_rescale(struct validators *s, int64_t diff_max);
const struct val *validators_proposer(struct validators *s);
/* validators_find - index by address, or -1. */
int64_t validators_find(const struct validators *s, struct span address);
void    validators_hash(struct hash *out, const struct validators *s,
                        struct arena *a);
/* validators_priority_hash - ProposerPriorityHash: not in any header. */
void validators_priority_hash(struct hash *out, const struct validators *s,
                              struct arena *a);

/* To and from the message; from checks what ValidatorSetFromProto and
 * ValidateBasic check. */
NODISCARD enum reject     validators_from_msg(struct validators              *out,
                                              const struct validator_set_msg *m,
                                              struct arena                   *a);
struct validator_set_msg *validators_to_msg(const struct validators *s,
                                            struct arena            *a);

/* Commit verification; the commit has passed commit_validate. */
enum reject commit_verify(const struct validators *s, struct span chain_id,
                          const struct block_id *id, int64_t height,
                          const struct commit *c, struct arena *a);
enum reject commit_verify_light(const struct validators *s,
                                struct span chain_id, const struct block_id *id,
                                int64_t height, const struct commit *c,
                                bool all_signatures, struct arena *a);
enum reject commit_verify_trusting(const struct validators *s,
                                   struct span chain_id, const struct commit *c,
                                   uint64_t num, uint64_t den,
                                   bool all_signatures, struct arena *a);

/* power_is_quorum - strictly more than two thirds of total. */
static inline bool power_is_quorum(int64_t power, int64_t total)
{
    return power > total / 3 * 2 + total % 3 * 2 / 3;
}

#endif
