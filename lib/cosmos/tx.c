#include "cosmos/tx.h"

#include "cosmos/keys.h"
#include "cosmos/scan.h"
#include "crypto/bech32.h"

static bool no_memory(struct cosmos_fault *why)
{
    return fault_set(why, COSMOS_TX_TOO_LARGE, "the transaction is too large");
}

/* ---- decoding ---- */

static bool resolve_messages(struct cosmos_tx          *tx,
                             const struct cosmos_rules *rules, struct arena *a,
                             struct cosmos_fault *why)
{
    size_t n = tx->body.messages.n;

    if (tx->body.extension_options.n ||
        tx->body.non_critical_extension_options.n)
        return fault_set(why, COSMOS_UNKNOWN_EXTENSION,
                         "unknown extension options");
    tx->types = arena_newn(a, const struct cosmos_type *, n);
    if (!tx->types)
        return no_memory(why);
    for (size_t i = 0; i < n; i++) {
        tx->types[i] = scan_type(rules, tx->body.messages.v[i].type_url);
        must(tx->types[i]); /* or the scan would have refused it */
    }
    return true;
}

bool cosmos_tx_decode(struct cosmos_tx *tx, struct span bytes,
                      const struct cosmos_rules *rules, struct arena *a,
                      struct cosmos_fault *why)
{
    *tx = (struct cosmos_tx){ .bytes = bytes };
    if (bytes.n > rules->tx_bytes_max)
        return fault_set(why, COSMOS_TX_TOO_LARGE,
                         "transaction of %zu bytes, the limit is %zu", bytes.n,
                         rules->tx_bytes_max);
    sha256(&tx->hash, bytes);
    if (!scan_raw(bytes, why))
        return false;
    if (pb_decode(&tx_raw_desc, &tx->raw, a, bytes))
        return no_memory(why);
    if (!scan_body(tx->raw.body_bytes, rules, why) ||
        !scan_auth_info(tx->raw.auth_info_bytes, why))
        return false;
    if (pb_decode(&tx_body_desc, &tx->body, a, tx->raw.body_bytes) ||
        pb_decode(&auth_info_desc, &tx->auth, a, tx->raw.auth_info_bytes))
        return no_memory(why);
    return resolve_messages(tx, rules, a, why);
}

/* ---- the fee ---- */

/* A decimal of at most 256 bits. */
static bool amount_parse(struct span text, bool *is_negative)
{
    static const char max[] = "11579208923731619542357098500868790785326998466"
                              "5640564039457584007913129639935";
    size_t            i     = 0, digits;

    *is_negative = text.n && text.p[0] == '-';
    i += *is_negative;
    if (i == text.n)
        return false;
    while (i < text.n - 1 && text.p[i] == '0')
        i++;
    digits = text.n - i;
    for (size_t k = i; k < text.n; k++)
        if (text.p[k] < '0' || text.p[k] > '9')
            return false;
    return digits < sizeof max - 1 ||
           (digits == sizeof max - 1 && memcmp(text.p + i, max, digits) <= 0);
}

static bool check_coins(const struct cosmos_coin *v, size_t n,
                        struct cosmos_fault *why)
{
    for (size_t i = 0; i < n; i++) {
        bool is_negative;

        if (!amount_parse(v[i].amount, &is_negative))
            return fault_set(why, COSMOS_TX_DECODE,
                             "fee: an amount is no integer");
        if (is_negative)
            return fault_set(why, COSMOS_INSUFFICIENT_FEE,
                             "fee: an amount is negative");
    }
    return true;
}

static bool check_fee(const struct cosmos_tx *tx, struct cosmos_fault *why)
{
    const struct tx_fee *fee = tx->auth.fee;
    const struct tx_tip *tip = tx->auth.tip;

    if (!fee)
        return fault_set(why, COSMOS_INVALID_REQUEST, "missing fee");
    if (fee->gas_limit > INT64_MAX)
        return fault_set(why, COSMOS_INVALID_REQUEST,
                         "gas limit %" PRIu64 " is above 2^63 - 1",
                         fee->gas_limit);
    return check_coins(fee->amount.v, fee->amount.n, why) &&
           (!tip || check_coins(tip->amount.v, tip->amount.n, why));
}

