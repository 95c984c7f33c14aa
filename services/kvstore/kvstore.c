#include "kvstore/kvstore.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/key.h"

#define VALIDATOR_PREFIX "val="
#define ABCI_VERSION     "2.0.0"

static const struct span state_key = { (const uint8_t *)"state", 5 };

/* One request on its way to its answer. */
struct call {
    struct kvstore            *k;
    const struct kvstore_db   *db;
    const struct abci_request *req;
    struct abci_response      *res;
    struct arena              *a;
};

/* ---- transactions ---- */

struct validator_tx {
    struct span type, key;
    int64_t     power;
};

static bool is_validator_tx(struct span tx)
{
    return tx.n >= 4 && memcmp(tx.p, VALIDATOR_PREFIX, 4) == 0;
}

/* The part of *in up to sep, which *in moves behind; false without one. */
static bool split(struct span *in, uint8_t sep, struct span *head)
{
    const uint8_t *at = in->n ? memchr(in->p, sep, in->n) : NULL;

    if (!at)
        return false;
    *head = SPAN(in->p, (size_t)(at - in->p));
    *in   = SPAN(at + 1, in->n - head->n - 1);
    return true;
}

static size_t count(struct span s, uint8_t byte)
{
    struct span head;
    size_t      n = 0;

    while (split(&s, byte, &head))
        n++;
    return n;
}

static bool parse_power(int64_t *power, struct span text)
{
    if (text.n && text.p[0] == '+') {
        text = SPAN(text.p + 1, text.n - 1);
        if (text.n && text.p[0] == '-')
            return false;
    }
    return int64_parse(power, text) && *power >= 0;
}

static bool parse_validator_tx(struct validator_tx *v, struct span tx,
                               struct arena *a)
{
    struct span rest = SPAN(tx.p + 4, tx.n - 4), key;
    uint8_t    *bytes;

    if (count(rest, '!') != 2 || !split(&rest, '!', &v->type) ||
        !split(&rest, '!', &key))
        return false;
    bytes  = arena_alloc(a, key.n + 1);
    v->key = SPAN(bytes, 0);
    return bytes && base64_decode(bytes, key.n, &v->key.n, key) &&
           parse_power(&v->power, rest);
}

static bool is_pair(struct span tx)
{
    size_t  equals = count(tx, '='), colons = count(tx, ':');
    uint8_t sep = equals ? '=' : ':';

    return equals + colons == 1 && tx.p[0] != sep && tx.p[tx.n - 1] != sep;
}

uint32_t kvstore_check(struct span tx, struct arena *scratch)
{
    struct validator_tx v;
    bool                is_ok =
        is_validator_tx(tx) ? parse_validator_tx(&v, tx, scratch) : is_pair(tx);

    return is_ok ? KVSTORE_OK : KVSTORE_INVALID_TX;
}

/* As CheckTx has it; leaves the arena as it was. */
static bool is_acceptable(struct span tx, struct arena *a)
{
    size_t mark  = a->used;
    bool   is_ok = kvstore_check(tx, a) == KVSTORE_OK;

    a->used = mark;
    return is_ok;
}

/* key=value with exactly one '='. */
static bool split_pair(struct span tx, struct span *key, struct span *value)
{
    *value = tx;
    return count(tx, '=') == 1 && split(value, '=', key);
}

/* ---- state ---- */

static const struct kvstore_state *visible(const struct kvstore *k)
{
    return k->opt.is_eager ? &k->next : &k->done;
}

static struct span app_hash(int64_t size, struct arena *a)
{
    uint8_t   *hash = arena_alloc(a, 16);
    struct buf b;

    if (!hash)
        return (struct span){ 0 };
    buf_use(&b, hash, 16);
    buf_svarint(&b, size);
    return SPAN(hash, 8);
}

static enum err save_state(const struct kvstore_db    *db,
                           const struct kvstore_state *s)
{
    uint8_t bytes[16];

    store_be64(bytes, (uint64_t)s->size);
    store_be64(bytes + 8, (uint64_t)s->height);
    return db->put(db->ctx, KVSTORE_STATE, state_key, SPAN_OF(bytes));
}

