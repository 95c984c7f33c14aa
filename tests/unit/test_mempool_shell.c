/* The mempool as its clients see it: real bus, real sockets, real journal,
 * and an application whose answers the test decides. */
#include "test.h"

#include "crypto/hash.h"
#include "loops.h"
#include "mempool/shell.h"
#include "proto/p2p.pb-c.h"
#include "svc/internal.h"
#include "wire/mempool.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char                home[64], app_address[160];
static struct loop        *loop;
static struct svc_process  process;
static struct shell       *shell;
static struct bus         *side; /* the other processes' bus */
static struct bus_client  *client;
static struct abci_server *app;

/* ---- the application: a transaction says what becomes of it ---- */

static struct {
    size_t news, rechecks;
    bool   refuses_rechecks, stands_still;
    char   order[256]; /* first bytes of what was asked */
} seen;

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

static struct answer {
    bool            is_there;
    enum err        status;
    Mempool__Reply *r;
} answers[16];

static void on_reply(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body)
{
    struct answer *a = &answers[tag];

    UNUSED(ctx);
    UNUSED(text);
    a->is_there = true;
    a->status   = status;
    a->r        = status ? NULL : mempool__reply__unpack(NULL, body.n, body.p);
}

static void forget(size_t slot)
{
    if (answers[slot].r)
        mempool__reply__free_unpacked(answers[slot].r, NULL);
    answers[slot] = (struct answer){ 0 };
}

static void send_request(size_t slot, const Mempool__Request *req)
{
    uint8_t *p = malloc(mempool__request__get_packed_size(req) + 1);

    must(p != NULL);
    forget(slot);
    bus_request(client, BUS_SERVICE, SPAN(p, mempool__request__pack(req, p)), 0,
                on_reply, NULL, slot);
    free(p);
}

static void send_submit(size_t slot, const char *const *txs, size_t n)
{
    ProtobufCBinaryData v[16];
    Mempool__Submit     m   = MEMPOOL__SUBMIT__INIT;
    Mempool__Request    req = MEMPOOL__REQUEST__INIT;

    for (size_t i = 0; i < n; i++)
        v[i] = (ProtobufCBinaryData){ strlen(txs[i]),
                                      (uint8_t *)(uintptr_t)txs[i] };
    m.txs         = v;
    m.n_txs       = n;
    req.kind_case = MEMPOOL__REQUEST__KIND_SUBMIT;
    req.submit    = &m;
    send_request(slot, &req);
}

static const Mempool__Submitted__Verdict *verdict(size_t slot, size_t i)
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

/* The code in the answer of the application; -1 when refused before. */
static int code_of(size_t slot, size_t i)
{
    const Mempool__Submitted__Verdict *v = verdict(slot, i);
    struct abci_res_check_tx           res;

    if (v->refusal != MEMPOOL__SUBMITTED__VERDICT__REFUSAL__NONE ||
        pb_decode(&abci_res_check_tx_desc, &res, &test_arena,
                  SPAN(v->check.data, v->check.len)))
        return -1;
    return (int)res.code;
}

static void submit(const char *tx)
{
    send_submit(0, &tx, 1);
    WAIT_FOR(answers[0].is_there);
}

/* As consensus says: the Lock was answered before Commit. */
static bool was_locked = true;

