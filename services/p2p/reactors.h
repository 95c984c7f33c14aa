/* reactors - the services that speak to peers through us, and what waits for
 * each of them.
 *
 * Shapes:  every push to a reactor has a number; it confirms the last it
 *          dealt with.  At most REACTOR_BYTES wait unconfirmed, whatever the
 *          bus would take: then peers are not read from.
 * Company: frames of a patient channel leave with the next push, or by
 *          themselves PUSH_PACE_US after the one before.
 * Memory:  one push under construction for each. */
#ifndef WARREN_P2P_REACTORS_H
#define WARREN_P2P_REACTORS_H

#include "bus/bus.h"
#include "peers/gossip.h"

enum {
    REACTORS_MAX  = 8,
    PUSHES_MAX    = 4096,     /* unconfirmed, of one reactor */
    REACTOR_BYTES = 32 << 20, /* unconfirmed or waiting, before it is full */
    PUSH_BYTES    = 1 << 20,  /* enough for a push */
    PUSH_PACE_US  = 5000,     /* between two of what is patient */
};

struct push {
    uint64_t number;
    size_t   bytes;
};

struct reactors;

struct reactor {
    struct reactors *all;
    bool             is_used;
    uint32_t         client;
    uint8_t          channels[GOSSIP_CHANNELS_MAX];
    size_t           channel_count;
    struct buf       outbox;
    bool             has_frames;
    struct push      pushes[PUSHES_MAX]; /* a ring */
    size_t           first, count, unconfirmed;
    uint64_t         pushed_us; /* the last one */
    bool             is_paced;  /* its timer runs */
    struct deferred  flush;
    struct timer     retry, pace;
};

struct reactors {
    struct bus_server *server;
    struct reactor     reactor[REACTORS_MAX];
    struct span        patient; /* ids of channels */
    uint64_t           next_number;
    /* on_room - a reactor that was full is not any more, or is gone. */
    void (*on_room)(void *ctx);
    void           *ctx;
    struct deferred room;
};

/* reactors_init - patient is borrowed for as long as r lives. */
void reactors_init(struct reactors *r, struct loop *l, struct span patient,
                   void (*on_room)(void *ctx), void *ctx);
void reactors_fini(struct reactors *r);

/* reactors_register - from now on this client is told about these channels.
 * Who had them before is told no more.  NULL when there are too many. */
struct reactor *reactors_register(struct reactors *r, uint32_t client,
                                  struct span channels);
/* reactors_gone - true when the client was a reactor. */
bool            reactors_gone(struct reactors *r, uint32_t client);
struct reactor *reactors_client(struct reactors *r, uint32_t client);
struct reactor *reactors_channel(struct reactors *r, uint8_t channel);

void reactor_tell_peer(struct reactor *r, const struct gossip_peer *p);
void reactors_tell_peer(struct reactors *r, const struct gossip_peer *p);
enum reactor_told { REACTOR_GOES_ON, REACTOR_FILLED, REACTOR_OVERFLOWS };

/* reactor_tell_frame - when filled, read no more; on overflow it was not
 * told, and the connection must end since nothing is left out silently. */
enum reactor_told reactor_tell_frame(struct reactor            *r,
                                     const struct gossip_frame *f);
/* reactor_seen - it confirms pushes up to this number. */
void reactor_seen(struct reactor *r, uint64_t number);
bool reactor_is_full(const struct reactor *r);

#endif
