/* p2p - what two nodes exchange to become peers, and the packets that carry
 * every other message.
 *
 * Source:  CometBFT v0.38 proto/tendermint/p2p/{conn,types}.proto,
 *          p2p/node_info.go, p2p/conn/secret_connection.go.
 * Shapes:  all three are delimited on the wire; NodeInfo is at most
 *          NODE_INFO_BYTES_MAX.
 * Memory:  everything borrows from the decoded bytes and their arena. */
#ifndef WARREN_WIRE_P2P_H
#define WARREN_WIRE_P2P_H

#include "model/types.h"
#include "wire/addr.h"

enum packet_kind {
    PACKET_NONE = 0,
    PACKET_PING = 1,
    PACKET_PONG = 2,
    PACKET_MSG  = 3,
};

struct packet_empty {
    uint8_t unused;
};
struct packet_msg {
    int32_t     channel_id;
    bool        eof; /* the last packet of its message */
    struct span data;
};
struct packet {
    enum packet_kind which;
    union {
        struct packet_empty *packet_ping;
        struct packet_empty *packet_pong;
        struct packet_msg   *packet_msg;
    };
};

struct auth_sig {
    struct public_key pub_key;
    struct span       sig;
};

struct protocol_version {
    uint64_t p2p, block, app;
};
struct node_info_other {
    struct span tx_index, rpc_address;
};
struct node_info {
    struct protocol_version protocol_version;
    struct span             default_node_id;
    struct span             listen_addr;
    struct span             network;
    struct span             version;
    struct span             channels;
    struct span             moniker;
    struct node_info_other  other;
};

extern const struct pb_desc packet_ping_desc, packet_msg_desc, packet_desc,
    auth_sig_desc, protocol_version_desc, node_info_other_desc, node_info_desc;

/* auth_sig_validate - an ed25519 key; the signature is not looked at. */
enum reject auth_sig_validate(const struct auth_sig *m);

/* node_info_validate - id and listen address parse; version and RPC address
 * are empty or printable ASCII, the moniker is not empty; channels are at
 * most NODE_INFO_CHANNELS_MAX and differ; tx_index is "", "on" or "off".
 * The network and the id's owner are for others to compare. */
enum reject node_info_validate(const struct node_info *m);

/* node_info_addr - the id and the self-reported address, borrowed from buf. */
NODISCARD bool node_info_addr(struct node_addr *out, const struct node_info *m,
                              char buf[NODE_INFO_BYTES_MAX]);

/* node_info_compatible - same block version and network, and a channel in
 * common (unless ours has none).  *why names what differs. */
NODISCARD bool node_info_compatible(const struct node_info *ours,
                                    const struct node_info *theirs,
                                    const char            **why);

#endif
