/* frames - messages out of the frames that a WebSocket client sends.
 *
 * Source:  RFC 6455 section 5; wslay takes frames apart (lib/loop/frames.c is
 *          its only includer), verdicts and close reasons are those of the
 *          server that CometBFT v0.38 uses.
 * Shapes:  a message is at most message_max bytes, in any number of frames;
 *          text and binary are the same, and text need not be UTF-8.
 * Memory:  what has come of one message, and 4 KiB. */
#ifndef WARREN_FRAMES_H
#define WARREN_FRAMES_H

#include "base/buf.h"

struct frames_reader;

struct frames_reader *frames_new(size_t message_max);
void                  frames_free(struct frames_reader *r);

enum frames_what {
    FRAMES_MORE,    /* nothing yet: all input is taken */
    FRAMES_MESSAGE, /* whole */
    FRAMES_PING,
    FRAMES_PONG,
    FRAMES_CLOSE,  /* the client is done: payload is to be sent back */
    FRAMES_BROKEN, /* not WebSocket: payload says so in a close frame */
};

/* frames_next - the next thing in *in, which shrinks by what was taken.  Call
 * it until FRAMES_MORE, also with an empty *in: some may be kept inside.
 * payload is borrowed until the next call; after CLOSE and BROKEN there is
 * none. */
enum frames_what frames_next(struct frames_reader *r, struct span *in,
                             struct span *payload);

/* frames_head - the header of a server's frame, at most 10 bytes. */
enum { FRAME_TEXT = 1, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };
void frames_head(struct buf *out, int opcode, size_t payload);

#endif
