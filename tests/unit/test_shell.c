/* The whole service in one process with a store, an application and a signer
 * that are fakes: the start-up table, and what happens when somebody goes. */
#include "consensus/shell.h"
#include "fakes.h"
#include "test.h"

#include "model/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEADLINE_US = 8000000, BRIEFLY_US = 100000 };

static struct {
    char               dir[64], app_address[96];
    struct svc        *svc;
    struct shell      *shell;
    struct fake_store  store;
    struct fake_app    app;
    struct fake_signer signer;
    struct timer       tick;
    bool               has_app, has_signer, has_store;
    bool (*is_done)(void);
    uint64_t until;
    bool     is_late;
    int64_t  height; /* waited for */
    int64_t  extensions_from;
    int      double_sign_check;
} w;

/* ---- a home ---- */

static void write_file(const char *name, struct span text)
{
    char  path[160];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", w.dir, name);
    f = fopen(path, "w");
    must(f && fwrite(text.p, 1, text.n, f) == text.n);
    fclose(f);
}

static void write_genesis(void)
{
    struct val     v    = { .power = 10 };
    struct span    none = { 0 };
    struct genesis g    = { .time            = { 1700000000, 0 },
                            .chain_id        = span_str("shell-test"),
                            .initial_height  = 1,
                            .validators      = &v,
                            .names           = &none,
                            .validator_count = 1 };
    struct buf     text;

    params_default(&g.params);
    g.params.vote_extensions_enable_height = w.extensions_from;
    privkey_public(&v.key, &w.signer.key);
    pubkey_address(v.address, &v.key);
    buf_init(&text, 1 << 20);
    genesis_print(&text, &g);
    write_file("config/genesis.json", buf_span(&text));
    buf_fini(&text);
}

static void new_home(void)
{
    uint8_t seed[32] = { 7 };
    char    cmd[160];

    crypto_setup();
    w.store = (struct fake_store){ 0 };
    w.app   = (struct fake_app){ 0 };
    snprintf(w.dir, sizeof w.dir, "/tmp/warren-cs-XXXXXX");
    must(mkdtemp(w.dir));
    snprintf(cmd, sizeof cmd, "mkdir -p %s/config %s/data", w.dir, w.dir);
    must(system(cmd) == 0);
    snprintf(w.app_address, sizeof w.app_address, "unix://%s/app.sock", w.dir);
    w.signer = (struct fake_signer){ .chain_id = span_str("shell-test") };
    must(privkey_from_seed(&w.signer.key, KEY_TYPE_ED25519, SPAN_OF(seed)));
    write_genesis();
}

static void remove_home(void)
{
    char cmd[160];

    fake_store_free(&w.store);
    buf_fini(&w.app.said);
    snprintf(cmd, sizeof cmd, "rm -rf %s", w.dir);
    must(system(cmd) == 0);
    w.extensions_from   = 0;
    w.double_sign_check = 0;
}

/* ---- running ---- */

static void on_tick(void *ctx)
{
    UNUSED(ctx);
    w.is_late = now_us() > w.until;
    if (w.is_late || w.is_done())
        loop_stop(w.svc->loop);
    else
        timer_set(&w.tick, 1000);
}

static bool run_for(uint64_t us, bool (*is_done)(void))
{
    w.is_done = is_done;
    w.until   = now_us() + us;
    timer_set(&w.tick, 1);
    loop_run(w.svc->loop);
    timer_clear(&w.tick);
    return !w.is_late;
}

static bool run_until(bool (*is_done)(void))
{
    return run_for(DEADLINE_US, is_done);
}

static void app_in(void)
{
    fake_app_open(&w.app, w.svc->loop, w.app_address);
    w.has_app = true;
}

static void app_out(void)
{
    fake_app_close(&w.app);
    w.has_app = false;
}

static void signer_in(void)
{
    fake_signer_open(&w.signer, w.svc->loop,
                     config_privval_address(w.svc->config));
    w.has_signer = true;
}

static void signer_out(void)
{
    fake_signer_close(&w.signer);
    w.has_signer = false;
}

static void store_in(void)
{
    fake_store_open(&w.store, w.svc->loop, svc_endpoint(w.svc, "store", false));
    w.has_store = true;
}

static void store_out(void)
{
    fake_store_close(&w.store);
    w.has_store = false;
}

/* Its own lines would hide the test's. */
static enum err begin(void)
{
    char  check[16];
    char *argv[] = { (char *)(uintptr_t) "consensus",
                     (char *)(uintptr_t) "--home",
                     w.dir,
                     (char *)(uintptr_t) "--proxy_app",
                     w.app_address,
                     (char *)(uintptr_t) "--log_level",
                     (char *)(uintptr_t) "none",
                     (char *)(uintptr_t) "--consensus.timeout_commit",
                     (char *)(uintptr_t) "20ms",
                     (char *)(uintptr_t) "--consensus.double_sign_check_height",
                     check,
                     NULL };

