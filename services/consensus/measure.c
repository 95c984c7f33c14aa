#include "consensus/measure.h"

#include "base/buf.h"
#include "consensus/journal.h"
#include "loop/loop.h"
#include "metrics/metrics.h"

#include <stdlib.h>

void measure_start(void)
{
    static const char *const verdicts[] = { "accepted", "rejected" };
    static const char *const types[]    = { "prevote", "precommit" };
    static const char *const matches[]  = { "true", "false" };

    for (size_t i = 0; i < 2; i++) {
        metric_add(&metric_consensus_proposal_receive_count, verdicts[i], NULL,
                   0);
        metric_add(&metric_consensus_vote_extension_receive_count, verdicts[i],
                   NULL, 0);
        metric_add(&metric_consensus_late_votes, types[i], NULL, 0);
        metric_add(&metric_consensus_block_gossip_parts_received, matches[i],
                   NULL, 0);
    }
    measure_syncing(false);
    metric_set(&metric_statesync_syncing, NULL, NULL, 0);
    metric_set(&metric_consensus_byzantine_validators, NULL, NULL, 0);
    metric_set(&metric_consensus_byzantine_validators_power, NULL, NULL, 0);
    measure_evidence(0, 0);
}

static const char *address_text(char           out[2 * ADDRESS_BYTES + 1],
                                const uint8_t *address)
{
    struct buf b;

    buf_use(&b, out, 2 * ADDRESS_BYTES + 1);
    buf_hex_upper(&b, SPAN(address, ADDRESS_BYTES));
    return buf_cstr(&b);
}

/* ---- rounds and steps ---- */

static double seconds_since(uint64_t us)
{
    return (double)(now_us() - us) / 1e6;
}

static void new_round(const struct effect *e)
{
    static uint64_t started;

    if (started)
        metric_observe(&metric_consensus_round_duration_seconds, NULL, NULL,
                       seconds_since(started));
    started = now_us();
    metric_set(&metric_consensus_rounds, NULL, NULL, e->round);
    metric_set(&metric_consensus_round_voting_power_percent, "prevote", NULL,
               0);
    metric_set(&metric_consensus_round_voting_power_percent, "precommit", NULL,
               0);
}

/* How much of the last height's precommits came in time for this one. */
static void new_height(struct consensus *c)
{
    const struct vote_set *set   = c->last_commit;
    size_t                 count = 0;

    if (!set)
        return;
    for (size_t i = 0; i < set->vals->n; i++)
        count += set->votes[i] != NULL;
    metric_set(&metric_consensus_precommits_counted, NULL, NULL, (double)count);
    metric_set(&metric_consensus_precommits_staking_percentage, NULL, NULL,
               (double)set->power / (double)set->vals->total);
}

static void new_step(const struct effect *e)
{
    static enum step step;
    static uint64_t  started;

    metric_set(&metric_consensus_height, NULL, NULL, (double)e->height);
    if (e->new_step.step == step)
        return;
    if (started)
        metric_observe(&metric_consensus_step_duration_seconds,
                       step_name(step) + strlen("RoundStep"), NULL,
                       seconds_since(started));
    step    = e->new_step.step;
    started = now_us();
}

static const char *type_name(const struct vote *v)
{
    return v->type == TYPE_PREVOTE ? "prevote" : "precommit";
}

static void new_vote(const struct consensus *c, const struct effect *e)
{
    const struct vote       *v   = e->fact_vote;
    const struct validators *set = &c->state.validators;

    if (v->height == c->height && v->round == c->round &&
        (size_t)v->validator_index < set->n)
        metric_add(
            &metric_consensus_round_voting_power_percent, type_name(v), NULL,
            (double)set->v[v->validator_index].power / (double)set->total);
}

static struct stamp event_time; /* of the event that the core hears */

/* Our clock against the proposer's. */
static void new_proposal(struct consensus *c)
{
    char hex[2 * ADDRESS_BYTES + 1];

    metric_set(&metric_consensus_proposal_offset_seconds,
               address_text(hex, consensus_proposer(c)->address), NULL,
               (double)stamp_diff(event_time, c->proposal->timestamp) / 1e9);
}

