/* gossip - what each peer knows of consensus, and what to tell it next: pure.
 *
 * Source:  CometBFT v0.38 consensus/reactor.go; but where that polls, here
 *          every change of ours or theirs is followed by gossip_next.
 * Shapes:  a peer is a struct peer_view, kept by the shell.  What it said is
 *          believed about itself only.  A message counts as known to a peer
 *          from the moment that gossip_next asked to send it: connections
 *          lose nothing without ending, and a new one begins a new view.
 * Memory:  a view is of fixed size.  An act and all it points to hold until
 *          the next call for that gossip_act or the next consensus_step. */
#ifndef WARREN_CONSENSUS_GOSSIP_H
#define WARREN_CONSENSUS_GOSSIP_H

#include "base/limits.h"
#include "consensus/consensus.h"
#include "wire/consensus.h"

enum {
    VOTE_WORDS        = (VOTES_MAX + 63) / 64,
    PART_WORDS        = (BLOCK_PARTS_MAX + 63) / 64,
    GOSSIP_LOADS_MAX  = 8, /* stored parts under way, per peer */
    GOSSIP_OWED_MAX   = 4, /* VoteSetBits that wait for room, per peer */
    GOSSIP_VOTES_GOOD = 10000,
    /* Another's proposal and its parts are first left to others to send: for
     * so long after the last one came, the larger the block the longer, and
     * longer once the peer votes, which it mostly does because it has them
     * all. */
    GOSSIP_HOLD_US       = 100000,
    GOSSIP_HOLD_PART_US  = 10000,
    GOSSIP_HOLD_VOTED_US = 500000,
    /* So are votes of others: HasVote mostly comes before this ends. */
    GOSSIP_HOLD_VOTES_US = 30000,
    /* Whoever then still lacks some is not kept waiting for so many heights,
     * twice as many the next time, until it is seen not to depend on us. */
    GOSSIP_NEED_FIRST = 4,
    GOSSIP_NEED_MAX   = 64,
};
/* How often gossip_query is to be called for each peer. */
#define GOSSIP_QUERY_NS INT64_C(2000000000)

/* Which of a set's votes a peer has; n 0: not yet known how many there are. */
struct vote_bits {
    size_t   n;
    uint64_t w[VOTE_WORDS];
};

/* A block id by value. */
struct kept_id {
    uint8_t  hash[HASH_BYTES], parts_hash[HASH_BYTES];
    uint32_t total;
    bool     is_nil;
};

struct owed_bits {
    int64_t        height;
    int32_t        round, type;
    struct kept_id id;
};

/* For how many heights, and up to which, a peer gets from us at once what
 * others could send it. */
struct need {
    int64_t heights, until;
};

struct peer_view {
    struct peer_id id;
    int64_t        height; /* 0: it has not said yet */
    int32_t        round;
    uint32_t       step;

    /* has_parts: it has the header of a part set. */
    bool     has_proposal, has_parts, is_pol_owed;
    uint32_t parts_total;
    uint8_t  parts_hash[HASH_BYTES];
    uint64_t parts[PART_WORDS];

    int32_t          pol_round, last_commit_round, catchup_round; /* -1: none */
    struct vote_bits prevotes, precommits, pol, last_commit, catchup;

    /* The block stored at the height of a peer far behind. */
    struct kept_id stored_id;
    int64_t        stored_height; /* for which stored_id is known */
    bool           is_commit_given, is_commit_loading, is_commit_missing;
    size_t         loads;

    struct owed_bits owed[GOSSIP_OWED_MAX];
    size_t           owed_count;
    unsigned         queries; /* a bit for each kind of VoteSetMaj23 to send */

    bool are_parts_told; /* by itself: it lacks the others for sure */

    /* The proposal or parts held back: of this round, which were so many at
     * that time. */
    bool        is_held;
    size_t      held_count;
    uint64_t    held_us;
    uint64_t    votes_held_us;  /* since when some are held; 0: none */
    bool        has_held_votes; /* found while looking for one to send */
    uint64_t    hold_until_us;  /* gossip_next has more to say then; 0: no */
    struct need blocks, votes;
    uint32_t    turn; /* where the search for something starts */
    uint64_t    contributions;
};

/* What we are, besides the core. */
struct gossip_env {
    const struct consensus *core;
    int64_t                 store_base; /* lowest stored height; 0: none */
    bool                    is_syncing; /* blocks come by block sync */
    uint64_t                now_us;     /* 0: hold nothing back */
};

void peer_view_init(struct peer_view *p, const struct peer_id *id);

/* ---- hearing ---- */

