/* The mempool and its peers: what it tells to whom, and what it takes from
 * them. */
#include "mempool_rig.h"

#include "crypto/hash.h"
#include "proto/p2p.pb-c.h"

#include <stdio.h>

enum { CHANNEL = 0x30 };

static struct bus        *p2p_bus;
static struct bus_server *p2p;
static uint32_t           reactor;
static bool               has_reactor;
static uint64_t           pushes;

/* What the mempool said, as "1:a=1 2:b=2 drop 3 ". */
static char said[4096];

static void p2p_request(void *ctx, struct bus_call call, struct span body)
{
    P2p__Request *r = p2p__request__unpack(NULL, body.n, body.p);

    UNUSED(ctx);
    if (CHECK(r && r->kind_case == P2P__REQUEST__KIND_REGISTER, "registers")) {
        CHECK_BYTES(
            SPAN(r->register_->channels.data, r->register_->channels.len),
            SPAN("\x30\x77", 2));
        p2p__request__free_unpacked(r, NULL);
    }
    reactor     = call.peer;
    has_reactor = true;
    bus_reply(call, OK, NULL, (struct span){ 0 });
}

static void note_send(struct buf *b, const P2p__Send *m)
{
    /* Message{Txs{tx}}: two heads, then the transaction. */
    CHECK(m->channel == CHANNEL || m->channel == SEEN_CHANNEL);
    for (size_t i = 0; i < m->n_peers; i++) {
        buf_printf(b, "%d:", (int)m->peers[i]);
        if (m->channel == SEEN_CHANNEL) {
            buf_printf(b, "has %zu ", (m->bytes.len - 2) / SEEN_PREFIX_BYTES);
            continue;
        }
        buf_add(b, SPAN(m->bytes.data + 4,
                        m->bytes.len < 12 ? m->bytes.len - 4 : 8));
        buf_str(b, " ");
    }
}

static void p2p_push(void *ctx, uint32_t peer, struct span body)
{
    P2p__ToPeers *m = p2p__to_peers__unpack(NULL, body.n, body.p);
    size_t        n = strlen(said);
    struct buf    b;

    UNUSED(ctx);
    UNUSED(peer);
    must(m != NULL);
    buf_use(&b, said + n, sizeof said - n - 1);
    for (size_t i = 0; i < m->n_sends; i++)
        note_send(&b, m->sends[i]);
    for (size_t i = 0; i < m->n_drops; i++)
        buf_printf(&b, "drop %d ", (int)m->drops[i]->peer);
    (void)buf_cstr(&b);
    p2p__to_peers__free_unpacked(m, NULL);
}

static void push_buf(struct buf *b)
{
    gossip_add_number(b, ++pushes);
    must(bus_push_to(p2p, reactor, buf_span(b)));
    buf_fini(b);
}

static struct span listens; /* peers that come, by channel */

static void push_peer(int32_t what, uint64_t peer)
{
    struct buf b;

    buf_init(&b, 4096);
    gossip_add_peer(
        &b, &(struct gossip_peer){
                .what     = what,
                .peer     = peer,
                .id       = span_str("0123456789012345678901234567890"
                                           "123456789"),
                .channels = what == GOSSIP_UP ? listens : SPAN("\x30", 1) });
    push_buf(&b);
}

static void push_on(uint64_t peer, uint8_t channel, struct span bytes)
{
    struct buf b;

    buf_init(&b, 4096);
    gossip_add_frame(&b, &(struct gossip_frame){ peer, channel, bytes });
    push_buf(&b);
}

static void push_frame(uint64_t peer, struct span bytes)
{
    push_on(peer, CHANNEL, bytes);
}

/* It has that transaction. */
static void push_seen(uint64_t peer, const char *tx)
{
    uint8_t     bytes[2 + HASH_BYTES] = { 10, SEEN_PREFIX_BYTES };
    struct hash h;

    sha256(&h, span_str(tx));
    memcpy(bytes + 2, h.b, SEEN_PREFIX_BYTES);
    push_on(peer, SEEN_CHANNEL, SPAN(bytes, 2 + SEEN_PREFIX_BYTES));
}

