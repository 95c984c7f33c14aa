/* supervisor - keeps a set of processes running until it is told to stop.
 *
 * A process that ends is started again after a pause: 20 ms, doubled up to
 * 5 s while it does not stay up for a second.  One that ends with a code
 * which says that its data cannot be trusted (see supervisor_is_final) stops
 * them all.  SIGTERM, SIGINT and SIGHUP stop them one by one, the last
 * started first; whoever takes longer than stop_timeout is killed, and so
 * are all after another signal half a second or more later.
 *
 * If the supervisor itself is killed, the kernel kills its processes.  Each
 * process holds RUN/<name>.lock for as long as it lives (svc_start); a
 * successor waits for it, so it starts at once but never beside one that has
 * not gone yet.
 * Memory:  the plan belongs to the caller. */
#ifndef WARREN_SUPERVISOR_H
#define WARREN_SUPERVISOR_H

#include "base/err.h"

enum { SUPERVISED_MAX = 16 };

struct supervised {
    const char  *name;
    const char  *path; /* of the program */
    char *const *argv; /* ends in NULL */
};

struct supervisor_plan {
    struct supervised service[SUPERVISED_MAX];
    size_t            count;
    const char       *run_dir; /* exists; locks are made there */
    uint64_t          stop_timeout_us;
};

/* supervise - run the plan until a signal or a final failure; the exit code
 * of the whole.  ERR_BUSY when another supervisor holds RUN/supervisor.lock. */
NODISCARD enum err supervise(const struct supervisor_plan *plan);

/* supervised_exec - become the process; returns only when that fails. */
NODISCARD enum err supervised_exec(const struct supervised *s,
                                   const char              *run_dir);

/* supervisor_is_final - an exit code after which a new start cannot help.
 * ERR_DISK and ERR_NET (a full disk, an address in use) are final only for a
 * process that never stayed up. */
bool supervisor_is_final(int exit_code, bool has_stayed_up);

#endif
