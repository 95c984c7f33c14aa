/* Commitment proofs: nobody proves both that a key is there and that it is
 * not.
 *
 * Properties: what decodes encodes to itself; a proof that holds leads to
 * its root and to no other; the neighbours of an absent key exist, and stand
 * on either side of it; the same key is not proved to be there. */
#include "fuzz.h"

#include "ics23/ics23.h"

static void check_member(enum ics23_spec spec, const struct ics23_proof *p,
                         struct span root)
{
    const struct ics23_exist *e = p->exist;
    struct hash               other;

    if (!ics23_member(spec, root, p, e->key, e->value, &fuzz_arena))
        return;
    must(e->key.n && e->value.n && e->leaf && e->path.n <= ICS23_STEPS_MAX);
    memcpy(other.b, root.p, HASH_BYTES);
    other.b[7] ^= 1;
    must(!ics23_member(spec, hash_span(&other), p, e->key, e->value,
                       &fuzz_arena));
    must(!ics23_absent(spec, root, p, e->key, &fuzz_arena));
}

static void check_side(enum ics23_spec spec, struct span root,
                       struct ics23_exist *e, struct span key, int order)
{
    struct ics23_proof p = { ICS23_EXIST, { .exist = e } };
    int                c;

    if (!e)
        return;
    c = span_cmp(key, e->key);
    must(order < 0 ? c < 0 : c > 0);
    must(ics23_member(spec, root, &p, e->key, e->value, &fuzz_arena));
}

static void check_absent(enum ics23_spec spec, const struct ics23_proof *p,
                         struct span root, struct span key)
{
    struct ics23_nonexist *ne = p->nonexist;

    if (!ics23_absent(spec, root, p, key, &fuzz_arena))
        return;
    must(ne->left || ne->right);
    check_side(spec, root, ne->left, key, 1);
    check_side(spec, root, ne->right, key, -1);
    must(!ics23_member(spec, root, p, key, key, &fuzz_arena));
}

void fuzz_one(struct span in)
{
    struct ics23_proof p;
    struct hash        root;

    if (!fuzz_decode(&ics23_proof_desc, &p, in))
        return;
    memset(root.b, 0, sizeof root.b);
    (void)!ics23_root(&root, &p);
    for (enum ics23_spec s = ICS23_IAVL; s <= ICS23_SIMPLE; s++) {
        if (p.which == ICS23_EXIST)
            check_member(s, &p, hash_span(&root));
        if (p.which == ICS23_NONEXIST)
            check_absent(s, &p, hash_span(&root), p.nonexist->key);
        must(!ics23_member(s, SPAN("", 0), &p, in, in, &fuzz_arena));
        must(!ics23_absent(s, SPAN("", 0), &p, in, &fuzz_arena));
    }
}