/* ---- signers ---- */

/* The string that names the signer of a message; the last one counts. */
static struct span signer_text(const struct cosmos_any  *msg,
                               const struct cosmos_type *type)
{
    struct span     in = msg->value, text = { 0 };
    struct pb_field f;

    while (pb_next(&in, &f) > 0)
        if (f.num == type->signer_field)
            text = f.bytes;
    return text;
}

static bool add_signer(struct cosmos_tx *tx, const struct cosmos_rules *rules,
                       struct span text, struct cosmos_fault *why)
{
    struct tx_signer *s;
    uint8_t           address[COSMOS_ADDRESS_MAX];
    size_t            n;

    if (!bech32_address_decode(address, &n, rules->prefix, text))
        return fault_set(why, COSMOS_INVALID_ADDRESS,
                         "invalid address \"%.*s\", expected %s1...",
                         (int)(text.n < 100 ? text.n : 100),
                         text.n ? (const char *)text.p : "", rules->prefix);
    for (size_t i = 0; i < tx->signer_count; i++)
        if (span_eq(SPAN(address, n),
                    SPAN(tx->signers[i].address, tx->signers[i].address_n)))
            return true;
    if (tx->signer_count == rules->signers_max)
        return fault_set(why, COSMOS_TOO_MANY_SIGNERS, "more than %zu signers",
                         rules->signers_max);
    s            = &tx->signers[tx->signer_count++];
    s->address_n = n;
    memcpy(s->address, address, n);
    return true;
}

static bool collect_signers(struct cosmos_tx          *tx,
                            const struct cosmos_rules *rules, struct arena *a,
                            struct cosmos_fault *why)
{
    struct span payer = tx->auth.fee->payer;

    tx->signer_count = 0;
    tx->signers      = arena_newn(a, struct tx_signer, rules->signers_max);
    if (!tx->signers)
        return no_memory(why);
    for (size_t i = 0; i < tx->body.messages.n; i++)
        if (!add_signer(tx, rules,
                        signer_text(&tx->body.messages.v[i], tx->types[i]),
                        why))
            return false;
    return payer.n == 0 || add_signer(tx, rules, payer, why);
}

static bool check_mode(const struct signer_info *info, bool is_simulation,
                       struct cosmos_fault *why)
{
    int32_t mode;

    if (!info->mode_info || info->mode_info->which != MODE_SINGLE)
        return fault_set(why, COSMOS_UNAUTHORIZED, "no single sign mode");
    mode = info->mode_info->single->mode;
    if (mode == SIGN_MODE_DIRECT ||
        (is_simulation && mode == SIGN_MODE_UNSPECIFIED))
        return true;
    return fault_set(why, COSMOS_UNAUTHORIZED,
                     "sign mode %" PRId32 ", expected 1 (direct)", mode);
}

/* Pairs each signer with the info and the signature at its place. */
static bool fill_signers(struct cosmos_tx *tx, bool is_simulation,
                         struct arena *a, struct cosmos_fault *why)
{
    size_t infos = tx->auth.signer_infos.n, sigs = tx->raw.signatures.n;

    if (sigs == 0)
        return fault_set(why, COSMOS_NO_SIGNATURES, "no signatures supplied");
    if (sigs != tx->signer_count || infos != tx->signer_count)
        return fault_set(why, COSMOS_UNAUTHORIZED,
                         "wrong number of signers; expected %zu, got %zu "
                         "signatures and %zu signer infos",
                         tx->signer_count, sigs, infos);
    for (size_t i = 0; i < tx->signer_count; i++) {
        struct tx_signer         *s    = &tx->signers[i];
        const struct signer_info *info = &tx->auth.signer_infos.v[i];

        s->info      = info;
        s->signature = tx->raw.signatures.v[i];
        if (!check_mode(info, is_simulation, why))
            return false;
        if (!info->public_key) {
            if (is_simulation)
                continue;
            return fault_set(why, COSMOS_INVALID_PUBKEY,
                             "signer %zu: no public key", i);
        }
        if (!cosmos_key_from_any(&s->key, info->public_key, a))
            return fault_set(why, COSMOS_INVALID_PUBKEY,
                             "signer %zu: the public key has a wrong length",
                             i);
    }
    return true;
}

