/* plan - what is drawn from a seed, and how much of anything there may be. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "base/base.h"

enum {
    NODES_MAX   = 12,
    VALS_MAX    = 10,
    HEIGHTS_MAX = 128,
    ROUNDS_MAX  = 64,
    BLOCKS_MAX  = 64, /* of a height; the first is nil */
    QUEUE_MAX   = 1 << 17,
    RECORDS_MAX = 1 << 16,
    DEEDS_MAX   = 200,
    KEPT_MAX    = 4096, /* evidence on a disk */
    CREDIT      = 32,   /* messages under way on a link */
    ENCODED_MAX = 4096, /* votes, encoded */
    AIM_ROUNDS  = 6,    /* of a height, in which it is aimed */
};

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

struct rng {
    uint64_t s;
};
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* n > 0 */
bool     rng_chance(struct rng *r, unsigned percent);
uint64_t mix64(uint64_t h, uint64_t v);
uint64_t mix_bytes(uint64_t h, struct span s);

enum role { ROLE_HONEST, ROLE_TWINS, ROLE_PUPPET, ROLE_SILENT, ROLE_FORGETFUL };

struct plan {
    uint64_t  seed;
    size_t    validators; /* of the genesis */
    size_t    keys;       /* with those that may join */
    unsigned  changes;    /* how often the set changes, percent of heights */
    int64_t   power[VALS_MAX];
    enum role role[VALS_MAX];
    int64_t   goal;     /* heights to decide, at least */
    int64_t   storm;    /* how long */
    int64_t   patience; /* how long fair weather may take */
    unsigned  loss, duplicates, late, crashes, partitions; /* percent */
    unsigned  evil; /* how often puppets speak, percent */
    unsigned  aim;  /* how often messages are held on purpose, percent */
    bool      is_fifo, is_long, has_big_blocks, skips_commit_wait, is_patient,
        has_sync, is_fork; /* the evil ones may hold more than a third */
    unsigned set_backs;    /* how often a store is an older copy, percent */
    int64_t  extensions_from;
    int64_t  skew[NODES_MAX];
};
void plan_make(struct plan *p, uint64_t seed, bool is_long);
void plan_print(const struct plan *p);

#endif
