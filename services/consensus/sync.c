#include "consensus/sync.h"

#include <string.h>

void sync_init(struct sync *s)
{
    memset(s, 0, sizeof *s);
}

void sync_begin(struct sync *s, int64_t next)
{
    memset(s->slots, 0, sizeof s->slots);
    s->next    = next;
    s->edge    = next;
    s->bytes   = 0;
    s->largest = 0;
    for (size_t i = 0; i < s->peer_count; i++)
        s->peers[i].asked = 0;
}

static struct sync_slot *slot_of(struct sync *s, int64_t height)
{
    if (height < s->next || height - s->next >= SYNC_WINDOW)
        return NULL;
    return &s->slots[height % SYNC_WINDOW];
}

static struct sync_peer *find(struct sync *s, uint64_t peer)
{
    for (size_t i = 0; i < s->peer_count; i++)
        if (s->peers[i].number == peer)
            return &s->peers[i];
    return NULL;
}

/* ---- peers ---- */

bool sync_peer_up(struct sync *s, uint64_t peer)
{
    if (s->peer_count == SYNC_PEERS_MAX)
        return false;
    s->peers[s->peer_count++] =
        (struct sync_peer){ .number = peer, .height = -1 };
    return true;
}

void sync_peer_down(struct sync *s, uint64_t peer)
{
    struct sync_peer *p = find(s, peer);

    if (!p)
        return;
    for (size_t i = 0; i < SYNC_WINDOW; i++)
        for (size_t k = 0; k < COUNT(s->slots[i].ask); k++)
            if (s->slots[i].ask[k].peer == peer)
                s->slots[i].ask[k].peer = 0;
    *p = s->peers[--s->peer_count];
}

const char *sync_status(struct sync *s, uint64_t peer, int64_t base,
                        int64_t height)
{
    struct sync_peer *p = find(s, peer);

    if (base < 0 || height < 0 || base > height)
        return "blocks that cannot be";
    if (!p)
        return NULL;
    if (p->height >= 0 && (height < p->height || base < p->base))
        return "fewer blocks than it said before";
    p->base   = base;
    p->height = height;
    p->lacks  = 0;
    return NULL;
}

/* The lowest block that it has, as far as we know. */
static int64_t base_of(const struct sync_peer *p)
{
    return p->lacks && p->lacks >= p->base ? p->lacks + 1 : p->base;
}

int64_t sync_top(const struct sync *s)
{
    int64_t top = -1;

    for (size_t i = 0; i < s->peer_count; i++)
        if (s->peers[i].height > top && base_of(&s->peers[i]) <= s->next)
            top = s->peers[i].height;
    return top;
}

/* Was one of the two blocks that we need first asked of it long ago? */
static bool owes_next(const struct sync *s, const struct sync_peer *p,
                      uint64_t now_us)
{
    for (int64_t h = s->next; h < s->next + 2; h++) {
        const struct sync_slot *slot = &s->slots[h % SYNC_WINDOW];

        for (size_t k = 0; k < COUNT(slot->ask); k++)
            if (slot->ask[k].peer == p->number &&
                now_us - slot->ask[k].at_us >= SYNC_DOUBT_US)
                return true;
    }
    return false;
}

/* Has it owed an answer for so long, and gives little?  A chain that goes on
 * overtakes questions about it, so the oldest counts, overtaken or not. */
static bool is_behind(const struct sync_peer *p, uint64_t now_us, uint64_t by)
{
    uint64_t age = p->mark_left > 0 ? now_us - p->mark_us : 0;

    return age >= by && p->mark_bytes < age / 1000000 * SYNC_RATE_MIN;
}

static bool is_doubted(const struct sync *s, const struct sync_peer *p,
                       uint64_t now_us)
{
    return is_behind(p, now_us, SYNC_DOUBT_US) || owes_next(s, p, now_us);
}

int64_t sync_believed(const struct sync *s, uint64_t now_us)
{
    int64_t top = -1, given = -1;

    for (size_t i = 0; i < s->peer_count; i++) {
        const struct sync_peer *p = &s->peers[i];

        if (base_of(p) > s->next || is_doubted(s, p, now_us))
            continue;
        if (p->height > top)
            top = p->height;
        if (p->has_given && p->height > given)
            given = p->height;
    }
    return given >= 0 ? given : top;
}

bool sync_is_caught_up(const struct sync *s, uint64_t now_us)
{
    int64_t top = sync_believed(s, now_us);

    return top >= 0 && s->next >= top;
}

bool sync_have_all_told(const struct sync *s)
{
    for (size_t i = 0; i < s->peer_count; i++)
        if (s->peers[i].height < 0)
            return false;
    return true;
}

