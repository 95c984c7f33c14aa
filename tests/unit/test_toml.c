/* toml: what is TOML 1.0, what is not, and where it says so. */
#include "toml/toml.h"

#include "base/buf.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

/* A tree as text: {key=value,...}, [..], 's', 1, 1.5f, true, @time. */
static void dump(struct buf *out, const struct toml *n)
{
    switch (n->kind) {
    case TOML_STRING:
        buf_byte(out, '\'');
        buf_add(out, n->text);
        buf_byte(out, '\'');
        break;
    case TOML_INTEGER: buf_printf(out, "%" PRId64, n->integer); break;
    case TOML_FLOAT: buf_printf(out, "%gf", n->number); break;
    case TOML_BOOL: buf_str(out, n->is_true ? "true" : "false"); break;
    case TOML_TIME:
        buf_byte(out, '@');
        buf_add(out, n->text);
        break;
    case TOML_ARRAY:
    case TOML_TABLE:
        buf_byte(out, n->kind == TOML_ARRAY ? '[' : '{');
        for (const struct toml *c = n->first; c; c = c->next) {
            if (n->kind == TOML_TABLE) {
                buf_add(out, c->key);
                buf_byte(out, '=');
            }
            dump(out, c);
            if (c->next)
                buf_byte(out, ',');
        }
        buf_byte(out, n->kind == TOML_ARRAY ? ']' : '}');
        break;
    }
}

struct reads {
    const char *text, *want;
};

static void check_reads(const struct reads *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct toml_error e = { 0 };
        struct toml      *root;
        struct buf        got;

        buf_init(&got, 1 << 16);
        if (CHECK(toml_parse(&root, span_str(cases[i].text), &test_arena, &e),
                  "%s: %u:%u: %s", cases[i].text, e.line, e.column, e.text)) {
            dump(&got, root);
            CHECK_STR(buf_cstr(&got), cases[i].want, "%s", cases[i].text);
        }
        buf_fini(&got);
    }
}

TEST(comments_and_blanks_are_passed_over)
{
    static const struct reads cases[] = {
        { "", "{}" }, /* also without any bytes */
        { "\n \t\n# comment\n", "{}" },
        { "\xef\xbb\xbf"
          "a=1",
          "{a=1}" },
        { "a = 1 # one\r\nb=2\r\n", "{a=1,b=2}" },
        { "# \t \xe2\x80\x9ctext\xe2\x80\x9d", "{}" },
    };

    check_reads(cases, COUNT(cases));
}

TEST(keys_are_read)
{
    static const struct reads cases[] = {
        { "bare_key=1\nbare-key=2\n1234=3", "{bare_key=1,bare-key=2,1234=3}" },
        { "\"quoted key\"=1\n'lit \"x\"'=2\n\"\"=3",
          "{quoted key=1,lit \"x\"=2,=3}" },
        { "\"\\u0061\"=1", "{a=1}" },
        { "a.b.c=1\na.b.d=2\na.e=3", "{a={b={c=1,d=2},e=3}}" },
        { "a . b = 1\na.\"c.d\"=2", "{a={b=1,c.d=2}}" },
        { "3.14=1", "{3={14=1}}" },
        { "true=1\nfalse=2\n-=3", "{true=1,false=2,-=3}" },
        { "apple.type='x'\norange.type='y'\napple.skin='z'",
          "{apple={type='x',skin='z'},orange={type='y'}}" },
    };

    check_reads(cases, COUNT(cases));
}

