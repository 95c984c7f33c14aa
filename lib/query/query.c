#include "query/query.h"

#include "query/internal.h"

/* ---- numbers ---- */

static size_t digits(struct span s, size_t at)
{
    size_t n = at;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n - at;
}

struct span decimal_prefix(struct span text, bool is_value)
{
    size_t n = digits(text, 0), more;

    if (n == 0 || n == text.n || text.p[n] != '.')
        return SPAN(text.p, n);
    more = digits(text, n + 1);
    return SPAN(text.p, is_value && more == 0 ? n : n + 1 + more);
}

struct decimal {
    struct span whole, fraction; /* without zeros that say nothing */
};

static struct decimal decimal_of(struct span s)
{
    struct decimal d;
    size_t         n = digits(s, 0);

    d.whole    = SPAN(s.p, n);
    d.fraction = n < s.n ? SPAN(s.p + n + 1, s.n - n - 1) : SPAN(s.p, 0);
    while (d.whole.n && d.whole.p[0] == '0')
        d.whole = SPAN(d.whole.p + 1, d.whole.n - 1);
    while (d.fraction.n && d.fraction.p[d.fraction.n - 1] == '0')
        d.fraction.n--;
    return d;
}

int decimal_cmp(struct span a, struct span b)
{
    struct decimal x = decimal_of(a), y = decimal_of(b);
    int            c;

    if (x.whole.n != y.whole.n)
        return x.whole.n < y.whole.n ? -1 : 1;
    c = span_cmp(x.whole, y.whole);
    return c ? c : span_cmp(x.fraction, y.fraction);
}

/* ---- matching ---- */

static bool compares(enum query_op op, int c)
{
    switch (op) {
    case QUERY_EQ: return c == 0;
    case QUERY_LT: return c < 0;
    case QUERY_LE: return c <= 0;
    case QUERY_GT: return c > 0;
    case QUERY_GE: return c >= 0;
    case QUERY_CONTAINS:
    case QUERY_EXISTS: break;
    }
    return false;
}

static bool stamp_holds(const struct query_condition *c, struct span value)
{
    struct stamp t;
    int          year;

    return gotime_parse(&t, &year, value, c->arg == QUERY_DATE, NULL) &&
           compares(c->op, stamp_cmp(t, c->stamp));
}

static bool contains(struct span value, struct span part)
{
    return part.n == 0 ||
           (value.n && memmem(value.p, value.n, part.p, part.n) != NULL);
}

bool query_holds(const struct query_condition *c, struct span value)
{
    struct span number;

    if (c->op == QUERY_EXISTS)
        return true;
    if (c->op == QUERY_CONTAINS)
        return contains(value, c->text);
    switch (c->arg) {
    case QUERY_NO_ARG: return false;
    case QUERY_STRING: return span_eq(value, c->text);
    case QUERY_NUMBER:
        number = decimal_prefix(value, true);
        return number.n && compares(c->op, decimal_cmp(number, c->text));
    case QUERY_TIME:
    case QUERY_DATE: return stamp_holds(c, value);
    }
    return false;
}

/* TYPE of TYPE.KEY. */
static struct span type_of(struct span tag)
{
    size_t n = tag.n;

    while (n && tag.p[n - 1] != '.')
        n--;
    return SPAN(tag.p, n ? n - 1 : 0);
}

static bool is_met(const struct query_condition *c, const struct query_fact *v,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].tag.n < c->tag.n ||
            memcmp(v[i].tag.p, c->tag.p, c->tag.n) != 0)
            continue;
        if (v[i].tag.n == c->tag.n && query_holds(c, v[i].value))
            return true;
        if (v[i].tag.n > c->tag.n && type_of(v[i].tag).n == c->tag.n &&
            query_holds(c, (struct span){ 0 }))
            return true;
    }
    return false;
}

bool query_matches(const struct query *q, const struct query_fact *v, size_t n)
{
    for (size_t i = 0; i < q->n; i++)
        if (!is_met(&q->v[i], v, n))
            return false;
    return n > 0;
}

/* ---- printing ---- */

void query_print(struct buf *out, const struct query *q)
{
    static const char *const ops[] = {
        [QUERY_CONTAINS] = "CONTAINS",
        [QUERY_EXISTS]   = "EXISTS",
        [QUERY_EQ]       = "=",
        [QUERY_LT]       = "<",
        [QUERY_LE]       = "<=",
        [QUERY_GT]       = ">",
        [QUERY_GE]       = ">=",
    };
    static const char *const before[] = {
        [QUERY_NO_ARG] = "",     [QUERY_STRING] = " '",   [QUERY_NUMBER] = " ",
        [QUERY_TIME] = " TIME ", [QUERY_DATE] = " DATE ",
    };

    for (size_t i = 0; i < q->n; i++) {
        const struct query_condition *c = &q->v[i];

        buf_str(out, i ? " AND " : "");
        buf_add(out, c->tag);
        buf_byte(out, ' ');
        buf_str(out, ops[c->op]);
        buf_str(out, before[c->arg]);
        buf_add(out, c->text);
        buf_str(out, c->arg == QUERY_STRING ? "'" : "");
    }
}
