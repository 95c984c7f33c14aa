/* node - the nodes of an IAVL tree in memory and as stored; for lib/iavl.
 *
 * Shapes:  an inner node has two children and the smallest key of the right
 *          one; a leaf has key and value.  Heights and sizes stand in the
 *          reference that leads to a node.
 * Memory:  a node is one block.  It belongs to the working tree as long as
 *          its reference points at it, then to the cache. */
#ifndef WARREN_IAVL_NODE_H
#define WARREN_IAVL_NODE_H

#include "iavl/iavl.h"

struct iavl_node {
    struct iavl_node *chain;         /* cache: the next of its bucket */
    struct iavl_node *newer, *older; /* cache: by use */
    int64_t           version;       /* cache: its name */
    uint32_t          nonce;
    uint32_t          key_n, value_n;
    struct iavl_ref  *child; /* two, or NULL in a leaf */
    uint8_t          *key, *value;
};

static inline struct span node_key(const struct iavl_node *n)
{
    return SPAN(n->key, n->key_n);
}

static inline struct span node_value(const struct iavl_node *n)
{
    return SPAN(n->value, n->value_n);
}

struct iavl_node *node_leaf(struct span key, struct span value);
/* node_inner - children are copied; each keeps what it points at. */
struct iavl_node *node_inner(struct span key, const struct iavl_ref child[2]);
void              node_free(struct iavl_node *n);
size_t            node_bytes(const struct iavl_node *n);

/* node_hash - by the height, size and version of ref; children are hashed. */
void node_hash(struct hash *out, const struct iavl_node *n,
               const struct iavl_ref *ref);
/* node_prefix - the three numbers that a hash starts with. */
void node_prefix(struct buf *out, const struct iavl_ref *ref);

/* As stored: a leaf is 0, key length, key, value; an inner node 1, key
 * length, key, a check, two references.  The version of a child is
 * stored as the distance from its parent's. */
void node_encode(struct buf *out, const struct iavl_node *n, int64_t version);
/* node_decode - NULL unless the bytes have the hash that ref names. */
struct iavl_node *node_decode(struct span in, const struct iavl_ref *ref);

void ref_encode(struct buf *out, const struct iavl_ref *r, int64_t base);
NODISCARD bool ref_decode(struct iavl_ref *r, struct span *in, int64_t base);

/* ---- the cache ---- */

struct node_cache {
    struct iavl_node **bucket;
    size_t             bucket_count, count, bytes, bytes_max;
    struct iavl_node  *newest, *oldest;
};

void cache_init(struct node_cache *c, size_t bytes_max);
void cache_fini(struct node_cache *c);
/* cache_find - also marks it as used; NULL when absent. */
struct iavl_node *cache_find(struct node_cache *c, int64_t version,
                             uint32_t nonce);
void              cache_add(struct node_cache *c, struct iavl_node *n);
void cache_drop(struct node_cache *c, int64_t version, uint32_t nonce);
/* cache_trim - forget the least used until the bound is kept. */
void cache_trim(struct node_cache *c);

#endif
