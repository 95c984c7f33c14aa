/* What the parts of lib/query share. */
#ifndef WARREN_QUERY_INTERNAL_H
#define WARREN_QUERY_INTERNAL_H

#include "query/query.h"

/* rune_is_tag - a letter or a digit of any script. */
bool rune_is_letter_or_digit(uint32_t rune);

/* gotime - "2006-01-02" (is_date) or RFC 3339, as Go's time.Parse reads them:
 * hours of one digit, fractions and zones pass.  *year is the one written.
 * False: error, unless NULL, gets Go's text. */
NODISCARD bool gotime_parse(struct stamp *out, int *year, struct span text,
                            bool is_date, struct buf *error);

/* decimal_prefix - the leading \d+(\.\d*)? of a text. */
struct span decimal_prefix(struct span text, bool is_value);
/* decimal_cmp - order of two non-empty decimals. */
int decimal_cmp(struct span a, struct span b);

#endif
