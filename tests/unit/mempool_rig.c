#include "mempool_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct loop        *loop;
struct svc_process  process;
struct shell       *shell;
struct bus         *side;
struct bus_client  *client;
struct mempool_seen seen;
struct answer       answers[16];
bool                was_locked = true;

static char                home[64], app_address[160];
static struct abci_server *app;

/* ---- the application: a transaction says what becomes of it ---- */

static void app_answer(void *ctx, const struct abci_request *req,
                       struct abci_response *res, struct arena *a)
{
    const struct abci_req_check_tx *tx = req->check_tx;
    size_t                          n  = strlen(seen.order);

    UNUSED(ctx);
    if (n + 2 < sizeof seen.order && tx->tx.n)
        snprintf(seen.order + n, 3, "%c%s", tx->tx.p[0],
                 tx->type == CHECK_TX_RECHECK ? "'" : "");
    if (tx->tx.n && tx->tx.p[0] == '!') {
        abci_except(res, a, "poison");
        return;
    }
    res->which                = ABCI_RES_CHECK_TX;
    res->check_tx             = arena_new(a, struct abci_res_check_tx);
    res->check_tx->gas_wanted = 5;
    if (tx->type == CHECK_TX_RECHECK) {
        seen.rechecks++;
        if (seen.stands_still)
            usleep(FRESH_US + 100000);
        res->check_tx->code = seen.refuses_rechecks;
    } else {
        seen.news++;
        res->check_tx->code = tx->tx.n && tx->tx.p[0] == '-' ? 3 : 0;
        res->check_tx->log  = span_str("checked");
    }
}

/* ---- asking ---- */

void on_reply(void *ctx, uint64_t tag, enum err status, const char *text,
              struct span body)
{
    struct answer *a = &answers[tag];

    UNUSED(ctx);
    UNUSED(text);
    a->is_there = true;
    a->status   = status;
    a->r        = status ? NULL : mempool__reply__unpack(NULL, body.n, body.p);
}

void forget(size_t slot)
{
    if (answers[slot].r)
        mempool__reply__free_unpacked(answers[slot].r, NULL);
    answers[slot] = (struct answer){ 0 };
}

void send_request(size_t slot, const Mempool__Request *req)
{
    uint8_t *p = malloc(mempool__request__get_packed_size(req) + 1);

    must(p != NULL);
    forget(slot);
    bus_request(client, BUS_SERVICE, SPAN(p, mempool__request__pack(req, p)), 0,
                on_reply, NULL, slot);
    free(p);
}

static void fill(ProtobufCBinaryData *v, const char *const *txs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (ProtobufCBinaryData){ strlen(txs[i]),
                                      (uint8_t *)(uintptr_t)txs[i] };
}

void send_submit(size_t slot, const char *const *txs, size_t n)
{
    ProtobufCBinaryData v[16];
    Mempool__Submit     m   = MEMPOOL__SUBMIT__INIT;
    Mempool__Request    req = MEMPOOL__REQUEST__INIT;

    fill(v, txs, n);
    m.txs         = v;
    m.n_txs       = n;
    req.kind_case = MEMPOOL__REQUEST__KIND_SUBMIT;
    req.submit    = &m;
    send_request(slot, &req);
}

const Mempool__Submitted__Verdict *verdict(size_t slot, size_t i)
{
    static const Mempool__Submitted__Verdict none =
        MEMPOOL__SUBMITTED__VERDICT__INIT;
    const Mempool__Reply *r = answers[slot].r;

    if (!CHECK(r && r->kind_case == MEMPOOL__REPLY__KIND_SUBMITTED &&
                   i < r->submitted->n_verdicts,
               "a verdict"))
        return &none;
    return r->submitted->verdicts[i];
}

int code_of(size_t slot, size_t i)
{
    const Mempool__Submitted__Verdict *v = verdict(slot, i);
    struct abci_res_check_tx           res;

    if (v->refusal != MEMPOOL__SUBMITTED__VERDICT__REFUSAL__NONE ||
        pb_decode(&abci_res_check_tx_desc, &res, &test_arena,
                  SPAN(v->check.data, v->check.len)))
        return -1;
    return (int)res.code;
}

void submit_all(const char *const *txs, size_t n)
{
    send_submit(0, txs, n);
    WAIT_FOR(answers[0].is_there);
}

void submit(const char *tx)
{
    submit_all(&tx, 1);
}

void submit_held(const char *tx)
{
    send_submit(0, &tx, 1);
    run_for(loop, 50);
    CHECK(!answers[0].is_there, "held");
}

