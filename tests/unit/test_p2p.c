/* Whom to meet: transcripts of the core, with a clock that the test moves. */
#include "p2p/p2p.h"
#include "test.h"

#include "wire/pex.h"

#include <stdio.h>
#include <stdlib.h>

#define MS     UINT64_C(1000)
#define SECOND (1000 * MS)

static struct p2p         *p;
static struct book        *book;
static struct p2p_effects *fx;
static struct moment       now;
static char                story[1 << 16];

static struct p2p_config config_of(uint32_t in, uint32_t out)
{
    return (struct p2p_config){ .inbound_max        = in,
                                .outbound_max       = out,
                                .allow_duplicate_ip = true,
                                .has_pex            = true,
                                .greeting_us        = 20 * SECOND };
}

static void id_of(uint8_t id[ADDRESS_BYTES], uint32_t n)
{
    memset(id, 0, ADDRESS_BYTES);
    store_be32(id, n);
}

static void ip_of(uint8_t ip[IP_BYTES], const char *text)
{
    must(ip_parse(ip, span_str(text)));
}

static void set_up(const struct p2p_config *c)
{
    uint8_t self[ADDRESS_BYTES];
    book = calloc(1, sizeof *book);
    p    = calloc(1, sizeof *p);
    fx   = calloc(1, sizeof *fx);
    must(p && fx && book);
    id_of(self, 500);
    now = (struct moment){ 1000 * SECOND, 1700000000 };
    book_init(book, false, "0123456789abcdef01234567", 1);
    p2p_init(p, c, self, book, 1, now);
    story[0] = 0;
}

static void clean_up(void)
{
    free(book);
    p2p_fini(p);
    free(p);
    free(fx);
}

static void tell(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void tell(const char *fmt, ...)
{
    size_t  n = strlen(story);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(story + n, sizeof story - n, fmt, ap);
    va_end(ap);
}

/* Connections by slot: numbers grow, slots are easy to read. */
static unsigned slot(uint64_t conn)
{
    return (unsigned)(conn % CONNS_MAX);
}

static void tell_effect(const struct p2p_effect *e)
{
    switch (e->kind) {
    case FX_GREET: tell("greet %u; ", slot(e->conn)); break;
    case FX_REFUSE: tell("refuse; "); break;
    case FX_DIAL:
        tell("dial %u %s:%u; ", slot(e->conn), e->addr->host, e->addr->port);
        break;
    case FX_UP: tell("up %u; ", slot(e->conn)); break;
    case FX_CLOSE: tell("close %u %s; ", slot(e->conn), e->why); break;
    case FX_SEND: tell("send %u %zu bytes; ", slot(e->conn), e->bytes.n); break;
    case FX_FLUSH: tell("flush %u; ", slot(e->conn)); break;
    case FX_SAVE: tell("save; "); break;
    case FX_SAVE_BANS: tell("save bans; "); break;
    }
}

/* One event; the effects go into the story.  Returns the last connection
 * that they name. */
static uint64_t step(struct p2p_event ev)
{
    uint64_t conn = 0;

    ev.now = now;
    p2p_step(p, fx, &ev);
    for (size_t i = 0; i < fx->n; i++) {
        tell_effect(&fx->v[i]);
        if (fx->v[i].conn)
            conn = fx->v[i].conn;
    }
    return conn;
}

static void pass(uint64_t us)
{
    now.us += us;
    now.wall += (int64_t)(us / SECOND);
}

static uint64_t tick(uint64_t us)
{
    pass(us);
    return step((struct p2p_event){ .kind = EV_TICK });
}

static void ready(bool is_ready)
{
    step((struct p2p_event){ .kind = EV_READY, .is_ready = is_ready });
}

static uint64_t accepted(const char *ip)
{
    uint8_t bytes[IP_BYTES];

    ip_of(bytes, ip);
    return step((struct p2p_event){ .kind = EV_ACCEPTED, .ip = bytes });
}

static void dialled(uint64_t conn, const char *ip)
{
    uint8_t bytes[IP_BYTES];

    ip_of(bytes, ip);
    step((struct p2p_event){ .kind = EV_DIALLED, .conn = conn, .ip = bytes });
}

static void greeted(uint64_t conn, uint32_t id, enum greet_verdict v,
                    const char *says)
{
    struct netaddr a = { .port = 26656 };

    id_of(a.id, id);
    if (says)
        ip_of(a.ip, says);
    step((struct p2p_event){ .kind    = EV_GREETED,
                             .conn    = conn,
                             .verdict = v,
                             .id      = a.id,
                             .says    = says ? &a : NULL });
}

static void closed(uint64_t conn, bool is_fault)
{
    step((struct p2p_event){
        .kind = EV_CLOSED, .conn = conn, .is_fault = is_fault });
}

static uint64_t peer_in(uint32_t id, const char *ip)
{
    uint64_t c = accepted(ip);

    greeted(c, id, GREET_DONE, NULL);
    return c;
}

static void target(uint32_t id, const char *host, bool is_seed)
{
    struct dial_addr a = { .port = 26656 };

    id_of(a.id, id);
    snprintf(a.host, sizeof a.host, "%s", host);
    must(p2p_add_target(p, &a, !is_seed, is_seed));
}

static void check_story(const char *want, const char *what)
{
    CHECK_STR(story, want, "%s", what);
    story[0] = 0;
}

/* ---- who is let in ---- */

TEST(nobody_is_met_before_consensus_is_there)
{
    struct p2p_config c = config_of(40, 10);

    set_up(&c);
    target(7, "node7", false);
    accepted("1.2.3.4");
    tick(10 * SECOND);
    check_story("refuse; ", "not ready");
    ready(true);
    tick(SECOND);
    check_story("dial 0 node7:26656; ", "ready");
    clean_up();
}

TEST(a_peer_comes_and_goes)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          a;

    set_up(&c);
    ready(true);
    a = accepted("1.2.3.4");
    greeted(a, 7, GREET_DONE, NULL);
    closed(a, false);
    greeted(a, 7, GREET_DONE, NULL);
    check_story("greet 0; up 0; ", "what is gone is not heard");
    CHECK(p2p_conn(p, a) == NULL);
    CHECK(accepted("1.2.3.4") != a, "numbers are not used again");
    clean_up();
}

