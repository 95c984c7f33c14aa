#include "model/genesis.h"

#include "base/text.h"
#include "json/read.h"

#include <stdarg.h>
#include <stdio.h>

enum { WHY_BYTES = 256 };

/* What a reading goes through: where to allocate and how to complain. */
struct reading {
    struct arena *a;
    const char  **why;
};

static enum reject refuse(struct reading *r, enum reject code, const char *fmt,
                          ...) PRINTF_LIKE(3, 4);
static enum reject refuse(struct reading *r, enum reject code, const char *fmt,
                          ...)
{
    char   *text = arena_alloc(r->a, WHY_BYTES);
    va_list ap;

    *r->why = "no memory";
    if (!text)
        return REJECT_LIMIT;
    va_start(ap, fmt);
    vsnprintf(text, WHY_BYTES, fmt, ap);
    va_end(ap);
    *r->why = text;
    return code;
}

static enum reject refuse_json(struct reading *r, const char *place,
                               const struct json_doc *d)
{
    return refuse(r, REJECT_MALFORMED, "%s%s", place, d->why);
}

static bool is_absent(const struct json_value *v)
{
    return json_is(v, JV_NULL) || !v;
}

/* A 64-bit number in a string, as JSON writes numbers; absent is 0. */
static enum reject read_int(struct reading *r, int64_t *out,
                            const struct json_value *object, const char *place,
                            const char *key)
{
    const struct json_value *v = json_get(object, key);
    struct span              s;
    size_t                   sign;

    *out = 0;
    if (is_absent(v))
        return ACCEPT;
    if (!json_read_str(&s, v))
        return refuse(r, REJECT_MALFORMED,
                      "%s%s: expected a number in quotes, as \"1\"", place,
                      key);
    sign = s.n && s.p[0] == '-';
    if (!int64_parse(out, s) || (s.n > sign + 1 && s.p[sign] == '0'))
        return refuse(r, REJECT_RANGE,
                      "%s%s: found \"%.*s\", expected a 64-bit integer", place,
                      key, (int)(s.n < 40 ? s.n : 40), (const char *)s.p);
    return ACCEPT;
}

/* A string copied into the arena; absent is empty. */
static enum reject read_text(struct reading *r, struct span *out,
                             const struct json_value *object, const char *place,
                             const char *key)
{
    const struct json_value *v = json_get(object, key);
    struct span              s;

    *out = (struct span){ 0 };
    if (is_absent(v))
        return ACCEPT;
    if (!json_read_str(&s, v))
        return refuse(r, REJECT_MALFORMED, "%s%s: expected a string", place,
                      key);
    *out = arena_copy(r->a, s);
    return s.n && !out->p ? refuse(r, REJECT_LIMIT, "no memory") : ACCEPT;
}

static enum reject read_hex(struct reading *r, struct span *out,
                            const struct json_value *object, const char *place,
                            const char *key)
{
    const struct json_value *v = json_get(object, key);

    *out = (struct span){ 0 };
    if (is_absent(v) || json_read_hex(out, v, r->a))
        return ACCEPT;
    return refuse(r, REJECT_MALFORMED, "%s%s: expected hex digits in pairs",
                  place, key);
}

/* ---- parameters ---- */

static enum reject read_key_types(struct reading *r, struct params *p,
                                  const struct json_value *section)
{
    const struct json_value *list = json_get(section, "pub_key_types");
    struct span              names[KEY_TYPES_MAX];
    size_t                   n = json_count(list);

    if (n > KEY_TYPES_MAX || (!is_absent(list) && !json_is(list, JV_ARRAY)))
        return refuse(r, REJECT_LIMIT,
                      "consensus_params.validator.pub_key_types: expected a "
                      "list of at most %d names",
                      KEY_TYPES_MAX);
    for (size_t i = 0; i < n; i++)
        if (!json_read_str(&names[i], json_item(list, i)))
            names[i] = (struct span){ 0 };
    if (!params_set_key_types(p, names, n))
        return refuse(r, REJECT_RANGE,
                      "consensus_params.validator.pub_key_types: expected "
                      "\"ed25519\" or \"secp256k1\"");
    return ACCEPT;
}

