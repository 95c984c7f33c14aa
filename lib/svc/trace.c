#include "svc/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RECORDS_MAX = 1024, BLOCK_SHARE = 16, PEERS_KEPT = 512, ID_TEXT = 41 };

struct trace_record {
    uint64_t id; /* of a transaction, or the height */
    int64_t  time_us;
    uint64_t detail : 56;
    uint64_t stage : 8;
};

struct ring {
    struct trace_record *v;
    size_t               cap;
    uint64_t             written;
};

static struct {
    struct ring tx, block;
    int64_t     opened_us;
    struct {
        uint64_t number;
        char     id[ID_TEXT];
    } peer[PEERS_KEPT];
    size_t peer_next;
} trace;

static const char *const stage_names[] = {
    [TRACE_NONE]      = "",
    [TRACE_RECEIVED]  = "received",
    [TRACE_FROM_PEER] = "from peer",
    [TRACE_CHECKED]   = "checked",
    [TRACE_REFUSED]   = "refused",
    [TRACE_SENT]      = "to peer",
    [TRACE_ANSWERED]  = "answered",
    [TRACE_INCLUDED]  = "in a block",
    [TRACE_REMOVED]   = "removed",
    [TRACE_PROPOSED]  = "proposed",
    [TRACE_COMPLETE]  = "complete",
    [TRACE_POLKA]     = "prevoted",
    [TRACE_DECIDED]   = "decided",
    [TRACE_EXECUTED]  = "executed",
    [TRACE_COMMITTED] = "committed",
    [TRACE_INDEXED]   = "indexed",
};

static int64_t wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void ring_open(struct ring *r, size_t cap)
{
    *r = (struct ring){ .v = calloc(cap + 1, sizeof *r->v), .cap = cap };
    must(r->v);
}

void trace_open(size_t records)
{
    trace_close();
    ring_open(&trace.tx, records);
    ring_open(&trace.block, records / BLOCK_SHARE);
    trace.opened_us = records ? wall_us() : 0;
}

void trace_close(void)
{
    free(trace.tx.v);
    free(trace.block.v);
    memset(&trace, 0, sizeof trace);
}

static void add(struct ring *r, enum trace_stage stage, uint64_t id,
                uint64_t detail)
{
    if (r->cap == 0)
        return;
    r->v[r->written++ % r->cap] =
        (struct trace_record){ .id      = id,
                               .time_us = wall_us(),
                               .detail  = detail & (UINT64_MAX >> 8),
                               .stage   = stage };
}

static uint64_t id_of(const uint8_t *hash)
{
    uint64_t id;

    memcpy(&id, hash, sizeof id);
    return id;
}

void trace_tx(enum trace_stage stage, const uint8_t *hash, uint64_t detail)
{
    add(&trace.tx, stage, id_of(hash), detail);
}

void trace_block(enum trace_stage stage, int64_t height, int32_t round)
{
    add(&trace.block, stage, (uint64_t)height, (uint64_t)(round & INT32_MAX));
}

/* The newest of id, oldest first. */
static size_t find(struct trace_record *out, size_t max, const struct ring *r,
                   uint64_t id)
{
    uint64_t kept = r->written < r->cap ? r->written : r->cap;
    uint64_t from = r->written - kept;
    size_t   n    = 0;

    for (uint64_t i = r->written; i > from && n < max; i--)
        if (r->v[(i - 1) % r->cap].id == id)
            out[n++] = r->v[(i - 1) % r->cap];
    for (size_t i = 0; i < n / 2; i++) {
        struct trace_record t = out[i];

        out[i]         = out[n - 1 - i];
        out[n - 1 - i] = t;
    }
    return n;
}

static size_t find_all(struct trace_record out[RECORDS_MAX],
                       const uint8_t *hash, int64_t height)
{
    size_t n = find(out, RECORDS_MAX / 2, &trace.tx, id_of(hash));

    if (height > 0)
        n += find(out + n, RECORDS_MAX - n, &trace.block, (uint64_t)height);
    return n;
}

/* ---- peers ---- */

void trace_peer(uint64_t number, struct span id)
{
    size_t i = trace.peer_next++ % PEERS_KEPT;

    trace.peer[i].number = number;
    snprintf(trace.peer[i].id, ID_TEXT, "%.*s", (int)(id.n < 40 ? id.n : 40),
             (const char *)id.p);
}

static const char *peer_id(uint64_t number)
{
    for (size_t i = 0; i < PEERS_KEPT; i++)
        if (trace.peer[i].id[0] && trace.peer[i].number == number)
            return trace.peer[i].id;
    return "";
}

/* ---- answering ---- */

/* Since when all is known; a full ring forgot what was before. */
static int64_t since(bool *is_overrun)
{
    const struct ring *r = &trace.tx;

    *is_overrun = r->cap && r->written > r->cap;
    return *is_overrun ? r->v[r->written % r->cap].time_us : trace.opened_us;
}

/* Texts live as long as the process. */
static Admin__Trace__Record record_of(const struct trace_record *t)
{
    enum trace_stage     stage = (enum trace_stage)t->stage;
    Admin__Trace__Record r     = ADMIN__TRACE__RECORD__INIT;

    r.stage   = (char *)(uintptr_t)stage_names[stage];
    r.time_us = t->time_us;
    if (stage >= TRACE_PROPOSED) {
        r.height = (int64_t)t->id;
        r.round  = (int32_t)t->detail;
    } else if (stage == TRACE_INCLUDED) {
        r.height = (int64_t)t->detail;
    } else if (stage == TRACE_FROM_PEER || stage == TRACE_SENT) {
        r.peer = (char *)(uintptr_t)peer_id(t->detail);
    } else {
        r.code = (uint32_t)t->detail;
    }
    return r;
}

void trace_answer(Admin__Trace *out, const uint8_t *hash, int64_t height)
{
    static struct trace_record   found[RECORDS_MAX];
    static Admin__Trace__Record  records[RECORDS_MAX];
    static Admin__Trace__Record *list[RECORDS_MAX];
    bool                         is_overrun;

    admin__trace__init(out);
    out->n_records = find_all(found, hash, height);
    for (size_t i = 0; i < out->n_records; i++) {
        records[i] = record_of(&found[i]);
        list[i]    = &records[i];
    }
    out->records    = list;
    out->since_us   = since(&is_overrun);
    out->is_overrun = is_overrun;
}
