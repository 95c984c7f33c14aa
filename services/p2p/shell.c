#include "p2p/shell.h"

#include "base/log.h"
#include "p2p/bans_file.h"
#include "p2p/book_file.h"
#include "p2p/meters.h"
#include "wire/mempool.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    P2P_PROTOCOL   = 8,
    BLOCK_PROTOCOL = 11,
    HELD_MAX       = 1 << 28, /* bytes of messages that are not whole */
};

#define WATCH_US UINT64_C(2000000)

/* ---- who we are ---- */

void shell_introduce(struct shell *s, struct span chain_id, uint64_t app)
{
    struct config *c     = s->svc->config;
    const char    *index = strcmp(c->tx_index.indexer, "null") ? "on" : "off";
    struct node_info *m  = &s->self.info;
    struct arena      a;

    must(chain_id.n < sizeof s->chain_id);
    if (chain_id.n > 0)
        memcpy(s->chain_id, chain_id.p, chain_id.n);
    s->chain_id[chain_id.n] = 0;

    *m = (struct node_info){
        .protocol_version = { P2P_PROTOCOL, BLOCK_PROTOCOL, app },
        .default_node_id  = span_str(s->id),
        .listen_addr      = span_str(s->listens),
        .network          = span_str(s->chain_id),
        .version          = span_str(WARREN_NODE_VERSION),
        .channels         = SPAN(s->channel_ids, s->channel_count),
        .moniker          = span_str(s->moniker),
        .other            = { span_str(index), span_str(c->rpc.laddr) },
    };
    arena_use(&a, s->hello, sizeof s->hello);
    s->self.hello = pb_encode_delimited(&node_info_desc, m, &a);
    must(s->self.hello.p != NULL);
    s->svc->chain_id = s->chain_id;
}

/* ---- links and peers ---- */

struct link *shell_link(struct shell *s, uint64_t number)
{
    struct link *l = s->links[number % CONNS_MAX];

    return l && l->number == number ? l : NULL;
}

static void tell_peer(struct shell *s, const struct link *l,
                      enum gossip_what what)
{
    struct gossip_peer g = { .what = what, .peer = l->number };
    char               id[NODE_ID_TEXT + 1];

    if (what == GOSSIP_UP) {
        node_id_print(id, l->greet.id);
        g.id          = SPAN(id, NODE_ID_TEXT);
        g.channels    = l->greet.info.channels;
        g.is_outbound = l->has_dialled;
    }
    reactors_tell_peer(&s->reactors, &g);
}

static size_t count_up(const struct shell *s)
{
    size_t n = 0;

    for (size_t i = 0; i < CONNS_MAX; i++)
        n += s->links[i] && s->links[i]->is_up;
    return n;
}

static void log_peer(const struct link *l, const char *event, const char *why)
{
    char id[NODE_ID_TEXT + 1];

    node_id_print(id, l->greet.id);
    log_event(LOG_INFO, event, LOG_STR("peer", id), LOG_STR("ip", l->ip),
              LOG_STR("way", l->has_dialled ? "out" : "in"),
              LOG_STR("reason", why));
}

static void go_up(struct shell *s, struct link *l)
{
    link_up(l);
    tell_peer(s, l, GOSSIP_UP);
    log_peer(l, "peer connected", "greeted");
    meter_node(count_up(s));
}

static void forget(struct shell *s, struct link *l, const char *why)
{
    char id[NODE_ID_TEXT + 1];

    if (l->is_up) {
        tell_peer(s, l, GOSSIP_DOWN);
        log_peer(l, "peer gone", why);
        node_id_print(id, l->greet.id);
        meter_forget(id, s->channel_ids, s->channel_count);
    } else {
        log_event(LOG_DEBUG, "connection ended", LOG_STR("ip", l->ip),
                  LOG_STR("reason", l->greet.why ? l->greet.why : why));
    }
    s->links[l->number % CONNS_MAX] = NULL;
    link_close(l);
    meter_node(count_up(s));
}

/* ---- sending ---- */

static void send_to(struct shell *s, struct link *l, uint8_t channel,
                    struct parcel *p)
{
    struct p2p_event drop = { .kind = EV_DROP, .conn = l->number };

