/* scan - a transaction's bytes looked over before anything is decoded.
 *
 * Source:  Cosmos SDK v0.50 codec/unknownproto, x/auth/tx/decoder.go (ADR-027
 *          test), codec/types (limits of Any); Go's protowire.
 * Memory:  none; recursion is at most SCAN_DEPTH_MAX deep. */
#ifndef WARREN_COSMOS_SCAN_H
#define WARREN_COSMOS_SCAN_H

#include "cosmos/tx.h"

enum { SCAN_DEPTH_MAX = 64 };

/* fault_set - fills *why; false, to be returned. */
bool fault_set(struct cosmos_fault *why, enum cosmos_code code, const char *fmt,
               ...) PRINTF_LIKE(3, 4);

/* scan_raw - TxRaw as the SDK asks for it: fields 1, 2 and 3 in that order,
 * lengths as short as they can be. */
NODISCARD bool scan_raw(struct span in, struct cosmos_fault *why);

/* scan_body, scan_auth_info - well formed, no unknown field, every Any of a
 * known type and within the limits. */
NODISCARD bool scan_body(struct span in, const struct cosmos_rules *rules,
                         struct cosmos_fault *why);
NODISCARD bool scan_auth_info(struct span in, struct cosmos_fault *why);

/* scan_type - the application's type with that url, or NULL. */
const struct cosmos_type *scan_type(const struct cosmos_rules *rules,
                                    struct span                url);

#endif
