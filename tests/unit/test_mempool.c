/* The pool and its cache: CometBFT's tables, and a model beside the code. */
#include "test.h"

#include "crypto/hash.h"
#include "mempool/mempool.h"

#include <stdlib.h>

static const struct mempool_limits defaults = { .count_max    = 5000,
                                                .bytes_max    = 1 << 30,
                                                .tx_bytes_max = 1 << 20,
                                                .cache_max    = 10000 };

static const uint8_t *key_of(struct span tx)
{
    struct hash *h = arena_new(&test_arena, struct hash);

    sha256(h, tx);
    return h->b;
}

/* A transaction of n bytes that starts with i. */
static struct span make_tx(uint32_t i, size_t n)
{
    uint8_t *p = arena_alloc(&test_arena, n < 4 ? 4 : n);

    store_be32(p, i);
    return SPAN(p, n);
}

static enum mempool_refusal add(struct mempool *m, struct span tx, int64_t gas)
{
    struct mempool_answer yes = { .gas_wanted = gas };
    struct mempool_from   api = { 0 };
    struct mempool_tx    *kept;
    enum mempool_refusal  r = mempool_offer(m, key_of(tx), tx.n, 0);

    return r ? r : mempool_keep(m, key_of(tx), tx, yes, api, &kept);
}

static struct mempool start(const struct mempool_limits *limits)
{
    struct mempool m;

    mempool_init(&m, limits, 1234567, &test_arena);
    return m;
}

TEST(reaping_stops_at_bytes_and_at_gas)
{
    static const struct {
        int64_t max_bytes, max_gas;
        size_t  want;
    } cases[] = {
        { -1, -1, 20 },    { -1, 0, 0 },    { -1, 10, 10 },    { -1, 30, 20 },
        { 0, -1, 0 },      { 0, 10, 0 },    { 10, 10, 0 },     { 24, 10, 1 },
        { 240, 5, 5 },     { 240, -1, 10 }, { 240, 10, 10 },   { 240, 15, 10 },
        { 20000, -1, 20 }, { 20000, 5, 5 }, { 20000, 30, 20 }, { 22, -1, 1 },
        { 21, -1, 0 },     { 44, -1, 2 },   { 43, -1, 1 },
    };
    struct mempool m = start(&defaults);

    for (uint32_t i = 0; i < 20; i++)
        CHECK_EQ(add(&m, make_tx(i, 20), 1), MEMPOOL_TAKEN);
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_EQ(mempool_reap(&m, cases[i].max_bytes, cases[i].max_gas),
                 cases[i].want, "bytes %" PRId64 " gas %" PRId64,
                 cases[i].max_bytes, cases[i].max_gas);
}

TEST(gas_that_overflows_does_not_fit)
{
    struct mempool m = start(&defaults);

    CHECK_EQ(add(&m, make_tx(1, 8), INT64_MAX), MEMPOOL_TAKEN);
    CHECK_EQ(add(&m, make_tx(2, 8), INT64_MAX), MEMPOOL_TAKEN);
    CHECK_EQ(mempool_reap(&m, -1, INT64_MAX - 1), 0);
    CHECK_EQ(mempool_reap(&m, -1, -1), 2);
}

TEST(the_size_in_a_block_counts_the_framing)
{
    CHECK_EQ(mempool_tx_size(0), 2);
    CHECK_EQ(mempool_tx_size(127), 129);
    CHECK_EQ(mempool_tx_size(128), 131);
    CHECK_EQ(mempool_tx_size(16383), 16386);
    CHECK_EQ(mempool_tx_size(16384), 16388);
}

