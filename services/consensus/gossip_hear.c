#include "consensus/gossip.h"

/* ---- what is known of a peer ---- */

void peer_view_init(struct peer_view *p, const struct peer_id *id)
{
    *p = (struct peer_view){ .id                = *id,
                             .round             = -1,
                             .pol_round         = -1,
                             .last_commit_round = -1,
                             .catchup_round     = -1,
                             .turn              = load_be32(id->b) };
}

void kept_id_set(struct kept_id *k, const struct block_id *id)
{
    const struct part_set_header *h = &id->part_set_header;

    *k = (struct kept_id){ .is_nil = block_id_is_nil(id), .total = h->total };
    if (k->is_nil || id->hash.n != HASH_BYTES || h->hash.n != HASH_BYTES)
        return;
    memcpy(k->hash, id->hash.p, HASH_BYTES);
    memcpy(k->parts_hash, h->hash.p, HASH_BYTES);
}

struct block_id kept_id_view(const struct kept_id *k)
{
    if (k->is_nil)
        return (struct block_id){ 0 };
    return (struct block_id){ SPAN_OF(k->hash),
                              { k->total, SPAN_OF(k->parts_hash) } };
}

static void bits_set(struct vote_bits *b, int32_t i)
{
    if (b && i >= 0 && (size_t)i < b->n)
        b->w[i / 64] |= UINT64_C(1) << i % 64;
}

static void bits_resize(struct vote_bits *b, size_t n)
{
    if (b->n > 0 || n > VOTES_MAX)
        return;
    memset(b->w, 0, (n + 63) / 64 * sizeof b->w[0]);
    b->n = n;
}

/* Only as many words as are in use. */
static void bits_copy(struct vote_bits *to, const struct vote_bits *from)
{
    to->n = from->n;
    memcpy(to->w, from->w, (from->n + 63) / 64 * sizeof to->w[0]);
}

struct vote_bits *peer_view_votes(struct peer_view *p, int64_t height,
                                  int32_t round, int32_t type)
{
    bool is_precommit = type == TYPE_PRECOMMIT;

    if (p->height == height) {
        if (p->round == round)
            return is_precommit ? &p->precommits : &p->prevotes;
        if (p->catchup_round == round)
            return is_precommit ? &p->catchup : NULL;
        if (p->pol_round == round)
            return is_precommit ? NULL : &p->pol;
        return NULL;
    }
    if (p->height - 1 == height && p->last_commit_round == round)
        return is_precommit ? &p->last_commit : NULL;
    return NULL;
}

void peer_view_ensure(struct peer_view *p, int64_t height, size_t n)
{
    if (p->height == height) {
        bits_resize(&p->prevotes, n);
        bits_resize(&p->precommits, n);
        bits_resize(&p->catchup, n);
        bits_resize(&p->pol, n);
    } else if (p->height - 1 == height) {
        bits_resize(&p->last_commit, n);
    }
}

void peer_view_has_vote(struct peer_view *p, int64_t height, int32_t round,
                        int32_t type, int32_t index)
{
    bits_set(peer_view_votes(p, height, round, type), index);
}

static void set_parts(struct peer_view *p, const struct part_set_header *h)
{
    p->has_parts   = true;
    p->parts_total = h->total;
    memset(p->parts, 0, sizeof p->parts);
    memset(p->parts_hash, 0, sizeof p->parts_hash);
    if (h->hash.n == HASH_BYTES)
        memcpy(p->parts_hash, h->hash.p, HASH_BYTES);
}

void peer_view_has_proposal(struct peer_view *p, const struct proposal *o)
{
    if (p->height != o->height || p->round != o->round || p->has_proposal)
        return;
    p->has_proposal = true;
    if (p->has_parts) /* from NewValidBlock */
        return;
    set_parts(p, &o->block_id.part_set_header);
    p->pol_round = o->pol_round;
    p->pol.n     = 0;
}

void peer_view_has_part(struct peer_view *p, int64_t height, int32_t round,
                        uint32_t index)
{
    if (p->height == height && p->round == round && p->has_parts &&
        index < p->parts_total && index < BLOCK_PARTS_MAX)
        p->parts[index / 64] |= UINT64_C(1) << index % 64;
}

/* Sizes of the sets of votes that a peer may speak of. */
static void ensure_ours(struct peer_view *p, const struct consensus *c)
{
    peer_view_ensure(p, c->height, c->state.validators.n);
    if (c->last_commit)
        peer_view_ensure(p, c->height - 1, c->last_commit->vals->n);
}

/* ---- NewRoundStep ---- */

static int compare_step(const struct new_round_step *m,
                        const struct peer_view      *p)
{
    if (m->height != p->height)
        return m->height < p->height ? -1 : 1;
    if (m->round != p->round)
        return m->round < p->round ? -1 : 1;
    return (m->step > p->step) - (m->step < p->step);
}

static void begin_round(struct peer_view *p)
{
    p->has_proposal = p->has_parts = p->is_pol_owed = false;
    p->are_parts_told                               = false;
    p->parts_total                                  = 0;
    p->pol_round                                    = -1;
    p->pol.n                                        = 0;
    p->prevotes.n                                   = 0;
    p->precommits.n                                 = 0;
}

