/* vault - a secret that a passphrase opens.
 *
 * Source:  Argon2id (RFC 9106) and XSalsa20-Poly1305, through libsodium.
 * Shapes:  secrets of at most VAULT_SECRET_MAX bytes; the box is 16 longer.
 *          memory and passes are kept with it, so that they can grow later.
 * Units:   memory in bytes.
 * Memory:  none is kept; deriving the key takes `memory` for a second. */
#ifndef WARREN_VAULT_H
#define WARREN_VAULT_H

#include "base/base.h"

enum { VAULT_SECRET_MAX = 64, VAULT_BOX_MAX = VAULT_SECRET_MAX + 16 };

struct vault {
    uint64_t memory, passes;
    uint8_t  salt[16], nonce[24];
    uint8_t  box[VAULT_BOX_MAX];
    size_t   box_n;
};

/* vault_close - encrypt the secret; false when there is no memory for it. */
NODISCARD bool vault_close(struct vault *v, struct span passphrase,
                           struct span secret);

/* vault_open - *n bytes to out.  False for a wrong passphrase, a changed
 * vault, or parameters out of bounds; out is then wiped. */
NODISCARD bool vault_open(uint8_t out[VAULT_SECRET_MAX], size_t *n,
                          const struct vault *v, struct span passphrase);

#endif
