/* sync - which blocks to ask whom for, until we have caught up: pure.
 *
 * Source:  CometBFT v0.38 blocksync/{pool,reactor}.go.
 * Shapes:  blocks from `next` on are wanted, SYNC_WINDOW of them at a time; a
 *          slot holds one, of at most BLOCKSYNC_MSG_BYTES_MAX.  A peer is
 *          believed about itself only.
 *          Questions go out in groups, and answers then come in groups: a
 *          message by itself costs every process on its way a wake-up.
 * Units:   microseconds of a clock that does not jump.
 * Memory:  fixed, but for the bodies, which the shell owns: what it gets back
 *          by sync_take it frees.  A window of large blocks is narrowed; of
 *          what comes while SYNC_BYTES_MAX wait only the next two are kept. */
#ifndef WARREN_CONSENSUS_SYNC_H
#define WARREN_CONSENSUS_SYNC_H

#include "base/base.h"

enum {
    SYNC_WINDOW    = 64,
    SYNC_PEERS_MAX = 256,
    SYNC_ASKED_MAX = 20, /* in flight, per peer; */
    SYNC_ASKED_LOW = 10, /* then it is not asked more until so few are left */
    SYNC_GROUPS    = 4,  /* the window is moved by such a part of it */
    SYNC_BYTES_MAX = 128 << 20,
    SYNC_SOON      = 8, /* so near to `next`, a second peer is asked early */
    SYNC_SOON_US   = 2000000, /* and where the first is slow by so much */
    SYNC_SILENT_US = 15000000,
    SYNC_DOUBT_US  = 8000000,  /* what is owed so long makes us doubt */
    SYNC_RATE_MIN  = 64 << 10, /* bytes a second: then it is not silence */
    SYNC_STALL_US  = 60000000, /* without a block: we go on without */
    SYNC_EMPTY_MAX = 5,        /* "no block" for what was said to be there */
    SYNC_BAN_S     = 60,
    SYNC_LIE_BAN_S = 3600, /* for what is proved wrong */
    SYNC_AHEAD     = 20, /* by so many most peers lead us: we are left behind */
};

struct sync_peer {
    uint64_t number;
    int64_t  base, height; /* of its blocks; height -1: not known yet */
    int64_t  lacks;        /* up to here it has none after all; 0: it has */
    unsigned empty;        /* how often it said so, without a block between */
    bool     has_given;    /* a block that was asked of it */
    bool     is_full;      /* SYNC_ASKED_MAX was reached */
    size_t   asked;
    size_t   owed;     /* answers to come, those given up included */
    uint64_t since_us; /* of its last answer, or of the first question */
    /* When so many more answers have come, the question of mark_us has been
     * answered; answers come in the order of questions. */
    size_t   mark_left;
    uint64_t mark_us, mark_bytes;
};

struct sync_ask {
    uint64_t peer; /* 0: nobody */
    uint64_t at_us;
};

struct sync_slot {
    struct sync_ask ask[2];
    uint64_t        from; /* whose block it is, 0: none yet */
    uint8_t        *body; /* malloc()ed by the shell */
    size_t          n;
};

struct sync {
    int64_t          next; /* the lowest height that we lack */
    int64_t          edge; /* below it may be asked for */
    struct sync_slot slots[SYNC_WINDOW];
    struct sync_peer peers[SYNC_PEERS_MAX];
    size_t           peer_count, bytes, largest;
};

void sync_init(struct sync *s);
/* sync_begin - from this height on.  There must be no bodies. */
void sync_begin(struct sync *s, int64_t next);

/* sync_peer_up - false when there are too many: do without this one. */
bool sync_peer_up(struct sync *s, uint64_t peer);
/* sync_peer_down - what was asked of it is asked of others; blocks that came
 * from it stay. */
void sync_peer_down(struct sync *s, uint64_t peer);

/* sync_status - what a peer says that it has.  What it lacked before may be
 * there now.
 *
 * Why it is to be disconnected, or NULL: base and height never shrink. */
const char *sync_status(struct sync *s, uint64_t peer, int64_t base,
                        int64_t height);
/* sync_without - the peer has no such block after all.
 *
 * Why it is to be disconnected, or NULL: it says again and again that it has
 * what it then has not. */
const char *sync_without(struct sync *s, uint64_t now_us, uint64_t peer,
                         int64_t height);

/* sync_answer - an answer of n bytes came; false when none was owed: so it can
 * be told before anything is decoded. */
bool sync_answer(struct sync *s, uint64_t now_us, uint64_t peer, size_t n);

/* sync_next_ask - the next request to send; false when there is none now. */
bool sync_next_ask(struct sync *s, uint64_t now_us, uint64_t *peer,
                   int64_t *height);
/* sync_excuse - we stood still for so long: peers need not have answered. */
void sync_excuse(struct sync *s, uint64_t now_us, uint64_t by_us);
/* sync_late - a peer that does not answer; 0: none. */
uint64_t sync_late(const struct sync *s, uint64_t now_us);

enum sync_got {
    SYNC_KEPT,    /* body belongs to s now */
    SYNC_TWICE,   /* here by now, from somebody else, or done; or no room */
    SYNC_UNASKED, /* to be disconnected */
};
enum sync_got sync_got(struct sync *s, uint64_t now_us, uint64_t peer,
                       int64_t height, uint8_t *body, size_t n);

/* sync_pair - the block at height and the one above, when both are here. */
bool sync_pair(const struct sync *s, int64_t height,
               const struct sync_slot **first, const struct sync_slot **second);
/* sync_advance - `next` is done: its body, for the shell to free. */
uint8_t *sync_advance(struct sync *s);
/* sync_take - the body at height, which is wanted anew; or NULL. */
uint8_t *sync_take(struct sync *s, int64_t height);

/* sync_top - the highest that a peer says it has, of those that have our next
 * block or none above it; -1 while none has said. */
int64_t sync_top(const struct sync *s);
/* sync_believed - the same of those only who do not owe us blocks for long
 * and, where some have given blocks, of these: anybody can name a height. */
int64_t sync_believed(const struct sync *s, uint64_t now_us);
bool    sync_is_caught_up(const struct sync *s, uint64_t now_us);
/* sync_have_all_told - of those who are connected, their heights. */
bool sync_have_all_told(const struct sync *s);
/* sync_is_left_behind - most peers are far above height. */
bool sync_is_left_behind(const struct sync *s, int64_t height);

#endif
