/* Reading a state of the tree: get, range, proofs. */
#include "iavl/tree.h"

int64_t iavl_version(const struct iavl *t)
{
    return t->version;
}

int64_t iavl_oldest(const struct iavl *t)
{
    return t->oldest;
}

size_t iavl_lost(const struct iavl *t)
{
    return t->orphan_count;
}

struct iavl_view iavl_latest(struct iavl *t)
{
    return (struct iavl_view){ t, t->latest };
}

struct iavl_view iavl_working(struct iavl *t)
{
    return (struct iavl_view){ t, t->working };
}

struct hash iavl_root(const struct iavl_view *v)
{
    struct hash h = v->root.hash;

    if (v->root.size == 0)
        sha256(&h, (struct span){ 0 });
    return h;
}

enum err iavl_get(const struct iavl_view *v, struct span key,
                  struct span *value)
{
    const struct iavl_ref *at = &v->root;
    struct iavl_node      *n;
    enum err               e;

    cache_trim(&v->tree->cache);
    if (at->size == 0)
        return ERR_NOT_FOUND;
    for (;;) {
        e = tree_load(v->tree, at, &n);
        if (e)
            return e;
        if (!n->child)
            break;
        at = &n->child[span_cmp(key, node_key(n)) < 0 ? 0 : 1];
    }
    if (!span_eq(node_key(n), key))
        return ERR_NOT_FOUND;
    *value = node_value(n);
    return OK;
}

/* ---- ranges ---- */

struct range {
    struct iavl   *tree;
    struct span    from, to;
    iavl_range_fn *fn;
    void          *ctx;
    bool           is_done;
};

static enum err range_visit(struct range *r, const struct iavl_ref *at)
{
    struct iavl_ref   child[2];
    struct iavl_node *n;
    bool              into[2];
    enum err          e;

    cache_trim(&r->tree->cache); /* so nothing is borrowed across a call */
    e = tree_load(r->tree, at, &n);
    if (e)
        return e;
    if (!n->child) {
        if (span_cmp(node_key(n), r->from) >= 0 &&
            (!r->to.p || span_cmp(node_key(n), r->to) < 0))
            r->is_done = !r->fn(r->ctx, node_key(n), node_value(n));
        return OK;
    }
    into[0]  = span_cmp(r->from, node_key(n)) < 0;
    into[1]  = !r->to.p || span_cmp(node_key(n), r->to) < 0;
    child[0] = n->child[0];
    child[1] = n->child[1];
    for (int i = 0; i < 2 && e == OK && !r->is_done; i++)
        if (into[i])
            e = range_visit(r, &child[i]);
    return e;
}

enum err iavl_range(const struct iavl_view *v, struct span from, struct span to,
                    iavl_range_fn *fn, void *ctx)
{
    struct range r = { v->tree, from, to, fn, ctx, false };

    return v->root.size ? range_visit(&r, &v->root) : OK;
}

static enum err walk_visit(const struct iavl_view *v, const struct iavl_ref *at,
                           iavl_walk_fn *fn, void *ctx)
{
    struct iavl_ref   child[2];
    struct iavl_node *n;
    struct iavl_seen  seen = { .ref = *at };
    enum err          e;

    cache_trim(&v->tree->cache);
    e = tree_load(v->tree, at, &n);
    if (e)
        return e;
    seen.key = node_key(n);
    if (!n->child)
        seen.value = node_value(n);
    fn(ctx, &seen);
    if (!n->child)
        return OK;
    child[0] = n->child[0];
    child[1] = n->child[1];
    e        = walk_visit(v, &child[0], fn, ctx);
    return e ? e : walk_visit(v, &child[1], fn, ctx);
}

enum err iavl_walk(const struct iavl_view *v, iavl_walk_fn *fn, void *ctx)
{
    return v->root.size ? walk_visit(v, &v->root, fn, ctx) : OK;
}

/* ---- proofs ---- */

enum { DEPTH_MAX = INT8_MAX };

/* A way from the root to a leaf. */
struct path {
    struct step {
        struct iavl_ref node, child[2];
        int             side;
    } step[DEPTH_MAX];
    size_t            n;
    struct iavl_ref   leaf_ref;
    struct iavl_node *leaf;
};

/* Where to turn at each node. */
enum turn { BY_KEY, LEFT_MOST, RIGHT_MOST };

static enum err descend(struct path *p, struct iavl *t, struct iavl_ref at,
                        enum turn turn, struct span key)
{
    struct iavl_node *n;
    enum err          e;

    while ((e = tree_load(t, &at, &n)) == OK && n->child) {
        int side = turn == RIGHT_MOST;

        if (turn == BY_KEY)
            side = span_cmp(key, node_key(n)) < 0 ? 0 : 1;
        if (p->n == DEPTH_MAX)
            return fail(ERR_CORRUPT, "state %s: deeper than any tree", t->name);
        p->step[p->n++] =
            (struct step){ at, { n->child[0], n->child[1] }, side };
        at = n->child[side];
    }
    p->leaf_ref = at;
    p->leaf     = n;
    return e;
}

