/* kvstore - a small application: key=value transactions and validators.
 *
 * Source:  the behaviour of CometBFT v0.38 abci/example/kvstore, answers and
 *          app hash included; tests/vectors/ledger/kvstore.json.
 * Shapes:  a transaction is key=value or key:value, or
 *          val=TYPE!BASE64KEY!POWER; the app hash is the number of executed
 *          transactions as a zig-zag varint in 8 bytes.
 * Differs: where the example panics this answers with an exception.  A block
 *          that was executed but not committed does not count (see
 *          is_eager), so nothing is lost when the node restarts in between.
 *          A proposal leaves out val:x, which the example turns into a
 *          malformed val=x that every validator then rejects.
 * Memory:  a request and the response's arena are borrowed during the call;
 *          what waits for Commit is copied to the arena given at the start. */
#ifndef WARREN_KVSTORE_H
#define WARREN_KVSTORE_H

#include "abci/abci.h"

enum { KVSTORE_OK = 0, KVSTORE_INVALID_TX = 2 }; /* codes of a transaction */
enum { KVSTORE_VALIDATORS_MAX = 10000 };

/* What it keeps, behind functions so that a map or a database may serve. */
enum kvstore_table {
    KVSTORE_PAIRS,      /* key: value */
    KVSTORE_VALIDATORS, /* public key: its update, behind its length */
    KVSTORE_ADDRESSES,  /* address: PublicKey */
    KVSTORE_STATE,      /* "state": struct kvstore_state, two 64-bit BE */
};

struct kvstore_db { /* get: ERR_NOT_FOUND when absent; spans are borrowed */
    void *ctx;
    enum err (*get)(void *ctx, enum kvstore_table t, struct span key,
                    struct span *value);
    enum err (*put)(void *ctx, enum kvstore_table t, struct span key,
                    struct span value);
    enum err (*del)(void *ctx, enum kvstore_table t, struct span key);
};

struct kvstore_state {
    int64_t size, height;
};

struct kvstore_options {
    int64_t retain_blocks;    /* 0: all */
    bool    has_block_events; /* add events of the block itself */
    /* is_eager - count a block before Commit, as the example does. */
    bool is_eager;
};

struct kvstore {
    struct kvstore_options opt;
    struct kvstore_state   done, next; /* next: after FinalizeBlock */
    bool                   is_executed;
    struct arena          *block; /* what waits for Commit */
    span_list              staged;
    LIST(struct abci_validator_update) updates;
};

/* kvstore_open - with the state that db holds, or from nothing. */
NODISCARD enum err kvstore_open(struct kvstore *k, struct arena *block,
                                const struct kvstore_options *opt,
                                const struct kvstore_db      *db);

/* kvstore_handle - answer one request.
 *
 * Only InitChain and Commit write to db, which must keep all or nothing: on
 * an exception, or on an error of db (then there is no answer), drop what was
 * written. */
NODISCARD enum err kvstore_handle(struct kvstore            *k,
                                  const struct kvstore_db   *db,
                                  const struct abci_request *req,
                                  struct abci_response *res, struct arena *a);

/* kvstore_check - the code of a transaction; scratch holds its key. */
uint32_t kvstore_check(struct span tx, struct arena *scratch);

#endif
