/* The addresses that peers tell each other, and seeds. */
#include "p2p_rig.h"

#include <stdio.h>

TEST(whom_we_dialled_is_asked_for_addresses)
{
    uint64_t conn;

    set_up_ready();
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

    for (size_t i = 0; i < COUNT(cases); i++) {
        set_up_ready();
        hear(peer_out(7, "1.1.1.7"), cases[i].bytes);
        CHECK(strstr(story, "close 0 malformed address message") != NULL, "%s",
              cases[i].name);
        clean_up();
    }
    set_up_ready();
    hear(peer_out(7, "1.1.1.7"), pex_addresses(1, PEX_ADDRS_MAX + 1));
    CHECK(strstr(story, "close 0") != NULL, "more than 250");
    clean_up();
}

TEST(requests_may_come_only_so_often)
{
    uint64_t conn;

    set_up_ready();
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
    uint64_t       conn;
    struct pex_msg m;

    set_up_ready();
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

    set_up_ready();
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