TEST(checks_before_and_after_hold_to_the_bounds)
{
    static const struct {
        int64_t              max_bytes, max_gas;
        enum mempool_refusal want;
    } cases[] = {
        { -1, -1, MEMPOOL_TAKEN },     { 10, -1, MEMPOOL_PRE_CHECK },
        { 22, -1, MEMPOOL_TAKEN },     { 21, -1, MEMPOOL_PRE_CHECK },
        { -1, 0, MEMPOOL_POST_CHECK }, { -1, 1, MEMPOOL_TAKEN },
        { -1, 3000, MEMPOOL_TAKEN },   { 10, 20, MEMPOOL_PRE_CHECK },
        { 30, 20, MEMPOOL_TAKEN },     { 22, 1, MEMPOOL_TAKEN },
        { 22, 0, MEMPOOL_POST_CHECK },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mempool m = start(&defaults);

        m.max_bytes = cases[i].max_bytes;
        m.max_gas   = cases[i].max_gas;
        CHECK_EQ(add(&m, make_tx(1, 20), 1), cases[i].want, "case %zu", i);
        CHECK_EQ(m.count, cases[i].want == MEMPOOL_TAKEN, "case %zu", i);
        CHECK_EQ(cache_has(&m.cache, key_of(make_tx(1, 20))),
                 cases[i].want == MEMPOOL_TAKEN, "case %zu: cached", i);
    }
}

static void check_error(const struct mempool *m, enum mempool_refusal r,
                        size_t size, int64_t gas, const char *want)
{
    char       text[256];
    struct buf b;

    buf_use(&b, text, sizeof text);
    mempool_error(&b, m, r, size, (struct mempool_answer){ .gas_wanted = gas });
    CHECK_STR(buf_cstr(&b), want);
}

TEST(errors_are_cometbfts_words)
{
    struct mempool_limits small = { 2, 100, 60, 10, false };
    struct mempool        m     = start(&small);

    m.max_bytes = 50;
    m.max_gas   = 7;
    (void)add(&m, make_tx(1, 40), 0);
    check_error(&m, MEMPOOL_IN_CACHE, 1, 0, "tx already exists in cache");
    check_error(&m, MEMPOOL_TOO_LARGE, 61, 0,
                "Tx too large. Max size is 60, but got 61");
    check_error(&m, MEMPOOL_FULL, 1, 0,
                "mempool is full: number of txs 1 (max: 2), total txs bytes 40 "
                "(max: 100)");
    check_error(&m, MEMPOOL_PRE_CHECK, 49, 0,
                "tx pre check: tx size is too big: 51, max: 50");
    check_error(&m, MEMPOOL_POST_CHECK, 1, 8,
                "gas wanted 8 is greater than max gas 7");
    check_error(&m, MEMPOOL_POST_CHECK, 1, -1, "gas wanted -1 is negative");
}

TEST(bounds_are_looked_at_in_cometbfts_order)
{
    struct mempool_limits small = { 2, 100, 60, 10, false };
    struct mempool        m     = start(&small);

    m.max_bytes = 50;
    CHECK_EQ(add(&m, make_tx(0, 101), 0), MEMPOOL_FULL, "before too large");
    CHECK_EQ(add(&m, make_tx(0, 61), 0), MEMPOOL_TOO_LARGE, "before pre-check");
    CHECK_EQ(add(&m, make_tx(0, 49), 0), MEMPOOL_PRE_CHECK, "before the cache");
    CHECK_EQ(add(&m, make_tx(1, 48), 0), MEMPOOL_TAKEN);
    CHECK_EQ(add(&m, make_tx(1, 48), 0), MEMPOOL_IN_CACHE);
    CHECK_EQ(add(&m, make_tx(2, 48), 0), MEMPOOL_TAKEN);
    CHECK_EQ(add(&m, make_tx(1, 48), 0), MEMPOOL_FULL, "before the cache");
    CHECK_EQ(m.bytes, 96);
}

TEST(what_fills_up_between_check_and_keep_is_refused)
{
    struct mempool_limits one = { 1, 100, 60, 10, false };
    struct mempool        m   = start(&one);
    struct span           a = make_tx(1, 10), b = make_tx(2, 10);
    struct mempool_from   api  = { 0 };
    struct mempool_answer yes  = { 0 };
    struct mempool_tx    *kept = NULL;

    CHECK_EQ(mempool_offer(&m, key_of(a), a.n, 0), MEMPOOL_TAKEN);
    CHECK_EQ(mempool_offer(&m, key_of(b), b.n, 0), MEMPOOL_TAKEN);
    CHECK_EQ(mempool_keep(&m, key_of(a), a, yes, api, &kept), MEMPOOL_TAKEN);
    CHECK(kept != NULL);
    CHECK_EQ(mempool_keep(&m, key_of(b), b, yes, api, &kept), MEMPOOL_FULL);
    CHECK(kept == NULL);
    CHECK(!cache_has(&m.cache, key_of(b)), "it may be sent again");
}

