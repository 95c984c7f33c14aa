#include "p2p/greet.h"

#include "pb/pb.h"

enum { ARENA_BYTES = 1024 };

void node_id_of(uint8_t id[ADDRESS_BYTES], const struct pubkey *key)
{
    pubkey_address(id, key);
}

void node_id_print(char text[NODE_ID_TEXT + 1], const uint8_t id[ADDRESS_BYTES])
{
    struct buf b;

    buf_use(&b, text, NODE_ID_TEXT + 1);
    buf_hex(&b, SPAN(id, ADDRESS_BYTES));
    buf_byte(&b, 0);
}

void greet_init(struct greet *g, const struct greet_self *self,
                const uint8_t *dialled, const uint8_t ephemeral[32],
                struct buf *out)
{
    memset(g, 0, sizeof *g);
    g->self        = self;
    g->has_dialled = dialled != NULL;
    if (dialled)
        memcpy(g->dialled, dialled, sizeof g->dialled);
    secret_init(&g->secret, self->key, ephemeral, out);
}

void greet_fini(struct greet *g)
{
    secret_fini(&g->secret);
}

static enum greet_verdict ended(struct greet *g, enum greet_verdict v,
                                const char *why)
{
    g->why = why;
    return v;
}

/* The channel is open: now we know whose key it is, and say who we are. */
static enum greet_verdict introduce(struct greet *g, struct buf *out)
{
    node_id_of(g->id, &g->secret.remote);
    if (g->has_dialled && memcmp(g->id, g->dialled, sizeof g->id) != 0)
        return ended(g, GREET_STRANGER, "not the node that was dialled");
    secret_write(&g->secret, out, g->self->hello);
    g->has_sent_info = true;
    return GREET_WAIT;
}

static enum greet_verdict judge(struct greet *g)
{
    uint8_t      mem[ARENA_BYTES];
    char         id[NODE_ID_TEXT + 1];
    struct arena a;
    const char  *why;

    arena_use(&a, mem, sizeof mem);
    if (pb_decode(&node_info_desc, &g->info, &a, SPAN(g->bytes, g->bytes_n)) !=
            ACCEPT ||
        node_info_validate(&g->info) != ACCEPT)
        return ended(g, GREET_MALFORMED, "malformed NodeInfo");
    node_id_print(id, g->id);
    if (!span_eq(g->info.default_node_id, SPAN(id, NODE_ID_TEXT)))
        return ended(g, GREET_MALFORMED, "NodeInfo names another node");
    if (memcmp(g->id, g->self->id, sizeof g->id) == 0)
        return ended(g, GREET_SELF, "this is ourselves");
    if (!node_info_compatible(&g->self->info, &g->info, &why))
        return ended(g, GREET_INCOMPATIBLE, why);
    return GREET_DONE;
}

/* Their NodeInfo off the front of plain, once it is whole. */
static enum greet_verdict take_info(struct greet *g, struct buf *plain)
{
    struct span in = buf_span(plain), body;
    enum reject r  = pb_delimited_read(&in, NODE_INFO_BYTES_MAX, &body);

    if (r == REJECT_MISSING)
        return GREET_WAIT;
    if (r != ACCEPT)
        return ended(g, GREET_MALFORMED, "NodeInfo too long");
    if (body.n > 0)
        memcpy(g->bytes, body.p, body.n);
    g->bytes_n = body.n;
    if (in.n > 0)
        memmove(plain->p, in.p, in.n);
    plain->len = in.n;
    return judge(g);
}

enum greet_verdict greet_read(struct greet *g, struct span *in,
                              struct buf *plain, struct buf *out)
{
    enum greet_verdict v = GREET_WAIT;

    if (secret_read(&g->secret, in, plain, out) != ACCEPT)
        return ended(g, GREET_MALFORMED, g->secret.why);
    if (g->secret.stage != SECRET_OPEN)
        return GREET_WAIT;
    if (!g->has_sent_info)
        v = introduce(g, out);
    return v == GREET_WAIT ? take_info(g, plain) : v;
}
