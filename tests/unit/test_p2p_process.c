/* The p2p service as a process: two nodes, each with this program as its
 * consensus, on loopback. */
#include "base/files.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "model/genesis.h"
#include "peers/peers.h"
#include "test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS UINT64_C(1000)

/* What a sanitizer keeps for itself counts as well. */
#ifdef __SANITIZE_ADDRESS__
enum { CHANNEL = 0x40, KB_FACTOR = 4 };
#else
enum { CHANNEL = 0x40, KB_FACTOR = 1 };
#endif

struct node {
    char          home[64], endpoint[96], laddr[64], id[41];
    uint16_t      port;
    pid_t         pid;
    struct peers *peers;
    uint64_t      peer; /* the other node; 0: not connected */
    size_t        ups, downs, frames, bytes;
    bool          is_busy, was_busy, is_mixed_up;
    struct hasher heard;
    uint64_t      next; /* number of the frame that must come */
};

static struct loop *loop;
static struct bus  *bus;
static struct node  a, b;
static struct timer timer;
static bool (*wanted)(void);
static uint64_t    deadline;
static const char *recv_rate = "0"; /* of nodes that start */

/* ---- processes ---- */

static uint16_t free_port(void)
{
    struct sockaddr_in sa = { .sin_family = AF_INET,
                              .sin_addr   = { htonl(INADDR_LOOPBACK) } };
    socklen_t          n  = sizeof sa;
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    must(bind(fd, (struct sockaddr *)&sa, n) == 0);
    must(getsockname(fd, (struct sockaddr *)&sa, &n) == 0);
    close(fd);
    return ntohs(sa.sin_port);
}

static void write_key(struct node *n, unsigned mode)
{
    struct privkey k;
    struct pubkey  pub;
    struct buf     text, id;
    uint8_t        address[20];
    char           path[96];

    privkey_generate(&k, KEY_TYPE_ED25519);
    privkey_public(&pub, &k);
    pubkey_address(address, &pub);
    buf_use(&id, n->id, sizeof n->id);
    buf_hex(&id, SPAN_OF(address));
    buf_byte(&id, 0);
    buf_init(&text, 4096);
    node_key_print(&text, &k);
    snprintf(path, sizeof path, "%s/config", n->home);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/config/node_key.json", n->home);
    must(file_replace(path, buf_span(&text), mode) == OK);
    buf_fini(&text);
}

static void make_home(struct node *n)
{
    memset(n, 0, sizeof *n);
    snprintf(n->home, sizeof n->home, "/tmp/warren-p2p-XXXXXX");
    must(mkdtemp(n->home) != NULL);
    n->port = free_port();
    snprintf(n->laddr, sizeof n->laddr, "tcp://127.0.0.1:%u", n->port);
    snprintf(n->endpoint, sizeof n->endpoint, "ipc://%s/run/p2p.sock", n->home);
    write_key(n, 0600);
}

static char binary[512];

static void find_binary(void)
{
    char    self[400];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    must(n > 0);
    self[n]             = 0;
    *strrchr(self, '/') = 0;
    snprintf(binary, sizeof binary, "%s/../libexec/warren/p2p", self);
}

/* Its log goes to HOME/log. */
static void start(struct node *n, const struct node *to)
{
    char peer[128], log[96];

    snprintf(log, sizeof log, "%s/log", n->home);
    snprintf(peer, sizeof peer, to ? "%s@127.0.0.1:%u" : "", to ? to->id : "",
             to ? to->port : 0);
    n->pid = fork();
    must(n->pid >= 0);
    if (n->pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        dup2(fd, 1);
        dup2(fd, 2);
        execl(binary, "p2p", "--home", n->home, "--p2p.laddr", n->laddr,
              "--p2p.persistent_peers", peer, "--p2p.allow_duplicate_ip=true",
              "--p2p.addr_book_strict=false", "--p2p.send_rate", "0",
              "--p2p.recv_rate", recv_rate, "--p2p.pex=false", NULL);
        _exit(127);
    }
}

