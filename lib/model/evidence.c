#include "model/evidence.h"

#include "base/buf.h"
#include "base/sort.h"
#include "model/tree.h"
#include "model/vote.h"

/* ---- what is well formed ---- */

static enum reject duplicate_validate(const struct duplicate_vote_evidence *e)
{
    enum reject r;

    if (!e->vote_a || !e->vote_b)
        return REJECT_MISSING;
    r = vote_validate(e->vote_a);
    if (!r)
        r = vote_validate(e->vote_b);
    if (!r && block_id_cmp(&e->vote_a->block_id, &e->vote_b->block_id) >= 0)
        r = REJECT_MISMATCH;
    return r;
}

static enum reject signed_header_validate(const struct signed_header *s)
{
    struct hash hash;
    struct span own = { 0 };
    enum reject r;

    if (!s || !s->header || !s->commit)
        return REJECT_MISSING;
    r = header_validate(s->header);
    if (!r)
        r = commit_check(s->commit);
    if (r)
        return r;
    if (header_hash(&hash, s->header))
        own = hash_span(&hash);
    return s->commit->height == s->header->height &&
                   span_eq(s->commit->block_id.hash, own)
               ? ACCEPT
               : REJECT_MISMATCH;
}

static enum reject light_block_validate(const struct light_block *b,
                                        struct arena             *a)
{
    size_t            mark = a->used;
    struct validators set;
    struct hash       hash;
    enum reject       r = signed_header_validate(b->signed_header);

    if (r)
        return r;
    if (!b->validator_set)
        return REJECT_MISSING;
    r = validators_from_msg(&set, b->validator_set, a);
    if (!r) {
        validators_hash(&hash, &set);
        if (!span_eq(b->signed_header->header->validators_hash,
                     hash_span(&hash)))
            r = REJECT_MISMATCH;
    }
    a->used = mark;
    return r;
}

static bool public_key_is_known(const struct public_key *k)
{
    struct pubkey key;

    return pubkey_make(&key, (enum key_type)k->type, k->bytes);
}

static enum reject attack_validate(const struct light_client_attack_evidence *e,
                                   struct arena                              *a)
{
    enum reject r;

    if (!e->conflicting_block)
        return REJECT_MISSING;
    r = light_block_validate(e->conflicting_block, a);
    if (r)
        return r;
    for (size_t i = 0; i < e->byzantine_validators.n; i++)
        if (!public_key_is_known(&e->byzantine_validators.v[i].pub_key))
            return REJECT_MALFORMED;
    if (e->total_voting_power <= 0 || e->common_height <= 0 ||
        e->common_height > e->conflicting_block->signed_header->header->height)
        return REJECT_RANGE;
    return ACCEPT;
}

enum reject evidence_validate(const struct evidence *e, struct arena *a)
{
    switch (e->which) {
    case EVIDENCE_DUPLICATE_VOTE:
        return duplicate_validate(e->duplicate_vote_evidence);
    case EVIDENCE_LIGHT_CLIENT:
        return attack_validate(e->light_client_attack_evidence, a);
    case EVIDENCE_NONE: break;
    }
    return REJECT_MISSING;
}

/* ---- bytes and hashes ---- */

static bool flags_are_long(const struct commit *c)
{
    for (size_t i = 0; i < c->signatures.n; i++)
        if (c->signatures.v[i].block_id_flag !=
            commit_sig_flag(&c->signatures.v[i]))
            return true;
    return false;
}

static bool cut_flags(struct commit *c, struct arena *a)
{
    size_t             n    = c->signatures.n;
    struct commit_sig *sigs = arena_newn(a, struct commit_sig, n);

    if (!sigs)
        return false;
    for (size_t i = 0; i < n; i++) {
        sigs[i]               = c->signatures.v[i];
        sigs[i].block_id_flag = commit_sig_flag(&sigs[i]);
    }
    c->signatures.v = sigs;
    return true;
}

/* Copies of all structs on the way to what changes. */
struct canonical_attack {
    struct light_client_attack_evidence attack;
    struct light_block                  block;
    struct signed_header                header;
    struct commit                       commit;
    struct validator_set_msg            set;
};

