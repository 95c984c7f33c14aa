#include "ledger/query.h"

#include "cosmos/keys.h"

#include <stdio.h>

/* One query on its way to its answer. */
struct query {
    const struct query_source   *source;
    const struct abci_req_query *req;
    struct abci_res_query       *res;
    struct arena                *arena;
    struct ledger_db             db;
    struct ledger_view           view;
    struct span                  path_rest; /* behind the prefix of the path */
    struct outcome               out;
};

static bool refuse_request(struct query *q)
{
    return refuse(&q->out, q->arena, CODE_MALFORMED, NO_DETAIL,
                  "the request does not decode");
}

static bool answer(struct query *q, const struct pb_desc *d, const void *msg)
{
    q->res->value = pb_encode(d, msg, q->arena);
    return q->res->value.p || refuse(&q->out, q->arena, CODE_TOO_LARGE,
                                     NO_DETAIL, "the answer is too large");
}

static bool prove(struct query *q, enum ledger_store store, struct span key)
{
    struct abci_proof_ops *ops = arena_new(q->arena, struct abci_proof_ops);

    if (!q->req->prove)
        return true;
    q->res->proof_ops = ops;
    return (ops && q->source->prove(q->source->ctx, q->db.height, store, key,
                                    ops, q->arena)) ||
           refuse(&q->out, q->arena, CODE_BUSY, NO_DETAIL, "out of memory");
}

/* ---- heights ---- */

static int64_t height_for(const struct query *q, int64_t latest)
{
    int64_t before = latest - 1;

    if (q->req->height)
        return q->req->height;
    if (q->req->prove && before >= q->source->oldest(q->source->ctx) &&
        before > 0)
        return before;
    return latest;
}

static bool open_height(struct query *q)
{
    int64_t latest = q->source->latest(q->source->ctx);
    int64_t oldest = q->source->oldest(q->source->ctx);
    int64_t height = height_for(q, latest);

    if (latest == 0)
        return refuse(&q->out, q->arena, CODE_NOT_READY, NO_DETAIL,
                      "there is no block yet");
    if (height < 0)
        return refuse(&q->out, q->arena, CODE_MALFORMED, NO_DETAIL,
                      "the height is negative");
    if (height > latest)
        return refuse(&q->out, q->arena, CODE_NOT_READY,
                      DETAIL("latest", latest),
                      "height %" PRId64 " is not there yet, the latest is"
                      " %" PRId64,
                      height, latest);
    if (height < oldest || !q->source->at(q->source->ctx, height, &q->db))
        return refuse(&q->out, q->arena, CODE_PRUNED, DETAIL("oldest", oldest),
                      "height %" PRId64 " is no longer kept, the oldest is"
                      " %" PRId64,
                      height, oldest);
    q->view        = (struct ledger_view){ .db = &q->db };
    q->res->height = height;
    return true;
}

/* ---- /store/NAME/key ---- */

static bool ask_store(struct query *q)
{
    const uint8_t *slash = memchr(q->path_rest.p, '/', q->path_rest.n);
    size_t         n     = slash ? (size_t)(slash - q->path_rest.p) : 0;
    struct span    name  = SPAN(q->path_rest.p, n), value;
    int            store = q->source->find(q->source->ctx, name);

    if (!slash || !span_eq(SPAN(slash, q->path_rest.n - n), span_str("/key")))
        return refuse(&q->out, q->arena, CODE_MALFORMED, NO_DETAIL,
                      "a store is asked by /store/NAME/key");
    if (store < 0)
        return refuse(&q->out, q->arena, CODE_NOT_FOUND, NO_DETAIL,
                      "no such store: %.*s", (int)(n < 64 ? n : 64),
                      (const char *)name.p);
    if (q->req->data.n == 0)
        return refuse(&q->out, q->arena, CODE_MALFORMED, NO_DETAIL,
                      "the key is empty");
    q->res->key = q->req->data;
    if (q->db.get(q->db.ctx, (enum ledger_store)store, q->req->data, &value)) {
        q->res->value = arena_copy(q->arena, value);
        if (!q->res->value.p)
            return refuse(&q->out, q->arena, CODE_BUSY, NO_DETAIL,
                          "out of memory");
    }
    return prove(q, (enum ledger_store)store, q->req->data);
}

