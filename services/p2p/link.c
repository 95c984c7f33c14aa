#include "p2p/link.h"

#include "crypto/random.h"
#include "p2p/netaddr.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    OUT_WINDOW    = 256 << 10, /* bytes that may wait in the stream */
    OUT_AT_ONCE   = 64 << 10,
    OUT_MAX       = 4 * OUT_WINDOW,
    IN_MAX        = 256 << 10,
    PLAIN_MAX     = 64 << 10, /* besides a whole packet */
    OUT_ROOM      = 16 << 10, /* of a batch of packets */
    FLUSH_MS      = 5000,     /* for what is queued when a link is to end */
    END_MS        = 2000,     /* and then for what the stream holds */
    GREETING_ROOM = 32 << 10,
    COMPANY_US    = 5000,
};

/* ---- time and output ---- */

static void leave(struct link *l)
{
    if (--l->depth == 0 && l->is_closed)
        free(l);
}

static void gone(struct link *l, const char *why, bool is_fault)
{
    if (!l->is_closed)
        l->config->fns->on_gone(l->config->ctx, l, why, is_fault);
}

static bool is_starved(const struct link *l)
{
    return !budget_may(&l->mconn.recv);
}

/* Every look at the clock goes through here.  Budgets fill up by it, and what
 * waits for a budget is looked at by on_turn alone: whoever lets time pass is
 * on_turn, or sets it when something waits. */
static bool pass_time(struct link *l, uint64_t now)
{
    if (l->is_held) /* a pong may be among what is not read */
        mconn_excuse(&l->mconn, now);
    if (mconn_time(&l->mconn, now))
        return true;
    gone(l, l->mconn.why, false);
    return false;
}

static void arm(struct link *l, uint64_t now)
{
    uint64_t wait = mconn_wait(&l->mconn, now);

    if (l->is_ending && l->end_us < now + wait)
        wait = l->end_us > now ? l->end_us - now : 0;
    if (l->timer_us > now && l->timer_us <= now + wait)
        return;
    l->timer_us = now + wait;
    timer_set(&l->timer, wait);
}

static void report_room(struct link *l)
{
    uint8_t ids[MCONN_LANES_MAX];
    bool    is_busy[MCONN_LANES_MAX];
    size_t  n = mconn_turned(&l->mconn, ids, is_busy);

    for (size_t i = 0; i < n && !l->is_closed; i++)
        l->config->fns->on_room(l->config->ctx, l, ids[i], is_busy[i]);
}

/* Packets into frames into the stream, as much as it takes.  The stream tells
 * when it falls to its window from above: at the window we go on by ourselves.
 */
static void write_out(struct link *l)
{
    static uint8_t plain_mem[OUT_AT_ONCE + OUT_ROOM];
    static uint8_t wire_mem[2 * (OUT_AT_ONCE + OUT_ROOM)];

    while (stream_pending(l->stream) <= OUT_WINDOW) {
        struct buf plain, wire;

        buf_use(&plain, plain_mem, sizeof plain_mem);
        buf_use(&wire, wire_mem, sizeof wire_mem);
        mconn_write(&l->mconn, &plain, OUT_AT_ONCE);
        if (plain.len == 0)
            return;
        secret_write(&l->greet.secret, &wire, buf_span(&plain));
        must(!plain.is_full && !wire.is_full);
        must(stream_write(l->stream, buf_span(&wire)));
        l->bytes_out += plain.len;
    }
}

/* ---- input ---- */

static void compact(struct link *l)
{
    if (l->plain_from == 0)
        return;
    l->plain.len -= l->plain_from;
    if (l->plain.len > 0)
        memmove(l->plain.p, l->plain.p + l->plain_from, l->plain.len);
    l->plain_from = 0;
}

/* Messages out of what is decrypted; false when delivery stops here. */
static bool deliver(struct link *l)
{
    struct mconn_message msg;
    enum mconn_got       got;

    while (!l->is_held && !l->is_ending && !is_starved(l)) {
        struct span in =
            SPAN(l->plain.p + l->plain_from, l->plain.len - l->plain_from);
        size_t before = in.n;

        got = mconn_read(&l->mconn, &in, &msg);
        l->plain_from += before - in.n;
        l->bytes_in += before - in.n;
        if (got == MCONN_WAIT)
            return true;
        if (got == MCONN_BROKEN) {
            gone(l, l->mconn.why, true);
            return false;
        }
        if (!l->config->fns->on_message(l->config->ctx, l, msg.channel,
                                        msg.bytes))
            l->is_held = true;
        if (l->is_closed)
            return false;
    }
    return false;
}

static void tell_held(struct link *l)
{
    size_t held = mconn_held(&l->mconn);

    if (held > l->held)
        l->config->fns->on_held(l->config->ctx);
    l->held = held;
}

