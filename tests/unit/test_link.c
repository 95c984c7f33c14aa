/* Two links over a socket pair: whatever the order of budgets, pauses and
 * events, everything arrives once, in order, and nobody waits for ever.
 *
 * Time is the system's.  Where an interleaving needs time to pass at a certain
 * place, the test sleeps there; no test asks how long anything took.  Pings
 * are hours apart, so that they wake nobody. */
#include "crypto/key.h"
#include "loops.h"
#include "p2p/link.h"
#include "test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CHANNEL      = 0x40,
    MESSAGE_MAX  = 1 << 20,
    DEADLINE_SEC = 30,
    HOUR         = 3600,
};

#define SECOND UINT64_C(1000000)

static const struct mconn_channel channels[] = {
    { CHANNEL, 5, 1000, MESSAGE_MAX },
};
static const uint8_t channel_ids[] = { CHANNEL };

/* One end of the connection. */
struct end {
    struct link_config  config;
    struct mconn_config mconn;
    struct greet_self   self;
    struct privkey      key;
    char                id[NODE_ID_TEXT + 1];
    uint8_t             hello[1024];
    struct link        *link;
    size_t              got, want, helds;
    uint64_t            next; /* number of the message that must come */
    bool                is_gone, is_fault;
    const char         *why;
    unsigned            hold_every; /* messages; 0: never */
    bool                stays_held; /* until the test resumes */
};

static struct loop    *loop;
static struct end      near_end, far_end;
static struct deferred sleeper;
static unsigned        sleep_us; /* when a message comes */
static struct timer    resumer, deadline;
static bool            is_late;

/* ---- what links tell ---- */

static void on_sleep(void *ctx)
{
    UNUSED(ctx);
    usleep(sleep_us);
}

static void on_resume(void *ctx)
{
    struct end *e = ctx;

    if (e->link)
        link_resume(e->link);
}

static void on_greeted(void *ctx, struct link *l, enum greet_verdict v)
{
    UNUSED(ctx);
    CHECK_EQ(v, GREET_DONE);
    link_up(l);
}

/* A message begins with its number and is filled with its lowest byte. */
static bool on_message(void *ctx, struct link *l, uint8_t channel,
                       struct span bytes)
{
    struct end *e      = ctx;
    uint64_t    number = 0;

    UNUSED(l);
    CHECK_EQ(channel, CHANNEL);
    memcpy(&number, bytes.p, sizeof number);
    CHECK_EQ(number, e->next, "in order, once");
    CHECK_EQ(bytes.p[bytes.n - 1],
             bytes.n > 8 ? (uint8_t)number : bytes.p[bytes.n - 1]);
    e->next = number + 1;
    if (++e->got == e->want)
        loop_stop(loop);
    if (sleep_us)
        deferred_set(&sleeper); /* before the link's own turn */
    if (e->hold_every == 0 || e->got % e->hold_every != 0)
        return true;
    if (!e->stays_held)
        timer_set(&resumer, (uint64_t)(rand() % 3000));
    return false;
}

static void on_room(void *ctx, struct link *l, uint8_t channel, bool is_busy)
{
    UNUSED(ctx);
    UNUSED(l);
    UNUSED(channel);
    UNUSED(is_busy);
}

static void on_held(void *ctx)
{
    struct end *e = ctx;

    e->helds++;
}

static void on_gone(void *ctx, struct link *l, const char *why, bool is_fault)
{
    struct end *e = ctx;

    e->is_gone  = true;
    e->is_fault = is_fault;
    e->why      = why;
    e->link     = NULL;
    link_close(l);
    loop_stop(loop);
}

static const struct link_fns fns = { NULL,    on_greeted, on_message,
                                     on_room, on_held,    on_gone };

/* ---- making ---- */

static void introduce(struct end *e)
{
    struct arena  a;
    struct pubkey pub;

    privkey_generate(&e->key, KEY_TYPE_ED25519);
    privkey_public(&pub, &e->key);
    node_id_of(e->self.id, &pub);
    node_id_print(e->id, e->self.id);
    e->self.key  = &e->key;
    e->self.info = (struct node_info){
        .protocol_version = { 8, 11, 0 },
        .default_node_id  = span_str(e->id),
        .listen_addr      = span_str("tcp://127.0.0.1:1"),
        .network          = span_str("test"),
        .version          = span_str("0.38.0"),
        .channels         = SPAN_OF(channel_ids),
        .moniker          = span_str("link"),
        .other            = { span_str("on"), span_str("") },
    };
    arena_use(&a, e->hello, sizeof e->hello);
    e->self.hello = pb_encode_delimited(&node_info_desc, &e->self.info, &a);
    must(e->self.hello.p != NULL);
}

