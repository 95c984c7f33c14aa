/* The pushes between p2p and reactors.
 *
 * Properties: what decodes encodes to itself; members added one by one are
 * the message. */
#include "fuzz.h"

#include "peers/gossip.h"

static void check_from(const struct gossip_from *m)
{
    struct gossip_from back;
    struct buf         b;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < m->peers.n; i++)
        gossip_add_peer(&b, &m->peers.v[i]);
    for (size_t i = 0; i < m->frames.n; i++)
        gossip_add_frame(&b, &m->frames.v[i]);
    gossip_add_number(&b, m->number);
    must(b.is_full || pb_decode(&gossip_from_desc, &back, &fuzz_arena,
                                buf_span(&b)) == ACCEPT);
    must(b.is_full ||
         (back.peers.n == m->peers.n && back.frames.n == m->frames.n &&
          back.number == m->number));
    buf_fini(&b);
}

void fuzz_one(struct span in)
{
    struct gossip_from from;
    struct gossip_to   to;

    if (fuzz_decode(&gossip_from_desc, &from, in))
        check_from(&from);
    (void)fuzz_decode(&gossip_to_desc, &to, in);
}
