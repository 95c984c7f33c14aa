#include "fakes.h"

#include "model/state.h"
#include "model/vote.h"
#include "privval/conn.h"
#include "proto/store.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

static struct blob keep(struct span s)
{
    struct blob b = { malloc(s.n + 1), s.n };

    must(b.p);
    if (s.n)
        memcpy(b.p, s.p, s.n);
    return b;
}

static void set(struct blob *b, ProtobufCBinaryData d)
{
    free(b->p);
    *b = keep(SPAN(d.data, d.len));
}

static ProtobufCBinaryData data_of(struct blob b)
{
    return (ProtobufCBinaryData){ b.n, b.p };
}

/* ---- store ---- */

/* The message of that kind. */
static void reply(struct bus_call call, Store__Reply__KindCase kind,
                  void *message)
{
    Store__Reply r = STORE__REPLY__INIT;
    uint8_t     *p;
    size_t       n;

    r.kind_case = kind;
    r.done      = message; /* one of a union of pointers */
    p           = malloc(store__reply__get_packed_size(&r) + 1);
    must(p);
    n = store__reply__pack(&r, p);
    bus_reply(call, OK, NULL, SPAN(p, n));
    free(p);
}

static void done(struct bus_call call)
{
    Store__Done d = STORE__DONE__INIT;

    reply(call, STORE__REPLY__KIND_DONE, &d);
}

static void save_block(struct fake_store *s, struct bus_call call,
                       const Store__SaveBlock *b)
{
    struct arena      a;
    struct block      block;
    struct block_meta meta = { 0 };
    struct span       bytes;

    if (s->save_failures > 0) {
        s->save_failures--;
        bus_reply(call, ERR_DISK, "no space", (struct span){ 0 });
        return;
    }
    must(b->height < FAKE_HEIGHTS);
    arena_open(&a, 64 << 20);
    must(pb_decode(&block_desc, &block, &a,
                   SPAN(b->block.data, b->block.len)) == ACCEPT);
    must(pb_decode(&block_id_desc, &meta.block_id, &a,
                   SPAN(b->block_id.data, b->block_id.len)) == ACCEPT);
    meta.header     = block.header;
    meta.num_txs    = (int64_t)block.data.txs.n;
    meta.block_size = (int64_t)b->block.len;
    bytes           = pb_encode(&block_meta_desc, &meta, &a);
    set(&s->meta[b->height],
        (ProtobufCBinaryData){ bytes.n, (uint8_t *)(uintptr_t)bytes.p });
    arena_close(&a);
    set(&s->block[b->height], b->block);
    set(&s->results[b->height], b->results);
    set(&s->seen[b->height],
        b->extended_commit.len ? b->extended_commit : b->seen_commit);
    s->height = b->height;
    done(call);
}

static void keep_set(struct fake_store *s, int64_t height,
                     const struct validators *v, struct arena *a)
{
    struct span bytes =
        pb_encode(&validator_set_desc, validators_to_msg(v, a), a);

    free(s->vals[height].p);
    s->vals[height] = keep(bytes);
}

static void save_state(struct fake_store *s, struct bus_call call,
                       const Store__SaveState *m)
{
    struct chain_state c;
    struct arena       a;

    arena_open(&a, 64 << 20);
    must(state_decode(&c, SPAN(m->state.data, m->state.len), &a) == ACCEPT);
    set(&s->state[m->height], m->state);
    s->state_height = m->height;
    if (m->height > 0)
        keep_set(s, m->height, &c.last_validators, &a);
    keep_set(s, m->height + 1, &c.validators, &a);
    arena_close(&a);
    done(call);
}

static void get_block(struct fake_store *s, struct bus_call call,
                      const Store__GetBlock *g)
{
    Store__Block b = STORE__BLOCK__INIT;

    b.height = g->height;
    b.meta   = data_of(s->meta[g->height]);
    b.block  = data_of(s->block[g->height]);
    reply(call, STORE__REPLY__KIND_BLOCK, &b);
}

