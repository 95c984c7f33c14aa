/* reactor - consensus among peers: who is there, what they say goes to the
 * core, what they lack goes to them.
 *
 * Source:  CometBFT v0.38 consensus/reactor.go; the decisions
 *          are in gossip.h.
 * Shapes:  what waits for the core is bounded (inputs.h): before that is full
 *          p2p is not confirmed any more, and stops reading from peers.  What
 *          one peer may be sent in a turn is bounded, and nothing is sent
 *          where it says that there is no room.
 * Memory:  a struct remote for each peer; KEPT_BLOCKS blocks of the store
 *          for those that are behind. */
#ifndef WARREN_CONSENSUS_REACTOR_H
#define WARREN_CONSENSUS_REACTOR_H

#include "consensus/gossip.h"
#include "peers/peers.h"

struct shell;

enum {
    KEPT_BLOCKS = 3,
    /* For one peer, until the next turn. */
    TURN_BYTES = 4 * PART_BYTES,
    TURN_US    = 2000,
};

/* A part that a peer behind us waits for. */
struct part_load {
    int64_t  height;
    int32_t  round;
    uint32_t index;
};

struct remote {
    uint64_t         number;
    struct peer_view view;
    unsigned         room; /* ROOM_* */
    bool             is_dropped, is_commit_wanted, is_commit_extended;
    int64_t          commit_height;
    struct part_load loads[GOSSIP_LOADS_MAX];
    size_t           load_count;
};

/* A stored block, cut into parts again. */
struct kept_block {
    int64_t         height; /* 0: none */
    uint64_t        used;   /* when, for the eviction */
    bool            is_ready;
    struct arena    arena;
    struct part_set parts;
};

struct reactor {
    struct shell     *shell;
    struct peers     *peers;
    struct remote   **v;
    size_t            n, cap;
    struct arena      in, out;
    struct gossip_act act;
    bool              is_held;
    struct kept_block kept[KEPT_BLOCKS], *asked;
    uint64_t          turn;
    uint64_t          commit_peer; /* whose commit was asked for, 0: nobody's */
    struct timer      query, more;
    struct deferred   later;
};

void reactor_open(struct reactor *r, struct shell *s);
void reactor_close(struct reactor *r);

/* reactor_start - meet the peers; the core has begun. */
void reactor_start(struct reactor *r);
/* reactor_joined - we take part (again): all are told where we are. */
void reactor_joined(struct reactor *r);
/* reactor_effect - what the peers must hear of an effect. */
void reactor_effect(struct reactor *r, const struct effect *e);
/* reactor_say - tell each peer what it lacks; after steps of the core. */
void reactor_say(struct reactor *r);
/* reactor_taken - inputs were taken: perhaps there is room again. */
void reactor_taken(struct reactor *r);

struct gossip_env reactor_env(const struct reactor *r);
struct remote    *reactor_find(struct reactor *r, uint64_t number);
void reactor_drop(struct reactor *r, struct remote *p, const char *why,
                  uint32_t ban_seconds);
/* reactor_send - one message of consensus. */
void reactor_send(struct reactor *r, struct remote *p, uint8_t channel,
                  const struct consensus_msg *m);

/* ---- reactor_stored.c: for peers that are behind ---- */

/* stored_part, stored_commit - as an act of gossip_next asks. */
void stored_part(struct reactor *r, struct remote *p,
                 const struct gossip_act *act);
void stored_commit(struct reactor *r, struct remote *p,
                   const struct gossip_act *act);
/* stored_go - load what is wanted next. */
void stored_go(struct reactor *r);

#endif
