/* Chains of proof operators, along the path that their keys make.
 *
 * Properties: what is proved under one app hash is not proved under another;
 *             a value and its absence are not both proved; every refusal
 *             has a reason, and nothing that is proved has one. */
#include "fuzz.h"

#include "ics23/ops.h"

/* The root that the last operator leads to. */
static bool last_root(struct hash *root, const struct abci_proof_ops *ops)
{
    struct ics23_proof p;

    return ops->ops.n &&
           pb_decode(&ics23_proof_desc, &p, &fuzz_arena,
                     ops->ops.v[ops->ops.n - 1].data) == ACCEPT &&
           ics23_root(root, &p);
}

/* The value that the first operator names, if it is of existence. */
static struct span first_value(const struct abci_proof_ops *ops)
{
    struct ics23_proof p;

    if (ops->ops.n &&
        pb_decode(&ics23_proof_desc, &p, &fuzz_arena, ops->ops.v[0].data) ==
            ACCEPT &&
        p.which == ICS23_EXIST)
        return p.exist->value;
    return span_str("value");
}

/* The keys from the last operator to the first. */
static struct span own_path(const struct abci_proof_ops *ops)
{
    struct buf b;
    size_t     n = 1;

    for (size_t i = 0; i < ops->ops.n; i++)
        n += 3 + 2 * ops->ops.v[i].key.n;
    buf_use(&b, arena_alloc(&fuzz_arena, n), n);
    for (size_t i = ops->ops.n; i-- > 0;) {
        if (ops->ops.v[i].key.n == 0)
            continue;
        buf_str(&b, "/x:");
        buf_hex(&b, ops->ops.v[i].key);
    }
    must(!b.is_full);
    return buf_span(&b);
}

void fuzz_one(struct span in)
{
    struct abci_proof_ops ops;
    struct span           path, value;
    struct hash           root = { { 0 } };
    const char           *why;
    bool                  is_member, is_absent;

    if (!fuzz_decode(&abci_proof_ops_desc, &ops, in))
        return;
    (void)!last_root(&root, &ops);
    path  = own_path(&ops);
    value = first_value(&ops);
    is_member =
        ops_member(&ops, hash_span(&root), path, value, &fuzz_arena, &why);
    must(is_member == !why);
    is_absent = ops_absent(&ops, hash_span(&root), path, &fuzz_arena, &why);
    must(is_absent == !why);
    must(!is_member || !is_absent);
    root.b[0] ^= 1;
    must(!ops_member(&ops, hash_span(&root), path, value, &fuzz_arena, &why));
    must(!ops_absent(&ops, hash_span(&root), path, &fuzz_arena, &why));
}