static int by_time(const void *a, const void *b)
{
    const struct vote *const *x = a, *const *y = b;

    return stamp_cmp((*x)->timestamp, (*y)->timestamp);
}

/* When, by the voters' clocks, `needed` of voting power had voted; false when
 * less has. */
static bool reached(struct stamp *out, const struct vote_set *set,
                    int64_t needed)
{
    const struct vote **votes = calloc(set->vals->n + 1, sizeof(void *));
    size_t              n     = 0;
    int64_t             power = 0;

    must(votes);
    for (size_t i = 0; i < set->vals->n; i++) {
        votes[n] = vote_set_get(set, i);
        n += votes[n] != NULL;
    }
    qsort(votes, n, sizeof(void *), by_time);
    for (size_t i = 0; i < n && power < needed; i++) {
        power += set->vals->v[votes[i]->validator_index].power;
        *out = votes[i]->timestamp;
    }
    free(votes);
    return power >= needed;
}

static void delay(struct metric *m, struct consensus *c,
                  const struct vote_set *set, bool is_full)
{
    char         hex[2 * ADDRESS_BYTES + 1];
    struct stamp at;

    if (!set ||
        !reached(&at, set,
                 is_full ? set->vals->total : set->vals->total * 2 / 3 + 1))
        return;
    metric_set(m, address_text(hex, consensus_proposer(c)->address), NULL,
               (double)stamp_diff(at, c->proposal->timestamp) / 1e9);
}

static void decided(struct consensus *c)
{
    const struct vote_set *prevotes, *precommits;

    if (!c->proposal)
        return;
    prevotes   = height_votes_prevotes(&c->votes, c->round);
    precommits = height_votes_precommits(&c->votes, c->round);
    delay(&metric_consensus_quorum_prevote_delay, c, prevotes, false);
    delay(&metric_consensus_full_prevote_delay, c, prevotes, true);
    delay(&metric_consensus_quorum_precommit_delay, c, precommits, false);
}

void measure_event(const struct consensus *c, const struct event *ev)
{
    bool is_awaited;

    event_time = ev->now;
    if (ev->kind != EV_PART)
        return;
    is_awaited = ev->part.height == c->height && c->proposal_parts >= 0;
    metric_add(&metric_consensus_block_gossip_parts_received,
               is_awaited ? "true" : "false", NULL, 1);
}

void measure_effect(struct consensus *c, const struct effect *e)
{
    if (e->kind == FX_NEW_STEP)
        new_step(e);
    if (e->kind == FX_APPLY)
        decided(c);
    if (e->kind != FX_FACT)
        return;
    switch (e->fact) {
    case FACT_NEW_ROUND:
        new_round(e);
        if (e->round == 0)
            new_height(c);
        break;
    case FACT_PROPOSAL: new_proposal(c); break;
    case FACT_VOTE: new_vote(c, e); break;
    case FACT_LATE_VOTE:
        metric_add(&metric_consensus_late_votes, type_name(e->fact_vote), NULL,
                   1);
        break;
    case FACT_DUPLICATE_VOTE:
        metric_add(&metric_consensus_duplicate_vote, NULL, NULL, 1);
        break;
    case FACT_DUPLICATE_PART:
        metric_add(&metric_consensus_duplicate_block_part, NULL, NULL, 1);
        break;
    default: break;
    }
}

void measure_proposed(void)
{
    metric_add(&metric_consensus_proposal_create_count, NULL, NULL, 1);
}

void measure_processed(bool is_accepted)
{
    metric_add(&metric_consensus_proposal_receive_count,
               is_accepted ? "accepted" : "rejected", NULL, 1);
}

void measure_extension(bool is_accepted)
{
    metric_add(&metric_consensus_vote_extension_receive_count,
               is_accepted ? "accepted" : "rejected", NULL, 1);
}

/* ---- blocks ---- */

