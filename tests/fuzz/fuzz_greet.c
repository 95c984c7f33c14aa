/* What a stranger may say before he is a peer.
 *
 * The first byte chooses how far an honest greeting goes before the input
 * takes over: from the start, behind the ephemeral key, or sealed with the
 * right keys in place of the authentication or of the NodeInfo.
 * Properties: nobody gets through without the key; nothing is sent to a
 * stranger beyond the protocol's own messages. */
#include "fuzz.h"

#include "p2p/greet.h"

struct end {
    struct privkey    key;
    struct greet_self self;
    char              id[NODE_ID_TEXT + 1];
    struct greet      greet;
    struct buf        plain, out;
    uint8_t           plain_mem[1 << 16], out_mem[1 << 16];
};

static void end_open(struct end *e, uint8_t seed)
{
    uint8_t       bytes[32] = { 0, seed }, ephemeral[32] = { 1, seed, 1 };
    struct pubkey pub;

    must(privkey_from_seed(&e->key, KEY_TYPE_ED25519, SPAN_OF(bytes)));
    privkey_public(&pub, &e->key);
    node_id_of(e->self.id, &pub);
    node_id_print(e->id, e->self.id);
    e->self.key  = &e->key;
    e->self.info = (struct node_info){
        .protocol_version = { 8, 11, 1 },
        .default_node_id  = span_str(e->id),
        .listen_addr      = span_str("tcp://127.0.0.1:26656"),
        .network          = span_str("chain"),
        .version          = span_str("0.38.25"),
        .channels         = span_str("\x20"),
        .moniker          = span_str("fuzz"),
    };
    e->self.hello =
        pb_encode_delimited(&node_info_desc, &e->self.info, &fuzz_arena);
    must(e->self.hello.p != NULL);
    buf_use(&e->plain, e->plain_mem, sizeof e->plain_mem);
    buf_use(&e->out, e->out_mem, sizeof e->out_mem);
    greet_init(&e->greet, &e->self, NULL, ephemeral, &e->out);
}

static enum greet_verdict hear(struct end *to, struct span in)
{
    return greet_read(&to->greet, &in, &to->plain, &to->out);
}

/* Sealed as an honest stranger would, who has got as far as his keys. */
static void seal_all(struct end *from, struct buf *out, struct span bytes)
{
    secret_write(&from->greet.secret, out, bytes);
}

void fuzz_one(struct span in)
{
    static struct end  us, him;
    static uint8_t     wire_mem[1 << 18];
    struct buf         wire;
    unsigned           how = (unsigned)fuzz_take(&in, 1) % 4;
    enum greet_verdict v   = GREET_WAIT;

    crypto_setup();
    end_open(&us, 1);
    end_open(&him, 2);
    buf_use(&wire, wire_mem, sizeof wire_mem);
    if (in.n > 60000)
        in.n = 60000;
    if (how >= 1) {
        must(hear(&us, buf_span(&him.out)) == GREET_WAIT);
        buf_clear(&him.out);
        must(hear(&him, SPAN(us.out.p, 35)) == GREET_WAIT);
    }
    if (how == 3) /* his authentication, as it should be */
        must(hear(&us, buf_span(&him.out)) == GREET_WAIT);
    if (how >= 2)
        seal_all(&him, &wire, in);
    else
        buf_add(&wire, in);
    if (wire.len > 0)
        v = hear(&us, buf_span(&wire));
    must(v != GREET_DONE || how == 3);
    must(v != GREET_SELF && v != GREET_STRANGER);
    must((us.greet.why != NULL) == (v != GREET_WAIT && v != GREET_DONE));
    must(us.out.len <= 35 + 2 * SECRET_WIRE_BYTES);
    greet_fini(&us.greet);
    greet_fini(&him.greet);
}
