#include "rpcjson/types.h"

static void hash_member(struct json_writer *w, const char *key, struct span v)
{
    JW(w, key, hex_upper, v);
}

/* An empty list, as asked for: true when nothing is left to write. */
static bool is_empty_list(struct json_writer *w, size_t n, enum rj_empty empty)
{
    if (n > 0)
        return false;
    jw_raw(w, span_str(empty == RJ_EMPTY_NULL ? "null" : "[]"));
    return true;
}

void rj_block_id(struct json_writer *w, const struct block_id *id)
{
    if (!id) {
        jw_null(w);
        return;
    }
    jw_object(w);
    hash_member(w, "hash", id->hash);
    jw_key(w, "parts");
    jw_object(w);
    JW(w, "total", int, id->part_set_header.total);
    hash_member(w, "hash", id->part_set_header.hash);
    jw_object_end(w);
    jw_object_end(w);
}

static void version(struct json_writer *w, const struct version *v)
{
    jw_object(w);
    if (v->block)
        JW(w, "block", uint_text, v->block);
    if (v->app)
        JW(w, "app", uint_text, v->app);
    jw_object_end(w);
}

void rj_header(struct json_writer *w, const struct header *h)
{
    if (!h) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "version");
    version(w, &h->version);
    JW(w, "chain_id", str, h->chain_id);
    JW(w, "height", int_text, h->height);
    JW(w, "time", stamp, h->time);
    jw_key(w, "last_block_id");
    rj_block_id(w, &h->last_block_id);
    hash_member(w, "last_commit_hash", h->last_commit_hash);
    hash_member(w, "data_hash", h->data_hash);
    hash_member(w, "validators_hash", h->validators_hash);
    hash_member(w, "next_validators_hash", h->next_validators_hash);
    hash_member(w, "consensus_hash", h->consensus_hash);
    hash_member(w, "app_hash", h->app_hash);
    hash_member(w, "last_results_hash", h->last_results_hash);
    hash_member(w, "evidence_hash", h->evidence_hash);
    hash_member(w, "proposer_address", h->proposer_address);
    jw_object_end(w);
}

static void commit_sig(struct json_writer *w, const struct commit_sig *s)
{
    jw_object(w);
    JW(w, "block_id_flag", int, s->block_id_flag);
    hash_member(w, "validator_address", s->validator_address);
    JW(w, "timestamp", stamp, s->timestamp);
    JW(w, "signature", base64, s->signature);
    jw_object_end(w);
}

void rj_commit(struct json_writer *w, const struct commit *c,
               enum rj_empty empty)
{
    if (!c) {
        jw_null(w);
        return;
    }
    jw_object(w);
    JW(w, "height", int_text, c->height);
    JW(w, "round", int, c->round);
    jw_key(w, "block_id");
    rj_block_id(w, &c->block_id);
    jw_key(w, "signatures");
    if (!is_empty_list(w, c->signatures.n, empty)) {
        jw_array(w);
        for (size_t i = 0; i < c->signatures.n; i++)
            commit_sig(w, &c->signatures.v[i]);
        jw_array_end(w);
    }
    jw_object_end(w);
}

static void txs(struct json_writer *w, const span_list *l, enum rj_empty empty)
{
    if (is_empty_list(w, l->n, empty))
        return;
    jw_array(w);
    for (size_t i = 0; i < l->n; i++)
        jw_base64_text(w, l->v[i]);
    jw_array_end(w);
}

void rj_block(struct json_writer *w, const struct block *b, enum rj_empty empty)
{
    if (!b) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "header");
    rj_header(w, &b->header);
    jw_key(w, "data");
    jw_object(w);
    jw_key(w, "txs");
    txs(w, &b->data.txs, empty);
    jw_object_end(w);
    jw_key(w, "evidence");
    jw_object(w);
    jw_key(w, "evidence");
    rj_evidence_list(w, &b->evidence, empty);
    jw_object_end(w);
    jw_key(w, "last_commit");
    rj_commit(w, b->last_commit, empty);
    jw_object_end(w);
}

