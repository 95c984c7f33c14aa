#include "p2p/book.h"

#include "crypto/hash.h"

enum {
    OLD_PER_GROUP = 4,  /* buckets that one network may reach */
    NEW_PER_GROUP = 32, /* ... through one network of sources */
    SHARE_PERCENT = 23,
    SHARE_MIN     = 32,
    RETRIES       = 3,
    FAILURES      = 10,
};

#define MINUTE INT64_C(60)
#define WEEK   (7 * 24 * 60 * MINUTE)

void book_init(struct book *b, bool is_strict, const char *key, uint64_t seed)
{
    must(strlen(key) == BOOK_KEY_TEXT);
    memcpy(b->key, key, BOOK_KEY_TEXT + 1);
    b->is_strict  = is_strict;
    b->dice.state = seed;
    for (size_t i = 0; i < BOOK_ENTRIES_MAX; i++)
        b->free[i] = (uint16_t)(BOOK_ENTRIES_MAX - 1 - i);
    b->free_count = BOOK_ENTRIES_MAX;
}

size_t book_size(const struct book *b)
{
    return b->fresh_count + b->old_count;
}

bool book_needs_more(const struct book *b)
{
    return book_size(b) < BOOK_ENOUGH;
}

/* ---- finding by id: open addressing ---- */

/* Keyed, since anybody may make up ids. */
static size_t slot_of(const struct book *b, const uint8_t id[ADDRESS_BYTES])
{
    struct dice mix = { load_le64((const uint8_t *)b->key) };

    mix.state ^= dice_roll(&mix) ^ load_le64(id);
    mix.state ^= dice_roll(&mix) ^ load_le64(id + 8);
    mix.state ^= dice_roll(&mix) ^ load_le32(id + 16);
    return dice_roll(&mix) % (2 * BOOK_ENTRIES_MAX);
}

static size_t slot_after(size_t i)
{
    return (i + 1) % (2 * BOOK_ENTRIES_MAX);
}

struct book_entry *book_find(struct book *b, const uint8_t id[ADDRESS_BYTES])
{
    for (size_t i = slot_of(b, id); b->by_id[i]; i = slot_after(i)) {
        struct book_entry *e = &b->entries[b->by_id[i] - 1];

        if (memcmp(e->addr.id, id, ADDRESS_BYTES) == 0)
            return e;
    }
    return NULL;
}

static uint16_t index_of(const struct book *b, const struct book_entry *e)
{
    return (uint16_t)(e - b->entries);
}

static void index_add(struct book *b, const struct book_entry *e)
{
    size_t i = slot_of(b, e->addr.id);

    while (b->by_id[i])
        i = slot_after(i);
    b->by_id[i] = (uint16_t)(index_of(b, e) + 1);
}

/* Close the gap: whatever follows and would no longer be found moves up. */
static void index_remove(struct book *b, const struct book_entry *e)
{
    size_t i = slot_of(b, e->addr.id), next;

    while (b->by_id[i] != index_of(b, e) + 1)
        i = slot_after(i);
    b->by_id[i] = 0;
    for (next = slot_after(i); b->by_id[next]; next = slot_after(next)) {
        uint16_t moved = b->by_id[next];

        b->by_id[next] = 0;
        index_add(b, &b->entries[moved - 1]);
    }
}

/* ---- buckets ---- */

static uint64_t hash_parts(const struct book *b, struct span x, struct span y)
{
    struct span parts[] = { SPAN(b->key, BOOK_KEY_TEXT), x, y };
    struct hash h;

    sha256_parts(&h, parts, COUNT(parts));
    return load_be64(h.b);
}