static void push_tx(uint64_t peer, const char *tx)
{
    uint8_t bytes[64];
    size_t  n = strlen(tx);

    bytes[0] = 10;
    bytes[1] = (uint8_t)(n + 2);
    bytes[2] = 10;
    bytes[3] = (uint8_t)n;
    memcpy(bytes + 4, tx, n);
    push_frame(peer, SPAN(bytes, n + 4));
}

static void setup_listeners(const char *key, const char *value,
                            struct span channels)
{
    static const struct bus_server_fns fns = { .on_request = p2p_request,
                                               .on_push    = p2p_push };

    listens = channels;
    setup_with(key, value);
    start_app();
    has_reactor = false;
    pushes      = 0;
    said[0]     = 0;
    p2p_bus     = bus_open(loop, "p2p");
    must(bus_serve(&p2p, p2p_bus, svc_endpoint(&process.svc, "p2p", false),
                   &fns, NULL) == OK);
    WAIT_FOR(abci_is_up(shell->app) && has_reactor);
    push_peer(GOSSIP_UP, 1);
    push_peer(GOSSIP_UP, 2);
    WAIT_FOR(shell->slots[1].is_used);
}

static void setup_peers(const char *key, const char *value)
{
    setup_listeners(key, value, SPAN("\x30", 1));
}

/* Peers of our own kind. */
static void setup_kin(void)
{
    setup_listeners(NULL, NULL, SPAN("\x30\x77", 2));
}

static void teardown_peers(void)
{
    bus_close(p2p_bus);
    teardown();
}

TEST(transactions_go_to_every_peer_but_their_senders)
{
    setup_peers(NULL, NULL);
    submit("a=1");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 ") == 0);
    said[0] = 0;
    push_tx(1, "b=2");
    WAIT_FOR(shell->core.count == 2);
    WAIT_FOR(strcmp(said, "2:b=2 ") == 0);
    run_for(loop, 60);
    CHECK_STR(said, "2:b=2 ", "not back to where it came from");
    said[0] = 0;
    push_tx(2, "a=1");
    push_tx(2, "-bad");
    run_for(loop, 60);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    CHECK_STR(said, "", "what is known or bad goes nowhere");
    teardown_peers();
}

TEST(kin_is_told_what_others_sent_and_spared_what_it_names)
{
    setup_kin();
    submit("a=1");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 ") == 0);
    said[0] = 0;
    push_tx(1, "b=2");
    WAIT_FOR(strcmp(said, "2:has 1 ") == 0);
    push_seen(2, "b=2");
    push_seen(2, "c=3");
    WAIT_FOR(shell->early.v != NULL && shell->core.count == 2);
    said[0] = 0;
    push_tx(1, "c=3");
    WAIT_FOR(strcmp(said, "2:has 1 ") == 0);
    run_for(loop, 400);
    CHECK_STR(said, "2:has 1 ", "it named both, one before it came");
    teardown_peers();
}

TEST(kin_that_names_nothing_is_sent_it_later_and_the_next_at_once)
{
    setup_kin();
    push_tx(1, "a=1");
    WAIT_FOR(strcmp(said, "2:has 1 2:a=1 ") == 0);
    said[0] = 0;
    push_tx(1, "b=2");
    WAIT_FOR(strcmp(said, "2:b=2 ") == 0);
    teardown_peers();
}

TEST(names_that_are_cut_off_end_the_connection)
{
    setup_kin();
    push_on(1, SEEN_CHANNEL, SPAN("\x0a\x03\x01\x02\x03", 5));
    WAIT_FOR(strcmp(said, "drop 1 ") == 0);
    said[0] = 0;
    push_on(2, SEEN_CHANNEL, SPAN("\xff", 1));
    WAIT_FOR(strcmp(said, "drop 2 ") == 0);
    teardown_peers();
}

