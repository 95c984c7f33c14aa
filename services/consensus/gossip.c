#include "consensus/gossip.h"

enum { /* kinds of VoteSetMaj23, in the order of reactor.go */
       QUERY_PREVOTES   = 1,
       QUERY_PRECOMMITS = 2,
       QUERY_POL        = 4,
       QUERY_CATCHUP    = 8,
       QUERY_ALL        = 15,
};

static bool say(struct gossip_act *out, enum consensus_kind kind)
{
    out->kind      = ACT_SAY;
    out->channel   = consensus_channel(kind);
    out->msg.which = kind;
    /* All members of both unions begin at the same place. */
    out->msg.new_round_step = &out->body.step;
    return true;
}

/* ---- to everyone ---- */

static void say_step(struct gossip_act *out, int64_t height, int32_t round,
                     enum step step, int64_t since_start, int32_t last_round)
{
    out->body.step =
        (struct new_round_step){ .height                   = height,
                                 .round                    = round,
                                 .step                     = step,
                                 .seconds_since_start_time = since_start,
                                 .last_commit_round        = last_round };
    say(out, CONSENSUS_NEW_ROUND_STEP);
}

static int64_t seconds_since(struct stamp start, struct stamp now)
{
    return stamp_diff(now, start) / 1000000000;
}

void gossip_greet(struct gossip_act *out, const struct consensus *c,
                  struct stamp now)
{
    say_step(out, c->height, c->round, c->step,
             seconds_since(c->start_time, now),
             c->last_commit ? c->last_commit->round : -1);
}

static void say_valid_block(struct gossip_act *out, const struct part_set *s,
                            int64_t height, int32_t round, bool is_commit)
{
    memcpy(out->words, s->have, (s->total + 63) / 64 * sizeof out->words[0]);
    out->array            = (struct bit_array){ .bits = s->total };
    out->array.elems.v    = out->words;
    out->array.elems.n    = (s->total + 63) / 64;
    out->body.valid_block = (struct new_valid_block){
        .height                = height,
        .round                 = round,
        .block_part_set_header = part_set_header(s),
        .block_parts           = &out->array,
        .is_commit             = is_commit,
    };
    say(out, CONSENSUS_NEW_VALID_BLOCK);
}

bool gossip_greet_block(struct gossip_act *out, const struct consensus *c)
{
    if (c->step != STEP_COMMIT || c->proposal_parts < 0)
        return false;
    say_valid_block(out, &c->candidates[c->proposal_parts].parts, c->height,
                    c->round, true);
    return true;
}

/* Whoever is told of a height and round, or that we lack a block, has
 * something to send; the rest spares him sending what we have. */
static bool can_wait(const struct effect *e)
{
    if (e->kind == FX_NEW_STEP)
        return e->new_step.step != STEP_NEW_HEIGHT &&
               e->new_step.step != STEP_NEW_ROUND &&
               e->new_step.step != STEP_PROPOSE;
    return e->kind == FX_HAS_VOTE || part_set_is_complete(e->valid_block.parts);
}

static bool announce(struct gossip_act *out, const struct effect *e,
                     struct stamp now)
{
    switch (e->kind) {
    case FX_NEW_STEP:
        say_step(out, e->height, e->round, e->new_step.step,
                 seconds_since(e->new_step.start_time, now),
                 e->new_step.last_commit_round);
        return true;
    case FX_HAS_VOTE:
        out->body.has_vote =
            (struct has_vote){ .height = e->vote->height,
                               .round  = e->vote->round,
                               .type   = e->vote->type,
                               .index  = e->vote->validator_index };
        return say(out, CONSENSUS_HAS_VOTE);
    case FX_NEW_VALID_BLOCK:
        say_valid_block(out, e->valid_block.parts, e->height, e->round,
                        e->valid_block.is_commit);
        return true;
    case FX_SET_TIMER:
    case FX_OWN_PROPOSAL:
    case FX_OWN_PARTS:
    case FX_OWN_VOTE:
    case FX_EVIDENCE:
    case FX_REFUSED:
    case FX_FACT:
    case FX_HALT:
    case FX_PREPARE:
    case FX_VALIDATE:
    case FX_EXTEND:
    case FX_VERIFY_EXTENSION:
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE:
    case FX_APPLY: break;
    }
    return false;
}

