/* node - a node: what outlives its crashes, what it knows while it runs, and
 * what can be done with it. */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "plan.h"

#include "consensus/consensus.h"
#include "consensus/gossip.h"
#include "consensus/pool.h"
#include "consensus/sync.h"
#include "consensus/wal.h"
#include "wire/blocksync.h"

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

struct node;
void disk_save_block(struct node *n, const struct effect *apply);
bool disk_sign(struct node *n, const struct effect *e, struct event *ev);
/* disk_set_back - copy the store, or put back the copy that there is, if others
 * have all blocks that this takes away. */
void disk_set_back(struct node *n);
/* disk_next_state - what executing the block at a height leads to. */
struct chain_state *disk_next_state(struct node *n, const struct chain_state *s,
                                    int64_t height);

/* ---- log.c ---- */

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
    int64_t log_missed;          /* and its replay did not decide it */
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

void node_timer(struct node *n);
void node_message(struct node *n, int from, uint8_t channel, struct span bytes);
/* node_feed - one event, and what follows of it at once. */
void node_feed(struct node *n, struct event ev);
/* node_pump - everything of its own goes in before anything else. */
void node_pump(struct node *n);
/* node_apply - store and execute a decided block; false if it dies of it. */
bool node_apply(struct node *n, const struct effect *e);
bool node_is_honest(const struct node *n);
/* node_may_stray - a twin where twins may fork: it can be led onto a branch
 * that no honest one is on, and then it halts, or is at odds with others,
 * rightly.  are_at_odds - may that be so for one of two? */
bool         node_may_stray(const struct node *n);
bool         are_at_odds(const struct node *n, int other);
struct stamp node_now(const struct node *n);

/* ---- talk.c ---- */

void              node_connect(struct node *n, int peer);
void              node_gossip(struct node *n);
void              node_query(struct node *n);
void              node_unhold(struct node *n, uint64_t at);
void              talk_announce(struct node *n, const struct effect *e);
void              talk_to(struct node *n, int peer);
void              talk_greet(struct node *n, int peer);
struct gossip_env talk_env(const struct node *n);

/* ---- life.c ---- */

void node_open(struct node *n, int index);
void node_start(struct node *n);
void node_crash(struct node *n);
/* node_fetched - there is nothing more to fetch: what the log holds comes now,
 * if the store was set back, else it joins.  Did it move? */
void node_fetched(struct node *n, bool has_moved);
void node_joins(struct node *n, bool has_moved);

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

#endif
