/* types - the data structures of a chain, as they stand on the wire.
 *
 * Source:  CometBFT v0.38 proto/tendermint/types, version, crypto, libs/bits.
 * Shapes:  what pb_decode yields: every length and number is still as the
 *          sender chose it until the matching *_validate() has accepted it.
 *          Hashes are spans of 0 or 32 bytes, addresses of 20.
 * Memory:  spans and lists borrow from the decoded input and its arena. */
#ifndef WARREN_MODEL_TYPES_H
#define WARREN_MODEL_TYPES_H

#include "pb/pb.h"

/* LIST(struct vote) has the layout of struct pb_list, with a type. */
#define LIST(type)                                                             \
    struct {                                                                   \
        type  *v;                                                              \
        size_t n;                                                              \
    }
typedef LIST(struct span) span_list;

enum { /* SignedMsgType */
       TYPE_UNKNOWN   = 0,
       TYPE_PREVOTE   = 1,
       TYPE_PRECOMMIT = 2,
       TYPE_PROPOSAL  = 32,
};

enum { /* BlockIDFlag */
       FLAG_UNKNOWN = 0,
       FLAG_ABSENT  = 1,
       FLAG_COMMIT  = 2,
       FLAG_NIL     = 3,
};

struct part_set_header {
    uint32_t    total;
    struct span hash;
};

struct block_id {
    struct span            hash;
    struct part_set_header part_set_header;
};

struct proof {
    int64_t     total, index;
    struct span leaf_hash;
    span_list   aunts;
};

struct part {
    uint32_t     index;
    struct span  bytes;
    struct proof proof;
};

struct version {
    uint64_t block, app;
};

struct header {
    struct version  version;
    struct span     chain_id;
    int64_t         height;
    struct stamp    time;
    struct block_id last_block_id;
    struct span     last_commit_hash;
    struct span     data_hash;
    struct span     validators_hash;
    struct span     next_validators_hash;
    struct span     consensus_hash;
    struct span     app_hash;
    struct span     last_results_hash;
    struct span     evidence_hash;
    struct span     proposer_address;
};

struct vote {
    int32_t         type;
    int64_t         height;
    int32_t         round;
    struct block_id block_id;
    struct stamp    timestamp;
    struct span     validator_address;
    int32_t         validator_index;
    struct span     signature;
    struct span     extension;
    struct span     extension_signature;
};

struct commit_sig {
    int32_t      block_id_flag;
    struct span  validator_address;
    struct stamp timestamp;
    struct span  signature;
};

struct commit {
    int64_t         height;
    int32_t         round;
    struct block_id block_id;
    LIST(struct commit_sig) signatures;
};

struct extended_commit_sig {
    int32_t      block_id_flag;
    struct span  validator_address;
    struct stamp timestamp;
    struct span  signature;
    struct span  extension;
    struct span  extension_signature;
};

struct extended_commit {
    int64_t         height;
    int32_t         round;
    struct block_id block_id;
    LIST(struct extended_commit_sig) extended_signatures;
};

struct proposal {
    int32_t         type;
    int64_t         height;
    int32_t         round;
    int32_t         pol_round;
    struct block_id block_id;
    struct stamp    timestamp;
    struct span     signature;
};

struct public_key {
    enum { KEY_NONE = 0, KEY_ED25519 = 1, KEY_SECP256K1 = 2 } type;
    struct span bytes;
};

struct validator {
    struct span       address;
    struct public_key pub_key;
    int64_t           voting_power;
    int64_t           proposer_priority;
};

/* The message; the set that consensus computes with is in validators.h. */
struct validator_set_msg {
    LIST(struct validator) validators;
    struct validator *proposer;
    int64_t           total_voting_power;
};

struct signed_header {
    struct header *header;
    struct commit *commit;
};

struct light_block {
    struct signed_header     *signed_header;
    struct validator_set_msg *validator_set;
};

struct duplicate_vote_evidence {
    struct vote *vote_a, *vote_b;
    int64_t      total_voting_power;
    int64_t      validator_power;
    struct stamp timestamp;
};

struct light_client_attack_evidence {
    struct light_block *conflicting_block;
    int64_t             common_height;
    LIST(struct validator) byzantine_validators;
    int64_t      total_voting_power;
    struct stamp timestamp;
};

struct evidence {
    enum {
        EVIDENCE_NONE           = 0,
        EVIDENCE_DUPLICATE_VOTE = 1,
        EVIDENCE_LIGHT_CLIENT   = 2,
    } which;
    union {
        struct duplicate_vote_evidence      *duplicate_vote_evidence;
        struct light_client_attack_evidence *light_client_attack_evidence;
    };
};

struct evidence_list {
    LIST(struct evidence) evidence;
};

struct data {
    span_list txs;
};

struct block {
    struct header        header;
    struct data          data;
    struct evidence_list evidence;
    struct commit       *last_commit;
};

struct block_meta {
    struct block_id block_id;
    int64_t         block_size;
    struct header   header;
    int64_t         num_txs;
};

struct bit_array {
    int64_t bits;
    LIST(uint64_t) elems;
};

struct block_params {
    int64_t max_bytes, max_gas;
};
struct evidence_params {
    int64_t max_age_num_blocks;
    int64_t max_age_duration; /* nanoseconds */
    int64_t max_bytes;
};
struct validator_params {
    span_list pub_key_types;
};
struct version_params {
    uint64_t app;
};
struct abci_params {
    int64_t vote_extensions_enable_height;
};
struct consensus_params_msg {
    struct block_params     *block;
    struct evidence_params  *evidence;
    struct validator_params *validator;
    struct version_params   *version;
    struct abci_params      *abci;
};

extern const struct pb_desc part_set_header_desc, block_id_desc, proof_desc,
    part_desc, version_desc, header_desc, vote_desc, commit_sig_desc,
    commit_desc, extended_commit_sig_desc, extended_commit_desc, proposal_desc,
    public_key_desc, validator_desc, simple_validator_desc, validator_set_desc,
    signed_header_desc, light_block_desc, duplicate_vote_evidence_desc,
    light_client_attack_evidence_desc, evidence_desc, evidence_list_desc,
    data_desc, block_desc, block_meta_desc, bit_array_desc, block_params_desc,
    evidence_params_desc, validator_params_desc, version_params_desc,
    abci_params_desc, consensus_params_desc, hashed_params_desc;

#endif
