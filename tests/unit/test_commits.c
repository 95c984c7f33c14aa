/* Verdicts on commits, BFT time and whole blocks against a state. */
#include "vec_model.h"

#include "model/state.h"
#include "model/vote.h"

/* ---- commits ---- */

/* Each check of a commit by one function, named as in the vectors. */
struct asked {
    struct validators *set, *trusted;
    struct commit     *commit;
    struct block_id    id;
    struct span        chain_id;
    int64_t            height;
};

static enum reject basic(const struct asked *q)
{
    return commit_validate_basic(q->commit);
}
static enum reject full(const struct asked *q)
{
    return commit_verify(q->set, q->chain_id, &q->id, q->height, q->commit, A);
}
static enum reject light(const struct asked *q)
{
    return commit_verify_light(q->set, q->chain_id, &q->id, q->height,
                               q->commit, false, A);
}
static enum reject light_all(const struct asked *q)
{
    return commit_verify_light(q->set, q->chain_id, &q->id, q->height,
                               q->commit, true, A);
}
static enum reject trusting(const struct asked *q, uint64_t num, uint64_t den,
                            bool all)
{
    return commit_verify_trusting(q->trusted, q->chain_id, q->commit, num, den,
                                  all, A);
}
static enum reject trusting_1_3(const struct asked *q)
{
    return trusting(q, 1, 3, false);
}
static enum reject trusting_2_3(const struct asked *q)
{
    return trusting(q, 2, 3, false);
}
static enum reject trusting_1_1(const struct asked *q)
{
    return trusting(q, 1, 1, false);
}
static enum reject trusting_all_1_3(const struct asked *q)
{
    return trusting(q, 1, 3, true);
}

static const struct {
    const char *name;
    enum reject (*ask)(const struct asked *);
} questions[] = {
    { "validate_basic", basic },      { "verify_commit", full },
    { "verify_commit_light", light }, { "verify_commit_light_all", light_all },
    { "trusting_1_3", trusting_1_3 }, { "trusting_2_3", trusting_2_3 },
    { "trusting_1_1", trusting_1_1 }, { "trusting_all_1_3", trusting_all_1_3 },
};

/* Copies get an index, so that both ways of looking up are asked. */
static struct validators indexed(const struct validators *s)
{
    struct validators out;

    must(validators_copy(&out, s, A));
    return out;
}

static void check_commit(const json_t *c)
{
    const char       *name = vec_str(c, "name");
    struct validators set = vec_set(c, "validators"), trusted = set, by_index,
                      trusted_by_index;
    struct commit commit;
    struct asked  q = { .set      = &set,
                        .trusted  = &trusted,
                        .commit   = &commit,
                        .id       = vec_block_id(c, "block_id"),
                        .chain_id = span_str(vec_str(c, "chain_id")),
                        .height   = vec_int(c, "height") };

    if (vec_has(c, "trusted_validators"))
        trusted = vec_set(c, "trusted_validators");
    must(DECODE(commit_desc, &commit, vec_hex(c, "commit_bytes", A)));
    for (size_t i = 0; i < COUNT(questions); i++)
        CHECK_EQ(questions[i].ask(&q) == ACCEPT,
                 vec_bool(vec_at(c, questions[i].name), "ok"), "%s: %s", name,
                 questions[i].name);
    by_index         = indexed(&set);
    trusted_by_index = indexed(&trusted);
    q.set            = &by_index;
    q.trusted        = &trusted_by_index;
    for (size_t i = 0; i < COUNT(questions); i++)
        CHECK_EQ(questions[i].ask(&q) == ACCEPT,
                 vec_bool(vec_at(c, questions[i].name), "ok"),
                 "%s: %s, by index", name, questions[i].name);
}

static void check_trust_level(const json_t *c)
{
    struct validators set = vec_set(c, "validators");
    struct commit     commit;

    must(DECODE(commit_desc, &commit, vec_hex(c, "commit_bytes", A)));
    CHECK_EQ(commit_verify_trusting(&set, span_str(vec_str(c, "chain_id")),
                                    &commit, vec_uint(c, "numerator"),
                                    vec_uint(c, "denominator"), false,
                                    A) == ACCEPT,
             vec_bool(c, "ok"), "%s", vec_str(c, "name"));
}