static int end(struct node *n, int signo)
{
    int status = 0;

    kill(n->pid, signo);
    must(waitpid(n->pid, &status, 0) == n->pid);
    n->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void remove_home(struct node *n)
{
    char cmd[128];

    snprintf(cmd, sizeof cmd, "rm -rf %s", n->home);
    must(system(cmd) == 0);
}

/* kB of resident memory, or open descriptors, of a process. */
static long rss_of(pid_t pid)
{
    char  path[64], line[128];
    long  kb = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    f = fopen(path, "r");
    must(f != NULL);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    fclose(f);
    return kb;
}

static int fds_of(pid_t pid)
{
    char path[64];
    int  n = 0;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    d = opendir(path);
    must(d != NULL);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* ---- this program as consensus ---- */

static void saw_up(void *ctx, uint64_t peer, struct span id,
                   struct span channels, bool is_outbound)
{
    struct node *n = ctx;

    UNUSED(id);
    UNUSED(channels);
    UNUSED(is_outbound);
    n->peer = peer;
    n->ups++;
    n->next = 0;
}

static void saw_down(void *ctx, uint64_t peer)
{
    struct node *n = ctx;

    if (n->peer == peer)
        n->peer = 0;
    n->downs++;
}

static void saw_room(void *ctx, uint64_t peer, uint8_t channel, bool has_room)
{
    struct node *n = ctx;

    UNUSED(peer);
    UNUSED(channel);
    n->is_busy = !has_room;
    n->was_busy |= n->is_busy;
}

/* Frames begin with their number, so that loss and disorder show. */
static void saw_frame(void *ctx, uint64_t peer, uint8_t channel,
                      struct span bytes)
{
    struct node *n = ctx;

    UNUSED(peer);
    UNUSED(channel);
    n->frames++;
    n->bytes += bytes.n;
    if (bytes.n < 8 || load_be64(bytes.p) != n->next)
        n->is_mixed_up = true;
    n->next++;
    hash_update(&n->heard, bytes);
}

static void open_reactor(struct node *n)
{
    static const struct peers_fns fns    = { saw_up, saw_down, saw_room,
                                             saw_frame };
    struct peers_config           config = { n->endpoint,
                                             span_str("\x20\x21\x22\x23\x40"), true };

    n->peers = peers_open(loop, bus, &config, &fns, n);
    peers_start(n->peers, "chain-a", 1);
}

static void on_timer(void *ctx)
{
    UNUSED(ctx);
    if (wanted() || now_us() > deadline)
        loop_stop(loop);
    else
        timer_set(&timer, 2 * MS);
}

/* Run until it holds; false after so many milliseconds. */
static bool until(bool (*fn)(void), uint64_t ms)
{
    wanted   = fn;
    deadline = now_us() + ms * MS;
    timer_set(&timer, 0);
    loop_run(loop);
    return fn();
}

static bool are_connected(void)
{
    return a.peer && b.peer;
}

static bool is_alone(void)
{
    return !a.peer;
}

static bool never(void)
{
    return false;
}

static void set_up(void)
{
    crypto_setup();
    find_binary();
    make_home(&a);
    make_home(&b);
    loop = loop_new();
    bus  = bus_open(loop, "consensus");
    timer_init(&timer, loop, on_timer, NULL);
    start(&a, NULL);
    start(&b, &a);
    hash_begin(&a.heard);
    hash_begin(&b.heard);
    open_reactor(&a);
    open_reactor(&b);
    must(CHECK(until(are_connected, 10000), "two nodes connect"));
}

static void clean_up(void)
{
    peers_close(a.peers);
    peers_close(b.peers);
    CHECK_EQ(end(&a, SIGTERM), 0, "a ends well");
    CHECK_EQ(end(&b, SIGTERM), 0, "b ends well");
    timer_fini(&timer);
    bus_close(bus);
    loop_free(loop);
    remove_home(&a);
    remove_home(&b);
}

static void say(struct node *from, uint64_t number, size_t n,
                struct hasher *said)
{
    static uint8_t bytes[8 << 20];

    must(n >= 8 && n <= sizeof bytes);
    for (size_t i = 8; i < n; i += 64)
        bytes[i] = (uint8_t)(number + i);
    store_be64(bytes, number);
    hash_update(said, SPAN(bytes, n));
    peers_send(from->peers, from->peer, CHANNEL, SPAN(bytes, n));
}

/* ---- tests ---- */

static size_t expected;

static bool has_heard(void)
{
    return b.frames >= expected;
}

TEST(messages_arrive_whole_and_in_order)
{
    static const size_t sizes[] = { 8,     100,    1023,    1024,   1025,
                                    65536, 100000, 1 << 20, 5000000 };
    struct hasher       said;
    struct hash         x, y;
    uint64_t            number = 0;

    set_up();
    hash_begin(&said);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < COUNT(sizes); i++)
            say(&a, number++, sizes[i], &said);
    for (int i = 0; i < 5000; i++)
        say(&a, number++, 200, &said);
    expected = number;
    CHECK(until(has_heard, 20000), "%zu of %" PRIu64, b.frames, number);
    CHECK(!b.is_mixed_up);
    hash_end(&said, &x);
    hash_end(&b.heard, &y);
    CHECK_BYTES(hash_span(&y), hash_span(&x));
    clean_up();
}

/* Reading stops and goes on a thousand times. */
TEST(a_rate_makes_a_connection_slow_and_no_more_than_slow)
{
    struct hasher said;
    uint64_t      number = 0;

    recv_rate = "30000000";
    set_up();
    recv_rate = "0";
    hash_begin(&said);
    for (int i = 0; i < 40; i++)
        say(&a, number++, 1 << 20, &said);
    expected = number;
    CHECK(until(has_heard, 30000), "%zu of %" PRIu64, b.frames, number);
    CHECK(!b.is_mixed_up && b.downs == 0);
    clean_up();
}

static bool is_told(void)
{
    return a.is_busy;
}

/* The one who does not read costs neither side memory, and loses nothing.
 * Pushes are not confirmed one by one, and so much may lie before the news
 * that there is no room: a machine in a hurry with other things is given time
 * to pass it on, as soon as there is news to come. */
TEST(a_reactor_that_does_not_keep_up_is_waited_for)
{
    struct hasher said;
    uint64_t      number = 0;
    long          rss_a, rss_b;

    set_up();
    hash_begin(&said);
    peers_hold(b.peers, true);
    while (number < 200) {
        say(&a, number++, 1 << 20, &said);
        if (until(is_told, number < 36 ? 5 : 250))
            break;
    }
    (void)until(never, 300);
    rss_a = rss_of(a.pid);
    rss_b = rss_of(b.pid);
    CHECK(a.was_busy, "the sender is told");
    CHECK(number < 120, "after %" PRIu64 " MB", number);
    CHECK(rss_a < 200000 * KB_FACTOR && rss_b < 250000 * KB_FACTOR,
          "%ld and %ld kB", rss_a, rss_b);
    peers_hold(b.peers, false);
    expected = number;
    CHECK(until(has_heard, 30000), "%zu of %" PRIu64, b.frames, number);
    (void)until(never, 100);
    CHECK(!a.is_busy && !b.is_mixed_up && b.downs == 0);
    clean_up();
}

/* Sending on all the same ends the connection instead of losing a part. */
TEST(a_peer_that_takes_nothing_is_parted_from)
{
    struct hasher said;

    set_up();
    hash_begin(&said);
    kill(b.pid, SIGSTOP);
    for (uint64_t i = 0; i < 100 && a.peer; i++) {
        say(&a, i, 1 << 20, &said);
        (void)until(never, 2);
    }
    CHECK(until(is_alone, 5000));
    kill(b.pid, SIGCONT);
    CHECK(until(are_connected, 10000), "and met again");
    clean_up();
}

TEST(a_killed_process_is_met_again_within_seconds)
{
    set_up();
    for (int i = 0; i < 3; i++) {
        struct node *n = i % 2 ? &b : &a;
        uint64_t     began;

        CHECK_EQ(end(n, SIGKILL), -1);
        CHECK(until(is_alone, 6000), "the end is noticed");
        began = now_us();
        start(n, n == &b ? &a : NULL);
        CHECK(until(are_connected, 10000), "round %d", i);
        CHECK(now_us() - began < 4000 * MS, "in %" PRIu64 " ms",
              (now_us() - began) / MS);
    }
    clean_up();
}

static void hear_nothing(void *ctx, uint64_t peer, uint8_t channel,
                         struct span bytes)
{
    UNUSED(ctx);
    UNUSED(peer);
    UNUSED(channel);
    UNUSED(bytes);
}

static void see_nothing(void *ctx, uint64_t peer, struct span id,
                        struct span channels, bool is_outbound)
{
    UNUSED(ctx);
    UNUSED(peer);
    UNUSED(id);
    UNUSED(channels);
    UNUSED(is_outbound);
}

static void miss_nobody(void *ctx, uint64_t peer)
{
    UNUSED(ctx);
    UNUSED(peer);
}

static struct peers *open_mempool(struct node *n)
{
    static const struct peers_fns fns = { see_nothing, miss_nobody, NULL,
                                          hear_nothing };
    struct peers_config config = { n->endpoint, span_str("\x30"), false };
    struct peers       *p      = peers_open(loop, bus, &config, &fns, n);

    peers_start(p, "", 0);
    return p;
}

/* What is held back for a service that dies goes on when there is another,
 * even where its successor is there before it is missed. */
TEST(a_reactor_that_dies_full_holds_nobody_back)
{
    struct hasher said;
    struct peers *mempool, *next;

    set_up();
    hash_begin(&said);
    mempool = open_mempool(&b);
    (void)until(never, 100);
    peers_hold(mempool, true);
    for (int i = 0; i < 48; i++) {
        static uint8_t tx[1 << 20];

        peers_send(a.peers, a.peer, 0x30, SPAN(tx, sizeof tx - 8));
        (void)until(never, 5);
    }
    for (expected = 1; expected < 200; expected++) {
        say(&a, expected - 1, 100, &said);
        if (!until(has_heard, 500))
            break;
    }
    CHECK(expected < 200, "it waits behind what mempool may not have");
    next = open_mempool(&b);
    CHECK(until(has_heard, 10000));
    peers_close(mempool);
    peers_close(next);
    CHECK_EQ(b.downs, 0);
    clean_up();
}

static size_t ups_before;

static bool is_met_anew(void)
{
    return a.ups > ups_before && are_connected();
}

TEST(consensus_that_starts_anew_is_met_anew)
{
    set_up();
    ups_before = a.ups;
    peers_close(b.peers);
    b.peer = 0;
    open_reactor(&b);
    CHECK(until(is_met_anew, 10000));
    clean_up();
}

TEST(a_banned_peer_stays_away)
{
    set_up();
    /* b names a as persistent, a does not name b. */
    peers_drop(a.peers, a.peer, "for a test", 3);
    CHECK(until(is_alone, 2000));
    CHECK(!until(are_connected, 1500), "not before its time");
    CHECK(until(are_connected, 10000));
    clean_up();
}

TEST(a_ban_outlives_the_process)
{
    set_up();
    peers_drop(a.peers, a.peer, "for a test", 60);
    CHECK(until(is_alone, 2000));
    (void)until(never, 300);
    CHECK_EQ(end(&a, SIGKILL), -1);
    start(&a, NULL);
    CHECK(!until(are_connected, 4000), "b dials all the time");
    clean_up();
}

static int connect_raw(uint16_t port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET,
                              .sin_port   = htons(port),
                              .sin_addr   = { htonl(INADDR_LOOPBACK) } };
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    must(fd >= 0);
    (void)connect(fd, (struct sockaddr *)&sa, sizeof sa);
    return fd;
}

