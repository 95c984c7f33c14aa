#include "metrics/metrics.h"

#include "loop/loop.h"

#include <math.h>
#include <stdlib.h>
#include <sys/statvfs.h>

enum { VALUE_BYTES_MAX = 128 };

/* ---- the metrics ---- */

/* CometBFT's: eight from 0.1 to 100, evenly on a logarithmic scale. */
static const double duration_buckets[] = {
    0.1,
    0.26827957952797253,
    0.7196856730011518,
    1.9306977288832496,
    5.179474679231209,
    13.89495494373137,
    37.27593720314938,
    99.99999999999993,
};
static const double interval_buckets[]   = { .005, .01, .025, .05, .1, .25,
                                             .5,   1,   2.5,  5,   10 };
static const double processing_buckets[] = { 1,  11, 21, 31, 41,
                                             51, 61, 71, 81, 91 };
static const double tx_size_buckets[]    = { 1, 3, 9, 27, 81, 243, 729 };
static const double timing_buckets[]     = { .0001, .0004, .002, .009, .02,
                                             .1,    .65,   2,    6,    25 };
/* Ours. */
static const double latency_buckets[] = { .0003, .001, .003, .01, .03,
                                          .1,    .3,   1,    3,   10 };

#define COMETBFT    true
#define WARREN      false
#define NONE        0
#define LABELS(...) __VA_ARGS__
#define BUCKETS(b)  (b), .bucket_count = COUNT(b)
#define METRIC(prefix_, service_, subsystem_, name_, kind_, unit_, labels_,      \
               buckets_, help_)                                                  \
    struct metric metric_##subsystem_##_##name_ = { .is_cometbfts = (prefix_),   \
                                                    .service      = #service_,   \
                                                    .subsystem    = #subsystem_, \
                                                    .name         = #name_,      \
                                                    .help         = (help_),     \
                                                    .unit         = (unit_),     \
                                                    .kind    = METRIC_##kind_,   \
                                                    .labels  = { labels_ },      \
                                                    .buckets = buckets_ };
#include "metrics/metrics.def"

#define METRIC(prefix, service, subsystem, name, ...)                          \
    &metric_##subsystem##_##name,
static struct metric *const all[] = {
#include "metrics/metrics.def"
};

/* ---- series ---- */

/* One set of label values. */
struct metric_series {
    struct metric_series *next;
    char                 *label[METRIC_LABELS_MAX]; /* NULL: none */
    double                value;                    /* histogram: the sum */
    uint64_t              count;
    uint64_t              bucket[]; /* not cumulative */
};

static struct metric         *first, **last = &first;
static struct metrics_source *sources;
static const char            *own_service = "";

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

static bool is_mine(const struct metric *m)
{
    return strcmp(m->service, own_service) == 0 ||
           (strcmp(m->service, "EVERY") == 0 && *own_service);
}

void metrics_start(const char *service)
{
    own_service = service;
    for (size_t i = 0; i < COUNT(all); i++)
        if (is_mine(all[i]) && all[i]->kind != METRIC_GAUGE &&
            !all[i]->labels[0])
            (void)series(all[i], NULL, NULL);
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

void metric_since(struct metric *m, const char *v1, const char *v2, uint64_t us)
{
    metric_observe(m, v1, v2, (double)(now_us() - us) / 1e6);
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

/* ---- sources ---- */

void metrics_join(struct metrics_source *s)
{
    s->next = sources;
    sources = s;
}

void metrics_leave(struct metrics_source *s)
{
    struct metrics_source **at = &sources;

    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
}

void metrics_disk(const char *path)
{
    struct statvfs v;

    if (statvfs(path, &v) != 0)
        return;
    metric_set(&metric_disk_size_bytes, NULL, NULL,
               (double)v.f_blocks * (double)v.f_frsize);
    metric_set(&metric_disk_free_bytes, NULL, NULL,
               (double)v.f_bavail * (double)v.f_frsize);
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

static void print_name(const struct printer *p, const struct metric *m)
{
    buf_printf(p->out, "%s_%s_%s", m->is_cometbfts ? p->prefix : "warren",
               m->subsystem, m->name);
}

/* name_suffix{chain_id="...",...} */
static void print_series(const struct printer *p, const struct metric *m,
                         const struct metric_series *s, const char *suffix,
                         const char *le)
{
    print_name(p, m);
    buf_printf(p->out, "%s{", suffix);
    print_label(p->out, "chain_id", p->chain_id);
    if (strcmp(m->service, "EVERY") == 0) {
        buf_byte(p->out, ',');
        print_label(p->out, "service", own_service);
    }
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

    buf_str(p->out, "# HELP ");
    print_name(p, m);
    buf_byte(p->out, ' ');
    print_escaped(p->out, m->help, false);
    buf_printf(p->out, " Unit: %s.\n# TYPE ", m->unit);
    print_name(p, m);
    buf_printf(p->out, " %s\n", kinds[m->kind]);
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

    for (struct metrics_source *s = sources; s; s = s->next)
        s->fn(s->ctx);
    for (const struct metric *m = first; m; m = m->next)
        if (m->series)
            print_metric(&p, m);
}
