#include "ledger/run.h"

static const struct cosmos_type types[] = {
    { MSG_PUT_URL, &ledger_put_desc, 1 },
    { MSG_DELETE_URL, &ledger_delete_desc, 1 },
};

static struct cosmos_rules rules_of(const struct run *r)
{
    return (struct cosmos_rules){ .prefix         = ADDRESS_PREFIX,
                                  .chain_id       = r->chain_id,
                                  .types          = types,
                                  .type_count     = COUNT(types),
                                  .tx_bytes_max   = TX_BYTES_MAX,
                                  .messages_max   = TX_MESSAGES_MAX,
                                  .memo_bytes_max = MEMO_BYTES_MAX,
                                  .signers_max    = SIGNERS_MAX };
}

/* ---- admission ---- */

static bool decode_messages(const struct run *r, struct ledger_tx *tx,
                            struct outcome *out, struct arena *a)
{
    size_t n = tx->envelope.body.messages.n;

    tx->messages.n = n;
    tx->messages.v = arena_newn(r->scratch, struct message, n);
    if (!tx->messages.v)
        return refuse(out, a, CODE_BUSY, NO_DETAIL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct cosmos_any *any = &tx->envelope.body.messages.v[i];

        if (!message_decode(&tx->messages.v[i], any->type_url, any->value, out,
                            a, r->scratch))
            return false;
    }
    return true;
}

