/* The tree against the original library: roots, shapes and nodes after every
 * version, proofs; then our own storage: reopening, pruning, damage. */
#include "test.h"

#include "iavl/multi.h"

#include <stdio.h>
#include <stdlib.h>

enum { CACHE_SMALL = 4096, CACHE_LARGE = 64 << 20 };

struct fixture {
    struct iavl_mem *mem;
    struct iavl     *tree;
};

static void open_tree(struct fixture *f, size_t cache)
{
    must(iavl_open(&f->tree, "test", iavl_mem_db(f->mem), cache) == OK);
}

static struct fixture fixture_new(size_t cache)
{
    struct fixture f = { .mem = iavl_mem_new() };

    open_tree(&f, cache);
    return f;
}

static void fixture_free(struct fixture *f)
{
    iavl_close(f->tree);
    iavl_mem_free(f->mem);
}

static struct hash save(struct iavl *t, int64_t version)
{
    struct hash root;

    iavl_seal(t, version, &root);
    must(iavl_write(t) == OK);
    iavl_publish(t);
    return root;
}

static int64_t next_version(const struct iavl *t, int64_t initial)
{
    if (iavl_version(t))
        return iavl_version(t) + 1;
    return initial ? initial : 1;
}

/* ---- the library's cases ---- */

static void apply_op(struct iavl *t, const json_t *op, const char *name)
{
    struct iavl_view w   = iavl_working(t);
    struct span      key = vec_hex(op, "key", &test_arena), old = { 0 };
    bool             was_there;
    enum err         e;

    if (strcmp(vec_str(op, "op"), "set") == 0) {
        e = iavl_set(t, key, vec_hex(op, "value", &test_arena), &was_there);
        CHECK(e == OK && was_there == vec_bool(op, "updated"), "%s: set", name);
        return;
    }
    if (iavl_get(&w, key, &old) == OK)
        old = arena_copy(&test_arena, old);
    e = iavl_remove(t, key, &was_there);
    CHECK(e == OK && was_there == vec_bool(op, "removed"), "%s: remove", name);
    if (was_there)
        CHECK_BYTES(old, vec_hex(op, "old", &test_arena), "%s: old", name);
}

struct walk {
    const json_t *nodes;
    const char   *name;
    size_t        at;
};

static void check_node(void *ctx, const struct iavl_seen *n)
{
    struct walk  *w    = ctx;
    const json_t *want = json_array_get(w->nodes, w->at++);
    struct hash   digest;

    if (!CHECK(want != NULL, "%s: a node too many", w->name))
        return;
    CHECK(n->ref.version == vec_int(want, "version") &&
              n->ref.nonce == vec_uint(want, "nonce") &&
              n->ref.height == vec_int(want, "height") &&
              n->ref.size == vec_int(want, "size"),
          "%s: node %zu", w->name, w->at - 1);
    CHECK_BYTES(n->key, vec_hex(want, "key", &test_arena), "%s: key", w->name);
    CHECK_BYTES(hash_span(&n->ref.hash), vec_hex(want, "hash", &test_arena),
                "%s: hash", w->name);
    if (!n->value.p)
        return;
    sha256(&digest, n->value);
    CHECK_BYTES(hash_span(&digest), vec_hex(want, "value_hash", &test_arena),
                "%s: value", w->name);
}

static void check_version(const struct iavl_view *v, const json_t *want,
                          const char *name)
{
    struct hash root = iavl_root(v);

    CHECK_BYTES(hash_span(&root), vec_hex(want, "root", &test_arena), "%s: %s",
                name, vec_str(want, "version"));
    CHECK_EQ(v->root.height, vec_int(want, "height"), "%s", name);
    CHECK_EQ(v->root.size, vec_int(want, "size"), "%s", name);
    if (vec_has(want, "nodes")) {
        struct walk w = { json_object_get(want, "nodes"), name, 0 };

        CHECK_EQ(iavl_walk(v, check_node, &w), OK, "%s", name);
        CHECK_EQ(w.at, json_array_size(w.nodes), "%s: nodes", name);
    }
}

