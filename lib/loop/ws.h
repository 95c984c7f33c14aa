/* ws - WebSocket connections of clients.
 *
 * Source:  RFC 6455; the handshake, times and close codes of CometBFT v0.38's
 *          server: a ping every 27 s, and a client is gone from whom nothing
 *          (a message or a pong) came for 30 s, or who does not take a message
 *          within 10 s.
 * Memory:  messages wait in a queue that the caller bounds (ws_queued,
 *          ws_queued_bytes); what is sent to many is held once. */
#ifndef WARREN_WS_H
#define WARREN_WS_H

#include "base/buf.h"
#include "loop/http.h"

struct ws;

struct ws_fns {
    /* on_message - may close the connection. */
    void (*on_message)(void *ctx, struct span message);
    /* on_sent - a message left the queue; mark is the one it was sent with. */
    void (*on_sent)(void *ctx, void *mark);
    /* on_close - gone; not called after ws_close. */
    void (*on_close)(void *ctx);
};

/* ws_accept - answer the handshake: 101, or why not, and then NULL. */
struct ws *ws_accept(struct loop *l, struct http_request *r, size_t message_max,
                     const struct ws_fns *fns, void *ctx);

/* Text that many messages share; it lives until none needs it. */
struct ws_text;
/* ws_text_new - takes over what b holds. */
struct ws_text *ws_text_new(struct buf *b);
void            ws_text_drop(struct ws_text *t);
size_t          ws_texts_bytes(void); /* of all that live */

/* ws_send - a message of head and tail (NULL for none). */
void ws_send(struct ws *w, struct span head, struct ws_text *tail, void *mark);
size_t ws_queued(const struct ws *w);
size_t ws_queued_bytes(const struct ws *w);

/* ws_pause - read no more; at most a few KiB of what has come are kept. */
void ws_pause(struct ws *w, bool is_paused);
/* ws_close - the messages that wait are dropped. */
void ws_close(struct ws *w, uint16_t code);

#endif
