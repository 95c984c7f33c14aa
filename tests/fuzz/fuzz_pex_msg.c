/* Addresses of other nodes.
 *
 * Property: a valid list holds nothing but IPs with a port. */
#include "fuzz.h"

#include "wire/addr.h"
#include "wire/pex.h"

void fuzz_one(struct span in)
{
    struct pex_msg m;
    uint8_t        ip[IP_BYTES];

    if (!fuzz_decode(&pex_msg_desc, &m, in) || pex_msg_validate(&m) != ACCEPT ||
        m.which != PEX_ADDRS)
        return;
    for (size_t i = 0; i < m.pex_addrs->addrs.n; i++)
        must(ip_parse(ip, m.pex_addrs->addrs.v[i].ip) &&
             m.pex_addrs->addrs.v[i].port <= UINT16_MAX);
}
