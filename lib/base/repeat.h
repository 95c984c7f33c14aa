/* repeat - which lines of a log pass, and how many equal ones were held.
 *
 * Two lines are the same when event and identity are: the caller hashes into
 * them what tells lines apart.  In a window of ten seconds the first
 * REPEAT_SAME_MAX of a line pass, and the first REPEAT_EVENT_MAX of an event
 * whatever its fields; the first of anything therefore passes unless its
 * event has filled the window.
 * Held lines are counted, and told by `held` once: when their window is
 * over, when their place is needed, or by repeat_flush.
 * Units:   microseconds of any clock that does not go back.
 * Memory:  the struct, no more; forgotten entries count anew. */
#ifndef WARREN_REPEAT_H
#define WARREN_REPEAT_H

#include "base/base.h"

enum {
    REPEAT_SAME_MAX   = 10,
    REPEAT_EVENT_MAX  = 1000,
    REPEAT_WINDOW_US  = 10000000,
    REPEAT_SLOTS      = 256,
    REPEAT_WAYS       = 8, /* slots that a key may stand in */
    REPEAT_TEXT_BYTES = 256,
};

/* One line, or one event: what was held of it. */
struct repeat_entry {
    uint64_t key, since_us; /* key 0: free */
    uint32_t passed, held;
    int      level;
    char     text[REPEAT_TEXT_BYTES]; /* the caller's, for what it prints */
};

typedef void repeat_held_fn(void *ctx, const struct repeat_entry *e);

struct repeats {
    struct repeat_entry line[REPEAT_SLOTS], event[REPEAT_SLOTS];
    repeat_held_fn     *held;
    void               *ctx;
    uint64_t            swept_us;
};

void repeat_init(struct repeats *r, repeat_held_fn *held, void *ctx);
/* repeat_take - NULL when a line passes; else it is held and counted in the
 * entry returned, which is new when its held is 1: fill in level and text. */
struct repeat_entry *repeat_take(struct repeats *r, uint64_t event,
                                 uint64_t line, uint64_t now_us);
/* repeat_is_event - is it lines of all kinds of one event that e counts? */
bool repeat_is_event(const struct repeats *r, const struct repeat_entry *e);
/* repeat_sweep - tell what was held in windows that are over. */
void repeat_sweep(struct repeats *r, uint64_t now_us);
/* repeat_flush - tell all that was held, and forget everything. */
void repeat_flush(struct repeats *r);
/* repeat_hash - goes on from seed with the bytes of s. */
uint64_t repeat_hash(uint64_t seed, struct span s);

#endif
