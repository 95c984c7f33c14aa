/* What votes and proposals sign, against CometBFT's own bytes. */
#include "vec_model.h"

#include "model/vote.h"

struct keys {
    struct privkey secret;
    struct pubkey  open;
};

static struct keys vec_keys(const json_t *c)
{
    struct keys k;
    const char *type = vec_str(c, "key_type");

    must(privkey_make(&k.secret, key_type_of(type), vec_hex(c, "priv_key", A)));
    must(pubkey_make(&k.open, key_type_of(type), vec_hex(c, "pub_key", A)));
    return k;
}

static struct vote vec_vote(const json_t *c)
{
    return (struct vote){
        .type              = (int32_t)vec_int(c, "type"),
        .height            = vec_int(c, "height"),
        .round             = (int32_t)vec_int(c, "round"),
        .block_id          = vec_block_id(c, "block_id"),
        .timestamp         = vec_stamp(c, "timestamp"),
        .validator_address = vec_hex(c, "validator_address", A),
        .validator_index   = (int32_t)vec_int(c, "validator_index"),
        .extension         = vec_hex(c, "extension", A),
    };
}

/* Signs the message and compares both with the vector. */
static struct span sign(const struct keys *k, struct span message,
                        const json_t *c, const char *bytes_key,
                        const char *sig_key)
{
    uint8_t *sig = arena_alloc(A, 64);

    CHECK_BYTES(message, vec_hex(c, bytes_key, A), "%s", vec_str(c, "name"));
    privkey_sign(sig, &k->secret, message);
    CHECK_BYTES(SPAN(sig, 64), vec_hex(c, sig_key, A), "%s",
                vec_str(c, "name"));
    return SPAN(sig, 64);
}

static bool address_is_of_key(const struct vote *v, const struct pubkey *k)
{
    uint8_t address[ADDRESS_BYTES];

    pubkey_address(address, k);
    return span_eq(SPAN_OF(address), v->validator_address);
}

static void check_vote(const json_t *c)
{
    const char *name  = vec_str(c, "name");
    struct span chain = vec_hex(c, "chain_id_hex", A);
    struct keys k     = vec_keys(c);
    struct vote v     = vec_vote(c), again;
    struct span want;

    if (!vec_bool(c, "ok")) {
        CHECK(!vote_sign_bytes(&v, chain, A).p, "%s", name);
        return;
    }
    v.signature =
        sign(&k, vote_sign_bytes(&v, chain, A), c, "sign_bytes", "signature");
    if (vec_has(c, "extension_signature"))
        v.extension_signature =
            sign(&k, vote_extension_sign_bytes(&v, chain, A), c,
                 "extension_sign_bytes", "extension_signature");
    want = vec_hex(c, "vote_bytes", A);
    CHECK_BYTES(pb_encode(&vote_desc, &v, A), want, "%s", name);
    CHECK(DECODE(vote_desc, &again, want), "%s", name);
    CHECK_EQ(vote_verify(&again, chain, &k.open, A),
             address_is_of_key(&v, &k.open), "%s", name);
    CHECK_EQ(vote_verify_extension(&again, chain, &k.open, A),
             !vote_is_for_block(&v) || vec_has(c, "extension_signature"), "%s",
             name);
    again.height ^= 1;
    CHECK(!vote_verify(&again, chain, &k.open, A), "%s, height moved", name);
}

static void check_proposal(const json_t *c)
{
    const char     *name  = vec_str(c, "name");
    struct span     chain = vec_hex(c, "chain_id_hex", A);
    struct keys     k     = vec_keys(c);
    struct proposal p     = {
            .type      = (int32_t)vec_int(c, "type"),
            .height    = vec_int(c, "height"),
            .round     = (int32_t)vec_int(c, "round"),
            .pol_round = (int32_t)vec_int(c, "pol_round"),
            .block_id  = vec_block_id(c, "block_id"),
            .timestamp = vec_stamp(c, "timestamp"),
    };
    struct span want;

    if (!vec_bool(c, "ok")) {
        CHECK(!proposal_sign_bytes(&p, chain, A).p, "%s", name);
        return;
    }
    p.signature = sign(&k, proposal_sign_bytes(&p, chain, A), c, "sign_bytes",
                       "signature");
    want        = vec_hex(c, "proposal_bytes", A);
    CHECK_BYTES(pb_encode(&proposal_desc, &p, A), want, "%s", name);
    CHECK(DECODE(proposal_desc, &p, want), "%s", name);
    CHECK(proposal_verify(&p, chain, &k.open, A), "%s", name);
    p.pol_round ^= 1;
    CHECK(!proposal_verify(&p, chain, &k.open, A), "%s, changed", name);
}

