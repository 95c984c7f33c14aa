/* A node: what the shell does around the cores, in the same order. */
#include "sim.h"

#include "consensus/journal.h"

enum { ARENA_BYTES = 16 << 20, TX_BYTES_MAX = 150000 };

bool node_is_honest(const struct node *n)
{
    return W.plan.role[n->val] == ROLE_HONEST;
}

bool node_may_stray(const struct node *n)
{
    return W.plan.is_fork && !node_is_honest(n);
}

bool are_at_odds(const struct node *n, int other)
{
    return node_may_stray(n) || node_may_stray(&W.nodes[other]);
}

struct stamp node_now(const struct node *n)
{
    struct stamp zero = { .seconds = 1700000000 };

    if (n->is_replaying)
        return n->replay_now;
    return stamp_add(zero, W.now + W.plan.skew[n->index]);
}

static bool feed(struct node *n, struct event ev);
static void log_own(struct node *n);

/* A place where the process may end. */
static bool may_die(struct node *n)
{
    unsigned one_in = W.plan.role[n->val] == ROLE_FORGETFUL ? 200 : 2000;

    if (!W.is_fair && !n->is_replaying &&
        rng_below(&W.rng, one_in) < W.plan.crashes) {
        tally(TALLY_CRASHES_WITHIN);
        n->is_dying = true;
    }
    return n->is_dying;
}

/* ---- speaking ---- */

static void tell_all(struct node *n, const struct gossip_act *a)
{
    struct span bytes = pb_encode(&consensus_msg_desc, &a->msg, &W.arena);

    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index)
            world_send(n->index, i, a->channel, bytes, 0);
}

/* A vote goes to many, and is the same to all: what its signature covers and
 * who signed make it. */
static struct span encode_vote(const struct consensus_msg *m)
{
    const struct vote *v = m->vote->vote;
    uint64_t key = mix64((uint64_t)v->height << 32 | (uint64_t)v->round << 8 |
                             (uint64_t)v->type,
                         (uint64_t)v->validator_index);
    struct encoded *e;

    key = mix_bytes(mix_bytes(key, v->signature), v->block_id.hash);
    key = mix_bytes(mix_bytes(key, v->extension_signature), v->extension);
    e   = &W.encoded[key % ENCODED_MAX];
    if (e->key != key) {
        e->key   = key;
        e->bytes = pb_encode(&consensus_msg_desc, m, &W.arena);
    }
    return e->bytes;
}

static void say(struct node *n, int peer)
{
    const struct consensus_msg *m = &n->act.msg;

    world_send(n->index, peer, n->act.channel,
               m->which == CONSENSUS_VOTE
                   ? encode_vote(m)
                   : pb_encode(&consensus_msg_desc, m, &W.arena),
               aim_delay(m, peer));
}

static void say_stored_part(struct node *n, int peer)
{
    struct gossip_act    *a = &n->act;
    struct block_part_msg m = { .height = a->height, .round = a->round };

    must(a->height <= n->disk.height);
    m.part = part_set_part(&n->disk.parts[a->height], a->index);
    world_send(n->index, peer, 0x21, world_encode(CONSENSUS_BLOCK_PART, &m), 0);
    gossip_part_done(&n->views[peer]);
}

static void say_stored_commit(struct node *n, int peer)
{
    int64_t                       h = n->act.height;
    const struct extended_commit *c =
        h <= n->disk.height ? n->disk.commits[h] : NULL;

    gossip_commit(&n->views[peer], h, c);
    while (c && world_has_room(n->index, peer) &&
           gossip_next_of_commit(&n->views[peer], c, &n->act))
        say(n, peer);
}

static struct gossip_env gossip_env_of(const struct node *n)
{
    return (struct gossip_env){ .core       = &n->core,
                                .store_base = n->disk.height > 0,
                                .is_syncing = n->fetch.is_going,
                                .now_us     = (uint64_t)(W.now / 1000) + 1 };
}

/* What is held back is to be said then. */
static void wait_to_say(struct node *n, uint64_t at)
{
    /* One of the past is of a time when there was room. */
    if ((int64_t)(at - 1) * 1000 <= W.now || at == 0 ||
        (n->hold_until && n->hold_until <= at))
        return;
    n->hold_until = at;
    world_push((struct item){ .kind = ITEM_HOLD, .to = n->index, .epoch = at },
               (int64_t)(at - 1) * 1000 - W.now);
}

