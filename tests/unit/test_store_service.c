/* The store as a process: what it acknowledged survives kill -9 at any
 * moment, requests that come together share a sync, hints follow states. */
#include "test.h"

#include "bus/bus.h"
#include "loops.h"
#include "made_chain.h"
#include "proto/store.pb-c.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char               home[64], endpoint[128], hints[128];
static struct loop       *loop;
static struct bus        *bus;
static struct bus_client *client;
static struct made_chain  chain;

/* The program itself: a fork of this process, which has threads, could wait
 * for a lock that nobody holds any more. */
static pid_t service_start(void)
{
    char    self[400], program[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    pid_t   pid;

    must(n > 0);
    self[n]             = 0;
    *strrchr(self, '/') = 0;
    snprintf(program, sizeof program, "%s/../libexec/warren/store", self);
    pid = fork();
    if (pid == 0) {
        execl(program, "store", "--home", home, "--log_level", "none", NULL);
        _exit(127);
    }
    return pid;
}

static void service_end(pid_t pid, int signo)
{
    kill(pid, signo);
    waitpid(pid, NULL, 0);
}

/* ---- asking ---- */

static struct {
    int      answers, wanted, refusals;
    enum err status;
    char     text[200], refusal[200];
    int64_t  hinted;
    uint32_t hinted_txs;
} seen;
static Store__Reply *last;

/* The answer to ask; others go to on_reply. */
static bool is_answered;
static void on_answer(void *ctx, uint64_t tag, enum err status,
                      const char *text, struct span body)
{
    UNUSED(ctx);
    UNUSED(tag);
    seen.status = status;
    snprintf(seen.text, sizeof seen.text, "%s", text);
    if (last)
        store__reply__free_unpacked(last, NULL);
    last = status == OK ? store__reply__unpack(NULL, body.n, body.p) : NULL;
    is_answered = true;
    loop_stop(loop);
}

static void on_reply(void *ctx, uint64_t tag, enum err status, const char *text,
                     struct span body)
{
    int64_t *acked = ctx;

    UNUSED(body);
    seen.status = status;
    snprintf(seen.text, sizeof seen.text, "%s", text);
    if (status != OK && seen.refusals++ == 0)
        snprintf(seen.refusal, sizeof seen.refusal, "%s", text);
    if (acked && status == OK && (int64_t)tag > *acked)
        *acked = (int64_t)tag;
    if (++seen.answers >= seen.wanted)
        loop_stop(loop);
}

static void send_with(const Store__Request *r, bus_reply_fn *fn, void *ctx,
                      int64_t tag)
{
    size_t   n = store__request__get_packed_size(r);
    uint8_t *p = malloc(n + 1);

    store__request__pack(r, p);
    bus_request(client, BUS_SERVICE, SPAN(p, n), 0, fn, ctx, (uint64_t)tag);
    free(p);
}

static void send_request(const Store__Request *r, int64_t *acked, int64_t tag)
{
    send_with(r, on_reply, acked, tag);
}

static void ask(const Store__Request *r)
{
    is_answered = false;
    send_with(r, on_answer, NULL, 0);
    for (int i = 0; i < 1000 && !is_answered; i++)
        run_for(loop, 100);
}

static ProtobufCBinaryData bytes_of(struct span s)
{
    return (ProtobufCBinaryData){ s.n, (uint8_t *)(uintptr_t)s.p };
}

#define REQUEST(Type, CASE, member, ...)                                       \
    Store__Request req = STORE__REQUEST__INIT;                                 \
    Store__##Type  body;                                                       \
    store__##__VA_ARGS__##__init(&body);                                       \
    req.kind_case = STORE__REQUEST__KIND_##CASE;                               \
    req.member    = &body

static void open_chain(const char *chain_id)
{
    static uint8_t hash[32] = { 5 };
    char           name[32];

    REQUEST(Open, OPEN, open, open);
    snprintf(name, sizeof name, "%s", chain_id);
    body.chain_id       = name;
    body.genesis_hash   = bytes_of(SPAN_OF(hash));
    body.initial_height = 1;
    ask(&req);
}

static void send_block(const struct made_height *m, int64_t *acked)
{
    REQUEST(SaveBlock, SAVE_BLOCK, save_block, save_block);
    body.height      = m->height;
    body.block_id    = bytes_of(m->block_id);
    body.block       = bytes_of(m->block);
    body.seen_commit = bytes_of(m->commit);
    body.results     = bytes_of(m->results);
    send_request(&req, acked, m->height);
}

static void send_state(int64_t height, struct span state, bool is_synced)
{
    REQUEST(SaveState, SAVE_STATE, save_state, save_state);
    body.height = height;
    body.state  = bytes_of(state);
    body.sync   = is_synced;
    send_request(&req, NULL, 0);
}

static Store__Status *status(void)
{
    REQUEST(GetStatus, GET_STATUS, get_status, get_status);
    ask(&req);
    must(last && last->kind_case == STORE__REPLY__KIND_STATUS);
    return last->status;
}

static struct span get_block(int64_t height)
{
    REQUEST(GetBlock, GET_BLOCK, get_block, get_block);
    body.height = height;
    ask(&req);
    must(last && last->kind_case == STORE__REPLY__KIND_BLOCK);
    return SPAN(last->block->block.data, last->block->block.len);
}

static const Store__Blocks *get_blocks(size_t n, int64_t *heights,
                                       uint64_t bytes_max)
{
    REQUEST(GetBlocks, GET_BLOCKS, get_blocks, get_blocks);
    body.heights   = heights;
    body.n_heights = n;
    body.bytes_max = bytes_max;
    ask(&req);
    must(last && last->kind_case == STORE__REPLY__KIND_BLOCKS);
    return last->blocks;
}

static void on_hint(void *ctx, const char *topic, struct span body)
{
    Store__Height *h = store__height__unpack(NULL, body.n, body.p);

    UNUSED(ctx);
    must(h && strcmp(topic, "height") == 0);
    seen.hinted     = h->height;
    seen.hinted_txs = h->txs;
    store__height__free_unpacked(h, NULL);
}

static void setup(void)
{
    snprintf(home, sizeof home, "/tmp/test_store.XXXXXX");
    must(mkdtemp(home));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/run/store.sock", home);
    snprintf(hints, sizeof hints, "ipc://%s/run/store.pub.sock", home);
    memset(&seen, 0, sizeof seen);
    loop   = loop_new();
    bus    = bus_open(loop, "consensus");
    client = bus_connect(bus, endpoint, &(struct bus_client_fns){ 0 }, NULL);
    bus_subscribe(bus, hints, "height", on_hint, NULL);
    made_open(&chain, "made", 1, 3);
}

static void teardown(void)
{
    char command[96];

    if (last)
        store__reply__free_unpacked(last, NULL);
    last = NULL;
    bus_close(bus);
    loop_free(loop);
    made_close(&chain);
    snprintf(command, sizeof command, "rm -rf %s", home);
    must(system(command) == 0);
}

TEST(several_blocks_come_together_as_far_as_they_fit)
{
    struct made_height   m[3];
    int64_t              heights[] = { 2, 9, 1, 3 };
    const Store__Blocks *b;
    pid_t                pid;

    setup();
    pid = service_start();
    open_chain("made");
    seen.answers = 0;
    seen.wanted  = 4;
    send_state(0, made_genesis_state(&chain), true);
    for (int i = 0; i < 3; i++) {
        m[i] = made_next(&chain, 1, 50, -1);
        send_block(&m[i], NULL);
    }
    run_for(loop, 5000);
    CHECK_EQ(seen.status, OK, "%s", seen.text);
    b = get_blocks(4, heights, 1 << 20);
    CHECK_EQ(b->n_blocks, 4, "all, in the order of the request");
    CHECK_EQ(b->blocks[0]->height, 2);
    CHECK(span_eq(SPAN(b->blocks[0]->block.data, b->blocks[0]->block.len),
                  m[1].block));
    CHECK(b->blocks[1]->height == 0 && b->blocks[1]->block.len == 0,
          "one that is not there is empty");
    CHECK(span_eq(SPAN(b->blocks[2]->block.data, b->blocks[2]->block.len),
                  m[0].block));
    CHECK_EQ(get_blocks(4, heights, 1)->n_blocks, 1, "one in any case");
    b = get_blocks(4, heights, m[1].block.n + m[0].block.n);
    CHECK_EQ(b->n_blocks, 3, "as many as fit");
    CHECK_EQ(get_blocks(0, heights, 1)->n_blocks, 0, "none asked for");
    service_end(pid, SIGTERM);
    teardown();
}

TEST(blocks_states_and_questions_over_the_bus)
{
    pid_t              pid;
    struct made_height m;
    struct hash        h;

    setup();
    pid = service_start();
    CHECK_EQ(status()->height, 0);
    m = made_next(&chain, 3, 50, -1);
    send_block(&m, NULL);
    seen.wanted = 1;
    run_for(loop, 5000);
    CHECK_EQ(seen.status, ERR_FAILED, "not open: %s", seen.text);
    open_chain("made");
    CHECK_EQ(seen.status, OK);
    seen.answers = 0;
    seen.wanted  = 2;
    send_state(0, made_genesis_state(&chain), true);
    send_block(&m, NULL);
    run_for(loop, 5000);
    CHECK_EQ(seen.status, OK, "%s", seen.text);
    CHECK(span_eq(get_block(1), m.block));
    /* A hint may be lost while the subscription is on its way. */
    for (int i = 0; i < 100 && seen.hinted == 0; i++) {
        seen.answers = 0;
        seen.wanted  = 1;
        send_state(1, m.state, false);
        run_for(loop, 5000);
        CHECK_EQ(seen.status, OK, "%s", seen.text);
        seen.wanted = 2;
        run_for(loop, 20);
    }
    CHECK_EQ(seen.hinted, 1);
    CHECK_EQ(seen.hinted_txs, 3);
    {
        REQUEST(GetTx, GET_TX, get_tx, get_tx);
        tx_hash(&h, m.txs.v[2]);
        body.hash = bytes_of(SPAN_OF(h.b));
        ask(&req);
        CHECK_EQ(last->tx->height, 1);
        CHECK_EQ(last->tx->index, 2);
        h.b[9]++;
        ask(&req);
        CHECK_EQ(last->tx->height, 0);
    }
    {
        REQUEST(GetMetas, GET_METAS, get_metas, get_metas);
        body.min_height = 1;
        body.max_height = 100;
        ask(&req);
        CHECK_EQ(last->metas->n_metas, 1);
        CHECK_EQ(last->metas->last_height, 1);
    }
    open_chain("other");
    CHECK_EQ(seen.status, ERR_CHAIN);
    CHECK(strstr(seen.text, "holds the other chain"), "%s", seen.text);
    seen.answers = 0;
    bus_request(client, BUS_SERVICE, span_str("\xff\xff"), 0, on_reply, NULL,
                0);
    run_for(loop, 5000);
    CHECK_EQ(seen.status, ERR_USAGE);
    service_end(pid, SIGTERM);
    teardown();
}

/* SIGTERM saves the state that waited. */
TEST(a_state_that_waits_is_saved_when_the_store_stops)
{
    pid_t              pid;
    struct made_height m;

    setup();
    pid = service_start();
    open_chain("made");
    m            = made_next(&chain, 1, 50, -1);
    seen.answers = 0;
    seen.wanted  = 3;
    send_state(0, made_genesis_state(&chain), true);
    send_block(&m, NULL);
    send_state(1, m.state, false);
    run_for(loop, 5000);
    CHECK_EQ(status()->state_height, 1);
    service_end(pid, SIGTERM);
    pid = service_start();
    CHECK_EQ(status()->state_height, 1);
    service_end(pid, SIGKILL);
    teardown();
}

TEST(a_hundred_blocks_that_wait_together_are_saved_together)
{
    enum { N = 100 };
    pid_t    pid;
    int64_t  acked = 0;
    uint64_t start;

    setup();
    pid = service_start();
    open_chain("made");
    seen.answers = 0;
    seen.wanted  = 1 + 2 * N;
    send_state(0, made_genesis_state(&chain), true);
    start = now_us();
    for (int i = 0; i < N; i++) {
        struct made_height m = made_next(&chain, 2, 50, -1);

        send_block(&m, &acked);
        send_state(m.height, m.state, false);
    }
    while (seen.answers < seen.wanted && now_us() - start < 20000000)
        run_for(loop, 1000);
    printf("  %.0f us a height\n", (double)(now_us() - start) / N);
    CHECK_EQ(acked, N);
    CHECK_EQ(status()->state_height, N);
    service_end(pid, SIGKILL);
    pid = service_start();
    CHECK_EQ(status()->height, N);
    /* The last one may have come after the last batch, and waits for more. */
    CHECK(status()->state_height >= N - 1, "%d", (int)status()->state_height);
    service_end(pid, SIGKILL);
    teardown();
}

TEST(nothing_acknowledged_is_lost_by_kill_9)
{
    enum { ROUNDS = 40, MOST = 4000 };
    static struct made_height m[MOST + 1];
    pid_t                     pid;
    int64_t                   acked = 0, sent = 0, made = 0;
    int                       lost = 0, wrong = 0;

    setup();
    srand(42);
    pid = service_start();
    open_chain("made");
    seen.answers = 0;
    send_state(0, made_genesis_state(&chain), true);
    run_for(loop, 5000);
    for (int round = 0; round < ROUNDS && made < MOST; round++) {
        uint64_t until = now_us() + (uint64_t)(rand() % 40000);

        seen.wanted = 1 << 30;
        while (now_us() < until && made < MOST) {
            /* Two heights under way; the rest as consensus does it. */
            if (sent - acked < 2) {
                m[++made] = made_next(&chain, (size_t)rand() % 20, 100, -1);
                send_block(&m[made], &acked);
                send_state(made, m[made].state, false);
                sent = made;
            }
            run_for(loop, 0);
        }
        service_end(pid, SIGKILL);
        pid = service_start();
        if (round % 8 == 0) {
            int64_t height = status()->height;

            lost += height < acked;
            for (int64_t h = 1; h <= acked; h += 1 + acked / 20)
                wrong += !span_eq(get_block(h), m[h].block);
        }
    }
    for (int i = 0; i < 100 && acked < sent; i++)
        run_for(loop, 100);
    CHECK_EQ(acked, sent, "all are acknowledged in the end");
    CHECK(acked > ROUNDS / 4, "%d heights", (int)acked);
    CHECK_EQ(seen.refusals, 0, "%s", seen.refusal);
    CHECK_EQ(lost, 0);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(status()->height, sent);
    CHECK_EQ(status()->state_height, sent);
    for (int64_t h = 1; h <= sent; h += 1 + sent / 50)
        CHECK(span_eq(get_block(h), m[h].block), "block %d", (int)h);
    service_end(pid, SIGKILL);
    teardown();
}
