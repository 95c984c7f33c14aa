/* Evidence: bytes, hashes and verdicts against CometBFT's own. */
#include "vec_model.h"

#include "model/evidence.h"

/* Bytes, hash and verdict of ValidateBasic of a piece that decodes. */
static void check_form(const json_t *c, const struct evidence *e)
{
    const char *name = vec_str(c, "name");
    struct hash hash;

    CHECK_EQ(evidence_validate(e, A) == ACCEPT, vec_bool(c, "validate_ok"),
             "%s", name);
    CHECK_BYTES(pb_encode(&evidence_desc, e, A), vec_hex(c, "wrapped_bytes", A),
                "%s", name);
    if (!vec_has(c, "bytes"))
        return; /* CometBFT panics */
    CHECK_BYTES(evidence_bytes(e, A), vec_hex(c, "bytes", A), "%s", name);
    CHECK(evidence_hash(&hash, e, A), "%s", name);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s", name);
}

static void check_duplicate(const json_t *c)
{
    const char       *name  = vec_str(c, "name");
    struct validators set   = vec_set(c, "validators");
    struct span       chain = span_str(vec_str(c, "chain_id"));
    struct evidence   e;
    enum reject       r;

    must(DECODE(evidence_desc, &e, vec_hex(c, "wrapped_bytes", A)));
    check_form(c, &e);
    r = duplicate_vote_verify(e.duplicate_vote_evidence, chain, &set, A);
    CHECK_EQ(r == ACCEPT, vec_bool(c, "verify_ok"), "%s", name);
    CHECK_EQ(r == ACCEPT && evidence_validate(&e, A) == ACCEPT,
             vec_bool(c, "ok"), "%s", name);
}

/* Two good votes make the same evidence in either order. */
static void check_made_again(const json_t *c)
{
    const char                           *name = vec_str(c, "name");
    struct span                           want = vec_hex(c, "bytes", A);
    struct validators                     set  = vec_set(c, "validators");
    const struct duplicate_vote_evidence *d;
    struct evidence                       e, *again;

    must(DECODE(evidence_desc, &e, vec_hex(c, "wrapped_bytes", A)));
    d     = e.duplicate_vote_evidence;
    again = duplicate_vote_make(d->vote_b, d->vote_a, d->timestamp, &set, A);
    CHECK(again, "%s", name);
    CHECK_BYTES(evidence_bytes(again, A), want, "%s", name);
    again = duplicate_vote_make(d->vote_a, d->vote_b, d->timestamp, &set, A);
    CHECK_BYTES(evidence_bytes(again, A), want, "%s", name);
    CHECK_EQ(evidence_height(again), d->vote_a->height, "%s", name);
    CHECK_EQ(stamp_cmp(evidence_time(again), d->timestamp), 0, "%s", name);
}

static void check_culprits(const json_t                              *c,
                           const struct light_client_attack_evidence *e,
                           const struct signed_header                *trusted,
                           const struct validators                   *common)
{
    const char   *name = vec_str(c, "name");
    const json_t *want, *one;
    struct val   *who;
    size_t        n, i;

    if (!vec_has(c, "byzantine_validators"))
        return;
    CHECK_EQ(light_client_attack_is_lunatic(e, trusted->header),
             vec_bool(c, "conflicting_header_is_invalid"), "%s", name);
    CHECK(light_client_attack_culprits(&who, &n, e, trusted, common, A), "%s",
          name);
    want = vec_at(c, "byzantine_validators");
    CHECK_EQ(n, json_array_size(want), "%s", name);
    json_array_foreach(want, i, one)
    {
        if (i >= n)
            break;
        CHECK_BYTES(SPAN_OF(who[i].address),
                    hex_span(json_string_value(json_array_get(one, 0)), A),
                    "%s", name);
        CHECK_EQ(who[i].power, json_int64(json_array_get(one, 1)), "%s", name);
    }
}

static void check_attack(const json_t *c)
{
    const char          *name        = vec_str(c, "name");
    struct validators    common_vals = vec_set(c, "common_validators");
    struct signed_header common, trusted;
    struct evidence      e;
    enum reject          r;
    /* In memory its list is nil; decoded, it is empty. */
    bool are_unnamed = strcmp(name, "light-amnesia") == 0;
    const struct light_client_attack_evidence *attack;

    must(DECODE(signed_header_desc, &common,
                vec_hex(c, "common_header_bytes", A)));
    must(DECODE(signed_header_desc, &trusted,
                vec_hex(c, "trusted_header_bytes", A)));
    must(DECODE(evidence_desc, &e, vec_hex(c, "wrapped_bytes", A)));
    check_form(c, &e);
    attack = e.light_client_attack_evidence;
    r      = light_client_attack_check(attack, &common, &trusted, &common_vals,
                                       are_unnamed, A);
    CHECK_EQ(r == ACCEPT, vec_bool(c, "verify_ok"), "%s", name);
    r = evidence_validate(&e, A);
    if (!r)
        r = light_client_attack_verify(attack, &common, &trusted, &common_vals,
                                       A);
    CHECK_EQ(r == ACCEPT, vec_bool(c, "ok"), "%s", name);
    check_culprits(c, attack, &trusted, &common_vals);
}

static void check_attack_hash(const json_t *c)
{
    struct hash hash;

    light_client_attack_hash(&hash, vec_hex(c, "conflicting_hash", A),
                             vec_int(c, "common_height"));
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s",
                vec_str(c, "name"));
}

static void check_expired(const json_t *c)
{
    struct stamp then = { 1700000000, 0 };
    int64_t      age  = vec_int(c, "age_ns");

    CHECK_EQ(evidence_is_expired(
                 1000 + vec_int(c, "age_blocks"), stamp_add(then, age), 1000,
                 then, vec_int(c, "max_age_blocks"), vec_int(c, "max_age_ns")),
             vec_bool(c, "expired"), "%s", vec_str(c, "name"));
}

TEST(evidence_gets_cometbfts_bytes_hashes_and_verdicts)
{
    json_t *cases = vectors_open("evidence"), *c;
    size_t  i;

    crypto_setup();
    json_array_foreach(cases, i, c)
    {
        const char *kind = vec_str(c, "kind");

        if (strcmp(kind, "duplicate_vote") == 0) {
            check_duplicate(c);
            if (vec_bool(c, "ok"))
                check_made_again(c);
        } else if (strcmp(kind, "light_client_attack") == 0) {
            check_attack(c);
        } else if (strcmp(kind, "light_client_attack_hash") == 0) {
            check_attack_hash(c);
        } else {
            check_expired(c);
        }
        arena_reset(A);
    }
    CHECK_EQ(i, 82, "cases in the file");
    json_decref(cases);
}
