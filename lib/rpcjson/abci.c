/* What the application answered, in the two forms that CometBFT prints. */
#include "rpcjson/types.h"

/* Attributes have one form only. */
static void attributes(struct json_writer *w, const struct abci_event *e)
{
    jw_key(w, "attributes");
    jw_array(w);
    for (size_t i = 0; i < e->attributes.n; i++) {
        const struct abci_attribute *a = &e->attributes.v[i];

        jw_object(w);
        JW(w, "key", str, a->key);
        JW(w, "value", str, a->value);
        JW(w, "index", bool, a->index);
        jw_object_end(w);
    }
    jw_array_end(w);
}

void rj_events(struct json_writer *w, const struct abci_event *v, size_t n)
{
    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        jw_object(w);
        JW(w, "type", str, v[i].type);
        attributes(w, &v[i]);
        jw_object_end(w);
    }
    jw_array_end(w);
}

void rj_events_plain(struct json_writer *w, const struct abci_event *v,
                     size_t n)
{
    if (n == 0) {
        jw_null(w);
        return;
    }
    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        jw_object(w);
        if (v[i].type.n)
            JW(w, "type", str, v[i].type);
        if (v[i].attributes.n)
            attributes(w, &v[i]);
        jw_object_end(w);
    }
    jw_array_end(w);
}

void rj_tx_result(struct json_writer *w, const struct abci_tx_result *r)
{
    jw_object(w);
    JW(w, "code", int, r->code);
    JW(w, "data", base64, r->data);
    JW(w, "log", str, r->log);
    JW(w, "info", str, r->info);
    JW(w, "gas_wanted", int_text, r->gas_wanted);
    JW(w, "gas_used", int_text, r->gas_used);
    jw_key(w, "events");
    rj_events(w, r->events.v, r->events.n);
    JW(w, "codespace", str, r->codespace);
    jw_object_end(w);
}

static void str_unless_empty(struct json_writer *w, const char *key,
                             struct span v)
{
    if (v.n)
        JW(w, key, str, v);
}

static void int_unless_zero(struct json_writer *w, const char *key, int64_t v)
{
    if (v)
        JW(w, key, int_text, v);
}

void rj_tx_result_plain(struct json_writer *w, const struct abci_tx_result *r)
{
    jw_object(w);
    if (r->code)
        JW(w, "code", int, r->code);
    if (r->data.n)
        JW(w, "data", base64, r->data);
    str_unless_empty(w, "log", r->log);
    str_unless_empty(w, "info", r->info);
    int_unless_zero(w, "gas_wanted", r->gas_wanted);
    int_unless_zero(w, "gas_used", r->gas_used);
    if (r->events.n) {
        jw_key(w, "events");
        rj_events_plain(w, r->events.v, r->events.n);
    }
    str_unless_empty(w, "codespace", r->codespace);
    jw_object_end(w);
}

void rj_check_tx(struct json_writer *w, const struct abci_res_check_tx *r)
{
    struct abci_tx_result same = {
        .code       = r->code,
        .data       = r->data,
        .log        = r->log,
        .info       = r->info,
        .gas_wanted = r->gas_wanted,
        .gas_used   = r->gas_used,
        .events     = { r->events.v, r->events.n },
        .codespace  = r->codespace,
    };

    rj_tx_result(w, &same);
}

static void proof_ops(struct json_writer *w, const struct abci_proof_ops *p)
{
    if (!p) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "ops");
    jw_array(w);
    for (size_t i = 0; i < p->ops.n; i++) {
        jw_object(w);
        JW(w, "type", str, p->ops.v[i].type);
        JW(w, "key", base64, p->ops.v[i].key);
        JW(w, "data", base64, p->ops.v[i].data);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

void rj_query(struct json_writer *w, const struct abci_res_query *r)
{
    jw_object(w);
    JW(w, "code", int, r->code);
    JW(w, "log", str, r->log);
    JW(w, "info", str, r->info);
    JW(w, "index", int_text, r->index);
    JW(w, "key", base64, r->key);
    JW(w, "value", base64, r->value);
    jw_key(w, "proofOps");
    proof_ops(w, r->proof_ops);
    JW(w, "height", int_text, r->height);
    JW(w, "codespace", str, r->codespace);
    jw_object_end(w);
}

void rj_info(struct json_writer *w, const struct abci_res_info *r)
{
    jw_object(w);
    str_unless_empty(w, "data", r->data);
    str_unless_empty(w, "version", r->version);
    if (r->app_version)
        JW(w, "app_version", uint_text, r->app_version);
    int_unless_zero(w, "last_block_height", r->last_block_height);
    if (r->last_block_app_hash.n)
        JW(w, "last_block_app_hash", base64, r->last_block_app_hash);
    jw_object_end(w);
}

/* The oneof as libs/json prints generated Go. */
static void oneof_key(struct json_writer *w, const struct public_key *k)
{
    bool is_ed25519 = k->type == KEY_ED25519;

    jw_object(w);
    jw_key(w, "Sum");
    if (k->type == KEY_NONE) {
        jw_null(w);
    } else {
        jw_object(w);
        JW(w, "type", cstr,
           is_ed25519 ? "tendermint.crypto.PublicKey_Ed25519"
                      : "tendermint.crypto.PublicKey_Secp256K1");
        jw_key(w, "value");
        jw_object(w);
        if (k->bytes.n)
            JW(w, is_ed25519 ? "ed25519" : "secp256k1", base64, k->bytes);
        jw_object_end(w);
        jw_object_end(w);
    }
    jw_object_end(w);
}

void rj_validator_updates(struct json_writer                 *w,
                          const struct abci_validator_update *v, size_t n)
{
    if (n == 0) {
        jw_null(w);
        return;
    }
    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        jw_object(w);
        jw_key(w, "pub_key");
        oneof_key(w, &v[i].pub_key);
        int_unless_zero(w, "power", v[i].power);
        jw_object_end(w);
    }
    jw_array_end(w);
}

void rj_finalize_block(struct json_writer                   *w,
                       const struct abci_res_finalize_block *r)
{
    jw_object(w);
    if (r->events.n) {
        jw_key(w, "events");
        rj_events_plain(w, r->events.v, r->events.n);
    }
    if (r->tx_results.n) {
        jw_key(w, "tx_results");
        jw_array(w);
        for (size_t i = 0; i < r->tx_results.n; i++)
            rj_tx_result(w, &r->tx_results.v[i]);
        jw_array_end(w);
    }
    jw_key(w, "validator_updates");
    rj_validator_updates(w, r->validator_updates.v, r->validator_updates.n);
    if (r->consensus_param_updates) {
        jw_key(w, "consensus_param_updates");
        rj_params_update(w, r->consensus_param_updates);
    }
    if (r->app_hash.n)
        JW(w, "app_hash", base64, r->app_hash);
    jw_object_end(w);
}
