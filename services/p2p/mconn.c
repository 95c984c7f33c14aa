#include "p2p/mconn.h"

#include "wire/p2p.h"

enum {
    BATCH_PACKETS = 10,
    HEAD_MAX      = 24,       /* of a packet, before its data */
    KEPT_BYTES    = 1 << 16,  /* a larger empty buffer is given back */
    ARENA_BYTES   = 24 << 10, /* the smallest packets, as many as fit */
};

#define FADE_US UINT64_C(2000000)

static size_t packet_body_max(size_t payload)
{
    struct packet_msg msg = { .channel_id = 1,
                              .eof        = true,
                              .data       = { NULL, payload } };
    struct packet     p   = { .which = PACKET_MSG, .packet_msg = &msg };

    return pb_size(&packet_desc, &p);
}

void mconn_init(struct mconn *m, const struct mconn_config *config,
                const struct mconn_channel *channels, size_t n,
                struct span open, uint64_t now_us)
{
    must(n <= MCONN_LANES_MAX);
    memset(m, 0, sizeof *m);
    m->config     = *config;
    m->packet_max = packet_body_max(config->recv_payload_max);
    m->lane_count = n;
    for (size_t i = 0; i < n; i++) {
        struct mconn_lane *l = &m->lane[i];

        must(channels[i].priority > 0);
        l->desc    = channels[i];
        l->is_open = memchr(open.p, channels[i].id, open.n) != NULL;
        buf_init(&l->recv, channels[i].recv_max);
    }
    budget_init(&m->send, config->send_rate, now_us);
    budget_init(&m->recv, config->recv_rate, now_us);
    m->fade_us = now_us + FADE_US;
    m->ping_us = now_us + config->ping_us;
}

void mconn_fini(struct mconn *m)
{
    for (size_t i = 0; i < m->lane_count; i++) {
        parcels_fini(&m->lane[i].queue);
        buf_fini(&m->lane[i].recv);
    }
    m->lane_count = 0;
}

static struct mconn_lane *lane_of(struct mconn *m, int32_t channel)
{
    for (size_t i = 0; i < m->lane_count; i++)
        if (m->lane[i].desc.id == channel)
            return &m->lane[i];
    return NULL;
}

/* ---- sending ---- */

enum mconn_queued mconn_queue(struct mconn *m, uint8_t channel,
                              struct parcel *p)
{
    struct mconn_lane *l = lane_of(m, channel);

    if (!l || !l->is_open)
        return MCONN_CLOSED;
    if (l->queued > MCONN_FULL_BYTES || l->queue.count >= MCONN_FULL_COUNT)
        return MCONN_FULL;
    parcels_push(&l->queue, p);
    l->queued += p->n;
    return MCONN_QUEUED;
}

bool mconn_has_output(const struct mconn *m)
{
    if (m->owes_ping || m->owes_pong)
        return true;
    for (size_t i = 0; i < m->lane_count; i++)
        if (m->lane[i].queue.count > 0)
            return true;
    return false;
}

/* The lane with the least recently_sent / priority; the first of equals. */
static struct mconn_lane *next_lane(struct mconn *m)
{
    struct mconn_lane *best = NULL;

    for (size_t i = 0; i < m->lane_count; i++) {
        struct mconn_lane *l = &m->lane[i];

        if (l->queue.count > 0 &&
            (!best || l->recently_sent * best->desc.priority <
                          best->recently_sent * l->desc.priority))
            best = l;
    }
    return best;
}

/* Everything of a packet that stands before its data. */
static size_t packet_head(uint8_t head[HEAD_MAX], uint8_t channel, bool is_last,
                          size_t n)
{
    uint8_t    inner[HEAD_MAX];
    struct buf in, out;

    buf_use(&in, inner, sizeof inner);
    if (channel) {
        buf_byte(&in, 0x08);
        buf_uvarint(&in, channel);
    }
    if (is_last) {
        buf_byte(&in, 0x10);
        buf_byte(&in, 1);
    }
    if (n) {
        buf_byte(&in, 0x1a);
        buf_uvarint(&in, n);
    }
    buf_use(&out, head, HEAD_MAX);
    buf_byte(&out, 0x1a); /* Packet.packet_msg, behind the length later */
    buf_uvarint(&out, in.len + n);
    buf_add(&out, buf_span(&in));
    must(!in.is_full && !out.is_full);
    return out.len;
}

static size_t write_packet(const struct mconn *m, struct mconn_lane *l,
                           struct buf *out)
{
    struct parcel *p    = parcels_first(&l->queue);
    size_t         left = p->n - l->sent, before = out->len;
    bool           is_last = left <= m->config.payload_max;
    size_t         n       = is_last ? left : m->config.payload_max;
    uint8_t        head[HEAD_MAX];
    size_t         head_n = packet_head(head, l->desc.id, is_last, n);

    buf_uvarint(out, head_n + n);
    buf_add(out, SPAN(head, head_n));
    buf_add(out, SPAN(p->bytes + l->sent, n));
    l->sent += n;
    if (is_last) {
        l->queued -= p->n;
        l->sent = 0;
        parcels_pop(&l->queue);
    }
    l->recently_sent += out->len - before;
    return out->len - before;
}

static void write_signal(struct mconn *m, struct buf *out, bool *owes,
                         uint8_t tag)
{
    uint8_t packet[3] = { 2, tag, 0 };

    if (!*owes)
        return;
    buf_add(out, SPAN_OF(packet));
    budget_spend(&m->send, sizeof packet);
    *owes = false;
}

