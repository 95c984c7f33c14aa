/* Requests to store. */
#include "base/log.h"
#include "consensus/shell.h"

#include <stdlib.h>

enum { ASK_AGAIN_US = 1000000 };

/* A request until its answer makes sense. */
struct store_asked {
    struct store_asked *next, **prev;
    struct shell       *shell;
    store_fn           *fn;
    struct timer        again;
    int                 kind; /* of the request */
    int64_t             height;
    size_t              n;
    uint8_t             body[];
};

/* What protobuf-c unpacks goes to an arena. */
static void *arena_take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void arena_keep(void *arena, void *p)
{
    UNUSED(arena);
    UNUSED(p);
}

/* The kind of answer that a request gets. */
static int answer_of(int request)
{
    switch ((Store__Request__KindCase)request) {
    case STORE__REQUEST__KIND_OPEN:
    case STORE__REQUEST__KIND_SAVE_BLOCK:
    case STORE__REQUEST__KIND_SAVE_RESULTS:
    case STORE__REQUEST__KIND_SAVE_STATE:
    case STORE__REQUEST__KIND_ADD_EVIDENCE:
    case STORE__REQUEST__KIND_DROP_EVIDENCE: return STORE__REPLY__KIND_DONE;
    case STORE__REQUEST__KIND_GET_STATUS: return STORE__REPLY__KIND_STATUS;
    case STORE__REQUEST__KIND_GET_STATE: return STORE__REPLY__KIND_STATE;
    case STORE__REQUEST__KIND_GET_BLOCK: return STORE__REPLY__KIND_BLOCK;
    case STORE__REQUEST__KIND_GET_METAS: return STORE__REPLY__KIND_METAS;
    case STORE__REQUEST__KIND_GET_COMMIT: return STORE__REPLY__KIND_COMMIT;
    case STORE__REQUEST__KIND_GET_RESULTS: return STORE__REPLY__KIND_RESULTS;
    case STORE__REQUEST__KIND_GET_VALIDATORS:
        return STORE__REPLY__KIND_VALIDATORS;
    case STORE__REQUEST__KIND_GET_PARAMS: return STORE__REPLY__KIND_PARAMS;
    case STORE__REQUEST__KIND_GET_TX: return STORE__REPLY__KIND_TX;
    case STORE__REQUEST__KIND_PRUNE: return STORE__REPLY__KIND_PRUNED;
    case STORE__REQUEST__KIND_GET_GENESIS: return STORE__REPLY__KIND_GENESIS;
    case STORE__REQUEST__KIND_GET_PENDING: return STORE__REPLY__KIND_PENDING;
    case STORE__REQUEST__KIND_GET_FACTS: return STORE__REPLY__KIND_FACTS;
    case STORE__REQUEST__KIND_GET_BLOCKS: return STORE__REPLY__KIND_BLOCKS;
    case STORE__REQUEST__KIND__NOT_SET:
    case _STORE__REQUEST__KIND__CASE_IS_INT_SIZE: break;
    }
    must(false);
    return 0;
}

/* Why this is no answer to what was asked; NULL: it is one. */
static const char *what_is_wrong(const struct store_asked *a,
                                 const Store__Reply       *r)
{
    if (!r)
        return "an answer that cannot be read";
    if ((int)r->kind_case != answer_of(a->kind))
        return "an answer to something else";
    if (a->kind == STORE__REQUEST__KIND_GET_BLOCK && a->height > 0 &&
        r->block->height != 0 && r->block->height != a->height)
        return "a block of another height";
    return NULL;
}

static bool is_save(int request)
{
    return request == STORE__REQUEST__KIND_SAVE_BLOCK ||
           request == STORE__REQUEST__KIND_SAVE_RESULTS ||
           request == STORE__REQUEST__KIND_SAVE_STATE;
}

/* An error that says nothing of the chain and of the disk.  A save that failed
 * is left to who asked. */
static bool is_passing(const struct store_asked *a, enum err status)
{
    switch (status) {
    case OK:
    case ERR_CHAIN:
    case ERR_CORRUPT:
    case ERR_DISK: return false;
    case ERR_FAILED:
    case ERR_BUSY:
        return !is_save(a->kind) && a->kind != STORE__REQUEST__KIND_PRUNE;
    case ERR_USAGE:
    case ERR_CONFIG:
    case ERR_GENESIS:
    case ERR_KEY:
    case ERR_SIGNSTATE:
    case ERR_NET:
    case ERR_APP:
    case ERR_NOT_FOUND:
    case ERR_TIMEOUT:
    case ERR_VERIFY: return true;
    }
    return false;
}

static void forget(struct store_asked *a)
{
    *a->prev = a->next;
    if (a->next)
        a->next->prev = a->prev;
    timer_fini(&a->again);
    free(a);
}

/* What the store says may be wrong, or not the store's: nothing is taken for
 * durable, or for what the chain is, unless it answers the question. */
static void replied(void *ctx, uint64_t tag, enum err status, const char *text,
                    struct span body)
{
    struct store_asked *a     = ctx;
    struct shell       *s     = a->shell;
    ProtobufCAllocator  alloc = { arena_take, arena_keep, &s->store_in };
    Store__Reply       *reply = NULL;
    const char         *wrong = NULL;

    UNUSED(tag);
    arena_reset(&s->store_in);
    if (status == OK) {
        reply = store__reply__unpack(&alloc, body.n, body.p);
        wrong = what_is_wrong(a, reply);
    } else if (is_passing(a, status)) {
        wrong = err_name(status);
    }
    if (wrong) {
        log_event(LOG_WARN, "store is asked again", LOG_STR("why", wrong));
        timer_set(&a->again, ASK_AGAIN_US);
        return;
    }
    a->fn(s, status, text ? text : "", reply);
    forget(a);
}

static void ask(void *ctx)
{
    struct store_asked *a = ctx;

    bus_request(a->shell->store, BUS_SERVICE, SPAN(a->body, a->n), 0, replied,
                a, 0);
}

void store_ask(struct shell *s, Store__Request *req, store_fn *fn)
{
    size_t              n = store__request__get_packed_size(req);
    struct store_asked *a = calloc(1, sizeof *a + n);

    must(a);
    a->shell = s;
    a->fn    = fn;
    a->kind  = (int)req->kind_case;
    a->n     = n;
    if (req->kind_case == STORE__REQUEST__KIND_GET_BLOCK)
        a->height = req->get_block->height;
    store__request__pack(req, a->body);
    timer_init(&a->again, s->svc->loop, ask, a);
    a->next = s->store_asks;
    a->prev = &s->store_asks;
    if (a->next)
        a->next->prev = &a->next;
    s->store_asks = a;
    ask(a);
}

void store_forget(struct shell *s)
{
    while (s->store_asks)
        forget(s->store_asks);
}
