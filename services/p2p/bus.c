/* What services ask for and tell. */
#include "p2p/shell.h"

#include "base/log.h"

#include "proto/p2p.pb-c.h"

#include <stdlib.h>

/* ---- reactors ---- */

/* Peers are met only while somebody answers for consensus. */
static bool can_have_peers(struct shell *s)
{
    for (uint8_t ch = 0x20; ch <= 0x23; ch++)
        if (!reactors_channel(&s->reactors, ch))
            return false;
    return s->chain_id[0] != 0;
}

static void set_ready(struct shell *s, bool is_ready)
{
    struct p2p_event ev = { .kind = EV_READY, .is_ready = is_ready };

    if (is_ready == s->is_ready)
        return;
    s->is_ready = is_ready;
    svc_condition(s->svc, "peers",
                  is_ready ? NULL : "consensus is not there yet");
    shell_step(s, &ev);
    listener_pause(s->listener, !is_ready);
}

static void tell_all_up(struct shell *s, struct reactor *r)
{
    for (size_t i = 0; i < CONNS_MAX; i++) {
        struct link       *l = s->links[i];
        struct gossip_peer g = { .what = GOSSIP_UP };
        char               id[NODE_ID_TEXT + 1];

        if (!l || !l->is_up)
            continue;
        node_id_print(id, l->greet.id);
        g.peer        = l->number;
        g.id          = SPAN(id, NODE_ID_TEXT);
        g.channels    = l->greet.info.channels;
        g.is_outbound = l->has_dialled;
        reactor_tell_peer(r, &g);
    }
}

static enum err on_register(struct shell *s, uint32_t client,
                            const P2p__Register *m, const char **why)
{
    struct span     channels = SPAN(m->channels.data, m->channels.len);
    struct span     chain    = span_str(m->chain_id);
    struct reactor *r;

    *why = "1 to 16 channels, and a chain id of at most 50 bytes";
    if (channels.n == 0 || channels.n > GOSSIP_CHANNELS_MAX ||
        chain.n > CHAIN_ID_BYTES_MAX)
        return ERR_USAGE;
    if (m->is_fresh)
        set_ready(s, false);
    *why = "too many reactors";
    r    = reactors_register(&s->reactors, client, channels);
    if (!r)
        return ERR_BUSY;
    if (chain.n > 0)
        shell_introduce(s, chain, m->app_version);
    tell_all_up(s, r);
    set_ready(s, can_have_peers(s));
    log_event(LOG_INFO, "reactor registered", LOG_HEXV("channels", channels));
    return OK;
}

static void on_gone(void *ctx, uint32_t client)
{
    struct shell *s = ctx;

    if (!reactors_gone(&s->reactors, client))
        return;
    log_event(LOG_INFO, "reactor gone");
    set_ready(s, can_have_peers(s));
}

/* ---- pushes of reactors ---- */

static void take_send(struct shell *s, const struct gossip_send *m)
{
    struct parcel *p = parcel_new(m->bytes);

    for (size_t i = 0; i < m->peers.n; i++) {
        struct link *l = shell_link(s, m->peers.v[i]);

        if (l)
            shell_send(s, l, (uint8_t)m->channel, p);
    }
    if (m->peers.n == 0)
        shell_send(s, NULL, (uint8_t)m->channel, p);
    parcel_drop(p);
}

static void take_drop(struct shell *s, const struct gossip_drop *d)
{
    struct p2p_event ev = { .kind        = EV_DROP,
                            .conn        = d->peer,
                            .ban_seconds = d->ban_seconds };
    char             why[128];
    struct buf       b;

    if (!shell_link(s, d->peer))
        return;
    buf_use(&b, why, sizeof why - 1);
    buf_add(&b,
            SPAN(d->reason.p,
                 d->reason.n < sizeof why - 1 ? d->reason.n : sizeof why - 1));
    why[b.len] = 0;
    log_event(LOG_INFO, "a reactor drops a peer", LOG_STR("reason", why),
              LOG_UINT("ban_seconds", d->ban_seconds));
    shell_step(s, &ev);
}

static void on_push(void *ctx, uint32_t client, struct span body)
{
    struct shell    *s  = ctx;
    struct reactor  *r  = reactors_client(&s->reactors, client);
    struct p2p_event ev = { .kind = EV_GOOD };
    struct gossip_to m;

    arena_reset(&s->arena);
    if (!r || pb_decode(&gossip_to_desc, &m, &s->arena, body) != ACCEPT)
        return;
    for (size_t i = 0; i < m.sends.n; i++)
        take_send(s, &m.sends.v[i]);
    for (size_t i = 0; i < m.good.n; i++) {
        ev.conn = m.good.v[i];
        shell_step(s, &ev);
    }
    for (size_t i = 0; i < m.drops.n; i++)
        take_drop(s, &m.drops.v[i]);
    if (m.seen)
        reactor_seen(r, m.seen);
}

/* ---- questions ---- */

static void reply(struct bus_call call, const P2p__Reply *m)
{
    size_t   n = p2p__reply__get_packed_size(m);
    uint8_t *p = malloc(n + 1);

    must(p != NULL);
    p2p__reply__pack(m, p);
    bus_reply(call, OK, NULL, SPAN(p, n));
    free(p);
}

