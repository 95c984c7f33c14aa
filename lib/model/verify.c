/* Does a commit carry enough power?  One walk collects the signatures that
 * count; they are then checked all at once. */
#include "base/limits.h"
#include "model/block.h"
#include "model/validators.h"
#include "model/vote.h"

struct walk {
    const struct validators *set;
    const struct commit     *commit;
    const struct commit     *known; /* verified before; may be NULL */
    struct span              chain_id;
    int64_t                  needed;         /* more power than this */
    bool                     only_for_block; /* skip votes for nil */
    bool                     all_signatures; /* go on past `needed` */
    bool                     by_address;     /* not by position */
    bool                     check_form;
    uint64_t                *seen; /* by_address: a bit each */
    struct sig_check        *check;
    size_t                   n;       /* checks */
    size_t                   counted; /* checks and known entries */
    uint64_t                 power;
};

static bool is_skipped(const struct walk *w, int32_t flag)
{
    return w->only_for_block ? flag != FLAG_COMMIT : flag == FLAG_ABSENT;
}

/* The validator that entry i names: *v NULL when it is none of the set. */
static enum reject find_signer(struct walk *w, size_t i, const struct val **v)
{
    struct span address = w->commit->signatures.v[i].validator_address;
    int64_t     at;

    *v = NULL;
    if (!w->by_address) {
        *v = &w->set->v[i];
        return span_eq(address, SPAN_OF((*v)->address)) ? ACCEPT
                                                        : REJECT_MISMATCH;
    }
    at = validators_find(w->set, address);
    if (at < 0)
        return ACCEPT;
    if (w->seen[at / 64] >> at % 64 & 1)
        return REJECT_MISMATCH; /* would be counted twice */
    w->seen[at / 64] |= UINT64_C(1) << at % 64;
    *v = &w->set->v[at];
    return ACCEPT;
}

/* Is entry i one that has been verified before, for the same vote? */
static bool is_known(const struct walk *w, size_t i)
{
    const struct commit     *k = w->known, *c = w->commit;
    const struct commit_sig *s = &c->signatures.v[i], *t;

    if (!k || i >= k->signatures.n || k->height != c->height ||
        k->round != c->round || !block_id_eq(&k->block_id, &c->block_id))
        return false;
    t = &k->signatures.v[i];
    return commit_sig_flag(s) == commit_sig_flag(t) &&
           stamp_cmp(s->timestamp, t->timestamp) == 0 &&
           span_eq(s->validator_address, t->validator_address) &&
           span_eq(s->signature, t->signature);
}

static enum reject add_check(struct walk *w, size_t i, const struct val *v,
                             struct arena *a)
{
    struct span msg = commit_sign_bytes(w->commit, i, w->chain_id, a);

    if (!msg.p)
        return REJECT_MALFORMED;
    w->check[w->n++] = (struct sig_check){
        .key = v->key, .msg = msg, .sig = w->commit->signatures.v[i].signature
    };
    return ACCEPT;
}

/* CometBFT verifies in batches when all keys are ed25519, and otherwise looks
 * at each entry's form as well. */
static bool is_batched(const struct walk *w)
{
    for (size_t i = 0; i < w->set->n; i++)
        if (w->set->v[i].key.type != KEY_TYPE_ED25519)
            return false;
    return w->commit->signatures.n >= 2;
}

static enum reject collect(struct walk *w, size_t i, struct arena *a)
{
    const struct val *v = NULL;
    enum reject       r = ACCEPT;

    if (w->check_form)
        r = commit_sig_validate(&w->commit->signatures.v[i]);
    if (!r)
        r = find_signer(w, i, &v);
    if (r || !v)
        return r;
    if (!is_known(w, i))
        r = add_check(w, i, v, a);
    if (commit_sig_flag(&w->commit->signatures.v[i]) == FLAG_COMMIT)
        w->power += (uint64_t)v->power;
    w->counted++;
    return r;
}

static enum reject walk(struct walk *w, struct arena *a)
{
    size_t      n = w->commit->signatures.n, mark = a->used;
    enum reject r = ACCEPT;

