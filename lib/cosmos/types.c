#include "cosmos/types.h"

#define F PB_FIELD

PB_DESC(cosmos_any_desc, struct cosmos_any,
        F(struct cosmos_any, 1, type_url, PB_STRING),
        F(struct cosmos_any, 2, value, PB_BYTES));
PB_DESC(cosmos_coin_desc, struct cosmos_coin,
        F(struct cosmos_coin, 1, denom, PB_STRING),
        F(struct cosmos_coin, 2, amount, PB_STRING));

PB_DESC(tx_raw_desc, struct tx_raw, F(struct tx_raw, 1, body_bytes, PB_BYTES),
        F(struct tx_raw, 2, auth_info_bytes, PB_BYTES),
        PB_LIST(struct tx_raw, 3, signatures, PB_BYTES, 0));

PB_DESC(tx_body_desc, struct tx_body,
        PB_SUBS(struct tx_body, 1, messages, cosmos_any_desc, 0),
        F(struct tx_body, 2, memo, PB_STRING),
        F(struct tx_body, 3, timeout_height, PB_UINT64),
        PB_SUBS(struct tx_body, 1023, extension_options, cosmos_any_desc, 0),
        PB_SUBS(struct tx_body, 2047, non_critical_extension_options,
                cosmos_any_desc, 0));

static const struct pb_field_desc mode_single_fields[] = {
    F(struct mode_single, 1, mode, PB_INT32),
};
static const struct pb_desc       mode_single_desc    = { "mode_single",
                                                          mode_single_fields, 1,
                                                          sizeof(struct mode_single) };
static const struct pb_field_desc mode_multi_fields[] = {
    F(struct mode_multi, 1, bitarray, PB_BYTES),
};
static const struct pb_desc mode_multi_desc = { "mode_multi", mode_multi_fields,
                                                1, sizeof(struct mode_multi) };
PB_DESC(mode_info_desc, struct mode_info,
        PB_ONEOF_MSG(struct mode_info, 1, which, single, mode_single_desc),
        PB_ONEOF_MSG(struct mode_info, 2, which, multi, mode_multi_desc));

PB_DESC(signer_info_desc, struct signer_info,
        PB_PTR(struct signer_info, 1, public_key, cosmos_any_desc),
        PB_PTR(struct signer_info, 2, mode_info, mode_info_desc),
        F(struct signer_info, 3, sequence, PB_UINT64));

PB_DESC(tx_fee_desc, struct tx_fee,
        PB_SUBS(struct tx_fee, 1, amount, cosmos_coin_desc, 0),
        F(struct tx_fee, 2, gas_limit, PB_UINT64),
        F(struct tx_fee, 3, payer, PB_STRING),
        F(struct tx_fee, 4, granter, PB_STRING));

PB_DESC(tx_tip_desc, struct tx_tip,
        PB_SUBS(struct tx_tip, 1, amount, cosmos_coin_desc, 0),
        F(struct tx_tip, 2, tipper, PB_STRING));

PB_DESC(auth_info_desc, struct auth_info,
        PB_SUBS(struct auth_info, 1, signer_infos, signer_info_desc, 0),
        PB_PTR(struct auth_info, 2, fee, tx_fee_desc),
        PB_PTR(struct auth_info, 3, tip, tx_tip_desc));

PB_DESC(sign_doc_desc, struct sign_doc,
        F(struct sign_doc, 1, body_bytes, PB_BYTES),
        F(struct sign_doc, 2, auth_info_bytes, PB_BYTES),
        F(struct sign_doc, 3, chain_id, PB_STRING),
        F(struct sign_doc, 4, account_number, PB_UINT64));

PB_DESC(key_value_desc, struct key_value,
        F(struct key_value, 1, key, PB_BYTES));
PB_DESC(multisig_value_desc, struct multisig_value,
        F(struct multisig_value, 1, threshold, PB_UINT32),
        PB_SUBS(struct multisig_value, 2, public_keys, cosmos_any_desc, 0));

PB_DESC(base_account_desc, struct base_account,
        F(struct base_account, 1, address, PB_STRING),
        PB_PTR(struct base_account, 2, pub_key, cosmos_any_desc),
        F(struct base_account, 3, account_number, PB_UINT64),
        F(struct base_account, 4, sequence, PB_UINT64));
PB_DESC(module_account_desc, struct module_account,
        PB_PTR(struct module_account, 1, base_account, base_account_desc),
        F(struct module_account, 2, name, PB_STRING),
        PB_LIST(struct module_account, 3, permissions, PB_STRING, 0));
PB_DESC(query_account_request_desc, struct query_account_request,
        F(struct query_account_request, 1, address, PB_STRING));
PB_DESC(query_account_response_desc, struct query_account_response,
        PB_PTR(struct query_account_response, 1, account, cosmos_any_desc));

PB_DESC(tx_msg_desc, struct tx_msg,
        PB_PTR(struct tx_msg, 1, body, tx_body_desc),
        PB_PTR(struct tx_msg, 2, auth_info, auth_info_desc),
        PB_LIST(struct tx_msg, 3, signatures, PB_BYTES, 0));
PB_DESC(simulate_request_desc, struct simulate_request,
        PB_PTR(struct simulate_request, 1, tx, tx_msg_desc),
        F(struct simulate_request, 2, tx_bytes, PB_BYTES));
PB_DESC(gas_info_desc, struct gas_info,
        F(struct gas_info, 1, gas_wanted, PB_UINT64),
        F(struct gas_info, 2, gas_used, PB_UINT64));
PB_DESC(simulate_result_desc, struct simulate_result,
        F(struct simulate_result, 1, data, PB_BYTES),
        F(struct simulate_result, 2, log, PB_STRING),
        PB_SUBS(struct simulate_result, 3, events, abci_event_desc, 0),
        PB_SUBS(struct simulate_result, 4, msg_responses, cosmos_any_desc, 0));
PB_DESC(simulate_response_desc, struct simulate_response,
        PB_PTR(struct simulate_response, 1, gas_info, gas_info_desc),
        PB_PTR(struct simulate_response, 2, result, simulate_result_desc));

PB_DESC(msg_data_desc, struct msg_data,
        F(struct msg_data, 1, msg_type, PB_STRING),
        F(struct msg_data, 2, data, PB_BYTES));
PB_DESC(tx_msg_data_desc, struct tx_msg_data,
        PB_SUBS(struct tx_msg_data, 1, data, msg_data_desc, 0),
        PB_SUBS(struct tx_msg_data, 2, msg_responses, cosmos_any_desc, 0));
