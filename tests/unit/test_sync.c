/* Which blocks are asked of whom while a node catches up. */
#include "consensus/sync.h"
#include "test.h"

#include <stdlib.h>

static struct sync sync;

static struct sync *begin(int64_t next)
{
    sync_init(&sync);
    sync_begin(&sync, next);
    return &sync;
}

static void up(struct sync *s, uint64_t peer, int64_t base, int64_t height)
{
    CHECK(sync_peer_up(s, peer), "room for a peer");
    CHECK(sync_status(s, peer, base, height) == NULL, "a status is taken");
}

static uint8_t *body(void)
{
    uint8_t *p = malloc(1);

    must(p);
    return p;
}

static size_t ask_all(struct sync *s, uint64_t now)
{
    uint64_t peer;
    int64_t  height;
    size_t   n = 0;

    while (sync_next_ask(s, now, &peer, &height))
        n++;
    return n;
}

/* Whoever was asked for height answers. */
static void answer(struct sync *s, uint64_t now, int64_t height, size_t n)
{
    uint64_t peer = s->slots[height % SYNC_WINDOW].ask[0].peer;

    CHECK(sync_answer(s, now, peer, n), "an answer is owed");
    CHECK_EQ(sync_got(s, now, peer, height, body(), n), SYNC_KEPT, "%d",
             (int)height);
}

static void clear(struct sync *s)
{
    for (int64_t h = s->next; h < s->next + SYNC_WINDOW; h++)
        free(sync_take(s, h));
}

TEST(nothing_is_asked_while_nobody_has_anything)
{
    struct sync *s = begin(1);

    CHECK_EQ(ask_all(s, 0), 0, "nobody");
    CHECK_EQ(sync_top(s), -1, "no top");
    CHECK(!sync_is_caught_up(s, 0), "who knows");
    CHECK(sync_peer_up(s, 7), "a peer");
    CHECK_EQ(ask_all(s, 0), 0, "it has not said");
    CHECK(!sync_is_caught_up(s, 0), "still");
    CHECK(!sync_status(s, 7, 0, 0), "an empty one");
    CHECK_EQ(ask_all(s, 0), 0, "nothing to ask for");
    CHECK(sync_is_caught_up(s, 0), "all begin at the same height");
}

TEST(a_peer_is_asked_for_twenty_at_a_time_and_the_work_is_shared)
{
    struct sync *s = begin(10);

    up(s, 1, 1, 100);
    CHECK_EQ(ask_all(s, 0), SYNC_ASKED_MAX, "one peer");
    up(s, 2, 1, 100);
    up(s, 3, 40, 100);
    CHECK_EQ(ask_all(s, 0), SYNC_ASKED_MAX * 2, "two more");
    for (size_t i = 0; i < s->peer_count; i++)
        CHECK_EQ(s->peers[i].asked, SYNC_ASKED_MAX, "peer %zu", i);
    up(s, 4, 1, 100);
    CHECK_EQ(ask_all(s, 0), SYNC_WINDOW - 3 * SYNC_ASKED_MAX, "to the end");
    for (int64_t h = 10; h < 40; h++)
        CHECK(s->slots[h % SYNC_WINDOW].ask[0].peer != 3, "below its base");
}

TEST(blocks_come_in_any_order_and_leave_in_theirs)
{
    struct sync            *s = begin(1);
    const struct sync_slot *a, *b;

    up(s, 1, 1, 3);
    CHECK_EQ(ask_all(s, 0), 3, "three");
    answer(s, 1, 3, 1);
    answer(s, 1, 2, 1);
    CHECK(!sync_pair(s, s->next, &a, &b), "the first lacks");
    answer(s, 1, 1, 1);
    CHECK(sync_pair(s, s->next, &a, &b) && a->from == 1 && b->from == 1,
          "a pair");
    free(sync_advance(s));
    CHECK_EQ(s->next, 2, "one further");
    CHECK(sync_pair(s, s->next, &a, &b), "the next pair");
    free(sync_advance(s));
    CHECK(!sync_pair(s, s->next, &a, &b), "the last block has none above it");
    CHECK(sync_is_caught_up(s, 0), "so this is the end");
    clear(s);
    CHECK_EQ(s->bytes, 0, "nothing is kept");
}

