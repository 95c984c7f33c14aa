/* A reactor's side of p2p against a stand-in for p2p on a real bus, and the
 * pushes against protobuf-c, which other services may use. */
#include "loops.h"
#include "peers/peers.h"
#include "test.h"

#include "proto/p2p.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TEST(pushes_are_what_protobuf_says)
{
    struct buf         b;
    uint64_t           to[] = { 1, 300 };
    P2p__ToPeers      *t;
    P2p__FromPeers    *f;
    struct gossip_to   back;
    P2p__Frame         frame  = P2P__FRAME__INIT;
    P2p__Frame        *list[] = { &frame };
    P2p__FromPeers     from   = P2P__FROM_PEERS__INIT;
    struct gossip_from got;
    uint8_t            packed[64];

    buf_init(&b, 4096);
    gossip_add_send(
        &b, &(struct gossip_send){ { to, 2 }, 0x30, span_str("hello") });
    gossip_add_good(&b, 7);
    gossip_add_send(&b, &(struct gossip_send){ .channel = 0 });
    gossip_add_drop(&b, &(struct gossip_drop){ 9, span_str("why"), 60 });
    gossip_add_seen(&b, 1000);
    gossip_add_good(&b, 300);
    t = p2p__to_peers__unpack(NULL, b.len, b.p);
    must(t != NULL);
    CHECK(t->n_sends == 2 && t->n_drops == 1 && t->n_good == 2);
    CHECK(t->sends[0]->n_peers == 2 && t->sends[0]->peers[1] == 300);
    CHECK_EQ(t->sends[0]->channel, 0x30);
    CHECK_BYTES(SPAN(t->sends[0]->bytes.data, t->sends[0]->bytes.len),
                span_str("hello"));
    CHECK(t->drops[0]->peer == 9 && t->drops[0]->ban_seconds == 60);
    CHECK_STR(t->drops[0]->reason, "why");
    CHECK(t->seen == 1000 && t->good[0] == 7 && t->good[1] == 300);
    p2p__to_peers__free_unpacked(t, NULL);
    CHECK_EQ(pb_decode(&gossip_to_desc, &back, &test_arena, buf_span(&b)),
             ACCEPT);
    CHECK(back.sends.n == 2 && back.good.n == 2 && back.good.v[1] == 300);

    buf_clear(&b);
    gossip_add_peer(&b, &(struct gossip_peer){ GOSSIP_UP, 5, span_str("id"),
                                               span_str("\x20\x21"), true });
    gossip_add_frame(&b, &(struct gossip_frame){ 5, 0x21, span_str("part") });
    gossip_add_number(&b, 1 << 20);
    f = p2p__from_peers__unpack(NULL, b.len, b.p);
    must(f != NULL);
    CHECK(f->peers[0]->what == P2P__PEER__WHAT__UP && f->peers[0]->is_outbound);
    CHECK(f->frames[0]->channel == 0x21 && f->number == 1 << 20);
    p2p__from_peers__free_unpacked(f, NULL);

    frame.peer    = 3;
    from.frames   = list;
    from.n_frames = 1;
    CHECK_EQ(pb_decode(&gossip_from_desc, &got, &test_arena,
                       SPAN(packed, p2p__from_peers__pack(&from, packed))),
             ACCEPT);
    CHECK(got.frames.n == 1 && got.frames.v[0].peer == 3);
    buf_fini(&b);
}

/* ---- a conversation ---- */

static struct loop       *loop;
static struct bus        *bus;
static struct bus_server *server;
static uint32_t           reactor; /* the client's handle */
static unsigned           registrations;
static char               story[4096];

