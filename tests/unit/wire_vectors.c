#include "wire_vectors.h"

#include "pbjson.h"

#include <stdlib.h>

void wire_value_check(const struct pb_desc *d, const void *msg,
                      const json_t *value, const char *name)
{
    json_t *got  = pb_to_json(d, msg);
    char   *text = json_dumps(got, JSON_COMPACT);

    CHECK(json_equal(got, value), "%s: value %s", name, text);
    free(text);
    json_decref(got);
}

static void check_bytes_again(const struct wire_family *f, const void *msg,
                              const json_t *c, struct span in)
{
    bool is_canonical = vec_has(c, "canonical") && vec_bool(c, "canonical");
    struct span want = is_canonical ? in : vec_hex(c, "reencoded", &test_arena);
    struct span again = pb_encode(f->desc, msg, &test_arena);

    CHECK_BYTES(again, want, "%s: encoded again", vec_str(c, "name"));
}

static void run_case(const struct wire_family *f, const json_t *c)
{
    const char *name = vec_str(c, "name");
    struct span in   = vec_hex(c, "bytes", &test_arena);
    void       *msg  = arena_alloc(&test_arena, f->desc->size);
    enum reject r;

    if (f->filter && vec_has(c, "filter_ok"))
        CHECK_EQ(f->filter(in, c) == ACCEPT, vec_bool(c, "filter_ok"),
                 "%s: filter", name);
    r = pb_decode(f->desc, msg, &test_arena, in);
    CHECK_EQ(r == ACCEPT, vec_bool(c, "decode_ok"), "%s: decode %s", name,
             reject_name(r));
    if (r)
        return;
    check_bytes_again(f, msg, c, in);
    if (vec_has(c, "value"))
        wire_value_check(f->desc, msg, json_object_get(c, "value"), name);
    if (!f->validate || !vec_has(c, "validate_ok"))
        return;
    r = f->validate(msg, &test_arena);
    CHECK_EQ(r == ACCEPT, vec_bool(c, "validate_ok"), "%s: validate %s", name,
             reject_name(r));
}

static bool is_kind(const json_t *c, const char *kind)
{
    return strncmp(vec_str(c, "kind"), kind, strlen(kind)) == 0;
}

void wire_run(const struct wire_family *f)
{
    json_t *all = vectors_open(f->vectors);
    json_t *c;
    size_t  i, n = 0;

    json_array_foreach(all, i, c)
    {
        if (!is_kind(c, f->kind) || !vec_has(c, "decode_ok"))
            continue;
        arena_reset(&test_arena);
        run_case(f, c);
        n++;
    }
    CHECK(n > 0, "%s %s has no case", f->vectors, f->kind);
    json_decref(all);
}

void wire_each(const char *vectors, const char *kind,
               void (*fn)(const json_t *c))
{
    json_t *all = vectors_open(vectors);
    json_t *c;
    size_t  i, n = 0;

    json_array_foreach(all, i, c)
    {
        if (strcmp(vec_str(c, "kind"), kind) != 0)
            continue;
        arena_reset(&test_arena);
        fn(c);
        n++;
    }
    CHECK(n > 0, "%s %s has no case", vectors, kind);
    json_decref(all);
}
