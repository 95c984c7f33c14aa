#include "wire/p2p.h"

PB_DESC(packet_msg_desc, struct packet_msg,
        PB_FIELD(struct packet_msg, 1, channel_id, PB_INT32),
        PB_FIELD(struct packet_msg, 2, eof, PB_BOOL),
        PB_FIELD(struct packet_msg, 3, data, PB_BYTES));
const struct pb_desc packet_ping_desc = { "packet_ping_desc", NULL, 0,
                                          sizeof(struct packet_empty) };
PB_DESC(packet_desc, struct packet,
        PB_ONEOF_MSG(struct packet, PACKET_PING, which, packet_ping,
                     packet_ping_desc),
        PB_ONEOF_MSG(struct packet, PACKET_PONG, which, packet_pong,
                     packet_ping_desc),
        PB_ONEOF_MSG(struct packet, PACKET_MSG, which, packet_msg,
                     packet_msg_desc));

PB_DESC(auth_sig_desc, struct auth_sig,
        PB_SUB(struct auth_sig, 1, pub_key, public_key_desc),
        PB_FIELD(struct auth_sig, 2, sig, PB_BYTES));

PB_DESC(protocol_version_desc, struct protocol_version,
        PB_FIELD(struct protocol_version, 1, p2p, PB_UINT64),
        PB_FIELD(struct protocol_version, 2, block, PB_UINT64),
        PB_FIELD(struct protocol_version, 3, app, PB_UINT64));
PB_DESC(node_info_other_desc, struct node_info_other,
        PB_FIELD(struct node_info_other, 1, tx_index, PB_STRING),
        PB_FIELD(struct node_info_other, 2, rpc_address, PB_STRING));
PB_DESC(node_info_desc, struct node_info,
        PB_SUB(struct node_info, 1, protocol_version, protocol_version_desc),
        PB_FIELD(struct node_info, 2, default_node_id, PB_STRING),
        PB_FIELD(struct node_info, 3, listen_addr, PB_STRING),
        PB_FIELD(struct node_info, 4, network, PB_STRING),
        PB_FIELD(struct node_info, 5, version, PB_STRING),
        PB_FIELD(struct node_info, 6, channels, PB_BYTES),
        PB_FIELD(struct node_info, 7, moniker, PB_STRING),
        PB_SUB(struct node_info, 8, other, node_info_other_desc));

enum { ED25519_KEY_BYTES = 32 };

enum reject auth_sig_validate(const struct auth_sig *m)
{
    if (m->pub_key.type != KEY_ED25519)
        return REJECT_RANGE;
    return m->pub_key.bytes.n == ED25519_KEY_BYTES ? ACCEPT : REJECT_LENGTH;
}

bool node_info_addr(struct node_addr *out, const struct node_info *m,
                    char buf[NODE_INFO_BYTES_MAX])
{
    /* As CometBFT does: the scheme goes, the id comes in front, and the
     * whole is parsed as if it had been written so. */
    struct span id     = m->default_node_id;
    struct span listen = addr_without_scheme(m->listen_addr);
    size_t      n;

    n = id.n + 1 + listen.n;
    if (n < listen.n || n > NODE_INFO_BYTES_MAX)
        return false;
    if (id.n)
        memcpy(buf, id.p, id.n);
    buf[id.n] = '@';
    if (listen.n)
        memcpy(buf + id.n + 1, listen.p, listen.n);
    return node_addr_parse(out, SPAN(buf, n));
}

/* Printable ASCII with something besides spaces. */
static bool is_text(struct span s)
{
    bool saw_ink = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
        saw_ink |= s.p[i] != ' ';
    }
    return saw_ink;
}

static enum reject validate_channels(struct span channels)
{
    bool seen[UINT8_MAX + 1] = { false };

    if (channels.n > NODE_INFO_CHANNELS_MAX)
        return REJECT_LIMIT;
    for (size_t i = 0; i < channels.n; i++) {
        if (seen[channels.p[i]])
            return REJECT_MISMATCH;
        seen[channels.p[i]] = true;
    }
    return ACCEPT;
}

enum reject node_info_validate(const struct node_info *m)
{
    struct span      index = m->other.tx_index, rpc = m->other.rpc_address;
    char             buf[NODE_INFO_BYTES_MAX];
    struct node_addr addr;
    enum reject      r;

    if (!node_info_addr(&addr, m, buf))
        return REJECT_MALFORMED;
    if (m->version.n && !is_text(m->version))
        return REJECT_MALFORMED;
    r = validate_channels(m->channels);
    if (r)
        return r;
    if (!is_text(m->moniker) || (rpc.n && !is_text(rpc)))
        return REJECT_MALFORMED;
    if (index.n && !span_eq(index, span_str("on")) &&
        !span_eq(index, span_str("off")))
        return REJECT_RANGE;
    return ACCEPT;
}

bool node_info_compatible(const struct node_info *ours,
                          const struct node_info *theirs, const char **why)
{
    *why = "another block protocol version";
    if (ours->protocol_version.block != theirs->protocol_version.block)
        return false;
    *why = "another network";
    if (!span_eq(ours->network, theirs->network))
        return false;
    if (ours->channels.n == 0)
        return true;
    for (size_t i = 0; i < ours->channels.n; i++)
        if (theirs->channels.n &&
            memchr(theirs->channels.p, ours->channels.p[i], theirs->channels.n))
            return true;
    *why = "no channel in common";
    return false;
}
