/* canonical - JSON in the one form that the ledger stores.
 *
 * Source:  RFC 8785, restricted to integers of 64 bits with sign: decimals
 *          are to be written as texts.
 * Memory:  appends to the caller's buffer. */
#ifndef WARREN_CANONICAL_H
#define WARREN_CANONICAL_H

#include "base/buf.h"
#include "base/err.h"

/* canonical_json - any JSON text in canonical form; NULL, or what keeps it
 * from having one (static, or in why). */
const char *canonical_json(struct buf *out, struct span text,
                           char why[static 200]);

/* canonical_string - one JSON string. */
void canonical_string(struct buf *out, struct span text);

#endif
