/* Block sync around a node: what the reactor does with the core of it, and
 * validators that serve blocks which were never decided. */
#include "sim.h"

#include "consensus/pair.h"

enum {
    TICK       = 200000, /* us */
    STATUS     = 2000000,
    IDLE       = 1000000,
    TELL       = 3000000,
    FRESH      = 1000000,
    REJOIN_MS  = 1000,
    LIAR_AHEAD = 3,
};

static uint64_t us_now(void)
{
    return (uint64_t)(W.now / 1000) + 1;
}

static uint64_t number_of(int peer)
{
    return (uint64_t)peer + 1;
}

static int peer_of(uint64_t number)
{
    return (int)number - 1;
}

/* ---- saying ---- */

static void liar_hear(int val, struct node *n, int64_t height);

static void say(struct node *n, int peer, struct blocksync_msg *m)
{
    if (peer >= NODES_MAX) {
        if (m->which == BLOCKSYNC_BLOCK_REQUEST)
            liar_hear(peer - NODES_MAX, n, m->block_request->height);
        return;
    }
    world_send(n->index, peer, 0x40,
               pb_encode(&blocksync_msg_desc, m, &W.arena), 0);
}

static void say_status(struct node *n, int peer)
{
    struct status_response status = { n->disk.height, n->disk.height > 0 };
    struct blocksync_msg   m      = { .which           = BLOCKSYNC_STATUS_RESPONSE,
                                      .status_response = &status };

    say(n, peer, &m);
}

static void ask_status(struct node *n, int peer)
{
    struct status_request status = { 0 };
    struct blocksync_msg  m      = { .which          = BLOCKSYNC_STATUS_REQUEST,
                                     .status_request = &status };

    say(n, peer, &m);
}

static void ask_all(struct node *n)
{
    n->fetch.asked_us = us_now();
    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index && W.links[n->index][i].is_up)
            ask_status(n, i);
}

static void say_none(struct node *n, int peer, int64_t height)
{
    struct no_block_response none = { height };
    struct blocksync_msg     m    = { .which = BLOCKSYNC_NO_BLOCK_RESPONSE,
                                      .no_block_response = &none };

    say(n, peer, &m);
}

static struct span block_message(struct span block, struct span commit)
{
    struct buf  inner, outer;
    struct span body;
    size_t      room = block.n + commit.n + 32;

    buf_use(&inner, arena_alloc(&W.arena, room), room);
    buf_byte(&inner, 0x0a);
    buf_uvarint(&inner, block.n);
    buf_add(&inner, block);
    if (commit.n > 0) {
        buf_byte(&inner, 0x12);
        buf_uvarint(&inner, commit.n);
        buf_add(&inner, commit);
    }
    body = buf_span(&inner);
    buf_use(&outer, arena_alloc(&W.arena, room), room);
    buf_byte(&outer, BLOCKSYNC_BLOCK_RESPONSE << 3 | 2);
    buf_uvarint(&outer, body.n);
    buf_add(&outer, body);
    return buf_span(&outer);
}

static void serve(struct node *n, int peer, int64_t h)
{
    struct disk *d      = &n->disk;
    struct span  commit = { 0 };

    if (h < 1 || h > d->height) {
        say_none(n, peer, h);
        return;
    }
    if (params_has_extensions(&W.genesis.params, h))
        commit = pb_encode(&extended_commit_desc, d->commits[h], &W.arena);
    world_send(n->index, peer, 0x40,
               block_message(part_set_bytes(&d->parts[h]), commit), 0);
}

/* ---- dropping ---- */

/* A storm loses and doubles what a connection does not. */
static void blame(struct node *n, uint64_t number, const char *why)
{
    int peer = peer_of(number);

    sync_peer_down(&n->fetch.sync, number);
    if (peer >= NODES_MAX)
        return;
    if (W.is_fair && n->fetch.is_blaming_fair)
        check_failed("n%d drops n%d: %s", n->index, peer, why);
    world_disconnect(n->index, peer);
    world_push(
        (struct item){ .kind = ITEM_CONNECT, .from = n->index, .to = peer },
        REJOIN_MS * MS);
}

