#include "ics23/ics23.h"

/* ---- descriptors ---- */

enum { ENTRIES_MAX = 65536 };

PB_DESC(ics23_leaf_desc, struct ics23_leaf,
        PB_FIELD(struct ics23_leaf, 1, hash, PB_INT32),
        PB_FIELD(struct ics23_leaf, 2, prehash_key, PB_INT32),
        PB_FIELD(struct ics23_leaf, 3, prehash_value, PB_INT32),
        PB_FIELD(struct ics23_leaf, 4, length, PB_INT32),
        PB_FIELD(struct ics23_leaf, 5, prefix, PB_BYTES));

PB_DESC(ics23_inner_desc, struct ics23_inner,
        PB_FIELD(struct ics23_inner, 1, hash, PB_INT32),
        PB_FIELD(struct ics23_inner, 2, prefix, PB_BYTES),
        PB_FIELD(struct ics23_inner, 3, suffix, PB_BYTES));

/* A longer path is refused anyway, whatever the tree. */
PB_DESC(ics23_exist_desc, struct ics23_exist,
        PB_FIELD(struct ics23_exist, 1, key, PB_BYTES),
        PB_FIELD(struct ics23_exist, 2, value, PB_BYTES),
        PB_PTR(struct ics23_exist, 3, leaf, ics23_leaf_desc),
        PB_SUBS(struct ics23_exist, 4, path, ics23_inner_desc, 4096));

PB_DESC(ics23_nonexist_desc, struct ics23_nonexist,
        PB_FIELD(struct ics23_nonexist, 1, key, PB_BYTES),
        PB_PTR(struct ics23_nonexist, 2, left, ics23_exist_desc),
        PB_PTR(struct ics23_nonexist, 3, right, ics23_exist_desc));

PB_DESC(ics23_entry_desc, struct ics23_entry,
        PB_ONEOF_MSG(struct ics23_entry, 1, which, exist, ics23_exist_desc),
        PB_ONEOF_MSG(struct ics23_entry, 2, which, nonexist,
                     ics23_nonexist_desc));

PB_DESC(ics23_batch_desc, struct ics23_batch,
        PB_SUBS(struct ics23_batch, 1, entries, ics23_entry_desc, ENTRIES_MAX));

PB_DESC(compressed_exist_desc, struct ics23_compressed_exist,
        PB_FIELD(struct ics23_compressed_exist, 1, key, PB_BYTES),
        PB_FIELD(struct ics23_compressed_exist, 2, value, PB_BYTES),
        PB_PTR(struct ics23_compressed_exist, 3, leaf, ics23_leaf_desc),
        PB_LIST(struct ics23_compressed_exist, 4, path, PB_INT32, 4096));

PB_DESC(compressed_nonexist_desc, struct ics23_compressed_nonexist,
        PB_FIELD(struct ics23_compressed_nonexist, 1, key, PB_BYTES),
        PB_PTR(struct ics23_compressed_nonexist, 2, left,
               compressed_exist_desc),
        PB_PTR(struct ics23_compressed_nonexist, 3, right,
               compressed_exist_desc));

PB_DESC(compressed_entry_desc, struct ics23_compressed_entry,
        PB_ONEOF_MSG(struct ics23_compressed_entry, 1, which, exist,
                     compressed_exist_desc),
        PB_ONEOF_MSG(struct ics23_compressed_entry, 2, which, nonexist,
                     compressed_nonexist_desc));

PB_DESC(ics23_compressed_desc, struct ics23_compressed,
        PB_SUBS(struct ics23_compressed, 1, entries, compressed_entry_desc,
                ENTRIES_MAX),
        PB_SUBS(struct ics23_compressed, 2, lookup_inners, ics23_inner_desc,
                ENTRIES_MAX));

PB_DESC(ics23_proof_desc, struct ics23_proof,
        PB_ONEOF_MSG(struct ics23_proof, 1, which, exist, ics23_exist_desc),
        PB_ONEOF_MSG(struct ics23_proof, 2, which, nonexist,
                     ics23_nonexist_desc),
        PB_ONEOF_MSG(struct ics23_proof, 3, which, batch, ics23_batch_desc),
        PB_ONEOF_MSG(struct ics23_proof, 4, which, compressed,
                     ics23_compressed_desc));

/* ---- the two trees ---- */

static const struct tree_form {
    size_t child, prefix_min, prefix_max;
} forms[] = {
    [ICS23_IAVL]   = { 33, 4, 12 },
    [ICS23_SIMPLE] = { 32, 1, 1 },
};

/* A zig-zag number as Go's binary.ReadVarint reads it: the tenth byte may
 * only be 0 or 1. */
static bool bounded_svarint(struct span *in, int64_t *v)
{
    struct span before = *in;

    if (!svarint_read(in, v))
        return false;
    return before.n - in->n < 10 || before.p[9] <= 1;
}

/* IAVL prefixes: height, size, version; then for an inner node one length
 * byte, or that, the left hash and another.  step is 0 for the leaf. */