struct gossip_heard {
    /* Static; not NULL: disconnect this peer. */
    const char *drop;
    /* The message is for the core, as event; it borrows from the bytes and
     * the arena.  All of these go to the WAL first, a claim too: a vote that
     * counted only because of it would not count in a replay, and with it
     * might go the lock. */
    bool         has_event;
    struct event event;
    /* As decoded. */
    struct consensus_msg msg;
    /* A peer so useful that its address is worth keeping. */
    bool is_good;
};

/* gossip_hear - take one message of a peer.
 *
 * What is malformed, or what no honest peer would say, is to end the
 * connection; what is stale, early or on the wrong channel is left out.  A
 * part or vote is for the core only if its height is ours (or a precommit of
 * the last one). */
void gossip_hear(struct peer_view *p, const struct gossip_env *env,
                 uint8_t channel, struct span bytes, struct arena *a,
                 struct gossip_heard *out);

/* ---- saying ---- */

/* Channels with room for a message, as a set. */
enum {
    ROOM_STATE = 1, /* 0x20 */
    ROOM_DATA  = 2, /* 0x21 */
    ROOM_VOTES = 4, /* 0x22 */
    ROOM_BITS  = 8, /* 0x23 */
    ROOM_ALL   = 15,
};

struct gossip_act {
    enum gossip_act_kind {
        ACT_SAY, /* msg, on channel */
        /* Load the part at index of the block stored at height; say it with
         * height and round as given; then call gossip_part_done. */
        ACT_LOAD_PART,
        /* Load the commit for height (with extensions if is_extended), then
         * call gossip_commit with it, or with NULL. */
        ACT_LOAD_COMMIT,
    } kind;
    uint8_t  channel;
    int64_t  height;
    int32_t  round;
    uint32_t index;
    bool     is_extended;
    bool     can_wait; /* an announcement that nobody acts on at once */

    struct consensus_msg msg;
    union {
        struct new_round_step  step;
        struct new_valid_block valid_block;
        struct proposal_msg    proposal;
        struct proposal_pol    pol;
        struct block_part_msg  part;
        struct vote_msg        vote;
        struct has_vote        has_vote;
        struct vote_set_maj23  maj23;
        struct vote_set_bits   bits;
    } body;
    struct bit_array array;
    struct vote      made; /* of a commit */
    struct kept_id   id;
    uint64_t         words[VOTE_WORDS];
};

/* gossip_greet - NewRoundStep, to a peer that has just connected (unless we
 * sync) and to all once we take part. */
void gossip_greet(struct gossip_act *out, const struct consensus *c,
                  struct stamp now);
/* gossip_greet_block - to be said after the greeting: NewValidBlock, when a
 * decided block is being collected; false when none is. */
bool gossip_greet_block(struct gossip_act *out, const struct consensus *c);
/* gossip_announce - what all peers are told of an effect: of FX_NEW_STEP,
 * FX_HAS_VOTE and FX_NEW_VALID_BLOCK; false for others. */
bool gossip_announce(struct gossip_act *out, const struct effect *e,
                     struct stamp now);

/* gossip_next - the next thing that this peer lacks and room allows; it is
 * then regarded as known to the peer.  False when there is nothing.
 *
 * To be called until false after every step of the core, message of the peer
 * and gain of room, and at hold_until_us. */
bool gossip_next(struct peer_view *p, const struct gossip_env *env,
                 unsigned room, struct gossip_act *out);
/* gossip_query - from now on gossip_next asks about quorums. */
void gossip_query(struct peer_view *p);

/* gossip_part_done - an ACT_LOAD_PART ended, well or not. */
void gossip_part_done(struct peer_view *p);
/* gossip_commit - the answer to ACT_LOAD_COMMIT; then gossip_next_of_commit
 * until it is false or no room is left. */
void gossip_commit(struct peer_view *p, int64_t height,
                   const struct extended_commit *c);
bool gossip_next_of_commit(struct peer_view *p, const struct extended_commit *c,
                           struct gossip_act *out);

/* ---- shared by gossip.c and gossip_hear.c ---- */

/* peer_view_votes - the bits that a peer's votes of this kind are kept in, or
 * NULL. */
struct vote_bits *peer_view_votes(struct peer_view *p, int64_t height,
                                  int32_t round, int32_t type);
/* peer_view_ensure - n validators vote at height. */
void peer_view_ensure(struct peer_view *p, int64_t height, size_t n);
void peer_view_has_vote(struct peer_view *p, int64_t height, int32_t round,
                        int32_t type, int32_t index);
void peer_view_has_proposal(struct peer_view *p, const struct proposal *o);
void peer_view_has_part(struct peer_view *p, int64_t height, int32_t round,
                        uint32_t index);
void kept_id_set(struct kept_id *k, const struct block_id *id);
struct block_id kept_id_view(const struct kept_id *k);

#endif
