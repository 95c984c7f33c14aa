/* gossip - the two pushes between p2p and a reactor, without a copy.
 *
 * Source:  FromPeers and ToPeers of proto/p2p.proto; they carry everything
 *          that peers say, so they go through lib/pb, whose spans borrow.
 * Shapes:  lists are bounded by GOSSIP_ITEMS_MAX, bodies by what a channel
 *          may carry.
 * Memory:  decoded messages live in an arena and borrow from the input;
 *          gossip_add_* append to a bounded buffer. */
#ifndef WARREN_GOSSIP_H
#define WARREN_GOSSIP_H

#include "base/buf.h"
#include "pb/pb.h"

enum { GOSSIP_ITEMS_MAX = 1 << 16, GOSSIP_CHANNELS_MAX = 16 };

enum gossip_what { /* p2p.Peer.What */
                   GOSSIP_NONE  = 0,
                   GOSSIP_UP    = 1,
                   GOSSIP_DOWN  = 2,
                   GOSSIP_BUSY  = 3,
                   GOSSIP_READY = 4,
};

struct gossip_peer {
    int32_t     what;
    uint64_t    peer;
    struct span id, channels;
    bool        is_outbound;
};

struct gossip_frame {
    uint64_t    peer;
    uint32_t    channel;
    struct span bytes;
};

struct gossip_from {
    struct {
        const struct gossip_peer *v;
        size_t                    n;
    } peers;
    struct {
        const struct gossip_frame *v;
        size_t                     n;
    } frames;
    uint64_t number;
};

struct gossip_send {
    struct {
        const uint64_t *v;
        size_t          n;
    } peers; /* none: all that listen */
    uint32_t    channel;
    struct span bytes;
};

struct gossip_drop {
    uint64_t    peer;
    struct span reason;
    uint32_t    ban_seconds;
};

struct gossip_to {
    struct {
        const struct gossip_send *v;
        size_t                    n;
    } sends;
    struct {
        const struct gossip_drop *v;
        size_t                    n;
    } drops;
    uint64_t seen;
    struct {
        const uint64_t *v;
        size_t          n;
    } good;
};

extern const struct pb_desc gossip_peer_desc, gossip_frame_desc,
    gossip_from_desc, gossip_send_desc, gossip_drop_desc, gossip_to_desc;

/* Append one member to a message under construction; members of one kind
 * stay in order, kinds may alternate.  A full buffer says so by is_full, and
 * then holds a torn message that must not be sent. */
void gossip_add_peer(struct buf *from, const struct gossip_peer *p);
void gossip_add_frame(struct buf *from, const struct gossip_frame *f);
void gossip_add_number(struct buf *from, uint64_t number);
void gossip_add_send(struct buf *to, const struct gossip_send *s);
void gossip_add_drop(struct buf *to, const struct gossip_drop *d);
void gossip_add_seen(struct buf *to, uint64_t seen);
void gossip_add_good(struct buf *to, uint64_t peer);

#endif
