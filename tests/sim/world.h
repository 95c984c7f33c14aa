/* world - the clock, the queue, the links, and all that a schedule makes. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "node.h"
#include "tally.h"

enum item_kind {
    ITEM_MESSAGE,
    ITEM_TIMER,
    ITEM_QUERY,
    ITEM_FETCH,
    ITEM_HOLD, /* what was held back may be said */
    ITEM_CRASH,
    ITEM_RESTART,
    ITEM_PARTITION,
    ITEM_MEND, /* the end of a partition */
    ITEM_CONNECT,
    ITEM_HEAL, /* the end of the storm */
};

struct item {
    int64_t        at;
    uint64_t       number; /* of its creation: ties go in order */
    enum item_kind kind;
    int            from, to;
    uint64_t       epoch; /* of the link, or number of the timer */
    uint8_t        channel;
    struct span    bytes;
};

struct link {
    bool     is_up;
    uint64_t epoch;
    int      count;   /* messages under way */
    int64_t  last[4]; /* of each channel, when links keep order */
};

/* A vote as it goes to peers. */
struct encoded {
    uint64_t    key;
    struct span bytes;
};

/* Of one round, the messages held back: proposal, prevotes and precommits of
 * these validators on the way to these nodes (a bit each), until so long
 * after the first of them was sent. */
struct aim {
    bool     is_chosen;
    unsigned from[3], to[3];
    int64_t  lasts[3], until[3];
};

/* A block that exists somewhere, and what is known of it. */
struct known_block {
    struct block_id id;
    struct part_set parts;
    struct stamp    time;
    bool            is_bad;    /* it does not hold, or is refused */
    uint64_t pols[ROUNDS_MAX]; /* with which POL rounds, +1, a bit each */
};

struct world {
    struct plan        plan;
    struct rng         rng;
    struct arena       arena;
    struct arena       facts; /* that evidence is checked against */
    struct chain_state genesis;
    struct privkey     keys[VALS_MAX]; /* by place in the genesis set */
    struct val         vals[VALS_MAX]; /* the same */
    /* What each height's set is to be; the set itself. */
    int64_t           power[HEIGHTS_MAX + 2][VALS_MAX];
    struct validators sets[HEIGHTS_MAX + 2];
    int8_t            proposers[HEIGHTS_MAX][ROUNDS_MAX]; /* + 1; 0: unknown */
    struct node       nodes[NODES_MAX];
    size_t            node_count;
    int64_t           now;
    struct item      *queue;
    size_t            queued;
    uint64_t          numbers, hash, steps;
    struct link       links[NODES_MAX][NODES_MAX];
    struct encoded    encoded[ENCODED_MAX];
    struct aim        aims[HEIGHTS_MAX][AIM_ROUNDS];
    bool              is_fair, is_verbose, is_over;
    unsigned          parted; /* a bit for each node of one side */

    /* check.c */
    struct known_block blocks[HEIGHTS_MAX][BLOCKS_MAX];
    size_t             block_count[HEIGHTS_MAX];
    /* Which values each validator signed. */
    uint64_t        said[HEIGHTS_MAX][ROUNDS_MAX][2][VALS_MAX];
    uint8_t         proposed[HEIGHTS_MAX][ROUNDS_MAX][VALS_MAX];
    int             decided[HEIGHTS_MAX]; /* block, 0: none yet */
    int64_t         highest, goal, healed_at;
    struct punished punished[KEPT_MAX];
    size_t          punished_count;
    int64_t         punished_height;
    char            violation[256];
    uint64_t        tally[TALLY_COUNT];
};
extern struct world W;

static inline void tally(enum tally_kind what)
{
    W.tally[what]++;
}

void world_run(const struct plan *p, bool is_verbose);
void world_open(void);
void world_push(struct item it, int64_t delay);
/* world_send - held: how much later than otherwise. */
void           world_send(int from, int to, uint8_t channel, struct span bytes,
                          int64_t held);
void           world_disconnect(int a, int b);
bool           world_has_room(int from, int to);
void           world_say(const char *fmt, ...) PRINTF_LIKE(1, 2);
struct span    world_encode(enum consensus_kind kind, void *member);
struct peer_id world_id(int node);

/* ---- sets.c ---- */

/* sets_open - who has which power at which height. */
void sets_open(void);
/* sets_changes - what the block at height changes; returns how many. */
size_t sets_changes(struct val out[VALS_MAX], int64_t height);
/* sets_place - where a validator stands in the set of height, or -1. */
int32_t sets_place(int64_t height, int val);
/* sets_val - whose address it is, or -1. */
int sets_val(struct span address);

#endif
