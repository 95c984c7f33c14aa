/* Block sync for us: blocks that the network has decided, checked in full,
 * executed and stored one by one, until the core can take over.
 *
 * A block is believed by the commit for it in the block above.  The core rests
 * meanwhile and is told the state that was reached. */
#include "consensus/reactor.h"

#include "base/bar.h"
#include "base/log.h"
#include "consensus/pair.h"
#include "consensus/shell.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    TICK_US   = 200000,
    STILL_US  = 2000000,   /* without a tick: it was we who stood still */
    STATUS_US = 10000000,  /* peers are asked for their heights, */
    IDLE_US   = 1000000,   /* and so often while no block comes */
    FRESH_US  = 1000000,   /* so old may be what makes us stop */
    TELL_US   = 3000000,   /* peers that are there may take to tell theirs */
    NOTE_US   = 10000000,  /* between lines in the log */
    DRAW_US   = 300000,    /* between bars on a terminal */
    AGAIN_US  = 60000000,  /* until blocks are looked for after a stall, */
    AGAIN_MAX = 600000000, /* and twice as long each time up to this */
};

/* Such a block is no sign that the network goes on without us. */
#define OLD_NS INT64_C(5000000000)

/* ---- asking ---- */

static void ask_status(struct reactor *r, struct remote *p)
{
    struct status_request status = { 0 };
    struct blocksync_msg  m      = { .which          = BLOCKSYNC_STATUS_REQUEST,
                                     .status_request = &status };

    serve_say(r, p, &m);
}

static void ask_all(struct reactor *r)
{
    r->fetch.asked_us = now_us();
    for (size_t i = 0; i < r->n; i++)
        ask_status(r, r->v[i]);
}

static void ask_blocks(struct reactor *r)
{
    struct block_request want;
    struct blocksync_msg m = { .which         = BLOCKSYNC_BLOCK_REQUEST,
                               .block_request = &want };
    uint64_t             peer;

    while (sync_next_ask(&r->fetch.sync, now_us(), &peer, &want.height)) {
        struct remote *p = reactor_find(r, peer);

        must(p);
        serve_say(r, p, &m);
    }
}

/* ---- bad blocks ---- */

static void blame(struct reactor *r, uint64_t peer, const char *why,
                  uint32_t ban_seconds)
{
    struct remote *p = reactor_find(r, peer);

    fetch_down(r, peer);
    if (!p)
        return;
    p->has_blocks = false;
    reactor_drop(r, p, why, ban_seconds);
}

static void refuse(struct reactor *r, const char *why, unsigned fault)
{
    struct sync            *y = &r->fetch.sync;
    const struct sync_slot *a, *b;
    uint64_t                from[2];

    must(sync_pair(y, y->next, &a, &b));
    r->fetch.ahead = NULL;
    from[0]        = a->from;
    from[1]        = b->from;
    log_event(LOG_WARN, "blocks that do not hold", LOG_INT("height", y->next),
              LOG_STR("why", why));
    for (int i = 0; i < 2; i++) {
        if (!(fault & (i ? PAIR_SECOND : PAIR_FIRST)))
            continue;
        free(sync_take(y, y->next + i));
        blame(r, from[i], why, SYNC_LIE_BAN_S);
    }
}

/* ---- one block ---- */

static void keep_seen(struct fetch *f, const struct pair *p)
{
    struct arena *a = &f->seen;
    struct span   plain, bytes;

    arena_reset(a);
    plain = bytes = pb_encode(&commit_desc, p->second->block->last_commit, a);
    if (p->is_extended)
        bytes = pb_encode(&extended_commit_desc, p->first->ext_commit, a);
    must(bytes.p && commit_widened(&f->last_seen, bytes, p->is_extended, a));
    f->has_known = pb_decode(&commit_desc, &f->known, a, plain) == ACCEPT;
}