static void our_own(const struct measured_block *m, size_t i)
{
    const struct val *v = &m->last_vals->v[i];
    char              hex[2 * ADDRESS_BYTES + 1];
    const char       *text = address_text(hex, v->address);
    bool              is_there =
        commit_sig_flag(&m->block->last_commit->signatures.v[i]) == FLAG_COMMIT;

    metric_set(&metric_consensus_validator_power, text, NULL, (double)v->power);
    if (is_there)
        metric_set(&metric_consensus_validator_last_signed_height, text, NULL,
                   (double)m->block->header.height);
    metric_add(&metric_consensus_validator_missed_blocks, text, NULL,
               !is_there);
}

static void who_signed(const struct measured_block *m)
{
    const struct commit *c     = m->block->last_commit;
    int64_t              count = 0, power = 0;
    uint8_t              own[ADDRESS_BYTES] = { 0 };

    if (m->key->type != KEY_TYPE_NONE)
        pubkey_address(own, m->key);
    for (size_t i = 0; !m->is_first && i < m->last_vals->n; i++) {
        if (commit_sig_flag(&c->signatures.v[i]) == FLAG_ABSENT) {
            count++;
            power += m->last_vals->v[i].power;
        }
        if (memcmp(m->last_vals->v[i].address, own, sizeof own) == 0)
            our_own(m, i);
    }
    metric_set(&metric_consensus_missing_validators, NULL, NULL, (double)count);
    metric_set(&metric_consensus_missing_validators_power, NULL, NULL,
               (double)power);
}

static void who_lied(const struct measured_block *m)
{
    int64_t count = 0, power = 0;

    for (size_t i = 0; i < m->block->evidence.evidence.n; i++) {
        const struct evidence *e = &m->block->evidence.evidence.v[i];
        int64_t                at;

        if (e->which != EVIDENCE_DUPLICATE_VOTE)
            continue;
        at = validators_find(
            m->vals, e->duplicate_vote_evidence->vote_a->validator_address);
        if (at < 0)
            continue;
        count++;
        power += m->vals->v[at].power;
    }
    metric_add(&metric_consensus_evidence_committed_total, NULL, NULL,
               (double)m->block->evidence.evidence.n);
    metric_set(&metric_consensus_byzantine_validators, NULL, NULL,
               (double)count);
    metric_set(&metric_consensus_byzantine_validators_power, NULL, NULL,
               (double)power);
}

void measure_syncing(bool is_syncing)
{
    metric_set(&metric_blocksync_syncing, NULL, NULL, is_syncing);
}

void measure_latest(int64_t height)
{
    metric_set(&metric_consensus_latest_block_height, NULL, NULL,
               (double)height);
}

void measure_evidence(size_t count, size_t bytes)
{
    metric_set(&metric_consensus_evidence_pending, NULL, NULL, (double)count);
    metric_set(&metric_consensus_evidence_pending_bytes, NULL, NULL,
               (double)bytes);
}

void measure_commit(const struct measured_block *m)
{
    double txs = (double)m->block->data.txs.n;

    metric_set(&metric_consensus_validators, NULL, NULL, (double)m->vals->n);
    metric_set(&metric_consensus_validators_power, NULL, NULL,
               (double)m->vals->total);
    who_signed(m);
    who_lied(m);
    if (!m->is_first)
        metric_observe(&metric_consensus_block_interval_seconds, NULL, NULL,
                       (double)stamp_diff(m->block->header.time, m->last_time) /
                           1e9);
    metric_set(&metric_consensus_num_txs, NULL, NULL, txs);
    metric_add(&metric_consensus_total_txs, NULL, NULL, txs);
    metric_set(&metric_consensus_block_size_bytes, NULL, NULL,
               (double)m->bytes);
    metric_add(&metric_consensus_chain_size_bytes, NULL, NULL,
               (double)m->bytes);
    measure_latest(m->block->header.height);
    metric_observe(&metric_state_block_processing_time, NULL, NULL,
                   (double)m->finalize_us / 1000);
    if (m->has_validator_updates)
        metric_add(&metric_state_validator_set_updates, NULL, NULL, 1);
    if (m->has_param_updates)
        metric_add(&metric_state_consensus_param_updates, NULL, NULL, 1);
}
