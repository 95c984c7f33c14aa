/* What stands around a node's evidence pool: its disk and its questions. */
#include "sim.h"

static struct kept *find(struct disk *d, int64_t height,
                         const struct hash *hash)
{
    for (size_t i = 0; i < d->kept_count; i++)
        if (d->kept[i].height == height &&
            memcmp(d->kept[i].hash.b, hash->b, HASH_BYTES) == 0)
            return &d->kept[i];
    return NULL;
}

static struct kept *keep(struct disk *d, const struct pool_effect *e)
{
    struct kept *k = find(d, e->height, &e->hash);

    if (k)
        return k;
    if (d->kept_count >= KEPT_MAX) {
        W.is_over = true;
        return &d->kept[0];
    }
    k  = &d->kept[d->kept_count++];
    *k = (struct kept){ .hash = e->hash, .height = e->height };
    return k;
}

/* ---- what the store knows ---- */

struct looked_up {
    struct signed_header signed_header;
    struct block         block;
    struct commit       *commit;
};

static const struct signed_header *look_up(struct disk *d, int64_t height)
{
    struct looked_up *l = arena_new(&W.facts, struct looked_up);

    must(pb_decode(&block_desc, &l->block, &W.facts,
                   part_set_bytes(&d->parts[height])) == ACCEPT);
    l->commit = extended_commit_strip(d->commits[height], &W.facts);
    l->signed_header.header = &l->block.header;
    l->signed_header.commit = l->commit;
    return &l->signed_header;
}

static void load(struct node *n, const struct pool_effect *e)
{
    struct disk      *d     = &n->disk;
    struct kept      *k     = find(d, e->height, &e->hash);
    int64_t           other = e->other_height;
    struct pool_facts f     = { .is_committed = k && k->is_committed };

    arena_reset(&W.facts);
    if (e->height >= 1 && e->height <= d->height) {
        f.common     = look_up(d, e->height);
        f.validators = &W.sets[e->height];
    }
    if (other > 0 && other <= d->height)
        f.trusted = look_up(d, other);
    pool_loaded(&n->pool, &f);
}

static void punish(struct node *n, const struct pool_effect *e)
{
    if (e->peer < NODES_MAX && !are_at_odds(n, (int)e->peer))
        check_failed("n%d punishes n%" PRIu64 ": %s", n->index, e->peer,
                     e->text);
}

static void emit(void *ctx, const struct pool_effect *e)
{
    struct node *n = ctx;
    struct kept *k;

    switch (e->kind) {
    case POOL_SAVE:
        k             = keep(&n->disk, e);
        k->is_pending = true;
        k->bytes      = arena_copy(&W.arena, e->bytes);
        world_say("n%d holds evidence of h%" PRId64, n->index, e->height);
        break;
    case POOL_DROP: keep(&n->disk, e)->is_pending = false; break;
    case POOL_COMMITTED: keep(&n->disk, e)->is_committed = true; break;
    case POOL_LOAD: load(n, e); break;
    case POOL_CHECKED: n->verdict = e->verdict; break;
    case POOL_PUNISH: punish(n, e); break;
    case POOL_ANSWER: break;
    }
}

bool proof_is_valid(struct node *n, const struct evidence_list *l,
                    bool is_decided)
{
    n->verdict = POOL_INVALID;
    pool_check(&n->pool, l, is_decided);
    return n->verdict == POOL_VALID;
}

/* ---- peers ---- */

void proof_message(struct node *n, int from, struct span bytes)
{
    if (!pool_hear(&n->pool, (uint64_t)from, bytes) && from < NODES_MAX)
        check_failed("n%d gets malformed evidence from n%d", n->index, from);
}

void proof_gossip(struct node *n, int peer)
{
    struct span bytes;

    while (world_has_room(n->index, peer) &&
           (bytes = pool_next(&n->pool, &n->cursors[peer],
                              n->views[peer].height, &W.arena))
                   .n > 0)
        world_send(n->index, peer, 0x38, bytes, 0);
}

/* ---- starting ---- */

enum { POOL_BYTES = 16 << 20 };

void proof_open(struct node *n)
{
    struct pool *p = &n->pool;

    arena_open(&p->store, POOL_BYTES);
    arena_open(&p->inbox, POOL_BYTES);
    arena_open(&p->conflicts, POOL_BYTES);
    arena_open(&p->scratch, POOL_BYTES);
    arena_open(&p->work, POOL_BYTES);
    arena_open(&p->state, POOL_BYTES);
    p->emit = emit;
    p->ctx  = n;
}

/* A block that was stored but not executed is executed now, and its evidence
 * is committed now. */
void proof_start(struct node *n)
{
    struct disk        *d = &n->disk;
    struct pool        *p = &n->pool;
    struct chain_state *next;
    struct block        b;

    arena_reset(&p->store);
    arena_reset(&p->inbox);
    arena_reset(&p->conflicts);
    memset(n->cursors, 0, sizeof n->cursors);
    pool_init(p, d->state);
    for (size_t i = 0; i < d->kept_count; i++)
        if (d->kept[i].is_pending)
            must(pool_restore(p, d->kept[i].bytes));
    if (d->height == d->state->last_height)
        return;
    next = disk_next_state(n, d->state, d->height);
    must(pb_decode(&block_desc, &b, &W.arena,
                   part_set_bytes(&d->parts[d->height])) == ACCEPT);
    pool_update(p, next, &b.evidence);
    d->state = next;
}
