#include "consensus/votes.h"

#include "base/limits.h"

enum {
    CLAIMS_MAX         = 1024, /* of peers, per set */
    CONFLICTS_MAX      = 16,   /* of a validator that are told */
    CATCHUPS_MAX       = 1024, /* peers that opened rounds, per height */
    CATCHUP_ROUNDS_MAX = 2,
};

const char *vote_result_name(enum vote_result r)
{
    switch (r) {
    case VOTE_ADDED: return "added";
    case VOTE_ADDED_CONFLICT: return "added, conflicting";
    case VOTE_CONFLICT: return "conflicting vote";
    case VOTE_DUPLICATE: return "duplicate vote";
    case VOTE_RESIGNED: return "known vote with another signature";
    case VOTE_UNWANTED_ROUND: return "vote for an unwanted round";
    case VOTE_BAD_STEP: return "vote of another height, round or type";
    case VOTE_BAD_INDEX: return "validator index out of range";
    case VOTE_BAD_ADDRESS: return "validator address is not that of its index";
    case VOTE_BAD_SIGNATURE: return "invalid signature";
    case VOTE_BAD_EXTENSION: return "unexpected vote extension";
    case VOTE_NO_ROOM: return "no room for more votes at this height";
    }
    return "unknown";
}

void vote_set_init(struct vote_set *s, int64_t height, int32_t round,
                   int32_t type, bool is_extended, struct span chain_id,
                   const struct validators *vals, struct arena *a)
{
    *s = (struct vote_set){
        .height      = height,
        .round       = round,
        .type        = type,
        .is_extended = is_extended,
        .chain_id    = chain_id,
        .vals        = vals,
        .arena       = a,
    };
}

static struct tally *find_tally(const struct vote_set *s,
                                const struct block_id *id)
{
    for (struct tally *t = s->tallies; t; t = t->next)
        if (block_id_eq(&t->id, id))
            return t;
    return NULL;
}

static struct tally *new_tally(struct vote_set *s, const struct block_id *id)
{
    struct tally *t = arena_new(s->arena, struct tally);

    if (!t || !block_id_copy(&t->id, id, s->arena))
        return NULL;
    t->next    = s->tallies;
    s->tallies = t;
    return t;
}

static const struct vote_node *find_node(const struct vote_set *s, size_t index,
                                         const struct block_id *id)
{
    if (!s->heads)
        return NULL;
    for (const struct vote_node *n = s->heads[index]; n; n = n->other)
        if (block_id_eq(&n->tally->id, id))
            return n;
    return NULL;
}

/* All that can be said before the signature. */
static enum vote_result check_vote(const struct vote_set *s,
                                   const struct vote     *v)
{
    const struct vote_node *known;

    if (v->validator_index < 0)
        return VOTE_BAD_INDEX;
    if (v->validator_address.n == 0)
        return VOTE_BAD_ADDRESS;
    if (v->height != s->height || v->round != s->round || v->type != s->type)
        return VOTE_BAD_STEP;
    if ((size_t)v->validator_index >= s->vals->n)
        return VOTE_BAD_INDEX;
    if (!span_eq(v->validator_address,
                 SPAN_OF(s->vals->v[v->validator_index].address)))
        return VOTE_BAD_ADDRESS;
    known = find_node(s, (size_t)v->validator_index, &v->block_id);
    if (!known)
        return VOTE_ADDED;
    return span_eq(known->vote.signature, v->signature) ? VOTE_DUPLICATE
                                                        : VOTE_RESIGNED;
}

static enum vote_result check_signature(const struct vote_set *s,
                                        const struct vote     *v,
                                        struct arena          *scratch)
{
    const struct pubkey *key = &s->vals->v[v->validator_index].key;

    if (s->is_extended)
        return vote_verify_extended(v, s->chain_id, key, scratch)
                   ? VOTE_ADDED
                   : VOTE_BAD_SIGNATURE;
    if (!vote_verify(v, s->chain_id, key, scratch))
        return VOTE_BAD_SIGNATURE;
    if (v->extension.n > 0 || v->extension_signature.n > 0)
        return VOTE_BAD_EXTENSION;
    return VOTE_ADDED;
}