    w->check_form = !is_batched(w);
    w->check      = arena_newn(a, struct sig_check, n);
    if (w->by_address)
        w->seen = arena_newn(a, uint64_t, w->set->n / 64 + 1);
    if (!w->check || (w->by_address && !w->seen))
        return REJECT_LIMIT;
    for (size_t i = 0; i < n && !r; i++) {
        size_t before = w->counted;

        if (is_skipped(w, commit_sig_flag(&w->commit->signatures.v[i])))
            continue;
        r = collect(w, i, a);
        if (w->counted > before && !w->all_signatures &&
            (int64_t)w->power > w->needed)
            break;
    }
    if (!r && (int64_t)w->power <= w->needed)
        r = REJECT_MISSING;
    if (!r && !pubkey_verify_many(w->check, w->n))
        r = REJECT_SIGNATURE;
    a->used = mark;
    return r;
}

static enum reject check_frame(const struct validators *s,
                               const struct block_id *id, int64_t height,
                               const struct commit *c)
{
    if (s->n != c->signatures.n)
        return REJECT_LENGTH;
    return height == c->height && block_id_eq(id, &c->block_id)
               ? ACCEPT
               : REJECT_MISMATCH;
}

enum reject commit_verify_known(const struct validators *s,
                                struct span chain_id, const struct block_id *id,
                                int64_t height, const struct commit *c,
                                const struct commit *known, struct arena *a)
{
    struct walk w = { .set            = s,
                      .commit         = c,
                      .known          = known,
                      .chain_id       = chain_id,
                      .needed         = s->total * 2 / 3,
                      .all_signatures = true };
    enum reject r = check_frame(s, id, height, c);

    return r ? r : walk(&w, a);
}

enum reject commit_verify(const struct validators *s, struct span chain_id,
                          const struct block_id *id, int64_t height,
                          const struct commit *c, struct arena *a)
{
    return commit_verify_known(s, chain_id, id, height, c, NULL, a);
}

enum reject commit_verify_light(const struct validators *s,
                                struct span chain_id, const struct block_id *id,
                                int64_t height, const struct commit *c,
                                bool all_signatures, struct arena *a)
{
    struct walk w = { .set            = s,
                      .commit         = c,
                      .chain_id       = chain_id,
                      .needed         = s->total * 2 / 3,
                      .only_for_block = true,
                      .all_signatures = all_signatures };
    enum reject r = check_frame(s, id, height, c);

    return r ? r : walk(&w, a);
}

/* total * num / den in Go's int64, which both fractions' halves are cast to;
 * false on overflow or a zero denominator. */
static bool part_of(int64_t *out, int64_t total, uint64_t num, uint64_t den)
{
    int64_t product;

    if (den == 0 || __builtin_mul_overflow(total, (int64_t)num, &product))
        return false;
    *out = (int64_t)den == -1 ? (int64_t)(0 - (uint64_t)product)
                              : product / (int64_t)den;
    return true;
}

enum reject commit_verify_trusting(const struct validators *s,
                                   struct span chain_id, const struct commit *c,
                                   uint64_t num, uint64_t den,
                                   bool all_signatures, struct arena *a)
{
    struct walk w = { .set            = s,
                      .commit         = c,
                      .chain_id       = chain_id,
                      .only_for_block = true,
                      .all_signatures = all_signatures,
                      .by_address     = true };

    if (s->n == 0)
        return REJECT_MISSING;
    if (!part_of(&w.needed, s->total, num, den))
        return REJECT_RANGE;
    return walk(&w, a);
}

enum reject extended_commit_verify(const struct validators *s,
                                   struct span              chain_id,
                                   const struct block_id *id, int64_t height,
                                   const struct extended_commit *c,
                                   struct arena                 *a)
{
    size_t         mark  = a->used;
    struct commit *plain = extended_commit_strip(c, a);
    enum reject    r     = extended_commit_ensure(c, true);

    if (!plain)
        return REJECT_LIMIT;
    if (!r)
        r = commit_verify(s, chain_id, id, height, plain, a);
    for (size_t i = 0; i < c->extended_signatures.n && !r; i++) {
        struct vote v = extended_commit_vote(c, i);

        if (!vote_verify_extension(&v, chain_id, &s->v[i].key, a))
            r = REJECT_SIGNATURE;
    }
    a->used = mark;
    return r;
}