enum err kvstore_open(struct kvstore *k, struct arena *block,
                      const struct kvstore_options *opt,
                      const struct kvstore_db      *db)
{
    struct span bytes;
    enum err    e = db->get(db->ctx, KVSTORE_STATE, state_key, &bytes);

    *k = (struct kvstore){ .opt = *opt, .block = block };
    if (e == ERR_NOT_FOUND)
        return OK;
    if (e)
        return e;
    if (bytes.n != 16)
        return ERR_CORRUPT;
    k->done.size   = (int64_t)load_be64(bytes.p);
    k->done.height = (int64_t)load_be64(bytes.p + 8);
    k->next        = k->done;
    return OK;
}

/* ---- answers ---- */

/* A response of the kind that the request asks for, or NULL (and an
 * exception) when memory is out. */
static void *answer(struct call *c, size_t size)
{
    void *p = arena_alloc(c->a, size);

    if (!p) {
        abci_except(c->res, c->a, "the request needs too much memory");
        return NULL;
    }
    c->res->which = c->req->which + 1;
    c->res->echo  = p; /* members of the union are pointers */
    return p;
}

static enum err except(struct call *c, const char *text, struct span what)
{
    abci_except(c->res, c->a, "%s%.*s", text,
                (int)(what.n < 200 ? what.n : 200),
                what.n ? (const char *)what.p : "");
    return OK;
}

static enum err no_room(struct call *c)
{
    return except(c, "the request needs too much memory", (struct span){ 0 });
}

static enum err do_info(struct call *c)
{
    const struct kvstore_state *s   = visible(c->k);
    struct abci_res_info       *res = answer(c, sizeof *res);
    struct buf                  text;
    char                       *mem = arena_alloc(c->a, 64);

    if (!res || !mem)
        return no_room(c);
    buf_use(&text, mem, 64);
    buf_printf(&text, "{\"size\":%" PRId64 "}", s->size);
    res->data                = buf_span(&text);
    res->version             = span_str(ABCI_VERSION);
    res->app_version         = 1;
    res->last_block_height   = s->height;
    res->last_block_app_hash = app_hash(s->size, c->a);
    return OK;
}

static enum err do_check_tx(struct call *c)
{
    struct abci_res_check_tx *res = answer(c, sizeof *res);

    if (!res)
        return OK;
    res->code = kvstore_check(c->req->check_tx->tx, c->a);
    if (res->code == KVSTORE_OK)
        res->gas_wanted = 1;
    return OK;
}

/* key:value as key=value; p is NULL when memory is out. */
static struct span rewrite(struct span tx, struct arena *a)
{
    const uint8_t *colon = memchr(tx.p, ':', tx.n);
    uint8_t       *copy;

    if (!colon)
        return tx;
    copy = arena_alloc(a, tx.n);
    if (copy) {
        memcpy(copy, tx.p, tx.n);
        copy[colon - tx.p] = '=';
    }
    return SPAN(copy, tx.n);
}

static enum err do_prepare(struct call *c)
{
    const span_list                  *in  = &c->req->prepare_proposal->txs;
    struct abci_res_prepare_proposal *res = answer(c, sizeof *res);

    if (!res || !(res->txs.v = arena_newn(c->a, struct span, in->n)))
        return no_room(c);
    for (size_t i = 0; i < in->n; i++) {
        struct span tx;

        if (!is_acceptable(in->v[i], c->a))
            continue;
        tx = rewrite(in->v[i], c->a);
        if (!tx.p)
            return no_room(c);
        /* val:x would become a malformed val=x, and sink the proposal. */
        if (is_acceptable(tx, c->a))
            res->txs.v[res->txs.n++] = tx;
    }
    return OK;
}

static enum err do_process(struct call *c)
{
    const span_list                  *in  = &c->req->process_proposal->txs;
    struct abci_res_process_proposal *res = answer(c, sizeof *res);

    if (!res)
        return OK;
    res->status = PROPOSAL_ACCEPT;
    for (size_t i = 0; i < in->n; i++)
        if (!is_acceptable(in->v[i], c->a))
            res->status = PROPOSAL_REJECT;
    return OK;
}

static enum err do_query(struct call *c)
{
    const struct abci_req_query *req    = c->req->query;
    struct abci_res_query       *res    = answer(c, sizeof *res);
    bool                         is_val = span_eq(req->path, span_str("/val"));
    enum err                     e;