TEST(the_house_can_be_full)
{
    struct p2p_config c = config_of(2, 10);
    uint8_t           id[ADDRESS_BYTES];

    set_up(&c);
    target(9, "node9", false);
    id_of(id, 8);
    must(p2p_add_unconditional(p, id));
    ready(true);
    peer_in(1, "1.1.1.1");
    peer_in(2, "1.1.1.2");
    story[0] = 0;
    peer_in(3, "1.1.1.3");
    check_story("greet 2; close 2 enough inbound peers; ", "a third");
    peer_in(8, "1.1.1.8");
    peer_in(9, "1.1.1.9");
    check_story("greet 2; up 2; greet 3; up 3; ", "those named come in");
    clean_up();
}

TEST(one_connection_for_each_node)
{
    struct p2p_config c = config_of(40, 10);

    set_up(&c);
    ready(true);
    peer_in(1, "1.1.1.1");
    peer_in(1, "1.1.1.1");
    check_story("greet 0; up 0; greet 1; close 1 connected already; ",
                "at once");
    pass(11 * SECOND);
    peer_in(1, "1.1.1.1");
    check_story("greet 1; close 0 the node connected anew; up 1; ",
                "it lost the first one");
    clean_up();
}

TEST(one_connection_for_each_address)
{
    struct p2p_config c = config_of(40, 10);

    c.allow_duplicate_ip = false;
    set_up(&c);
    ready(true);
    accepted("1.1.1.1");
    accepted("1.1.1.1");
    accepted("1.1.1.2");
    check_story("greet 0; refuse; greet 1; ", "even while greeting");
    clean_up();
}

TEST(greetings_end_in_time)
{
    struct p2p_config c = config_of(40, 10);

    c.allow_duplicate_ip = false;
    set_up(&c);
    ready(true);
    for (int i = 0; i < FAULTS_MAX; i++) {
        accepted("1.1.1.1");
        CHECK(p2p_wait(p, now.us) <= 20 * SECOND);
        pass(20 * SECOND);
        now.us -= 19 * SECOND; /* only their clock runs */
        p->conns[0].since_us -= 19 * SECOND;
        step((struct p2p_event){ .kind = EV_TICK });
    }
    story[0] = 0;
    accepted("1.1.1.1");
    accepted("1.1.1.2");
    check_story("refuse; greet 0; ", "who never greets is not let in");
    clean_up();
}

