/* The RPC's requests and arguments against what CometBFT v0.38.25 answered. */
#include "test.h"

#include "api/args.h"
#include "api/gojson.h"
#include "api/jsonrpc.h"

static struct buf text_buf(char *mem, size_t n)
{
    struct buf b;

    buf_use(&b, mem, n);
    return b;
}

TEST(syntax_errors_have_gos_texts)
{
    static const struct {
        const char *text, *error; /* NULL: accepted */
    } cases[] = {
        { "{}", NULL },
        { " [1, 2.5e3, \"a\\u00e9\", null] ", NULL },
        { "", "unexpected end of JSON input" },
        { "abc", "invalid character 'a' looking for beginning of value" },
        { "01", "invalid character '1' after top-level value" },
        { "{\"a\"}", "invalid character '}' after object key" },
        { "{\"a\":1 2}", "invalid character '2' after object key:value pair" },
        { "[1 2]", "invalid character '2' after array element" },
        { "{1}", "invalid character '1' looking for beginning of object key "
                 "string" },
        { "{\"a\":1,}", "invalid character '}' looking for beginning of "
                        "object key string" },
        { "\"a\nb\"", "invalid character '\\n' in string literal" },
        { "\"\\x\"", "invalid character 'x' in string escape code" },
        { "\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character "
                         "escape" },
        { "-", "invalid character ' ' in numeric literal" },
        { "nul", "invalid character ' ' in literal null (expecting 'l')" },
        { "\"\\", "invalid character ' ' in string escape code" },
        { "\"a", "unexpected end of JSON input" },
        { "-a", "invalid character 'a' in numeric literal" },
        { "1.x", "invalid character 'x' after decimal point in numeric "
                 "literal" },
        { "1ex", "invalid character 'x' in exponent of numeric literal" },
        { "nul!", "invalid character '!' in literal null (expecting 'l')" },
        { "'", "invalid character '\\'' looking for beginning of value" },
        { "1 \"", "invalid character '\"' after top-level value" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char        mem[256];
        struct buf  error = text_buf(mem, sizeof mem);
        struct span v;
        bool ok = gojson_check(span_str(cases[i].text), false, &v, &error);

        CHECK_EQ(ok, cases[i].error == NULL, "%s", cases[i].text);
        CHECK_STR(buf_cstr(&error), cases[i].error ? cases[i].error : "", "%s",
                  cases[i].text);
    }
}

TEST(nesting_is_bounded)
{
    enum { DEPTH = 10001 };
    char       *text = arena_alloc(&test_arena, 2 * DEPTH);
    char        mem[64];
    struct buf  error = text_buf(mem, sizeof mem);
    struct span v;

    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    CHECK(!gojson_check(SPAN(text, 2 * DEPTH), false, &v, &error));
    CHECK_STR(buf_cstr(&error), "invalid character '[' exceeded max depth");
    buf_clear(&error);
    CHECK(gojson_check(SPAN(text + 1, 2 * DEPTH - 2), false, &v, &error));
}

TEST(strings_come_out_as_utf8)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        { "\"plain\"", "plain" },
        { "\"\\u00e9\\n\\\"\"", "\xc3\xa9\n\"" },
        { "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
        { "\"\\ud83d\"", "\xef\xbf\xbd" },
        { "\"\xff\"", "\xef\xbf\xbd" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_BYTES(gojson_unquote(span_str(cases[i].json), &test_arena),
                    span_str(cases[i].text), "%s", cases[i].json);
}

static const struct arg_spec specs[] = {
    { "height", ARG_INT64_PTR }, { "hash", ARG_BYTES }, { "data", ARG_HEX },
    { "path", ARG_STRING },      { "prove", ARG_BOOL },
};

static void check_arg(const struct arg *a, const char *want, const char *name)
{
    char       mem[256];
    struct buf got = text_buf(mem, sizeof mem);

    if (!a->is_set)
        buf_str(&got, "unset");
    else if (a->bytes.n)
        buf_add(&got, a->bytes);
    else
        buf_printf(&got, "%" PRId64, a->b ? 1 : a->i);
    CHECK_STR(buf_cstr(&got), want, "%s", name);
}

TEST(query_arguments_convert_as_cometbft_converts)
{
    static const struct {
        const char *query;
        int         at;
        const char *want, *error;
    } cases[] = {
        { "height=5", 0, "5", NULL },
        { "height=\"5\"", 0, "5", NULL },
        { "height=%225%22", 0, "5", NULL },
        { "height=", 0, "unset", NULL },
        { "", 0, "unset", NULL },
        { "height=-3", 0, "-3", NULL },
        { "height=0x1", 0, NULL, "got a hex string arg, but expected 'int64'" },
        { "height=abc", 0, NULL,
          "invalid 64-bit integer encoding \"abc\", expected string" },
        { "hash=0x6162", 1, "ab", NULL },
        { "hash=\"abc\"", 1, "abc", NULL },
        { "hash=abc", 1, NULL,
          "invalid character 'a' looking for beginning of value" },
        { "data=0x6b76", 2, "kv", NULL },
        { "data=\"kv\"", 2, "kv", NULL },
        { "data=abc", 2, NULL, "invalid hex string: abc" },
        { "path=\"/a%20b\"", 3, "/a b", NULL },
        { "path=abc", 3, NULL,
          "invalid character 'a' looking for beginning of value" },
        { "prove=true", 4, "1", NULL },
        { "prove=\"true\"", 4, NULL,
          "json: cannot unmarshal string into Go value of type bool" },
        { "x=%zz&height=7", 0, "7", NULL },
        { "height=1&height=2", 0, "1", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arg args[COUNT(specs)];
        char       mem[512];
        struct buf error = text_buf(mem, sizeof mem);
        bool ok = args_from_query(args, specs, COUNT(specs), cases[i].query, "",
                                  &test_arena, &error);

        CHECK_EQ(ok, cases[i].error == NULL, "%s", cases[i].query);
        if (ok)
            check_arg(&args[cases[i].at], cases[i].want, cases[i].query);
        else
            CHECK_STR(buf_cstr(&error), cases[i].error, "%s", cases[i].query);
    }
}

TEST(json_arguments_convert_as_cometbft_converts)
{
    static const struct {
        const char *params;
        int         at;
        const char *want, *error;
    } cases[] = {
        { "{\"height\":\"1\"}", 0, "1", NULL },
        { "{\"height\":\" 1\"}", 0, "1", NULL },
        { "{\"height\":null}", 0, "unset", NULL },
        { "{}", 0, "unset", NULL },
        { "null", 0, "unset", NULL },
        { "{\"other\":[1,{\"height\":\"2\"}]}", 0, "unset", NULL },
        { "{\"height\":1}", 0, NULL,
          "invalid 64-bit integer encoding \"1\", expected string" },
        { "{\"height\":\"01\"}", 0, NULL,
          "invalid character '1' after top-level value" },
        { "{\"height\":\"1.0\"}", 0, NULL,
          "json: cannot unmarshal number 1.0 into Go value of type int64" },
        { "{\"height\":\"\"}", 0, NULL, "unexpected end of JSON input" },
        { "{\"height\":\"abc\"}", 0, NULL,
          "invalid character 'a' looking for beginning of value" },
        { "{\"height\":\"99999999999999999999\"}", 0, NULL,
          "json: cannot unmarshal number 99999999999999999999 into Go value "
          "of type int64" },
        { "{\"hash\":\"YWI=\"}", 1, "ab", NULL },
        { "{\"hash\":\"YWI\"}", 1, NULL,
          "illegal base64 data at input byte 0" },
        { "{\"data\":\"6b76\"}", 2, "kv", NULL },
        { "{\"data\":\"zz\"}", 2, NULL,
          "encoding/hex: invalid byte: U+007A 'z'" },
        { "{\"prove\":true}", 4, "1", NULL },
        { "{\"path\":5}", 3, NULL,
          "json: cannot unmarshal number into Go value of type string" },
        { "[\"1\",\"YWI=\",\"6b76\",\"p\",true]", 3, "p", NULL },
        { "[]", 0, NULL,
          "expected 5 parameters ([height hash data path prove]), got 0 "
          "([])" },
        { "[\"1\"]", 0, NULL,
          "expected 5 parameters ([height hash data path prove]), got 1 "
          "([[34 49 34]])" },
        { "5", 0, NULL,
          "unknown type for JSON params: json: cannot unmarshal number into "
          "Go value of type []json.RawMessage. Expected map or array" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arg args[COUNT(specs)];
        char       mem[512];
        struct buf error = text_buf(mem, sizeof mem);
        bool       ok =
            args_from_json(args, specs, COUNT(specs), span_str(cases[i].params),
                           &test_arena, &error);

        CHECK_EQ(ok, cases[i].error == NULL, "%s", cases[i].params);
        if (ok)
            check_arg(&args[cases[i].at], cases[i].want, cases[i].params);
        else
            CHECK_STR(buf_cstr(&error), cases[i].error, "%s", cases[i].params);
    }
}

TEST(bodies_become_requests)
{
    static const struct {
        const char *body;
        size_t      n;
        bool        is_batch;
        int         kind; /* of the first id */
        const char *error;
    } cases[] = {
        { "{\"id\":1,\"method\":\"health\"}", 1, false, RPC_ID_INT, NULL },
        { "{\"ID\":\"a\",\"Method\":\"health\"}", 1, false, RPC_ID_STRING,
          NULL },
        { "{\"method\":\"health\"}", 1, false, RPC_ID_NONE, NULL },
        { "{}", 1, false, RPC_ID_NONE, NULL },
        { "null", 0, false, RPC_ID_NONE, NULL },
        { "[]", 0, true, RPC_ID_NONE, NULL },
        { "[{\"id\":1.9,\"method\":\"a\"},null]", 2, true, RPC_ID_INT, NULL },
        { "{\"id\":true,\"method\":\"health\"}", 0, false, 0,
          "json-rpc ID (true) is of unknown type (bool)" },
        { "{\"id\":1,\"method\":5}", 0, false, 0,
          "json: cannot unmarshal number into Go struct field .method of type "
          "string" },
        { "{", 0, false, 0, "unexpected end of JSON input" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rpc_request *r = NULL;
        size_t              n;
        bool                is_batch;
        char                mem[512];
        struct buf          error = text_buf(mem, sizeof mem);
        bool ok = rpc_parse_body(span_str(cases[i].body), &r, &n, &is_batch,
                                 &test_arena, &error);

        CHECK_EQ(ok, cases[i].error == NULL, "%s", cases[i].body);
        if (!ok) {
            CHECK_STR(buf_cstr(&error), cases[i].error, "%s", cases[i].body);
            continue;
        }
        CHECK_EQ(n, cases[i].n, "%s", cases[i].body);
        CHECK_EQ(is_batch, cases[i].is_batch, "%s", cases[i].body);
        if (n)
            CHECK_EQ(r[0].id.kind, cases[i].kind, "%s", cases[i].body);
    }
}
