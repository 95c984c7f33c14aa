/* The state from genesis on, byte for byte as CometBFT stores it.
 *
 * state.json was made by CometBFT v0.38.25's own state package with a fixed
 * seed: MakeGenesisState, the changes of InitChain, then updateState for each
 * step; and MaxDataBytes and ValidateUpdate over a grid. */
#include "vec_model.h"

#include "model/genesis.h"
#include "model/partset.h"
#include "model/state.h"
#include "model/vote.h"

/* ---- the vectors ---- */

static struct consensus_params_msg *vec_params(const json_t *c, const char *key)
{
    const json_t                *hex = vec_at(c, key);
    struct consensus_params_msg *m;

    if (json_is_null(hex))
        return NULL;
    m = arena_new(A, struct consensus_params_msg);
    must(DECODE(consensus_params_desc, m, hex_span(json_string_value(hex), A)));
    return m;
}

/* The bytes, and that they read back as what they were made of. */
static void check_bytes_of(const struct chain_state *s, const json_t *c,
                           const char *name)
{
    struct span        want = vec_hex(c, "state_bytes", A);
    struct chain_state again;

    CHECK_BYTES(state_encode(s, A), want, "%s", name);
    CHECK_EQ(state_decode(&again, want, A), ACCEPT, "%s", name);
    CHECK_BYTES(state_encode(&again, A), want, "%s, read back", name);
    CHECK(state_copy(&again, s, A), "%s", name);
    CHECK_BYTES(state_encode(&again, A), want, "%s, copied", name);
}

static void start(struct chain_state *s, const json_t *c, const char *name)
{
    const json_t     *m = vec_at(c, "genesis");
    struct validators v = vec_set(m, "validators");
    struct genesis    g = { .time            = vec_stamp(m, "time"),
                            .chain_id        = span_str(vec_str(m, "chain_id")),
                            .initial_height  = vec_int(m, "initial_height"),
                            .validators      = v.v,
                            .validator_count = v.n,
                            .app_hash        = vec_hex(m, "app_hash", A) };

    must(params_from_msg(&g.params, vec_params(m, "params")) == ACCEPT);
    CHECK_EQ(state_from_genesis(s, &g, A), ACCEPT, "%s", name);
    check_bytes_of(s, m, name);
}

static void init_chain(struct chain_state *s, const json_t *c, const char *name)
{
    const json_t     *m = vec_at(c, "init_chain");
    struct validators v = vec_set(m, "validators");

    s->version.app = vec_uint(m, "app_version");
    CHECK_EQ(state_init_chain(s, v.v, v.n, vec_params(m, "params"),
                              vec_hex(m, "app_hash", A), A),
             ACCEPT, "%s", name);
    check_bytes_of(s, m, name);
}

static void step(struct chain_state *s, const json_t *c, const char *name)
{
    struct validators   v      = vec_set(c, "validator_updates");
    struct header       header = { .height = vec_int(c, "height"),
                                   .time   = vec_stamp(c, "time") };
    struct state_change change = {
        .header                 = &header,
        .block_id               = vec_block_id(c, "block_id"),
        .validator_updates      = v.v,
        .validator_update_count = v.n,
        .param_updates          = vec_params(c, "param_updates"),
        .results_hash           = vec_hash(c, "results_hash"),
        .app_hash               = vec_hex(c, "app_hash", A),
    };
    struct chain_state next;
    struct span        before = state_encode(s, A);
    enum reject        r      = state_next(&next, s, &change, A);

    CHECK_EQ(r == ACCEPT, vec_bool(c, "ok"), "%s, height %" PRId64, name,
             header.height);
    CHECK_BYTES(state_encode(s, A), before, "%s: the old state stays", name);
    if (r)
        return;
    check_bytes_of(&next, c, name);
    *s = next;
}

static void check_chain(const json_t *c)
{
    const char        *name = vec_str(c, "name");
    const json_t      *one;
    struct chain_state s;
    size_t             i;

    start(&s, c, name);
    if (vec_has(c, "init_chain"))
        init_chain(&s, c, name);
    json_array_foreach(vec_at(c, "steps"), i, one)
    {
        step(&s, one, name);
    }
}

static void check_budget(const json_t *c)
{
    int64_t got =
        block_tx_budget(vec_int(c, "max_bytes"), vec_int(c, "evidence_bytes"),
                        (size_t)vec_int(c, "validators"));

    CHECK_EQ(got >= 0, vec_bool(c, "ok"), "%s", vec_str(c, "name"));
    if (vec_bool(c, "ok"))
        CHECK_EQ(got, vec_int(c, "want"), "%s", vec_str(c, "name"));
}

