/* make_home - what init and testnet write.
 *
 * Source:  CometBFT v0.38 cmd/cometbft/commands/{init,testnet}.go.
 * Memory:  the genesis borrows from the arena. */
#ifndef WARREN_MAKE_HOME_H
#define WARREN_MAKE_HOME_H

#include "home.h"
#include "keystore.h"

/* A file that was written, or was there. */
typedef void made_fn(void *ctx, const char *what, const char *path,
                     bool is_new);

/* make_dirs - home, config, data, keys. */
NODISCARD enum err make_dirs(const struct config *c);

/* make_keys - node key, validator key and its signing state; out are the
 * validator's and the node's public keys.
 *
 * A state is only made together with its key: ERR_SIGNSTATE when the key was
 * there and the state is not. */
NODISCARD enum err make_keys(struct pubkey *validator, struct pubkey *node,
                             const struct config *c, enum key_type type,
                             made_fn *made, void *ctx);

/* make_admin - the account key "admin", plain. */
NODISCARD enum err make_admin(struct account_key *out, const struct config *c,
                              made_fn *made, void *ctx);

/* make_config - config.toml with the values of c. */
NODISCARD enum err make_config(const struct config *c, made_fn *made,
                               void *ctx);

/* A chain to be. */
struct chain_plan {
    const char               *chain_id; /* NULL: prefix and six characters */
    const char               *prefix;
    int64_t                   initial_height, power;
    const struct pubkey      *validators;
    const char *const        *names; /* of the validators, or NULL */
    size_t                    validator_count;
    const struct account_key *accounts; /* of the built-in ledger */
    const char *const        *orgs;     /* of the accounts, or NULL */
    size_t                    account_count;
};

/* make_genesis_text - genesis.json; ERR_GENESIS when the plan is no chain. */
NODISCARD enum err make_genesis_text(struct buf              *out,
                                     const struct chain_plan *p);

/* make_key_type - of a --key-type flag; NULL is ed25519. */
NODISCARD enum err make_key_type(enum key_type *out, const char *flag);

#endif