TEST(what_was_not_asked_for_is_told_before_it_is_decoded)
{
    struct sync *s = begin(1);
    uint8_t     *p = body();

    up(s, 1, 1, 5);
    CHECK(!sync_answer(s, 0, 1, 1), "nothing is owed");
    CHECK(!sync_answer(s, 0, 9, 1), "by a stranger neither");
    CHECK_EQ(ask_all(s, 0), 5, "five");
    CHECK(sync_answer(s, 0, 1, 1), "now one is");
    CHECK_EQ(sync_got(s, 1, 1, 6, p, 1), SYNC_UNASKED, "of another height");
    CHECK_EQ(sync_got(s, 1, 1, 1 + SYNC_WINDOW, p, 1), SYNC_UNASKED, "far");
    CHECK_EQ(sync_got(s, 1, 1, -1, p, 1), SYNC_UNASKED, "below all");
    CHECK_EQ(sync_got(s, 1, 1, INT64_MIN, p, 1), SYNC_UNASKED, "lowest");
    CHECK_EQ(sync_got(s, 1, 1, INT64_MAX, p, 1), SYNC_UNASKED, "highest");
    free(p);
}

TEST(a_slow_answer_to_a_near_block_is_asked_of_a_second_peer_too)
{
    struct sync *s = begin(1);
    uint8_t     *p = body();
    uint64_t     peer;
    int64_t      height;

    up(s, 1, 1, 2);
    CHECK_EQ(ask_all(s, 0), 2, "both of the first");
    up(s, 2, 1, 2);
    CHECK_EQ(ask_all(s, SYNC_SOON_US - 1), 0, "not yet");
    CHECK(sync_next_ask(s, SYNC_SOON_US, &peer, &height), "now");
    CHECK(peer == 2 && height == 1, "of the second");
    CHECK(sync_answer(s, 0, 2, 1), "it answers");
    CHECK_EQ(sync_got(s, SYNC_SOON_US, 2, 1, p, 1), SYNC_KEPT, "first");
    CHECK(sync_answer(s, 0, 1, 1), "the first one late");
    CHECK_EQ(sync_got(s, SYNC_SOON_US, 1, 1, p, 1), SYNC_TWICE, "twice");
    free(sync_advance(s));
    CHECK_EQ(sync_got(s, SYNC_SOON_US, 1, 1, p, 1), SYNC_TWICE,
             "and when the height is done");
}

TEST(a_silent_peer_is_late_and_others_take_over)
{
    struct sync *s = begin(1);

    up(s, 1, 1, 10);
    CHECK_EQ(ask_all(s, 5), 10, "ten");
    CHECK_EQ(sync_late(s, 5 + SYNC_SILENT_US - 1), 0, "in time");
    answer(s, 1000000, 4, 1);
    CHECK_EQ(sync_late(s, 5 + SYNC_SILENT_US), 0, "it goes on");
    CHECK_EQ(sync_late(s, 1000000 + SYNC_SILENT_US), 1, "silent");
    sync_peer_down(s, 1);
    CHECK_EQ(sync_late(s, UINT64_MAX / 2), 0, "gone");
    up(s, 2, 1, 10);
    CHECK_EQ(ask_all(s, 1000000 + SYNC_SILENT_US), 9, "all but what came");
    clear(s);
}

TEST(a_late_answer_is_no_fault_however_far_we_have_come)
{
    struct sync *s   = begin(1);
    uint8_t     *p   = body();
    uint64_t     end = (uint64_t)3 * SYNC_WINDOW * SYNC_SOON_US;

    up(s, 1, 1, 1000);
    CHECK_EQ(ask_all(s, 0), SYNC_ASKED_MAX, "of one that then stands still");
    up(s, 2, 1, 1000);
    for (int64_t h = 1; h < 3 * SYNC_WINDOW; h++) {
        uint64_t now = (uint64_t)h * SYNC_SOON_US;

        ask_all(s, now);
        CHECK(sync_answer(s, now, 2, 1), "by the other");
        CHECK_EQ(sync_got(s, now, 2, h, body(), 1), SYNC_KEPT, "%d", (int)h);
        free(sync_advance(s));
    }
    CHECK(sync_answer(s, end, 1, 1), "it goes on");
    CHECK_EQ(sync_got(s, end, 1, 1, p, 1), SYNC_TWICE, "late");
    free(p);
    clear(s);
}

