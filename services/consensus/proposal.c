#include "consensus/core.h"

#include "base/limits.h"

/* ---- candidates ---- */

static bool is_used(const struct consensus *c, int b)
{
    return b == c->proposal_parts || b == c->locked || b == c->valid ||
           b == c->own;
}

/* A free one: four at most are in use. */
static int free_candidate(struct consensus *c)
{
    int b = 0;

    while (is_used(c, b))
        b++;
    must(b < CANDIDATES);
    arena_reset(&c->candidates[b].arena);
    c->candidates[b] = (struct candidate){ .arena = c->candidates[b].arena };
    return b;
}

bool core_candidate_is(const struct consensus *c, int b,
                       const struct block_id *id)
{
    return b >= 0 && c->candidates[b].block &&
           block_id_eq(&c->candidates[b].id, id);
}

static bool has_header(const struct consensus       *c,
                       const struct part_set_header *h)
{
    struct part_set_header mine;

    if (c->proposal_parts < 0)
        return false;
    mine = part_set_header(&c->candidates[c->proposal_parts].parts);
    return mine.total == h->total && span_eq(mine.hash, h->hash);
}

static void new_parts(struct consensus *c, const struct part_set_header *h)
{
    int               b    = free_candidate(c);
    struct candidate *cand = &c->candidates[b];

    c->proposal_parts     = -1;
    c->has_proposal_block = false;
    if (part_set_init(&cand->parts, h, &cand->arena))
        c->proposal_parts = b;
    else
        core_refuse(c, "no room for a block of so many parts");
}

/* The block is compared by its whole id: one header may stand in different
 * bytes, and only those of the id can be stored. */
bool core_collect(struct consensus *c, const struct part_set_header *h)
{
    c->has_proposal_block = false;
    if (has_header(c, h))
        return false;
    new_parts(c, h);
    return true;
}

void core_announce_valid_block(struct consensus *c)
{
    struct effect *e;

    core_fact(c, FACT_VALID_BLOCK, NULL);
    if (c->proposal_parts < 0)
        return;
    e                        = core_emit(c, FX_NEW_VALID_BLOCK);
    e->valid_block.parts     = &c->candidates[c->proposal_parts].parts;
    e->valid_block.is_commit = c->step == STEP_COMMIT;
}

/* The precommits that we verified ourselves when they came. */
static const struct commit *known_commit(struct consensus *c)
{
    const struct extended_commit *e;

    if (!c->last_commit || !vote_set_maj23(c->last_commit))
        return NULL;
    e = vote_set_commit(c->last_commit, &c->scratch);
    return e ? extended_commit_strip(e, &c->scratch) : NULL;
}

const char *core_check_block(struct consensus *c, struct candidate *b)
{
    struct stamp limit = stamp_add(c->ev->now, c->cfg.time_tolerance_ns);
    const char  *why   = NULL;

    if (b->is_valid)
        return NULL;
    if (block_validate_known(b->block, &c->state, known_commit(c), &c->scratch,
                             &why) != ACCEPT)
        return why && *why ? why : "invalid block";
    if (stamp_cmp(b->block->header.time, limit) >= 0)
        return "block time is too far ahead of our clock";
    b->is_valid = true;
    return NULL;
}

void core_ask_validity(struct consensus *c, const struct candidate *b,
                       bool asks_app, enum task_kind then)
{
    struct effect *e = core_ask(c, FX_VALIDATE, then);

    e->block.block    = b->block;
    e->block.asks_app = asks_app;
    memcpy(e->block.hash.b, b->id.hash.p, HASH_BYTES);
}

/* ---- proposals ---- */

static int64_t block_bytes_max(const struct consensus *c)
{
    int64_t max = c->state.params.block.max_bytes;

    return max == -1 ? BLOCK_BYTES_MAX : max;
}

static const char *check_proposal(struct consensus *c, const struct proposal *p)
{
    int64_t parts_max = (block_bytes_max(c) - 1) / PART_BYTES + 1;

    if (p->pol_round < -1 || (p->pol_round >= 0 && p->pol_round >= p->round))
        return "invalid POL round of a proposal";
    if (!proposal_verify(p, c->state.chain_id, &consensus_proposer(c)->key,
                         &c->scratch))
        return "invalid signature of a proposal";
    if ((int64_t)p->block_id.part_set_header.total > parts_max)
        return "proposed block has too many parts";
    return NULL;
}

static struct proposal *keep_proposal(struct consensus      *c,
                                      const struct proposal *p)
{
    struct arena    *a    = &c->heights[c->current];
    struct proposal *kept = arena_new(a, struct proposal);

    if (!kept)
        return NULL;
    *kept           = *p;
    kept->signature = arena_copy(a, p->signature);
    if (!kept->signature.p || !block_id_copy(&kept->block_id, &p->block_id, a))
        return NULL;
    return kept;
}

void core_on_proposal(struct consensus *c, const struct proposal *p)
{
    const char *why;

    if (c->proposal || p->height != c->height || p->round != c->round)
        return;
    why = check_proposal(c, p);
    if (why) {
        core_refuse(c, why);
        return;
    }
    c->proposal = keep_proposal(c, p);
    c->is_heard = c->proposal != NULL;
    if (!c->proposal) {
        core_refuse(c, "no room for more proposals at this height");
        return;
    }
    /* In Commit, or with a valid block, the parts wanted are known. */
    if (c->proposal_parts < 0)
        new_parts(c, &p->block_id.part_set_header);
    core_fact(c, FACT_PROPOSAL, NULL);
}

bool core_is_proposal_complete(const struct consensus *c)
{
    if (!c->proposal || !c->has_proposal_block)
        return false;
    if (c->proposal->pol_round < 0)
        return true;
    return vote_set_maj23(height_votes_prevotes(
               &c->votes, c->proposal->pol_round)) != NULL;
}

