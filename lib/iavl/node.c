#include "iavl/node.h"

#include <stdlib.h>

enum { LEAF = 0, INNER = 1, BUCKETS_MIN = 1024 };

/* ---- making ---- */

static struct iavl_node *node_new(size_t children, struct span key,
                                  struct span value)
{
    size_t            refs = children * sizeof(struct iavl_ref);
    struct iavl_node *n    = malloc(sizeof *n + refs + key.n + value.n);

    must(n && key.n < UINT32_MAX && value.n < UINT32_MAX);
    memset(n, 0, sizeof *n);
    n->child   = children ? (struct iavl_ref *)(n + 1) : NULL;
    n->key     = (uint8_t *)(n + 1) + refs;
    n->value   = n->key + key.n;
    n->key_n   = (uint32_t)key.n;
    n->value_n = (uint32_t)value.n;
    if (key.n)
        memcpy(n->key, key.p, key.n);
    if (value.n)
        memcpy(n->value, value.p, value.n);
    return n;
}

struct iavl_node *node_leaf(struct span key, struct span value)
{
    return node_new(0, key, value);
}

struct iavl_node *node_inner(struct span key, const struct iavl_ref child[2])
{
    struct iavl_node *n = node_new(2, key, (struct span){ 0 });

    n->child[0] = child[0];
    n->child[1] = child[1];
    return n;
}

void node_free(struct iavl_node *n)
{
    free(n);
}

size_t node_bytes(const struct iavl_node *n)
{
    return sizeof *n + (n->child ? 2 * sizeof(struct iavl_ref) : 0) + n->key_n +
           n->value_n + 16; /* what malloc adds */
}

/* ---- hashing ---- */

void node_prefix(struct buf *out, const struct iavl_ref *ref)
{
    buf_svarint(out, ref->height);
    buf_svarint(out, ref->size);
    buf_svarint(out, ref->version);
}

void node_hash(struct hash *out, const struct iavl_node *n,
               const struct iavl_ref *ref)
{
    uint8_t    mem[30 + 2 * (1 + HASH_BYTES)];
    struct buf b;

    buf_use(&b, mem, sizeof mem);
    node_prefix(&b, ref);
    if (!n->child) {
        ics23_leaf_hash(out, buf_span(&b), node_key(n), node_value(n));
        return;
    }
    for (int i = 0; i < 2; i++) {
        buf_byte(&b, HASH_BYTES);
        buf_add(&b, hash_span(&n->child[i].hash));
    }
    sha256(out, buf_span(&b));
}

/* ---- as stored ---- */

/* What a hash does not cover, the key of an inner node and where its children
 * are stored, has a check of its own (FNV-1a). */
static uint32_t check_of(struct span key, const struct iavl_ref child[2])
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < key.n; i++)
        h = (h ^ key.p[i]) * 16777619u;
    for (int i = 0; i < 2; i++) {
        h = (h ^ (uint32_t)child[i].version) * 16777619u;
        h = (h ^ (uint32_t)(child[i].version >> 32)) * 16777619u;
        h = (h ^ child[i].nonce) * 16777619u;
    }
    return h;
}

void ref_encode(struct buf *out, const struct iavl_ref *r, int64_t base)
{
    buf_uvarint(out, (uint64_t)(base - r->version));
    buf_uvarint(out, r->nonce);
    buf_byte(out, (uint8_t)r->height);
    buf_uvarint(out, (uint64_t)r->size);
    buf_add(out, hash_span(&r->hash));
}

bool ref_decode(struct iavl_ref *r, struct span *in, int64_t base)
{
    uint64_t age, nonce, size;
    uint8_t  height;

    if (!uvarint_read(in, &age) || !uvarint_read(in, &nonce) || in->n == 0)
        return false;
    height = in->p[0];
    *in    = SPAN(in->p + 1, in->n - 1);
    if (!uvarint_read(in, &size) || in->n < HASH_BYTES ||
        age >= (uint64_t)base || nonce == 0 || nonce > UINT32_MAX ||
        height > INT8_MAX || size == 0 || size > INT64_MAX)
        return false;
    *r = (struct iavl_ref){ .version = base - (int64_t)age,
                            .nonce   = (uint32_t)nonce,
                            .height  = (int8_t)height,
                            .size    = (int64_t)size };
    memcpy(r->hash.b, in->p, HASH_BYTES);
    *in = SPAN(in->p + HASH_BYTES, in->n - HASH_BYTES);
    return true;
}

void node_encode(struct buf *out, const struct iavl_node *n, int64_t version)
{
    uint8_t check[4];

    buf_byte(out, n->child ? INNER : LEAF);
    buf_uvarint(out, n->key_n);
    buf_add(out, node_key(n));
    if (!n->child) {
        buf_add(out, node_value(n));
        return;
    }
    store_be32(check, check_of(node_key(n), n->child));
    buf_add(out, SPAN_OF(check));
    ref_encode(out, &n->child[0], version);
    ref_encode(out, &n->child[1], version);
}