    switch (link_send(l, channel, p)) {
    case MCONN_QUEUED:
        for (size_t i = 0; i < CHANNELS; i++)
            if (s->channel_ids[i] == channel)
                meter_sent(&l->meter, i, channel, SPAN(p->bytes, p->n));
        break;
    case MCONN_CLOSED: break; /* it does not listen there */
    case MCONN_FULL:
        log_peer(l, "peer takes too little", "its queue is full");
        shell_step(s, &drop);
        break;
    }
}

void shell_send(struct shell *s, struct link *l, uint8_t channel,
                struct parcel *p)
{
    if (l) {
        send_to(s, l, channel, p);
        return;
    }
    for (size_t i = 0; i < CONNS_MAX; i++)
        if (s->links[i] && s->links[i]->is_up)
            send_to(s, s->links[i], channel, p);
}

/* ---- what the core asks for ---- */

static void dial(struct shell *s, const struct p2p_effect *e)
{
    const struct dial_addr *a     = e->addr;
    bool                    is_v6 = strchr(a->host, ':') != NULL;
    char                    to[HOST_TEXT_MAX + 16];

    snprintf(to, sizeof to, is_v6 ? "[%s]:%u" : "%s:%u", a->host, a->port);
    log_event(LOG_DEBUG, "dialling", LOG_STR("address", to));
    s->links[e->conn % CONNS_MAX] = link_dial(&s->link, e->conn, a->id, to);
}

static void send_pex(struct shell *s, const struct p2p_effect *e)
{
    struct link   *l = shell_link(s, e->conn);
    struct parcel *p = parcel_new(e->bytes);

    if (l && link_send(l, 0, p) == MCONN_QUEUED)
        meter_sent(&l->meter, CHANNELS - 1, 0, e->bytes);
    parcel_drop(p);
}

/* Accepting is answered by its caller; links may be gone already. */
static void perform(struct shell *s, const struct p2p_effect *e)
{
    struct link *l = shell_link(s, e->conn);

    switch (e->kind) {
    case FX_GREET:
    case FX_REFUSE: break;
    case FX_DIAL: dial(s, e); break;
    case FX_UP:
        if (l)
            go_up(s, l);
        break;
    case FX_CLOSE:
        if (l)
            forget(s, l, e->why);
        break;
    case FX_SEND: send_pex(s, e); break;
    case FX_FLUSH:
        if (l)
            link_end(l);
        break;
    case FX_SAVE: book_save(s->book, s->book_path); break;
    case FX_SAVE_BANS:
        bans_save(&s->core->bans, s->bans_path, now_stamp().seconds);
        break;
    }
}

static struct moment moment_now(void)
{
    return (struct moment){ now_us(), now_stamp().seconds };
}

void shell_step(struct shell *s, struct p2p_event *ev)
{
    must(!s->is_stepping);
    s->is_stepping = true;
    ev->now        = moment_now();
    p2p_step(s->core, s->effects, ev);
    for (size_t i = 0; i < s->effects->n; i++)
        perform(s, &s->effects->v[i]);
    s->is_stepping = false;
    timer_set(&s->tick, p2p_wait(s->core, ev->now.us));
}

static void on_tick(void *ctx)
{
    struct p2p_event ev = { .kind = EV_TICK };

    shell_step(ctx, &ev);
}

/* ---- what links tell ---- */

static void on_accept(void *ctx, int fd, const char *peer)
{
    struct shell     *s    = ctx;
    struct p2p_event  ev   = { .kind = EV_ACCEPTED };
    struct p2p_effect last = { .kind = FX_REFUSE };
    struct span       host, port;
    uint8_t           ip[IP_BYTES];
    char              text[IP_TEXT_MAX + 1];

    if (host_port_split(&host, &port, span_str(peer)) && ip_parse(ip, host)) {
        ev.ip = ip;
        shell_step(s, &ev);
        last = s->effects->v[s->effects->n - 1];
        ip_print(text, ip);
    }
    if (last.kind == FX_GREET)
        s->links[last.conn % CONNS_MAX] =
            link_accept(&s->link, last.conn, fd, text);
    else
        close(fd);
}

static void on_connected(void *ctx, struct link *l, const uint8_t *ip)
{
    struct p2p_event ev = { .kind = EV_DIALLED, .conn = l->number, .ip = ip };

    shell_step(ctx, &ev);
}