static void apply_pair(struct reactor *r, struct pair *p)
{
    struct fetch *f = &r->fetch;
    struct effect e = { .kind = FX_APPLY, .height = f->sync.next };

    keep_seen(f, p);
    f->is_applying      = true;
    e.apply.id          = p->id;
    e.apply.block       = p->first->block;
    e.apply.parts       = &p->parts;
    e.apply.seen        = &f->last_seen;
    e.apply.is_extended = p->is_extended;
    apply_decided(r->shell, &e);
}

static void on_evidence_checked(struct shell *s, const char *why)
{
    struct reactor *r = &s->reactor;
    struct fetch   *f = &r->fetch;

    if (!why) {
        apply_pair(r, f->pair);
        return;
    }
    f->is_applying = false;
    refuse(r, why, PAIR_FIRST | PAIR_SECOND);
    timer_set(&f->tick, 0);
}

static void take_pair(struct reactor *r, struct pair *p)
{
    const struct evidence_list *l = &p->first->block->evidence;

    if (l->evidence.n == 0) {
        apply_pair(r, p);
        return;
    }
    r->fetch.is_applying = true;
    r->fetch.pair        = p;
    proof_check(r->shell, l, true, on_evidence_checked);
}

/* Two that follow each other, of which nothing is known yet. */
static struct pair *read_pair(struct fetch *f, int64_t height, struct arena *to,
                              const char **why)
{
    const struct sync_slot *a, *b;
    struct pair            *p;

    if (!sync_pair(&f->sync, height, &a, &b))
        return NULL;
    arena_reset(to);
    p = arena_new(to, struct pair);
    must(p);
    *why = pair_read(p, a, b, to);
    return p;
}

/* The set of the height above is known before the block below is executed, and
 * the first block names it.  What does not hold is judged when it is due. */
void fetch_verify(struct reactor *r)
{
    struct fetch             *f  = &r->fetch;
    const struct chain_state *c  = &r->shell->chain;
    struct arena             *to = &f->work[1 - f->work_turn];
    const char               *why;
    struct pair              *p;

    if (r->shell->phase != PHASE_SYNC || f->ahead)
        return;
    p = read_pair(f, f->sync.next + 1, to, &why);
    if (p && !why && pair_is_of(p, &c->next_validators) &&
        !pair_verify(p, &c->next_validators, c->chain_id, to))
        f->ahead = p;
}

static const char *check_follows(struct fetch *f, struct pair *p,
                                 const struct chain_state *c, struct arena *a)
{
    if (p->has_followed)
        return NULL;
    return pair_follows(p, c, f->has_known ? &f->known : NULL, a);
}

void fetch_foretell(struct reactor *r)
{
    struct fetch *f    = &r->fetch;
    struct pair  *p    = f->ahead;
    struct hash   hash = { 0 };

    if (r->shell->phase != PHASE_SYNC || !p ||
        p->first->block->evidence.evidence.n > 0 ||
        check_follows(f, p, &r->shell->apply.next, &f->work[1 - f->work_turn]))
        return;
    memcpy(hash.b, p->id.hash.p, HASH_BYTES);
    apply_foretell(r->shell, p->first->block, &hash);
}

/* The one to apply, in the memory of its turn. */
static struct pair *next_pair(struct fetch *f, const struct chain_state *c,
                              struct arena *to, const char **why)
{
    struct pair *p = f->ahead;

    f->ahead = NULL;
    *why     = NULL;
    if (p)
        return p;
    p = read_pair(f, f->sync.next, to, why);
    if (p && !*why)
        *why = pair_verify(p, &c->validators, c->chain_id, to);
    return p;
}

static bool apply_next(struct reactor *r)
{
    struct fetch             *f  = &r->fetch;
    const struct chain_state *c  = &r->shell->chain;
    struct arena             *to = &f->work[1 - f->work_turn];
    const char               *why;
    struct pair              *p = next_pair(f, c, to, &why);

    if (!p)
        return false;
    f->work_turn = 1 - f->work_turn;
    if (!why)
        why = check_follows(f, p, c, to);
    if (why)
        refuse(r, why, p->fault);
    else
        take_pair(r, p);
    return true;
}