static bool make_room(struct vote_set *s)
{
    if (s->votes)
        return true;
    s->heads = arena_newn(s->arena, struct vote_node *, s->vals->n);
    if (!s->heads)
        return false;
    s->votes = arena_newn(s->arena, struct vote_node *, s->vals->n);
    return s->votes != NULL;
}

static struct vote_node *new_node(struct vote_set *s, const struct vote *v,
                                  struct tally *t)
{
    struct vote_node *n = arena_new(s->arena, struct vote_node);

    if (!n)
        return NULL;
    n->vote                     = *v;
    n->tally                    = t;
    n->vote.block_id            = t->id;
    n->vote.signature           = arena_copy(s->arena, v->signature);
    n->vote.extension           = arena_copy(s->arena, v->extension);
    n->vote.extension_signature = arena_copy(s->arena, v->extension_signature);
    n->vote.validator_address = SPAN_OF(s->vals->v[v->validator_index].address);
    if ((!n->vote.signature.p && v->signature.n) ||
        (!n->vote.extension.p && v->extension.n) ||
        (!n->vote.extension_signature.p && v->extension_signature.n))
        return NULL;
    return n;
}

/* The block got its quorum: its votes become the primary ones. */
static void crown(struct vote_set *s, struct tally *t)
{
    s->maj23 = t;
    for (size_t i = 0; i < s->vals->n; i++)
        for (struct vote_node *n = s->heads[i]; n; n = n->other)
            if (n->tally == t)
                s->votes[i] = n;
}

/* The signature holds, and v is not known yet. */
static enum vote_result count_vote(struct vote_set *s, const struct vote *v,
                                   const struct vote **other)
{
    size_t            i     = (size_t)v->validator_index;
    int64_t           power = s->vals->v[i].power;
    struct vote_node *old   = s->votes[i];
    struct tally     *t     = find_tally(s, &v->block_id);
    struct vote_node *n;

    if (old)
        *other = &old->vote;
    /* A second vote counts only for a block that someone vouches for. */
    if (old && !(t && (t->is_claimed || t == s->maj23)))
        return VOTE_CONFLICT;
    if (!t && !(t = new_tally(s, &v->block_id)))
        return VOTE_NO_ROOM;
    if (!(n = new_node(s, v, t)))
        return VOTE_NO_ROOM;
    if (!old)
        s->power += power;
    if (!old || t == s->maj23)
        s->votes[i] = n;
    n->other    = s->heads[i];
    s->heads[i] = n;
    if (old && !t->is_claimed)
        return VOTE_CONFLICT; /* replaces the primary, adds no power */
    t->power += power;
    if (!s->maj23 && power_is_quorum(t->power, s->vals->total))
        crown(s, t);
    return old ? VOTE_ADDED_CONFLICT : VOTE_ADDED;
}

enum vote_result vote_set_add(struct vote_set *s, const struct vote *v,
                              bool is_verified, const struct vote **other,
                              struct arena *scratch)
{
    enum vote_result r = check_vote(s, v);

    *other = NULL;
    if (r == VOTE_ADDED && !is_verified)
        r = check_signature(s, v, scratch);
    if (r != VOTE_ADDED)
        return r;
    if (!make_room(s))
        return VOTE_NO_ROOM;
    return count_vote(s, v, other);
}

bool vote_set_claim(struct vote_set *s, const struct peer_id *peer,
                    const struct block_id *id)
{
    struct claim *c;
    struct tally *t;

    for (c = s->claims; c; c = c->next)
        if (peer_id_eq(&c->peer, peer))
            return block_id_eq(&c->tally->id, id);
    if (s->claim_count >= CLAIMS_MAX)
        return true;
    t = find_tally(s, id);
    if (!t)
        t = new_tally(s, id);
    c = t ? arena_new(s->arena, struct claim) : NULL;
    if (!c)
        return true;
    *c        = (struct claim){ .peer = *peer, .tally = t, .next = s->claims };
    s->claims = c;
    s->claim_count++;
    t->is_claimed = true;
    return true;
}

bool vote_set_has_any(const struct vote_set *s)
{
    return s && power_is_quorum(s->power, s->vals->total);
}

