/* The working tree: set and remove with copies of what is already stored. */
#include "iavl/tree.h"

#include <stdlib.h>

/* ---- references ---- */

enum err tree_load(struct iavl *t, const struct iavl_ref *ref,
                   struct iavl_node **out)
{
    uint8_t     key[12];
    struct span bytes;
    enum err    e;

    *out =
        ref->node ? ref->node : cache_find(&t->cache, ref->version, ref->nonce);
    if (*out)
        return OK;
    store_be64(key, (uint64_t)ref->version);
    store_be32(key + 8, ref->nonce);
    e = t->db->get(t->db, IAVL_NODES, SPAN_OF(key), &bytes);
    if (e == OK)
        *out = node_decode(bytes, ref);
    else if (e != ERR_NOT_FOUND)
        return e;
    if (!*out)
        return fail(ERR_CORRUPT,
                    "state %s: node %" PRId64 "/%" PRIu32
                    " is %s; restore a backup, or remove the data of the"
                    " ledger to replay the blocks",
                    t->name, ref->version, ref->nonce,
                    e == OK ? "damaged" : "missing");
    cache_add(&t->cache, *out);
    return OK;
}

/* A stored node that the working tree no longer uses. */
static void orphan(struct iavl *t, const struct iavl_ref *ref)
{
    if (t->orphan_count == t->orphan_cap) {
        t->orphan_cap = t->orphan_cap ? 2 * t->orphan_cap : 256;
        t->orphans    = realloc(t->orphans, t->orphan_cap * sizeof *t->orphans);
        must(t->orphans != NULL);
    }
    t->orphans[t->orphan_count++] =
        (struct iavl_orphan){ ref->version, ref->nonce };
}

/* The node at ref leaves the working tree. */
static void discard(struct iavl *t, const struct iavl_ref *ref)
{
    if (ref->node)
        node_free(ref->node);
    else
        orphan(t, ref);
}

static struct iavl_ref leaf_ref(struct span key, struct span value)
{
    return (struct iavl_ref){ .node = node_leaf(key, value), .size = 1 };
}

/* own - a node that may be changed: a copy, if it is stored. */
static enum err own(struct iavl *t, struct iavl_ref *ref)
{
    struct iavl_node *n;
    enum err          e;

    if (ref->node)
        return OK;
    e = tree_load(t, ref, &n);
    if (e)
        return e;
    orphan(t, ref);
    ref->node = n->child ? node_inner(node_key(n), n->child)
                         : node_leaf(node_key(n), node_value(n));
    return OK;
}

/* refresh - height and size of an owned inner node from its children's. */
static void refresh(struct iavl_ref *ref)
{
    const struct iavl_ref *c = ref->node->child;

    ref->height =
        (int8_t)(1 + (c[0].height > c[1].height ? c[0].height : c[1].height));
    ref->size = c[0].size + c[1].size;
}

/* ---- balance ---- */

/* rotate - the child on side `from` takes the place of its parent; both are
 * owned. */
static void rotate(struct iavl_ref *at, int from)
{
    struct iavl_ref parent = *at, child = at->node->child[from];

    parent.node->child[from] = child.node->child[!from];
    refresh(&parent);
    child.node->child[!from] = parent;
    refresh(&child);
    *at = child;
}

static int tilt(const struct iavl_node *n)
{
    return n->child[0].height - n->child[1].height;
}

/* balance - an owned node whose children differ by two levels. */
static enum err balance(struct iavl *t, struct iavl_ref *at)
{
    int               b = tilt(at->node), side = b > 0 ? 0 : 1;
    struct iavl_ref  *child = &at->node->child[side];
    struct iavl_node *n;
    enum err          e;

    if (b >= -1 && b <= 1)
        return OK;
    e = own(t, child);
    if (e)
        return e;
    n = child->node;
    if (side == 0 ? tilt(n) < 0 : tilt(n) > 0) {
        e = own(t, &n->child[!side]);
        if (e)
            return e;
        rotate(child, !side);
    }
    rotate(at, side);
    return OK;
}

/* ---- set ---- */

/* A leaf with another key: both under a new inner node, which has the larger
 * key. */
static void split_leaf(struct iavl_ref *at, struct span leaf_key,
                       struct span key, struct span value)
{
    struct iavl_ref child[2];
    bool            is_left = span_cmp(key, leaf_key) < 0;