void node_unhold(struct node *n, uint64_t at)
{
    if (!n->is_up || n->hold_until != at)
        return;
    n->hold_until = 0;
    tally(TALLY_HELD_BACK);
    node_gossip(n);
}

static void gossip_to(struct node *n, int peer)
{
    struct gossip_env env = gossip_env_of(n);

    proof_gossip(n, peer);
    while (world_has_room(n->index, peer) &&
           gossip_next(&n->views[peer], &env, ROOM_ALL, &n->act)) {
        switch (n->act.kind) {
        case ACT_SAY: say(n, peer); break;
        case ACT_LOAD_PART: say_stored_part(n, peer); break;
        case ACT_LOAD_COMMIT: say_stored_commit(n, peer); break;
        }
    }
    wait_to_say(n, n->views[peer].hold_until_us);
}

void node_gossip(struct node *n)
{
    if (!n->is_up)
        return;
    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index && W.links[n->index][i].is_up)
            gossip_to(n, i);
}

void node_query(struct node *n)
{
    for (int i = 0; i < (int)W.node_count; i++)
        gossip_query(&n->views[i]);
    fetch_look(n);
    if (++n->queries % (POOL_REOFFER_NS / GOSSIP_QUERY_NS) == 0)
        memset(n->cursors, 0, sizeof n->cursors);
    node_gossip(n);
}

static void greet(struct node *n, int peer)
{
    gossip_greet(&n->act, &n->core, node_now(n));
    say(n, peer);
    if (gossip_greet_block(&n->act, &n->core))
        say(n, peer);
}

void node_connect(struct node *n, int peer)
{
    struct peer_id id = world_id(peer);

    peer_view_init(&n->views[peer], &id);
    n->cursors[peer] = 0;
    if (!n->is_up)
        return;
    fetch_up(n, peer);
    if (!n->fetch.is_going)
        greet(n, peer);
    gossip_to(n, peer);
}

/* ---- own messages ---- */

static void queue_own(struct node *n, enum consensus_kind kind, void *member)
{
    struct own *o = arena_new(&W.arena, struct own);

    o->bytes = world_encode(kind, member);
    if (n->own_last)
        n->own_last->next = o;
    else
        n->own_first = o;
    n->own_last = o;
}

static void own_message(struct node *n, const struct effect *e)
{
    struct proposal_msg   proposal = { 0 };
    struct vote_msg       vote     = { (struct vote *)(uintptr_t)e->vote };
    struct block_part_msg part     = { .height = e->height, .round = e->round };

    if (e->kind == FX_OWN_VOTE) {
        queue_own(n, CONSENSUS_VOTE, &vote);
    } else if (e->kind == FX_OWN_PROPOSAL) {
        proposal.proposal = *e->proposal;
        queue_own(n, CONSENSUS_PROPOSAL, &proposal);
    } else {
        for (uint32_t i = 0; i < e->parts->total; i++) {
            part.part = part_set_part(e->parts, i);
            queue_own(n, CONSENSUS_BLOCK_PART, &part);
        }
    }
}

/* ---- answers ---- */

static struct span make_tx(void)
{
    bool     is_big = W.plan.has_big_blocks && rng_chance(&W.rng, 25);
    size_t   n      = 8 + (size_t)rng_below(&W.rng, is_big ? TX_BYTES_MAX : 40);
    uint8_t *tx     = arena_alloc(&W.arena, n + 8);

    store_le64(tx, rng_next(&W.rng));
    return SPAN(tx, n + 8);
}

static struct event prepare(struct node *n, const struct effect *e)
{
    struct event         ev = { .kind = EV_PREPARED };
    struct part_set     *parts;
    struct evidence_list evidence;
    struct commit       *commit;
    struct span          tx;
    struct block        *b;
    int                  i;

    if (W.block_count[e->height] + 4 >= BLOCKS_MAX)
        return ev;
    commit = e->prepare.last_commit
                 ? extended_commit_strip(e->prepare.last_commit, &W.arena)
                 : NULL;
    tx     = make_tx();
    must(pool_pending(&n->pool, W.genesis.params.evidence.max_bytes, &evidence,
                      &W.arena));
    b     = state_make_block(&n->core.state, n->core.height, &tx, 1, commit,
                             evidence.evidence.v, evidence.evidence.n,
                             SPAN_OF(n->core.address), &W.arena);
    parts = arena_new(&W.arena, struct part_set);
    must(b && part_set_from_bytes(parts, block_encode(b, &W.arena), &W.arena));
    i                 = check_new_block(e->height, b, parts);
    ev.prepared.block = part_set_bytes(parts);
    memcpy(ev.prepared.hash.b, W.blocks[e->height][i].id.hash.p, HASH_BYTES);
    return ev;
}