static long fds_before;

static bool has_let_go(void)
{
    return fds_of(a.pid) <= fds_before + 2;
}

/* Garbage, half a greeting, silence: by the thousand. */
TEST(strangers_cost_little_and_disturb_nobody)
{
    static const uint8_t half[] = { 34, 0x0a, 32, 9, 9, 9 };
    static int           fd[200];
    uint8_t              noise[2000];
    long                 rss;

    set_up();
    memset(noise, 0xa5, sizeof noise);
    rss        = rss_of(a.pid);
    fds_before = fds_of(a.pid);
    for (int round = 0; round < 15; round++) {
        for (size_t i = 0; i < COUNT(fd); i++)
            fd[i] = connect_raw(a.port);
        (void)until(never, 20);
        for (size_t i = 0; i < COUNT(fd); i++)
            if (i % 3)
                (void)!write(fd[i], i % 3 == 1 ? half : noise,
                             i % 3 == 1 ? sizeof half : sizeof noise);
        (void)until(never, 20);
        for (size_t i = 0; i < COUNT(fd); i++)
            close(fd[i]);
    }
    CHECK(until(has_let_go, 10000), "%d descriptors, %ld before", fds_of(a.pid),
          fds_before);
    CHECK(rss_of(a.pid) - rss < 65536 * KB_FACTOR, "%ld kB more",
          rss_of(a.pid) - rss);
    CHECK(are_connected() && a.downs == 0, "its peer noticed nothing");
    clean_up();
}

