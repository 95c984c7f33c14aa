#include "base/repeat.h"

uint64_t repeat_hash(uint64_t seed, struct span s)
{
    uint64_t h =
        (seed + UINT64_C(0xcbf29ce484222325)) * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * UINT64_C(0x100000001b3);
    h = (h ^ s.n) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

void repeat_init(struct repeats *r, repeat_held_fn *held, void *ctx)
{
    *r = (struct repeats){ .held = held, .ctx = ctx };
}

static void tell(struct repeats *r, struct repeat_entry *e)
{
    if (e->held)
        r->held(r->ctx, e);
    e->held = 0;
}

static void begin(struct repeat_entry *e, uint64_t key, uint64_t now)
{
    e->key      = key;
    e->since_us = now;
    e->passed   = 0;
    e->held     = 0;
    e->text[0]  = 0;
}

/* The entry of key in a window that lasts. */
static struct repeat_entry *entry_of(struct repeats      *r,
                                     struct repeat_entry *all, uint64_t key,
                                     uint64_t now)
{
    size_t               at     = (key >> 8) % (REPEAT_SLOTS / REPEAT_WAYS);
    struct repeat_entry *set    = all + at * REPEAT_WAYS;
    struct repeat_entry *oldest = set;

    for (size_t i = 0; i < REPEAT_WAYS; i++) {
        if (set[i].key == key) {
            oldest = &set[i];
            break;
        }
        if (!set[i].key || (oldest->key && set[i].since_us < oldest->since_us))
            oldest = &set[i];
    }
    if (oldest->key != key || now - oldest->since_us >= REPEAT_WINDOW_US) {
        tell(r, oldest);
        begin(oldest, key, now);
    }
    return oldest;
}

static bool passes(struct repeat_entry *e, uint32_t max)
{
    if (e->passed < max)
        e->passed++;
    else
        e->held++;
    return e->held == 0;
}

struct repeat_entry *repeat_take(struct repeats *r, uint64_t event,
                                 uint64_t line, uint64_t now)
{
    struct repeat_entry *e;

    if (now - r->swept_us >= REPEAT_WINDOW_US)
        repeat_sweep(r, now);
    e = entry_of(r, r->line, line | 1, now);
    if (!passes(e, REPEAT_SAME_MAX))
        return e;
    e = entry_of(r, r->event, event | 1, now);
    return passes(e, REPEAT_EVENT_MAX) ? NULL : e;
}

bool repeat_is_event(const struct repeats *r, const struct repeat_entry *e)
{
    return e >= r->event && e < r->event + REPEAT_SLOTS;
}

static void sweep(struct repeats *r, struct repeat_entry *all, uint64_t now)
{
    for (size_t i = 0; i < REPEAT_SLOTS; i++) {
        if (!all[i].key || now - all[i].since_us < REPEAT_WINDOW_US)
            continue;
        tell(r, &all[i]);
        all[i].key = 0;
    }
}

void repeat_sweep(struct repeats *r, uint64_t now)
{
    r->swept_us = now;
    sweep(r, r->line, now);
    sweep(r, r->event, now);
}

void repeat_flush(struct repeats *r)
{
    repeat_sweep(r, UINT64_MAX);
    r->swept_us = 0;
}
