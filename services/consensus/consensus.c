#include "consensus/core.h"

static task_fn *const task_fns[TASK_KINDS] = {
    [TASK_ENTER_NEW_ROUND]      = core_enter_new_round,
    [TASK_ENTER_PROPOSE]        = core_enter_propose,
    [TASK_PROPOSE_DONE]         = core_propose_done,
    [TASK_ENTER_PREVOTE]        = core_enter_prevote,
    [TASK_DO_PREVOTE]           = core_do_prevote,
    [TASK_PREVOTE_VALIDATED]    = core_prevote_validated,
    [TASK_PREVOTE_DONE]         = core_prevote_done,
    [TASK_ENTER_PREVOTE_WAIT]   = core_enter_prevote_wait,
    [TASK_ENTER_PRECOMMIT]      = core_enter_precommit,
    [TASK_PRECOMMIT_VALIDATED]  = core_precommit_validated,
    [TASK_PRECOMMIT_DONE]       = core_precommit_done,
    [TASK_ENTER_PRECOMMIT_WAIT] = core_enter_precommit_wait,
    [TASK_ENTER_COMMIT]         = core_enter_commit,
    [TASK_TRY_FINALIZE]         = core_try_finalize,
    [TASK_COMMIT_VALIDATED]     = core_commit_validated,
    [TASK_APPLIED]              = core_applied,
    [TASK_SKIP_COMMIT_WAIT]     = core_skip_commit_wait,
    [TASK_DECIDE_PROPOSAL]      = core_decide_proposal,
    [TASK_PREPARED]             = core_prepared,
    [TASK_PROPOSAL_SIGNED]      = core_proposal_signed,
    [TASK_EXTENDED]             = core_extended,
    [TASK_VOTE_SIGNED]          = core_vote_signed,
    [TASK_EXTENSION_VERIFIED]   = core_extension_verified,
};

struct effect *core_emit(struct consensus *c, enum effect_kind kind)
{
    struct effect *e;

    must(c->out->n < EFFECTS_MAX);
    e = &c->out->v[c->out->n++];
    *e =
        (struct effect){ .kind = kind, .height = c->height, .round = c->round };
    return e;
}

void core_fact(struct consensus *c, enum fact fact, const char *text)
{
    struct effect *e = core_emit(c, FX_FACT);

    e->fact = fact;
    e->text = text;
}

void core_refuse(struct consensus *c, const char *why)
{
    struct effect *e = core_emit(c, FX_REFUSED);

    e->peer = c->ev->peer;
    e->text = why;
}

void core_halt(struct consensus *c, const char *why)
{
    core_emit(c, FX_HALT)->text = why;
    c->is_halted                = true;
    c->task_count               = 0;
}

void core_push(struct consensus *c, enum task_kind kind, int64_t height,
               int32_t round)
{
    must(c->task_count < TASKS_MAX);
    c->tasks[c->task_count++] = (struct task){ (uint8_t)kind, round, height };
}

static enum awaiting answer_to(enum effect_kind question)
{
    switch (question) {
    case FX_PREPARE: return AWAIT_PREPARED;
    case FX_VALIDATE: return AWAIT_VALIDATED;
    case FX_EXTEND: return AWAIT_EXTENDED;
    case FX_VERIFY_EXTENSION: return AWAIT_EXTENSION_VERIFIED;
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE: return AWAIT_SIGNED;
    case FX_APPLY: return AWAIT_APPLIED;
    default: break;
    }
    must(!"a question");
    return AWAIT_NOTHING;
}

struct effect *core_ask(struct consensus *c, enum effect_kind kind,
                        enum task_kind then)
{
    must(c->awaiting == AWAIT_NOTHING);
    c->awaiting = answer_to(kind);
    core_push(c, then, c->height, c->round);
    return core_emit(c, kind);
}

/* Later in height, round and step than the one that was set last? */
static bool is_later(const struct timeout *a, const struct timeout *b)
{
    if (a->height != b->height)
        return a->height > b->height;
    if (a->round != b->round)
        return a->round > b->round;
    return b->step == 0 || a->step > b->step;
}

