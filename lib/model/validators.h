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

/* val_make - address and key out of the message; false for a key that is of
 * no known type or length. */
NODISCARD bool val_make(struct val *out, const struct public_key *k,
                        int64_t power);

struct validators {
    struct val *v;
    size_t      n;
    uint32_t   *by_address; /* positions in v, by address; NULL: no index */
    int64_t     total;      /* power */
    struct val  proposer;   /* the one picked last; may have left the set */
    bool        has_proposer;
};

/* validators_new - a first set: all entries new, one increment.
 *
 * REJECT_RANGE for bad powers, REJECT_MISMATCH for duplicates. n == 0 is an
 * empty set. */
NODISCARD enum reject validators_new(struct validators *out,
                                     const struct val *v, size_t n,
                                     struct arena *a);

/* validators_copy - everything copied into the arena; false when it is full. */
NODISCARD bool validators_copy(struct validators       *out,
                               const struct validators *in, struct arena *a);

/* validators_update - apply changes (power 0 removes) in any order. */
NODISCARD enum reject validators_update(struct validators *s,
                                        const struct val *changes, size_t n,
                                        struct arena *a);
/* validators_increment - turns of the proposer rotation.
 *
 * False, and nothing happens, for an empty set or times < 1. */
bool validators_increment(struct validators *s, int32_t times);
/* validators_rescale - divide priorities until they span at most diff_max. */
void validators_rescale(struct validators *s, int64_t diff_max);
/* validators_proposer - the one picked last, or else the one whose turn it
 * is; NULL for an empty set. */
const struct val *validators_proposer(struct validators *s);
/* validators_find - position by address, or -1; O(log n).  The first one
 * when a set that others sent names an address twice. */
int64_t validators_find(const struct validators *s, struct span address);
/* validators_hash - over keys and powers in set order, as in the header. */
void validators_hash(struct hash *out, const struct validators *s);
/* validators_priority_hash - ProposerPriorityHash: not in any header.
 *
 * False for an empty set, which has none. */
bool validators_priority_hash(struct hash *out, const struct validators *s);

/* To and from the message; from checks what ValidatorSetFromProto and
 * ValidateBasic check: order and repeated addresses are left as they are.
 * to borrows from the set; NULL when the arena is full. */
NODISCARD enum reject validators_from_msg(struct validators              *out,
                                          const struct validator_set_msg *m,
                                          struct arena                   *a);

struct validator_set_msg *validators_to_msg(const struct validators *s,
                                            struct arena            *a);

/* Commit verification (verify.c).  The commit has passed commit_validate.
 * Signatures are checked together with pubkey_verify_many; scratch memory in
 * the arena is given back.
 *
 * REJECT_LENGTH: not as many entries as validators; REJECT_MISMATCH: another
 * height, block or signer; REJECT_MISSING: not enough power;
 * REJECT_SIGNATURE: one does not hold.
 *
 * commit_verify - more than two thirds for the block, all signatures hold,
 * those for nil too. */
NODISCARD enum reject commit_verify(const struct validators *s,
                                    struct span              chain_id,
                                    const struct block_id *id, int64_t height,
                                    const struct commit *c, struct arena *a);
/* commit_verify_known - commit_verify, but entries equal to those of known (a
 * commit of this set whose signatures hold; NULL: none) are believed. */
NODISCARD enum reject
commit_verify_known(const struct validators *s, struct span chain_id,
                    const struct block_id *id, int64_t height,
                    const struct commit *c, const struct commit *known,
                    struct arena *a);
/* commit_verify_light - only signatures for the block count and are checked;
 * without all_signatures only as many as are needed. */
NODISCARD enum reject commit_verify_light(const struct validators *s,
                                          struct span              chain_id,
                                          const struct block_id   *id,
                                          int64_t                  height,
                                          const struct commit     *c,
                                          bool all_signatures, struct arena *a);
/* commit_verify_trusting - more than num / den of a set that need not be the
 * commit's own: signers are found by address, strangers are skipped, nobody
 * may sign twice.  Numbers are cast and divided as Go's int64. */
NODISCARD enum reject
commit_verify_trusting(const struct validators *s, struct span chain_id,
                       const struct commit *c, uint64_t num, uint64_t den,
                       bool all_signatures, struct arena *a);
/* extended_commit_verify - commit_verify, and every vote for the block has an
 * extension signature that holds. */
NODISCARD enum reject
extended_commit_verify(const struct validators *s, struct span chain_id,
                       const struct block_id *id, int64_t height,
                       const struct extended_commit *c, struct arena *a);

/* power_is_quorum - strictly more than two thirds of total. */
static inline bool power_is_quorum(int64_t power, int64_t total)
{
    return power > total / 3 * 2 + total % 3 * 2 / 3;
}

#endif
