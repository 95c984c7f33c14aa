/* secret - an encrypted, mutually authenticated connection: bytes in, bytes
 * out, no sockets.
 *
 * Source:  CometBFT v0.38 p2p/conn/secret_connection.go (a station-to-
 *          station handshake); protocol facts in its spec/p2p.
 * Shapes:  on the wire 35 bytes of ephemeral key, then frames of 1,044 bytes
 *          that carry 0 to 1,024 each.  CometBFT reads handshake messages of
 *          up to 1 MiB; here they end at SECRET_HELLO_MAX, since a stranger
 *          is given no more memory than an honest peer needs.
 * Memory:  two cipher contexts, freed by secret_fini, which wipes the rest. */
#ifndef WARREN_SECRET_H
#define WARREN_SECRET_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/key.h"
#include "crypto/seal.h"

enum {
    SECRET_DATA_MAX    = 1024,
    SECRET_FRAME_BYTES = 4 + SECRET_DATA_MAX,
    SECRET_WIRE_BYTES  = SECRET_FRAME_BYTES + SEAL_BYTES,
    SECRET_HELLO_MAX   = 4096,
    SECRET_ROOM        = SECRET_HELLO_MAX + SECRET_DATA_MAX,
};

enum secret_stage {
    SECRET_EPHEMERAL, /* the other side's ephemeral key is awaited */
    SECRET_AUTH,      /* its long-term key and signature are */
    SECRET_OPEN,
    SECRET_FAILED,
};

struct secret {
    enum secret_stage     stage;
    const struct privkey *node; /* borrowed until open */
    uint8_t               ephemeral[32], ephemeral_public[32];
    uint8_t               challenge[32];
    struct pubkey         remote; /* valid once open */
    struct seal           in, out;
    uint64_t              in_count, out_count; /* frames so far */
    uint8_t               hello[SECRET_ROOM];
    size_t                hello_n;
    /* The last frame sent.  As in CometBFT its rest pads a shorter next one:
     * bytes that the other side has had already. */
    uint8_t     frame[SECRET_FRAME_BYTES];
    const char *why; /* static; once failed */
};

/* secret_init - node is an ed25519 key; ephemeral is 32 fresh random bytes
 * that nothing else uses.  Appends what is to be sent first. */
void secret_init(struct secret *s, const struct privkey *node,
                 const uint8_t ephemeral[32], struct buf *out);
void secret_fini(struct secret *s);

/* secret_read - take whole messages off the front of *in.
 *
 * Appends decrypted data to plain and what must be sent to out.  Stops early
 * while plain has no room for a frame.  Bytes left in *in are to come again
 * with more behind them.  A verdict other than ACCEPT ends the connection. */
NODISCARD enum reject secret_read(struct secret *s, struct span *in,
                                  struct buf *plain, struct buf *out);

/* secret_write - append data as frames; the connection must be open. */
void secret_write(struct secret *s, struct buf *out, struct span data);

/* secret_write_bytes - what secret_write appends for n bytes. */
static inline size_t secret_write_bytes(size_t n)
{
    return (n + SECRET_DATA_MAX - 1) / SECRET_DATA_MAX * SECRET_WIRE_BYTES;
}

#endif
