/* types - the messages of ABCI 2.0.
 *
 * Source:  CometBFT v0.38 proto/tendermint/abci/types.proto.
 * Shapes:  decoded by pb_decode; strings are not checked for UTF-8.
 * Memory:  spans and lists borrow from the input and its arena. */
#ifndef WARREN_ABCI_TYPES_H
#define WARREN_ABCI_TYPES_H

#include "model/types.h"

enum { CHECK_TX_NEW = 0, CHECK_TX_RECHECK = 1 };
enum { PROPOSAL_UNKNOWN = 0, PROPOSAL_ACCEPT = 1, PROPOSAL_REJECT = 2 };
enum { MISBEHAVIOR_DUPLICATE_VOTE = 1, MISBEHAVIOR_LIGHT_CLIENT = 2 };

struct abci_attribute {
    struct span key;
    struct span value;
    bool        index;
};

struct abci_event {
    struct span type;
    LIST(struct abci_attribute) attributes;
};

struct abci_tx_result {
    uint32_t    code;
    struct span data;
    struct span log;
    struct span info;
    int64_t     gas_wanted;
    int64_t     gas_used;
    LIST(struct abci_event) events;
    struct span codespace;
};

struct abci_indexed_tx {
    int64_t               height;
    uint32_t              index;
    struct span           tx;
    struct abci_tx_result result;
};

struct abci_validator {
    struct span address;
    int64_t     power;
};

struct abci_validator_update {
    struct public_key pub_key;
    int64_t           power;
};

struct abci_vote_info {
    struct abci_validator validator;
    int32_t               block_id_flag;
};

struct abci_extended_vote_info {
    struct abci_validator validator;
    struct span           vote_extension;
    struct span           extension_signature;
    int32_t               block_id_flag;
};

struct abci_commit_info {
    int32_t round;
    LIST(struct abci_vote_info) votes;
};

struct abci_extended_commit_info {
    int32_t round;
    LIST(struct abci_extended_vote_info) votes;
};

struct abci_misbehavior {
    int32_t               type;
    struct abci_validator validator;
    int64_t               height;
    struct stamp          time;
    int64_t               total_voting_power;
};

struct abci_snapshot {
    uint64_t    height;
    uint32_t    format;
    uint32_t    chunks;
    struct span hash;
    struct span metadata;
};

struct abci_proof_op {
    struct span type;
    struct span key;
    struct span data;
};

struct abci_proof_ops {
    LIST(struct abci_proof_op) ops;
};

struct abci_req_echo {
    struct span message;
};

struct abci_req_flush {
    char unused; /* no fields */
};

struct abci_req_info {
    struct span version;
    uint64_t    block_version;
    uint64_t    p2p_version;
    struct span abci_version;
};

struct abci_req_init_chain {
    struct stamp                 time;
    struct span                  chain_id;
    struct consensus_params_msg *consensus_params;
    LIST(struct abci_validator_update) validators;
    struct span app_state_bytes;
    int64_t     initial_height;
};

struct abci_req_query {
    struct span data;
    struct span path;
    int64_t     height;
    bool        prove;
};

struct abci_req_check_tx {
    struct span tx;
    int32_t     type;
};

struct abci_req_commit {
    char unused; /* no fields */
};

struct abci_req_list_snapshots {
    char unused; /* no fields */
};

struct abci_req_offer_snapshot {
    struct abci_snapshot *snapshot;
    struct span           app_hash;
};

struct abci_req_load_snapshot_chunk {
    uint64_t height;
    uint32_t format;
    uint32_t chunk;
};

struct abci_req_apply_snapshot_chunk {
    uint32_t    index;
    struct span chunk;
    struct span sender;
};

struct abci_req_prepare_proposal {
    int64_t                          max_tx_bytes;
    span_list                        txs;
    struct abci_extended_commit_info local_last_commit;
    LIST(struct abci_misbehavior) misbehavior;
    int64_t      height;
    struct stamp time;
    struct span  next_validators_hash;
    struct span  proposer_address;
};

struct abci_req_process_proposal {
    span_list               txs;
    struct abci_commit_info proposed_last_commit;
    LIST(struct abci_misbehavior) misbehavior;
    struct span  hash;
    int64_t      height;
    struct stamp time;
    struct span  next_validators_hash;
    struct span  proposer_address;
};

