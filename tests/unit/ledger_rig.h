/* ledger_rig - a ledger over a database in a temporary directory, and
 * requests to it, for tests. */
#ifndef WARREN_LEDGER_RIG_H
#define WARREN_LEDGER_RIG_H

#include "test.h"

#include "cosmos/tx.h"
#include "ledger/ledger.h"
#include "ledger/shell.h"

#define RIG_CHAIN "rig-1"

enum { RIG_KEYS = 3 }; /* 0 and 2: secp256k1, 1: ed25519; 2 has no account */

struct rig {
    char               dir[64];
    struct state      *state;
    struct ledger_host host;
    struct ledger      core;
    struct privkey     key[RIG_KEYS];
    struct pubkey      pub[RIG_KEYS];
    char               address[RIG_KEYS][64];
    uint64_t           sequence[RIG_KEYS]; /* of the next transaction */
    int64_t            height;             /* of the last block */
    struct hash        app_hash;
};

/* rig_open - accounts 0 and 1, collections "open" (all may write), "mine"
 * (account 0) and "closed" (nobody). */
void rig_open(struct rig *r, int64_t keep);
void rig_close(struct rig *r);
/* rig_restart - as after kill -9: what is not committed is gone. */
void rig_restart(struct rig *r, int64_t keep);
void rig_init_chain(struct rig *r);
/* rig_app_state - the text of it. */
struct span rig_app_state(const struct rig *r);

/* rig_ask - one request; the response lives in test_arena. */
struct abci_response rig_ask(struct rig *r, int32_t which, void *req);

/* Messages; condition may be NULL. */
struct cosmos_any rig_put(const struct rig *r, int signer,
                          const char *collection, const char *key,
                          const char                       *value,
                          const struct ledger_precondition *condition);
struct cosmos_any rig_delete(const struct rig *r, int signer,
                             const char *collection, const char *key,
                             const struct ledger_precondition *condition);

/* rig_sign - a transaction of n messages by one signer with its sequence,
 * which it does not move. */
struct span rig_sign(const struct rig *r, int signer,
                     const struct cosmos_any *messages, size_t n);
/* rig_tx - one message, signed; the sequence moves on. */
struct span rig_tx(struct rig *r, int signer, struct cosmos_any message);

struct abci_res_check_tx rig_check(struct rig *r, struct span tx, int type);
/* rig_finalize - the next block; rig_block also commits it. */
struct abci_res_finalize_block rig_finalize(struct rig        *r,
                                            const struct span *txs, size_t n);
struct abci_res_finalize_block rig_block(struct rig *r, const struct span *txs,
                                         size_t n);
struct abci_res_query          rig_query(struct rig *r, const char *path,
                                         struct span data, int64_t height, bool prove);

#endif