/* ---- BFT time ---- */

/* The vectors tell power and "known" for each vote, in place of a set. */
static void check_median(const json_t *c)
{
    const char       *name   = vec_str(c, "name");
    const json_t     *votes  = vec_at(c, "votes"), *vote;
    size_t            n      = json_array_size(votes), i;
    struct validators s      = { .v = arena_newn(A, struct val, n) };
    struct commit     commit = { .height = 1 };
    struct stamp      median;

    commit.signatures.v = arena_newn(A, struct commit_sig, n);
    commit.signatures.n = n;
    json_array_foreach(votes, i, vote)
    {
        struct val v = { .power = vec_int(vote, "power") };

        v.address[0]           = (uint8_t)i;
        v.address[1]           = (uint8_t)(i >> 8);
        v.address[2]           = 1;
        commit.signatures.v[i] = (struct commit_sig){
            .block_id_flag     = (int32_t)vec_int(vote, "flag"),
            .timestamp         = vec_stamp(vote, "timestamp"),
            .validator_address = arena_copy(A, SPAN_OF(v.address)),
        };
        if (vec_bool(vote, "known"))
            s.v[s.n++] = v;
    }
    CHECK_EQ(commit_median_time(&median, &commit, &s, A), vec_bool(c, "ok"),
             "%s", name);
    if (vec_bool(c, "ok"))
        CHECK_EQ(stamp_cmp(median, vec_stamp(c, "median")), 0, "%s", name);
}

/* ---- blocks ---- */

static struct chain_state vec_state(const json_t *c)
{
    const json_t      *m = vec_at(c, "state"), *p = vec_at(m, "params");
    struct chain_state s = {
        .version = { vec_uint(m, "version_block"), vec_uint(m, "version_app") },
        .chain_id          = span_str(vec_str(m, "chain_id")),
        .initial_height    = vec_int(m, "initial_height"),
        .last_height       = vec_int(m, "last_block_height"),
        .last_block_id     = vec_block_id(m, "last_block_id"),
        .last_time         = vec_stamp(m, "last_block_time"),
        .next_validators   = vec_set(m, "next_validators"),
        .validators        = vec_set(m, "validators"),
        .last_validators   = vec_set(m, "last_validators"),
        .last_results_hash = vec_hex(m, "last_results_hash", A),
        .app_hash          = vec_hex(m, "app_hash", A),
    };

    params_default(&s.params);
    s.params.block.max_bytes    = vec_int(p, "max_bytes");
    s.params.block.max_gas      = vec_int(p, "max_gas");
    s.params.evidence.max_bytes = vec_int(p, "evidence_max_bytes");
    return s;
}

/* A good block is what state_make_block makes of its own parts. */
static void check_made_again(const struct block *b, const struct chain_state *s,
                             struct span bytes, const char *name)
{
    struct block *again =
        state_make_block(s, b->header.height, b->data.txs.v, b->data.txs.n,
                         b->last_commit, b->evidence.evidence.v,
                         b->evidence.evidence.n, b->header.proposer_address, A);

    CHECK(again, "%s", name);
    if (again)
        CHECK_BYTES(block_encode(again, A), bytes, "%s", name);
}

static void check_block(const json_t *c)
{
    const char        *name  = vec_str(c, "name"), *why;
    struct chain_state s     = vec_state(c);
    struct span        bytes = vec_hex(c, "block_bytes", A);
    struct block       b;
    bool               is_ok;

    must(DECODE(block_desc, &b, bytes));
    CHECK_EQ(block_validate(&b, A) == ACCEPT, vec_bool(c, "validate_ok"), "%s",
             name);
    is_ok = block_validate_against(&b, &s, A, &why) == ACCEPT;
    CHECK_EQ(is_ok, vec_bool(c, "ok"), "%s: %s", name, why);
    CHECK_EQ(is_ok, *why == 0, "%s: a reason is given: %s", name, why);
    if (is_ok) {
        check_made_again(&b, &s, bytes, name);
        CHECK_EQ(block_extends(&b, &s, b.last_commit, A, &why), ACCEPT,
                 "%s, commit known: %s", name, why);
    }
}

