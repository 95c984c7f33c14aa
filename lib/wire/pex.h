/* pex - addresses of other nodes: channel 0x00.
 *
 * Source:  CometBFT v0.38 proto/tendermint/p2p/{pex,types}.proto,
 *          p2p/netaddress.go (conversion only: ids, routability and the
 *          count of at most PEX_ADDRS_MAX are the address book's to judge).
 * Memory:  everything borrows from the decoded bytes and their arena. */
#ifndef WARREN_WIRE_PEX_H
#define WARREN_WIRE_PEX_H

#include "model/types.h"

enum pex_kind { PEX_NONE = 0, PEX_REQUEST = 1, PEX_ADDRS = 2 };

struct net_address_msg {
    struct span id, ip; /* text */
    uint32_t    port;
};
struct pex_request {
    uint8_t unused;
};
struct pex_addrs {
    LIST(struct net_address_msg) addrs;
};

struct pex_msg {
    enum pex_kind which;
    union {
        struct pex_request *pex_request;
        struct pex_addrs   *pex_addrs;
    };
};

extern const struct pb_desc net_address_desc, pex_request_desc, pex_addrs_desc,
    pex_msg_desc;

/* pex_msg_validate - a member is there; every address has an IP in text and
 * a port below 65536. */
enum reject pex_msg_validate(const struct pex_msg *m);

#endif
