/* proof - a record, or its absence, with all that it takes to check it later
 * and elsewhere: one JSON file.
 *
 * Shapes:  chain_id, collection, key, height; value (null: absent), version,
 *          writer, tx; proof {store, key, value, ops}; signed_header and
 *          validators of the next height, whose app_hash the operators lead
 *          to.
 * Memory:  the arena. */
#ifndef WARREN_PROOF_H
#define WARREN_PROOF_H

#include "records.h"

/* proof_fetch - ask the node for it and write it to out; *is_absent tells
 * what it proves.  The proof is checked against the header on the way.
 * height 0: the latest. */
NODISCARD enum err proof_fetch(struct buf *out, bool *is_absent,
                               const struct rpc *r, struct span collection,
                               struct span key, int64_t height,
                               struct arena *a);

/* What a file of that form says. */
struct record_proof {
    struct span              chain_id, collection, key;
    int64_t                  height;
    struct span              store_key, store_value; /* n 0: absent */
    struct abci_proof_ops    ops;
    struct record            record;        /* decoded store_value */
    const struct json_value *signed_header; /* or NULL */
    const struct json_value *validators;    /* or NULL */
};

/* proof_read - NULL, or what is wrong with it (static).  What people read in
 * it (value, version, ...) must be what the proven bytes say. */
const char *proof_read(struct record_proof *out, const struct json_doc *d,
                       struct arena *a);

/* proof_holds - do the operators lead from the record to this app hash?
 * NULL, or why not (static). */
const char *proof_holds(const struct record_proof *p, struct span app_hash,
                        struct arena *a);

#endif
