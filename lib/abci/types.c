#include "abci/types.h"

#include "base/limits.h"

PB_DESC(abci_attribute_desc, struct abci_attribute,
        PB_FIELD(struct abci_attribute, 1, key, PB_STRING),
        PB_FIELD(struct abci_attribute, 2, value, PB_STRING),
        PB_FIELD(struct abci_attribute, 3, index, PB_BOOL));

PB_DESC(abci_event_desc, struct abci_event,
        PB_FIELD(struct abci_event, 1, type, PB_STRING),
        PB_SUBS(struct abci_event, 2, attributes, abci_attribute_desc, 0));

PB_DESC(abci_tx_result_desc, struct abci_tx_result,
        PB_FIELD(struct abci_tx_result, 1, code, PB_UINT32),
        PB_FIELD(struct abci_tx_result, 2, data, PB_BYTES),
        PB_FIELD(struct abci_tx_result, 3, log, PB_STRING),
        PB_FIELD(struct abci_tx_result, 4, info, PB_STRING),
        PB_FIELD(struct abci_tx_result, 5, gas_wanted, PB_INT64),
        PB_FIELD(struct abci_tx_result, 6, gas_used, PB_INT64),
        PB_SUBS(struct abci_tx_result, 7, events, abci_event_desc, 0),
        PB_FIELD(struct abci_tx_result, 8, codespace, PB_STRING));

PB_DESC(abci_indexed_tx_desc, struct abci_indexed_tx,
        PB_FIELD(struct abci_indexed_tx, 1, height, PB_INT64),
        PB_FIELD(struct abci_indexed_tx, 2, index, PB_UINT32),
        PB_FIELD(struct abci_indexed_tx, 3, tx, PB_BYTES),
        PB_SUB(struct abci_indexed_tx, 4, result, abci_tx_result_desc));

PB_DESC(abci_validator_desc, struct abci_validator,
        PB_FIELD(struct abci_validator, 1, address, PB_BYTES),
        PB_FIELD(struct abci_validator, 3, power, PB_INT64));

PB_DESC(abci_validator_update_desc, struct abci_validator_update,
        PB_SUB(struct abci_validator_update, 1, pub_key, public_key_desc),
        PB_FIELD(struct abci_validator_update, 2, power, PB_INT64));

PB_DESC(abci_vote_info_desc, struct abci_vote_info,
        PB_SUB(struct abci_vote_info, 1, validator, abci_validator_desc),
        PB_FIELD(struct abci_vote_info, 3, block_id_flag, PB_INT32));

PB_DESC(abci_extended_vote_info_desc, struct abci_extended_vote_info,
        PB_SUB(struct abci_extended_vote_info, 1, validator,
               abci_validator_desc),
        PB_FIELD(struct abci_extended_vote_info, 3, vote_extension, PB_BYTES),
        PB_FIELD(struct abci_extended_vote_info, 4, extension_signature,
                 PB_BYTES),
        PB_FIELD(struct abci_extended_vote_info, 5, block_id_flag, PB_INT32));

PB_DESC(abci_commit_info_desc, struct abci_commit_info,
        PB_FIELD(struct abci_commit_info, 1, round, PB_INT32),
        PB_SUBS(struct abci_commit_info, 2, votes, abci_vote_info_desc, 0));

PB_DESC(abci_extended_commit_info_desc, struct abci_extended_commit_info,
        PB_FIELD(struct abci_extended_commit_info, 1, round, PB_INT32),
        PB_SUBS(struct abci_extended_commit_info, 2, votes,
                abci_extended_vote_info_desc, 0));

PB_DESC(abci_misbehavior_desc, struct abci_misbehavior,
        PB_FIELD(struct abci_misbehavior, 1, type, PB_INT32),
        PB_SUB(struct abci_misbehavior, 2, validator, abci_validator_desc),
        PB_FIELD(struct abci_misbehavior, 3, height, PB_INT64),
        PB_FIELD(struct abci_misbehavior, 4, time, PB_STAMP),
        PB_FIELD(struct abci_misbehavior, 5, total_voting_power, PB_INT64));

PB_DESC(abci_snapshot_desc, struct abci_snapshot,
        PB_FIELD(struct abci_snapshot, 1, height, PB_UINT64),
        PB_FIELD(struct abci_snapshot, 2, format, PB_UINT32),
        PB_FIELD(struct abci_snapshot, 3, chunks, PB_UINT32),
        PB_FIELD(struct abci_snapshot, 4, hash, PB_BYTES),
        PB_FIELD(struct abci_snapshot, 5, metadata, PB_BYTES));

