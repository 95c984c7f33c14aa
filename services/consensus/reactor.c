#include "consensus/reactor.h"

#include "base/log.h"
#include "base/text.h"
#include "consensus/shell.h"

#include <stdlib.h>

enum {
    HOLD_COUNT   = 2048, /* inputs that wait before p2p is held up ... */
    HOLD_BYTES   = 16 << 20,
    REMOTE_FIRST = 16,
};

/* Consensus, evidence, block sync, state sync. */
static const uint8_t channels[] = { 0x20, 0x21, 0x22, 0x23,
                                    0x38, 0x40, 0x60, 0x61 };

struct gossip_env reactor_env(const struct reactor *r)
{
    const struct shell *s = r->shell;

    return (struct gossip_env){ .core       = &s->core,
                                .store_base = s->store_lowest,
                                .is_syncing = s->phase != PHASE_RUN,
                                .now_us     = now_us() };
}

struct remote *reactor_find(struct reactor *r, uint64_t number)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i]->number == number)
            return r->v[i];
    return NULL;
}

void reactor_drop(struct reactor *r, struct remote *p, const char *why,
                  uint32_t ban_seconds)
{
    log_event(LOG_DEBUG, "dropping a peer", LOG_UINT("peer", p->number),
              LOG_STR("why", why));
    p->is_dropped = true;
    peers_drop(r->peers, p->number, why, ban_seconds);
}

/* ---- saying ---- */

static struct span encode(struct reactor *r, const struct consensus_msg *m)
{
    struct span bytes;

    arena_reset(&r->out);
    bytes = pb_encode(&consensus_msg_desc, m, &r->out);
    must(bytes.p);
    return bytes;
}

void reactor_send(struct reactor *r, struct remote *p, uint8_t channel,
                  const struct consensus_msg *m)
{
    peers_send(r->peers, p->number, channel, encode(r, m));
}

void reactor_effect(struct reactor *r, const struct effect *e)
{
    struct span bytes;

    if (r->n == 0 || r->shell->phase != PHASE_RUN ||
        !gossip_announce(&r->act, e, now_stamp()))
        return;
    bytes = encode(r, &r->act.msg);
    if (r->act.can_wait)
        peers_send_all_later(r->peers, r->act.channel, bytes);
    else
        peers_send_all(r->peers, r->act.channel, bytes);
}

static void greet(struct reactor *r, struct remote *p)
{
    gossip_greet(&r->act, &r->shell->core, now_stamp());
    reactor_send(r, p, r->act.channel, &r->act.msg);
    if (gossip_greet_block(&r->act, &r->shell->core))
        reactor_send(r, p, r->act.channel, &r->act.msg);
}

/* True when there may be more to say, later. */
static bool say_to(struct reactor *r, struct remote *p)
{
    struct gossip_env env  = reactor_env(r);
    size_t            said = 0;

    if (p->is_dropped)
        return false;
    while (said < TURN_BYTES && gossip_next(&p->view, &env, p->room, &r->act)) {
        struct span bytes;

        switch (r->act.kind) {
        case ACT_SAY:
            bytes = encode(r, &r->act.msg);
            peers_send(r->peers, p->number, r->act.channel, bytes);
            said += bytes.n;
            break;
        case ACT_LOAD_PART: stored_part(r, p, &r->act); break;
        case ACT_LOAD_COMMIT: stored_commit(r, p, &r->act); break;
        }
    }
    said += proof_say(r->shell, p, TURN_BYTES);
    return said >= TURN_BYTES;
}

void reactor_say(struct reactor *r)
{
    uint64_t now = now_us(), due = UINT64_MAX;

    if (r->shell->phase != PHASE_RUN)
        return;
    for (size_t i = 0; i < r->n; i++) {
        bool     has_more = say_to(r, r->v[i]);
        uint64_t again = has_more ? now + TURN_US : r->v[i]->view.hold_until_us;

        if (again && again < due)
            due = again;
    }
    stored_go(r);
    if (due != UINT64_MAX)
        timer_set(&r->more, due > now ? due - now : 0);
}

