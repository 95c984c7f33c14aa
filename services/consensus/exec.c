#include "consensus/exec.h"

/* ---- what the requests have in common ---- */

static bool commit_info(struct abci_commit_info *out, const struct block *b,
                        const struct exec_context *x, struct arena *a)
{
    const struct commit *c = b->last_commit;

    *out = (struct abci_commit_info){ 0 };
    if (b->header.height == x->initial)
        return true;
    must(c && c->signatures.n == x->last_vals->n);
    out->round   = c->round;
    out->votes.n = c->signatures.n;
    out->votes.v = arena_newn(a, struct abci_vote_info, out->votes.n);
    if (!out->votes.v)
        return false;
    for (size_t i = 0; i < out->votes.n; i++)
        out->votes.v[i] = (struct abci_vote_info){
            .validator     = { SPAN_OF(x->last_vals->v[i].address),
                               x->last_vals->v[i].power },
            .block_id_flag = c->signatures.v[i].block_id_flag,
        };
    return true;
}

static size_t accused(const struct evidence *e)
{
    switch (e->which) {
    case EVIDENCE_DUPLICATE_VOTE: return 1;
    case EVIDENCE_LIGHT_CLIENT:
        return e->light_client_attack_evidence->byzantine_validators.n;
    case EVIDENCE_NONE: break;
    }
    return 0;
}

static struct abci_misbehavior accuse(const struct evidence *e, size_t i)
{
    const struct duplicate_vote_evidence      *d;
    const struct light_client_attack_evidence *l;

    if (e->which == EVIDENCE_DUPLICATE_VOTE) {
        d = e->duplicate_vote_evidence;
        return (struct abci_misbehavior){
            .type      = MISBEHAVIOR_DUPLICATE_VOTE,
            .validator = { d->vote_a->validator_address, d->validator_power },
            .height    = d->vote_a->height,
            .time      = d->timestamp,
            .total_voting_power = d->total_voting_power,
        };
    }
    l = e->light_client_attack_evidence;
    return (struct abci_misbehavior){
        .type               = MISBEHAVIOR_LIGHT_CLIENT,
        .validator          = { l->byzantine_validators.v[i].address,
                                l->byzantine_validators.v[i].voting_power },
        .height             = l->common_height,
        .time               = l->timestamp,
        .total_voting_power = l->total_voting_power,
    };
}

struct misbehaviors {
    struct abci_misbehavior *v;
    size_t                   n;
};

static bool misbehavior(struct misbehaviors *out, const struct block *b,
                        struct arena *a)
{
    size_t n = 0;

    for (size_t i = 0; i < b->evidence.evidence.n; i++)
        n += accused(&b->evidence.evidence.v[i]);
    *out =
        (struct misbehaviors){ arena_newn(a, struct abci_misbehavior, n), 0 };
    if (n > 0 && !out->v)
        return false;
    for (size_t i = 0; i < b->evidence.evidence.n; i++) {
        const struct evidence *e = &b->evidence.evidence.v[i];

        for (size_t j = 0; j < accused(e); j++)
            out->v[out->n++] = accuse(e, j);
    }
    return true;
}

/* Three requests tell the same of a block, in members of the same names. */
#define TELL(out, b, of_block, m)                                              \
    do {                                                                       \
        (out)->txs                  = (b)->data.txs;                           \
        (out)->hash                 = hash_span(of_block);                     \
        (out)->height               = (b)->header.height;                      \
        (out)->time                 = (b)->header.time;                        \
        (out)->next_validators_hash = (b)->header.next_validators_hash;        \
        (out)->proposer_address     = (b)->header.proposer_address;            \
        (out)->misbehavior.v        = (m).v;                                   \
        (out)->misbehavior.n        = (m).n;                                   \
    } while (0)

bool exec_finalize(struct abci_req_finalize_block *out, const struct block *b,
                   const struct hash *hash, const struct exec_context *x,
                   struct arena *a)
{
    struct misbehaviors m;

    *out = (struct abci_req_finalize_block){ 0 };
    if (!commit_info(&out->decided_last_commit, b, x, a) ||
        !misbehavior(&m, b, a))
        return false;
    TELL(out, b, hash, m);
    return true;
}

