#include "consensus/core.h"

static bool is_behind(const struct consensus *c, const struct task *t,
                      enum step step)
{
    return c->height != t->height || t->round < c->round ||
           (c->round == t->round && step <= c->step);
}

/* ---- NewRound, Propose ---- */

/* The application hash of the last block is in no header yet. */
static bool needs_proof_block(const struct consensus *c)
{
    return c->height == c->state.initial_height || c->needs_proof;
}

static bool waits_for_txs(const struct consensus *c)
{
    return (!c->cfg.create_empty_blocks || c->cfg.empty_interval_ns > 0) &&
           c->round == 0 && !c->has_txs && !needs_proof_block(c);
}

void core_enter_new_round(struct consensus *c, const struct task *t)
{
    if (c->height != t->height || t->round < c->round ||
        (c->round == t->round && c->step != STEP_NEW_HEIGHT))
        return;
    if (c->round < t->round)
        validators_increment(&c->validators, t->round - c->round);
    c->round = t->round;
    c->step  = STEP_NEW_ROUND;
    if (t->round != 0) { /* round 0 may have heard its proposal already */
        c->proposal           = NULL;
        c->proposal_parts     = -1;
        c->has_proposal_block = false;
    }
    height_votes_set_round(&c->votes, t->round + 1);
    c->saw_precommit_wait = c->is_proposal_lost = false;
    core_fact(c, FACT_NEW_ROUND, NULL);

    if (!waits_for_txs(c))
        core_push(c, TASK_ENTER_PROPOSE, t->height, t->round);
    else if (c->cfg.empty_interval_ns > 0)
        core_set_timer(c, c->cfg.empty_interval_ns, t->round, STEP_NEW_ROUND);
}

void core_enter_propose(struct consensus *c, const struct task *t)
{
    if (is_behind(c, t, STEP_PROPOSE))
        return;
    core_push(c, TASK_PROPOSE_DONE, t->height, t->round);
    core_set_timer(c, c->cfg.propose_ns + c->cfg.propose_delta_ns * t->round,
                   t->round, STEP_PROPOSE);
    if (consensus_is_validator(c) &&
        memcmp(consensus_proposer(c)->address, c->address, ADDRESS_BYTES) == 0)
        core_push(c, TASK_DECIDE_PROPOSAL, t->height, t->round);
}

void core_propose_done(struct consensus *c, const struct task *t)
{
    core_new_step(c, t->round, STEP_PROPOSE);
    if (core_is_proposal_complete(c) || c->is_proposal_lost)
        core_push(c, TASK_ENTER_PREVOTE, t->height, c->round);
}

/* ---- Prevote ---- */

void core_enter_prevote(struct consensus *c, const struct task *t)
{
    if (is_behind(c, t, STEP_PREVOTE))
        return;
    core_push(c, TASK_PREVOTE_DONE, t->height, t->round);
    core_push(c, TASK_DO_PREVOTE, t->height, t->round);
}

/* The locked block, whatever is proposed; else the proposal if it is valid
 * and the application agrees; else nil. */
void core_do_prevote(struct consensus *c, const struct task *t)
{
    struct candidate *b;
    const char       *why;

    UNUSED(t);
    if (c->locked >= 0) {
        core_sign_vote(c, TYPE_PREVOTE, c->locked);
        return;
    }
    if (!c->has_proposal_block) {
        core_sign_vote(c, TYPE_PREVOTE, -1);
        return;
    }
    b   = &c->candidates[c->proposal_parts];
    why = core_check_block(c, b);
    if (why) {
        core_fact(c, FACT_INVALID_BLOCK, why);
        core_sign_vote(c, TYPE_PREVOTE, -1);
        return;
    }
    core_ask_validity(c, b, true, TASK_PREVOTE_VALIDATED);
}

void core_prevote_validated(struct consensus *c, const struct task *t)
{
    bool is_valid = c->ev->verdict == VERDICT_ACCEPT;

    UNUSED(t);
    if (is_valid)
        c->candidates[c->proposal_parts].is_evidence_checked = true;
    else
        core_fact(c, FACT_REJECTED_BLOCK, NULL);
    core_sign_vote(c, TYPE_PREVOTE, is_valid ? c->proposal_parts : -1);
}

void core_prevote_done(struct consensus *c, const struct task *t)
{
    core_new_step(c, t->round, STEP_PREVOTE);
}

void core_enter_prevote_wait(struct consensus *c, const struct task *t)
{
    if (is_behind(c, t, STEP_PREVOTE_WAIT))
        return;
    must(vote_set_has_any(height_votes_prevotes(&c->votes, t->round)));
    core_set_timer(c, c->cfg.prevote_ns + c->cfg.prevote_delta_ns * t->round,
                   t->round, STEP_PREVOTE_WAIT);
    core_new_step(c, t->round, STEP_PREVOTE_WAIT);
}

/* ---- Precommit ---- */

static void unlock(struct consensus *c)
{
    c->locked_round = -1;
    c->locked       = -1;
    core_fact(c, FACT_UNLOCK, NULL);
}

