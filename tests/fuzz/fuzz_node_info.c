/* What a peer says of itself, and addresses in text.
 *
 * Properties: what decodes encodes to itself; a valid node info has an
 * address that parses and is compatible with itself. */
#include "fuzz.h"

#include "wire/p2p.h"

void fuzz_one(struct span in)
{
    static char      buf[NODE_INFO_BYTES_MAX];
    struct node_info n;
    struct node_addr a;
    const char      *why;

    if (node_addr_parse(&a, in))
        must(a.host.n > 0 && a.host.p >= in.p);
    if (!fuzz_decode(&node_info_desc, &n, in) ||
        node_info_validate(&n) != ACCEPT)
        return;
    must(node_info_addr(&a, &n, buf));
    must(a.host.n > 0);
    must(node_info_compatible(&n, &n, &why));
}