TEST(strangers_are_bounded_and_the_oldest_makes_way)
{
    struct p2p_config c = config_of(40, 10);
    char              ip[32];

    set_up(&c);
    ready(true);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(ip, sizeof ip, "5.%u.%u.1", i / 250, i % 250);
        accepted(ip);
        pass(MS);
    }
    CHECK_EQ(p->conns_used, GREETINGS_MAX, "no more than these");
    story[0] = 0;
    for (int i = 0; i < 20; i++) {
        accepted("9.9.9.9");
        pass(MS);
    }
    CHECK(strstr(story, "too many from one address") != NULL);
    CHECK_EQ(p->conns_used, GREETINGS_MAX);
    clean_up();
}

TEST(bad_greetings_have_their_reasons)
{
    static const struct {
        enum greet_verdict verdict;
        const char        *story;
    } cases[] = {
        { GREET_MALFORMED, "greet 0; close 0 malformed greeting; " },
        { GREET_SELF, "greet 0; close 0 this is ourselves; " },
        { GREET_INCOMPATIBLE,
          "greet 0; close 0 of another network or version; " },
    };
    struct p2p_config c = config_of(40, 10);

    for (size_t i = 0; i < COUNT(cases); i++) {
        set_up(&c);
        ready(true);
        greeted(accepted("1.1.1.1"), 7, cases[i].verdict, NULL);
        check_story(cases[i].story, "inbound");
        clean_up();
    }
}

TEST(a_banned_node_stays_out)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          a;

    set_up(&c);
    target(9, "node9", false);
    ready(true);
    a = peer_in(1, "1.1.1.1");
    step((struct p2p_event){ .kind = EV_DROP, .conn = a, .ban_seconds = 60 });
    peer_in(1, "1.1.1.1");
    pass(61 * SECOND);
    peer_in(1, "1.1.1.1");
    check_story("greet 0; up 0; close 0 a reactor dropped it; "
                "greet 0; close 0 banned; greet 0; up 0; ",
                "for a minute");
    a = peer_in(9, "1.1.1.9");
    step((struct p2p_event){ .kind = EV_DROP, .conn = a, .ban_seconds = 60 });
    peer_in(9, "1.1.1.9");
    check_story("greet 1; up 1; close 1 a reactor dropped it; "
                "greet 1; up 1; ",
                "but who is named is not banned");
    clean_up();
}

TEST(bans_are_saved_at_once_and_at_most_each_second)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          began;

    c.has_pex = false;
    set_up(&c);
    ready(true);
    began = now.us;
    for (uint32_t i = 1; i <= 3; i++) {
        char     ip[16];
        uint64_t a;

        snprintf(ip, sizeof ip, "1.1.1.%u", i);
        a = peer_in(i, ip);
        step((struct p2p_event){
            .kind = EV_DROP, .conn = a, .ban_seconds = 60 });
        story[0] = 0;
        tick(p2p_wait(p, now.us));
        check_story("save bans; ", "saved");
    }
    CHECK_EQ(now.us - began, 2 * SECOND, "the first at once");
    CHECK(p2p_wait(p, now.us) > SECOND, "and no more");
    clean_up();
}

TEST(consensus_that_restarts_meets_everybody_anew)
{
    struct p2p_config c = config_of(40, 10);

    set_up(&c);
    ready(true);
    peer_in(1, "1.1.1.1");
    accepted("1.1.1.2");
    story[0] = 0;
    ready(false);
    check_story("close 0 reactors start anew; close 1 reactors start anew; ",
                "all go");
    ready(true);
    peer_in(1, "1.1.1.1");
    check_story("greet 0; up 0; ", "and come again");
    clean_up();
}

/* ---- dialling ---- */