/* What a peer sent.  Whatever may not be delivered now stays where it is:
 * until the owner resumes, or on_turn finds the budget filled up. */
static void take_data(struct link *l, struct span *in)
{
    static uint8_t none[1];
    struct buf     out;

    buf_use(&out, none, 0);
    while (!l->is_closed) {
        size_t before = in->n;

        if (!deliver(l))
            break;
        compact(l);
        if (secret_read(&l->greet.secret, in, &l->plain, &out) != ACCEPT) {
            gone(l, l->greet.secret.why, true);
            break;
        }
        if (in->n == before)
            break;
    }
    if (l->is_closed)
        return;
    tell_held(l);
    compact(l);
    stream_pause(l->stream, l->is_held || l->is_ending || is_starved(l));
}

/* True while the greeting goes on or has just succeeded. */
static bool take_greeting(struct link *l, struct span *in)
{
    uint8_t            mem[GREETING_ROOM];
    struct buf         out;
    enum greet_verdict v;

    buf_use(&out, mem, sizeof mem);
    v = greet_read(&l->greet, in, &l->plain, &out);
    if (out.len > 0 && !stream_write(l->stream, buf_span(&out)))
        v = GREET_MALFORMED;
    if (v != GREET_WAIT)
        l->config->fns->on_greeted(l->config->ctx, l, v);
    return !l->is_closed;
}

static size_t on_data(void *ctx, struct span in)
{
    struct link *l     = ctx;
    size_t       given = in.n;

    l->depth++;
    if ((l->is_up || (take_greeting(l, &in) && l->is_up)) &&
        pass_time(l, now_us()))
        take_data(l, &in);
    if (!l->is_closed && l->is_up &&
        (is_starved(l) || (mconn_has_output(&l->mconn) && !l->company_us)))
        deferred_set(&l->turn);
    leave(l);
    return given - in.n;
}

/* ---- turns ---- */

/* All that waits for a moment, at one reading of the clock: input, output,
 * and then the next moment.  Nothing is left waiting for one that passed. */
static void on_turn(void *ctx)
{
    struct link *l    = ctx;
    struct span  none = SPAN(NULL, 0);
    uint64_t     now  = now_us();

    if (!l->is_up || l->is_closed)
        return;
    l->depth++;
    if (l->company_us)
        l->timer_us = 0;
    l->company_us = 0;
    if (pass_time(l, now))
        take_data(l, &none);
    if (!l->is_closed)
        write_out(l);
    if (!l->is_closed && l->is_ending &&
        (!mconn_has_output(&l->mconn) || now >= l->end_us))
        gone(l, "parted", false);
    if (!l->is_closed)
        report_room(l);
    if (!l->is_closed)
        arm(l, now);
    leave(l);
}

static void on_timer(void *ctx)
{
    struct link *l = ctx;

    l->timer_us = 0;
    on_turn(l);
}

void link_resume(struct link *l)
{
    if (!l->is_held || l->is_closed)
        return;
    mconn_excuse(&l->mconn, now_us());
    l->is_held = false;
    deferred_set(&l->turn);
}

/* ---- the stream ---- */

static void on_drain(void *ctx)
{
    struct link *l = ctx;

    deferred_set(&l->turn);
}

static void on_stream_close(void *ctx, const char *why)
{
    struct link *l = ctx;

    l->stream = NULL;
    l->depth++;
    gone(l, why, false);
    leave(l);
}

static void start_greeting(struct link *l)
{
    uint8_t    ephemeral[32], mem[64];
    struct buf out;

    random_bytes(ephemeral, sizeof ephemeral);
    buf_use(&out, mem, sizeof mem);
    greet_init(&l->greet, l->config->self, l->has_dialled ? l->dialled : NULL,
               ephemeral, &out);
    explicit_bzero(ephemeral, sizeof ephemeral);
    must(stream_write(l->stream, buf_span(&out)));
}

static bool peer_ip(int fd, uint8_t ip[IP_BYTES])
{
    struct sockaddr_storage    sa;
    socklen_t                  n  = sizeof sa;
    const struct sockaddr_in  *v4 = (const void *)&sa;
    const struct sockaddr_in6 *v6 = (const void *)&sa;

    if (getpeername(fd, (struct sockaddr *)&sa, &n) != 0)
        return false;
    if (sa.ss_family == AF_INET6) {
        memcpy(ip, &v6->sin6_addr, IP_BYTES);
        return true;
    }
    memset(ip, 0, 10);
    ip[10] = ip[11] = 0xff;
    memcpy(ip + 12, &v4->sin_addr, 4);
    return sa.ss_family == AF_INET;
}

