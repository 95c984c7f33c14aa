#include "model/validators.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/sort.h"
#include "model/tree.h"

/* ---- arithmetic as in Go: sums saturate or wrap, divisions never trap ---- */

static int64_t add_clip(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static int64_t sub_clip(int64_t a, int64_t b)
{
    int64_t diff;

    if (__builtin_sub_overflow(a, b, &diff))
        return b > 0 ? INT64_MIN : INT64_MAX;
    return diff;
}

static int64_t negate(int64_t a)
{
    return (int64_t)(0 - (uint64_t)a);
}

/* ---- order and look-up ---- */

static bool address_before(const void *a, const void *b, const void *ctx)
{
    const struct val *v = ctx;
    uint32_t          i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int               c = memcmp(v[i].address, v[j].address, ADDRESS_BYTES);

    return c ? c < 0 : i < j;
}

static bool power_above(const void *a, const void *b, const void *ctx)
{
    const struct val *v = ctx;
    uint32_t          i = *(const uint32_t *)a, j = *(const uint32_t *)b;

    if (v[i].power != v[j].power)
        return v[i].power > v[j].power;
    return address_before(a, b, ctx);
}

/* The numbers 0 to n - 1 in an order of the entries v; NULL when full. */
static uint32_t *sorted(const struct val *v, size_t n, less_fn *less,
                        struct arena *a)
{
    uint32_t *order = arena_newn(a, uint32_t, n);

    if (!order)
        return NULL;
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    sort_items(order, n, sizeof *order, less, v);
    return order;
}

/* Binary search for the first position with this address. */
static int64_t find_indexed(const struct validators *s, const uint8_t *address)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (memcmp(s->v[s->by_address[mid]].address, address, ADDRESS_BYTES) <
            0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == s->n ||
        memcmp(s->v[s->by_address[lo]].address, address, ADDRESS_BYTES) != 0)
        return -1;
    return s->by_address[lo];
}

int64_t validators_find(const struct validators *s, struct span address)
{
    if (address.n != ADDRESS_BYTES)
        return -1;
    if (s->by_address)
        return find_indexed(s, address.p);
    for (size_t i = 0; i < s->n; i++)
        if (memcmp(s->v[i].address, address.p, ADDRESS_BYTES) == 0)
            return (int64_t)i;
    return -1;
}

/* ---- the rotation ---- */

/* Of two candidates, the one with more priority; a tie goes to the lower
 * address. */
static struct val *ahead(struct val *a, struct val *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority ? a : b;
    return memcmp(a->address, b->address, ADDRESS_BYTES) <= 0 ? a : b;
}

void validators_rescale(struct validators *s, int64_t diff_max)
{
    int64_t min = INT64_MAX, max = INT64_MIN, diff, ratio;

    if (s->n == 0 || diff_max <= 0)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].priority < min)
            min = s->v[i].priority;
        if (s->v[i].priority > max)
            max = s->v[i].priority;
    }
    diff = (int64_t)((uint64_t)max - (uint64_t)min);
    if (diff < 0)
        diff = negate(diff);
    /* Wraps for spans that only a foreign set can have. */
    ratio = (int64_t)((uint64_t)diff + (uint64_t)diff_max - 1) / diff_max;
    if (diff <= diff_max || ratio == 0)
        return;
    for (size_t i = 0; i < s->n; i++)
        s->v[i].priority =
            ratio == -1 ? negate(s->v[i].priority) : s->v[i].priority / ratio;
}

/* Move the average, rounded down, to zero. */
static void centre(struct validators *s)
{
    __int128 sum = 0, n = (__int128)s->n, avg;

    for (size_t i = 0; i < s->n; i++)
        sum += s->v[i].priority;
    avg = sum / n;
    if (sum % n < 0)
        avg--;
    for (size_t i = 0; i < s->n; i++)
        s->v[i].priority = sub_clip(s->v[i].priority, (int64_t)avg);
}

bool validators_increment(struct validators *s, int32_t times)
{
    struct val *next = s->v;

    if (s->n == 0 || times < 1)
        return false;
    validators_rescale(s, 2 * s->total);
    centre(s);
    do {
        next = s->v;
        for (size_t i = 0; i < s->n; i++) {
            s->v[i].priority = add_clip(s->v[i].priority, s->v[i].power);
            next             = ahead(next, &s->v[i]);
        }
        next->priority = sub_clip(next->priority, s->total);
    } while (--times > 0);
    s->proposer     = *next;
    s->has_proposer = true;
    return true;
}

const struct val *validators_proposer(struct validators *s)
{
    struct val *next = s->v;

    if (s->n == 0)
        return NULL;
    if (!s->has_proposer) {
        for (size_t i = 0; i < s->n; i++)
            next = ahead(next, &s->v[i]);
        s->proposer     = *next;
        s->has_proposer = true;
    }
    return &s->proposer;
}

/* ---- making and changing sets ---- */

/* What a list of changes amounts to. */
struct plan {
    const struct val *change;
    const uint32_t   *order; /* of the changes, by address */
    size_t            n;
    const uint32_t   *place; /* in the old set, by address */
    size_t            added, removed;
    int64_t           total_before_removals;
};

