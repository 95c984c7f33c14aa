/* bech32 - bytes as text that is safe to read aloud and to mistype.
 *
 * Source:  BIP-173 (not bech32m), with the length limits of the Cosmos SDK.
 * Shapes:  text of 8 to 1,023 characters, all lower or all upper case: a
 *          prefix of 1 to 83, '1', groups of five bits, six of checksum.
 *          Padding bits must be zero.
 * Memory:  none. */
#ifndef WARREN_BECH32_H
#define WARREN_BECH32_H

#include "base/buf.h"

enum { BECH32_TEXT_MAX = 1023, BECH32_PREFIX_MAX = 83, BECH32_BYTES_MAX = 633 };

/* bech32_encode - append the text for at most BECH32_BYTES_MAX bytes. */
void bech32_encode(struct buf *out, const char *prefix, struct span bytes);

/* bech32_decode - at most cap bytes, *n of them, and the prefix in lower
 * case.  False when malformed or too long. */
NODISCARD bool bech32_decode(char prefix[BECH32_PREFIX_MAX + 1], uint8_t *out,
                             size_t cap, size_t *n, struct span text);

/* bech32_address_decode - an account's address: this prefix, 1 to 255 bytes
 * (20 is usual). */
NODISCARD bool bech32_address_decode(uint8_t out[255], size_t *n,
                                     const char *prefix, struct span text);

#endif
