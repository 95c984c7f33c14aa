/* transcript - what two sides have seen, boiled down to a challenge.
 *
 * Source:  Merlin v1.0 over STROBE-128 (strobe.sourceforge.io, v1.0.2), with
 *          the permutation Keccak-f[1600] of FIPS 202.
 * Memory:  a value; wipe it when it has taken in a secret. */
#ifndef WARREN_TRANSCRIPT_H
#define WARREN_TRANSCRIPT_H

#include "base/base.h"

struct transcript {
    uint8_t state[200];
    uint8_t at, begin; /* position, and where the operation began */
};

void transcript_init(struct transcript *t, const char *label);
void transcript_append(struct transcript *t, const char *label,
                       struct span message);
/* transcript_extract - n bytes that depend on everything appended. */
void transcript_extract(struct transcript *t, const char *label, uint8_t *out,
                        size_t n);
void transcript_wipe(struct transcript *t);

#endif