    snprintf(check, sizeof check, "%d", w.double_sign_check);
    w.svc   = svc_start("consensus", (int)COUNT(argv) - 1, argv);
    w.shell = calloc(1, sizeof *w.shell);
    must(w.shell);
    timer_init(&w.tick, w.svc->loop, on_tick, NULL);
    return shell_open(w.shell, w.svc);
}

static void start(void)
{
    CHECK_EQ(begin(), OK);
    store_in();
    app_in();
    signer_in();
}

static int stop(void)
{
    shell_close(w.shell);
    free(w.shell);
    if (w.has_signer)
        signer_out();
    if (w.has_app)
        app_out();
    if (w.has_store)
        store_out();
    timer_fini(&w.tick);
    return svc_stop(w.svc);
}

/* ---- what is waited for ---- */

static bool is_high(void)
{
    return w.shell->phase == PHASE_RUN && w.shell->core.height > w.height &&
           w.store.state_height >= w.height;
}

static bool reach(int64_t height)
{
    w.height = height;
    return run_until(is_high);
}

static bool is_halted(void)
{
    return w.shell->is_halted;
}

static bool is_over(void)
{
    return w.svc->exit_code != OK;
}

/* Five heights, all of them everywhere. */
static int64_t five_heights(void)
{
    int64_t h;

    start();
    CHECK(reach(5), "five heights");
    h = w.store.height;
    stop();
    CHECK_EQ(w.store.state_height, h);
    CHECK_EQ(w.app.height, h);
    fake_app_said(&w.app);
    return h;
}

/* ---- the table ---- */

TEST(a_new_chain_begins)
{
    new_home();
    start();
    CHECK(reach(2));
    CHECK_STR(fake_app_said(&w.app),
              "Info; InitChain; FinalizeBlock 1; Commit; FinalizeBlock 2;"
              " Commit; ");
    stop();
    CHECK_EQ(w.store.height, w.app.height);
    remove_home();
}

/* At start with the application at a, the state at t and blocks up to s,
 * what is the application asked before the first new block? */
static void check_start(int64_t a_back, int64_t t_back)
{
    int64_t     s, a, t;
    struct buf  want;
    const char *said;

    new_home();
    s                    = five_heights();
    a                    = s - a_back;
    t                    = s - t_back;
    w.app.height         = a;
    w.store.state_height = t;
    buf_init(&want, 4096);
    buf_str(&want, a == 0 ? "Info; InitChain; " : "Info; ");
    for (int64_t h = a + 1; h <= s; h++)
        buf_printf(&want, "FinalizeBlock %" PRId64 "; Commit; ", h);
    start();
    CHECK(reach(s + 1), "A = S - %d, T = S - %d", (int)a_back, (int)t_back);
    said = fake_app_said(&w.app);
    CHECK(strncmp(said, buf_cstr(&want), want.len) == 0,
          "A = S - %d, T = S - %d: said %s", (int)a_back, (int)t_back, said);
    stop();
    buf_fini(&want);
    remove_home();
}

TEST(every_row_of_the_start_up_table)
{
    for (int64_t t_back = 0; t_back <= 2; t_back++)
        for (int64_t a_back = 0; a_back <= 3; a_back++)
            check_start(a_back, t_back);
}

TEST(an_application_that_starts_over_gets_the_whole_chain)
{
    int64_t s;

    new_home();
    s            = five_heights();
    w.app.height = 0;
    start();
    CHECK(reach(s + 1));
    CHECK(strncmp(fake_app_said(&w.app), "Info; InitChain; FinalizeBlock 1;",
                  33) == 0);
    stop();
    remove_home();
}

TEST(an_application_with_another_hash_is_not_used)
{
    int64_t s;

    new_home();
    s = five_heights();
    w.app.hash[s].b[0] ^= 1;
    start();
    CHECK(!run_for(BRIEFLY_US, is_halted), "it is waited for, not halted");
    CHECK_STR(fake_app_said(&w.app), "Info; ");
    CHECK_EQ(w.shell->phase, PHASE_HANDSHAKE);
    app_out();
    w.app.hash[s].b[0] ^= 1;
    app_in();
    CHECK(reach(s + 1), "it came back as it should be");
    stop();
    remove_home();
}

TEST(an_application_ahead_of_the_chain_is_not_used)
{
    int64_t s;

    new_home();
    s                      = five_heights();
    w.app.height           = s + 1;
    w.app.hash[s + 1].b[0] = 1;
    start();
    CHECK(!run_for(BRIEFLY_US, is_halted));
    CHECK_STR(fake_app_said(&w.app), "Info; ");
    stop();
    remove_home();
}

TEST(a_missing_end_of_height_is_written_and_a_later_one_refused)
{
    char    path[160];
    int64_t s;

    new_home();
    s = five_heights();
    snprintf(path, sizeof path, "%s/data/cs.wal/wal", w.dir);
    must(unlink(path) == 0);
    start();
    CHECK(reach(s + 1), "a new log, an old chain");
    s = w.store.height;
    stop();
    w.store.height = w.store.state_height = s - 2;
    w.app.height                          = s - 2;
    start();
    CHECK(run_until(is_over), "the store was set back");
    CHECK_EQ(stop(), ERR_CORRUPT);
    remove_home();
}

