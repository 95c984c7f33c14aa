/* pbjson - messages as the vectors print them, by descriptor.
 *
 * Shapes:  members by their names in the .proto; bytes in hex, strings as
 *          they are, 64-bit numbers and durations as decimal strings, 32-bit
 *          ones as numbers, times {seconds, nanos}, absent messages null;
 *          of a oneof only the member that is set. */
#ifndef WARREN_PBJSON_H
#define WARREN_PBJSON_H

#include "pb/pb.h"

#include <jansson.h>

json_t *pb_to_json(const struct pb_desc *d, const void *msg);

/* pb_from_json - into *msg, memory from the arena; false when a member of
 * the JSON is not one of the message. */
bool pb_from_json(const struct pb_desc *d, void *msg, const json_t *json,
                  struct arena *a);

#endif
