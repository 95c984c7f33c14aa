/* tapwire - a small internet in one process: hosts of their own, and the
 * lines between them, as bad as wanted.
 *
 *   tapwire HOSTS SEED
 *
 * Makes HOSTS network namespaces, the i-th (from 1) with the address
 * 10.77.0.i on a TUN device, and carries packets between them.  Prints
 * "host I FD" for each: /proc/PID/fd/FD is its namespace.  Then a command a
 * line, each answered by "ok":
 *
 *   link FROM TO DELAY JITTER LOSS DUP   how packets go one way: delay and
 *                                        jitter in ms (jitter reorders), loss
 *                                        and duplicates in a thousand
 *   count                                prints "count CARRIED LOST" instead
 *
 * A packet that is lost is lost silently, as in a cut line or a firewall.
 * The end of stdin ends everything: namespaces and devices are anonymous, so
 * nothing is left behind however this ends.  Needs root (CAP_SYS_ADMIN and
 * CAP_NET_ADMIN); says on stderr what is missing, and ends with status 3. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HOSTS_MAX   = 32,
    PACKET_MAX  = 2048,
    WAITING_MAX = 1 << 15,
    AT_ONCE     = 64,
    LACKING     = 3,
    LOSS_OF     = 1000,
};

struct way {
    unsigned delay_ms, jitter_ms, loss, dup;
};

struct packet {
    uint64_t due_us, order;
    size_t   to, n;
    uint8_t  bytes[PACKET_MAX];
};

static struct {
    size_t         hosts;
    int            tun[HOSTS_MAX];
    struct way     way[HOSTS_MAX][HOSTS_MAX];
    struct packet *waiting[WAITING_MAX]; /* a heap, the next one first */
    size_t         n;
    uint64_t       order, dice, carried, lost;
    char           line[256];
    size_t         line_n;
} me;

_Noreturn static void lacks(const char *what)
{
    fprintf(stderr, "tapwire: %s: %s\n", what, strerror(errno));
    exit(LACKING);
}

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* splitmix64 */
static uint64_t roll(uint64_t below)
{
    uint64_t z = me.dice += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return below ? (z ^ (z >> 31)) % below : 0;
}

/* ---- hosts ---- */

static void set_up(int s, const char *device, const char *address)
{
    struct ifreq        r  = { 0 };
    struct sockaddr_in *in = (void *)&r.ifr_addr;

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", device);
    if (address) {
        in->sin_family = AF_INET;
        if (inet_pton(AF_INET, address, &in->sin_addr) != 1 ||
            ioctl(s, SIOCSIFADDR, &r) != 0)
            lacks("address");
        if (inet_pton(AF_INET, "255.255.255.0", &in->sin_addr) != 1 ||
            ioctl(s, SIOCSIFNETMASK, &r) != 0)
            lacks("mask of the network");
    }
    if (ioctl(s, SIOCGIFFLAGS, &r) != 0)
        lacks("flags");
    r.ifr_flags |= IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &r) != 0)
        lacks("up");
}