static bool is_accepted(struct node *n, const struct effect *e)
{
    const struct block *b = e->block.block;

    if (b->evidence.evidence.n > 0 &&
        !proof_is_valid(n, &b->evidence, !e->block.asks_app))
        return false;
    return b->data.txs.n == 0 || !span_eq(b->data.txs.v[0], span_str("bad"));
}

static enum verdict verify_extension(const struct vote *v)
{
    bool is_ours = span_eq(v->extension, span_str("extension"));

    tally(is_ours ? TALLY_EXTENSIONS : TALLY_EXTENSIONS_REFUSED);
    return is_ours ? VERDICT_ACCEPT : VERDICT_REJECT;
}

static bool sign(struct node *n, const struct effect *e, struct event *ev)
{
    struct vote     v;
    struct proposal p;

    if (e->kind == FX_SIGN_VOTE || e->round > 0)
        log_sync(n);
    if (!disk_sign(n, e, ev)) {
        world_say("n%d signs no %s h%" PRId64 " r%d", n->index,
                  e->kind == FX_SIGN_VOTE ? "vote" : "proposal", e->height,
                  e->round);
        return true;
    }
    if (e->kind == FX_SIGN_VOTE) {
        v           = *e->vote;
        v.timestamp = ev->sign.time;
        check_vote(n, n->val, &v);
    } else {
        p           = *e->proposal;
        p.timestamp = ev->sign.time;
        check_proposal(n, n->val, &p);
    }
    return true;
}

bool node_apply(struct node *n, const struct effect *e)
{
    struct disk        *d = &n->disk;
    struct chain_state *next;

    check_decision(n, e);
    blame_block(n, e->apply.block);
    disk_save_block(n, e);
    if (may_die(n))
        return false;
    if (e->height > n->log_ahead) { /* else it stands there */
        log_end_height(n, e->height);
        log_sync(n);
    }
    if (may_die(n))
        return false;
    next = disk_next_state(n, d->state, e->height);
    pool_update(&n->pool, next, &e->apply.block->evidence);
    if (may_die(n))
        return false;
    d->state = next;
    return true;
}

static bool apply(struct node *n, const struct effect *e, struct event *ev)
{
    if (!node_apply(n, e))
        return false;
    *ev = (struct event){ .kind = EV_APPLIED, .applied = n->disk.state };
    return true;
}

static bool answer(struct node *n, const struct effect *e, struct event *ev)
{
    *ev = (struct event){ 0 };
    switch (e->kind) {
    case FX_PREPARE: *ev = prepare(n, e); return true;
    case FX_VALIDATE:
        ev->kind    = EV_VALIDATED;
        ev->verdict = is_accepted(n, e) ? VERDICT_ACCEPT : VERDICT_REJECT;
        return true;
    case FX_EXTEND:
        ev->kind               = EV_EXTENDED;
        ev->extended.is_ok     = true;
        ev->extended.extension = span_str("extension");
        return true;
    case FX_VERIFY_EXTENSION:
        ev->kind    = EV_EXTENSION_VERIFIED;
        ev->verdict = verify_extension(e->vote);
        return true;
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE: return sign(n, e, ev);
    case FX_APPLY: return apply(n, e, ev);
    default: return false;
    }
}

/* ---- effects ---- */

static void set_timer(struct node *n, const struct effect *e)
{
    n->timer_number++;
    world_push((struct item){ .kind  = ITEM_TIMER,
                              .to    = n->index,
                              .epoch = n->timer_number },
               e->timer.duration > 0 ? e->timer.duration : 0);
}

