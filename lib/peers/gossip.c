#include "peers/gossip.h"

PB_DESC(gossip_peer_desc, struct gossip_peer,
        PB_FIELD(struct gossip_peer, 1, what, PB_INT32),
        PB_FIELD(struct gossip_peer, 2, peer, PB_UINT64),
        PB_FIELD(struct gossip_peer, 3, id, PB_STRING),
        PB_FIELD(struct gossip_peer, 4, channels, PB_BYTES),
        PB_FIELD(struct gossip_peer, 5, is_outbound, PB_BOOL));

PB_DESC(gossip_frame_desc, struct gossip_frame,
        PB_FIELD(struct gossip_frame, 1, peer, PB_UINT64),
        PB_FIELD(struct gossip_frame, 2, channel, PB_UINT32),
        PB_FIELD(struct gossip_frame, 3, bytes, PB_BYTES));

PB_DESC(gossip_from_desc, struct gossip_from,
        PB_SUBS(struct gossip_from, 1, peers, gossip_peer_desc,
                GOSSIP_ITEMS_MAX),
        PB_SUBS(struct gossip_from, 2, frames, gossip_frame_desc,
                GOSSIP_ITEMS_MAX),
        PB_FIELD(struct gossip_from, 3, number, PB_UINT64));

PB_DESC(gossip_send_desc, struct gossip_send,
        PB_LIST(struct gossip_send, 1, peers, PB_UINT64, GOSSIP_ITEMS_MAX),
        PB_FIELD(struct gossip_send, 2, channel, PB_UINT32),
        PB_FIELD(struct gossip_send, 3, bytes, PB_BYTES));

PB_DESC(gossip_drop_desc, struct gossip_drop,
        PB_FIELD(struct gossip_drop, 1, peer, PB_UINT64),
        PB_FIELD(struct gossip_drop, 2, reason, PB_STRING),
        PB_FIELD(struct gossip_drop, 3, ban_seconds, PB_UINT32));

PB_DESC(gossip_to_desc, struct gossip_to,
        PB_SUBS(struct gossip_to, 1, sends, gossip_send_desc, GOSSIP_ITEMS_MAX),
        PB_SUBS(struct gossip_to, 2, drops, gossip_drop_desc, GOSSIP_ITEMS_MAX),
        PB_FIELD(struct gossip_to, 3, seen, PB_UINT64),
        PB_LIST(struct gossip_to, 4, good, PB_UINT64, GOSSIP_ITEMS_MAX));

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static void add_tag(struct buf *b, unsigned num, unsigned type)
{
    buf_byte(b, (uint8_t)(num << 3 | type));
}

static void add_message(struct buf *b, unsigned num, const struct pb_desc *d,
                        const void *msg)
{
    size_t   n = pb_size(d, msg);
    uint8_t *out;

    add_tag(b, num, WIRE_BYTES);
    buf_uvarint(b, n);
    out = buf_room(b, n);
    if (out)
        pb_encode_to(d, msg, out, n);
}

static void add_number(struct buf *b, unsigned num, uint64_t v)
{
    add_tag(b, num, WIRE_VARINT);
    buf_uvarint(b, v);
}

void gossip_add_peer(struct buf *from, const struct gossip_peer *p)
{
    add_message(from, 1, &gossip_peer_desc, p);
}

void gossip_add_frame(struct buf *from, const struct gossip_frame *f)
{
    add_message(from, 2, &gossip_frame_desc, f);
}

void gossip_add_number(struct buf *from, uint64_t number)
{
    add_number(from, 3, number);
}

void gossip_add_send(struct buf *to, const struct gossip_send *s)
{
    add_message(to, 1, &gossip_send_desc, s);
}

void gossip_add_drop(struct buf *to, const struct gossip_drop *d)
{
    add_message(to, 2, &gossip_drop_desc, d);
}

void gossip_add_seen(struct buf *to, uint64_t seen)
{
    add_number(to, 3, seen);
}

void gossip_add_good(struct buf *to, uint64_t peer)
{
    add_number(to, 4, peer);
}