static void run_case(const json_t *c, size_t cache)
{
    const json_t    *versions = json_object_get(c, "versions"), *v, *op;
    const char      *name     = vec_str(c, "name");
    struct fixture   f        = fixture_new(cache);
    struct iavl_view view;
    size_t           i, k;

    json_array_foreach(versions, i, v)
    {
        int64_t version = next_version(f.tree, vec_int(c, "initial_version"));

        json_array_foreach(json_object_get(v, "ops"), k, op)
            apply_op(f.tree, op, name);
        CHECK_EQ(version, vec_int(v, "version"), "%s", name);
        save(f.tree, version);
        view = iavl_latest(f.tree);
        check_version(&view, v, name);
    }
    iavl_close(f.tree); /* every version is still there, from storage alone */
    open_tree(&f, cache);
    json_array_foreach(versions, i, v)
    {
        CHECK_EQ(iavl_at(&view, f.tree, vec_int(v, "version")), OK);
        check_version(&view, v, name);
    }
    fixture_free(&f);
}

static void run_cases(size_t cache)
{
    json_t       *all = vectors_open("ledger/iavl");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(all, "cases"), i, c)
    {
        arena_reset(&test_arena);
        run_case(c, cache);
    }
    json_decref(all);
}

TEST(every_version_has_the_librarys_root_and_nodes)
{
    run_cases(CACHE_LARGE);
}

TEST(a_cache_of_a_few_nodes_changes_nothing)
{
    run_cases(CACHE_SMALL);
}

/* ---- the large trees ---- */

static struct span recipe_key(size_t i, struct hash *h)
{
    char text[24];
    int  n = snprintf(text, sizeof text, "%zu", i);

    sha256(h, SPAN(text, (size_t)n));
    return SPAN(h->b, 12);
}

static struct span recipe_value(size_t i, char text[32])
{
    int n = snprintf(text, 32, "value-%zu", i);

    return SPAN(text, (size_t)n);
}

static void recipe_insert(struct iavl *t, size_t i)
{
    struct hash h;
    char        text[32];

    must(iavl_set(t, recipe_key(i, &h), recipe_value(i, text), NULL) == OK);
}

static void run_recipe(const json_t *r)
{
    const json_t  *versions = json_object_get(r, "versions"), *v;
    struct fixture f        = fixture_new(CACHE_LARGE);
    size_t         n        = (size_t)vec_uint(r, "keys"), k;

    for (size_t i = 0; i < n; i++) {
        recipe_insert(f.tree, i);
        if (i + 1 == n || (i + 1) % 1000 == 0)
            save(f.tree, next_version(f.tree, 0));
    }
    json_array_foreach(versions, k, v)
    {
        struct iavl_view view;

        CHECK_EQ(iavl_at(&view, f.tree, vec_int(v, "version")), OK);
        check_version(&view, v, "recipe");
    }
    fixture_free(&f);
}

TEST(trees_of_up_to_100000_keys_have_the_librarys_roots)
{
    json_t       *all = vectors_open("ledger/iavl");
    const json_t *r;
    size_t        i;

    json_array_foreach(json_object_get(all, "recipes"), i, r) run_recipe(r);
    json_decref(all);
}

/* ---- proofs ---- */

static void check_proof(struct iavl *t, const json_t *c)
{
    struct iavl_view   v   = iavl_latest(t);
    struct span        key = vec_hex(c, "key", &test_arena);
    struct ics23_proof p;

    if (!CHECK_EQ(iavl_prove(&p, &v, key, &test_arena), OK, "%s",
                  vec_str(c, "name")))
        return;
    CHECK_BYTES(pb_encode(&ics23_proof_desc, &p, &test_arena),
                vec_hex(c, "proof", &test_arena), "%s", vec_str(c, "name"));
}