TEST(nobody_is_late_while_we_stand_still)
{
    struct sync *s    = begin(1);
    uint64_t     stop = 4 * SYNC_SILENT_US, now = 1000 + stop;

    up(s, 1, 1, 10);
    CHECK_EQ(ask_all(s, 5), 10, "ten");
    CHECK_EQ(sync_late(s, now), 1, "as it seems");
    sync_excuse(s, now, stop);
    CHECK_EQ(sync_late(s, now), 0, "excused");
    CHECK_EQ(sync_late(s, 5 + stop + SYNC_SILENT_US - 1), 0, "for so long");
    CHECK_EQ(sync_late(s, 5 + stop + SYNC_SILENT_US), 1, "and no longer");
    answer(s, now, 1, 1);
    sync_excuse(s, now, stop);
    CHECK_EQ(sync_late(s, now), 0, "what came meanwhile is not of later");
    clear(s);
}

TEST(what_a_peer_has_only_grows)
{
    struct sync *s = begin(1);

    up(s, 1, 5, 2000);
    CHECK(sync_status(s, 1, 5, 1000) != NULL, "2000, then 1000");
    CHECK(sync_status(s, 1, 4, 2000) != NULL, "a lower base");
    CHECK(sync_status(s, 1, 5, 2000) == NULL, "the same");
    CHECK(sync_status(s, 1, 9, 8) != NULL, "base above height");
    CHECK(sync_status(s, 1, -1, 8) != NULL, "negative base");
    CHECK(sync_status(s, 1, 0, -8) != NULL, "negative height");
    CHECK(sync_status(s, 77, 1, 8) == NULL, "a stranger is not noted");
    CHECK_EQ(s->peer_count, 1, "one peer");
}

TEST(who_cannot_give_our_next_block_does_not_hold_us)
{
    struct sync *s = begin(10);

    up(s, 1, 500, 1000);
    CHECK_EQ(sync_top(s), -1, "its base is above us");
    CHECK_EQ(ask_all(s, 0), 0, "nothing to ask");
    up(s, 2, 1, 10);
    CHECK(sync_is_caught_up(s, 0), "as far as can be");
}

TEST(a_peer_without_the_block_is_not_asked_again)
{
    struct sync *s = begin(1);
    uint64_t     peer;
    int64_t      height;

    up(s, 1, 1, 1);
    CHECK(sync_next_ask(s, 0, &peer, &height), "asked");
    CHECK(!sync_without(s, 0, 1, 1), "once is no harm");
    CHECK(!sync_next_ask(s, 0, &peer, &height), "not again");
    up(s, 2, 1, 1);
    CHECK(sync_next_ask(s, 0, &peer, &height) && peer == 2, "but another");
    CHECK(!sync_without(s, 0, 2, 77), "no answer of ours");
    CHECK_EQ(s->peers[1].asked, 1, "that was never asked");
}

TEST(large_blocks_narrow_the_window)
{
    struct sync *s = begin(1);

    up(s, 1, 1, 1000);
    CHECK_EQ(ask_all(s, 0), SYNC_ASKED_MAX, "as many as may");
    answer(s, 1, 1, SYNC_BYTES_MAX / 4);
    for (int64_t h = 2; h <= SYNC_ASKED_MAX; h++)
        answer(s, 1, h, 1);
    CHECK_EQ(ask_all(s, 2), 0, "four of that size would fill it");
    free(sync_advance(s));
    CHECK_EQ(ask_all(s, 3), 0, "there are more than that");
    clear(s);
}

TEST(bad_blocks_are_wanted_anew)
{
    struct sync            *s = begin(1);
    const struct sync_slot *a, *b;

    up(s, 1, 1, 2);
    CHECK_EQ(ask_all(s, 0), 2, "two");
    answer(s, 1, 1, 1);
    answer(s, 1, 2, 1);
    free(sync_take(s, 1));
    free(sync_take(s, 2));
    CHECK(!sync_pair(s, s->next, &a, &b), "gone");
    sync_peer_down(s, 1);
    up(s, 2, 1, 2);
    CHECK_EQ(ask_all(s, 1), 2, "asked of another");
    CHECK(sync_take(s, 99) == NULL, "outside");
}

/* Anybody can name a height; who then owes our next block for long is not
 * waited for, whatever it sends instead. */
