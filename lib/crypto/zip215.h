/* zip215 - ed25519 verification that all implementations agree on.
 *
 * Source:  ZIP-215: [8][s]B = [8]R + [8][k]A, with s below the group order
 *          and A and R in any encoding of a point, canonical or not.
 * Shapes:  public keys 32 bytes, signatures 64.
 * Memory:  none; about 90 kB of stack for a batch. */
#ifndef WARREN_ZIP215_H
#define WARREN_ZIP215_H

#include "base/base.h"

enum { ZIP215_BATCH_MAX = 32 };

struct zip215_item {
    const uint8_t *pub, *sig;
    struct span    msg;
};

NODISCARD bool zip215_verify(const struct zip215_item *item);

/* zip215_verify_batch - do all n (at most ZIP215_BATCH_MAX) hold?
 *
 * The equations are added up with 128-bit factors drawn from a hash of all
 * of them, so the answer is reproducible, and a batch with a bad member
 * passes with a chance of 2^-128. */
NODISCARD bool zip215_verify_batch(const struct zip215_item *item, size_t n);

#endif