bool gossip_announce(struct gossip_act *out, const struct effect *e,
                     struct stamp now)
{
    if (!announce(out, e, now))
        return false;
    out->can_wait = can_wait(e);
    return true;
}

/* ---- votes ---- */

static bool has_bit(const struct vote_bits *b, size_t i)
{
    return b->w[i / 64] >> i % 64 & 1;
}

/* A round for which there is +2/3: its precommits get bits of their own. */
static void ensure_catchup(struct peer_view *p, int64_t height, int32_t round)
{
    if (p->height != height || p->catchup_round == round)
        return;
    p->catchup_round = round;
    p->catchup.n     = 0;
    if (round == p->round)
        p->catchup = p->precommits;
}

static bool say_vote(struct peer_view *p, const struct vote *v,
                     struct gossip_act *out)
{
    peer_view_has_vote(p, v->height, v->round, v->type, v->validator_index);
    out->body.vote.vote = (struct vote *)(uintptr_t)v;
    return say(out, CONSENSUS_VOTE);
}

static void wait_until(struct peer_view *p, uint64_t us)
{
    if (!p->hold_until_us || us < p->hold_until_us)
        p->hold_until_us = us;
}

/* The next time that it turns out to depend on us it does so for longer. */
static void note_need(struct need *n, int64_t height)
{
    n->heights = n->heights ? 2 * n->heights : GOSSIP_NEED_FIRST;
    if (n->heights > GOSSIP_NEED_MAX)
        n->heights = GOSSIP_NEED_MAX;
    n->until = height + n->heights;
}

/* Everybody who has a vote could pass it on to everybody else.  Where all are
 * connected to who cast it that is for nothing. */
static bool is_vote_held(struct peer_view *p, const struct gossip_env *env,
                         const struct vote *v)
{
    if (env->now_us == 0 || p->height <= p->votes.until ||
        span_eq(v->validator_address, SPAN_OF(env->core->address)))
        return false;
    if (!p->votes_held_us)
        p->votes_held_us = env->now_us;
    if (env->now_us - p->votes_held_us < GOSSIP_HOLD_VOTES_US) {
        p->has_held_votes = true;
        return true;
    }
    note_need(&p->votes, p->height);
    p->votes_held_us = 0;
    return false;
}

/* One vote of the set that the peer lacks; the search begins elsewhere each
 * time, so that peers get different votes first. */
static bool pick_vote(struct peer_view *p, const struct gossip_env *env,
                      const struct vote_set *s, struct gossip_act *out)
{
    struct vote_bits *bits;
    size_t            n;

    if (!s || !s->votes)
        return false;
    if (s->type == TYPE_PRECOMMIT && s->maj23)
        ensure_catchup(p, s->height, s->round);
    peer_view_ensure(p, s->height, s->vals->n);
    bits = peer_view_votes(p, s->height, s->round, s->type);
    n    = s->vals->n;
    if (!bits || bits->n != n)
        return false;
    for (size_t k = 0; k < n; k++) {
        size_t             i = (p->turn + k) % n;
        const struct vote *v = has_bit(bits, i) ? NULL : vote_set_get(s, i);

        if (v && !is_vote_held(p, env, v)) {
            p->turn++;
            return say_vote(p, v, out);
        }
    }
    return false;
}

static bool next_vote_of_height(struct peer_view        *p,
                                const struct gossip_env *env,
                                struct gossip_act       *out)
{
    const struct consensus    *c = env->core;
    const struct height_votes *h = &c->votes;
    bool is_round_ours           = p->round >= 0 && p->round <= c->round;
    bool has_pol                 = p->pol_round >= 0;

