/* What the files of lib/svc share. */
#ifndef WARREN_SVC_INTERNAL_H
#define WARREN_SVC_INTERNAL_H

#include "svc/svc.h"

enum { CONDITIONS_MAX = 16 };

struct condition {
    const char *name, *reason;
};

struct svc_process {
    struct svc       svc; /* what others see */
    int              lock;
    uint64_t         started_us;
    struct condition conditions[CONDITIONS_MAX];
    size_t           condition_count;
};

static inline struct svc_process *svc_process(struct svc *s)
{
    return CONTAINER_OF(s, struct svc_process, svc);
}

/* svc_admin - answers requests of the admin lane. */
void svc_admin(void *ctx, struct bus_call call, struct span body);
/* svc_keys - hand the CURVE keys that the config names to the bus. */
NODISCARD enum err svc_keys(struct svc *s);

#endif