struct abci_req_extend_vote {
    struct span             hash;
    int64_t                 height;
    struct stamp            time;
    span_list               txs;
    struct abci_commit_info proposed_last_commit;
    LIST(struct abci_misbehavior) misbehavior;
    struct span next_validators_hash;
    struct span proposer_address;
};

struct abci_req_verify_vote_extension {
    struct span hash;
    struct span validator_address;
    int64_t     height;
    struct span vote_extension;
};

struct abci_req_finalize_block {
    span_list               txs;
    struct abci_commit_info decided_last_commit;
    LIST(struct abci_misbehavior) misbehavior;
    struct span  hash;
    int64_t      height;
    struct stamp time;
    struct span  next_validators_hash;
    struct span  proposer_address;
};

struct abci_res_exception {
    struct span error;
};

struct abci_res_echo {
    struct span message;
};

struct abci_res_flush {
    char unused; /* no fields */
};

struct abci_res_info {
    struct span data;
    struct span version;
    uint64_t    app_version;
    int64_t     last_block_height;
    struct span last_block_app_hash;
};

struct abci_res_init_chain {
    struct consensus_params_msg *consensus_params;
    LIST(struct abci_validator_update) validators;
    struct span app_hash;
};

struct abci_res_query {
    uint32_t               code;
    struct span            log;
    struct span            info;
    int64_t                index;
    struct span            key;
    struct span            value;
    struct abci_proof_ops *proof_ops;
    int64_t                height;
    struct span            codespace;
};

struct abci_res_check_tx {
    uint32_t    code;
    struct span data;
    struct span log;
    struct span info;
    int64_t     gas_wanted;
    int64_t     gas_used;
    LIST(struct abci_event) events;
    struct span codespace;
};

struct abci_res_commit {
    int64_t retain_height;
};

struct abci_res_list_snapshots {
    LIST(struct abci_snapshot) snapshots;
};

struct abci_res_offer_snapshot {
    int32_t result;
};

struct abci_res_load_snapshot_chunk {
    struct span chunk;
};

struct abci_res_apply_snapshot_chunk {
    int32_t result;
    LIST(uint32_t) refetch_chunks;
    span_list reject_senders;
};

struct abci_res_prepare_proposal {
    span_list txs;
};

struct abci_res_process_proposal {
    int32_t status;
};

struct abci_res_extend_vote {
    struct span vote_extension;
};

struct abci_res_verify_vote_extension {
    int32_t status;
};

struct abci_res_finalize_block {
    LIST(struct abci_event) events;
    LIST(struct abci_tx_result) tx_results;
    LIST(struct abci_validator_update) validator_updates;
    struct consensus_params_msg *consensus_param_updates;
    struct span                  app_hash;
};

enum abci_request_case {
    ABCI_REQ_NONE                  = 0,
    ABCI_REQ_ECHO                  = 1,
    ABCI_REQ_FLUSH                 = 2,
    ABCI_REQ_INFO                  = 3,
    ABCI_REQ_INIT_CHAIN            = 5,
    ABCI_REQ_QUERY                 = 6,
    ABCI_REQ_CHECK_TX              = 8,
    ABCI_REQ_COMMIT                = 11,
    ABCI_REQ_LIST_SNAPSHOTS        = 12,
    ABCI_REQ_OFFER_SNAPSHOT        = 13,
    ABCI_REQ_LOAD_SNAPSHOT_CHUNK   = 14,
    ABCI_REQ_APPLY_SNAPSHOT_CHUNK  = 15,
    ABCI_REQ_PREPARE_PROPOSAL      = 16,
    ABCI_REQ_PROCESS_PROPOSAL      = 17,
    ABCI_REQ_EXTEND_VOTE           = 18,
    ABCI_REQ_VERIFY_VOTE_EXTENSION = 19,
    ABCI_REQ_FINALIZE_BLOCK        = 20,
};

struct abci_request {
    int32_t which; /* enum abci_request_case */
    union {
        struct abci_req_echo                  *echo;
        struct abci_req_flush                 *flush;
        struct abci_req_info                  *info;
        struct abci_req_init_chain            *init_chain;
        struct abci_req_query                 *query;
        struct abci_req_check_tx              *check_tx;
        struct abci_req_commit                *commit;
        struct abci_req_list_snapshots        *list_snapshots;
        struct abci_req_offer_snapshot        *offer_snapshot;
        struct abci_req_load_snapshot_chunk   *load_snapshot_chunk;
        struct abci_req_apply_snapshot_chunk  *apply_snapshot_chunk;
        struct abci_req_prepare_proposal      *prepare_proposal;
        struct abci_req_process_proposal      *process_proposal;
        struct abci_req_extend_vote           *extend_vote;
        struct abci_req_verify_vote_extension *verify_vote_extension;
        struct abci_req_finalize_block        *finalize_block;
    };
};