static bool attack_canonical(struct canonical_attack                   *c,
                             const struct light_client_attack_evidence *e,
                             struct arena                              *a)
{
    c->attack = *e;
    if (!e->conflicting_block)
        return true;
    c->block                    = *e->conflicting_block;
    c->attack.conflicting_block = &c->block;
    if (c->block.validator_set) {
        c->set                    = *c->block.validator_set;
        c->set.total_voting_power = 0;
        c->block.validator_set    = &c->set;
    }
    if (!c->block.signed_header || !c->block.signed_header->commit)
        return true;
    c->header              = *c->block.signed_header;
    c->commit              = *c->header.commit;
    c->header.commit       = &c->commit;
    c->block.signed_header = &c->header;
    return !flags_are_long(&c->commit) || cut_flags(&c->commit, a);
}

bool evidence_canonical(struct evidence *out, const struct evidence *e,
                        struct arena *a)
{
    struct canonical_attack *c;

    *out = *e;
    if (e->which != EVIDENCE_LIGHT_CLIENT)
        return true;
    c = arena_new(a, struct canonical_attack);
    if (!c || !attack_canonical(c, e->light_client_attack_evidence, a))
        return false;
    out->light_client_attack_evidence = &c->attack;
    return true;
}

struct span evidence_bytes(const struct evidence *e, struct arena *a)
{
    struct evidence c;

    if (!evidence_canonical(&c, e, a))
        return (struct span){ 0 };
    switch (c.which) {
    case EVIDENCE_DUPLICATE_VOTE:
        return pb_encode(&duplicate_vote_evidence_desc,
                         c.duplicate_vote_evidence, a);
    case EVIDENCE_LIGHT_CLIENT:
        return pb_encode(&light_client_attack_evidence_desc,
                         c.light_client_attack_evidence, a);
    case EVIDENCE_NONE: break;
    }
    return (struct span){ 0 };
}

static const struct header *
conflicting_header(const struct light_client_attack_evidence *e)
{
    const struct light_block *b = e->conflicting_block;

    return b && b->signed_header ? b->signed_header->header : NULL;
}

void light_client_attack_hash(struct hash *out, struct span conflicting,
                              int64_t common_height)
{
    uint8_t bytes[HASH_BYTES + 10] = { 0 };
    size_t  n                      = HASH_BYTES;

    if (conflicting.n == HASH_BYTES)
        memcpy(bytes, conflicting.p, HASH_BYTES - 1);
    n += uvarint_put(bytes + n, zigzag(common_height));
    sha256(out, SPAN(bytes, n));
}

static void attack_hash(struct hash                               *out,
                        const struct light_client_attack_evidence *e)
{
    const struct header *h = conflicting_header(e);
    struct hash          hash;
    struct span          conflicting = { 0 };

    if (h && header_hash(&hash, h))
        conflicting = hash_span(&hash);
    light_client_attack_hash(out, conflicting, e->common_height);
}

bool evidence_hash(struct hash *out, const struct evidence *e, struct arena *a)
{
    size_t      mark = a->used;
    struct span bytes;

    if (e->which == EVIDENCE_LIGHT_CLIENT) {
        attack_hash(out, e->light_client_attack_evidence);
        return true;
    }
    bytes = evidence_bytes(e, a);
    if (!bytes.p)
        return false;
    sha256(out, bytes);
    a->used = mark;
    return true;
}

int64_t evidence_height(const struct evidence *e)
{
    const struct duplicate_vote_evidence *d = e->duplicate_vote_evidence;

    switch (e->which) {
    case EVIDENCE_DUPLICATE_VOTE: return d->vote_a ? d->vote_a->height : 0;
    case EVIDENCE_LIGHT_CLIENT:
        return e->light_client_attack_evidence->common_height;
    case EVIDENCE_NONE: break;
    }
    return 0;
}

struct stamp evidence_time(const struct evidence *e)
{
    switch (e->which) {
    case EVIDENCE_DUPLICATE_VOTE: return e->duplicate_vote_evidence->timestamp;
    case EVIDENCE_LIGHT_CLIENT:
        return e->light_client_attack_evidence->timestamp;
    case EVIDENCE_NONE: break;
    }
    return STAMP_ZERO;
}

size_t evidence_size(const struct evidence *e)
{
    uint8_t prefix[10];
    size_t  n = pb_size(&evidence_desc, e);

    return 1 + uvarint_put(prefix, n) + n;
}

bool evidence_is_expired(int64_t height, struct stamp now, int64_t at_height,
                         struct stamp at, int64_t max_age_blocks,
                         int64_t max_age_ns)
{
    int64_t blocks;

    if (__builtin_sub_overflow(height, at_height, &blocks))
        blocks = height < at_height ? INT64_MIN : INT64_MAX;
    return stamp_diff(now, at) > max_age_ns && blocks > max_age_blocks;
}