/* Trees of n keys by the recipe, all in one version or as in recipes. */
TEST(proofs_are_the_librarys_bytes)
{
    json_t        *all = vectors_open("ledger/ics23");
    const json_t  *c;
    struct fixture f    = { 0 };
    size_t         have = 0, i;

    json_array_foreach(json_object_get(all, "valid"), i, c)
    {
        size_t n = (size_t)vec_uint(c, "keys");

        arena_reset(&test_arena);
        if (n != have) {
            if (f.tree)
                fixture_free(&f);
            f = fixture_new(CACHE_SMALL);
            for (have = 0; have < n; have++) {
                recipe_insert(f.tree, have);
                if (have + 1 == n || (have + 1) % 1000 == 0)
                    save(f.tree, next_version(f.tree, 0));
            }
        }
        check_proof(f.tree, c);
    }
    fixture_free(&f);
    json_decref(all);
}

TEST(what_the_library_refuses_is_refused)
{
    json_t          *all     = vectors_open("ledger/iavl");
    json_t          *refused = json_object_get(all, "refused");
    struct fixture   f       = fixture_new(CACHE_LARGE);
    struct iavl_view w       = iavl_working(f.tree);

    CHECK_EQ(json_array_size(refused), 2, "no other is known");
    CHECK_EQ(iavl_set(f.tree, span_str("a"), (struct span){ 0 }, NULL),
             ERR_USAGE, "%s", vec_str(json_array_get(refused, 0), "name"));
    CHECK_EQ(w.root.size, 0, "nothing was written");
    fixture_free(&f);
    json_decref(all);
}

/* The other one that the library refuses. */
TEST(an_empty_tree_proves_nothing)
{
    struct fixture     f = fixture_new(CACHE_LARGE);
    struct iavl_view   v;
    struct ics23_proof p;
    struct hash        root = save(f.tree, 1);

    v = iavl_latest(f.tree);
    CHECK_EQ(iavl_prove(&p, &v, span_str("k"), &test_arena), OK);
    CHECK(p.which == ICS23_NONEXIST && !p.nonexist->left && !p.nonexist->right,
          "neither side");
    CHECK(!ics23_absent(ICS23_IAVL, hash_span(&root), &p, span_str("k"),
                        &test_arena),
          "refused by every verifier");
    fixture_free(&f);
}

/* ---- several stores, as the multistore of proof_ops.json ---- */

enum { STORES_MAX = 16 };

struct stores {
    struct multi       multi;
    struct multi_store store[STORES_MAX];
    struct fixture     f[STORES_MAX];
};

static struct iavl *store_named(struct stores *s, const char *name)
{
    size_t i = multi_find(&s->multi, span_str(name));

    must(i < s->multi.n);
    return s->store[i].tree;
}

static void stores_open(struct stores *s, const json_t *names)
{
    const json_t *name;
    size_t        i;

    s->multi = (struct multi){ s->store, json_array_size(names) };
    must(s->multi.n <= STORES_MAX);
    json_array_foreach(names, i, name)
    {
        s->f[i] = fixture_new(CACHE_SMALL);
        s->store[i] =
            (struct multi_store){ json_string_value(name), s->f[i].tree };
    }
}

static void check_roots(struct stores *s, const json_t *stores)
{
    const json_t *w;
    size_t        k;

    json_array_foreach(stores, k, w)
    {
        struct iavl_view v    = iavl_latest(store_named(s, vec_str(w, "name")));
        struct hash      root = iavl_root(&v);

        CHECK_BYTES(hash_span(&root), vec_hex(w, "root", &test_arena),
                    "store %s", vec_str(w, "name"));
    }
}