static void on_say(void *ctx)
{
    reactor_say(ctx);
}

static void on_serve(void *ctx)
{
    serve_go(ctx);
}

static void on_query(void *ctx)
{
    struct reactor *r = ctx;

    for (size_t i = 0; i < r->n; i++)
        gossip_query(&r->v[i]->view);
    if (now_us() - r->offered_us >= POOL_REOFFER_NS / 1000) {
        r->offered_us = now_us();
        proof_offer_again(r->shell);
    }
    reactor_say(r);
    fetch_look(r);
    timer_set(&r->query, GOSSIP_QUERY_NS / 1000);
}

void reactor_joined(struct reactor *r)
{
    for (size_t i = 0; i < r->n; i++)
        greet(r, r->v[i]);
    deferred_set(&r->later);
}

/* ---- hearing ---- */

static bool is_full(const struct inputs *q)
{
    return q->count >= HOLD_COUNT || q->bytes >= HOLD_BYTES;
}

static void set_held(struct reactor *r, bool is_held)
{
    if (r->is_held != is_held)
        peers_hold(r->peers, is_held);
    r->is_held = is_held;
}

void reactor_taken(struct reactor *r)
{
    if (r->is_held && !is_full(&r->shell->inputs))
        set_held(r, false);
}

static const char *id_text(char                 out[2 * ADDRESS_BYTES + 1],
                           const struct remote *p)
{
    struct buf b;

    buf_use(&b, out, 2 * ADDRESS_BYTES + 1);
    buf_hex(&b, SPAN_OF(p->view.id.b));
    return buf_cstr(&b);
}

/* Which peers the blocks come from. */
static void count_part(const struct remote *p, uint8_t channel,
                       struct span bytes)
{
    enum { PART_TAG = 5 << 3 | 2 };
    char id[2 * ADDRESS_BYTES + 1];

    if (channel == 0x21 && bytes.n > 0 && bytes.p[0] == PART_TAG)
        metric_add(&metric_consensus_block_parts, id_text(id, p), NULL, 1);
}

static void queue(struct reactor *r, struct remote *p, struct span bytes)
{
    struct shell *s = r->shell;

    if (s->is_halted)
        return;
    if (!inputs_peer(&s->inputs, &p->view.id, bytes)) {
        reactor_drop(r, p, "too much waits to be taken", 0);
        return;
    }
    if (is_full(&s->inputs))
        set_held(r, true);
    deferred_set(&s->pump_later);
}

static void hear(struct reactor *r, struct remote *p, uint8_t channel,
                 struct span bytes)
{
    struct gossip_env   env = reactor_env(r);
    struct gossip_heard heard;

    arena_reset(&r->in);
    gossip_hear(&p->view, &env, channel, bytes, &r->in, &heard);
    if (heard.drop) {
        reactor_drop(r, p, heard.drop, 0);
        return;
    }
    if (heard.is_good)
        peers_good(r->peers, p->number);
    count_part(p, channel, bytes);
    if (heard.has_event)
        queue(r, p, bytes);
    deferred_set(&r->later);
}

static void on_frame(void *ctx, uint64_t peer, uint8_t channel,
                     struct span bytes)
{
    struct reactor *r = ctx;
    struct remote  *p = reactor_find(r, peer);

    if (!p || p->is_dropped)
        return;
    switch (channel) {
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23: hear(r, p, channel, bytes); break;
    case EVIDENCE_CHANNEL: proof_hear(r->shell, p, bytes); break;
    case BLOCKSYNC_CHANNEL: fetch_hear(r, p, bytes); break;
    default: break; /* nothing to say to that */
    }
}

/* ---- who is there ---- */

