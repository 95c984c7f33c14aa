/* Canonical JSON: one form of a value, and a reason for every other. */
#include "test.h"

#include "ledger/value.h"

static bool accepts(const char *text)
{
    size_t at;

    return value_check(span_str(text), &at) == NULL;
}

TEST(canonical_values_pass)
{
    static const char *const cases[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "\"\"",
        "\"a\"",
        "\"/\"",
        "\"\x7f\"",
        "\"\xe2\x82\xac\xf0\x9f\x98\x82\"",
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\\u000b\"",
        "[]",
        "{}",
        "[1,2,[3],{}]",
        "{\"a\":1}",
        "{\"\":0,\"a\":1,\"aa\":2,\"b\":{\"c\":[]}}",
        "{\"\\n\":1,\"\\r\":2,\"1\":3,\"</script>\":4,\"\xc2\x80\":5}",
        /* a pair of surrogates sorts before U+FB33 */
        "{\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x82\":2,\"\xef\xac\xb3\":3}",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK(accepts(cases[i]), "%s", cases[i]);
}

TEST(every_other_form_is_refused_with_its_place)
{
    static const struct {
        const char *text;
        size_t      at;
    } cases[] = {
        { "", 0 },
        { " 1", 0 },
        { "1 ", 1 },
        { "01", 2 },
        { "-0", 2 },
        { "-", 1 },
        { "+1", 0 },
        { "1.0", 1 },
        { "1e3", 1 },
        { "9223372036854775808", 19 },
        { "-9223372036854775809", 20 },
        { "NaN", 0 },
        { "nul", 0 },
        { "True", 0 },
        { "\"", 1 },
        { "\"\n\"", 1 },
        { "\"\\/\"", 3 },
        { "\"\\u0041\"", 7 },
        { "\"\\u000a\"", 7 },
        { "\"\\u001F\"", 3 },
        { "\"\\u20ac\"", 3 },
        { "\"\\x\"", 3 },
        { "\"\\", 2 },
        { "\"\xc0\x80\"", 1 },
        { "\"\xed\xa0\x80\"", 1 },
        { "\"\xff\"", 1 },
        { "'a'", 0 },
        { "[1,]", 3 },
        { "[1 ,2]", 2 },
        { "[,1]", 1 },
        { "[1", 2 },
        { "[", 1 },
        { "{\"a\":1,}", 7 },
        { "{\"a\" :1}", 4 },
        { "{\"a\"}", 4 },
        { "{\"a\":}", 5 },
        { "{a:1}", 1 },
        { "{\"b\":1,\"a\":2}", 8 },
        { "{\"a\":1,\"a\":2}", 8 },
        { "{\"aa\":1,\"a\":2}", 9 },
        { "{\"\xef\xac\xb3\":3,\"\xf0\x9f\x98\x82\":2}", 10 },
        { "{}{}", 2 },
        { "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 16 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t      at;
        const char *why = value_check(span_str(cases[i].text), &at);

        CHECK(why != NULL, "%s", cases[i].text);
        CHECK_EQ(at, cases[i].at, "%s: %s", cases[i].text, why ? why : "");
    }
}

TEST(a_zero_byte_is_not_the_end)
{
    size_t at;

    CHECK(value_check(SPAN("1\0", 2), &at) != NULL);
    CHECK(value_check(SPAN("\"\0\"", 3), &at) != NULL);
}
