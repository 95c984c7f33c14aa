/* light - headers, commits and validators as the RPC prints them, read back
 * and checked.
 *
 * Source:  CometBFT v0.38 rpc/core/types, light/verifier.go.
 * Memory:  everything lives in the arena or borrows from the JSON document.
 */
#ifndef WARREN_LIGHT_H
#define WARREN_LIGHT_H

#include "model/block.h"
#include "model/genesis.h"
#include "model/validators.h"
#include "json/read.h"

NODISCARD bool light_read_header(struct header *out, const struct json_value *v,
                                 struct arena *a);
NODISCARD bool light_read_commit(struct commit *out, const struct json_value *v,
                                 struct arena *a);
/* light_read_validators - an array of validators, in any order. */
NODISCARD bool light_read_validators(struct validators       *out,
                                     const struct json_value *v,
                                     struct arena            *a);

/* light_find_header - the header in what a user has: a header alone, or the
 * answer of /header, /commit or /block, with or without its envelope; NULL
 * when there is none. */
const struct json_value *light_find_header(const struct json_value *root);

/* light_verify - does the commit of more than two thirds of its validators
 * stand behind the header, and so does more than a third of trusted?  NULL,
 * or why not (static). */
const char *light_verify(const struct header *h, struct commit *c,
                         const struct validators *own,
                         const struct validators *trusted, struct arena *a);

#endif
