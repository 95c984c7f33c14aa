#include "consensus/witness.h"

#include "consensus/shell.h"
#include "proto/consensus.pb-c.h"

#include <stdlib.h>

/* There is one signer, so one call is open; serial tells whether an answer of
 * store is still for it. */
static struct {
    bool            is_open;
    uint64_t        serial;
    struct bus_call call;
} witness;

static void finish(enum err status, const char *text, struct span body)
{
    witness.is_open = false;
    bus_reply(witness.call, status, text, body);
}

static void refuse(enum err status, const char *text)
{
    finish(status ? status : ERR_FAILED, text, SPAN(NULL, 0));
}

static void give(struct span commit)
{
    Consensus__LastCommit last  = CONSENSUS__LAST_COMMIT__INIT;
    Consensus__Reply      reply = CONSENSUS__REPLY__INIT;
    uint8_t              *body;
    size_t                n;

    last.commit.data  = (uint8_t *)(uintptr_t)commit.p;
    last.commit.len   = commit.n;
    reply.kind_case   = CONSENSUS__REPLY__KIND_LAST_COMMIT;
    reply.last_commit = &last;
    n                 = consensus__reply__get_packed_size(&reply);
    body              = malloc(n + 1);
    must(body);
    consensus__reply__pack(&reply, body);
    finish(OK, NULL, SPAN(body, n));
    free(body);
}

static void ask(struct shell *s, Store__Request *req, bus_reply_fn *fn)
{
    uint8_t packed[64];

    must(store__request__get_packed_size(req) <= sizeof packed);
    bus_request(s->store, BUS_SERVICE,
                SPAN(packed, store__request__pack(req, packed)), 0, fn, s,
                witness.serial);
}

static bool is_awaited(uint64_t serial)
{
    return witness.is_open && serial == witness.serial;
}

static Store__Reply *unpack(enum err status, struct span body)
{
    return status == OK ? store__reply__unpack(NULL, body.n, body.p) : NULL;
}

static void on_commit(void *ctx, uint64_t serial, enum err status,
                      const char *text, struct span body)
{
    Store__Reply *r = unpack(status, body);

    UNUSED(ctx);
    if (!is_awaited(serial)) {
        /* another call came */
    } else if (r && r->kind_case == STORE__REPLY__KIND_COMMIT) {
        give(SPAN(r->commit->commit.data, r->commit->commit.len));
    } else {
        refuse(status, text);
    }
    if (r)
        store__reply__free_unpacked(r, NULL);
}

static void on_status(void *ctx, uint64_t serial, enum err status,
                      const char *text, struct span body)
{
    struct shell    *s   = ctx;
    Store__Reply    *r   = unpack(status, body);
    Store__GetCommit get = STORE__GET_COMMIT__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    if (!is_awaited(serial)) {
        /* another call came */
    } else if (!r || r->kind_case != STORE__REPLY__KIND_STATUS) {
        refuse(status, text);
    } else if (r->status->height == 0) {
        give(SPAN(NULL, 0));
    } else {
        get.height     = r->status->height;
        req.kind_case  = STORE__REQUEST__KIND_GET_COMMIT;
        req.get_commit = &get;
        ask(s, &req, on_commit);
    }
    if (r)
        store__reply__free_unpacked(r, NULL);
}

void witness_ask(struct shell *s, struct bus_call call)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    if (witness.is_open)
        refuse(ERR_BUSY, "asked again");
    witness.is_open = true;
    witness.serial++;
    witness.call   = call;
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask(s, &req, on_status);
}