    if (p->step == STEP_NEW_HEIGHT && pick_vote(p, env, c->last_commit, out))
        return true;
    if (has_pol && p->step <= STEP_PROPOSE && is_round_ours &&
        pick_vote(p, env, height_votes_prevotes(h, p->pol_round), out))
        return true;
    if (is_round_ours && p->step <= STEP_PREVOTE_WAIT &&
        pick_vote(p, env, height_votes_prevotes(h, p->round), out))
        return true;
    if (is_round_ours && p->step <= STEP_PRECOMMIT_WAIT &&
        pick_vote(p, env, height_votes_precommits(h, p->round), out))
        return true;
    if (is_round_ours &&
        pick_vote(p, env, height_votes_prevotes(h, p->round), out))
        return true;
    return has_pol &&
           pick_vote(p, env, height_votes_prevotes(h, p->pol_round), out);
}

static bool is_stored(const struct peer_view *p, const struct gossip_env *env)
{
    return p->height > 0 && env->store_base > 0 &&
           p->height >= env->store_base && p->height < env->core->height;
}

static bool next_stored_commit(struct peer_view *p, const struct consensus *c,
                               struct gossip_act *out)
{
    if (p->is_commit_given || p->is_commit_loading || p->is_commit_missing)
        return false;
    p->is_commit_loading = true;
    out->kind            = ACT_LOAD_COMMIT;
    out->height          = p->height;
    out->is_extended     = params_has_extensions(&c->state.params, p->height);
    return true;
}

static bool find_vote(struct peer_view *p, const struct gossip_env *env,
                      struct gossip_act *out)
{
    const struct consensus *c = env->core;

    if (p->height == c->height)
        return next_vote_of_height(p, env, out);
    if (p->height > 0 && p->height == c->height - 1)
        return pick_vote(p, env, c->last_commit, out);
    return is_stored(p, env) && next_stored_commit(p, c, out);
}

static bool next_vote(struct peer_view *p, const struct gossip_env *env,
                      struct gossip_act *out)
{
    p->has_held_votes = false;
    if (find_vote(p, env, out))
        return true;
    if (p->has_held_votes) {
        wait_until(p, p->votes_held_us + GOSSIP_HOLD_VOTES_US);
    } else if (p->votes_held_us) { /* others gave them */
        p->votes_held_us = 0;
        p->votes.heights = 0;
    }
    return false;
}

void gossip_commit(struct peer_view *p, int64_t height,
                   const struct extended_commit *c)
{
    p->is_commit_loading = false;
    if (p->height != height)
        return;
    if (!c) {
        p->is_commit_missing = true;
        return;
    }
    p->stored_height = height;
    kept_id_set(&p->stored_id, &c->block_id);
    ensure_catchup(p, height, c->round);
    peer_view_ensure(p, height, c->extended_signatures.n);
}

bool gossip_next_of_commit(struct peer_view *p, const struct extended_commit *c,
                           struct gossip_act *out)
{
    struct vote_bits *bits =
        peer_view_votes(p, c->height, c->round, TYPE_PRECOMMIT);
    size_t n = c->extended_signatures.n;

    if (p->height != c->height)
        return false;
    for (size_t k = 0; bits && bits->n == n && k < n; k++) {
        size_t i = (p->turn + k) % n;

        if (has_bit(bits, i) ||
            c->extended_signatures.v[i].block_id_flag == FLAG_ABSENT)
            continue;
        p->turn++;
        out->made = extended_commit_vote(c, i);
        return say_vote(p, &out->made, out);
    }
    p->is_commit_given = true;
    return false;
}

/* ---- blocks ---- */