static void refuse(struct node *n, const char *why, unsigned fault)
{
    struct sync            *y = &n->fetch.sync;
    const struct sync_slot *a, *b;
    uint64_t                from[2];

    must(sync_pair(y, y->next, &a, &b));
    from[0] = a->from;
    from[1] = b->from;
    world_say("n%d syncs no h%" PRId64 ": %s", n->index, y->next, why);
    tally(TALLY_BAD_BLOCKS);
    n->fetch.is_blaming_fair = false;
    for (int i = 0; i < 2; i++) {
        if (!(fault & (i ? PAIR_SECOND : PAIR_FIRST)))
            continue;
        if (peer_of(from[i]) < NODES_MAX && !are_at_odds(n, peer_of(from[i])))
            check_failed("n%d refuses block %" PRId64 " of n%d: %s", n->index,
                         y->next + i, peer_of(from[i]), why);
        sync_take(y, y->next + i);
        blame(n, from[i], why);
    }
    n->fetch.is_blaming_fair = true;
}

/* ---- one block ---- */

static void widen(struct extended_commit *out, const struct commit *c)
{
    size_t n = c->signatures.n;

    *out                       = (struct extended_commit){ .height   = c->height,
                                                           .round    = c->round,
                                                           .block_id = c->block_id };
    out->extended_signatures.n = n;
    out->extended_signatures.v =
        arena_newn(&W.arena, struct extended_commit_sig, n);
    for (size_t i = 0; i < n; i++)
        out->extended_signatures.v[i] = (struct extended_commit_sig){
            .block_id_flag     = c->signatures.v[i].block_id_flag,
            .validator_address = c->signatures.v[i].validator_address,
            .timestamp         = c->signatures.v[i].timestamp,
            .signature         = c->signatures.v[i].signature,
        };
}

static void apply_pair(struct node *n, struct pair *p)
{
    struct effect e = { .kind = FX_APPLY, .height = n->fetch.sync.next };
    struct extended_commit seen;

    if (p->is_extended)
        seen = *p->first->ext_commit;
    else
        widen(&seen, p->second->block->last_commit);
    e.apply.id          = p->id;
    e.apply.block       = p->first->block;
    e.apply.parts       = &p->parts;
    e.apply.seen        = &seen;
    e.apply.is_extended = p->is_extended;
    tally(TALLY_SYNCED);
    world_say("n%d syncs h%" PRId64, n->index, e.height);
    if (!node_apply(n, &e))
        return;
    sync_advance(&n->fetch.sync);
    n->fetch.moved_us = us_now();
}

static bool apply_next(struct node *n)
{
    const struct chain_state *c = n->disk.state;
    const struct sync_slot   *a, *b;
    struct pair               p;
    const char               *why;

    if (!sync_pair(&n->fetch.sync, n->fetch.sync.next, &a, &b))
        return false;
    why = pair_read(&p, a, b, &W.arena);
    if (!why)
        why = pair_verify(&p, &c->validators, c->chain_id, &W.arena);
    if (!why)
        why = pair_follows(&p, c, NULL, &W.arena);
    if (why)
        refuse(n, why, p.fault);
    else
        apply_pair(n, &p);
    return !n->is_dying && !W.violation[0];
}

/* ---- the end ---- */

static bool is_needed(const struct node *n)
{
    const struct validators *v = &n->disk.state->validators;
    int64_t at = validators_find(v, SPAN_OF(W.vals[n->val].address));

    return at >= 0 && v->v[at].power >= v->total / 3 + (v->total % 3 != 0);
}

static bool is_stalled(const struct fetch *f, uint64_t now)
{
    return sync_top(&f->sync) >= 0 && now - f->moved_us >= SYNC_STALL_US;
}

