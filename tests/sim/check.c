/* What must hold.  Nothing here asks the cores: it is computed from all that
 * was signed, counting evil validators as having signed everything. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

void check_failed(const char *fmt, ...)
{
    va_list ap;

    if (W.violation[0])
        return;
    va_start(ap, fmt);
    vsnprintf(W.violation, sizeof W.violation, fmt, ap);
    va_end(ap);
    world_say("VIOLATION %s", W.violation);
}

/* ---- blocks ---- */

int check_block(int64_t height, const struct block_id *id)
{
    size_t             *n = &W.block_count[height];
    struct known_block *b;

    if (block_id_is_nil(id))
        return 0;
    for (size_t i = 1; i < *n; i++)
        if (block_id_eq(&W.blocks[height][i].id, id))
            return (int)i;
    if (*n == 0)
        *n = 1;
    if (*n >= BLOCKS_MAX) {
        W.is_over = true;
        return BLOCKS_MAX - 1;
    }
    b = &W.blocks[height][(*n)++];
    memset(b, 0, sizeof *b);
    must(block_id_copy(&b->id, id, &W.arena));
    return (int)*n - 1;
}

int check_new_block(int64_t height, const struct block *b,
                    const struct part_set *parts)
{
    struct hash         hash;
    struct block_id     id = { .part_set_header = part_set_header(parts) };
    struct known_block *k;
    int                 i;

    must(header_hash(&hash, &b->header));
    id.hash   = hash_span(&hash);
    i         = check_block(height, &id);
    k         = &W.blocks[height][i];
    k->parts  = *parts;
    k->time   = b->header.time;
    k->is_bad = b->data.txs.n > 0 && span_eq(b->data.txs.v[0], span_str("bad"));
    return i;
}

const char *block_name(int64_t height, const struct block_id *id)
{
    static char text[4][16];
    static int  turn;
    int         i = check_block(height, id);

    turn = (turn + 1) % 4;
    if (i == 0)
        snprintf(text[turn], sizeof text[turn], "nil");
    else if (i <= 26)
        snprintf(text[turn], sizeof text[turn], "%c", 'A' + i - 1);
    else
        snprintf(text[turn], sizeof text[turn], "B%d", i);
    return text[turn];
}

/* ---- quorums, counted again ---- */

static bool is_quorum(int64_t height, int64_t power)
{
    int64_t total = 0;

    for (size_t i = 0; i < W.plan.keys; i++)
        total += W.power[height][i];
    return 3 * power > 2 * total;
}

static bool may_have(int64_t height, int32_t round, int32_t type, uint64_t set)
{
    int64_t power = 0;

    for (size_t i = 0; i < W.plan.keys; i++)
        if (W.plan.role[i] != ROLE_HONEST ||
            (W.said[height][round][type - 1][i] & set))
            power += W.power[height][i];
    return is_quorum(height, power);
}

static bool has_polka(int64_t height, int32_t round, int block)
{
    return may_have(height, round, TYPE_PREVOTE, UINT64_C(1) << block);
}

/* +2/3 for any one value but this; -1: for any. */
static bool has_other_polka(int64_t height, int32_t round, int but)
{
    int n = W.block_count[height] ? (int)W.block_count[height] : 1;

    for (int i = 0; i < n; i++)
        if (i != but && has_polka(height, round, i))
            return true;
    return false;
}

/* ---- whose turn ---- */

static int turn_of(int64_t *priority)
{
    int     best  = 0;
    int64_t total = 0;

    for (int i = 0; i < (int)W.plan.validators; i++) {
        priority[i] += W.plan.power[i];
        total += W.plan.power[i];
    }
    for (int i = 1; i < (int)W.plan.validators; i++)
        if (priority[i] > priority[best] ||
            (priority[i] == priority[best] &&
             memcmp(W.genesis.validators.v[i].address,
                    W.genesis.validators.v[best].address, ADDRESS_BYTES) < 0))
            best = i;
    priority[best] -= total;
    return best;
}

static int own_count(int64_t height, int32_t round)
{
    int64_t priority[VALS_MAX] = { 0 };
    int     val                = 0;

    for (int64_t i = 0; i < height + round; i++)
        val = turn_of(priority);
    return val;
}

static int count_in_set(int64_t height, int32_t round)
{
    size_t            mark = W.arena.used;
    struct validators s;
    int               val;

    must(validators_copy(&s, &W.sets[height], &W.arena));
    validators_increment(&s, round);
    val          = sets_val(SPAN_OF(validators_proposer(&s)->address));
    W.arena.used = mark;
    return val;
}

