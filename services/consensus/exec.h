/* exec - what the application is asked about blocks, and what its answers
 * make of the chain's state: pure.
 *
 * Source:  CometBFT v0.38 state/execution.go, consensus/replay.go.
 * Shapes:  requests are byte-equal to CometBFT's.
 * Memory:  in the arena given; spans borrow from block, state and answer. */
#ifndef WARREN_CONSENSUS_EXEC_H
#define WARREN_CONSENSUS_EXEC_H

#include "abci/types.h"
#include "model/block.h"
#include "model/genesis.h"
#include "model/state.h"

/* The sets that a last commit is read against: last_vals is that of the
 * height before the block, initial the chain's first height. */
struct exec_context {
    const struct validators *last_vals;
    int64_t                  initial;
};

/* Each fills in the message; false when the arena is full. */
NODISCARD bool exec_finalize(struct abci_req_finalize_block *out,
                             const struct block *b, const struct hash *hash,
                             const struct exec_context *x, struct arena *a);
NODISCARD bool exec_process(struct abci_req_process_proposal *out,
                            const struct block *b, const struct hash *hash,
                            const struct exec_context *x, struct arena *a);
NODISCARD bool exec_extend(struct abci_req_extend_vote *out,
                           const struct block *b, const struct hash *hash,
                           const struct exec_context *x, struct arena *a);
/* exec_prepare - for a block made of txs; last is NULL at the initial
 * height.  b carries everything but transactions. */
NODISCARD bool exec_prepare(struct abci_req_prepare_proposal *out,
                            const struct block *b, const span_list *txs,
                            const struct extended_commit *last,
                            int64_t max_tx_bytes, const struct exec_context *x,
                            struct arena *a);
NODISCARD bool exec_init_chain(struct abci_req_init_chain *out,
                               const struct genesis *g, struct arena *a);

/* exec_txs_fit - do the transactions, framing counted, fit in max bytes? */
bool exec_txs_fit(const span_list *txs, int64_t max);

/* exec_after_init - the genesis state with what InitChain returned.
 *
 * NULL when fine, else what is wrong with the answer (static). */
NODISCARD const char *exec_after_init(struct chain_state               *s,
                                      const struct genesis             *g,
                                      const struct abci_res_init_chain *res,
                                      struct arena                     *a);

/* exec_next_state - the state after a finalized block.
 *
 * NULL when fine, else what the application answered wrong (static). */
NODISCARD const char *
exec_next_state(struct chain_state *out, const struct chain_state *s,
                const struct block *b, const struct block_id *id,
                const struct abci_res_finalize_block *res, struct arena *a);

#endif
