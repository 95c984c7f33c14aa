/* sim - many nodes in one process, with one seed: the production cores of
 * consensus, gossip and evidence, and the WAL, over a fake clock, network and
 * disk.
 *
 * A schedule is a storm (delays, losses, partitions, crashes, validators that
 * lie) and then fair weather, in which the chain has to go on.  Everything is
 * drawn from the seed; the same seed gives the same trace hash.
 *
 *   plan.c      what a seed means: how many nodes, who is evil, what breaks
 *   world.c     clock, queue, links between nodes
 *   sets.c      who is a validator at which height
 *   aim.c       what the network holds back on purpose
 *   node.c      a node: what the shell does, without a disk or a socket
 *   fetch.c     its block sync
 *   proof.c     its evidence pool's surroundings
 *   log.c       its WAL
 *   disk.c      its store, its signer
 *   evil.c      validators without a core, which say anything
 *   lies.c      blocks that do not hold
 *   check.c     what must hold, computed from what was signed
 *   blame.c     who must be punished, and who not
 *   crypto.c    signatures that cost nothing
 * Units: time in nanoseconds since the schedule began.
 * Memory: what a schedule makes is in world.arena until it ends. */
#ifndef SIM_H
#define SIM_H

#include "consensus/consensus.h"
#include "consensus/gossip.h"
#include "consensus/pool.h"
#include "consensus/sync.h"
#include "consensus/wal.h"
#include "wire/blocksync.h"

#include "tally.h"

enum {
    NODES_MAX   = 12,
    VALS_MAX    = 10,
    HEIGHTS_MAX = 128,
    ROUNDS_MAX  = 64,
    BLOCKS_MAX  = 64, /* of a height; the first is nil */
    QUEUE_MAX   = 1 << 17,
    RECORDS_MAX = 1 << 16,
    DEEDS_MAX   = 200,
    KEPT_MAX    = 4096, /* evidence on a disk */
    CREDIT      = 32,   /* messages under way on a link */
    ENCODED_MAX = 4096, /* votes, encoded */
    AIM_ROUNDS  = 6,    /* of a height, in which it is aimed */
};

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

/* ---- plan.c ---- */

struct rng {
    uint64_t s;
};
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* n > 0 */
bool     rng_chance(struct rng *r, unsigned percent);
uint64_t mix64(uint64_t h, uint64_t v);
uint64_t mix_bytes(uint64_t h, struct span s);

enum role { ROLE_HONEST, ROLE_TWINS, ROLE_PUPPET, ROLE_SILENT, ROLE_FORGETFUL };

struct plan {
    uint64_t  seed;
    size_t    validators; /* of the genesis */
    size_t    keys;       /* with those that may join */
    unsigned  changes;    /* how often the set changes, percent of heights */
    int64_t   power[VALS_MAX];
    enum role role[VALS_MAX];
    int64_t   goal;     /* heights to decide, at least */
    int64_t   storm;    /* how long */
    int64_t   patience; /* how long fair weather may take */
    unsigned  loss, duplicates, late, crashes, partitions; /* percent */
    unsigned  evil; /* how often puppets speak, percent */
    unsigned  aim;  /* how often messages are held on purpose, percent */
    bool      is_fifo, is_long, has_big_blocks, skips_commit_wait, is_patient,
        has_sync, is_fork; /* the evil ones may hold more than a third */
    unsigned set_backs;    /* how often a store is an older copy, percent */
    int64_t  extensions_from;
    int64_t  skew[NODES_MAX];
};
void plan_make(struct plan *p, uint64_t seed, bool is_long);
void plan_print(const struct plan *p);

/* ---- disk.c ---- */

/* Evidence, pending or committed. */
struct kept {
    struct hash hash;
    int64_t     height;
    struct span bytes;
    bool        is_pending, is_committed;
};

/* What outlives a crash: all but the records that were not synced. */
struct disk {
    struct wal *wal; /* while the process runs */
    char        path[96];
    uint64_t    synced; /* bytes of its newest file */
    size_t      records;

    int64_t                 height; /* of the last block */
    struct part_set         parts[HEIGHTS_MAX];
    struct block_id         ids[HEIGHTS_MAX];
    struct extended_commit *commits[HEIGHTS_MAX];
    struct chain_state     *state; /* after height or height - 1 */

    struct kept *kept;
    size_t       kept_count;

    /* A copy of it, made while nothing ran. */
    struct {
        int64_t             height;
        struct chain_state *state; /* NULL: no copy */
        struct kept        *kept;
        size_t              kept_count;
    } copy;

    /* The signer's. */
    int64_t      signed_height;
    int32_t      signed_round, signed_step;
    struct span  signed_bytes, signature;
    struct stamp signed_time;
};

/* ---- log.c ---- */

struct node;
void log_root(void); /* once */
void log_open(struct node *n);
void log_message(struct node *n, const struct consensus_msg *m,
                 const struct peer_id *peer);
void log_take_back(struct node *n); /* that message was of no use */
void log_timeout(struct node *n, const struct timeout *t);
void log_step(struct node *n, const struct effect *e);
void log_end_height(struct node *n, int64_t height);
void log_sync(struct node *n);
void log_crash(struct node *n);
void log_forget(struct node *n); /* there was never one */
/* log_behind - what the log holds behind the store's height, or NULL: then its
 * end is noted, or the store is behind and gets its blocks from others. */
struct wal_replay *log_behind(struct node *n);

/* ---- node.c ---- */

/* Two votes for one thing. */
struct deed {
    int64_t height;
    int32_t round, type;
    int     val;
};

struct punished {
    struct hash hash;
    struct deed deed;
};