static unsigned room_of(uint8_t channel)
{
    switch (channel) {
    case 0x20: return ROOM_STATE;
    case 0x21: return ROOM_DATA;
    case 0x22: return ROOM_VOTES;
    case 0x23: return ROOM_BITS;
    case EVIDENCE_CHANNEL: return ROOM_EVIDENCE;
    default: return 0;
    }
}

static void on_room(void *ctx, uint64_t peer, uint8_t channel, bool has_room)
{
    struct reactor *r = ctx;
    struct remote  *p = reactor_find(r, peer);

    if (!p)
        return;
    if (has_room)
        p->room |= room_of(channel);
    else
        p->room &= ~room_of(channel);
    if (channel == BLOCKSYNC_CHANNEL)
        p->has_block_room = has_room;
    if (!has_room)
        return;
    serve_go(r);
    deferred_set(&r->later);
}

static struct remote *add(struct reactor *r)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : REMOTE_FIRST;
        r->v   = realloc(r->v, r->cap * sizeof r->v[0]);
        must(r->v);
    }
    r->v[r->n] = calloc(1, sizeof *r->v[0]);
    must(r->v[r->n]);
    return r->v[r->n++];
}

static void on_up(void *ctx, uint64_t peer, struct span id, struct span listens,
                  bool is_outbound)
{
    struct reactor *r = ctx;
    struct peer_id  key;
    struct remote  *p;

    UNUSED(is_outbound);
    if (!hex_decode(key.b, sizeof key.b, id))
        return;
    p         = add(r);
    p->number = peer;
    peer_view_init(&p->view, &key);
    for (size_t i = 0; i < listens.n; i++) {
        p->room |= room_of(listens.p[i]);
        p->has_blocks |= listens.p[i] == BLOCKSYNC_CHANNEL;
    }
    p->has_block_room = true;
    fetch_up(r, p);
    if (r->shell->phase == PHASE_RUN)
        greet(r, p);
}

static void on_down(void *ctx, uint64_t peer)
{
    struct reactor *r = ctx;
    char            id[2 * ADDRESS_BYTES + 1];

    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i]->number != peer)
            continue;
        fetch_down(r, peer);
        metric_forget(&metric_consensus_block_parts, id_text(id, r->v[i]),
                      NULL);
        free(r->v[i]);
        r->v[i] = r->v[--r->n];
        return;
    }
}

/* ---- opening ---- */

void reactor_start(struct reactor *r)
{
    peers_start(r->peers, r->shell->svc->chain_id, r->shell->app.protocol);
    timer_set(&r->query, GOSSIP_QUERY_NS / 1000);
}

void reactor_open(struct reactor *r, struct shell *s)
{
    static const struct peers_fns fns = { on_up, on_down, on_room, on_frame };
    struct peers_config           config = {
                  .endpoint    = svc_endpoint(s->svc, "p2p", false),
                  .channels    = SPAN_OF(channels),
                  .needs_fresh = true,
    };

    r->shell = s;
    arena_open(&r->in, DECODE_ARENA_BYTES);
    arena_open(&r->out, DECODE_ARENA_BYTES);
    for (size_t i = 0; i < KEPT_BLOCKS; i++)
        arena_open(&r->kept[i].arena, DECODE_ARENA_BYTES);
    fetch_open(r);
    timer_init(&r->query, s->svc->loop, on_query, r);
    timer_init(&r->more, s->svc->loop, on_say, r);
    deferred_init(&r->later, s->svc->loop, on_say, r);
    deferred_init(&r->serve, s->svc->loop, on_serve, r);
    r->peers = peers_open(s->svc->loop, s->svc->bus, &config, &fns, r);
}

void reactor_close(struct reactor *r)
{
    if (!r->peers)
        return;
    peers_close(r->peers);
    fetch_close(r);
    timer_fini(&r->query);
    timer_fini(&r->more);
    deferred_fini(&r->later);
    deferred_fini(&r->serve);
    while (r->n > 0)
        free(r->v[--r->n]);
    free(r->v);
}
