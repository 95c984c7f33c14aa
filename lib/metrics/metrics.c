#include "metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

enum { VALUE_BYTES_MAX = 128 };

/* One set of label values. */
struct metric_series {
    struct metric_series *next;
    char                 *label[METRIC_LABELS_MAX]; /* NULL: none */
    double                value;                    /* histogram: the sum */
    uint64_t              count;
    uint64_t              bucket[]; /* not cumulative */
};

static struct metric *first, **last = &first;

static bool same_text(const char *a, const char *b)
{
    return a && b ? strncmp(a, b, VALUE_BYTES_MAX) == 0 : a == b;
}

static char *copy_text(const char *s)
{
    char *copy = s ? strndup(s, VALUE_BYTES_MAX) : NULL;

    must(copy || !s);
    return copy;
}

static struct metric_series **find(struct metric *m, const char *v1,
                                   const char *v2)
{
    struct metric_series **s = &m->series;

    while (*s &&
           !(same_text((*s)->label[0], v1) && same_text((*s)->label[1], v2)))
        s = &(*s)->next;
    return s;
}

/* The series of these values; NULL when there are too many. */
static struct metric_series *series(struct metric *m, const char *v1,
                                    const char *v2)
{
    struct metric_series **at = find(m, v1, v2);
    struct metric_series  *s  = *at;

    if (!m->is_linked) {
        m->is_linked = true;
        *last        = m;
        last         = &m->next;
    }
    if (s || m->series_count >= METRIC_SERIES_MAX)
        return s;
    s = calloc(1, sizeof *s + m->bucket_count * sizeof s->bucket[0]);
    must(s);
    s->label[0] = copy_text(v1);
    s->label[1] = copy_text(v2);
    *at         = s;
    m->series_count++;
    return s;
}

void metric_add(struct metric *m, const char *v1, const char *v2, double n)
{
    struct metric_series *s = series(m, v1, v2);

    if (s)
        s->value += n;
}

void metric_set(struct metric *m, const char *v1, const char *v2, double n)
{
    struct metric_series *s = series(m, v1, v2);

    if (s)
        s->value = n;
}

void metric_observe(struct metric *m, const char *v1, const char *v2, double n)
{
    struct metric_series *s = series(m, v1, v2);
    size_t                i = 0;

    if (!s)
        return;
    while (i < m->bucket_count && n > m->buckets[i])
        i++;
    if (i < m->bucket_count)
        s->bucket[i]++;
    s->value += n;
    s->count++;
}

void metric_forget(struct metric *m, const char *v1, const char *v2)
{
    struct metric_series **at = find(m, v1, v2);
    struct metric_series  *s  = *at;

    if (!s)
        return;
    *at = s->next;
    m->series_count--;
    free(s->label[0]);
    free(s->label[1]);
    free(s);
}

/* ---- printing ---- */

struct printer {
    struct buf *out;
    const char *prefix, *chain_id;
};

static void print_number(struct buf *out, double n)
{
    if (isnan(n))
        buf_str(out, "NaN");
    else if (isinf(n))
        buf_str(out, n > 0 ? "+Inf" : "-Inf");
    else if (n == floor(n) && fabs(n) < 1e15)
        buf_printf(out, "%.0f", n);
    else
        buf_printf(out, "%.15g", n);
}

static void print_escaped(struct buf *out, const char *s, bool is_label)
{
    for (; *s; s++) {
        if (*s == '\\')
            buf_str(out, "\\\\");
        else if (*s == '\n')
            buf_str(out, "\\n");
        else if (*s == '"' && is_label)
            buf_str(out, "\\\"");
        else
            buf_byte(out, (uint8_t)*s);
    }
}

static void print_label(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s=\"", name);
    print_escaped(out, value, true);
    buf_byte(out, '"');
}

/* name_suffix{chain_id="...",...} */
static void print_series(const struct printer *p, const struct metric *m,
                         const struct metric_series *s, const char *suffix,
                         const char *le)
{
    buf_printf(p->out, "%s_%s%s%s%s{", p->prefix, m->subsystem,
               m->subsystem[0] ? "_" : "", m->name, suffix);
    print_label(p->out, "chain_id", p->chain_id);
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        if (!m->labels[i])
            continue;
        buf_byte(p->out, ',');
        print_label(p->out, m->labels[i], s->label[i] ? s->label[i] : "");
    }
    if (le) {
        buf_byte(p->out, ',');
        print_label(p->out, "le", le);
    }
    buf_str(p->out, "} ");
}

static void print_histogram(const struct printer *p, const struct metric *m,
                            const struct metric_series *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->bucket_count; i++) {
        char       le[32];
        struct buf text;

        buf_use(&text, le, sizeof le);
        print_number(&text, m->buckets[i]);
        sum += s->bucket[i];
        print_series(p, m, s, "_bucket", buf_cstr(&text));
        buf_printf(p->out, "%" PRIu64 "\n", sum);
    }
    print_series(p, m, s, "_bucket", "+Inf");
    buf_printf(p->out, "%" PRIu64 "\n", s->count);
    print_series(p, m, s, "_sum", NULL);
    print_number(p->out, s->value);
    buf_byte(p->out, '\n');
    print_series(p, m, s, "_count", NULL);
    buf_printf(p->out, "%" PRIu64 "\n", s->count);
}

static void print_metric(const struct printer *p, const struct metric *m)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    const char              *line    = m->subsystem[0] ? "_" : "";

    buf_printf(p->out, "# HELP %s_%s%s%s ", p->prefix, m->subsystem, line,
               m->name);
    print_escaped(p->out, m->help, false);
    buf_printf(p->out, "\n# TYPE %s_%s%s%s %s\n", p->prefix, m->subsystem, line,
               m->name, kinds[m->kind]);
    for (const struct metric_series *s = m->series; s; s = s->next) {
        if (m->kind == METRIC_HISTOGRAM) {
            print_histogram(p, m, s);
        } else {
            print_series(p, m, s, "", NULL);
            print_number(p->out, s->value);
            buf_byte(p->out, '\n');
        }
    }
}

void metrics_print(struct buf *out, const char *prefix, const char *chain_id)
{
    struct printer p = { out, prefix, chain_id };

    for (const struct metric *m = first; m; m = m->next)
        if (m->series)
            print_metric(&p, m);
}