static enum reject read_params(struct reading *r, struct params *p,
                               const struct json_value *v)
{
    const struct json_value *block    = json_get(v, "block"),
                            *evidence = json_get(v, "evidence"),
                            *version  = json_get(v, "version"),
                            *abci     = json_get(v, "abci");
    const struct {
        const struct json_value *section;
        const char              *place, *key;
        int64_t                 *out;
    } numbers[] = {
        { block, "consensus_params.block.", "max_bytes", &p->block.max_bytes },
        { block, "consensus_params.block.", "max_gas", &p->block.max_gas },
        { evidence, "consensus_params.evidence.", "max_age_num_blocks",
          &p->evidence.max_age_num_blocks },
        { evidence, "consensus_params.evidence.", "max_age_duration",
          &p->evidence.max_age_duration },
        { evidence, "consensus_params.evidence.", "max_bytes",
          &p->evidence.max_bytes },
        { abci, "consensus_params.abci.", "vote_extensions_enable_height",
          &p->vote_extensions_enable_height },
    };
    const struct json_value *app = json_get(version, "app");
    enum reject              code;

    *p = (struct params){ 0 };
    if (!json_is(v, JV_OBJECT))
        return refuse(r, REJECT_MALFORMED, "consensus_params: expected {...}");
    for (size_t i = 0; i < COUNT(numbers); i++) {
        code = read_int(r, numbers[i].out, numbers[i].section, numbers[i].place,
                        numbers[i].key);
        if (code)
            return code;
    }
    if (!is_absent(app) && !json_read_uint_text(&p->app_version, app))
        return refuse(r, REJECT_MALFORMED,
                      "consensus_params.version.app: expected a number in "
                      "quotes, as \"1\"");
    return read_key_types(r, p, json_get(v, "validator"));
}

/* The rule of params_validate that is broken, in words. */
static enum reject check_params(struct reading *r, const struct params *p)
{
    enum reject code = params_validate(p);
    const char *rule = NULL;

    if (!code)
        return ACCEPT;
    if (p->block.max_bytes == 0 || p->block.max_bytes < -1 ||
        p->block.max_bytes > BLOCK_BYTES_MAX)
        rule = "block.max_bytes: expected -1 or 1 to 104857600";
    else if (p->block.max_gas < -1)
        rule = "block.max_gas: expected -1 or more";
    else if (p->evidence.max_age_num_blocks <= 0)
        rule = "evidence.max_age_num_blocks: expected 1 or more";
    else if (p->evidence.max_age_duration <= 0)
        rule = "evidence.max_age_duration: expected 1 ns or more";
    else if (p->key_type_count == 0)
        rule = "validator.pub_key_types: expected at least one";
    else if (p->vote_extensions_enable_height < 0)
        rule = "abci.vote_extensions_enable_height: expected 0 or more";
    else
        rule = "evidence.max_bytes: expected 0 to block.max_bytes";
    return refuse(r, code, "consensus_params.%s", rule);
}

/* ---- validators ---- */

static enum reject read_pubkey(struct reading *r, struct pubkey *out,
                               const struct json_value *v, const char *place)
{
    struct span   type = { 0 }, bytes;
    enum key_type t    = KEY_TYPE_NONE;

    if (!json_read_str(&type, json_get(v, "type")) ||
        !json_read_base64(&bytes, json_get(v, "value"), r->a))
        return refuse(r, REJECT_MALFORMED,
                      "%spub_key: expected {\"type\": ..., \"value\": base64}",
                      place);
    if (span_eq(type, span_str("tendermint/PubKeyEd25519")))
        t = KEY_TYPE_ED25519;
    if (span_eq(type, span_str("tendermint/PubKeySecp256k1")))
        t = KEY_TYPE_SECP256K1;
    if (t == KEY_TYPE_NONE)
        return refuse(r, REJECT_RANGE,
                      "%spub_key.type: found \"%.*s\", expected "
                      "tendermint/PubKeyEd25519 or tendermint/PubKeySecp256k1",
                      place, (int)(type.n < 60 ? type.n : 60),
                      (const char *)type.p);
    if (!pubkey_make(out, t, bytes))
        return refuse(r, REJECT_LENGTH,
                      "%spub_key.value: found %zu bytes, expected %d", place,
                      bytes.n, t == KEY_TYPE_ED25519 ? 32 : 33);
    return ACCEPT;
}

