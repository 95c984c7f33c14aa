/* shell - everything that consensus does to the world, and its order.
 *
 * One core, one WAL, and clients of store, mempool, application and signer.
 * Any of those may go away and come back at any moment: what was asked of it
 * is asked again.
 *
 *   shell.c         open and close; one step of the core, its effects
 *   pump.c          inputs through the WAL into the core; replay
 *   boot.c          from the store's state to the first round
 *   app.c           the application: handshake, blocks that it lacks
 *   ask.c           what the core asks of application, mempool and signer
 *   draft.c         a proposal that a crash cut short
 *   apply.c         a decided block: execute, store, commit, next state
 *   proof.c         evidence: what store keeps of it, what peers are told
 *   transactions.c  what mempool must hear, and tells; prune.c: old blocks
 *   status.c        what others ask us
 *   reactor.c       what peers say, and are told
 * Memory:  `in` belongs to the event being taken, `work` to the question of
 *          the core that is open, `apply_arena` to the block being applied
 *          or replayed, `store_in` to the reply of store being read. */
#ifndef WARREN_CONSENSUS_SHELL_H
#define WARREN_CONSENSUS_SHELL_H

#include "consensus/exec.h"
#include "consensus/inputs.h"
#include "consensus/pool.h"
#include "consensus/progress.h"
#include "consensus/reactor.h"
#include "consensus/signer.h"
#include "consensus/wal.h"
#include "proto/store.pb-c.h"
#include "svc/svc.h"

enum phase {
    PHASE_STORE,     /* waiting for the store's state */
    PHASE_HANDSHAKE, /* bringing the application to it */
    PHASE_COMMIT,    /* reading what else the core begins with */
    PHASE_REPLAY,    /* of the WAL */
    PHASE_SYNC,      /* taking blocks from peers; the core rests */
    PHASE_RUN,
};

struct shell;
/* checked_fn - why evidence does not hold, or NULL. */
typedef void checked_fn(struct shell *s, const char *why);

struct shell {
    struct svc  *svc;
    enum phase   phase;
    bool         is_halted;
    struct arena in, work, apply_arena, lack_arena, owed_arena, boot, store_in,
        scratch;
    struct genesis genesis;
    struct hash    genesis_hash;

    struct bus_client  *store, *mempool;
    struct store_asked *store_asks; /* what store has not answered */
    struct app          app;
    struct signer      *signer;
    struct pubkey       key; /* type none: not known yet */

    struct wal        *wal;
    struct wal_replay *replay;
    bool               has_unsynced_input; /* in the WAL */
    struct stamp       replay_now;
    int64_t            first_height; /* that the core worked on */
    /* Ended in the WAL, not in store; replays from there; did not decide it. */
    int64_t               log_ahead, log_from, log_missed;
    struct metrics_source numbers;
    struct timer          sync_timer;
    struct chain_state    chain; /* until the core has it */
    bool                  needs_proof;
    int64_t               checked_heights; /* for signatures of our key */
    void (*when_checked)(struct shell *s);
    int64_t      store_lowest, store_height;
    int64_t      saved_height, saving_height; /* of last_state */
    struct buf   last_state;
    bool         is_state_owed; /* to store, with the next block */
    struct timer retry;

    struct consensus core;
    struct effects   fx;
    struct inputs    inputs;
    struct reactor   reactor;
    struct deferred  pump_later;
    bool             is_pumping;
    struct timer     timer; /* of the core */
    struct timeout   timeout;

    struct pool  pool;
    struct arena proof_arena; /* what store answers it */
    checked_fn  *checked;     /* waits for a verdict; NULL: nobody */
    struct asker askers[POOL_PEER_JOBS_MAX];
    uint64_t     asked;

    struct lacking      lacking;
    struct question     question;
    struct apply        apply;
    struct foretold     foretold;
    struct txs_progress txs;

    bool    is_pruning;
    int64_t prune_target, evidence_height; /* headers from there on are kept */
};

NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* ---- shell.c ---- */

