/* stream - buffered connections over TCP and unix sockets.
 *
 * Addresses: "tcp://host:port", "unix:///path", "host:port".
 * Memory:  output is bounded by stream_limit (default 64 MiB); input waits
 *          in the kernel while the stream is paused or on_data consumes
 *          nothing and the input buffer holds input_max bytes. */
#ifndef WARREN_STREAM_H
#define WARREN_STREAM_H

#include "loop/loop.h"

struct stream;

struct stream_fns {
    void (*on_open)(void *ctx); /* connected; not called for adopted ones */
    /* on_data - all bytes that wait, in one run; returns how many were used.
     * May close the stream. */
    size_t (*on_data)(void *ctx, struct span in);
    /* on_end - the other side will send no more; on_close follows at once
     * unless the stream is being closed or paused inside. */
    void (*on_end)(void *ctx);
    void (*on_drain)(void *ctx); /* output fell below a quarter of its limit */
    /* on_close - by the other side, an error or a time-out; why is static.
     * The stream is gone afterwards; not called after stream_close. */
    void (*on_close)(void *ctx, const char *why);
};

/* stream_connect - never NULL; failures arrive in on_close, which is never
 * called from inside a call.  Host names are resolved without blocking. */
struct stream *stream_connect(struct loop *l, const char *address,
                              uint32_t timeout_ms, const struct stream_fns *fns,
                              void *ctx);
struct stream *stream_adopt(struct loop *l, int fd,
                            const struct stream_fns *fns, void *ctx);
void           stream_close(struct stream *s); /* drops unsent output */
/* stream_close_flushed - close once what is written has been sent, or after
 * timeout_ms. */
void stream_close_flushed(struct stream *s, uint32_t timeout_ms);
/* stream_write - false (and nothing written) when the limit would be passed. */
NODISCARD bool stream_write(struct stream *s, struct span bytes);
size_t         stream_pending(const struct stream *s);
void stream_limits(struct stream *s, size_t output_max, size_t input_max);
void stream_pause(struct stream *s, bool is_paused); /* reading */
int  stream_fd(const struct stream *s);

struct listener;
/* listener_open - accept on address; on_accept owns fd.  peer is
 * "ip:port" or "unix".  Port 0 takes a free one: see listener_port. */
NODISCARD enum err
listener_open(struct listener **out, struct loop *l, const char *address,
              void (*on_accept)(void *ctx, int fd, const char *peer),
              void *ctx);
uint16_t listener_port(const struct listener *l);
void     listener_pause(struct listener *l, bool is_paused);
void     listener_close(struct listener *l);

#endif