/* ---- what is refused at start ---- */

static int run_until_end(struct node *n)
{
    int status;

    start(n, NULL);
    for (int i = 0; i < 500; i++) {
        if (waitpid(n->pid, &status, WNOHANG) == n->pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        usleep(10000);
    }
    end(n, SIGKILL);
    return -2;
}

TEST(what_cannot_be_trusted_is_refused_at_start)
{
    struct node n;
    char        path[96];

    crypto_setup();
    find_binary();
    make_home(&n);
    snprintf(path, sizeof path, "%s/config/node_key.json", n.home);
    must(chmod(path, 0644) == 0);
    CHECK_EQ(run_until_end(&n), ERR_KEY, "a key that others can read");
    must(file_replace(path, span_str("{}"), 0600) == OK);
    CHECK_EQ(run_until_end(&n), ERR_KEY, "not a key");
    must(unlink(path) == 0);
    CHECK_EQ(run_until_end(&n), ERR_KEY, "no key");
    write_key(&n, 0600);
    snprintf(n.laddr, sizeof n.laddr, "tcp://127.0.0.1:notaport");
    CHECK(run_until_end(&n) > 0, "a malformed address");
    remove_home(&n);
}

/* CometBFT's own pair of halves, with one bit of the second changed. */
TEST(a_node_key_whose_halves_differ_is_refused)
{
    struct node    n;
    struct privkey k;
    struct buf     text;
    char           path[96];

    crypto_setup();
    find_binary();
    make_home(&n);
    privkey_generate(&k, KEY_TYPE_ED25519);
    k.b[63] ^= 1;
    buf_init(&text, 4096);
    node_key_print(&text, &k);
    snprintf(path, sizeof path, "%s/config/node_key.json", n.home);
    must(file_replace(path, buf_span(&text), 0600) == OK);
    CHECK_EQ(run_until_end(&n), ERR_KEY);
    buf_fini(&text);
    remove_home(&n);
}