/* Walks old set and changes side by side, in order of address. */
struct pair {
    const struct val *old, *change; /* either may be NULL, not both */
};

static bool next_pair(const struct validators *s, const struct plan *p,
                      size_t *i, size_t *j, struct pair *out)
{
    const struct val *old    = *i < s->n ? &s->v[p->place[*i]] : NULL;
    const struct val *change = *j < p->n ? &p->change[p->order[*j]] : NULL;
    int               c      = old ? -1 : 1;

    if (!old && !change)
        return false;
    if (old && change)
        c = memcmp(old->address, change->address, ADDRESS_BYTES);
    *out = (struct pair){ c <= 0 ? old : NULL, c >= 0 ? change : NULL };
    *i += c <= 0;
    *j += c >= 0;
    return true;
}

static enum reject check_changes(const struct plan *p, bool may_remove)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct val *c = &p->change[p->order[i]];

        if (i && memcmp(c->address, p->change[p->order[i - 1]].address,
                        ADDRESS_BYTES) == 0)
            return REJECT_MISMATCH; /* named twice */
        if (c->power < 0 || c->power > TOTAL_POWER_MAX ||
            (c->power == 0 && !may_remove))
            return REJECT_RANGE;
    }
    return ACCEPT;
}

/* Counts, and the power that the set would have: refused before anything is
 * changed. */
static enum reject weigh(struct plan *p, const struct validators *s)
{
    __int128    total = s->total, removed = 0;
    size_t      i = 0, j = 0;
    struct pair at;

    while (next_pair(s, p, &i, &j, &at)) {
        if (!at.change)
            continue;
        if (at.change->power == 0) {
            if (!at.old)
                return REJECT_MISSING; /* cannot leave: is not there */
            removed += at.old->power;
            p->removed++;
        } else {
            total += at.change->power - (at.old ? at.old->power : 0);
            p->added += !at.old;
        }
    }
    if (p->added == 0 && p->removed == s->n)
        return REJECT_MISSING; /* nobody would be left */
    if (total - removed > TOTAL_POWER_MAX)
        return REJECT_RANGE;
    p->total_before_removals = (int64_t)total;
    return ACCEPT;
}

/* The set that remains, by address, at v. */
static size_t merge(struct val *v, const struct plan *p,
                    const struct validators *s)
{
    int64_t     t = p->total_before_removals;
    size_t      n = 0, i = 0, j = 0;
    struct pair at;

    while (next_pair(s, p, &i, &j, &at)) {
        if (!at.change) {
            v[n++] = *at.old;
        } else if (at.change->power > 0) {
            v[n] = *at.change;
            /* Newcomers wait: leaving and returning gains nothing. */
            v[n++].priority = at.old ? at.old->priority : -(t + (t >> 3));
        }
    }
    return n;
}

/* Take over n entries in set order, with their index and total. */
static bool adopt(struct validators *s, const struct val *v, size_t n,
                  struct arena *a)
{
    uint32_t   *order = sorted(v, n, power_above, a);
    struct val *own   = arena_newn(a, struct val, n);

    if (!order || !own)
        return false;
    s->total = 0;
    for (size_t i = 0; i < n; i++) {
        own[i] = v[order[i]];
        s->total += own[i].power;
    }
    s->v          = own;
    s->n          = n;
    s->by_address = sorted(own, n, address_before, a);
    return s->by_address != NULL;
}

static enum reject apply(struct validators *s, const struct val *changes,
                         size_t n, bool may_remove, struct arena *a)
{
    struct plan       p    = { .change = changes, .n = n };
    struct validators next = *s;
    struct val       *merged;
    enum reject       r;

    if (n == 0)
        return ACCEPT;
    if (n > UINT32_MAX)
        return REJECT_LIMIT;
    p.order = sorted(changes, n, address_before, a);
    p.place =
        s->by_address ? s->by_address : sorted(s->v, s->n, address_before, a);
    if (!p.order || !p.place)
        return REJECT_LIMIT;
    r = check_changes(&p, may_remove);
    if (!r)
        r = weigh(&p, s);
    if (r)
        return r;
    merged = arena_newn(a, struct val, s->n + p.added);
    if (!merged || !adopt(&next, merged, merge(merged, &p, s), a))
        return REJECT_LIMIT;
    validators_rescale(&next, 2 * next.total);
    centre(&next);
    *s = next;
    return ACCEPT;
}

enum reject validators_new(struct validators *out, const struct val *v,
                           size_t n, struct arena *a)
{
    enum reject r;

    *out = (struct validators){ 0 };
    r    = apply(out, v, n, false, a);
    if (!r && n)
        validators_increment(out, 1);
    return r;
}

enum reject validators_update(struct validators *s, const struct val *changes,
                              size_t n, struct arena *a)
{
    return apply(s, changes, n, true, a);
}

bool validators_copy(struct validators *out, const struct validators *in,
                     struct arena *a)
{
    struct validators copy = *in;