/* Its precommits of the round that decided are now its last commit. */
static void begin_height(struct peer_view *p, const struct new_round_step *m,
                         bool are_precommits_last)
{
    p->last_commit.n = 0;
    if (are_precommits_last)
        bits_copy(&p->last_commit, &p->precommits);
    p->last_commit_round = m->last_commit_round;
    p->catchup_round     = -1;
    p->catchup.n         = 0;
    p->is_commit_given = p->is_commit_missing = false;
    if (p->votes_held_us) /* it went on without them */
        p->votes.heights = 0;
    p->votes_held_us = 0;
}

/* It went on while we held parts back: it did not need us. */
static void note_progress(struct peer_view *p, bool is_round_new, uint32_t step)
{
    bool is_past = is_round_new || step >= STEP_PREVOTE;

    if (p->is_held && is_past && p->step < STEP_PREVOTE)
        p->blocks.heights = 0;
    if (is_round_new)
        p->is_held = false;
}

static void hear_step(struct peer_view *p, const struct gossip_env *env,
                      const struct new_round_step *m, struct gossip_heard *out)
{
    bool is_height_new = m->height != p->height;
    bool is_round_new  = is_height_new || m->round != p->round;

    if (new_round_step_validate_height(m, env->core->state.initial_height)) {
        out->drop = "a step with an impossible height or last commit";
        return;
    }
    if (compare_step(m, p) <= 0)
        return;
    if (is_height_new)
        begin_height(p, m,
                     p->height == m->height - 1 &&
                         p->round == m->last_commit_round);
    else if (is_round_new && p->round == p->catchup_round)
        bits_copy(&p->catchup, &p->precommits);
    if (is_round_new)
        begin_round(p);
    if (!is_height_new && is_round_new && m->round == p->catchup_round)
        bits_copy(&p->precommits, &p->catchup);
    note_progress(p, is_round_new, m->step);
    p->height = m->height;
    p->round  = m->round;
    p->step   = m->step;
}

/* ---- the other messages about a peer ---- */

static void hear_valid_block(struct peer_view             *p,
                             const struct new_valid_block *m)
{
    if (p->height != m->height || (p->round != m->round && !m->is_commit))
        return;
    set_parts(p, &m->block_part_set_header);
    p->are_parts_told = true;
    memcpy(p->parts, m->block_parts->elems.v,
           m->block_parts->elems.n * sizeof p->parts[0]);
}

/* Replaces what we thought, but for bits that it cannot know of. */
static void take_bits(struct vote_bits *to, const struct bit_array *from)
{
    size_t words = (to->n + 63) / 64;

    for (size_t i = 0; i < words && i < from->elems.n; i++)
        to->w[i] = from->elems.v[i];
}

static void hear_pol(struct peer_view *p, const struct gossip_env *env,
                     const struct proposal_pol *m)
{
    if (p->height != m->height || p->pol_round != m->proposal_pol_round)
        return;
    ensure_ours(p, env->core);
    take_bits(&p->pol, &m->proposal_pol);
}

static const struct vote_set *our_set(const struct consensus *c, int64_t height,
                                      int32_t round, int32_t type)
{
    if (height != c->height)
        return NULL;
    return type == TYPE_PREVOTE ? height_votes_prevotes(&c->votes, round)
                                : height_votes_precommits(&c->votes, round);
}

/* Bits that it gave for a block tell nothing of our votes for others. */
static void hear_bits(struct peer_view *p, const struct gossip_env *env,
                      const struct vote_set_bits *m, struct gossip_act *scratch)
{
    struct vote_bits *bits = peer_view_votes(p, m->height, m->round, m->type);
    const struct vote_set *ours =
        our_set(env->core, m->height, m->round, m->type);
    size_t words = bits ? (bits->n + 63) / 64 : 0;

    if (bits == &p->catchup)
        p->is_commit_given = false;
    if (ours && bits && bits->n == ours->vals->n) {
        vote_set_bits(ours, &m->block_id, scratch->words);
        for (size_t i = 0; i < words; i++)
            bits->w[i] &= ~scratch->words[i];
        for (size_t i = 0; i < words && i < m->votes.elems.n; i++)
            bits->w[i] |= m->votes.elems.v[i];
    } else if (bits) {
        take_bits(bits, &m->votes);
    }
}

enum said { SAID_NOTHING, SAID_THE_SAME, SAID_ANOTHER };

static enum said said_before(const struct vote_set *s,
                             const struct peer_id  *peer,
                             const struct block_id *id)
{
    for (const struct claim *c = s ? s->claims : NULL; c; c = c->next)
        if (peer_id_eq(&c->peer, peer))
            return block_id_eq(&c->tally->id, id) ? SAID_THE_SAME
                                                  : SAID_ANOTHER;
    return SAID_NOTHING;
}