static void count_fact(const struct node *n, const struct effect *e)
{
    if (n->is_replaying)
        return;
    switch (e->fact) {
    case FACT_NEW_ROUND:
        if (e->round > 0)
            tally(TALLY_ROUNDS);
        break;
    case FACT_LOCK: tally(TALLY_LOCKS); break;
    case FACT_RELOCK: tally(TALLY_RELOCKS); break;
    case FACT_UNLOCK: tally(TALLY_UNLOCKS); break;
    case FACT_TIMEOUT_PROPOSE: tally(TALLY_SILENCES); break;
    case FACT_INVALID_BLOCK: tally(TALLY_INVALID); break;
    case FACT_REJECTED_BLOCK: tally(TALLY_REFUSED_BY_APP); break;
    default: break;
    }
}

static void say_fact(struct node *n, const struct effect *e)
{
    const char *name = NULL;

    count_fact(n, e);
    switch (e->fact) {
    case FACT_LOCK: name = "locks"; break;
    case FACT_RELOCK: name = "locks again"; break;
    case FACT_UNLOCK: name = "unlocks"; break;
    case FACT_INVALID_BLOCK: name = "finds the proposal invalid"; break;
    case FACT_NEW_ROUND: name = "begins"; break;
    case FACT_TIMEOUT_PROPOSE:
        n->late_height = e->height;
        n->late_round  = e->round;
        return;
    default: return;
    }
    world_say("n%d %s h%" PRId64 " r%d%s%s", n->index, name, e->height,
              e->round, e->text ? ": " : "", e->text ? e->text : "");
}

static void announce(struct node *n, const struct effect *e)
{
    if (n->is_replaying)
        return;
    if (gossip_announce(&n->act, e, node_now(n)))
        tell_all(n, &n->act);
    if (e->kind == FX_NEW_STEP && node_is_honest(n))
        evil_on_step(n);
}

static bool perform(struct node *n, const struct effect *e, struct event *ev)
{
    switch (e->kind) {
    case FX_SET_TIMER: set_timer(n, e); return false;
    case FX_NEW_STEP:
        if (!n->is_replaying) {
            log_own(n);
            log_step(n, e);
        }
        announce(n, e);
        return false;
    case FX_HAS_VOTE:
    case FX_NEW_VALID_BLOCK: announce(n, e); return false;
    case FX_OWN_PROPOSAL:
    case FX_OWN_PARTS:
    case FX_OWN_VOTE: own_message(n, e); return false;
    case FX_EVIDENCE:
        tally(TALLY_EQUIVOCATIONS);
        blame_conflict(n, e->vote);
        pool_conflict(&n->pool, e->vote, e->other);
        return false;
    case FX_REFUSED:
        tally(TALLY_REFUSED);
        world_say("n%d refuses: %s", n->index, e->text);
        return false;
    case FX_FACT: say_fact(n, e); return false;
    case FX_HALT:
        if (node_may_stray(n)) {
            n->is_dying = true;
            return false;
        }
        check_failed("n%d halts at h%" PRId64 ": %s", n->index, e->height,
                     e->text);
        return false;
    case FX_PREPARE:
    case FX_VALIDATE:
    case FX_EXTEND:
    case FX_VERIFY_EXTENSION:
    case FX_SIGN_PROPOSAL:
    case FX_SIGN_VOTE:
    case FX_APPLY: return answer(n, e, ev);
    }
    return false;
}

/* False when the core took no notice. */
static bool feed(struct node *n, struct event ev)
{
    bool goes_on = false, is_heard = true;

    if (W.violation[0])
        return true;
    do {
        struct event next;

        goes_on = false;
        n->fx.n = 0;
        ev.now  = node_now(n);
        consensus_step(&n->core, &n->fx, &ev);
        is_heard &= n->core.is_heard;
        for (size_t i = 0; i < n->fx.n && !n->is_dying; i++)
            goes_on |= perform(n, &n->fx.v[i], &next);
        ev = next;
    } while (goes_on && !n->is_dying && !W.violation[0]);
    return is_heard;
}

/* ---- inputs ---- */

/* What a replay made again and the WAL had. */
static bool is_known(const struct node *n, const struct consensus_msg *m)
{
    const struct consensus *c = &n->core;
    const struct vote      *v;
    const struct vote_set  *s;

    if (m->which == CONSENSUS_PROPOSAL)
        return c->proposal || m->proposal->proposal.height != c->height ||
               m->proposal->proposal.round < c->round;
    if (m->which == CONSENSUS_BLOCK_PART)
        return m->block_part->height != c->height || c->has_proposal_block;
    v = m->vote->vote;
    if (v->height != c->height)
        return true;
    s = v->type == TYPE_PREVOTE ? height_votes_prevotes(&c->votes, v->round)
                                : height_votes_precommits(&c->votes, v->round);
    return vote_set_find(s, (size_t)v->validator_index, &v->block_id);
}