PB_DESC(abci_proof_op_desc, struct abci_proof_op,
        PB_FIELD(struct abci_proof_op, 1, type, PB_STRING),
        PB_FIELD(struct abci_proof_op, 2, key, PB_BYTES),
        PB_FIELD(struct abci_proof_op, 3, data, PB_BYTES));

PB_DESC(abci_proof_ops_desc, struct abci_proof_ops,
        PB_SUBS(struct abci_proof_ops, 1, ops, abci_proof_op_desc, 0));

PB_DESC(abci_req_echo_desc, struct abci_req_echo,
        PB_FIELD(struct abci_req_echo, 1, message, PB_STRING));

const struct pb_desc abci_req_flush_desc = { "abci_req_flush_desc", NULL, 0,
                                             sizeof(struct abci_req_flush) };

PB_DESC(abci_req_info_desc, struct abci_req_info,
        PB_FIELD(struct abci_req_info, 1, version, PB_STRING),
        PB_FIELD(struct abci_req_info, 2, block_version, PB_UINT64),
        PB_FIELD(struct abci_req_info, 3, p2p_version, PB_UINT64),
        PB_FIELD(struct abci_req_info, 4, abci_version, PB_STRING));

PB_DESC(abci_req_init_chain_desc, struct abci_req_init_chain,
        PB_FIELD(struct abci_req_init_chain, 1, time, PB_STAMP),
        PB_FIELD(struct abci_req_init_chain, 2, chain_id, PB_STRING),
        PB_PTR(struct abci_req_init_chain, 3, consensus_params,
               consensus_params_desc),
        PB_SUBS(struct abci_req_init_chain, 4, validators,
                abci_validator_update_desc, 0),
        PB_FIELD(struct abci_req_init_chain, 5, app_state_bytes, PB_BYTES),
        PB_FIELD(struct abci_req_init_chain, 6, initial_height, PB_INT64));

PB_DESC(abci_req_query_desc, struct abci_req_query,
        PB_FIELD(struct abci_req_query, 1, data, PB_BYTES),
        PB_FIELD(struct abci_req_query, 2, path, PB_STRING),
        PB_FIELD(struct abci_req_query, 3, height, PB_INT64),
        PB_FIELD(struct abci_req_query, 4, prove, PB_BOOL));

PB_DESC(abci_req_check_tx_desc, struct abci_req_check_tx,
        PB_FIELD(struct abci_req_check_tx, 1, tx, PB_BYTES),
        PB_FIELD(struct abci_req_check_tx, 2, type, PB_INT32));

const struct pb_desc abci_req_commit_desc = { "abci_req_commit_desc", NULL, 0,
                                              sizeof(struct abci_req_commit) };

const struct pb_desc abci_req_list_snapshots_desc = {
    "abci_req_list_snapshots_desc", NULL, 0,
    sizeof(struct abci_req_list_snapshots)
};

PB_DESC(abci_req_offer_snapshot_desc, struct abci_req_offer_snapshot,
        PB_PTR(struct abci_req_offer_snapshot, 1, snapshot, abci_snapshot_desc),
        PB_FIELD(struct abci_req_offer_snapshot, 2, app_hash, PB_BYTES));

PB_DESC(abci_req_load_snapshot_chunk_desc, struct abci_req_load_snapshot_chunk,
        PB_FIELD(struct abci_req_load_snapshot_chunk, 1, height, PB_UINT64),
        PB_FIELD(struct abci_req_load_snapshot_chunk, 2, format, PB_UINT32),
        PB_FIELD(struct abci_req_load_snapshot_chunk, 3, chunk, PB_UINT32));

PB_DESC(abci_req_apply_snapshot_chunk_desc,
        struct abci_req_apply_snapshot_chunk,
        PB_FIELD(struct abci_req_apply_snapshot_chunk, 1, index, PB_UINT32),
        PB_FIELD(struct abci_req_apply_snapshot_chunk, 2, chunk, PB_BYTES),
        PB_FIELD(struct abci_req_apply_snapshot_chunk, 3, sender, PB_STRING));

PB_DESC(abci_req_prepare_proposal_desc, struct abci_req_prepare_proposal,
        PB_FIELD(struct abci_req_prepare_proposal, 1, max_tx_bytes, PB_INT64),
        PB_LIST(struct abci_req_prepare_proposal, 2, txs, PB_BYTES,
                BLOCK_TXS_MAX),
        PB_SUB(struct abci_req_prepare_proposal, 3, local_last_commit,
               abci_extended_commit_info_desc),
        PB_SUBS(struct abci_req_prepare_proposal, 4, misbehavior,
                abci_misbehavior_desc, 0),
        PB_FIELD(struct abci_req_prepare_proposal, 5, height, PB_INT64),
        PB_FIELD(struct abci_req_prepare_proposal, 6, time, PB_STAMP),
        PB_FIELD(struct abci_req_prepare_proposal, 7, next_validators_hash,
                 PB_BYTES),
        PB_FIELD(struct abci_req_prepare_proposal, 8, proposer_address,
                 PB_BYTES));

