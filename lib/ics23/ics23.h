/* ics23 - commitment proofs: that a key has a value under a root, or none.
 *
 * Source:  ICS-23 (cosmos.ics23.v1); verdicts as its Go library v0.11.0.
 * Shapes:  two kinds of trees: IAVL (prefixes of three svarints, children of
 *          33 bytes) and simple Merkle (RFC 6962, children of 32).  Both hash
 *          a leaf as SHA-256 of prefix, key length, key, 32, SHA-256(value);
 *          a path has at most 128 steps, from leaf to root.
 *          Proof bytes are malleable (unknown fields pass): never an identity.
 * Memory:  a decoded proof borrows from its input and its arena. */
#ifndef WARREN_ICS23_H
#define WARREN_ICS23_H

#include "crypto/hash.h"
#include "model/types.h"

enum { ICS23_SHA256 = 1 };    /* HashOp; no other occurs in these trees */
enum { ICS23_VAR_PROTO = 1 }; /* LengthOp: uvarint */
enum { ICS23_STEPS_MAX = 128 };

enum ics23_spec { ICS23_IAVL, ICS23_SIMPLE };

struct ics23_leaf {
    int32_t     hash, prehash_key, prehash_value, length;
    struct span prefix;
};

struct ics23_inner {
    int32_t     hash;
    struct span prefix, suffix;
};

struct ics23_exist {
    struct span        key, value;
    struct ics23_leaf *leaf;
    LIST(struct ics23_inner) path;
};

struct ics23_nonexist {
    struct span         key;
    struct ics23_exist *left, *right; /* the neighbours; NULL at an end */
};

struct ics23_entry {
    int32_t which; /* ICS23_EXIST, ICS23_NONEXIST or 0 */
    union {
        struct ics23_exist    *exist;
        struct ics23_nonexist *nonexist;
    };
};

struct ics23_batch {
    LIST(struct ics23_entry) entries;
};

/* The compressed forms name steps by their index in lookup_inners. */
struct ics23_compressed_exist {
    struct span        key, value;
    struct ics23_leaf *leaf;
    LIST(int32_t) path;
};

struct ics23_compressed_nonexist {
    struct span                    key;
    struct ics23_compressed_exist *left, *right;
};

struct ics23_compressed_entry {
    int32_t which;
    union {
        struct ics23_compressed_exist    *exist;
        struct ics23_compressed_nonexist *nonexist;
    };
};

struct ics23_compressed {
    LIST(struct ics23_compressed_entry) entries;
    LIST(struct ics23_inner) lookup_inners;
};

enum { /* numbers of the members of CommitmentProof */
       ICS23_EXIST      = 1,
       ICS23_NONEXIST   = 2,
       ICS23_BATCH      = 3,
       ICS23_COMPRESSED = 4,
};

struct ics23_proof {
    int32_t which;
    union {
        struct ics23_exist      *exist;
        struct ics23_nonexist   *nonexist;
        struct ics23_batch      *batch;
        struct ics23_compressed *compressed;
    };
};

extern const struct pb_desc ics23_proof_desc, ics23_exist_desc,
    ics23_nonexist_desc, ics23_inner_desc;

/* ics23_member - does the proof show that key has value under root?
 *
 * A malformed proof, an empty key and an empty value are false.  Batches are
 * searched for the key; arena holds the steps of a compressed one. */
NODISCARD bool ics23_member(enum ics23_spec spec, struct span root,
                            const struct ics23_proof *proof, struct span key,
                            struct span value, struct arena *a);

/* ics23_absent - does the proof show that key has no value under root?
 *
 * The key that the proof names does not count: it holds for every key
 * between its neighbours. */
NODISCARD bool ics23_absent(enum ics23_spec spec, struct span root,
                            const struct ics23_proof *proof, struct span key,
                            struct arena *a);

/* ics23_root - the root that the proof leads to, without checking its form;
 * for an absence that of the left neighbour, if there is one.
 *
 * False for batches, for proofs without content and for hash operations that
 * neither tree uses. */
NODISCARD bool ics23_root(struct hash *root, const struct ics23_proof *proof);

/* ics23_leaf_hash - of a leaf with this prefix, key and value. */
void ics23_leaf_hash(struct hash *out, struct span prefix, struct span key,
                     struct span value);

#endif
