#include "consensus/core.h"

enum { BLOCK_TIME_STEP_NS = 1000000 };

/* ---- votes that arrive ---- */

static bool is_own(const struct consensus *c, const struct vote *v)
{
    return c->key.type != KEY_TYPE_NONE &&
           span_eq(v->validator_address, SPAN_OF(c->address));
}

static void report_conflict(struct consensus *c, const struct vote *v,
                            const struct vote *other)
{
    struct effect *e;

    if (is_own(c, v)) {
        core_fact(c, FACT_OWN_CONFLICT, NULL);
        return;
    }
    e        = core_emit(c, FX_EVIDENCE);
    e->vote  = other;
    e->other = v;
}

/* True when the vote counts now. */
static bool note_result(struct consensus *c, const struct vote *v,
                        enum vote_result r, const struct vote *other)
{
    struct effect *e;

    switch (r) {
    case VOTE_ADDED: c->is_heard = true; break;
    case VOTE_ADDED_CONFLICT:
        c->is_heard = true;
        report_conflict(c, v, other);
        break;
    case VOTE_CONFLICT: /* once would do; but it may be repeated for ever */
        c->is_heard = height_votes_conflict(&c->votes, v->validator_index);
        report_conflict(c, v, other);
        break;
    case VOTE_DUPLICATE: core_fact(c, FACT_DUPLICATE_VOTE, NULL); break;
    case VOTE_RESIGNED:
    case VOTE_UNWANTED_ROUND:
    case VOTE_BAD_STEP:
    case VOTE_BAD_INDEX:
    case VOTE_BAD_ADDRESS:
    case VOTE_BAD_SIGNATURE:
    case VOTE_BAD_EXTENSION:
    case VOTE_NO_ROOM: core_refuse(c, vote_result_name(r)); break;
    }
    if (r != VOTE_ADDED && r != VOTE_ADDED_CONFLICT)
        return false;
    e            = core_emit(c, FX_FACT);
    e->fact      = FACT_VOTE;
    e->fact_vote = v;
    e            = core_emit(c, FX_HAS_VOTE);
    e->vote      = v;
    return true;
}

/* A precommit that comes while we wait out timeout_commit. */
static void add_late_precommit(struct consensus *c, const struct vote *v)
{
    const struct vote *other;
    enum vote_result   r;

    if (c->step != STEP_NEW_HEIGHT || !c->last_commit)
        return;
    r = vote_set_add(c->last_commit, v, false, &other, &c->scratch);
    if (note_result(c, v, r, other) && c->cfg.skip_timeout_commit &&
        vote_set_has_all(c->last_commit))
        core_push(c, TASK_ENTER_NEW_ROUND, c->height, 0);
}

/* +2/3 of a round prevoted this: it may free us from an older lock, and
 * names the block to propose again. */
static void heed_polka(struct consensus *c, const struct block_id *polka,
                       int32_t round)
{
    if (c->locked >= 0 && c->locked_round < round && round <= c->round &&
        !core_candidate_is(c, c->locked, polka)) {
        c->locked_round = -1;
        c->locked       = -1;
        core_fact(c, FACT_UNLOCK, NULL);
    }
    if (block_id_is_nil(polka) || c->valid_round >= round || round != c->round)
        return;
    if (c->has_proposal_block &&
        core_candidate_is(c, c->proposal_parts, polka)) {
        c->valid_round = round;
        c->valid       = c->proposal_parts;
    } else {
        core_collect(c, &polka->part_set_header);
    }
    core_announce_valid_block(c);
}

static void on_prevote(struct consensus *c, int32_t round)
{
    const struct vote_set *set   = height_votes_prevotes(&c->votes, round);
    const struct block_id *polka = vote_set_maj23(set);

    if (polka)
        heed_polka(c, polka, round);

    if (c->round < round && vote_set_has_any(set)) {
        core_push(c, TASK_ENTER_NEW_ROUND, c->height, round);
    } else if (c->round == round && c->step >= STEP_PREVOTE) {
        if (polka && (core_is_proposal_complete(c) || block_id_is_nil(polka)))
            core_push(c, TASK_ENTER_PRECOMMIT, c->height, round);
        else if (vote_set_has_any(set))
            core_push(c, TASK_ENTER_PREVOTE_WAIT, c->height, round);
    } else if (c->proposal && c->proposal->pol_round >= 0 &&
               c->proposal->pol_round == round &&
               core_is_proposal_complete(c)) {
        core_push(c, TASK_ENTER_PREVOTE, c->height, c->round);
    }
}