static void tell(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void tell(const char *fmt, ...)
{
    size_t  n = strlen(story);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(story + n, sizeof story - n, fmt, ap);
    va_end(ap);
}

static void push_from(struct buf *b)
{
    must(bus_push_to(server, reactor, buf_span(b)));
    buf_fini(b);
}

static void on_request(void *ctx, struct bus_call call, struct span body)
{
    P2p__Request *r = p2p__request__unpack(NULL, body.n, body.p);
    struct buf    b;

    UNUSED(ctx);
    must(r && r->kind_case == P2P__REQUEST__KIND_REGISTER);
    tell("register %s %d channels fresh=%d app=%d; ", r->register_->chain_id,
         (int)r->register_->channels.len, r->register_->is_fresh,
         (int)r->register_->app_version);
    p2p__request__free_unpacked(r, NULL);
    reactor = call.peer;
    buf_init(&b, 4096); /* of an earlier registration: not to be heard */
    gossip_add_peer(&b, &(struct gossip_peer){ GOSSIP_UP, 4, span_str("old"),
                                               span_str("\x20"), true });
    gossip_add_number(&b, 7);
    push_from(&b);
    if (++registrations == 1) {
        bus_reply(call, ERR_BUSY, "not now", SPAN(NULL, 0));
        return;
    }
    bus_reply(call, OK, NULL, SPAN(NULL, 0));
    buf_init(&b, 4096);
    gossip_add_peer(&b, &(struct gossip_peer){ GOSSIP_UP, 5, span_str("ab"),
                                               span_str("\x20\x21"), true });
    gossip_add_frame(&b, &(struct gossip_frame){ 5, 0x20, span_str("hi") });
    gossip_add_frame(&b, &(struct gossip_frame){ 6, 0x20, span_str("no") });
    gossip_add_number(&b, 1);
    push_from(&b);
}

static void on_to(void *ctx, uint32_t peer, struct span body)
{
    struct gossip_to m;
    struct buf       b;

    UNUSED(ctx);
    UNUSED(peer);
    must(pb_decode(&gossip_to_desc, &m, &test_arena, body) == ACCEPT);
    for (size_t i = 0; i < m.sends.n; i++)
        tell("send %zu peers ch %02x %.*s; ", m.sends.v[i].peers.n,
             m.sends.v[i].channel, (int)m.sends.v[i].bytes.n,
             m.sends.v[i].bytes.p ? (const char *)m.sends.v[i].bytes.p : "");
    for (size_t i = 0; i < m.drops.n; i++)
        tell("drop %d; ", (int)m.drops.v[i].peer);
    tell("seen %d; ", (int)m.seen);
    if (m.seen == 1) {
        buf_init(&b, 4096);
        gossip_add_peer(&b, &(struct gossip_peer){ GOSSIP_BUSY, 5, span_str(""),
                                                   span_str("\x21"), false });
        gossip_add_peer(&b,
                        &(struct gossip_peer){ GOSSIP_READY, 5, span_str(""),
                                               span_str("\x21"), false });
        gossip_add_peer(
            &b, &(struct gossip_peer){ .what = GOSSIP_DOWN, .peer = 5 });
        gossip_add_peer(
            &b, &(struct gossip_peer){ .what = GOSSIP_DOWN, .peer = 5 });
        gossip_add_number(&b, 2);
        push_from(&b);
    } else {
        loop_stop(loop);
    }
}

static struct peers *peers;

static void saw_up(void *ctx, uint64_t peer, struct span id,
                   struct span channels, bool is_outbound)
{
    UNUSED(ctx);
    tell("up %d %.*s %zu %d; ", (int)peer, (int)id.n, (const char *)id.p,
         channels.n, is_outbound);
}

static void saw_down(void *ctx, uint64_t peer)
{
    UNUSED(ctx);
    tell("down %d; ", (int)peer);
}

static void saw_room(void *ctx, uint64_t peer, uint8_t channel, bool has_room)
{
    UNUSED(ctx);
    tell("room %d %02x %d; ", (int)peer, channel, has_room);
}

static void saw_frame(void *ctx, uint64_t peer, uint8_t channel,
                      struct span bytes)
{
    UNUSED(ctx);
    tell("frame %d %02x %.*s; ", (int)peer, channel, (int)bytes.n,
         (const char *)bytes.p);
    peers_send(peers, peer, 0x21, span_str("one"));
    peers_send_all(peers, 0x20, span_str("all"));
    peers_drop(peers, peer, "enough", 0);
}

TEST(a_reactor_talks_with_p2p)
{
    static const struct bus_server_fns server_fns = { .on_request = on_request,
                                                      .on_push    = on_to };
    static const struct peers_fns      fns   = { saw_up, saw_down, saw_room,
                                                 saw_frame };
    char                               dir[] = "/tmp/warren-peers-XXXXXX";
    char                               endpoint[96], path[64];
    struct peers_config config = { .channels    = span_str("\x20\x21"),
                                   .needs_fresh = true };

    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/p2p.sock", dir);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    config.endpoint = endpoint;
    loop            = loop_new();
    bus             = bus_open(loop, "test");
    must_ok(bus_serve(&server, bus, endpoint, &server_fns, NULL), "serve");
    peers = peers_open(loop, bus, &config, &fns, NULL);
    peers_start(peers, "chain-a", 3);
    run_for(loop, LONG_MS);
    CHECK_STR(story, "register chain-a 2 channels fresh=1 app=3; "
                     "register chain-a 2 channels fresh=1 app=3; "
                     "up 5 ab 2 1; frame 5 20 hi; "
                     "send 1 peers ch 21 one; send 0 peers ch 20 all; "
                     "drop 5; seen 1; "
                     "room 5 21 0; room 5 21 1; down 5; seen 2; ");
    peers_close(peers);
    bus_close(bus);
    loop_free(loop);
    unlink(path);
    rmdir(dir);
}