/* ---- two votes ---- */

enum reject duplicate_vote_verify(const struct duplicate_vote_evidence *e,
                                  struct span              chain_id,
                                  const struct validators *s, struct arena *a)
{
    const struct vote *x = e->vote_a, *y = e->vote_b;
    const struct val  *v;
    int64_t            at;

    if (!x || !y)
        return REJECT_MISSING;
    at = validators_find(s, x->validator_address);
    if (at < 0)
        return REJECT_MISSING;
    v = &s->v[at];
    if (x->height != y->height || x->round != y->round || x->type != y->type ||
        !span_eq(x->validator_address, y->validator_address) ||
        block_id_eq(&x->block_id, &y->block_id))
        return REJECT_MISMATCH;
    if (v->power != e->validator_power || s->total != e->total_voting_power)
        return REJECT_MISMATCH;
    return vote_verify(x, chain_id, &v->key, a) &&
                   vote_verify(y, chain_id, &v->key, a)
               ? ACCEPT
               : REJECT_SIGNATURE;
}

struct evidence *duplicate_vote_make(const struct vote *a, const struct vote *b,
                                     struct stamp             block_time,
                                     const struct validators *s,
                                     struct arena            *arena)
{
    struct made {
        struct evidence                evidence;
        struct duplicate_vote_evidence votes;
        struct vote                    a, b;
    } *m                = arena_new(arena, struct made);
    int64_t at          = validators_find(s, a->validator_address);
    bool    is_in_order = block_id_cmp(&a->block_id, &b->block_id) < 0;

    if (!m || at < 0)
        return NULL;
    m->a = is_in_order ? *a : *b;
    m->b = is_in_order ? *b : *a;
    m->votes =
        (struct duplicate_vote_evidence){ .vote_a             = &m->a,
                                          .vote_b             = &m->b,
                                          .total_voting_power = s->total,
                                          .validator_power    = s->v[at].power,
                                          .timestamp          = block_time };
    m->evidence.which                   = EVIDENCE_DUPLICATE_VOTE;
    m->evidence.duplicate_vote_evidence = &m->votes;
    return &m->evidence;
}

/* ---- attacks on light clients ---- */

bool light_client_attack_is_lunatic(
    const struct light_client_attack_evidence *e, const struct header *trusted)
{
    const struct header *h = conflicting_header(e);

    return !span_eq(h->validators_hash, trusted->validators_hash) ||
           !span_eq(h->next_validators_hash, trusted->next_validators_hash) ||
           !span_eq(h->consensus_hash, trusted->consensus_hash) ||
           !span_eq(h->app_hash, trusted->app_hash) ||
           !span_eq(h->last_results_hash, trusted->last_results_hash);
}

static bool is_stronger(const void *a, const void *b, const void *ctx)
{
    const struct val *x = *(const struct val *const *)a,
                     *y = *(const struct val *const *)b;

    UNUSED(ctx);
    if (x->power != y->power)
        return x->power > y->power;
    return memcmp(x->address, y->address, ADDRESS_BYTES) < 0;
}

/* Signers of the conflicting block that are in the set; with `also`, those
 * alone who signed that commit too. */
static bool find_signers(struct val **out, size_t *n,
                         const struct commit     *conflicting,
                         const struct validators *set,
                         const struct commit *also, struct arena *a)
{
    size_t             all = conflicting->signatures.n;
    const struct val **who = arena_newn(a, const struct val *, all);

    *n = 0;
    if (!who || (also && also->signatures.n < all))
        return false;
    for (size_t i = 0; i < all; i++) {
        const struct commit_sig *s = &conflicting->signatures.v[i];
        int64_t                  at;

        if (commit_sig_flag(s) != FLAG_COMMIT ||
            (also && commit_sig_flag(&also->signatures.v[i]) != FLAG_COMMIT))
            continue;
        at = validators_find(set, s->validator_address);
        if (at >= 0)
            who[(*n)++] = &set->v[at];
    }
    sort_items(who, *n, sizeof *who, is_stronger, NULL);
    *out = arena_newn(a, struct val, *n);
    for (size_t i = 0; *out && i < *n; i++)
        (*out)[i] = *who[i];
    return *out != NULL;
}