static void check_enable_height(const json_t *c)
{
    struct abci_params          abci = { vec_int(c, "new") };
    struct consensus_params_msg m    = { .abci = &abci };
    struct params               p;

    params_default(&p);
    p.vote_extensions_enable_height = vec_int(c, "old");
    CHECK_EQ(params_update(&p, &m, vec_int(c, "height")) == ACCEPT,
             vec_bool(c, "ok"), "%s", vec_str(c, "name"));
    CHECK_EQ(p.vote_extensions_enable_height,
             vec_bool(c, "ok") ? vec_int(c, "new") : vec_int(c, "old"), "%s",
             vec_str(c, "name"));
}

TEST(states_are_cometbfts_byte_for_byte)
{
    json_t *cases = vectors_open("state"), *c;
    size_t  i;

    crypto_setup();
    json_array_foreach(cases, i, c)
    {
        const char *kind = vec_str(c, "kind");

        if (strcmp(kind, "chain") == 0)
            check_chain(c);
        else if (strcmp(kind, "max_data_bytes") == 0)
            check_budget(c);
        else
            check_enable_height(c);
        arena_reset(A);
    }
    CHECK_EQ(i, 260, "cases in the file");
    json_decref(cases);
}

/* ---- a chain of one validator, block by block ---- */

struct chain {
    struct privkey     key;
    struct chain_state s;
    struct commit     *last; /* for the last block */
};

static struct val val_of(const struct privkey *k, int64_t power)
{
    struct val    v = { .power = power };
    struct pubkey open;

    privkey_public(&open, k);
    v.key = open;
    pubkey_address(v.address, &open);
    return v;
}

static struct chain chain_start(void)
{
    struct chain   c        = { 0 };
    uint8_t        seed[32] = { 9 };
    struct val     v;
    struct genesis g = { .time           = { 1700000000, 0 },
                         .chain_id       = span_str("one"),
                         .initial_height = 3 };

    crypto_setup();
    must(privkey_from_seed(&c.key, KEY_TYPE_ED25519, SPAN_OF(seed)));
    v                 = val_of(&c.key, 10);
    g.validators      = &v;
    g.validator_count = 1;
    params_default(&g.params);
    must(state_from_genesis(&c.s, &g, A) == ACCEPT);
    c.s.version.app = 7; /* from Info */
    must(state_init_chain(&c.s, NULL, 0, NULL, span_str("app"), A) == ACCEPT);
    return c;
}

static struct block *propose(const struct chain *c)
{
    struct span tx = span_str("k=v");
    int64_t h = c->s.last_height ? c->s.last_height + 1 : c->s.initial_height;

    return state_make_block(&c->s, h, &tx, 1, c->last, NULL, 0,
                            SPAN_OF(c->s.validators.v[0].address), A);
}

/* One signature for the block, a second later. */
static struct commit *sign(const struct chain *c, const struct block *b,
                           const struct block_id *id)
{
    struct commit *out = arena_new(A, struct commit);
    struct vote    v   = { .type              = TYPE_PRECOMMIT,
                           .height            = b->header.height,
                           .block_id          = *id,
                           .timestamp         = b->header.time,
                           .validator_address = b->header.proposer_address };
    uint8_t       *sig = arena_alloc(A, 64);

    v.timestamp.seconds++;
    privkey_sign(sig, &c->key, vote_sign_bytes(&v, c->s.chain_id, A));
    v.signature        = SPAN(sig, 64);
    out->height        = b->header.height;
    out->block_id      = *id;
    out->signatures.n  = 1;
    out->signatures.v  = arena_new(A, struct commit_sig);
    *out->signatures.v = commit_sig_of(&v);
    return out;
}

/* Proposes, checks as a stranger would, decides, and applies the change. */
static const struct header *advance(struct chain *c, struct state_change change)
{
    struct block      *b = propose(c), decoded;
    struct span        bytes;
    struct part_set    parts;
    struct block_id    id;
    struct chain_state next;
    const char        *why;

    must(b != NULL);
    bytes = block_encode(b, A);
    must(part_set_from_bytes(&parts, bytes, A));
    must(DECODE(block_desc, &decoded, bytes));
    CHECK_EQ(block_validate_against(&decoded, &c->s, A, &why), ACCEPT,
             "height %" PRId64 ": %s", b->header.height, why);
    must(block_id_make(&id, &b->header, &parts, A));
    change.header   = &b->header;
    change.block_id = id;
    change.app_hash = span_str("app");
    must(state_next(&next, &c->s, &change, A) == ACCEPT);
    c->last = sign(c, b, &id);
    c->s    = next;
    return &b->header;
}