PB_DESC(abci_req_process_proposal_desc, struct abci_req_process_proposal,
        PB_LIST(struct abci_req_process_proposal, 1, txs, PB_BYTES,
                BLOCK_TXS_MAX),
        PB_SUB(struct abci_req_process_proposal, 2, proposed_last_commit,
               abci_commit_info_desc),
        PB_SUBS(struct abci_req_process_proposal, 3, misbehavior,
                abci_misbehavior_desc, 0),
        PB_FIELD(struct abci_req_process_proposal, 4, hash, PB_BYTES),
        PB_FIELD(struct abci_req_process_proposal, 5, height, PB_INT64),
        PB_FIELD(struct abci_req_process_proposal, 6, time, PB_STAMP),
        PB_FIELD(struct abci_req_process_proposal, 7, next_validators_hash,
                 PB_BYTES),
        PB_FIELD(struct abci_req_process_proposal, 8, proposer_address,
                 PB_BYTES));

PB_DESC(abci_req_extend_vote_desc, struct abci_req_extend_vote,
        PB_FIELD(struct abci_req_extend_vote, 1, hash, PB_BYTES),
        PB_FIELD(struct abci_req_extend_vote, 2, height, PB_INT64),
        PB_FIELD(struct abci_req_extend_vote, 3, time, PB_STAMP),
        PB_LIST(struct abci_req_extend_vote, 4, txs, PB_BYTES, BLOCK_TXS_MAX),
        PB_SUB(struct abci_req_extend_vote, 5, proposed_last_commit,
               abci_commit_info_desc),
        PB_SUBS(struct abci_req_extend_vote, 6, misbehavior,
                abci_misbehavior_desc, 0),
        PB_FIELD(struct abci_req_extend_vote, 7, next_validators_hash,
                 PB_BYTES),
        PB_FIELD(struct abci_req_extend_vote, 8, proposer_address, PB_BYTES));

PB_DESC(abci_req_verify_vote_extension_desc,
        struct abci_req_verify_vote_extension,
        PB_FIELD(struct abci_req_verify_vote_extension, 1, hash, PB_BYTES),
        PB_FIELD(struct abci_req_verify_vote_extension, 2, validator_address,
                 PB_BYTES),
        PB_FIELD(struct abci_req_verify_vote_extension, 3, height, PB_INT64),
        PB_FIELD(struct abci_req_verify_vote_extension, 4, vote_extension,
                 PB_BYTES));

PB_DESC(
    abci_req_finalize_block_desc, struct abci_req_finalize_block,
    PB_LIST(struct abci_req_finalize_block, 1, txs, PB_BYTES, BLOCK_TXS_MAX),
    PB_SUB(struct abci_req_finalize_block, 2, decided_last_commit,
           abci_commit_info_desc),
    PB_SUBS(struct abci_req_finalize_block, 3, misbehavior,
            abci_misbehavior_desc, 0),
    PB_FIELD(struct abci_req_finalize_block, 4, hash, PB_BYTES),
    PB_FIELD(struct abci_req_finalize_block, 5, height, PB_INT64),
    PB_FIELD(struct abci_req_finalize_block, 6, time, PB_STAMP),
    PB_FIELD(struct abci_req_finalize_block, 7, next_validators_hash, PB_BYTES),
    PB_FIELD(struct abci_req_finalize_block, 8, proposer_address, PB_BYTES));

PB_DESC(abci_res_exception_desc, struct abci_res_exception,
        PB_FIELD(struct abci_res_exception, 1, error, PB_STRING));

PB_DESC(abci_res_echo_desc, struct abci_res_echo,
        PB_FIELD(struct abci_res_echo, 1, message, PB_STRING));

const struct pb_desc abci_res_flush_desc = { "abci_res_flush_desc", NULL, 0,
                                             sizeof(struct abci_res_flush) };

PB_DESC(abci_res_info_desc, struct abci_res_info,
        PB_FIELD(struct abci_res_info, 1, data, PB_STRING),
        PB_FIELD(struct abci_res_info, 2, version, PB_STRING),
        PB_FIELD(struct abci_res_info, 3, app_version, PB_UINT64),
        PB_FIELD(struct abci_res_info, 4, last_block_height, PB_INT64),
        PB_FIELD(struct abci_res_info, 5, last_block_app_hash, PB_BYTES));

