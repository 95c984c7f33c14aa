/* home - the files of a node's home directory.
 *
 * Source:  CometBFT v0.38's layout: config/, data/; ours: keys/, run/.
 * Shapes:  secrets have mode 0600; a new file appears whole or not at all,
 *          and never replaces one that is there.
 * Memory:  read files live in the arena. */
#ifndef WARREN_HOME_H
#define WARREN_HOME_H

#include "config/config.h"
#include "crypto/key.h"
#include "model/genesis.h"

/* home_mkdir - the directory and those above it. */
NODISCARD enum err home_mkdir(const char *path, unsigned mode);

bool home_exists(const char *path);

/* home_write_new - *is_new tells whether it was written or was there. */
NODISCARD enum err home_write_new(const char *path, unsigned mode,
                                  struct span text, bool *is_new);
/* home_replace - atomically; synced when it returns. */
NODISCARD enum err home_replace(const char *path, unsigned mode,
                                struct span text);

/* home_read - the whole file, at most max bytes.  ERR_NOT_FOUND is not
 * logged, everything else is. */
NODISCARD enum err home_read(struct span *out, const char *path, size_t max,
                             struct arena *a);
/* home_read_secret - the same, and ERR_KEY when others may read it. */
NODISCARD enum err home_read_secret(struct span *out, const char *path,
                                    size_t max, struct arena *a);

/* The node's files, checked; what is wrong is logged with the way out. */
NODISCARD enum err home_node_key(struct privkey *k, const struct config *c);
NODISCARD enum err home_validator_key(struct privkey      *k,
                                      const struct config *c);
/* home_sign_state - ERR_SIGNSTATE. */
NODISCARD enum err home_sign_state(struct sign_state *s, const struct config *c,
                                   struct arena *a);
/* home_genesis - ERR_GENESIS; also when it is not that of genesis_hash. */
NODISCARD enum err home_genesis(struct genesis *g, const struct config *c,
                                struct arena *a);

/* home_check - everything that a start needs: run directory, genesis, keys,
 * signing state (unless an external signer has them). */
NODISCARD enum err home_check(const struct config *c);

#endif
