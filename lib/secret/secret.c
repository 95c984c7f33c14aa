#include "secret/secret.h"

#include "crypto/agree.h"
#include "crypto/transcript.h"
#include "pb/pb.h"
#include "wire/p2p.h"

enum { ARENA_BYTES = 1024 };

/* google.protobuf.BytesValue */
struct secret_ephemeral {
    struct span value;
};
PB_DESC(secret_ephemeral_desc, struct secret_ephemeral,
        PB_FIELD(struct secret_ephemeral, 1, value, PB_BYTES));

static enum reject broken(struct secret *s, enum reject verdict,
                          const char *why)
{
    s->stage = SECRET_FAILED;
    s->why   = why;
    return verdict;
}

void secret_init(struct secret *s, const struct privkey *node,
                 const uint8_t ephemeral[32], struct buf *out)
{
    static const uint8_t head[] = { 34, 0x0a, 32 }; /* length, tag, length */

    must(node->type == KEY_TYPE_ED25519);
    memset(s, 0, sizeof *s);
    s->node = node;
    memcpy(s->ephemeral, ephemeral, sizeof s->ephemeral);
    x25519_public(s->ephemeral_public, ephemeral);
    buf_add(out, SPAN_OF(head));
    buf_add(out, SPAN_OF(s->ephemeral_public));
}

void secret_fini(struct secret *s)
{
    seal_fini(&s->in);
    seal_fini(&s->out);
    explicit_bzero(s, sizeof *s);
}

/* ---- the handshake ---- */

static void make_challenge(struct secret *s, const uint8_t theirs[32],
                           const uint8_t dh[32], bool is_least)
{
    struct transcript t;
    struct span       mine = SPAN_OF(s->ephemeral_public);
    struct span       his  = SPAN(theirs, 32);

    transcript_init(&t, "TENDERMINT_SECRET_CONNECTION_TRANSCRIPT_HASH");
    transcript_append(&t, "EPHEMERAL_LOWER_PUBLIC_KEY", is_least ? mine : his);
    transcript_append(&t, "EPHEMERAL_UPPER_PUBLIC_KEY", is_least ? his : mine);
    transcript_append(&t, "DH_SECRET", SPAN(dh, 32));
    transcript_extract(&t, "SECRET_CONNECTION_MAC", s->challenge,
                       sizeof s->challenge);
    transcript_wipe(&t);
}

/* Who has the lower ephemeral key receives with the first derived key. */
static void make_keys(struct secret *s, const uint8_t dh[32], bool is_least)
{
    uint8_t keys[96]; /* the last 32 are not used */

    hkdf_sha256(keys, sizeof keys, SPAN(dh, 32),
                span_str("TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN"));
    seal_init(&s->in, SEAL_DECRYPT, keys + (is_least ? 0 : 32));
    seal_init(&s->out, SEAL_ENCRYPT, keys + (is_least ? 32 : 0));
    explicit_bzero(keys, sizeof keys);
}

static void send_auth(struct secret *s, struct buf *out)
{
    uint8_t         mem[ARENA_BYTES], sig[64];
    struct arena    a;
    struct pubkey   key;
    struct auth_sig m;
    struct span     bytes;

    arena_use(&a, mem, sizeof mem);
    privkey_public(&key, s->node);
    privkey_sign(sig, s->node, SPAN_OF(s->challenge));
    m     = (struct auth_sig){ .pub_key = { .type  = KEY_ED25519,
                                            .bytes = pubkey_span(&key) },
                               .sig     = SPAN_OF(sig) };
    bytes = pb_encode_delimited(&auth_sig_desc, &m, &a);
    must(bytes.p != NULL);
    secret_write(s, out, bytes);
}

/* A value of another length is cut, or filled with zeros, as CometBFT does. */
static enum reject read_ephemeral(struct secret *s, struct span *in,
                                  struct buf *out)
{
    uint8_t                 mem[ARENA_BYTES], theirs[32] = { 0 }, dh[32];
    struct arena            a;
    struct secret_ephemeral m;
    struct span             body;
    enum reject             r = pb_delimited_read(in, SECRET_HELLO_MAX, &body);
    bool                    is_least;

