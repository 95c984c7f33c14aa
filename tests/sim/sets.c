/* Who is a validator at which height: a table made before the schedule, so
 * that evil ones hold less than a third of every set. */
#include "sim.h"

#include "model/genesis.h"

enum { MEMBERS_MIN = 4 };

int sets_val(struct span address)
{
    for (size_t i = 0; i < W.plan.keys; i++)
        if (span_eq(address, SPAN_OF(W.vals[i].address)))
            return (int)i;
    return -1;
}

int32_t sets_place(int64_t height, int val)
{
    return (int32_t)validators_find(&W.sets[height],
                                    SPAN_OF(W.vals[val].address));
}

static bool is_safe(const int64_t power[VALS_MAX])
{
    int64_t total = 0, evil = 0;
    int     members = 0;

    for (size_t i = 0; i < W.plan.keys; i++) {
        members += power[i] > 0;
        total += power[i];
        if (W.plan.role[i] != ROLE_HONEST)
            evil += power[i];
    }
    return members >= MEMBERS_MIN && 3 * evil < total;
}

static void change(int64_t power[VALS_MAX], struct rng *r)
{
    int64_t *p   = &power[rng_below(r, W.plan.keys)];
    int64_t  was = *p;

    *p = rng_chance(r, 40) ? 0 : 1 + (int64_t)rng_below(r, 20);
    if (!is_safe(power))
        *p = was;
}

size_t sets_changes(struct val out[VALS_MAX], int64_t height)
{
    const int64_t *next = W.power[height + 1], *then = W.power[height + 2];
    size_t         n = 0;

    for (size_t i = 0; i < W.plan.keys; i++)
        if (next[i] != then[i]) {
            out[n]            = W.vals[i];
            out[n].power      = then[i];
            out[n++].priority = 0;
        }
    return n;
}

static void plan_powers(void)
{
    struct rng r = { mix64(W.plan.seed, 3) };

    for (size_t i = 0; i < W.plan.keys; i++)
        W.power[1][i] = W.power[2][i] = W.plan.power[i];
    for (int64_t h = 3; h < HEIGHTS_MAX + 2; h++) {
        memcpy(W.power[h], W.power[h - 1], sizeof W.power[h]);
        while (rng_chance(&r, W.plan.changes))
            change(W.power[h], &r);
    }
}

/* Joining ones come behind those of the genesis. */
static void name_vals(const struct privkey keys[VALS_MAX],
                      const struct val     vals[VALS_MAX])
{
    const struct validators *g = &W.genesis.validators;
    struct plan              p = W.plan;

    for (size_t i = 0; i < W.plan.keys; i++) {
        int64_t at = validators_find(g, SPAN_OF(vals[i].address));
        size_t  to = at < 0 ? i : (size_t)at;

        W.keys[to]       = keys[i];
        W.vals[to]       = vals[i];
        W.plan.power[to] = p.power[i];
        W.plan.role[to]  = p.role[i];
    }
}

static void make_sets(void)
{
    struct val changes[VALS_MAX];

    W.sets[1] = W.genesis.validators;
    W.sets[2] = W.genesis.next_validators;
    for (int64_t h = 1; h < HEIGHTS_MAX; h++) {
        size_t n = sets_changes(changes, h);

        must(validators_copy(&W.sets[h + 2], &W.sets[h + 1], &W.arena));
        must(n == 0 ||
             validators_update(&W.sets[h + 2], changes, n, &W.arena) == ACCEPT);
        validators_increment(&W.sets[h + 2], 1);
    }
}

void sets_open(void)
{
    struct val     vals[VALS_MAX] = { 0 };
    struct privkey keys[VALS_MAX];
    struct genesis g = { .time            = { .seconds = 1699999990 },
                         .chain_id        = span_str("sim"),
                         .initial_height  = 1,
                         .validators      = vals,
                         .validator_count = W.plan.validators };

    params_default(&g.params);
    g.params.vote_extensions_enable_height = W.plan.extensions_from;
    for (size_t i = 0; i < W.plan.keys; i++) {
        uint8_t seed[32] = { (uint8_t)(i + 1), 43 };

        must(privkey_from_seed(&keys[i], KEY_TYPE_ED25519, SPAN_OF(seed)));
        privkey_public(&vals[i].key, &keys[i]);
        pubkey_address(vals[i].address, &vals[i].key);
        vals[i].power = W.plan.power[i];
    }
    must(state_from_genesis(&W.genesis, &g, &W.arena) == ACCEPT);
    W.genesis.last_results_hash = (struct span){ 0 };
    name_vals(keys, vals);
    plan_powers();
    make_sets();
}