    child[is_left ? 0 : 1] = leaf_ref(key, value);
    child[is_left ? 1 : 0] = *at;
    *at                    = (struct iavl_ref){ .node =
                                                    node_inner(is_left ? leaf_key : key, child) };
    refresh(at);
}

static enum err set(struct iavl *t, struct iavl_ref *at, struct span key,
                    struct span value, bool *was_there)
{
    struct iavl_node *n;
    struct iavl_ref   fresh;
    enum err          e = tree_load(t, at, &n);

    if (e)
        return e;
    if (!n->child && !span_eq(node_key(n), key)) {
        split_leaf(at, node_key(n), key, value);
        return OK;
    }
    if (!n->child) {
        fresh = leaf_ref(key, value); /* value may be the old leaf's */
        discard(t, at);
        *at        = fresh;
        *was_there = true;
        return OK;
    }
    e = own(t, at);
    if (e)
        return e;
    n = at->node;
    e = set(t, &n->child[span_cmp(key, node_key(n)) < 0 ? 0 : 1], key, value,
            was_there);
    if (e || *was_there)
        return e;
    refresh(at);
    return balance(t, at);
}

enum err iavl_set(struct iavl *t, struct span key, struct span value,
                  bool *was_there)
{
    bool ignored = false;

    must(!t->sealed);
    was_there  = was_there ? was_there : &ignored;
    *was_there = false;
    if (!value.p)
        return ERR_USAGE;
    if (t->working.size == 0) {
        t->working = leaf_ref(key, value);
        return OK;
    }
    return set(t, &t->working, key, value, was_there);
}

/* ---- remove ---- */

enum outcome { ABSENT, REPLACED, VANISHED };

/* An inner key moves up to the nearest ancestor on whose right it was. */
static void take_moved_key(struct iavl *t, struct iavl_ref *at)
{
    struct iavl_node *old = at->node;

    if (t->moved.len == 0)
        return;
    at->node = node_inner(SPAN(t->moved.p, t->moved.len - 1), old->child);
    node_free(old);
    buf_clear(&t->moved);
}

/* The empty key can move as well, so one byte is added to tell it apart. */
static void move_key(struct iavl *t, struct span key)
{
    buf_clear(&t->moved);
    buf_add(&t->moved, key);
    buf_byte(&t->moved, 0);
    must(!t->moved.is_full);
}

static enum err remove_at(struct iavl *t, struct iavl_ref *at, struct span key,
                          enum outcome *out);

static enum err remove_below(struct iavl *t, struct iavl_ref *at,
                             const struct iavl_node *n, struct span key,
                             enum outcome *out)
{
    int             side  = span_cmp(key, node_key(n)) < 0 ? 0 : 1;
    struct iavl_ref child = n->child[side], sibling = n->child[!side];
    enum err        e = remove_at(t, &child, key, out);

    if (e && at->node)
        at->node->child[side] = child; /* what it points at has moved */
    if (e || *out == ABSENT)
        return e;
    if (*out == VANISHED) {
        if (side == 0)
            move_key(t, node_key(n));
        discard(t, at);
        *at  = sibling;
        *out = REPLACED;
        return OK;
    }
    e = own(t, at);
    if (e)
        return e;
    at->node->child[side] = child;
    if (side == 1)
        take_moved_key(t, at);
    refresh(at);
    return balance(t, at);
}

static enum err remove_at(struct iavl *t, struct iavl_ref *at, struct span key,
                          enum outcome *out)
{
    struct iavl_node *n;
    enum err          e = tree_load(t, at, &n);

    if (e)
        return e;
    if (n->child)
        return remove_below(t, at, n, key, out);
    *out = span_eq(node_key(n), key) ? VANISHED : ABSENT;
    if (*out == VANISHED)
        discard(t, at);
    return OK;
}

enum err iavl_remove(struct iavl *t, struct span key, bool *was_there)
{
    enum outcome out = ABSENT;
    enum err     e   = OK;

    must(!t->sealed);
    buf_clear(&t->moved);
    if (t->working.size)
        e = remove_at(t, &t->working, key, &out);
    if (e == OK && out == VANISHED)
        t->working = (struct iavl_ref){ 0 };
    if (was_there)
        *was_there = out != ABSENT;
    return e;
}