static void make_end(struct end *e, int64_t send_rate, int64_t recv_rate,
                     int fd)
{
    *e       = (struct end){ 0 };
    e->mconn = (struct mconn_config){ 1024,      1024,          send_rate,
                                      recv_rate, HOUR * SECOND, HOUR * SECOND };
    introduce(e);
    e->config = (struct link_config){ .loop          = loop,
                                      .self          = &e->self,
                                      .mconn         = &e->mconn,
                                      .channels      = channels,
                                      .channel_count = COUNT(channels),
                                      .fns           = &fns,
                                      .ctx           = e };
    e->link   = link_accept(&e->config, 1, fd, "127.0.0.1");
}

static void on_deadline(void *ctx)
{
    UNUSED(ctx);
    is_late = true;
    loop_stop(loop);
}

static void open_pair(int64_t send_rate, int64_t recv_rate)
{
    int fd[2];

    crypto_setup();
    loop = loop_new();
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    make_end(&near_end, 0, recv_rate, fd[0]);
    make_end(&far_end, send_rate, 0, fd[1]);
    deferred_init(&sleeper, loop, on_sleep, NULL);
    timer_init(&resumer, loop, on_resume, &near_end);
    timer_init(&deadline, loop, on_deadline, NULL);
    timer_set(&deadline, DEADLINE_SEC * SECOND);
    is_late  = false;
    sleep_us = 0;
}

static void close_pair(void)
{
    if (near_end.link)
        link_close(near_end.link);
    if (far_end.link)
        link_close(far_end.link);
    near_end.link = far_end.link = NULL;
    timer_set(&deadline, 100000); /* what ends by itself may */
    loop_run(loop);
    deferred_fini(&sleeper);
    timer_fini(&resumer);
    timer_fini(&deadline);
    loop_free(loop);
}

/* Runs until both greeted. */
static void on_look(void *ctx)
{
    struct timer *t = ctx;

    if (near_end.link && far_end.link && near_end.link->is_up &&
        far_end.link->is_up)
        loop_stop(loop);
    else
        timer_set(t, 1000);
}

static void greet_both(void)
{
    struct timer t;

    timer_init(&t, loop, on_look, &t);
    timer_set(&t, 0);
    loop_run(loop);
    timer_fini(&t);
    CHECK(!is_late, "both are up");
}

static void say(struct end *e, uint64_t number, size_t n)
{
    uint8_t       *p = malloc(n);
    struct parcel *parcel;

    must(p != NULL && n >= 8);
    memset(p, (uint8_t)number, n);
    memcpy(p, &number, sizeof number);
    parcel = parcel_new(SPAN(p, n));
    CHECK_EQ(link_send(e->link, CHANNEL, parcel), MCONN_QUEUED);
    parcel_drop(parcel);
    free(p);
}

/* ---- the tests ---- */

static void until_got(struct end *e, size_t n)
{
    e->want = n;
    if (e->got < n)
        loop_run(loop);
    CHECK_EQ(e->got, n);
}

TEST(what_is_patient_leaves_with_company_or_by_itself)
{
    uint64_t before;

    open_pair(0, 0);
    greet_both();
    far_end.config.patient = SPAN_OF(channel_ids);
    before                 = far_end.link->bytes_out;
    say(&far_end, 0, 100);
    say(&far_end, 1, 100);
    CHECK(far_end.link->company_us != 0);
    until_got(&near_end, 2);
    CHECK_EQ(far_end.link->company_us, 0);
    CHECK(far_end.link->bytes_out > before);

    say(&far_end, 2, 100);
    far_end.config.patient = SPAN(NULL, 0);
    say(&far_end, 3, 100);
    far_end.config.patient = SPAN_OF(channel_ids);
    say(&far_end, 4, 100);
    until_got(&near_end, 5);

    /* What the other side says does not hurry it, nor lose it. */
    for (uint64_t i = 0; i < 200; i++) {
        say(&near_end, i, 50);
        say(&far_end, 5 + i, 50);
        if (i % 7 == 0)
            until_got(&far_end, i + 1);
    }
    until_got(&near_end, 205);
    CHECK(!is_late && !near_end.is_gone && !far_end.is_gone);
    close_pair();
}

/* A message longer than the budget; the process is put aside between the
 * moment that its link stops reading and the link's turn.  By then the budget
 * has filled up: the link must go on, and not wait for its next ping. */
TEST(a_budget_that_fills_up_before_the_turn_leaves_nobody_waiting)
{
    open_pair(0, 5120000);
    greet_both();
    near_end.want = 8;
    sleep_us      = 300000;
    for (uint64_t i = 0; i < near_end.want; i++)
        say(&far_end, i, MESSAGE_MAX);
    loop_run(loop);
    CHECK(!is_late && !near_end.is_gone && !far_end.is_gone);
    CHECK_EQ(near_end.got, near_end.want);
    close_pair();
}

