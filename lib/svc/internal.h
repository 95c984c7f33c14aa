/* What the files of lib/svc share. */
#ifndef WARREN_SVC_INTERNAL_H
#define WARREN_SVC_INTERNAL_H

#include "loop/http.h"
#include "proto/admin.pb-c.h"
#include "svc/svc.h"

enum { CONDITIONS_MAX = 16, NOTE_BYTES_MAX = 256 };

struct condition {
    const char *name, *reason;
};

struct svc_process {
    struct svc          svc; /* what others see */
    int                 lock;
    uint64_t            started_us;
    struct condition    conditions[CONDITIONS_MAX];
    size_t              condition_count;
    struct timer        log_sweep;
    loop_fn            *on_stop; /* NULL: nothing is to be ended well */
    void               *stop_ctx;
    struct http_server *status;  /* NULL: no status port */
    struct bus_client  *relayed; /* whom the port also answers for, or NULL */
    const char         *relayed_name;
    struct timer        note;                        /* to the manager */
    char                note_status[NOTE_BYTES_MAX]; /* what it knows */
    uint64_t            watchdog_us;
    const char         *disk_path; /* of the service's data, or NULL */
};

/* What the process says of its health; points into itself and the process. */
struct svc_health {
    Admin__Health          message;
    Admin__Health__Reason  found[CONDITIONS_MAX];
    Admin__Health__Reason *list[CONDITIONS_MAX];
};

static inline struct svc_process *svc_process(struct svc *s)
{
    return CONTAINER_OF(s, struct svc_process, svc);
}

/* svc_admin - answers requests of the admin lane. */
void svc_admin(void *ctx, struct bus_call call, struct span body);
void svc_health(struct svc_health *out, const struct svc_process *p);
/* svc_measure_start - what does not change while the process lives. */
void svc_measure_start(void);
/* svc_chain_id - as the genesis file has it, or "". */
const char *svc_chain_id(struct svc *s);
/* svc_status_open - listen at status_laddr, if there is one. */
NODISCARD enum err svc_status_open(struct svc_process *p);
/* svc_is_served - not on a tcp port to which nobody may connect. */
bool svc_is_served(const struct svc *s);
/* svc_keys - hand the CURVE keys that the config names to the bus. */
NODISCARD enum err svc_keys(struct svc *s);

#endif
