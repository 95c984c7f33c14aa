/* metrics - numbers for Prometheus, in its text format.
 *
 * Source:  Prometheus exposition format 0.0.4; names as CometBFT v0.38.
 * Shapes:  a metric is one of metrics.def, with up to two labels besides
 *          chain_id (and service, for those that every service has); label
 *          values are bounded by METRIC_SERIES_MAX each.  A series appears
 *          when it is first set.
 * Memory:  series are kept until the process ends. */
#ifndef WARREN_METRICS_H
#define WARREN_METRICS_H

#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum { METRIC_SERIES_MAX = 512, METRIC_LABELS_MAX = 2 };

struct metric_series;
struct metric {
    bool                  is_cometbfts; /* named by the configured namespace */
    const char           *service;      /* "EVERY": it has that label */
    const char           *subsystem, *name; /* prefix_subsystem_name */
    const char           *help, *unit;
    enum metric_kind      kind;
    const char           *labels[METRIC_LABELS_MAX];
    const double         *buckets; /* histogram: ascending, bucket_count */
    size_t                bucket_count;
    struct metric        *next; /* set by the first use */
    struct metric_series *series;
    size_t                series_count;
    bool                  is_linked;
};

/* metric_SUBSYSTEM_NAME for each line of metrics.def. */
#define METRIC(prefix, service, subsystem, name, ...)                          \
    extern struct metric metric_##subsystem##_##name;
#include "metrics/metrics.def"

/* metrics_start - whose process this is; what has not happened yet reads 0. */
void metrics_start(const char *service);

/* v1, v2: label values, NULL where the metric has none. */
void metric_add(struct metric *m, const char *v1, const char *v2, double n);
void metric_set(struct metric *m, const char *v1, const char *v2, double n);
void metric_observe(struct metric *m, const char *v1, const char *v2, double n);
/* metric_since - observe the seconds since us, as now_us() tells. */
void metric_since(struct metric *m, const char *v1, const char *v2,
                  uint64_t us);
/* metric_forget - drop a series, e.g. of a peer that left. */
void metric_forget(struct metric *m, const char *v1, const char *v2);

/* A place to look whenever somebody asks: fn sets what only then is counted.
 * In its owner, which must not move; leave before it goes. */
struct metrics_source {
    void (*fn)(void *ctx);
    void                  *ctx;
    struct metrics_source *next;
};
void metrics_join(struct metrics_source *s);
void metrics_leave(struct metrics_source *s);

/* metrics_disk - what room there is where path lies; now. */
void metrics_disk(const char *path);

/* metrics_print - every series of this process. */
void metrics_print(struct buf *out, const char *prefix, const char *chain_id);

#endif
