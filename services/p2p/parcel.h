/* parcel - a message on its way to several peers, held once.
 *
 * Memory:  on the heap; the last parcel_drop frees. */
#ifndef WARREN_P2P_PARCEL_H
#define WARREN_P2P_PARCEL_H

#include "base/base.h"

struct parcel {
    uint32_t refs;
    size_t   n;
    uint8_t  bytes[];
};

/* parcel_new - a copy with one reference. */
struct parcel *parcel_new(struct span bytes);
struct parcel *parcel_keep(struct parcel *p);
void           parcel_drop(struct parcel *p);

/* A queue of parcels, first in, first out. */
struct parcels {
    struct parcel **ring;
    size_t          first, count, cap; /* cap is a power of two */
};

/* parcels_push - keeps a reference. */
void           parcels_push(struct parcels *q, struct parcel *p);
struct parcel *parcels_first(const struct parcels *q); /* NULL when empty */
void           parcels_pop(struct parcels *q);         /* drops the first */
void           parcels_fini(struct parcels *q);

#endif
