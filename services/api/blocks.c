/* blocks - methods that read the chain. */
#include "api/methods.h"
#include "rpcjson/results.h"

static bool decode(struct call *c, const struct pb_desc *d, void *out,
                   ProtobufCBinaryData in)
{
    if (pb_decode(d, out, c->arena, span_of(in)) == ACCEPT)
        return true;
    call_fail(c, "the store gave a %s that does not decode", d->name);
    return false;
}

static void ask_block(struct call *c, int64_t height, struct span hash,
                      bool meta_only,
                      void (*then)(struct call *c, const Store__Reply *r))
{
    Store__GetBlock get = STORE__GET_BLOCK__INIT;
    Store__Request  req = STORE__REQUEST__INIT;

    get.height    = height;
    get.hash      = (ProtobufCBinaryData){ hash.n, (uint8_t *)hash.p };
    get.meta_only = meta_only;
    req.kind_case = STORE__REQUEST__KIND_GET_BLOCK;
    req.get_block = &get;
    ask_store(c, &req, STORE__REPLY__KIND_BLOCK, then);
}

/* ---- block, block_by_hash ---- */

static void put_block(struct call *c, const Store__Reply *r)
{
    struct block_meta meta = { 0 };
    struct block     *b    = NULL;

    if (r->block->block.len) {
        b = arena_new(c->arena, struct block);
        if (!b || !decode(c, &block_meta_desc, &meta, r->block->meta) ||
            !decode(c, &block_desc, b, r->block->block))
            return;
    }
    jw_object(&c->w);
    jw_key(&c->w, "block_id");
    rj_block_id(&c->w, &meta.block_id);
    jw_key(&c->w, "block");
    rj_block(&c->w, b, RJ_EMPTY_LIST);
    jw_object_end(&c->w);
    call_done(c);
}

static void block_at(struct call *c)
{
    ask_block(c, c->height, (struct span){ 0 }, false, put_block);
}

void method_block(struct call *c)
{
    call_height(c, false, block_at);
}

void method_block_by_hash(struct call *c)
{
    ask_block(c, 0, c->args[0].bytes, false, put_block);
}

/* ---- header, header_by_hash ---- */

static void put_header(struct call *c, const Store__Reply *r)
{
    struct block_meta meta;

    jw_object(&c->w);
    jw_key(&c->w, "header");
    if (r->block->meta.len == 0) {
        jw_null(&c->w);
    } else {
        if (!decode(c, &block_meta_desc, &meta, r->block->meta))
            return;
        rj_header(&c->w, &meta.header);
    }
    jw_object_end(&c->w);
    call_done(c);
}

static void header_at(struct call *c)
{
    ask_block(c, c->height, (struct span){ 0 }, true, put_header);
}

void method_header(struct call *c)
{
    call_height(c, false, header_at);
}

void method_header_by_hash(struct call *c)
{
    ask_block(c, 0, c->args[0].bytes, true, put_header);
}

/* ---- commit ---- */

static void put_commit(struct call *c, const Store__Reply *r)
{
    struct commit commit;
    bool          has_commit = r->commit->commit.len > 0;

    if (has_commit && !decode(c, &commit_desc, &commit, r->commit->commit))
        return;
    rj_result_commit(&c->w, c->state, has_commit ? &commit : NULL,
                     c->height != c->last_height);
    call_done(c);
}

static void commit_header(struct call *c, const Store__Reply *r)
{
    Store__GetCommit   get  = STORE__GET_COMMIT__INIT;
    Store__Request     req  = STORE__REQUEST__INIT;
    struct block_meta *meta = arena_new(c->arena, struct block_meta);

    if (r->block->meta.len == 0) {
        jw_null(&c->w);
        call_done(c);
        return;
    }
    if (!meta || !decode(c, &block_meta_desc, meta, r->block->meta))
        return;
    c->state       = &meta->header;
    get.height     = c->height;
    req.kind_case  = STORE__REQUEST__KIND_GET_COMMIT;
    req.get_commit = &get;
    ask_store(c, &req, STORE__REPLY__KIND_COMMIT, put_commit);
}

static void commit_at(struct call *c)
{
    ask_block(c, c->height, (struct span){ 0 }, true, commit_header);
}

void method_commit(struct call *c)
{
    call_height(c, false, commit_at);
}

/* ---- block_results ---- */

static void put_results(struct call *c, const Store__Reply *r)
{
    struct abci_res_finalize_block results;

    if (r->results->results.len == 0) {
        call_fail(c, "could not find results for height #%" PRId64, c->height);
        return;
    }
    if (!decode(c, &abci_res_finalize_block_desc, &results,
                r->results->results))
        return;
    rj_result_block_results(&c->w, c->height, &results);
    call_done(c);
}

static void results_at(struct call *c)
{
    Store__GetResults get = STORE__GET_RESULTS__INIT;
    Store__Request    req = STORE__REQUEST__INIT;

    get.height      = c->height;
    req.kind_case   = STORE__REQUEST__KIND_GET_RESULTS;
    req.get_results = &get;
    ask_store(c, &req, STORE__REPLY__KIND_RESULTS, put_results);
}

void method_block_results(struct call *c)
{
    call_height(c, false, results_at);
}

/* ---- blockchain ---- */

static void put_metas(struct call *c, const Store__Reply *r)
{
    const Store__Metas *m = r->metas;

    jw_object(&c->w);
    JW(&c->w, "last_height", int_text, m->last_height);
    jw_key(&c->w, "block_metas");
    jw_array(&c->w);
    for (size_t i = 0; i < m->n_metas; i++) {
        struct block_meta meta;

        if (!decode(c, &block_meta_desc, &meta, m->metas[i]))
            return;
        rj_block_meta(&c->w, &meta);
    }
    jw_array_end(&c->w);
    jw_object_end(&c->w);
    call_done(c);
}

static void blockchain_range(struct call *c, const Store__Reply *r)
{
    enum { METAS_MAX = 20 };
    const Store__Status *st  = r->status;
    Store__GetMetas      get = STORE__GET_METAS__INIT;
    Store__Request       req = STORE__REQUEST__INIT;
    int64_t              min = c->args[0].i, max = c->args[1].i;

    if (min < 0 || max < 0) {
        call_fail(c, "heights must be non-negative");
        return;
    }
    min = min ? min : 1;
    max = max && max < st->height ? max : st->height;
    min = min > st->lowest ? min : st->lowest;
    min = min > max - METAS_MAX + 1 ? min : max - METAS_MAX + 1;
    if (min > max) {
        call_fail(c,
                  "min height %" PRId64 " can't be greater than max height "
                  "%" PRId64,
                  min, max);
        return;
    }
    get.min_height = min;
    get.max_height = max;
    req.kind_case  = STORE__REQUEST__KIND_GET_METAS;
    req.get_metas  = &get;
    ask_store(c, &req, STORE__REPLY__KIND_METAS, put_metas);
}

void method_blockchain(struct call *c)
{
    Store__GetStatus get = STORE__GET_STATUS__INIT;
    Store__Request   req = STORE__REQUEST__INIT;

    req.kind_case  = STORE__REQUEST__KIND_GET_STATUS;
    req.get_status = &get;
    ask_store(c, &req, STORE__REPLY__KIND_STATUS, blockchain_range);
}
