/* sort - in place, without memory of its own.
 *
 * Heapsort: O(n log n) whatever the input, so that a sender cannot choose an
 * order that is slow.  Not stable: make the order total. */
#ifndef WARREN_SORT_H
#define WARREN_SORT_H

#include "base/base.h"

enum { SORT_ITEM_MAX = 64 };

/* less_fn - does a stand before b? */
typedef bool less_fn(const void *a, const void *b, const void *ctx);

/* sort_items - n items of size bytes, at most SORT_ITEM_MAX, at v. */
void sort_items(void *v, size_t n, size_t size, less_fn *less, const void *ctx);

#endif