static bool has_header(const struct peer_view       *p,
                       const struct part_set_header *h)
{
    return p->has_parts && p->parts_total == h->total &&
           span_eq(h->hash, SPAN_OF(p->parts_hash));
}

/* The set that the peer collects, if it is here: be it of the proposal, or of
 * a block that we are locked on while another is proposed. */
static const struct part_set *wanted_parts(const struct peer_view *p,
                                           const struct consensus *c)
{
    const int at[] = { c->proposal_parts, c->locked, c->valid, c->own };

    for (size_t i = 0; p->has_parts && i < COUNT(at); i++) {
        const struct part_set *s =
            at[i] < 0 ? NULL : &c->candidates[at[i]].parts;
        struct part_set_header h;

        if (!s || s->count == 0)
            continue;
        h = part_set_header(s);
        if (has_header(p, &h))
            return s;
    }
    return NULL;
}

static bool lacks_part(const struct peer_view *p, size_t i)
{
    return !(p->parts[i / 64] >> i % 64 & 1);
}

/* Is this the block that we proposed? */
static bool is_own(const struct consensus *c, const struct part_set_header *h)
{
    struct part_set_header own;

    if (c->own < 0)
        return false;
    own = part_set_header(&c->candidates[c->own].parts);
    return own.total == h->total && span_eq(own.hash, h->hash);
}

static uint64_t hold_of(const struct peer_view       *p,
                        const struct part_set_header *h)
{
    uint64_t base =
        p->step >= STEP_PREVOTE ? GOSSIP_HOLD_VOTED_US : GOSSIP_HOLD_US;

    return base + (uint64_t)h->total * GOSSIP_HOLD_PART_US;
}

/* Everybody who has a part could send it to everybody else.  Where all are
 * connected to the proposer most of that is for nothing, so a part is left to
 * the others for a moment; who then still lacks it seems to depend on us.
 * The same goes for the proposal.  count: how many parts are here. */
static bool is_held_back(struct peer_view *p, const struct gossip_env *env,
                         const struct part_set_header *h, size_t count)
{
    uint64_t hold = hold_of(p, h);

    if (env->now_us == 0 || p->are_parts_told || p->height <= p->blocks.until ||
        is_own(env->core, h))
        return false;
    if (!p->is_held || p->held_count != count) {
        p->is_held    = true;
        p->held_count = count;
        p->held_us    = env->now_us;
    }
    if (env->now_us - p->held_us < hold) {
        wait_until(p, p->held_us + hold);
        return true;
    }
    if (p->step < STEP_PREVOTE) {
        note_need(&p->blocks, p->height);
        p->is_held = false;
    }
    return false;
}

static size_t proposed_count(const struct consensus *c)
{
    return c->proposal_parts < 0 ? 0
                                 : c->candidates[c->proposal_parts].parts.count;
}

static bool next_part(struct peer_view *p, const struct gossip_env *env,
                      struct gossip_act *out)
{
    const struct consensus *c = env->core;
    const struct part_set  *s = wanted_parts(p, c);
    struct part_set_header  h;

    if (p->height != c->height || !s)
        return false;
    h = part_set_header(s);
    for (size_t k = 0; k < s->total; k++) {
        uint32_t i = (uint32_t)((p->turn + k) % s->total);

        if (!lacks_part(p, i) || !part_set_has(s, i))
            continue;
        if (is_held_back(p, env, &h, s->count))
            return false;
        p->turn++;
        p->parts[i / 64] |= UINT64_C(1) << i % 64;
        out->body.part =
            (struct block_part_msg){ c->height, c->round, part_set_part(s, i) };
        return say(out, CONSENSUS_BLOCK_PART);
    }
    return false;
}

/* The block that was decided at a peer's height, if that is known here. */
static bool decided_id(const struct peer_view *p, const struct consensus *c,
                       struct block_id *id)
{
    if (p->height == c->height - 1)
        *id = c->state.last_block_id;
    else if (p->stored_height == p->height && p->is_commit_given)
        *id = kept_id_view(&p->stored_id);
    else
        return false;
    return id->part_set_header.total <= BLOCK_PARTS_MAX;
}

