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
#include "consensus/pace.h"
#include "consensus/sync.h"
#include "peers/peers.h"
#include "wire/blocksync.h"

struct shell;
struct apply;
struct pair;

enum {
    KEPT_BLOCKS = 3,
    SERVED_MAX  = 64, /* blocks that one peer may wait for */
    /* Of store at a time, unless one block is more. */
    SERVED_BYTES = 4 * PART_BYTES,
    /* For one peer, until the next turn. */
    TURN_BYTES = 4 * PART_BYTES,
    TURN_US    = 2000,
    /* Beside those of gossip.h. */
    ROOM_EVIDENCE    = 16,
    EVIDENCE_CHANNEL = 0x38,
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
    uint64_t         evidence_cursor; /* it was told what is before */

    /* Block sync. */
    bool    has_blocks, has_block_room; /* it has the channel */
    int64_t served[SERVED_MAX];         /* heights that it waits for */
    size_t  served_count;
};

/* A stored block, cut into parts again. */
struct kept_block {
    int64_t         height; /* 0: none */
    uint64_t        used;   /* when, for the eviction */
    bool            is_ready;
    struct arena    arena;
    struct part_set parts;
};

/* Fetching blocks. */
struct fetch {
    struct sync  sync;
    struct pair *pair;  /* its evidence is checked */
    struct pair *ahead; /* above the block being applied, verified; or NULL */
    bool         is_going; /* blocks are wanted */
    bool         has_started, is_applying, needs_proof;
    uint64_t     status_us; /* when a peer last told us its height */
    uint64_t     asked_us;  /* when all were asked */
    uint64_t     begun_us;  /* when it began */
    uint64_t     looked_us; /* when we last looked who is late */
    uint64_t     moved_us;  /* when there was a block, or no need of one */
    uint64_t     again_us;  /* when it may begin again after a stall */
    uint64_t     pause_us;  /* the last time between these */
    uint64_t     note_us;   /* when the log was told */
    int64_t      first;
    bool         has_bar; /* people look at a terminal */
    struct pace  pace;
    struct arena chain[2], work[2], seen; /* in turn; the last commit */
    size_t       turn, work_turn;
    struct extended_commit last_seen;
    struct commit          known; /* the last one that was verified */
    bool                   has_known;
    struct timer           tick;
};

struct reactor {
    struct shell     *shell;
    struct peers     *peers;
    struct remote   **v;
    size_t            n, cap;
    struct arena      in, out;
    struct gossip_act act;
    bool              is_held;
    uint64_t          offered_us; /* evidence, from the first on */
    struct kept_block kept[KEPT_BLOCKS], *asked;
    uint64_t          turn;
    uint64_t          commit_peer; /* whose commit was asked for, 0: nobody's */
    struct fetch      fetch;
    uint64_t          serving;     /* a peer; store was asked for it; 0: none */
    uint64_t          served_last; /* a peer; who comes next is behind it */
    struct timer      query, more;
    struct deferred   later, serve;
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

/* ---- reactor_serve.c: block sync, for others ---- */

enum { BLOCKSYNC_CHANNEL = 0x40 };

void serve_status(struct reactor *r, struct remote *p);
void serve_block(struct reactor *r, struct remote *p, int64_t height);
/* serve_go - what is asked for next, if its peer has room. */
void serve_go(struct reactor *r);
/* serve_say - one message of block sync. */
void serve_say(struct reactor *r, struct remote *p,
               const struct blocksync_msg *m);

/* ---- reactor_sync.c: block sync, for us ---- */

void fetch_open(struct reactor *r);
void fetch_close(struct reactor *r);
void fetch_hear(struct reactor *r, struct remote *p, struct span bytes);
void fetch_up(struct reactor *r, struct remote *p);
void fetch_down(struct reactor *r, uint64_t peer);
/* fetch_is_wanted - at start: a sole validator has nobody to ask. */
bool fetch_is_wanted(const struct reactor *r);
/* fetch_begin - from the core's height on; the core rests. */
void fetch_begin(struct reactor *r);
/* fetch_verify - what comes after the block being applied, meanwhile. */
void fetch_verify(struct reactor *r);
/* fetch_foretell - the application was asked to commit the block being
 * applied: it may have the next one at once. */
void fetch_foretell(struct reactor *r);
/* fetch_applied - the block that was being applied, and the state after. */
void fetch_applied(struct reactor *r, const struct apply *a);
/* fetch_look - are we left behind? */
void fetch_look(struct reactor *r);

#endif