int check_proposer(int64_t height, int32_t round)
{
    int8_t *known = &W.proposers[height][round];

    if (*known == 0)
        *known = (int8_t)(1 + (W.plan.changes ? count_in_set(height, round)
                                              : own_count(height, round)));
    return *known - 1;
}

/* ---- votes ---- */

static bool is_tracked(int64_t height, int32_t round)
{
    if (height < HEIGHTS_MAX - 1 && round < ROUNDS_MAX - 1)
        return true;
    W.is_over = true;
    return false;
}

static int only_block(uint64_t set)
{
    return set > 1 ? __builtin_ctzll(set & ~UINT64_C(1)) : 0;
}

/* A validator that precommitted a block prevotes another only after +2/3
 * prevoted something else since. */
static void check_lock(const struct node *n, int val, const struct vote *v,
                       int block)
{
    int32_t r = v->round - 1;
    int     locked;

    while (r >= 0 && only_block(W.said[v->height][r][1][val]) == 0)
        r--;
    if (r < 0)
        return;
    locked = only_block(W.said[v->height][r][1][val]);
    if (locked == block)
        return;
    for (int32_t i = r + 1; i <= v->round; i++)
        if (has_other_polka(v->height, i, locked))
            return;
    check_failed("lock: n%d precommitted %c in h%" PRId64 " r%d and prevotes"
                 " %s in r%d",
                 n->index, 'A' + locked - 1, v->height, r,
                 block_name(v->height, &v->block_id), v->round);
}

static bool was_precommitted(int64_t height, int32_t before, int val, int block)
{
    for (int32_t r = 0; r < before; r++)
        if (W.said[height][r][1][val] >> block & 1)
            return true;
    return false;
}

/* It was proposed, and what the proposal says of older rounds is true. */
static void check_proposed(const struct node *n, int val, const struct vote *v,
                           int block)
{
    uint64_t pols = W.blocks[v->height][block].pols[v->round];

    if (was_precommitted(v->height, v->round, val, block))
        return;
    if (W.blocks[v->height][block].is_bad)
        check_failed("validity: n%d prevotes a block that does not hold",
                     n->index);
    /* What +2/3 prevote is collected whatever was proposed. */
    if ((pols & 1) || has_polka(v->height, v->round, block))
        return;
    /* Whoever waited in vain asks for no proof. */
    if (pols && n->late_height == v->height && n->late_round == v->round)
        return;
    for (int32_t r = 0; r < v->round; r++)
        if (pols >> (r + 1) & 1 && has_other_polka(v->height, r, -1))
            return;
    check_failed("proposal: n%d prevotes %s in h%" PRId64 " r%d, %s", n->index,
                 block_name(v->height, &v->block_id), v->height, v->round,
                 pols ? "whose proof there cannot be"
                      : "which nobody proposed");
}

static void check_time(const struct node *n, const struct vote *v, int block)
{
    if (stamp_cmp(v->timestamp, W.blocks[v->height][block].time) <= 0)
        check_failed("time: n%d votes for %s before its time", n->index,
                     block_name(v->height, &v->block_id));
}

void check_vote(const struct node *n, int val, const struct vote *v)
{
    int       block = check_block(v->height, &v->block_id);
    uint64_t *said;

    if (!is_tracked(v->height, v->round))
        return;
    world_say("n%d %s %s h%" PRId64 " r%d", n->index,
              v->type == TYPE_PREVOTE ? "prevotes" : "precommits",
              block_name(v->height, &v->block_id), v->height, v->round);
    if (!node_is_honest(n))
        return;
    said = &W.said[v->height][v->round][v->type - 1][val];
    if (*said & ~(UINT64_C(1) << block))
        check_failed("double vote: n%d, h%" PRId64 " r%d", n->index, v->height,
                     v->round);
    if (v->type == TYPE_PREVOTE) {
        check_lock(n, val, v, block);
        if (block)
            check_proposed(n, val, v, block);
    } else if (block && !has_polka(v->height, v->round, block)) {
        check_failed(
            "polka: n%d precommits %s without +2/3 prevotes in h%" PRId64
            " r%d",
            n->index, block_name(v->height, &v->block_id), v->height, v->round);
    }
    if (block)
        check_time(n, v, block);
    *said |= UINT64_C(1) << block;
}

