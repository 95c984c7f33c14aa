#include "crypto/merkle.h"
#include "test.h"

static const struct span *leaves(const json_t *list, size_t *n)
{
    struct span *leaf;

    *n   = json_array_size(list);
    leaf = arena_newn(&test_arena, struct span, *n);
    must(leaf != NULL);
    for (size_t i = 0; i < *n; i++)
        leaf[i] =
            hex_span(json_string_value(json_array_get(list, i)), &test_arena);
    return leaf;
}

static void check_tree(const json_t *c)
{
    const char          *name = vec_str(c, "name");
    size_t               n;
    const struct span   *leaf = leaves(json_object_get(c, "items"), &n);
    struct merkle_proof *p;
    struct hash         *h, root, by_hash, by_proofs;
    bool                 all = true;

    p = arena_newn(&test_arena, struct merkle_proof, n);
    h = arena_newn(&test_arena, struct hash, n);
    must(p && h);
    for (size_t i = 0; i < n; i++)
        merkle_leaf(&h[i], leaf[i]);
    merkle_root(&root, leaf, n);
    merkle_root_hashes(&by_hash, h, n);
    must(merkle_proofs(&by_proofs, p, leaf, n, &test_arena));
    for (size_t i = 0; i < n; i++)
        all = all && merkle_verify(hash_span(&root), leaf[i], &p[i]);
    CHECK_BYTES(hash_span(&root), vec_hex(c, "hash", &test_arena), "%s", name);
    CHECK_BYTES(hash_span(&by_hash), hash_span(&root), "%s by hashes", name);
    CHECK_BYTES(hash_span(&by_proofs), hash_span(&root), "%s by proofs", name);
    CHECK(all, "%s: every proof made verifies", name);
}

static void check_proof(const json_t *c)
{
    const json_t       *j    = json_object_get(c, "proof");
    struct merkle_proof p    = { .total = vec_int(j, "total"),
                                 .index = vec_int(j, "index"),
                                 .leaf_hash =
                                     vec_hex(j, "leaf_hash", &test_arena) };
    struct span         root = vec_hex(c, "root", &test_arena);

    p.aunts = leaves(json_object_get(j, "aunts"), &p.aunt_count);
    if (vec_bool(c, "root_is_nil"))
        root = (struct span){ NULL, 0 };
    CHECK_EQ(merkle_verify(root, vec_hex(c, "leaf", &test_arena), &p),
             vec_bool(c, "ok"), "%s", vec_str(c, "name"));
}

TEST(trees_and_proofs_are_those_of_the_vectors)
{
    json_t *v = vectors_open("hashes"), *c;
    size_t  i, trees = 0, proofs = 0;

    json_array_foreach(v, i, c)
    {
        if (strcmp(vec_str(c, "kind"), "merkle_tree") == 0) {
            check_tree(c);
            trees++;
        }
        if (strcmp(vec_str(c, "kind"), "merkle_proof") == 0) {
            check_proof(c);
            proofs++;
        }
    }
    CHECK_EQ(trees, 22, "trees");
    CHECK_EQ(proofs, 195, "proofs");
    json_decref(v);
}

TEST(a_full_arena_makes_no_proofs)
{
    struct span         leaf[100] = { { NULL, 0 } };
    struct merkle_proof p[100];
    uint8_t             mem[2048];
    struct arena        small;
    struct hash         root;

    arena_use(&small, mem, sizeof mem);
    CHECK(!merkle_proofs(&root, p, leaf, COUNT(leaf), &small));
}

TEST(a_proof_for_the_largest_tree_ends)
{
    struct merkle_proof p = { .total = INT64_MAX, .index = INT64_MAX - 1 };
    struct span         aunts[AUNTS_MAX];
    struct hash         root = { { 0 } };

    for (size_t i = 0; i < COUNT(aunts); i++)
        aunts[i] = hash_span(&root);
    p.aunts     = aunts;
    p.leaf_hash = hash_span(&root);
    for (p.aunt_count = 0; p.aunt_count < AUNTS_MAX; p.aunt_count++)
        CHECK_EQ(merkle_proof_root(&root, &p), p.aunt_count == 62, "%zu aunts",
                 p.aunt_count);
}
