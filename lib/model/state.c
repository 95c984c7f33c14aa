#include "model/state.h"

#include "crypto/merkle.h"
#include "model/genesis.h"
#include "model/partset.h"
#include "model/vote.h"

/* ---- memory ---- */

static bool keep(struct span *s, struct arena *a)
{
    *s = arena_copy(a, *s);
    return s->n == 0 || s->p;
}

/* The spans of *s, wherever they are, into the arena. */
static bool keep_spans(struct chain_state *s, struct arena *a)
{
    return keep(&s->software, a) && keep(&s->chain_id, a) &&
           keep(&s->last_results_hash, a) && keep(&s->app_hash, a) &&
           block_id_copy(&s->last_block_id, &s->last_block_id, a);
}

static struct span keep_hash(const struct hash *h, struct arena *a)
{
    return arena_copy(a, hash_span(h));
}

bool state_copy(struct chain_state *out, const struct chain_state *s,
                struct arena *a)
{
    struct chain_state copy = *s;

    if (!keep_spans(&copy, a) ||
        !validators_copy(&copy.next_validators, &s->next_validators, a) ||
        !validators_copy(&copy.validators, &s->validators, a) ||
        !validators_copy(&copy.last_validators, &s->last_validators, a))
        return false;
    *out = copy;
    return true;
}

/* ---- the first state ---- */

/* The sets of the first two heights. */
static enum reject first_sets(struct chain_state *s, const struct val *v,
                              size_t n, struct arena *a)
{
    enum reject r = validators_new(&s->validators, v, n, a);

    if (r)
        return r;
    if (!validators_copy(&s->next_validators, &s->validators, a))
        return REJECT_LIMIT;
    validators_increment(&s->next_validators, 1);
    return ACCEPT;
}

/* Entries with the addresses that their keys have. */
static struct val *with_addresses(const struct val *v, size_t n,
                                  struct arena *a)
{
    struct val *out = arena_newn(a, struct val, n);

    for (size_t i = 0; out && i < n; i++) {
        out[i] = (struct val){ .key = v[i].key, .power = v[i].power };
        pubkey_address(out[i].address, &out[i].key);
    }
    return out;
}

enum reject state_from_genesis(struct chain_state *s, const struct genesis *g,
                               struct arena *a)
{
    struct val *v = with_addresses(g->validators, g->validator_count, a);
    enum reject r;

    *s = (struct chain_state){
        .version                        = { .block = BLOCK_PROTOCOL },
        .software                       = span_str(COMETBFT_VERSION),
        .chain_id                       = g->chain_id,
        .initial_height                 = g->initial_height,
        .last_time                      = g->time,
        .last_height_validators_changed = g->initial_height,
        .params                         = g->params,
        .last_height_params_changed     = g->initial_height,
        .app_hash                       = g->app_hash,
    };
    if (!v || !keep_spans(s, a))
        return REJECT_LIMIT;
    r = validators_new(&s->last_validators, NULL, 0, a);
    return r ? r : first_sets(s, v, g->validator_count, a);
}

enum reject state_init_chain(struct chain_state *s,
                             const struct val *validators, size_t n,
                             const struct consensus_params_msg *params,
                             struct span app_hash, struct arena *a)
{
    struct chain_state next = *s;
    struct hash        empty;
    enum reject        r = ACCEPT;

    if (n)
        r = first_sets(&next, validators, n, a);
    else if (s->validators.n == 0)
        r = REJECT_MISSING;
    if (!r && params) {
        r                = params_merge(&next.params, params);
        next.version.app = next.params.app_version;
    }
    if (r)
        return r;
    if (app_hash.n)
        next.app_hash = app_hash;
    merkle_root(&empty, NULL, 0);
    next.last_results_hash = hash_span(&empty);
    if (!keep_spans(&next, a))
        return REJECT_LIMIT;
    *s = next;
    return ACCEPT;
}

/* ---- from height to height ---- */

static enum reject check_key_types(const struct state_change *c,
                                   const struct params       *p)
{
    for (size_t i = 0; i < c->validator_update_count; i++) {
        const struct val *v = &c->validator_updates[i];

        if (v->power < 0 ||
            (v->power > 0 && !params_allows_key(p, v->key.type)))
            return REJECT_RANGE;
    }
    return ACCEPT;
}

static enum reject next_sets(struct chain_state        *out,
                             const struct chain_state  *s,
                             const struct state_change *c, struct arena *a)
{
    enum reject r = check_key_types(c, &s->params);

    if (r)
        return r;
    if (!validators_copy(&out->last_validators, &s->validators, a) ||
        !validators_copy(&out->validators, &s->next_validators, a) ||
        !validators_copy(&out->next_validators, &s->next_validators, a))
        return REJECT_LIMIT;
    if (c->validator_update_count) {
        r = validators_update(&out->next_validators, c->validator_updates,
                              c->validator_update_count, a);
        out->last_height_validators_changed = c->header->height + 2;
    }
    if (!r && !validators_increment(&out->next_validators, 1))
        r = REJECT_MISSING;
    return r;
}

