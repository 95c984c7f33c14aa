#include "records.h"

#include "keystore.h"

#include "crypto/bech32.h"
#include "pb/pb.h"

PB_DESC(record_precondition_desc, struct record_precondition,
        PB_ONEOF(struct record_precondition, RECORD_IF_ABSENT, which, absent,
                 PB_BOOL),
        PB_ONEOF(struct record_precondition, RECORD_IF_VERSION, which, version,
                 PB_UINT64));

PB_DESC(record_put_desc, struct record_change,
        PB_FIELD(struct record_change, 1, signer, PB_STRING),
        PB_FIELD(struct record_change, 2, collection, PB_STRING),
        PB_FIELD(struct record_change, 3, key, PB_BYTES),
        PB_FIELD(struct record_change, 4, value, PB_BYTES),
        PB_PTR(struct record_change, 5, precondition,
               record_precondition_desc));

PB_DESC(record_delete_desc, struct record_change,
        PB_FIELD(struct record_change, 1, signer, PB_STRING),
        PB_FIELD(struct record_change, 2, collection, PB_STRING),
        PB_FIELD(struct record_change, 3, key, PB_BYTES),
        PB_PTR(struct record_change, 4, precondition,
               record_precondition_desc));

PB_DESC(record_desc, struct record, PB_FIELD(struct record, 1, value, PB_BYTES),
        PB_FIELD(struct record, 2, version, PB_UINT64),
        PB_FIELD(struct record, 3, height, PB_INT64),
        PB_FIELD(struct record, 4, tx_hash, PB_BYTES),
        PB_FIELD(struct record, 5, writer, PB_BYTES),
        PB_FIELD(struct record, 6, previous, PB_BYTES),
        PB_FIELD(struct record, 7, is_deleted, PB_BOOL));

PB_DESC(record_query_desc, struct record_query,
        PB_FIELD(struct record_query, 1, collection, PB_STRING),
        PB_FIELD(struct record_query, 2, key, PB_BYTES));
PB_DESC(record_answer_desc, struct record_answer,
        PB_PTR(struct record_answer, 1, record, record_desc));

PB_DESC(history_query_desc, struct history_query,
        PB_FIELD(struct history_query, 1, collection, PB_STRING),
        PB_FIELD(struct history_query, 2, key, PB_BYTES),
        PB_FIELD(struct history_query, 3, after_version, PB_UINT64),
        PB_FIELD(struct history_query, 4, limit, PB_UINT32));
PB_DESC(history_answer_desc, struct history_answer,
        PB_SUBS(struct history_answer, 1, records, record_desc, 1000),
        PB_FIELD(struct history_answer, 2, has_more, PB_BOOL));

struct span record_store_key(struct span collection, struct span key,
                             struct arena *a)
{
    size_t   n = collection.n + key.n + 2;
    uint8_t *p = arena_alloc(a, n);

    must(p);
    p[0] = 'r';
    memcpy(p + 1, collection.p, collection.n);
    p[1 + collection.n] = 0;
    memcpy(p + 2 + collection.n, key.p, key.n);
    return SPAN(p, n);
}

/* ---- abci_query ---- */

bool read_ops(struct abci_proof_ops *out, const struct json_value *v,
              struct arena *a)
{
    const struct json_value *ops = json_get(v, "ops");
    size_t                   n   = json_count(ops);

    out->ops.v = arena_newn(a, struct abci_proof_op, n + 1);
    out->ops.n = n;
    for (size_t i = 0; i < n && out->ops.v; i++) {
        const struct json_value *o = json_item(ops, i);

        if (!json_read_str(&out->ops.v[i].type, json_get(o, "type")) ||
            !json_read_base64(&out->ops.v[i].key, json_get(o, "key"), a) ||
            !json_read_base64(&out->ops.v[i].data, json_get(o, "data"), a))
            return false;
        out->ops.v[i].type = arena_copy(a, out->ops.v[i].type);
    }
    return out->ops.v != NULL;
}

static void copy_text(char *out, size_t cap, const struct rpc_reply *r,
                      const char *path)
{
    struct span s = rpc_text(r, path);

    snprintf(out, cap, "%.*s", (int)(s.n < cap ? s.n : cap - 1),
             (const char *)s.p);
}