static void on_precommit(struct consensus *c, int32_t round)
{
    const struct vote_set *set = height_votes_precommits(&c->votes, round);
    const struct block_id *id  = vote_set_maj23(set);

    if (!id && (round < c->round || !vote_set_has_any(set)))
        return;
    /* What is pushed last runs first. */
    if (id && !block_id_is_nil(id)) {
        if (c->cfg.skip_timeout_commit && vote_set_has_all(set))
            core_push(c, TASK_SKIP_COMMIT_WAIT, c->height, round);
        core_push(c, TASK_ENTER_COMMIT, c->height, round);
    } else {
        core_push(c, TASK_ENTER_PRECOMMIT_WAIT, c->height, round);
    }
    if (id)
        core_push(c, TASK_ENTER_PRECOMMIT, c->height, round);
    core_push(c, TASK_ENTER_NEW_ROUND, c->height, round);
}

static void add_vote(struct consensus *c, const struct peer_id *peer,
                     const struct vote *v, bool is_verified)
{
    const struct vote *other;
    enum vote_result   r =
        height_votes_add(&c->votes, peer, v, is_verified, &other, &c->scratch);

    if (!note_result(c, v, r, other))
        return;
    if (v->type == TYPE_PREVOTE)
        on_prevote(c, v->round);
    else
        on_precommit(c, v->round);
}

/* ---- vote extensions ---- */

static bool copy_span(struct span *s, struct arena *a)
{
    size_t n = s->n;

    *s = arena_copy(a, *s);
    return s->p || n == 0;
}

static bool keep_vote(struct vote *out, const struct vote *v, struct arena *a)
{
    *out = *v;
    return block_id_copy(&out->block_id, &v->block_id, a) &&
           copy_span(&out->validator_address, a) &&
           copy_span(&out->signature, a) && copy_span(&out->extension, a) &&
           copy_span(&out->extension_signature, a);
}

static bool is_known(const struct consensus *c, const struct vote *v)
{
    const struct vote *mine =
        vote_set_find(height_votes_precommits(&c->votes, v->round),
                      (size_t)v->validator_index, &v->block_id);

    return mine && span_eq(mine->signature, v->signature);
}

/* The application is asked about an extension before its vote counts.  The
 * vote waits in the height's arena, and leaves it if refused. */
static void ask_extension(struct consensus *c, const struct vote *v)
{
    struct arena     *a   = &c->heights[c->current];
    const struct val *val = NULL;

    if (v->validator_index >= 0 &&
        (size_t)v->validator_index < c->state.validators.n)
        val = &c->state.validators.v[v->validator_index];
    if (!val) {
        core_refuse(c, vote_result_name(VOTE_BAD_INDEX));
        return;
    }
    if (is_known(c, v)) {
        core_fact(c, FACT_DUPLICATE_VOTE, NULL);
        return;
    }
    if (!vote_verify_extended(v, c->state.chain_id, &val->key, &c->scratch)) {
        core_refuse(c, vote_result_name(VOTE_BAD_SIGNATURE));
        return;
    }
    c->vote_mark = a->used;
    c->vote_peer = c->ev->peer;
    if (!keep_vote(&c->vote_in_work, v, a)) {
        a->used = c->vote_mark;
        core_refuse(c, vote_result_name(VOTE_NO_ROOM));
        return;
    }
    core_ask(c, FX_VERIFY_EXTENSION, TASK_EXTENSION_VERIFIED)->vote =
        &c->vote_in_work;
}

void core_extension_verified(struct consensus *c, const struct task *t)
{
    struct arena *a = &c->heights[c->current];
    struct vote  *v;

    UNUSED(t);
    if (c->ev->verdict == VERDICT_ACCEPT) {
        /* Effects name the vote, and ours may be in work before they are
         * performed. */
        v = arena_new(&c->scratch, struct vote);
        if (v) {
            *v = c->vote_in_work;
            add_vote(c, &c->vote_peer, v, true);
        }
        return;
    }
    a->used = c->vote_mark;
    core_refuse(c, "the application refused a vote extension");
}

void core_on_vote(struct consensus *c, const struct vote *v)
{
    struct effect *e;

    if (v->height < c->height ||
        (v->height == c->height && v->round < c->round)) {
        e            = core_emit(c, FX_FACT);
        e->fact      = FACT_LATE_VOTE;
        e->fact_vote = v;
    }
    if (v->height == c->height - 1 && v->type == TYPE_PRECOMMIT) {
        add_late_precommit(c, v);
        return;
    }
    if (v->height != c->height)
        return;
    if (c->votes.is_extended && v->type == TYPE_PRECOMMIT &&
        !block_id_is_nil(&v->block_id) && !is_own(c, v))
        ask_extension(c, v);
    else if (!c->votes.is_extended &&
             (v->extension.n > 0 || v->extension_signature.n > 0))
        core_refuse(c, vote_result_name(VOTE_BAD_EXTENSION));
    else
        add_vote(c, &c->ev->peer, v, false);
}

void core_on_claim(struct consensus *c)
{
    if (c->ev->claim.height != c->height)
        return;
    if (!height_votes_claim(&c->votes, c->ev->claim.round, c->ev->claim.type,
                            &c->ev->peer, c->ev->claim.id))
        core_refuse(c, "a second majority claimed for one round and type");
}

