#include "proof.h"

#include "canonical.h"
#include "keystore.h"
#include "light.h"

#include "base/text.h"
#include "crypto/bech32.h"
#include "ics23/ops.h"
#include "loop/loop.h"
#include "pb/pb.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    WAIT_US   = 10000000, /* for the header after the record's height */
    POLL_US   = 50000,
    PAGE      = 100,
    PAGES_MAX = VOTES_MAX / PAGE,
};

/* ---- what is fetched ---- */

struct fetched {
    struct span        collection, key;
    struct query_reply reply;
    struct span        chain_id, signed_header, validators; /* JSON */
    struct header      header;
    struct record      record;
};

/* One answer's result as text in the arena; missing.p NULL and OK when the
 * node has no such height yet. */
static enum err fetch(struct span *out, const struct rpc *r, const char *method,
                      struct span params, struct arena *a)
{
    struct rpc_reply reply;
    enum err         code = rpc_ask(&reply, r, method, params);

    *out = SPAN(NULL, 0);
    if (code != OK)
        return code;
    if (reply.result)
        *out = arena_copy(a, json_member_text(&reply.doc, "result"));
    else if (!strstr(reply.error, "must be less than or equal to"))
        code =
            fail(ERR_NOT_FOUND, "%s: %s: %s", r->address, method, reply.error);
    rpc_reply_fini(&reply);
    return code;
}

/* A member of an object given as text, as text. */
static struct span member(struct span object, const char *key, struct arena *a)
{
    struct json_doc d;
    struct span     found;

    if (json_doc_parse(&d, object, JSON_KEYS_LAST_WINS) != ACCEPT)
        return SPAN(NULL, 0);
    found = arena_copy(a, json_member_text(&d, key));
    json_doc_fini(&d);
    return found;
}

static bool read_header_text(struct header *out, struct span text,
                             struct arena *a)
{
    struct json_doc d;
    bool            is_fine;

    if (json_doc_parse(&d, text, JSON_KEYS_LAST_WINS) != ACCEPT)
        return false;
    is_fine       = light_read_header(out, json_get(d.root, "header"), a);
    out->chain_id = arena_copy(a, out->chain_id);
    json_doc_fini(&d);
    return is_fine;
}

/* The header and commit of a height; waits while it is the next one. */
static enum err fetch_header(struct fetched *f, const struct rpc *r,
                             int64_t height, struct arena *a)
{
    uint64_t    end = now_us() + WAIT_US;
    char        params[64];
    struct span result;

    snprintf(params, sizeof params, "{\"height\":\"%" PRId64 "\"}", height);
    for (;;) {
        enum err code = fetch(&result, r, "commit", span_str(params), a);

        if (code != OK)
            return code;
        if (result.p)
            break;
        if (now_us() > end)
            return fail(ERR_TIMEOUT,
                        "no block %" PRId64 " yet, whose header holds the app"
                        " hash after %" PRId64 "; try again, or ask for an"
                        " earlier --height",
                        height, height - 1);
        usleep(POLL_US);
    }
    f->signed_header = member(result, "signed_header", a);
    if (!f->signed_header.p ||
        !read_header_text(&f->header, f->signed_header, a))
        return fail(ERR_FAILED, "%s: the answer to commit is not as expected",
                    r->address);
    return OK;
}

/* All pages of the validators as one array. */
static enum err fetch_validators(struct fetched *f, const struct rpc *r,
                                 int64_t height, struct arena *a)
{
    struct buf all;
    int64_t    seen = 0, total = 1;
    enum err   code = OK;

    buf_init(&all, 64 << 20);
    buf_byte(&all, '[');
    for (int page = 1; seen < total && page <= PAGES_MAX; page++) {
        char            params[96];
        struct span     result, list;
        struct json_doc d;

        snprintf(params, sizeof params,
                 "{\"height\":\"%" PRId64 "\",\"page\":\"%d\",\"per_page\":"
                 "\"%d\"}",
                 height, page, PAGE);
        code = fetch(&result, r, "validators", span_str(params), a);
        if (code != OK)
            break;
        list = member(result, "validators", a);
        if (list.n < 2 ||
            json_doc_parse(&d, result, JSON_KEYS_LAST_WINS) != ACCEPT) {
            code = fail(ERR_FAILED,
                        "%s: the answer to validators is not as"
                        " expected",
                        r->address);
            break;
        }
        if (page > 1)
            buf_byte(&all, ',');
        buf_add(&all, SPAN(list.p + 1, list.n - 2));
        if (!json_read_int_text(&total, json_get(d.root, "total")))
            total = 0;
        seen += (int64_t)json_count(json_get(d.root, "validators"));
        json_doc_fini(&d);
    }
    buf_byte(&all, ']');
    f->validators = arena_copy(a, buf_span(&all));
    buf_fini(&all);
    return code;
}

