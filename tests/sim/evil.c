/* Validators without a core: they see everything, and say anything. */
#include "sim.h"

static uint8_t channel_of(enum consensus_kind kind)
{
    return consensus_channel(kind);
}

static void whisper(int val, struct node *n, enum consensus_kind kind,
                    void *member)
{
    world_push((struct item){ .kind    = ITEM_MESSAGE,
                              .from    = NODES_MAX + val,
                              .to      = n->index,
                              .channel = channel_of(kind),
                              .bytes   = world_encode(kind, member) },
               (int64_t)rng_below(&W.rng, 400) * MS);
}

static struct span sign(int val, struct span bytes)
{
    uint8_t *sig = arena_alloc(&W.arena, 64);

    crypto_sign(sig, &W.keys[val], bytes);
    return SPAN(sig, 64);
}

static int some_block(int64_t height)
{
    size_t n = W.block_count[height];

    if (n < 2 || rng_chance(&W.rng, 15))
        return 0;
    return rng_chance(&W.rng, 50) ? (int)n - 1 : (int)rng_below(&W.rng, n);
}

static int32_t some_round(const struct node *n)
{
    int64_t r = n->core.round;

    if (rng_chance(&W.rng, 20))
        r += (int64_t)rng_below(&W.rng, 5) - 2;
    return r < 0 ? 0 : (int32_t)r;
}

static void vote(int val, struct node *n, int32_t type)
{
    int64_t     h = n->core.height;
    struct vote v = {
        .type              = type,
        .height            = h,
        .round             = some_round(n),
        .timestamp         = node_now(n),
        .validator_index   = sets_place(h, val),
        .validator_address = SPAN_OF(W.vals[val].address),
    };
    struct vote_msg m = { &v };

    v.block_id = W.blocks[h][some_block(h)].id;
    if (n->core.last_commit && rng_chance(&W.rng, 5)) {
        v.height          = h - 1;
        v.round           = n->core.last_commit->round;
        v.block_id        = W.blocks[h - 1][some_block(h - 1)].id;
        v.validator_index = sets_place(h - 1, val);
    }
    if (v.validator_index < 0)
        return;
    v.signature = sign(val, vote_sign_bytes(&v, W.genesis.chain_id, &W.arena));
    if (W.plan.extensions_from && v.height >= W.plan.extensions_from &&
        vote_is_for_block(&v)) {
        v.extension =
            span_str(rng_chance(&W.rng, 80) ? "extension" : "nonsense");
        v.extension_signature = sign(
            val, vote_extension_sign_bytes(&v, W.genesis.chain_id, &W.arena));
    }
    if (rng_chance(&W.rng, 3))
        v.signature = sign(val, span_str("something else"));
    whisper(val, n, CONSENSUS_VOTE, &m);
}

/* ---- proposals ---- */

static int new_block(int val, struct node *n)
{
    struct consensus *c      = &n->core;
    struct commit    *commit = NULL;
    uint64_t          random = rng_next(&W.rng);
    struct span       tx     = arena_copy(&W.arena, SPAN(&random, 8));
    struct part_set  *parts  = arena_new(&W.arena, struct part_set);
    struct block     *b;
    bool              is_lie;
    int               i;

    if (c->height > 1 && !vote_set_maj23(c->last_commit))
        return 0;
    if (c->height > 1)
        commit = extended_commit_strip(
            vote_set_commit(c->last_commit, &W.arena), &W.arena);
    if (rng_chance(&W.rng, 20))
        tx = span_str("bad");
    b = state_make_block(&c->state, c->height, &tx, 1, commit, NULL, 0,
                         SPAN_OF(W.vals[val].address), &W.arena);
    if (!b)
        return 0;
    is_lie = rng_chance(&W.rng, 30) && lie_about(b, val);
    must(part_set_from_bytes(parts, block_encode(b, &W.arena), &W.arena));
    i = check_new_block(c->height, b, parts);
    if (is_lie) {
        tally(TALLY_LIES);
        W.blocks[c->height][i].is_bad = true;
    }
    return i;
}

static void parts(int val, struct node *n, const struct known_block *b)
{
    for (uint32_t i = 0; i < b->parts.total; i++) {
        struct block_part_msg m = { n->core.height, n->core.round,
                                    part_set_part(&b->parts, i) };

        whisper(val, n, CONSENSUS_BLOCK_PART, &m);
    }
}