/* shell_feed - one step of the core, effects and all: the two below. */
void shell_feed(struct shell *s, struct event *ev);
void shell_step(struct shell *s, struct event *ev);
void shell_perform(struct shell *s);
/* shell_answer - the core's question; then go on with what waited. */
void shell_answer(struct shell *s, struct event *ev);
/* shell_halt - say why, once; decide nothing any more, but serve on. */
void shell_halt(struct shell *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* shell_chain - the state that we have reached. */
const struct chain_state *shell_chain(const struct shell *s);

/* ---- pump.c ---- */

/* pump - let the core take what waits, as long as it asks nothing. */
void pump(struct shell *s);
void pump_own(struct shell *s, const struct effect *e);
void pump_step(struct shell *s, const struct effect *e);
void pump_verified(struct shell *s); /* the vote in work counts */
void pump_sync(struct shell *s);     /* to the disk, or the process ends */
void pump_flush(struct shell *s);    /* past any kill of this process */
/* pump_now - the wall clock; in a replay what it was. */
struct stamp pump_now(const struct shell *s);

/* ---- boot.c ---- */

void boot_start(struct shell *s);
/* boot_go_on - the application holds our state; or the block that the store
 * had above it was applied; or the key became known. */
void boot_go_on(struct shell *s);
/* boot_check_signed - then, if our key has signed none of the last
 * double_sign_check_height blocks; else the process ends. */
void boot_check_signed(struct shell *s, void (*then)(struct shell *s));
/* boot_evidence_read - the pool has what was pending. */
void boot_evidence_read(struct shell *s);
/* boot_replay - what the WAL holds behind the state reached is replayed from
 * now on; where it knows of a higher height, only once block sync has come
 * there.  False when that cannot be: the process ends. */
NODISCARD bool boot_replay(struct shell *s);
/* commit_widened - a Commit or ExtendedCommit of the store, copied into the
 * arena; the former as one without extensions. */
NODISCARD bool commit_widened(struct extended_commit *out, struct span bytes,
                              bool is_extended, struct arena *a);

/* ---- app.c ---- */

void app_open(struct shell *s);
/* app_check - compare it with us and bring it up to date, then go on. */
void app_check(struct shell *s);
/* app_go_on - it holds what it must: ask it what waits. */
void app_go_on(struct shell *s);
/* app_committed - up to this height, with this hash. */
void app_committed(struct shell *s, int64_t height, struct span hash);
/* app_fault - it answered a call with an exception, or wrongly. */
void app_fault(struct shell *s, const char *call, const char *why);

/* ---- ask.c ---- */

void ask_open(struct shell *s, const struct effect *e);
/* ask_again - the application is ready (again). */
void ask_again(struct shell *s);

/* ---- draft.c ---- */

/* draft_write - the block that is to be proposed, before it is signed. */
void draft_write(struct shell *s);
/* draft_find - the block of a proposal that may be signed, but was not
 * logged, when the process ended; in `work`. */
NODISCARD bool draft_find(struct shell *s, struct span *block,
                          struct hash *hash);

/* ---- apply.c ---- */

void apply_decided(struct shell *s, const struct effect *e);
/* apply_stored - the store's block above our state; results may be empty.
 * False when it cannot be read. */
NODISCARD bool apply_stored(struct shell *s, struct span meta,
                            struct span block, struct span results);
/* apply_go - do what can be done now. */
void apply_go(struct shell *s);
/* apply_save_state - once more, to a store that is new. */
void apply_save_state(struct shell *s);
/* apply_foretell - ask the application to execute the block above already,
 * behind the Commit of this one; it must be the next to be applied. */
void apply_foretell(struct shell *s, const struct block *b,
                    const struct hash *hash);
/* apply_pause - no block follows at once: what was to travel with it goes. */
void apply_pause(struct shell *s);
void apply_retry(struct shell *s);
void apply_app_down(struct shell *s);
/* apply_app_up - it has committed up to app.height: the block's, or one
 * less. */
void apply_app_up(struct shell *s);

/* ---- proof.c ---- */

void proof_open(struct shell *s);
void proof_close(struct shell *s);
/* proof_start - the state is known: read what is pending. */
void proof_start(struct shell *s);
/* proof_check - fn hears whether a block's evidence holds, see pool_check. */
void proof_check(struct shell *s, const struct evidence_list *l,
                 bool is_decided, checked_fn *fn);
bool proof_is_checking(const struct shell *s);
/* proof_foretold - what is to be saved with the block that leads to this
 * state, each a tendermint.types.Evidence. */
NODISCARD bool proof_foretold(struct shell *s, const struct chain_state *next,
                              span_list *out, struct arena *a);
/* proof_committed - the block was executed. */
void proof_committed(struct shell *s, const struct apply *a);
/* proof_ask - somebody else's, of this node: the call is answered. */
void proof_ask(struct shell *s, struct bus_call call, struct span evidence);
void proof_hear(struct shell *s, struct remote *p, struct span bytes);
/* proof_say - to a peer what it can verify; how much was said. */
size_t proof_say(struct shell *s, struct remote *p, size_t bytes_max);
void   proof_offer_again(struct shell *s); /* from the first on, to everyone */

/* ---- store.c ---- */

typedef void store_fn(struct shell *s, enum err status, const char *text,
                      const Store__Reply *r);
/* store_ask - fn gets the reply that fits, whenever it comes, in store_in. */
void store_ask(struct shell *s, Store__Request *req, store_fn *fn);
void store_forget(struct shell *s); /* once store is closed */

/* ---- transactions.c, prune.c, status.c ---- */

void txs_open(struct shell *s);
void txs_meet(struct shell *s); /* it hears of what it missed */
/* txs_reap - fn(s, serial, txs) soon, if need be with none. */
void txs_reap(struct shell *s, int64_t max_bytes, int64_t max_gas, txs_fn *fn,
              uint64_t serial);
void txs_lock(struct shell *s, int64_t height); /* then apply_go */
void txs_committed(struct shell *s, const struct apply *a);
void txs_pause(struct shell *s);   /* it hears of what it was not told of */
void txs_release(struct shell *s); /* no block comes: it goes on checking */

void prune_to(struct shell *s, int64_t retain_height);
extern const struct bus_server_fns status_fns;

#endif