/* ---- progress ---- */

static void log_progress(struct reactor *r, int64_t top)
{
    struct fetch *f = &r->fetch;

    if (top < 0)
        log_event(LOG_INFO, "waiting for peers to tell their heights",
                  LOG_INT("height", f->pace.height),
                  LOG_UINT("peers", f->sync.peer_count));
    else
        log_event(LOG_INFO, "catching up", LOG_INT("height", f->pace.height),
                  LOG_INT("of", top),
                  LOG_INT("blocks_s", (int64_t)(f->pace.rate + 0.5)),
                  LOG_INT("left_s", pace_left_s(&f->pace, top)),
                  LOG_UINT("peers", f->sync.peer_count));
}

static void draw_progress(struct reactor *r, int64_t top)
{
    char       mem[PACE_LINE_BYTES];
    struct buf line;

    buf_use(&line, mem, sizeof mem);
    pace_line(&line, &r->fetch.pace, top, r->fetch.sync.peer_count,
              bar_columns());
    bar_draw(buf_span(&line));
}

/* Where people look at a terminal a bar moves there; where nobody does, or
 * the log goes elsewhere, it gets a line now and then. */
static void note_progress(struct reactor *r)
{
    struct fetch *f   = &r->fetch;
    uint64_t      now = now_us();
    int64_t       top = sync_top(&f->sync);

    if (now - f->pace.us < DRAW_US)
        return;
    pace_note(&f->pace, f->sync.next - 1, now);
    if (f->has_bar)
        draw_progress(r, top);
    if (now - f->note_us < NOTE_US)
        return;
    f->note_us = now;
    if (!f->has_bar || !isatty(STDERR_FILENO))
        log_progress(r, top);
}

static void clear_bodies(struct fetch *f)
{
    struct sync *y = &f->sync;

    f->ahead = NULL;
    for (int64_t h = y->next; h < y->next + SYNC_WINDOW; h++)
        free(sync_take(y, h));
}

static bool has_moved(const struct fetch *f)
{
    return f->sync.next > f->first;
}

static struct event reached(const struct reactor *r)
{
    const struct fetch *f = &r->fetch;

    return (struct event){
        .kind  = EV_STATE,
        .now   = now_stamp(),
        .state = { &r->shell->chain, &f->last_seen, f->needs_proof },
    };
}

/* The log was ahead of the store: what it holds comes first. */
static void replay_log(struct reactor *r)
{
    struct shell *s     = r->shell;
    struct event  state = reached(r);

    log_event(LOG_INFO, "the log goes on from here",
              LOG_INT("height", s->chain.last_height + 1));
    if (!boot_replay(s))
        return;
    if (has_moved(&r->fetch))
        shell_feed(s, &state);
    s->first_height = s->core.height;
    pump(s);
}

static void take_part(struct reactor *r)
{
    struct fetch *f     = &r->fetch;
    struct shell *s     = r->shell;
    struct event  state = reached(r);
    struct event  start = { .kind = EV_START, .now = state.now };

    s->log_ahead = 0;
    s->phase     = PHASE_RUN;
    svc_condition(s->svc, "consensus", NULL);
    log_event(LOG_INFO, "taking part",
              LOG_INT("height", s->chain.last_height + 1),
              LOG_INT("blocks_synced", f->sync.next - f->first));
    if (has_moved(f))
        shell_feed(s, &state);
    if (has_moved(f) || !f->has_started)
        shell_feed(s, &start);
    f->has_started = true;
    reactor_joined(r);
    pump(s);
}

static void on_checked(struct shell *s)
{
    take_part(&s->reactor);
}

