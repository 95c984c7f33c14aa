/* heights - blocks read one after the other, each once, for who wants them.
 *
 * The store publishes each height; a hint may be lost, so while blocks are
 * wanted a timer asks for what was missed.  Nothing is read while nobody
 * wants it: those heights are passed over.
 *
 * Memory:  one block at a time; struct heights must not move. */
#ifndef WARREN_HEIGHTS_H
#define WARREN_HEIGHTS_H

#include "api/shell.h"
#include "proto/store.pb-c.h"

struct heights_fns {
    bool (*is_wanted)(void *ctx);
    /* block - the next height; b is gone afterwards.  heights_done ends it,
     * from inside or later. */
    void (*block)(void *ctx, const Store__Block *b);
};

struct heights {
    struct shell             *shell;
    const struct heights_fns *fns;
    void                     *ctx;
    int64_t                   next, last; /* to be read; known to exist */
    int64_t                   reading;    /* 0: none */
    struct timer              poll;
};

void heights_open(struct heights *h, struct shell *s,
                  const struct heights_fns *fns, void *ctx);
void heights_close(struct heights *h);

/* heights_follow - blocks are wanted now: from the one after `current` on; 0:
 * after those that were there when they were wanted last. */
void heights_follow(struct heights *h, int64_t current);
/* heights_done - with the block; it comes again later when !is_ok. */
void heights_done(struct heights *h, bool is_ok);
/* heights_ask - something else of the store. */
void heights_ask(struct heights *h, const Store__Request *req, bus_reply_fn *fn,
                 void *ctx);
/* heights_reply - of that kind, to be freed; else NULL. */
Store__Reply *heights_reply(enum err status, struct span body,
                            Store__Reply__KindCase kind);

#endif
