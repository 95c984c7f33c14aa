/* metrics - numbers for Prometheus, in its text format.
 *
 * Source:  Prometheus exposition format 0.0.4; names as CometBFT v0.38.
 * Shapes:  a metric is a static object with up to two labels besides
 *          chain_id; label values are bounded by METRIC_SERIES_MAX each.
 *          A series appears when it is first set.
 * Memory:  series are kept until the process ends. */
#ifndef WARREN_METRICS_H
#define WARREN_METRICS_H

#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum { METRIC_SERIES_MAX = 512, METRIC_LABELS_MAX = 2 };

struct metric_series;
struct metric {
    const char      *subsystem, *name, *help; /* namespace_subsystem_name */
    enum metric_kind kind;
    const char      *labels[METRIC_LABELS_MAX];
    const double    *buckets; /* histogram: ascending, bucket_count */
    size_t           bucket_count;
    struct metric   *next; /* set by the first use */
    struct metric_series *series;
    size_t                series_count;
    bool                  is_linked;
};

/* v1, v2: label values, NULL where the metric has none. */
void metric_add(struct metric *m, const char *v1, const char *v2, double n);
void metric_set(struct metric *m, const char *v1, const char *v2, double n);
void metric_observe(struct metric *m, const char *v1, const char *v2, double n);
/* metric_forget - drop a series, e.g. of a peer that left. */
void metric_forget(struct metric *m, const char *v1, const char *v2);

/* metrics_print - every series of this process. */
void metrics_print(struct buf *out, const char *prefix, const char *chain_id);

#endif