TEST(a_peer_that_comes_later_gets_what_waits)
{
    setup_peers(NULL, NULL);
    submit("a=1");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 ") == 0);
    submit("b=2");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 1:b=2 2:b=2 ") == 0);
    update(1, "a=1");
    said[0] = 0;
    push_peer(GOSSIP_UP, 3);
    WAIT_FOR(strcmp(said, "3:b=2 ") == 0);
    teardown_peers();
}

TEST(the_next_peer_does_not_inherit_what_the_last_one_sent)
{
    setup_peers(NULL, NULL);
    push_tx(1, "a=1");
    WAIT_FOR(shell->core.count == 1);
    WAIT_FOR(strcmp(said, "2:a=1 ") == 0);
    said[0] = 0;
    push_peer(GOSSIP_DOWN, 1);
    push_peer(GOSSIP_UP, 7);
    WAIT_FOR(strcmp(said, "7:a=1 ") == 0);
    teardown_peers();
}

TEST(a_busy_peer_is_left_alone_until_it_is_ready)
{
    setup_peers(NULL, NULL);
    push_peer(GOSSIP_BUSY, 1);
    WAIT_FOR(!shell->slots[0].has_room);
    submit("a=1");
    WAIT_FOR(strcmp(said, "2:a=1 ") == 0);
    run_for(loop, 60);
    CHECK_STR(said, "2:a=1 ");
    push_peer(GOSSIP_READY, 1);
    WAIT_FOR(strcmp(said, "2:a=1 1:a=1 ") == 0);
    teardown_peers();
}

TEST(a_peer_that_breaks_the_rules_is_dropped)
{
    static const char *const bad[] = {
        "",         /* nothing at all */
        "0a00",     /* no transaction */
        "0a020a00", /* an empty one */
        "0a05",     /* cut short */
        "0b0c",     /* a group */
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        setup_peers(NULL, NULL);
        push_frame(1, hex_span(bad[i], &test_arena));
        WAIT_FOR(strcmp(said, "drop 1 ") == 0);
        CHECK_EQ(seen.news, 0, "the application was not asked");
        teardown_peers();
    }
}

/* More than may wait, all at once, in frames of one transaction each. */
static void push_flood(void)
{
    uint8_t    bytes[] = { 10, 10, 10, 8, 0, 0, 0, 0, 0, 0, '=', '1' };
    struct buf b;

    buf_init(&b, 4 << 20);
    for (uint32_t i = 0; i < 3 * WAITING_MAX / 4; i++) {
        store_le32(bytes + 4, i);
        gossip_add_frame(&b,
                         &(struct gossip_frame){ 1, CHANNEL, SPAN_OF(bytes) });
    }
    push_buf(&b);
}

/* What waited is given up when the application stays away.  With it goes the
 * reason to hold peers back: none of them could be heard again. */
TEST(peers_are_not_held_back_by_what_was_given_up)
{
    setup_peers(NULL, NULL);
    stop_app();
    WAIT_FOR(!abci_is_up(shell->app));
    push_flood();
    WAIT_FOR(shell->is_holding);
    WAIT_FOR(shell->is_app_late);
    CHECK_EQ(shell->waiting.n, 0);
    CHECK(!shell->is_holding);
    teardown_peers();
}

TEST(one_that_is_too_long_is_dropped_with_its_peer)
{
    setup_peers("mempool.max_tx_bytes", "3");
    push_tx(1, "a=1");
    WAIT_FOR(shell->core.count == 1);
    push_tx(1, "a=12");
    WAIT_FOR(strstr(said, "drop 1 ") != NULL);
    teardown_peers();
}

TEST(nothing_is_passed_on_when_that_is_switched_off)
{
    setup_peers("mempool.broadcast", "false");
    submit("a=1");
    push_tx(1, "b=2");
    WAIT_FOR(shell->core.count == 2);
    run_for(loop, 100);
    CHECK_STR(said, "");
    teardown_peers();
}
