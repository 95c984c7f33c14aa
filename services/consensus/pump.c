/* Inputs through the WAL into the core, and the WAL's back into it. */
#include "base/limits.h"
#include "base/log.h"
#include "consensus/journal.h"
#include "consensus/shell.h"

enum { INPUTS_PER_TURN = 256 };

struct stamp pump_now(const struct shell *s)
{
    return s->phase == PHASE_REPLAY ? s->replay_now : now_stamp();
}

/* Going on without the WAL could sign twice what it must not. */
static void wal_lost(struct shell *s, enum err e)
{
    s->is_halted = true;
    svc_exit(s->svc, e);
}

void pump_sync(struct shell *s)
{
    enum err e = wal_sync(s->wal);

    if (e)
        wal_lost(s, e);
    s->has_unsynced_input = false;
}

void pump_flush(struct shell *s)
{
    enum err e = wal_flush(s->wal);

    if (e)
        wal_lost(s, e);
}

/* A message too long for a record is lost, ours or a peer's; nothing else. */
static bool is_logged(struct shell *s, enum err e)
{
    if (e && e != ERR_BUSY)
        wal_lost(s, e);
    return e == OK;
}

/* ---- our own ---- */

static void queue_own(struct shell *s, enum consensus_kind kind, void *member)
{
    struct consensus_msg m    = { .which = kind, .new_round_step = member };
    size_t               mark = arena_mark(&s->scratch);
    struct span bytes         = pb_encode(&consensus_msg_desc, &m, &s->scratch);

    must(bytes.p);
    inputs_own(&s->inputs, bytes);
    arena_release(&s->scratch, mark);
}

void pump_own(struct shell *s, const struct effect *e)
{
    struct proposal_msg   proposal;
    struct vote_msg       vote;
    struct vote           copy;
    struct block_part_msg part = { .height = e->height, .round = e->round };

    if (e->kind == FX_OWN_PROPOSAL) {
        proposal.proposal = *e->proposal;
        queue_own(s, CONSENSUS_PROPOSAL, &proposal);
    } else if (e->kind == FX_OWN_VOTE) {
        copy      = *e->vote;
        vote.vote = &copy;
        queue_own(s, CONSENSUS_VOTE, &vote);
    } else {
        for (uint32_t i = 0; i < e->parts->total; i++) {
            part.part = part_set_part(e->parts, i);
            queue_own(s, CONSENSUS_BLOCK_PART, &part);
        }
    }
}

/* What a replay made again and the WAL had: not to be written twice. */
static bool is_known(const struct shell *s, const struct consensus_msg *m)
{
    const struct consensus *c = &s->core;
    const struct vote      *v;
    const struct vote_set  *set;

    if (m->which == CONSENSUS_VOTE) {
        v = m->vote->vote;
        if (v->height != c->height)
            return true;
        set = v->type == TYPE_PREVOTE
                  ? height_votes_prevotes(&c->votes, v->round)
                  : height_votes_precommits(&c->votes, v->round);
        return vote_set_find(set, (size_t)v->validator_index, &v->block_id);
    }
    if (m->which == CONSENSUS_PROPOSAL)
        return c->proposal || m->proposal->proposal.height != c->height ||
               m->proposal->proposal.round < c->round;
    return m->block_part->height != c->height || c->has_proposal_block;
}

/* A vote need not be synced before it leaves: all that led to it is on the
 * disk, a replay comes to it again, and the signer gives the same signature.
 * Of an extension nobody can say that. */
static bool can_be_had_again(const struct consensus_msg *m)
{
    return m->which == CONSENSUS_VOTE &&
           m->vote->vote->extension_signature.n == 0;
}

/* All of ours that wait are written, and synced if they must be, together. */
static void log_own(struct shell *s)
{
    static const struct peer_id self;
    bool                        needs_sync = false;

    if (!s->inputs.own.last || s->inputs.own.last->is_logged)
        return;
    for (struct input *in = s->inputs.own.first; in && !s->is_halted;
         in               = in->next) {
        struct consensus_msg m;
        size_t               mark = arena_mark(&s->scratch);

        if (in->is_logged)
            continue;
        must(consensus_msg_decode(&m, &s->scratch, in->bytes) == ACCEPT);
        in->is_logged = true;
        /* Synced when it was signed, unless a replay signed several. */
        if (m.which == CONSENSUS_VOTE && s->has_unsynced_input)
            pump_sync(s);
        if (s->is_halted)
            return;
        if (is_known(s, &m) ||
            !is_logged(s, journal_message(s->wal, now_stamp(), &m, &self,
                                          &s->scratch)))
            in->bytes.n = 0;
        else if (can_be_had_again(&m))
            s->has_unsynced_input = true;
        else
            needs_sync = true;
        arena_release(&s->scratch, mark);
    }
    if (s->is_halted)
        return;
    if (needs_sync)
        pump_sync(s);
    else
        pump_flush(s); /* so that no kill loses what leaves */
}

/* ---- inputs ---- */

/* What a peer says is in the log before it is heard, and does not stay there
 * if it is of no use: or junk would push out what a restart must know. */
