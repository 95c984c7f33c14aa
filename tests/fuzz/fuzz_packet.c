/* Packets of a connection, and the message that authenticates it.
 *
 * Properties: what decodes encodes to itself; only an ed25519 key of its
 * length is taken. */
#include "fuzz.h"

#include "wire/p2p.h"

void fuzz_one(struct span in)
{
    struct packet   p;
    struct auth_sig a;

    if (fuzz_decode(&packet_desc, &p, in) && p.which == PACKET_MSG)
        must(p.packet_msg->data.n <= in.n);
    if (fuzz_decode(&auth_sig_desc, &a, in) && auth_sig_validate(&a) == ACCEPT)
        must(a.pub_key.type == KEY_ED25519 && a.pub_key.bytes.n == 32);
}