TEST(a_persistent_peer_is_dialled_until_it_answers)
{
    struct p2p_config c    = config_of(40, 10);
    uint64_t          conn = 0, began, pauses[12];
    size_t            n    = 0;

    set_up(&c);
    target(7, "node7", false);
    ready(true);
    began = now.us;
    while (n < COUNT(pauses)) {
        conn = tick(10 * MS);
        if (!conn)
            continue;
        pauses[n++] = now.us - began;
        pass(3 * SECOND);
        closed(conn, false);
        began = now.us;
    }
    CHECK(pauses[0] < 400 * MS, "the first at once");
    CHECK(pauses[1] >= 500 * MS && pauses[1] < 700 * MS);
    CHECK(pauses[2] >= 1000 * MS && pauses[2] < 1300 * MS);
    CHECK(pauses[11] >= 5000 * MS && pauses[11] < 6300 * MS, "never slower");
    story[0] = 0;
    while (!(conn = tick(10 * MS)))
        ;
    dialled(conn, "1.1.1.7");
    greeted(conn, 7, GREET_DONE, NULL);
    CHECK_EQ(tick(5 * SECOND), 0, "it is there");
    closed(conn, false);
    began = now.us;
    while (!tick(10 * MS))
        ;
    CHECK(now.us - began < 200 * MS, "dialled at once when it was lost");
    clean_up();
}

TEST(who_lets_us_in_and_parts_is_not_dialled_all_day)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          conn, pauses[8], began;

    c.has_pex = false;
    set_up(&c);
    target(7, "node7", false);
    ready(true);
    for (size_t n = 0; n < COUNT(pauses); n++) {
        began = now.us;
        while (!(conn = tick(10 * MS)))
            ;
        pauses[n] = now.us - began;
        dialled(conn, "1.1.1.7");
        greeted(conn, 7, GREET_DONE, NULL);
        pass(10 * MS);
        closed(conn, false);
    }
    CHECK(pauses[1] >= 500 * MS && pauses[1] < 700 * MS, "soon at first");
    CHECK(pauses[7] >= 5000 * MS, "%" PRIu64 " us", pauses[7]);
    clean_up();
}

TEST(the_longest_pause_can_be_configured)
{
    struct p2p_config c    = config_of(40, 10);
    uint64_t          conn = 0, last = 0;

    c.redial_us = 60 * SECOND;
    set_up(&c);
    target(7, "node7", false);
    ready(true);
    for (size_t n = 0; n < 12;) {
        uint64_t began = now.us;

        while (!(conn = tick(50 * MS)))
            ;
        last = now.us - began;
        closed(conn, false);
        n++;
    }
    CHECK(last >= 60 * SECOND && last < 76 * SECOND, "%" PRIu64, last);
    clean_up();
}

TEST(a_peer_that_came_by_itself_is_not_dialled)
{
    struct p2p_config c = config_of(40, 10);

    c.has_pex = false;
    set_up(&c);
    target(7, "node7", false);
    ready(true);
    peer_in(7, "1.1.1.7");
    story[0] = 0;
    for (int i = 0; i < 20; i++)
        tick(SECOND);
    check_story("", "it is there");
    clean_up();
}

TEST(a_silent_connection_is_dialled_beside_itself)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          old, fresh;

    c.has_pex = false;
    set_up(&c);
    target(7, "node7", false);
    ready(true);
    old = peer_in(7, "1.1.1.7");
    step((struct p2p_event){
        .kind = EV_SILENT, .conn = old, .is_silent = true });
    story[0] = 0;
    fresh    = tick(SECOND);
    dialled(fresh, "1.1.1.7");
    greeted(fresh, 7, GREET_DONE, NULL);
    check_story("dial 1 node7:26656; close 0 the node connected anew; up 1; ",
                "the fresh one takes its place");
    clean_up();
}

TEST(we_do_not_dial_ourselves)
{
    struct p2p_config c = config_of(40, 10);

    set_up(&c);
    target(500, "us", false);
    CHECK_EQ(p->target_count, 0);
    clean_up();
}

TEST(the_operator_can_dial)
{
    struct p2p_config c = config_of(40, 10);
    struct dial_addr  a;
    uint64_t          conn;

    set_up(&c);
    ready(true);
    must(dial_addr_parse(
        &a, span_str("0000000700000000000000000000000000000000@n7:1")));
    conn = step(
        (struct p2p_event){ .kind       = EV_DIAL,
                            .addr       = &a,
                            .dial_flags = DIAL_PERSISTENT | DIAL_PRIVATE });
    closed(conn, false);
    tick(2 * SECOND);
    check_story("dial 0 n7:1; dial 0 n7:1; ", "and again, being persistent");
    clean_up();
}

