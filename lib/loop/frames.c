#include "loop/frames.h"

#include "base/text.h"

#include <stdlib.h>
#include <wslay/wslay.h>

enum {
    CONTROL_MAX  = 125,
    BYTES_KEPT   = 64 << 10, /* a larger message's room is given back */
    CODE_BROKEN  = 1002,
    CODE_TOO_BIG = 1009,
};

struct frames_reader {
    struct wslay_frame_context *wslay;
    struct span                 in;
    struct buf                  message, control;
    bool                        is_open;   /* frames of a message came */
    bool                        is_whole;  /* the last call gave it out */
    bool                        is_inside; /* a frame's end is to come */
    uint64_t                    left;      /* bytes of that frame */
};

static ssize_t take(uint8_t *out, size_t n, int flags, void *reader)
{
    struct frames_reader *r = reader;

    UNUSED(flags);
    if (n > r->in.n)
        n = r->in.n;
    if (n == 0)
        return -1;
    memcpy(out, r->in.p, n);
    r->in = SPAN(r->in.p + n, r->in.n - n);
    return (ssize_t)n;
}

struct frames_reader *frames_new(size_t message_max)
{
    static const struct wslay_frame_callbacks calls = { .recv_callback = take };
    struct frames_reader                     *r     = calloc(1, sizeof *r);

    must(r != NULL);
    must(wslay_frame_context_init(&r->wslay, &calls, r) == 0);
    buf_init(&r->message, message_max);
    buf_init(&r->control, CONTROL_MAX);
    return r;
}

void frames_free(struct frames_reader *r)
{
    wslay_frame_context_free(r->wslay);
    buf_fini(&r->message);
    buf_fini(&r->control);
    free(r);
}

/* ---- verdicts ---- */

static enum frames_what broken(struct frames_reader *r, uint16_t code,
                               const char *why, struct span *payload)
{
    buf_clear(&r->control);
    buf_byte(&r->control, (uint8_t)(code >> 8));
    buf_byte(&r->control, (uint8_t)code);
    buf_str(&r->control, why);
    *payload = buf_span(&r->control);
    return FRAMES_BROKEN;
}

static void add(struct buf *why, const char *text)
{
    buf_str(why, why->len ? ", " : "");
    buf_str(why, text);
}

/* What is wrong with a frame's header, if anything. */
static void judge(struct buf *why, const struct frames_reader *r,
                  const struct wslay_frame_iocb *f)
{
    static const char *const rsv[] = { "RSV1 set", "RSV2 set", "RSV3 set" };
    char                     text[32];
    struct buf               opcode;

    for (int i = 0; i < 3; i++)
        if (f->rsv & 4 >> i)
            add(why, rsv[i]);
    switch (f->opcode) {
    case WSLAY_CONTINUATION_FRAME:
        if (!r->is_open)
            add(why, "continuation after FIN");
        break;
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        if (r->is_open)
            add(why, "data before FIN");
        break;
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG: break;
    default:
        buf_use(&opcode, text, sizeof text);
        buf_printf(&opcode, "bad opcode %d", f->opcode);
        add(why, buf_cstr(&opcode));
    }
    if (!f->mask)
        add(why, "bad MASK");
}

static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013) ||
           (code >= 3000 && code <= 4999);
}

static enum frames_what closed(struct frames_reader *r, struct span *payload)
{
    struct span got = buf_span(&r->control);
    unsigned    code;
    char        text[32];
    struct buf  why;

    *payload = SPAN(got.p, 0);
    if (got.n < 2)
        return FRAMES_CLOSE;
    code = (unsigned)(got.p[0] << 8 | got.p[1]);
    if (!is_close_code(code)) {
        buf_use(&why, text, sizeof text);
        buf_printf(&why, "bad close code %u", code);
        return broken(r, CODE_BROKEN, buf_cstr(&why), payload);
    }
    if (!utf8_valid(SPAN(got.p + 2, got.n - 2)))
        return broken(r, CODE_BROKEN, "invalid utf8 payload in close frame",
                      payload);
    *payload = SPAN(got.p, 2);
    return FRAMES_CLOSE;
}

/* ---- frames ---- */

static enum frames_what begin(struct frames_reader          *r,
                              const struct wslay_frame_iocb *f,
                              struct span                   *payload)
{
    char       text[CONTROL_MAX];
    struct buf why;

    buf_use(&why, text, sizeof text - 2);
    judge(&why, r, f);
    if (why.len)
        return broken(r, CODE_BROKEN, buf_cstr(&why), payload);
    if (wslay_is_ctrl_frame(f->opcode)) {
        buf_clear(&r->control);
    } else {
        if (f->payload_length > r->message.max - r->message.len)
            return broken(r, CODE_TOO_BIG, "", payload);
        r->is_open = true;
    }
    r->left      = f->payload_length;
    r->is_inside = true;
    return FRAMES_MORE;
}

static enum frames_what end(struct frames_reader          *r,
                            const struct wslay_frame_iocb *f,
                            struct span                   *payload)
{
    r->is_inside = false;
    if (f->opcode == WSLAY_CONNECTION_CLOSE)
        return closed(r, payload);
    if (wslay_is_ctrl_frame(f->opcode)) {
        *payload = buf_span(&r->control);
        return f->opcode == WSLAY_PING ? FRAMES_PING : FRAMES_PONG;
    }
    if (!f->fin)
        return FRAMES_MORE;
    *payload    = buf_span(&r->message);
    r->is_open  = false;
    r->is_whole = true;
    return FRAMES_MESSAGE;
}

/* The message that was given out is over. */
static void forget_message(struct frames_reader *r)
{
    size_t max = r->message.max;

    r->is_whole = false;
    if (r->message.cap <= BYTES_KEPT) {
        buf_clear(&r->message);
        return;
    }
    buf_fini(&r->message);
    buf_init(&r->message, max);
}

static enum frames_what next(struct frames_reader *r, struct span *payload)
{
    struct wslay_frame_iocb f    = { 0 };
    enum frames_what        what = FRAMES_MORE;
    ssize_t                 n;

    while (what == FRAMES_MORE) {
        n = wslay_frame_recv(r->wslay, &f);
        if (n == WSLAY_ERR_WANT_READ)
            return FRAMES_MORE;
        if (n < 0)
            return broken(r, CODE_BROKEN, "malformed frame", payload);
        if (!r->is_inside)
            what = begin(r, &f, payload);
        if (what != FRAMES_MORE)
            return what;
        buf_add(wslay_is_ctrl_frame(f.opcode) ? &r->control : &r->message,
                SPAN(f.data, f.data_length));
        r->left -= f.data_length;
        if (r->left == 0)
            what = end(r, &f, payload);
    }
    return what;
}

enum frames_what frames_next(struct frames_reader *r, struct span *in,
                             struct span *payload)
{
    enum frames_what what;

    if (r->is_whole)
        forget_message(r);
    *payload = (struct span){ 0 };
    r->in    = *in;
    what     = next(r, payload);
    *in      = r->in;
    r->in    = (struct span){ 0 };
    return what;
}

void frames_head(struct buf *out, int opcode, size_t payload)
{
    buf_byte(out, (uint8_t)(0x80 | opcode));
    if (payload < 126) {
        buf_byte(out, (uint8_t)payload);
        return;
    }
    buf_byte(out, payload < 1 << 16 ? 126 : 127);
    for (int shift = payload < 1 << 16 ? 8 : 56; shift >= 0; shift -= 8)
        buf_byte(out, (uint8_t)((uint64_t)payload >> shift));
}
