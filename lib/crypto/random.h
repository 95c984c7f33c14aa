/* random - the system's randomness, for keys, seeds and nonces. */
#ifndef WARREN_RANDOM_H
#define WARREN_RANDOM_H

#include "base/base.h"

void random_bytes(void *out, size_t n);

#endif
