/* records - the ledger's messages and stores, as a client sees them.
 *
 * Source:  proto/ledger.proto.
 * Memory:  encodings and decoded values in the arena. */
#ifndef WARREN_RECORDS_H
#define WARREN_RECORDS_H

#include "rpc.h"

#include "abci/types.h"
#include "model/types.h"

struct record_precondition {
    int32_t which; /* of RECORD_IF_* */
    union {
        bool     absent;
        uint64_t version;
    };
};
enum { RECORD_IF_ABSENT = 1, RECORD_IF_VERSION = 2 };

/* MsgPut, and MsgDelete when there is no value. */
struct record_change {
    struct span                 signer, collection, key, value;
    struct record_precondition *precondition;
};

struct record {
    struct span value; /* canonical JSON */
    uint64_t    version;
    int64_t     height;
    struct span tx_hash, writer, previous;
    bool        is_deleted;
};

struct record_query {
    struct span collection, key;
};
struct record_answer {
    struct record *record;
};
struct history_query {
    struct span collection, key;
    uint64_t    after_version;
    uint32_t    limit;
};
struct history_answer {
    LIST(struct record) records;
    bool has_more;
};

extern const struct pb_desc record_put_desc, record_delete_desc, record_desc,
    record_query_desc, record_answer_desc, history_query_desc,
    history_answer_desc;

#define RECORDS_STORE "records"

/* record_store_key - where a record stands in the store. */
struct span record_store_key(struct span collection, struct span key,
                             struct arena *a);

/* What abci_query answered. */
struct query_reply {
    uint32_t              code;
    char                  codespace[32], log[400];
    struct span           key, value;
    int64_t               height;
    struct abci_proof_ops ops;
};

/* query - one abci_query at a height (0: the latest).  OK also when the
 * application refuses: see code. */
NODISCARD enum err query(struct query_reply *out, const struct rpc *r,
                         const char *path, struct span data, int64_t height,
                         bool prove, struct arena *a);

/* query_refused - log why, and the exit code that goes with the ledger's. */
NODISCARD enum err query_refused(const struct query_reply *q);
/* ledger_exit - the same for a transaction's code. */
enum err ledger_exit(const char *codespace, uint32_t code);

/* record_get - the record, or ERR_NOT_FOUND (not logged) with *height set. */
NODISCARD enum err record_get(struct record *out, int64_t *height,
                              const struct rpc *r, struct span collection,
                              struct span key, int64_t at, struct arena *a);

/* record_say - its members into the answer being written. */
void record_say(struct cli *c, const struct record *r);

/* read_ops - {"ops": [{type, key, data}]} as the RPC prints it. */
NODISCARD bool read_ops(struct abci_proof_ops *out, const struct json_value *v,
                        struct arena *a);

#endif
