/* gossip - transactions from peers and to them, on channel 0x30.
 *
 * Source:  CometBFT v0.38 mempool/reactor.go: in the order of the pool, never
 *          to a peer that it came from.  It sends one transaction a message
 *          and takes as many as fit into its longest one.
 * Pace:    what follows within pace_us of the last sending waits that long
 *          and travels together; a lone transaction leaves at once.
 * Copies:  a peer that knows SEEN_CHANNEL is sent at once what clients
 *          brought.  What came from peers it mostly gets from the same ones,
 *          so it is told the hashes, tells us its own, and after a while is
 *          sent what it still did not name.  If that was some, it seems to
 *          depend on us, and the next ones go out at once as to any peer.
 * Bounds:  a peer is sent at most so many bytes in a tick, so that BUSY comes
 *          long before its queue is full, which would end the connection. */
#include "mempool/shell.h"

#include "base/log.h"
#include "crypto/hash.h"
#include "wire/mempool.h"

enum {
    CHANNEL        = 0x30,
    PACE_MIN_US    = 1000,
    PACE_MAX_US    = 50000,
    TELL_US        = 5000,  /* and the pace */
    HOLD_US        = 50000, /* and six times the pace */
    NEED_FIRST     = 64,
    NEED_MAX       = 4096,
    MESSAGE_BYTES  = 16 << 10, /* of several: less than any sensible limit */
    MESSAGE_TXS    = 256,
    TX_OVERHEAD    = 8, /* a tag and a length */
    TICK_US        = 50000,
    TICKS          = 1000000 / TICK_US,
    TICK_BYTES_MIN = 512 << 10,
    TICK_BYTES_MAX = 4 << 20,
    HOLD_ABOVE     = WAITING_MAX / 2,
    FREE_BELOW     = WAITING_MAX / 4,
};

/* Serve everybody after the present events, or when it is time again. */
static void pace(struct shell *s)
{
    uint64_t since = now_us() - s->gossiped_us;

    if (s->is_paced)
        return;
    s->is_paced = true;
    if (since >= s->pace_us)
        deferred_set(&s->gossip_due);
    else
        timer_set(&s->gossip_pace, s->pace_us - since);
}

/* ---- who is there ---- */

static struct gossip_slot *find(struct shell *s, uint64_t peer)
{
    for (size_t i = 0; i < GOSSIP_PEERS_MAX; i++)
        if (s->slots[i].is_used && s->slots[i].peer == peer)
            return &s->slots[i];
    return NULL;
}

static uint64_t bit_of(const struct shell *s, const struct gossip_slot *g)
{
    return g ? UINT64_C(1) << (g - s->slots) : 0;
}

static void measure(const struct shell *s)
{
    size_t n = 0;

    for (size_t i = 0; i < GOSSIP_PEERS_MAX; i++)
        n += s->slots[i].is_used && s->is_broadcasting;
    metric_set(&metric_mempool_active_outbound_connections, NULL, NULL,
               (double)n);
}

static void on_up(void *ctx, uint64_t peer, struct span id,
                  struct span channels, bool is_outbound)
{
    struct shell *s = ctx;

    UNUSED(is_outbound);
    trace_peer(peer, id);
    if (!channels.n || !memchr(channels.p, CHANNEL, channels.n))
        return;
    for (size_t i = 0; i < GOSSIP_PEERS_MAX; i++) {
        if (s->slots[i].is_used)
            continue;
        s->slots[i] = (struct gossip_slot){ .peer     = peer,
                                            .budget   = s->tick_bytes,
                                            .is_used  = true,
                                            .has_room = true };
        s->slots[i].has_seen =
            memchr(channels.p, SEEN_CHANNEL, channels.n) != NULL;
        measure(s);
        pace(s);
        return;
    }
    log_event(LOG_WARN, "more peers than transactions are passed on to",
              LOG_INT("most", GOSSIP_PEERS_MAX));
}

static void on_down(void *ctx, uint64_t peer)
{
    struct shell       *s = ctx;
    struct gossip_slot *g = find(s, peer);

    if (!g)
        return;
    /* Its bit is the next one's. */
    mempool_forget_sender(&s->core, bit_of(s, g));
    checks_forget_sender(s, bit_of(s, g));
    early_forget(&s->early, bit_of(s, g));
    *g = (struct gossip_slot){ 0 };
    measure(s);
}

static void on_room(void *ctx, uint64_t peer, uint8_t channel, bool has_room)
{
    struct shell       *s = ctx;
    struct gossip_slot *g = find(s, peer);

    if (!g || channel != CHANNEL)
        return;
    g->has_room = has_room;
    pace(s);
}

