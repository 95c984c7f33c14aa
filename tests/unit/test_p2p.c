/* Whom to let in: transcripts of the core, with a clock that the test
 * moves; and that whatever comes leaves it sound. */
#include "p2p_rig.h"

#include <stdio.h>

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
    uint64_t a;

    set_up_ready();
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
    set_up_ready();
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
    char ip[32];

    set_up_ready();
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

    for (size_t i = 0; i < COUNT(cases); i++) {
        set_up_ready();
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
    set_up_ready();
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