static void get_status(struct fake_store *s, struct bus_call call)
{
    Store__Status t = STORE__STATUS__INIT;

    t.lowest       = s->height > 0;
    t.height       = s->height;
    t.state_height = s->state_height;
    reply(call, STORE__REPLY__KIND_STATUS, &t);
}

/* No evidence waits for a block. */
static void get_pending(struct bus_call call)
{
    Store__Pending p = STORE__PENDING__INIT;

    reply(call, STORE__REPLY__KIND_PENDING, &p);
}

static void get_bytes(struct bus_call call, struct blob b,
                      Store__Reply__KindCase kind)
{
    Store__State      state      = STORE__STATE__INIT;
    Store__Commit     commit     = STORE__COMMIT__INIT;
    Store__Results    results    = STORE__RESULTS__INIT;
    Store__Validators validators = STORE__VALIDATORS__INIT;

    state.state     = data_of(b);
    commit.commit   = data_of(b);
    results.results = data_of(b);
    validators.set  = data_of(b);
    switch (kind) {
    case STORE__REPLY__KIND_STATE: reply(call, kind, &state); break;
    case STORE__REPLY__KIND_COMMIT: reply(call, kind, &commit); break;
    case STORE__REPLY__KIND_RESULTS: reply(call, kind, &results); break;
    case STORE__REPLY__KIND_VALIDATORS: reply(call, kind, &validators); break;
    default: must(!"bytes");
    }
}

static void on_store_request(void *ctx, struct bus_call call, struct span body)
{
    struct fake_store *s = ctx;
    Store__Request    *q = store__request__unpack(NULL, body.n, body.p);

    must(q);
    switch (q->kind_case) {
    case STORE__REQUEST__KIND_OPEN:
        if (s->refuses_open)
            bus_reply(call, s->refuses_open, "refused", (struct span){ 0 });
        else
            done(call);
        break;
    case STORE__REQUEST__KIND_GET_STATUS: get_status(s, call); break;
    case STORE__REQUEST__KIND_GET_STATE:
        get_bytes(call, s->state[s->state_height], STORE__REPLY__KIND_STATE);
        break;
    case STORE__REQUEST__KIND_SAVE_BLOCK:
        save_block(s, call, q->save_block);
        break;
    case STORE__REQUEST__KIND_SAVE_RESULTS:
        set(&s->results[q->save_results->height], q->save_results->results);
        done(call);
        break;
    case STORE__REQUEST__KIND_SAVE_STATE:
        save_state(s, call, q->save_state);
        break;
    case STORE__REQUEST__KIND_GET_BLOCK:
        get_block(s, call, q->get_block);
        break;
    case STORE__REQUEST__KIND_GET_COMMIT:
        get_bytes(call, s->seen[q->get_commit->height],
                  STORE__REPLY__KIND_COMMIT);
        break;
    case STORE__REQUEST__KIND_GET_RESULTS:
        get_bytes(call, s->results[q->get_results->height],
                  STORE__REPLY__KIND_RESULTS);
        break;
    case STORE__REQUEST__KIND_GET_VALIDATORS:
        get_bytes(call, s->vals[q->get_validators->height],
                  STORE__REPLY__KIND_VALIDATORS);
        break;
    case STORE__REQUEST__KIND_GET_PENDING: get_pending(call); break;
    default: must(!"faked");
    }
    store__request__free_unpacked(q, NULL);
}

void fake_store_open(struct fake_store *s, struct loop *l, const char *endpoint)
{
    static const struct bus_server_fns fns = { .on_request = on_store_request };

    s->bus = bus_open(l, "store");
    must(bus_serve(&s->server, s->bus, endpoint, &fns, s) == OK);
}

void fake_store_close(struct fake_store *s)
{
    bus_close(s->bus);
    s->bus = NULL;
}

void fake_store_free(struct fake_store *s)
{
    for (int i = 0; i < FAKE_HEIGHTS; i++) {
        free(s->meta[i].p);
        free(s->block[i].p);
        free(s->results[i].p);
        free(s->seen[i].p);
        free(s->state[i].p);
        free(s->vals[i].p);
    }
    *s = (struct fake_store){ 0 };
}