/* ---- records ---- */

static bool check_record_key(struct query *q, struct span collection,
                             struct span key)
{
    struct ledger_collection c;

    if (!collection_is_valid(collection) || !key_is_valid(key))
        return refuse(&q->out, q->arena, CODE_MALFORMED, NO_DETAIL,
                      "a record is named by a collection (1 to %d of a-z 0-9 ."
                      " _ -) and a key of 1 to %d bytes",
                      COLLECTION_BYTES_MAX, KEY_BYTES_MAX);
    return collection_load(&c, &q->view, collection, q->arena) ||
           refuse(&q->out, q->arena, CODE_NOT_FOUND, NO_DETAIL,
                  "there is no collection \"%.*s\"", (int)collection.n,
                  (const char *)collection.p);
}

static bool ask_record(struct query *q)
{
    struct ledger_record_query  in;
    struct ledger_record_answer out = { 0 };
    struct ledger_record        record;
    struct state_key            k;

    if (pb_decode(&ledger_record_query_desc, &in, q->arena, q->req->data))
        return refuse_request(q);
    if (!check_record_key(q, in.collection, in.key))
        return false;
    if (record_load(&record, &q->view, in.collection, in.key, q->arena) &&
        !record.is_deleted)
        out.record = &record;
    key_record(&k, 'r', in.collection, in.key);
    q->res->key = arena_copy(q->arena, state_key_span(&k));
    return prove(q, STORE_RECORDS, q->res->key) &&
           answer(q, &ledger_record_answer_desc, &out);
}

/* ---- pages ---- */

/* What is collected for one page; a page ends at a count or a size. */
struct page {
    struct query                 *q;
    size_t                        max, bytes;
    struct span                   prefix; /* of the keys, as stored */
    size_t                        skip; /* bytes of a key that are not shown */
    struct ledger_history_answer *history;
    struct ledger_records_answer *records;
    struct ledger_collections_answer *collections;
};

static size_t page_size(uint32_t limit)
{
    if (limit == 0)
        return PAGE_ITEMS;
    return limit < PAGE_ITEMS_MAX ? limit : PAGE_ITEMS_MAX;
}

