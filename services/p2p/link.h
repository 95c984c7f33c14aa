/* link - one connection to another node: socket, greeting, channels.
 *
 * The owner hears what happens through link_fns and decides; a link knows
 * nothing of other links.
 * Company: what is said on a patient channel leaves with the next message on
 *          another one, or after COMPANY_US: frames have a fixed size, and
 *          most are not full.
 * Memory:  input and output are bounded; a link that may not deliver leaves
 *          its input in the kernel. */
#ifndef WARREN_P2P_LINK_H
#define WARREN_P2P_LINK_H

#include "loop/stream.h"
#include "p2p/greet.h"
#include "p2p/mconn.h"
#include "p2p/meters.h"

struct link;

struct link_fns {
    /* on_connected - a dialled one, before it greets. */
    void (*on_connected)(void *ctx, struct link *l, const uint8_t *ip);
    /* on_greeted - with GREET_DONE the owner calls link_up or link_close. */
    void (*on_greeted)(void *ctx, struct link *l, enum greet_verdict v);
    /* on_message - false: deliver no more until link_resume. */
    bool (*on_message)(void *ctx, struct link *l, uint8_t channel,
                       struct span bytes);
    /* on_room - a channel became busy, or ready again. */
    void (*on_room)(void *ctx, struct link *l, uint8_t channel, bool is_busy);
    /* on_held - messages that are not whole take more memory than before; the
     * link may not be closed from inside. */
    void (*on_held)(void *ctx);
    /* on_gone - it ended by itself; is_fault: the other side broke a rule.
     * The owner calls link_close. */
    void (*on_gone)(void *ctx, struct link *l, const char *why, bool is_fault);
};

struct link_config {
    struct loop                *loop;
    const struct greet_self    *self;
    const struct mconn_config  *mconn;
    const struct mconn_channel *channels;
    size_t                      channel_count;
    struct span                 patient; /* ids of channels */
    uint32_t                    dial_ms;
    const struct link_fns      *fns;
    void                       *ctx;
};

struct link {
    const struct link_config *config;
    uint64_t                  number;
    struct stream            *stream;
    bool                      has_dialled;
    uint8_t                   dialled[ADDRESS_BYTES];
    bool                      is_up;
    char                      ip[IP_TEXT_MAX + 1];
    struct greet              greet;
    struct mconn              mconn;
    struct buf                plain; /* decrypted, not yet delivered */
    size_t                    plain_from;
    struct timer              timer;
    struct deferred           turn;
    uint64_t                  timer_us; /* when it fires */
    uint64_t                  end_us;   /* when an ending one is cut */
    uint64_t     company_us; /* when patient output leaves; 0: there is other */
    uint64_t     up_us, bytes_in, bytes_out;
    size_t       held;    /* when the owner was told last, or less */
    struct meter meter;   /* the owner's */
    bool         is_held; /* the owner asked to wait */
    bool         is_ending, is_closed;
    unsigned     depth; /* of calls on the stack */
};

struct link *link_accept(const struct link_config *config, uint64_t number,
                         int fd, const char *ip);
struct link *link_dial(const struct link_config *config, uint64_t number,
                       const uint8_t id[ADDRESS_BYTES], const char *address);

/* link_up - it is a peer from now on. */
void link_up(struct link *l);
/* link_close - end it; no function of the owner is called any more. */
void link_close(struct link *l);
/* link_end - the same, once what is queued was sent, or soon. */
void link_end(struct link *l);

/* link_send - MCONN_FULL asks for the link's end. */
enum mconn_queued link_send(struct link *l, uint8_t channel, struct parcel *p);
/* link_resume - deliver again, after the present events. */
void link_resume(struct link *l);

enum { LINK_SILENT_MS = 3000 }; /* the way may be cut */
/* link_is_silent - has what was sent been unacknowledged for so long? */
bool link_is_silent(const struct link *l, uint32_t ms);

#endif