/* ---- addresses ---- */

static uint64_t peer_out(uint32_t id, const char *ip)
{
    struct dial_addr a = { .port = 26656 };
    uint64_t         conn;

    id_of(a.id, id);
    snprintf(a.host, sizeof a.host, "%s", ip);
    conn = step((struct p2p_event){ .kind = EV_DIAL, .addr = &a });
    dialled(conn, ip);
    greeted(conn, id, GREET_DONE, NULL);
    return conn;
}

static void hear(uint64_t conn, struct span bytes)
{
    step((struct p2p_event){ .kind = EV_PEX, .conn = conn, .bytes = bytes });
}

static const uint8_t pex_request[] = { 0x0a, 0 };

static struct span pex_addresses(uint32_t first, size_t n)
{
    struct net_address_msg *v =
        arena_newn(&test_arena, struct net_address_msg, n + 1);
    struct pex_addrs list;
    struct pex_msg   m = { .which = PEX_ADDRS, .pex_addrs = &list };

    must(v != NULL);
    for (size_t i = 0; i < n; i++) {
        char *id = arena_alloc(&test_arena, 64);
        char *ip = arena_alloc(&test_arena, 32);

        snprintf(id, 64, "%08x00000000000000000000000000000000",
                 first + (uint32_t)i);
        snprintf(ip, 32, "%zu.%zu.3.4", 20 + i % 100, 1 + i / 100);
        v[i] = (struct net_address_msg){ span_str(id), span_str(ip), 26656 };
    }
    list.addrs.v = v;
    list.addrs.n = n;
    return pb_encode(&pex_msg_desc, &m, &test_arena);
}

TEST(whom_we_dialled_is_asked_for_addresses)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          conn;

    set_up(&c);
    ready(true);
    conn = peer_out(7, "1.1.1.7");
    check_story("dial 0 1.1.1.7:26656; up 0; send 0 2 bytes; ", "asked");
    hear(conn, pex_addresses(1000, 100));
    CHECK_EQ(book_size(p->book), 101, "and what it says is kept");
    check_story("", "no seed, no hurry");
    hear(conn, pex_addresses(2000, 1));
    check_story("close 0 addresses that nobody asked for; ", "unsolicited");
    peer_in(7, "1.1.1.7");
    check_story("greet 0; close 0 banned; ", "a day");
    pass(86401 * SECOND);
    peer_in(7, "1.1.1.7");
    check_story("greet 0; up 0; ", "later");
    clean_up();
}

TEST(malformed_address_messages_are_punished)
{
    static const struct {
        const char *name;
        struct span bytes;
    } cases[] = {
        { "nothing", { NULL, 0 } },
        { "torn", { (const uint8_t *)"\x12\x05\x0a", 3 } },
        { "no member", { (const uint8_t *)"\x1a\x00", 2 } },
        { "bad ip", { (const uint8_t *)"\x12\x05\x0a\x03\x12\x01x", 7 } },
    };
    struct p2p_config c = config_of(40, 10);

    for (size_t i = 0; i < COUNT(cases); i++) {
        set_up(&c);
        ready(true);
        hear(peer_out(7, "1.1.1.7"), cases[i].bytes);
        CHECK(strstr(story, "close 0 malformed address message") != NULL, "%s",
              cases[i].name);
        clean_up();
    }
    set_up(&c);
    ready(true);
    hear(peer_out(7, "1.1.1.7"), pex_addresses(1, PEX_ADDRS_MAX + 1));
    CHECK(strstr(story, "close 0") != NULL, "more than 250");
    clean_up();
}

TEST(requests_may_come_only_so_often)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          conn;

    set_up(&c);
    ready(true);
    conn     = peer_in(7, "1.1.1.7");
    story[0] = 0;
    hear(conn, SPAN_OF(pex_request));
    hear(conn, SPAN_OF(pex_request));
    check_story("send 0 2 bytes; send 0 2 bytes; ", "two are free");
    pass(10 * SECOND);
    hear(conn, SPAN_OF(pex_request));
    pass(10 * SECOND);
    hear(conn, SPAN_OF(pex_request));
    check_story("send 0 2 bytes; send 0 2 bytes; ", "then one in ten seconds");
    pass(9 * SECOND);
    hear(conn, SPAN_OF(pex_request));
    check_story("close 0 asks for addresses too often; ", "not in nine");
    clean_up();
}