struct own {
    struct span bytes;
    bool        is_logged;
    struct own *next;
};

/* Blocks that the node lacks. */
struct fetch {
    struct sync sync;
    bool        is_going, is_blaming_fair;
    int64_t     first;
    uint64_t    number; /* of this time */
    uint64_t    asked_us, status_us, begun_us, moved_us;
};

struct node {
    int     index, val; /* whose key it holds */
    bool    is_up, is_replaying, is_dying;
    bool    has_started;         /* it took part since */
    bool    is_timer_kept;       /* it rang while blocks were fetched */
    int64_t log_ahead, log_from; /* the log ended that, the store did not */
    struct fetch     fetch;
    struct consensus core;
    struct effects   fx;
    struct disk      disk;
    struct own      *own_first, *own_last;
    struct arena     in, app;
    int64_t          timer_at;
    uint64_t         hold_until; /* us; 0: nothing waits to be said */
    uint64_t         timer_number;
    struct stamp     replay_now;
    /* Where it stopped waiting for a proposal. */
    int64_t           late_height;
    int32_t           late_round;
    struct peer_view  views[NODES_MAX + VALS_MAX];
    struct gossip_act act;
    struct pool       pool;
    struct deed       deeds[DEEDS_MAX]; /* seen since it started */
    size_t            deed_count;
    uint64_t          cursors[NODES_MAX];
    int               queries;
    enum pool_verdict verdict;
};

void node_open(struct node *n, int index);
void node_start(struct node *n);
void node_crash(struct node *n);
void node_timer(struct node *n);
void node_message(struct node *n, int from, uint8_t channel, struct span bytes);
void node_connect(struct node *n, int peer);
void node_gossip(struct node *n);
void node_query(struct node *n);
void node_unhold(struct node *n, uint64_t at);
/* node_apply - store and execute a decided block; false if it dies of it. */
bool node_apply(struct node *n, const struct effect *e);
/* node_fetched - there is nothing more to fetch: what the log holds comes now,
 * if the store was set back, else it joins.  Did it move? */
void node_fetched(struct node *n, bool has_moved);
void node_joins(struct node *n, bool has_moved);
bool node_is_honest(const struct node *n);
/* node_may_stray - a twin where twins may fork: it can be led onto a branch
 * that no honest one is on, and then it halts, or is at odds with others,
 * rightly.  are_at_odds - may that be so for one of two? */
bool         node_may_stray(const struct node *n);
bool         are_at_odds(const struct node *n, int other);
struct stamp node_now(const struct node *n);

void disk_save_block(struct node *n, const struct effect *apply);
bool disk_sign(struct node *n, const struct effect *e, struct event *ev);
/* disk_set_back - copy the store, or put back the copy that there is, if others
 * have all blocks that this takes away. */
void disk_set_back(struct node *n);
/* disk_next_state - what executing the block at a height leads to. */
struct chain_state *disk_next_state(struct node *n, const struct chain_state *s,
                                    int64_t height);

/* ---- fetch.c ---- */

void fetch_open(struct node *n); /* at every start */
void fetch_begin(struct node *n);
void fetch_tick(struct node *n);
void fetch_look(struct node *n); /* is it left behind? */
void fetch_up(struct node *n, int peer);
void fetch_down(struct node *n, int peer);
void fetch_message(struct node *n, int from, struct span bytes);

/* ---- proof.c ---- */

void proof_open(struct node *n);
void proof_start(struct node *n);
void proof_gossip(struct node *n, int peer);
void proof_message(struct node *n, int from, struct span bytes);
bool proof_is_valid(struct node *n, const struct evidence_list *l,
                    bool is_decided);

/* ---- world.c ---- */

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

/* ---- aim.c ---- */

/* aim_delay - how long a message to a node is held back. */
int64_t aim_delay(const struct consensus_msg *m, int to);

/* ---- evil.c ---- */

/* evil_on_step - an honest node has entered a step: puppets may speak. */
void evil_on_step(struct node *n);
/* evil_accusation - an EvidenceList against another, signed by itself; n is 0
 * when there is nothing to tell of that height. */
struct span evil_accusation(int val, int whom, int64_t height,
                            struct stamp now);

/* ---- check.c ---- */

void check_failed(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* check_block - the number of a block, 0 for nil; it is kept when new. */
int  check_block(int64_t height, const struct block_id *id);
int  check_new_block(int64_t height, const struct block *b,
                     const struct part_set *parts);
void check_vote(const struct node *n, int val, const struct vote *v);
void check_proposal(const struct node *n, int val, const struct proposal *p);
void check_decision(const struct node *n, const struct effect *apply);
/* check_is_punished - what was known when the storm ended is on the chain. */
bool        check_is_punished(void);
void        check_end(void);
const char *block_name(int64_t height, const struct block_id *id);
/* check_proposer - whose turn it is; by an own count as long as the set does
 * not change. */
int check_proposer(int64_t height, int32_t round);

/* ---- blame.c ---- */

/* blame_conflict - a node has seen two votes that contradict each other. */
void blame_conflict(struct node *n, const struct vote *v);
void blame_block(const struct node *n, const struct block *b);
/* blame_fork - an honest one decided what others did not: who did it? */
void blame_fork(const struct effect *e);
/* blame_is_done - what was known when the storm ended is on the chain. */
bool blame_is_done(void);
void blame_end(void);

/* ---- lies.c ---- */

/* lie_about - make a block one that does not hold; false if it still does. */
bool lie_about(struct block *b, int val);

/* ---- crypto.c ---- */

void crypto_use_stubs(bool are_used);
void crypto_sign(uint8_t sig[64], const struct privkey *k, struct span msg);

#endif