TEST(sign_bytes_and_signatures_are_cometbfts)
{
    json_t *cases = vectors_open("sign_bytes"), *c;
    size_t  i;

    crypto_setup();
    json_array_foreach(cases, i, c)
    {
        if (strcmp(vec_str(c, "kind"), "vote") == 0)
            check_vote(c);
        else
            check_proposal(c);
        arena_reset(A);
    }
    CHECK_EQ(i, 327, "cases in the file");
    json_decref(cases);
}

/* ---- well-formedness, as in types/vote_test.go and proposal_test.go ---- */

static uint8_t some[128];

static struct block_id a_block(void)
{
    return (struct block_id){ .hash            = SPAN(some, 32),
                              .part_set_header = { 1, SPAN(some + 1, 32) } };
}

static struct vote a_vote(int32_t type)
{
    return (struct vote){ .type              = type,
                          .height            = 12345,
                          .round             = 2,
                          .block_id          = a_block(),
                          .timestamp         = { 1514764800, 255000000 },
                          .validator_address = SPAN(some, 20),
                          .validator_index   = 56789,
                          .signature         = SPAN(some, 64) };
}

static void huge_signature(struct vote *v)
{
    v->signature = SPAN(some, 65);
}
static void no_signature(struct vote *v)
{
    v->signature.n = 0;
}
static void zero_height(struct vote *v)
{
    v->height = 0;
}
static void negative_round(struct vote *v)
{
    v->round = -1;
}
static void negative_index(struct vote *v)
{
    v->validator_index = -1;
}
static void short_address(struct vote *v)
{
    v->validator_address.n = 19;
}
static void no_address(struct vote *v)
{
    v->validator_address.n = 0;
}
static void proposal_type(struct vote *v)
{
    v->type = TYPE_PROPOSAL;
}
static void no_type(struct vote *v)
{
    v->type = TYPE_UNKNOWN;
}
static void half_a_block_id(struct vote *v)
{
    v->block_id.part_set_header.total = 0;
}
static void hash_of_31_bytes(struct vote *v)
{
    v->block_id.hash.n = 31;
}
static void no_root(struct vote *v)
{
    v->block_id.part_set_header.hash.n = 0;
}
static void nil_block(struct vote *v)
{
    v->block_id = (struct block_id){ 0 };
}
static void unsigned_extension(struct vote *v)
{
    v->extension = SPAN(some, 9);
}
static void signed_extension(struct vote *v)
{
    v->extension           = SPAN(some, 9);
    v->extension_signature = SPAN(some, 64);
}
static void signature_of_nothing(struct vote *v)
{
    v->extension_signature = SPAN(some, 64);
}
static void huge_extension_signature(struct vote *v)
{
    v->extension_signature = SPAN(some, 65);
}
static void nothing(struct vote *v)
{
    UNUSED(v);
}
static void nil_with_extension_signature(struct vote *v)
{
    nil_block(v);
    signature_of_nothing(v);
}

