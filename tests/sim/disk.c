/* What a node keeps besides its WAL: its store, its signer's last signature. */
#include "sim.h"

/* ---- the store ---- */

static struct extended_commit *copy_commit(const struct extended_commit *c)
{
    struct extended_commit *copy = arena_new(&W.arena, struct extended_commit);
    struct span bytes = pb_encode(&extended_commit_desc, c, &W.arena);

    must(copy && bytes.p);
    must(pb_decode(&extended_commit_desc, copy, &W.arena, bytes) == ACCEPT);
    return copy;
}

void disk_save_block(struct node *n, const struct effect *e)
{
    struct disk *d     = &n->disk;
    size_t       i     = (size_t)e->height;
    struct span  bytes = arena_copy(&W.arena, part_set_bytes(e->apply.parts));

    must(i < HEIGHTS_MAX && bytes.p);
    must(part_set_from_bytes(&d->parts[i], bytes, &W.arena));
    must(block_id_copy(&d->ids[i], &e->apply.id, &W.arena));
    d->commits[i] = copy_commit(e->apply.seen);
    d->height     = e->height;
}

struct chain_state *disk_next_state(struct node *n, const struct chain_state *s,
                                    int64_t height)
{
    struct disk        *d     = &n->disk;
    struct block       *b     = arena_new(&W.arena, struct block);
    struct chain_state *next  = arena_new(&W.arena, struct chain_state);
    uint8_t            *hash  = arena_alloc(&W.arena, 8);
    struct span         bytes = part_set_bytes(&d->parts[height]);
    struct val          changes[VALS_MAX];
    struct state_change change = {
        .block_id               = d->ids[height],
        .app_hash               = SPAN(hash, 8),
        .validator_updates      = changes,
        .validator_update_count = sets_changes(changes, height),
    };

    must(pb_decode(&block_desc, b, &W.arena, bytes) == ACCEPT);
    store_le64(hash, mix_bytes(mix_bytes(5, s->app_hash), b->header.data_hash));
    change.header = &b->header;
    must(state_next(next, s, &change, &W.arena) == ACCEPT);
    return next;
}

static void copy_kept(struct kept *to, const struct kept *from, size_t n)
{
    memcpy(to, from, n * sizeof *to);
}

static bool have_others(const struct node *n, int64_t height)
{
    for (size_t i = 0; i < W.node_count; i++)
        if ((int)i != n->index && node_is_honest(&W.nodes[i]) &&
            W.nodes[i].disk.height >= height)
            return true;
    return false;
}

void disk_set_back(struct node *n)
{
    struct disk *d = &n->disk;

    if (!d->copy.state) {
        d->copy.height     = d->height;
        d->copy.state      = d->state;
        d->copy.kept_count = d->kept_count;
        copy_kept(d->copy.kept, d->kept, d->kept_count);
    } else if (have_others(n, d->height)) {
        d->height     = d->copy.height;
        d->state      = d->copy.state;
        d->kept_count = d->copy.kept_count;
        copy_kept(d->kept, d->copy.kept, d->kept_count);
        d->copy.state = NULL;
        world_say("n%d has an older store, of h%" PRId64, n->index, d->height);
    }
}

/* ---- the signer ---- */

static struct span sign_bytes_at(const struct effect *e, struct stamp time)
{
    struct vote     v;
    struct proposal p;

    if (e->kind == FX_SIGN_VOTE) {
        v           = *e->vote;
        v.timestamp = time;
        return vote_sign_bytes(&v, W.genesis.chain_id, &W.arena);
    }
    p           = *e->proposal;
    p.timestamp = time;
    return proposal_sign_bytes(&p, W.genesis.chain_id, &W.arena);
}

static int compare_place(const struct disk *d, int64_t height, int32_t round,
                         int32_t step)
{
    if (height != d->signed_height)
        return height < d->signed_height ? -1 : 1;
    if (round != d->signed_round)
        return round < d->signed_round ? -1 : 1;
    return (step > d->signed_step) - (step < d->signed_step);
}

/* Sign what is new, hand out again what was signed, refuse the rest. */
static bool sign(struct node *n, const struct effect *e, int64_t height,
                 int32_t round, int32_t step, struct stamp time)
{
    struct disk *d     = &n->disk;
    int          place = compare_place(d, height, round, step);
    uint8_t     *sig;

    if (place < 0)
        return false;
    if (place == 0)
        return span_eq(sign_bytes_at(e, d->signed_time), d->signed_bytes);
    sig              = arena_alloc(&W.arena, 64);
    d->signed_height = height;
    d->signed_round  = round;
    d->signed_step   = step;
    d->signed_time   = time;
    d->signed_bytes  = sign_bytes_at(e, time);
    crypto_sign(sig, &W.keys[n->val], d->signed_bytes);
    d->signature = SPAN(sig, 64);
    return true;
}

static void sign_extension(struct node *n, const struct effect *e,
                           struct event *ev)
{
    uint8_t    *sig = arena_alloc(&W.arena, 64);
    struct span bytes =
        vote_extension_sign_bytes(e->vote, W.genesis.chain_id, &W.arena);

    crypto_sign(sig, &W.keys[n->val], bytes);
    ev->sign.extension_signature = SPAN(sig, 64);
}

bool disk_sign(struct node *n, const struct effect *e, struct event *ev)
{
    const struct vote     *v = e->vote;
    const struct proposal *p = e->proposal;
    bool                   is_ok;

    *ev = (struct event){ .kind = EV_SIGNED };
    if (e->kind == FX_SIGN_VOTE)
        is_ok = sign(n, e, v->height, v->round, v->type == TYPE_PREVOTE ? 2 : 3,
                     v->timestamp);
    else
        is_ok = sign(n, e, p->height, p->round, 1, p->timestamp);
    if (!is_ok)
        return false;
    ev->sign.is_ok     = true;
    ev->sign.time      = n->disk.signed_time;
    ev->sign.signature = n->disk.signature;
    if (e->kind == FX_SIGN_VOTE && e->is_extended)
        sign_extension(n, e, ev);
    return true;
}
