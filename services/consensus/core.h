/* core - what the files of the core share among themselves; the shell does
 * not include this.
 *
 * A step of CometBFT is a tree of calls, some of which wait.  Here the calls
 * that remain to be made are tasks on a stack: a rule pushes what follows it
 * (last first), then either returns or asks; core_run goes on when nothing is
 * awaited.  Rules carry the names of their functions in state.go.
 *
 *   consensus.c  events, tasks, heights     state.go: handleMsg, updateToState
 *   rounds.c     enter_new_round ... enter_precommit_wait
 *   commit.c     enter_commit, try_finalize_commit, finalize_commit
 *   proposal.c   candidates, proposals and parts, making a proposal
 *   voting.c     adding votes, signing votes */
#ifndef WARREN_CONSENSUS_CORE_H
#define WARREN_CONSENSUS_CORE_H

#include "consensus/consensus.h"

enum task_kind {
    /* rounds.c */
    TASK_ENTER_NEW_ROUND,
    TASK_ENTER_PROPOSE,
    TASK_PROPOSE_DONE,
    TASK_ENTER_PREVOTE,
    TASK_DO_PREVOTE,
    TASK_PREVOTE_VALIDATED,
    TASK_PREVOTE_DONE,
    TASK_ENTER_PREVOTE_WAIT,
    TASK_ENTER_PRECOMMIT,
    TASK_PRECOMMIT_VALIDATED,
    TASK_PRECOMMIT_DONE,
    TASK_ENTER_PRECOMMIT_WAIT,
    /* commit.c */
    TASK_ENTER_COMMIT,
    TASK_TRY_FINALIZE,
    TASK_COMMIT_VALIDATED,
    TASK_APPLIED,
    TASK_SKIP_COMMIT_WAIT,
    /* proposal.c */
    TASK_DECIDE_PROPOSAL,
    TASK_PREPARED,
    TASK_PROPOSAL_SIGNED,
    /* voting.c */
    TASK_EXTENDED,
    TASK_VOTE_SIGNED,
    TASK_EXTENSION_VERIFIED,
    TASK_KINDS,
};

typedef void task_fn(struct consensus *c, const struct task *t);

task_fn core_enter_new_round, core_enter_propose, core_propose_done,
    core_enter_prevote, core_do_prevote, core_prevote_validated,
    core_prevote_done, core_enter_prevote_wait, core_enter_precommit,
    core_precommit_validated, core_precommit_done, core_enter_precommit_wait,
    core_enter_commit, core_try_finalize, core_commit_validated, core_applied,
    core_skip_commit_wait, core_decide_proposal, core_prepared,
    core_proposal_signed, core_extended, core_vote_signed,
    core_extension_verified;

/* ---- consensus.c ---- */

/* core_emit - the next effect, zeroed but for kind, height and round. */
struct effect *core_emit(struct consensus *c, enum effect_kind kind);
void           core_fact(struct consensus *c, enum fact fact, const char *text);
/* core_refuse - the message at hand, for a static reason. */
void core_refuse(struct consensus *c, const char *why);
void core_halt(struct consensus *c, const char *why);
void core_push(struct consensus *c, enum task_kind kind, int64_t height,
               int32_t round);
/* core_ask - emit a question; then runs when the answer is here. */
struct effect *core_ask(struct consensus *c, enum effect_kind kind,
                        enum task_kind then);
void core_set_timer(struct consensus *c, int64_t duration, int32_t round,
                    enum step step);
void core_new_step(struct consensus *c, int32_t round, enum step step);
/* core_announce_step - tell and note where we are. */
void core_announce_step(struct consensus *c);
/* core_update_to_state - begin the height after chain's last; last_commit is
 * NULL when it has none. */
void core_update_to_state(struct consensus *c, const struct chain_state *chain);
void core_schedule_round_0(struct consensus *c);

/* ---- rounds.c ---- */

void core_on_timeout(struct consensus *c, const struct timeout *t);
void core_on_txs(struct consensus *c);

/* ---- proposal.c ---- */

void core_on_proposal(struct consensus *c, const struct proposal *p);
void core_on_part(struct consensus *c);
bool core_is_proposal_complete(const struct consensus *c);
/* core_candidate_is - is b complete and exactly the block id? */
bool core_candidate_is(const struct consensus *c, int b,
                       const struct block_id *id);
/* core_collect - drop the proposal block for one with this header; true when
 * its parts were not being collected yet. */
bool core_collect(struct consensus *c, const struct part_set_header *h);
void core_announce_valid_block(struct consensus *c);
/* core_check_block - the rules that need no history; NULL when it is valid,
 * else which rule it breaks. */
const char *core_check_block(struct consensus *c, struct candidate *b);
/* core_ask_validity - of evidence and, if asks_app, the application. */
void core_ask_validity(struct consensus *c, const struct candidate *b,
                       bool asks_app, enum task_kind then);

/* ---- voting.c ---- */

void core_on_vote(struct consensus *c, const struct vote *v);
void core_on_claim(struct consensus *c);
/* core_sign_vote - cast ours for a candidate, or for nil (b < 0). */
void core_sign_vote(struct consensus *c, int32_t type, int b);
/* core_make_up - cast what this step lacks of us, now that we can sign. */
void core_make_up(struct consensus *c);

#endif
