/* types - the messages of Cosmos SDK transactions, accounts and queries.
 *
 * Source:  Cosmos SDK v0.50 proto/cosmos/{tx,auth,base,crypto}; ADR-020.
 * Shapes:  what pb_decode yields: nothing is checked yet (see tx.h).
 * Memory:  spans and lists borrow from the decoded input and its arena. */
#ifndef WARREN_COSMOS_TYPES_H
#define WARREN_COSMOS_TYPES_H

#include "abci/types.h"
#include "model/types.h"

/* A message of any type: "/package.Name" and its encoding. */
struct cosmos_any {
    struct span type_url, value;
};

struct cosmos_coin {
    struct span denom, amount; /* decimal text */
};

/* ---- transactions ---- */

struct tx_raw {
    struct span body_bytes, auth_info_bytes;
    span_list   signatures;
};

struct tx_body {
    LIST(struct cosmos_any) messages;
    struct span memo;
    uint64_t    timeout_height; /* 0: none */
    LIST(struct cosmos_any) extension_options;
    LIST(struct cosmos_any) non_critical_extension_options;
};

enum { SIGN_MODE_UNSPECIFIED = 0, SIGN_MODE_DIRECT = 1 };

struct mode_single {
    int32_t mode;
};
struct mode_multi {
    struct span bitarray; /* and members, that are not read */
};
struct mode_info {
    enum { MODE_NONE = 0, MODE_SINGLE = 1, MODE_MULTI = 2 } which;
    union {
        struct mode_single *single;
        struct mode_multi  *multi;
    };
};

struct signer_info {
    struct cosmos_any *public_key; /* NULL: left out */
    struct mode_info  *mode_info;
    uint64_t           sequence;
};

struct tx_fee {
    LIST(struct cosmos_coin) amount;
    uint64_t    gas_limit;
    struct span payer, granter; /* bech32; empty: the first signer, nobody */
};

struct tx_tip {
    LIST(struct cosmos_coin) amount;
    struct span tipper;
};

struct auth_info {
    LIST(struct signer_info) signer_infos;
    struct tx_fee *fee;
    struct tx_tip *tip;
};

struct sign_doc {
    struct span body_bytes, auth_info_bytes, chain_id;
    uint64_t    account_number;
};

extern const struct pb_desc cosmos_any_desc, cosmos_coin_desc, tx_raw_desc,
    tx_body_desc, mode_info_desc, signer_info_desc, tx_fee_desc, tx_tip_desc,
    auth_info_desc, sign_doc_desc;

/* ---- keys ---- */

struct key_value { /* cosmos.crypto.{secp256k1,ed25519}.PubKey */
    struct span key;
};

/* LegacyAminoPubKey: any `threshold` of the members together. */
struct multisig_value {
    uint32_t threshold;
    LIST(struct cosmos_any) public_keys;
};

extern const struct pb_desc key_value_desc, multisig_value_desc;

/* ---- accounts and their query ---- */

struct base_account {
    struct span        address;
    struct cosmos_any *pub_key; /* NULL: none yet */
    uint64_t           account_number, sequence;
};

struct module_account {
    struct base_account *base_account;
    struct span          name;
    span_list            permissions;
};

struct query_account_request {
    struct span address;
};
struct query_account_response {
    struct cosmos_any *account;
};

extern const struct pb_desc base_account_desc, module_account_desc,
    query_account_request_desc, query_account_response_desc;

/* ---- simulation and results ---- */

struct tx_msg { /* cosmos.tx.v1beta1.Tx */
    struct tx_body   *body;
    struct auth_info *auth_info;
    span_list         signatures;
};

struct simulate_request {
    struct tx_msg *tx; /* the old form */
    struct span    tx_bytes;
};

struct gas_info {
    uint64_t gas_wanted, gas_used;
};
struct simulate_result {
    struct span data; /* the old form */
    struct span log;
    LIST(struct abci_event) events;
    LIST(struct cosmos_any) msg_responses;
};
struct simulate_response {
    struct gas_info        *gas_info;
    struct simulate_result *result;
};

struct msg_data { /* the old form of a response */
    struct span msg_type, data;
};
/* What ExecTxResult.data holds: one response per message, in order. */
struct tx_msg_data {
    LIST(struct msg_data) data;
    LIST(struct cosmos_any) msg_responses;
};

extern const struct pb_desc tx_msg_desc, simulate_request_desc, gas_info_desc,
    simulate_result_desc, simulate_response_desc, msg_data_desc,
    tx_msg_data_desc;

#endif