static enum reject next_params(struct chain_state        *out,
                               const struct state_change *c)
{
    enum reject r;

    if (!c->param_updates)
        return ACCEPT;
    r = params_update(&out->params, c->param_updates, c->header->height);
    out->version.app                = out->params.app_version;
    out->last_height_params_changed = c->header->height + 1;
    return r;
}

enum reject state_next(struct chain_state *out, const struct chain_state *s,
                       const struct state_change *c, struct arena *a)
{
    struct chain_state next = *s;
    enum reject        r    = next_sets(&next, s, c, a);

    if (!r)
        r = next_params(&next, c);
    if (r)
        return r;
    next.last_height       = c->header->height;
    next.last_block_id     = c->block_id;
    next.last_time         = c->header->time;
    next.last_results_hash = hash_span(&c->results_hash);
    next.app_hash          = c->app_hash;
    if (!keep_spans(&next, a))
        return REJECT_LIMIT;
    *out = next;
    return ACCEPT;
}

/* ---- making a block ---- */

static bool fill_hashes(struct block *b, const struct chain_state *s,
                        struct arena *a)
{
    struct header *h = &b->header;
    struct hash    root;

    validators_hash(&root, &s->validators);
    h->validators_hash = keep_hash(&root, a);
    validators_hash(&root, &s->next_validators);
    h->next_validators_hash = keep_hash(&root, a);
    params_hash(&root, &s->params);
    h->consensus_hash = keep_hash(&root, a);
    data_hash(&root, &b->data);
    h->data_hash = keep_hash(&root, a);
    if (!commit_hash(&root, b->last_commit, a))
        return false;
    h->last_commit_hash = keep_hash(&root, a);
    if (!evidence_list_hash(&root, &b->evidence, a))
        return false;
    h->evidence_hash = keep_hash(&root, a);
    return h->validators_hash.p && h->next_validators_hash.p &&
           h->consensus_hash.p && h->data_hash.p && h->last_commit_hash.p &&
           h->evidence_hash.p;
}

static bool keep_txs(struct data *d, const struct span *txs, size_t n,
                     struct arena *a)
{
    d->txs.v = arena_newn(a, struct span, n);
    d->txs.n = n;
    if (d->txs.v && n)
        memcpy(d->txs.v, txs, n * sizeof *txs);
    return d->txs.v != NULL;
}

static bool keep_evidence(struct evidence_list  *l,
                          const struct evidence *evidence, size_t n,
                          struct arena *a)
{
    l->evidence.v = arena_newn(a, struct evidence, n);
    l->evidence.n = n;
    if (l->evidence.v && n)
        memcpy(l->evidence.v, evidence, n * sizeof *evidence);
    return l->evidence.v != NULL;
}

struct block *state_make_block(const struct chain_state *s, int64_t height,
                               const struct span *txs, size_t tx_count,
                               const struct commit   *last_commit,
                               const struct evidence *evidence,
                               size_t                 evidence_count,
                               struct span proposer_address, struct arena *a)
{
    struct block  *b    = arena_new(a, struct block);
    struct commit *last = arena_new(a, struct commit);
    struct stamp   time = s->last_time;

    if (!b || !last || !keep_txs(&b->data, txs, tx_count, a) ||
        !keep_evidence(&b->evidence, evidence, evidence_count, a))
        return NULL;
    if (last_commit)
        *last = *last_commit;
    if (height != s->initial_height &&
        !commit_median_time(&time, last, &s->last_validators, a))
        return NULL;
    b->last_commit = last;
    b->header      = (struct header){ .version           = s->version,
                                      .chain_id          = s->chain_id,
                                      .height            = height,
                                      .time              = time,
                                      .last_block_id     = s->last_block_id,
                                      .app_hash          = s->app_hash,
                                      .last_results_hash = s->last_results_hash,
                                      .proposer_address  = proposer_address };
    return fill_hashes(b, s, a) ? b : NULL;
}

bool block_id_make(struct block_id *out, const struct header *h,
                   const struct part_set *parts, struct arena *a)
{
    struct hash hash;

    if (!header_hash(&hash, h))
        return false;
    out->hash                  = keep_hash(&hash, a);
    out->part_set_header.total = parts->total;
    out->part_set_header.hash  = keep_hash(&parts->root, a);
    return out->hash.p && out->part_set_header.hash.p;
}