PB_DESC(abci_res_init_chain_desc, struct abci_res_init_chain,
        PB_PTR(struct abci_res_init_chain, 1, consensus_params,
               consensus_params_desc),
        PB_SUBS(struct abci_res_init_chain, 2, validators,
                abci_validator_update_desc, 0),
        PB_FIELD(struct abci_res_init_chain, 3, app_hash, PB_BYTES));

PB_DESC(abci_res_query_desc, struct abci_res_query,
        PB_FIELD(struct abci_res_query, 1, code, PB_UINT32),
        PB_FIELD(struct abci_res_query, 3, log, PB_STRING),
        PB_FIELD(struct abci_res_query, 4, info, PB_STRING),
        PB_FIELD(struct abci_res_query, 5, index, PB_INT64),
        PB_FIELD(struct abci_res_query, 6, key, PB_BYTES),
        PB_FIELD(struct abci_res_query, 7, value, PB_BYTES),
        PB_PTR(struct abci_res_query, 8, proof_ops, abci_proof_ops_desc),
        PB_FIELD(struct abci_res_query, 9, height, PB_INT64),
        PB_FIELD(struct abci_res_query, 10, codespace, PB_STRING));

PB_DESC(abci_res_check_tx_desc, struct abci_res_check_tx,
        PB_FIELD(struct abci_res_check_tx, 1, code, PB_UINT32),
        PB_FIELD(struct abci_res_check_tx, 2, data, PB_BYTES),
        PB_FIELD(struct abci_res_check_tx, 3, log, PB_STRING),
        PB_FIELD(struct abci_res_check_tx, 4, info, PB_STRING),
        PB_FIELD(struct abci_res_check_tx, 5, gas_wanted, PB_INT64),
        PB_FIELD(struct abci_res_check_tx, 6, gas_used, PB_INT64),
        PB_SUBS(struct abci_res_check_tx, 7, events, abci_event_desc, 0),
        PB_FIELD(struct abci_res_check_tx, 8, codespace, PB_STRING));

PB_DESC(abci_res_commit_desc, struct abci_res_commit,
        PB_FIELD(struct abci_res_commit, 3, retain_height, PB_INT64));

PB_DESC(abci_res_list_snapshots_desc, struct abci_res_list_snapshots,
        PB_SUBS(struct abci_res_list_snapshots, 1, snapshots,
                abci_snapshot_desc, 0));

PB_DESC(abci_res_offer_snapshot_desc, struct abci_res_offer_snapshot,
        PB_FIELD(struct abci_res_offer_snapshot, 1, result, PB_INT32));

PB_DESC(abci_res_load_snapshot_chunk_desc, struct abci_res_load_snapshot_chunk,
        PB_FIELD(struct abci_res_load_snapshot_chunk, 1, chunk, PB_BYTES));

PB_DESC(abci_res_apply_snapshot_chunk_desc,
        struct abci_res_apply_snapshot_chunk,
        PB_FIELD(struct abci_res_apply_snapshot_chunk, 1, result, PB_INT32),
        PB_LIST(struct abci_res_apply_snapshot_chunk, 2, refetch_chunks,
                PB_UINT32, 0),
        PB_LIST(struct abci_res_apply_snapshot_chunk, 3, reject_senders,
                PB_STRING, 0));

PB_DESC(abci_res_prepare_proposal_desc, struct abci_res_prepare_proposal,
        PB_LIST(struct abci_res_prepare_proposal, 1, txs, PB_BYTES,
                BLOCK_TXS_MAX));

PB_DESC(abci_res_process_proposal_desc, struct abci_res_process_proposal,
        PB_FIELD(struct abci_res_process_proposal, 1, status, PB_INT32));

PB_DESC(abci_res_extend_vote_desc, struct abci_res_extend_vote,
        PB_FIELD(struct abci_res_extend_vote, 1, vote_extension, PB_BYTES));

PB_DESC(abci_res_verify_vote_extension_desc,
        struct abci_res_verify_vote_extension,
        PB_FIELD(struct abci_res_verify_vote_extension, 1, status, PB_INT32));

