/* votes - the votes of one height, by round and type, and what they decide.
 *
 * Source:  CometBFT v0.38 types/vote_set.go,
 *          consensus/types/height_vote_set.go.
 * Shapes:  one primary vote per validator; a conflicting second one is kept
 *          only for a block that a peer claims to have +2/3, or that has it.
 *          Rounds up to `round` exist; above it a peer may open two.
 * Memory:  everything lives in the arena given at the start and grows with
 *          the votes accepted, never with those refused. */
#ifndef WARREN_CONSENSUS_VOTES_H
#define WARREN_CONSENSUS_VOTES_H

#include "model/block.h"
#include "model/validators.h"
#include "model/vote.h"

/* A peer's node id; all zero is ourselves. */
struct peer_id {
    uint8_t b[ADDRESS_BYTES];
};

static inline bool peer_id_eq(const struct peer_id *a, const struct peer_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* The power behind one block id. */
struct tally {
    struct block_id id;
    int64_t         power;
    bool            is_claimed; /* a peer says that it has +2/3 */
    struct tally   *next;
};

struct vote_node {
    struct vote       vote;
    struct tally     *tally;
    struct vote_node *other; /* of the same validator, for another block */
};

struct claim {
    struct peer_id peer;
    struct tally  *tally;
    struct claim  *next;
};

/* Votes of one type in one round. */
struct vote_set {
    int64_t                  height;
    int32_t                  round, type;
    bool                     is_extended; /* extensions are demanded */
    struct span              chain_id;
    const struct validators *vals;
    struct vote_node       **votes; /* primary of each validator, or NULL */
    struct vote_node       **heads; /* all kept of each validator */
    int64_t                  power; /* of all who voted */
    struct tally            *tallies;
    struct tally            *maj23; /* the first that got more than 2/3 */
    struct claim            *claims;
    size_t                   claim_count;
    struct arena            *arena;
};

enum vote_result {
    VOTE_ADDED,
    VOTE_ADDED_CONFLICT, /* added; *other is the conflicting one */
    VOTE_CONFLICT,       /* not added; *other as above */
    VOTE_DUPLICATE,
    VOTE_RESIGNED, /* known with another signature */
    VOTE_UNWANTED_ROUND,
    VOTE_BAD_STEP, /* height, round or type */
    VOTE_BAD_INDEX,
    VOTE_BAD_ADDRESS,
    VOTE_BAD_SIGNATURE,
    VOTE_BAD_EXTENSION, /* one where there must be none */
    VOTE_NO_ROOM,       /* the arena is full */
};

const char *vote_result_name(enum vote_result r);

void vote_set_init(struct vote_set *s, int64_t height, int32_t round,
                   int32_t type, bool is_extended, struct span chain_id,
                   const struct validators *vals, struct arena *a);

/* vote_set_add - check and count one vote, which is copied.
 *
 * is_verified skips the signatures.  scratch is for sign bytes. */
enum vote_result vote_set_add(struct vote_set *s, const struct vote *v,
                              bool is_verified, const struct vote **other,
                              struct arena *scratch);

/* vote_set_claim - peer says that id has +2/3 here.
 *
 * False when it said another id before: that is misbehaviour. */
NODISCARD bool vote_set_claim(struct vote_set *s, const struct peer_id *peer,
                              const struct block_id *id);

/* vote_set_maj23 - the id with +2/3 (of nil: an empty id), or NULL. */
static inline const struct block_id *vote_set_maj23(const struct vote_set *s)
{
    return s && s->maj23 ? &s->maj23->id : NULL;
}
bool vote_set_has_any(const struct vote_set *s); /* +2/3 voted something */
bool vote_set_has_all(const struct vote_set *s);
/* vote_set_get - the primary vote at index, or NULL. */
const struct vote *vote_set_get(const struct vote_set *s, size_t index);
/* vote_set_find - the vote at index for id, or NULL. */
const struct vote *vote_set_find(const struct vote_set *s, size_t index,
                                 const struct block_id *id);
/* vote_set_bits - who voted (id NULL: anything), a bit each in words, of
 * which there are vals->n / 64 rounded up. */
void vote_set_bits(const struct vote_set *s, const struct block_id *id,
                   uint64_t *words);

/* vote_set_commit - the precommits for the +2/3 block and for nil, in the
 * arena; NULL when it is full.  There must be +2/3 for a block. */
struct extended_commit *vote_set_commit(const struct vote_set *s,
                                        struct arena          *a);
/* vote_set_from_commit - the other way round, verifying; false unless every
 * vote holds and +2/3 are for the block. */
NODISCARD bool vote_set_from_commit(struct vote_set              *s,
                                    const struct extended_commit *c,
                                    struct arena                 *scratch);

struct round_votes {
    int32_t             round;
    struct vote_set     prevotes, precommits;
    struct round_votes *next; /* the next lower round */
};

struct catchup {
    struct peer_id  peer;
    size_t          rounds; /* opened above `round`, at most 2 */
    struct catchup *next;
};

struct height_votes {
    int64_t                  height;
    int32_t                  round; /* the highest that everyone may use */
    bool                     is_extended;
    struct span              chain_id;
    const struct validators *vals;
    struct round_votes      *rounds; /* highest first */
    struct catchup          *catchups;
    size_t                   catchup_count;
    size_t                   changes;   /* rounds opened and claims kept */
    uint32_t                *conflicts; /* of each validator; NULL: none */
    struct arena            *arena;
};

void height_votes_init(struct height_votes *h, int64_t height, bool is_extended,
                       struct span chain_id, const struct validators *vals,
                       struct arena *a);
/* height_votes_set_round - everyone may vote up to this round. */
void height_votes_set_round(struct height_votes *h, int32_t round);
/* height_votes_add - as vote_set_add, in the set that v belongs to. */
enum vote_result height_votes_add(struct height_votes  *h,
                                  const struct peer_id *peer,
                                  const struct vote *v, bool is_verified,
                                  const struct vote **other,
                                  struct arena       *scratch);
/* height_votes_conflict - another vote of the validator at index that conflicts
 * and does not count.  False when there were many at this height. */
bool height_votes_conflict(struct height_votes *h, int32_t index);
/* The set of a round, or NULL while nothing is in it. */
struct vote_set *height_votes_prevotes(const struct height_votes *h,
                                       int32_t                    round);
struct vote_set *height_votes_precommits(const struct height_votes *h,
                                         int32_t                    round);
/* height_votes_claim - as vote_set_claim; rounds not tracked are ignored. */
NODISCARD bool height_votes_claim(struct height_votes *h, int32_t round,
                                  int32_t type, const struct peer_id *peer,
                                  const struct block_id *id);

#endif
