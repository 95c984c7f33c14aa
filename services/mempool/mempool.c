#include "mempool/mempool.h"

void mempool_init(struct mempool *m, const struct mempool_limits *limits,
                  uint64_t seed, struct arena *a)
{
    size_t n = limits->count_max;

    *m   = (struct mempool){ .limits    = *limits,
                             .first     = KEYS_NONE,
                             .last      = KEYS_NONE,
                             .free      = n ? 0 : KEYS_NONE,
                             .ask       = KEYS_NONE,
                             .heard     = KEYS_NONE,
                             .restored  = KEYS_NONE,
                             .max_bytes = -1,
                             .max_gas   = -1,
                             .seq_next  = 1 };
    m->v = arena_newn(a, struct mempool_tx, n);
    must(m->v != NULL);
    for (size_t i = 0; i < n; i++)
        m->v[i].next = i + 1 < n ? (uint32_t)i + 1 : KEYS_NONE;
    keys_init(&m->keys, m->v, sizeof *m->v, n, seed, a);
    cache_init(&m->cache, limits->cache_max, seed, a);
}

int64_t mempool_tx_size(size_t tx_bytes)
{
    int64_t prefix = 1;

    for (size_t n = tx_bytes; n >= 0x80; n >>= 7)
        prefix++;
    return 1 + prefix + (int64_t)tx_bytes;
}

/* ---- coming in ---- */

static bool is_full(const struct mempool *m, size_t size)
{
    return m->count >= m->limits.count_max ||
           (int64_t)size > m->limits.bytes_max - m->bytes;
}

enum mempool_refusal mempool_offer(struct mempool *m,
                                   const uint8_t key[HASH_BYTES], size_t size,
                                   uint64_t sender)
{
    struct mempool_tx *tx;

    if (is_full(m, size))
        return MEMPOOL_FULL;
    if (size > m->limits.tx_bytes_max)
        return MEMPOOL_TOO_LARGE;
    if (m->max_bytes != -1 && mempool_tx_size(size) > m->max_bytes)
        return MEMPOOL_PRE_CHECK;
    if (cache_push(&m->cache, key))
        return MEMPOOL_TAKEN;
    tx = mempool_find(m, key);
    if (tx)
        tx->senders |= sender;
    return MEMPOOL_IN_CACHE;
}

void mempool_withdraw(struct mempool *m, const uint8_t key[HASH_BYTES])
{
    if (!cache_is_done(&m->cache, key))
        cache_remove(&m->cache, key);
}

static bool fits_gas(const struct mempool *m, struct mempool_answer answer)
{
    return m->max_gas == -1 ||
           (answer.gas_wanted >= 0 && answer.gas_wanted <= m->max_gas);
}

static struct mempool_tx *append(struct mempool *m)
{
    uint32_t           i  = m->free;
    struct mempool_tx *tx = &m->v[i];

    m->free = tx->next;
    *tx     = (struct mempool_tx){ .prev = m->last, .next = KEYS_NONE };
    if (m->last == KEYS_NONE)
        m->first = i;
    else
        m->v[m->last].next = i;
    m->last = i;
    m->count++;
    return tx;
}

static void insert(struct mempool *m, struct mempool_tx *tx)
{
    m->bytes += (int64_t)tx->bytes.n;
    keys_add(&m->keys, (uint32_t)(tx - m->v));
}

enum mempool_refusal
mempool_keep(struct mempool *m, const uint8_t key[HASH_BYTES],
             struct span bytes, struct mempool_answer answer,
             struct mempool_from from, struct mempool_tx **kept)
{
    struct mempool_tx *tx;

    *kept = NULL;
    if (cache_is_done(&m->cache, key))
        return MEMPOOL_IN_CACHE; /* a block took it while it waited */
    if (answer.code != 0 || !fits_gas(m, answer)) {
        if (!m->limits.keeps_invalid)
            cache_remove(&m->cache, key);
        return answer.code ? MEMPOOL_TAKEN : MEMPOOL_POST_CHECK;
    }
    tx = mempool_find(m, key);
    if (tx) {
        tx->senders |= from.sender;
        return MEMPOOL_IN_CACHE;
    }
    if (is_full(m, bytes.n)) {
        cache_remove(&m->cache, key); /* there may be room later */
        return MEMPOOL_FULL;
    }
    tx          = append(m);
    tx->bytes   = bytes;
    tx->gas     = answer.gas_wanted;
    tx->height  = m->height;
    tx->seq     = m->seq_next++;
    tx->senders = from.sender;
    memcpy(tx->key, key, HASH_BYTES);
    insert(m, tx);
    if (from.origin) /* the cache has it with none */
        cache_set_origin(&m->cache, key, from.origin);
    *kept = tx;
    return MEMPOOL_TAKEN;
}

