/* params - the rules that a chain can change by itself.
 *
 * Source:  CometBFT v0.38 types/params.go.
 * Shapes:  key types in the order in which they were given, at most
 *          KEY_TYPES_MAX (repeats count); other names than ed25519 and
 *          secp256k1 are refused.
 * Units:   evidence.max_age_duration in nanoseconds. */
#ifndef WARREN_PARAMS_H
#define WARREN_PARAMS_H

#include "crypto/hash.h"
#include "crypto/key.h"
#include "model/types.h"

enum { KEY_TYPES_MAX = 8 };

struct params {
    struct block_params    block; /* max_bytes -1: BLOCK_BYTES_MAX */
    struct evidence_params evidence;
    uint8_t                key_types[KEY_TYPES_MAX]; /* enum key_type */
    uint8_t                key_type_count;
    uint64_t               app_version;
    int64_t                vote_extensions_enable_height; /* 0: never */
};

void params_default(struct params *p);
/* params_validate - ValidateBasic. */
NODISCARD enum reject params_validate(const struct params *p);
/* params_hash - the header's consensus_hash: block.max_bytes and max_gas. */
void params_hash(struct hash *out, const struct params *p);
/* params_merge - replace in *p the sections that m carries; rejects only
 * what *p cannot hold. */
NODISCARD enum reject params_merge(struct params                     *p,
                                   const struct consensus_params_msg *m);
/* params_update - params_merge, then params_validate and ValidateUpdate (the
 * extension height rules, seen from height).  On reject *p is unchanged. */
NODISCARD enum reject params_update(struct params                     *p,
                                    const struct consensus_params_msg *m,
                                    int64_t                            height);
/* params_to_msg - all sections; NULL when the arena is full. */
struct consensus_params_msg *params_to_msg(const struct params *p,
                                           struct arena        *a);
/* params_from_msg - all sections but abci must be there.  Not validated. */
NODISCARD enum reject params_from_msg(struct params                     *p,
                                      const struct consensus_params_msg *m);
/* params_set_key_types - the list by names; false for an unknown one or too
 * many. */
NODISCARD bool params_set_key_types(struct params *p, const struct span *names,
                                    size_t n);
bool           params_allows_key(const struct params *p, enum key_type type);

/* params_block_bytes - max_bytes with -1 resolved. */
static inline int64_t params_block_bytes(const struct params *p)
{
    return p->block.max_bytes == -1 ? BLOCK_BYTES_MAX : p->block.max_bytes;
}

static inline bool params_has_extensions(const struct params *p, int64_t height)
{
    return p->vote_extensions_enable_height > 0 &&
           height >= p->vote_extensions_enable_height;
}

#endif