TEST(a_vote_is_well_formed_or_is_refused)
{
    static const struct {
        const char *name;
        void (*change)(struct vote *);
        bool prevote_ok, precommit_ok;
    } cases[] = {
        { "as it is", nothing, true, true },
        { "signature of 65 bytes", huge_signature, false, false },
        { "no signature", no_signature, false, false },
        { "height 0", zero_height, false, false },
        { "round -1", negative_round, false, false },
        { "index -1", negative_index, false, false },
        { "address of 19 bytes", short_address, false, false },
        { "no address", no_address, false, false },
        { "type of a proposal", proposal_type, false, false },
        { "no type", no_type, false, false },
        { "block id without parts", half_a_block_id, false, false },
        { "block hash of 31 bytes", hash_of_31_bytes, false, false },
        { "block id without root", no_root, false, false },
        { "for nil", nil_block, true, true },
        { "extension without signature", unsigned_extension, false, false },
        { "signed extension", signed_extension, false, true },
        { "signed empty extension", signature_of_nothing, false, true },
        { "extension signature of 65", huge_extension_signature, false, false },
        { "nil with one", nil_with_extension_signature, false, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vote prevote   = a_vote(TYPE_PREVOTE),
                    precommit = a_vote(TYPE_PRECOMMIT);

        cases[i].change(&prevote);
        cases[i].change(&precommit);
        CHECK_EQ(vote_validate(&prevote) == ACCEPT, cases[i].prevote_ok,
                 "prevote: %s", cases[i].name);
        CHECK_EQ(vote_validate(&precommit) == ACCEPT, cases[i].precommit_ok,
                 "precommit: %s", cases[i].name);
    }
}

TEST(a_precommit_for_a_block_needs_its_extension_signature)
{
    struct privkey key;
    struct pubkey  open;
    struct vote    v     = a_vote(TYPE_PRECOMMIT);
    struct span    chain = span_str("test_chain_id");
    uint8_t        address[20], sig[64], extension_sig[64];

    crypto_setup();
    must(privkey_from_seed(&key, KEY_TYPE_ED25519, SPAN(some, 32)));
    privkey_public(&open, &key);
    pubkey_address(address, &open);
    v.validator_address = SPAN_OF(address);
    v.extension         = span_str("extension");
    privkey_sign(sig, &key, vote_sign_bytes(&v, chain, A));
    privkey_sign(extension_sig, &key, vote_extension_sign_bytes(&v, chain, A));
    v.signature = SPAN_OF(sig);

    CHECK(vote_verify(&v, chain, &open, A), "without");
    CHECK(!vote_verify_extended(&v, chain, &open, A), "missing");
    v.extension_signature = SPAN_OF(extension_sig);
    CHECK(vote_verify_extended(&v, chain, &open, A), "there");
    v.extension = span_str("extensioN");
    CHECK(!vote_verify_extended(&v, chain, &open, A), "of another");
    v.validator_address = SPAN(some, 20);
    CHECK(!vote_verify(&v, chain, &open, A), "address of another");
}

TEST(a_proposal_is_well_formed_or_is_refused)
{
    static const struct {
        const char     *name;
        struct proposal p;
        uint32_t        total;
        int64_t         max_bytes;
        bool            want;
    } cases[] = {
        { "good", { .height = 4 }, 1, -1, true },
        { "height 0", { .height = 0 }, 1, -1, true },
        { "height -1", { .height = -1 }, 1, -1, false },
        { "round -1", { .round = -1 }, 1, -1, false },
        { "pol round -1", { .pol_round = -1 }, 1, -1, true },
        { "pol round -2", { .pol_round = -2 }, 1, -1, false },
        { "another type", { .type = TYPE_PREVOTE }, 1, -1, false },
        { "no parts", { .height = 4 }, 0, -1, false },
        { "as many parts as can be", { .height = 4 }, 1600, -1, true },
        { "one more", { .height = 4 }, 1601, -1, false },
        { "bound not asked for", { .height = 4 }, UINT32_MAX, 0, true },
        { "two parts of 65537", { .height = 4 }, 2, 65537, true },
        { "two parts of 65536", { .height = 4 }, 2, 65536, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct proposal p = cases[i].p;

        if (!p.type)
            p.type = TYPE_PROPOSAL;
        p.block_id                       = a_block();
        p.block_id.part_set_header.total = cases[i].total;
        p.signature                      = SPAN(some, 64);
        CHECK_EQ(proposal_validate(&p, cases[i].max_bytes) == ACCEPT,
                 cases[i].want, "%s", cases[i].name);
        p.signature.n = 65;
        CHECK(proposal_validate(&p, cases[i].max_bytes) != ACCEPT,
              "%s, long signature", cases[i].name);
        p.signature.n = 0;
        CHECK(proposal_validate(&p, cases[i].max_bytes) != ACCEPT,
              "%s, no signature", cases[i].name);
    }
}
