/* home - the files of a node's home directory.
 *
 * Source:  CometBFT v0.38's layout: config/, data/; ours: keys/, run/.
 * Shapes:  secrets have mode 0600.
 * Memory:  read files live in the arena. */
#ifndef WARREN_HOME_H
#define WARREN_HOME_H

#include "config/config.h"
#include "crypto/key.h"
#include "model/genesis.h"

/* home_mkdir - the directory and those above it. */
NODISCARD enum err home_mkdir(const char *path, unsigned mode);

bool home_exists(const char *path);

/* home_read, home_read_secret - file_read and file_read_secret (base/files.h)
 * into the arena.  ERR_NOT_FOUND is not logged. */
NODISCARD enum err home_read(struct span *out, const char *path, size_t max,
                             struct arena *a);
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