TEST(strings_are_read)
{
    static const struct reads cases[] = {
        { "a=\"b\\b\\t\\n\\f\\r\\\"\\\\\"", "{a='b\b\t\n\f\r\"\\'}" },
        { "a=\"\\u00e9\\U0001F600\\u007F\"",
          "{a='\xc3\xa9\xf0\x9f\x98\x80\x7f'}" },
        { "a='C:\\path\\n'", "{a='C:\\path\\n'}" },
        { "a=''\nb=\"\"", "{a='',b=''}" },
        { "a=\"tab\there\"", "{a='tab\there'}" },
        { "a=\"\"\"\nRoses\nare\"\"\"", "{a='Roses\nare'}" },
        { "a=\"\"\"x\r\ny\"\"\"", "{a='x\ny'}" },
        { "a=\"\"\"one \\\n\n   two \\  \t\n three\"\"\"",
          "{a='one two three'}" },
        { "a=\"\"\"\\\n   \"\"\"", "{a=''}" },
        { "a=\"\"\"two \"\" quotes\"\"\"", "{a='two \"\" quotes'}" },
        { "a=\"\"\"\"at start\"\"\"", "{a='\"at start'}" },
        { "a=\"\"\"end\"\"\"\"\"", "{a='end\"\"'}" },
        { "a=\"\"\"end\"\"\"\"", "{a='end\"'}" },
        { "a=\"\"\"esc \\\"\"\" done\"\"\"", "{a='esc \"\"\" done'}" },
        { "a='''it's ''quoted'' \\ '''", "{a='it's ''quoted'' \\ '}" },
        { "a='''\nx'''''", "{a='x'''}" },
        { "a=\"\"\"\"\"\"\nb=''''''", "{a='',b=''}" },
    };

    check_reads(cases, COUNT(cases));
}

TEST(numbers_are_read)
{
    static const struct reads cases[] = {
        { "a=+99\nb=42\nc=0\nd=-17\ne=-0\nf=+0",
          "{a=99,b=42,c=0,d=-17,e=0,f=0}" },
        { "a=1_000\nb=5_349_221\nc=1_2_3", "{a=1000,b=5349221,c=123}" },
        { "a=0xDEADBEEF\nb=0xdead_beef\nc=0o0123\nd=0b1101_0110\ne=0x00",
          "{a=3735928559,b=3735928559,c=83,d=214,e=0}" },
        { "a=9223372036854775807\nb=-9223372036854775808",
          "{a=9223372036854775807,b=-9223372036854775808}" },
        { "a=0x7fffffffffffffff", "{a=9223372036854775807}" },
        { "a=+1.0\nb=3.1415\nc=-0.01\nd=5e+22\ne=1e06\nf=-2E-2\ng=6.5e-3",
          "{a=1f,b=3.1415f,c=-0.01f,d=5e+22f,e=1e+06f,f=-0.02f,g=0.0065f}" },
        { "a=9_224.5_5\nb=0.0\nc=-0.0\nd=0e0\ne=1e1_0",
          "{a=9224.55f,b=0f,c=-0f,d=0f,e=1e+10f}" },
        { "a=inf\nb=+inf\nc=-inf", "{a=inff,b=inff,c=-inff}" },
        { "a=true\nb=false", "{a=true,b=false}" },
    };

    check_reads(cases, COUNT(cases));
}

TEST(times_are_read)
{
    static const struct reads cases[] = {
        { "a=1979-05-27T07:32:00Z", "{a=@1979-05-27T07:32:00Z}" },
        { "a=1979-05-27T00:32:00.999999-07:00",
          "{a=@1979-05-27T00:32:00.999999-07:00}" },
        { "a=1979-05-27 07:32:00z", "{a=@1979-05-27 07:32:00z}" },
        { "a=1979-05-27t07:32:00", "{a=@1979-05-27t07:32:00}" },
        { "a=2000-02-29 # day", "{a=@2000-02-29}" },
        { "a=07:32:00\nb=23:59:60.5", "{a=@07:32:00,b=@23:59:60.5}" },
    };

    check_reads(cases, COUNT(cases));
}

TEST(arrays_are_read)
{
    static const struct reads cases[] = {
        { "a=[]\nb=[1,2]\nc=[ 1 , 2 , ]", "{a=[],b=[1,2],c=[1,2]}" },
        { "a=[ # c\n 1, # d\n\n 2 # e\n , \n]", "{a=[1,2]}" },
        { "a=[[1,2],['x',\"y\"],[1.5,true]]",
          "{a=[[1,2],['x','y'],[1.5f,true]]}" },
        { "a=[1,'two',{three=3}]", "{a=[1,'two',{three=3}]}" },
        { "a=[\"HEAD\", \"GET\", \"POST\", ]", "{a=['HEAD','GET','POST']}" },
    };

    check_reads(cases, COUNT(cases));
}

