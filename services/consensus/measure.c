#include "consensus/measure.h"

#include "base/buf.h"
#include "consensus/journal.h"
#include "loop/loop.h"
#include "metrics/metrics.h"

/* Eight from 0.1 to 100, evenly on a logarithmic scale. */
static const double duration_buckets[] = {
    0.1,
    0.26827957952797253,
    0.7196856730011518,
    1.9306977288832496,
    5.179474679231209,
    13.89495494373137,
    37.27593720314938,
    99.99999999999993,
};
static const double interval_buckets[]   = { .005, .01, .025, .05, .1, .25,
                                             .5,   1,   2.5,  5,   10 };
static const double processing_buckets[] = { 1,  11, 21, 31, 41,
                                             51, 61, 71, 81, 91 };

#define GAUGE(var, n, text, ...)                                               \
    static struct metric var = { .subsystem = "consensus",                     \
                                 .name      = (n),                             \
                                 .help      = (text),                          \
                                 .kind      = METRIC_GAUGE,                    \
                                 .labels    = { __VA_ARGS__ } }
#define COUNTER(var, n, text, ...)                                             \
    static struct metric var = { .subsystem = "consensus",                     \
                                 .name      = (n),                             \
                                 .help      = (text),                          \
                                 .kind      = METRIC_COUNTER,                  \
                                 .labels    = { __VA_ARGS__ } }
#define HISTOGRAM(var, sub, n, text, b, ...)                                   \
    static struct metric var = { .subsystem    = (sub),                        \
                                 .name         = (n),                          \
                                 .help         = (text),                       \
                                 .kind         = METRIC_HISTOGRAM,             \
                                 .labels       = { __VA_ARGS__ },              \
                                 .buckets      = (b),                          \
                                 .bucket_count = COUNT(b) }

GAUGE(height, "height", "Height of the chain.", NULL);
GAUGE(latest, "latest_block_height", "The latest block height.", NULL);
GAUGE(rounds, "rounds", "Number of rounds.", NULL);
static struct metric evidence_count = {
    .subsystem = "evidence_pool",
    .name      = "num_evidence",
    .help      = "Pieces of evidence that are pending.",
    .kind      = METRIC_GAUGE,
};
static struct metric evidence_size_sum = {
    .subsystem = "evidence_pool",
    .name      = "bytes",
    .help      = "Size of the evidence that is pending.",
    .kind      = METRIC_GAUGE,
};
GAUGE(validators, "validators", "Number of validators.", NULL);
GAUGE(validators_power, "validators_power", "Total power of all validators.",
      NULL);
GAUGE(validator_power, "validator_power", "Power of a validator.",
      "validator_address");
GAUGE(last_signed, "validator_last_signed_height",
      "Last height signed by this validator if the node is a validator.",
      "validator_address");
GAUGE(missed, "validator_missed_blocks",
      "Amount of blocks missed per validator.", "validator_address");
GAUGE(missing, "missing_validators", "Number of validators who did not sign.",
      NULL);
GAUGE(missing_power, "missing_validators_power",
      "Total power of the missing validators.", NULL);
GAUGE(byzantine, "byzantine_validators",
      "Number of validators who tried to double sign.", NULL);
GAUGE(byzantine_power, "byzantine_validators_power",
      "Total power of the byzantine validators.", NULL);
GAUGE(num_txs, "num_txs", "Number of transactions.", NULL);
GAUGE(block_size, "block_size_bytes", "Size of the block.", NULL);
GAUGE(total_txs, "total_txs", "Total number of transactions.", NULL);
GAUGE(voting_power, "round_voting_power_percent",
      "RoundVotingPowerPercent is the percentage of the total voting power"
      " received with a round.",
      "vote_type");
COUNTER(chain_size, "chain_size_bytes", "Size of the chain in bytes.", NULL);
COUNTER(duplicate_part, "duplicate_block_part",
        "Number of times we received a duplicate block part.", NULL);
COUNTER(duplicate_vote, "duplicate_vote",
        "Number of times we received a duplicate vote.", NULL);
COUNTER(late_votes, "late_votes",
        "LateVotes stores the number of votes that were received by this node"
        " that correspond to earlier heights and rounds than this node is"
        " currently in.",
        "vote_type");
COUNTER(proposals, "proposal_create_count",
        "ProposalCreationCount is the total number of proposals created by"
        " this node since process start.",
        NULL);
COUNTER(received, "proposal_receive_count",
        "ProposalReceiveCount is the total number of proposals received by"
        " this node since process start.",
        "status");
COUNTER(extensions, "vote_extension_receive_count",
        "VoteExtensionReceiveCount is the number of vote extensions received"
        " by this node.",
        "status");
HISTOGRAM(round_duration, "consensus", "round_duration_seconds",
          "Histogram of round duration.", duration_buckets, NULL);
HISTOGRAM(step_duration, "consensus", "step_duration_seconds",
          "Histogram of durations for each step in the consensus protocol.",
          duration_buckets, "step");
HISTOGRAM(block_interval, "consensus", "block_interval_seconds",
          "Time between this and the last block.", interval_buckets, NULL);
HISTOGRAM(processing, "state", "block_processing_time",
          "Time spent processing FinalizeBlock", processing_buckets, NULL);