    if (!res)
        return OK;
    res->key = req->data;
    e = c->db->get(c->db->ctx, is_val ? KVSTORE_VALIDATORS : KVSTORE_PAIRS,
                   req->data, &res->value);
    if (e && e != ERR_NOT_FOUND)
        return e;
    res->value = arena_copy(c->a, res->value);
    if (res->value.n && !res->value.p)
        return no_room(c);
    if (is_val)
        return OK;
    res->log    = span_str(e ? "does not exist" : "exists");
    res->height = visible(c->k)->height;
    if (req->prove)
        res->index = -1;
    return OK;
}

/* ---- validators ---- */

/* Set or remove one validator; an exception when its key is malformed. */
static enum err update_validator(struct call                        *c,
                                 const struct abci_validator_update *v)
{
    const struct kvstore_db *db = c->db;
    struct pubkey            key;
    uint8_t                  address[ADDRESS_BYTES];
    struct span              at = SPAN_OF(address), value, proto;
    enum err                 e;

    if (!pubkey_make(&key, (enum key_type)v->pub_key.type, v->pub_key.bytes))
        return except(c, "can't decode public key", (struct span){ 0 });
    pubkey_address(address, &key);
    if (v->power == 0) {
        e = db->del(db->ctx, KVSTORE_VALIDATORS, v->pub_key.bytes);
        if (e == OK || e == ERR_NOT_FOUND)
            e = db->del(db->ctx, KVSTORE_ADDRESSES, at);
        return e == ERR_NOT_FOUND ? OK : e;
    }
    value = pb_encode_delimited(&abci_validator_update_desc, v, c->a);
    proto = pb_encode(&public_key_desc, &v->pub_key, c->a);
    if (!value.p || !proto.p)
        return no_room(c);
    e = db->put(db->ctx, KVSTORE_VALIDATORS, v->pub_key.bytes, value);
    return e ? e : db->put(db->ctx, KVSTORE_ADDRESSES, at, proto);
}

static enum err do_init_chain(struct call *c)
{
    const struct abci_req_init_chain *req = c->req->init_chain;
    struct abci_res_init_chain       *res;
    enum err                          e;

    for (size_t i = 0; i < req->validators.n; i++) {
        e = update_validator(c, &req->validators.v[i]);
        if (e || c->res->which)
            return e;
    }
    res = answer(c, sizeof *res);
    if (res)
        res->app_hash = app_hash(visible(c->k)->size, c->a);
    return OK;
}

/* An equivocator loses one of its power. */
static enum err punish(struct call *c, const struct abci_misbehavior *m,
                       struct abci_validator_update *u)
{
    struct span value;
    enum err    e =
        c->db->get(c->db->ctx, KVSTORE_ADDRESSES, m->validator.address, &value);

    if (e == ERR_NOT_FOUND)
        return except(c, "wanted to punish a validator but can't find it",
                      (struct span){ 0 });
    if (e)
        return e;
    value = arena_copy(c->k->block, value);
    if (!value.p)
        return no_room(c);
    if (pb_decode(&public_key_desc, &u->pub_key, c->a, value))
        return ERR_CORRUPT;
    u->power = (int64_t)((uint64_t)m->validator.power - 1);
    return OK;
}

/* ---- execution ---- */

static struct abci_attribute attribute(const char *key, struct span value,
                                       bool index)
{
    return (struct abci_attribute){ span_str(key), value, index };
}

static bool add_event(struct abci_event *e, const char *creator,
                      struct span key, struct arena *a)
{
    const struct span working = span_str("index is working");

    e->type         = span_str("app");
    e->attributes.n = 4;
    e->attributes.v = arena_newn(a, struct abci_attribute, 4);
    if (!e->attributes.v)
        return false;
    e->attributes.v[0] = attribute("creator", span_str(creator), true);
    e->attributes.v[1] = attribute("key", key, true);
    e->attributes.v[2] = attribute("index_key", working, true);
    e->attributes.v[3] = attribute("noindex_key", working, false);
    return true;
}

static bool add_result(struct abci_tx_result *r, struct span tx,
                       struct arena *a)
{
    struct span key = tx, value = tx;

    if (!split_pair(tx, &key, &value))
        key = value = tx;
    r->events.n = 2;
    r->events.v = arena_newn(a, struct abci_event, 2);
    return r->events.v &&
           add_event(&r->events.v[0], "Cosmoshi Netowoko", key, a) &&
           add_event(&r->events.v[1], "Cosmoshi", value, a);
}

