/* vec_model - values of the model out of vector cases. */
#ifndef WARREN_VEC_MODEL_H
#define WARREN_VEC_MODEL_H

#include "test.h"

#include "model/block.h"
#include "model/validators.h"

#define A (&test_arena)

static inline const json_t *vec_at(const json_t *c, const char *key)
{
    const json_t *v = json_object_get(c, key);

    must(v != NULL);
    return v;
}

static inline int64_t json_int64(const json_t *v)
{
    json_t *boxed = json_pack("{sO}", "v", v);
    int64_t n     = vec_int(boxed, "v");

    json_decref(boxed);
    return n;
}

static inline struct stamp vec_stamp(const json_t *c, const char *key)
{
    const json_t *t = vec_at(c, key);

    return (struct stamp){ vec_int(t, "seconds"),
                           (int32_t)vec_int(t, "nanos") };
}

static inline struct block_id vec_block_id(const json_t *c, const char *key)
{
    const json_t *b = vec_at(c, key);

    return (struct block_id){
        .hash            = vec_hex(b, "hash", A),
        .part_set_header = { (uint32_t)vec_int(b, "psh_total"),
                             vec_hex(b, "psh_hash", A) },
    };
}

static inline struct hash vec_hash(const json_t *c, const char *key)
{
    struct span s = vec_hex(c, key, A);
    struct hash h = { { 0 } };

    must(s.n == HASH_BYTES);
    memcpy(h.b, s.p, s.n);
    return h;
}

static inline enum key_type key_type_of(const char *name)
{
    return strcmp(name, "secp256k1") == 0 ? KEY_TYPE_SECP256K1
                                          : KEY_TYPE_ED25519;
}

/* [key type, pub key, power, address], or an object with those names. */
static inline struct val json_val(const json_t *v)
{
    struct val  out    = { 0 };
    bool        is_obj = json_is_object(v);
    const char *type   = !is_obj ? json_string_value(json_array_get(v, 0))
                         : vec_has(v, "key_type") ? vec_str(v, "key_type")
                                                  : "ed25519";
    struct span key =
        is_obj ? vec_hex(v, "pub_key", A)
               : hex_span(json_string_value(json_array_get(v, 1)), A);
    struct span address =
        is_obj ? vec_hex(v, "address", A)
               : hex_span(json_string_value(json_array_get(v, 3)), A);

    must(pubkey_make(&out.key, key_type_of(type), key));
    out.power = is_obj ? vec_int(v, "power") : json_int64(json_array_get(v, 2));
    must(address.n == ADDRESS_BYTES);
    memcpy(out.address, address.p, ADDRESS_BYTES);
    return out;
}

/* A set in the order given, which need not be that of a valid set. */
static inline struct validators vec_set(const json_t *c, const char *key)
{
    const json_t     *list = vec_at(c, key);
    size_t            n    = json_array_size(list);
    struct validators s    = { .v = arena_newn(A, struct val, n), .n = n };

    for (size_t i = 0; i < n; i++) {
        s.v[i] = json_val(json_array_get(list, i));
        s.total += s.v[i].power;
    }
    return s;
}

#define DECODE(desc, value, bytes)                                             \
    (pb_decode(&(desc), (value), A, (bytes)) == ACCEPT)

#endif