bool cosmos_tx_check(struct cosmos_tx *tx, const struct cosmos_rules *rules,
                     int64_t height, bool is_simulation, struct arena *a,
                     struct cosmos_fault *why)
{
    const struct tx_body *body = &tx->body;

    if (body->messages.n == 0 || body->messages.n > rules->messages_max)
        return fault_set(why, COSMOS_INVALID_REQUEST,
                         "%zu messages, expected 1 to %zu", body->messages.n,
                         rules->messages_max);
    if (!check_fee(tx, why))
        return false;
    if (body->timeout_height && (uint64_t)height > body->timeout_height)
        return fault_set(why, COSMOS_TIMEOUT_HEIGHT,
                         "block height: %" PRId64 ", timeout height: %" PRIu64,
                         height, body->timeout_height);
    if (body->memo.n > rules->memo_bytes_max)
        return fault_set(why, COSMOS_MEMO_TOO_LARGE,
                         "memo of %zu bytes, the limit is %zu", body->memo.n,
                         rules->memo_bytes_max);
    return collect_signers(tx, rules, a, why) &&
           fill_signers(tx, is_simulation, a, why);
}

/* ---- against the account ---- */

static bool key_fits(const struct tx_signer      *s,
                     const struct cosmos_account *account)
{
    uint8_t address[ADDRESS_BYTES];

    if (s->key.type == KEY_TYPE_NONE)
        return false;
    if (account->key_count == 0) {
        pubkey_address(address, &s->key);
        return span_eq(SPAN_OF(address), SPAN(s->address, s->address_n));
    }
    for (size_t i = 0; i < account->key_count; i++)
        if (account->keys[i].type == s->key.type &&
            span_eq(pubkey_span(&account->keys[i]), pubkey_span(&s->key)))
            return true;
    return false;
}

bool cosmos_tx_check_signer(const struct cosmos_tx *tx, size_t i,
                            const struct cosmos_account *account,
                            bool is_simulation, struct cosmos_fault *why)
{
    const struct tx_signer *s = &tx->signers[i];

    if (!is_simulation && !key_fits(s, account))
        return fault_set(why, COSMOS_INVALID_PUBKEY,
                         "signer %zu: the public key is not the account's", i);
    if (s->info->sequence != account->sequence)
        return fault_set(why, COSMOS_WRONG_SEQUENCE,
                         "account sequence mismatch, expected %" PRIu64
                         ", got %" PRIu64 ": incorrect account sequence",
                         account->sequence, s->info->sequence);
    return true;
}

struct span cosmos_sign_doc(struct span body_bytes, struct span auth_info_bytes,
                            struct span chain_id, uint64_t account_number,
                            struct arena *a)
{
    struct sign_doc doc = { body_bytes, auth_info_bytes, chain_id,
                            account_number };

    return pb_encode(&sign_doc_desc, &doc, a);
}

bool cosmos_tx_verify(const struct cosmos_tx *tx, size_t i,
                      uint64_t account_number, struct span chain_id,
                      struct arena *a, struct cosmos_fault *why)
{
    const struct tx_signer *s = &tx->signers[i];
    struct span             doc =
        cosmos_sign_doc(tx->raw.body_bytes, tx->raw.auth_info_bytes, chain_id,
                        account_number, a);

    if (!doc.p)
        return no_memory(why);
    if (pubkey_verify(&s->key, doc, s->signature))
        return true;
    return fault_set(why, COSMOS_UNAUTHORIZED,
                     "signature verification failed; please verify account "
                     "number (%" PRIu64 ") and chain-id (%.*s)",
                     account_number, (int)(chain_id.n < 50 ? chain_id.n : 50),
                     chain_id.n ? (const char *)chain_id.p : "");
}