TEST(committed_ones_leave_and_stay_known_if_they_were_good)
{
    struct mempool m = start(&defaults);
    struct span    a = make_tx(1, 9), b = make_tx(2, 9), c = make_tx(3, 9);

    CHECK(!mempool_committed(&m, key_of(a), true).p, "never waited here");
    CHECK_EQ(add(&m, a, 0), MEMPOOL_IN_CACHE, "but is known now");
    CHECK_EQ(add(&m, b, 0), MEMPOOL_TAKEN);
    CHECK_BYTES(mempool_committed(&m, key_of(b), true), b);
    CHECK_EQ(m.count, 0);
    CHECK_EQ(m.bytes, 0);
    CHECK_EQ(add(&m, c, 0), MEMPOOL_TAKEN);
    CHECK_BYTES(mempool_committed(&m, key_of(c), false), c);
    CHECK_EQ(add(&m, c, 0), MEMPOOL_TAKEN, "one that failed may come again");
}

TEST(invalid_ones_are_forgotten_unless_they_are_to_be_kept)
{
    for (int keeps = 0; keeps <= 1; keeps++) {
        struct mempool_limits l = defaults;
        struct mempool        m;
        struct span           a    = make_tx(1, 9);
        struct mempool_from   api  = { 0 };
        struct mempool_tx    *kept = NULL;

        l.keeps_invalid = keeps;
        m               = start(&l);
        CHECK_EQ(mempool_offer(&m, key_of(a), a.n, 0), MEMPOOL_TAKEN);
        CHECK_EQ(mempool_keep(&m, key_of(a), a,
                              (struct mempool_answer){ .code = 2 }, api, &kept),
                 MEMPOOL_TAKEN);
        CHECK(kept == NULL);
        CHECK_EQ(cache_has(&m.cache, key_of(a)), keeps);
        (void)mempool_committed(&m, key_of(a), false);
        CHECK_EQ(cache_has(&m.cache, key_of(a)), keeps, "after a block");
    }
}

TEST(the_cache_after_an_update)
{
    static const struct {
        uint32_t create;
        int      update, again;
        int      want[3]; /* newest first, -1 ends */
    } cases[] = {
        { 1, -1, 1, { 1, 0, -1 } },
        { 2, 1, -1, { 1, 0, -1 } },
        { 2, 2, -1, { 2, 1, 0 } },
        { 2, 1, 1, { 1, 0, -1 } },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mempool m = start(&defaults);
        uint32_t       at;
        size_t         n = 0;

        for (uint32_t t = 0; t < cases[i].create; t++)
            (void)add(&m, make_tx(t, 4), 0);
        if (cases[i].update >= 0)
            (void)mempool_committed(
                &m, key_of(make_tx((uint32_t)cases[i].update, 4)), true);
        if (cases[i].again >= 0)
            (void)add(&m, make_tx((uint32_t)cases[i].again, 4), 0);
        for (at = m.cache.newest; at != KEYS_NONE; at = m.cache.v[at].prev) {
            if (!CHECK(n < 3 && cases[i].want[n] >= 0, "case %zu: larger", i))
                break;
            CHECK(memcmp(m.cache.v[at].key,
                         key_of(make_tx((uint32_t)cases[i].want[n], 4)),
                         HASH_BYTES) == 0,
                  "case %zu, place %zu", i, n);
            n++;
        }
        CHECK(n == 3 || cases[i].want[n] < 0, "case %zu: smaller", i);
    }
}

TEST(a_cache_of_no_size_remembers_nothing)
{
    struct cache c;

    cache_init(&c, 0, 1, &test_arena);
    CHECK(cache_push(&c, key_of(make_tx(1, 4))));
    CHECK(cache_push(&c, key_of(make_tx(1, 4))));
    CHECK(!cache_has(&c, key_of(make_tx(1, 4))));
    cache_remove(&c, key_of(make_tx(1, 4)));
}