static uint16_t new_bucket(const struct book *b, const struct netaddr *addr,
                           const struct netaddr *src)
{
    char        group[NETADDR_GROUP_MAX], source[NETADDR_GROUP_MAX];
    struct span g = SPAN(group, netaddr_group(group, addr, b->is_strict));
    struct span s = SPAN(source, netaddr_group(source, src, b->is_strict));
    uint8_t     n[8];

    store_be64(n, hash_parts(b, g, s) % NEW_PER_GROUP);
    return (uint16_t)(hash_parts(b, s, SPAN_OF(n)) % BOOK_NEW_BUCKETS);
}

static uint16_t old_bucket(const struct book *b, const struct netaddr *addr)
{
    char        group[NETADDR_GROUP_MAX];
    struct span g = SPAN(group, netaddr_group(group, addr, b->is_strict));
    uint8_t n[8], port[2] = { (uint8_t)(addr->port >> 8), (uint8_t)addr->port };
    uint8_t whole[ADDRESS_BYTES + IP_BYTES];

    memcpy(whole, addr->id, ADDRESS_BYTES);
    memcpy(whole + ADDRESS_BYTES, addr->ip, IP_BYTES);
    store_be64(n, hash_parts(b, SPAN_OF(whole), SPAN_OF(port)) % OLD_PER_GROUP);
    return (uint16_t)(hash_parts(b, g, SPAN_OF(n)) % BOOK_OLD_BUCKETS);
}

static struct book_bucket *bucket_at(struct book *b, bool is_old,
                                     uint16_t place)
{
    return is_old ? &b->old[place] : &b->fresh[place];
}

static void bucket_drop(struct book *b, struct book_entry *e, uint16_t place)
{
    struct book_bucket *k = bucket_at(b, e->is_old, place);

    for (size_t i = 0; i < k->count; i++) {
        if (k->entry[i] != index_of(b, e))
            continue;
        k->entry[i] = k->entry[--k->count];
        return;
    }
}

static void leave_all(struct book *b, struct book_entry *e)
{
    if (e->place_count == 0)
        return;
    for (size_t i = 0; i < e->place_count; i++)
        bucket_drop(b, e, e->place[i]);
    e->place_count = 0;
    if (e->is_old)
        b->old_count--;
    else
        b->fresh_count--;
}

static void forget(struct book *b, struct book_entry *e)
{
    leave_all(b, e);
    index_remove(b, e);
    b->free[b->free_count++] = index_of(b, e);
    *e                       = (struct book_entry){ 0 };
}

static void leave_one(struct book *b, struct book_entry *e, uint16_t place)
{
    if (e->place_count == 1) {
        forget(b, e);
        return;
    }
    bucket_drop(b, e, place);
    for (size_t i = 0; i < e->place_count; i++)
        if (e->place[i] == place)
            e->place[i] = e->place[--e->place_count];
}

/* A new address that is not worth its place. */
static bool is_bad(const struct book_entry *e, int64_t now)
{
    if (e->is_old || e->last_attempt > now - MINUTE)
        return false;
    return e->last_attempt < now - WEEK ||
           (e->last_success == 0 && e->attempts >= RETRIES) ||
           (e->last_success < now - WEEK && e->attempts >= FAILURES);
}

/* The first bad entry of a bucket, else the one tried longest ago. */
static struct book_entry *worst(struct book *b, const struct book_bucket *k,
                                int64_t now)
{
    struct book_entry *oldest = NULL;

    for (size_t i = 0; i < k->count; i++) {
        struct book_entry *e = &b->entries[k->entry[i]];

        if (is_bad(e, now))
            return e;
        if (!oldest || e->last_attempt < oldest->last_attempt)
            oldest = e;
    }
    return oldest;
}

static bool has_place(const struct book_entry *e, uint16_t place)
{
    for (size_t i = 0; i < e->place_count; i++)
        if (e->place[i] == place)
            return true;
    return false;
}

static void put(struct book *b, struct book_entry *e, uint16_t place)
{
    struct book_bucket *k = bucket_at(b, e->is_old, place);

    must(k->count < BOOK_BUCKET_SIZE && e->place_count < BOOK_PLACES_MAX);
    k->entry[k->count++] = index_of(b, e);
    if (e->place_count == 0 && e->is_old)
        b->old_count++;
    else if (e->place_count == 0)
        b->fresh_count++;
    e->place[e->place_count++] = place;
}

