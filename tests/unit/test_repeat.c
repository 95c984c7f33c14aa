/* Which lines pass, and that every one held is told once. */
#include "test.h"

#include "base/repeat.h"

static struct repeats r;
static uint64_t       told, tellings;

static void on_held(void *ctx, const struct repeat_entry *e)
{
    UNUSED(ctx);
    told += e->held;
    tellings++;
}

static void begin(void)
{
    repeat_init(&r, on_held, NULL);
    told = tellings = 0;
}

static uint64_t take(size_t n, uint64_t event, uint64_t line, uint64_t now)
{
    uint64_t passed = 0;

    for (size_t i = 0; i < n; i++)
        passed += repeat_take(&r, event, line, now) == NULL;
    return passed;
}

static uint64_t id(uint64_t i)
{
    return repeat_hash(i, SPAN(&i, sizeof i));
}

TEST(the_first_of_a_line_pass_in_each_window)
{
    begin();
    CHECK_EQ(take(50, id(1), id(2), 5), REPEAT_SAME_MAX);
    CHECK_EQ(take(50, id(1), id(2), REPEAT_WINDOW_US), 0);
    CHECK_EQ(tellings, 0);
    CHECK_EQ(take(50, id(1), id(2), REPEAT_WINDOW_US + 5), REPEAT_SAME_MAX);
    CHECK_EQ(tellings, 1);
    CHECK_EQ(told, 100 - REPEAT_SAME_MAX);
}

TEST(another_line_passes_whatever_was_held)
{
    begin();
    CHECK_EQ(take(50, id(1), id(2), 5), REPEAT_SAME_MAX);
    CHECK_EQ(take(1, id(1), id(3), 5), 1);
    CHECK_EQ(take(1, id(4), id(5), 5), 1);
}

TEST(an_event_of_ever_new_lines_is_bounded)
{
    uint64_t passed = 0;

    begin();
    for (uint64_t i = 0; i < 100000; i++)
        passed += take(1, id(1), id(1000 + i), 5);
    CHECK_EQ(passed, REPEAT_EVENT_MAX);
    CHECK_EQ(take(1, id(2), id(3), 5), 1, "another event is not");
    repeat_flush(&r);
    CHECK_EQ(told, 100000 - REPEAT_EVENT_MAX);
    CHECK_EQ(tellings, 1);
}

TEST(a_sweep_tells_what_is_over_once)
{
    begin();
    take(50, id(1), id(2), 0);
    repeat_sweep(&r, REPEAT_WINDOW_US - 1);
    CHECK_EQ(tellings, 0);
    repeat_sweep(&r, REPEAT_WINDOW_US);
    repeat_sweep(&r, REPEAT_WINDOW_US);
    CHECK_EQ(tellings, 1);
    CHECK_EQ(told, 50 - REPEAT_SAME_MAX);
}

/* More kinds of lines than there is memory for: each is told or passes. */
TEST(nothing_held_is_forgotten_untold)
{
    uint64_t passed = 0, sent = 0;

    begin();
    for (uint64_t i = 0; i < 20 * REPEAT_SLOTS; i++) {
        sent += 15;
        passed += take(15, id(i), id(i * 7 + 1), i);
    }
    repeat_flush(&r);
    CHECK_EQ(passed + told, sent);
}
