/* ICS-23 verdicts, operator chains and the multistore, against the Go
 * libraries' own answers. */
#include "test.h"

#include "ics23/multistore.h"
#include "ics23/ops.h"

/* A proof through the decoder, verified as the case asks. */
static bool verdict(const json_t *c)
{
    struct arena      *a     = &test_arena;
    enum ics23_spec    spec  = vec_has(c, "spec") ? ICS23_SIMPLE : ICS23_IAVL;
    struct span        root  = vec_hex(c, "root", a);
    struct span        key   = vec_hex(c, "key", a);
    struct span        bytes = vec_hex(c, "proof", a);
    struct ics23_proof p;

    if (pb_decode(&ics23_proof_desc, &p, a, bytes) != ACCEPT)
        return false;
    if (strcmp(vec_str(c, "kind"), "exist") == 0)
        return ics23_member(spec, root, &p, key, vec_hex(c, "value", a), a);
    return ics23_absent(spec, root, &p, key, a);
}

static void verdicts_of(const char *list)
{
    json_t       *all = vectors_open("ledger/ics23");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(all, list), i, c)
    {
        arena_reset(&test_arena);
        if (strcmp(vec_str(c, "kind"), "none") == 0) {
            CHECK_EQ(verdict(c), false, "%s", vec_str(c, "name"));
            continue;
        }
        CHECK_EQ(verdict(c), vec_bool(c, "ok"), "%s: %s", vec_str(c, "name"),
                 vec_str(c, "error"));
    }
    json_decref(all);
}

TEST(valid_proofs_hold)
{
    verdicts_of("valid");
}

TEST(corrupted_proofs_get_the_librarys_verdict)
{
    verdicts_of("corrupted");
}

TEST(special_proofs_get_the_librarys_verdict)
{
    verdicts_of("special");
}

TEST(valid_proofs_are_encoded_to_the_same_bytes)
{
    json_t       *all = vectors_open("ledger/ics23");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(all, "valid"), i, c)
    {
        struct span        bytes;
        struct ics23_proof p;

        arena_reset(&test_arena);
        bytes = vec_hex(c, "proof", &test_arena);
        if (CHECK_EQ(pb_decode(&ics23_proof_desc, &p, &test_arena, bytes),
                     ACCEPT, "%s", vec_str(c, "name")))
            CHECK_BYTES(pb_encode(&ics23_proof_desc, &p, &test_arena), bytes,
                        "%s", vec_str(c, "name"));
    }
    json_decref(all);
}

/* ---- operator chains ---- */

static bool chain_verdict(const json_t *c)
{
    struct arena         *a = &test_arena;
    struct abci_proof_ops ops;
    struct span           root  = vec_hex(c, "app_hash", a);
    struct span           path  = span_str(vec_str(c, "keypath"));
    struct span           bytes = vec_hex(c, "proof_ops", a);
    const char           *why;

    if (pb_decode(&abci_proof_ops_desc, &ops, a, bytes) != ACCEPT)
        return false;
    if (strcmp(vec_str(c, "kind"), "exist") == 0)
        return ops_member(&ops, root, path, vec_hex(c, "value", a), a, &why);
    return ops_absent(&ops, root, path, a, &why);
}

static void chains_of(const char *list)
{
    json_t       *all = vectors_open("ledger/proof_ops");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(all, list), i, c)
    {
        arena_reset(&test_arena);
        if (vec_has(c, "stage"))
            continue; /* refused queries: see test_ledger */
        CHECK_EQ(chain_verdict(c), vec_bool(c, "ok"), "%s: %s",
                 vec_str(c, "name"), vec_str(c, "error"));
    }
    json_decref(all);
}

TEST(operator_chains_of_a_multistore_hold)
{
    chains_of("cases");
}

TEST(corrupted_operator_chains_get_the_librarys_verdict)
{
    chains_of("corrupted");
}