static void put_new(struct book *b, struct book_entry *e, uint16_t place,
                    int64_t now)
{
    struct book_bucket *k = &b->fresh[place];

    if (has_place(e, place) || e->place_count == BOOK_PLACES_MAX)
        return;
    if (k->count == BOOK_BUCKET_SIZE)
        leave_one(b, worst(b, k, now), place);
    put(b, e, place);
}

/* An old bucket that is full sends its least recently tried back to new. */
static void put_old(struct book *b, struct book_entry *e, int64_t now)
{
    uint16_t            place = old_bucket(b, &e->addr);
    struct book_bucket *k     = &b->old[place];

    if (k->count == BOOK_BUCKET_SIZE) {
        struct book_entry *out = worst(b, k, now);

        leave_all(b, out);
        out->is_old = false;
        put_new(b, out, new_bucket(b, &out->addr, &out->src), now);
    }
    e->is_old = true;
    put(b, e, place);
}

/* ---- adding and marking ---- */

/* Make room at the cost of the ban that ends first. */
static void forget_banned(struct book *b)
{
    struct book_entry *first = NULL;

    for (size_t i = 0; i < BOOK_ENTRIES_MAX; i++) {
        struct book_entry *e = &b->entries[i];

        if (e->is_banned && (!first || e->banned_until < first->banned_until))
            first = e;
    }
    if (first)
        forget(b, first);
}

static struct book_entry *entry_new(struct book *b, const struct netaddr *addr,
                                    const struct netaddr *src)
{
    struct book_entry *e;

    if (b->free_count == 0)
        forget_banned(b);
    if (b->free_count == 0)
        return NULL;
    e  = &b->entries[b->free[--b->free_count]];
    *e = (struct book_entry){ .addr = *addr, .src = *src, .is_used = true };
    index_add(b, e);
    return e;
}

bool book_add(struct book *b, const struct netaddr *addr,
              const struct netaddr *src, int64_t now)
{
    struct book_entry *e = book_find(b, addr->id);

    if (!netaddr_is_valid(addr) || (e && e->is_banned) ||
        (b->is_strict && !netaddr_is_routable(addr)))
        return false;
    /* A known node does not move because somebody says so, and the more
     * places it has the harder it gets another. */
    if (e && (e->is_old || e->place_count == BOOK_PLACES_MAX ||
              dice_below(&b->dice, 2 * e->place_count) != 0))
        return true;
    if (!e) {
        e = entry_new(b, addr, src);
        if (!e)
            return false;
        e->last_attempt = now;
    }
    put_new(b, e, new_bucket(b, addr, src), now);
    return true;
}

bool book_restore(struct book *b, const struct book_entry *from)
{
    struct book_entry *e;

    if (book_find(b, from->addr.id) || !netaddr_is_valid(&from->addr) ||
        (b->is_strict && !netaddr_is_routable(&from->addr)))
        return false;
    e = entry_new(b, &from->addr, &from->src);
    if (!e)
        return false;
    e->attempts     = from->attempts;
    e->last_attempt = from->last_attempt;
    e->last_success = from->last_success;
    e->banned_until = from->banned_until;
    if (from->is_old)
        put_old(b, e, from->last_attempt);
    else
        put_new(b, e, new_bucket(b, &e->addr, &e->src), from->last_attempt);
    return true;
}

void book_remove(struct book *b, const uint8_t id[ADDRESS_BYTES])
{
    struct book_entry *e = book_find(b, id);

    if (e)
        forget(b, e);
}

void book_mark_attempt(struct book *b, const uint8_t id[ADDRESS_BYTES],
                       int64_t now)
{
    struct book_entry *e = book_find(b, id);

    if (!e)
        return;
    e->last_attempt = now;
    e->attempts++;
    e->failures++;
}

