#include "peers/peers.h"

#include "base/limits.h"
#include "base/log.h"

#include "proto/p2p.pb-c.h"

#include <stdlib.h>

enum {
    FLUSH_BYTES = 1 << 20,  /* a push is not made larger than it must be */
    TRIES_US    = 2000,     /* until a full bus is tried again */
    WAIT_US     = 10000,    /* what can wait waits for company */
    SEEN_US     = 100000,   /* until what was seen is confirmed by itself, */
    SEEN_PUSHES = 64,       /* or so many pushes, */
    SEEN_BYTES  = 1 << 20,  /* or so much */
    WAITING_MAX = 64 << 20, /* bytes that wait for the bus */
    KNOWN_FIRST = 16,
    AGAIN_US    = 1000000, /* until a refused registration is tried again */
};

struct peers {
    struct bus_client *client;
    struct peers_fns   fns;
    void              *ctx;
    uint8_t            channels[GOSSIP_CHANNELS_MAX];
    size_t             channel_count;
    bool               needs_fresh;
    char               chain_id[CHAIN_ID_BYTES_MAX + 1];
    uint64_t           app_version;
    bool               is_started, is_held;
    bool               is_registered; /* p2p said so */
    uint64_t           registrations; /* so far: only the last one counts */
    uint64_t           seen, confirmed;
    size_t             seen_pushes, seen_bytes; /* not confirmed */
    uint64_t          *known; /* peers that are up, in order of arrival */
    size_t             known_count, known_cap;
    struct buf         sends, drops; /* of the push under construction */
    struct deferred    flush;
    struct timer       retry, confirm, wait, again;
    bool               is_waiting;    /* its timer runs */
    bool               is_confirming; /* the timer runs */
    struct arena       arena;
};

/* ---- who is there ---- */

static void know(struct peers *p, uint64_t peer)
{
    if (p->known_count == p->known_cap) {
        p->known_cap = p->known_cap ? 2 * p->known_cap : KNOWN_FIRST;
        p->known     = realloc(p->known, p->known_cap * sizeof *p->known);
        must(p->known != NULL);
    }
    p->known[p->known_count++] = peer;
}

static bool is_known(const struct peers *p, uint64_t peer)
{
    for (size_t i = 0; i < p->known_count; i++)
        if (p->known[i] == peer)
            return true;
    return false;
}

static bool forget(struct peers *p, uint64_t peer)
{
    for (size_t i = 0; i < p->known_count; i++) {
        if (p->known[i] != peer)
            continue;
        p->known[i] = p->known[--p->known_count];
        return true;
    }
    return false;
}

static void all_down(struct peers *p)
{
    while (p->known_count > 0)
        p->fns.on_down(p->ctx, p->known[--p->known_count]);
}

/* ---- registering ---- */

/* Pushes that come before this were meant for an earlier registration: what
 * they tell of peers is not true any more. */
static void on_registered(void *ctx, uint64_t tag, enum err status,
                          const char *text, struct span body)
{
    struct peers *p = ctx;

    UNUSED(body);
    if (tag != p->registrations)
        return;
    p->is_registered = status == OK;
    if (status == OK)
        return;
    log_event(LOG_WARN, "p2p refused the registration",
              LOG_STR("reason", text));
    timer_set(&p->again, AGAIN_US);
}

static void send_register(struct peers *p)
{
    P2p__Register reg = P2P__REGISTER__INIT;
    P2p__Request  req = P2P__REQUEST__INIT;
    uint8_t       packed[256];
    size_t        n;

    reg.channels.data = p->channels;
    reg.channels.len  = p->channel_count;
    reg.is_fresh      = p->needs_fresh;
    reg.chain_id      = p->chain_id;
    reg.app_version   = p->app_version;
    req.kind_case     = P2P__REQUEST__KIND_REGISTER;
    req.register_     = &reg;
    n                 = p2p__request__get_packed_size(&req);
    must(n <= sizeof packed);
    p2p__request__pack(&req, packed);
    p->is_registered = false;
    p->seen = p->confirmed = 0;
    p->seen_pushes = p->seen_bytes = 0;
    buf_clear(&p->sends);
    buf_clear(&p->drops);
    bus_request(p->client, BUS_SERVICE, SPAN(packed, n), 0, on_registered, p,
                ++p->registrations);
}