static bool add_block_event(struct abci_event *e, const char *foo,
                            const char *bar, struct arena *a)
{
    e->type         = span_str("begin_event");
    e->attributes.n = 2;
    e->attributes.v = arena_newn(a, struct abci_attribute, 2);
    if (!e->attributes.v)
        return false;
    e->attributes.v[0] = attribute("foo", span_str(foo), true);
    e->attributes.v[1] = attribute("bar", span_str(bar), true);
    return true;
}

static bool add_block_events(struct abci_res_finalize_block *res,
                             int64_t height, struct arena *a)
{
    bool is_even  = height % 2 == 0;
    res->events.v = arena_newn(a, struct abci_event, 2);
    res->events.n = is_even ? 2 : 1;
    if (!res->events.v)
        return false;
    if (!is_even)
        return add_block_event(&res->events.v[0], "400", "300", a);
    return add_block_event(&res->events.v[0], "100", "200", a) &&
           add_block_event(&res->events.v[1], "200", "300", a);
}

/* val=TYPE!KEY!POWER to an update; the key's length is not looked at yet. */
static enum err stage_validator(struct call *c, struct span tx)
{
    struct validator_tx           v;
    struct abci_validator_update *u = &c->k->updates.v[c->k->updates.n];

    if (!parse_validator_tx(&v, tx, c->k->block))
        return except(c, "expected 'pubkeytype!pubkey!power'. Got ", tx);
    if (v.type.n == 0 || span_eq(v.type, span_str("ed25519")))
        u->pub_key.type = KEY_ED25519;
    else if (span_eq(v.type, span_str("secp256k1")))
        u->pub_key.type = KEY_SECP256K1;
    else
        return except(c, "key type not supported: ", v.type);
    u->pub_key.bytes = v.key;
    u->power         = v.power;
    c->k->updates.n++;
    return OK;
}

static enum err stage_tx(struct call *c, struct span tx,
                         struct abci_tx_result *r)
{
    struct span copy = arena_copy(c->k->block, tx);
    enum err    e;

    if ((tx.n && !copy.p) || !add_result(r, tx, c->a))
        return no_room(c);
    if (is_validator_tx(tx)) {
        e = stage_validator(c, copy);
        if (e || c->res->which)
            return e;
    } else {
        c->k->staged.v[c->k->staged.n++] = copy;
    }
    c->k->next.size++;
    return OK;
}

/* Forget what an earlier FinalizeBlock left and make room for this one. */
static bool begin_block(struct kvstore                       *k,
                        const struct abci_req_finalize_block *req)
{
    if (!k->opt.is_eager)
        k->next = k->done;
    k->is_executed = false;
    arena_reset(k->block);
    k->staged.n = k->updates.n = 0;
    k->staged.v                = arena_newn(k->block, struct span, req->txs.n);
    k->updates.v = arena_newn(k->block, struct abci_validator_update,
                              req->txs.n + req->misbehavior.n);
    return k->staged.v && k->updates.v;
}

/* A set cannot change a key twice at one height; CometBFT's own kvstore
 * returns both, which ends its node. */
static bool is_updated(const struct kvstore               *k,
                       const struct abci_validator_update *u)
{
    for (size_t i = 0; i < k->updates.n; i++)
        if (k->updates.v[i].pub_key.type == u->pub_key.type &&
            span_eq(k->updates.v[i].pub_key.bytes, u->pub_key.bytes))
            return true;
    return false;
}

static enum err execute(struct call *c, struct abci_res_finalize_block *res)
{
    const struct abci_req_finalize_block *req = c->req->finalize_block;
    struct kvstore                       *k   = c->k;
    enum err                              e;

    for (size_t i = 0; i < req->misbehavior.n; i++) {
        if (req->misbehavior.v[i].type != MISBEHAVIOR_DUPLICATE_VOTE)
            continue;
        e = punish(c, &req->misbehavior.v[i], &k->updates.v[k->updates.n]);
        if (e || c->res->which)
            return e;
        if (!is_updated(k, &k->updates.v[k->updates.n]))
            k->updates.n++;
    }
    for (size_t i = 0; i < req->txs.n; i++) {
        e = stage_tx(c, req->txs.v[i], &res->tx_results.v[i]);
        if (e || c->res->which)
            return e;
    }
    return OK;
}

static enum err do_finalize(struct call *c)
{
    const struct abci_req_finalize_block *req = c->req->finalize_block;
    struct abci_res_finalize_block       *res = arena_alloc(c->a, sizeof *res);
    struct kvstore                       *k   = c->k;
    enum err                              e;