bool vote_set_has_all(const struct vote_set *s)
{
    return s && s->power == s->vals->total;
}

const struct vote *vote_set_get(const struct vote_set *s, size_t index)
{
    if (!s || !s->votes || index >= s->vals->n || !s->votes[index])
        return NULL;
    return &s->votes[index]->vote;
}

const struct vote *vote_set_find(const struct vote_set *s, size_t index,
                                 const struct block_id *id)
{
    const struct vote_node *n;

    if (!s || !s->votes || index >= s->vals->n)
        return NULL;
    n = find_node(s, index, id);
    return n ? &n->vote : NULL;
}

void vote_set_bits(const struct vote_set *s, const struct block_id *id,
                   uint64_t *words)
{
    memset(words, 0, (s->vals->n + 63) / 64 * sizeof *words);
    for (size_t i = 0; i < s->vals->n; i++)
        if (id ? vote_set_find(s, i, id) : vote_set_get(s, i))
            words[i / 64] |= UINT64_C(1) << i % 64;
}

/* What a commit says of one validator. */
static struct extended_commit_sig commit_entry(const struct vote_set *s,
                                               size_t                 i)
{
    const struct vote         *v = vote_set_get(s, i);
    struct extended_commit_sig e = { .block_id_flag = FLAG_ABSENT,
                                     .timestamp     = STAMP_ZERO };

    if (!v || (!block_id_is_nil(&v->block_id) &&
               !block_id_eq(&v->block_id, &s->maj23->id)))
        return e;
    return (struct extended_commit_sig){
        .block_id_flag = block_id_is_nil(&v->block_id) ? FLAG_NIL : FLAG_COMMIT,
        .validator_address   = v->validator_address,
        .timestamp           = v->timestamp,
        .signature           = v->signature,
        .extension           = v->extension,
        .extension_signature = v->extension_signature,
    };
}

struct extended_commit *vote_set_commit(const struct vote_set *s,
                                        struct arena          *a)
{
    struct extended_commit *c = arena_new(a, struct extended_commit);

    must(s->maj23 && s->type == TYPE_PRECOMMIT);
    if (!c)
        return NULL;
    c->height   = s->height;
    c->round    = s->round;
    c->block_id = s->maj23->id;
    c->extended_signatures.v =
        arena_newn(a, struct extended_commit_sig, s->vals->n);
    if (!c->extended_signatures.v)
        return NULL;
    c->extended_signatures.n = s->vals->n;
    for (size_t i = 0; i < s->vals->n; i++)
        c->extended_signatures.v[i] = commit_entry(s, i);
    return c;
}

bool vote_set_from_commit(struct vote_set *s, const struct extended_commit *c,
                          struct arena *scratch)
{
    if (c->extended_signatures.n != s->vals->n)
        return false;
    for (size_t i = 0; i < c->extended_signatures.n; i++) {
        const struct extended_commit_sig *e = &c->extended_signatures.v[i];
        const struct vote                *other;
        struct vote                       v = {
                                  .type                = TYPE_PRECOMMIT,
                                  .height              = c->height,
                                  .round               = c->round,
                                  .timestamp           = e->timestamp,
                                  .validator_address   = e->validator_address,
                                  .validator_index     = (int32_t)i,
                                  .signature           = e->signature,
                                  .extension           = e->extension,
                                  .extension_signature = e->extension_signature,
        };

        if (e->block_id_flag == FLAG_ABSENT)
            continue;
        if (e->block_id_flag == FLAG_COMMIT)
            v.block_id = c->block_id;
        if (vote_set_add(s, &v, false, &other, scratch) != VOTE_ADDED)
            return false;
    }
    return s->maj23 && block_id_eq(&s->maj23->id, &c->block_id);
}

/* ---- a height ---- */

void height_votes_init(struct height_votes *h, int64_t height, bool is_extended,
                       struct span chain_id, const struct validators *vals,
                       struct arena *a)
{
    *h = (struct height_votes){
        .height      = height,
        .is_extended = is_extended,
        .chain_id    = chain_id,
        .vals        = vals,
        .arena       = a,
    };
}

void height_votes_set_round(struct height_votes *h, int32_t round)
{
    must(h->round == 0 || round >= h->round - 1);
    h->round = round;
}

