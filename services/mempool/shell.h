/* shell - the mempool's sockets and disk around its core.
 *
 * Order of things: a transaction that the core takes waits for CheckTx, the
 * answers come in order, what is kept goes to the journal, and once that is
 * on disk its Submit is answered.  While consensus commits (Lock to Update)
 * nothing new is asked; after Update what is left is asked again first. */
#ifndef WARREN_MEMPOOL_SHELL_H
#define WARREN_MEMPOOL_SHELL_H

#include "abci/abci.h"
#include "mempool/early.h"
#include "mempool/journal.h"
#include "mempool/mempool.h"
#include "peers/peers.h"
#include "proto/mempool.pb-c.h"
#include "svc/svc.h"
#include "svc/trace.h"

enum {
    ASKED_MAX         = 1024, /* CheckTx under way: a Lock waits for them, */
    ASKED_BYTES_MAX   = 64 << 20,  /* but for rechecks of so many bytes */
    WAITING_MAX       = 65536,     /* for their CheckTx */
    WAITING_BYTES_MAX = 256 << 20, /* of these */
    JOURNAL_LAG_MAX   = 64 << 20,  /* bytes not on disk: ask no more */
    SUBMIT_TXS_MAX    = 1000,
    REPLY_BYTES_MAX   = 192 << 20,
    APP_GRACE_US      = 5000000, /* the application may be restarting */
    FRESH_US          = 2000000, /* less than consensus waits for a Lock */
    HINT_US           = 1000000,
    TRIES_MAX         = 3,
    SUBMIT_BUCKETS    = 4096,
    CLIENTS_MAX       = 256, /* as many as the bus serves */
    GOSSIP_PEERS_MAX  = 64,  /* bits of a transaction's senders */
};

struct submit;

/* A process that sends requests. */
struct client {
    uint32_t peer;
    uint64_t boot;
};

/* A peer that transactions are passed on to, each cursor at a pace of its
 * own: what goes out at once, what is announced, what was left to others. */
struct gossip_slot {
    uint64_t              peer;
    struct mempool_cursor sent, told, left;
    int64_t               budget; /* bytes, until the next tick */
    /* It turned out to get its transactions from us: so many more, up to
     * this seq, go out at once. */
    uint64_t need, need_seq;
    bool     is_used, has_room;
    bool     has_seen; /* it knows of SEEN_CHANNEL */
};

/* One transaction on its way to the application and back. */
struct check {
    struct check  *next;
    struct submit *submit; /* NULL: it came from a peer */
    uint32_t       index;  /* in the submit */
    uint32_t       tries;  /* connections that ended at this one */
    uint64_t       sender;
    uint8_t        key[HASH_BYTES];
    struct span    tx; /* malloc()ed */
};

struct check_queue {
    struct check *first, **end;
    size_t        n, bytes;
};

/* A request that is answered later. */
struct held {
    struct held    *next;
    struct bus_call call;
    uint64_t        mark; /* of the journal, or what to reap */
    int64_t         max_bytes, max_gas;
};

struct shell {
    struct svc         *svc;
    struct mempool      core;
    struct arena        memory;  /* of the core */
    struct arena        scratch; /* of one request */
    struct journal     *journal; /* NULL when switched off */
    struct abci_client *app;
    struct timer        grace, hint, recheck_timeout;
    bool                is_app_late, is_hinted, is_recheck_on;
    int64_t             recheck_timeout_ns;
    struct check_queue  waiting, asked;
    struct submit      *submits[SUBMIT_BUCKETS]; /* not answered, by origin */
    struct submit      *ready, **ready_end; /* wait for the disk, in order */
    struct held        *reaps, *updates;

    struct client clients[CLIENTS_MAX];
    size_t        client_count;