TEST(commits_times_and_blocks_get_cometbfts_verdicts)
{
    static const struct {
        const char *kind;
        void (*check)(const json_t *);
    } kinds[] = {
        { "commit", check_commit },
        { "trust_level", check_trust_level },
        { "median_time", check_median },
        { "block", check_block },
    };
    json_t *cases = vectors_open("commits"), *c;
    size_t  i, checked = 0;

    crypto_setup();
    json_array_foreach(cases, i, c)
    {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            if (strcmp(kinds[k].kind, vec_str(c, "kind")) != 0)
                continue;
            kinds[k].check(c);
            checked++;
        }
        arena_reset(A);
    }
    CHECK_EQ(checked, 399, "cases in the file");
    json_decref(cases);
}

/* ---- what the vectors do not ask ---- */

enum { SIGNERS = 4 };

struct signers {
    struct privkey    key[SIGNERS];
    struct validators set;
};

static struct span chain;

static struct signers make_signers(void)
{
    struct signers s;
    struct val     v[SIGNERS] = { 0 };

    crypto_setup();
    chain = span_str("test_chain_id");
    for (uint8_t i = 0; i < SIGNERS; i++) {
        uint8_t       seed[32] = { i, 1 };
        struct pubkey open;

        must(privkey_from_seed(&s.key[i], KEY_TYPE_ED25519, SPAN_OF(seed)));
        privkey_public(&open, &s.key[i]);
        v[i].key   = open;
        v[i].power = 10 * (SIGNERS - i); /* in order of the keys */
        pubkey_address(v[i].address, &open);
    }
    must(validators_new(&s.set, v, SIGNERS, A) == ACCEPT);
    return s;
}

static uint8_t filler[64];

static struct extended_commit *sign_all(const struct signers *s)
{
    struct extended_commit *c = arena_new(A, struct extended_commit);

    c->height                = 7;
    c->round                 = 1;
    c->block_id              = (struct block_id){ SPAN(filler, 32),
                                                  { .total = 1, .hash = SPAN(filler, 32) } };
    c->extended_signatures.n = SIGNERS;
    c->extended_signatures.v =
        arena_newn(A, struct extended_commit_sig, SIGNERS);
    for (size_t i = 0; i < SIGNERS; i++) {
        struct vote v   = { .type              = TYPE_PRECOMMIT,
                            .height            = c->height,
                            .round             = c->round,
                            .block_id          = c->block_id,
                            .timestamp         = { 1700000000 + (int64_t)i, 5 },
                            .validator_address = SPAN_OF(s->set.v[i].address),
                            .validator_index   = (int32_t)i,
                            .extension         = span_str("ext") };
        uint8_t    *sig = arena_alloc(A, 128);

        privkey_sign(sig, &s->key[i], vote_sign_bytes(&v, chain, A));
        privkey_sign(sig + 64, &s->key[i],
                     vote_extension_sign_bytes(&v, chain, A));
        v.signature                 = SPAN(sig, 64);
        v.extension_signature       = SPAN(sig + 64, 64);
        c->extended_signatures.v[i] = extended_commit_sig_of(&v);
    }
    return c;
}

static enum reject verify_extended(const struct signers         *s,
                                   const struct extended_commit *c)
{
    return extended_commit_verify(&s->set, chain, &c->block_id, c->height, c,
                                  A);
}