static void on_again(void *ctx)
{
    struct peers *p = ctx;

    if (!p->is_registered && bus_is_up(p->client))
        send_register(p);
}

static void on_up(void *ctx, bool is_new_boot)
{
    struct peers *p = ctx;

    UNUSED(is_new_boot); /* pushes may be lost in both cases */
    all_down(p);
    if (p->is_started)
        send_register(p);
}

static void on_down(void *ctx)
{
    struct peers *p  = ctx;
    p->is_registered = false;
    all_down(p);
}

void peers_start(struct peers *p, const char *chain_id, uint64_t app_version)
{
    size_t n = strlen(chain_id);

    must(n < sizeof p->chain_id);
    memcpy(p->chain_id, chain_id, n + 1);
    p->app_version = app_version;
    if (!p->is_started && bus_is_up(p->client))
        send_register(p);
    p->is_started = true;
}

/* ---- hearing ---- */

static void take_peer(struct peers *p, const struct gossip_peer *g)
{
    bool has_room = g->what == GOSSIP_READY;

    switch (g->what) {
    case GOSSIP_UP:
        know(p, g->peer);
        p->fns.on_up(p->ctx, g->peer, g->id, g->channels, g->is_outbound);
        break;
    case GOSSIP_DOWN:
        if (forget(p, g->peer))
            p->fns.on_down(p->ctx, g->peer);
        break;
    case GOSSIP_BUSY:
    case GOSSIP_READY:
        for (size_t i = 0; p->fns.on_room && i < g->channels.n; i++)
            p->fns.on_room(p->ctx, g->peer, g->channels.p[i], has_room);
        break;
    default: break; /* of a later version */
    }
}

/* Nobody waits for a confirmation unless much is without: it mostly travels
 * with what is sent anyway. */
static void confirm_later(struct peers *p, size_t bytes)
{
    p->seen_pushes++;
    p->seen_bytes += bytes;
    if (p->seen_pushes >= SEEN_PUSHES || p->seen_bytes >= SEEN_BYTES) {
        deferred_set(&p->flush);
    } else if (!p->is_confirming) {
        p->is_confirming = true;
        timer_set(&p->confirm, SEEN_US);
    }
}

static void on_push(void *ctx, struct span body)
{
    struct peers      *p = ctx;
    struct gossip_from m;

    if (!p->is_registered)
        return;
    arena_reset(&p->arena);
    if (pb_decode(&gossip_from_desc, &m, &p->arena, body) != ACCEPT) {
        log_event(LOG_BUG, "a push of p2p does not decode");
        return;
    }
    for (size_t i = 0; i < m.peers.n; i++)
        take_peer(p, &m.peers.v[i]);
    for (size_t i = 0; i < m.frames.n; i++)
        if (is_known(p, m.frames.v[i].peer))
            p->fns.on_frame(p->ctx, m.frames.v[i].peer,
                            (uint8_t)m.frames.v[i].channel,
                            m.frames.v[i].bytes);
    p->seen = m.number;
    confirm_later(p, body.n);
}

/* ---- saying ---- */

/* What was gathered, as one push; false when the bus would not take it. */
static bool push(struct peers *p)
{
    bool has_seen = p->seen != p->confirmed && !p->is_held;

    if (p->sends.len + p->drops.len == 0 && !has_seen)
        return true;
    buf_add(&p->sends, buf_span(&p->drops));
    buf_clear(&p->drops);
    if (has_seen)
        gossip_add_seen(&p->sends, p->seen);
    if (p->sends.is_full || !bus_push(p->client, buf_span(&p->sends)))
        return false;
    if (has_seen) {
        p->confirmed   = p->seen;
        p->seen_pushes = p->seen_bytes = 0;
        if (p->is_confirming)
            timer_clear(&p->confirm);
        p->is_confirming = false;
    }
    buf_clear(&p->sends);
    return true;
}

/* When more waits than may, p2p is met anew: everybody starts again from a
 * known state, and nothing is left out silently. */
static void flush(void *ctx)
{
    struct peers *p = ctx;

    if (!p->is_registered || !bus_is_up(p->client)) {
        buf_clear(&p->sends);
        buf_clear(&p->drops);
        return;
    }
    if (p->sends.is_full || p->drops.is_full) {
        log_event(LOG_WARN, "p2p does not keep up; starting anew");
        all_down(p);
        send_register(p);
        return;
    }
    if (!push(p))
        timer_set(&p->retry, TRIES_US);
}