static bool is_done(struct node *n)
{
    struct fetch *f   = &n->fetch;
    uint64_t      now = us_now();
    bool          is_high =
        n->log_ahead == 0 || n->disk.state->last_height >= n->log_from;

    if (is_high && is_needed(n) && f->sync.next >= sync_believed(&f->sync, now))
        return true;
    if (!sync_is_caught_up(&f->sync, now))
        return is_high && is_stalled(f, now);
    if (now - f->begun_us < TELL && !sync_have_all_told(&f->sync))
        return false;
    if (is_high && now - f->status_us < FRESH)
        return true;
    if (now - f->asked_us > FRESH / 2)
        ask_all(n);
    return false;
}

static void go(struct node *n)
{
    struct fetch        *f = &n->fetch;
    struct block_request want;
    struct blocksync_msg m = { .which         = BLOCKSYNC_BLOCK_REQUEST,
                               .block_request = &want };
    uint64_t             peer;

    if (!f->is_going || n->is_dying)
        return;
    while ((peer = sync_late(&f->sync, us_now())))
        blame(n, peer, "no block in time");
    while (sync_next_ask(&f->sync, us_now(), &peer, &want.height))
        say(n, peer_of(peer), &m);
    while (apply_next(n))
        ;
    if (!n->is_dying && is_done(n)) {
        f->is_going = false;
        node_fetched(n, f->sync.next > f->first);
    }
}

void fetch_tick(struct node *n)
{
    struct fetch *f = &n->fetch;

    if (!n->is_up || !f->is_going)
        return;
    if (us_now() - f->asked_us >=
        (us_now() - f->moved_us < IDLE ? STATUS : IDLE))
        ask_all(n);
    world_push(
        (struct item){ .kind = ITEM_FETCH, .to = n->index, .epoch = f->number },
        TICK * INT64_C(1000));
    go(n);
    if (n->is_dying)
        node_crash(n);
}

/* ---- hearing ---- */

static void hear_block(struct node *n, int from, struct span bytes,
                       const struct blocksync_msg *m)
{
    enum sync_got got = sync_got(&n->fetch.sync, us_now(), number_of(from),
                                 m->block_response->block->header.height,
                                 (uint8_t *)(uintptr_t)bytes.p, bytes.n);

    if (got == SYNC_UNASKED)
        blame(n, number_of(from), "a block that was not asked for");
}

static void hear(struct node *n, int from, struct span bytes,
                 const struct blocksync_msg *m)
{
    const char *why;

    switch (m->which) {
    case BLOCKSYNC_BLOCK_REQUEST:
        serve(n, from, m->block_request->height);
        break;
    case BLOCKSYNC_NO_BLOCK_RESPONSE:
        if (!sync_answer(&n->fetch.sync, us_now(), number_of(from), bytes.n))
            break;
        why = sync_without(&n->fetch.sync, us_now(), number_of(from),
                           m->no_block_response->height);
        if (why)
            blame(n, number_of(from), why);
        break;
    case BLOCKSYNC_BLOCK_RESPONSE: hear_block(n, from, bytes, m); break;
    case BLOCKSYNC_STATUS_REQUEST: say_status(n, from); break;
    case BLOCKSYNC_STATUS_RESPONSE:
        why = sync_status(&n->fetch.sync, number_of(from),
                          m->status_response->base, m->status_response->height);
        if (why)
            blame(n, number_of(from), why);
        n->fetch.status_us = us_now();
        break;
    case BLOCKSYNC_NONE: break;
    }
}

void fetch_message(struct node *n, int from, struct span bytes)
{
    struct blocksync_sight sight;
    struct blocksync_msg   m;

    must(blocksync_scan(&sight, bytes) == ACCEPT);
    if (sight.is_block_response &&
        !sync_answer(&n->fetch.sync, us_now(), number_of(from), bytes.n)) {
        blame(n, number_of(from), "a block that was not asked for");
        return;
    }
    if (sight.is_block_response && !n->fetch.is_going)
        return;
    must(pb_decode(&blocksync_msg_desc, &m, &W.arena, bytes) == ACCEPT);
    hear(n, from, bytes, &m);
    go(n);
    if (n->is_dying)
        node_crash(n);
}

/* ---- peers, and the beginning ---- */

