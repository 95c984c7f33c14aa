/* shell - the store's side of the bus: requests to the database, one sync for
 * all that wait together, hints of new heights. */
#ifndef WARREN_STORE_SHELL_H
#define WARREN_STORE_SHELL_H

#include "proto/store.pb-c.h"
#include "store/db.h"
#include "svc/svc.h"

enum { HELD_MAX = 1024, HINT_PACE_US = 5000 };

/* A request whose answer waits for the commit. */
struct held {
    struct bus_call call;
    int64_t         state; /* the height it makes visible, or -1 */
};

struct pruning {
    struct bus_call call;
    int64_t         retain, evidence;
    uint64_t        dropped;
    bool            is_active;
    struct deferred step;
};

struct shell {
    struct svc     *svc;
    struct db       db;
    char            chain_id[CHAIN_ID_BYTES_MAX + 1];
    struct arena    arena; /* of one request */
    struct held     held[HELD_MAX];
    size_t          held_count;
    struct deferred commit;
    struct pruning  pruning;
    struct timer    hint;
    int64_t         hint_height; /* to be told; 0: none */
    uint64_t        hinted_us;
};

NODISCARD enum err shell_open(struct shell *s, struct svc *svc);
void               shell_close(struct shell *s);

/* For requests.c. */
void shell_reply(struct shell *s, struct bus_call call,
                 const Store__Reply *reply);
void shell_refuse(struct shell *s, struct bus_call call, enum err e);
/* shell_hold - answer Done after the next commit. */
void shell_hold(struct shell *s, struct bus_call call, int64_t state);
/* shell_commit - now; answers what is held. */
void shell_commit(struct shell *s);
/* shell_bound - the chain is known: its name labels the metrics. */
void shell_bound(struct shell *s);
/* shell_publish - now, or with others some milliseconds later. */
void shell_publish(struct shell *s, int64_t height);
void shell_prune(struct shell *s, struct bus_call call, int64_t retain,
                 int64_t evidence);
/* shell_answer - one request (requests.c). */
void shell_answer(struct shell *s, struct bus_call call,
                  const Store__Request *r);

#endif
