/* load: sends transactions to a node as fast as it takes them, or at a rate.
 *
 *   load PORT[,PORT...] COUNT SIZE CONNECTIONS BATCH RATE METHOD PREFIX
 *   load PORT COUNT ... - < FILE   (base64 transactions, one a line)
 *
 * COUNT key=value transactions of SIZE bytes, BATCH of them in one JSON-RPC
 * batch, RATE a second (0: no limit), the ports taken in turn by the
 * connections.  Prints accepted, refused, seconds and when it began by the
 * monotonic clock.  A batch wholly refused (a full mempool) is followed by a
 * short pause.  It is cheap on purpose: blocking sockets, one thread a
 * connection. */
#include "base/buf.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX  = 64,
    PORTS_MAX        = 16,
    REPLY_BYTES      = 1 << 22,
    REFUSED_PAUSE_US = 20000
};

struct plan {
    uint16_t    ports[PORTS_MAX];
    long        n_ports;
    long        count, size, batch, rate, connections;
    const char *method, *prefix;
    char      **given; /* base64 lines, or NULL */
};

struct worker {
    const struct plan *plan;
    pthread_t          thread;
    long               first, count, accepted, refused;
    uint16_t           port;
    double             start; /* when the first is due */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add_tx(struct buf *b, const struct plan *p, long i)
{
    char   tx[65536];
    size_t n;

    if (p->given) {
        buf_str(b, p->given[i]);
        return;
    }
    n = (size_t)snprintf(tx, sizeof tx, "%s%09ld=", p->prefix, i);
    while (n < (size_t)p->size && n < sizeof tx)
        tx[n++] = 'x';
    buf_base64(b, SPAN(tx, n));
}

static void make_request(struct buf *out, const struct plan *p, long first,
                         long n)
{
    struct buf body;

    buf_init(&body, 1 << 26);
    if (n > 1)
        buf_byte(&body, '[');
    for (long i = 0; i < n; i++) {
        buf_printf(&body,
                   "%s{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\","
                   "\"params\":{\"tx\":\"",
                   i ? "," : "", p->method);
        add_tx(&body, p, first + i);
        buf_str(&body, "\"}}");
    }
    if (n > 1)
        buf_byte(&body, ']');
    buf_clear(out);
    buf_printf(out,
               "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
               "\r\nContent-Length: %zu\r\n\r\n",
               body.len);
    buf_add(out, buf_span(&body));
    buf_fini(&body);
}

static bool send_all(int fd, struct span s)
{
    while (s.n) {
        ssize_t k = send(fd, s.p, s.n, MSG_NOSIGNAL);

        if (k <= 0)
            return false;
        s = SPAN(s.p + k, s.n - (size_t)k);
    }
    return true;
}

/* One reply; its body's end, or NULL. */
static char *receive(int fd, char *text)
{
    size_t n = 0, want = 0;

    for (;;) {
        ssize_t k = recv(fd, text + n, REPLY_BYTES - 1 - n, 0);
        char   *head;

        if (k <= 0)
            return NULL;
        n += (size_t)k;
        text[n] = 0;
        head    = strstr(text, "\r\n\r\n");
        if (head && !want) {
            const char *len = strstr(text, "Content-Length: ");

            want = (size_t)(head + 4 - text) +
                   (len ? strtoul(len + 16, NULL, 10) : 0);
        }
        if (want && n >= want)
            return text;
    }
}

/* How many were taken. */
static long tally(struct worker *w, const char *reply, long sent)
{
    long ok = 0;

    for (const char *p = reply; (p = strstr(p, "\"code\":0")); p += 8)
        ok++;
    w->accepted += ok;
    w->refused += sent - ok;
    return ok;
}

static void *work(void *ctx)
{
    struct worker     *w    = ctx;
    const struct plan *p    = w->plan;
    struct sockaddr_in a    = { .sin_family = AF_INET,
                                .sin_port   = htons(w->port) };
    char              *text = malloc(REPLY_BYTES);
    struct buf         req;
    int                fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    buf_init(&req, 1 << 26);
    if (!text || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        return NULL;
    for (long i = 0; i < w->count; i += p->batch) {
        long n = w->count - i < p->batch ? w->count - i : p->batch;

        if (p->rate) {
            double due =
                w->start + (double)i * (double)p->connections / (double)p->rate;
            double wait = due - now();

            if (wait > 0)
                usleep((useconds_t)(wait * 1e6));
        }
        make_request(&req, p, w->first + i, n);
        if (!send_all(fd, buf_span(&req)) || !receive(fd, text)) {
            w->refused += w->count - i;
            break;
        }
        if (tally(w, text, n) == 0)
            usleep(REFUSED_PAUSE_US);
    }
    buf_fini(&req);
    free(text);
    close(fd);
    return NULL;
}

static char **read_lines(long *count)
{
    char  **lines = NULL, *line = NULL;
    size_t  cap = 0;
    ssize_t n;

    *count = 0;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        lines = realloc(lines, (size_t)(*count + 1) * sizeof *lines);
        must(lines != NULL);
        line[strcspn(line, "\n")] = 0;
        lines[(*count)++]         = strdup(line);
    }
    free(line);
    return lines;
}

static void read_ports(struct plan *p, const char *text)
{
    char *end = NULL;

    for (; p->n_ports < PORTS_MAX; text = end + 1) {
        p->ports[p->n_ports++] = (uint16_t)strtoul(text, &end, 10);
        if (*end != ',')
            break;
    }
}

int main(int argc, char **argv)
{
    struct worker workers[CONNECTIONS_MAX] = { 0 };
    struct plan   p;
    long          accepted = 0, refused = 0, first = 0;
    double        start;

    if (argc != 9) {
        fprintf(stderr,
                "load PORT[,PORT...] COUNT SIZE CONNECTIONS BATCH RATE METHOD "
                "PREFIX|-\n");
        return 2;
    }
    p = (struct plan){ .count       = atol(argv[2]),
                       .size        = atol(argv[3]),
                       .connections = atol(argv[4]),
                       .batch       = atol(argv[5]),
                       .rate        = atol(argv[6]),
                       .method      = argv[7],
                       .prefix      = argv[8] };
    read_ports(&p, argv[1]);
    if (strcmp(p.prefix, "-") == 0)
        p.given = read_lines(&p.count);
    must(p.connections > 0 && p.connections <= CONNECTIONS_MAX && p.batch > 0);
    start = now();
    for (long i = 0; i < p.connections; i++) {
        struct worker *w = &workers[i];

        *w       = (struct worker){ .plan  = &p,
                                    .first = first,
                                    .port  = p.ports[i % p.n_ports],
                                    .start = start };
        w->count = p.count / p.connections + (i < p.count % p.connections);
        first += w->count;
        pthread_create(&w->thread, NULL, work, w);
    }
    for (long i = 0; i < p.connections; i++) {
        pthread_join(workers[i].thread, NULL);
        accepted += workers[i].accepted;
        refused += workers[i].refused;
    }
    printf("{\"accepted\": %ld, \"refused\": %ld, \"seconds\": %.3f, "
           "\"start\": %.6f}\n",
           accepted, refused, now() - start, start);
    return 0;
}
