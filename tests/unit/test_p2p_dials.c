/* Whom to dial, and when again. */
#include "p2p_rig.h"

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
    struct dial_addr a;
    uint64_t         conn;

    set_up_ready();
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