void rj_block_meta(struct json_writer *w, const struct block_meta *m)
{
    if (!m) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "block_id");
    rj_block_id(w, &m->block_id);
    JW(w, "block_size", int_text, m->block_size);
    jw_key(w, "header");
    rj_header(w, &m->header);
    JW(w, "num_txs", int_text, m->num_txs);
    jw_object_end(w);
}

void rj_vote(struct json_writer *w, const struct vote *v)
{
    if (!v) {
        jw_null(w);
        return;
    }
    jw_object(w);
    JW(w, "type", int, v->type);
    JW(w, "height", int_text, v->height);
    JW(w, "round", int, v->round);
    jw_key(w, "block_id");
    rj_block_id(w, &v->block_id);
    JW(w, "timestamp", stamp, v->timestamp);
    hash_member(w, "validator_address", v->validator_address);
    JW(w, "validator_index", int, v->validator_index);
    JW(w, "signature", base64, v->signature);
    JW(w, "extension", base64, v->extension);
    JW(w, "extension_signature", base64, v->extension_signature);
    jw_object_end(w);
}

void rj_proposal(struct json_writer *w, const struct proposal *p)
{
    if (!p) {
        jw_null(w);
        return;
    }
    jw_object(w);
    JW(w, "Type", int, p->type);
    JW(w, "height", int_text, p->height);
    JW(w, "round", int, p->round);
    JW(w, "pol_round", int, p->pol_round);
    jw_key(w, "block_id");
    rj_block_id(w, &p->block_id);
    JW(w, "timestamp", stamp, p->timestamp);
    JW(w, "signature", base64, p->signature);
    jw_object_end(w);
}

/* ---- validators ---- */

void rj_validator(struct json_writer *w, const struct validator *v)
{
    if (!v) {
        jw_null(w);
        return;
    }
    jw_object(w);
    hash_member(w, "address", v->address);
    jw_key(w, "pub_key");
    rj_pubkey(w, &v->pub_key);
    JW(w, "voting_power", int_text, v->voting_power);
    JW(w, "proposer_priority", int_text, v->proposer_priority);
    jw_object_end(w);
}

static void validators(struct json_writer *w, const struct validator *v,
                       size_t n)
{
    jw_array(w);
    for (size_t i = 0; i < n; i++)
        rj_validator(w, &v[i]);
    jw_array_end(w);
}

void rj_validator_set(struct json_writer *w, const struct validator_set_msg *s)
{
    if (!s) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "validators");
    validators(w, s->validators.v, s->validators.n);
    jw_key(w, "proposer");
    rj_validator(w, s->proposer);
    jw_object_end(w);
}

/* ---- evidence ---- */

static void duplicate_vote(struct json_writer                   *w,
                           const struct duplicate_vote_evidence *e)
{
    jw_object(w);
    jw_key(w, "vote_a");
    rj_vote(w, e->vote_a);
    jw_key(w, "vote_b");
    rj_vote(w, e->vote_b);
    JW(w, "TotalVotingPower", int_text, e->total_voting_power);
    JW(w, "ValidatorPower", int_text, e->validator_power);
    JW(w, "Timestamp", stamp, e->timestamp);
    jw_object_end(w);
}

static void light_block(struct json_writer *w, const struct light_block *b)
{
    if (!b) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "signed_header");
    if (b->signed_header) {
        jw_object(w);
        jw_key(w, "header");
        rj_header(w, b->signed_header->header);
        jw_key(w, "commit");
        rj_commit(w, b->signed_header->commit, RJ_EMPTY_LIST);
        jw_object_end(w);
    } else {
        jw_null(w);
    }
    jw_key(w, "validator_set");
    rj_validator_set(w, b->validator_set);
    jw_object_end(w);
}

static void light_client_attack(struct json_writer                        *w,
                                const struct light_client_attack_evidence *e)
{
    jw_object(w);
    jw_key(w, "ConflictingBlock");
    light_block(w, e->conflicting_block);
    JW(w, "CommonHeight", int_text, e->common_height);
    jw_key(w, "ByzantineValidators");
    validators(w, e->byzantine_validators.v, e->byzantine_validators.n);
    JW(w, "TotalVotingPower", int_text, e->total_voting_power);
    JW(w, "Timestamp", stamp, e->timestamp);
    jw_object_end(w);
}