/* There are all blocks now in which another node may have used our key. */
static void finish(struct reactor *r)
{
    struct fetch *f = &r->fetch;
    struct shell *s = r->shell;

    timer_clear(&f->tick);
    clear_bodies(f);
    if (f->has_bar)
        bar_erase();
    f->is_going = false;
    if ((s->log_ahead > 0 && s->chain.last_height <= s->log_ahead) ||
        (s->log_missed > 0 && s->chain.last_height == s->log_missed))
        replay_log(r);
    else if (f->has_started)
        take_part(r);
    else
        boot_check_signed(s, on_checked);
}

/* Does the chain stand still without us? */
static bool is_needed(const struct shell *s)
{
    uint8_t address[ADDRESS_BYTES];
    int64_t i;

    if (s->key.type == KEY_TYPE_NONE)
        return false;
    pubkey_address(address, &s->key);
    i = validators_find(&s->chain.validators, SPAN_OF(address));
    return i >= 0 && s->chain.validators.v[i].power >=
                         s->chain.validators.total / 3 +
                             (s->chain.validators.total % 3 != 0);
}

/* Peers say that there is more, and none gives it: the core will hear of what
 * there is as well.  Without anybody who says so we wait for somebody. */
static bool is_stalled(struct reactor *r, uint64_t now)
{
    struct fetch *f = &r->fetch;

    if (sync_top(&f->sync) < 0 || now - f->moved_us < SYNC_STALL_US)
        return false;
    f->pause_us = f->pause_us == 0              ? AGAIN_US
                  : f->pause_us < AGAIN_MAX / 2 ? 2 * f->pause_us
                                                : AGAIN_MAX;
    f->again_us = now + f->pause_us;
    log_event(LOG_WARN, "peers tell of blocks that none of them gives",
              LOG_INT("height", f->sync.next),
              LOG_INT("told", sync_top(&f->sync)),
              LOG_UINT("peers", f->sync.peer_count));
    return true;
}

static bool is_done(struct reactor *r)
{
    struct fetch *f   = &r->fetch;
    struct shell *s   = r->shell;
    uint64_t      now = now_us();
    bool is_high = s->log_ahead == 0 || s->chain.last_height >= s->log_from;

    if (is_high && is_needed(s) && f->sync.next >= sync_believed(&f->sync, now))
        return true;
    if (!sync_is_caught_up(&f->sync, now))
        return is_high && is_stalled(r, now);
    /* Whoever answers first may be as new as we are. */
    if (now - f->begun_us < TELL_US && !sync_have_all_told(&f->sync))
        return false;
    if (is_high && now - f->status_us < FRESH_US)
        return true;
    if (now - f->asked_us > FRESH_US / 2)
        ask_all(r);
    return false;
}

/* Who was asked may have answered while we were stopped. */
static void blame_late(struct reactor *r)
{
    struct fetch *f     = &r->fetch;
    uint64_t      now   = now_us(), late;
    uint64_t      still = now - f->looked_us;

    if (still > STILL_US)
        sync_excuse(&f->sync, now, still);
    f->looked_us = now;
    while ((late = sync_late(&f->sync, now)))
        blame(r, late, "no block in time", SYNC_BAN_S);
}

static void go(struct reactor *r)
{
    struct fetch *f = &r->fetch;

    if (!f->is_going || r->shell->is_halted)
        return;
    blame_late(r);
    ask_blocks(r);
    if (f->is_applying || !r->shell->app.is_ready)
        f->moved_us = now_us(); /* it is not for want of blocks */
    while (!f->is_applying && r->shell->app.is_ready && apply_next(r))
        ;
    if (f->is_applying)
        return;
    apply_pause(r->shell);
    if (is_done(r))
        finish(r);
}

