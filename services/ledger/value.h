/* value - is a record's value JSON in canonical form?
 *
 * Source:  RFC 8785, restricted: no number but integers of 64 bits with sign.
 * Shapes:  no white space; members sorted by the UTF-16 units of their names,
 *          none twice; in strings only ", \ and control characters are
 *          escaped, in their shortest form; well-formed UTF-8; nesting at most
 *          VALUE_DEPTH_MAX.  So a value has one form and one hash.
 * Memory:  none. */
#ifndef WARREN_LEDGER_VALUE_H
#define WARREN_LEDGER_VALUE_H

#include "base/base.h"

/* value_check - NULL when text is canonical, else what is wrong, *at being
 * the byte where it was seen. */
const char *value_check(struct span text, size_t *at);

#endif