static void on_greeted(void *ctx, struct link *l, enum greet_verdict v)
{
    struct p2p_event ev = {
        .kind = EV_GREETED, .conn = l->number, .verdict = v, .id = l->greet.id
    };
    struct node_addr a;
    struct netaddr   says;
    char             buf[NODE_INFO_BYTES_MAX];

    if (v == GREET_DONE && node_info_addr(&a, &l->greet.info, buf) && a.is_ip) {
        memcpy(says.id, l->greet.id, sizeof says.id);
        memcpy(says.ip, a.ip, sizeof says.ip);
        says.port = a.port;
        ev.says   = &says;
    }
    shell_step(ctx, &ev);
}

static bool on_message(void *ctx, struct link *l, uint8_t channel,
                       struct span bytes)
{
    struct shell       *s  = ctx;
    struct gossip_frame f  = { l->number, channel, bytes };
    struct p2p_event    ev = { .conn = l->number, .bytes = bytes };
    struct reactor     *r;

    for (size_t i = 0; i < CHANNELS; i++)
        if (s->channel_ids[i] == channel)
            meter_received(&l->meter, i, channel, bytes);
    if (channel == 0) {
        ev.kind = EV_PEX;
        shell_step(s, &ev);
        return true;
    }
    r = reactors_channel(&s->reactors, channel);
    switch (r ? reactor_tell_frame(r, &f) : REACTOR_GOES_ON) {
    case REACTOR_GOES_ON: return true;
    case REACTOR_FILLED: return false;
    case REACTOR_OVERFLOWS: break;
    }
    log_peer(l, "peer sends too much", "its messages cannot be handed on");
    ev.kind = EV_DROP;
    shell_step(s, &ev);
    return false;
}

static void on_room(void *ctx, struct link *l, uint8_t channel, bool is_busy)
{
    struct shell      *s = ctx;
    struct gossip_peer g = { .what     = is_busy ? GOSSIP_BUSY : GOSSIP_READY,
                             .peer     = l->number,
                             .channels = SPAN(&channel, 1) };
    struct reactor    *r = reactors_channel(&s->reactors, channel);

    if (r)
        reactor_tell_peer(r, &g);
}

static void on_held(void *ctx)
{
    struct shell *s = ctx;

    deferred_set(&s->bound);
}

static void on_gone(void *ctx, struct link *l, const char *why, bool is_fault)
{
    struct shell    *s  = ctx;
    struct p2p_event ev = { .kind     = EV_CLOSED,
                            .conn     = l->number,
                            .is_fault = is_fault };

    forget(s, l, why);
    shell_step(s, &ev);
}

const struct link_fns shell_link_fns = { on_connected, on_greeted, on_message,
                                         on_room,      on_held,    on_gone };

/* ---- now and then ---- */

/* Peers together may make us hold only so much that is not whole; past that
 * whoever holds most goes. */
static bool is_held_bounded(const struct shell *s, uint64_t *greediest)
{
    size_t sum = 0, most = 0;

    for (size_t i = 0; i < CONNS_MAX; i++) {
        struct link *l = s->links[i];
        size_t       n = l && l->is_up ? mconn_held(&l->mconn) : 0;

        sum += n;
        if (n > most) {
            most       = n;
            *greediest = l->number;
        }
    }
    return sum <= HELD_MAX;
}

static void bound_held(void *ctx)
{
    struct shell    *s  = ctx;
    struct p2p_event ev = { .kind = EV_DROP };

    if (is_held_bounded(s, &ev.conn))
        return;
    shell_step(s, &ev);
    deferred_set(&s->bound);
}

static size_t waiting_messages(const struct link *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->mconn.lane_count; i++)
        n += l->mconn.lane[i].queue.count;
    return n;
}

static void on_watch(void *ctx)
{
    struct shell *s = ctx;
    char          id[NODE_ID_TEXT + 1];

    for (size_t i = 0; i < CONNS_MAX; i++) {
        struct link     *l  = s->links[i];
        struct p2p_event ev = { .kind = EV_SILENT };

        if (!l || !l->is_up)
            continue;
        node_id_print(id, l->greet.id);
        meter_peer(&l->meter, id, s->channel_ids, s->channel_count,
                   waiting_messages(l));
        ev.conn      = l->number;
        ev.is_silent = link_is_silent(l, LINK_SILENT_MS);
        shell_step(s, &ev);
    }
    meter_node(count_up(s));
    timer_set(&s->watch, WATCH_US);
}

