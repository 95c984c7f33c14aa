/* Canonical JSON.
 *
 * Properties: what is canonical is JSON to an independent parser, without
 * duplicate names and within the depth; a blank anywhere outside a string
 * makes it refused; what is refused has a place within the text. */
#include "fuzz.h"

#include "ledger/limits.h"
#include "ledger/value.h"
#include "json/read.h"

static int depth_of(const struct json_value *v)
{
    const struct json_value *inner;
    const char              *key;
    void                    *at   = NULL;
    int                      most = 0;

    if (json_is(v, JV_ARRAY)) {
        for (size_t i = 0; i < json_count(v); i++) {
            int d = depth_of(json_item(v, i));

            most = d > most ? d : most;
        }
        return most + 1;
    }
    if (!json_is(v, JV_OBJECT))
        return 0;
    while (json_each(v, &at, &key, &inner)) {
        int d = depth_of(inner);

        most = d > most ? d : most;
    }
    return most + 1;
}

static void check_blank(struct span in)
{
    uint8_t *p = arena_alloc(&fuzz_arena, in.n + 1);
    size_t   at;

    must(p);
    memcpy(p, in.p, in.n);
    p[in.n] = ' ';
    must(value_check(SPAN(p, in.n + 1), &at) != NULL);
}

void fuzz_one(struct span in)
{
    struct json_doc d;
    size_t          at;

    if (value_check(in, &at)) {
        must(at <= in.n);
        return;
    }
    must(in.n > 0 && at == in.n);
    check_blank(in);
    if (memmem(in.p, in.n, "\\u0000", 6))
        return; /* canonical, but the other parser takes no zero in a name */
    must(json_doc_parse(&d, in, JSON_KEYS_UNIQUE) == ACCEPT);
    must(depth_of(d.root) <= VALUE_DEPTH_MAX);
    json_doc_fini(&d);
}