/* ---- parts ---- */

static const char *decode_block(struct candidate *b)
{
    struct block *block = arena_new(&b->arena, struct block);
    struct span   bytes = part_set_bytes(&b->parts);
    struct hash  *hash  = arena_new(&b->arena, struct hash);

    if (!block || !hash ||
        pb_decode(&block_desc, block, &b->arena, bytes) != ACCEPT)
        return "proposed block is not decodable";
    if (block_validate(block, &b->arena) != ACCEPT)
        return "proposed block is malformed";
    b->block              = block;
    b->id.part_set_header = part_set_header(&b->parts);
    if (header_hash(hash, &block->header))
        b->id.hash = hash_span(hash);
    return NULL;
}

/* A quorum may have prevoted the block before it was whole. */
static void on_complete_block(struct consensus *c)
{
    const struct block_id *polka =
        vote_set_maj23(height_votes_prevotes(&c->votes, c->round));

    if (polka && !block_id_is_nil(polka) && c->valid_round < c->round &&
        c->has_proposal_block &&
        core_candidate_is(c, c->proposal_parts, polka)) {
        c->valid_round = c->round;
        c->valid       = c->proposal_parts;
    }
    if (c->step <= STEP_PROPOSE && core_is_proposal_complete(c)) {
        if (polka)
            core_push(c, TASK_ENTER_PRECOMMIT, c->height, c->round);
        core_push(c, TASK_ENTER_PREVOTE, c->height, c->round);
    } else if (c->step == STEP_COMMIT) {
        core_push(c, TASK_TRY_FINALIZE, c->height, c->commit_round);
    }
}

void core_on_part(struct consensus *c)
{
    struct candidate *b;
    const char       *why;
    bool              is_new;

    if (c->ev->part.height != c->height || c->proposal_parts < 0)
        return;
    b = &c->candidates[c->proposal_parts];
    if (part_set_add(&b->parts, c->ev->part.part, &is_new) != ACCEPT) {
        if (c->ev->part.round == c->round)
            core_refuse(c, "block part does not fit its header");
        return;
    }
    if (!is_new)
        core_fact(c, FACT_DUPLICATE_PART, NULL);
    c->is_heard = is_new;
    if ((int64_t)b->parts.size > block_bytes_max(c)) {
        core_refuse(c, "proposed block is larger than block.max_bytes");
        return;
    }
    if (!is_new || !part_set_is_complete(&b->parts))
        return;
    why = decode_block(b);
    if (why) {
        core_refuse(c, why);
        return;
    }
    c->has_proposal_block = true;
    core_fact(c, FACT_COMPLETE_PROPOSAL, NULL);
    on_complete_block(c);
}

/* ---- our own ---- */

/* Sign it; the WAL is synced first by the shell, or a restart might not find
 * the same to sign. */
static void propose(struct consensus *c)
{
    const struct candidate *b = &c->candidates[c->own];

    c->proposal_in_work = (struct proposal){
        .type      = TYPE_PROPOSAL,
        .height    = c->height,
        .round     = c->round,
        .pol_round = c->valid_round,
        .block_id  = b->id,
        .timestamp = c->ev->now,
    };
    core_ask(c, FX_SIGN_PROPOSAL, TASK_PROPOSAL_SIGNED)->proposal =
        &c->proposal_in_work;
}

void core_decide_proposal(struct consensus *c, const struct task *t)
{
    struct effect *e;

    UNUSED(t);
    c->own = c->valid;
    if (c->own >= 0) {
        propose(c);
        return;
    }
    if (c->height != c->state.initial_height &&
        !(c->last_commit && vote_set_maj23(c->last_commit)))
        return;
    e = core_ask(c, FX_PREPARE, TASK_PREPARED);
    if (c->height != c->state.initial_height)
        e->prepare.last_commit = vote_set_commit(c->last_commit, &c->scratch);
}

/* Nobody else can propose in this round, so there is nothing to wait for.  In
 * a replay the log may still hold the proposal. */
static void lose_proposal(struct consensus *c)
{
    if (!c->is_started)
        return;
    c->is_proposal_lost = true;
    if (c->step == STEP_PROPOSE)
        core_push(c, TASK_ENTER_PREVOTE, c->height, c->round);
}

void core_prepared(struct consensus *c, const struct task *t)
{
    int               i = free_candidate(c);
    struct candidate *b = &c->candidates[i];
    struct hash      *hash;
    struct span       bytes;

    UNUSED(t);
    bytes = arena_copy(&b->arena, c->ev->prepared.block);
    hash  = arena_new(&b->arena, struct hash);
    if (!bytes.p || !hash ||
        !part_set_from_bytes(&b->parts, bytes, &b->arena)) {
        lose_proposal(c);
        return;
    }
    *hash  = c->ev->prepared.hash;
    b->id  = (struct block_id){ .hash            = hash_span(hash),
                                .part_set_header = part_set_header(&b->parts) };
    c->own = i;
    propose(c);
}

void core_proposal_signed(struct consensus *c, const struct task *t)
{
    struct proposal *p = &c->proposal_in_work;
    struct arena    *a = &c->heights[c->current];

    UNUSED(t);
    if (!c->ev->sign.is_ok && c->ev->sign.is_refused)
        lose_proposal(c);
    if (!c->ev->sign.is_ok)
        return;
    p->timestamp = c->ev->sign.time;
    p->signature = arena_copy(a, c->ev->sign.signature);
    if (!p->signature.p)
        return;
    core_emit(c, FX_OWN_PROPOSAL)->proposal = p;
    core_emit(c, FX_OWN_PARTS)->parts       = &c->candidates[c->own].parts;
}