static void on_reactor_room(void *ctx)
{
    struct shell *s = ctx;

    for (size_t i = 0; i < CONNS_MAX; i++)
        if (s->links[i])
            link_resume(s->links[i]);
}

/* ---- opening ---- */

static enum err listen_for_peers(struct shell *s)
{
    const char *laddr    = s->svc->config->p2p.laddr;
    const char *external = s->svc->config->p2p.external_address;
    const char *colon    = strrchr(laddr, ':');
    enum err e = listener_open(&s->listener, s->svc->loop, laddr, on_accept, s);

    if (e != OK)
        return e;
    if (*external)
        snprintf(s->listens, sizeof s->listens, "%s", external);
    else if (colon && strcmp(colon, ":0") == 0) /* a free one was taken */
        snprintf(s->listens, sizeof s->listens, "%.*s:%u", (int)(colon - laddr),
                 laddr, listener_port(s->listener));
    else
        snprintf(s->listens, sizeof s->listens, "%s", laddr);
    listener_pause(s->listener, true); /* until reactors are there */
    return OK;
}

/* Transactions and what is said of them. */
static const uint8_t patient[] = { 0x30, SEEN_CHANNEL };

static void open_links(struct shell *s)
{
    s->link = (struct link_config){
        .loop          = s->svc->loop,
        .self          = &s->self,
        .mconn         = &s->mconn,
        .channels      = s->channels,
        .channel_count = s->channel_count,
        .patient       = SPAN_OF(patient),
        .dial_ms       = (uint32_t)(s->svc->config->p2p.dial_timeout / 1000000),
        .fns           = &shell_link_fns,
        .ctx           = s,
    };
}

/* Nobody would talk to a node that introduces itself wrongly. */
static enum err check_introduction(struct shell *s)
{
    if (s->self.hello.n > NODE_INFO_BYTES_MAX)
        return fail(ERR_CONFIG,
                    "moniker, addresses: longer than %d bytes "
                    "together",
                    NODE_INFO_BYTES_MAX);
    if (node_info_validate(&s->self.info) == ACCEPT)
        return OK;
    return fail(ERR_CONFIG,
                "moniker \"%s\", p2p address \"%s\", rpc.laddr \"%s\": one of "
                "them is not what other nodes accept (printable ASCII, "
                "host:port)",
                s->moniker, s->listens, s->svc->config->rpc.laddr);
}

enum err shell_open(struct shell *s, struct svc *svc)
{
    enum err e;

    s->svc = svc;
    arena_open(&s->arena, DECODE_ARENA_BYTES);
    reactors_init(&s->reactors, svc->loop, SPAN_OF(patient), on_reactor_room,
                  s);
    timer_init(&s->tick, svc->loop, on_tick, s);
    timer_init(&s->watch, svc->loop, on_watch, s);
    deferred_init(&s->bound, svc->loop, bound_held, s);
    e = setup_key(s);
    if (e == OK)
        e = setup_core(s);
    if (e == OK)
        e = listen_for_peers(s);
    if (e != OK)
        return e;
    setup_channels(s);
    setup_moniker(s);
    shell_introduce(s, span_str(""), 0);
    e = check_introduction(s);
    if (e != OK)
        return e;
    open_links(s);
    svc_condition(svc, "peers", "consensus is not there yet");
    timer_set(&s->watch, WATCH_US);
    e                  = svc_serve(svc, &shell_bus_fns, s);
    s->reactors.server = svc->server;
    if (e == OK)
        log_event(LOG_INFO, "listening", LOG_STR("address", s->listens),
                  LOG_STR("id", s->id));
    return e;
}

void shell_close(struct shell *s)
{
    for (size_t i = 0; i < CONNS_MAX; i++)
        if (s->links[i])
            link_close(s->links[i]);
    if (s->listener)
        listener_close(s->listener);
    if (s->book)
        book_save(s->book, s->book_path);
    if (s->core && s->core->has_new_bans)
        bans_save(&s->core->bans, s->bans_path, now_stamp().seconds);
    timer_fini(&s->tick);
    timer_fini(&s->watch);
    deferred_fini(&s->bound);
    reactors_fini(&s->reactors);
    arena_close(&s->arena);
    setup_free(s);
}
