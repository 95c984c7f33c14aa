/* multistore - the app hash over several named stores, with proofs.
 *
 * Source:  Cosmos SDK store/rootmulti and store/internal/maps: an RFC 6962
 *          tree over the stores sorted by name; a leaf is uvarint length and
 *          name, 32, SHA-256(root), so the root is hashed once more.
 * Shapes:  a name given twice counts once, with its last root.  No store at
 *          all hashes to SHA-256 of nothing.
 * Memory:  results live in the arena; false when it is full. */
#ifndef WARREN_ICS23_MULTISTORE_H
#define WARREN_ICS23_MULTISTORE_H

#include "ics23/ics23.h"

struct store_root {
    struct span name;
    struct span root; /* of the store's tree; 32 bytes for IAVL */
};

NODISCARD bool multistore_hash(struct hash             *app_hash,
                               const struct store_root *stores, size_t n,
                               struct arena *a);

/* multistore_proof - the existence proof of the store `name`, as an ICS-23
 * proof under the simple-Merkle specification; false also when no store has
 * that name. */
NODISCARD bool multistore_proof(struct ics23_proof      *out,
                                const struct store_root *stores, size_t n,
                                struct span name, struct arena *a);

/* What the Cosmos SDK stores per commit; only for its exact bytes. */
struct commit_id {
    int64_t     version;
    struct span hash;
};

struct store_info {
    struct span      name;
    struct commit_id commit_id;
};

struct commit_info {
    int64_t version;
    LIST(struct store_info) store_infos;
    struct stamp timestamp;
};

extern const struct pb_desc commit_info_desc;

#endif
