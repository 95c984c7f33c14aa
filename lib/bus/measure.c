/* What waits on each link, summed up when somebody asks. */
#include "bus/wire.h"

#include "metrics/metrics.h"

enum { LINKS_MAX = 64 };

struct link {
    const char *name, *role;
    size_t      messages, bytes;
};

struct links {
    struct link v[LINKS_MAX];
    size_t      n;
};

static void add(struct links *l, const char *name, const char *role,
                size_t messages, size_t bytes)
{
    size_t i = 0;

    while (i < l->n &&
           (strcmp(l->v[i].name, name) != 0 || strcmp(l->v[i].role, role) != 0))
        i++;
    if (i == LINKS_MAX || !*name)
        return;
    if (i == l->n)
        l->v[l->n++] = (struct link){ .name = name, .role = role };
    l->v[i].messages += messages;
    l->v[i].bytes += bytes;
}

static void measure(void *bus)
{
    struct bus  *b = bus;
    struct links l = { .n = 0 };

    clients_measure(b, &l, add);
    servers_measure(b, &l, add);
    for (size_t i = 0; i < l.n; i++) {
        const struct link *k = &l.v[i];

        metric_set(&metric_bus_queue_messages, k->name, k->role,
                   (double)k->messages);
        metric_set(&metric_bus_queue_bytes, k->name, k->role, (double)k->bytes);
        link_dropped(k->name, k->role, 0);
    }
}

void link_dropped(const char *name, const char *role, size_t n)
{
    if (*name)
        metric_add(&metric_bus_dropped_total, name, role, (double)n);
}

void links_measure(struct bus *b)
{
    b->numbers = (struct metrics_source){ .fn = measure, .ctx = b };
    metrics_join(&b->numbers);
}