static void lock_proposal(struct consensus *c, int32_t round)
{
    c->locked_round = round;
    c->locked       = c->proposal_parts;
    core_fact(c, FACT_LOCK, NULL);
    core_sign_vote(c, TYPE_PRECOMMIT, c->locked);
}

/* +2/3 want the proposal: it must be valid, or they are not honest. */
static void try_lock_proposal(struct consensus *c, int32_t round)
{
    struct candidate *b   = &c->candidates[c->proposal_parts];
    const char       *why = core_check_block(c, b);

    if (why) {
        core_fact(c, FACT_INVALID_BLOCK, why);
        core_halt(c, "+2/3 prevoted for an invalid block");
    } else if (b->block->evidence.evidence.n > 0 && !b->is_evidence_checked) {
        core_ask_validity(c, b, false, TASK_PRECOMMIT_VALIDATED);
    } else {
        lock_proposal(c, round);
    }
}

void core_precommit_validated(struct consensus *c, const struct task *t)
{
    if (c->ev->verdict != VERDICT_ACCEPT) {
        core_halt(c, "+2/3 prevoted for a block with invalid evidence");
        return;
    }
    c->candidates[c->proposal_parts].is_evidence_checked = true;
    lock_proposal(c, t->round);
}

/* What +2/3 of the prevotes say, if they say anything. */
static void follow_polka(struct consensus *c, const struct block_id *polka,
                         int32_t round)
{
    core_fact(c, FACT_POLKA, NULL);
    if (block_id_is_nil(polka)) {
        if (c->locked >= 0)
            unlock(c);
        core_sign_vote(c, TYPE_PRECOMMIT, -1);
    } else if (core_candidate_is(c, c->locked, polka)) {
        c->locked_round = round;
        core_fact(c, FACT_RELOCK, NULL);
        core_sign_vote(c, TYPE_PRECOMMIT, c->locked);
    } else if (c->has_proposal_block &&
               core_candidate_is(c, c->proposal_parts, polka)) {
        try_lock_proposal(c, round);
    } else { /* a block that we do not have: fetch it */
        unlock(c);
        core_collect(c, &polka->part_set_header);
        core_sign_vote(c, TYPE_PRECOMMIT, -1);
    }
}

void core_enter_precommit(struct consensus *c, const struct task *t)
{
    const struct block_id *polka;

    if (is_behind(c, t, STEP_PRECOMMIT))
        return;
    core_push(c, TASK_PRECOMMIT_DONE, t->height, t->round);
    polka = vote_set_maj23(height_votes_prevotes(&c->votes, t->round));
    if (polka)
        follow_polka(c, polka, t->round);
    else
        core_sign_vote(c, TYPE_PRECOMMIT, -1);
}

void core_precommit_done(struct consensus *c, const struct task *t)
{
    core_new_step(c, t->round, STEP_PRECOMMIT);
}

void core_enter_precommit_wait(struct consensus *c, const struct task *t)
{
    if (c->height != t->height || t->round < c->round ||
        (c->round == t->round && c->saw_precommit_wait))
        return;
    must(vote_set_has_any(height_votes_precommits(&c->votes, t->round)));
    core_set_timer(c,
                   c->cfg.precommit_ns + c->cfg.precommit_delta_ns * t->round,
                   t->round, STEP_PRECOMMIT_WAIT);
    c->saw_precommit_wait = true;
    core_announce_step(c);
}

/* ---- what comes from outside ---- */

void core_on_timeout(struct consensus *c, const struct timeout *t)
{
    if (t->height != c->height || t->round < c->round ||
        (t->round == c->round && t->step < c->step))
        return;
    switch (t->step) {
    case STEP_NEW_HEIGHT:
        core_push(c, TASK_ENTER_NEW_ROUND, t->height, 0);
        break;
    case STEP_NEW_ROUND:
        core_push(c, TASK_ENTER_PROPOSE, t->height, t->round);
        break;
    case STEP_PROPOSE:
        core_fact(c, FACT_TIMEOUT_PROPOSE, NULL);
        core_push(c, TASK_ENTER_PREVOTE, t->height, t->round);
        break;
    case STEP_PREVOTE_WAIT:
        core_fact(c, FACT_TIMEOUT_WAIT, NULL);
        core_push(c, TASK_ENTER_PRECOMMIT, t->height, t->round);
        break;
    case STEP_PRECOMMIT_WAIT:
        core_fact(c, FACT_TIMEOUT_WAIT, NULL);
        core_push(c, TASK_ENTER_NEW_ROUND, t->height, t->round + 1);
        core_push(c, TASK_ENTER_PRECOMMIT, t->height, t->round);
        break;
    case STEP_PREVOTE:
    case STEP_PRECOMMIT:
    case STEP_COMMIT: break; /* no timer has these */
    }
}

/* In NewHeight, enter_new_round will see it (CometBFT sets a second timer
 * there, which makes it skip enter_new_round). */
void core_on_txs(struct consensus *c)
{
    c->has_txs = true;
    if (c->round == 0 && c->step == STEP_NEW_ROUND)
        core_push(c, TASK_ENTER_PROPOSE, c->height, 0);
}
