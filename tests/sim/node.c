/* A node: what the shell does around the cores, in the same order. */
#include "sim.h"

#include "consensus/journal.h"

enum { TX_BYTES_MAX = 150000 };

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
    /* Or it stands there. */
    if (e->height > n->log_ahead && e->height != n->log_missed) {
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
    if (e->height == n->log_missed && !n->is_replaying && !n->fetch.is_going) {
        world_say("n%d starts again from h%" PRId64, n->index, e->height);
        tally(TALLY_STARTED_AGAIN);
        n->is_dying = true;
        return false;
    }
    return true;
}

static bool apply(struct node *n, const struct effect *e, struct event *ev)
{
    if (!node_apply(n, e))
        return false;
    *ev = (struct event){ .kind = EV_APPLIED, .applied = n->disk.state };
    return true;
}

/* With an extension that is accepted: only now is it known that it counts. */
static void log_vote(struct node *n)
{
    struct vote_msg      vote = { &n->core.vote_in_work };
    struct consensus_msg m    = { .which = CONSENSUS_VOTE };

    m.vote = &vote;
    log_message(n, &m, &n->core.vote_peer);
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
        if (ev->verdict == VERDICT_ACCEPT && !n->is_replaying)
            log_vote(n);
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

static bool perform(struct node *n, const struct effect *e, struct event *ev)
{
    switch (e->kind) {
    case FX_SET_TIMER: set_timer(n, e); return false;
    case FX_NEW_STEP:
        if (!n->is_replaying) {
            log_own(n);
            log_step(n, e);
        }
        talk_announce(n, e);
        return false;
    case FX_HAS_VOTE:
    case FX_NEW_VALID_BLOCK: talk_announce(n, e); return false;
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

static bool is_of_peer(const struct event *ev)
{
    static const struct peer_id self;

    return !peer_id_eq(&ev->peer, &self);
}

void node_feed(struct node *n, struct event ev)
{
    bool goes_on = false;

    if (W.violation[0])
        return;
    do {
        struct event next;

        goes_on = false;
        n->fx.n = 0;
        ev.now  = node_now(n);
        consensus_step(&n->core, &n->fx, &ev);
        if (!n->core.is_heard && !n->is_replaying && is_of_peer(&ev))
            log_take_back(n);
        for (size_t i = 0; i < n->fx.n && !n->is_dying; i++)
            goes_on |= perform(n, &n->fx.v[i], &next);
        ev = next;
    } while (goes_on && !n->is_dying && !W.violation[0]);
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

    if (!n->own_last || n->own_last->is_logged)
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
        if (m.which == CONSENSUS_VOTE)
            log_sync(n);
        log_message(n, &m, &self);
        needs_sync |= !can_be_had_again(&m);
    }
    if (!may_die(n) && needs_sync)
        log_sync(n);
}

void node_pump(struct node *n)
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
            node_feed(n, ev);
        may_die(n);
    }
    if (n->is_dying)
        node_crash(n);
}

static void take(struct node *n, struct event ev)
{
    node_feed(n, ev);
    node_pump(n);
    node_gossip(n);
}

void node_message(struct node *n, int from, uint8_t channel, struct span bytes)
{
    struct gossip_env   env = talk_env(n);
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
    if (!n->fetch.is_going)
        node_pump(n);
    if (!n->is_up)
        return;
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
            talk_to(n, from);
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
    node_pump(n);
    if (!n->is_up)
        return;
    log_timeout(n, &ev.timeout);
    take(n, ev);
}