void core_set_timer(struct consensus *c, int64_t duration, int32_t round,
                    enum step step)
{
    struct timeout t = { duration, c->height, round, step };

    if (!is_later(&t, &c->timer))
        return;
    c->timer                          = t;
    core_emit(c, FX_SET_TIMER)->timer = t;
}

void core_announce_step(struct consensus *c)
{
    struct effect *e = core_emit(c, FX_NEW_STEP);

    e->new_step.step              = c->step;
    e->new_step.start_time        = c->start_time;
    e->new_step.last_commit_round = c->last_commit ? c->last_commit->round : -1;
}

void core_new_step(struct consensus *c, int32_t round, enum step step)
{
    c->round = round;
    c->step  = step;
    core_announce_step(c);
}

/* ---- heights ---- */

/* Votes outlive the state by a height: what they are counted against is the
 * arena's, not the state's. */
static const struct validators *keep_set(const struct validators *s,
                                         struct arena            *a)
{
    struct validators *kept = arena_new(a, struct validators);

    must(kept);
    *kept = *s; /* its entries are in the arena already */
    return kept;
}

static void reset_height(struct consensus *c, struct arena *a)
{
    must(validators_copy(&c->validators, &c->state.validators, a));
    c->proposal       = NULL;
    c->proposal_parts = c->locked = c->valid = c->own = -1;
    c->has_proposal_block                             = false;
    c->locked_round = c->valid_round = c->commit_round = -1;
    c->saw_precommit_wait = c->has_txs = c->is_proposal_lost = false;
    height_votes_init(&c->votes, c->height,
                      params_has_extensions(&c->state.params, c->height),
                      c->state.chain_id, keep_set(&c->state.validators, a), a);
}

/* The arena of the height before last makes room for the next height; what
 * the last one voted stays where it is. */
static struct arena *turn_arenas(struct consensus *c)
{
    c->current = 1 - c->current;
    arena_reset(&c->heights[c->current]);
    return &c->heights[c->current];
}

static void begin_height(struct consensus *c, struct arena *a)
{
    c->height = c->state.last_height > 0 ? c->state.last_height + 1
                                         : c->state.initial_height;
    reset_height(c, a);
    core_new_step(c, 0, STEP_NEW_HEIGHT);
}

void core_update_to_state(struct consensus *c, const struct chain_state *chain)
{
    struct arena *a;

    must(chain->last_height == c->height);
    c->last_commit = height_votes_precommits(&c->votes, c->commit_round);
    must(c->last_commit && vote_set_maj23(c->last_commit));
    a = turn_arenas(c);
    must(state_copy(&c->state, chain, a));
    c->start_time = stamp_add(c->commit_time, c->cfg.commit_ns);
    begin_height(c, a);
}

/* The commit that the store has seen for the last height, as votes. */
static bool restore_last_commit(struct consensus             *c,
                                const struct extended_commit *seen,
                                struct arena                 *a)
{
    if (c->state.last_height == 0)
        return true;
    c->last_commit = arena_new(a, struct vote_set);
    if (!c->last_commit || !seen || seen->height != c->state.last_height)
        return false;
    vote_set_init(c->last_commit, seen->height, seen->round, TYPE_PRECOMMIT,
                  params_has_extensions(&c->state.params, seen->height),
                  c->state.chain_id, keep_set(&c->state.last_validators, a), a);
    return vote_set_from_commit(c->last_commit, seen, &c->scratch);
}

static void on_state(struct consensus *c, const struct event *ev)
{
    const struct chain_state *chain = ev->state.chain;
    struct arena             *a;

    if (c->has_state && chain->last_height <= c->state.last_height) {
        core_announce_step(c);
        return;
    }
    a = turn_arenas(c);
    must(state_copy(&c->state, chain, a));
    c->has_state   = true;
    c->needs_proof = ev->state.needs_proof;
    c->last_commit = NULL;
    c->task_count  = 0;
    if (!restore_last_commit(c, ev->state.seen, a)) {
        core_halt(c, "the commit seen for the last block does not hold");
        return;
    }
    /* Nobody waits for our votes of the last height: begin at once. */
    c->start_time = ev->now;
    begin_height(c, a);
}