TEST(who_only_names_a_height_does_not_hold_us)
{
    struct sync *s = begin(10);

    up(s, 1, 1, INT64_MAX);
    up(s, 2, 1, 9);
    CHECK_EQ(ask_all(s, 1000), SYNC_ASKED_MAX, "of who says it has them");
    CHECK(!sync_is_caught_up(s, 1000), "it may be true");
    CHECK(!sync_is_caught_up(s, 1000 + SYNC_DOUBT_US - 1), "still");
    CHECK_EQ(sync_believed(s, 1000 + SYNC_DOUBT_US), 9);
    CHECK(sync_is_caught_up(s, 1000 + SYNC_DOUBT_US), "as far as is known");
    CHECK_EQ(sync_top(s), INT64_MAX, "it says so all the same");
    for (int64_t h = 12; h < 10 + SYNC_ASKED_MAX; h++)
        answer(s, 2000 + SYNC_DOUBT_US, h, 1);
    CHECK(sync_is_caught_up(s, 2000 + SYNC_DOUBT_US), "others do not count");
    answer(s, 2001 + SYNC_DOUBT_US, 10, 1);
    CHECK(sync_is_caught_up(s, 2001 + SYNC_DOUBT_US), "the second is owed");
    answer(s, 2002 + SYNC_DOUBT_US, 11, 1);
    CHECK(!sync_is_caught_up(s, 2002 + SYNC_DOUBT_US), "now it is believed");
    clear(s);
}

/* However many come, each with a height: one has given blocks. */
TEST(who_has_given_is_asked_first_and_believed_first)
{
    struct sync *s = begin(10);
    uint64_t     peer;
    int64_t      height;

    up(s, 1, 1, 12);
    CHECK_EQ(ask_all(s, 0), 3, "all that there is");
    answer(s, 1, 10, 1);
    answer(s, 1, 11, 1);
    for (uint64_t i = 2; i < 30; i++)
        up(s, i, 1, INT64_MAX);
    CHECK_EQ(sync_believed(s, 2), 12);
    CHECK_EQ(sync_top(s), INT64_MAX);
    free(sync_take(s, 11));
    CHECK(sync_next_ask(s, 2, &peer, &height), "asked");
    CHECK(peer == 1 && height == 11, "%d of %d", (int)height, (int)peer);
    clear(s);
}

/* The chain goes on, all of it from others, and our next block is another one
 * each time: nothing is owed for long but to us. */
TEST(who_answers_too_slowly_is_not_believed)
{
    struct sync *s      = begin(10);
    uint64_t     now    = 1000;
    size_t       doubts = 0;

    up(s, 1, 1, INT64_MAX);
    for (int i = 0; i < 600; i++, now += SYNC_SOON_US / 20) {
        (void)ask_all(s, now);
        if (i % 30 == 0 && s->peers[0].owed > 0)
            CHECK(sync_answer(s, now, 1, 500), "a trickle");
        free(sync_advance(s));
        doubts += sync_believed(s, now) < 0;
    }
    CHECK(doubts > 300, "%zu of 600 times", doubts);
    CHECK(sync_late(s, now) == 0, "it does say something");
}

TEST(large_blocks_may_take_their_time)
{
    struct sync *s   = begin(10);
    uint64_t     now = 1000;

    up(s, 1, 1, 1000);
    (void)ask_all(s, now);
    for (int64_t h = 10; h < 10 + SYNC_ASKED_MAX; h++) {
        now += SYNC_DOUBT_US / 2;
        answer(s, now, h, 4 << 20);
        CHECK_EQ(sync_believed(s, now), 1000, "at %d", (int)h);
    }
    clear(s);
}

TEST(who_says_and_has_not_again_and_again_goes)
{
    struct sync *s = begin(1);
    uint64_t     peer;
    int64_t      height;
    int          rounds = 0;

    for (const char *why = NULL; !why; rounds++) {
        if (rounds == 0)
            up(s, 1, 1, 50);
        else
            CHECK(!sync_status(s, 1, 1, 50), "it has them after all");
        CHECK(sync_next_ask(s, 0, &peer, &height) && height == 1, "asked");
        why = sync_without(s, 0, 1, 1);
        CHECK(rounds <= SYNC_EMPTY_MAX, "for ever");
    }
    CHECK_EQ(rounds, SYNC_EMPTY_MAX + 1);
}

TEST(a_block_between_excuses_who_lacked_some)
{
    struct sync *s = begin(1);
    uint64_t     peer;
    int64_t      height;

    up(s, 1, 1, 50);
    for (int i = 0; i < 3 * SYNC_EMPTY_MAX; i++) {
        CHECK(!sync_status(s, 1, 1, 50), "says it has");
        CHECK(sync_next_ask(s, 0, &peer, &height), "asked");
        CHECK(!sync_without(s, 0, 1, height), "round %d", i);
        CHECK(sync_next_ask(s, 0, &peer, &height), "asked");
        answer(s, 0, height, 1);
        free(sync_take(s, height));
    }
}

