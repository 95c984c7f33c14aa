/* Queries on events: CometBFT's verdicts, texts and matches. */
#include "test.h"

#include "query/query.h"

#include <stdio.h>

static struct span text_of(const json_t *c, const char *key)
{
    const json_t *v = json_object_get(c, key);

    return SPAN(json_string_value(v), json_string_length(v));
}

TEST(texts_are_judged_as_cometbft_judges_them)
{
    json_t *all = vectors_open("query"), *c;
    size_t  i;

    json_array_foreach(json_object_get(all, "parse"), i, c)
    {
        struct query q;
        struct buf   error, printed;
        char         said[1024];
        struct span  text = text_of(c, "text");
        bool         is_ok;

        buf_use(&error, said, sizeof said);
        is_ok = query_parse(&q, text, &test_arena, &error);
        CHECK_EQ(is_ok, !vec_has(c, "error"), "%s", text.p);
        if (!is_ok) {
            CHECK_STR(buf_cstr(&error),
                      vec_has(c, "error") ? vec_str(c, "error") : "",
                      "what is said of %s", text.p);
            continue;
        }
        buf_init(&printed, 1 << 16);
        query_print(&printed, &q);
        CHECK_BYTES(buf_span(&printed), text_of(c, "printed"), "%s", text.p);
        buf_fini(&printed);
    }
    json_decref(all);
}

static size_t facts_of(struct query_fact *out, json_t *events)
{
    const char *tag;
    json_t     *values, *v;
    size_t      n = 0, i;

    json_object_foreach(events, tag, values)
    {
        json_array_foreach(values, i, v)
        {
            out[n++] = (struct query_fact){ span_str(tag),
                                            span_str(json_string_value(v)) };
        }
    }
    return n;
}

TEST(values_meet_conditions_as_in_cometbft)
{
    json_t           *all = vectors_open("query"), *c;
    struct query_fact facts[32];
    size_t            i;

    json_array_foreach(json_object_get(all, "match"), i, c)
    {
        struct query q;
        struct buf   error;
        char         said[256];
        size_t       n    = facts_of(facts, json_object_get(c, "events"));
        const char  *text = vec_str(c, "query");

        buf_use(&error, said, sizeof said);
        if (CHECK(query_parse(&q, span_str(text), &test_arena, &error)))
            CHECK_EQ(query_matches(&q, facts, n), vec_bool(c, "want"),
                     "%s, case %zu (%s)", text, i,
                     n ? (const char *)facts[0].value.p : "nothing");
    }
    json_decref(all);
}

TEST(decimals_are_compared_exactly_however_long)
{
    static const struct {
        const char *query, *value;
        bool        want;
    } cases[] = {
        { "a.b=1.00000000000000000000000000000000000000000000000000001", "1",
          false },
        { "a.b>1", "1.00000000000000000000000000000000000000000000000000001",
          true },
        { "a.b<1e", "1", false },
        { "a.b=000000000000000000000000000000000000000000000000000001.0", "1",
          true },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct query_fact f = { span_str("a.b"), span_str(cases[i].value) };
        struct query      q;
        struct buf        error;
        char              said[256];

        buf_use(&error, said, sizeof said);
        if (!query_parse(&q, span_str(cases[i].query), &test_arena, &error))
            CHECK_EQ(cases[i].want, false, "%s", cases[i].query);
        else
            CHECK_EQ(query_matches(&q, &f, 1), cases[i].want, "%s of %s",
                     cases[i].query, cases[i].value);
    }
}

TEST(a_query_costs_memory_in_proportion_to_its_text)
{
    static char  text[60000];
    static char  mem[1 << 16];
    struct query q;
    struct arena small;
    struct buf   error;
    char         said[256];
    size_t       n = 0;

    while (n + 16 < sizeof text)
        n += (size_t)snprintf(text + n, sizeof text - n, "%sa=1",
                              n ? " AND " : "");
    buf_use(&error, said, sizeof said);
    CHECK(query_parse(&q, SPAN(text, n), &test_arena, &error));
    CHECK_EQ(q.n, (n + 5) / 8);
    arena_use(&small, mem, sizeof mem);
    CHECK(!query_parse(&q, SPAN(text, n), &small, &error));
    CHECK_STR(buf_cstr(&error), "the query is too long");
}
