/* The state as tendermint.state.State. */
#include "model/state.h"

#include "model/vote.h"

struct state_version {
    struct version consensus;
    struct span    software;
};

struct state_msg {
    struct state_version        version;
    struct span                 chain_id;
    int64_t                     last_block_height;
    struct block_id             last_block_id;
    struct stamp                last_block_time;
    struct validator_set_msg   *next_validators, *validators, *last_validators;
    int64_t                     last_height_validators_changed;
    struct consensus_params_msg consensus_params;
    int64_t                     last_height_consensus_params_changed;
    struct span                 last_results_hash;
    struct span                 app_hash;
    int64_t                     initial_height;
};

static const struct pb_field_desc version_fields[] = {
    PB_SUB(struct state_version, 1, consensus, version_desc),
    PB_FIELD(struct state_version, 2, software, PB_STRING),
};
static const struct pb_desc state_version_desc = {
    "state_version", version_fields, COUNT(version_fields),
    sizeof(struct state_version)
};

static const struct pb_field_desc state_fields[] = {
    PB_SUB(struct state_msg, 1, version, state_version_desc),
    PB_FIELD(struct state_msg, 2, chain_id, PB_STRING),
    PB_FIELD(struct state_msg, 3, last_block_height, PB_INT64),
    PB_SUB(struct state_msg, 4, last_block_id, block_id_desc),
    PB_FIELD(struct state_msg, 5, last_block_time, PB_STAMP),
    PB_PTR(struct state_msg, 6, next_validators, validator_set_desc),
    PB_PTR(struct state_msg, 7, validators, validator_set_desc),
    PB_PTR(struct state_msg, 8, last_validators, validator_set_desc),
    PB_FIELD(struct state_msg, 9, last_height_validators_changed, PB_INT64),
    PB_SUB(struct state_msg, 10, consensus_params, consensus_params_desc),
    PB_FIELD(struct state_msg, 11, last_height_consensus_params_changed,
             PB_INT64),
    PB_FIELD(struct state_msg, 12, last_results_hash, PB_BYTES),
    PB_FIELD(struct state_msg, 13, app_hash, PB_BYTES),
    PB_FIELD(struct state_msg, 14, initial_height, PB_INT64),
};
static const struct pb_desc state_desc = { "state", state_fields,
                                           COUNT(state_fields),
                                           sizeof(struct state_msg) };

/* All but the sets and the parameters. */
static struct state_msg plain_members(const struct chain_state *s)
{
    struct state_msg m = { .version = { s->version, s->software } };

    m.chain_id                             = s->chain_id;
    m.initial_height                       = s->initial_height;
    m.last_block_height                    = s->last_height;
    m.last_block_id                        = s->last_block_id;
    m.last_block_time                      = s->last_time;
    m.last_height_validators_changed       = s->last_height_validators_changed;
    m.last_height_consensus_params_changed = s->last_height_params_changed;
    m.last_results_hash                    = s->last_results_hash;
    m.app_hash                             = s->app_hash;
    return m;
}

struct span state_encode(const struct chain_state *s, struct arena *a)
{
    struct consensus_params_msg *params = params_to_msg(&s->params, a);
    struct state_msg             m      = plain_members(s);

    m.next_validators = validators_to_msg(&s->next_validators, a);
    m.validators      = validators_to_msg(&s->validators, a);
    if (s->last_height > 0) {
        m.last_validators = validators_to_msg(&s->last_validators, a);
        if (!m.last_validators)
            return (struct span){ 0 };
    }
    if (!params || !m.next_validators || !m.validators)
        return (struct span){ 0 };
    m.consensus_params = *params;
    return pb_encode(&state_desc, &m, a);
}

static enum reject read_set(struct validators              *out,
                            const struct validator_set_msg *m, struct arena *a)
{
    if (!m || (m->validators.n == 0 && !m->proposer))
        return validators_new(out, NULL, 0, a);
    return validators_from_msg(out, m, a);
}

static enum reject read_sets(struct chain_state *s, const struct state_msg *m,
                             struct arena *a)
{
    enum reject r = read_set(&s->validators, m->validators, a);

    if (!r)
        r = read_set(&s->next_validators, m->next_validators, a);
    if (!r)
        r = read_set(&s->last_validators,
                     s->last_height > 0 ? m->last_validators : NULL, a);
    return r;
}

enum reject state_decode(struct chain_state *s, struct span in, struct arena *a)
{
    struct state_msg m;
    struct span      own = arena_copy(a, in); /* what the spans will borrow */
    enum reject      r;

    if (in.n && !own.p)
        return REJECT_LIMIT;
    r = pb_decode(&state_desc, &m, a, own);
    if (r)
        return r;
    *s = (struct chain_state){
        .version                        = m.version.consensus,
        .software                       = m.version.software,
        .chain_id                       = m.chain_id,
        .initial_height                 = m.initial_height,
        .last_height                    = m.last_block_height,
        .last_block_id                  = m.last_block_id,
        .last_time                      = m.last_block_time,
        .last_height_validators_changed = m.last_height_validators_changed,
        .last_height_params_changed = m.last_height_consensus_params_changed,
        .last_results_hash          = m.last_results_hash,
        .app_hash                   = m.app_hash,
    };
    r = block_id_validate(&s->last_block_id);
    if (!r)
        r = params_from_msg(&s->params, &m.consensus_params);
    return r ? r : read_sets(s, &m, a);
}