static void on_tick(void *ctx)
{
    struct reactor *r   = ctx;
    struct fetch   *f   = &r->fetch;
    uint64_t        now = now_us();

    if (!f->is_going)
        return;
    /* Where no block comes, there may be new ones that we have not heard of. */
    if (now - f->asked_us >=
        (now - f->moved_us < IDLE_US ? STATUS_US : IDLE_US))
        ask_all(r);
    note_progress(r);
    timer_set(&f->tick, TICK_US);
    go(r);
}

void fetch_applied(struct reactor *r, const struct apply *a)
{
    struct fetch *f = &r->fetch;
    struct arena *to;

    f->turn = 1 - f->turn;
    to      = &f->chain[f->turn];
    arena_reset(to);
    f->needs_proof = !span_eq(a->block->header.app_hash, a->next.app_hash);
    must(state_copy(&r->shell->chain, &a->next, to));
    f->is_applying = false;
    f->moved_us    = now_us();
    f->pause_us    = 0;
    free(sync_advance(&f->sync));
    if (f->ahead)
        go(r);
    else
        timer_set(&f->tick, 0); /* it may be the end: not from within */
}

/* ---- hearing ---- */

static void hear_status(struct reactor *r, struct remote *p,
                        const struct status_response *m)
{
    const char *why =
        sync_status(&r->fetch.sync, p->number, m->base, m->height);

    if (why) {
        fetch_down(r, p->number);
        reactor_drop(r, p, why, SYNC_BAN_S);
        return;
    }
    r->fetch.status_us = now_us();
    go(r);
}

static void hear_none(struct reactor *r, struct remote *p, int64_t height)
{
    const char *why = sync_without(&r->fetch.sync, now_us(), p->number, height);

    if (why)
        blame(r, p->number, why, SYNC_BAN_S);
    go(r);
}

static void hear_block(struct reactor *r, struct remote *p,
                       const struct block_response *m, struct span bytes)
{
    struct fetch *f    = &r->fetch;
    uint8_t      *body = malloc(bytes.n + 1);
    enum sync_got got;

    must(body);
    memcpy(body, bytes.p, bytes.n);
    got = f->is_going ? sync_got(&f->sync, now_us(), p->number,
                                 m->block->header.height, body, bytes.n)
                      : SYNC_TWICE;
    if (got != SYNC_KEPT)
        free(body);
    if (got == SYNC_UNASKED)
        blame(r, p->number, "a block that was not asked for", SYNC_BAN_S);
    go(r);
}

static void hear_member(struct reactor *r, struct remote *p,
                        const struct blocksync_msg *m, struct span bytes)
{
    switch (m->which) {
    case BLOCKSYNC_BLOCK_REQUEST:
        serve_block(r, p, m->block_request->height);
        break;
    case BLOCKSYNC_NO_BLOCK_RESPONSE:
        if (sync_answer(&r->fetch.sync, now_us(), p->number, bytes.n))
            hear_none(r, p, m->no_block_response->height);
        break;
    case BLOCKSYNC_BLOCK_RESPONSE:
        hear_block(r, p, m->block_response, bytes);
        break;
    case BLOCKSYNC_STATUS_REQUEST: serve_status(r, p); break;
    case BLOCKSYNC_STATUS_RESPONSE:
        hear_status(r, p, m->status_response);
        break;
    case BLOCKSYNC_NONE: break;
    }
}

void fetch_hear(struct reactor *r, struct remote *p, struct span bytes)
{
    struct blocksync_sight sight;
    struct blocksync_msg   m;

    if (blocksync_scan(&sight, bytes) != ACCEPT) {
        reactor_drop(r, p, "a malformed message of block sync", 0);
        return;
    }
    if (sight.is_block_response &&
        !sync_answer(&r->fetch.sync, now_us(), p->number, bytes.n)) {
        blame(r, p->number, "a block that was not asked for", SYNC_BAN_S);
        return;
    }
    if (sight.is_block_response && !r->fetch.is_going)
        return; /* late */
    arena_reset(&r->in);
    if (pb_decode(&blocksync_msg_desc, &m, &r->in, bytes) != ACCEPT ||
        (sight.is_block_response
             ? m.which != BLOCKSYNC_BLOCK_RESPONSE || !m.block_response->block
             : blocksync_msg_validate(&m, &r->in) != ACCEPT)) {
        reactor_drop(r, p, "a malformed message of block sync", 0);
        return;
    }
    hear_member(r, p, &m, bytes);
}