static bool iavl_prefix_fits(struct span prefix, int64_t step)
{
    int64_t height, size, version;

    if (!bounded_svarint(&prefix, &height) || height < 0 ||
        !bounded_svarint(&prefix, &size) || size < 0 ||
        !bounded_svarint(&prefix, &version) || version < 0 || height < step)
        return false;
    return step == 0 ? prefix.n == 0 : prefix.n == 1 || prefix.n == 34;
}

static bool leaf_fits(enum ics23_spec spec, const struct ics23_leaf *l)
{
    if (spec == ICS23_IAVL && !iavl_prefix_fits(l->prefix, 0))
        return false;
    return l->hash == ICS23_SHA256 && l->prehash_key == 0 &&
           l->prehash_value == ICS23_SHA256 && l->length == ICS23_VAR_PROTO &&
           l->prefix.n > 0 && l->prefix.p[0] == 0;
}

static bool inner_fits(enum ics23_spec spec, const struct ics23_inner *op,
                       int64_t step)
{
    const struct tree_form *f = &forms[spec];

    if (op->hash != ICS23_SHA256 ||
        (spec == ICS23_IAVL && !iavl_prefix_fits(op->prefix, step)))
        return false;
    return op->prefix.n >= f->prefix_min &&
           op->prefix.n <= f->prefix_max + f->child && op->prefix.p[0] != 0 &&
           op->suffix.n % f->child == 0;
}

static bool exist_fits(enum ics23_spec spec, const struct ics23_exist *e)
{
    if (!e->leaf || !leaf_fits(spec, e->leaf) || e->path.n > ICS23_STEPS_MAX)
        return false;
    for (size_t i = 0; i < e->path.n; i++)
        if (!inner_fits(spec, &e->path.v[i], (int64_t)i + 1))
            return false;
    return true;
}

/* ---- hashing ---- */

void ics23_leaf_hash(struct hash *out, struct span prefix, struct span key,
                     struct span value)
{
    static const uint8_t hash_length = HASH_BYTES;
    struct hash          digest;
    struct buf           length;
    uint8_t              mem[10];

    buf_use(&length, mem, sizeof mem);
    buf_uvarint(&length, key.n);
    sha256(&digest, value);
    sha256_parts(out,
                 (struct span[]){ prefix, buf_span(&length), key,
                                  SPAN(&hash_length, 1), hash_span(&digest) },
                 5);
}

static bool exist_root(struct hash *root, const struct ics23_exist *e)
{
    const struct ics23_leaf *l = e->leaf;

    if (!l || e->key.n == 0 || e->value.n == 0 || l->hash != ICS23_SHA256 ||
        l->prehash_key != 0 || l->prehash_value != ICS23_SHA256 ||
        l->length != ICS23_VAR_PROTO)
        return false;
    ics23_leaf_hash(root, l->prefix, e->key, e->value);
    for (size_t i = 0; i < e->path.n; i++) {
        const struct ics23_inner *op    = &e->path.v[i];
        struct hash               child = *root;

        if (op->hash != ICS23_SHA256)
            return false;
        sha256_parts(
            root, (struct span[]){ op->prefix, hash_span(&child), op->suffix },
            3);
    }
    return true;
}

bool ics23_root(struct hash *root, const struct ics23_proof *proof)
{
    const struct ics23_exist *e = NULL;

    if (proof->which == ICS23_EXIST)
        e = proof->exist;
    else if (proof->which == ICS23_NONEXIST)
        e = proof->nonexist->left ? proof->nonexist->left
                                  : proof->nonexist->right;
    return e && exist_root(root, e);
}

/* The proof is of its tree's form and leads to root. */
static bool exist_holds(enum ics23_spec spec, struct span root,
                        const struct ics23_exist *e)
{
    struct hash got;

    return exist_fits(spec, e) && exist_root(&got, e) &&
           span_eq(hash_span(&got), root);
}

/* ---- order: which child does a step come from? ---- */

static bool is_left_child(const struct tree_form   *f,
                          const struct ics23_inner *op)
{
    return op->prefix.n >= f->prefix_min && op->prefix.n <= f->prefix_max &&
           op->suffix.n == f->child;
}

static bool is_right_child(const struct tree_form   *f,
                           const struct ics23_inner *op)
{
    return op->prefix.n >= f->prefix_min + f->child &&
           op->prefix.n <= f->prefix_max + f->child && op->suffix.n == 0;
}

static bool all_left(const struct tree_form *f, const struct ics23_inner *path,
                     size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_left_child(f, &path[i]))
            return false;
    return true;
}

static bool all_right(const struct tree_form *f, const struct ics23_inner *path,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_right_child(f, &path[i]))
            return false;
    return true;
}

/* Nothing lies between the two: equal steps from the root down, then a left
 * and a right child, then right-most and left-most below. */
static bool are_neighbours(const struct tree_form   *f,
                           const struct ics23_exist *left,
                           const struct ics23_exist *right)
{
    const struct ics23_inner *l = left->path.v, *r = right->path.v;
    size_t                    m = left->path.n, n = right->path.n;

    while (m && n && span_eq(l[m - 1].prefix, r[n - 1].prefix) &&
           span_eq(l[m - 1].suffix, r[n - 1].suffix)) {
        m--;
        n--;
    }
    if (m == 0 || n == 0)
        return false;
    return is_left_child(f, &l[m - 1]) && is_right_child(f, &r[n - 1]) &&
           all_right(f, l, m - 1) && all_left(f, r, n - 1);
}

