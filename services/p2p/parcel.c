#include "p2p/parcel.h"

#include <stdlib.h>

enum { RING_FIRST = 8 };

struct parcel *parcel_new(struct span bytes)
{
    struct parcel *p = malloc(sizeof *p + bytes.n);

    must(p != NULL);
    p->refs = 1;
    p->n    = bytes.n;
    if (bytes.n > 0)
        memcpy(p->bytes, bytes.p, bytes.n);
    return p;
}

struct parcel *parcel_keep(struct parcel *p)
{
    p->refs++;
    return p;
}

void parcel_drop(struct parcel *p)
{
    if (--p->refs == 0)
        free(p);
}

static void grow(struct parcels *q)
{
    size_t          cap  = q->cap ? 2 * q->cap : RING_FIRST;
    struct parcel **ring = malloc(cap * sizeof(struct parcel *));

    must(ring != NULL);
    for (size_t i = 0; i < q->count; i++)
        ring[i] = q->ring[(q->first + i) & (q->cap - 1)];
    free(q->ring);
    q->ring  = ring;
    q->first = 0;
    q->cap   = cap;
}

void parcels_push(struct parcels *q, struct parcel *p)
{
    if (q->count == q->cap)
        grow(q);
    q->ring[(q->first + q->count++) & (q->cap - 1)] = parcel_keep(p);
}

struct parcel *parcels_first(const struct parcels *q)
{
    return q->count ? q->ring[q->first] : NULL;
}

void parcels_pop(struct parcels *q)
{
    must(q->count > 0);
    parcel_drop(q->ring[q->first]);
    q->first = (q->first + 1) & (q->cap - 1);
    q->count--;
}

void parcels_fini(struct parcels *q)
{
    while (q->count > 0)
        parcels_pop(q);
    free(q->ring);
    *q = (struct parcels){ 0 };
}