TEST(key_paths_are_printed_as_queries_print_them)
{
    json_t       *all = vectors_open("ledger/proof_ops");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(all, "cases"), i, c)
    {
        struct buf b;
        char       mem[1024];

        if (!vec_has(c, "keypath"))
            continue;
        buf_use(&b, mem, sizeof mem);
        ops_keypath(&b, span_str(vec_str(c, "store")),
                    vec_hex(c, "key", &test_arena));
        CHECK_STR(buf_cstr(&b), vec_str(c, "keypath"), "%s",
                  vec_str(c, "name"));
    }
    json_decref(all);
}

/* ---- multistore ---- */

static struct store_root *roots_of(const json_t *c, size_t *n)
{
    const json_t      *stores = json_object_get(c, "stores"), *s;
    struct store_root *v;
    size_t             i;

    *n = json_array_size(stores);
    v  = arena_newn(&test_arena, struct store_root, *n);
    json_array_foreach(stores, i, s)
    {
        v[i].name = span_str(vec_str(s, "name"));
        v[i].root = vec_hex(s, "root", &test_arena);
    }
    return v;
}

static void check_store_proof(const json_t *c, const json_t *p,
                              const struct store_root *v, size_t n,
                              const struct hash *app_hash)
{
    struct span        name = span_str(vec_str(p, "store")), root = { 0 };
    struct ics23_proof got;
    struct span        bytes;

    for (size_t i = 0; i < n; i++)
        if (span_eq(v[i].name, name))
            root = v[i].root;
    if (!CHECK(multistore_proof(&got, v, n, name, &test_arena), "%s",
               vec_str(c, "name")))
        return;
    bytes = pb_encode(&ics23_proof_desc, &got, &test_arena);
    CHECK_BYTES(bytes, vec_hex(p, "data", &test_arena), "%s: store %s",
                vec_str(c, "name"), vec_str(p, "store"));
    CHECK_EQ(ics23_member(ICS23_SIMPLE, hash_span(app_hash), &got, name, root,
                          &test_arena),
             vec_bool(p, "ok"), "%s: %s", vec_str(c, "name"),
             vec_str(p, "error"));
}

TEST(multistores_have_the_sdks_app_hash_and_proofs)
{
    json_t       *all = vectors_open("ledger/multistore");
    const json_t *c, *p;
    size_t        i, k;

    json_array_foreach(json_object_get(all, "cases"), i, c)
    {
        struct store_root *v;
        struct hash        app_hash;
        size_t             n;

        arena_reset(&test_arena);
        v = roots_of(c, &n);
        CHECK(multistore_hash(&app_hash, v, n, &test_arena));
        CHECK_BYTES(hash_span(&app_hash), vec_hex(c, "app_hash", &test_arena),
                    "%s", vec_str(c, "name"));
        json_array_foreach(json_object_get(c, "proofs"), k, p)
            check_store_proof(c, p, v, n, &app_hash);
    }
    json_decref(all);
}

TEST(commit_infos_are_encoded_to_the_same_bytes)
{
    json_t       *all = vectors_open("ledger/multistore");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(all, "cases"), i, c)
    {
        struct span        bytes;
        struct commit_info info;

        arena_reset(&test_arena);
        bytes = vec_hex(c, "commit_info", &test_arena);
        if (CHECK_EQ(pb_decode(&commit_info_desc, &info, &test_arena, bytes),
                     ACCEPT, "%s", vec_str(c, "name")))
            CHECK_BYTES(pb_encode(&commit_info_desc, &info, &test_arena), bytes,
                        "%s", vec_str(c, "name"));
    }
    json_decref(all);
}

TEST(an_absence_proof_needs_both_neighbours_to_be_neighbours)
{
    struct ics23_proof p = { .which = 0 };
    struct hash        root;

    CHECK(!ics23_member(ICS23_IAVL, SPAN("", 0), &p, span_str("k"),
                        span_str("v"), &test_arena),
          "a proof without content");
    CHECK(!ics23_root(&root, &p), "leads nowhere");
}
