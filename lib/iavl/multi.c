#include "iavl/multi.h"

#include "ics23/multistore.h"

size_t multi_find(const struct multi *m, struct span name)
{
    size_t i = 0;

    while (i < m->n && !span_eq(span_str(m->v[i].name), name))
        i++;
    return i;
}

/* Names with the roots of a version. */
static enum err roots_of(struct store_root   roots[MULTI_STORES_MAX],
                         const struct multi *m, int64_t version,
                         struct arena *a)
{
    must(m->n <= MULTI_STORES_MAX);
    for (size_t i = 0; i < m->n; i++) {
        struct iavl_view v;
        struct hash      h;
        enum err         e = iavl_at(&v, m->v[i].tree, version);

        if (e)
            return e;
        h        = iavl_root(&v);
        roots[i] = (struct store_root){ span_str(m->v[i].name),
                                        arena_copy(a, hash_span(&h)) };
        if (!roots[i].root.p)
            return ERR_BUSY;
    }
    return OK;
}

enum err multi_hash(struct hash *app_hash, const struct multi *m,
                    int64_t version, struct arena *a)
{
    struct store_root roots[MULTI_STORES_MAX];
    enum err          e = roots_of(roots, m, version, a);

    if (e)
        return e;
    return multistore_hash(app_hash, roots, m->n, a) ? OK : ERR_BUSY;
}

enum err multi_seal(struct hash *app_hash, const struct multi *m,
                    int64_t version, struct arena *a)
{
    struct store_root roots[MULTI_STORES_MAX];
    struct hash       h[MULTI_STORES_MAX];

    must(m->n <= MULTI_STORES_MAX);
    for (size_t i = 0; i < m->n; i++) {
        iavl_seal(m->v[i].tree, version, &h[i]);
        roots[i] =
            (struct store_root){ span_str(m->v[i].name), hash_span(&h[i]) };
    }
    return multistore_hash(app_hash, roots, m->n, a) ? OK : ERR_BUSY;
}

enum err multi_prove(struct abci_proof_ops *out, const struct multi *m,
                     size_t i, int64_t version, struct span key,
                     struct arena *a)
{
    struct store_root     roots[MULTI_STORES_MAX];
    struct span           name = span_str(m->v[i].name);
    struct abci_proof_op *op   = arena_newn(a, struct abci_proof_op, 2);
    struct ics23_proof    inner, outer;
    struct iavl_view      v;
    enum err              e = roots_of(roots, m, version, a);

    if (e == OK)
        e = iavl_at(&v, m->v[i].tree, version);
    if (e == OK)
        e = iavl_prove(&inner, &v, key, a);
    if (e)
        return e;
    if (!op || !multistore_proof(&outer, roots, m->n, name, a))
        return ERR_BUSY;
    op[0] = (struct abci_proof_op){ span_str("ics23:iavl"), key,
                                    pb_encode(&ics23_proof_desc, &inner, a) };
    op[1] = (struct abci_proof_op){ span_str("ics23:simple"), name,
                                    pb_encode(&ics23_proof_desc, &outer, a) };
    *out  = (struct abci_proof_ops){ .ops = { op, 2 } };
    return op[0].data.p && op[1].data.p ? OK : ERR_BUSY;
}