static void stores_replay(struct stores *s, const json_t *heights)
{
    const json_t *h, *w;
    size_t        i, k;

    json_array_foreach(heights, i, h)
    {
        struct hash sealed, app_hash;
        int64_t     height = vec_int(h, "height");

        json_array_foreach(json_object_get(h, "writes"), k, w)
            must(iavl_set(store_named(s, vec_str(w, "store")),
                          vec_hex(w, "key", &test_arena),
                          vec_hex(w, "value", &test_arena), NULL) == OK);
        must(multi_seal(&sealed, &s->multi, height, &test_arena) == OK);
        for (k = 0; k < s->multi.n; k++) {
            must(iavl_write(s->store[k].tree) == OK);
            iavl_publish(s->store[k].tree);
        }
        must(multi_hash(&app_hash, &s->multi, height, &test_arena) == OK);
        CHECK(hash_eq(&sealed, &app_hash), "sealed and stored");
        CHECK_BYTES(hash_span(&app_hash), vec_hex(h, "app_hash", &test_arena),
                    "height %s", vec_str(h, "height"));
        check_roots(s, json_object_get(h, "stores"));
    }
}

static void check_chain(struct stores *s, const json_t *c)
{
    size_t store = multi_find(&s->multi, span_str(vec_str(c, "store")));
    struct abci_proof_ops ops;

    must(multi_prove(&ops, &s->multi, store, vec_int(c, "response_height"),
                     vec_hex(c, "key", &test_arena), &test_arena) == OK);
    CHECK_BYTES(pb_encode(&abci_proof_ops_desc, &ops, &test_arena),
                vec_hex(c, "proof_ops", &test_arena), "%s", vec_str(c, "name"));
}

TEST(multistores_give_the_sdks_hashes_and_proof_operators)
{
    json_t       *all = vectors_open("ledger/proof_ops");
    const json_t *s, *c;
    size_t        i, k, proved = 0;

    json_array_foreach(json_object_get(all, "stores"), i, s)
    {
        struct stores stores;

        arena_reset(&test_arena);
        stores_open(&stores, json_object_get(s, "names"));
        stores_replay(&stores, json_object_get(s, "heights"));
        json_array_foreach(json_object_get(all, "cases"), k, c)
        {
            if (vec_uint(c, "stores") != stores.multi.n || vec_has(c, "stage"))
                continue; /* of another multistore, or refused */
            check_chain(&stores, c);
            proved++;
        }
        for (k = 0; k < stores.multi.n; k++)
            fixture_free(&stores.f[k]);
    }
    CHECK_EQ(proved, 45, "every case that was answered");
    json_decref(all);
}

/* ---- storage ---- */

/* A few hundred keys, written and removed by a fixed generator. */
struct model {
    bool     is_set[300];
    uint32_t value[300];
};

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static struct span model_key(size_t i, char text[16])
{
    int n = snprintf(text, 16, "key-%zu", i);

    return SPAN(text, (size_t)n);
}

static void model_step(struct model *m, struct iavl *t, uint64_t *seed)
{
    size_t   i = next_random(seed) % COUNT(m->is_set);
    uint32_t v = next_random(seed);
    char     text[16];
    bool     was_there;

    if (v % 3) {
        must(iavl_set(t, model_key(i, text), SPAN(&v, sizeof v), &was_there) ==
             OK);
        m->value[i] = v;
    } else {
        must(iavl_remove(t, model_key(i, text), &was_there) == OK);
    }
    CHECK_EQ(was_there, m->is_set[i], "key %zu", i);
    m->is_set[i] = v % 3 != 0;
}

static void check_model(const struct model *m, const struct iavl_view *v)
{
    char text[16];
    bool is_same = true;

    for (size_t i = 0; i < COUNT(m->is_set); i++) {
        struct span value;
        enum err    e = iavl_get(v, model_key(i, text), &value);

        is_same &= e == (m->is_set[i] ? OK : ERR_NOT_FOUND) &&
                   (e || span_eq(value, SPAN(&m->value[i], 4)));
    }
    CHECK(is_same, "every key of the state");
}

enum { VERSIONS = 40, STEPS = 50 };