static void make_host(size_t i)
{
    struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
    char         address[32];
    int          space, s;

    if (unshare(CLONE_NEWNET) != 0)
        lacks("a network namespace");
    space     = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    s         = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    me.tun[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (space < 0 || s < 0 || me.tun[i] < 0)
        lacks("/dev/net/tun");
    snprintf(r.ifr_name, sizeof r.ifr_name, "wire");
    if (ioctl(me.tun[i], TUNSETIFF, &r) != 0)
        lacks("a TUN device");
    snprintf(address, sizeof address, "10.77.0.%zu", i + 1);
    set_up(s, "lo", NULL);
    set_up(s, "wire", address);
    close(s);
    printf("host %zu %d\n", i + 1, space);
}

/* ---- packets that wait ---- */

static int is_before(size_t a, size_t b)
{
    const struct packet *p = me.waiting[a], *q = me.waiting[b];

    return p->due_us != q->due_us ? p->due_us < q->due_us : p->order < q->order;
}

static void swap(size_t a, size_t b)
{
    struct packet *p = me.waiting[a];

    me.waiting[a] = me.waiting[b];
    me.waiting[b] = p;
}

static void push(struct packet *p)
{
    size_t i = me.n++;

    me.waiting[i] = p;
    for (; i > 0 && is_before(i, (i - 1) / 2); i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static struct packet *pop(void)
{
    struct packet *first = me.waiting[0];

    me.waiting[0] = me.waiting[--me.n];
    for (size_t i = 0, k; (k = 2 * i + 1) < me.n; i = k) {
        if (k + 1 < me.n && is_before(k + 1, k))
            k++;
        if (!is_before(k, i))
            break;
        swap(k, i);
    }
    return first;
}

/* ---- carrying ---- */

static void deliver(uint64_t now)
{
    while (me.n > 0 && me.waiting[0]->due_us <= now) {
        struct packet *p = pop();

        if (write(me.tun[p->to], p->bytes, p->n) == (ssize_t)p->n)
            me.carried++;
        else
            me.lost++;
        free(p);
    }
}

static void send_one(const struct way *w, size_t to, const uint8_t *bytes,
                     size_t n, uint64_t now)
{
    struct packet *p;

    if (me.n == WAITING_MAX || roll(LOSS_OF) < w->loss ||
        !(p = malloc(sizeof *p))) {
        me.lost++;
        return;
    }
    p->due_us = now + w->delay_ms * UINT64_C(1000) +
                roll(2 * UINT64_C(1000) * w->jitter_ms);
    p->order = me.order++;
    p->to    = to;
    p->n     = n;
    memcpy(p->bytes, bytes, n);
    push(p);
}

/* Only IPv4 between hosts is carried. */
static void take(size_t from, uint64_t now)
{
    uint8_t b[PACKET_MAX];

    for (int i = 0; i < AT_ONCE; i++) {
        ssize_t n = read(me.tun[from], b, sizeof b);
        size_t  to;

        if (n <= 0)
            return;
        if (n < 20 || b[0] >> 4 != 4 || b[16] != 10 || b[17] != 77 || b[18])
            continue;
        to = (size_t)b[19] - 1;
        if (b[19] == 0 || to >= me.hosts)
            continue;
        send_one(&me.way[from][to], to, b, (size_t)n, now);
        if (roll(LOSS_OF) < me.way[from][to].dup)
            send_one(&me.way[from][to], to, b, (size_t)n, now);
    }
}

/* ---- commands ---- */

static void command(const char *line)
{
    struct way w;
    size_t     from, to;

    if (sscanf(line, "link %zu %zu %u %u %u %u", &from, &to, &w.delay_ms,
               &w.jitter_ms, &w.loss, &w.dup) == 6 &&
        from >= 1 && from <= me.hosts && to >= 1 && to <= me.hosts) {
        me.way[from - 1][to - 1] = w;
        printf("ok\n");
    } else if (strcmp(line, "count") == 0) {
        printf("count %llu %llu\n", (unsigned long long)me.carried,
               (unsigned long long)me.lost);
    } else {
        printf("what? %s\n", line);
    }
    fflush(stdout);
}

static void take_commands(void)
{
    ssize_t n =
        read(STDIN_FILENO, me.line + me.line_n, sizeof me.line - me.line_n - 1);
    char *end;

    if (n <= 0)
        exit(0);
    me.line_n += (size_t)n;
    me.line[me.line_n] = 0;
    while ((end = strchr(me.line, '\n'))) {
        *end = 0;
        command(me.line);
        me.line_n -= (size_t)(end + 1 - me.line);
        memmove(me.line, end + 1, me.line_n + 1);
    }
    if (me.line_n + 1 == sizeof me.line)
        exit(1);
}

/* ---- all of it ---- */

static void turn(void)
{
    struct pollfd   p[HOSTS_MAX + 1] = { { STDIN_FILENO, POLLIN, 0 } };
    struct timespec wait             = { 60, 0 };
    uint64_t        now              = now_us();

    for (size_t i = 0; i < me.hosts; i++)
        p[i + 1] = (struct pollfd){ me.tun[i], POLLIN, 0 };
    if (me.n > 0) {
        uint64_t due  = me.waiting[0]->due_us;
        uint64_t left = due > now ? due - now : 0;

        wait.tv_sec  = (time_t)(left / 1000000);
        wait.tv_nsec = (long)(left % 1000000 * 1000);
    }
    if (ppoll(p, me.hosts + 1, &wait, NULL) < 0 && errno != EINTR)
        exit(1);
    now = now_us();
    for (size_t i = 0; i < me.hosts; i++)
        if (p[i + 1].revents & POLLIN)
            take(i, now);
    deliver(now);
    if (p[0].revents)
        take_commands();
}

int main(int argc, char **argv)
{
    unsigned long long seed = 0;

    if (argc != 3 || sscanf(argv[1], "%zu", &me.hosts) != 1 || me.hosts < 1 ||
        me.hosts > HOSTS_MAX || sscanf(argv[2], "%llu", &seed) != 1) {
        fprintf(stderr, "tapwire HOSTS SEED\n");
        return 2;
    }
    me.dice = seed;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < me.hosts; i++)
        make_host(i);
    printf("ready\n");
    fflush(stdout);
    for (;;)
        turn();
}