void book_mark_good(struct book *b, const uint8_t id[ADDRESS_BYTES],
                    int64_t now)
{
    struct book_entry *e = book_find(b, id);

    if (!e || e->is_banned)
        return;
    e->last_attempt = e->last_success = now;
    e->attempts = e->failures = 0;
    if (e->is_old)
        return;
    leave_all(b, e);
    put_old(b, e, now);
}

void book_mark_bad(struct book *b, const uint8_t id[ADDRESS_BYTES],
                   int64_t until)
{
    struct book_entry *e = book_find(b, id);

    if (!e)
        return;
    leave_all(b, e);
    e->is_old    = false;
    e->is_banned = true;
    if (e->banned_until < until)
        e->banned_until = until;
}

void book_reinstate(struct book *b, int64_t now)
{
    for (size_t i = 0; i < BOOK_ENTRIES_MAX; i++) {
        struct book_entry *e = &b->entries[i];

        if (!e->is_banned || e->banned_until > now)
            continue;
        e->is_banned = false;
        e->failures  = 0;
        put_new(b, e, new_bucket(b, &e->addr, &e->src), now);
    }
}

/* ---- choosing ---- */

static uint64_t square_root(uint64_t n)
{
    uint64_t r = 0;

    while ((r + 1) * (r + 1) <= n)
        r++;
    return r;
}

/* New or old, in proportion to the roots of their numbers and the bias. */
static bool picks_old(struct book *b, unsigned bias)
{
    uint64_t old   = square_root(b->old_count << 10) * (100 - bias);
    uint64_t fresh = square_root(b->fresh_count << 10) * bias;

    return dice_below(&b->dice, old + fresh) < old;
}

const struct book_entry *book_pick(struct book *b, unsigned bias)
{
    bool                is_old;
    struct book_bucket *k;

    must(bias <= 100);
    if (book_size(b) == 0)
        return NULL;
    is_old = picks_old(b, bias);
    if ((is_old ? b->old_count : b->fresh_count) == 0)
        return NULL;
    do {
        size_t n = is_old ? BOOK_OLD_BUCKETS : BOOK_NEW_BUCKETS;

        k = bucket_at(b, is_old, (uint16_t)dice_below(&b->dice, n));
    } while (k->count == 0);
    return &b->entries[k->entry[dice_below(&b->dice, k->count)]];
}

static size_t share(const struct book *b)
{
    size_t n = book_size(b) * SHARE_PERCENT / 100;

    if (n < SHARE_MIN)
        n = SHARE_MIN < book_size(b) ? SHARE_MIN : book_size(b);
    return n < BOOK_SELECTED_MAX ? n : BOOK_SELECTED_MAX;
}

/* A sample of at most want of those that are old, or new, or either (-1):
 * each has the same chance, whatever their number. */
static size_t sample(struct book *b, struct netaddr *out, size_t want, int old)
{
    size_t seen = 0;

    for (size_t i = 0; i < BOOK_ENTRIES_MAX; i++) {
        const struct book_entry *e = &b->entries[i];
        size_t                   at;

        if (!e->is_used || e->is_banned || (old >= 0 && e->is_old != old))
            continue;
        at = seen < want ? seen : dice_below(&b->dice, seen + 1);
        if (at < want)
            out[at] = e->addr;
        seen++;
    }
    return seen < want ? seen : want;
}

size_t book_select(struct book *b, struct netaddr out[BOOK_SELECTED_MAX],
                   int bias)
{
    size_t n = share(b), fresh;

    if (bias < 0)
        return sample(b, out, n, -1);
    fresh = (n * (size_t)bias + 50) / 100;
    if (n > b->old_count && fresh < n - b->old_count)
        fresh = n - b->old_count;
    fresh = sample(b, out, fresh, 0);
    return fresh + sample(b, out + fresh, n - fresh, 1);
}
