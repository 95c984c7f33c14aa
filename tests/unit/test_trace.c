/* What is remembered of transactions and blocks, and what is forgotten. */
#include "test.h"

#include "svc/trace.h"

#include <time.h>

static Admin__Trace got;

static void hash_of(uint8_t out[32], uint64_t i)
{
    memset(out, 0, 32);
    memcpy(out, &i, sizeof i);
}

static void note(enum trace_stage stage, uint64_t tx, uint64_t detail)
{
    uint8_t hash[32];

    hash_of(hash, tx);
    trace_tx(stage, hash, detail);
}

static size_t ask(uint64_t tx, int64_t height)
{
    uint8_t hash[32];

    hash_of(hash, tx);
    trace_answer(&got, hash, height);
    return got.n_records;
}

TEST(steps_of_one_transaction_in_their_order)
{
    trace_open(1000);
    trace_peer(7, span_str("0123456789abcdef0123456789abcdef01234567"));
    note(TRACE_FROM_PEER, 1, 7);
    note(TRACE_RECEIVED, 2, 0);
    note(TRACE_CHECKED, 1, 5);
    note(TRACE_SENT, 1, 8);
    note(TRACE_INCLUDED, 1, 42);
    CHECK_EQ(ask(1, 0), 4);
    CHECK_STR(got.records[0]->stage, "from peer");
    CHECK_STR(got.records[0]->peer, "0123456789abcdef0123456789abcdef01234567");
    CHECK_STR(got.records[1]->stage, "checked");
    CHECK_EQ(got.records[1]->code, 5);
    CHECK_STR(got.records[2]->peer, "", "a peer that is not known");
    CHECK_EQ(got.records[3]->height, 42);
    for (size_t i = 1; i < 4; i++)
        CHECK(got.records[i - 1]->time_us <= got.records[i]->time_us);
    CHECK(got.since_us > 0);
    CHECK(got.since_us <= got.records[0]->time_us);
    CHECK(!got.is_overrun);
    CHECK_EQ(ask(3, 0), 0);
    trace_close();
}

TEST(steps_of_a_block_are_found_by_its_height)
{
    trace_open(1000);
    trace_block(TRACE_PROPOSED, 9, 3);
    trace_block(TRACE_PROPOSED, 10, 0);
    trace_block(TRACE_EXECUTED, 9, 0);
    note(TRACE_RECEIVED, 9, 0); /* the number of a block is no hash */
    CHECK_EQ(ask(1, 9), 2);
    CHECK_STR(got.records[0]->stage, "proposed");
    CHECK_EQ(got.records[0]->height, 9);
    CHECK_EQ(got.records[0]->round, 3);
    CHECK_STR(got.records[1]->stage, "executed");
    CHECK_EQ(ask(9, 0), 1);
    CHECK_EQ(ask(9, 9), 3);
    trace_close();
}

TEST(the_newest_overwrite_the_oldest_and_it_says_so)
{
    trace_open(100);
    for (uint64_t i = 0; i < 100; i++)
        note(TRACE_RECEIVED, i, 0);
    CHECK_EQ(ask(0, 0), 1);
    CHECK(!got.is_overrun);
    note(TRACE_RECEIVED, 100, 0);
    CHECK_EQ(ask(0, 0), 0);
    CHECK(got.is_overrun);
    CHECK_EQ(ask(1, 0), 1);
    CHECK(got.since_us <= got.records[0]->time_us);
    trace_close();
}

TEST(an_answer_is_bounded)
{
    trace_open(100000);
    for (uint64_t i = 0; i < 50000; i++) {
        note(TRACE_SENT, 1, i);
        trace_block(TRACE_PROPOSED, 1, (int32_t)i);
    }
    CHECK_EQ(ask(1, 1), 1024);
    CHECK_EQ(got.records[1023]->round, 49999, "the newest are kept");
    trace_close();
}

TEST(without_rings_nothing_is_kept)
{
    trace_open(0);
    note(TRACE_RECEIVED, 1, 0);
    trace_block(TRACE_PROPOSED, 1, 0);
    CHECK_EQ(ask(1, 1), 0);
    CHECK_EQ(got.since_us, 0);
    trace_close();
}
