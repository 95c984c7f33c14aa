/* signer - whoever holds the validator's key, as consensus sees it.
 *
 * Source:  CometBFT v0.38 privval/signer_client.go, retry_signer_client.go.
 * Shapes:  one request at a time; it is tried again for as long as a signer
 *          that is being restarted may take, then it fails.
 * Memory:  what a reply carries is borrowed until the callback returns. */
#ifndef WARREN_CONSENSUS_SIGNER_H
#define WARREN_CONSENSUS_SIGNER_H

#include "crypto/key.h"
#include "loop/loop.h"
#include "model/types.h"

struct signer;

struct signer_fns {
    /* on_key - a signer is there, with this key; or it may sign now what it
     * refused. */
    void (*on_key)(void *ctx, const struct pubkey *key);
    void (*on_down)(void *ctx, const char *why);
};

/* signer_open - listen at the address for a signer to come. */
NODISCARD enum err signer_open(struct signer **out, struct loop *l,
                               const char *address, struct span chain_id,
                               const struct signer_fns *fns, void *ctx);
void               signer_close(struct signer *g);

enum signed_verdict {
    SIGNED,
    SIGNING_REFUSED, /* the reason is logged */
    SIGNER_AWAY,
};
typedef void signer_vote_fn(void *ctx, enum signed_verdict verdict,
                            const struct vote *v);
typedef void signer_proposal_fn(void *ctx, enum signed_verdict verdict,
                                const struct proposal *p);

/* Never answered from inside the call.  SIGNED is the key's signature under
 * what was asked, with a time that may be another, within the bounds; one out
 * of them counts as a refusal, and a signer that answers with anything else is
 * parted from.  An extension's signature may be missing, even where
 * is_extended. */
void signer_sign_vote(struct signer *g, const struct vote *v,
                      const struct stamp bounds[2], bool is_extended,
                      signer_vote_fn *fn, void *ctx);
void signer_sign_proposal(struct signer *g, const struct proposal *p,
                          signer_proposal_fn *fn, void *ctx);

#endif