    if (r == REJECT_MISSING)
        return ACCEPT; /* not whole yet */
    arena_use(&a, mem, sizeof mem);
    if (r == ACCEPT)
        r = pb_decode(&secret_ephemeral_desc, &m, &a, body);
    if (r != ACCEPT)
        return broken(s, r, "malformed ephemeral key");
    if (m.value.n > 0)
        memcpy(theirs, m.value.p, m.value.n < 32 ? m.value.n : 32);
    is_least = memcmp(s->ephemeral_public, theirs, 32) < 0;
    if (!x25519_shared(dh, s->ephemeral, theirs))
        return broken(s, REJECT_RANGE, "ephemeral key of low order");
    make_challenge(s, theirs, dh, is_least);
    make_keys(s, dh, is_least);
    explicit_bzero(dh, sizeof dh);
    explicit_bzero(s->ephemeral, sizeof s->ephemeral);
    s->stage = SECRET_AUTH;
    send_auth(s, out);
    return ACCEPT;
}

static enum reject check_auth(struct secret *s, struct span body)
{
    uint8_t         mem[ARENA_BYTES];
    struct arena    a;
    struct auth_sig m;
    enum reject     r;

    arena_use(&a, mem, sizeof mem);
    r = pb_decode(&auth_sig_desc, &m, &a, body);
    if (r == ACCEPT)
        r = auth_sig_validate(&m);
    if (r != ACCEPT)
        return broken(s, r, "malformed authentication");
    if (!pubkey_make(&s->remote, KEY_TYPE_ED25519, m.pub_key.bytes))
        return broken(s, REJECT_LENGTH, "node key of the wrong length");
    if (!pubkey_verify(&s->remote, SPAN_OF(s->challenge), m.sig))
        return broken(s, REJECT_SIGNATURE, "challenge not signed");
    s->stage = SECRET_OPEN;
    s->node  = NULL;
    return ACCEPT;
}

/* Data that arrives before the connection is open: the authentication, and
 * behind it what belongs to the application already. */
static enum reject take_hello(struct secret *s, struct span data,
                              struct buf *plain)
{
    struct span in, body;
    enum reject r;

    memcpy(s->hello + s->hello_n, data.p, data.n);
    s->hello_n += data.n;
    in = SPAN(s->hello, s->hello_n);
    r  = pb_delimited_read(&in, SECRET_HELLO_MAX, &body);
    if (r == REJECT_MISSING)
        return s->hello_n <= SECRET_HELLO_MAX
                   ? ACCEPT
                   : broken(s, REJECT_LIMIT, "authentication too long");
    if (r != ACCEPT)
        return broken(s, r, "malformed authentication");
    r = check_auth(s, body);
    if (r == ACCEPT)
        buf_add(plain, in);
    return r;
}

/* ---- frames ---- */

static enum reject read_frame(struct secret *s, struct span wire,
                              struct buf *plain)
{
    uint8_t     frame[SECRET_FRAME_BYTES];
    uint32_t    n;
    enum reject r = ACCEPT;

    if (s->in_count == UINT64_MAX ||
        !seal_open(&s->in, frame, s->in_count, wire))
        return broken(s, REJECT_SIGNATURE, "frame does not decrypt");
    s->in_count++;
    n = load_le32(frame);
    if (n > SECRET_DATA_MAX)
        return broken(s, REJECT_LIMIT, "frame longer than 1024");
    if (s->stage == SECRET_OPEN)
        buf_add(plain, SPAN(frame + 4, n));
    else
        r = take_hello(s, SPAN(frame + 4, n), plain);
    return r;
}

static bool has_room(const struct buf *b)
{
    return b->max - b->len >= SECRET_ROOM;
}

enum reject secret_read(struct secret *s, struct span *in, struct buf *plain,
                        struct buf *out)
{
    enum reject r = ACCEPT;

    must(s->stage != SECRET_FAILED);
    if (s->stage == SECRET_EPHEMERAL)
        r = read_ephemeral(s, in, out);
    while (r == ACCEPT && s->stage != SECRET_EPHEMERAL &&
           in->n >= SECRET_WIRE_BYTES && has_room(plain)) {
        r = read_frame(s, SPAN(in->p, SECRET_WIRE_BYTES), plain);
        in->p += SECRET_WIRE_BYTES;
        in->n -= SECRET_WIRE_BYTES;
    }
    return r;
}

void secret_write(struct secret *s, struct buf *out, struct span data)
{
    must(s->stage == SECRET_AUTH || s->stage == SECRET_OPEN);
    while (data.n > 0) {
        size_t   n    = data.n < SECRET_DATA_MAX ? data.n : SECRET_DATA_MAX;
        uint8_t *wire = buf_room(out, SECRET_WIRE_BYTES);

        if (!wire)
            return;
        store_le32(s->frame, (uint32_t)n);
        memcpy(s->frame + 4, data.p, n);
        must(s->out_count < UINT64_MAX);
        seal_close(&s->out, wire, s->out_count++, SPAN_OF(s->frame));
        data.p += n;
        data.n -= n;
    }
}