/* The same where the message is never whole, so that no message comes at all
 * between: what is too long is found out. */
TEST(a_message_above_the_limit_is_found_out_on_a_slow_machine)
{
    open_pair(0, 5120000);
    greet_both();
    sleep_us = 300000;
    say(&far_end, 0, 8);
    say(&far_end, 1, MESSAGE_MAX);
    say(&far_end, 2, MESSAGE_MAX + 1);
    loop_run(loop);
    CHECK(!is_late && near_end.is_gone && near_end.is_fault);
    CHECK_EQ(near_end.got, 2);
    close_pair();
}

/* Whoever owns many links bounds what they hold together. */
TEST(memory_for_what_is_not_whole_is_told_of_before_it_is_whole)
{
    open_pair(0, 0);
    greet_both();
    near_end.want = 1;
    say(&far_end, 0, 8);
    loop_run(loop);
    CHECK_EQ(near_end.helds, 0);
    near_end.want = 2;
    say(&far_end, 1, MESSAGE_MAX);
    loop_run(loop);
    CHECK(!is_late && near_end.helds > 0);
    CHECK(near_end.link->held >= mconn_held(&near_end.link->mconn));
    near_end.helds = 0;
    near_end.want  = 3;
    say(&far_end, 2, 8);
    loop_run(loop);
    CHECK(!is_late && near_end.helds == 0);
    close_pair();
}

/* Budgets of both sides, pauses of the owner, sleeps: by chance. */
TEST(everything_arrives_once_whatever_the_order_of_events)
{
    static const int64_t rates[] = { 0, 1000000, 5120000 };

    srand(1);
    for (int round = 0; round < 12; round++) {
        open_pair(rates[rand() % 3], rates[round % 3]);
        greet_both();
        near_end.want       = 60;
        near_end.hold_every = (unsigned)(rand() % 4);
        sleep_us            = (unsigned)(rand() % 4) * 1000;
        for (uint64_t i = 0; i < near_end.want; i++)
            say(&far_end, i, 8 + (size_t)(rand() % (i % 10 ? 3000 : 100000)));
        loop_run(loop);
        CHECK(!is_late && !near_end.is_gone, "round %d", round);
        CHECK_EQ(near_end.got, near_end.want, "round %d", round);
        close_pair();
    }
}

static void on_far_end(void *ctx)
{
    UNUSED(ctx);
    link_end(far_end.link);
}

/* What was queued before the end arrives; what comes after is not heard. */
TEST(a_link_that_ends_says_what_was_queued)
{
    struct timer t;

    open_pair(0, 400000);
    greet_both();
    timer_init(&t, loop, on_far_end, NULL);
    for (uint64_t i = 0; i < 50; i++)
        say(&far_end, i, 20000);
    say(&near_end, 0, 100);
    timer_set(&t, 0);
    while (!is_late && !near_end.is_gone)
        loop_run(loop);
    timer_fini(&t);
    CHECK_EQ(near_end.got, 50);
    CHECK(far_end.is_gone && !far_end.is_fault);
    CHECK_STR(far_end.why, "parted");
    close_pair();
}

/* One that takes nothing cannot keep a link that is to end. */
TEST(a_link_that_ends_does_not_wait_for_ever)
{
    open_pair(0, 400000);
    greet_both();
    near_end.hold_every = 1;
    near_end.stays_held = true;
    for (uint64_t i = 0; i < 60; i++)
        say(&far_end, i, MESSAGE_MAX);
    link_end(far_end.link);
    while (!is_late && !far_end.is_gone)
        loop_run(loop);
    CHECK(!is_late && far_end.is_gone && !far_end.is_fault);
    CHECK_STR(far_end.why, "parted");
    close_pair();
}

/* Who is not read from cannot be blamed for a pong that we did not read. */
TEST(a_pong_may_be_late_while_nothing_is_read)
{
    open_pair(0, 0);
    near_end.mconn.ping_us = near_end.mconn.pong_us = 50000;
    greet_both();
    near_end.want       = 20;
    near_end.hold_every = 1;
    near_end.stays_held = true;
    for (uint64_t i = 0; i < near_end.want; i++)
        say(&far_end, i, 100000);
    for (int i = 0; i < 25 && near_end.got < near_end.want; i++) {
        run_for(loop, 70);
        if (near_end.link)
            link_resume(near_end.link);
    }
    CHECK(!near_end.is_gone, "%s", near_end.why ? near_end.why : "");
    CHECK_EQ(near_end.got, near_end.want);
    close_pair();
}