/* All that led to a vote was synced before it was signed. */
static bool can_be_had_again(const struct consensus_msg *m)
{
    return m->which == CONSENSUS_VOTE &&
           m->vote->vote->extension_signature.n == 0;
}

/* All of ours that wait are written together. */
static void log_own(struct node *n)
{
    static const struct peer_id self;
    struct consensus_msg        m;
    bool                        needs_sync = false;

    if (!n->own_first || n->own_first->is_logged)
        return;
    for (struct own *o = n->own_first; o; o = o->next) {
        if (o->is_logged)
            continue;
        must(consensus_msg_decode(&m, &W.arena, o->bytes) == ACCEPT);
        o->is_logged = true;
        if (is_known(n, &m)) {
            o->bytes.n = 0;
            continue;
        }
        log_message(n, &m, &self);
        needs_sync |= !can_be_had_again(&m);
    }
    if (!may_die(n) && needs_sync)
        log_sync(n);
}

/* Everything of our own goes in before anything else. */
static void pump(struct node *n)
{
    while (n->own_first && !n->is_dying && !W.violation[0]) {
        struct event         ev = { 0 };
        struct own          *o  = n->own_first;
        struct consensus_msg m;

        if (!o->is_logged) {
            log_own(n);
            continue;
        }
        n->own_first = o->next;
        if (!n->own_first)
            n->own_last = NULL;
        if (o->bytes.n == 0)
            continue;
        arena_reset(&n->in);
        must(consensus_msg_decode(&m, &n->in, o->bytes) == ACCEPT);
        if (message_event(&ev, &m))
            feed(n, ev);
        may_die(n);
    }
    if (n->is_dying)
        node_crash(n);
}

static void take(struct node *n, struct event ev)
{
    if (!feed(n, ev))
        log_take_back(n);
    pump(n);
    node_gossip(n);
}

void node_message(struct node *n, int from, uint8_t channel, struct span bytes)
{
    struct gossip_env   env = gossip_env_of(n);
    struct peer_view   *p   = &n->views[from];
    struct gossip_heard heard;

    if (!n->is_up)
        return;
    if (channel == 0x40) {
        fetch_message(n, from, bytes);
        return;
    }
    if (channel == 0x38) {
        proof_message(n, from, bytes);
        return;
    }
    arena_reset(&n->in);
    gossip_hear(p, &env, channel, bytes, &n->in, &heard);
    if (heard.drop) {
        if (from < NODES_MAX)
            check_failed("n%d drops n%d: %s", n->index, from, heard.drop);
        else
            peer_view_init(p,
                           &(struct peer_id){ .b = { (uint8_t)(from + 1) } });
        return;
    }
    if (!heard.has_event) {
        if (from < NODES_MAX)
            gossip_to(n, from);
        return;
    }
    log_message(n, &heard.msg, &p->id);
    take(n, heard.event);
}

void node_timer(struct node *n)
{
    struct event ev = { .kind = EV_TIMEOUT, .timeout = n->core.timer };

    if (!n->is_up)
        return;
    n->is_timer_kept = n->fetch.is_going;
    if (n->fetch.is_going)
        return;
    log_timeout(n, &ev.timeout);
    take(n, ev);
}

/* ---- starting and ending ---- */

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
            feed(n, ev);
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
    if (n->log_ahead == 0 || n->disk.state->last_height > n->log_ahead) {
        node_joins(n, has_moved);
        return;
    }
    if (has_moved)
        feed(n, first_event_of(n));
    replay(n);
    if (!n->is_dying)
        fetch_begin(n);
}

void node_joins(struct node *n, bool has_moved)
{
    struct event state = first_event_of(n);

    n->log_ahead = 0;
    if (has_moved)
        feed(n, state);
    if (has_moved || !n->has_started)
        feed(n, (struct event){ .kind = EV_START });
    n->has_started = true;
    for (int i = 0; i < (int)W.node_count; i++)
        if (i != n->index && W.links[n->index][i].is_up)
            greet(n, i);
    if (n->is_timer_kept)
        node_timer(n);
    else
        pump(n);
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
    feed(n, first_event_of(n));
    feed(n, key);
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