uint64_t mempool_origin(const struct mempool *m, const uint8_t key[HASH_BYTES])
{
    return cache_origin(&m->cache, key);
}

/* Where one of that seq goes: behind the returned one, at the front when it
 * is KEYS_NONE.  What was restored last is near. */
static uint32_t place_of(const struct mempool *m, uint64_t seq)
{
    uint32_t i = m->restored;

    while (i != KEYS_NONE && m->v[i].seq > seq)
        i = m->v[i].prev;
    for (;;) {
        uint32_t next = i == KEYS_NONE ? m->first : m->v[i].next;

        if (next == KEYS_NONE || m->v[next].seq > seq)
            return i;
        i = next;
    }
}

static void move_behind(struct mempool *m, uint32_t i, uint32_t place)
{
    struct mempool_tx *tx = &m->v[i];

    if (tx->prev == place)
        return;
    m->last             = tx->prev; /* it was appended */
    m->v[m->last].next  = KEYS_NONE;
    tx->prev            = place;
    tx->next            = place == KEYS_NONE ? m->first : m->v[place].next;
    m->v[tx->next].prev = i;
    if (place == KEYS_NONE)
        m->first = i;
    else
        m->v[place].next = i;
}

struct mempool_tx *mempool_restore(struct mempool          *m,
                                   const struct mempool_tx *from,
                                   uint64_t                 origin)
{
    uint32_t           place = place_of(m, from->seq), i;
    struct mempool_tx *tx;

    if (is_full(m, from->bytes.n) || mempool_find(m, from->key))
        return NULL;
    tx          = append(m);
    i           = (uint32_t)(tx - m->v);
    tx->bytes   = from->bytes;
    tx->gas     = from->gas;
    tx->height  = from->height;
    tx->seq     = from->seq;
    tx->segment = from->segment;
    memcpy(tx->key, from->key, HASH_BYTES);
    move_behind(m, i, place);
    insert(m, tx);
    m->restored = i;
    if (tx->seq >= m->seq_next)
        m->seq_next = tx->seq + 1;
    (void)cache_push(&m->cache, tx->key);
    cache_set_origin(&m->cache, tx->key, origin);
    return tx;
}

static void gas_error(struct buf *out, const struct mempool *m, int64_t gas)
{
    if (gas < 0)
        buf_printf(out, "gas wanted %" PRId64 " is negative", gas);
    else
        buf_printf(out,
                   "gas wanted %" PRId64 " is greater than max gas %" PRId64,
                   gas, m->max_gas);
}

void mempool_error(struct buf *out, const struct mempool *m,
                   enum mempool_refusal refusal, size_t size,
                   struct mempool_answer answer)
{
    switch (refusal) {
    case MEMPOOL_TAKEN: return;
    case MEMPOOL_IN_CACHE: buf_str(out, "tx already exists in cache"); return;
    case MEMPOOL_TOO_LARGE:
        buf_printf(out, "Tx too large. Max size is %zu, but got %zu",
                   m->limits.tx_bytes_max, size);
        return;
    case MEMPOOL_FULL:
        buf_printf(out,
                   "mempool is full: number of txs %zu (max: %zu), total txs "
                   "bytes %" PRId64 " (max: %" PRId64 ")",
                   m->count, m->limits.count_max, m->bytes,
                   m->limits.bytes_max);
        return;
    case MEMPOOL_APP_DOWN:
        buf_str(out, "appConn mempool: the application does not answer");
        return;
    case MEMPOOL_PRE_CHECK:
        buf_printf(
            out, "tx pre check: tx size is too big: %" PRId64 ", max: %" PRId64,
            mempool_tx_size(size), m->max_bytes);
        return;
    case MEMPOOL_POST_CHECK: gas_error(out, m, answer.gas_wanted); return;
    }
}

/* ---- in order ---- */

static struct mempool_tx *at(const struct mempool *m, uint32_t i)
{
    return i == KEYS_NONE ? NULL : &m->v[i];
}

const struct mempool_tx *mempool_first(const struct mempool *m)
{
    return at(m, m->first);
}

const struct mempool_tx *mempool_next(const struct mempool    *m,
                                      const struct mempool_tx *tx)
{
    return at(m, tx->next);
}