TEST(tables_are_read)
{
    static const struct reads cases[] = {
        { "[a]\nb=1\n[c.d]\ne=2", "{a={b=1},c={d={e=2}}}" },
        { "[a.b]\nx=1\n[a]\ny=2", "{a={b={x=1},y=2}}" },
        { "[ a . 'b' ]\n[\"c\"] # x", "{a={b={}},c={}}" },
        { "[x.y.z.w]\n[x]", "{x={y={z={w={}}}}}" },
        { "a.b=1\n[a.c]\nd=2", "{a={b=1,c={d=2}}}" },
        { "[fruit]\napple.color='r'\napple.taste.sweet=true\n"
          "[fruit.apple.texture]\nsmooth=true",
          "{fruit={apple={color='r',taste={sweet=true},"
          "texture={smooth=true}}}}" },
        { "[a.b.c]\nz=9\n[a]\nb.t=1", "{a={b={c={z=9},t=1}}}" },
        { "a={}\nb={x=1,y='z'}\nc={ d.e = 1, d.f = 2 }",
          "{a={},b={x=1,y='z'},c={d={e=1,f=2}}}" },
        { "a={b=[\n1,\n2]}", "{a={b=[1,2]}}" },
        { "[[p]]\nn=1\n[[p]]\n[[p]]\nn=3", "{p=[{n=1},{},{n=3}]}" },
        { "[[f]]\nn='a'\n[f.p]\nc=1\n[[f.v]]\nm=1\n[[f.v]]\nm=2\n[[f]]\n"
          "[[f.v]]\nm=3",
          "{f=[{n='a',p={c=1},v=[{m=1},{m=2}]},{v=[{m=3}]}]}" },
        { "[[a.b]]\nx=1\n[a]\ny=2", "{a={b=[{x=1}],y=2}}" },
    };

    check_reads(cases, COUNT(cases));
}

struct refusal {
    const char *text;
    unsigned    line, column;
};

static void check_refusals(const struct refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct toml_error e = { 0 };
        struct toml      *root;

        CHECK(!toml_parse(&root, span_str(cases[i].text), &test_arena, &e),
              "%s", cases[i].text);
        CHECK(e.line == cases[i].line && e.column == cases[i].column,
              "%s: %u:%u (%s), want %u:%u", cases[i].text, e.line, e.column,
              e.text, cases[i].line, cases[i].column);
        CHECK(e.text[0], "%s", cases[i].text);
    }
}

