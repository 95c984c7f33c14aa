/* run - one transaction against a view: admission, then its messages.
 *
 * Source:  Cosmos SDK v0.50 x/auth/ante, without fees; README.md.
 * Shapes:  an admitted transaction moves the sequences of its signers on,
 *          whatever its messages do; messages take effect all or not at all.
 * Memory:  results borrow from the bytes or live in the arena; a decoded
 *          transaction lives in scratch, until the caller resets it. */
#ifndef WARREN_LEDGER_RUN_H
#define WARREN_LEDGER_RUN_H

#include "ledger/records.h"
#include "ledger/verdicts.h"

/* Where and how transactions run. */
struct run {
    struct ledger_view view;
    struct span        chain_id;
    struct verdicts   *verdicts;
    struct arena      *scratch;
    int64_t            height;        /* of the block, or of the one to come */
    bool               is_simulation; /* signatures do not count */
};

struct ledger_tx {
    struct cosmos_tx envelope;
    LIST(struct message) messages;
    int64_t gas_wanted, gas_used;
};

/* run_admit - decode, forms, accounts, sequences, signatures.
 *
 * On refusal nothing is written and *tx is garbage but for its gas. */
NODISCARD bool run_admit(const struct run *r, struct ledger_tx *tx,
                         struct span raw, struct outcome *out, struct arena *a);

enum { RUN_AHEAD = 64 };

/* run_verify_ahead - the signatures of at most RUN_AHEAD transactions that are
 * to run, all at once, which is faster.  Good ones are remembered; whatever
 * else is wrong is left to run_admit.  Resets scratch. */
void run_verify_ahead(const struct run *r, const struct span *txs, size_t n);

/* run_may - may the signers of its messages write at all?  Asked before a
 * transaction is taken into the mempool; execution asks again. */
NODISCARD bool run_may(const struct run *r, const struct ledger_tx *tx,
                       struct outcome *out, struct arena *a);

/* run_messages - execute an admitted transaction; *res is its result. */
void run_messages(const struct run *r, const struct ledger_tx *tx,
                  struct abci_tx_result *res, struct arena *a);

/* run_refused - the result of one that was not admitted. */
void run_refused(struct abci_tx_result *res, const struct ledger_tx *tx,
                 const struct outcome *out);

#endif
