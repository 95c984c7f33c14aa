#include "ics23/multistore.h"

#include "crypto/merkle.h"

PB_DESC(commit_id_desc, struct commit_id,
        PB_FIELD(struct commit_id, 1, version, PB_INT64),
        PB_FIELD(struct commit_id, 2, hash, PB_BYTES));

PB_DESC(store_info_desc, struct store_info,
        PB_FIELD(struct store_info, 1, name, PB_STRING),
        PB_SUB(struct store_info, 2, commit_id, commit_id_desc));

PB_DESC(commit_info_desc, struct commit_info,
        PB_FIELD(struct commit_info, 1, version, PB_INT64),
        PB_SUBS(struct commit_info, 2, store_infos, store_info_desc, 65536),
        PB_FIELD(struct commit_info, 3, timestamp, PB_STAMP));

static const uint8_t leaf_prefix[] = { 0x00 };

/* Stores sorted by name, the last of equal names kept. */
static struct store_root *sorted(const struct store_root *stores, size_t *n,
                                 struct arena *a)
{
    struct store_root *v     = arena_newn(a, struct store_root, *n);
    size_t             count = 0;

    for (size_t i = 0; v && i < *n; i++) {
        size_t at = count;

        while (at > 0 && span_cmp(v[at - 1].name, stores[i].name) > 0)
            at--;
        if (at > 0 && span_eq(v[at - 1].name, stores[i].name)) {
            v[at - 1] = stores[i];
            continue;
        }
        memmove(v + at + 1, v + at, (count - at) * sizeof *v);
        v[at] = stores[i];
        count++;
    }
    *n = count;
    return v;
}

/* The bytes of each leaf, before its prefix. */
static struct span *leaves(const struct store_root *v, size_t n,
                           struct arena *a)
{
    struct span *leaf = arena_newn(a, struct span, n);

    for (size_t i = 0; leaf && i < n; i++) {
        size_t      cap = v[i].name.n + 11 + HASH_BYTES;
        uint8_t    *mem = arena_alloc(a, cap);
        struct hash digest;
        struct buf  b;

        if (!mem)
            return NULL;
        sha256(&digest, v[i].root);
        buf_use(&b, mem, cap);
        buf_uvarint(&b, v[i].name.n);
        buf_add(&b, v[i].name);
        buf_byte(&b, HASH_BYTES);
        buf_add(&b, hash_span(&digest));
        leaf[i] = buf_span(&b);
    }
    return leaf;
}

bool multistore_hash(struct hash *app_hash, const struct store_root *stores,
                     size_t n, struct arena *a)
{
    struct store_root *v    = sorted(stores, &n, a);
    struct span       *leaf = v ? leaves(v, n, a) : NULL;

    if (!leaf)
        return false;
    merkle_root(app_hash, leaf, n);
    return true;
}

/* The step from a child to its parent, its sibling being aunt. */
static bool step_make(struct ics23_inner *op, struct span aunt,
                      bool is_right_child, struct arena *a)
{
    uint8_t *prefix = arena_alloc(a, 1 + HASH_BYTES);

    if (!prefix || aunt.n != HASH_BYTES)
        return false;
    prefix[0] = 0x01;
    *op =
        (struct ics23_inner){ .hash = ICS23_SHA256, .prefix = SPAN(prefix, 1) };
    if (is_right_child) {
        memcpy(prefix + 1, aunt.p, HASH_BYTES);
        op->prefix.n += HASH_BYTES;
    } else {
        op->suffix = aunt;
    }
    return true;
}

/* Largest power of two below n, for n > 1. */
static size_t split_point(size_t n)
{
    size_t k = 1;

    while (k * 2 < n)
        k *= 2;
    return k;
}

/* On which side of its sibling is leaf i at each step, from leaf to root? */
static size_t sides(bool side[64], size_t i, size_t n)
{
    bool   down[64];
    size_t depth = 0;

    while (n > 1) {
        size_t k = split_point(n);

        down[depth++] = i >= k;
        n             = i >= k ? n - k : k;
        i             = i >= k ? i - k : i;
    }
    for (size_t d = 0; d < depth; d++)
        side[d] = down[depth - 1 - d];
    return depth;
}

static struct ics23_exist *exist_make(const struct store_root   *store,
                                      const struct merkle_proof *p, size_t i,
                                      size_t n, struct arena *a)
{
    struct ics23_exist *e = arena_new(a, struct ics23_exist);
    struct ics23_leaf  *l = arena_new(a, struct ics23_leaf);
    bool                side[64];

    if (!e || !l)
        return NULL;
    must(sides(side, i, n) == p->aunt_count);
    *l        = (struct ics23_leaf){ .hash          = ICS23_SHA256,
                                     .prehash_value = ICS23_SHA256,
                                     .length        = ICS23_VAR_PROTO,
                                     .prefix        = SPAN_OF(leaf_prefix) };
    *e        = (struct ics23_exist){ .key   = store->name,
                                      .value = store->root,
                                      .leaf  = l };
    e->path.n = p->aunt_count;
    e->path.v = arena_newn(a, struct ics23_inner, p->aunt_count);
    if (!e->path.v)
        return NULL;
    for (size_t d = 0; d < p->aunt_count; d++)
        if (!step_make(&e->path.v[d], p->aunts[d], side[d], a))
            return NULL;
    return e;
}

bool multistore_proof(struct ics23_proof *out, const struct store_root *stores,
                      size_t n, struct span name, struct arena *a)
{
    struct store_root   *v    = sorted(stores, &n, a);
    struct span         *leaf = v ? leaves(v, n, a) : NULL;
    struct merkle_proof *p    = arena_newn(a, struct merkle_proof, n);
    struct hash          root;

    if (!leaf || !p || !merkle_proofs(&root, p, leaf, n, a))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!span_eq(v[i].name, name))
            continue;
        out->which = ICS23_EXIST;
        out->exist = exist_make(&v[i], &p[i], i, n, a);
        return out->exist != NULL;
    }
    return false;
}
