#include "crypto/merkle.h"

static const uint8_t leaf_prefix = 0, inner_prefix = 1;

/* What a tree is made of: leaves, or the hashes of leaves. */
struct leaves {
    const struct span *leaf;
    const struct hash *hash;
};

/* Where proofs are collected while the tree is walked. */
struct trail {
    struct merkle_proof *proof;
    struct span         *aunts; /* cap of them for each proof */
    size_t               cap;
    struct arena        *arena;
};

void merkle_leaf(struct hash *out, struct span leaf)
{
    struct span parts[] = { SPAN(&leaf_prefix, 1), leaf };

    sha256_parts(out, parts, COUNT(parts));
}

static void inner(struct hash *out, struct span l, struct span r)
{
    struct span parts[] = { SPAN(&inner_prefix, 1), l, r };

    sha256_parts(out, parts, COUNT(parts));
}

void merkle_inner(struct hash *out, const struct hash *l, const struct hash *r)
{
    inner(out, hash_span(l), hash_span(r));
}

/* The largest power of two strictly below n, for n of at least 2. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static void subtree(struct hash *root, struct leaves in, size_t from, size_t n)
{
    struct hash l, r;
    size_t      k;

    if (n == 1) {
        if (in.hash)
            *root = in.hash[from];
        else
            merkle_leaf(root, in.leaf[from]);
        return;
    }
    k = split(n);
    subtree(&l, in, from, k);
    subtree(&r, in, from + k, n - k);
    merkle_inner(root, &l, &r);
}

static void tree(struct hash *root, struct leaves in, size_t n)
{
    if (n == 0)
        sha256(root, (struct span){ NULL, 0 });
    else
        subtree(root, in, 0, n);
}

void merkle_root(struct hash *root, const struct span *leaf, size_t n)
{
    tree(root, (struct leaves){ .leaf = leaf }, n);
}

void merkle_root_hashes(struct hash *root, const struct hash *leaf, size_t n)
{
    tree(root, (struct leaves){ .hash = leaf }, n);
}

/* Every proof from..to has the same next aunt. */
static void add_aunt(struct trail *t, size_t from, size_t to,
                     const struct hash *aunt)
{
    for (size_t i = from; i < to; i++) {
        struct merkle_proof *p = &t->proof[i];

        must(p->aunt_count < t->cap);
        t->aunts[i * t->cap + p->aunt_count++] = hash_span(aunt);
    }
}

/* The root of n leaves, kept in the arena since proofs point at it; NULL
 * when that is full. */
static const struct hash *proofs(struct trail *t, const struct span *leaf,
                                 size_t from, size_t n)
{
    struct hash       *root = arena_new(t->arena, struct hash);
    const struct hash *l, *r;
    size_t             k;

    if (!root)
        return NULL;
    if (n == 1) {
        merkle_leaf(root, leaf[from]);
        t->proof[from].leaf_hash = hash_span(root);
        return root;
    }
    k = split(n);
    l = proofs(t, leaf, from, k);
    r = l ? proofs(t, leaf, from + k, n - k) : NULL;
    if (!r)
        return NULL;
    add_aunt(t, from, from + k, r);
    add_aunt(t, from + k, from + n, l);
    merkle_inner(root, l, r);
    return root;
}

bool merkle_proofs(struct hash *root, struct merkle_proof *out,
                   const struct span *leaf, size_t n, struct arena *a)
{
    struct trail       t = { .proof = out, .arena = a };
    const struct hash *top;

    if (n == 0) {
        sha256(root, (struct span){ NULL, 0 });
        return true;
    }
    t.cap   = n == 1 ? 0 : (size_t)(64 - __builtin_clzll(n - 1));
    t.aunts = arena_array(a, n, t.cap * sizeof(struct span));
    if (!t.aunts)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct merkle_proof){ .total = (int64_t)n,
                                        .index = (int64_t)i,
                                        .aunts = t.aunts + i * t.cap };
    top = proofs(&t, leaf, 0, n);
    if (!top)
        return false;
    *root = *top;
    return true;
}

/* Which way each step from the root turns, until a tree of one is reached;
 * is_left[0] is the turn at the root. */
static size_t path(bool is_left[64], uint64_t index, uint64_t total)
{
    size_t n = 0;

    while (total > 1) {
        uint64_t k = split(total);

        is_left[n] = index < k;
        if (is_left[n]) {
            total = k;
        } else {
            index -= k;
            total -= k;
        }
        n++;
    }
    return n;
}

bool merkle_proof_root(struct hash *root, const struct merkle_proof *p)
{
    bool        is_left[64];
    struct hash h;
    size_t      n;

    if (p->index < 0 || p->total <= 0 || p->index >= p->total)
        return false;
    n = path(is_left, (uint64_t)p->index, (uint64_t)p->total);
    if (p->leaf_hash.n != HASH_BYTES || p->aunt_count != n)
        return false;
    memcpy(h.b, p->leaf_hash.p, HASH_BYTES);
    for (size_t i = 0; i < n; i++) {
        if (is_left[n - 1 - i])
            inner(&h, hash_span(&h), p->aunts[i]);
        else
            inner(&h, p->aunts[i], hash_span(&h));
    }
    *root = h;
    return true;
}

bool merkle_verify(struct span root, struct span leaf,
                   const struct merkle_proof *p)
{
    struct hash h;

    merkle_leaf(&h, leaf);
    if (!span_eq(p->leaf_hash, hash_span(&h)))
        return false;
    return merkle_proof_root(&h, p) && span_eq(root, hash_span(&h));
}