TEST(senders_add_up)
{
    struct mempool        m    = start(&defaults);
    struct span           a    = make_tx(1, 9);
    struct mempool_from   peer = { .sender = 4 };
    struct mempool_answer yes  = { 0 };
    struct mempool_tx    *kept = NULL;

    CHECK_EQ(mempool_offer(&m, key_of(a), a.n, 4), MEMPOOL_TAKEN);
    (void)mempool_keep(&m, key_of(a), a, yes, peer, &kept);
    CHECK_EQ(mempool_offer(&m, key_of(a), a.n, 8), MEMPOOL_IN_CACHE);
    CHECK_EQ(kept->senders, 12);
}

TEST(what_a_request_brought_is_known_by_its_origin)
{
    struct mempool        m    = start(&defaults);
    struct span           a    = make_tx(1, 9);
    struct mempool_from   api  = { .origin = 77 };
    struct mempool_answer yes  = { 0 };
    struct mempool_tx    *kept = NULL;

    CHECK_EQ(mempool_origin(&m, key_of(a)), 0, "never seen");
    CHECK_EQ(mempool_offer(&m, key_of(a), a.n, 0), MEMPOOL_TAKEN);
    CHECK_EQ(mempool_origin(&m, key_of(a)), 0, "not kept yet");
    (void)mempool_keep(&m, key_of(a), a, yes, api, &kept);
    CHECK_EQ(mempool_origin(&m, key_of(a)), 77, "kept");
    (void)mempool_committed(&m, key_of(a), true);
    CHECK_EQ(mempool_origin(&m, key_of(a)), 77, "committed");
}

TEST(a_check_that_a_block_overtook_keeps_nothing)
{
    struct mempool        m = start(&defaults);
    struct span           a = make_tx(1, 9), b = make_tx(2, 9);
    struct mempool_from   peer = { .sender = 4 };
    struct mempool_answer yes  = { 0 };
    struct mempool_tx    *kept = NULL;

    CHECK_EQ(mempool_offer(&m, key_of(a), a.n, 4), MEMPOOL_TAKEN);
    (void)mempool_committed(&m, key_of(a), true);
    CHECK_EQ(mempool_keep(&m, key_of(a), a, yes, peer, &kept),
             MEMPOOL_IN_CACHE);
    CHECK(kept == NULL && m.count == 0, "it would be in two blocks");
    mempool_withdraw(&m, key_of(a));
    CHECK_EQ(mempool_offer(&m, key_of(a), a.n, 4), MEMPOOL_IN_CACHE,
             "and is still known");
    CHECK_EQ(mempool_offer(&m, key_of(b), b.n, 4), MEMPOOL_TAKEN);
    (void)mempool_committed(&m, key_of(b), false);
    CHECK_EQ(mempool_keep(&m, key_of(b), b, yes, peer, &kept), MEMPOOL_TAKEN,
             "one that failed in a block may come again");
}

/* ---- recheck ---- */

TEST(a_recheck_takes_those_that_were_there_in_order)
{
    struct mempool           m = start(&defaults);
    const struct mempool_tx *tx;
    uint64_t                 asked[4];
    size_t                   n = 0;

    for (uint32_t i = 0; i < 4; i++)
        (void)add(&m, make_tx(i, 4), 0);
    mempool_recheck_begin(&m);
    (void)add(&m, make_tx(9, 4), 0);
    while ((tx = mempool_recheck_send(&m)))
        asked[n++] = tx->seq;
    CHECK_EQ(n, 4, "not the one that came later");
    CHECK(!mempool_recheck_pending(&m));

    tx = mempool_recheck_find(&m, asked[0]);
    CHECK(tx && tx->seq == asked[0], "the first");
    CHECK(!mempool_rechecked(&m, tx, (struct mempool_answer){ .code = 1 }));
    CHECK(!cache_has(&m.cache, tx->key), "out of the cache");
    mempool_remove(&m, mempool_find(&m, tx->key));
    mempool_remove(&m, mempool_find(&m, key_of(make_tx(1, 4))));
    CHECK(!mempool_recheck_find(&m, asked[1]), "removed meanwhile");
    tx = mempool_recheck_find(&m, asked[3]);
    CHECK(tx && tx->seq == asked[3], "one was left out");
    CHECK(mempool_rechecked(&m, tx, (struct mempool_answer){ 0 }));
    CHECK_EQ(m.count, 3);
}