/* ---- to them ---- */

/* Transactions that go to a peer as one message. */
struct parcel {
    struct span tx[MESSAGE_TXS];
    size_t      n, bytes;
};

static void send_parcel(struct shell *s, struct gossip_slot *g,
                        struct parcel *p)
{
    struct txs         txs = { { p->tx, p->n } };
    struct mempool_msg m   = { .which = MEMPOOL_TXS, .txs = &txs };
    struct span        bytes;

    if (p->n == 0)
        return;
    p->n = p->bytes = 0;
    arena_reset(&s->scratch);
    bytes = pb_encode(&mempool_msg_desc, &m, &s->scratch);
    if (!bytes.p)
        return;
    peers_send(s->peers, g->peer, CHANNEL, bytes);
    g->budget -= (int64_t)bytes.n;
}

/* The receiver's longest message holds one transaction of the longest. */
static void add_tx(struct shell *s, struct gossip_slot *g, struct parcel *p,
                   struct span tx)
{
    size_t most = s->core.limits.tx_bytes_max < MESSAGE_BYTES
                      ? s->core.limits.tx_bytes_max
                      : MESSAGE_BYTES;
    size_t need = tx.n + TX_OVERHEAD;

    if (p->n == MESSAGE_TXS || p->bytes + need > most)
        send_parcel(s, g, p);
    p->tx[p->n++] = tx;
    p->bytes += need;
}

/* A receiver disconnects whoever sends it an empty one or one too long. */
static bool may_pass_on(const struct shell *s, const struct mempool_tx *tx)
{
    return tx->bytes.n > 0 && tx->bytes.n <= s->core.limits.tx_bytes_max;
}

static bool has_it(const struct shell *s, const struct gossip_slot *g,
                   const struct mempool_tx *tx)
{
    return (tx->senders | tx->named) & bit_of(s, g);
}

static void send_tx(struct shell *s, struct gossip_slot *g, struct parcel *p,
                    struct mempool_tx *tx)
{
    if (has_it(s, g, tx) || !may_pass_on(s, tx))
        return;
    tx->senders |= bit_of(s, g);
    trace_tx(TRACE_SENT, tx->key, g->peer);
    add_tx(s, g, p, tx->bytes);
}

static bool may_go_on(const struct gossip_slot *g, const struct parcel *p)
{
    return g->has_room && g->budget > (int64_t)p->bytes;
}

static bool goes_at_once(const struct gossip_slot *g,
                         const struct mempool_tx  *tx)
{
    return !g->has_seen || tx->came_us == 0 || tx->seq <= g->need_seq;
}

static void send_new(struct shell *s, struct gossip_slot *g, struct parcel *p)
{
    struct mempool_tx *tx;

    while (may_go_on(g, p) && (tx = mempool_ahead(&s->core, &g->sent))) {
        if (goes_at_once(g, tx))
            send_tx(s, g, p, tx);
        mempool_pass(&s->core, &g->sent, tx);
    }
}

/* The next one that is old enough, and that send_new has looked at. */
static struct mempool_tx *next_older(const struct shell          *s,
                                     const struct gossip_slot    *g,
                                     const struct mempool_cursor *c,
                                     uint64_t age_us, uint64_t now)
{
    struct mempool_tx *tx = mempool_ahead(&s->core, c);

    return tx && tx->seq <= g->sent.seq && tx->came_us + age_us <= now ? tx
                                                                       : NULL;
}

/* Who lacks it after all that time gets its transactions from us. */
static void note_need(const struct shell *s, struct gossip_slot *g)
{
    if (s->core.seq_next <= g->need_seq)
        return;
    g->need = g->need ? 2 * g->need : NEED_FIRST;
    if (g->need > NEED_MAX)
        g->need = NEED_MAX;
    g->need_seq = s->core.seq_next + g->need;
}

/* How long after a peer sent it one is announced, and sent. */
static uint64_t tell_us(const struct shell *s)
{
    return TELL_US + s->pace_us;
}

static uint64_t hold_us(const struct shell *s)
{
    return HOLD_US + 6 * s->pace_us;
}

static void send_left(struct shell *s, struct gossip_slot *g, struct parcel *p,
                      uint64_t now)
{
    struct mempool_tx *tx;

    while (may_go_on(g, p) &&
           (tx = next_older(s, g, &g->left, hold_us(s), now))) {
        if (!has_it(s, g, tx) && tx->came_us)
            note_need(s, g);
        send_tx(s, g, p, tx);
        mempool_pass(&s->core, &g->left, tx);
    }
}