TEST(an_extended_commit_needs_every_extension_signed)
{
    struct signers              s   = make_signers();
    struct extended_commit     *c   = sign_all(&s);
    struct extended_commit_sig *sig = &c->extended_signatures.v[3], good = *sig;

    CHECK_EQ(extended_commit_validate(c), ACCEPT, "well formed");
    CHECK_EQ(verify_extended(&s, c), ACCEPT, "good");
    sig->extension_signature.n = 0;
    CHECK(verify_extended(&s, c) != ACCEPT, "unsigned extension");
    *sig           = good;
    sig->extension = span_str("exT");
    CHECK_EQ(verify_extended(&s, c), REJECT_SIGNATURE, "another extension");
    *sig           = good;
    sig->signature = sig->extension_signature;
    CHECK_EQ(verify_extended(&s, c), REJECT_SIGNATURE, "another signature");
    *sig = extended_commit_sig_of(NULL);
    CHECK_EQ(verify_extended(&s, c), ACCEPT, "one absent");
    sig->extension = span_str("x");
    CHECK(verify_extended(&s, c) != ACCEPT, "absent but extended");
    CHECK(extended_commit_validate(c) != ACCEPT, "and not well formed");
    *sig = good;
    CHECK_EQ(extended_commit_ensure(c, false), REJECT_MISMATCH, "when off");
    sig->extension_signature = SPAN(filler, 64);
    sig->extension.n         = EXTENSION_BYTES_MAX + 1;
    CHECK(extended_commit_validate(c) != ACCEPT, "an extension too long");
}

TEST(flags_are_read_in_eight_bits)
{
    struct signers          s   = make_signers();
    struct extended_commit *ext = sign_all(&s);
    struct commit          *c   = extended_commit_strip(ext, A);
    struct hash             cut, plain;

    CHECK(commit_hash(&plain, c, A), "hash");
    c->signatures.v[0].block_id_flag = 0x102;
    c->signatures.v[1].block_id_flag = -254;
    CHECK(commit_hash(&cut, c, A), "hash");
    CHECK(hash_eq(&cut, &plain), "the hash is of what is kept");
    CHECK_EQ(commit_verify(&s.set, chain, &c->block_id, c->height, c, A),
             ACCEPT, "signatures hold");
    CHECK_EQ(commit_validate(c), ACCEPT, "well formed");
    CHECK_EQ(c->signatures.v[0].block_id_flag, FLAG_COMMIT, "cut");
    CHECK_EQ(c->signatures.v[1].block_id_flag, FLAG_COMMIT, "cut");
    c->signatures.v[1].block_id_flag = 0x104;
    CHECK(commit_validate(c) != ACCEPT, "4 is no flag");
}

TEST(known_entries_are_believed_and_no_others)
{
    struct signers          s     = make_signers();
    struct extended_commit *ext   = sign_all(&s);
    struct commit          *c     = extended_commit_strip(ext, A);
    struct commit          *known = extended_commit_strip(ext, A);
    struct commit_sig      *sig   = &c->signatures.v[2];
    struct commit_sig       good  = *sig;
    const struct block_id  *id    = &c->block_id;

#define VERIFY(k) commit_verify_known(&s.set, chain, id, 7, c, (k), A)
    CHECK_EQ(VERIFY(known), ACCEPT, "all known");
    CHECK_EQ(VERIFY(NULL), ACCEPT, "none known");
    sig->signature = SPAN(filler, 64);
    CHECK_EQ(VERIFY(known), REJECT_SIGNATURE, "another signature");
    CHECK_EQ(VERIFY(c), ACCEPT, "what is known is not looked at");
    *sig = good;
    sig->timestamp.nanos++;
    CHECK_EQ(VERIFY(known), REJECT_SIGNATURE, "another time");
    *sig               = good;
    sig->block_id_flag = FLAG_NIL;
    CHECK_EQ(VERIFY(known), REJECT_SIGNATURE, "another flag");
    *sig = good;
    c->round++;
    CHECK_EQ(VERIFY(known), REJECT_SIGNATURE, "another round");
    c->round--;
    known->signatures.n = 2;
    CHECK_EQ(VERIFY(known), ACCEPT, "half known");
    for (size_t i = 0; i < 3; i++)
        c->signatures.v[i] = commit_sig_of(NULL);
    CHECK_EQ(VERIFY(c), REJECT_MISSING, "power is counted all the same");
#undef VERIFY
}