void fetch_up(struct node *n, int peer)
{
    if (!W.plan.has_sync || !sync_peer_up(&n->fetch.sync, number_of(peer)))
        return;
    if (peer >= NODES_MAX)
        return;
    say_status(n, peer);
    if (n->fetch.is_going)
        ask_status(n, peer);
}

void fetch_down(struct node *n, int peer)
{
    sync_peer_down(&n->fetch.sync, number_of(peer));
}

void fetch_begin(struct node *n)
{
    struct fetch *f = &n->fetch;

    f->is_going = true;
    f->first    = n->core.height;
    f->number++;
    f->begun_us = f->moved_us = us_now();
    f->is_blaming_fair        = true;
    sync_begin(&f->sync, f->first);
    world_say("n%d looks for blocks from h%" PRId64, n->index, f->first);
    ask_all(n);
    world_push(
        (struct item){ .kind = ITEM_FETCH, .to = n->index, .epoch = f->number },
        0);
}

void fetch_open(struct node *n)
{
    n->fetch = (struct fetch){ .number = n->fetch.number + 1 };
    for (int v = 0; W.plan.has_sync && v < (int)W.plan.keys; v++)
        if (W.plan.role[v] == ROLE_PUPPET && rng_chance(&W.rng, 80)) {
            int64_t top = W.highest + (int64_t)rng_below(&W.rng, LIAR_AHEAD);

            fetch_up(n, NODES_MAX + v);
            UNUSED(sync_status(&n->fetch.sync, number_of(NODES_MAX + v),
                               top > 0, top));
        }
}

void fetch_look(struct node *n)
{
    int64_t age = stamp_diff(node_now(n), n->core.state.last_time);

    if (!W.plan.has_sync || n->fetch.is_going || age < 5 * SECOND ||
        !sync_is_left_behind(&n->fetch.sync, n->core.height - 1)) {
        if (W.plan.has_sync && us_now() - n->fetch.asked_us >= STATUS)
            ask_all(n);
        return;
    }
    tally(TALLY_LEFT_BEHIND);
    fetch_begin(n);
}

/* ---- liars ---- */

static const struct node *who_has(int64_t height)
{
    for (size_t i = 0; i < W.node_count; i++)
        if (W.nodes[i].disk.height >= height)
            return &W.nodes[i];
    return NULL;
}

/* The block with another transaction, with its hash put right or not. */
static struct span forge(const struct disk *d, int64_t h)
{
    struct block b;
    struct hash  hash;
    uint64_t     random = rng_next(&W.rng);
    struct span  tx     = arena_copy(&W.arena, SPAN(&random, 8));

    must(pb_decode(&block_desc, &b, &W.arena, part_set_bytes(&d->parts[h])) ==
         ACCEPT);
    if (rng_chance(&W.rng, 10)) {
        b.header.time = stamp_add(b.header.time, SECOND);
        return block_encode(&b, &W.arena);
    }
    b.data.txs.v    = arena_newn(&W.arena, struct span, 1);
    b.data.txs.n    = 1;
    b.data.txs.v[0] = tx;
    if (rng_chance(&W.rng, 80)) {
        data_hash(&hash, &b.data);
        b.header.data_hash = arena_copy(&W.arena, SPAN_OF(hash.b));
    }
    return block_encode(&b, &W.arena);
}

static void liar_hear(int val, struct node *n, int64_t h)
{
    const struct node *source = h >= 1 ? who_has(h) : NULL;
    struct span        block, commit = { 0 };

    if (!source || rng_chance(&W.rng, 20))
        return;
    block = rng_chance(&W.rng, 70) ? forge(&source->disk, h)
                                   : part_set_bytes(&source->disk.parts[h]);
    if (params_has_extensions(&W.genesis.params, h))
        commit =
            pb_encode(&extended_commit_desc, source->disk.commits[h], &W.arena);
    world_push((struct item){ .kind    = ITEM_MESSAGE,
                              .from    = NODES_MAX + val,
                              .to      = n->index,
                              .channel = 0x40,
                              .bytes   = block_message(block, commit) },
               (int64_t)rng_below(&W.rng, 200) * MS);
}
