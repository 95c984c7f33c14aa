/* params - the rules that a chain can change by itself.
 *
 * Source:  CometBFT v0.38 types/params.go. */
#ifndef WARREN_PARAMS_H
#define WARREN_PARAMS_H

#include "crypto/hash.h"
#include "model/types.h"

struct params {
    struct block_params    block;
    struct evidence_params evidence;
    bool                   allow_ed25519, allow_secp256k1;
    uint64_t               app_version;
    int64_t                vote_extensions_enable_height;
};

void        params_default(struct params *p);
enum reject params_validate(const struct params *p);
void        params_hash(struct hash *out, const struct params *p);
/* params_update - a copy with the sections that m carries replaced; rejects
 * what params_validate and ValidateUpdate (the extension height rules, seen
 * from height) reject. */
NODISCARD enum reject        params_update(struct params                     *p,
                                           const struct consensus_params_msg *m,
                                           int64_t                            height);
struct consensus_params_msg *params_to_msg(const struct params *p,
                                           struct arena        *a);
NODISCARD enum reject        params_from_msg(struct params                     *p,
                                             const struct consensus_params_msg *m);

static inline bool params_has_extensions(const struct params *p, int64_t height)
{
    return p->vote_extensions_enable_height > 0 &&
           height >= p->vote_extensions_enable_height;
}

#endif