static int64_t bounded(uint64_t v)
{
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

/* What can be said of a transaction without its accounts. */
static bool read_envelope(const struct run *r, struct cosmos_tx *tx,
                          struct span raw, struct cosmos_fault *why)
{
    struct cosmos_rules rules = rules_of(r);

    return cosmos_tx_decode(tx, raw, &rules, r->scratch, why) &&
           cosmos_tx_is_canonical(raw, why);
}

static bool decode(const struct run *r, struct ledger_tx *tx, struct span raw,
                   struct outcome *out, struct arena *a)
{
    struct cosmos_rules rules = rules_of(r);
    struct cosmos_fault why;

    *tx          = (struct ledger_tx){ 0 };
    tx->gas_used = bounded(raw.n);
    if (!read_envelope(r, &tx->envelope, raw, &why))
        return refuse_envelope(out, a, &why);
    if (tx->envelope.auth.fee)
        tx->gas_wanted = bounded(tx->envelope.auth.fee->gas_limit);
    if (!cosmos_tx_check(&tx->envelope, &rules, r->height, r->is_simulation,
                         r->scratch, &why))
        return refuse_envelope(out, a, &why);
    return decode_messages(r, tx, out, a);
}

static bool find_account(const struct run *r, struct ledger_account *account,
                         const struct tx_signer *s, struct outcome *out,
                         struct arena *a)
{
    struct span         address = SPAN(s->address, s->address_n), text;
    struct cosmos_fault why     = { .code = COSMOS_UNKNOWN_ADDRESS };
    struct buf          b;

    if (account_load(account, &r->view, address, r->scratch))
        return true;
    text = account_address_text(address, r->scratch);
    buf_use(&b, why.log, sizeof why.log);
    buf_str(&b, "account ");
    buf_add(&b, text);
    buf_str(&b, " does not exist: unknown address");
    buf_cstr(&b);
    return refuse_envelope(out, a, &why);
}

/* Key, sequence and, unless it is known to hold, the signature. */
static bool check_signer(const struct run *r, const struct ledger_tx *tx,
                         size_t i, const struct ledger_account *account,
                         struct outcome *out, struct arena *a)
{
    struct cosmos_fault   why;
    struct pubkey         key;
    struct cosmos_account known = { .number   = account->account_number,
                                    .sequence = account->sequence,
                                    .keys     = &key };

    known.key_count =
        pubkey_make(&key, (enum key_type)account->key_type, account->pub_key);
    must(known.key_count == 1);
    if (!cosmos_tx_check_signer(&tx->envelope, i, &known, r->is_simulation,
                                &why))
        return refuse_envelope(out, a, &why);
    if (r->is_simulation || verdicts_has(r->verdicts, &tx->envelope.hash))
        return true;
    if (!cosmos_tx_verify(&tx->envelope, i, known.number, r->chain_id,
                          r->scratch, &why))
        return refuse_envelope(out, a, &why);
    return true;
}

bool run_admit(const struct run *r, struct ledger_tx *tx, struct span raw,
               struct outcome *out, struct arena *a)
{
    struct ledger_account *accounts;
    size_t                 n;

    *out = (struct outcome){ 0 };
    if (!decode(r, tx, raw, out, a))
        return false;
    n        = tx->envelope.signer_count;
    accounts = arena_newn(r->scratch, struct ledger_account, n);
    if (!accounts)
        return refuse(out, a, CODE_BUSY, NO_DETAIL, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (!find_account(r, &accounts[i], &tx->envelope.signers[i], out, a) ||
            !check_signer(r, tx, i, &accounts[i], out, a))
            return false;
    if (!r->is_simulation)
        verdicts_add(r->verdicts, &tx->envelope.hash);
    for (size_t i = 0; i < n; i++) {
        accounts[i].sequence++;
        account_save(&r->view, &accounts[i], r->scratch);
    }
    return !r->view.changes->is_full ||
           refuse(out, a, CODE_BUSY, NO_DETAIL, "too much is waiting");
}

/* ---- many signatures at once ---- */

enum { SIGS_AHEAD = 4 * RUN_AHEAD };

/* The signatures of one transaction, if it gets as far as that. */
static size_t checks_of(const struct run *r, struct span raw,
                        struct sig_check *checks, size_t room)
{
    struct cosmos_rules rules = rules_of(r);
    struct cosmos_fault why;
    struct cosmos_tx    tx;
    struct arena       *a = r->scratch;

    if (!read_envelope(r, &tx, raw, &why) ||
        !cosmos_tx_check(&tx, &rules, r->height, false, a, &why) ||
        tx.signer_count > room)
        return 0;
    for (size_t i = 0; i < tx.signer_count; i++) {
        const struct tx_signer *s = &tx.signers[i];
        struct ledger_account   account;

        if (!account_load(&account, &r->view, SPAN(s->address, s->address_n),
                          a))
            return 0;
        checks[i] = (struct sig_check){
            .key = s->key,
            .msg = cosmos_sign_doc(tx.raw.body_bytes, tx.raw.auth_info_bytes,
                                   r->chain_id, account.account_number, a),
            .sig = s->signature
        };
        if (!checks[i].msg.p)
            return 0;
    }
    return tx.signer_count;
}

static bool all_hold(const struct sig_check *checks, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!checks[i].ok)
            return false;
    return from < to;
}

void run_verify_ahead(const struct run *r, const struct span *txs, size_t n)
{
    struct sig_check *checks;
    struct hash       hash[RUN_AHEAD];
    size_t            end[RUN_AHEAD + 1] = { 0 };

    must(n <= RUN_AHEAD);
    arena_reset(r->scratch);
    checks = arena_newn(r->scratch, struct sig_check, SIGS_AHEAD);
    must(checks);
    for (size_t i = 0; i < n; i++) {
        sha256(&hash[i], txs[i]);
        end[i + 1] = end[i];
        if (!verdicts_has(r->verdicts, &hash[i]))
            end[i + 1] +=
                checks_of(r, txs[i], checks + end[i], SIGS_AHEAD - end[i]);
    }
    pubkey_verify_many(checks, end[n]);
    for (size_t i = 0; i < n; i++)
        if (all_hold(checks, end[i], end[i + 1]))
            verdicts_add(r->verdicts, &hash[i]);
    arena_reset(r->scratch);
}

bool run_may(const struct run *r, const struct ledger_tx *tx,
             struct outcome *out, struct arena *a)
{
    for (size_t i = 0; i < tx->messages.n; i++)
        if (!message_allowed(&tx->messages.v[i], &r->view, out, a, r->scratch))
            return false;
    return true;
}

/* ---- execution ---- */

static bool message_event(struct abci_event *event, const struct message *m,
                          struct arena *a)
{
    struct abci_attribute *v = arena_newn(a, struct abci_attribute, 2);

    if (!v)
        return false;
    v[0]                = (struct abci_attribute){ span_str("action"),
                                                   span_str(message_url(m->kind)), true };
    v[1]                = (struct abci_attribute){ span_str("sender"),
                                                   account_address_text(SPAN_OF(m->signer), a),
                                                   true };
    event->type         = span_str("message");
    event->attributes.v = v;
    event->attributes.n = 2;
    return true;
}

static bool execute_all(const struct run *r, const struct ledger_tx *tx,
                        struct cosmos_any *responses, struct abci_event *events,
                        struct outcome *out, struct arena *a)
{
    struct message_place place = { .height  = r->height,
                                   .tx_hash = tx->envelope.hash };

    for (size_t i = 0; i < tx->messages.n; i++) {
        const struct message *m = &tx->messages.v[i];

        place.index           = i;
        responses[i].type_url = span_str(message_response_url(m->kind));
        if (!message_event(&events[2 * i], m, a))
            return refuse(out, a, CODE_BUSY, NO_DETAIL, "out of memory");
        if (!message_execute(m, &r->view, &place, &responses[i].value,
                             &events[2 * i + 1], out, a, r->scratch))
            return false;
    }
    return true;
}

void run_messages(const struct run *r, const struct ledger_tx *tx,
                  struct abci_tx_result *res, struct arena *a)
{
    size_t             n    = tx->messages.n;
    struct tx_msg_data data = {
        .msg_responses = { arena_newn(r->scratch, struct cosmos_any, n), n }
    };
    struct abci_event *events = arena_newn(a, struct abci_event, 2 * n);
    struct outcome     out    = { 0 };

    *res = (struct abci_tx_result){ .gas_wanted = tx->gas_wanted,
                                    .gas_used   = tx->gas_used };
    must(data.msg_responses.v && events);
    changes_begin(r->view.changes);
    if (!execute_all(r, tx, data.msg_responses.v, events, &out, a)) {
        changes_undo(r->view.changes);
        run_refused(res, tx, &out);
        return;
    }
    changes_keep(r->view.changes);
    res->data     = pb_encode(&tx_msg_data_desc, &data, a);
    res->events.v = events;
    res->events.n = 2 * n;
    must(res->data.p != NULL);
}

void run_refused(struct abci_tx_result *res, const struct ledger_tx *tx,
                 const struct outcome *out)
{
    *res = (struct abci_tx_result){ .code       = out->code,
                                    .log        = out->log,
                                    .info       = out->info,
                                    .gas_wanted = tx->gas_wanted,
                                    .gas_used   = tx->gas_used,
                                    .codespace  = span_str(out->codespace) };
}
