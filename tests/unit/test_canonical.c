/* canonical: JSON in the ledger's one form (RFC 8785, integers only). */
#include "canonical.h"
#include "ledger/value.h"
#include "test.h"

TEST(json_takes_its_canonical_form)
{
    static const struct {
        const char *text, *want; /* NULL: it has none */
    } cases[] = {
        { "{}", "{}" },
        { " [ ] ", "[]" },
        { "null", "null" },
        { "true", "true" },
        { "\"x\"", "\"x\"" },
        { "-0", "0" },
        { "12345678901234567", "12345678901234567" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "9223372036854775808", NULL },
        { "1.5", NULL },
        { "1e3", NULL },
        { "1.0", NULL },
        { "{ \"b\" : 1, \"a\" : [ 1 , 2 ] }", "{\"a\":[1,2],\"b\":1}" },
        { "{\"a\":1,\"a\":2}", NULL },
        { "{\"\":1,\"A\":2,\"a\":3,\"1\":4}",
          "{\"\":1,\"1\":4,\"A\":2,\"a\":3}" },
        { "{\"aa\":1,\"a\":2,\"ab\":3}", "{\"a\":2,\"aa\":1,\"ab\":3}" },
        /* the order of UTF-16: U+1F600 is d83d de00, before U+FB33 */
        { "{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2,\"\xe2\x82\xac\":3}",
          "{\"\xe2\x82\xac\":3,\"\xf0\x9f\x98\x80\":2,\"\xef\xac\xb3\":1}" },
        { "\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"",
          "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"" },
        { "\"\\b\\t\\f\\r\\u0000\\u001f\\u007f<>&\"",
          "\"\\b\\t\\f\\r\\u0000\\u001f\x7f<>&\"" },
        { "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
        { "\"\\ud83d\"", NULL },
        { "[1,]", NULL },
        { "{a:1}", NULL },
        { "", NULL },
        { "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", NULL },
        { "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
          "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf  b;
        char        reason[200];
        const char *why;
        size_t      at;

        buf_init(&b, 1 << 16);
        why = canonical_json(&b, span_str(cases[i].text), reason);
        CHECK_EQ(why == NULL, cases[i].want != NULL, "%s: %s", cases[i].text,
                 why ? why : "");
        if (!why && cases[i].want)
            CHECK_STR(buf_cstr(&b), cases[i].want);
        /* and the ledger takes it */
        if (!why)
            CHECK(value_check(buf_span(&b), &at) == NULL, "%s", cases[i].text);
        buf_fini(&b);
    }
}