TEST(keys_that_are_none_or_twice_are_refused)
{
    static const struct refusal cases[] = {
        { "a", 1, 2 },
        { "a=", 1, 3 },
        { "=1", 1, 1 },
        { "a=1 b=2", 1, 5 },
        { "a=1\nb", 2, 2 },
        { "a b=1", 1, 3 },
        { "a\n=1", 1, 2 },
        { "a.=1", 1, 3 },
        { ".a=1", 1, 1 },
        { "a..b=1", 1, 3 },
        { "\xc3\xa9=1", 1, 1 },
        { "a=1\na=2", 2, 1 },
        { "a=1\n\"a\"=2", 2, 1 },
        { "a=1\na.b=2", 2, 1 },
        { "a.b=1\na=2", 2, 1 },
        { "a.b=1\na.b=2", 2, 1 },
        { "a.b=1\na.b.c=2", 2, 1 },
        { "\"\"\"a\"\"\"=1", 1, 1 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(strings_that_do_not_hold_are_refused)
{
    static const struct refusal cases[] = {
        { "a='''x\n'''\nb=\n", 3, 3 },  { "a=\"x", 1, 5 },
        { "a=\"x\ny\"", 1, 5 },         { "a='x\ny'", 1, 5 },
        { "a=\"\\q\"", 1, 5 },          { "a=\"\\x41\"", 1, 5 },
        { "a=\"\\u12\"", 1, 8 },        { "a=\"\\uD800\"", 1, 10 },
        { "a=\"\\U00110000\"", 1, 14 }, { "a=\"\\ \n\"", 1, 5 },
        { "a=\"\x01\"", 1, 4 },         { "a=\"\x7f\"", 1, 4 },
        { "a='\x1f'", 1, 4 },           { "a=\"\"\"x\\ y\"\"\"", 1, 9 },
        { "a=\"\"\"x", 1, 7 },          { "a=\"\"\"x\"\"\"\"\"\"", 1, 12 },
        { "a='''x''''''", 1, 12 },      { "a=\"\"\"\r\"\"\"", 1, 6 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(bytes_that_are_no_text_are_refused)
{
    static const struct refusal cases[] = {
        { "#\x01", 1, 2 },
        { "# x\ry", 1, 4 },
        { "a=1\rb=2", 1, 4 },
        { "a='\xff'", 1, 1 },
        { "a=1\nb='\xc0\x80'", 2, 1 },
        { "a='\xed\xa0\x80'", 1, 1 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(numbers_that_are_none_are_refused)
{
    static const struct refusal cases[] = {
        { "a=01", 1, 3 },
        { "a=-01", 1, 3 },
        { "a=1__0", 1, 3 },
        { "a=_1", 1, 3 },
        { "a=1_", 1, 3 },
        { "a=+-1", 1, 3 },
        { "a=0x", 1, 3 },
        { "a=0xg", 1, 3 },
        { "a=0x_1", 1, 3 },
        { "a=0x1_", 1, 3 },
        { "a=0_x1", 1, 3 },
        { "a=+0x1", 1, 3 },
        { "a=0o8", 1, 3 },
        { "a=0b2", 1, 3 },
        { "a=0X1", 1, 3 },
        { "a=9223372036854775808", 1, 3 },
        { "a=-9223372036854775809", 1, 3 },
        { "a=0x8000000000000000", 1, 3 },
        { "a=1.", 1, 3 },
        { "a=.5", 1, 3 },
        { "a=1.e5", 1, 3 },
        { "a=1e", 1, 3 },
        { "a=1e5.5", 1, 3 },
        { "a=1_.5", 1, 3 },
        { "a=1._5", 1, 3 },
        { "a=1e_5", 1, 3 },
        { "a=1_e5", 1, 3 },
        { "a=03.14", 1, 3 },
        { "a=1.2.3", 1, 3 },
        { "a=Inf", 1, 3 },
        { "a=infinity", 1, 3 },
        { "a=True", 1, 3 },
        { "a=truer", 1, 3 },
        { "a=word", 1, 3 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(times_that_never_were_are_refused)
{
    static const struct refusal cases[] = {
        { "a=1979-13-01", 1, 3 },
        { "a=1979-02-29", 1, 3 },
        { "a=1900-02-29", 1, 3 },
        { "a=1979-00-01", 1, 3 },
        { "a=1979-01-32", 1, 3 },
        { "a=1979-1-1", 1, 3 },
        { "a=1979-05-27T24:00:00", 1, 3 },
        { "a=1979-05-27T07:60:00", 1, 3 },
        { "a=1979-05-27T07:32:61", 1, 3 },
        { "a=1979-05-27T07:32", 1, 3 },
        { "a=1979-05-27T07:32:00.", 1, 3 },
        { "a=1979-05-27T07:32:00+25:00", 1, 3 },
        { "a=1979-05-27T07:32:00+0000", 1, 3 },
        { "a=1979-05-27T", 1, 3 },
        { "a=07:32:00Z", 1, 3 },
        { "a=7:32:00", 1, 3 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(arrays_that_do_not_end_are_refused)
{
    static const struct refusal cases[] = {
        { "a=[1", 1, 5 },     { "a=[1 2]", 1, 6 }, { "a=[,]", 1, 4 },
        { "a=[1,,2]", 1, 6 }, { "a=[1]]", 1, 6 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(inline_tables_are_closed_for_good)
{
    static const struct refusal cases[] = {
        { "a={b=1", 1, 7 },
        { "a={b=1,}", 1, 8 },
        { "a={,}", 1, 4 },
        { "a={\nb=1}", 1, 4 },
        { "a={b=1,b=2}", 1, 8 },
        { "a={b=1,b.c=2}", 1, 8 },
        { "a={b.c=1,b={d=1}}", 1, 10 },
        { "a={}\na.b=1", 2, 1 },
        { "a={}\n[a.b]", 2, 2 },
        { "a={b={}}\na.b.c=1", 2, 1 },
        { "a=[]\n[[a]]", 2, 3 },
        { "a=[{}]\n[a.b]", 2, 2 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(tables_are_defined_once)
{
    static const struct refusal cases[] = {
        { "[a]\n[a]", 2, 2 },
        { "[a]\n[b]\n[a]", 3, 2 },
        { "a=1\n[a]", 2, 2 },
        { "[a]\nb=1\n[a.b]", 3, 2 },
        { "a.b=1\n[a]", 2, 2 },
        { "[f]\na.c=1\n[f.a]", 3, 2 },
        { "[f]\na.t.s=1\n[f.a.t]", 3, 2 },
        { "[a.b.c]\nz=9\n[a]\nb.c.t=1", 4, 1 },
        { "[a.b]\nz=9\n[a]\nb.t=1", 4, 1 },
        { "[a.b.c]\nz=9\n[a]\nb.t=1\n[a.b]", 5, 2 },
        { "[[a]]\n[a]", 2, 2 },
        { "[a]\n[[a]]", 2, 3 },
        { "[a.b]\n[[a]]", 2, 3 },
        { "[[a]]\na.b=1\n[[a.a]]", 3, 3 },
    };

    check_refusals(cases, COUNT(cases));
}

TEST(headers_that_do_not_end_are_refused)
{
    static const struct refusal cases[] = {
        { "[]", 1, 2 },     { "[a", 1, 3 },      { "[a]x", 1, 4 },
        { "[a.]", 1, 4 },   { "[a] b=1", 1, 5 }, { "[[a]", 1, 5 },
        { "[ [a]]", 1, 3 }, { "[[a] ]", 1, 5 },
    };

    check_refusals(cases, COUNT(cases));
}

static char long_text[TOML_BYTES_MAX + 2];

static bool is_read(size_t n, struct toml_error *e)
{
    struct toml *root;

    return toml_parse(&root, SPAN(long_text, n), &test_arena, e);
}

TEST(a_document_has_a_longest)
{
    struct toml_error e;

    memset(long_text, '\n', sizeof long_text);
    CHECK(is_read(TOML_BYTES_MAX, &e));
    CHECK(!is_read(TOML_BYTES_MAX + 1, &e));
}

TEST(nesting_has_a_deepest)
{
    struct toml_error e;

    memcpy(long_text, "a=", 2);
    memset(long_text + 2, '[', 100000);
    CHECK(!is_read(100000, &e));
    CHECK(strstr(e.text, "deeper"), "%s", e.text);
    for (size_t n = 0; n < 100000; n += 4)
        memcpy(long_text + 2 + n, "{a= ", 4);
    CHECK(!is_read(100000, &e));
}

TEST(values_are_counted)
{
    struct toml_error e;

    memcpy(long_text, "a=[", 3);
    for (size_t n = 3; n < 600000; n += 2)
        memcpy(long_text + n, "1,", 2);
    CHECK(!is_read(600000, &e));
    CHECK(strstr(e.text, "too many"), "%s", e.text);
}

TEST(the_parts_of_a_key_are_counted)
{
    struct toml_error e;

    for (size_t n = 0; n < 100; n += 2)
        memcpy(long_text + n, "a.", 2);
    CHECK(!is_read(100, &e));
    CHECK(strstr(e.text, "parts"), "%s", e.text);
}

TEST(a_small_arena_is_enough_to_refuse)
{
    struct toml_error e;
    struct toml      *root;
    struct arena      small;
    uint8_t           memory[600];

    arena_use(&small, memory, sizeof memory);
    CHECK(!toml_parse(&root, span_str("a=1\nb=2\nc=3\nd=4\ne=5\nf=6"), &small,
                      &e));
}

/* Every cut of a document, and every byte of it changed, is read or refused
 * without a crash; arrays show the rest under ASan. */
TEST(broken_toml_is_harmless)
{
    static const char doc[] =
        "a.b = \"x\\u00e9\"\n[t]\nl=[1,{k='v'},\"\"\"m\\\n  n\"\"\"]\n"
        "[[q.r]]\nd=1979-05-27 07:32:00Z\nf=1_0.5e-3\n";
    struct toml_error e;
    struct toml      *root;
    size_t            fine = 0;

    for (size_t n = 0; n < sizeof doc - 1; n++) {
        char one[sizeof doc];

        arena_reset(&test_arena);
        fine += toml_parse(&root, SPAN(doc, n), &test_arena, &e);
        for (int c = 0; c < 256; c++) {
            memcpy(one, doc, sizeof doc);
            one[n] = (char)c;
            arena_reset(&test_arena);
            fine +=
                toml_parse(&root, SPAN(one, sizeof doc - 1), &test_arena, &e);
        }
    }
    CHECK(fine > sizeof doc, "%zu", fine);
}
