/* What people are told while a node catches up. */
#include "consensus/pace.h"
#include "test.h"

#define S UINT64_C(1000000)

static const char *line(const struct pace *p, int64_t top, size_t columns)
{
    static char mem[PACE_LINE_BYTES];
    struct buf  out;

    buf_use(&out, mem, sizeof mem);
    pace_line(&out, p, top, 3, columns);
    return buf_cstr(&out);
}

TEST(the_rate_is_of_the_last_seconds)
{
    struct pace p;

    pace_begin(&p, 0, S);
    CHECK_EQ(pace_left_s(&p, 1000), -1, "nothing has moved yet");
    pace_note(&p, 100, 2 * S);
    CHECK_EQ((int)p.rate, 100, "the first second");
    CHECK_EQ(pace_left_s(&p, 1100), 10, "what is left, at this rate");
    for (uint64_t t = 3; t < 60; t++)
        pace_note(&p, p.height + 10, t * S);
    CHECK(p.rate > 9 && p.rate < 12, "slower now: %f", p.rate);
    for (uint64_t t = 60; t < 600; t++)
        pace_note(&p, p.height, t * S);
    CHECK_EQ(pace_left_s(&p, p.height + 1000), -1, "stands still");
    CHECK_EQ(pace_left_s(&p, p.height), 0, "is there");
}

TEST(a_clock_or_height_that_goes_back_is_not_counted)
{
    struct pace p;

    pace_begin(&p, 50, 10 * S);
    pace_note(&p, 60, 10 * S);
    pace_note(&p, 60, 9 * S);
    pace_note(&p, 40, 11 * S);
    CHECK_EQ(p.height, 50, "as it was");
    CHECK(!p.has_rate, "no rate of that");
}

TEST(a_line_says_how_far_how_fast_how_long)
{
    struct pace p;

    pace_begin(&p, 0, S);
    pace_note(&p, 500, 2 * S);
    CHECK_STR(
        line(&p, 1000, 80),
        "[#############.............] 50 %  500 of 1000  500 blocks/s  1 s left"
        "  3 peers",
        "eighty columns");
    CHECK_STR(line(&p, 1000, 40), "50 %  500 of 1000  500 blocks/s  1 s le",
              "a narrow terminal gets what fits, without a bar");
    CHECK_STR(line(&p, -1, 80),
              "catching up: height 500, 3 peers, none has told its height yet",
              "nobody has told");
    CHECK_EQ(strlen(line(&p, 1000, 1)), 0, "no room at all");
    CHECK_EQ(strlen(line(&p, 1000, 0)), 0, "none that is known");
    CHECK(strlen(line(&p, INT64_MAX, 100000)) < PACE_LINE_BYTES / 2,
          "a very wide one");
}

TEST(time_left_is_in_units_that_people_use)
{
    static const struct {
        int64_t     top;
        const char *want;
    } cases[] = {
        { 60, "59 s left" },        { 1, "0 s left" },
        { 201, "3 min 20 s left" }, { 7321, "2 h 2 min left" },
        { 200001, "2 d 7 h left" }, { 100 * 86400 + 2, "time left unknown" }
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pace p;

        pace_begin(&p, 0, S);
        pace_note(&p, 1, 2 * S);
        CHECK(strstr(line(&p, cases[i].top, 120), cases[i].want), "%s: %s",
              cases[i].want, line(&p, cases[i].top, 120));
    }
}