void check_proposal(const struct node *n, int val, const struct proposal *p)
{
    int block = check_block(p->height, &p->block_id);

    if (!is_tracked(p->height, p->round))
        return;
    world_say("n%d proposes %s h%" PRId64 " r%d pol %d", n->index,
              block_name(p->height, &p->block_id), p->height, p->round,
              p->pol_round);
    W.blocks[p->height][block].pols[p->round] |= UINT64_C(1)
                                                 << (p->pol_round + 1);
    if (!node_is_honest(n))
        return;
    if (W.proposed[p->height][p->round][val] &&
        W.proposed[p->height][p->round][val] != block)
        check_failed("double proposal: n%d, h%" PRId64 " r%d", n->index,
                     p->height, p->round);
    W.proposed[p->height][p->round][val] = (uint8_t)block;
    if (p->pol_round >= 0)
        tally(TALLY_POLS);
    if (val != check_proposer(p->height, p->round))
        check_failed("turn: n%d proposes in h%" PRId64 " r%d", n->index,
                     p->height, p->round);
    if (p->pol_round >= 0 && !has_polka(p->height, p->pol_round, block))
        check_failed("proposal: n%d proposes %s with a proof that cannot be",
                     n->index, block_name(p->height, &p->block_id));
}

/* ---- decisions ---- */

static bool can_be_decided(int64_t height, int block)
{
    for (int32_t r = 0; r < ROUNDS_MAX; r++)
        if (may_have(height, r, TYPE_PRECOMMIT, UINT64_C(1) << block))
            return true;
    return false;
}

static void check_header(const struct node *n, const struct header *h)
{
    int64_t             last = h->height - 1;
    struct known_block *b;

    if (last < 1)
        return;
    b = &W.blocks[last][W.decided[last]];
    if (!block_id_eq(&h->last_block_id, &b->id))
        check_failed("chain: h%" PRId64 " of n%d does not extend h%" PRId64,
                     h->height, n->index, last);
    if (stamp_cmp(h->time, b->time) <= 0)
        check_failed("time: h%" PRId64 " is not later than its parent",
                     h->height);
}

/* Were two blocks precommitted by honest ones at this height? */
static bool was_split(int64_t h)
{
    uint64_t all = 0;

    for (int32_t r = 0; r < ROUNDS_MAX; r++)
        for (size_t v = 0; v < W.plan.keys; v++)
            all |= W.said[h][r][1][v];
    all &= ~UINT64_C(1);
    return (all & (all - 1)) != 0;
}

static void note_new_decision(const struct effect *e)
{
    if (e->apply.seen->round > 0)
        tally(TALLY_LATE_DECISIONS);
    if (was_split(e->height))
        tally(TALLY_SPLIT_LOCKS);
    if (memcmp(W.power[e->height], W.power[e->height - 1], sizeof W.power[0]) !=
            0 &&
        e->height > 1)
        tally(TALLY_CHANGES);
}

/* Only what the application has accepted counts. */
static void check_extensions(const struct node *n, const struct effect *e)
{
    const struct extended_commit *c = e->apply.seen;

    if (!e->apply.is_extended)
        return;
    for (size_t i = 0; i < c->extended_signatures.n; i++)
        if (c->extended_signatures.v[i].block_id_flag == FLAG_COMMIT &&
            !span_eq(c->extended_signatures.v[i].extension,
                     span_str("extension")))
            check_failed("extension: n%d commits h%" PRId64
                         " with one that its application refuses",
                         n->index, e->height);
}

void check_decision(const struct node *n, const struct effect *e)
{
    int64_t h     = e->height;
    int     block = check_block(h, &e->apply.id);

    if (!is_tracked(h, 0))
        return;
    world_say("n%d decides %s h%" PRId64, n->index, block_name(h, &e->apply.id),
              h);
    if (!node_is_honest(n))
        return;
    if (W.decided[h] && W.decided[h] != block && W.plan.is_fork) {
        blame_fork(e);
        return;
    }
    if (W.decided[h] && W.decided[h] != block)
        check_failed("agreement: h%" PRId64 ": n%d decides %s, others B%d", h,
                     n->index, block_name(h, &e->apply.id), W.decided[h]);
    if (!can_be_decided(h, block))
        check_failed("quorum: n%d decides %s without +2/3 precommits", n->index,
                     block_name(h, &e->apply.id));
    if (W.blocks[h][block].is_bad)
        check_failed("validity: n%d decides a block that does not hold",
                     n->index);
    if (!W.decided[h])
        note_new_decision(e);
    W.blocks[h][block].time = e->apply.block->header.time;
    W.decided[h]            = block;
    check_extensions(n, e);
    check_header(n, &e->apply.block->header);
    if (h > W.highest)
        W.highest = h;
}

void check_end(void)
{
    if (W.plan.is_patient)
        blame_end();
    for (size_t i = 0; i < W.node_count; i++)
        if (node_is_honest(&W.nodes[i]) && W.nodes[i].disk.height < W.goal) {
            check_failed("progress: n%zu is at h%" PRId64 " after %" PRId64
                         " s of fair weather, of h%" PRId64,
                         i, W.nodes[i].disk.height, W.plan.patience / SECOND,
                         W.goal);
            return;
        }
}
