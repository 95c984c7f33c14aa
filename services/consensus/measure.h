/* measure - numbers for operators, with CometBFT's names and meanings. */
#ifndef WARREN_CONSENSUS_MEASURE_H
#define WARREN_CONSENSUS_MEASURE_H

#include "consensus/consensus.h"

/* measure_start - so that what has not happened yet reads 0. */
void measure_start(void);

/* measure_event - before the core hears it. */
void measure_event(const struct consensus *c, const struct event *ev);
/* measure_effect - facts and steps. */
void measure_effect(struct consensus *c, const struct effect *e);
void measure_syncing(bool is_syncing);
void measure_latest(int64_t height);
void measure_proposed(void);
void measure_processed(bool is_accepted);
void measure_extension(bool is_accepted);
/* measure_evidence - that is pending. */
void measure_evidence(size_t count, size_t bytes);

/* What a committed block shows; vals is the set of its height, last_vals that
 * of its last commit. */
struct measured_block {
    const struct block      *block;
    size_t                   bytes;
    const struct validators *vals, *last_vals;
    struct stamp             last_time; /* of the block before */
    bool                     is_first;
    const struct pubkey     *key; /* ours */
    uint64_t                 finalize_us;
    bool                     has_validator_updates, has_param_updates;
};
void measure_commit(const struct measured_block *m);

#endif
