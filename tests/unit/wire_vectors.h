/* wire_vectors - one runner for every family of messages: the verdicts of
 * each stage, canonical bytes, and the decoded value field by field. */
#ifndef WARREN_WIRE_VECTORS_H
#define WARREN_WIRE_VECTORS_H

#include "test.h"

#include "pb/pb.h"

struct wire_family {
    const char           *vectors; /* file */
    const char           *kind;    /* only cases whose kind begins so */
    const struct pb_desc *desc;
    /* What a receiver does before and after decoding; NULL: nothing. */
    enum reject (*filter)(struct span in, const json_t *c);
    enum reject (*validate)(const void *msg, struct arena *a);
};

/* wire_run - every case of the family that has decode_ok. */
void wire_run(const struct wire_family *f);

/* wire_value_check - is *msg what the JSON value says, by the names of the
 * .proto files?  Counts one case. */
void wire_value_check(const struct pb_desc *d, const void *msg,
                      const json_t *value, const char *name);

/* wire_each - calls fn for every case of that kind. */
void wire_each(const char *vectors, const char *kind,
               void (*fn)(const json_t *c));

#endif
