/* What the network does on purpose: it holds back the very proposal, prevotes
 * or precommits that some are waiting for until they have given up waiting. */
#include "sim.h"

static unsigned some_of(unsigned n)
{
    unsigned all = (1U << n) - 1, one = 1U << rng_below(&W.rng, n);

    switch (rng_below(&W.rng, 5)) {
    case 0: return one;
    case 1: return one | 1U << rng_below(&W.rng, n);
    case 2: return all & ~one;
    case 3: return all & ~one & ~(1U << rng_below(&W.rng, n));
    default: return (unsigned)rng_next(&W.rng) & all;
    }
}

static unsigned one_of(unsigned n)
{
    return 1U << rng_below(&W.rng, n);
}

/* One misses the proposal and prevotes nil; so the others have prevotes of
 * +2/3, and one or two votes more or less decide who sees a quorum. */
static void split(struct aim *a)
{
    unsigned vals = (unsigned)W.plan.validators, nodes = (unsigned)W.node_count;
    unsigned all = (1U << nodes) - 1;

    a->to[0]   = one_of(nodes);
    a->from[1] = one_of(vals);
    if (vals == 7 || rng_chance(&W.rng, 20))
        a->from[1] |= one_of(vals);
    a->to[1] = all & ~one_of(nodes);
    if (rng_chance(&W.rng, 40))
        a->to[1] &= ~one_of(nodes);
    if (rng_chance(&W.rng, 60)) {
        a->from[2] = one_of(vals) | one_of(vals);
        a->to[2]   = some_of(nodes);
    }
}

static void scatter(struct aim *a)
{
    unsigned vals = (unsigned)W.plan.validators, nodes = (unsigned)W.node_count;

    if (rng_chance(&W.rng, 70))
        a->to[0] = some_of(nodes);
    for (int i = 1; i < 3 && rng_chance(&W.rng, 80); i++) {
        a->from[i] = some_of(vals);
        a->to[i]   = some_of(nodes);
    }
}

static void choose(struct aim *a, int32_t round)
{
    int64_t more = (int64_t)rng_below(&W.rng, 500 + 100 * (uint64_t)round);

    a->is_chosen = true;
    if (!rng_chance(&W.rng, W.plan.aim))
        return;
    if (rng_chance(&W.rng, 60))
        split(a);
    else
        scatter(a);
    a->from[0]  = 1;
    a->lasts[0] = (300 + 100 * round + more) * MS;
    a->lasts[1] = a->lasts[2] = (150 + 50 * round + more) * MS;
}

static int64_t held(int64_t height, int32_t round, int kind, int from, int to)
{
    struct aim *a;

    if (height >= HEIGHTS_MAX || round >= AIM_ROUNDS)
        return 0;
    a = &W.aims[height][round];
    if (!a->is_chosen)
        choose(a, round);
    if (a->until[kind] == 0)
        a->until[kind] = W.now + a->lasts[kind];
    if (!(a->from[kind] >> from & 1) || !(a->to[kind] >> to & 1) ||
        a->until[kind] <= W.now)
        return 0;
    tally(TALLY_HELD);
    return a->until[kind] - W.now;
}

int64_t aim_delay(const struct consensus_msg *m, int to)
{
    const struct vote *v;

    if (W.is_fair || W.plan.aim == 0)
        return 0;
    switch (m->which) {
    case CONSENSUS_PROPOSAL:
        return held(m->proposal->proposal.height, m->proposal->proposal.round,
                    0, 0, to);
    case CONSENSUS_BLOCK_PART:
        return held(m->block_part->height, m->block_part->round, 0, 0, to);
    case CONSENSUS_VOTE:
        v = m->vote->vote;
        return held(v->height, v->round, v->type, v->validator_index, to);
    default: return 0;
    }
}
