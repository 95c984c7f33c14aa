#include "test.h"

#include "json/read.h"
#include "json/write.h"

static const char *text_of(struct span s)
{
    static struct buf  out;
    struct json_writer w;

    buf_fini(&out);
    buf_init(&out, 4096);
    jw_init(&w, &out, 0);
    jw_str(&w, s);
    return buf_cstr(&out);
}

TEST(strings_are_escaped_as_go_does)
{
    static const struct {
        const char *in;
        size_t      n;
        const char *want;
    } cases[] = {
        { "", 0, "\"\"" },
        { "plain", 5, "\"plain\"" },
        { "a<b>&c", 6, "\"a\\u003cb\\u003e\\u0026c\"" },
        { "\"\\/", 3, "\"\\\"\\\\/\"" },
        { "\b\f\n\r\t\x01\x7f\0", 8, "\"\\b\\f\\n\\r\\t\\u0001\x7f\\u0000\"" },
        { "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", 9,
          "\"\\u2028\\u2029\xe2\x80\xaa\"" },
        { "h\xc3\xa9 \xf0\x9f\x8c\xb0", 8, "\"h\xc3\xa9 \xf0\x9f\x8c\xb0\"" },
        { "\xff", 1, "\"\\ufffd\"" },
        { "a\xc3", 2, "\"a\\ufffd\"" },
        { "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
        { "\xc0\x80z", 3, "\"\\ufffd\\ufffdz\"" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(text_of(SPAN(cases[i].in, cases[i].n)), cases[i].want,
                  "case %zu", i);
}

static void write_sample(struct json_writer *w)
{
    jw_object(w);
    JW(w, "height", int_text, -5);
    JW(w, "code", int, 7);
    JW(w, "ok", bool, true);
    JW(w, "key", base64, SPAN("abc", 3));
    JW(w, "none", base64, ((struct span){ 0 }));
    JW(w, "hash", hex_upper, SPAN("\xab\x01", 2));
    JW(w, "time", stamp, STAMP_ZERO);
    JW(w, "ratio", double, 0.1);
    jw_key(w, "list");
    jw_array(w);
    jw_uint_text(w, UINT64_MAX);
    jw_object(w);
    jw_object_end(w);
    jw_array(w);
    jw_array_end(w);
    jw_array_end(w);
    jw_object_end(w);
}

TEST(a_document_is_one_line_or_indented)
{
    struct buf         out;
    struct json_writer w;

    buf_init(&out, 4096);
    jw_init(&w, &out, 0);
    write_sample(&w);
    CHECK_STR(buf_cstr(&out),
              "{\"height\":\"-5\",\"code\":7,\"ok\":true,\"key\":\"YWJj\","
              "\"none\":null,\"hash\":\"AB01\","
              "\"time\":\"0001-01-01T00:00:00Z\",\"ratio\":0.1,"
              "\"list\":[\"18446744073709551615\",{},[]]}");
    buf_clear(&out);
    jw_init(&w, &out, 2);
    write_sample(&w);
    CHECK_STR(buf_cstr(&out),
              "{\n  \"height\": \"-5\",\n  \"code\": 7,\n  \"ok\": true,\n"
              "  \"key\": \"YWJj\",\n  \"none\": null,\n  \"hash\": \"AB01\",\n"
              "  \"time\": \"0001-01-01T00:00:00Z\",\n  \"ratio\": 0.1,\n"
              "  \"list\": [\n    \"18446744073709551615\",\n    {},\n    []\n"
              "  ]\n}");
    buf_fini(&out);
}

TEST(texts_are_read_strictly)
{
    static const struct {
        const char *text;
        bool        want;
    } cases[] = {
        { "{}", true },
        { " [1, 2.5, \"a\", null, true] \n", true },
        { "5", true },
        { "", false },
        { "{} x", false },
        { "{}{}", false },
        { "{\"a\":1,\"a\":2}", false },
        { "{\"a\":1,}", false },
        { "[1e999]", false },
        { "[99999999999999999999]", false },
        { "\"\xff\"", false },
        { "nul", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_doc d;

        CHECK_EQ(json_doc_parse(&d, span_str(cases[i].text),
                                JSON_KEYS_UNIQUE) == ACCEPT,
                 cases[i].want, "%s", cases[i].text);
        json_doc_fini(&d);
    }
}

TEST(depth_is_bounded)
{
    struct json_doc d;
    char            text[2 * JSON_DEPTH_MAX + 3];

    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    CHECK_EQ(
        json_doc_parse(&d, SPAN(text, 2 * JSON_DEPTH_MAX), JSON_KEYS_UNIQUE),
        ACCEPT, "the limit");
    json_doc_fini(&d);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    CHECK_EQ(json_doc_parse(&d, SPAN(text, 2 * JSON_DEPTH_MAX + 2),
                            JSON_KEYS_UNIQUE),
             REJECT_LIMIT, "one more");
    json_doc_fini(&d);
}

TEST(values_are_read_by_their_form)
{
    struct json_doc d;
    int64_t         n = 0;
    uint64_t        u = 0;
    struct span     s;
    bool            b = false;

    CHECK_EQ(
        json_doc_parse(&d,
                       span_str("{\"h\":\"-7\",\"n\":3,\"u\":\"9\","
                                "\"x\":\"0aFF\",\"b\":\"AQI=\",\"t\":true}"),
                       JSON_KEYS_UNIQUE),
        ACCEPT, "%s", d.why);
    CHECK(json_read_int_text(&n, json_get(d.root, "h")) && n == -7, "h");
    CHECK(!json_read_int_text(&n, json_get(d.root, "n")), "a bare number");
    CHECK(json_read_int(&n, json_get(d.root, "n")) && n == 3, "n");
    CHECK(!json_read_int(&n, json_get(d.root, "h")), "a string");
    CHECK(json_read_uint_text(&u, json_get(d.root, "u")) && u == 9, "u");
    CHECK(json_read_hex(&s, json_get(d.root, "x"), &test_arena), "x");
    CHECK_BYTES(s, SPAN("\x0a\xff", 2), "x");
    CHECK(json_read_base64(&s, json_get(d.root, "b"), &test_arena), "b");
    CHECK_BYTES(s, SPAN("\x01\x02", 2), "b");
    CHECK(json_read_bool(&b, json_get(d.root, "t")) && b, "t");
    CHECK(!json_read_bool(&b, json_get(d.root, "nothing")), "absent");
    CHECK(json_get(d.root, "H") == NULL, "case counts");
    CHECK(json_get_folded(d.root, "H") != NULL, "unless folded");
    json_doc_fini(&d);
}

TEST(a_members_text_is_kept_byte_for_byte)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "{\"app_state\": {\"a\" : [1, 2],\n \"b\":\"}\\\"\"} ,\"z\":1}",
          "{\"a\" : [1, 2],\n \"b\":\"}\\\"\"}" },
        { "{\"z\":{\"app_state\":1},\"app_state\":2}", "2" },
        { " { \"app_state\" : \"x,}\" } ", "\"x,}\"" },
        { "{\"app\\u005fstate\":null}", "null" },
        { "{\"z\":[\"app_state\",{}]}", "" },
        { "{}", "" },
        { "[\"app_state\",1]", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_doc d;

        CHECK_EQ(
            json_doc_parse(&d, span_str(cases[i].text), JSON_KEYS_LAST_WINS),
            ACCEPT, "%s", d.why);
        CHECK_BYTES(json_member_text(&d, "app_state"), span_str(cases[i].want),
                    "%s", cases[i].text);
        json_doc_fini(&d);
    }
}

TEST(a_value_of_any_layout_is_reprinted)
{
    static const struct {
        const char *in, *flat, *indented;
    } cases[] = {
        { " { \"a\" : [ 1 ,2 ] , \"b\":{ } } ", "{\"a\":[1,2],\"b\":{}}",
          "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}" },
        { "[ [] , \"x\\\" ]<&>\" ]", "[[],\"x\\\" ]\\u003c\\u0026\\u003e\"]",
          "[\n  [],\n  \"x\\\" ]\\u003c\\u0026\\u003e\"\n]" },
        { "\"\xe2\x80\xa8\\\\\"", "\"\\u2028\\\\\"", "\"\\u2028\\\\\"" },
        { "1.50e3", "1.50e3", "1.50e3" },
    };
    struct buf         out;
    struct json_writer w;

    buf_init(&out, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        jw_init(&w, &out, 0);
        jw_reprint(&w, span_str(cases[i].in));
        CHECK_STR(buf_cstr(&out), cases[i].flat, "case %zu", i);
        buf_clear(&out);
        jw_init(&w, &out, 2);
        jw_reprint(&w, span_str(cases[i].in));
        CHECK_STR(buf_cstr(&out), cases[i].indented, "case %zu", i);
        buf_clear(&out);
    }
    buf_fini(&out);
}
