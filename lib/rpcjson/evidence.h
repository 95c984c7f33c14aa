/* evidence - what rj_evidence writes, read again.
 *
 * Source:  CometBFT v0.38 libs/json over types.Evidence: members by their exact
 *          names, unknown ones passed over, absent ones and null zero.
 * Memory:  the evidence lives in the arena. */
#ifndef WARREN_RPCJSON_EVIDENCE_H
#define WARREN_RPCJSON_EVIDENCE_H

#include "base/buf.h"
#include "model/types.h"

/* rj_evidence_read - EVIDENCE_NONE for null; nothing else is promised of its
 * form: see evidence_validate.  False: error says why. */
NODISCARD bool rj_evidence_read(struct evidence *out, struct span text,
                                struct arena *a, struct buf *error);

#endif