static void send_update(size_t slot, int64_t height, const char *const *txs,
                        size_t n)
{
    ProtobufCBinaryData v[16];
    uint32_t            codes[16] = { 0 };
    Mempool__Update     m         = MEMPOOL__UPDATE__INIT;
    Mempool__Request    req       = MEMPOOL__REQUEST__INIT;

    for (size_t i = 0; i < n; i++)
        v[i] = (ProtobufCBinaryData){ strlen(txs[i]),
                                      (uint8_t *)(uintptr_t)txs[i] };
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

static void update(int64_t height, const char *tx)
{
    send_update(1, height, &tx, tx ? 1 : 0);
    WAIT_FOR(answers[1].is_there);
}

static void send_lock(size_t slot, int64_t height)
{
    Mempool__Lock    m   = MEMPOOL__LOCK__INIT;
    Mempool__Request req = MEMPOOL__REQUEST__INIT;

    req.kind_case = MEMPOOL__REQUEST__KIND_LOCK;
    req.lock      = &m;
    m.height      = height;
    send_request(slot, &req);
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

/* What is reaped, as "a=1 b=2 ". */
static const char *reap(int64_t max_bytes, int64_t max_gas)
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

static void start_app(void)
{
    must(abci_serve(&app, loop, app_address, app_answer, NULL) == OK);
}

static void stop_app(void)
{
    abci_server_close(app);
    app = NULL;
}

static void start_mempool(void)
{
    process.svc.bus = bus_open(loop, "mempool");
    shell           = calloc(1, sizeof *shell);
    must(shell != NULL);
    must(shell_open(shell, &process.svc) == OK);
}

/* As kill -9 would: nothing is told to anybody.  The journal has its files
 * in the state of this moment; what it had not written is lost. */
static void stop_mempool(void)
{
    shell_close(shell);
    free(shell);
    shell = NULL;
    bus_close(process.svc.bus);
}

static void connect_client(void)
{
    static const struct bus_client_fns fns = { 0 };

    side   = bus_open(loop, "test");
    client = bus_connect(side, svc_endpoint(&process.svc, "mempool", false),
                         &fns, NULL);
}

static void setup_with(const char *key, const char *value)
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

static void setup(void)
{
    setup_with(NULL, NULL);
    start_app();
    WAIT_FOR(abci_is_up(shell->app));
}

static void teardown(void)
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

/* ---- taking in ---- */

TEST(each_transaction_gets_its_verdict)
{
    static const char *const txs[] = { "a=1", "-bad", "a=1", "b=2" };

    setup();
    send_submit(0, txs, 4);
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(code_of(0, 0), 0);
    CHECK_EQ(code_of(0, 1), 3);
    CHECK_EQ(verdict(0, 2)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__IN_CACHE);
    CHECK_STR(verdict(0, 2)->error, "tx already exists in cache");
    CHECK_EQ(code_of(0, 3), 0);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    CHECK_STR(reap(-1, 9), "a=1 ", "gas");
    CHECK_STR(reap(5, -1), "a=1 ", "bytes");
    submit("-bad");
    CHECK_EQ(code_of(0, 0), 3, "a bad one may come again");
    submit("a=1");
    CHECK_EQ(verdict(0, 0)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__IN_CACHE);
    teardown();
}

TEST(an_answer_waits_for_the_disk)
{
    const char *tx = "a=1";

    setup();
    send_submit(0, &tx, 1);
    WAIT_FOR(answers[0].is_there);
    CHECK(journal_durable(shell->journal) >= 1, "on disk when answered");
    teardown();
}

TEST(a_full_pool_refuses_in_cometbfts_words)
{
    setup_with("mempool.size", "1");
    start_app();
    WAIT_FOR(abci_is_up(shell->app));
    submit("a=1");
    CHECK_EQ(code_of(0, 0), 0);
    submit("b=2");
    CHECK_EQ(verdict(0, 0)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__FULL);
    CHECK_STR(verdict(0, 0)->error,
              "mempool is full: number of txs 1 (max: 1), total txs bytes 3 "
              "(max: 1073741824)");
    teardown();
}

TEST(requests_that_make_no_sense_are_refused)
{
    Mempool__Request empty = MEMPOOL__REQUEST__INIT;

    setup();
    send_request(0, &empty);
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(answers[0].status, ERR_USAGE, "no kind");
    send_submit(0, NULL, 0);
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(answers[0].status, ERR_USAGE, "no transactions");
    forget(0);
    bus_request(client, BUS_SERVICE, SPAN("\xff\xff", 2), 0, on_reply, NULL, 0);
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(answers[0].status, ERR_USAGE, "not protobuf");
    teardown();
}

/* ---- commits ---- */

TEST(a_lock_holds_new_checks_until_the_update)
{
    const char *tx = "b=2";

    setup();
    submit("a=1");
    send_lock(3, 1);
    WAIT_FOR(answers[3].is_there);
    send_submit(0, &tx, 1);
    run_for(loop, 100);
    CHECK(!answers[0].is_there, "held");
    CHECK_EQ(seen.news, 1);
    update(1, "a=1");
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(code_of(0, 0), 0);
    CHECK_STR(reap(-1, -1), "b=2 ");
    teardown();
}

TEST(a_lock_ends_with_the_client_that_held_it)
{
    const char *tx = "b=2";

    setup();
    send_lock(3, 1);
    WAIT_FOR(answers[3].is_there);
    send_submit(0, &tx, 1);
    run_for(loop, 50);
    CHECK(!answers[0].is_there, "held");
    bus_close(side);
    forget(0);
    connect_client();
    WAIT_FOR(!shell->is_locked);
    teardown();
}

TEST(what_is_left_is_checked_again_before_anything_new)
{
    static const char *const two[] = { "a=1", "b=2" };
    const char              *tx    = "c=3";

    setup();
    send_submit(0, two, 2);
    WAIT_FOR(answers[0].is_there);
    send_lock(3, 1);
    WAIT_FOR(answers[3].is_there);
    send_submit(0, &tx, 1);
    send_update(1, 1, two, 1);
    WAIT_FOR(answers[0].is_there && answers[1].is_there);
    CHECK_STR(seen.order, "abb'c", "the old one first");
    CHECK_EQ(seen.rechecks, 1);
    CHECK_STR(reap(-1, -1), "b=2 c=3 ");
    teardown();
}

TEST(what_no_longer_holds_after_a_block_is_dropped)
{
    static const char *const two[] = { "a=1", "b=2" };

    setup();
    send_submit(0, two, 2);
    WAIT_FOR(answers[0].is_there);
    seen.refuses_rechecks = true;
    send_lock(3, 1);
    update(1, "a=1");
    CHECK_STR(reap(-1, -1), "", "reaping waits for the recheck");
    submit("b=2");
    CHECK_EQ(code_of(0, 0), 0, "it may come again");
    teardown();
}

/* A block heard of late: the application has counted what is left since. */
TEST(a_refusal_counts_only_when_the_application_has_just_committed)
{
    setup();
    submit("a=1");
    seen.refuses_rechecks = true;
    update(1, NULL);
    CHECK_STR(reap(-1, -1), "a=1 ", "no lock before it");
    send_lock(3, 2);
    WAIT_FOR(answers[3].is_there);
    stop_app();
    WAIT_FOR(!abci_is_up(shell->app));
    start_app();
    WAIT_FOR(abci_is_up(shell->app));
    update(2, NULL);
    CHECK_STR(reap(-1, -1), "a=1 ", "it is another application since the lock");
    send_lock(3, 3);
    was_locked = false;
    update(3, NULL);
    was_locked = true;
    CHECK_STR(reap(-1, -1), "a=1 ", "the lock came after the commit");
    send_lock(3, 4);
    update(4, NULL);
    CHECK_STR(reap(-1, -1), "", "now it counts");
    teardown();
}

/* Consensus may have committed the next block meanwhile, without the Lock. */
TEST(a_refusal_heard_after_a_standstill_does_not_count)
{
    setup();
    submit("a=1");
    seen.refuses_rechecks = true;
    seen.stands_still     = true;
    send_lock(3, 1);
    update(1, NULL);
    CHECK_STR(reap(-1, -1), "a=1 ", "it may be about the next height");
    seen.stands_still = false;
    send_lock(3, 2);
    update(2, NULL);
    CHECK_STR(reap(-1, -1), "", "now it counts");
    teardown();
}

/* A mempool that comes back hears of heights that it missed while the next
 * one is being committed. */
TEST(a_block_owed_does_not_end_the_lock_of_the_next)
{
    const char *tx = "b=2";

    setup();
    submit("a=1");
    send_lock(3, 2);
    WAIT_FOR(answers[3].is_there);
    seen.refuses_rechecks = true;
    update(1, NULL);
    CHECK(shell->is_locked, "that of the next height");
    send_submit(0, &tx, 1);
    run_for(loop, 50);
    CHECK(!answers[0].is_there, "held");
    CHECK_EQ(shell->core.count, 1,
             "a refusal before the commit does not count");
    seen.refuses_rechecks = false;
    update(2, NULL);
    WAIT_FOR(answers[0].is_there);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    teardown();
}

TEST(an_update_that_was_heard_before_changes_nothing)
{
    setup();
    submit("a=1");
    update(5, "a=1");
    submit("b=2");
    update(5, "b=2");
    CHECK_STR(reap(-1, -1), "b=2 ");
    update(4, "b=2");
    CHECK_STR(reap(-1, -1), "b=2 ");
    update(6, "b=2");
    CHECK_STR(reap(-1, -1), "");
    teardown();
}

/* ---- the application comes and goes ---- */

TEST(transactions_wait_for_an_application_that_restarts)
{
    const char *tx = "a=1";

    setup_with(NULL, NULL);
    send_submit(0, &tx, 1);
    run_for(loop, 50);
    CHECK(!answers[0].is_there, "waits");
    start_app();
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(code_of(0, 0), 0);
    stop_app();
    WAIT_FOR(!abci_is_up(shell->app));
    seen.refuses_rechecks = true;
    start_app();
    WAIT_FOR(seen.rechecks == 1);
    CHECK_STR(reap(-1, -1), "a=1 ", "only a check after a block counts");
    teardown();
}

TEST(a_transaction_that_breaks_the_application_goes_away_alone)
{
    static const char *const txs[] = { "a=1", "!", "b=2" };

    setup();
    send_submit(0, txs, 3);
    WAIT_FOR(answers[0].is_there);
    CHECK_EQ(code_of(0, 0), 0);
    CHECK_EQ(verdict(0, 1)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__APP_DOWN);
    CHECK_EQ(code_of(0, 2), 0);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    teardown();
}

/* ---- restarts ---- */

TEST(accepted_transactions_outlive_the_process)
{
    static const char *const three[] = { "a=1", "b=2", "c=3" };

    setup();
    send_submit(0, three, 3);
    WAIT_FOR(answers[0].is_there);
    update(7, "b=2");
    stop_mempool();
    start_mempool();
    WAIT_FOR(abci_is_up(shell->app) && bus_is_up(client));
    CHECK_STR(reap(-1, -1), "a=1 c=3 ");
    CHECK_EQ(shell->core.height, 7, "and the height");
    submit("b=2");
    CHECK_EQ(verdict(0, 0)->refusal,
             MEMPOOL__SUBMITTED__VERDICT__REFUSAL__IN_CACHE,
             "what was committed is still known");
    teardown();
}

TEST(a_restart_still_knows_which_request_brought_what)
{
    const char *tx = "a=1";
    uint64_t    origin;

    setup();
    send_submit(0, &tx, 1);
    WAIT_FOR(answers[0].is_there);
    origin = mempool_origin(&shell->core, mempool_first(&shell->core)->key);
    CHECK(origin != 0, "noted");
    stop_mempool();
    start_mempool();
    CHECK_EQ(mempool_origin(&shell->core, mempool_first(&shell->core)->key),
             origin, "found again");
    teardown();
}

TEST(without_a_journal_nothing_is_kept)
{
    setup_with("warren.mempool_journal", "false");
    start_app();
    WAIT_FOR(abci_is_up(shell->app));
    submit("a=1");
    CHECK_EQ(code_of(0, 0), 0);
    update(3, NULL);
    stop_mempool();
    start_mempool();
    WAIT_FOR(abci_is_up(shell->app) && bus_is_up(client));
    CHECK_STR(reap(-1, -1), "");
    CHECK_EQ(shell->core.height, 0);
    teardown();
}

TEST(flushing_empties_everything)
{
    Mempool__Flush   m   = MEMPOOL__FLUSH__INIT;
    Mempool__Request req = MEMPOOL__REQUEST__INIT;

    setup();
    submit("a=1");
    req.kind_case = MEMPOOL__REQUEST__KIND_FLUSH;
    req.flush     = &m;
    send_request(4, &req);
    WAIT_FOR(answers[4].is_there);
    CHECK_STR(reap(-1, -1), "");
    submit("a=1");
    CHECK_EQ(code_of(0, 0), 0, "the cache as well");
    teardown();
}

/* ---- peers ---- */

enum { CHANNEL = 0x30 };

static struct bus        *p2p_bus;
static struct bus_server *p2p;
static uint32_t           reactor;
static bool               has_reactor;
static uint64_t           pushes;

/* What the mempool said, as "1:a=1 2:b=2 drop 3 ". */
static char said[4096];

static void p2p_request(void *ctx, struct bus_call call, struct span body)
{
    P2p__Request *r = p2p__request__unpack(NULL, body.n, body.p);

    UNUSED(ctx);
    if (CHECK(r && r->kind_case == P2P__REQUEST__KIND_REGISTER, "registers")) {
        CHECK_BYTES(
            SPAN(r->register_->channels.data, r->register_->channels.len),
            SPAN("\x30\x77", 2));
        p2p__request__free_unpacked(r, NULL);
    }
    reactor     = call.peer;
    has_reactor = true;
    bus_reply(call, OK, NULL, (struct span){ 0 });
}

static void note_send(struct buf *b, const P2p__Send *m)
{
    /* Message{Txs{tx}}: two heads, then the transaction. */
    CHECK(m->channel == CHANNEL || m->channel == SEEN_CHANNEL);
    for (size_t i = 0; i < m->n_peers; i++) {
        buf_printf(b, "%d:", (int)m->peers[i]);
        if (m->channel == SEEN_CHANNEL) {
            buf_printf(b, "has %zu ", (m->bytes.len - 2) / SEEN_PREFIX_BYTES);
            continue;
        }
        buf_add(b, SPAN(m->bytes.data + 4,
                        m->bytes.len < 12 ? m->bytes.len - 4 : 8));
        buf_str(b, " ");
    }
}

static void p2p_push(void *ctx, uint32_t peer, struct span body)
{
    P2p__ToPeers *m = p2p__to_peers__unpack(NULL, body.n, body.p);
    size_t        n = strlen(said);
    struct buf    b;

    UNUSED(ctx);
    UNUSED(peer);
    must(m != NULL);
    buf_use(&b, said + n, sizeof said - n - 1);
    for (size_t i = 0; i < m->n_sends; i++)
        note_send(&b, m->sends[i]);
    for (size_t i = 0; i < m->n_drops; i++)
        buf_printf(&b, "drop %d ", (int)m->drops[i]->peer);
    (void)buf_cstr(&b);
    p2p__to_peers__free_unpacked(m, NULL);
}

static void push_buf(struct buf *b)
{
    gossip_add_number(b, ++pushes);
    must(bus_push_to(p2p, reactor, buf_span(b)));
    buf_fini(b);
}

static struct span listens; /* peers that come, by channel */

static void push_peer(int32_t what, uint64_t peer)
{
    struct buf b;

    buf_init(&b, 4096);
    gossip_add_peer(
        &b, &(struct gossip_peer){
                .what     = what,
                .peer     = peer,
                .id       = span_str("0123456789012345678901234567890"
                                           "123456789"),
                .channels = what == GOSSIP_UP ? listens : SPAN("\x30", 1) });
    push_buf(&b);
}

static void push_on(uint64_t peer, uint8_t channel, struct span bytes)
{
    struct buf b;

    buf_init(&b, 4096);
    gossip_add_frame(&b, &(struct gossip_frame){ peer, channel, bytes });
    push_buf(&b);
}

static void push_frame(uint64_t peer, struct span bytes)
{
    push_on(peer, CHANNEL, bytes);
}

/* It has that transaction. */
static void push_seen(uint64_t peer, const char *tx)
{
    uint8_t     bytes[2 + HASH_BYTES] = { 10, SEEN_PREFIX_BYTES };
    struct hash h;

    sha256(&h, span_str(tx));
    memcpy(bytes + 2, h.b, SEEN_PREFIX_BYTES);
    push_on(peer, SEEN_CHANNEL, SPAN(bytes, 2 + SEEN_PREFIX_BYTES));
}

static void push_tx(uint64_t peer, const char *tx)
{
    uint8_t bytes[64];
    size_t  n = strlen(tx);

    bytes[0] = 10;
    bytes[1] = (uint8_t)(n + 2);
    bytes[2] = 10;
    bytes[3] = (uint8_t)n;
    memcpy(bytes + 4, tx, n);
    push_frame(peer, SPAN(bytes, n + 4));
}

static void setup_listeners(const char *key, const char *value,
                            struct span channels)
{
    static const struct bus_server_fns fns = { .on_request = p2p_request,
                                               .on_push    = p2p_push };

    listens = channels;
    setup_with(key, value);
    start_app();
    has_reactor = false;
    pushes      = 0;
    said[0]     = 0;
    p2p_bus     = bus_open(loop, "p2p");
    must(bus_serve(&p2p, p2p_bus, svc_endpoint(&process.svc, "p2p", false),
                   &fns, NULL) == OK);
    WAIT_FOR(abci_is_up(shell->app) && has_reactor);
    push_peer(GOSSIP_UP, 1);
    push_peer(GOSSIP_UP, 2);
    WAIT_FOR(shell->slots[1].is_used);
}

static void setup_peers(const char *key, const char *value)
{
    setup_listeners(key, value, SPAN("\x30", 1));
}

/* Peers of our own kind. */
static void setup_kin(void)
{
    setup_listeners(NULL, NULL, SPAN("\x30\x77", 2));
}

static void teardown_peers(void)
{
    bus_close(p2p_bus);
    teardown();
}

TEST(transactions_go_to_every_peer_but_their_senders)
{
    setup_peers(NULL, NULL);
    submit("a=1");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 ") == 0);
    said[0] = 0;
    push_tx(1, "b=2");
    WAIT_FOR(shell->core.count == 2);
    WAIT_FOR(strcmp(said, "2:b=2 ") == 0);
    run_for(loop, 60);
    CHECK_STR(said, "2:b=2 ", "not back to where it came from");
    said[0] = 0;
    push_tx(2, "a=1");
    push_tx(2, "-bad");
    run_for(loop, 60);
    CHECK_STR(reap(-1, -1), "a=1 b=2 ");
    CHECK_STR(said, "", "what is known or bad goes nowhere");
    teardown_peers();
}

TEST(kin_is_told_what_others_sent_and_spared_what_it_names)
{
    setup_kin();
    submit("a=1");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 ") == 0);
    said[0] = 0;
    push_tx(1, "b=2");
    WAIT_FOR(strcmp(said, "2:has 1 ") == 0);
    push_seen(2, "b=2");
    push_seen(2, "c=3");
    WAIT_FOR(shell->early.v != NULL && shell->core.count == 2);
    said[0] = 0;
    push_tx(1, "c=3");
    WAIT_FOR(strcmp(said, "2:has 1 ") == 0);
    run_for(loop, 400);
    CHECK_STR(said, "2:has 1 ", "it named both, one before it came");
    teardown_peers();
}

TEST(kin_that_names_nothing_is_sent_it_later_and_the_next_at_once)
{
    setup_kin();
    push_tx(1, "a=1");
    WAIT_FOR(strcmp(said, "2:has 1 2:a=1 ") == 0);
    said[0] = 0;
    push_tx(1, "b=2");
    WAIT_FOR(strcmp(said, "2:b=2 ") == 0);
    teardown_peers();
}

TEST(names_that_are_cut_off_end_the_connection)
{
    setup_kin();
    push_on(1, SEEN_CHANNEL, SPAN("\x0a\x03\x01\x02\x03", 5));
    WAIT_FOR(strcmp(said, "drop 1 ") == 0);
    said[0] = 0;
    push_on(2, SEEN_CHANNEL, SPAN("\xff", 1));
    WAIT_FOR(strcmp(said, "drop 2 ") == 0);
    teardown_peers();
}

TEST(a_peer_that_comes_later_gets_what_waits)
{
    setup_peers(NULL, NULL);
    submit("a=1");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 ") == 0);
    submit("b=2");
    WAIT_FOR(strcmp(said, "1:a=1 2:a=1 1:b=2 2:b=2 ") == 0);
    update(1, "a=1");
    said[0] = 0;
    push_peer(GOSSIP_UP, 3);
    WAIT_FOR(strcmp(said, "3:b=2 ") == 0);
    teardown_peers();
}

TEST(the_next_peer_does_not_inherit_what_the_last_one_sent)
{
    setup_peers(NULL, NULL);
    push_tx(1, "a=1");
    WAIT_FOR(shell->core.count == 1);
    WAIT_FOR(strcmp(said, "2:a=1 ") == 0);
    said[0] = 0;
    push_peer(GOSSIP_DOWN, 1);
    push_peer(GOSSIP_UP, 7);
    WAIT_FOR(strcmp(said, "7:a=1 ") == 0);
    teardown_peers();
}

TEST(a_busy_peer_is_left_alone_until_it_is_ready)
{
    setup_peers(NULL, NULL);
    push_peer(GOSSIP_BUSY, 1);
    WAIT_FOR(!shell->slots[0].has_room);
    submit("a=1");
    WAIT_FOR(strcmp(said, "2:a=1 ") == 0);
    run_for(loop, 60);
    CHECK_STR(said, "2:a=1 ");
    push_peer(GOSSIP_READY, 1);
    WAIT_FOR(strcmp(said, "2:a=1 1:a=1 ") == 0);
    teardown_peers();
}

TEST(a_peer_that_breaks_the_rules_is_dropped)
{
    static const char *const bad[] = {
        "",         /* nothing at all */
        "0a00",     /* no transaction */
        "0a020a00", /* an empty one */
        "0a05",     /* cut short */
        "0b0c",     /* a group */
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        setup_peers(NULL, NULL);
        push_frame(1, hex_span(bad[i], &test_arena));
        WAIT_FOR(strcmp(said, "drop 1 ") == 0);
        CHECK_EQ(seen.news, 0, "the application was not asked");
        teardown_peers();
    }
}

/* More than may wait, all at once, in frames of one transaction each. */
static void push_flood(void)
{
    uint8_t    bytes[] = { 10, 10, 10, 8, 0, 0, 0, 0, 0, 0, '=', '1' };
    struct buf b;

    buf_init(&b, 4 << 20);
    for (uint32_t i = 0; i < 3 * WAITING_MAX / 4; i++) {
        store_le32(bytes + 4, i);
        gossip_add_frame(&b,
                         &(struct gossip_frame){ 1, CHANNEL, SPAN_OF(bytes) });
    }
    push_buf(&b);
}

/* What waited is given up when the application stays away.  With it goes the
 * reason to hold peers back: none of them could be heard again. */
TEST(peers_are_not_held_back_by_what_was_given_up)
{
    setup_peers(NULL, NULL);
    stop_app();
    WAIT_FOR(!abci_is_up(shell->app));
    push_flood();
    WAIT_FOR(shell->is_holding);
    WAIT_FOR(shell->is_app_late);
    CHECK_EQ(shell->waiting.n, 0);
    CHECK(!shell->is_holding);
    teardown_peers();
}

TEST(one_that_is_too_long_is_dropped_with_its_peer)
{
    setup_peers("mempool.max_tx_bytes", "3");
    push_tx(1, "a=1");
    WAIT_FOR(shell->core.count == 1);
    push_tx(1, "a=12");
    WAIT_FOR(strstr(said, "drop 1 ") != NULL);
    teardown_peers();
}

TEST(nothing_is_passed_on_when_that_is_switched_off)
{
    setup_peers("mempool.broadcast", "false");
    submit("a=1");
    push_tx(1, "b=2");
    WAIT_FOR(shell->core.count == 2);
    run_for(loop, 100);
    CHECK_STR(said, "");
    teardown_peers();
}