void core_schedule_round_0(struct consensus *c)
{
    core_set_timer(c, stamp_diff(c->start_time, c->ev->now), 0,
                   STEP_NEW_HEIGHT);
}

static void on_key(struct consensus *c, const struct pubkey *key)
{
    c->key = *key;
    memset(c->address, 0, sizeof c->address);
    if (key->type == KEY_TYPE_NONE)
        return;
    pubkey_address(c->address, key);
    if (c->is_started)
        core_make_up(c);
}

/* ---- events ---- */

static void take_event(struct consensus *c, const struct event *ev)
{
    switch (ev->kind) {
    case EV_STATE: on_state(c, ev); break;
    case EV_START:
        c->is_started = true;
        core_schedule_round_0(c);
        break;
    case EV_KEY: on_key(c, &ev->key); break;
    case EV_PROPOSAL: core_on_proposal(c, ev->proposal); break;
    case EV_PART: core_on_part(c); break;
    case EV_VOTE: core_on_vote(c, ev->vote); break;
    case EV_CLAIM: core_on_claim(c); break;
    case EV_TIMEOUT: core_on_timeout(c, &ev->timeout); break;
    case EV_TXS: core_on_txs(c); break;
    case EV_PREPARED:
    case EV_VALIDATED:
    case EV_EXTENDED:
    case EV_EXTENSION_VERIFIED:
    case EV_SIGNED:
    case EV_APPLIED: break; /* the waiting task reads it */
    }
}

static enum awaiting answer_of(enum event_kind kind)
{
    switch (kind) {
    case EV_PREPARED: return AWAIT_PREPARED;
    case EV_VALIDATED: return AWAIT_VALIDATED;
    case EV_EXTENDED: return AWAIT_EXTENDED;
    case EV_EXTENSION_VERIFIED: return AWAIT_EXTENSION_VERIFIED;
    case EV_SIGNED: return AWAIT_SIGNED;
    case EV_APPLIED: return AWAIT_APPLIED;
    case EV_STATE:
    case EV_START:
    case EV_KEY:
    case EV_PROPOSAL:
    case EV_PART:
    case EV_VOTE:
    case EV_CLAIM:
    case EV_TIMEOUT:
    case EV_TXS: break;
    }
    return AWAIT_NOTHING;
}

static bool is_from_peer(enum event_kind kind)
{
    return kind == EV_PROPOSAL || kind == EV_PART || kind == EV_VOTE ||
           kind == EV_CLAIM;
}

static void run_tasks(struct consensus *c)
{
    while (c->task_count > 0 && c->awaiting == AWAIT_NOTHING && !c->is_halted) {
        struct task t = c->tasks[--c->task_count];

        task_fns[t.kind](c, &t);
    }
}

void consensus_step(struct consensus *c, struct effects *out,
                    const struct event *ev)
{
    size_t changes;

    if (c->is_halted)
        return;
    must(c->has_state || ev->kind == EV_STATE || ev->kind == EV_KEY);
    must(c->awaiting == answer_of(ev->kind));
    c->awaiting = AWAIT_NOTHING;
    c->out      = out;
    c->ev       = ev;
    arena_reset(&c->scratch);
    c->is_heard = !is_from_peer(ev->kind);
    changes     = c->votes.changes;
    take_event(c, ev);
    c->is_heard |= c->votes.changes != changes;
    run_tasks(c);
    c->out = NULL;
    c->ev  = NULL;
}

void consensus_init(struct consensus *c, const struct consensus_config *cfg)
{
    c->cfg            = *cfg;
    c->proposal_parts = c->locked = c->valid = c->own = -1;
    c->locked_round = c->valid_round = c->commit_round = -1;
}

const struct val *consensus_proposer(struct consensus *c)
{
    return validators_proposer(&c->validators);
}

bool consensus_is_validator(const struct consensus *c)
{
    return c->key.type != KEY_TYPE_NONE &&
           validators_find(&c->validators, SPAN_OF(c->address)) >= 0;
}

const struct candidate *consensus_proposal_block(const struct consensus *c)
{
    return c->has_proposal_block ? &c->candidates[c->proposal_parts] : NULL;
}