bool light_client_attack_culprits(struct val **out, size_t *n,
                                  const struct light_client_attack_evidence *e,
                                  const struct signed_header *trusted,
                                  const struct validators    *common_vals,
                                  struct arena               *a)
{
    const struct commit *c = e->conflicting_block->signed_header->commit;
    struct validators    own;

    *out = NULL;
    *n   = 0;
    if (light_client_attack_is_lunatic(e, trusted->header))
        return find_signers(out, n, c, common_vals, NULL, a);
    if (trusted->commit->round != c->round)
        return true; /* amnesia: who it was cannot be told */
    if (validators_from_msg(&own, e->conflicting_block->validator_set, a))
        return false;
    return find_signers(out, n, c, &own, trusted->commit, a);
}

static enum reject check_named(const struct light_client_attack_evidence *e,
                               const struct val *v, size_t n)
{
    if (n != e->byzantine_validators.n)
        return REJECT_MISMATCH;
    for (size_t i = 0; i < n; i++) {
        const struct validator *named = &e->byzantine_validators.v[i];
        uint8_t                 address[ADDRESS_BYTES];
        struct pubkey           key;

        if (!span_eq(named->address, SPAN_OF(v[i].address)) ||
            named->voting_power != v[i].power)
            return REJECT_MISMATCH;
        /* A swapped key would have the application punish its owner. */
        if (!pubkey_make(&key, (enum key_type)named->pub_key.type,
                         named->pub_key.bytes))
            return REJECT_MISSING;
        pubkey_address(address, &key);
        if (!span_eq(named->address, SPAN_OF(address)))
            return REJECT_MISMATCH;
    }
    return ACCEPT;
}

/* The commit of the conflicting block, against both sets. */
static enum reject check_commits(const struct light_client_attack_evidence *e,
                                 const struct signed_header *common,
                                 const struct signed_header *trusted,
                                 const struct validators    *common_vals,
                                 struct arena               *a)
{
    const struct header *h = conflicting_header(e);
    const struct commit *c = e->conflicting_block->signed_header->commit;
    struct validators    own;
    enum reject          r;

    if (common->header->height == h->height)
        r = light_client_attack_is_lunatic(e, trusted->header) ? REJECT_MISMATCH
                                                               : ACCEPT;
    else
        r = commit_verify_trusting(common_vals, trusted->header->chain_id, c, 1,
                                   3, true, a);
    if (!r)
        r = validators_from_msg(&own, e->conflicting_block->validator_set, a);
    if (!r)
        r = commit_verify_light(&own, trusted->header->chain_id, &c->block_id,
                                h->height, c, true, a);
    return r;
}

/* A block that is not ours: another hash, or, ahead of us, a time that goes
 * backwards. */
static bool conflicts(const struct header *h, const struct header *trusted)
{
    struct hash ours = { 0 }, theirs = { 0 };
    bool        has_ours, has_theirs;

    if (h->height > trusted->height && stamp_cmp(h->time, trusted->time) > 0)
        return false;
    has_ours   = header_hash(&ours, trusted);
    has_theirs = header_hash(&theirs, h);
    return has_ours != has_theirs || !hash_eq(&ours, &theirs);
}

static bool is_whole(const struct signed_header *s)
{
    return s && s->header && s->commit;
}

enum reject light_client_attack_check(
    const struct light_client_attack_evidence *e,
    const struct signed_header *common, const struct signed_header *trusted,
    const struct validators *common_vals, bool are_unnamed, struct arena *a)
{
    const struct light_block *b    = e->conflicting_block;
    size_t                    mark = a->used, n;
    struct val               *who;
    enum reject               r;

    if (!b || !is_whole(b->signed_header) || !b->validator_set ||
        !is_whole(common) || !is_whole(trusted))
        return REJECT_MISSING;
    r = check_commits(e, common, trusted, common_vals, a);
    if (!r && (e->total_voting_power != common_vals->total ||
               !conflicts(b->signed_header->header, trusted->header)))
        r = REJECT_MISMATCH;
    if (!r &&
        !light_client_attack_culprits(&who, &n, e, trusted, common_vals, a))
        r = REJECT_LIMIT;
    if (!r && n == 0 && !are_unnamed)
        r = REJECT_MISMATCH;
    if (!r)
        r = check_named(e, who, n);
    a->used = mark;
    return r;
}

enum reject light_client_attack_verify(
    const struct light_client_attack_evidence *e,
    const struct signed_header *common, const struct signed_header *trusted,
    const struct validators *common_vals, struct arena *a)
{
    return light_client_attack_check(e, common, trusted, common_vals, false, a);
}