/* neighbour - from the leaf of p to the next one on a side; p->leaf is NULL
 * when there is none. */
static enum err neighbour(struct path *p, struct iavl *t, int side)
{
    struct step *s;

    p->leaf = NULL;
    while (p->n > 0 && p->step[p->n - 1].side == side)
        p->n--;
    if (p->n == 0)
        return OK;
    s       = &p->step[p->n - 1];
    s->side = side;
    return descend(p, t, s->child[side], side ? LEFT_MOST : RIGHT_MOST,
                   (struct span){ 0 });
}

static struct span copy_buf(const struct buf *b, struct arena *a)
{
    return arena_copy(a, buf_span(b));
}

static bool step_op(struct ics23_inner *op, const struct step *s,
                    struct arena *a)
{
    uint8_t    mem[30 + 2 + HASH_BYTES], tail[1 + HASH_BYTES];
    struct buf prefix, suffix;

    buf_use(&prefix, mem, sizeof mem);
    buf_use(&suffix, tail, sizeof tail);
    node_prefix(&prefix, &s->node);
    buf_byte(&prefix, HASH_BYTES);
    if (s->side == 1) {
        buf_add(&prefix, hash_span(&s->child[0].hash));
        buf_byte(&prefix, HASH_BYTES);
    } else {
        buf_byte(&suffix, HASH_BYTES);
        buf_add(&suffix, hash_span(&s->child[1].hash));
    }
    *op = (struct ics23_inner){ .hash   = ICS23_SHA256,
                                .prefix = copy_buf(&prefix, a),
                                .suffix = copy_buf(&suffix, a) };
    return op->prefix.p && (op->suffix.p || op->suffix.n == 0);
}

static struct ics23_leaf *leaf_op(const struct iavl_ref *ref, struct arena *a)
{
    struct ics23_leaf *l = arena_new(a, struct ics23_leaf);
    uint8_t            mem[30];
    struct buf         b;

    buf_use(&b, mem, sizeof mem);
    node_prefix(&b, ref);
    if (!l)
        return NULL;
    *l = (struct ics23_leaf){ .hash          = ICS23_SHA256,
                              .prehash_value = ICS23_SHA256,
                              .length        = ICS23_VAR_PROTO,
                              .prefix        = copy_buf(&b, a) };
    return l->prefix.p ? l : NULL;
}

static struct ics23_exist *exist_of(const struct path *p, struct arena *a)
{
    struct ics23_exist *e = arena_new(a, struct ics23_exist);

    if (!e)
        return NULL;
    e->key    = arena_copy(a, node_key(p->leaf));
    e->value  = arena_copy(a, node_value(p->leaf));
    e->leaf   = leaf_op(&p->leaf_ref, a);
    e->path.n = p->n;
    e->path.v = arena_newn(a, struct ics23_inner, p->n);
    if (!e->leaf || !e->path.v || (e->key.n && !e->key.p) ||
        (e->value.n && !e->value.p))
        return NULL;
    for (size_t i = 0; i < p->n; i++)
        if (!step_op(&e->path.v[i], &p->step[p->n - 1 - i], a))
            return NULL;
    return e;
}

/* The proof of the leaf next to p on a side, or NULL when p is at the end. */
static enum err side_of(struct ics23_exist **out, const struct path *p,
                        struct iavl *t, int side, struct arena *a)
{
    struct path next = *p;
    enum err    e    = neighbour(&next, t, side);

    *out = NULL;
    if (e || !next.leaf)
        return e;
    *out = exist_of(&next, a);
    return *out ? OK : ERR_BUSY;
}

static enum err prove_absence(struct ics23_nonexist *ne, const struct path *p,
                              struct iavl *t, struct arena *a)
{
    bool     is_right = span_cmp(node_key(p->leaf), ne->key) > 0;
    enum err e;

    *(is_right ? &ne->right : &ne->left) = exist_of(p, a);
    if (!ne->right && !ne->left)
        return ERR_BUSY;
    e = side_of(is_right ? &ne->left : &ne->right, p, t, is_right ? 0 : 1, a);
    return e;
}

enum err iavl_prove(struct ics23_proof *out, const struct iavl_view *v,
                    struct span key, struct arena *a)
{
    struct path            p  = { .n = 0 };
    struct ics23_nonexist *ne = arena_new(a, struct ics23_nonexist);
    enum err               e;

    cache_trim(&v->tree->cache);
    must(!v->root.node);
    if (!ne)
        return ERR_BUSY;
    ne->key = arena_copy(a, key);
    *out    = (struct ics23_proof){ ICS23_NONEXIST, { .nonexist = ne } };
    if (v->root.size == 0)
        return OK;
    e = descend(&p, v->tree, v->root, BY_KEY, key);
    if (e)
        return e;
    if (!span_eq(node_key(p.leaf), key))
        return prove_absence(ne, &p, v->tree, a);
    *out = (struct ics23_proof){ ICS23_EXIST, { .exist = exist_of(&p, a) } };
    return out->exist ? OK : ERR_BUSY;
}
