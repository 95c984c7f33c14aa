/* Accountability: who broke the rules is named by evidence that holds, once,
 * and nobody else is. */
#include "sim.h"

/* ---- deeds that honest ones have seen ---- */

static bool is_same(const struct deed *a, const struct deed *b)
{
    return a->height == b->height && a->round == b->round &&
           a->type == b->type && a->val == b->val;
}

static struct deed deed_of(const struct vote *v)
{
    return (struct deed){ .height = v->height,
                          .round  = v->round,
                          .type   = v->type,
                          .val    = sets_val(v->validator_address) };
}

void blame_conflict(struct node *n, const struct vote *v)
{
    struct deed d = deed_of(v);

    if (!node_is_honest(n))
        return;
    if (d.val < 0 || W.plan.role[d.val] == ROLE_HONEST)
        check_failed("accountability: n%d accuses an honest validator",
                     n->index);
    world_say("n%d knows that v%d contradicts itself in h%" PRId64 " r%d: %s",
              n->index, d.val, d.height, d.round,
              d.type == TYPE_PREVOTE ? "prevotes" : "precommits");
    if (n->deed_count < DEEDS_MAX)
        n->deeds[n->deed_count++] = d;
}

static bool is_punished(const struct deed *d)
{
    for (size_t i = 0; i < W.punished_count; i++)
        if (is_same(&W.punished[i].deed, d))
            return true;
    return false;
}

/* The height of a deed that a node saw, or of evidence that it held, before
 * the storm ended, and that no block punished yet; 0: none. */
static int64_t unpunished(const struct node *n)
{
    if (!node_is_honest(n))
        return 0;
    for (size_t i = 0; i < n->pool.count; i++)
        if (n->pool.items[i].height < W.healed_at)
            return n->pool.items[i].height;
    for (size_t i = 0; i < n->deed_count; i++)
        if (n->deeds[i].height < W.healed_at && !is_punished(&n->deeds[i]))
            return n->deeds[i].height;
    return 0;
}

bool blame_is_done(void)
{
    for (size_t i = 0; i < W.node_count; i++)
        if (unpunished(&W.nodes[i]))
            return false;
    return true;
}

void blame_end(void)
{
    for (size_t i = 0; i < W.node_count; i++)
        if (unpunished(&W.nodes[i]))
            check_failed("accountability: n%zu knows of a deed of h%" PRId64
                         " that nobody punishes",
                         i, unpunished(&W.nodes[i]));
}

/* ---- evidence in blocks ---- */

static bool was_punished(const struct hash *hash)
{
    for (size_t i = 0; i < W.punished_count; i++)
        if (memcmp(W.punished[i].hash.b, hash->b, HASH_BYTES) == 0)
            return true;
    return false;
}

static void check_accused(const struct deed *d)
{
    if (d->val < 0 || W.plan.role[d->val] == ROLE_HONEST)
        check_failed("accountability: an honest validator is punished");
}

/* Once, when the first honest node executes a block. */
void blame_block(const struct node *n, const struct block *b)
{
    struct punished p;

    if (!node_is_honest(n) || b->header.height <= W.punished_height)
        return;
    W.punished_height = b->header.height;
    for (size_t i = 0; i < b->evidence.evidence.n; i++) {
        const struct evidence *e = &b->evidence.evidence.v[i];

        must(evidence_hash(&p.hash, e, &W.arena));
        p.deed = deed_of(e->duplicate_vote_evidence->vote_a);
        check_accused(&p.deed);
        if (was_punished(&p.hash))
            check_failed("accountability: one deed is punished twice");
        tally(TALLY_PUNISHED);
        if (W.punished_count < KEPT_MAX)
            W.punished[W.punished_count++] = p;
    }
}

/* ---- a fork ---- */

struct branch {
    struct block        block;
    const struct block *header_of;
    struct commit      *commit;
};

