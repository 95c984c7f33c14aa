/* A block against the state that it is to extend: state/validation.go. */
#include "model/state.h"

#include "model/vote.h"

/* What is wrong with the block, or NULL. */
typedef const char *check_fn(const struct block       *b,
                             const struct chain_state *s);

static const char *check_place(const struct block       *b,
                               const struct chain_state *s)
{
    const struct header *h = &b->header;

    if (h->version.app != s->version.app ||
        h->version.block != s->version.block)
        return "version is not the state's";
    if (!span_eq(h->chain_id, s->chain_id))
        return "chain id is not the state's";
    if (s->last_height == 0 && h->height != s->initial_height)
        return "height is not the initial height";
    if (s->last_height > 0 && h->height != s->last_height + 1)
        return "height does not follow the last block's";
    if (!block_id_eq(&h->last_block_id, &s->last_block_id))
        return "last block id is not the last block's";
    return NULL;
}

static const char *check_hashes(const struct block       *b,
                                const struct chain_state *s)
{
    const struct header *h = &b->header;
    struct hash          want;

    if (!span_eq(h->app_hash, s->app_hash))
        return "app hash is not the state's";
    params_hash(&want, &s->params);
    if (!span_eq(h->consensus_hash, hash_span(&want)))
        return "consensus hash is not that of the parameters";
    if (!span_eq(h->last_results_hash, s->last_results_hash))
        return "last results hash is not the state's";
    validators_hash(&want, &s->validators);
    if (!span_eq(h->validators_hash, hash_span(&want)))
        return "validators hash is not that of the set";
    validators_hash(&want, &s->next_validators);
    if (!span_eq(h->next_validators_hash, hash_span(&want)))
        return "next validators hash is not that of the next set";
    return NULL;
}

static const char *check_last_commit(const struct block       *b,
                                     const struct chain_state *s,
                                     const struct commit      *known,
                                     struct arena             *a)
{
    if (b->header.height == s->initial_height)
        return b->last_commit->signatures.n ? "initial block has a last commit"
                                            : NULL;
    switch (commit_verify_known(&s->last_validators, s->chain_id,
                                &s->last_block_id, b->header.height - 1,
                                b->last_commit, known, a)) {
    case ACCEPT: return NULL;
    case REJECT_LENGTH: return "last commit has not an entry per validator";
    case REJECT_MISSING: return "last commit has too little power";
    case REJECT_SIGNATURE: return "last commit has a wrong signature";
    case REJECT_LIMIT: return "no memory to verify the last commit";
    case REJECT_MISMATCH:
    case REJECT_MALFORMED:
    case REJECT_RANGE: break;
    }
    return "last commit is for another height, block or signer";
}

static const char *check_proposer(const struct block       *b,
                                  const struct chain_state *s)
{
    return validators_find(&s->validators, b->header.proposer_address) < 0
               ? "proposer is not a validator"
               : NULL;
}

static const char *check_time(const struct block       *b,
                              const struct chain_state *s, struct arena *a)
{
    const struct header *h = &b->header;
    struct stamp         median;

    if (h->height < s->initial_height)
        return "height is below the initial height";
    if (h->height == s->initial_height)
        return stamp_cmp(h->time, s->last_time) ? "time is not the genesis time"
                                                : NULL;
    if (stamp_cmp(h->time, s->last_time) <= 0)
        return "time is not after the last block's";
    if (!commit_median_time(&median, b->last_commit, &s->last_validators, a))
        return "last commit names a stranger";
    return stamp_cmp(h->time, median) ? "time is not the last commit's median"
                                      : NULL;
}

static const char *check_evidence_size(const struct block       *b,
                                       const struct chain_state *s)
{
    return (int64_t)pb_size(&evidence_list_desc, &b->evidence) >
                   s->params.evidence.max_bytes
               ? "too much evidence"
               : NULL;
}

enum reject block_extends(const struct block *b, const struct chain_state *s,
                          const struct commit *known, struct arena *a,
                          const char **why)
{
    static check_fn *const simple[] = { check_place, check_hashes,
                                        check_proposer, check_evidence_size };

    for (size_t i = 0; i < COUNT(simple); i++) {
        *why = simple[i](b, s);
        if (*why)
            return REJECT_MISMATCH;
    }
    *why = check_last_commit(b, s, known, a);
    if (!*why)
        *why = check_time(b, s, a);
    if (*why)
        return REJECT_MISMATCH;
    *why = "";
    return ACCEPT;
}

enum reject block_validate_known(struct block *b, const struct chain_state *s,
                                 const struct commit *known, struct arena *a,
                                 const char **why)
{
    enum reject r = block_validate(b, a);

    *why = "not well formed";
    return r ? r : block_extends(b, s, known, a, why);
}

enum reject block_validate_against(struct block *b, const struct chain_state *s,
                                   struct arena *a, const char **why)
{
    return block_validate_known(b, s, NULL, a, why);
}
