#include "ledger/messages.h"

#include "ledger/limits.h"

PB_DESC(ledger_precondition_desc, struct ledger_precondition,
        PB_ONEOF(struct ledger_precondition, 1, which, absent, PB_BOOL),
        PB_ONEOF(struct ledger_precondition, 2, which, version, PB_UINT64),
        PB_ONEOF(struct ledger_precondition, 3, which, unchanged_since,
                 PB_INT64));

PB_DESC(ledger_put_desc, struct ledger_msg,
        PB_FIELD(struct ledger_msg, 1, signer, PB_STRING),
        PB_FIELD(struct ledger_msg, 2, collection, PB_STRING),
        PB_FIELD(struct ledger_msg, 3, key, PB_BYTES),
        PB_FIELD(struct ledger_msg, 4, value, PB_BYTES),
        PB_PTR(struct ledger_msg, 5, precondition, ledger_precondition_desc));

PB_DESC(ledger_delete_desc, struct ledger_msg,
        PB_FIELD(struct ledger_msg, 1, signer, PB_STRING),
        PB_FIELD(struct ledger_msg, 2, collection, PB_STRING),
        PB_FIELD(struct ledger_msg, 3, key, PB_BYTES),
        PB_PTR(struct ledger_msg, 5, precondition, ledger_precondition_desc));

PB_DESC(ledger_msg_response_desc, struct ledger_msg_response,
        PB_FIELD(struct ledger_msg_response, 1, version, PB_UINT64));

PB_DESC(ledger_record_desc, struct ledger_record,
        PB_FIELD(struct ledger_record, 1, value, PB_BYTES),
        PB_FIELD(struct ledger_record, 2, version, PB_UINT64),
        PB_FIELD(struct ledger_record, 3, height, PB_INT64),
        PB_FIELD(struct ledger_record, 4, tx_hash, PB_BYTES),
        PB_FIELD(struct ledger_record, 5, writer, PB_BYTES),
        PB_FIELD(struct ledger_record, 6, previous, PB_BYTES),
        PB_FIELD(struct ledger_record, 7, is_deleted, PB_BOOL));

PB_DESC(ledger_collection_desc, struct ledger_collection,
        PB_FIELD(struct ledger_collection, 1, name, PB_STRING),
        PB_FIELD(struct ledger_collection, 2, is_open, PB_BOOL),
        PB_LIST(struct ledger_collection, 3, writers, PB_BYTES, WRITERS_MAX));

PB_DESC(ledger_account_desc, struct ledger_account,
        PB_FIELD(struct ledger_account, 1, address, PB_BYTES),
        PB_FIELD(struct ledger_account, 2, key_type, PB_INT32),
        PB_FIELD(struct ledger_account, 3, pub_key, PB_BYTES),
        PB_FIELD(struct ledger_account, 4, account_number, PB_UINT64),
        PB_FIELD(struct ledger_account, 5, sequence, PB_UINT64),
        PB_FIELD(struct ledger_account, 6, org, PB_STRING));

PB_DESC(ledger_record_query_desc, struct ledger_record_query,
        PB_FIELD(struct ledger_record_query, 1, collection, PB_STRING),
        PB_FIELD(struct ledger_record_query, 2, key, PB_BYTES));

PB_DESC(ledger_record_answer_desc, struct ledger_record_answer,
        PB_PTR(struct ledger_record_answer, 1, record, ledger_record_desc));

PB_DESC(ledger_history_query_desc, struct ledger_history_query,
        PB_FIELD(struct ledger_history_query, 1, collection, PB_STRING),
        PB_FIELD(struct ledger_history_query, 2, key, PB_BYTES),
        PB_FIELD(struct ledger_history_query, 3, after_version, PB_UINT64),
        PB_FIELD(struct ledger_history_query, 4, limit, PB_UINT32));

PB_DESC(ledger_history_answer_desc, struct ledger_history_answer,
        PB_SUBS(struct ledger_history_answer, 1, records, ledger_record_desc,
                PAGE_ITEMS_MAX),
        PB_FIELD(struct ledger_history_answer, 2, has_more, PB_BOOL));

PB_DESC(ledger_records_query_desc, struct ledger_records_query,
        PB_FIELD(struct ledger_records_query, 1, collection, PB_STRING),
        PB_FIELD(struct ledger_records_query, 2, from, PB_BYTES),
        PB_FIELD(struct ledger_records_query, 3, prefix, PB_BYTES),
        PB_FIELD(struct ledger_records_query, 4, limit, PB_UINT32));

PB_DESC(ledger_record_entry_desc, struct ledger_record_entry,
        PB_FIELD(struct ledger_record_entry, 1, key, PB_BYTES),
        PB_PTR(struct ledger_record_entry, 2, record, ledger_record_desc));

PB_DESC(ledger_records_answer_desc, struct ledger_records_answer,
        PB_SUBS(struct ledger_records_answer, 1, entries,
                ledger_record_entry_desc, PAGE_ITEMS_MAX),
        PB_FIELD(struct ledger_records_answer, 2, next, PB_BYTES));

PB_DESC(ledger_collections_query_desc, struct ledger_collections_query,
        PB_FIELD(struct ledger_collections_query, 1, from, PB_STRING),
        PB_FIELD(struct ledger_collections_query, 2, limit, PB_UINT32));

PB_DESC(ledger_collections_answer_desc, struct ledger_collections_answer,
        PB_SUBS(struct ledger_collections_answer, 1, collections,
                ledger_collection_desc, PAGE_ITEMS_MAX),
        PB_FIELD(struct ledger_collections_answer, 2, next, PB_STRING));