static bool sizes_add_up(const struct iavl_ref *ref,
                         const struct iavl_ref  child[2])
{
    int8_t taller =
        child[0].height > child[1].height ? child[0].height : child[1].height;

    return ref->height == taller + 1 &&
           ref->size - child[0].size == child[1].size;
}

static struct iavl_node *inner_decode(struct span in, struct span key,
                                      const struct iavl_ref *ref)
{
    struct iavl_ref child[2];

    uint32_t check;

    if (in.n < 4)
        return NULL;
    check = load_be32(in.p);
    in    = SPAN(in.p + 4, in.n - 4);
    if (!ref_decode(&child[0], &in, ref->version) ||
        !ref_decode(&child[1], &in, ref->version) || in.n ||
        !sizes_add_up(ref, child) || check != check_of(key, child))
        return NULL;
    return node_inner(key, child);
}

struct iavl_node *node_decode(struct span in, const struct iavl_ref *ref)
{
    struct iavl_node *n;
    struct span       key;
    struct hash       got;
    uint64_t          key_n;
    uint8_t           kind;

    if (in.n < 2)
        return NULL;
    kind = in.p[0];
    in   = SPAN(in.p + 1, in.n - 1);
    if (kind != (ref->height ? INNER : LEAF) || !uvarint_read(&in, &key_n) ||
        key_n > in.n)
        return NULL;
    key = SPAN(in.p, (size_t)key_n);
    in  = SPAN(in.p + key_n, in.n - (size_t)key_n);
    n   = kind == LEAF ? node_leaf(key, in) : inner_decode(in, key, ref);
    if (!n)
        return NULL;
    node_hash(&got, n, ref);
    if (!hash_eq(&got, &ref->hash)) {
        node_free(n);
        return NULL;
    }
    n->version = ref->version;
    n->nonce   = ref->nonce;
    return n;
}

/* ---- the cache ---- */

static struct iavl_node **bucket_of(const struct node_cache *c, int64_t version,
                                    uint32_t nonce)
{
    uint64_t h = ((uint64_t)version << 24) ^ nonce;

    h *= 0x9e3779b97f4a7c15u;
    return &c->bucket[(h >> 32) & (c->bucket_count - 1)];
}

void cache_init(struct node_cache *c, size_t bytes_max)
{
    *c        = (struct node_cache){ .bucket_count = BUCKETS_MIN,
                                     .bytes_max    = bytes_max };
    c->bucket = calloc(c->bucket_count, sizeof(struct iavl_node *));
    must(c->bucket != NULL);
}

void cache_fini(struct node_cache *c)
{
    c->bytes_max = 0;
    cache_trim(c);
    free(c->bucket);
    *c = (struct node_cache){ 0 };
}

static void grow(struct node_cache *c)
{
    struct node_cache next = *c;

    next.bucket_count *= 2;
    next.bucket = calloc(next.bucket_count, sizeof(struct iavl_node *));
    if (!next.bucket)
        return; /* longer chains, nothing worse */
    for (struct iavl_node *n = c->newest; n; n = n->older) {
        struct iavl_node **b = bucket_of(&next, n->version, n->nonce);

        n->chain = *b;
        *b       = n;
    }
    free(c->bucket);
    *c = next;
}

static void unlink_use(struct node_cache *c, struct iavl_node *n)
{
    *(n->newer ? &n->newer->older : &c->newest) = n->older;
    *(n->older ? &n->older->newer : &c->oldest) = n->newer;
}

static void link_newest(struct node_cache *c, struct iavl_node *n)
{
    n->newer                                      = NULL;
    n->older                                      = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = n;
    c->newest                                     = n;
}

struct iavl_node *cache_find(struct node_cache *c, int64_t version,
                             uint32_t nonce)
{
    struct iavl_node *n = *bucket_of(c, version, nonce);

    while (n && (n->version != version || n->nonce != nonce))
        n = n->chain;
    if (n && n != c->newest) {
        unlink_use(c, n);
        link_newest(c, n);
    }
    return n;
}

void cache_add(struct node_cache *c, struct iavl_node *n)
{
    struct iavl_node **b;

    if (c->count >= c->bucket_count)
        grow(c);
    b        = bucket_of(c, n->version, n->nonce);
    n->chain = *b;
    *b       = n;
    link_newest(c, n);
    c->count++;
    c->bytes += node_bytes(n);
}

void cache_drop(struct node_cache *c, int64_t version, uint32_t nonce)
{
    struct iavl_node **at = bucket_of(c, version, nonce), *n;

    while (*at && ((*at)->version != version || (*at)->nonce != nonce))
        at = &(*at)->chain;
    n = *at;
    if (!n)
        return;
    *at = n->chain;
    unlink_use(c, n);
    c->count--;
    c->bytes -= node_bytes(n);
    node_free(n);
}

void cache_trim(struct node_cache *c)
{
    while (c->oldest && c->bytes > c->bytes_max)
        cache_drop(c, c->oldest->version, c->oldest->nonce);
}
