#include "rpcjson/results.h"

void rj_result_commit(struct json_writer *w, const struct header *h,
                      const struct commit *c, bool is_canonical)
{
    jw_object(w);
    jw_key(w, "signed_header");
    jw_object(w);
    jw_key(w, "header");
    rj_header(w, h);
    jw_key(w, "commit");
    rj_commit(w, c, RJ_EMPTY_LIST);
    jw_object_end(w);
    JW(w, "canonical", bool, is_canonical);
    jw_object_end(w);
}

void rj_result_validators(struct json_writer *w, int64_t height,
                          const struct validator *page, size_t n, size_t total)
{
    jw_object(w);
    JW(w, "block_height", int_text, height);
    jw_key(w, "validators");
    jw_array(w);
    for (size_t i = 0; i < n; i++)
        rj_validator(w, &page[i]);
    jw_array_end(w);
    JW(w, "count", uint_text, n);
    JW(w, "total", uint_text, total);
    jw_object_end(w);
}

void rj_result_params(struct json_writer *w, int64_t height,
                      const struct params *p)
{
    jw_object(w);
    JW(w, "block_height", int_text, height);
    jw_key(w, "consensus_params");
    rj_params(w, p);
    jw_object_end(w);
}

void rj_result_block_results(struct json_writer *w, int64_t height,
                             const struct abci_res_finalize_block *r)
{
    jw_object(w);
    JW(w, "height", int_text, height);
    jw_key(w, "txs_results");
    if (r->tx_results.n) {
        jw_array(w);
        for (size_t i = 0; i < r->tx_results.n; i++)
            rj_tx_result(w, &r->tx_results.v[i]);
        jw_array_end(w);
    } else {
        jw_null(w);
    }
    jw_key(w, "finalize_block_events");
    rj_events_plain(w, r->events.v, r->events.n);
    jw_key(w, "validator_updates");
    rj_validator_updates(w, r->validator_updates.v, r->validator_updates.n);
    jw_key(w, "consensus_param_updates");
    rj_params_update(w, r->consensus_param_updates);
    JW(w, "app_hash", base64, r->app_hash);
    jw_object_end(w);
}

void rj_result_tx(struct json_writer *w, const struct rj_tx *t)
{
    jw_object(w);
    JW(w, "hash", hex_upper, t->hash);
    JW(w, "height", int_text, t->height);
    JW(w, "index", int, t->index);
    jw_key(w, "tx_result");
    rj_tx_result(w, &t->result);
    JW(w, "tx", base64_text, t->tx);
    if (t->proof) {
        jw_key(w, "proof");
        jw_object(w);
        JW(w, "root_hash", hex_upper, t->root);
        JW(w, "data", base64_text, t->tx);
        jw_key(w, "proof");
        rj_proof(w, t->proof);
        jw_object_end(w);
    }
    jw_object_end(w);
}

void rj_result_broadcast_tx(struct json_writer             *w,
                            const struct abci_res_check_tx *r, struct span hash)
{
    jw_object(w);
    JW(w, "code", int, r->code);
    JW(w, "data", hex_upper, r->data);
    JW(w, "log", str, r->log);
    JW(w, "codespace", str, r->codespace);
    JW(w, "hash", hex_upper, hash);
    jw_object_end(w);
}

void rj_result_query(struct json_writer *w, const struct abci_res_query *r)
{
    jw_object(w);
    jw_key(w, "response");
    rj_query(w, r);
    jw_object_end(w);
}