static struct round_votes *find_round(const struct height_votes *h,
                                      int32_t                    round)
{
    struct round_votes *r = h->rounds;

    while (r && r->round > round)
        r = r->next;
    return r && r->round == round ? r : NULL;
}

static struct round_votes *open_round(struct height_votes *h, int32_t round)
{
    struct round_votes **at = &h->rounds;
    struct round_votes  *r  = arena_new(h->arena, struct round_votes);

    if (!r)
        return NULL;
    while (*at && (*at)->round > round)
        at = &(*at)->next;
    r->round = round;
    r->next  = *at;
    *at      = r;
    h->changes++;
    vote_set_init(&r->prevotes, h->height, round, TYPE_PREVOTE, false,
                  h->chain_id, h->vals, h->arena);
    vote_set_init(&r->precommits, h->height, round, TYPE_PRECOMMIT,
                  h->is_extended, h->chain_id, h->vals, h->arena);
    return r;
}

static struct catchup *catchup_of(struct height_votes  *h,
                                  const struct peer_id *peer)
{
    struct catchup *c;

    for (c = h->catchups; c; c = c->next)
        if (peer_id_eq(&c->peer, peer))
            return c;
    if (h->catchup_count >= CATCHUPS_MAX ||
        !(c = arena_new(h->arena, struct catchup)))
        return NULL;
    *c          = (struct catchup){ .peer = *peer, .next = h->catchups };
    h->catchups = c;
    h->catchup_count++;
    return c;
}

/* A round that is in use, or that this peer may open. */
static struct round_votes *round_for(struct height_votes  *h,
                                     const struct peer_id *peer, int32_t round)
{
    struct round_votes *r = find_round(h, round);
    struct catchup     *c;

    if (r)
        return r;
    if (round <= h->round)
        return open_round(h, round);
    c = catchup_of(h, peer);
    if (!c || c->rounds >= CATCHUP_ROUNDS_MAX)
        return NULL;
    c->rounds++;
    return open_round(h, round);
}

enum vote_result height_votes_add(struct height_votes  *h,
                                  const struct peer_id *peer,
                                  const struct vote *v, bool is_verified,
                                  const struct vote **other,
                                  struct arena       *scratch)
{
    struct round_votes *r;

    *other = NULL;
    if (v->type != TYPE_PREVOTE && v->type != TYPE_PRECOMMIT)
        return VOTE_BAD_STEP;
    r = round_for(h, peer, v->round);
    if (!r)
        return VOTE_UNWANTED_ROUND;
    return vote_set_add(v->type == TYPE_PREVOTE ? &r->prevotes : &r->precommits,
                        v, is_verified, other, scratch);
}

bool height_votes_conflict(struct height_votes *h, int32_t index)
{
    if (index < 0 || (size_t)index >= h->vals->n)
        return false;
    if (!h->conflicts)
        h->conflicts = arena_newn(h->arena, uint32_t, h->vals->n);
    return h->conflicts && ++h->conflicts[index] <= CONFLICTS_MAX;
}

struct vote_set *height_votes_prevotes(const struct height_votes *h,
                                       int32_t                    round)
{
    struct round_votes *r = find_round(h, round);

    return r ? &r->prevotes : NULL;
}

struct vote_set *height_votes_precommits(const struct height_votes *h,
                                         int32_t                    round)
{
    struct round_votes *r = find_round(h, round);

    return r ? &r->precommits : NULL;
}

bool height_votes_claim(struct height_votes *h, int32_t round, int32_t type,
                        const struct peer_id *peer, const struct block_id *id)
{
    struct round_votes *r = find_round(h, round);
    struct vote_set    *s;
    size_t              had;
    bool                is_honest;

    if (!r && round >= 0 && round <= h->round)
        r = open_round(h, round);
    if (!r || (type != TYPE_PREVOTE && type != TYPE_PRECOMMIT))
        return true;
    s         = type == TYPE_PREVOTE ? &r->prevotes : &r->precommits;
    had       = s->claim_count;
    is_honest = vote_set_claim(s, peer, id);
    h->changes += s->claim_count - had;
    return is_honest;
}