/* ---- our own votes ---- */

/* Later than the block voted for, so that time goes on (BFT time). */
static struct stamp vote_time(const struct consensus *c)
{
    int          b = c->locked >= 0 ? c->locked : c->proposal_parts;
    struct stamp min;

    if (c->locked < 0 && !c->has_proposal_block)
        return c->ev->now;
    min = stamp_add(c->candidates[b].block->header.time, BLOCK_TIME_STEP_NS);
    return stamp_cmp(c->ev->now, min) > 0 ? c->ev->now : min;
}

/* The next block takes its time from the precommits for this one: it has to be
 * later than this one's, and what our clock lets others propose. */
static void bound_time(const struct consensus *c, struct stamp bounds[2])
{
    const struct vote *v = &c->vote_in_work;

    bounds[0] = (struct stamp){ .seconds = INT64_MIN };
    bounds[1] = (struct stamp){ .seconds = INT64_MAX };
    if (v->type != TYPE_PRECOMMIT ||
        !core_candidate_is(c, c->locked, &v->block_id))
        return;
    bounds[0] = stamp_add(c->candidates[c->locked].block->header.time, 1);
    bounds[1] = stamp_add(v->timestamp, c->cfg.time_tolerance_ns);
}

static void ask_signature(struct consensus *c)
{
    struct vote   *v = &c->vote_in_work;
    struct effect *e = core_ask(c, FX_SIGN_VOTE, TASK_VOTE_SIGNED);

    bound_time(c, e->bounds);
    e->vote        = v;
    e->is_extended = c->votes.is_extended && v->type == TYPE_PRECOMMIT &&
                     !block_id_is_nil(&v->block_id);
}

void core_sign_vote(struct consensus *c, int32_t type, int b)
{
    const struct candidate *cand = b >= 0 ? &c->candidates[b] : NULL;
    struct effect          *e;

    if (!consensus_is_validator(c))
        return;
    c->vote_in_work = (struct vote){
        .type              = type,
        .height            = c->height,
        .round             = c->round,
        .timestamp         = vote_time(c),
        .validator_address = SPAN_OF(c->address),
        .validator_index =
            (int32_t)validators_find(&c->validators, SPAN_OF(c->address)),
    };
    if (cand)
        c->vote_in_work.block_id = cand->id;
    if (!cand || type != TYPE_PRECOMMIT || !c->votes.is_extended) {
        ask_signature(c);
        return;
    }
    e                = core_ask(c, FX_EXTEND, TASK_EXTENDED);
    e->block.block   = cand->block;
    e->block.extends = &c->vote_in_work;
    memcpy(e->block.hash.b, cand->id.hash.p, HASH_BYTES);
}

void core_extended(struct consensus *c, const struct task *t)
{
    struct arena *a = &c->heights[c->current];

    UNUSED(t);
    c->vote_in_work.extension = c->ev->extended.extension;
    if (c->ev->extended.is_ok && copy_span(&c->vote_in_work.extension, a))
        ask_signature(c);
}

void core_vote_signed(struct consensus *c, const struct task *t)
{
    struct vote  *v = &c->vote_in_work;
    struct arena *a = &c->scratch;
    struct vote  *own;

    UNUSED(t);
    if (!c->ev->sign.is_ok)
        return;
    v->timestamp           = c->ev->sign.time;
    v->signature           = c->ev->sign.signature;
    v->extension_signature = c->ev->sign.extension_signature;
    if (!copy_span(&v->signature, a) || !copy_span(&v->extension_signature, a))
        return;
    /* The next vote may be in work before this effect is performed. */
    own = arena_new(a, struct vote);
    if (own) {
        *own                            = *v;
        core_emit(c, FX_OWN_VOTE)->vote = own;
    }
}

static bool has_voted(const struct consensus *c, const struct vote_set *set)
{
    int64_t i = validators_find(&c->state.validators, SPAN_OF(c->address));

    return i < 0 || vote_set_get(set, (size_t)i);
}

/* The step decided what we would have said; nothing else changes.  A lock of
 * this round is what its precommit was to be for, else nil is always safe. */
void core_make_up(struct consensus *c)
{
    if (!consensus_is_validator(c))
        return;
    if (c->step == STEP_PROPOSE && !c->proposal &&
        memcmp(consensus_proposer(c)->address, c->address, ADDRESS_BYTES) == 0)
        core_push(c, TASK_DECIDE_PROPOSAL, c->height, c->round);
    if ((c->step == STEP_PREVOTE || c->step == STEP_PREVOTE_WAIT) &&
        !has_voted(c, height_votes_prevotes(&c->votes, c->round)))
        core_push(c, TASK_DO_PREVOTE, c->height, c->round);
    if (c->step == STEP_PRECOMMIT &&
        !has_voted(c, height_votes_precommits(&c->votes, c->round)))
        core_sign_vote(c, TYPE_PRECOMMIT,
                       c->locked_round == c->round ? c->locked : -1);
}
