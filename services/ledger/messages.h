/* messages - what proto/ledger.proto names, for lib/pb.
 *
 * Source:  proto/ledger.proto; cosmos.auth.v1beta1 and cosmos.tx.v1beta1 for
 *          the queries that existing clients call.
 * Shapes:  as decoded: nothing is checked but the encoding.
 * Memory:  spans borrow from the input. */
#ifndef WARREN_LEDGER_MESSAGES_H
#define WARREN_LEDGER_MESSAGES_H

#include "model/types.h"

#define MSG_PUT_URL    "/warren.ledger.v1.MsgPut"
#define MSG_DELETE_URL "/warren.ledger.v1.MsgDelete"

enum { /* members of Precondition */
       CONDITION_ABSENT          = 1,
       CONDITION_VERSION         = 2,
       CONDITION_UNCHANGED_SINCE = 3,
};

struct ledger_precondition {
    int32_t which;
    union {
        bool     absent;
        uint64_t version;
        int64_t  unchanged_since;
    };
};

/* MsgPut and MsgDelete; a deletion has no value. */
struct ledger_msg {
    struct span                 signer, collection, key, value;
    struct ledger_precondition *precondition;
};

struct ledger_msg_response {
    uint64_t version;
};

struct ledger_record {
    struct span value;
    uint64_t    version;
    int64_t     height;
    struct span tx_hash, writer, previous;
    bool        is_deleted;
};

struct ledger_collection {
    struct span name;
    bool        is_open;
    span_list   writers;
};

struct ledger_account {
    struct span address;
    int32_t     key_type; /* enum key_type */
    struct span pub_key;
    uint64_t    account_number, sequence;
    struct span org;
};

struct ledger_record_query {
    struct span collection, key;
};

struct ledger_record_answer {
    struct ledger_record *record;
};

struct ledger_history_query {
    struct span collection, key;
    uint64_t    after_version;
    uint32_t    limit;
};

struct ledger_history_answer {
    LIST(struct ledger_record) records;
    bool has_more;
};

struct ledger_records_query {
    struct span collection, from, prefix;
    uint32_t    limit;
};

struct ledger_record_entry {
    struct span           key;
    struct ledger_record *record;
};

struct ledger_records_answer {
    LIST(struct ledger_record_entry) entries;
    struct span next;
};

struct ledger_collections_query {
    struct span from;
    uint32_t    limit;
};

struct ledger_collections_answer {
    LIST(struct ledger_collection) collections;
    struct span next;
};

extern const struct pb_desc ledger_put_desc, ledger_delete_desc,
    ledger_msg_response_desc, ledger_record_desc, ledger_collection_desc,
    ledger_account_desc, ledger_record_query_desc, ledger_record_answer_desc,
    ledger_history_query_desc, ledger_history_answer_desc,
    ledger_records_query_desc, ledger_records_answer_desc,
    ledger_collections_query_desc, ledger_collections_answer_desc;

#endif
