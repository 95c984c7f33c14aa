/* evidence - misbehaviour that nodes pass on: channel 0x38 carries a bare
 * struct evidence_list.
 *
 * Source:  CometBFT v0.38 evidence/reactor.go. */
#ifndef WARREN_WIRE_EVIDENCE_H
#define WARREN_WIRE_EVIDENCE_H

#include "model/types.h"

/* evidence_list_validate - every item is well formed; an empty list is. */
enum reject evidence_list_validate(const struct evidence_list *l,
                                   struct arena               *a);

#endif
