/* state - the ledger's database: IAVL trees under one app hash, the history
 * of records, and where the chain stands; in one LMDB environment.
 *
 * Source:  lib/iavl; README.md of this folder (stores).
 * Shapes:  a height is a version of every tree.  A block is applied, which
 *          yields its app hash, then committed in one synced transaction, or
 *          dropped; only committed heights are ever seen by readers.
 * Errors:  opening refuses damage and another chain's data with one line.
 *          Later a disk that fails ends the process: what it would answer
 *          could not be trusted, and a restart replays. */
#ifndef WARREN_LEDGER_STATE_H
#define WARREN_LEDGER_STATE_H

#include "ledger/view.h"

struct state;

struct state_options {
    size_t  cache_bytes; /* of recently used nodes, over all trees */
    int64_t keep;        /* how many heights stay readable, at least 1 */
};

NODISCARD enum err state_open(struct state **out, const char *dir,
                              const struct state_options *o);
void               state_close(struct state *s);

/* What is committed; height 0 before the first block. */
int64_t     state_height(const struct state *s);
int64_t     state_oldest(const struct state *s);
struct hash state_app_hash(const struct state *s); /* empty: no height */
struct span state_chain_id(const struct state *s);

/* state_at - a committed height to read from (0: an empty state), until the
 * next call of state_apply, state_commit or state_rest.  False when it is
 * not kept. */
NODISCARD bool state_at(struct ledger_db *out, struct state *s, int64_t height);

/* state_prove - key of a tree, or its absence, at a kept height; false when
 * the arena is full. */
NODISCARD bool state_prove(struct abci_proof_ops *out, struct state *s,
                           enum ledger_store store, int64_t height,
                           struct span key, struct arena *a);

/* state_apply - what a block at this height leaves behind; a block that was
 * applied before and not committed is dropped. */
struct hash state_apply(struct state *s, const struct changes *c,
                        int64_t height, struct arena *scratch);
/* state_commit - the applied block, durably.  c is as applied. */
void state_commit(struct state *s, const struct changes *c,
                  struct span chain_id);

/* state_rest - between requests: lets go of what reading held. */
void state_rest(struct state *s);

#endif