    copy.v          = arena_newn(a, struct val, in->n);
    copy.by_address = arena_newn(a, uint32_t, in->n);
    if (!copy.v || !copy.by_address)
        return false;
    if (in->n)
        memcpy(copy.v, in->v, in->n * sizeof *in->v);
    if (in->by_address)
        memcpy(copy.by_address, in->by_address, in->n * sizeof(uint32_t));
    else
        copy.by_address = sorted(copy.v, copy.n, address_before, a);
    *out = copy;
    return copy.by_address != NULL;
}

/* ---- hashes ---- */

static struct public_key public_key_of(const struct pubkey *k)
{
    struct public_key out;

    out.type  = k->type == KEY_TYPE_SECP256K1 ? KEY_SECP256K1
                : k->type == KEY_TYPE_ED25519 ? KEY_ED25519
                                              : KEY_NONE;
    out.bytes = pubkey_span(k);
    return out;
}

void validators_hash(struct hash *out, const struct validators *s)
{
    struct tree t;

    tree_begin(&t);
    for (size_t i = 0; i < s->n; i++) {
        struct validator v = { .pub_key      = public_key_of(&s->v[i].key),
                               .voting_power = s->v[i].power };
        uint8_t          bytes[64];
        struct span      leaf = { bytes, pb_size(&simple_validator_desc, &v) };

        must(leaf.n <= sizeof bytes);
        pb_encode_to(&simple_validator_desc, &v, bytes, leaf.n);
        tree_add(&t, &leaf, 1);
    }
    tree_end(&t, out);
}

/* CometBFT writes every priority over the one before, at the start of a
 * zeroed buffer, and then hashes as many bytes as all of them take. */
bool validators_priority_hash(struct hash *out, const struct validators *s)
{
    static const uint8_t zeros[256];
    uint8_t              first[10] = { 0 };
    size_t               total     = 0;
    struct hasher        h;

    if (s->n == 0)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        total += uvarint_put(first, zigzag(s->v[i].priority));
    }
    hash_begin(&h);
    hash_update(&h, SPAN(first, total < sizeof first ? total : sizeof first));
    for (size_t at = sizeof first; at < total; at += sizeof zeros)
        hash_update(&h, SPAN(zeros, total - at < sizeof zeros ? total - at
                                                              : sizeof zeros));
    hash_end(&h, out);
    return true;
}

/* ---- the message ---- */

bool val_make(struct val *out, const struct public_key *k, int64_t power)
{
    *out = (struct val){ .power = power };
    if (!pubkey_make(&out->key, (enum key_type)k->type, k->bytes))
        return false;
    pubkey_address(out->address, &out->key);
    return true;
}

static enum reject val_from_msg(struct val *out, const struct validator *m)
{
    if (!val_make(out, &m->pub_key, m->voting_power))
        return REJECT_MALFORMED;
    out->priority = m->proposer_priority;
    if (!span_eq(m->address, SPAN_OF(out->address)))
        return REJECT_MISMATCH;
    return out->power < 0 ? REJECT_RANGE : ACCEPT;
}

enum reject validators_from_msg(struct validators              *out,
                                const struct validator_set_msg *m,
                                struct arena                   *a)
{
    size_t      n = m->validators.n;
    enum reject r;

    *out = (struct validators){ .n = n };
    if (n == 0 || !m->proposer)
        return REJECT_MISSING;
    out->v = arena_newn(a, struct val, n);
    if (!out->v || n > UINT32_MAX)
        return REJECT_LIMIT;
    for (size_t i = 0; i < n; i++) {
        r = val_from_msg(&out->v[i], &m->validators.v[i]);
        if (r)
            return r;
        out->total = add_clip(out->total, out->v[i].power);
        if (out->total > TOTAL_POWER_MAX)
            return REJECT_RANGE;
    }
    r = val_from_msg(&out->proposer, m->proposer);
    if (r)
        return r;
    out->has_proposer = true;
    out->by_address   = sorted(out->v, n, address_before, a);
    if (!out->by_address)
        return REJECT_LIMIT;
    return validators_find(out, SPAN_OF(out->proposer.address)) < 0
               ? REJECT_MISMATCH
               : ACCEPT;
}

static void val_to_msg(struct validator *out, const struct val *v)
{
    *out = (struct validator){ .address           = SPAN_OF(v->address),
                               .pub_key           = public_key_of(&v->key),
                               .voting_power      = v->power,
                               .proposer_priority = v->priority };
}

struct validator_set_msg *validators_to_msg(const struct validators *s,
                                            struct arena            *a)
{
    struct validator_set_msg *m        = arena_new(a, struct validator_set_msg);
    struct val               *proposer = arena_new(a, struct val);
    struct validators         copy     = *s; /* may lack a proposer */

    if (!m || !proposer)
        return NULL;
    if (s->n == 0)
        return m;
    m->validators.n = s->n;
    m->validators.v = arena_newn(a, struct validator, s->n);
    m->proposer     = arena_new(a, struct validator);
    if (!m->validators.v || !m->proposer)
        return NULL;
    for (size_t i = 0; i < s->n; i++)
        val_to_msg(&m->validators.v[i], &s->v[i]);
    *proposer = *validators_proposer(&copy);
    val_to_msg(m->proposer, proposer);
    return m;
}
