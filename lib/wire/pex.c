#include "wire/pex.h"

#include "wire/addr.h"

PB_DESC(net_address_desc, struct net_address_msg,
        PB_FIELD(struct net_address_msg, 1, id, PB_STRING),
        PB_FIELD(struct net_address_msg, 2, ip, PB_STRING),
        PB_FIELD(struct net_address_msg, 3, port, PB_UINT32));
const struct pb_desc pex_request_desc = { "pex_request_desc", NULL, 0,
                                          sizeof(struct pex_request) };
PB_DESC(pex_addrs_desc, struct pex_addrs,
        PB_SUBS(struct pex_addrs, 1, addrs, net_address_desc, 0));
PB_DESC(pex_msg_desc, struct pex_msg,
        PB_ONEOF_MSG(struct pex_msg, PEX_REQUEST, which, pex_request,
                     pex_request_desc),
        PB_ONEOF_MSG(struct pex_msg, PEX_ADDRS, which, pex_addrs,
                     pex_addrs_desc));

enum reject pex_msg_validate(const struct pex_msg *m)
{
    uint8_t ip[IP_BYTES];

    switch (m->which) {
    case PEX_NONE: return REJECT_MISSING;
    case PEX_REQUEST: return ACCEPT;
    case PEX_ADDRS: break;
    }
    for (size_t i = 0; i < m->pex_addrs->addrs.n; i++) {
        const struct net_address_msg *a = &m->pex_addrs->addrs.v[i];

        if (!ip_parse(ip, a->ip))
            return REJECT_MALFORMED;
        if (a->port > UINT16_MAX)
            return REJECT_RANGE;
    }
    return ACCEPT;
}