static bool other_branch(struct branch *out, int64_t h)
{
    for (size_t i = 0; i < W.node_count; i++) {
        struct disk *d = &W.nodes[i].disk;

        if (!node_is_honest(&W.nodes[i]) || d->height < h ||
            check_block(h, &d->ids[h]) != W.decided[h])
            continue;
        must(pb_decode(&block_desc, &out->block, &W.arena,
                       part_set_bytes(&d->parts[h])) == ACCEPT);
        out->header_of = &out->block;
        out->commit    = extended_commit_strip(d->commits[h], &W.arena);
        return true;
    }
    return false;
}

/* Whoever signed both commits of one round is proven to have, by two votes. */
static int64_t prove_each(const struct branch *a, const struct branch *b,
                          int64_t h)
{
    int64_t power = 0;

    for (size_t i = 0; i < a->commit->signatures.n; i++) {
        struct vote      va = commit_vote(a->commit, i);
        struct vote      vb = commit_vote(b->commit, i);
        struct evidence *e;

        if (commit_sig_flag(&a->commit->signatures.v[i]) != FLAG_COMMIT ||
            commit_sig_flag(&b->commit->signatures.v[i]) != FLAG_COMMIT)
            continue;
        e = duplicate_vote_make(&va, &vb, a->header_of->header.time, &W.sets[h],
                                &W.arena);
        if (!e || duplicate_vote_verify(e->duplicate_vote_evidence,
                                        W.genesis.chain_id, &W.sets[h],
                                        &W.arena) != ACCEPT)
            check_failed("fork: two votes of h%" PRId64 " prove nothing", h);
        if (W.plan.role[sets_val(va.validator_address)] == ROLE_HONEST)
            check_failed("fork: an honest validator signed both blocks of"
                         " h%" PRId64,
                         h);
        power += W.sets[h].v[i].power;
    }
    return power;
}

static void name_culprits(struct light_client_attack_evidence *e,
                          const struct val *v, size_t n)
{
    e->byzantine_validators.v = arena_newn(&W.arena, struct validator, n + 1);
    e->byzantine_validators.n = n;
    for (size_t i = 0; i < n; i++) {
        e->byzantine_validators.v[i] = (struct validator){
            .address           = SPAN_OF(v[i].address),
            .pub_key           = { KEY_ED25519, SPAN(v[i].key.b, 32) },
            .voting_power      = v[i].power,
            .proposer_priority = v[i].priority,
        };
        if (W.plan.role[sets_val(SPAN_OF(v[i].address))] == ROLE_HONEST)
            check_failed("fork: an attack names an honest validator");
    }
}

/* The same as one piece of evidence, the way light clients tell of it. */
static void prove_attack(struct branch *a, struct branch *b, int64_t h)
{
    struct header        header           = b->header_of->header;
    struct signed_header conflict         = { &header, b->commit };
    struct signed_header trusted          = { &a->block.header, a->commit };
    struct light_block   light            = { &conflict,
                                              validators_to_msg(&W.sets[h], &W.arena) };
    struct light_client_attack_evidence e = {
        .conflicting_block  = &light,
        .common_height      = h,
        .total_voting_power = W.sets[h].total,
        .timestamp          = a->block.header.time,
    };
    struct val *culprits;
    size_t      n;

    must(light_client_attack_culprits(&culprits, &n, &e, &trusted, &W.sets[h],
                                      &W.arena));
    name_culprits(&e, culprits, n);
    if (n == 0 || light_client_attack_verify(&e, &trusted, &trusted, &W.sets[h],
                                             &W.arena) != ACCEPT)
        check_failed("fork: at h%" PRId64 " no attack is proven", h);
}

void blame_fork(const struct effect *e)
{
    int64_t       h = e->height;
    struct branch a, b = { .header_of = e->apply.block };

    b.commit  = extended_commit_strip(e->apply.seen, &W.arena);
    W.is_over = true;
    tally(TALLY_FORKS);
    if (!other_branch(&a, h) || a.commit->round != b.commit->round)
        return; /* forgotten locks name nobody, in CometBFT either */
    tally(TALLY_FORKS_PROVEN);
    if (3 * prove_each(&a, &b, h) <= W.sets[h].total)
        check_failed("fork: at h%" PRId64 " a third or less is proven guilty",
                     h);
    prove_attack(&a, &b, h);
}
