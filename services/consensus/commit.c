#include "consensus/core.h"

void core_enter_commit(struct consensus *c, const struct task *t)
{
    const struct block_id *id;

    if (c->height != t->height || c->step >= STEP_COMMIT)
        return;
    id = vote_set_maj23(height_votes_precommits(&c->votes, t->round));
    must(id);
    if (core_candidate_is(c, c->locked, id)) {
        c->proposal_parts     = c->locked;
        c->has_proposal_block = true;
    }
    if (!c->has_proposal_block ||
        !core_candidate_is(c, c->proposal_parts, id)) {
        /* CometBFT is silent when the parts are being collected already; but
         * a peer may have sent some before we knew what they are of, and
         * counts them as ours. */
        core_collect(c, &id->part_set_header);
        core_announce_valid_block(c);
    }
    c->commit_round = t->round;
    c->commit_time  = c->ev->now;
    core_new_step(c, c->round, STEP_COMMIT);
    core_push(c, TASK_TRY_FINALIZE, t->height, t->round);
}

static const struct block_id *decided(const struct consensus *c)
{
    return vote_set_maj23(height_votes_precommits(&c->votes, c->commit_round));
}

static void apply_block(struct consensus *c)
{
    struct candidate *b = &c->candidates[c->proposal_parts];
    struct effect    *e = core_ask(c, FX_APPLY, TASK_APPLIED);

    e->apply.id          = b->id;
    e->apply.block       = b->block;
    e->apply.parts       = &b->parts;
    e->apply.is_extended = c->votes.is_extended;
    e->apply.seen        = vote_set_commit(
               height_votes_precommits(&c->votes, c->commit_round), &c->scratch);
    must(e->apply.seen);
}

/* Once the block is here and +2/3 have precommitted it. */
void core_try_finalize(struct consensus *c, const struct task *t)
{
    const struct block_id *id = decided(c);
    struct candidate      *b;
    const char            *why;

    if (c->height != t->height || c->step != STEP_COMMIT || !id ||
        block_id_is_nil(id) || !c->has_proposal_block ||
        !core_candidate_is(c, c->proposal_parts, id))
        return;
    b   = &c->candidates[c->proposal_parts];
    why = core_check_block(c, b);
    if (why) {
        core_fact(c, FACT_INVALID_BLOCK, why);
        core_halt(c, "+2/3 committed an invalid block");
    } else if (b->block->evidence.evidence.n > 0 && !b->is_evidence_checked) {
        core_ask_validity(c, b, false, TASK_COMMIT_VALIDATED);
    } else {
        apply_block(c);
    }
}

void core_commit_validated(struct consensus *c, const struct task *t)
{
    UNUSED(t);
    if (c->ev->verdict != VERDICT_ACCEPT) {
        core_halt(c, "+2/3 committed a block with invalid evidence");
        return;
    }
    c->candidates[c->proposal_parts].is_evidence_checked = true;
    apply_block(c);
}

void core_applied(struct consensus *c, const struct task *t)
{
    const struct chain_state *next = c->ev->applied;
    const struct header *header = &consensus_proposal_block(c)->block->header;

    UNUSED(t);
    c->needs_proof = !span_eq(next->app_hash, header->app_hash);
    core_update_to_state(c, next);
    core_schedule_round_0(c);
}

/* All have precommitted: nobody is left to wait for. */
void core_skip_commit_wait(struct consensus *c, const struct task *t)
{
    UNUSED(t);
    core_push(c, TASK_ENTER_NEW_ROUND, c->height, 0);
}
