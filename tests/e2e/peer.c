/* peer - another node of the network, as rude as its script.
 *
 *   peer HOST PORT NETWORK [SEED]
 *
 * Connects, greets as an honest node, then does what stdin says, a command a
 * line, bytes in hex:
 *
 *   m CH BYTES      a message on a channel, in honest packets
 *   x N CH BYTES    the same N times
 *   r BYTES         bytes into the encrypted stream: packets as written
 *   w BYTES         bytes onto the wire, beside the encryption
 *   s SEED BYTES    sign them: prints "sig HEX"
 *   q               end
 *
 * Prints "up ID", "got CH BYTES" for each message, "end WHY".  SEED is 32
 * bytes of an ed25519 key in hex; without one the key is fresh. */
#include "base/text.h"
#include "crypto/random.h"
#include "p2p/greet.h"
#include "p2p/mconn.h"
#include "pb/pb.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IN_BYTES    = 1 << 18,
    OUT_BYTES   = 64 << 20,
    LINE_BYTES  = 40 << 20,
    SHOWN_BYTES = 4096,
    PAYLOAD     = 1024,
};

static const uint8_t channel_ids[] = { 0x00, 0x20, 0x21, 0x22, 0x23,
                                       0x30, 0x38, 0x40, 0x60, 0x61 };

static struct {
    int               fd;
    bool              is_up;
    struct privkey    key;
    struct greet_self self;
    struct greet      greet;
    struct mconn      mconn;
    uint8_t           in[IN_BYTES];
    size_t            in_n;
    struct buf        plain, out, line;
} me;

_Noreturn static void end(const char *why)
{
    printf("end %s\n", why);
    exit(0);
}