TEST(at_most_250_addresses_are_told)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          conn;
    struct pex_msg    m;

    set_up(&c);
    ready(true);
    for (uint32_t i = 0; i < 2500; i++) {
        struct netaddr a = { .port = 26656 };

        id_of(a.id, 10000 + i);
        ip_of(a.ip, "8.8.8.8");
        a.ip[12] = (uint8_t)(20 + i % 100);
        a.ip[13] = (uint8_t)(i / 100);
        book_add(p->book, &a, &a, now.wall);
    }
    conn = peer_in(7, "1.1.1.7");
    hear(conn, SPAN_OF(pex_request));
    must(fx->n == 1 && fx->v[0].kind == FX_SEND);
    CHECK(fx->v[0].bytes.n <= PEX_MSG_BYTES_MAX);
    must(pb_decode(&pex_msg_desc, &m, &test_arena, fx->v[0].bytes) == ACCEPT);
    CHECK(pex_msg_validate(&m) == ACCEPT && m.which == PEX_ADDRS);
    CHECK_EQ(m.pex_addrs->addrs.n, 250);
    clean_up();
}

/* Behind a firewall nobody can be dialled: what such a node says of where it
 * listens goes no further. */
TEST(who_can_only_dial_is_told_to_nobody)
{
    static const char *const says[] = { "0.0.0.0", "::", NULL };
    struct p2p_config        c      = config_of(40, 10);

    set_up(&c);
    ready(true);
    for (uint32_t i = 0; i < COUNT(says); i++) {
        char ip[16];

        snprintf(ip, sizeof ip, "1.1.%u.1", i);
        greeted(accepted(ip), 20 + i, GREET_DONE, says[i]);
        CHECK_EQ(book_size(p->book), 0, "%s", says[i] ? says[i] : "nothing");
    }
    greeted(accepted("1.1.9.1"), 30, GREET_DONE, "1.1.9.1");
    CHECK_EQ(book_size(p->book), 1, "one that can be");
    clean_up();
}

TEST(private_peers_are_told_to_nobody)
{
    struct p2p_config c = config_of(40, 10);
    uint8_t           id[ADDRESS_BYTES];

    set_up(&c);
    id_of(id, 7);
    must(p2p_add_private(p, id));
    ready(true);
    peer_out(7, "1.1.1.7");
    CHECK_EQ(book_size(p->book), 0);
    peer_out(8, "1.1.1.8");
    CHECK_EQ(book_size(p->book), 1);
    clean_up();
}

TEST(addresses_of_the_book_are_dialled_up_to_the_limit)
{
    struct p2p_config c     = config_of(40, 4);
    size_t            dials = 0;

    set_up(&c);
    for (uint32_t i = 0; i < 100; i++) {
        struct netaddr a = { .port = 26656 };

        id_of(a.id, 10000 + i);
        ip_of(a.ip, "8.8.8.8");
        a.ip[12] = (uint8_t)(20 + i);
        book_add(p->book, &a, &a, now.wall - 100);
    }
    ready(true);
    tick(MS);
    for (size_t i = 0; i < fx->n; i++)
        dials += fx->v[i].kind == FX_DIAL;
    CHECK_EQ(dials, 4);
    tick(30 * SECOND);
    CHECK_EQ(fx->n, 0, "while these are tried no others are");
    clean_up();
}

TEST(an_address_that_never_answers_is_given_up)
{
    struct p2p_config c = config_of(40, 10);
    struct netaddr    a = { .port = 26656 };
    uint64_t          conn;
    size_t            dials = 0;

    set_up(&c);
    id_of(a.id, 7);
    ip_of(a.ip, "8.8.8.8");
    book_add(p->book, &a, &a, now.wall - 100);
    ready(true);
    for (int i = 0; i < 200000 && book_size(p->book) > 0; i++) {
        conn = tick(30 * SECOND);
        if (conn && p2p_conn(p, conn)) {
            dials++;
            closed(conn, false);
        }
    }
    CHECK_EQ(book_size(p->book), 0);
    CHECK(dials >= 16 && dials <= 18, "after %zu dials", dials);
    clean_up();
}

