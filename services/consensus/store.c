/* Requests to store. */
#include "consensus/shell.h"

#include <stdlib.h>

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

static void replied(void *ctx, uint64_t fn, enum err status, const char *text,
                    struct span body)
{
    struct shell      *s     = ctx;
    ProtobufCAllocator alloc = { arena_take, arena_keep, &s->store_in };
    Store__Reply      *reply = NULL;

    arena_reset(&s->store_in);
    if (status == OK) {
        reply = store__reply__unpack(&alloc, body.n, body.p);
        if (!reply) {
            status = ERR_FAILED;
            text   = "store gave an answer that cannot be read";
        }
    }
    ((store_fn *)(uintptr_t)fn)(s, status, text ? text : "", reply);
}

void store_ask(struct shell *s, Store__Request *req, store_fn *fn)
{
    size_t   n    = store__request__get_packed_size(req);
    uint8_t *body = malloc(n + 1);

    must(body);
    store__request__pack(req, body);
    bus_request(s->store, BUS_SERVICE, SPAN(body, n), 0, replied, s,
                (uintptr_t)fn);
    free(body);
}