/* ---- writing ---- */

static void write_ops(struct json_writer *w, const struct abci_proof_ops *ops)
{
    jw_key(w, "ops");
    jw_array(w);
    for (size_t i = 0; i < ops->ops.n; i++) {
        jw_object(w);
        JW(w, "type", str, ops->ops.v[i].type);
        JW(w, "key", base64_text, ops->ops.v[i].key);
        JW(w, "data", base64_text, ops->ops.v[i].data);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void write_record(struct json_writer *w, const struct record *r)
{
    struct buf writer;

    buf_init(&writer, 256);
    bech32_encode(&writer, ADDRESS_PREFIX, r->writer);
    jw_key(w, "value");
    jw_raw(w, r->value);
    JW(w, "version", int, (int64_t)r->version);
    JW(w, "written_at", int, r->height);
    JW(w, "writer", cstr, buf_cstr(&writer));
    JW(w, "tx", hex_upper, r->tx_hash);
    buf_fini(&writer);
}

static void write_proof(struct buf *out, const struct fetched *f)
{
    struct json_writer w;

    jw_init(&w, out, 2);
    jw_object(&w);
    JW(&w, "chain_id", str, f->header.chain_id);
    JW(&w, "collection", str, f->collection);
    JW(&w, "key", str, f->key);
    JW(&w, "height", int, f->reply.height);
    if (f->reply.value.n)
        write_record(&w, &f->record);
    else
        JW(&w, "value", raw, span_str("null"));
    jw_key(&w, "proof");
    jw_object(&w);
    JW(&w, "store", cstr, RECORDS_STORE);
    JW(&w, "key", base64_text, f->reply.key);
    JW(&w, "value", base64_text, f->reply.value);
    write_ops(&w, &f->reply.ops);
    jw_object_end(&w);
    JW(&w, "signed_header", raw, f->signed_header);
    JW(&w, "validators", raw, f->validators);
    jw_object_end(&w);
    buf_byte(out, '\n');
}

/* What was fetched must hold, or the node lies. */
static enum err check_fetched(struct buf *out, const struct fetched *f,
                              struct arena *a)
{
    struct json_doc     d;
    struct record_proof p;
    const char         *why;

    if (json_doc_parse(&d, buf_span(out), JSON_KEYS_UNIQUE) != ACCEPT)
        return fail(ERR_FAILED, "the proof cannot be written: %s", d.why);
    why = proof_read(&p, &d, a);
    if (!why)
        why = proof_holds(&p, f->header.app_hash, a);
    json_doc_fini(&d);
    return why ? fail(ERR_VERIFY, "the node's proof does not hold: %s", why)
               : OK;
}

enum err proof_fetch(struct buf *out, bool *is_absent, const struct rpc *r,
                     struct span collection, struct span key, int64_t height,
                     struct arena *a)
{
    struct fetched f         = { .collection = collection, .key = key };
    struct span    store_key = record_store_key(collection, key, a);
    int64_t        latest;
    enum err       code;

    if (height == 0) { /* the height that shows one's own writes */
        code = record_get(&f.record, &latest, r, collection, key, 0, a);
        if (code != OK && code != ERR_NOT_FOUND)
            return code;
        height = latest;
    }
    code = query(&f.reply, r, "/store/" RECORDS_STORE "/key", store_key, height,
                 true, a);
    if (code != OK)
        return code;
    if (f.reply.code)
        return query_refused(&f.reply);
    f.reply.key = store_key;
    if (f.reply.value.n &&
        pb_decode(&record_desc, &f.record, a, f.reply.value) != ACCEPT)
        return fail(ERR_APP, "the answer is no record");
    code = fetch_header(&f, r, f.reply.height + 1, a);
    if (code == OK)
        code = fetch_validators(&f, r, f.reply.height + 1, a);
    if (code != OK)
        return code;
    *is_absent = f.reply.value.n == 0;
    write_proof(out, &f);
    return check_fetched(out, &f, a);
}

/* ---- reading ---- */

static bool same_text(const struct json_value *v, const char *text)
{
    struct span s;

    return json_read_str(&s, v) && span_eq(s, span_str(text));
}

static const char *check_value(const struct record_proof *p,
                               const struct json_doc     *d)
{
    struct buf  b;
    char        reason[200];
    const char *why;
    bool        is_same;

    buf_init(&b, 1 << 24);
    why     = canonical_json(&b, json_member_text(d, "value"), reason);
    is_same = !why && span_eq(buf_span(&b), p->record.value);
    buf_fini(&b);
    return is_same ? NULL : "value is not that of the proven record";
}

/* What stands there for people is what the proven bytes say. */
static const char *check_shown(const struct record_proof *p,
                               const struct json_doc     *d)
{
    const struct json_value *root = d->root;
    int64_t                  version, height;
    struct buf               b;
    const char              *why = NULL;

    if (p->store_value.n == 0)
        return json_is(json_get(root, "value"), JV_NULL)
                   ? NULL
                   : "a value is shown, but its absence is proved";
    buf_init(&b, 512);
    bech32_encode(&b, ADDRESS_PREFIX, p->record.writer);
    if (!json_read_int(&version, json_get(root, "version")) ||
        (uint64_t)version != p->record.version)
        why = "version is not that of the proven record";
    else if (!json_read_int(&height, json_get(root, "written_at")) ||
             height != p->record.height)
        why = "written_at is not that of the proven record";
    else if (!same_text(json_get(root, "writer"), buf_cstr(&b)))
        why = "writer is not that of the proven record";
    buf_clear(&b);
    buf_hex_upper(&b, p->record.tx_hash);
    if (!why && !same_text(json_get(root, "tx"), buf_cstr(&b)))
        why = "tx is not that of the proven record";
    buf_fini(&b);
    return why ? why : check_value(p, d);
}

const char *proof_read(struct record_proof *p, const struct json_doc *d,
                       struct arena *a)
{
    const struct json_value *root  = d->root;
    const struct json_value *proof = json_get(root, "proof");

    *p = (struct record_proof){ .height = 0 };
    if (!json_read_str(&p->chain_id, json_get(root, "chain_id")) ||
        !json_read_str(&p->collection, json_get(root, "collection")) ||
        !json_read_str(&p->key, json_get(root, "key")) ||
        !json_read_int(&p->height, json_get(root, "height")))
        return "chain_id, collection, key or height is missing";
    if (!same_text(json_get(proof, "store"), RECORDS_STORE) ||
        !json_read_base64(&p->store_key, json_get(proof, "key"), a) ||
        !json_read_base64(&p->store_value, json_get(proof, "value"), a) ||
        !read_ops(&p->ops, proof, a))
        return "proof has not the members of one";
    if (!span_eq(p->store_key, record_store_key(p->collection, p->key, a)))
        return "the proof is of another collection or key";
    if (p->store_value.n &&
        pb_decode(&record_desc, &p->record, a, p->store_value) != ACCEPT)
        return "the proven bytes are no record";
    p->signed_header = json_get(root, "signed_header");
    p->validators    = json_get(root, "validators");
    return check_shown(p, d);
}

const char *proof_holds(const struct record_proof *p, struct span app_hash,
                        struct arena *a)
{
    struct buf  path;
    const char *why = "the operators do not lead to the app hash";
    bool        holds;

    buf_init(&path, 4096);
    ops_keypath(&path, span_str(RECORDS_STORE), p->store_key);
    holds = p->store_value.n
                ? ops_member(&p->ops, app_hash, buf_span(&path), p->store_value,
                             a, &why)
                : ops_absent(&p->ops, app_hash, buf_span(&path), a, &why);
    buf_fini(&path);
    return holds ? NULL : why;
}
