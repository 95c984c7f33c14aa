#include "made_chain.h"

#include "crypto/key.h"

#include <stdio.h>

static uint32_t next_random(struct made_chain *c)
{
    return c->random = c->random * 1664525 + 1013904223;
}

void made_open(struct made_chain *c, const char *chain_id,
               int64_t initial_height, size_t validators)
{
    struct genesis g = { .time            = { 1700000000, 0 },
                         .chain_id        = span_str(chain_id),
                         .initial_height  = initial_height,
                         .validator_count = validators };

    crypto_setup();
    *c = (struct made_chain){ .random = 7 };
    arena_open(&c->mem, (size_t)8 << 30);
    for (size_t i = 0; i < MADE_VALIDATORS_MAX; i++) {
        uint8_t           seed[32] = { (uint8_t)(i + 1) };
        struct privkey    key;
        struct pubkey     pub;
        struct public_key msg;

        must(privkey_from_seed(&key, KEY_TYPE_ED25519, SPAN_OF(seed)));
        privkey_public(&pub, &key);
        msg = (struct public_key){ .type  = KEY_ED25519,
                                   .bytes = SPAN(pub.b, 32) };
        must(val_make(&c->pool[i], &msg, 10 + 7 * (int64_t)i));
    }
    g.validators = c->pool;
    params_default(&g.params);
    must(state_from_genesis(&c->state, &g, &c->mem) == ACCEPT);
    must(state_init_chain(&c->state, NULL, 0, NULL, span_str("app"), &c->mem) ==
         ACCEPT);
}

void made_close(struct made_chain *c)
{
    arena_close(&c->mem);
}

struct span made_genesis_state(struct made_chain *c)
{
    return state_encode(&c->state, &c->mem);
}

static struct span encode_set(struct made_chain *c, const struct validators *v)
{
    return pb_encode(&validator_set_desc, validators_to_msg(v, &c->mem),
                     &c->mem);
}

static struct commit *commit_for(struct made_chain     *c,
                                 const struct block_id *id,
                                 const struct block    *b)
{
    const struct validators *v   = &c->state.validators;
    struct commit           *out = arena_new(&c->mem, struct commit);

    out->height       = b->header.height;
    out->block_id     = *id;
    out->signatures.n = v->n;
    out->signatures.v = arena_newn(&c->mem, struct commit_sig, v->n);
    for (size_t i = 0; i < v->n; i++) {
        struct commit_sig *s   = &out->signatures.v[i];
        uint8_t           *sig = arena_alloc(&c->mem, 64);

        memset(sig, (int)(i + 1), 64);
        s->block_id_flag     = FLAG_COMMIT;
        s->validator_address = arena_copy(&c->mem, SPAN_OF(v->v[i].address));
        s->timestamp         = stamp_add(b->header.time, 1000000000);
        s->signature         = SPAN(sig, 64);
    }
    return out;
}

/* Results like the kvstore's: one event each; every fifth tx failed. */
static struct span results_for(struct made_chain *c, const struct block *b)
{
    struct abci_res_finalize_block r = { .app_hash = span_str("app hash") };

    r.tx_results.n = b->data.txs.n;
    r.tx_results.v =
        arena_newn(&c->mem, struct abci_tx_result, b->data.txs.n + 1);
    for (size_t i = 0; i < b->data.txs.n; i++) {
        struct abci_tx_result *t = &r.tx_results.v[i];

        t->code = i % 5 == 4;
        t->data = SPAN(b->data.txs.v[i].p, 8);
        t->log  = span_str("the same words for every transaction");
    }
    return pb_encode(&abci_res_finalize_block_desc, &r, &c->mem);
}

static struct span *make_txs(struct made_chain *c, size_t n, size_t bytes)
{
    struct span *txs = arena_newn(&c->mem, struct span, n + 1);

    for (size_t i = 0; i < n; i++) {
        uint8_t *p = arena_alloc(&c->mem, bytes + 16);
        int      k = snprintf((char *)p, 16, "%08x", next_random(c));

        for (size_t at = (size_t)k; at < bytes; at++)
            p[at] = (uint8_t)('a' + next_random(c) % 26);
        txs[i] = SPAN(p, bytes);
    }
    return txs;
}

struct made_height made_next(struct made_chain *c, size_t n, size_t tx_bytes,
                             int64_t update_power)
{
    struct chain_state *s = &c->state, next;
    struct made_height  out;
    struct state_change change = { .app_hash = span_str("app hash") };
    struct val          update = c->pool[MADE_VALIDATORS_MAX - 1];
    struct part_set     parts;
    struct block       *b;
    struct arena       *a = &c->mem;

    out.height = s->last_height ? s->last_height + 1 : s->initial_height;
    b = state_make_block(s, out.height, make_txs(c, n, tx_bytes), n, c->last,
                         c->evidence, c->evidence_count,
                         SPAN_OF(s->validators.v[0].address), a);
    must(b);
    out.block = pb_encode(&block_desc, b, a);
    must(part_set_from_bytes(&parts, out.block, a));
    must(block_id_make(&change.block_id, &b->header, &parts, a));
    memcpy(out.hash.b, change.block_id.hash.p, HASH_BYTES);
    out.block_id        = pb_encode(&block_id_desc, &change.block_id, a);
    c->last             = commit_for(c, &change.block_id, b);
    out.commit          = pb_encode(&commit_desc, c->last, a);
    out.results         = results_for(c, b);
    out.txs             = b->data.txs;
    out.validators      = encode_set(c, &s->validators);
    out.next_validators = encode_set(c, &s->next_validators);
    out.params =
        pb_encode(&consensus_params_desc, params_to_msg(&s->params, a), a);
    change.header = &b->header;
    update.power  = update_power;
    if (update_power >= 0) {
        change.validator_updates      = &update;
        change.validator_update_count = 1;
    }
    must(state_next(&next, s, &change, a) == ACCEPT);
    *s        = next;
    out.state = state_encode(s, a);
    return out;
}