static bool has_prefix(struct span s, struct span prefix)
{
    return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

/* Room for one more? */
static bool page_takes(struct page *p, size_t n, struct span value)
{
    p->bytes += value.n;
    return n < p->max && (n == 0 || p->bytes <= PAGE_BYTES_MAX);
}

/* A stored object, copied and decoded. */
static void page_decode(struct page *p, const struct pb_desc *d, void *out,
                        struct span value)
{
    struct span copy = arena_copy(p->q->arena, value);

    must(copy.p && pb_decode(d, out, p->q->arena, copy) == ACCEPT);
}

static bool add_history(void *ctx, struct span key, struct span value)
{
    struct page          *p = ctx;
    struct ledger_record *r = &p->history->records.v[p->history->records.n];

    UNUSED(key);
    page_decode(p, &ledger_record_desc, r, value);
    if (r->height > p->q->db.height)
        return false; /* written after the height that is asked */
    if (!page_takes(p, p->history->records.n, value)) {
        p->history->has_more = true;
        return false;
    }
    p->history->records.n++;
    return true;
}

static bool ask_history(struct query *q)
{
    struct ledger_history_query  in;
    struct ledger_history_answer out = { .has_more = false };
    struct page                  p   = { .q = q, .history = &out };
    struct state_key             from, to;

    if (pb_decode(&ledger_history_query_desc, &in, q->arena, q->req->data))
        return refuse_request(q);
    if (!check_record_key(q, in.collection, in.key))
        return false;
    p.max         = page_size(in.limit);
    out.records.v = arena_newn(q->arena, struct ledger_record, p.max + 1);
    if (!out.records.v)
        return refuse(&q->out, q->arena, CODE_BUSY, NO_DETAIL, "out of memory");
    if (in.after_version == UINT64_MAX)
        return answer(q, &ledger_history_answer_desc, &out);
    key_history(&from, in.collection, in.key, in.after_version + 1);
    key_history(&to, in.collection, in.key, UINT64_MAX);
    q->db.range(q->db.ctx, STORE_HISTORY, state_key_span(&from),
                state_key_span(&to), add_history, &p);
    return answer(q, &ledger_history_answer_desc, &out);
}

static bool add_record(void *ctx, struct span key, struct span value)
{
    struct page                  *p   = ctx;
    struct ledger_records_answer *out = p->records;
    struct ledger_record_entry   *e   = &out->entries.v[out->entries.n];

    if (!has_prefix(key, p->prefix))
        return false;
    key = arena_copy(p->q->arena, SPAN(key.p + p->skip, key.n - p->skip));
    if (!page_takes(p, out->entries.n, value)) {
        out->next = key;
        return false;
    }
    e->key    = key;
    e->record = arena_new(p->q->arena, struct ledger_record);
    must(e->record);
    page_decode(p, &ledger_record_desc, e->record, value);
    out->entries.n++;
    return true;
}

static bool ask_records(struct query *q)
{
    struct ledger_records_query  in;
    struct ledger_records_answer out = { .next = { 0 } };
    struct page                  p   = { .q = q, .records = &out };
    struct state_key             from, prefix;

    if (pb_decode(&ledger_records_query_desc, &in, q->arena, q->req->data))
        return refuse_request(q);
    if (in.from.n > KEY_BYTES_MAX || in.prefix.n > KEY_BYTES_MAX)
        return refuse(&q->out, q->arena, CODE_TOO_LARGE,
                      DETAIL("limit", KEY_BYTES_MAX), "a key is too long");
    if (!check_record_key(q, in.collection, span_str("k")))
        return false;
    p.max         = page_size(in.limit);
    out.entries.v = arena_newn(q->arena, struct ledger_record_entry, p.max);
    if (!out.entries.v)
        return refuse(&q->out, q->arena, CODE_BUSY, NO_DETAIL, "out of memory");
    key_record(&prefix, 'r', in.collection, in.prefix);
    key_record(&from, 'r', in.collection,
               span_cmp(in.from, in.prefix) > 0 ? in.from : in.prefix);
    p.prefix = state_key_span(&prefix);
    p.skip   = 2 + in.collection.n;
    q->db.range(q->db.ctx, STORE_RECORDS, state_key_span(&from),
                (struct span){ 0 }, add_record, &p);
    return answer(q, &ledger_records_answer_desc, &out);
}

static bool add_collection(void *ctx, struct span key, struct span value)
{
    struct page                      *p   = ctx;
    struct ledger_collections_answer *out = p->collections;

    if (!has_prefix(key, p->prefix))
        return false;
    if (!page_takes(p, out->collections.n, value)) {
        out->next = arena_copy(p->q->arena, SPAN(key.p + 1, key.n - 1));
        return false;
    }
    page_decode(p, &ledger_collection_desc,
                &out->collections.v[out->collections.n++], value);
    return true;
}

static bool ask_collections(struct query *q)
{
    struct ledger_collections_query  in;
    struct ledger_collections_answer out = { .next = { 0 } };
    struct page                      p   = { .q = q, .collections = &out };
    struct state_key                 from;

    if (pb_decode(&ledger_collections_query_desc, &in, q->arena, q->req->data))
        return refuse_request(q);
    if (in.from.n > COLLECTION_BYTES_MAX)
        return refuse(&q->out, q->arena, CODE_MALFORMED, NO_DETAIL,
                      "from is no collection's name");
    p.max             = page_size(in.limit);
    out.collections.v = arena_newn(q->arena, struct ledger_collection, p.max);
    if (!out.collections.v)
        return refuse(&q->out, q->arena, CODE_BUSY, NO_DETAIL, "out of memory");
    key_collection(&from, in.from);
    p.prefix = span_str("c");
    q->db.range(q->db.ctx, STORE_RECORDS, state_key_span(&from),
                (struct span){ 0 }, add_collection, &p);
    return answer(q, &ledger_collections_answer_desc, &out);
}

/* ---- what Cosmos clients ask ---- */

/* The SDK's code and text, which clients look for. */
static bool refuse_account(struct query *q, struct span address)
{
    enum { SDK_KEY_NOT_FOUND = 22, TEXT_MAX = 256 };
    char *text = arena_alloc(q->arena, TEXT_MAX);

    q->out = (struct outcome){ .code      = SDK_KEY_NOT_FOUND,
                               .codespace = SDK_CODESPACE };
    if (!text)
        return false;
    snprintf(text, TEXT_MAX,
             "rpc error: code = NotFound desc = account %.*s not found: key not"
             " found",
             (int)(address.n < 128 ? address.n : 128), (const char *)address.p);
    q->out.log = span_str(text);
    return false;
}

static bool answer_account(struct query *q, const struct ledger_account *l)
{
    struct base_account           base = { .account_number = l->account_number,
                                           .sequence       = l->sequence };
    struct query_account_response out;
    struct cosmos_any             any, pub_key;
    struct pubkey                 key;

    base.address = account_address_text(l->address, q->arena);
    if (pubkey_make(&key, (enum key_type)l->key_type, l->pub_key)) {
        pub_key      = cosmos_key_any(&key, q->arena);
        base.pub_key = &pub_key;
    }
    any.type_url = span_str("/cosmos.auth.v1beta1.BaseAccount");
    any.value    = pb_encode(&base_account_desc, &base, q->arena);
    out.account  = &any;
    return answer(q, &query_account_response_desc, &out);
}

static bool ask_account(struct query *q)
{
    struct query_account_request in;
    struct ledger_account        l;
    uint8_t                      address[ADDRESS_BYTES];

    if (pb_decode(&query_account_request_desc, &in, q->arena, q->req->data))
        return refuse_request(q);
    if (!account_address_parse(address, in.address))
        return refuse(&q->out, q->arena, CODE_MALFORMED, NO_DETAIL,
                      "the address is malformed (warren1...)");
    if (!account_load(&l, &q->view, SPAN_OF(address), q->arena))
        return refuse_account(q, in.address);
    return answer_account(q, &l);
}

static bool ask_simulate(struct query *q)
{
    return q->source->simulate(q->source->ctx, q->req->data, &q->res->value,
                               &q->out, q->arena);
}

/* ---- the table ---- */

static const struct {
    const char *path;
    bool        is_prefix;
    bool (*fn)(struct query *q);
} handlers[] = {
    { "/store/", true, ask_store },
    { "/warren.ledger.v1.Query/Record", false, ask_record },
    { "/warren.ledger.v1.Query/History", false, ask_history },
    { "/warren.ledger.v1.Query/Records", false, ask_records },
    { "/warren.ledger.v1.Query/Collections", false, ask_collections },
    { "/cosmos.auth.v1beta1.Query/Account", false, ask_account },
    { "/cosmos.tx.v1beta1.Service/Simulate", false, ask_simulate },
};

static bool route(struct query *q)
{
    struct span path = q->req->path;

    for (size_t i = 0; i < COUNT(handlers); i++) {
        struct span name = span_str(handlers[i].path);

        if (!has_prefix(path, name) ||
            (!handlers[i].is_prefix && path.n != name.n))
            continue;
        q->path_rest = SPAN(path.p + name.n, path.n - name.n);
        return open_height(q) && handlers[i].fn(q);
    }
    return refuse(&q->out, q->arena, CODE_NOT_FOUND, NO_DETAIL,
                  "unknown query path: %.*s",
                  (int)(path.n < 128 ? path.n : 128), (const char *)path.p);
}

void query_answer(struct abci_res_query *res, const struct abci_req_query *req,
                  const struct query_source *source, struct arena *a)
{
    struct query q = { .source = source, .req = req, .res = res, .arena = a };
    int64_t      height;

    *res = (struct abci_res_query){ .code = 0 };
    if (route(&q))
        return;
    height = res->height;
    *res   = (struct abci_res_query){
          .code      = q.out.code,
          .log       = q.out.log,
          .info      = q.out.info,
          .codespace = span_str(q.out.codespace),
          .height    = height,
    };
}
