/* The grammar of queries: a scanner of tokens, a parser of conditions.
 *
 * Offsets in errors count bytes.  What a token ends at is decided as CometBFT
 * decides it, oddities included: "DATE" is a tag unless a blank follows, and
 * a string that does not end behind a whole condition is passed over. */
#include "query/internal.h"

enum token {
    T_INVALID,
    T_TAG,
    T_STRING,
    T_NUMBER,
    T_TIME,
    T_DATE,
    T_AND,
    T_CONTAINS,
    T_EXISTS,
    T_EQ,
    T_LT,
    T_LE,
    T_GT,
    T_GE,
    T_END, /* no token is left */
};

static const char *const labels[] = {
    "invalid token",   "tag",         "string",       "number",
    "timestamp",       "datestamp",   "AND operator", "CONTAINS operator",
    "EXISTS operator", "= operator",  "< operator",   "<= operator",
    "> operator",      ">= operator",
};

enum { END = -1 };

struct scanner {
    struct span  in;
    size_t       end, last, pos; /* read up to; size of the last rune; token */
    enum token   token;
    bool         is_bad; /* the token is none: error says why */
    struct buf   text;
    struct stamp stamp;
    struct buf  *error;
};

/* ---- runes ---- */

/* One rune, U+FFFD for a byte that begins none. */
static uint32_t decode(const uint8_t *p, size_t n, size_t *size)
{
    size_t   want = p[0] < 0x80   ? 1
                    : p[0] < 0xc2 ? 0
                    : p[0] < 0xe0 ? 2
                    : p[0] < 0xf0 ? 3
                    : p[0] < 0xf5 ? 4
                                  : 0;
    uint32_t r    = want < 2 ? p[0] : p[0] & (0x7fu >> want);

    *size = 1;
    if (want == 1)
        return r;
    if (want == 0 || want > n)
        return 0xfffd;
    for (size_t i = 1; i < want; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        r = r << 6 | (p[i] & 0x3f);
    }
    if ((want == 3 && r < 0x800) || (want == 4 && r < 0x10000) ||
        r > 0x10ffff || (r >= 0xd800 && r < 0xe000))
        return 0xfffd;
    *size = want;
    return r;
}

static int64_t next_rune(struct scanner *s)
{
    uint32_t r;

    s->last = 0;
    if (s->end == s->in.n)
        return END;
    r = decode(s->in.p + s->end, s->in.n - s->end, &s->last);
    s->end += s->last;
    return r;
}

static void unread(struct scanner *s)
{
    s->end -= s->last;
    s->last = 0;
}

