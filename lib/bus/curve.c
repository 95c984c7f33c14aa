/* CURVE keys, and the allow-list that libzmq asks by ZAP (RFC 27): without
 * it any key may connect. */
#include "bus/wire.h"

#include "base/log.h"

enum { ZAP_FRAMES = 7 };

static bool is_key(const char *text)
{
    uint8_t key[KEY_BYTES];

    return strlen(text) == KEY_TEXT_BYTES - 1 && zmq_z85_decode(key, text);
}

enum err bus_set_key(struct bus *b, const char *secret)
{
    if (!is_key(secret) || zmq_curve_public(b->public_key, secret) != 0)
        return fail(ERR_KEY, "the CURVE secret key is not 40 characters of "
                             "Z85");
    memcpy(b->secret_key, secret, KEY_TEXT_BYTES);
    return OK;
}

enum err bus_allow(struct bus *b, const char *public_key)
{
    struct bus_zap *z = &b->zap;

    if (!is_key(public_key))
        return fail(ERR_CONFIG,
                    "curve_allow: \"%s\" is not a public key of 40 "
                    "characters of Z85",
                    public_key);
    if (z->allowed_count == ALLOWED_MAX)
        return fail(ERR_CONFIG, "curve_allow: more than %d keys", ALLOWED_MAX);
    zmq_z85_decode(z->allowed[z->allowed_count++], public_key);
    return OK;
}

void bus_make_key(char secret[BUS_KEY_TEXT], char public_key[BUS_KEY_TEXT])
{
    must(zmq_curve_keypair(public_key, secret) == 0);
}

static bool is_allowed(const struct bus_zap *z, struct span key)
{
    for (size_t i = 0; i < z->allowed_count; i++)
        if (span_eq(key, SPAN(z->allowed[i], KEY_BYTES)))
            return true;
    return false;
}

static void send_text(void *sock, const char *text, int flags)
{
    zmq_msg_t m;

    must(zmq_msg_init_size(&m, strlen(text)) == 0);
    memcpy(zmq_msg_data(&m), text, strlen(text));
    if (frame_send(&m, sock, flags) < 0)
        zmq_msg_close(&m);
}

/* Request: version, id, domain, address, identity, mechanism, credentials. */
static void answer(struct bus_zap *z, zmq_msg_t *frame)
{
    bool is_fine = span_eq(frame_span(&frame[5]), span_str("CURVE")) &&
                   is_allowed(z, frame_span(&frame[6]));

    if (!is_fine)
        log_event(LOG_WARN, "bus: a stranger was turned away",
                  LOG_HEXV("key", frame_span(&frame[6])));
    send_text(z->sock.sock, "1.0", ZMQ_SNDMORE);
    frame_send(&frame[1], z->sock.sock, ZMQ_SNDMORE);
    send_text(z->sock.sock, is_fine ? "200" : "400", ZMQ_SNDMORE);
    send_text(z->sock.sock, is_fine ? "OK" : "not in curve_allow", ZMQ_SNDMORE);
    send_text(z->sock.sock, "", ZMQ_SNDMORE);
    send_text(z->sock.sock, "", 0);
}

static bool on_zap(void *ctx)
{
    struct bus_zap *z = ctx;

    while (zsock_can_receive(&z->sock)) {
        zmq_msg_t frame[ZAP_FRAMES];
        size_t    n        = 0;
        bool      has_more = true;

        while (has_more && n < ZAP_FRAMES) {
            zmq_msg_init(&frame[n]);
            must(frame_receive(&frame[n], z->sock.sock) >= 0);
            has_more = zmq_msg_more(&frame[n++]);
        }
        must(n == ZAP_FRAMES); /* libzmq is the only one who asks */
        answer(z, frame);
        while (n > 0)
            zmq_msg_close(&frame[--n]);
    }
    return false;
}

enum err zap_open(struct bus *b)
{
    struct bus_zap *z = &b->zap;

    if (z->sock.sock)
        return OK;
    zsock_open(&z->sock, b, ZMQ_REP, SEND_QUEUE_MAX, SEND_QUEUE_MAX);
    must(zmq_bind(z->sock.sock, "inproc://zeromq.zap.01") == 0);
    zsock_watch(&z->sock, b, on_zap, z);
    return OK;
}

void zap_close(struct bus *b)
{
    zsock_close(&b->zap.sock);
}