/* Bodies far ahead are not kept beyond the bound, whoever sends them. */
TEST(what_is_kept_is_bounded)
{
    struct sync *s = begin(1);

    up(s, 1, 1, 1000);
    up(s, 2, 1, 1000);
    CHECK_EQ(ask_all(s, 0), 2 * SYNC_ASKED_MAX, "as many as may");
    for (int64_t h = 2 * SYNC_ASKED_MAX; h >= 1; h--) {
        uint64_t      of = s->slots[h % SYNC_WINDOW].ask[0].peer;
        uint8_t      *b  = body();
        enum sync_got got;

        CHECK(sync_answer(s, 0, of, 1), "owed");
        got = sync_got(s, 0, of, h, b, 100 << 20);
        if (got != SYNC_KEPT)
            free(b);
        CHECK(s->bytes <= SYNC_BYTES_MAX + 2 * (100u << 20), "%zu", s->bytes);
    }
    CHECK(s->slots[1].from && s->slots[2].from, "the next two are kept");
    CHECK_EQ(ask_all(s, 0), 0, "and the window is narrow");
    free(sync_take(s, 1));
    free(sync_take(s, 2));
    free(sync_take(s, 2 * SYNC_ASKED_MAX));
    CHECK(ask_all(s, 0) > 10, "what did not hold narrows it no more");
    clear(s);
}

TEST(questions_go_out_in_groups)
{
    struct sync *s = begin(1);

    for (uint64_t i = 1; i <= 4; i++)
        up(s, i, 1, 1000);
    CHECK_EQ(ask_all(s, 0), SYNC_WINDOW, "the whole window");
    for (int64_t h = 1; h < 1 + SYNC_WINDOW; h++)
        answer(s, 0, h, 1);
    for (size_t i = 1; i < SYNC_WINDOW / SYNC_GROUPS; i++) {
        free(sync_advance(s));
        CHECK_EQ(ask_all(s, 0), 0, "after %zu blocks", i);
    }
    free(sync_advance(s));
    CHECK_EQ(ask_all(s, 0), SYNC_WINDOW / SYNC_GROUPS, "a group");
    clear(s);
}

TEST(a_peer_that_was_asked_for_all_it_may_be_gets_few_questions_no_more)
{
    struct sync *s = begin(1);

    up(s, 1, 1, 1000);
    CHECK_EQ(ask_all(s, 0), SYNC_ASKED_MAX, "as many as may");
    for (int64_t h = 1; h < SYNC_ASKED_LOW; h++) {
        answer(s, 0, h, 1);
        CHECK_EQ(ask_all(s, 0), 0, "after %d answers", (int)h);
    }
    answer(s, 0, SYNC_ASKED_LOW, 1);
    CHECK_EQ(ask_all(s, 0), SYNC_ASKED_LOW, "all that were missing");
    clear(s);
}

TEST(left_behind_is_what_most_peers_say)
{
    struct sync *s = begin(1);

    CHECK(!sync_is_left_behind(s, 100), "nobody");
    up(s, 1, 1, 100 + SYNC_AHEAD + 1);
    CHECK(sync_is_left_behind(s, 100), "the only one");
    up(s, 2, 1, 100 + SYNC_AHEAD);
    CHECK(!sync_is_left_behind(s, 100), "one of two");
    up(s, 3, 1, 5000);
    CHECK(sync_is_left_behind(s, 100), "two of three");
}

TEST(peers_are_bounded)
{
    struct sync *s = begin(1);

    for (uint64_t i = 1; i <= SYNC_PEERS_MAX; i++)
        CHECK(sync_peer_up(s, i), "peer %d", (int)i);
    CHECK(!sync_peer_up(s, 9999), "one too many");
    sync_peer_down(s, 9999);
    CHECK_EQ(s->peer_count, SYNC_PEERS_MAX, "unknown peers go silently");
}

TEST(not_all_have_told_while_one_has_not)
{
    struct sync *s = begin(1);

    CHECK(sync_have_all_told(s), "nobody is there");
    up(s, 1, 0, 0);
    CHECK(sync_have_all_told(s), "one, that has told");
    CHECK(sync_peer_up(s, 2), "and one more");
    CHECK(!sync_have_all_told(s), "that has not");
    CHECK(sync_is_caught_up(s, 0), "so far we are as high as any");
    CHECK(sync_status(s, 2, 1, 50) == NULL, "it tells");
    CHECK(sync_have_all_told(s), "all have");
    CHECK(!sync_is_caught_up(s, 0), "and one has more");
}