PB_DESC(abci_res_finalize_block_desc, struct abci_res_finalize_block,
        PB_SUBS(struct abci_res_finalize_block, 1, events, abci_event_desc, 0),
        PB_SUBS(struct abci_res_finalize_block, 2, tx_results,
                abci_tx_result_desc, BLOCK_TXS_MAX),
        PB_SUBS(struct abci_res_finalize_block, 3, validator_updates,
                abci_validator_update_desc, 0),
        PB_PTR(struct abci_res_finalize_block, 4, consensus_param_updates,
               consensus_params_desc),
        PB_FIELD(struct abci_res_finalize_block, 5, app_hash, PB_BYTES));

PB_DESC(abci_request_desc, struct abci_request,
        PB_ONEOF_MSG(struct abci_request, 1, which, echo, abci_req_echo_desc),
        PB_ONEOF_MSG(struct abci_request, 2, which, flush, abci_req_flush_desc),
        PB_ONEOF_MSG(struct abci_request, 3, which, info, abci_req_info_desc),
        PB_ONEOF_MSG(struct abci_request, 5, which, init_chain,
                     abci_req_init_chain_desc),
        PB_ONEOF_MSG(struct abci_request, 6, which, query, abci_req_query_desc),
        PB_ONEOF_MSG(struct abci_request, 8, which, check_tx,
                     abci_req_check_tx_desc),
        PB_ONEOF_MSG(struct abci_request, 11, which, commit,
                     abci_req_commit_desc),
        PB_ONEOF_MSG(struct abci_request, 12, which, list_snapshots,
                     abci_req_list_snapshots_desc),
        PB_ONEOF_MSG(struct abci_request, 13, which, offer_snapshot,
                     abci_req_offer_snapshot_desc),
        PB_ONEOF_MSG(struct abci_request, 14, which, load_snapshot_chunk,
                     abci_req_load_snapshot_chunk_desc),
        PB_ONEOF_MSG(struct abci_request, 15, which, apply_snapshot_chunk,
                     abci_req_apply_snapshot_chunk_desc),
        PB_ONEOF_MSG(struct abci_request, 16, which, prepare_proposal,
                     abci_req_prepare_proposal_desc),
        PB_ONEOF_MSG(struct abci_request, 17, which, process_proposal,
                     abci_req_process_proposal_desc),
        PB_ONEOF_MSG(struct abci_request, 18, which, extend_vote,
                     abci_req_extend_vote_desc),
        PB_ONEOF_MSG(struct abci_request, 19, which, verify_vote_extension,
                     abci_req_verify_vote_extension_desc),
        PB_ONEOF_MSG(struct abci_request, 20, which, finalize_block,
                     abci_req_finalize_block_desc));

PB_DESC(
    abci_response_desc, struct abci_response,
    PB_ONEOF_MSG(struct abci_response, 1, which, exception,
                 abci_res_exception_desc),
    PB_ONEOF_MSG(struct abci_response, 2, which, echo, abci_res_echo_desc),
    PB_ONEOF_MSG(struct abci_response, 3, which, flush, abci_res_flush_desc),
    PB_ONEOF_MSG(struct abci_response, 4, which, info, abci_res_info_desc),
    PB_ONEOF_MSG(struct abci_response, 6, which, init_chain,
                 abci_res_init_chain_desc),
    PB_ONEOF_MSG(struct abci_response, 7, which, query, abci_res_query_desc),
    PB_ONEOF_MSG(struct abci_response, 9, which, check_tx,
                 abci_res_check_tx_desc),
    PB_ONEOF_MSG(struct abci_response, 12, which, commit, abci_res_commit_desc),
    PB_ONEOF_MSG(struct abci_response, 13, which, list_snapshots,
                 abci_res_list_snapshots_desc),
    PB_ONEOF_MSG(struct abci_response, 14, which, offer_snapshot,
                 abci_res_offer_snapshot_desc),
    PB_ONEOF_MSG(struct abci_response, 15, which, load_snapshot_chunk,
                 abci_res_load_snapshot_chunk_desc),
    PB_ONEOF_MSG(struct abci_response, 16, which, apply_snapshot_chunk,
                 abci_res_apply_snapshot_chunk_desc),
    PB_ONEOF_MSG(struct abci_response, 17, which, prepare_proposal,
                 abci_res_prepare_proposal_desc),
    PB_ONEOF_MSG(struct abci_response, 18, which, process_proposal,
                 abci_res_process_proposal_desc),
    PB_ONEOF_MSG(struct abci_response, 19, which, extend_vote,
                 abci_res_extend_vote_desc),
    PB_ONEOF_MSG(struct abci_response, 20, which, verify_vote_extension,
                 abci_res_verify_vote_extension_desc),
    PB_ONEOF_MSG(struct abci_response, 21, which, finalize_block,
                 abci_res_finalize_block_desc));