static void say_seen(struct shell *s, struct gossip_slot *g, struct span all)
{
    struct seen_msg m = { .prefixes = all };
    struct span     bytes;

    if (all.n == 0)
        return;
    arena_reset(&s->scratch);
    bytes = pb_encode(&seen_msg_desc, &m, &s->scratch);
    must(bytes.p != NULL);
    peers_send(s->peers, g->peer, SEEN_CHANNEL, bytes);
}

/* What came from others, it need not send to us: also when it told us the
 * same, or each would wait for the other's word. */
static void tell(struct shell *s, struct gossip_slot *g, uint64_t now)
{
    static uint8_t     all[SEEN_MAX * SEEN_PREFIX_BYTES];
    size_t             n = 0;
    struct mempool_tx *tx;

    while (n < SEEN_MAX && (tx = next_older(s, g, &g->told, tell_us(s), now))) {
        if (!(tx->senders & bit_of(s, g)))
            memcpy(all + n++ * SEEN_PREFIX_BYTES, tx->key, SEEN_PREFIX_BYTES);
        mempool_pass(&s->core, &g->told, tx);
    }
    say_seen(s, g, SPAN(all, n * SEEN_PREFIX_BYTES));
}

/* What this peer lacks, as far as it may be sent now; false when some is
 * left for the next tick. */
static bool serve(struct shell *s, struct gossip_slot *g)
{
    struct parcel p;

    p.n = p.bytes = 0;
    send_new(s, g, &p);
    if (g->has_seen && g->has_room) {
        tell(s, g, s->gossiped_us);
        send_left(s, g, &p, s->gossiped_us);
    }
    send_parcel(s, g, &p);
    return !g->has_room || !mempool_ahead(&s->core, &g->sent);
}

/* Is there something to tell or to send by and by? */
static bool is_behind(const struct shell *s, const struct gossip_slot *g)
{
    return g->is_used && g->has_seen && g->has_room &&
           mempool_ahead(&s->core, &g->left);
}

static void serve_later(struct shell *s)
{
    for (size_t i = 0; !s->is_later && i < GOSSIP_PEERS_MAX; i++)
        s->is_later = is_behind(s, &s->slots[i]);
    if (s->is_later)
        timer_set(&s->gossip_later, tell_us(s));
}

static void on_due(void *ctx)
{
    struct shell *s       = ctx;
    bool          is_done = true;

    s->is_paced    = false;
    s->gossiped_us = now_us();
    if (!s->is_broadcasting)
        return;
    for (size_t i = 0; i < GOSSIP_PEERS_MAX; i++)
        if (s->slots[i].is_used)
            is_done = serve(s, &s->slots[i]) && is_done;
    if (!s->is_later)
        serve_later(s);
    if (!is_done && !s->is_ticking) {
        s->is_ticking = true;
        timer_set(&s->gossip_tick, TICK_US);
    }
}

static void on_later(void *ctx)
{
    struct shell *s = ctx;

    s->is_later = false;
    on_due(s);
}

static void on_tick(void *ctx)
{
    struct shell *s      = ctx;
    bool          is_low = false;

    s->is_ticking = false;
    for (size_t i = 0; i < GOSSIP_PEERS_MAX; i++) {
        struct gossip_slot *g = &s->slots[i];

        g->budget += s->tick_bytes;
        if (g->budget > s->tick_bytes)
            g->budget = s->tick_bytes;
        is_low = is_low || (g->is_used && g->budget < s->tick_bytes);
    }
    on_due(s);
    if (is_low && !s->is_ticking) {
        s->is_ticking = true;
        timer_set(&s->gossip_tick, TICK_US);
    }
}

void gossip_add(struct shell *s, struct mempool_tx *tx)
{
    tx->came_us = tx->senders ? now_us() : 0;
    tx->named   = early_take(&s->early, tx->key);
    if (!s->is_broadcasting)
        return;
    pace(s);
    if (!s->is_ticking) {
        s->is_ticking = true;
        timer_set(&s->gossip_tick, TICK_US);
    }
}

/* ---- from them ---- */

static void take_tx(struct shell *s, uint64_t peer, uint64_t sender,
                    struct span tx)
{
    struct hash          h;
    enum mempool_refusal refusal;

    sha256(&h, tx);
    trace_tx(TRACE_FROM_PEER, h.b, peer);
    refusal = mempool_offer(&s->core, h.b, tx.n, sender);
    if (refusal == MEMPOOL_FULL)
        shell_count(COUNT_REJECTED);
    if (refusal == MEMPOOL_IN_CACHE) /* perhaps it is being checked */
        early_note(&s->early, h.b, sender);
    if (refusal)
        return;
    if (!checks_add(s, NULL, 0, sender, h.b, tx)) {
        mempool_withdraw(&s->core, h.b);
        shell_count(COUNT_REJECTED);
    }
}

