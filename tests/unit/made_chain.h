/* made_chain - a chain as consensus would hand it to the store, height by
 * height: real blocks, sets and states; signatures are only bytes. */
#ifndef WARREN_MADE_CHAIN_H
#define WARREN_MADE_CHAIN_H

#include "abci/types.h"
#include "model/block.h"
#include "model/genesis.h"
#include "model/partset.h"
#include "model/state.h"

enum { MADE_VALIDATORS_MAX = 16 };

struct made_chain {
    struct arena       mem; /* of everything that the chain keeps */
    struct chain_state state;
    struct commit     *last;
    struct val         pool[MADE_VALIDATORS_MAX]; /* who may validate */
    uint32_t           random;
    /* What the next blocks commit. */
    const struct evidence *evidence;
    size_t                 evidence_count;
};

/* What is saved for one height. */
struct made_height {
    int64_t     height;
    struct span block_id, block, commit, results, state;
    struct hash hash;
    span_list   txs;
    /* The sets as they were while it was decided. */
    struct span validators, next_validators, params;
};

/* made_open - validators of different powers, before the first block. */
void        made_open(struct made_chain *c, const char *chain_id,
                      int64_t initial_height, size_t validators);
void        made_close(struct made_chain *c);
struct span made_genesis_state(struct made_chain *c);

/* made_next - decide a block of n txs of tx_bytes; update_power >= 0 gives
 * the last of the pool that power two heights later.  Lives as long as the
 * chain. */
struct made_height made_next(struct made_chain *c, size_t n, size_t tx_bytes,
                             int64_t update_power);

#endif