static enum reject read_validator(struct reading *r, struct val *out,
                                  struct span *name, const struct json_value *v,
                                  size_t i)
{
    struct span address;
    char        place[48];
    enum reject code;

    snprintf(place, sizeof place, "validators[%zu].", i);
    code = read_pubkey(r, &out->key, json_get(v, "pub_key"), place);
    if (!code)
        code = read_int(r, &out->power, v, place, "power");
    if (!code)
        code = read_hex(r, &address, v, place, "address");
    if (!code)
        code = read_text(r, name, v, place, "name");
    if (code)
        return code;
    if (out->power <= 0)
        return refuse(r, REJECT_RANGE,
                      "%spower: found \"%" PRId64 "\", expected 1 or more",
                      place, out->power);
    pubkey_address(out->address, &out->key);
    if (address.n && !span_eq(address, SPAN_OF(out->address)))
        return refuse(r, REJECT_MISMATCH,
                      "%saddress: is not that of the public key", place);
    return ACCEPT;
}

/* No address twice, and a total that consensus can count with. */
static enum reject check_set(struct reading *r, const struct genesis *g)
{
    struct validators set;
    int64_t           total = 0;

    for (size_t i = 0; i < g->validator_count; i++) {
        if (__builtin_add_overflow(total, g->validators[i].power, &total) ||
            total > TOTAL_POWER_MAX)
            return refuse(r, REJECT_RANGE,
                          "validators[%zu].power: the total is above %" PRId64,
                          i, TOTAL_POWER_MAX);
    }
    if (g->validator_count &&
        validators_new(&set, g->validators, g->validator_count, r->a)) {
        for (size_t i = 0; i < g->validator_count; i++)
            for (size_t k = 0; k < i; k++)
                if (memcmp(g->validators[i].address, g->validators[k].address,
                           ADDRESS_BYTES) == 0)
                    return refuse(r, REJECT_MISMATCH,
                                  "validators[%zu]: the same key as "
                                  "validators[%zu]",
                                  i, k);
        return refuse(r, REJECT_RANGE, "validators: not a valid set");
    }
    return ACCEPT;
}

static enum reject read_validators(struct reading *r, struct genesis *g,
                                   const struct json_value *list)
{
    size_t n = json_count(list);

    if (is_absent(list))
        return ACCEPT;
    if (!json_is(list, JV_ARRAY) || n > VOTES_MAX)
        return refuse(r, REJECT_LIMIT,
                      "validators: expected a list of at most %d", VOTES_MAX);
    g->validators = arena_newn(r->a, struct val, n);
    g->names      = arena_newn(r->a, struct span, n);
    if (!g->validators || !g->names)
        return refuse(r, REJECT_LIMIT, "no memory");
    for (size_t i = 0; i < n; i++) {
        enum reject code = read_validator(r, &g->validators[i], &g->names[i],
                                          json_item(list, i), i);

        if (code)
            return code;
    }
    g->validator_count = n;
    return check_set(r, g);
}

/* ---- the whole ---- */

static enum reject read_chain_id(struct reading *r, struct genesis *g,
                                 const struct json_value *root)
{
    enum reject code = read_text(r, &g->chain_id, root, "", "chain_id");

    if (code)
        return code;
    if (g->chain_id.n == 0)
        return refuse(r, REJECT_MISSING, "chain_id: expected a name");
    if (g->chain_id.n > CHAIN_ID_BYTES_MAX)
        return refuse(r, REJECT_LENGTH,
                      "chain_id: found %zu bytes, expected at most %d",
                      g->chain_id.n, CHAIN_ID_BYTES_MAX);
    for (size_t i = 0; i < g->chain_id.n; i++)
        if (g->chain_id.p[i] < ' ' || g->chain_id.p[i] == 0x7f)
            return refuse(r, REJECT_RANGE,
                          "chain_id: found a control character (0x%02x)",
                          g->chain_id.p[i]);
    return ACCEPT;
}

static enum reject read_start(struct reading *r, struct genesis *g,
                              const struct json_value *root)
{
    const struct json_value *time = json_get(root, "genesis_time");
    enum reject              code;

    g->time = STAMP_ZERO;
    if (!is_absent(time) && !json_read_stamp(&g->time, time))
        return refuse(r, REJECT_MALFORMED,
                      "genesis_time: expected a time that ends in Z, as "
                      "\"2024-01-31T12:00:00Z\"");
    code = read_int(r, &g->initial_height, root, "", "initial_height");
    if (code)
        return code;
    if (g->initial_height < 0)
        return refuse(r, REJECT_RANGE,
                      "initial_height: found \"%" PRId64
                      "\", expected 0 or more",
                      g->initial_height);
    if (g->initial_height == 0)
        g->initial_height = 1;
    return ACCEPT;
}

