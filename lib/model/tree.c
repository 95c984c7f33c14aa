#include "model/tree.h"

#include "crypto/merkle.h"

size_t uvarint_put(uint8_t out[10], uint64_t v)
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    return n;
}

static void push(struct tree *t, struct hash leaf)
{
    for (uint64_t n = t->n++; n & 1; n >>= 1) {
        struct hash right = leaf;

        merkle_inner(&leaf, &t->root[--t->depth], &right);
    }
    t->root[t->depth++] = leaf;
}

void tree_add(struct tree *t, const struct span *part, size_t n)
{
    static const uint8_t prefix = 0x00;
    struct span          all[TREE_PARTS_MAX + 1];
    struct hash          leaf;

    must(n <= TREE_PARTS_MAX);
    all[0] = SPAN(&prefix, 1);
    for (size_t i = 0; i < n; i++)
        all[i + 1] = part[i];
    sha256_parts(&leaf, all, n + 1);
    push(t, leaf);
}

static void add_one(struct tree *t, struct span leaf)
{
    struct hash h;

    merkle_leaf(&h, leaf);
    push(t, h);
}

bool tree_add_message(struct tree *t, const struct pb_desc *d, const void *msg,
                      struct arena *a)
{
    uint8_t     small[TREE_LEAF_BYTES];
    size_t      n = pb_size(d, msg), mark = a->used;
    struct span bytes;

    if (n <= sizeof small) {
        pb_encode_to(d, msg, small, n);
        add_one(t, SPAN(small, n));
        return true;
    }
    bytes = pb_encode(d, msg, a);
    if (!bytes.p)
        return false;
    add_one(t, bytes);
    a->used = mark;
    return true;
}

void tree_add_wrapped(struct tree *t, struct span value)
{
    uint8_t     head[11] = { 0x0a };
    struct span part[2]  = { { head, 0 }, value };

    if (value.n)
        part[0].n = 1 + uvarint_put(head + 1, value.n);
    tree_add(t, part, 2);
}

void tree_end(const struct tree *t, struct hash *root)
{
    size_t i = t->depth;

    if (i == 0) {
        sha256(root, (struct span){ 0 });
        return;
    }
    *root = t->root[--i];
    while (i-- > 0) {
        struct hash right = *root;

        merkle_inner(root, &t->root[i], &right);
    }
}