TEST(old_versions_stay_as_they_were_until_they_are_pruned)
{
    static struct model m[VERSIONS + 1];
    struct fixture      f    = fixture_new(CACHE_SMALL);
    uint64_t            seed = 1;
    struct iavl_view    v;
    struct hash         root[VERSIONS + 1], again;

    for (int64_t i = 1; i <= VERSIONS; i++) {
        m[i] = m[i - 1];
        for (int k = 0; k < STEPS; k++)
            model_step(&m[i], f.tree, &seed);
        root[i] = save(f.tree, i);
    }
    CHECK_EQ(iavl_prune(f.tree, 21, SIZE_MAX), OK);
    CHECK_EQ(iavl_oldest(f.tree), 21);
    iavl_close(f.tree);
    open_tree(&f, CACHE_SMALL);
    CHECK_EQ(iavl_oldest(f.tree), 21);
    CHECK_EQ(iavl_at(&v, f.tree, 20), ERR_NOT_FOUND, "pruned");
    CHECK_EQ(iavl_at(&v, f.tree, VERSIONS + 1), ERR_NOT_FOUND, "not yet");
    for (int64_t i = 21; i <= VERSIONS; i++) {
        CHECK_EQ(iavl_at(&v, f.tree, i), OK);
        again = iavl_root(&v);
        CHECK(hash_eq(&again, &root[i]), "root of version %" PRId64, i);
        check_model(&m[i], &v);
    }
    fixture_free(&f);
}

static void count_node(void *ctx, const struct iavl_seen *n)
{
    UNUSED(n);
    ++*(size_t *)ctx;
}

TEST(pruning_all_but_the_latest_leaves_exactly_its_nodes)
{
    static struct model m;
    struct fixture      f     = fixture_new(CACHE_SMALL);
    uint64_t            seed  = 2;
    size_t              nodes = 0;
    struct iavl_view    v;

    memset(&m, 0, sizeof m);
    for (int64_t i = 1; i <= VERSIONS; i++) {
        for (int k = 0; k < STEPS; k++)
            model_step(&m, f.tree, &seed);
        save(f.tree, i);
        CHECK_EQ(iavl_prune(f.tree, i - 5, 10), OK, "a little at a time");
        if (i % 15 || !CHECK(iavl_is_pruning(f.tree), "not yet done"))
            continue;
        iavl_close(f.tree); /* in the middle of it */
        open_tree(&f, CACHE_SMALL);
    }
    CHECK_EQ(iavl_prune(f.tree, VERSIONS + 9, SIZE_MAX), OK);
    v = iavl_latest(f.tree);
    check_model(&m, &v);
    CHECK_EQ(iavl_walk(&v, count_node, &nodes), OK);
    CHECK_EQ(iavl_mem_count(f.mem, IAVL_NODES), nodes, "no node is leaked");
    CHECK_EQ(iavl_mem_count(f.mem, IAVL_META), 1, "one root is left");
    fixture_free(&f);
}

TEST(a_rollback_forgets_the_working_tree)
{
    static struct model m;
    struct fixture      f    = fixture_new(CACHE_SMALL);
    uint64_t            seed = 3;
    struct iavl_view    v;
    struct hash         before, again;
    struct model        kept;

    memset(&m, 0, sizeof m);
    for (int k = 0; k < 500; k++)
        model_step(&m, f.tree, &seed);
    save(f.tree, 7);
    kept = m;
    for (int k = 0; k < 500; k++)
        model_step(&m, f.tree, &seed);
    iavl_seal(f.tree, 8, &before);
    iavl_rollback(f.tree);
    v = iavl_working(f.tree);
    check_model(&kept, &v);
    CHECK_EQ(iavl_version(f.tree), 7);
    seed = 3;
    for (int k = 0; k < 1000; k++) /* the same operations once more */
        k < 500                      ? (void)next_random(&seed),
            (void)next_random(&seed) : model_step(&kept, f.tree, &seed);
    again = save(f.tree, 8);
    CHECK(hash_eq(&before, &again), "the same tree again");
    fixture_free(&f);
}