static void take_peers(struct shell *s, struct event *ev,
                       const struct consensus_msg *m)
{
    if (!is_logged(s,
                   journal_message(s->wal, ev->now, m, &ev->peer, &s->scratch)))
        return;
    shell_step(s, ev);
    if (s->core.is_heard)
        s->has_unsynced_input = true;
    else
        wal_take_back(s->wal);
    shell_perform(s);
}

/* With an extension: only now is it known that it counts. */
void pump_verified(struct shell *s)
{
    struct vote_msg      vote = { &s->core.vote_in_work };
    struct consensus_msg m    = { .which = CONSENSUS_VOTE };

    m.vote = &vote;
    if (s->phase == PHASE_RUN &&
        is_logged(s, journal_message(s->wal, now_stamp(), &m,
                                     &s->core.vote_peer, &s->scratch)))
        s->has_unsynced_input = true;
}

static void take_message(struct shell *s, const struct input *in)
{
    struct event         ev = { .peer = in->peer, .now = now_stamp() };
    struct consensus_msg m;

    if (in->bytes.n == 0)
        return;
    arena_reset(&s->in);
    if (consensus_msg_decode(&m, &s->in, in->bytes) != ACCEPT ||
        !message_event(&ev, &m))
        return;
    if (in->is_own)
        shell_feed(s, &ev);
    else
        take_peers(s, &ev, &m);
}

static void take_timeout(struct shell *s, const struct input *in)
{
    struct event ev = { .kind    = EV_TIMEOUT,
                        .now     = now_stamp(),
                        .timeout = in->timeout };

    if (!is_logged(s,
                   journal_timeout(s->wal, ev.now, &in->timeout, &s->scratch)))
        return;
    s->has_unsynced_input = true;
    shell_feed(s, &ev);
}

static void take_input(struct shell *s, const struct input *in)
{
    struct event ev = { .now = now_stamp() };

    switch (in->kind) {
    case INPUT_MESSAGE: take_message(s, in); break;
    case INPUT_TIMEOUT: take_timeout(s, in); break;
    case INPUT_TXS:
        ev.kind = EV_TXS;
        shell_feed(s, &ev);
        break;
    case INPUT_KEY:
        ev.kind = EV_KEY;
        ev.key  = s->key;
        shell_feed(s, &ev);
        break;
    }
}

static bool take_next(struct shell *s)
{
    struct input *in;

    log_own(s);
    in = s->is_halted ? NULL : inputs_take(&s->inputs);
    if (!in)
        return false;
    take_input(s, in);
    input_free(in);
    return true;
}

/* ---- replay ---- */

static void end_replay(struct shell *s)
{
    struct event start = { .kind = EV_START };

    if (s->replay) { /* all that the log holds has been heard, if it led on */
        s->log_missed = s->core.height <= s->log_ahead ? s->log_ahead : 0;
        s->log_ahead  = 0;
    }
    wal_replay_close(s->replay);
    s->replay = NULL;
    reactor_start(&s->reactor);
    if (fetch_is_wanted(&s->reactor)) {
        fetch_begin(&s->reactor);
        return;
    }
    s->phase  = PHASE_RUN;
    start.now = now_stamp();
    svc_condition(s->svc, "consensus", NULL);
    log_event(LOG_INFO, "taking part", LOG_INT("height", s->core.height),
              LOG_INT("round", s->core.round),
              LOG_STR("step", step_name(s->core.step)));
    s->reactor.fetch.has_started = true;
    shell_feed(s, &start);
}

static bool replay_next(struct shell *s)
{
    struct timed_wal_msg m;
    struct event         ev;
    enum err             e = OK;
    bool                 is_there;

    arena_reset(&s->in);
    is_there = s->replay && wal_replay_next(s->replay, &m, &s->in, &e);
    if (e) {
        wal_lost(s, e);
        return false;
    }
    if (!is_there) {
        end_replay(s);
        return true;
    }
    s->replay_now = m.time;
    if (journal_event(&ev, &m))
        shell_feed(s, &ev);
    return true;
}

void pump(struct shell *s)
{
    int left = INPUTS_PER_TURN;

    if (s->is_pumping || s->phase < PHASE_REPLAY || s->phase == PHASE_SYNC)
        return;
    s->is_pumping = true;
    while (!s->is_halted && s->core.awaiting == AWAIT_NOTHING &&
           s->phase != PHASE_SYNC && left > 0) {
        if (s->phase == PHASE_REPLAY ? !replay_next(s) : !take_next(s))
            break;
        left--;
    }
    s->is_pumping = false;
    pump_flush(s);
    reactor_taken(&s->reactor);
    reactor_say(&s->reactor);
    if (left == 0)
        deferred_set(&s->pump_later);
}

/* Behind our vote, if that led to it: so nothing that is not on the disk stands
 * before a vote of ours. */
void pump_step(struct shell *s, const struct effect *e)
{
    if (s->phase != PHASE_RUN)
        return;
    log_own(s);
    if (!s->is_halted)
        is_logged(s, journal_step(s->wal, now_stamp(), e->height, e->round,
                                  e->new_step.step, &s->scratch));
}