bool exec_process(struct abci_req_process_proposal *out, const struct block *b,
                  const struct hash *hash, const struct exec_context *x,
                  struct arena *a)
{
    struct misbehaviors m;

    *out = (struct abci_req_process_proposal){ 0 };
    if (!commit_info(&out->proposed_last_commit, b, x, a) ||
        !misbehavior(&m, b, a))
        return false;
    TELL(out, b, hash, m);
    return true;
}

bool exec_extend(struct abci_req_extend_vote *out, const struct block *b,
                 const struct hash *hash, const struct exec_context *x,
                 struct arena *a)
{
    struct misbehaviors m;

    *out = (struct abci_req_extend_vote){ 0 };
    if (!commit_info(&out->proposed_last_commit, b, x, a) ||
        !misbehavior(&m, b, a))
        return false;
    TELL(out, b, hash, m);
    return true;
}

/* ---- proposals ---- */

static bool extended_info(struct abci_extended_commit_info *out,
                          const struct extended_commit     *c,
                          const struct exec_context *x, struct arena *a)
{
    *out = (struct abci_extended_commit_info){ 0 };
    if (!c || c->height < x->initial)
        return true;
    must(c->extended_signatures.n == x->last_vals->n);
    out->round   = c->round;
    out->votes.n = c->extended_signatures.n;
    out->votes.v = arena_newn(a, struct abci_extended_vote_info, out->votes.n);
    if (!out->votes.v)
        return false;
    for (size_t i = 0; i < out->votes.n; i++) {
        const struct extended_commit_sig *s = &c->extended_signatures.v[i];

        out->votes.v[i] = (struct abci_extended_vote_info){
            .validator           = { SPAN_OF(x->last_vals->v[i].address),
                                     x->last_vals->v[i].power },
            .vote_extension      = s->extension,
            .extension_signature = s->extension_signature,
            .block_id_flag       = s->block_id_flag,
        };
    }
    return true;
}

bool exec_prepare(struct abci_req_prepare_proposal *out, const struct block *b,
                  const span_list *txs, const struct extended_commit *last,
                  int64_t max_tx_bytes, const struct exec_context *x,
                  struct arena *a)
{
    struct misbehaviors m;

    *out = (struct abci_req_prepare_proposal){
        .max_tx_bytes         = max_tx_bytes,
        .txs                  = *txs,
        .height               = b->header.height,
        .time                 = b->header.time,
        .next_validators_hash = b->header.next_validators_hash,
        .proposer_address     = b->header.proposer_address,
    };
    if (!extended_info(&out->local_last_commit, last, x, a) ||
        !misbehavior(&m, b, a))
        return false;
    out->misbehavior.v = m.v;
    out->misbehavior.n = m.n;
    return true;
}

bool exec_txs_fit(const span_list *txs, int64_t max)
{
    int64_t sum = 0;

    for (size_t i = 0; i < txs->n; i++) {
        sum += tx_size(txs->v[i]);
        if (sum > max)
            return false;
    }
    return true;
}

/* ---- InitChain ---- */

bool exec_init_chain(struct abci_req_init_chain *out, const struct genesis *g,
                     struct arena *a)
{
    struct validators set;

    *out = (struct abci_req_init_chain){
        .time             = g->time,
        .chain_id         = g->chain_id,
        .consensus_params = params_to_msg(&g->params, a),
        .app_state_bytes  = g->app_state,
        .initial_height   = g->initial_height,
    };
    if (!out->consensus_params ||
        validators_new(&set, g->validators, g->validator_count, a) != ACCEPT)
        return false;
    out->validators.n = set.n;
    out->validators.v = arena_newn(a, struct abci_validator_update, set.n);
    if (!out->validators.v && set.n > 0)
        return false;
    for (size_t i = 0; i < set.n; i++)
        out->validators.v[i] = (struct abci_validator_update){
            .pub_key = { (int)set.v[i].key.type, pubkey_span(&set.v[i].key) },
            .power   = set.v[i].power,
        };
    return true;
}

/* ---- answers ---- */

static const char *read_update(struct val                         *out,
                               const struct abci_validator_update *u)
{
    *out = (struct val){ .power = u->power };
    if (!pubkey_make(&out->key, (enum key_type)u->pub_key.type,
                     u->pub_key.bytes))
        return "a validator update has an unknown or malformed key";
    pubkey_address(out->address, &out->key);
    return NULL;
}