bool sync_is_left_behind(const struct sync *s, int64_t height)
{
    size_t known = 0, ahead = 0;

    for (size_t i = 0; i < s->peer_count; i++) {
        if (s->peers[i].height < 0)
            continue;
        known++;
        ahead += s->peers[i].height > height + SYNC_AHEAD;
    }
    return ahead > known / 2;
}

/* ---- asking ---- */

static bool is_asked_of(const struct sync_slot *slot, uint64_t peer)
{
    return slot->ask[0].peer == peer || slot->ask[1].peer == peer;
}

/* One that is slow has one question at a time, and only where no other one
 * has the block. */
static bool is_slow(const struct sync_peer *p, uint64_t now_us)
{
    return is_behind(p, now_us, SYNC_SOON_US);
}

static int rank(const struct sync_peer *p, uint64_t now_us)
{
    return is_slow(p, now_us) ? 1 : p->has_given ? 3 : 2;
}

/* One that has as many questions as it may gets the next ones together. */
static bool is_full(struct sync_peer *p)
{
    if (p->asked >= SYNC_ASKED_MAX)
        p->is_full = true;
    else if (p->asked <= SYNC_ASKED_LOW)
        p->is_full = false;
    return p->is_full;
}

/* Of those that have the block and were not asked for it one that has given
 * blocks rather than a new one, and of equals the least busy. */
static struct sync_peer *supplier(struct sync *s, const struct sync_slot *slot,
                                  int64_t height, uint64_t now_us)
{
    struct sync_peer *best   = NULL;
    int               best_r = 0;

    for (size_t i = 0; i < s->peer_count; i++) {
        struct sync_peer *p = &s->peers[i];
        int               r = rank(p, now_us);

        if (is_full(p) || base_of(p) > height || p->height < height ||
            is_asked_of(slot, p->number) || (r == 1 && p->asked > 0))
            continue;
        if (r > best_r || (r == best_r && p->asked < best->asked)) {
            best   = p;
            best_r = r;
        }
    }
    return best;
}

/* The place for one more question about this block, if it is time. */
static struct sync_ask *place(struct sync *s, struct sync_slot *slot,
                              int64_t height, uint64_t now_us)
{
    struct sync_ask        *a = &slot->ask[0], *b = &slot->ask[1];
    const struct sync_peer *p;

    if (slot->from)
        return NULL;
    if (!a->peer)
        return !b->peer || now_us - b->at_us >= SYNC_SOON_US ? a : NULL;
    if (b->peer || now_us - a->at_us < SYNC_SOON_US)
        return NULL;
    p = find(s, a->peer);
    return height - s->next < SYNC_SOON || (p && is_slow(p, now_us)) ? b : NULL;
}

static void mark(struct sync_peer *p, uint64_t now_us)
{
    p->mark_left  = p->owed;
    p->mark_us    = now_us;
    p->mark_bytes = 0;
}

static void note_ask(struct sync_peer *p, struct sync_ask *a, uint64_t now_us)
{
    *a = (struct sync_ask){ p->number, now_us };
    p->owed++;
    if (p->mark_left == 0)
        mark(p, now_us);
    if (p->asked++ == 0)
        p->since_us = now_us;
}

/* How far ahead blocks of the size seen lately may be asked for. */
static int64_t window(const struct sync *s)
{
    size_t n = s->largest ? SYNC_BYTES_MAX / s->largest : SYNC_WINDOW;

    return n < 2 ? 2 : n > SYNC_WINDOW ? SYNC_WINDOW : (int64_t)n;
}

/* It goes on in leaps, unless blocks have become larger. */
static void move_edge(struct sync *s)
{
    int64_t n = window(s), to = s->next + n;

    if (s->edge > to || (to - s->edge) * SYNC_GROUPS >= n)
        s->edge = to;
}

bool sync_next_ask(struct sync *s, uint64_t now_us, uint64_t *peer,
                   int64_t *height)
{
    move_edge(s);
    for (int64_t h = s->next; h < s->edge; h++) {
        struct sync_slot *slot = slot_of(s, h);
        struct sync_ask  *a    = place(s, slot, h, now_us);
        struct sync_peer *p    = a ? supplier(s, slot, h, now_us) : NULL;

        if (!p)
            continue;
        note_ask(p, a, now_us);
        *peer   = p->number;
        *height = h;
        return true;
    }
    return false;
}

static void put_off(uint64_t *at_us, uint64_t now_us, uint64_t by_us)
{
    *at_us = *at_us + by_us < now_us ? *at_us + by_us : now_us;
}

