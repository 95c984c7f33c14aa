/* What every service tells of itself: process, disk, conditions. */
#include "base/files.h"
#include "model/genesis.h"
#include "svc/internal.h"
#include "json/read.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { METRICS_BYTES_MAX = 4 << 20 };

static double resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE         *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fscanf(f, "%lu %lu", &size, &pages) != 2)
        pages = 0;
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    DIR   *d = opendir("/proc/self/fd");
    double n = -3; /* ".", ".." and this one */

    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void measure_process(const struct svc_process *p)
{
    struct svc_health h;
    struct rusage     use;
    struct rlimit     files;

    svc_health(&h, p);
    getrusage(RUSAGE_SELF, &use);
    metric_set(&metric_process_cpu_seconds_total, NULL, NULL,
               (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                   (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    metric_set(&metric_process_resident_memory_bytes, NULL, NULL, resident());
    metric_set(&metric_process_open_fds, NULL, NULL, open_files());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        metric_set(&metric_process_max_fds, NULL, NULL, (double)files.rlim_cur);
    metric_set(&metric_process_ready, NULL, NULL, h.message.n_reasons == 0);
    for (size_t i = 0; i < p->condition_count; i++)
        metric_set(&metric_process_condition, p->conditions[i].name, NULL,
                   !p->conditions[i].reason);
}

void svc_measure_start(void)
{
    const char *restarts = getenv("WARREN_RESTARTS");

    metric_set(&metric_build_info, WARREN_NODE_VERSION, __VERSION__, 1);
    metric_set(&metric_process_start_time_seconds, NULL, NULL,
               (double)time(NULL));
    if (restarts)
        metric_set(&metric_process_restarts_total, NULL, NULL,
                   (double)strtoul(restarts, NULL, 10));
}

void svc_metrics(struct buf *out, struct svc *s)
{
    const struct svc_process *p = svc_process(s);

    measure_process(p);
    if (p->disk_path)
        metrics_disk(p->disk_path);
    buf_init(out, METRICS_BYTES_MAX);
    metrics_print(out, s->config->instrumentation.namespace, s->chain_id);
}

const char *svc_chain_id(struct svc *s)
{
    const char     *path = config_path(s->config, s->config->genesis_file);
    struct json_doc doc  = { 0 };
    struct span     id   = { 0 };
    struct buf      text;
    char           *copy = NULL;

    buf_init(&text, 2 * (size_t)GENESIS_BYTES_MAX);
    if (access(path, R_OK) == 0 &&
        file_read(&text, path, GENESIS_BYTES_MAX) == OK &&
        json_doc_parse(&doc, buf_span(&text), JSON_KEYS_LAST_WINS) == ACCEPT &&
        json_read_str(&id, json_get(doc.root, "chain_id")))
        copy = arena_alloc(&s->config->arena, id.n + 1);
    if (copy) {
        memcpy(copy, id.p, id.n);
        copy[id.n] = 0;
    }
    json_doc_fini(&doc);
    buf_fini(&text);
    return copy ? copy : "";
}