static void on_open(void *ctx)
{
    struct link *l = ctx;
    uint8_t      ip[IP_BYTES];

    l->depth++;
    if (!peer_ip(stream_fd(l->stream), ip)) {
        gone(l, "no address", false);
    } else {
        ip_print(l->ip, ip);
        start_greeting(l);
        l->config->fns->on_connected(l->config->ctx, l, ip);
    }
    leave(l);
}

/* ---- opening and closing ---- */

static const struct stream_fns stream_fns = { .on_open  = on_open,
                                              .on_data  = on_data,
                                              .on_drain = on_drain,
                                              .on_close = on_stream_close };

static struct link *link_new(const struct link_config *config, uint64_t number)
{
    struct link *l = calloc(1, sizeof *l);

    must(l != NULL);
    l->config = config;
    l->number = number;
    buf_init(&l->plain, PLAIN_MAX + config->mconn->recv_payload_max);
    timer_init(&l->timer, config->loop, on_timer, l);
    deferred_init(&l->turn, config->loop, on_turn, l);
    return l;
}

struct link *link_accept(const struct link_config *config, uint64_t number,
                         int fd, const char *ip)
{
    struct link *l = link_new(config, number);

    snprintf(l->ip, sizeof l->ip, "%s", ip);
    l->stream = stream_adopt(config->loop, fd, &stream_fns, l);
    stream_limits(l->stream, OUT_MAX, IN_MAX);
    start_greeting(l);
    return l;
}

struct link *link_dial(const struct link_config *config, uint64_t number,
                       const uint8_t id[ADDRESS_BYTES], const char *address)
{
    struct link *l = link_new(config, number);

    l->has_dialled = true;
    memcpy(l->dialled, id, ADDRESS_BYTES);
    l->stream =
        stream_connect(config->loop, address, config->dial_ms, &stream_fns, l);
    stream_limits(l->stream, OUT_MAX, IN_MAX);
    return l;
}

void link_up(struct link *l)
{
    uint64_t now = now_us();

    mconn_init(&l->mconn, l->config->mconn, l->config->channels,
               l->config->channel_count, l->greet.info.channels, now);
    l->is_up = true;
    l->up_us = now;
    arm(l, now);
}

/* The end of a connection stands behind what is unacknowledged, which is sent
 * again later and later.  Where the way was cut and has healed, the other side
 * would take us for connected all that time, and refuse us. */
static void end_at_once(struct link *l)
{
    struct linger hard = { .l_onoff = 1 };

    setsockopt(stream_fd(l->stream), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    stream_close(l->stream);
}

void link_close(struct link *l)
{
    if (l->is_closed)
        return;
    l->is_closed = true;
    if (l->stream && link_is_silent(l, LINK_SILENT_MS))
        end_at_once(l);
    else if (l->stream && l->is_ending)
        stream_close_flushed(l->stream, END_MS);
    else if (l->stream)
        stream_close(l->stream);
    l->stream = NULL;
    timer_fini(&l->timer);
    deferred_fini(&l->turn);
    mconn_fini(&l->mconn);
    greet_fini(&l->greet);
    buf_fini(&l->plain);
    if (l->depth == 0)
        free(l);
}

void link_end(struct link *l)
{
    l->is_ending = true;
    l->end_us    = now_us() + (uint64_t)FLUSH_MS * 1000;
    deferred_set(&l->turn);
}

static bool is_patient(const struct link *l, uint8_t channel)
{
    struct span ids = l->config->patient;

    return ids.n > 0 && memchr(ids.p, channel, ids.n) != NULL;
}

static void wait_for_company(struct link *l)
{
    uint64_t now = now_us();

    if (l->company_us)
        return;
    l->company_us = now + COMPANY_US;
    if (l->timer_us > now && l->timer_us <= l->company_us)
        return;
    l->timer_us = l->company_us;
    timer_set(&l->timer, COMPANY_US);
}

enum mconn_queued link_send(struct link *l, uint8_t channel, struct parcel *p)
{
    bool may_wait = l->is_up && is_patient(l, channel) &&
                    (l->company_us || !mconn_has_output(&l->mconn));
    enum mconn_queued q =
        l->is_up ? mconn_queue(&l->mconn, channel, p) : MCONN_CLOSED;

    if (q == MCONN_QUEUED && may_wait)
        wait_for_company(l);
    else if (q == MCONN_QUEUED)
        deferred_set(&l->turn);
    return q;
}

bool link_is_silent(const struct link *l, uint32_t ms)
{
    struct tcp_info info;
    socklen_t       n = sizeof info;

    return l->stream &&
           getsockopt(stream_fd(l->stream), IPPROTO_TCP, TCP_INFO, &info, &n) ==
               0 &&
           info.tcpi_unacked > 0 && info.tcpi_last_ack_recv > ms;
}
