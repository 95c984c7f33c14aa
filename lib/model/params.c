#include "model/params.h"

void params_default(struct params *p)
{
    *p = (struct params){
        .block          = { .max_bytes = 22020096, .max_gas = -1 },
        .evidence       = { .max_age_num_blocks = 100000,
                            .max_age_duration   = 172800000000000,
                            .max_bytes          = 1048576 },
        .key_types      = { KEY_TYPE_ED25519 },
        .key_type_count = 1,
    };
}

enum reject params_validate(const struct params *p)
{
    const struct block_params    *b = &p->block;
    const struct evidence_params *e = &p->evidence;

    if (b->max_bytes == 0 || b->max_bytes < -1 ||
        b->max_bytes > BLOCK_BYTES_MAX || b->max_gas < -1)
        return REJECT_RANGE;
    if (e->max_age_num_blocks <= 0 || e->max_age_duration <= 0 ||
        e->max_bytes < 0 || e->max_bytes > params_block_bytes(p))
        return REJECT_RANGE;
    if (p->vote_extensions_enable_height < 0)
        return REJECT_RANGE;
    return p->key_type_count ? ACCEPT : REJECT_MISSING;
}

void params_hash(struct hash *out, const struct params *p)
{
    uint8_t bytes[32];
    size_t  n = pb_size(&hashed_params_desc, &p->block);

    must(n <= sizeof bytes);
    pb_encode_to(&hashed_params_desc, &p->block, bytes, n);
    sha256(out, SPAN(bytes, n));
}

static enum key_type key_type_by_name(struct span name)
{
    static const enum key_type known[] = { KEY_TYPE_ED25519,
                                           KEY_TYPE_SECP256K1 };

    for (size_t i = 0; i < COUNT(known); i++)
        if (span_eq(name, span_str(key_type_name(known[i]))))
            return known[i];
    return KEY_TYPE_NONE;
}

bool params_set_key_types(struct params *p, const struct span *names, size_t n)
{
    uint8_t types[KEY_TYPES_MAX] = { 0 };

    if (n > KEY_TYPES_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        types[i] = (uint8_t)key_type_by_name(names[i]);
        if (types[i] == KEY_TYPE_NONE)
            return false;
    }
    memcpy(p->key_types, types, sizeof types);
    p->key_type_count = (uint8_t)n;
    return true;
}

bool params_allows_key(const struct params *p, enum key_type type)
{
    for (size_t i = 0; i < p->key_type_count; i++)
        if (p->key_types[i] == type)
            return true;
    return false;
}

enum reject params_merge(struct params *p, const struct consensus_params_msg *m)
{
    if (m->validator && !params_set_key_types(p, m->validator->pub_key_types.v,
                                              m->validator->pub_key_types.n))
        return REJECT_RANGE;
    if (m->block)
        p->block = *m->block;
    if (m->evidence)
        p->evidence = *m->evidence;
    if (m->version)
        p->app_version = m->version->app;
    if (m->abci)
        p->vote_extensions_enable_height =
            m->abci->vote_extensions_enable_height;
    return ACCEPT;
}

/* May the height that turns extensions on move from old to new, decided by
 * the application at height? */
static enum reject extension_height_may_change(int64_t old, int64_t new,
                                               int64_t height)
{
    bool is_on = old > 0 && old <= height;

    if (old == new || (old <= 0 && new == 0))
        return ACCEPT;
    if (is_on)
        return REJECT_MISMATCH; /* neither off nor moved once on */
    return new == 0 || new > height ? ACCEPT : REJECT_RANGE;
}

enum reject params_update(struct params                     *p,
                          const struct consensus_params_msg *m, int64_t height)
{
    struct params next = *p;
    enum reject   r    = params_merge(&next, m);

    if (!r)
        r = params_validate(&next);
    if (!r && m->abci)
        r = extension_height_may_change(p->vote_extensions_enable_height,
                                        next.vote_extensions_enable_height,
                                        height);
    if (!r)
        *p = next;
    return r;
}

struct consensus_params_msg *params_to_msg(const struct params *p,
                                           struct arena        *a)
{
    struct all {
        struct consensus_params_msg msg;
        struct block_params         block;
        struct evidence_params      evidence;
        struct validator_params     validator;
        struct version_params       version;
        struct abci_params          abci;
        struct span                 names[KEY_TYPES_MAX];
    } *all = arena_new(a, struct all);

    if (!all)
        return NULL;
    all->block    = p->block;
    all->evidence = p->evidence;
    for (size_t i = 0; i < p->key_type_count; i++)
        all->names[i] = span_str(key_type_name(p->key_types[i]));
    all->validator.pub_key_types.v          = all->names;
    all->validator.pub_key_types.n          = p->key_type_count;
    all->version.app                        = p->app_version;
    all->abci.vote_extensions_enable_height = p->vote_extensions_enable_height;
    all->msg = (struct consensus_params_msg){ &all->block, &all->evidence,
                                              &all->validator, &all->version,
                                              &all->abci };
    return &all->msg;
}

enum reject params_from_msg(struct params                     *p,
                            const struct consensus_params_msg *m)
{
    *p = (struct params){ 0 };
    if (!m->block || !m->evidence || !m->validator || !m->version)
        return REJECT_MISSING;
    return params_merge(p, m);
}