void rj_evidence(struct json_writer *w, const struct evidence *e)
{
    if (!e || e->which == EVIDENCE_NONE) {
        jw_null(w);
        return;
    }
    jw_object(w);
    if (e->which == EVIDENCE_DUPLICATE_VOTE) {
        JW(w, "type", cstr, "tendermint/DuplicateVoteEvidence");
        jw_key(w, "value");
        duplicate_vote(w, e->duplicate_vote_evidence);
    } else {
        JW(w, "type", cstr, "tendermint/LightClientAttackEvidence");
        jw_key(w, "value");
        light_client_attack(w, e->light_client_attack_evidence);
    }
    jw_object_end(w);
}

void rj_evidence_list(struct json_writer *w, const struct evidence_list *l,
                      enum rj_empty empty)
{
    if (is_empty_list(w, l->evidence.n, empty))
        return;
    jw_array(w);
    for (size_t i = 0; i < l->evidence.n; i++)
        rj_evidence(w, &l->evidence.v[i]);
    jw_array_end(w);
}

/* ---- parameters ---- */

static void begin_section(struct json_writer *w, const char *name)
{
    jw_key(w, name);
    jw_object(w);
}

static void int_unless_zero(struct json_writer *w, const char *key, int64_t v)
{
    if (v)
        JW(w, key, int_text, v);
}

static void validator_params(struct json_writer            *w,
                             const struct validator_params *p)
{
    begin_section(w, "validator");
    if (p->pub_key_types.n) {
        jw_key(w, "pub_key_types");
        jw_array(w);
        for (size_t i = 0; i < p->pub_key_types.n; i++)
            jw_str(w, p->pub_key_types.v[i]);
        jw_array_end(w);
    }
    jw_object_end(w);
}

void rj_params_update(struct json_writer                *w,
                      const struct consensus_params_msg *m)
{
    if (!m) {
        jw_null(w);
        return;
    }
    jw_object(w);
    if (m->block) {
        begin_section(w, "block");
        int_unless_zero(w, "max_bytes", m->block->max_bytes);
        int_unless_zero(w, "max_gas", m->block->max_gas);
        jw_object_end(w);
    }
    if (m->evidence) {
        begin_section(w, "evidence");
        int_unless_zero(w, "max_age_num_blocks",
                        m->evidence->max_age_num_blocks);
        JW(w, "max_age_duration", int_text, m->evidence->max_age_duration);
        int_unless_zero(w, "max_bytes", m->evidence->max_bytes);
        jw_object_end(w);
    }
    if (m->validator)
        validator_params(w, m->validator);
    if (m->version) {
        begin_section(w, "version");
        if (m->version->app)
            JW(w, "app", uint_text, m->version->app);
        jw_object_end(w);
    }
    if (m->abci) {
        begin_section(w, "abci");
        int_unless_zero(w, "vote_extensions_enable_height",
                        m->abci->vote_extensions_enable_height);
        jw_object_end(w);
    }
    jw_object_end(w);
}

void rj_proof(struct json_writer *w, const struct proof *p)
{
    jw_object(w);
    JW(w, "total", int_text, p->total);
    JW(w, "index", int_text, p->index);
    JW(w, "leaf_hash", base64, p->leaf_hash);
    jw_key(w, "aunts");
    txs(w, &p->aunts, RJ_EMPTY_LIST);
    jw_object_end(w);
}

void rj_node_info(struct json_writer *w, const struct node_info *n)
{
    jw_object(w);
    begin_section(w, "protocol_version");
    JW(w, "p2p", uint_text, n->protocol_version.p2p);
    JW(w, "block", uint_text, n->protocol_version.block);
    JW(w, "app", uint_text, n->protocol_version.app);
    jw_object_end(w);
    JW(w, "id", str, n->default_node_id);
    JW(w, "listen_addr", str, n->listen_addr);
    JW(w, "network", str, n->network);
    JW(w, "version", str, n->version);
    hash_member(w, "channels", n->channels);
    JW(w, "moniker", str, n->moniker);
    begin_section(w, "other");
    JW(w, "tx_index", str, n->other.tx_index);
    JW(w, "rpc_address", str, n->other.rpc_address);
    jw_object_end(w);
    jw_object_end(w);
}