TEST(the_working_tree_is_seen_before_it_is_saved)
{
    struct fixture   f = fixture_new(CACHE_LARGE);
    struct iavl_view w, l;
    struct span      value;

    must(iavl_set(f.tree, span_str("a"), span_str("1"), NULL) == OK);
    w = iavl_working(f.tree);
    l = iavl_latest(f.tree);
    CHECK_EQ(iavl_get(&w, span_str("a"), &value), OK);
    CHECK_BYTES(value, span_str("1"));
    CHECK_EQ(iavl_get(&l, span_str("a"), &value), ERR_NOT_FOUND);
    fixture_free(&f);
}

struct collect {
    struct buf text;
    size_t     limit;
};

static bool collect_key(void *ctx, struct span key, struct span value)
{
    struct collect *c = ctx;

    UNUSED(value);
    buf_add(&c->text, key);
    return --c->limit > 0;
}

TEST(a_range_runs_in_order_between_its_ends)
{
    static const struct {
        const char *from, *to, *want;
        size_t      limit;
    } cases[] = {
        { "", NULL, "abcdefgh", 99 }, { "c", NULL, "cdefgh", 99 },
        { "bb", "f", "cde", 99 },     { "c", "c", "", 99 },
        { "h", NULL, "h", 99 },       { "i", NULL, "", 99 },
        { "", "a", "", 99 },          { "", NULL, "abc", 3 },
    };
    struct fixture   f = fixture_new(CACHE_SMALL);
    struct iavl_view v;

    for (const char *p = "hbdfaceg"; *p; p++)
        must(iavl_set(f.tree, SPAN(p, 1), span_str("v"), NULL) == OK);
    save(f.tree, 1);
    v = iavl_latest(f.tree);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char           mem[32];
        struct collect c = { .limit = cases[i].limit };

        buf_use(&c.text, mem, sizeof mem);
        CHECK_EQ(
            iavl_range(&v, span_str(cases[i].from),
                       cases[i].to ? span_str(cases[i].to) : (struct span){ 0 },
                       collect_key, &c),
            OK);
        CHECK_STR(buf_cstr(&c.text), cases[i].want, "case %zu", i);
    }
    fixture_free(&f);
}

/* Reads everything; the first error that shows. */
static void ignore_node(void *ctx, const struct iavl_seen *n)
{
    UNUSED(ctx);
    UNUSED(n);
}

static enum err read_all(struct fixture *f)
{
    struct iavl_view v;
    enum err         e;

    e = iavl_open(&f->tree, "test", iavl_mem_db(f->mem), CACHE_SMALL);
    if (e)
        return e;
    v = iavl_latest(f->tree);
    e = iavl_walk(&v, ignore_node, NULL);
    iavl_close(f->tree);
    return e;
}

TEST(a_flipped_bit_in_storage_is_found)
{
    struct fixture f    = fixture_new(CACHE_LARGE);
    uint64_t       seed = 4;
    size_t         n;

    for (size_t i = 0; i < 50; i++)
        recipe_insert(f.tree, i);
    save(f.tree, 1);
    iavl_close(f.tree);
    n = iavl_mem_count(f.mem, IAVL_NODES);
    CHECK_EQ(read_all(&f), OK, "whole");
    CHECK_EQ(n, 99);
    for (size_t i = 0; i < 2000; i++) {
        size_t nth = next_random(&seed) % n, bit = next_random(&seed);

        iavl_mem_damage(f.mem, IAVL_NODES, nth, bit);
        CHECK_EQ(read_all(&f), ERR_CORRUPT, "bit %zu of node %zu", bit, nth);
        iavl_mem_damage(f.mem, IAVL_NODES, nth, bit);
    }
    CHECK_EQ(read_all(&f), OK, "whole again");
    iavl_mem_free(f.mem);
}