static struct metric param_updates = {
    .subsystem = "state",
    .name      = "consensus_param_updates",
    .help      = "ConsensusParamUpdates is the total number of times the"
                 " application has updated the consensus params since process"
                 " start.",
    .kind      = METRIC_COUNTER,
};
static struct metric validator_updates = {
    .subsystem = "state",
    .name      = "validator_set_updates",
    .help      = "ValidatorSetUpdates is the total number of times the"
                 " application has updated the validator set since process"
                 " start.",
    .kind      = METRIC_COUNTER,
};
static struct metric syncing = {
    .subsystem = "blocksync",
    .name      = "syncing",
    .help      = "Whether or not a node is block syncing. 1 if yes, 0 if no.",
    .kind      = METRIC_GAUGE,
};

void measure_start(void)
{
    struct metric *counters[] = { &duplicate_part, &duplicate_vote,
                                  &proposals,      &chain_size,
                                  &param_updates,  &validator_updates };

    for (size_t i = 0; i < COUNT(counters); i++)
        metric_add(counters[i], NULL, NULL, 0);
    metric_set(&syncing, NULL, NULL, 0);
    metric_set(&byzantine, NULL, NULL, 0);
    metric_set(&byzantine_power, NULL, NULL, 0);
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
        metric_observe(&round_duration, NULL, NULL, seconds_since(started));
    started = now_us();
    metric_set(&rounds, NULL, NULL, e->round);
    metric_set(&voting_power, "prevote", NULL, 0);
    metric_set(&voting_power, "precommit", NULL, 0);
}

static void new_step(const struct effect *e)
{
    static enum step step;
    static uint64_t  started;

    metric_set(&height, NULL, NULL, (double)e->height);
    if (e->new_step.step == step)
        return;
    if (started)
        metric_observe(&step_duration, step_name(step) + strlen("RoundStep"),
                       NULL, seconds_since(started));
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
        metric_add(&voting_power, type_name(v), NULL,
                   (double)set->v[v->validator_index].power /
                       (double)set->total);
}

void measure_effect(const struct consensus *c, const struct effect *e)
{
    if (e->kind == FX_NEW_STEP)
        new_step(e);
    if (e->kind != FX_FACT)
        return;
    switch (e->fact) {
    case FACT_NEW_ROUND: new_round(e); break;
    case FACT_VOTE: new_vote(c, e); break;
    case FACT_LATE_VOTE:
        metric_add(&late_votes, type_name(e->fact_vote), NULL, 1);
        break;
    case FACT_DUPLICATE_VOTE: metric_add(&duplicate_vote, NULL, NULL, 1); break;
    case FACT_DUPLICATE_PART: metric_add(&duplicate_part, NULL, NULL, 1); break;
    default: break;
    }
}

void measure_proposed(void)
{
    metric_add(&proposals, NULL, NULL, 1);
}

void measure_processed(bool is_accepted)
{
    metric_add(&received, is_accepted ? "accepted" : "rejected", NULL, 1);
}

void measure_extension(bool is_accepted)
{
    metric_add(&extensions, is_accepted ? "accepted" : "rejected", NULL, 1);
}

/* ---- blocks ---- */

static void our_own(const struct measured_block *m, size_t i)
{
    const struct val *v = &m->last_vals->v[i];
    char              text[2 * ADDRESS_BYTES + 1];
    struct buf        b;

    buf_use(&b, text, sizeof text);
    buf_hex_upper(&b, SPAN_OF(v->address));
    metric_set(&validator_power, buf_cstr(&b), NULL, (double)v->power);
    if (commit_sig_flag(&m->block->last_commit->signatures.v[i]) == FLAG_COMMIT)
        metric_set(&last_signed, buf_cstr(&b), NULL,
                   (double)m->block->header.height);
    else
        metric_add(&missed, buf_cstr(&b), NULL, 1);
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
    metric_set(&missing, NULL, NULL, (double)count);
    metric_set(&missing_power, NULL, NULL, (double)power);
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
    metric_set(&byzantine, NULL, NULL, (double)count);
    metric_set(&byzantine_power, NULL, NULL, (double)power);
}

void measure_evidence(size_t count, size_t bytes)
{
    metric_set(&evidence_count, NULL, NULL, (double)count);
    metric_set(&evidence_size_sum, NULL, NULL, (double)bytes);
}

void measure_commit(const struct measured_block *m)
{
    double txs = (double)m->block->data.txs.n;

    metric_set(&validators, NULL, NULL, (double)m->vals->n);
    metric_set(&validators_power, NULL, NULL, (double)m->vals->total);
    who_signed(m);
    who_lied(m);
    if (!m->is_first)
        metric_observe(&block_interval, NULL, NULL,
                       (double)stamp_diff(m->block->header.time, m->last_time) /
                           1e9);
    metric_set(&num_txs, NULL, NULL, txs);
    metric_add(&total_txs, NULL, NULL, txs);
    metric_set(&block_size, NULL, NULL, (double)m->bytes);
    metric_add(&chain_size, NULL, NULL, (double)m->bytes);
    metric_set(&latest, NULL, NULL, (double)m->block->header.height);
    metric_observe(&processing, NULL, NULL, (double)m->finalize_us / 1000);
    if (m->has_validator_updates)
        metric_add(&validator_updates, NULL, NULL, 1);
    if (m->has_param_updates)
        metric_add(&param_updates, NULL, NULL, 1);
}
