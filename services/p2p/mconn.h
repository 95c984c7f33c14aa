/* mconn - many channels of messages over one stream of packets: bytes in,
 * bytes out, no sockets and no clock.
 *
 * Source:  CometBFT v0.38 p2p/conn/connection.go.
 * Shapes:  messages are cut into packets of at most payload_max bytes.  The
 *          next packet is of the channel that has lately sent least for its
 *          priority; ten go out before the budget is asked again.
 * Units:   microseconds of a monotonic clock; bytes per second.
 * Memory:  what waits to be sent is shared between peers (parcel.h); what is
 *          being put together grows up to the channel's recv_max. */
#ifndef WARREN_P2P_MCONN_H
#define WARREN_P2P_MCONN_H

#include "base/buf.h"
#include "base/limits.h"
#include "p2p/budget.h"
#include "p2p/parcel.h"

struct mconn_channel {
    uint8_t id;
    uint8_t priority;
    size_t  queue_max; /* messages; CometBFT's, for display */
    size_t  recv_max;  /* bytes of one message */
};

struct mconn_config {
    size_t   payload_max;          /* of a packet that we send */
    size_t   recv_payload_max;     /* of one that we take */
    int64_t  send_rate, recv_rate; /* 0: no limit */
    uint64_t ping_us, pong_us;
};

enum {
    MCONN_LANES_MAX = NODE_INFO_CHANNELS_MAX,
    /* A lane with more waiting than BUSY is announced as busy until it has
     * less than READY; one with more than FULL takes nothing. */
    MCONN_BUSY_BYTES  = 1 << 20,
    MCONN_READY_BYTES = 1 << 18,
    MCONN_FULL_BYTES  = 64 << 20,
    MCONN_FULL_COUNT  = 1 << 18,
};

struct mconn_lane {
    struct mconn_channel desc;
    bool                 is_open; /* the other side listens on it */
    bool                 is_busy;
    struct parcels       queue;
    size_t               sent;   /* bytes of the first parcel */
    size_t               queued; /* bytes in all */
    uint64_t             recently_sent;
    struct buf           recv;
    bool                 is_delivered; /* recv holds a message given out */
};

struct mconn {
    struct mconn_config config;
    size_t              packet_max; /* body of the largest packet */
    struct mconn_lane   lane[MCONN_LANES_MAX];
    size_t              lane_count;
    struct budget       send, recv;
    uint64_t            fade_us, ping_us; /* when due */
    uint64_t            pong_us;          /* when late; 0: none is owed */
    bool                owes_ping, owes_pong;
    const char         *why; /* static; once broken */
};

/* mconn_init - speaks the n channels; sends on those of open. */
void mconn_init(struct mconn *m, const struct mconn_config *config,
                const struct mconn_channel *channels, size_t n,
                struct span open, uint64_t now_us);
void mconn_fini(struct mconn *m);

/* ---- sending ---- */

enum mconn_queued { MCONN_QUEUED, MCONN_CLOSED, MCONN_FULL };

/* mconn_queue - have p sent; keeps a reference.  MCONN_CLOSED when the other
 * side does not listen on the channel. */
enum mconn_queued mconn_queue(struct mconn *m, uint8_t channel,
                              struct parcel *p);
bool              mconn_has_output(const struct mconn *m);

/* mconn_write - append packets to out until it holds max bytes, nothing is
 * left or the budget is spent.  The last batch may go beyond max: out must
 * have room for ten packets more. */
void mconn_write(struct mconn *m, struct buf *out, size_t max);

/* mconn_turned - channels whose is_busy changed since the last call, at most
 * MCONN_LANES_MAX of them; returns how many. */
size_t mconn_turned(struct mconn *m, uint8_t ids[MCONN_LANES_MAX],
                    bool is_busy[MCONN_LANES_MAX]);

/* ---- receiving ---- */

enum mconn_got { MCONN_WAIT, MCONN_MESSAGE, MCONN_BROKEN };

struct mconn_message {
    uint8_t     channel;
    struct span bytes; /* borrowed until the next call */
};

/* mconn_read - take packets off the front of *in, up to a whole message.
 *
 * MCONN_WAIT: bring more bytes behind those left.  MCONN_BROKEN: the other
 * side broke a rule, named by m->why; the connection must end. */
NODISCARD enum mconn_got mconn_read(struct mconn *m, struct span *in,
                                    struct mconn_message *out);

/* mconn_held - bytes of messages that are not whole yet. */
size_t mconn_held(const struct mconn *m);

/* ---- time ---- */

/* mconn_time - let time pass: budgets, fading, pings.  False when a pong is
 * overdue. */
NODISCARD bool mconn_time(struct mconn *m, uint64_t now_us);

/* mconn_excuse - nothing was read from the other side for reasons of ours:
 * its pong is due later. */
void mconn_excuse(struct mconn *m, uint64_t now_us);

/* mconn_wait - microseconds until mconn_time, or a budget that was spent,
 * asks for attention. */
uint64_t mconn_wait(const struct mconn *m, uint64_t now_us);

#endif
