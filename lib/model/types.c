#include "model/types.h"

#include "base/limits.h"

#define F PB_FIELD

PB_DESC(part_set_header_desc, struct part_set_header,
        F(struct part_set_header, 1, total, PB_UINT32),
        F(struct part_set_header, 2, hash, PB_BYTES));

PB_DESC(block_id_desc, struct block_id, F(struct block_id, 1, hash, PB_BYTES),
        PB_SUB(struct block_id, 2, part_set_header, part_set_header_desc));

PB_DESC(proof_desc, struct proof, F(struct proof, 1, total, PB_INT64),
        F(struct proof, 2, index, PB_INT64),
        F(struct proof, 3, leaf_hash, PB_BYTES),
        PB_LIST(struct proof, 4, aunts, PB_BYTES, 0));

PB_DESC(part_desc, struct part, F(struct part, 1, index, PB_UINT32),
        F(struct part, 2, bytes, PB_BYTES),
        PB_SUB(struct part, 3, proof, proof_desc));

PB_DESC(version_desc, struct version, F(struct version, 1, block, PB_UINT64),
        F(struct version, 2, app, PB_UINT64));

PB_DESC(header_desc, struct header,
        PB_SUB(struct header, 1, version, version_desc),
        F(struct header, 2, chain_id, PB_STRING),
        F(struct header, 3, height, PB_INT64),
        F(struct header, 4, time, PB_STAMP),
        PB_SUB(struct header, 5, last_block_id, block_id_desc),
        F(struct header, 6, last_commit_hash, PB_BYTES),
        F(struct header, 7, data_hash, PB_BYTES),
        F(struct header, 8, validators_hash, PB_BYTES),
        F(struct header, 9, next_validators_hash, PB_BYTES),
        F(struct header, 10, consensus_hash, PB_BYTES),
        F(struct header, 11, app_hash, PB_BYTES),
        F(struct header, 12, last_results_hash, PB_BYTES),
        F(struct header, 13, evidence_hash, PB_BYTES),
        F(struct header, 14, proposer_address, PB_BYTES));

PB_DESC(vote_desc, struct vote, F(struct vote, 1, type, PB_INT32),
        F(struct vote, 2, height, PB_INT64), F(struct vote, 3, round, PB_INT32),
        PB_SUB(struct vote, 4, block_id, block_id_desc),
        F(struct vote, 5, timestamp, PB_STAMP),
        F(struct vote, 6, validator_address, PB_BYTES),
        F(struct vote, 7, validator_index, PB_INT32),
        F(struct vote, 8, signature, PB_BYTES),
        F(struct vote, 9, extension, PB_BYTES),
        F(struct vote, 10, extension_signature, PB_BYTES));

PB_DESC(commit_sig_desc, struct commit_sig,
        F(struct commit_sig, 1, block_id_flag, PB_INT32),
        F(struct commit_sig, 2, validator_address, PB_BYTES),
        F(struct commit_sig, 3, timestamp, PB_STAMP),
        F(struct commit_sig, 4, signature, PB_BYTES));

PB_DESC(commit_desc, struct commit, F(struct commit, 1, height, PB_INT64),
        F(struct commit, 2, round, PB_INT32),
        PB_SUB(struct commit, 3, block_id, block_id_desc),
        PB_SUBS(struct commit, 4, signatures, commit_sig_desc, 0));

PB_DESC(extended_commit_sig_desc, struct extended_commit_sig,
        F(struct extended_commit_sig, 1, block_id_flag, PB_INT32),
        F(struct extended_commit_sig, 2, validator_address, PB_BYTES),
        F(struct extended_commit_sig, 3, timestamp, PB_STAMP),
        F(struct extended_commit_sig, 4, signature, PB_BYTES),
        F(struct extended_commit_sig, 5, extension, PB_BYTES),
        F(struct extended_commit_sig, 6, extension_signature, PB_BYTES));

PB_DESC(extended_commit_desc, struct extended_commit,
        F(struct extended_commit, 1, height, PB_INT64),
        F(struct extended_commit, 2, round, PB_INT32),
        PB_SUB(struct extended_commit, 3, block_id, block_id_desc),
        PB_SUBS(struct extended_commit, 4, extended_signatures,
                extended_commit_sig_desc, 0));

PB_DESC(proposal_desc, struct proposal, F(struct proposal, 1, type, PB_INT32),
        F(struct proposal, 2, height, PB_INT64),
        F(struct proposal, 3, round, PB_INT32),
        F(struct proposal, 4, pol_round, PB_INT32),
        PB_SUB(struct proposal, 5, block_id, block_id_desc),
        F(struct proposal, 6, timestamp, PB_STAMP),
        F(struct proposal, 7, signature, PB_BYTES));

static const struct pb_field_desc public_key_fields[] = {
    { .name        = "ed25519",
      .num         = KEY_ED25519,
      .offset      = offsetof(struct public_key, bytes),
      .case_offset = offsetof(struct public_key, type),
      .kind        = PB_BYTES,
      .label       = PB_CASE },
    { .name        = "secp256k1",
      .num         = KEY_SECP256K1,
      .offset      = offsetof(struct public_key, bytes),
      .case_offset = offsetof(struct public_key, type),
      .kind        = PB_BYTES,
      .label       = PB_CASE },
};
const struct pb_desc public_key_desc = { "public_key", public_key_fields, 2,
                                         sizeof(struct public_key) };