/* After the commit, so that the peer can know what the parts are of. */
static bool next_stored_part(struct peer_view *p, const struct consensus *c,
                             struct gossip_act *out)
{
    struct block_id id;

    if (p->loads >= GOSSIP_LOADS_MAX || !decided_id(p, c, &id))
        return false;
    if (!p->has_parts) {
        p->has_parts   = true;
        p->parts_total = id.part_set_header.total;
        memset(p->parts, 0, sizeof p->parts);
        memcpy(p->parts_hash, id.part_set_header.hash.p, HASH_BYTES);
    }
    if (!has_header(p, &id.part_set_header))
        return false;
    for (size_t k = 0; k < p->parts_total; k++) {
        uint32_t i = (uint32_t)((p->turn + k) % p->parts_total);

        if (!lacks_part(p, i))
            continue;
        p->turn++;
        p->loads++;
        p->parts[i / 64] |= UINT64_C(1) << i % 64;
        out->kind   = ACT_LOAD_PART;
        out->height = p->height;
        out->round  = p->round;
        out->index  = i;
        return true;
    }
    return false;
}

void gossip_part_done(struct peer_view *p)
{
    must(p->loads > 0);
    p->loads--;
}

static void fill_array(struct gossip_act *out, struct bit_array *array,
                       const struct vote_set *s, const struct block_id *id)
{
    vote_set_bits(s, id, out->words);
    *array         = (struct bit_array){ .bits = (int64_t)s->vals->n };
    array->elems.v = out->words;
    array->elems.n = (s->vals->n + 63) / 64;
}

/* The proposal, and then which prevotes justify it. */
static bool next_proposal(struct peer_view *p, const struct gossip_env *env,
                          struct gossip_act *out)
{
    const struct consensus *c = env->core;
    const struct vote_set  *pol;

    if (!c->proposal || p->height != c->height || p->round != c->round)
        return false;
    if (!p->has_proposal) {
        if (is_held_back(p, env, &c->proposal->block_id.part_set_header,
                         proposed_count(c)))
            return false;
        peer_view_has_proposal(p, c->proposal);
        p->is_pol_owed              = c->proposal->pol_round >= 0;
        out->body.proposal.proposal = *c->proposal;
        return say(out, CONSENSUS_PROPOSAL);
    }
    if (!p->is_pol_owed)
        return false;
    p->is_pol_owed = false;
    pol            = height_votes_prevotes(&c->votes, c->proposal->pol_round);
    if (!pol || pol->vals->n == 0)
        return false;
    out->body.pol =
        (struct proposal_pol){ .height             = c->height,
                               .proposal_pol_round = c->proposal->pol_round };
    fill_array(out, &out->body.pol.proposal_pol, pol, NULL);
    return say(out, CONSENSUS_PROPOSAL_POL);
}

static bool next_data(struct peer_view *p, const struct gossip_env *env,
                      struct gossip_act *out)
{
    if (next_proposal(p, env, out) || next_part(p, env, out))
        return true;
    return is_stored(p, env) && next_stored_part(p, env->core, out);
}

/* ---- quorums ---- */

void gossip_query(struct peer_view *p)
{
    p->queries = QUERY_ALL;
}

static bool say_maj23(struct gossip_act *out, int64_t height, int32_t round,
                      int32_t type, const struct block_id *id)
{
    if (!id)
        return false;
    out->body.maj23 = (struct vote_set_maj23){ height, round, type, *id };
    return say(out, CONSENSUS_VOTE_SET_MAJ23);
}

static bool query_of_catchup(struct peer_view *p, const struct consensus *c,
                             struct gossip_act *out)
{
    struct block_id id;

