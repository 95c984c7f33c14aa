/* The mempool while blocks are committed: the lock, the updates, and what is
 * checked again. */
#include "mempool_rig.h"

TEST(a_lock_holds_new_checks_until_the_update)
{
    setup_app(NULL, NULL);
    submit("a=1");
    lock(1);
    submit_held("b=2");
    CHECK_EQ(seen.news, 1);
    update(1, "a=1");
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(code_of(0, 0), 0);
    CHECK_STR(reap(-1, -1), "b=2 ");
    teardown();
}

TEST(a_lock_ends_with_the_client_that_held_it)
{
    setup_app(NULL, NULL);
    lock(1);
    submit_held("b=2");
    bus_close(side);
    forget(0);
    connect_client();
    WAIT_FOR(!shell->is_locked);
    teardown();
}

TEST(what_is_left_is_checked_again_before_anything_new)
{
    static const char *const two[] = { "a=1", "b=2" };
    const char              *tx    = "c=3";

    setup_app(NULL, NULL);
    submit_all(two, 2);
    lock(1);
    send_submit(0, &tx, 1);
    send_update(1, 1, two, 1);
    WAIT_FOR(answers[0].is_there && answers[1].is_there);
    CHECK_STR(seen.order, "abb'c", "the old one first");
    CHECK_EQ(seen.rechecks, 1);
    CHECK_STR(reap(-1, -1), "b=2 c=3 ");
    teardown();
}

TEST(what_no_longer_holds_after_a_block_is_dropped)
{
    static const char *const two[] = { "a=1", "b=2" };

    setup_app(NULL, NULL);
    submit_all(two, 2);
    seen.refuses_rechecks = true;
    send_lock(3, 1);
    update(1, "a=1");
    CHECK_STR(reap(-1, -1), "", "reaping waits for the recheck");
    submit("b=2");
    CHECK_EQ(code_of(0, 0), 0, "it may come again");
    teardown();
}

/* A block heard of late: the application has counted what is left since. */
TEST(a_refusal_counts_only_when_the_application_has_just_committed)
{
    setup_app(NULL, NULL);
    submit("a=1");
    seen.refuses_rechecks = true;
    update(1, NULL);
    CHECK_STR(reap(-1, -1), "a=1 ", "no lock before it");
    lock(2);
    stop_app();
    WAIT_FOR(!abci_is_up(shell->app));
    start_app();
    WAIT_FOR(abci_is_up(shell->app));
    update(2, NULL);
    CHECK_STR(reap(-1, -1), "a=1 ", "it is another application since the lock");
    send_lock(3, 3);
    was_locked = false;
    update(3, NULL);
    was_locked = true;
    CHECK_STR(reap(-1, -1), "a=1 ", "the lock came after the commit");
    send_lock(3, 4);
    update(4, NULL);
    CHECK_STR(reap(-1, -1), "", "now it counts");
    teardown();
}

/* Consensus may have committed the next block meanwhile, without the Lock. */
TEST(a_refusal_heard_after_a_standstill_does_not_count)
{
    setup_app(NULL, NULL);
    submit("a=1");
    seen.refuses_rechecks = true;
    seen.stands_still     = true;
    send_lock(3, 1);
    update(1, NULL);
    CHECK_STR(reap(-1, -1), "a=1 ", "it may be about the next height");
    seen.stands_still = false;
    send_lock(3, 2);
    update(2, NULL);
    CHECK_STR(reap(-1, -1), "", "now it counts");
    teardown();
}

/* A mempool that comes back hears of heights that it missed while the next
 * one is being committed. */
TEST(a_block_owed_does_not_end_the_lock_of_the_next)
{
    setup_app(NULL, NULL);
    submit("a=1");
    lock(2);
    seen.refuses_rechecks = true;
    update(1, NULL);
    CHECK(shell->is_locked, "that of the next height");
    submit_held("b=2");
    CHECK_EQ(shell->core.count, 1,
             "a refusal before the commit does not count");
    seen.refuses_rechecks = false;
    update(2, NULL);
    WAIT_FOR(answers[0].is_there);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    teardown();
}

TEST(an_update_that_was_heard_before_changes_nothing)
{
    setup_app(NULL, NULL);
    submit("a=1");
    update(5, "a=1");
    submit("b=2");
    update(5, "b=2");
    CHECK_STR(reap(-1, -1), "b=2 ");
    update(4, "b=2");
    CHECK_STR(reap(-1, -1), "b=2 ");
    update(6, "b=2");
    CHECK_STR(reap(-1, -1), "");
    teardown();
}