PB_DESC(validator_desc, struct validator,
        F(struct validator, 1, address, PB_BYTES),
        PB_SUB(struct validator, 2, pub_key, public_key_desc),
        F(struct validator, 3, voting_power, PB_INT64),
        F(struct validator, 4, proposer_priority, PB_INT64));

/* SimpleValidator: the leaf of a validator set's hash. */
PB_DESC(simple_validator_desc, struct validator,
        PB_SUB(struct validator, 1, pub_key, public_key_desc),
        F(struct validator, 2, voting_power, PB_INT64));

PB_DESC(validator_set_desc, struct validator_set_msg,
        PB_SUBS(struct validator_set_msg, 1, validators, validator_desc, 0),
        PB_PTR(struct validator_set_msg, 2, proposer, validator_desc),
        F(struct validator_set_msg, 3, total_voting_power, PB_INT64));

PB_DESC(signed_header_desc, struct signed_header,
        PB_PTR(struct signed_header, 1, header, header_desc),
        PB_PTR(struct signed_header, 2, commit, commit_desc));

PB_DESC(light_block_desc, struct light_block,
        PB_PTR(struct light_block, 1, signed_header, signed_header_desc),
        PB_PTR(struct light_block, 2, validator_set, validator_set_desc));

PB_DESC(duplicate_vote_evidence_desc, struct duplicate_vote_evidence,
        PB_PTR(struct duplicate_vote_evidence, 1, vote_a, vote_desc),
        PB_PTR(struct duplicate_vote_evidence, 2, vote_b, vote_desc),
        F(struct duplicate_vote_evidence, 3, total_voting_power, PB_INT64),
        F(struct duplicate_vote_evidence, 4, validator_power, PB_INT64),
        F(struct duplicate_vote_evidence, 5, timestamp, PB_STAMP));

PB_DESC(light_client_attack_evidence_desc, struct light_client_attack_evidence,
        PB_PTR(struct light_client_attack_evidence, 1, conflicting_block,
               light_block_desc),
        F(struct light_client_attack_evidence, 2, common_height, PB_INT64),
        PB_SUBS(struct light_client_attack_evidence, 3, byzantine_validators,
                validator_desc, 0),
        F(struct light_client_attack_evidence, 4, total_voting_power, PB_INT64),
        F(struct light_client_attack_evidence, 5, timestamp, PB_STAMP));

PB_DESC(evidence_desc, struct evidence,
        PB_ONEOF_MSG(struct evidence, 1, which, duplicate_vote_evidence,
                     duplicate_vote_evidence_desc),
        PB_ONEOF_MSG(struct evidence, 2, which, light_client_attack_evidence,
                     light_client_attack_evidence_desc));

PB_DESC(evidence_list_desc, struct evidence_list,
        PB_SUBS(struct evidence_list, 1, evidence, evidence_desc, 0));

PB_DESC(data_desc, struct data,
        PB_LIST(struct data, 1, txs, PB_BYTES, BLOCK_TXS_MAX));

PB_DESC(block_desc, struct block, PB_SUB(struct block, 1, header, header_desc),
        PB_SUB(struct block, 2, data, data_desc),
        PB_SUB(struct block, 3, evidence, evidence_list_desc),
        PB_PTR(struct block, 4, last_commit, commit_desc));

PB_DESC(block_meta_desc, struct block_meta,
        PB_SUB(struct block_meta, 1, block_id, block_id_desc),
        F(struct block_meta, 2, block_size, PB_INT64),
        PB_SUB(struct block_meta, 3, header, header_desc),
        F(struct block_meta, 4, num_txs, PB_INT64));

PB_DESC(bit_array_desc, struct bit_array,
        F(struct bit_array, 1, bits, PB_INT64),
        PB_LIST(struct bit_array, 2, elems, PB_UINT64, 0));

PB_DESC(block_params_desc, struct block_params,
        F(struct block_params, 1, max_bytes, PB_INT64),
        F(struct block_params, 2, max_gas, PB_INT64));

PB_DESC(evidence_params_desc, struct evidence_params,
        F(struct evidence_params, 1, max_age_num_blocks, PB_INT64),
        F(struct evidence_params, 2, max_age_duration, PB_DURATION),
        F(struct evidence_params, 3, max_bytes, PB_INT64));

PB_DESC(validator_params_desc, struct validator_params,
        PB_LIST(struct validator_params, 1, pub_key_types, PB_STRING, 0));

PB_DESC(version_params_desc, struct version_params,
        F(struct version_params, 1, app, PB_UINT64));

PB_DESC(abci_params_desc, struct abci_params,
        F(struct abci_params, 1, vote_extensions_enable_height, PB_INT64));

PB_DESC(consensus_params_desc, struct consensus_params_msg,
        PB_PTR(struct consensus_params_msg, 1, block, block_params_desc),
        PB_PTR(struct consensus_params_msg, 2, evidence, evidence_params_desc),
        PB_PTR(struct consensus_params_msg, 3, validator,
               validator_params_desc),
        PB_PTR(struct consensus_params_msg, 4, version, version_params_desc),
        PB_PTR(struct consensus_params_msg, 5, abci, abci_params_desc));

/* HashedParams: all that the header's consensus hash covers. */
PB_DESC(hashed_params_desc, struct block_params,
        F(struct block_params, 1, max_bytes, PB_INT64),
        F(struct block_params, 2, max_gas, PB_INT64));
