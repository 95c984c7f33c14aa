#include "api/methods.h"

#define NONE                                                                   \
    {                                                                          \
        {                                                                      \
            NULL, ARG_JSON                                                     \
        }                                                                      \
    }

const struct method methods[] = {
    { "abci_info", method_abci_info, NONE, CACHE_ALWAYS, false, false },
    { "abci_query",
      method_abci_query,
      { { "path", ARG_STRING },
        { "data", ARG_HEX },
        { "height", ARG_INT64 },
        { "prove", ARG_BOOL } },
      CACHE_NEVER,
      false,
      false },
    { "block",
      method_block,
      { { "height", ARG_INT64_PTR } },
      CACHE_WITH_HEIGHT,
      false,
      false },
    { "block_by_hash",
      method_block_by_hash,
      { { "hash", ARG_BYTES } },
      CACHE_ALWAYS,
      false,
      false },
    { "block_results",
      method_block_results,
      { { "height", ARG_INT64_PTR } },
      CACHE_WITH_HEIGHT,
      false,
      false },
    { "blockchain",
      method_blockchain,
      { { "minHeight", ARG_INT64 }, { "maxHeight", ARG_INT64 } },
      CACHE_ALWAYS,
      false,
      false },
    { "broadcast_evidence",
      method_broadcast_evidence,
      { { "evidence", ARG_JSON } },
      CACHE_NEVER,
      false,
      false },
    { "broadcast_tx_async",
      method_broadcast_tx_async,
      { { "tx", ARG_TX } },
      CACHE_NEVER,
      false,
      true },
    { "broadcast_tx_commit",
      method_broadcast_tx_commit,
      { { "tx", ARG_TX } },
      CACHE_NEVER,
      false,
      false },
    { "broadcast_tx_sync",
      method_broadcast_tx_sync,
      { { "tx", ARG_TX } },
      CACHE_NEVER,
      false,
      true },
    { "check_tx",
      method_check_tx,
      { { "tx", ARG_TX } },
      CACHE_NEVER,
      false,
      false },
    { "commit",
      method_commit,
      { { "height", ARG_INT64_PTR } },
      CACHE_WITH_HEIGHT,
      false,
      false },
    { "consensus_params",
      method_consensus_params,
      { { "height", ARG_INT64_PTR } },
      CACHE_WITH_HEIGHT,
      false,
      false },
    { "genesis", method_genesis, NONE, CACHE_ALWAYS, false, false },
    { "genesis_chunked",
      method_genesis_chunked,
      { { "chunk", ARG_UINT } },
      CACHE_ALWAYS,
      false,
      false },
    { "header",
      method_header,
      { { "height", ARG_INT64_PTR } },
      CACHE_WITH_HEIGHT,
      false,
      false },
    { "header_by_hash",
      method_header_by_hash,
      { { "hash", ARG_HEX } },
      CACHE_ALWAYS,
      false,
      false },
    { "health", method_health, NONE, CACHE_NEVER, false, false },
    { "net_info", method_net_info, NONE, CACHE_NEVER, false, false },
    { "num_unconfirmed_txs", method_num_unconfirmed_txs, NONE, CACHE_NEVER,
      false, false },
    { "status", method_status, NONE, CACHE_NEVER, false, false },
    { "trace",
      method_trace,
      { { "hash", ARG_BYTES } },
      CACHE_NEVER,
      false,
      false },
    { "tx",
      method_tx,
      { { "hash", ARG_BYTES }, { "prove", ARG_BOOL } },
      CACHE_ALWAYS,
      false,
      false },
    { "unconfirmed_txs",
      method_unconfirmed_txs,
      { { "limit", ARG_INT_PTR } },
      CACHE_NEVER,
      false,
      false },
    { "unsafe_flush_mempool", method_unsafe_flush_mempool, NONE, CACHE_NEVER,
      true, false },
    { "validators",
      method_validators,
      { { "height", ARG_INT64_PTR },
        { "page", ARG_INT_PTR },
        { "per_page", ARG_INT_PTR } },
      CACHE_WITH_HEIGHT,
      false,
      false },
};
const size_t method_count = COUNT(methods);

const struct method *method_find(struct span name)
{
    for (size_t i = 0; i < method_count; i++)
        if (span_eq(name, span_str(methods[i].name)))
            return &methods[i];
    return NULL;
}

static const struct method stream_methods[] = {
    { "subscribe",
      method_subscribe,
      { { "query", ARG_STRING } },
      CACHE_NEVER,
      false,
      false },
    { "unsubscribe",
      method_unsubscribe,
      { { "query", ARG_STRING } },
      CACHE_NEVER,
      false,
      false },
    { "unsubscribe_all", method_unsubscribe_all, NONE, CACHE_NEVER, false,
      false },
};

const struct method *stream_method_find(struct span name)
{
    for (size_t i = 0; i < COUNT(stream_methods); i++)
        if (span_eq(name, span_str(stream_methods[i].name)))
            return &stream_methods[i];
    return NULL;
}

size_t method_arg_count(const struct method *m)
{
    size_t n = 0;

    while (n < ARGS_MAX && m->args[n].name)
        n++;
    return n;
}

/* ---- what several methods do ---- */

static void height_known(struct call *c, const Store__Reply *r)
{
    const Store__Status *st  = r->status;
    const struct arg    *arg = &c->args[0];
    int64_t              max = st->height + (c->height ? 1 : 0);

    c->last_height = st->height;
    if (!arg->is_set) {
        /* what comes after a block is known once its state is saved */
        c->height = st->state_height < st->height ? st->height : max;
    } else if (arg->i <= 0) {
        call_fail(c, "height must be greater than 0, but got %" PRId64, arg->i);
        return;
    } else if (arg->i > max) {
        call_fail(c,
                  "height %" PRId64
                  " must be less than or equal to the current "
                  "blockchain height %" PRId64,
                  arg->i, max);
        return;
    } else if (arg->i < st->lowest) {
        call_fail(c,
                  "height %" PRId64 " is not available, lowest height is "
                  "%" PRId64,
                  arg->i, st->lowest);
        return;
    } else {
        c->height = arg->i;
    }
    c->then(c);
}

void call_height(struct call *c, bool is_next, void (*then)(struct call *c))
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    c->then        = then;
    c->height      = is_next;
    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_store(c, &req, STORE__REPLY__KIND_STATUS, height_known);
}

int64_t call_per_page(const struct arg *a)
{
    if (!a->is_set || a->i < 1)
        return 30;
    return a->i > 100 ? 100 : a->i;
}

bool call_page(struct call *c, size_t page_arg, size_t total, size_t *skip,
               size_t *count)
{
    const struct arg *page     = &c->args[page_arg];
    int64_t           per_page = call_per_page(&c->args[page_arg + 1]);
    int64_t           pages = total ? ((int64_t)total - 1) / per_page + 1 : 1;
    int64_t           at    = page->is_set ? page->i : 1;

    if (at <= 0 || at > pages) {
        call_fail(c,
                  "page should be within [1, %" PRId64 "] range, given "
                  "%" PRId64,
                  pages, at);
        return false;
    }
    *skip = (size_t)((at - 1) * per_page);
    *count =
        total - *skip < (size_t)per_page ? total - *skip : (size_t)per_page;
    return true;
}