    if (!begin_block(k, req) || !res)
        return no_room(c);
    res->tx_results.n = req->txs.n;
    res->tx_results.v = arena_newn(c->a, struct abci_tx_result, req->txs.n);
    if (!res->tx_results.v)
        return no_room(c);
    e = execute(c, res);
    if (e || c->res->which)
        return e;
    k->next.height           = req->height;
    k->is_executed           = true;
    res->validator_updates.v = k->updates.v;
    res->validator_updates.n = k->updates.n;
    res->app_hash            = app_hash(k->next.size, c->a);
    if (k->opt.has_block_events && !add_block_events(res, req->height, c->a))
        return no_room(c);
    c->res->which          = ABCI_RES_FINALIZE_BLOCK;
    c->res->finalize_block = res;
    return OK;
}

static enum err write_block(struct call *c)
{
    struct kvstore *k = c->k;
    struct span     key, value;
    enum err        e;

    for (size_t i = 0; i < k->updates.n; i++) {
        e = update_validator(c, &k->updates.v[i]);
        if (e || c->res->which)
            return e;
    }
    for (size_t i = 0; i < k->staged.n; i++) {
        if (!split_pair(k->staged.v[i], &key, &value))
            return except(c, "unexpected tx format: ", k->staged.v[i]);
        e = c->db->put(c->db->ctx, KVSTORE_PAIRS, key, value);
        if (e)
            return e;
    }
    return save_state(c->db, &k->next);
}

static enum err do_commit(struct call *c)
{
    struct kvstore         *k = c->k;
    struct abci_res_commit *res;
    enum err                e = OK;

    if (k->is_executed)
        e = write_block(c);
    if (e || c->res->which)
        return e;
    k->done        = k->next;
    k->is_executed = false;
    res            = answer(c, sizeof *res);
    if (res && k->opt.retain_blocks > 0 &&
        k->done.height >= k->opt.retain_blocks)
        res->retain_height = k->done.height - k->opt.retain_blocks + 1;
    return OK;
}

static enum err do_verify_extension(struct call *c)
{
    struct abci_res_verify_vote_extension *res = answer(c, sizeof *res);

    if (res)
        res->status = PROPOSAL_ACCEPT;
    return OK;
}

static enum err do_nothing(struct call *c, size_t size)
{
    (void)answer(c, size);
    return OK;
}

enum err kvstore_handle(struct kvstore *k, const struct kvstore_db *db,
                        const struct abci_request *req,
                        struct abci_response *res, struct arena *a)
{
    struct call c = { k, db, req, res, a };

    switch ((enum abci_request_case)req->which) {
    case ABCI_REQ_INFO: return do_info(&c);
    case ABCI_REQ_INIT_CHAIN: return do_init_chain(&c);
    case ABCI_REQ_QUERY: return do_query(&c);
    case ABCI_REQ_CHECK_TX: return do_check_tx(&c);
    case ABCI_REQ_COMMIT: return do_commit(&c);
    case ABCI_REQ_PREPARE_PROPOSAL: return do_prepare(&c);
    case ABCI_REQ_PROCESS_PROPOSAL: return do_process(&c);
    case ABCI_REQ_FINALIZE_BLOCK: return do_finalize(&c);
    case ABCI_REQ_VERIFY_VOTE_EXTENSION: return do_verify_extension(&c);
    case ABCI_REQ_LIST_SNAPSHOTS:
        return do_nothing(&c, sizeof(struct abci_res_list_snapshots));
    case ABCI_REQ_OFFER_SNAPSHOT:
        return do_nothing(&c, sizeof(struct abci_res_offer_snapshot));
    case ABCI_REQ_LOAD_SNAPSHOT_CHUNK:
        return do_nothing(&c, sizeof(struct abci_res_load_snapshot_chunk));
    case ABCI_REQ_APPLY_SNAPSHOT_CHUNK:
        return do_nothing(&c, sizeof(struct abci_res_apply_snapshot_chunk));
    case ABCI_REQ_EXTEND_VOTE:
        return do_nothing(&c, sizeof(struct abci_res_extend_vote));
    case ABCI_REQ_ECHO:
    case ABCI_REQ_FLUSH:
    case ABCI_REQ_NONE: break;
    }
    return except(&c, "unknown request", (struct span){ 0 });
}