static void owe_bits(struct peer_view *p, const struct vote_set_maj23 *m)
{
    struct owed_bits *o;

    if (p->owed_count >= GOSSIP_OWED_MAX)
        return;
    o  = &p->owed[p->owed_count++];
    *o = (struct owed_bits){ .height = m->height,
                             .round  = m->round,
                             .type   = m->type };
    kept_id_set(&o->id, &m->block_id);
}

static void hear_maj23(struct peer_view *p, const struct gossip_env *env,
                       const struct vote_set_maj23 *m, struct gossip_heard *out)
{
    const struct consensus *c = env->core;
    enum said               said;

    if (m->height != c->height || env->is_syncing)
        return;
    said = said_before(our_set(c, m->height, m->round, m->type), &p->id,
                       &m->block_id);
    if (said == SAID_ANOTHER) {
        out->drop = "a second majority claimed for one round and type";
        return;
    }
    owe_bits(p, m);
    /* Of rounds that nobody votes in yet the core keeps no claims. */
    out->has_event =
        said == SAID_NOTHING && (m->round <= c->votes.round ||
                                 our_set(c, m->height, m->round, m->type));
    out->event.kind         = EV_CLAIM;
    out->event.claim.height = m->height;
    out->event.claim.round  = m->round;
    out->event.claim.type   = m->type;
    out->event.claim.id     = &m->block_id;
}

/* ---- what is for the core ---- */

static void hear_proposal(struct peer_view *p, const struct gossip_env *env,
                          const struct proposal *o, struct gossip_heard *out)
{
    int64_t max = env->core->state.params.block.max_bytes;

    if (proposal_validate(o, max) != ACCEPT) {
        out->drop = "a proposal of too many parts";
        return;
    }
    peer_view_has_proposal(p, o);
    out->has_event      = o->height == env->core->height;
    out->event.kind     = EV_PROPOSAL;
    out->event.proposal = o;
}

static void count_use(struct peer_view *p, struct gossip_heard *out)
{
    out->is_good = ++p->contributions % GOSSIP_VOTES_GOOD == 0;
}

static void hear_part(struct peer_view *p, const struct gossip_env *env,
                      const struct block_part_msg *m, struct gossip_heard *out)
{
    peer_view_has_part(p, m->height, m->round, m->part.index);
    out->has_event         = m->height == env->core->height;
    out->event.kind        = EV_PART;
    out->event.part.height = m->height;
    out->event.part.round  = m->round;
    out->event.part.part   = &m->part;
    if (out->has_event)
        count_use(p, out);
}

static void hear_vote(struct peer_view *p, const struct gossip_env *env,
                      const struct vote *v, struct gossip_heard *out)
{
    const struct consensus *c = env->core;

    ensure_ours(p, c);
    peer_view_has_vote(p, v->height, v->round, v->type, v->validator_index);
    out->has_event = v->height == c->height ||
                     (v->height == c->height - 1 && v->type == TYPE_PRECOMMIT);
    out->event.kind = EV_VOTE;
    out->event.vote = v;
    if (out->has_event)
        count_use(p, out);
}

static void hear_has_vote(struct peer_view *p, const struct gossip_env *env,
                          const struct has_vote *m)
{
    ensure_ours(p, env->core);
    if (m->height == p->height)
        peer_view_has_vote(p, m->height, m->round, m->type, m->index);
}

static void dispatch(struct peer_view *p, const struct gossip_env *env,
                     struct gossip_heard *out)
{
    struct consensus_msg *m = &out->msg;
    struct gossip_act     scratch;

    switch (m->which) {
    case CONSENSUS_NEW_ROUND_STEP:
        hear_step(p, env, m->new_round_step, out);
        break;
    case CONSENSUS_NEW_VALID_BLOCK:
        hear_valid_block(p, m->new_valid_block);
        break;
    case CONSENSUS_HAS_VOTE: hear_has_vote(p, env, m->has_vote); break;
    case CONSENSUS_VOTE_SET_MAJ23:
        hear_maj23(p, env, m->vote_set_maj23, out);
        break;
    case CONSENSUS_PROPOSAL:
        hear_proposal(p, env, &m->proposal->proposal, out);
        break;
    case CONSENSUS_PROPOSAL_POL: hear_pol(p, env, m->proposal_pol); break;
    case CONSENSUS_BLOCK_PART: hear_part(p, env, m->block_part, out); break;
    case CONSENSUS_VOTE: hear_vote(p, env, m->vote->vote, out); break;
    case CONSENSUS_VOTE_SET_BITS:
        hear_bits(p, env, m->vote_set_bits, &scratch);
        break;
    case CONSENSUS_NONE: break;
    }
}

void gossip_hear(struct peer_view *p, const struct gossip_env *env,
                 uint8_t channel, struct span bytes, struct arena *a,
                 struct gossip_heard *out)
{
    *out            = (struct gossip_heard){ 0 };
    out->event.peer = p->id;
    if (consensus_msg_decode(&out->msg, a, bytes) != ACCEPT) {
        out->drop = "a malformed consensus message";
        return;
    }
    if (consensus_channel(out->msg.which) != channel)
        return;
    if (env->is_syncing && channel != 0x20)
        return;
    dispatch(p, env, out);
    if (out->drop)
        out->has_event = false;
}
