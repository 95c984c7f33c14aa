/* text - numbers and bytes read from text, strictly.
 *
 * Each function takes the whole input or refuses it. */
#ifndef WARREN_TEXT_H
#define WARREN_TEXT_H

#include "base/base.h"

/* hex_decode - either case, even length, exactly out_n bytes. */
NODISCARD bool hex_decode(uint8_t *out, size_t out_n, struct span text);

/* base64_decode - standard alphabet with padding, as Go's StdEncoding:
 * line breaks are ignored, stray bits in the last digit pass.  *n is set to
 * the bytes written; false when malformed or more than cap. */
NODISCARD bool base64_decode(uint8_t *out, size_t cap, size_t *n,
                             struct span text);

/* Decimal: an optional '-', digits, nothing else; leading zeros pass. */
NODISCARD bool int64_parse(int64_t *out, struct span text);
NODISCARD bool uint64_parse(uint64_t *out, struct span text);

/* utf8_valid - well-formed UTF-8 (no surrogates, no overlong forms). */
bool utf8_valid(struct span text);

#endif
