/* Commits: counting cannot be fooled.
 *
 * Properties: what decodes encodes to itself; no commit is accepted that
 * nobody signed; the ways to verify imply each other; the median time lies
 * between the earliest and the latest vote. */
#include "fuzz.h"

#include "model/block.h"
#include "model/validators.h"

static const struct span chain = { (const uint8_t *)"chain", 5 };

/* A set of those who are named in the commit, in its order.  The key is of
 * full order: one of a small order would take the signature of all zeros. */
static struct validators named(const struct commit *c)
{
    static struct privkey secret;
    struct pubkey         key;
    size_t                n = c->signatures.n;
    struct validators     s = { .v = arena_newn(&fuzz_arena, struct val, n),
                                .n = n };

    if (secret.type == KEY_TYPE_NONE)
        privkey_generate(&secret, KEY_TYPE_ED25519);
    privkey_public(&key, &secret);
    must(s.v);
    for (size_t i = 0; i < n; i++) {
        struct span address = c->signatures.v[i].validator_address;

        s.v[i].key   = key;
        s.v[i].power = 1 + (int64_t)(i % 7);
        if (address.n == ADDRESS_BYTES)
            memcpy(s.v[i].address, address.p, ADDRESS_BYTES);
        s.total += s.v[i].power;
    }
    return s;
}

static bool has_votes(const struct commit *c)
{
    for (size_t i = 0; i < c->signatures.n; i++)
        if (commit_sig_flag(&c->signatures.v[i]) != FLAG_ABSENT)
            return true;
    return false;
}

/* Nobody knows a secret key here, so only believing can accept. */
static void check_verify(const struct commit *c, const struct validators *s)
{
    enum reject full, light, all, known;

    full  = commit_verify(s, chain, &c->block_id, c->height, c, &fuzz_arena);
    light = commit_verify_light(s, chain, &c->block_id, c->height, c, false,
                                &fuzz_arena);
    all   = commit_verify_light(s, chain, &c->block_id, c->height, c, true,
                                &fuzz_arena);
    known = commit_verify_known(s, chain, &c->block_id, c->height, c, c,
                                &fuzz_arena);
    must(full != ACCEPT && light != ACCEPT && all != ACCEPT);
    must(commit_verify_trusting(s, chain, c, 1, 3, true, &fuzz_arena) !=
         ACCEPT);
    must(known == ACCEPT || full != REJECT_SIGNATURE);
    must(commit_verify(s, chain, &c->block_id, c->height + 1, c, &fuzz_arena) !=
         ACCEPT);
}

static void check_median(const struct commit *c, const struct validators *s)
{
    struct stamp median, low = { INT64_MAX, 0 }, high = { INT64_MIN, 0 };

    if (!commit_median_time(&median, c, s, &fuzz_arena))
        return;
    if (!has_votes(c)) {
        must(stamp_is_zero(median));
        return;
    }
    for (size_t i = 0; i < c->signatures.n; i++) {
        struct stamp t = c->signatures.v[i].timestamp;

        if (commit_sig_flag(&c->signatures.v[i]) == FLAG_ABSENT)
            continue;
        low  = stamp_cmp(t, low) < 0 ? t : low;
        high = stamp_cmp(t, high) > 0 ? t : high;
    }
    must(stamp_cmp(median, low) >= 0 && stamp_cmp(median, high) <= 0);
}

/* The index finds what a walk finds. */
static void check_index(const struct validators *s)
{
    struct validators indexed;

    must(validators_copy(&indexed, s, &fuzz_arena));
    for (size_t i = 0; i < s->n; i++) {
        struct span address = SPAN_OF(s->v[i].address);

        must(validators_find(s, address) == validators_find(&indexed, address));
    }
}

static void check_commit(struct span in)
{
    struct commit     c;
    struct validators s;
    struct hash       before, after;

    if (!fuzz_decode(&commit_desc, &c, in) || c.signatures.n > 6)
        return;
    must(commit_hash(&before, &c, &fuzz_arena));
    if (commit_validate(&c) != ACCEPT)
        return;
    must(commit_validate_basic(&c) == ACCEPT);
    must(commit_hash(&after, &c, &fuzz_arena));
    must(hash_eq(&before, &after)); /* cutting flags changes nothing */
    s = named(&c);
    check_verify(&c, &s);
    check_median(&c, &s);
    check_index(&s);
}

static void check_extended(struct span in)
{
    struct extended_commit c;
    struct commit         *plain;

    if (!fuzz_decode(&extended_commit_desc, &c, in) ||
        extended_commit_validate(&c) != ACCEPT)
        return;
    plain = extended_commit_strip(&c, &fuzz_arena);
    must(plain && commit_validate(plain) == ACCEPT);
    for (size_t i = 0; i < plain->signatures.n; i++)
        must(commit_sign_bytes(plain, i, chain, &fuzz_arena).p);
    for (size_t i = 0; i < c.extended_signatures.n; i++) {
        const struct extended_commit_sig *s = &c.extended_signatures.v[i];
        bool is_for_block                   = s->block_id_flag == FLAG_COMMIT;

        if (extended_commit_ensure(&c, true) == ACCEPT)
            must((s->extension_signature.n > 0) == is_for_block);
        if (extended_commit_ensure(&c, false) == ACCEPT)
            must(s->extension.n == 0 && s->extension_signature.n == 0);
    }
}

void fuzz_one(struct span in)
{
    check_commit(in);
    check_extended(in);
}