static enum reject read_root(struct reading *r, struct genesis *g,
                             const struct json_doc *d)
{
    const struct json_value *root   = d->root;
    const struct json_value *params = json_get(root, "consensus_params");
    enum reject              code;

    if (!json_is(root, JV_OBJECT))
        return refuse(r, REJECT_MALFORMED, "expected {...}");
    code = read_chain_id(r, g, root);
    if (!code)
        code = read_start(r, g, root);
    if (!code) {
        if (is_absent(params))
            params_default(&g->params);
        else
            code = read_params(r, &g->params, params);
    }
    if (!code)
        code = check_params(r, &g->params);
    if (!code)
        code = read_validators(r, g, json_get(root, "validators"));
    if (!code)
        code = read_hex(r, &g->app_hash, root, "", "app_hash");
    if (!code && !is_absent(json_get(root, "app_state")))
        g->app_state = json_member_text(d, "app_state");
    return code;
}

enum reject genesis_parse(struct genesis *g, struct span json, struct arena *a,
                          const char **why)
{
    struct reading  r = { a, why };
    struct json_doc d;
    enum reject     code;

    *g = (struct genesis){ 0 };
    if (json.n > GENESIS_BYTES_MAX)
        return refuse(&r, REJECT_LIMIT, "found %zu bytes, expected at most %u",
                      json.n, GENESIS_BYTES_MAX);
    if (json_doc_parse(&d, json, JSON_KEYS_UNIQUE))
        return refuse_json(&r, "", &d);
    code = read_root(&r, g, &d);
    json_doc_fini(&d);
    return code;
}

/* ---- printing ---- */

void pubkey_write(struct json_writer *w, enum key_type type, struct span bytes)
{
    if (type == KEY_TYPE_NONE) {
        jw_null(w);
        return;
    }
    jw_object(w);
    JW(w, "type", cstr,
       type == KEY_TYPE_ED25519 ? "tendermint/PubKeyEd25519"
                                : "tendermint/PubKeySecp256k1");
    JW(w, "value", base64_text, bytes);
    jw_object_end(w);
}

static void begin_section(struct json_writer *w, const char *name)
{
    jw_key(w, name);
    jw_object(w);
}

void params_write(struct json_writer *w, const struct params *p)
{
    jw_object(w);
    begin_section(w, "block");
    JW(w, "max_bytes", int_text, p->block.max_bytes);
    JW(w, "max_gas", int_text, p->block.max_gas);
    jw_object_end(w);
    begin_section(w, "evidence");
    JW(w, "max_age_num_blocks", int_text, p->evidence.max_age_num_blocks);
    JW(w, "max_age_duration", int_text, p->evidence.max_age_duration);
    JW(w, "max_bytes", int_text, p->evidence.max_bytes);
    jw_object_end(w);
    begin_section(w, "validator");
    jw_key(w, "pub_key_types");
    jw_array(w);
    for (size_t i = 0; i < p->key_type_count; i++)
        jw_cstr(w, key_type_name(p->key_types[i]));
    jw_array_end(w);
    jw_object_end(w);
    begin_section(w, "version");
    JW(w, "app", uint_text, p->app_version);
    jw_object_end(w);
    begin_section(w, "abci");
    JW(w, "vote_extensions_enable_height", int_text,
       p->vote_extensions_enable_height);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_validators(struct json_writer *w, const struct genesis *g)
{
    jw_key(w, "validators");
    jw_array(w);
    for (size_t i = 0; i < g->validator_count; i++) {
        const struct val *v = &g->validators[i];

        jw_object(w);
        JW(w, "address", hex_upper, SPAN_OF(v->address));
        jw_key(w, "pub_key");
        pubkey_write(w, v->key.type, pubkey_span(&v->key));
        JW(w, "power", int_text, v->power);
        JW(w, "name", str, g->names ? g->names[i] : (struct span){ 0 });
        jw_object_end(w);
    }
    jw_array_end(w);
}

void genesis_write(struct json_writer *w, const struct genesis *g)
{
    jw_object(w);
    JW(w, "genesis_time", stamp, g->time);
    JW(w, "chain_id", str, g->chain_id);
    JW(w, "initial_height", int_text, g->initial_height);
    jw_key(w, "consensus_params");
    params_write(w, &g->params);
    if (g->validator_count)
        write_validators(w, g);
    JW(w, "app_hash", hex_upper, g->app_hash);
    if (g->app_state.n) {
        jw_key(w, "app_state");
        jw_reprint(w, g->app_state);
    }
    jw_object_end(w);
}

void genesis_print(struct buf *out, const struct genesis *g)
{
    struct json_writer w;

    jw_init(&w, out, 2);
    genesis_write(&w, g);
}