struct mempool_tx *mempool_ahead(const struct mempool        *m,
                                 const struct mempool_cursor *c)
{
    struct mempool_tx *found = NULL;

    if (c->seq > 0 && c->at < m->limits.count_max && m->v[c->at].seq == c->seq)
        return at(m, m->v[c->at].next);
    for (struct mempool_tx *tx = at(m, m->last); tx && tx->seq > c->seq;
         tx                    = at(m, tx->prev))
        found = tx;
    return found;
}

void mempool_pass(const struct mempool *m, struct mempool_cursor *c,
                  const struct mempool_tx *tx)
{
    *c = (struct mempool_cursor){ tx->seq, (uint32_t)(tx - m->v) };
}

struct mempool_tx *mempool_find(struct mempool *m,
                                const uint8_t   key[HASH_BYTES])
{
    return at(m, keys_find(&m->keys, key));
}

struct mempool_tx *mempool_find_prefix(struct mempool *m,
                                       const uint8_t prefix[KEYS_PREFIX_BYTES])
{
    return at(m, keys_find_prefix(&m->keys, prefix));
}

void mempool_forget_sender(struct mempool *m, uint64_t bit)
{
    for (struct mempool_tx *tx = at(m, m->first); tx; tx = at(m, tx->next)) {
        tx->senders &= ~bit;
        tx->named &= ~bit;
    }
}

size_t mempool_reap(const struct mempool *m, int64_t max_bytes, int64_t max_gas)
{
    int64_t bytes = 0, gas = 0;
    size_t  n = 0;

    for (const struct mempool_tx *tx = mempool_first(m); tx;
         tx                          = mempool_next(m, tx)) {
        int64_t size = mempool_tx_size(tx->bytes.n);

        if (max_bytes > -1 && size > max_bytes - bytes)
            break;
        bytes += size;
        if (__builtin_add_overflow(gas, tx->gas, &gas))
            gas = INT64_MAX;
        if (max_gas > -1 && gas > max_gas)
            break;
        n++;
    }
    return n;
}

/* ---- after a block ---- */

struct span mempool_remove(struct mempool *m, struct mempool_tx *tx)
{
    uint32_t    i     = (uint32_t)(tx - m->v);
    struct span bytes = tx->bytes;

    keys_del(&m->keys, i);
    if (m->ask == i)
        m->ask = tx->next;
    if (m->heard == i)
        m->heard = tx->next;
    if (m->restored == i)
        m->restored = tx->prev;
    if (tx->prev == KEYS_NONE)
        m->first = tx->next;
    else
        m->v[tx->prev].next = tx->next;
    if (tx->next == KEYS_NONE)
        m->last = tx->prev;
    else
        m->v[tx->next].prev = tx->prev;
    m->bytes -= (int64_t)bytes.n;
    m->count--;
    tx->bytes = (struct span){ 0 };
    tx->seq   = 0;
    tx->next  = m->free;
    m->free   = i;
    return bytes;
}

struct span mempool_committed(struct mempool *m, const uint8_t key[HASH_BYTES],
                              bool is_ok)
{
    struct mempool_tx *tx = mempool_find(m, key);

    if (is_ok) {
        (void)cache_push(&m->cache, key);
        cache_set_done(&m->cache, key);
    } else if (!m->limits.keeps_invalid) {
        cache_remove(&m->cache, key); /* it may be sent again */
    }
    return tx ? mempool_remove(m, tx) : (struct span){ 0 };
}

void mempool_recheck_begin(struct mempool *m)
{
    m->ask = m->heard = m->first;
    m->recheck_end    = m->seq_next;
}

bool mempool_recheck_pending(const struct mempool *m)
{
    const struct mempool_tx *tx = at(m, m->ask);

    return tx && tx->seq < m->recheck_end;
}

const struct mempool_tx *mempool_recheck_send(struct mempool *m)
{
    const struct mempool_tx *tx = at(m, m->ask);

    if (!mempool_recheck_pending(m))
        return NULL;
    m->ask = tx->next;
    return tx;
}

struct mempool_tx *mempool_recheck_find(struct mempool *m, uint64_t seq)
{
    struct mempool_tx *tx = at(m, m->heard);

    while (tx && tx->seq < seq)
        tx = at(m, tx->next);
    m->heard = tx ? (uint32_t)(tx - m->v) : KEYS_NONE;
    return tx && tx->seq == seq ? tx : NULL;
}

bool mempool_rechecked(struct mempool *m, const struct mempool_tx *tx,
                       struct mempool_answer answer)
{
    if (answer.code == 0 && fits_gas(m, answer))
        return true;
    if (!m->limits.keeps_invalid)
        cache_remove(&m->cache, tx->key);
    return false;
}

void mempool_clear_cache(struct mempool *m)
{
    cache_clear(&m->cache);
}
