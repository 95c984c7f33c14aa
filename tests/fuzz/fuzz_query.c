/* Queries on events.
 *
 * Properties: a text is a query or is refused with a reason; printed, it is
 * the same query again, unless a tag is one of the words that a blank makes
 * into something else; whatever the value, a condition and its opposite are
 * not both met. */
#include "fuzz.h"

#include "query/query.h"

/* Behind the first line is a value. */
static struct span cut(struct span *in)
{
    const uint8_t *nl   = in->n ? memchr(in->p, '\n', in->n) : NULL;
    struct span    line = *in;

    if (nl) {
        line.n = (size_t)(nl - in->p);
        *in    = SPAN(nl + 1, in->n - line.n - 1);
    }
    return line;
}

static void check_value(const struct query_condition *c, struct span value)
{
    struct query_condition other = *c;

    if (c->op == QUERY_EXISTS || c->op == QUERY_CONTAINS)
        return;
    other.op = QUERY_LT;
    if (c->arg != QUERY_STRING && query_holds(&other, value)) {
        other.op = QUERY_GE;
        must(!query_holds(&other, value));
        other.op = QUERY_EQ;
        must(!query_holds(&other, value));
    }
}

/* "DATE=5" is one, "DATE = 5" is none. */
static bool has_words(const struct query *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (span_eq(q->v[i].tag, span_str("DATE")) ||
            span_eq(q->v[i].tag, span_str("TIME")))
            return true;
    return false;
}

void fuzz_one(struct span in)
{
    struct span       text = cut(&in);
    struct query      q, again;
    struct buf        error, one, two;
    struct query_fact fact;

    buf_init(&error, 1 << 24);
    buf_init(&one, 1 << 24);
    buf_init(&two, 1 << 24);
    if (!query_parse(&q, text, &fuzz_arena, &error)) {
        must(error.len > 0);
    } else if (!has_words(&q)) {
        query_print(&one, &q);
        must(query_parse(&again, buf_span(&one), &fuzz_arena, &error));
        query_print(&two, &again);
        must(span_eq(buf_span(&one), buf_span(&two)) && q.n == again.n);
        fact = (struct query_fact){ q.v[0].tag, in };
        must(query_matches(&q, &fact, 1) == query_matches(&again, &fact, 1));
        for (size_t i = 0; i < q.n; i++)
            check_value(&q.v[i], in);
    }
    buf_fini(&error);
    buf_fini(&one);
    buf_fini(&two);
}
