/* Transactions.
 *
 * Properties: an accepted TxRaw that is canonical is the one encoding of its
 * parts, so that no signature holds under two hashes; a refusal says why;
 * accepted limits are kept. */
#include "fuzz.h"

#include "cosmos/tx.h"

struct msg {
    struct span signer;
    LIST(struct cosmos_any) inner;
    struct span text;
};
PB_DESC(msg_desc, struct msg, PB_FIELD(struct msg, 1, signer, PB_STRING),
        PB_SUBS(struct msg, 2, inner, cosmos_any_desc, 0),
        PB_FIELD(struct msg, 3, text, PB_BYTES));

void fuzz_one(struct span in)
{
    static const struct cosmos_type types[] = {
        { "/cosmos.bank.v1beta1.MsgSend", &msg_desc, 1 },
        { "/cosmos.authz.v1beta1.MsgExec", &msg_desc, 1 },
    };
    const struct cosmos_rules rules = {
        .prefix         = "warren",
        .chain_id       = span_str("warren-1"),
        .types          = types,
        .type_count     = COUNT(types),
        .tx_bytes_max   = 1 << 16,
        .messages_max   = 8,
        .memo_bytes_max = 256,
        .signers_max    = 3,
    };
    struct cosmos_fault why = { 0 };
    struct cosmos_tx    tx;

    if (!cosmos_tx_decode(&tx, in, &rules, &fuzz_arena, &why)) {
        must(why.code && why.log[0]);
        return;
    }
    if (cosmos_tx_is_canonical(in, &why))
        must(span_eq(pb_encode(&tx_raw_desc, &tx.raw, &fuzz_arena), in));
    else
        must(why.code && why.log[0]);
    for (int is_simulation = 0; is_simulation < 2; is_simulation++) {
        if (!cosmos_tx_check(&tx, &rules, 10, is_simulation, &fuzz_arena,
                             &why)) {
            must(why.code && why.log[0]);
            continue;
        }
        must(tx.signer_count > 0 && tx.signer_count <= rules.signers_max);
        must(tx.body.messages.n > 0 && tx.body.messages.n <= 8);
        must(tx.signer_count == tx.raw.signatures.n);
        for (size_t i = 0; i < tx.signer_count; i++)
            must(is_simulation || tx.signers[i].key.type != KEY_TYPE_NONE);
    }
}