void send_update(size_t slot, int64_t height, const char *const *txs, size_t n)
{
    ProtobufCBinaryData v[16];
    uint32_t            codes[16] = { 0 };
    Mempool__Update     m         = MEMPOOL__UPDATE__INIT;
    Mempool__Request    req       = MEMPOOL__REQUEST__INIT;

    fill(v, txs, n);
    m.height      = height;
    m.txs         = v;
    m.n_txs       = n;
    m.codes       = codes;
    m.n_codes     = n;
    m.max_bytes   = -1;
    m.max_gas     = -1;
    m.is_locked   = was_locked;
    req.kind_case = MEMPOOL__REQUEST__KIND_UPDATE;
    req.update    = &m;
    send_request(slot, &req);
}

void update(int64_t height, const char *tx)
{
    send_update(1, height, &tx, tx ? 1 : 0);
    WAIT_FOR(answers[1].is_there);
}

void send_lock(size_t slot, int64_t height)
{
    Mempool__Lock    m   = MEMPOOL__LOCK__INIT;
    Mempool__Request req = MEMPOOL__REQUEST__INIT;

    req.kind_case = MEMPOOL__REQUEST__KIND_LOCK;
    req.lock      = &m;
    m.height      = height;
    send_request(slot, &req);
}

void lock(int64_t height)
{
    send_lock(3, height);
    WAIT_FOR(answers[3].is_there);
}

static void send_reap(size_t slot, int64_t max_bytes, int64_t max_gas)
{
    Mempool__Reap    m   = MEMPOOL__REAP__INIT;
    Mempool__Request req = MEMPOOL__REQUEST__INIT;

    m.max_bytes   = max_bytes;
    m.max_gas     = max_gas;
    req.kind_case = MEMPOOL__REQUEST__KIND_REAP;
    req.reap      = &m;
    send_request(slot, &req);
}

const char *reap(int64_t max_bytes, int64_t max_gas)
{
    static char           text[1024];
    struct buf            b;
    const Mempool__Reply *r;

    send_reap(2, max_bytes, max_gas);
    WAIT_FOR(answers[2].is_there);
    buf_use(&b, text, sizeof text);
    r = answers[2].r;
    if (CHECK(r && r->kind_case == MEMPOOL__REPLY__KIND_TXS, "txs"))
        for (size_t i = 0; i < r->txs->n_txs; i++) {
            buf_add(&b, SPAN(r->txs->txs[i].data, r->txs->txs[i].len));
            buf_str(&b, " ");
        }
    return buf_cstr(&b);
}

/* ---- starting and ending ---- */

void start_app(void)
{
    must(abci_serve(&app, loop, app_address, app_answer, NULL) == OK);
}

void stop_app(void)
{
    abci_server_close(app);
    app = NULL;
}

void start_mempool(void)
{
    process.svc.bus = bus_open(loop, "mempool");
    shell           = calloc(1, sizeof *shell);
    must(shell != NULL);
    must(shell_open(shell, &process.svc) == OK);
}

void stop_mempool(void)
{
    shell_close(shell);
    free(shell);
    shell = NULL;
    bus_close(process.svc.bus);
}

void connect_client(void)
{
    static const struct bus_client_fns fns = { 0 };

    side   = bus_open(loop, "test");
    client = bus_connect(side, svc_endpoint(&process.svc, "mempool", false),
                         &fns, NULL);
}

void setup_with(const char *key, const char *value)
{
    struct config *cfg;

    snprintf(home, sizeof home, "/tmp/warren-mempool-XXXXXX");
    must(mkdtemp(home) != NULL);
    snprintf(app_address, sizeof app_address, "unix://%s/app.sock", home);
    cfg = config_default(home);
    must(config_set(cfg, "proxy_app", app_address) == OK);
    if (key)
        must(config_set(cfg, key, value) == OK);
    must(config_make_run_dir(cfg) == OK);
    loop               = loop_new();
    process            = (struct svc_process){ .lock = -1 };
    process.svc.name   = "mempool";
    process.svc.config = cfg;
    process.svc.loop   = loop;
    memset(&seen, 0, sizeof seen);
    start_mempool();
    connect_client();
}

void setup_app(const char *key, const char *value)
{
    setup_with(key, value);
    start_app();
    WAIT_FOR(abci_is_up(shell->app));
}

void teardown(void)
{
    char command[128];

    for (size_t i = 0; i < COUNT(answers); i++)
        forget(i);
    bus_close(side);
    stop_mempool();
    if (app)
        stop_app();
    run_for(loop, 1);
    loop_free(loop);
    config_free(process.svc.config);
    snprintf(command, sizeof command, "rm -rf %s", home);
    must(system(command) == 0);
}