TEST(seeds_are_asked_when_there_is_nobody_else)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          conn;

    set_up(&c);
    target(7, "seed7", true);
    ready(true);
    conn = tick(MS);
    dialled(conn, "1.1.1.7");
    greeted(conn, 7, GREET_DONE, NULL);
    check_story("dial 0 seed7:26656; up 0; send 0 2 bytes; ", "the seed");
    hear(conn, pex_addresses(1000, 30));
    CHECK(strstr(story, "dial ") != NULL, "its addresses are tried at once");
    clean_up();
}

TEST(a_seed_answers_once_and_parts)
{
    struct p2p_config c = config_of(40, 10);
    uint64_t          conn;

    c.is_seed = true;
    set_up(&c);
    ready(true);
    conn     = peer_in(7, "1.1.1.7");
    story[0] = 0;
    hear(conn, SPAN_OF(pex_request));
    hear(conn, SPAN_OF(pex_request));
    check_story("send 0 2 bytes; flush 0; ", "once");
    conn     = peer_in(8, "1.1.1.8");
    story[0] = 0;
    tick(SECOND);
    pass(301 * SECOND);
    tick(30 * SECOND);
    CHECK(strstr(story, "close 1 a seed parts after a while") != NULL, "%s",
          story);
    clean_up();
}

/* Whatever comes in whatever order, nothing grows and nobody is twice there. */
TEST(random_events_keep_the_core_sound)
{
    struct p2p_config c    = config_of(10, 5);
    struct dice       dice = { 99 };
    uint64_t          conns[64];

    set_up(&c);
    target(7, "node7", false);
    target(8, "seed8", true);
    ready(true);
    memset(conns, 0, sizeof conns);
    for (int i = 0; i < 200000; i++) {
        uint64_t *at = &conns[dice_below(&dice, COUNT(conns))];
        uint32_t  id = (uint32_t)dice_below(&dice, 40) + 1;
        char      ip[32];

        snprintf(ip, sizeof ip, "1.1.1.%u", id);
        story[0] = 0;
        switch (dice_below(&dice, 12)) {
        case 0:
        case 1: *at = accepted(ip); break;
        case 2:
            if (p2p_conn(p, *at) && p2p_conn(p, *at)->stage == CONN_DIALLING)
                dialled(*at, ip);
            break;
        case 3:
        case 4:
            if (p2p_conn(p, *at) && p2p_conn(p, *at)->stage == CONN_GREETING)
                greeted(*at,
                        p2p_conn(p, *at)->is_outbound
                            ? load_be32(p2p_conn(p, *at)->id)
                            : id,
                        dice_below(&dice, 4) ? GREET_DONE : GREET_MALFORMED,
                        ip);
            break;
        case 5: closed(*at, dice_below(&dice, 2)); break;
        case 6: hear(*at, SPAN_OF(pex_request)); break;
        case 7: hear(*at, pex_addresses(id * 100, 20)); break;
        case 8:
            step((struct p2p_event){
                .kind = EV_DROP, .conn = *at, .ban_seconds = id });
            break;
        case 9: ready(dice_below(&dice, 50) != 0); break;
        case 10:
            step((struct p2p_event){
                .kind = EV_SILENT, .conn = *at, .is_silent = id % 2 });
            break;
        default: *at = tick(dice_below(&dice, 3) * SECOND); break;
        }
        if (i % 1000 == 0)
            arena_reset(&test_arena);
    }
    for (size_t i = 0; i < CONNS_MAX; i++)
        for (size_t k = 0; k < i; k++)
            if (p->conns[i].stage == CONN_UP && p->conns[k].stage == CONN_UP &&
                memcmp(p->conns[i].id, p->conns[k].id, ADDRESS_BYTES) == 0)
                CHECK(false, "twice there: %zu and %zu", i, k);
    CHECK(p->conns_used <= 10 + GREETINGS_MAX + 10 + 2, "%zu", p->conns_used);
    clean_up();
}