static void take_seen(struct shell *s, struct gossip_slot *g,
                      const uint8_t *prefix)
{
    struct mempool_tx *tx = mempool_find_prefix(&s->core, prefix);

    if (!tx)
        early_note(&s->early, prefix, bit_of(s, g));
    else
        tx->named |= bit_of(s, g);
}

/* It gets transactions from others, too: it does not depend on us. */
static void on_seen(struct shell *s, uint64_t peer, struct span bytes)
{
    struct gossip_slot *g = find(s, peer);
    struct seen_msg     m;

    arena_reset(&s->scratch);
    if (pb_decode(&seen_msg_desc, &m, &s->scratch, bytes) ||
        seen_msg_validate(&m)) {
        peers_drop(s->peers, peer, "a malformed list of transactions", 0);
        return;
    }
    if (!g)
        return;
    g->need = 0;
    for (size_t i = 0; i < m.prefixes.n; i += SEEN_PREFIX_BYTES)
        take_seen(s, g, m.prefixes.p + i);
}

static void on_frame(void *ctx, uint64_t peer, uint8_t channel,
                     struct span bytes)
{
    struct shell      *s   = ctx;
    size_t             max = s->core.limits.tx_bytes_max;
    struct mempool_msg m;

    if (channel == SEEN_CHANNEL)
        on_seen(s, peer, bytes);
    if (channel != CHANNEL)
        return;
    arena_reset(&s->scratch);
    if (mempool_filter(bytes, max, s->batch_bytes_max) ||
        pb_decode(&mempool_msg_desc, &m, &s->scratch, bytes) ||
        mempool_msg_validate(&m)) {
        peers_drop(s->peers, peer, "a malformed mempool message", 0);
        return;
    }
    if (s->is_app_late && !abci_is_up(s->app))
        return; /* nobody to ask, for long */
    for (size_t i = 0; i < m.txs->txs.n; i++)
        take_tx(s, peer, bit_of(s, find(s, peer)), m.txs->txs.v[i]);
    checks_go(s);
    gossip_balance(s);
}

void gossip_balance(struct shell *s)
{
    if (!s->is_holding && s->waiting.n > HOLD_ABOVE)
        s->is_holding = true;
    else if (s->is_holding && s->waiting.n < FREE_BELOW)
        s->is_holding = false;
    else
        return;
    peers_hold(s->peers, s->is_holding);
}

/* ---- opening ---- */

void gossip_open(struct shell *s)
{
    static const struct peers_fns fns       = { .on_up    = on_up,
                                                .on_down  = on_down,
                                                .on_room  = on_room,
                                                .on_frame = on_frame };
    static const uint8_t          channel[] = { CHANNEL, SEEN_CHANNEL };
    const struct config          *cfg       = s->svc->config;
    struct peers_config pc = { .endpoint = svc_endpoint(s->svc, "p2p", false),
                               .channels = SPAN_OF(channel) };

    /* Twice what the connection carries, within reason. */
    s->tick_bytes = 2 * cfg->p2p.send_rate / TICKS;
    if (s->tick_bytes < TICK_BYTES_MIN)
        s->tick_bytes = TICK_BYTES_MIN;
    if (s->tick_bytes > TICK_BYTES_MAX)
        s->tick_bytes = TICK_BYTES_MAX;
    s->pace_us = (uint64_t)cfg->p2p.flush_throttle_timeout / 1000;
    if (s->pace_us > PACE_MAX_US)
        s->pace_us = PACE_MAX_US;
    if (s->pace_us < PACE_MIN_US)
        s->pace_us = PACE_MIN_US;
    s->is_broadcasting = cfg->mempool.broadcast;
    s->batch_bytes_max = cfg->mempool.max_batch_bytes > 0
                             ? (size_t)cfg->mempool.max_batch_bytes
                             : 0;
    timer_init(&s->gossip_tick, s->svc->loop, on_tick, s);
    timer_init(&s->gossip_pace, s->svc->loop, on_due, s);
    timer_init(&s->gossip_later, s->svc->loop, on_later, s);
    deferred_init(&s->gossip_due, s->svc->loop, on_due, s);
    s->peers = peers_open(s->svc->loop, s->svc->bus, &pc, &fns, s);
    peers_start(s->peers, "", 0);
    measure(s);
}

void gossip_close(struct shell *s)
{
    peers_close(s->peers);
    timer_fini(&s->gossip_tick);
    timer_fini(&s->gossip_pace);
    timer_fini(&s->gossip_later);
    deferred_fini(&s->gossip_due);
}