/* ---- application ---- */

static void say(struct fake_app *a, const char *what)
{
    buf_printf(&a->said, "%s; ", what);
}

static void finalize(struct fake_app *a, const struct abci_request *req,
                     struct abci_response *res, struct arena *arena)
{
    const struct abci_req_finalize_block *f = req->finalize_block;
    struct abci_res_finalize_block       *out =
        arena_new(arena, struct abci_res_finalize_block);
    struct span part[2];
    char        text[40];

    snprintf(text, sizeof text, "FinalizeBlock %" PRId64, f->height);
    say(a, text);
    if (a->throws_at_finalize) {
        res->which            = ABCI_RES_EXCEPTION;
        res->exception        = arena_new(arena, struct abci_res_exception);
        res->exception->error = span_str("out of everything");
        return;
    }
    part[0] =
        f->height > 1 ? hash_span(&a->hash[f->height - 1]) : (struct span){ 0 };
    part[1] = f->hash;
    sha256_parts(&a->next, part, 2);
    if (a->lies_at == f->height)
        a->next.b[0] ^= 1;
    out->app_hash     = arena_copy(arena, hash_span(&a->next));
    out->tx_results.n = f->txs.n;
    out->tx_results.v = arena_newn(arena, struct abci_tx_result, f->txs.n);
    if (a->update_at == f->height) {
        out->validator_updates.n = 1;
        out->validator_updates.v =
            arena_new(arena, struct abci_validator_update);
        out->validator_updates.v[0] = (struct abci_validator_update){
            .pub_key = { (int)a->update_key.type, pubkey_span(&a->update_key) },
            .power   = 1,
        };
    }
    res->which          = ABCI_RES_FINALIZE_BLOCK;
    res->finalize_block = out;
    a->hash[f->height]  = a->next;
}

static void verdict(struct abci_response *res, int32_t which,
                    struct arena *arena)
{
    res->which            = which;
    res->process_proposal = arena_new(arena, struct abci_res_process_proposal);
    res->process_proposal->status = PROPOSAL_ACCEPT;
}

static void on_app_request(void *ctx, const struct abci_request *req,
                           struct abci_response *res, struct arena *arena)
{
    struct fake_app *a = ctx;

    res->which = req->which + 1;
    res->echo  = arena_alloc(arena, 256);
    switch (req->which) {
    case ABCI_REQ_INFO:
        say(a, "Info");
        res->info->last_block_height = a->height;
        if (a->height > 0)
            res->info->last_block_app_hash = hash_span(&a->hash[a->height]);
        break;
    case ABCI_REQ_INIT_CHAIN: say(a, "InitChain"); break;
    case ABCI_REQ_PREPARE_PROPOSAL:
        res->prepare_proposal->txs = req->prepare_proposal->txs;
        break;
    case ABCI_REQ_PROCESS_PROPOSAL:
    case ABCI_REQ_VERIFY_VOTE_EXTENSION: verdict(res, res->which, arena); break;
    case ABCI_REQ_EXTEND_VOTE:
        say(a, "ExtendVote");
        res->extend_vote->vote_extension = span_str("extension");
        break;
    case ABCI_REQ_FINALIZE_BLOCK: finalize(a, req, res, arena); break;
    case ABCI_REQ_COMMIT:
        say(a, "Commit");
        a->height++;
        break;
    default: break;
    }
}

void fake_app_open(struct fake_app *a, struct loop *l, const char *address)
{
    if (!a->said.max)
        buf_init(&a->said, 1 << 20);
    must(abci_serve(&a->server, l, address, on_app_request, a) == OK);
}

void fake_app_close(struct fake_app *a)
{
    abci_server_close(a->server);
}

const char *fake_app_said(struct fake_app *a)
{
    char *copy = arena_alloc(&test_arena, a->said.len + 1);

    must(copy);
    if (a->said.len)
        memcpy(copy, a->said.p, a->said.len);
    buf_clear(&a->said);
    return copy;
}

/* ---- signer ---- */

static const struct privval_conn_fns signer_fns;