static const char *read_updates(struct val **out, size_t n,
                                const struct abci_validator_update *u,
                                struct arena                       *a)
{
    const char *why = NULL;

    *out = arena_newn(a, struct val, n);
    if (!*out && n > 0)
        return "more validators than there is room for";
    for (size_t i = 0; i < n && !why; i++)
        why = read_update(&(*out)[i], &u[i]);
    return why;
}

static const char *take_validators(struct chain_state               *s,
                                   const struct abci_res_init_chain *res,
                                   struct arena                     *a)
{
    struct val *v;
    const char *why = read_updates(&v, res->validators.n, res->validators.v, a);

    if (why)
        return why;
    if (validators_new(&s->validators, v, res->validators.n, a) != ACCEPT)
        return "InitChain returned validators that make no set";
    if (!validators_copy(&s->next_validators, &s->validators, a))
        return "more validators than there is room for";
    validators_increment(&s->next_validators, 1);
    return NULL;
}

const char *exec_after_init(struct chain_state *s, const struct genesis *g,
                            const struct abci_res_init_chain *res,
                            struct arena                     *a)
{
    struct hash *none = arena_new(a, struct hash);
    const char  *why  = NULL;

    if (!none)
        return "no room";
    if (res->app_hash.n > 0) {
        s->app_hash = arena_copy(a, res->app_hash);
        if (!s->app_hash.p)
            return "an application hash longer than there is room for";
    }
    if (res->validators.n > 0)
        why = take_validators(s, res, a);
    else if (g->validator_count == 0)
        why = "neither the genesis file nor InitChain names a validator";
    if (why)
        return why;
    if (res->consensus_params) {
        if (params_merge(&s->params, res->consensus_params) != ACCEPT ||
            params_validate(&s->params) != ACCEPT)
            return "InitChain returned invalid consensus parameters";
        s->version.app = s->params.app_version;
    }
    results_hash(none, NULL, 0);
    s->last_results_hash = hash_span(none);
    return NULL;
}

static const char *check_updates(const struct chain_state             *s,
                                 const struct abci_res_finalize_block *res,
                                 const struct val                     *v)
{
    for (size_t i = 0; i < res->validator_updates.n; i++) {
        if (v[i].power < 0)
            return "a validator update has negative power";
        if (v[i].power > 0 && !params_allows_key(&s->params, v[i].key.type))
            return "a validator update has a key type that"
                   " validator.pub_key_types does not allow";
    }
    return NULL;
}

static bool hash_results(struct hash                          *out,
                         const struct abci_res_finalize_block *res,
                         struct arena                         *a)
{
    size_t                   n    = res->tx_results.n;
    struct exec_result_kept *kept = arena_newn(a, struct exec_result_kept, n);

    if (!kept && n > 0)
        return false;
    for (size_t i = 0; i < n; i++)
        kept[i] = (struct exec_result_kept){
            .code       = res->tx_results.v[i].code,
            .data       = res->tx_results.v[i].data,
            .gas_wanted = res->tx_results.v[i].gas_wanted,
            .gas_used   = res->tx_results.v[i].gas_used,
        };
    results_hash(out, kept, n);
    return true;
}

const char *exec_next_state(struct chain_state       *out,
                            const struct chain_state *s, const struct block *b,
                            const struct block_id                *id,
                            const struct abci_res_finalize_block *res,
                            struct arena                         *a)
{
    struct state_change change = {
        .header                 = &b->header,
        .block_id               = *id,
        .validator_update_count = res->validator_updates.n,
        .param_updates          = res->consensus_param_updates,
        .app_hash               = res->app_hash,
    };
    struct val *v;
    const char *why;

    if (res->tx_results.n != b->data.txs.n)
        return "the number of results is not that of the transactions";
    why =
        read_updates(&v, res->validator_updates.n, res->validator_updates.v, a);
    if (!why)
        why = check_updates(s, res, v);
    if (why)
        return why;
    change.validator_updates = v;
    if (!hash_results(&change.results_hash, res, a))
        return "more results than there is room for";
    if (state_next(out, s, &change, a) != ACCEPT)
        return "its validator or parameter updates cannot be applied"
               " (a key twice, an unknown one removed, no validator left,"
               " power above the limit, or invalid parameters)";
    return NULL;
}
