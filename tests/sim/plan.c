/* What a seed means. */
#include "sim.h"

#include <stdio.h>

uint64_t mix64(uint64_t h, uint64_t v)
{
    h ^= v + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h *= UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 32;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t load_tail(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    memcpy(&v, p, n);
    return v;
}

uint64_t mix_bytes(uint64_t h, struct span s)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    size_t         i = 0;

    for (; i + 16 <= s.n; i += 16)
        h = fold(load_le64(s.p + i) ^ h ^ k, load_le64(s.p + i + 8) ^ ~k);
    if (i + 8 <= s.n) {
        h = fold(load_le64(s.p + i) ^ h, k);
        i += 8;
    }
    if (i < s.n)
        h = fold(load_tail(s.p + i, s.n - i) ^ h, ~k);
    return mix64(h, s.n);
}

/* splitmix64 */
uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->s += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    return rng_next(r) % n;
}

bool rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

static unsigned pick(struct rng *r, const unsigned *v, size_t n)
{
    return v[rng_below(r, n)];
}
#define PICK(r, ...)                                                           \
    pick((r), (const unsigned[]){ __VA_ARGS__ },                               \
         sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))

/* Evil ones hold less than a third. */
static void choose_roles(struct plan *p, struct rng *r)
{
    int64_t total = 0, evil = 0;

    for (size_t i = 0; i < p->validators; i++)
        total += p->power[i];
    for (size_t i = 0; i < p->validators; i++) {
        size_t  v    = (i + p->seed) % p->validators;
        int64_t then = evil + p->power[v];

        if (3 * then >= total || rng_chance(r, 20))
            continue;
        evil = then;
        p->role[v] =
            (enum role)PICK(r, ROLE_TWINS, ROLE_TWINS, ROLE_PUPPET, ROLE_PUPPET,
                            ROLE_PUPPET, ROLE_SILENT, ROLE_FORGETFUL);
    }
}

/* Half of them are twins, and the network parts often: some will decide what
 * others do not, and it has to be known who did that. */
static void invite_fork(struct plan *p, struct rng *r)
{
    p->is_fork = true;
    memset(p->role, 0, sizeof p->role);
    for (size_t i = 0; i < p->validators; i++)
        p->power[i] = 10;
    for (size_t i = 0; i < p->validators / 2; i++)
        p->role[(i + p->seed) % p->validators] = ROLE_TWINS;
    p->partitions = 90;
    p->loss = p->crashes = p->aim = p->changes = 0;
    p->late                                    = PICK(r, 0, 5, 20);
    p->keys                                    = p->validators;
    p->is_patient                              = false;
}

/* Locks need rounds in which nearly all goes well: what is lost by chance
 * makes everybody prevote nil. */
static void take_aim(struct plan *p, struct rng *r)
{
    p->aim        = PICK(r, 40, 70, 90, 100);
    p->loss       = 0;
    p->late       = PICK(r, 0, 0, 0, 5);
    p->partitions = PICK(r, 0, 0, 0, 20);
    p->is_fifo    = true;
}

/* To be set back a store has to have been copied, and its node to crash twice.
 */
static void set_stores_back(struct plan *p, struct rng *r)
{
    p->set_backs = PICK(r, 50, 100);
    p->crashes   = PICK(r, 60, 90);
    p->storm += 5 * SECOND;
}

void plan_make(struct plan *p, uint64_t seed, bool is_long)
{
    struct rng r = { mix64(seed, 1) };

    *p            = (struct plan){ .seed = seed, .is_long = is_long };
    p->validators = PICK(&r, 4, 4, 4, 5, 6, 7);
    for (size_t i = 0; i < p->validators; i++)
        p->power[i] = 10;
    if (rng_chance(&r, 25))
        for (size_t i = 0; i < p->validators; i++)
            p->power[i] = 1 + (int64_t)rng_below(&r, 20);
    if (rng_chance(&r, 80))
        choose_roles(p, &r);
    p->keys = p->validators;
    if (rng_chance(&r, 30)) {
        p->changes = PICK(&r, 10, 30, 60);
        p->keys += rng_below(&r, 3);
    }
    p->goal           = is_long ? 20 : 3;
    p->storm          = (int64_t)(1 + rng_below(&r, is_long ? 30 : 8)) * SECOND;
    p->patience       = 600 * SECOND;
    p->loss           = PICK(&r, 0, 0, 2, 10, 30);
    p->duplicates     = PICK(&r, 0, 0, 5, 30);
    p->late           = PICK(&r, 0, 5, 20, 50);
    p->crashes        = PICK(&r, 0, 0, 5, 20, 60);
    p->partitions     = PICK(&r, 0, 20, 60, 90);
    p->evil           = PICK(&r, 10, 40, 80, 100);
    p->is_fifo        = rng_chance(&r, 60);
    p->has_big_blocks = rng_chance(&r, 10);
    p->skips_commit_wait = rng_chance(&r, 30);
    p->has_sync          = rng_chance(&r, 70);
    p->is_patient        = rng_chance(&r, 25);
    if (rng_chance(&r, 60))
        take_aim(p, &r);
    if (rng_chance(&r, 3))
        invite_fork(p, &r);
    if (rng_chance(&r, 20))
        p->extensions_from = 1 + (int64_t)rng_below(&r, 3);
    if (rng_chance(&r, 30))
        for (size_t i = 0; i < NODES_MAX; i++)
            p->skew[i] = (int64_t)rng_below(&r, 4000) * MS - 2000 * MS;
    if (p->has_sync && !p->is_fork && rng_chance(&r, 20))
        set_stores_back(p, &r);
}

void plan_print(const struct plan *p)
{
    static const char *const names[] = { "honest", "twins", "puppet", "silent",
                                         "forgetful" };

    printf("%zu validators:", p->validators);
    for (size_t i = 0; i < p->keys; i++)
        printf(" %" PRId64 "%s%s", p->power[i], p->role[i] ? " " : "",
               p->role[i] ? names[p->role[i]] : "");
    printf("; storm %" PRId64 " ms, loss %u%%, duplicates %u%%, late %u%%,"
           " changes %u%%, crashes %u%%, set back %u%%, partitions %u%%,"
           " evil %u%%, aim %u%%, %s order\n",
           p->storm / MS, p->loss, p->duplicates, p->late, p->changes,
           p->crashes, p->set_backs, p->partitions, p->evil, p->aim,
           p->is_fifo ? "in" : "out of");
}