TEST(removing_what_the_recheck_stands_on_moves_it)
{
    struct mempool m = start(&defaults);

    for (uint32_t i = 0; i < 3; i++)
        (void)add(&m, make_tx(i, 4), 0);
    mempool_recheck_begin(&m);
    (void)mempool_committed(&m, key_of(make_tx(0, 4)), true);
    CHECK_EQ(mempool_recheck_send(&m)->seq, 2);
    (void)mempool_committed(&m, key_of(make_tx(2, 4)), true);
    CHECK(!mempool_recheck_send(&m), "at the end");
}

/* ---- restoring ---- */

TEST(restored_ones_stand_in_their_order)
{
    static const uint64_t    seqs[] = { 5, 9, 2, 3, 12, 1, 10, 4 };
    static const uint64_t    want[] = { 1, 2, 3, 4, 5, 9, 10, 12 };
    struct mempool           m      = start(&defaults);
    const struct mempool_tx *tx;
    size_t                   n = 0;

    for (size_t i = 0; i < COUNT(seqs); i++) {
        struct mempool_tx from = { .seq   = seqs[i],
                                   .bytes = make_tx((uint32_t)seqs[i], 6) };

        memcpy(from.key, key_of(from.bytes), HASH_BYTES);
        CHECK(mempool_restore(&m, &from, 0) != NULL);
        CHECK(mempool_restore(&m, &from, 0) == NULL, "once");
    }
    for (tx = mempool_first(&m); tx; tx = mempool_next(&m, tx))
        CHECK_EQ(tx->seq, want[n++]);
    CHECK_EQ(n, COUNT(want));
    CHECK_EQ(m.bytes, 6 * COUNT(want));
    (void)add(&m, make_tx(99, 4), 0);
    CHECK_EQ(mempool_ahead(&m, &(struct mempool_cursor){ 12, 0 })->seq, 13,
             "new ones follow");
    CHECK_EQ(mempool_ahead(&m, &(struct mempool_cursor){ 3, 0 })->seq, 4);
    CHECK(!mempool_ahead(&m, &(struct mempool_cursor){ 13, 0 }));
}

/* ---- a model: an array, searched from the front ---- */

enum { MODEL_MAX = 40, TXS = 120, STEPS = 200000 };

struct model {
    uint32_t v[MODEL_MAX];
    size_t   n;
};

static bool model_take(struct model *d, uint32_t i)
{
    for (size_t k = 0; k < d->n; k++) {
        if (d->v[k] != i)
            continue;
        memmove(d->v + k, d->v + k + 1, (d->n - k - 1) * sizeof d->v[0]);
        d->n--;
        return true;
    }
    return false;
}

static bool same(const struct mempool *m, const struct model *d,
                 const struct span *txs)
{
    const struct mempool_tx *tx = mempool_first(m);

    for (size_t k = 0; k < d->n; k++, tx = mempool_next(m, tx))
        if (!tx || !span_eq(tx->bytes, txs[d->v[k]]))
            return false;
    return !tx && m->count == d->n;
}

TEST(random_steps_agree_with_a_simple_model)
{
    struct mempool_limits l = { MODEL_MAX, 1 << 30, 1 << 20, 60, false };
    struct mempool        m = start(&l);
    struct model          d = { .n = 0 };
    struct span           txs[TXS];
    const uint8_t        *keys[TXS];
    size_t                bad = 0;

    for (uint32_t i = 0; i < TXS; i++) {
        txs[i]  = make_tx(i, 4 + i % 7);
        keys[i] = key_of(txs[i]);
    }
    srand(7);
    for (size_t step = 0; step < STEPS; step++) {
        uint32_t           i  = (uint32_t)rand() % TXS;
        struct mempool_tx *tx = mempool_find(&m, keys[i]);

        switch (rand() % 4) {
        case 0:
        case 1:
            if (add(&m, txs[i], 0) == MEMPOOL_TAKEN)
                d.v[d.n++] = i;
            break;
        case 2:
            bad += model_take(&d, i) !=
                   (mempool_committed(&m, keys[i], i % 2).p != NULL);
            break;
        case 3:
            bad += model_take(&d, i) != (tx != NULL);
            if (tx)
                mempool_remove(&m, tx);
            cache_remove(&m.cache, keys[i]);
            break;
        }
        bad += !same(&m, &d, txs);
    }
    CHECK_EQ(bad, 0);
}