TEST(validator_updates_act_two_heights_on)
{
    struct chain         c = chain_start();
    struct privkey       other;
    uint8_t              seed[32] = { 1 };
    struct val           v;
    const struct header *h[4];
    struct hash          one, two;

    must(privkey_from_seed(&other, KEY_TYPE_ED25519, SPAN_OF(seed)));
    v = val_of(&other, 1);
    validators_hash(&one, &c.s.validators);
    h[0] = advance(&c, (struct state_change){ .validator_updates      = &v,
                                              .validator_update_count = 1 });
    CHECK_EQ(c.s.validators.n, 1, "height 4 is decided by one");
    CHECK_EQ(c.s.next_validators.n, 2, "height 5 by two");
    CHECK_EQ(c.s.last_height_validators_changed, 5, "and so it is noted");
    validators_hash(&two, &c.s.next_validators);
    h[1] = advance(&c, (struct state_change){ 0 });
    CHECK_EQ(c.s.validators.n, 2, "height 5 is decided by two");
    CHECK_EQ(c.s.last_validators.n, 1, "height 4 was by one");
    CHECK_BYTES(h[0]->next_validators_hash, hash_span(&one), "3 knows one");
    CHECK_BYTES(h[1]->validators_hash, hash_span(&one), "4 is of one");
    CHECK_BYTES(h[1]->next_validators_hash, hash_span(&two), "4 names two");
}

TEST(parameters_and_the_app_version_act_at_the_next_height)
{
    struct chain                c       = chain_start();
    struct block_params         block   = { 1 << 20, 77 };
    struct version_params       version = { 9 };
    struct consensus_params_msg m       = { .block = &block },
                                v       = { .version = &version };
    const struct header *h;
    struct hash          want;

    h = advance(&c, (struct state_change){ 0 });
    CHECK_EQ(h->version.app, 7, "the application's own");
    h = advance(&c, (struct state_change){ .param_updates = &m });
    CHECK_EQ(h->version.app, 7, "still");
    params_hash(&want, &c.s.params);
    CHECK(!span_eq(h->consensus_hash, hash_span(&want)), "not yet");
    h = advance(&c, (struct state_change){ .param_updates = &v });
    CHECK_BYTES(h->consensus_hash, hash_span(&want), "now");
    CHECK_EQ(h->version.app, 0, "the parameters', which say nothing");
    CHECK_EQ(c.s.last_height_params_changed, 6, "height");
    h = advance(&c, (struct state_change){ 0 });
    CHECK_EQ(h->version.app, 9, "the parameters'");
}

TEST(time_is_the_genesis_time_then_the_median_of_votes)
{
    struct chain         c = chain_start();
    const struct header *h = advance(&c, (struct state_change){ 0 });

    CHECK_EQ(h->height, 3, "initial height");
    CHECK_EQ(h->time.seconds, 1700000000, "genesis time");
    CHECK_EQ(h->last_commit_hash.n, HASH_BYTES, "of an empty commit");
    h = advance(&c, (struct state_change){ 0 });
    CHECK_EQ(h->time.seconds, 1700000001, "time of the vote");
}

TEST(bad_answers_of_the_application_are_refused)
{
    struct chain                c = chain_start();
    struct header               h = { .height = 3 };
    struct chain_state          next;
    struct val                  gone = c.s.validators.v[0], foreign = gone;
    struct consensus_params_msg odd  = { 0 };
    struct block_params         zero = { 0 };

    gone.power       = 0;
    foreign.key.type = KEY_TYPE_SECP256K1;
    odd.block        = &zero;
#define NEXT(...)                                                              \
    state_next(&next, &c.s,                                                    \
               &(struct state_change){ .header = &h, __VA_ARGS__ }, A)
    CHECK(NEXT(.validator_updates = &gone, .validator_update_count = 1) !=
              ACCEPT,
          "nobody left");
    CHECK_EQ(NEXT(.validator_updates = &foreign, .validator_update_count = 1),
             REJECT_RANGE, "a key type that is not allowed");
    CHECK(NEXT(.param_updates = &odd) != ACCEPT, "blocks of no bytes");
    CHECK_EQ(NEXT(.app_hash = span_str("")), ACCEPT, "an empty app hash");
#undef NEXT
    CHECK_EQ(state_init_chain(&c.s, &gone, 1, NULL, span_str(""), A),
             REJECT_RANGE, "a validator without power");
}
