/* A node starts, reads its log, joins the others, and crashes. */
#include "sim.h"

#include "consensus/journal.h"

enum { ARENA_BYTES = 16 << 20 };

static void clear_core(struct node *n)
{
    struct consensus *c    = &n->core;
    struct consensus  kept = *c;

    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < 2; i++) {
        c->heights[i] = kept.heights[i];
        arena_reset(&c->heights[i]);
    }
    c->scratch = kept.scratch;
    arena_reset(&c->scratch);
    for (size_t i = 0; i < CANDIDATES; i++) {
        c->candidates[i].arena = kept.candidates[i].arena;
        arena_reset(&c->candidates[i].arena);
    }
}

void node_open(struct node *n, int index)
{
    struct consensus *c = &n->core;

    n->index = index;
    arena_open(&c->heights[0], ARENA_BYTES);
    arena_open(&c->heights[1], ARENA_BYTES);
    arena_open(&c->scratch, ARENA_BYTES);
    for (size_t i = 0; i < CANDIDATES; i++)
        arena_open(&c->candidates[i].arena, ARENA_BYTES);
    arena_open(&n->in, ARENA_BYTES);
    proof_open(n);
}

static void replay_from(struct node *n, struct wal_replay *r)
{
    struct timed_wal_msg m;
    struct event         ev;
    enum err             e      = OK;
    bool                 is_any = false;

    arena_reset(&n->in);
    while (!n->is_dying && !W.violation[0] &&
           wal_replay_next(r, &m, &n->in, &e)) {
        n->replay_now = m.time;
        if (journal_event(&ev, &m))
            node_feed(n, ev);
        is_any = true;
        arena_reset(&n->in);
    }
    if (e)
        check_failed("n%d cannot read its WAL", n->index);
    if (is_any)
        tally(TALLY_REPLAYS);
}

static void replay(struct node *n)
{
    struct wal_replay *r = log_behind(n);

    if (!r)
        return;
    n->is_replaying = true;
    replay_from(n, r);
    wal_replay_close(r);
    n->is_replaying = false;
    n->log_missed   = n->core.height <= n->log_ahead ? n->log_ahead : 0;
    n->log_ahead    = 0;
}

static struct event first_event_of(struct node *n)
{
    struct disk *d  = &n->disk;
    struct event ev = { .kind = EV_STATE };

    ev.state.chain = d->state;
    if (d->height > 0)
        ev.state.seen = d->commits[d->height];
    return ev;
}

void node_fetched(struct node *n, bool has_moved)
{
    int64_t last = n->disk.state->last_height;

    if ((n->log_ahead == 0 || last > n->log_ahead) &&
        (n->log_missed == 0 || last != n->log_missed)) {
        node_joins(n, has_moved);
        return;
    }
    if (has_moved)
        node_feed(n, first_event_of(n));
    replay(n);
    if (!n->is_dying)
        fetch_begin(n);
}

void node_joins(struct node *n, bool has_moved)
{
    struct event state = first_event_of(n);

    n->log_ahead = 0;
    if (has_moved)
        node_feed(n, state);
    if (has_moved || !n->has_started)
        node_feed(n, (struct event){ .kind = EV_START });
    n->has_started = true;
    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index && W.links[n->index][i].is_up)
            talk_greet(n, i);
    if (n->is_timer_kept)
        node_timer(n);
    else
        node_pump(n);
}

void node_start(struct node *n)
{
    struct consensus_config cfg = {
        .propose_ns          = 300 * MS,
        .propose_delta_ns    = 100 * MS,
        .prevote_ns          = 100 * MS,
        .prevote_delta_ns    = 50 * MS,
        .precommit_ns        = 100 * MS,
        .precommit_delta_ns  = 50 * MS,
        .commit_ns           = 100 * MS,
        .time_tolerance_ns   = 60 * SECOND,
        .skip_timeout_commit = W.plan.skips_commit_wait,
        .create_empty_blocks = true,
    };
    struct event key = { .kind = EV_KEY };

    n->late_height = 0;
    n->has_started = n->is_timer_kept = false;
    n->deed_count                     = 0;
    n->hold_until                     = 0;
    n->log_ahead                      = 0;
    n->log_missed                     = 0;
    fetch_open(n);
    log_open(n);
    clear_core(n);
    consensus_init(&n->core, &cfg);
    n->own_first = n->own_last = NULL;
    n->is_dying                = false;
    n->is_up                   = true;
    for (int i = 0; i < NODES_MAX + VALS_MAX; i++) {
        struct peer_id id = world_id(i);

        peer_view_init(&n->views[i], &id);
    }
    privkey_public(&key.key, &W.keys[n->val]);
    n->replay_now   = node_now(n);
    n->is_replaying = true;
    proof_start(n);
    node_feed(n, first_event_of(n));
    node_feed(n, key);
    replay(n);
    n->is_replaying = false;
    if (W.plan.has_sync)
        fetch_begin(n);
    else
        node_joins(n, false);
    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index && W.nodes[i].is_up)
            world_push((struct item){ .kind = ITEM_CONNECT,
                                      .from = n->index,
                                      .to   = i },
                       MS);
}

/* Its locks and its votes. */
static void forget_all(struct node *n)
{
    log_forget(n);
    n->disk.signed_height = 0;
    tally(TALLY_FORGOTTEN);
}

/* Some stay away for so long that much was decided without them. */
static uint64_t outage_max(void)
{
    if (rng_chance(&W.rng, 75))
        return 2000;
    return W.plan.is_long ? 15000 : 5000;
}

void node_crash(struct node *n)
{
    tally(TALLY_CRASHES);
    world_say("n%d crashes h%" PRId64 " r%d", n->index, n->core.height,
              n->core.round);
    n->is_up    = false;
    n->is_dying = false;
    n->timer_number++;
    log_crash(n);
    if (W.plan.role[n->val] == ROLE_FORGETFUL)
        forget_all(n);
    else if (W.plan.set_backs && rng_chance(&W.rng, W.plan.set_backs))
        disk_set_back(n);
    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index)
            world_disconnect(n->index, i);
    world_push((struct item){ .kind = ITEM_RESTART, .to = n->index },
               (int64_t)rng_below(&W.rng, outage_max()) * MS);
}
