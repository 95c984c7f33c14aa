/* Blocks that no honest validator may prevote: one field of a good one is
 * wrong, and the rest is put right around it. */
#include "sim.h"

static struct span noise(size_t n)
{
    uint8_t *p = arena_alloc(&W.arena, n);

    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)rng_next(&W.rng);
    return SPAN(p, n);
}

/* The last commit with one signature less, one that is forged, or a vote
 * turned into nil. */
static bool spoil_commit(struct block *b)
{
    struct commit     *c = b->last_commit;
    struct commit_sig *s, *sigs;
    struct hash        hash;

    if (!c || c->signatures.n == 0)
        return false;
    sigs = arena_newn(&W.arena, struct commit_sig, c->signatures.n);
    memcpy(sigs, c->signatures.v, c->signatures.n * sizeof *sigs);
    c->signatures.v = sigs;
    s               = &sigs[rng_below(&W.rng, c->signatures.n)];
    if (commit_sig_flag(s) != FLAG_COMMIT)
        return false;
    if (rng_chance(&W.rng, 50))
        s->signature = noise(64);
    else
        s->block_id_flag = FLAG_NIL;
    must(commit_hash(&hash, c, &W.arena));
    b->header.last_commit_hash = arena_copy(&W.arena, SPAN_OF(hash.b));
    return true;
}

/* Two votes that an honest one never signed. */
static bool slander(struct block *b, int val)
{
    int         whom = (int)rng_below(&W.rng, W.plan.keys);
    struct span bytes =
        evil_accusation(val, whom, b->header.height - 1, b->header.time);
    struct hash hash;

    if (whom == val || bytes.n == 0 ||
        pb_decode(&evidence_list_desc, &b->evidence, &W.arena, bytes) != ACCEPT)
        return false;
    must(evidence_list_hash(&hash, &b->evidence, &W.arena));
    b->header.evidence_hash = arena_copy(&W.arena, SPAN_OF(hash.b));
    return true;
}

bool lie_about(struct block *b, int val)
{
    struct header *h = &b->header;

    switch (rng_below(&W.rng, 14)) {
    case 0: h->app_hash = noise(8); return true;
    case 1: h->validators_hash = noise(32); return true;
    case 2: h->next_validators_hash = noise(32); return true;
    case 3: h->consensus_hash = noise(32); return true;
    case 4: h->last_results_hash = noise(32); return true;
    case 5: h->proposer_address = noise(20); return true;
    case 6: h->chain_id = span_str("other"); return true;
    case 7: h->height++; return true;
    case 8: h->version.app++; return true;
    case 9: h->data_hash = noise(32); return true;
    case 10:
        if (h->height == 1)
            return false;
        h->last_block_id.hash = noise(32);
        return true;
    case 11: h->time = stamp_add(h->time, -SECOND); return true;
    case 12: return spoil_commit(b);
    default: return slander(b, val);
    }
}
