/* Durations as configuration files write them. */
#include "config/duration.h"
#include "test.h"

TEST(durations_are_read_and_written_as_go_does)
{
    static const struct {
        const char *text;
        int64_t     ns;
        const char *print; /* NULL: as text */
    } cases[] = {
        { "0s", 0, NULL },
        { "0", 0, "0s" },
        { "1ns", 1, NULL },
        { "1.5\xc2\xb5s", 1500, NULL },
        { "1.5us", 1500, "1.5\xc2\xb5s" },
        { "100ms", 100000000, NULL },
        { "2.2ms", 2200000, NULL },
        { "1s", 1000000000, NULL },
        { "1.5s", 1500000000, NULL },
        { "1m0s", INT64_C(60000000000), NULL },
        { "90s", INT64_C(90000000000), "1m30s" },
        { "1h0m0s", INT64_C(3600000000000), NULL },
        { "168h0m0s", INT64_C(604800000000000), NULL },
        { "1h30m", INT64_C(5400000000000), "1h30m0s" },
        { "1h15m30.918273645s", INT64_C(4530918273645), NULL },
        { "-1.5h", INT64_C(-5400000000000), "-1h30m0s" },
        { "+5s", INT64_C(5000000000), "5s" },
        { ".5s", 500000000, "500ms" },
        { "1.s", 1000000000, "1s" },
        { "0.3333333333333333333h", INT64_C(1199999999999),
          "19m59.999999999s" },
        { "9223372036854775807ns", INT64_MAX, "2562047h47m16.854775807s" },
        { "-9223372036854775808ns", INT64_MIN, "-2562047h47m16.854775808s" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t    ns = -7;
        struct buf b;

        CHECK(duration_parse(&ns, cases[i].text), "%s", cases[i].text);
        CHECK_EQ(ns, cases[i].ns, "%s", cases[i].text);
        buf_init(&b, 100);
        duration_print(&b, cases[i].ns);
        CHECK_STR(buf_cstr(&b),
                  cases[i].print ? cases[i].print : cases[i].text);
        buf_fini(&b);
    }
}

TEST(what_is_no_duration_is_refused)
{
    static const char *const bad[] = { "",
                                       "3",
                                       "-",
                                       "s",
                                       ".",
                                       "-.",
                                       ".s",
                                       "+.s",
                                       "1x",
                                       "1 s",
                                       "1s ",
                                       "1d",
                                       "1ss",
                                       "0x1s",
                                       "3000000h",
                                       "1e3s",
                                       "1.5.5s",
                                       "9223372036854775808ns",
                                       "99999999999999999999h" };

    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t ns;

        CHECK(!duration_parse(&ns, bad[i]), "'%s'", bad[i]);
    }
}