/* ---- somebody goes while it runs ---- */

TEST(the_application_goes_and_comes_back)
{
    new_home();
    start();
    CHECK(reach(3));
    for (int i = 0; i < 5; i++) {
        app_out();
        CHECK(!run_for(BRIEFLY_US, is_halted));
        app_in();
        CHECK(reach(w.store.height + 2), "time %d", i);
    }
    CHECK_EQ(w.shell->core.state.last_height, w.app.height);
    stop();
    remove_home();
}

TEST(the_application_comes_back_empty)
{
    new_home();
    start();
    CHECK(reach(3));
    app_out();
    w.app.height = 0;
    app_in();
    CHECK(reach(w.store.height + 2));
    stop();
    remove_home();
}

TEST(the_store_goes_and_comes_back)
{
    new_home();
    start();
    CHECK(reach(3));
    for (int i = 0; i < 3; i++) {
        store_out();
        /* Its last state was not synced. */
        if (w.store.state_height == w.store.height && w.store.height > 1)
            w.store.state_height--;
        store_in();
        CHECK(reach(w.store.height + 2), "time %d", i);
    }
    stop();
    remove_home();
}

TEST(a_full_disk_of_the_store_is_waited_out)
{
    new_home();
    start();
    CHECK(reach(2));
    w.store.save_failures = 2;
    CHECK(reach(w.store.height + 2));
    CHECK_EQ(w.store.save_failures, 0);
    CHECK(!w.shell->is_halted);
    stop();
    remove_home();
}

TEST(the_signer_goes_and_comes_back)
{
    new_home();
    start();
    CHECK(reach(2));
    for (int i = 0; i < 3; i++) {
        signer_out();
        signer_in();
        CHECK(reach(w.store.height + 2), "time %d", i);
    }
    stop();
    remove_home();
}

TEST(a_signer_that_comes_late_is_in_time)
{
    new_home();
    CHECK_EQ(begin(), OK);
    store_in();
    app_in();
    w.height = 1;
    CHECK(!run_for(3 * BRIEFLY_US, is_high), "nobody signs");
    CHECK_EQ(w.store.height, 0);
    signer_in();
    CHECK(reach(2));
    stop();
    remove_home();
}

TEST(anybody_may_be_first)
{
    new_home();
    CHECK_EQ(begin(), OK);
    signer_in();
    app_in();
    store_in();
    CHECK(reach(2));
    stop();
    CHECK_EQ(begin(), OK);
    app_in();
    signer_in();
    store_in();
    CHECK(reach(w.store.height + 2));
    stop();
    remove_home();
}

/* ---- what is final ---- */

TEST(an_exception_halts_but_does_not_end)
{
    new_home();
    start();
    CHECK(reach(2));
    w.app.throws_at_finalize = true;
    CHECK(run_until(is_halted));
    CHECK_EQ(w.svc->exit_code, OK);
    CHECK_EQ(w.store.height, w.app.height);
    stop();
    w.app.throws_at_finalize = false;
    start();
    CHECK(reach(w.store.height + 1), "mended and restarted");
    stop();
    remove_home();
}

TEST(results_that_change_over_a_restart_halt)
{
    int64_t s;

    new_home();
    s                    = five_heights();
    w.app.height         = s - 1;
    w.store.state_height = s - 1;
    w.app.lies_at        = s;
    start();
    CHECK(run_until(is_halted), "not deterministic");
    CHECK_EQ(w.app.height, s - 1, "and not committed");
    stop();
    remove_home();
}

TEST(a_store_of_another_chain_ends_it)
{
    new_home();
    w.store.refuses_open = ERR_CHAIN;
    CHECK_EQ(begin(), OK);
    store_in();
    CHECK(run_until(is_over));
    CHECK_EQ(stop(), ERR_CHAIN);
    remove_home();
}

TEST(our_own_signature_in_recent_blocks_ends_it)
{
    new_home();
    five_heights();
    w.double_sign_check = 2;
    start();
    CHECK(run_until(is_over));
    CHECK_EQ(stop(), ERR_SIGNSTATE);
    remove_home();
}

TEST(vote_extensions_go_from_application_to_store)
{
    struct extended_commit c;
    struct span            seen;

    w.extensions_from = 2;
    new_home();
    start();
    CHECK(reach(3));
    CHECK(strstr(fake_app_said(&w.app), "ExtendVote; FinalizeBlock 2") != NULL);
    seen = SPAN(w.store.seen[2].p, w.store.seen[2].n);
    CHECK_EQ(pb_decode(&extended_commit_desc, &c, &test_arena, seen), ACCEPT);
    CHECK_EQ(extended_commit_ensure(&c, true), ACCEPT);
    CHECK_BYTES(c.extended_signatures.v[0].extension, span_str("extension"));
    stop();
    start();
    CHECK(reach(w.store.height + 1), "and back");
    stop();
    remove_home();
}
