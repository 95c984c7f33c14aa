/* mempool_rig - a mempool in the process of a test: real bus, real sockets,
 * real journal, and an application whose answers the test decides.
 *
 * Memory: the heap, until teardown. */
#ifndef MEMPOOL_RIG_H
#define MEMPOOL_RIG_H

#include "test.h"

#include "loops.h"
#include "mempool/shell.h"
#include "svc/internal.h"
#include "wire/mempool.h"

extern struct loop       *loop;
extern struct svc_process process;
extern struct shell      *shell;
extern struct bus        *side; /* the other processes' bus */
extern struct bus_client *client;

/* ---- starting and ending ---- */

/* setup_with - a mempool without an application; one key of its
 * configuration may have a value of its own. */
void setup_with(const char *key, const char *value);
/* setup_app - the same, and the application is there. */
void setup_app(const char *key, const char *value);
void teardown(void);

void start_app(void);
void stop_app(void);
void start_mempool(void);
/* stop_mempool - as kill -9 would: nothing is told to anybody.  The journal
 * has its files in the state of this moment; what it had not written is
 * lost. */
void stop_mempool(void);
void connect_client(void);

/* ---- the application: a transaction says what becomes of it ---- */

/* "!" breaks the application, "-..." is refused, all else is taken. */
extern struct mempool_seen {
    size_t news, rechecks;
    bool   refuses_rechecks, stands_still;
    char   order[256]; /* first bytes of what was asked */
} seen;

/* ---- asking ---- */

/* Answers by slot, which a request names. */
extern struct answer {
    bool            is_there;
    enum err        status;
    Mempool__Reply *r;
} answers[16];

void send_request(size_t slot, const Mempool__Request *req);
void send_submit(size_t slot, const char *const *txs, size_t n);
void send_update(size_t slot, int64_t height, const char *const *txs, size_t n);
void send_lock(size_t slot, int64_t height);
/* on_reply - into the slot that is the tag. */
void on_reply(void *ctx, uint64_t tag, enum err status, const char *text,
              struct span body);
void forget(size_t slot);

/* As consensus says: the Lock was answered before Commit. */
extern bool was_locked;

/* These wait for the answer, which is in slot 0, 1, 2 or 3. */
void submit(const char *tx);
void submit_all(const char *const *txs, size_t n);
void update(int64_t height, const char *tx);
void lock(int64_t height);
/* reap - what is reaped, as "a=1 b=2 ". */
const char *reap(int64_t max_bytes, int64_t max_gas);

/* submit_held - checks that no answer comes to slot 0 for a while. */
void submit_held(const char *tx);

const Mempool__Submitted__Verdict *verdict(size_t slot, size_t i);
/* code_of - in the answer of the application; -1 when refused before. */
int code_of(size_t slot, size_t i);

#endif
