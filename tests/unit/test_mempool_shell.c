/* The mempool as its clients see it: what it takes in, and what is left when
 * the application or the mempool itself comes and goes. */
#include "mempool_rig.h"

/* ---- taking in ---- */

TEST(each_transaction_gets_its_verdict)
{
    static const char *const txs[] = { "a=1", "-bad", "a=1", "b=2" };

    setup_app(NULL, NULL);
    submit_all(txs, 4);
    CHECK_EQ(code_of(0, 0), 0);
    CHECK_EQ(code_of(0, 1), 3);
    CHECK_EQ(verdict(0, 2)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__IN_CACHE);
    CHECK_STR(verdict(0, 2)->error, "tx already exists in cache");
    CHECK_EQ(code_of(0, 3), 0);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    CHECK_STR(reap(-1, 9), "a=1 ", "gas");
    CHECK_STR(reap(5, -1), "a=1 ", "bytes");
    submit("-bad");
    CHECK_EQ(code_of(0, 0), 3, "a bad one may come again");
    submit("a=1");
    CHECK_EQ(verdict(0, 0)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__IN_CACHE);
    teardown();
}

TEST(an_answer_waits_for_the_disk)
{
    setup_app(NULL, NULL);
    submit("a=1");
    CHECK(journal_durable(shell->journal) >= 1, "on disk when answered");
    teardown();
}

TEST(a_full_pool_refuses_in_cometbfts_words)
{
    setup_app("mempool.size", "1");
    submit("a=1");
    CHECK_EQ(code_of(0, 0), 0);
    submit("b=2");
    CHECK_EQ(verdict(0, 0)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__FULL);
    CHECK_STR(verdict(0, 0)->error,
              "mempool is full: number of txs 1 (max: 1), total txs bytes 3 "
              "(max: 1073741824)");
    teardown();
}

TEST(requests_that_make_no_sense_are_refused)
{
    Mempool__Request empty = MEMPOOL__REQUEST__INIT;

    setup_app(NULL, NULL);
    send_request(0, &empty);
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(answers[0].status, ERR_USAGE, "no kind");
    submit_all(NULL, 0);
    CHECK_EQ(answers[0].status, ERR_USAGE, "no transactions");
    forget(0);
    bus_request(client, BUS_SERVICE, SPAN("\xff\xff", 2), 0, on_reply, NULL, 0);
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(answers[0].status, ERR_USAGE, "not protobuf");
    teardown();
}

/* ---- the application comes and goes ---- */

TEST(transactions_wait_for_an_application_that_restarts)
{
    setup_with(NULL, NULL);
    submit_held("a=1");
    start_app();
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(code_of(0, 0), 0);
    stop_app();
    WAIT_FOR(!abci_is_up(shell->app));
    seen.refuses_rechecks = true;
    start_app();
    WAIT_FOR(seen.rechecks == 1);
    CHECK_STR(reap(-1, -1), "a=1 ", "only a check after a block counts");
    teardown();
}

TEST(a_transaction_that_breaks_the_application_goes_away_alone)
{
    static const char *const txs[] = { "a=1", "!", "b=2" };

    setup_app(NULL, NULL);
    submit_all(txs, 3);
    CHECK_EQ(code_of(0, 0), 0);
    CHECK_EQ(verdict(0, 1)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__APP_DOWN);
    CHECK_EQ(code_of(0, 2), 0);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    teardown();
}

/* ---- restarts ---- */

TEST(accepted_transactions_outlive_the_process)
{
    static const char *const three[] = { "a=1", "b=2", "c=3" };

    setup_app(NULL, NULL);
    submit_all(three, 3);
    update(7, "b=2");
    stop_mempool();
    start_mempool();
    WAIT_FOR(abci_is_up(shell->app) && bus_is_up(client));
    CHECK_STR(reap(-1, -1), "a=1 c=3 ");
    CHECK_EQ(shell->core.height, 7, "and the height");
    submit("b=2");
    CHECK_EQ(verdict(0, 0)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__IN_CACHE,
             "what was committed is still known");
    teardown();
}

TEST(a_restart_still_knows_which_request_brought_what)
{
    uint64_t origin;

    setup_app(NULL, NULL);
    submit("a=1");
    origin = mempool_origin(&shell->core, mempool_first(&shell->core)->key);
    CHECK(origin != 0, "noted");
    stop_mempool();
    start_mempool();
    CHECK_EQ(mempool_origin(&shell->core, mempool_first(&shell->core)->key),
             origin, "found again");
    teardown();
}

TEST(without_a_journal_nothing_is_kept)
{
    setup_app("warren.mempool_journal", "false");
    submit("a=1");
    CHECK_EQ(code_of(0, 0), 0);
    update(3, NULL);
    stop_mempool();
    start_mempool();
    WAIT_FOR(abci_is_up(shell->app) && bus_is_up(client));
    CHECK_STR(reap(-1, -1), "");
    CHECK_EQ(shell->core.height, 0);
    teardown();
}

TEST(flushing_empties_everything)
{
    Mempool__Flush   m   = MEMPOOL__FLUSH__INIT;
    Mempool__Request req = MEMPOOL__REQUEST__INIT;

    setup_app(NULL, NULL);
    submit("a=1");
    req.kind_case = MEMPOOL__REQUEST__KIND_FLUSH;
    req.flush     = &m;
    send_request(4, &req);
    WAIT_FOR(answers[4].is_there);
    CHECK_STR(reap(-1, -1), "");
    submit("a=1");
    CHECK_EQ(code_of(0, 0), 0, "the cache as well");
    teardown();
}
