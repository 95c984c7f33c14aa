/* peers - a reactor's side of p2p: who is connected, what they say, what is
 * said to them.
 *
 * Source:  proto/p2p.proto.
 * Shapes:  a peer is a number that is never reused; a reactor registers at
 *          most GOSSIP_CHANNELS_MAX channels.
 * Memory:  what callbacks are given is borrowed until they return.  Sends
 *          are gathered and leave together after the present events. */
#ifndef WARREN_PEERS_H
#define WARREN_PEERS_H

#include "bus/bus.h"
#include "peers/gossip.h"

struct peers;

struct peers_fns {
    /* on_up - id is 40 hex digits; channels are those the peer listens on. */
    void (*on_up)(void *ctx, uint64_t peer, struct span id,
                  struct span channels, bool is_outbound);
    /* on_down - also for every peer when p2p itself is gone. */
    void (*on_down)(void *ctx, uint64_t peer);
    /* on_room - may be NULL.  While has_room is false so much waits for the
     * peer on this channel that nothing bulky should be sent there. */
    void (*on_room)(void *ctx, uint64_t peer, uint8_t channel, bool has_room);
    void (*on_frame)(void *ctx, uint64_t peer, uint8_t channel,
                     struct span bytes);
};

struct peers_config {
    const char *endpoint; /* of p2p */
    struct span channels;
    /* needs_fresh - peers remember what they told this reactor, so it must
     * meet them anew after each restart. */
    bool needs_fresh;
};

struct peers *peers_open(struct loop *l, struct bus *b,
                         const struct peers_config *config,
                         const struct peers_fns *fns, void *ctx);
void          peers_close(struct peers *p);

/* peers_start - register, now and whenever p2p is there again.  chain_id and
 * app_version come from consensus; others give "" and 0.  Called again it
 * only changes what the next registration says. */
void peers_start(struct peers *p, const char *chain_id, uint64_t app_version);

/* peers_send - to one peer; nothing happens when it is gone.
 * peers_send_many - the same bytes to several.
 * peers_send_all - to all that listen on the channel.
 * peers_send_all_later - it may wait some milliseconds, for other things that
 * are to be sent. */
void peers_send(struct peers *p, uint64_t peer, uint8_t channel,
                struct span bytes);
void peers_send_many(struct peers *p, const uint64_t *to, size_t n,
                     uint8_t channel, struct span bytes);
void peers_send_all(struct peers *p, uint8_t channel, struct span bytes);
void peers_send_all_later(struct peers *p, uint8_t channel, struct span bytes);

/* peers_drop - disconnect, after what was sent before; ban for some time
 * unless 0. */
void peers_drop(struct peers *p, uint64_t peer, const char *reason,
                uint32_t ban_seconds);
/* peers_good - it did something useful: keep its address. */
void peers_good(struct peers *p, uint64_t peer);

/* peers_hold - while true nothing more is confirmed, so p2p soon stops
 * reading from peers: for a reactor whose own queue is full. */
void peers_hold(struct peers *p, bool is_held);

#endif