    if (p->catchup_round < 0)
        return false;
    if (p->height == c->height - 1 && c->last_commit)
        return say_maj23(out, p->height, c->last_commit->round, TYPE_PRECOMMIT,
                         vote_set_maj23(c->last_commit));
    if (p->height >= c->height || p->stored_height != p->height)
        return false;
    id = kept_id_view(&p->stored_id);
    return say_maj23(out, p->height, p->catchup_round, TYPE_PRECOMMIT, &id);
}

static bool query_of(struct peer_view *p, const struct consensus *c,
                     unsigned query, struct gossip_act *out)
{
    const struct height_votes *h = &c->votes;

    if (query == QUERY_CATCHUP)
        return query_of_catchup(p, c, out);
    if (p->height != c->height)
        return false;
    if (query == QUERY_PREVOTES)
        return say_maj23(out, c->height, p->round, TYPE_PREVOTE,
                         vote_set_maj23(height_votes_prevotes(h, p->round)));
    if (query == QUERY_PRECOMMITS)
        return say_maj23(out, c->height, p->round, TYPE_PRECOMMIT,
                         vote_set_maj23(height_votes_precommits(h, p->round)));
    return say_maj23(out, c->height, p->pol_round, TYPE_PREVOTE,
                     vote_set_maj23(height_votes_prevotes(h, p->pol_round)));
}

static bool next_query(struct peer_view *p, const struct consensus *c,
                       struct gossip_act *out)
{
    while (p->queries) {
        unsigned query = p->queries & -p->queries;

        p->queries &= ~query;
        if (query_of(p, c, query, out))
            return true;
    }
    return false;
}

static const struct vote_set *set_of(const struct consensus *c,
                                     const struct owed_bits *o)
{
    if (o->height != c->height)
        return NULL;
    return o->type == TYPE_PREVOTE
               ? height_votes_prevotes(&c->votes, o->round)
               : height_votes_precommits(&c->votes, o->round);
}

/* Nobody has voted there yet.  An array without bits would leave a peer to
 * think what it thinks, as that what it said while we synced had been heard. */
static void fill_none(struct gossip_act *out, struct bit_array *array, size_t n)
{
    *array         = (struct bit_array){ .bits = (int64_t)n };
    array->elems.v = out->words;
    array->elems.n = (n + 63) / 64;
    memset(out->words, 0, array->elems.n * sizeof out->words[0]);
}

/* The reply to VoteSetMaj23: which votes for that block are here. */
static bool next_owed(struct peer_view *p, const struct consensus *c,
                      struct gossip_act *out)
{
    struct owed_bits       o;
    const struct vote_set *s;
    struct block_id        id;

    if (p->owed_count == 0)
        return false;
    o = p->owed[0];
    memmove(p->owed, p->owed + 1, --p->owed_count * sizeof p->owed[0]);
    out->id        = o.id;
    id             = kept_id_view(&out->id);
    s              = set_of(c, &o);
    out->body.bits = (struct vote_set_bits){
        .height = o.height, .round = o.round, .type = o.type, .block_id = id
    };
    if (s)
        fill_array(out, &out->body.bits.votes, s, &id);
    else if (o.height == c->height)
        fill_none(out, &out->body.bits.votes, c->validators.n);
    return say(out, CONSENSUS_VOTE_SET_BITS);
}

bool gossip_next(struct peer_view *p, const struct gossip_env *env,
                 unsigned room, struct gossip_act *out)
{
    const struct consensus *c = env->core;

    p->hold_until_us = 0;
    if (env->is_syncing)
        return false;
    if ((room & ROOM_BITS) && next_owed(p, c, out))
        return true;
    if (p->height == 0)
        return false;
    if ((room & ROOM_STATE) && next_query(p, c, out))
        return true;
    if ((room & ROOM_VOTES) && next_vote(p, env, out))
        return true;
    return (room & ROOM_DATA) && next_data(p, env, out);
}
