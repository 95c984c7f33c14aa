#include "ledger_rig.h"

#include "cosmos/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void make_keys(struct rig *r)
{
    crypto_setup();
    for (int i = 0; i < RIG_KEYS; i++) {
        uint8_t    seed[32] = { 7, (uint8_t)(i + 1) }, address[20];
        struct buf b;

        must(privkey_from_seed(&r->key[i],
                               i == 1 ? KEY_TYPE_ED25519 : KEY_TYPE_SECP256K1,
                               SPAN_OF(seed)));
        privkey_public(&r->pub[i], &r->key[i]);
        pubkey_address(address, &r->pub[i]);
        buf_use(&b, r->address[i], sizeof r->address[i]);
        buf_add(&b, account_address_text(SPAN_OF(address), &test_arena));
        buf_cstr(&b);
    }
}

static void start(struct rig *r, int64_t keep)
{
    struct state_options o = { .cache_bytes = 1 << 20, .keep = keep };

    must(state_open(&r->state, r->dir, &o) == OK);
    r->host = host_of_state(r->state);
    ledger_open(&r->core, &r->host);
}

static void stop(struct rig *r)
{
    ledger_close(&r->core);
    state_close(r->state);
}

void rig_open(struct rig *r, int64_t keep)
{
    *r = (struct rig){ .height = 0 };
    snprintf(r->dir, sizeof r->dir, "/tmp/warren-test-XXXXXX");
    must(mkdtemp(r->dir) != NULL);
    make_keys(r);
    start(r, keep);
    rig_init_chain(r);
}

void rig_restart(struct rig *r, int64_t keep)
{
    stop(r);
    start(r, keep);
}

void rig_close(struct rig *r)
{
    char path[128];

    stop(r);
    snprintf(path, sizeof path, "%s/data.mdb", r->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/lock.mdb", r->dir);
    unlink(path);
    rmdir(r->dir);
}

struct span rig_app_state(const struct rig *r)
{
    uint8_t   *mem = arena_alloc(&test_arena, 4096);
    struct buf b;

    buf_use(&b, mem, 4096);
    buf_str(&b, "{\"accounts\":[");
    for (int i = 0; i < 2; i++) {
        buf_printf(&b, "%s{\"address\":\"%s\",\"org\":\"org%d\",", i ? "," : "",
                   r->address[i], i);
        buf_printf(&b, "\"pub_key\":{\"type\":\"%s\",\"value\":\"",
                   key_type_name(r->pub[i].type));
        buf_base64(&b, pubkey_span(&r->pub[i]));
        buf_str(&b, "\"}}");
    }
    buf_printf(&b,
               "],\"collections\":[{\"name\":\"open\",\"writers\":\"*\"},"
               "{\"name\":\"mine\",\"writers\":[\"%s\"]},"
               "{\"name\":\"closed\"}]}",
               r->address[0]);
    return buf_span(&b);
}

struct abci_response rig_ask(struct rig *r, int32_t which, void *req)
{
    struct abci_request  q   = { .which = which };
    struct abci_response res = { 0 };

    q.echo = req; /* the members share one place */
    ledger_handle(&r->core, &q, &res, &test_arena);
    state_rest(r->state);
    return res;
}

void rig_init_chain(struct rig *r)
{
    struct abci_req_init_chain q   = { .chain_id        = span_str(RIG_CHAIN),
                                       .app_state_bytes = rig_app_state(r),
                                       .initial_height  = 1 };
    struct abci_response       res = rig_ask(r, ABCI_REQ_INIT_CHAIN, &q);

    must(res.which == ABCI_RES_INIT_CHAIN);
}

/* ---- transactions ---- */

static struct cosmos_any any_of(const char *url, const struct pb_desc *d,
                                const struct ledger_msg *m)
{
    return (struct cosmos_any){ span_str(url), pb_encode(d, m, &test_arena) };
}

static struct ledger_msg msg_of(const struct rig *r, int signer,
                                const char *collection, const char *key,
                                const struct ledger_precondition *condition)
{
    return (struct ledger_msg){
        .signer       = span_str(r->address[signer]),
        .collection   = span_str(collection),
        .key          = span_str(key),
        .precondition = (struct ledger_precondition *)(uintptr_t)condition
    };
}

struct cosmos_any rig_put(const struct rig *r, int signer,
                          const char *collection, const char *key,
                          const char                       *value,
                          const struct ledger_precondition *condition)
{
    struct ledger_msg m = msg_of(r, signer, collection, key, condition);

    m.value = span_str(value);
    return any_of(MSG_PUT_URL, &ledger_put_desc, &m);
}

struct cosmos_any rig_delete(const struct rig *r, int signer,
                             const char *collection, const char *key,
                             const struct ledger_precondition *condition)
{
    struct ledger_msg m = msg_of(r, signer, collection, key, condition);

    return any_of(MSG_DELETE_URL, &ledger_delete_desc, &m);
}

struct span rig_sign(const struct rig *r, int signer,
                     const struct cosmos_any *messages, size_t n)
{
    struct tx_draft     draft = { .messages      = messages,
                                  .message_count = n,
                                  .fee           = { .gas_limit = 1000 } };
    struct draft_signer s     = { .key      = &r->key[signer],
                                  .pub      = r->pub[signer],
                                  .number   = (uint64_t)signer,
                                  .sequence = r->sequence[signer] };

    return cosmos_tx_build(&draft, &s, 1, span_str(RIG_CHAIN), &test_arena);
}

struct span rig_tx(struct rig *r, int signer, struct cosmos_any message)
{
    struct span tx = rig_sign(r, signer, &message, 1);

    r->sequence[signer]++;
    return tx;
}

/* ---- requests ---- */

struct abci_res_check_tx rig_check(struct rig *r, struct span tx, int type)
{
    struct abci_req_check_tx q   = { .tx = tx, .type = type };
    struct abci_response     res = rig_ask(r, ABCI_REQ_CHECK_TX, &q);

    must(res.which == ABCI_RES_CHECK_TX);
    return *res.check_tx;
}

struct abci_res_finalize_block rig_finalize(struct rig        *r,
                                            const struct span *txs, size_t n)
{
    struct abci_req_finalize_block q = { .height = r->height + 1 };
    struct abci_response           res;

    q.txs.v = (struct span *)(uintptr_t)txs; /* only read */
    q.txs.n = n;
    res     = rig_ask(r, ABCI_REQ_FINALIZE_BLOCK, &q);
    must(res.which == ABCI_RES_FINALIZE_BLOCK);
    memcpy(r->app_hash.b, res.finalize_block->app_hash.p, HASH_BYTES);
    return *res.finalize_block;
}

struct abci_res_finalize_block rig_block(struct rig *r, const struct span *txs,
                                         size_t n)
{
    struct abci_res_finalize_block out = rig_finalize(r, txs, n);
    struct abci_req_commit         q   = { 0 };
    struct abci_response           res = rig_ask(r, ABCI_REQ_COMMIT, &q);

    must(res.which == ABCI_RES_COMMIT);
    r->height++;
    return out;
}

struct abci_res_query rig_query(struct rig *r, const char *path,
                                struct span data, int64_t height, bool prove)
{
    struct abci_req_query q = {
        .path = span_str(path), .data = data, .height = height, .prove = prove
    };
    struct abci_response res = rig_ask(r, ABCI_REQ_QUERY, &q);

    must(res.which == ABCI_RES_QUERY);
    return *res.query;
}