static void dial(void *ctx)
{
    struct fake_signer *g = ctx;

    if (!g->is_stopped)
        g->conn = privval_dial(g->loop, g->address, &signer_fns, g);
}

static void on_signer_close(void *ctx, const char *why)
{
    struct fake_signer *g = ctx;

    UNUSED(why);
    g->conn = NULL;
    timer_set(&g->redial, 20000);
}

static void refuse(struct fake_signer *g, struct privval_msg *m)
{
    struct remote_signer_error e = { 1, span_str("conflicting data") };

    if (m->which == PRIVVAL_SIGNED_VOTE_RESPONSE)
        m->signed_vote_response->error = &e;
    else
        m->signed_proposal_response->error = &e;
    must(privval_send(g->conn, m));
}

static void sign_vote(struct fake_signer *g, const struct vote *v)
{
    struct signed_vote_response r = { .vote = *v };
    struct privval_msg          m = { .which = PRIVVAL_SIGNED_VOTE_RESPONSE,
                                      .signed_vote_response = &r };
    uint8_t                     sig[64], ext[64];

    g->votes++;
    if (g->is_refusing) {
        refuse(g, &m);
        return;
    }
    privkey_sign(sig, &g->key, vote_sign_bytes(v, g->chain_id, &g->arena));
    r.vote.signature = SPAN_OF(sig);
    if (v->type == TYPE_PRECOMMIT && !block_id_is_nil(&v->block_id)) {
        privkey_sign(ext, &g->key,
                     vote_extension_sign_bytes(v, g->chain_id, &g->arena));
        r.vote.extension_signature = SPAN_OF(ext);
    }
    must(privval_send(g->conn, &m));
}

static void sign_proposal(struct fake_signer *g, const struct proposal *p)
{
    struct signed_proposal_response r = { .proposal = *p };
    struct privval_msg m = { .which = PRIVVAL_SIGNED_PROPOSAL_RESPONSE,
                             .signed_proposal_response = &r };
    uint8_t            sig[64];

    g->proposals++;
    if (g->is_refusing) {
        refuse(g, &m);
        return;
    }
    privkey_sign(sig, &g->key, proposal_sign_bytes(p, g->chain_id, &g->arena));
    r.proposal.signature = SPAN_OF(sig);
    must(privval_send(g->conn, &m));
}

static void on_signer_message(void *ctx, const struct privval_msg *in)
{
    struct fake_signer     *g = ctx;
    struct pubkey           key;
    struct pub_key_response k    = { 0 };
    struct privval_ping     ping = { 0 };
    struct privval_msg      m    = { 0 };

    arena_reset(&g->arena);
    switch (in->which) {
    case PRIVVAL_PUB_KEY_REQUEST:
        privkey_public(&key, &g->key);
        k.pub_key.type     = (int)key.type;
        k.pub_key.bytes    = pubkey_span(&key);
        m.which            = PRIVVAL_PUB_KEY_RESPONSE;
        m.pub_key_response = &k;
        must(privval_send(g->conn, &m));
        break;
    case PRIVVAL_SIGN_VOTE_REQUEST:
        sign_vote(g, in->sign_vote_request->vote);
        break;
    case PRIVVAL_SIGN_PROPOSAL_REQUEST:
        sign_proposal(g, in->sign_proposal_request->proposal);
        break;
    default:
        m.which         = PRIVVAL_PING_RESPONSE;
        m.ping_response = &ping;
        must(privval_send(g->conn, &m));
    }
}

static const struct privval_conn_fns signer_fns = {
    .on_message = on_signer_message,
    .on_close   = on_signer_close,
};

void fake_signer_open(struct fake_signer *g, struct loop *l,
                      const char *address)
{
    g->loop       = l;
    g->address    = address;
    g->is_stopped = false;
    arena_open(&g->arena, 1 << 20);
    timer_init(&g->redial, l, dial, g);
    dial(g);
}

void fake_signer_close(struct fake_signer *g)
{
    g->is_stopped = true;
    if (g->conn)
        privval_close(g->conn);
    g->conn = NULL;
    timer_fini(&g->redial);
    arena_close(&g->arena);
}