static void flush(void)
{
    ssize_t n;

    while (me.out.len > 0) {
        n = send(me.fd, me.out.p, me.out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            end("the other side closed");
        memmove(me.out.p, me.out.p + n, me.out.len - (size_t)n);
        me.out.len -= (size_t)n;
    }
}

/* ---- saying ---- */

static void say_packets(uint8_t channel, struct span data)
{
    size_t at = 0;

    do {
        size_t     n = data.n - at < PAYLOAD ? data.n - at : PAYLOAD;
        uint8_t    mem[PAYLOAD + 64], head[16];
        struct buf body, b;

        buf_use(&body, mem, sizeof mem);
        buf_byte(&body, 0x08);
        buf_uvarint(&body, channel);
        if (at + n == data.n) {
            buf_byte(&body, 0x10);
            buf_byte(&body, 1);
        }
        buf_byte(&body, 0x1a);
        buf_uvarint(&body, n);
        buf_add(&body, SPAN(data.p + at, n));
        buf_use(&b, head, sizeof head);
        buf_uvarint(&b, body.len + 1 + (body.len >= 128 ? 2 : 1));
        buf_byte(&b, 0x1a);
        buf_uvarint(&b, body.len);
        secret_write(&me.greet.secret, &me.out, buf_span(&b));
        secret_write(&me.greet.secret, &me.out, buf_span(&body));
        at += n;
    } while (at < data.n);
}

static struct span hex_in_place(char *text)
{
    size_t n = strlen(text) / 2;

    if (!hex_decode((uint8_t *)text, n, span_str(text)))
        end("the script has bad hex");
    return SPAN(text, n);
}

static void sign(char *seed, char *bytes)
{
    struct privkey k;
    uint8_t        sig[64];

    if (!privkey_from_seed(&k, KEY_TYPE_ED25519, hex_in_place(seed)))
        end("the script has a bad seed");
    privkey_sign(sig, &k, hex_in_place(bytes));
    printf("sig ");
    for (size_t i = 0; i < sizeof sig; i++)
        printf("%02x", sig[i]);
    printf("\n");
}

static void obey(char *line)
{
    char       *save = NULL, *word = strtok_r(line, " ", &save);
    char       *a = strtok_r(NULL, " ", &save), *b = strtok_r(NULL, " ", &save);
    char       *c     = strtok_r(NULL, " ", &save);
    long        times = 1;
    struct span bytes;

    if (!word || *word == 'q')
        end("the script ended");
    if (*word == 's' && a && b) {
        sign(a, b);
    } else if (*word == 'w' && a) {
        buf_add(&me.out, hex_in_place(a));
    } else if (*word == 'r' && a) {
        secret_write(&me.greet.secret, &me.out, hex_in_place(a));
    } else if (*word == 'm' || *word == 'x') {
        if (*word == 'x') {
            times = strtol(a, NULL, 10);
            a     = b;
            b     = c;
        }
        bytes = b ? hex_in_place(b) : (struct span){ 0 };
        while (times-- > 0) {
            say_packets((uint8_t)strtol(a, NULL, 16), bytes);
            flush();
        }
    }
}

/* Whole lines of the script, once we are up. */
static void read_script(void)
{
    static char *at;
    ssize_t      n;
    char        *nl;

    at = (char *)buf_room(&me.line, 1 << 16);
    if (!at)
        end("the script has too long a line");
    n = read(0, at, 1 << 16);
    me.line.len -= 1 << 16;
    if (n <= 0)
        end("the script ended");
    me.line.len += (size_t)n;
    while ((nl = memchr(me.line.p, '\n', me.line.len))) {
        size_t used = (size_t)(nl - (char *)me.line.p) + 1;

        *nl = 0;
        obey((char *)me.line.p);
        memmove(me.line.p, me.line.p + used, me.line.len - used);
        me.line.len -= used;
    }
}

/* ---- hearing ---- */

static void hear_packets(void)
{
    struct span          in = buf_span(&me.plain);
    struct mconn_message m;
    enum mconn_got       got;

    while ((got = mconn_read(&me.mconn, &in, &m)) == MCONN_MESSAGE) {
        printf("got %02x ", m.channel);
        for (size_t i = 0; i < m.bytes.n && i < SHOWN_BYTES; i++)
            printf("%02x", m.bytes.p[i]);
        printf("\n");
    }
    if (got == MCONN_BROKEN)
        end(me.mconn.why);
    if (in.n)
        memmove(me.plain.p, in.p, in.n);
    me.plain.len = in.n;
    if (mconn_has_output(&me.mconn)) {
        uint8_t    mem[16384];
        struct buf b;

        buf_use(&b, mem, sizeof mem);
        mconn_write(&me.mconn, &b, 1024);
        secret_write(&me.greet.secret, &me.out, buf_span(&b));
    }
}

static void come_up(void)
{
    struct mconn_config config = {
        PAYLOAD, PAYLOAD, 0, 0, 600000000, 600000000
    };
    struct mconn_channel table[COUNT(channel_ids)];
    char                 id[NODE_ID_TEXT + 1];

    for (size_t i = 0; i < COUNT(channel_ids); i++)
        table[i] = (struct mconn_channel){ channel_ids[i], 1, 10, 32 << 20 };
    mconn_init(&me.mconn, &config, table, COUNT(table), SPAN_OF(channel_ids),
               0);
    node_id_print(id, me.greet.id);
    printf("up %s\n", id);
    me.is_up = true;
}

static void hear(void)
{
    ssize_t     n = recv(me.fd, me.in + me.in_n, sizeof me.in - me.in_n, 0);
    struct span in;

    if (n <= 0)
        end("the other side closed");
    in = SPAN(me.in, me.in_n + (size_t)n);
    for (;;) {
        size_t before = in.n;

        if (!me.is_up) {
            switch (greet_read(&me.greet, &in, &me.plain, &me.out)) {
            case GREET_WAIT: break;
            case GREET_DONE: come_up(); break;
            default: end(me.greet.why);
            }
        } else if (secret_read(&me.greet.secret, &in, &me.plain, &me.out) !=
                   ACCEPT) {
            end("a broken frame");
        }
        if (me.is_up)
            hear_packets();
        if (in.n == before)
            break;
    }
    if (in.n)
        memmove(me.in, in.p, in.n);
    me.in_n = in.n;
}

/* ---- connecting ---- */

static void dial(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *a;

    if (getaddrinfo(host, port, &hints, &a) != 0)
        end("no such host");
    me.fd = socket(a->ai_family, SOCK_STREAM, 0);
    if (me.fd < 0 || connect(me.fd, a->ai_addr, a->ai_addrlen) != 0)
        end("cannot connect");
    freeaddrinfo(a);
}

static void introduce(char *network, char *seed)
{
    static uint8_t mem[4096];
    static char    id[NODE_ID_TEXT + 1];
    struct arena   arena;
    struct pubkey  pub;
    uint8_t        ephemeral[32];

    if (!seed)
        privkey_generate(&me.key, KEY_TYPE_ED25519);
    else if (!privkey_from_seed(&me.key, KEY_TYPE_ED25519, hex_in_place(seed)))
        end("a bad seed");
    privkey_public(&pub, &me.key);
    node_id_of(me.self.id, &pub);
    node_id_print(id, me.self.id);
    me.self.key  = &me.key;
    me.self.info = (struct node_info){
        .protocol_version = { 8, 11, 0 },
        .default_node_id  = span_str(id),
        .listen_addr      = span_str("tcp://127.0.0.1:1"),
        .network          = span_str(network),
        .version          = span_str("0.38.0"),
        .channels         = SPAN_OF(channel_ids),
        .moniker          = span_str("rude"),
        .other            = { span_str("on"), span_str("") },
    };
    arena_use(&arena, mem, sizeof mem);
    me.self.hello = pb_encode_delimited(&node_info_desc, &me.self.info, &arena);
    random_bytes(ephemeral, sizeof ephemeral);
    greet_init(&me.greet, &me.self, NULL, ephemeral, &me.out);
}

int main(int argc, char **argv)
{
    crypto_setup();
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 4)
        end("usage: peer HOST PORT NETWORK [SEED]");
    buf_init(&me.out, OUT_BYTES);
    buf_init(&me.plain, IN_BYTES);
    buf_init(&me.line, LINE_BYTES);
    dial(argv[1], argv[2]);
    introduce(argv[3], argc > 4 ? argv[4] : NULL);
    for (;;) {
        struct pollfd p[2] = {
            { .fd = me.fd, .events = POLLIN },
            { .fd = me.is_up ? 0 : -1, .events = POLLIN },
        };

        flush();
        if (me.out.len > 0) {
            p[0].events |= POLLOUT;
            p[1].fd = me.out.len > OUT_BYTES / 2 ? -1 : p[1].fd;
        }
        if (poll(p, 2, -1) < 0)
            end("poll");
        if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
            hear();
        if (p[1].revents)
            read_script();
    }
}