static bool surrounds(const struct ics23_nonexist *ne, struct span key)
{
    return (!ne->left || span_cmp(ne->left->key, key) < 0) &&
           (!ne->right || span_cmp(ne->right->key, key) > 0);
}

static bool nonexist_holds(enum ics23_spec spec, struct span root,
                           const struct ics23_nonexist *ne, struct span key)
{
    const struct tree_form *f = &forms[spec];

    if ((!ne->left && !ne->right) || !surrounds(ne, key))
        return false;
    if (ne->left && !exist_holds(spec, root, ne->left))
        return false;
    if (ne->right && !exist_holds(spec, root, ne->right))
        return false;
    if (!ne->left)
        return all_left(f, ne->right->path.v, ne->right->path.n);
    if (!ne->right)
        return all_right(f, ne->left->path.v, ne->left->path.n);
    return are_neighbours(f, ne->left, ne->right);
}

/* ---- batches ---- */

static bool expand_exist(struct ics23_exist                 **out,
                         const struct ics23_compressed_exist *c,
                         const struct ics23_compressed *table, struct arena *a)
{
    struct ics23_exist *e;

    *out = NULL;
    if (!c)
        return true;
    e = arena_new(a, struct ics23_exist);
    if (!e)
        return false;
    *e        = (struct ics23_exist){ .key   = c->key,
                                      .value = c->value,
                                      .leaf  = c->leaf };
    e->path.n = c->path.n;
    e->path.v = arena_newn(a, struct ics23_inner, c->path.n);
    if (!e->path.v)
        return false;
    for (size_t i = 0; i < c->path.n; i++) {
        int32_t at = c->path.v[i];

        if (at < 0 || (size_t)at >= table->lookup_inners.n)
            return false;
        e->path.v[i] = table->lookup_inners.v[at];
    }
    *out = e;
    return true;
}

static bool expand_entry(struct ics23_entry                  *out,
                         const struct ics23_compressed_entry *c,
                         const struct ics23_compressed *table, struct arena *a)
{
    struct ics23_nonexist *ne;

    out->which = c->which;
    if (c->which == ICS23_EXIST)
        return expand_exist(&out->exist, c->exist, table, a);
    if (c->which != ICS23_NONEXIST)
        return false;
    ne = out->nonexist = arena_new(a, struct ics23_nonexist);
    if (!ne)
        return false;
    ne->key = c->nonexist->key;
    return expand_exist(&ne->left, c->nonexist->left, table, a) &&
           expand_exist(&ne->right, c->nonexist->right, table, a);
}

/* Every form as a batch; a single proof is a batch of one.  False when an
 * index leads out of the table. */
static bool as_batch(struct ics23_batch *b, struct ics23_entry *one,
                     const struct ics23_proof *p, struct arena *a)
{
    const struct ics23_compressed *c = p->compressed;

    *b = (struct ics23_batch){ .entries = { one, 1 } };
    switch (p->which) {
    case ICS23_EXIST:
        *one = (struct ics23_entry){ ICS23_EXIST, { .exist = p->exist } };
        return true;
    case ICS23_NONEXIST:
        one->which    = ICS23_NONEXIST;
        one->nonexist = p->nonexist;
        return true;
    case ICS23_BATCH: *b = *p->batch; return true;
    case ICS23_COMPRESSED: break;
    default: return false;
    }
    b->entries.n = c->entries.n;
    b->entries.v = arena_newn(a, struct ics23_entry, c->entries.n);
    if (!b->entries.v)
        return false;
    for (size_t i = 0; i < c->entries.n; i++)
        if (!expand_entry(&b->entries.v[i], &c->entries.v[i], c, a))
            return false;
    return true;
}

/* ---- verdicts ---- */

bool ics23_member(enum ics23_spec spec, struct span root,
                  const struct ics23_proof *proof, struct span key,
                  struct span value, struct arena *a)
{
    struct ics23_batch b;
    struct ics23_entry one;

    if (!as_batch(&b, &one, proof, a))
        return false;
    for (size_t i = 0; i < b.entries.n; i++) {
        const struct ics23_entry *e = &b.entries.v[i];

        if (e->which == ICS23_EXIST && span_eq(e->exist->key, key))
            return span_eq(e->exist->value, value) &&
                   exist_holds(spec, root, e->exist);
    }
    return false;
}

bool ics23_absent(enum ics23_spec spec, struct span root,
                  const struct ics23_proof *proof, struct span key,
                  struct arena *a)
{
    struct ics23_batch b;
    struct ics23_entry one;

    if (!as_batch(&b, &one, proof, a))
        return false;
    for (size_t i = 0; i < b.entries.n; i++) {
        const struct ics23_entry *e = &b.entries.v[i];

        if (e->which == ICS23_NONEXIST && surrounds(e->nonexist, key))
            return nonexist_holds(spec, root, e->nonexist, key);
    }
    return false;
}