static void propose(int val, struct node *n)
{
    int64_t             h = n->core.height;
    int                 i = some_block(h);
    struct known_block *b;
    struct proposal_msg m = { .proposal = { .type      = TYPE_PROPOSAL,
                                            .height    = h,
                                            .round     = n->core.round,
                                            .pol_round = -1,
                                            .timestamp = node_now(n) } };
    struct proposal    *p = &m.proposal;

    if ((i == 0 || rng_chance(&W.rng, 40)) && W.block_count[h] < BLOCKS_MAX / 2)
        i = new_block(val, n);
    b = &W.blocks[h][i];
    if (i == 0 || b->parts.total == 0 || p->round >= ROUNDS_MAX - 1)
        return;
    if (p->round > 0 && rng_chance(&W.rng, 50))
        p->pol_round = (int32_t)rng_below(&W.rng, (uint64_t)p->round);
    p->block_id = b->id;
    b->pols[p->round] |= UINT64_C(1) << (p->pol_round + 1);
    p->signature =
        sign(val, proposal_sign_bytes(p, W.genesis.chain_id, &W.arena));
    world_say("v%d proposes %s h%" PRId64 " r%d pol %d to n%d", val,
              block_name(h, &b->id), h, p->round, p->pol_round, n->index);
    whisper(val, n, CONSENSUS_PROPOSAL, &m);
    if (!rng_chance(&W.rng, 10))
        parts(val, n, b);
}

/* ---- what only peers say ---- */

static void claim(int val, struct node *n)
{
    int64_t               h = n->core.height;
    struct vote_set_maj23 m = { h, some_round(n),
                                1 + (int32_t)rng_below(&W.rng, 2),
                                W.blocks[h][some_block(h)].id };

    whisper(val, n, CONSENSUS_VOTE_SET_MAJ23, &m);
}

static void lie(int val, struct node *n)
{
    struct new_round_step step = {
        .height            = n->core.height - (int64_t)rng_below(&W.rng, 3),
        .round             = some_round(n),
        .step              = 1 + (uint32_t)rng_below(&W.rng, 8),
        .last_commit_round = (int32_t)rng_below(&W.rng, 3) - 1,
    };
    struct has_vote has = { n->core.height, some_round(n),
                            1 + (int32_t)rng_below(&W.rng, 2),
                            (int32_t)rng_below(&W.rng, 12) };

    if (step.height < 0)
        step.height = 0;
    whisper(val, n, CONSENSUS_NEW_ROUND_STEP, &step);
    whisper(val, n, CONSENSUS_HAS_VOTE, &has);
}

struct span evil_accusation(int val, int whom, int64_t h, struct stamp now)
{
    struct vote                    a, b;
    struct duplicate_vote_evidence d = { .vote_a = &a, .vote_b = &b };
    struct evidence                e = { .which = EVIDENCE_DUPLICATE_VOTE,
                                         .duplicate_vote_evidence = &d };
    struct evidence_list           l;

    if (h < 1 || !W.decided[h] || sets_place(h, whom) < 0)
        return (struct span){ 0 };
    d.total_voting_power = W.sets[h].total;
    d.validator_power    = W.power[h][whom];
    a = b        = (struct vote){ .type              = TYPE_PREVOTE,
                                  .height            = h,
                                  .timestamp         = now,
                                  .validator_index   = sets_place(h, whom),
                                  .validator_address = SPAN_OF(W.vals[whom].address) };
    b.block_id   = W.blocks[h][W.decided[h]].id;
    a.signature  = sign(val, vote_sign_bytes(&a, W.genesis.chain_id, &W.arena));
    b.signature  = sign(val, vote_sign_bytes(&b, W.genesis.chain_id, &W.arena));
    d.timestamp  = W.blocks[h][W.decided[h]].time;
    l.evidence.v = &e;
    l.evidence.n = 1;
    return pb_encode(&evidence_list_desc, &l, &W.arena);
}

/* Evidence against anyone, with signatures of its own. */
static void accuse(int val, struct node *n)
{
    int         whom = (int)rng_below(&W.rng, W.plan.keys);
    struct span bytes =
        evil_accusation(val, whom, n->core.height - 1, node_now(n));

    if (bytes.n > 0)
        world_push((struct item){ .kind    = ITEM_MESSAGE,
                                  .from    = NODES_MAX + val,
                                  .to      = n->index,
                                  .channel = 0x38,
                                  .bytes   = bytes },
                   MS);
}

static void speak(int val, struct node *n)
{
    unsigned evil = W.plan.evil;

    if (check_proposer(n->core.height, n->core.round) == val &&
        n->core.step <= STEP_PROPOSE && rng_chance(&W.rng, evil))
        propose(val, n);
    if (rng_chance(&W.rng, evil))
        vote(val, n, TYPE_PREVOTE);
    if (rng_chance(&W.rng, evil))
        vote(val, n, TYPE_PRECOMMIT);
    if (rng_chance(&W.rng, evil / 4))
        claim(val, n);
    if (rng_chance(&W.rng, evil / 8))
        lie(val, n);
    if (rng_chance(&W.rng, evil / 8))
        accuse(val, n);
}

void evil_on_step(struct node *n)
{
    if (n->core.height >= HEIGHTS_MAX - 1)
        return;
    if (W.block_count[n->core.height] == 0)
        W.block_count[n->core.height] = 1;
    for (int v = 0; v < (int)W.plan.keys; v++)
        if (W.plan.role[v] == ROLE_PUPPET)
            speak(v, n);
}