void sync_excuse(struct sync *s, uint64_t now_us, uint64_t by_us)
{
    for (size_t i = 0; i < s->peer_count; i++) {
        put_off(&s->peers[i].since_us, now_us, by_us);
        put_off(&s->peers[i].mark_us, now_us, by_us);
    }
    for (size_t i = 0; i < SYNC_WINDOW; i++)
        for (size_t k = 0; k < COUNT(s->slots[i].ask); k++)
            put_off(&s->slots[i].ask[k].at_us, now_us, by_us);
}

uint64_t sync_late(const struct sync *s, uint64_t now_us)
{
    for (size_t i = 0; i < s->peer_count; i++) {
        const struct sync_peer *p = &s->peers[i];

        if (p->asked > 0 && now_us - p->since_us >= SYNC_SILENT_US)
            return p->number;
    }
    return 0;
}

/* ---- answers ---- */

/* It was asked for this; and is not any more. */
static bool settle(struct sync *s, struct sync_slot *slot, uint64_t peer,
                   uint64_t now_us)
{
    struct sync_peer *p = find(s, peer);

    for (size_t k = 0; slot && p && k < COUNT(slot->ask); k++) {
        if (slot->ask[k].peer != peer)
            continue;
        slot->ask[k].peer = 0;
        p->asked--;
        p->since_us = now_us;
        return true;
    }
    return false;
}

bool sync_answer(struct sync *s, uint64_t now_us, uint64_t peer, size_t n)
{
    struct sync_peer *p = find(s, peer);

    if (!p || p->owed == 0)
        return false;
    p->owed--;
    p->since_us = now_us;
    p->mark_bytes += n;
    if (p->mark_left > 0 && --p->mark_left == 0)
        mark(p, now_us);
    return true;
}

const char *sync_without(struct sync *s, uint64_t now_us, uint64_t peer,
                         int64_t height)
{
    struct sync_peer *p = find(s, peer);

    if (!p || !settle(s, slot_of(s, height), peer, now_us))
        return NULL;
    if (p->lacks == 0 && ++p->empty > SYNC_EMPTY_MAX)
        return "lacks the blocks that it says it has";
    if (p->lacks < height)
        p->lacks = height;
    return NULL;
}

enum sync_got sync_got(struct sync *s, uint64_t now_us, uint64_t peer,
                       int64_t height, uint8_t *body, size_t n)
{
    struct sync_slot *slot = slot_of(s, height);

    if (!settle(s, slot, peer, now_us)) /* one that is late may be far behind */
        return height > 0 && height < s->next ? SYNC_TWICE : SYNC_UNASKED;
    if (slot->from)
        return SYNC_TWICE;
    if (n > s->largest)
        s->largest = n;
    if (height > s->next + 1 && s->bytes + n > SYNC_BYTES_MAX)
        return SYNC_TWICE;
    slot->from = peer;
    slot->body = body;
    slot->n    = n;
    s->bytes += n;
    find(s, peer)->empty     = 0;
    find(s, peer)->has_given = true;
    return SYNC_KEPT;
}

bool sync_pair(const struct sync *s, int64_t height,
               const struct sync_slot **first, const struct sync_slot **second)
{
    if (height < s->next || height - s->next >= SYNC_WINDOW - 1)
        return false;
    *first  = &s->slots[height % SYNC_WINDOW];
    *second = &s->slots[(height + 1) % SYNC_WINDOW];
    return (*first)->from && (*second)->from;
}

static uint8_t *take(struct sync *s, int64_t height)
{
    struct sync_slot *slot = slot_of(s, height);
    uint8_t          *body = slot ? slot->body : NULL;

    if (!body)
        return NULL;
    s->bytes -= slot->n;
    slot->body = NULL;
    slot->from = 0;
    slot->n    = 0;
    return body;
}

/* A block that did not hold says nothing about the size of others. */
uint8_t *sync_take(struct sync *s, int64_t height)
{
    uint8_t *body = take(s, height);

    s->largest = 0;
    for (size_t i = 0; i < SYNC_WINDOW; i++)
        if (s->slots[i].n > s->largest)
            s->largest = s->slots[i].n;
    return body;
}

/* Questions about this height that are still open are not waited for. */
static void forget_asks(struct sync *s, struct sync_slot *slot)
{
    for (size_t k = 0; k < COUNT(slot->ask); k++) {
        struct sync_peer *p =
            slot->ask[k].peer ? find(s, slot->ask[k].peer) : NULL;

        if (p && p->asked > 0)
            p->asked--;
        slot->ask[k].peer = 0;
    }
}

uint8_t *sync_advance(struct sync *s)
{
    uint8_t *body = take(s, s->next);

    forget_asks(s, slot_of(s, s->next));
    s->next++;
    return body;
}