static void describe_lanes(P2p__PeerInfo *out, P2p__ChannelInfo *mem,
                           P2p__ChannelInfo **list, const struct mconn *m)
{
    for (size_t i = 0; i < m->lane_count; i++) {
        const struct mconn_lane *lane = &m->lane[i];

        p2p__channel_info__init(&mem[i]);
        mem[i].id                  = lane->desc.id;
        mem[i].send_queue_capacity = (uint32_t)lane->desc.queue_max;
        mem[i].send_queue_size     = (uint32_t)lane->queue.count;
        mem[i].priority            = lane->desc.priority;
        mem[i].recently_sent       = lane->recently_sent;
        list[i]                    = &mem[i];
    }
    out->channels   = list;
    out->n_channels = m->lane_count;
}

static void describe_peer(P2p__PeerInfo *out, const struct link *l)
{
    p2p__peer_info__init(out);
    out->node_info.data = (uint8_t *)l->greet.bytes;
    out->node_info.len  = l->greet.bytes_n;
    out->is_outbound    = l->has_dialled;
    out->remote_ip      = (char *)l->ip;
    out->connected_ms   = (now_us() - l->up_us) / 1000;
    out->bytes_sent     = l->bytes_out;
    out->bytes_received = l->bytes_in;
}

static void answer_net_info(struct shell *s, struct bus_call call)
{
    P2p__Reply        m    = P2P__REPLY__INIT;
    P2p__NetInfo      info = P2P__NET_INFO__INIT;
    P2p__PeerInfo    *peer, **list;
    P2p__ChannelInfo *lane, **lanes;
    char             *listens = s->listens;
    struct arena     *a       = &s->arena;
    size_t            n       = 0;

    arena_reset(a);
    peer  = arena_newn(a, P2p__PeerInfo, CONNS_MAX);
    list  = arena_newn(a, P2p__PeerInfo *, CONNS_MAX);
    lane  = arena_newn(a, P2p__ChannelInfo, CONNS_MAX * MCONN_LANES_MAX);
    lanes = arena_newn(a, P2p__ChannelInfo *, CONNS_MAX * MCONN_LANES_MAX);
    must(peer && list && lane && lanes);
    for (size_t i = 0; i < CONNS_MAX; i++) {
        if (!s->links[i] || !s->links[i]->is_up)
            continue;
        describe_peer(&peer[n], s->links[i]);
        describe_lanes(&peer[n], lane + n * MCONN_LANES_MAX,
                       lanes + n * MCONN_LANES_MAX, &s->links[i]->mconn);
        list[n] = &peer[n];
        n++;
    }
    info.listening   = s->is_ready;
    info.listeners   = &listens;
    info.n_listeners = 1;
    info.peers       = list;
    info.n_peers     = n;
    m.kind_case      = P2P__REPLY__KIND_NET_INFO;
    m.net_info       = &info;
    reply(call, &m);
}

static void answer_node_info(struct shell *s, struct bus_call call)
{
    P2p__Reply    m     = P2P__REPLY__INIT;
    P2p__NodeInfo info  = P2P__NODE_INFO__INIT;
    struct span   hello = s->self.hello, body;

    must(pb_delimited_read(&hello, SIZE_MAX, &body) == ACCEPT);
    info.node_info.data = (uint8_t *)body.p;
    info.node_info.len  = body.n;
    m.kind_case         = P2P__REPLY__KIND_NODE_INFO;
    m.node_info         = &info;
    reply(call, &m);
}

static void answer_done(struct bus_call call, enum err e, const char *why)
{
    P2p__Reply m    = P2P__REPLY__INIT;
    P2p__Done  done = P2P__DONE__INIT;

    m.kind_case = P2P__REPLY__KIND_DONE;
    m.done      = &done;
    if (e == OK)
        reply(call, &m);
    else
        bus_reply(call, e, why, SPAN(NULL, 0));
}

static void answer_dial(struct shell *s, struct bus_call call,
                        const P2p__DialPeers *m)
{
    struct dial_addr a;
    struct p2p_event ev = { .kind = EV_DIAL, .addr = &a };

    ev.dial_flags = (m->persistent ? DIAL_PERSISTENT : 0u) |
                    (m->unconditional ? DIAL_UNCONDITIONAL : 0u) |
                    (m->private_ ? DIAL_PRIVATE : 0u);
    for (size_t i = 0; i < m->n_addresses; i++) {
        if (!dial_addr_parse(&a, span_str(m->addresses[i]))) {
            answer_done(call, ERR_USAGE, "not of the form ID@host:port");
            return;
        }
    }
    for (size_t i = 0; i < m->n_addresses && i < 100; i++) {
        must(dial_addr_parse(&a, span_str(m->addresses[i])));
        shell_step(s, &ev);
    }
    answer_done(call, OK, NULL);
}

static void on_request(void *ctx, struct bus_call call, struct span body)
{
    struct shell *s = ctx;
    P2p__Request *m = p2p__request__unpack(NULL, body.n, body.p);
    const char   *why;
    enum err      e;

    if (!m) {
        bus_reply(call, ERR_USAGE, "malformed request", SPAN(NULL, 0));
        return;
    }
    switch (m->kind_case) {
    case P2P__REQUEST__KIND_GET_NET_INFO: answer_net_info(s, call); break;
    case P2P__REQUEST__KIND_GET_NODE_INFO: answer_node_info(s, call); break;
    case P2P__REQUEST__KIND_REGISTER:
        e = on_register(s, call.peer, m->register_, &why);
        answer_done(call, e, why);
        break;
    case P2P__REQUEST__KIND_DIAL_PEERS:
        answer_dial(s, call, m->dial_peers);
        break;
    default:
        bus_reply(call, ERR_USAGE, "unknown request", SPAN(NULL, 0));
        break;
    }
    p2p__request__free_unpacked(m, NULL);
}

const struct bus_server_fns shell_bus_fns = { .on_request = on_request,
                                              .on_push    = on_push,
                                              .on_gone    = on_gone };