void mconn_write(struct mconn *m, struct buf *out, size_t max)
{
    struct mconn_lane *l = NULL;

    write_signal(m, out, &m->owes_pong, 0x12);
    write_signal(m, out, &m->owes_ping, 0x0a);
    while (out->len < max && budget_may(&m->send)) {
        for (int i = 0; i < BATCH_PACKETS; i++) {
            l = next_lane(m);
            if (!l)
                return;
            budget_spend(&m->send, write_packet(m, l, out));
        }
    }
}

size_t mconn_turned(struct mconn *m, uint8_t ids[MCONN_LANES_MAX],
                    bool is_busy[MCONN_LANES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < m->lane_count; i++) {
        struct mconn_lane *l    = &m->lane[i];
        bool               busy = l->is_busy ? l->queued >= MCONN_READY_BYTES
                                             : l->queued > MCONN_BUSY_BYTES;

        if (busy == l->is_busy)
            continue;
        l->is_busy   = busy;
        ids[n]       = l->desc.id;
        is_busy[n++] = busy;
    }
    return n;
}

/* ---- receiving ---- */

static enum mconn_got broken(struct mconn *m, const char *why)
{
    m->why = why;
    return MCONN_BROKEN;
}

/* Room for the next message where the last one was given out. */
static void reuse(struct mconn_lane *l)
{
    if (!l->is_delivered)
        return;
    l->is_delivered = false;
    if (l->recv.cap > KEPT_BYTES) {
        buf_fini(&l->recv);
        buf_init(&l->recv, l->desc.recv_max);
    }
    buf_clear(&l->recv);
}

/* A message in one packet is given out where it stands. */
static enum mconn_got take_message(struct mconn *m, const struct packet_msg *p,
                                   struct mconn_message *out)
{
    struct mconn_lane *l = lane_of(m, p->channel_id);

    if (!l)
        return broken(m, "unknown channel");
    reuse(l);
    if (p->data.n > l->desc.recv_max - l->recv.len)
        return broken(m, "message above the channel's limit");
    out->channel = l->desc.id;
    out->bytes   = p->data;
    if (p->eof && l->recv.len == 0)
        return MCONN_MESSAGE;
    buf_add(&l->recv, p->data);
    if (l->recv.is_full)
        return broken(m, "no memory for a message");
    out->bytes      = buf_span(&l->recv);
    l->is_delivered = p->eof;
    return p->eof ? MCONN_MESSAGE : MCONN_WAIT;
}

static enum mconn_got take_packet(struct mconn *m, struct span body,
                                  struct mconn_message *out)
{
    uint8_t       mem[ARENA_BYTES];
    struct arena  a;
    struct packet p;

    arena_use(&a, mem, sizeof mem);
    if (pb_decode(&packet_desc, &p, &a, body) != ACCEPT)
        return broken(m, "malformed packet");
    switch (p.which) {
    case PACKET_PING: m->owes_pong = true; return MCONN_WAIT;
    case PACKET_PONG: m->pong_us = 0; return MCONN_WAIT;
    case PACKET_MSG: return take_message(m, p.packet_msg, out);
    case PACKET_NONE: break;
    }
    return broken(m, "packet of no known kind");
}

enum mconn_got mconn_read(struct mconn *m, struct span *in,
                          struct mconn_message *out)
{
    enum mconn_got got = MCONN_WAIT;

    while (got == MCONN_WAIT) {
        size_t      before = in->n;
        struct span body;
        enum reject r = pb_delimited_read(in, m->packet_max, &body);

        if (r == REJECT_MISSING)
            return MCONN_WAIT;
        if (r != ACCEPT)
            return broken(m, "packet above the limit");
        budget_spend(&m->recv, before - in->n);
        got = take_packet(m, body, out);
    }
    return got;
}

size_t mconn_held(const struct mconn *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->lane_count; i++)
        n += m->lane[i].recv.cap;
    return n;
}

/* ---- time ---- */

static void fade(struct mconn *m)
{
    for (size_t i = 0; i < m->lane_count; i++)
        m->lane[i].recently_sent = m->lane[i].recently_sent / 5 * 4;
}

bool mconn_time(struct mconn *m, uint64_t now_us)
{
    budget_time(&m->send, now_us);
    budget_time(&m->recv, now_us);
    if (now_us >= m->fade_us) {
        fade(m);
        m->fade_us = now_us + FADE_US;
    }
    if (m->pong_us && now_us >= m->pong_us) {
        m->why = "no pong";
        return false;
    }
    if (now_us >= m->ping_us) {
        m->owes_ping = true;
        m->ping_us   = now_us + m->config.ping_us;
        m->pong_us   = now_us + m->config.pong_us;
    }
    return true;
}

void mconn_excuse(struct mconn *m, uint64_t now_us)
{
    if (m->pong_us)
        m->pong_us = now_us + m->config.pong_us;
}

static uint64_t until(uint64_t at_us, uint64_t now_us)
{
    return at_us > now_us ? at_us - now_us : 0;
}

uint64_t mconn_wait(const struct mconn *m, uint64_t now_us)
{
    uint64_t wait = until(m->ping_us, now_us);

    if (m->pong_us && until(m->pong_us, now_us) < wait)
        wait = until(m->pong_us, now_us);
    if (mconn_has_output(m) && !budget_may(&m->send) &&
        budget_wait(&m->send) < wait)
        wait = budget_wait(&m->send);
    if (!budget_may(&m->recv) && budget_wait(&m->recv) < wait)
        wait = budget_wait(&m->recv);
    return wait;
}