static void on_wait(void *ctx)
{
    struct peers *p = ctx;

    p->is_waiting = false;
    flush(p);
}

static void on_confirm(void *ctx)
{
    struct peers *p = ctx;

    p->is_confirming = false;
    flush(p);
}

/* Callers may be going through their peers: nobody is taken from them here. */
static void gathered(struct peers *p)
{
    bool is_much = p->sends.len > FLUSH_BYTES && !p->sends.is_full;

    if (is_much && p->drops.len == 0 && !p->is_held)
        flush(p);
    else
        deferred_set(&p->flush);
}

void peers_send_many(struct peers *p, const uint64_t *to, size_t n,
                     uint8_t channel, struct span bytes)
{
    struct gossip_send s = { .peers   = { to, n },
                             .channel = channel,
                             .bytes   = bytes };

    if (!p->is_registered || n == 0)
        return;
    gossip_add_send(&p->sends, &s);
    gathered(p);
}

void peers_send(struct peers *p, uint64_t peer, uint8_t channel,
                struct span bytes)
{
    peers_send_many(p, &peer, 1, channel, bytes);
}

static bool add_for_all(struct peers *p, uint8_t channel, struct span bytes)
{
    struct gossip_send s = { .channel = channel, .bytes = bytes };

    if (!p->is_registered || p->known_count == 0)
        return false;
    gossip_add_send(&p->sends, &s);
    return true;
}

void peers_send_all(struct peers *p, uint8_t channel, struct span bytes)
{
    if (add_for_all(p, channel, bytes))
        gathered(p);
}

void peers_send_all_later(struct peers *p, uint8_t channel, struct span bytes)
{
    if (!add_for_all(p, channel, bytes))
        return;
    if (p->sends.len > FLUSH_BYTES) {
        gathered(p);
    } else if (!p->is_waiting) {
        p->is_waiting = true;
        timer_set(&p->wait, WAIT_US);
    }
}

void peers_drop(struct peers *p, uint64_t peer, const char *reason,
                uint32_t ban_seconds)
{
    struct gossip_drop d = { peer, span_str(reason), ban_seconds };

    if (!p->is_registered)
        return;
    gossip_add_drop(&p->drops, &d);
    deferred_set(&p->flush);
}

void peers_good(struct peers *p, uint64_t peer)
{
    if (!p->is_registered)
        return;
    gossip_add_good(&p->sends, peer);
    deferred_set(&p->flush);
}

void peers_hold(struct peers *p, bool is_held)
{
    p->is_held = is_held;
    if (!is_held)
        deferred_set(&p->flush);
}

/* ---- opening ---- */

struct peers *peers_open(struct loop *l, struct bus *b,
                         const struct peers_config *config,
                         const struct peers_fns *fns, void *ctx)
{
    static const struct bus_client_fns client_fns = { on_up, on_down, on_push };
    struct peers                      *p          = calloc(1, sizeof *p);

    must(p != NULL && config->channels.n <= sizeof p->channels);
    p->fns           = *fns;
    p->ctx           = ctx;
    p->channel_count = config->channels.n;
    p->needs_fresh   = config->needs_fresh;
    memcpy(p->channels, config->channels.p, config->channels.n);
    buf_init(&p->sends, WAITING_MAX + BLOCKSYNC_MSG_BYTES_MAX);
    buf_init(&p->drops, FLUSH_BYTES);
    deferred_init(&p->flush, l, flush, p);
    timer_init(&p->retry, l, flush, p);
    timer_init(&p->confirm, l, on_confirm, p);
    timer_init(&p->wait, l, on_wait, p);
    timer_init(&p->again, l, on_again, p);
    arena_open(&p->arena, DECODE_ARENA_BYTES);
    p->client = bus_connect(b, config->endpoint, &client_fns, p);
    return p;
}

void peers_close(struct peers *p)
{
    bus_client_close(p->client);
    deferred_fini(&p->flush);
    timer_fini(&p->retry);
    timer_fini(&p->confirm);
    timer_fini(&p->wait);
    timer_fini(&p->again);
    arena_close(&p->arena);
    buf_fini(&p->sends);
    buf_fini(&p->drops);
    free(p->known);
    free(p);
}
