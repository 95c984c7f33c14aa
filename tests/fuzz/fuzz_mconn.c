/* A connection's stream of packets.
 *
 * Properties: however the stream is cut into reads, the same messages come
 * out and the same verdict; no message is above its channel's limit, and no
 * more is held than the limits allow. */
#include "fuzz.h"

#include "crypto/hash.h"
#include "p2p/mconn.h"

enum { RECV_MAX = 3000 };

static const struct mconn_channel channels[] = { { 0x00, 1, 1, RECV_MAX },
                                                 { 0x20, 1, 1, RECV_MAX },
                                                 { 0x40, 1, 1, RECV_MAX } };

struct outcome {
    struct hash heard;
    size_t      messages, left;
    bool        is_broken;
};

static struct outcome run(struct span all, size_t step)
{
    static const struct mconn_config config = { .payload_max      = 1024,
                                                .recv_payload_max = 1024,
                                                .ping_us          = 60000000,
                                                .pong_us          = 45000000 };
    struct outcome                   o      = { .messages = 0 };
    struct mconn                     m;
    struct mconn_message             msg;
    struct hasher                    h;
    struct span                      in  = { all.p, 0 };
    enum mconn_got                   got = MCONN_WAIT;

    hash_begin(&h);
    mconn_init(&m, &config, channels, COUNT(channels), SPAN("\0\x20\x40", 3),
               0);
    while (got != MCONN_BROKEN) {
        got = mconn_read(&m, &in, &msg);
        if (got == MCONN_MESSAGE) {
            must(msg.bytes.n <= RECV_MAX);
            hash_update(&h, SPAN(&msg.channel, 1));
            hash_update(&h, msg.bytes);
            o.messages++;
        } else if (got == MCONN_WAIT) {
            size_t left = (size_t)(all.p + all.n - in.p) - in.n;

            if (left == 0)
                break;
            in.n += left < step ? left : step;
        }
        must(mconn_held(&m) <= COUNT(channels) * RECV_MAX);
    }
    o.is_broken = got == MCONN_BROKEN;
    must(o.is_broken == (m.why != NULL));
    o.left = o.is_broken ? 0 : in.n;
    hash_end(&h, &o.heard);
    mconn_fini(&m);
    return o;
}

void fuzz_one(struct span in)
{
    struct outcome whole = run(in, SIZE_MAX), cut = run(in, 3);

    must(hash_eq(&whole.heard, &cut.heard));
    must(whole.messages == cut.messages && whole.left == cut.left);
    must(whole.is_broken == cut.is_broken);
}