static bool read_query(struct query_reply *out, const struct rpc_reply *r,
                       struct arena *a)
{
    const struct json_value *ops  = rpc_get(r, "response.proofOps");
    int64_t                  code = 0;

    (void)!json_read_int(&code, rpc_get(r, "response.code"));
    out->code = (uint32_t)code;
    copy_text(out->codespace, sizeof out->codespace, r, "response.codespace");
    copy_text(out->log, sizeof out->log, r, "response.log");
    return json_read_base64(&out->key, rpc_get(r, "response.key"), a) &&
           json_read_base64(&out->value, rpc_get(r, "response.value"), a) &&
           json_read_int_text(&out->height, rpc_get(r, "response.height")) &&
           (!ops || json_is(ops, JV_NULL) || read_ops(&out->ops, ops, a));
}

enum err query(struct query_reply *out, const struct rpc *r, const char *path,
               struct span data, int64_t height, bool prove, struct arena *a)
{
    struct buf         params;
    struct json_writer w;
    struct rpc_reply   reply;
    enum err           code;

    *out = (struct query_reply){ .code = 0 };
    buf_init(&params, 2 * data.n + 4096);
    jw_init(&w, &params, 0);
    jw_object(&w);
    JW(&w, "path", cstr, path);
    JW(&w, "data", hex, data);
    JW(&w, "height", int_text, height);
    JW(&w, "prove", bool, prove);
    jw_object_end(&w);
    code = rpc_call(&reply, r, "abci_query", buf_span(&params));
    buf_fini(&params);
    if (code != OK)
        return code;
    if (!read_query(out, &reply, a))
        code = fail(ERR_APP, "%s: the answer to %s is not as expected",
                    r->address, path);
    rpc_reply_fini(&reply);
    return code;
}

enum err ledger_exit(const char *codespace, uint32_t code)
{
    enum { NOT_FOUND = 10, BUSY = 14, NOT_READY = 15, PRUNED = 17 };

    if (strcmp(codespace, "ledger") != 0)
        return ERR_APP;
    switch (code) {
    case NOT_FOUND:
    case PRUNED: return ERR_NOT_FOUND;
    case BUSY:
    case NOT_READY: return ERR_BUSY;
    default: return ERR_APP;
    }
}

enum err query_refused(const struct query_reply *q)
{
    return fail(ledger_exit(q->codespace, q->code),
                "the application refuses: %s (code %" PRIu32 " of %s)%s",
                q->log, q->code, *q->codespace ? q->codespace : "its own",
                strcmp(q->codespace, "ledger") == 0
                    ? ""
                    : "; is it the built-in ledger?");
}

/* ---- records ---- */

enum err record_get(struct record *out, int64_t *height, const struct rpc *r,
                    struct span collection, struct span key, int64_t at,
                    struct arena *a)
{
    struct record_query  q = { collection, key };
    struct record_answer answer;
    struct query_reply   reply;
    struct span          data = pb_encode(&record_query_desc, &q, a);
    enum err             code;

    must(data.p);
    code =
        query(&reply, r, "/warren.ledger.v1.Query/Record", data, at, false, a);
    if (code != OK)
        return code;
    *height = reply.height;
    if (ledger_exit(reply.codespace, reply.code) == ERR_NOT_FOUND &&
        strstr(reply.log, "PRUNED") == NULL)
        return ERR_NOT_FOUND;
    if (reply.code)
        return query_refused(&reply);
    if (pb_decode(&record_answer_desc, &answer, a, reply.value) != ACCEPT)
        return fail(ERR_APP, "the answer is no record; is the application the"
                             " built-in ledger?");
    if (!answer.record || answer.record->is_deleted)
        return ERR_NOT_FOUND;
    *out = *answer.record;
    return OK;
}

void record_say(struct cli *c, const struct record *r)
{
    struct buf b;

    buf_init(&b, 4096);
    out_int(c, "version", (int64_t)r->version);
    out_int(c, "height", r->height);
    buf_hex_upper(&b, r->tx_hash);
    out_str(c, "tx", buf_cstr(&b));
    buf_clear(&b);
    bech32_encode(&b, ADDRESS_PREFIX, r->writer);
    out_str(c, "writer", buf_cstr(&b));
    if (r->is_deleted)
        out_bool(c, "deleted", true);
    else
        out_json(c, "value", r->value);
    buf_fini(&b);
}