static void put_rune(struct buf *out, int64_t r)
{
    if (r < 0x80) {
        buf_byte(out, (uint8_t)r);
    } else if (r < 0x800) {
        buf_byte(out, (uint8_t)(0xc0 | r >> 6));
        buf_byte(out, (uint8_t)(0x80 | (r & 0x3f)));
    } else {
        if (r < 0x10000) {
            buf_byte(out, (uint8_t)(0xe0 | r >> 12));
        } else {
            buf_byte(out, (uint8_t)(0xf0 | r >> 18));
            buf_byte(out, (uint8_t)(0x80 | (r >> 12 & 0x3f)));
        }
        buf_byte(out, (uint8_t)(0x80 | (r >> 6 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (r & 0x3f)));
    }
}

static bool is_space(int64_t r)
{
    return (r >= '\t' && r <= '\r') || r == ' ' || r == 0x85 || r == 0xa0 ||
           r == 0x1680 || (r >= 0x2000 && r <= 0x200a) || r == 0x2028 ||
           r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000;
}

static bool is_digit(int64_t r)
{
    return r >= '0' && r <= '9';
}

static bool is_time(int64_t r)
{
    return is_digit(r) || r == '-' || r == 'T' || r == ':' || r == '+' ||
           r == 'Z';
}

static bool is_date(int64_t r)
{
    return is_digit(r) || r == '-';
}

static bool is_tag(int64_t r)
{
    return r == '.' || r == '_' || r == '-' ||
           rune_is_letter_or_digit((uint32_t)r);
}

/* ---- tokens ---- */

static void scan_while(struct scanner *s, bool (*is_part)(int64_t r))
{
    int64_t r;

    while ((r = next_rune(s)) != END) {
        if (!is_part(r)) {
            unread(s);
            return;
        }
        put_rune(&s->text, r);
    }
}

static void scan_number(struct scanner *s)
{
    int64_t r;

    scan_while(s, is_digit);
    r = next_rune(s);
    if (r == '.') {
        put_rune(&s->text, r);
        scan_while(s, is_digit);
    } else {
        unread(s);
    }
    s->token = T_NUMBER;
}

static void scan_string(struct scanner *s)
{
    int64_t r;

    buf_clear(&s->text);
    while ((r = next_rune(s)) != '\'') {
        if (r == END) {
            s->token = T_END;
            return;
        }
        put_rune(&s->text, r);
    }
    s->token = T_STRING;
}

static void scan_compare(struct scanner *s, int64_t first)
{
    s->token = first == '=' ? T_EQ : first == '<' ? T_LT : T_GT;
    if (first == '=')
        return;
    if (next_rune(s) == '=')
        s->token++;
    else
        unread(s);
}

static void scan_moment(struct scanner *s, bool is_day)
{
    const char *name = is_day ? "DATE" : "TIME";
    int         year;

    buf_clear(&s->text);
    scan_while(s, is_day ? is_date : is_time);
    buf_printf(s->error, "invalid %s value: ", name);
    if (!gotime_parse(&s->stamp, &year, buf_span(&s->text), is_day, s->error)) {
        s->is_bad = true;
        return;
    }
    buf_clear(s->error);
    if (year < 1900 || year > 2999) {
        buf_printf(s->error, "%s year %d out of range",
                   is_day ? "datestamp" : "timestamp", year);
        s->is_bad = true;
        return;
    }
    s->token = is_day ? T_DATE : T_TIME;
}

static void scan_word(struct scanner *s)
{
    static const struct {
        const char *word;
        enum token  token;
    } words[] = { { "AND", T_AND },
                  { "EXISTS", T_EXISTS },
                  { "CONTAINS", T_CONTAINS } };
    int64_t     r;
    struct span text;

    while ((r = next_rune(s)) != END && is_tag(r))
        put_rune(&s->text, r);
    text = buf_span(&s->text);
    if (r == ' ' && span_eq(text, span_str("TIME"))) {
        scan_moment(s, false);
        return;
    }
    if (r == ' ' && span_eq(text, span_str("DATE"))) {
        scan_moment(s, true);
        return;
    }
    s->token = T_TAG;
    for (size_t i = 0; i < COUNT(words); i++)
        if (span_eq(text, span_str(words[i].word)))
            s->token = words[i].token;
    unread(s);
}

static void invalid(struct scanner *s, int64_t r)
{
    buf_str(s->error, "invalid input ");
    put_rune(s->error, r);
    buf_printf(s->error, " at offset %zu", s->end);
    s->is_bad = true;
}

static void scan(struct scanner *s)
{
    int64_t r;

    buf_clear(&s->text);
    s->token  = T_INVALID;
    s->is_bad = false;
    do {
        s->pos = s->end;
        r      = next_rune(s);
    } while (r != END && is_space(r));
    if (r == END) {
        s->token = T_END;
        return;
    }
    put_rune(&s->text, r);
    if (is_digit(r))
        scan_number(s);
    else if (r == '_' || rune_is_letter_or_digit((uint32_t)r))
        scan_word(s);
    else if (r == '\'')
        scan_string(s);
    else if (r == '<' || r == '>' || r == '=')
        scan_compare(s, r);
    else
        invalid(s, r);
}

/* ---- conditions ---- */

/* The next token must be one of n. */
static bool require(struct scanner *s, const enum token *wanted, size_t n)
{
    char       text[512];
    struct buf why, *error = s->error;

    buf_use(&why, text, sizeof text);
    s->error = &why;
    scan(s);
    s->error = error;
    if (s->is_bad || s->token == T_END) {
        buf_printf(error, "offset %zu: ", s->pos);
        buf_add(error, s->is_bad ? buf_span(&why) : span_str("EOF"));
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (s->token == wanted[i])
            return true;
    buf_printf(error, "offset %zu: got %s, wanted ", s->pos, labels[s->token]);
    for (size_t i = 0; i < n; i++) {
        buf_str(error, i == 0 ? "" : i + 1 == n ? " or " : ", ");
        buf_str(error, labels[wanted[i]]);
    }
    return false;
}

static enum query_op op_of(enum token t)
{
    static const enum query_op ops[] = {
        [T_CONTAINS] = QUERY_CONTAINS,
        [T_EXISTS]   = QUERY_EXISTS,
        [T_EQ]       = QUERY_EQ,
        [T_LT]       = QUERY_LT,
        [T_LE]       = QUERY_LE,
        [T_GT]       = QUERY_GT,
        [T_GE]       = QUERY_GE,
    };

    return ops[t];
}

static enum query_arg arg_of(enum token t)
{
    static const enum query_arg args[] = {
        [T_STRING] = QUERY_STRING,
        [T_NUMBER] = QUERY_NUMBER,
        [T_TIME]   = QUERY_TIME,
        [T_DATE]   = QUERY_DATE,
    };

    return args[t];
}

static bool require_arg(struct scanner *s, enum token op)
{
    static const enum token string   = T_STRING;
    static const enum token values[] = { T_NUMBER, T_TIME, T_DATE, T_STRING };

    if (op == T_CONTAINS)
        return require(s, &string, 1);
    return require(s, values, op == T_EQ ? 4 : 3);
}

static bool parse_condition(struct query_condition *c, struct scanner *s,
                            struct arena *a)
{
    static const enum token tag   = T_TAG;
    static const enum token ops[] = { T_LE, T_GE,       T_LT,    T_GT,
                                      T_EQ, T_CONTAINS, T_EXISTS };

    *c = (struct query_condition){ 0 };
    if (!require(s, &tag, 1))
        return false;
    c->tag = arena_copy(a, buf_span(&s->text));
    if (!require(s, ops, COUNT(ops)))
        return false;
    c->op = op_of(s->token);
    if (c->op == QUERY_EXISTS)
        return true;
    if (!require_arg(s, s->token))
        return false;
    c->arg   = arg_of(s->token);
    c->text  = arena_copy(a, buf_span(&s->text));
    c->stamp = s->stamp;
    return true;
}

/* Room for one more; conditions are few, and a query's text bounds them. */
static struct query_condition *add(struct query *q, struct arena *a)
{
    struct query_condition *v;

    if (q->n == 0 || (q->n & (q->n - 1)) == 0) {
        v = arena_newn(a, struct query_condition, q->n ? 2 * q->n : 1);
        if (!v)
            return NULL;
        if (q->n)
            memcpy(v, q->v, q->n * sizeof *v);
        q->v = v;
    }
    return &q->v[q->n++];
}

static bool parse_all(struct query *q, struct scanner *s, struct arena *a)
{
    struct buf *error = s->error;
    char        ignored[512];
    struct buf  why;

    for (;;) {
        struct query_condition *c = add(q, a);

        if (!c) {
            buf_str(error, "the query is too long");
            return false;
        }
        if (!parse_condition(c, s, a))
            return false;
        buf_use(&why, ignored, sizeof ignored);
        s->error = &why;
        scan(s);
        s->error = error;
        if (s->token == T_END)
            return true;
        if (s->token != T_AND) {
            buf_printf(error, "offset %zu: got %s, want %d", s->pos,
                       labels[s->token], (int)T_AND);
            return false;
        }
    }
}

bool query_parse(struct query *out, struct span text, struct arena *a,
                 struct buf *error)
{
    struct scanner s = { .in = text, .error = error };
    uint8_t       *p;
    bool           is_ok;

    *out = (struct query){ 0 };
    p    = arena_alloc(a, 3 * text.n + 4); /* a bad byte becomes three */
    if (!p) {
        buf_str(error, "the query is too long");
        return false;
    }
    buf_use(&s.text, p, 3 * text.n + 4);
    is_ok = parse_all(out, &s, a);
    return is_ok;
}