/* ---- peers ---- */

void fetch_up(struct reactor *r, struct remote *p)
{
    if (!p->has_blocks || !sync_peer_up(&r->fetch.sync, p->number))
        return;
    serve_status(r, p);
    if (r->fetch.is_going)
        ask_status(r, p);
}

void fetch_down(struct reactor *r, uint64_t peer)
{
    sync_peer_down(&r->fetch.sync, peer);
}

/* ---- beginning ---- */

bool fetch_is_wanted(const struct reactor *r)
{
    const struct shell      *s = r->shell;
    const struct validators *v = &shell_chain(s)->validators;
    uint8_t                  address[ADDRESS_BYTES];

    if (v->n != 1 || s->key.type == KEY_TYPE_NONE)
        return true;
    pubkey_address(address, &s->key);
    return validators_find(v, SPAN_OF(address)) < 0;
}

void fetch_begin(struct reactor *r)
{
    struct fetch *f = &r->fetch;
    struct shell *s = r->shell;

    f->turn = 1 - f->turn;
    arena_reset(&f->chain[f->turn]);
    must(state_copy(&s->chain, &s->core.state, &f->chain[f->turn]));
    s->phase     = PHASE_SYNC;
    f->is_going  = true;
    f->has_known = false;
    f->first     = s->core.height;
    f->begun_us  = now_us();
    f->note_us   = f->begun_us;
    f->moved_us  = f->begun_us;
    f->looked_us = f->begun_us;
    f->has_bar =
        bar_is_possible() && strcmp(s->svc->config->log_format, "json") != 0;
    pace_begin(&f->pace, f->first - 1, f->note_us);
    sync_begin(&f->sync, f->first);
    svc_condition(s->svc, "consensus", "catching up");
    log_event(LOG_INFO, "looking for blocks that we lack",
              LOG_INT("height", f->first));
    ask_all(r);
    timer_set(&f->tick, 0);
}

/* The last block is not of now, whatever peers say. */
static bool is_old(const struct shell *s)
{
    return stamp_diff(now_stamp(), s->core.state.last_time) > OLD_NS;
}

void fetch_look(struct reactor *r)
{
    struct shell *s = r->shell;
    struct fetch *f = &r->fetch;

    if (s->phase != PHASE_RUN || s->is_halted)
        return;
    if (now_us() - f->asked_us >= STATUS_US)
        ask_all(r);
    if (!fetch_is_wanted(r) || now_us() < f->again_us || !is_old(s) ||
        !sync_is_left_behind(&f->sync, s->core.height - 1) ||
        s->core.awaiting != AWAIT_NOTHING || s->apply.is_active ||
        s->inputs.own.first)
        return;
    inputs_forget_peers(&s->inputs);
    reactor_taken(r);
    fetch_begin(r);
}

void fetch_open(struct reactor *r)
{
    struct fetch *f = &r->fetch;

    sync_init(&f->sync);
    arena_open(&f->chain[0], DECODE_ARENA_BYTES);
    arena_open(&f->chain[1], DECODE_ARENA_BYTES);
    arena_open(&f->seen, DECODE_ARENA_BYTES);
    arena_open(&f->work[0], DECODE_ARENA_BYTES);
    arena_open(&f->work[1], DECODE_ARENA_BYTES);
    timer_init(&f->tick, r->shell->svc->loop, on_tick, r);
}

void fetch_close(struct reactor *r)
{
    clear_bodies(&r->fetch);
    timer_fini(&r->fetch.tick);
}