enum abci_response_case {
    ABCI_RES_NONE                  = 0,
    ABCI_RES_EXCEPTION             = 1,
    ABCI_RES_ECHO                  = 2,
    ABCI_RES_FLUSH                 = 3,
    ABCI_RES_INFO                  = 4,
    ABCI_RES_INIT_CHAIN            = 6,
    ABCI_RES_QUERY                 = 7,
    ABCI_RES_CHECK_TX              = 9,
    ABCI_RES_COMMIT                = 12,
    ABCI_RES_LIST_SNAPSHOTS        = 13,
    ABCI_RES_OFFER_SNAPSHOT        = 14,
    ABCI_RES_LOAD_SNAPSHOT_CHUNK   = 15,
    ABCI_RES_APPLY_SNAPSHOT_CHUNK  = 16,
    ABCI_RES_PREPARE_PROPOSAL      = 17,
    ABCI_RES_PROCESS_PROPOSAL      = 18,
    ABCI_RES_EXTEND_VOTE           = 19,
    ABCI_RES_VERIFY_VOTE_EXTENSION = 20,
    ABCI_RES_FINALIZE_BLOCK        = 21,
};

struct abci_response {
    int32_t which; /* enum abci_response_case */
    union {
        struct abci_res_exception             *exception;
        struct abci_res_echo                  *echo;
        struct abci_res_flush                 *flush;
        struct abci_res_info                  *info;
        struct abci_res_init_chain            *init_chain;
        struct abci_res_query                 *query;
        struct abci_res_check_tx              *check_tx;
        struct abci_res_commit                *commit;
        struct abci_res_list_snapshots        *list_snapshots;
        struct abci_res_offer_snapshot        *offer_snapshot;
        struct abci_res_load_snapshot_chunk   *load_snapshot_chunk;
        struct abci_res_apply_snapshot_chunk  *apply_snapshot_chunk;
        struct abci_res_prepare_proposal      *prepare_proposal;
        struct abci_res_process_proposal      *process_proposal;
        struct abci_res_extend_vote           *extend_vote;
        struct abci_res_verify_vote_extension *verify_vote_extension;
        struct abci_res_finalize_block        *finalize_block;
    };
};

extern const struct pb_desc abci_attribute_desc, abci_event_desc,
    abci_tx_result_desc, abci_indexed_tx_desc, abci_validator_desc,
    abci_validator_update_desc, abci_vote_info_desc,
    abci_extended_vote_info_desc, abci_commit_info_desc,
    abci_extended_commit_info_desc, abci_misbehavior_desc, abci_snapshot_desc,
    abci_proof_op_desc, abci_proof_ops_desc, abci_req_echo_desc,
    abci_req_flush_desc, abci_req_info_desc, abci_req_init_chain_desc,
    abci_req_query_desc, abci_req_check_tx_desc, abci_req_commit_desc,
    abci_req_list_snapshots_desc, abci_req_offer_snapshot_desc,
    abci_req_load_snapshot_chunk_desc, abci_req_apply_snapshot_chunk_desc,
    abci_req_prepare_proposal_desc, abci_req_process_proposal_desc,
    abci_req_extend_vote_desc, abci_req_verify_vote_extension_desc,
    abci_req_finalize_block_desc, abci_res_exception_desc, abci_res_echo_desc,
    abci_res_flush_desc, abci_res_info_desc, abci_res_init_chain_desc,
    abci_res_query_desc, abci_res_check_tx_desc, abci_res_commit_desc,
    abci_res_list_snapshots_desc, abci_res_offer_snapshot_desc,
    abci_res_load_snapshot_chunk_desc, abci_res_apply_snapshot_chunk_desc,
    abci_res_prepare_proposal_desc, abci_res_process_proposal_desc,
    abci_res_extend_vote_desc, abci_res_verify_vote_extension_desc,
    abci_res_finalize_block_desc, abci_request_desc, abci_response_desc;

#endif