    struct peers      *peers;
    struct gossip_slot slots[GOSSIP_PEERS_MAX]; /* the index is the bit */
    struct early       early;
    struct deferred    gossip_due;
    struct timer       gossip_tick, gossip_pace, gossip_later;
    bool               is_paced; /* serving is due */
    bool               is_later; /* or at least later */
    uint64_t           gossiped_us, pace_us;
    int64_t            tick_bytes;
    size_t             batch_bytes_max; /* of a message: 0 is one tx */
    bool               is_broadcasting, is_ticking, is_holding;

    bool            is_locked;
    int64_t         lock_height;
    uint64_t        locked_us;
    bool            is_lock_whole; /* the application was there all along */
    struct bus_call lock;          /* while has_lock_call: not answered yet */
    bool            has_lock_call;
    bool            is_rechecking; /* reaps wait */
    bool            is_final;      /* what fails is removed */
    size_t          rechecks_asked;
    uint64_t        recheck_heard_us; /* or begun */
};

NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* ---- checks.c: the way to the application ---- */

void checks_open(struct shell *s);
void checks_close(struct shell *s);
/* checks_add - to the end of those that wait; false when too many do. */
NODISCARD bool checks_add(struct shell *s, struct submit *submit,
                          uint32_t index, uint64_t sender,
                          const uint8_t key[HASH_BYTES], struct span tx);
/* checks_go - send what may be sent now. */
void checks_go(struct shell *s);
/* checks_recheck - ask about all that wait for a block again. */
void checks_recheck(struct shell *s, bool is_final);
/* checks_probe - CheckTx for a client, of which nothing is kept. */
void checks_probe(struct shell *s, struct bus_call call, struct span tx);

/* checks_forget_sender - that bit means another peer from now on. */
void checks_forget_sender(struct shell *s, uint64_t bit);

/* ---- gossip.c: peers ---- */

void gossip_open(struct shell *s);
void gossip_close(struct shell *s);
/* gossip_add - pass it on. */
void gossip_add(struct shell *s, struct mempool_tx *tx);
/* gossip_balance - stop or go on reading from peers. */
void gossip_balance(struct shell *s);

/* ---- submit.c: requests that bring transactions ---- */

void submit_open(struct shell *s);
/* submit_origin - a number for the request, 0 for NULL. */
uint64_t submit_origin(const struct submit *u);
void     submit_begin(struct shell *s, struct bus_call call,
                      const Mempool__Submit *m);
/* submit_answer - the verdict on one; res and error may be NULL. */
void submit_answer(struct submit *u, uint32_t index,
                   enum mempool_refusal            refusal,
                   const struct abci_res_check_tx *res, const char *error);
/* submit_request - whose request one is; none for NULL. */
struct request_id submit_request(const struct submit *u, uint32_t index);
/* submit_flush - answer those whose verdicts are all there and on disk. */
void submit_flush(struct shell *s);
void submit_close(struct shell *s);

/* ---- requests.c: all others ---- */

void request_dispatch(struct shell *s, struct bus_call call, struct span body);
/* request_flush - answer the updates that are on disk, and the reaps when no
 * recheck holds them. */
void request_flush(struct shell *s);
void request_gone(struct shell *s, uint32_t peer);
void request_close(struct shell *s);
void reply(struct bus_call call, Mempool__Reply *r);
void reply_done(struct bus_call call);

/* ---- shell.c ---- */

/* shell_keep - it waits for a block from now on: to the journal. */
void shell_keep(struct shell *s, struct mempool_tx *tx);
/* shell_drop - it was removed from the core. */
void shell_drop(struct shell *s, uint32_t segment, struct span bytes);
/* shell_available - tell consensus that there is something, once a height. */
void shell_available(struct shell *s);
void shell_measure(struct shell *s);
/* shell_boot - the boot id of a client, 0 when unknown. */
uint64_t shell_boot(const struct shell *s, uint32_t peer);

enum shell_count { COUNT_FAILED, COUNT_REJECTED, COUNT_EVICTED, COUNT_RECHECK };
void shell_count(enum shell_count what);

#endif
