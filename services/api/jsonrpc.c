#include "api/jsonrpc.h"

#include "api/gojson.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define REQUEST_TYPE                                                           \
    "struct { JSONRPC string \"json:\\\"jsonrpc\\\"\"; ID interface {} "       \
    "\"json:\\\"id,omitempty\\\"\"; Method string \"json:\\\"method\\\"\"; "   \
    "Params json.RawMessage \"json:\\\"params\\\"\" }"

/* Go folds the long s and the Kelvin sign as well. */
static size_t fold(char *to, const uint8_t *p, size_t n)
{
    if (n >= 2 && memcmp(p, "\xc5\xbf", 2) == 0) {
        *to = 's';
        return 2;
    }
    if (n >= 3 && memcmp(p, "\xe2\x84\xaa", 3) == 0) {
        *to = 'k';
        return 3;
    }
    *to = (char)*p;
    return 1;
}

static bool key_is(struct span key, const char *name)
{
    char c;

    while (key.n && *name) {
        size_t used = fold(&c, key.p, key.n);

        if (strncasecmp(&c, name++, 1) != 0)
            return false;
        key = SPAN(key.p + used, key.n - used);
    }
    return key.n == 0 && *name == 0;
}

static struct span key_text(struct span raw, struct arena *a)
{
    return memchr(raw.p, '\\', raw.n) ? gojson_unquote(raw, a)
                                      : SPAN(raw.p + 1, raw.n - 2);
}

static bool parse_id(struct rpc_id *id, struct span v, struct arena *a,
                     struct buf *error)
{
    char number[64];

    switch (gojson_kind(v)) {
    case GOJSON_NULL: id->kind = RPC_ID_NONE; return true;
    case GOJSON_STRING:
        id->kind = RPC_ID_STRING;
        id->text = gojson_unquote(v, a);
        return id->text.p != NULL;
    case GOJSON_NUMBER: {
        double d;

        memcpy(number, v.p, v.n < 63 ? v.n : 63);
        number[v.n < 63 ? v.n : 63] = 0;
        d                           = strtod(number, NULL);
        if (isinf(d)) {
            buf_printf(error,
                       "json: cannot unmarshal number %s into Go struct field "
                       ".id of type float64",
                       number);
            return false;
        }
        id->kind = RPC_ID_INT;
        id->n    = d >= 9223372036854775807.0 || d <= -9223372036854775808.0
                       ? INT64_MIN
                       : (int64_t)d;
        return true;
    }
    case GOJSON_BOOL:
        buf_printf(error, "json-rpc ID (%.*s) is of unknown type (bool)",
                   (int)v.n, (const char *)v.p);
        return false;
    case GOJSON_ARRAY:
        buf_str(error, "json-rpc ID ([]) is of unknown type ([]interface {})");
        return false;
    case GOJSON_OBJECT:
        buf_str(error, "json-rpc ID (map[]) is of unknown type "
                       "(map[string]interface {})");
        return false;
    }
    return false;
}

/* Members jsonrpc and method must be strings (or null). */
static bool parse_text(struct span *out, struct span v, const char *name,
                       struct arena *a, struct buf *error, bool *is_first)
{
    enum gojson_kind kind = gojson_kind(v);

    if (kind == GOJSON_NULL)
        return true;
    if (kind != GOJSON_STRING) {
        if (*is_first)
            buf_printf(error,
                       "json: cannot unmarshal %s into Go struct field .%s of "
                       "type string",
                       gojson_kind_name(kind), name);
        *is_first = false;
        return false;
    }
    *out = gojson_unquote(v, a);
    return out->p != NULL;
}

static bool parse_request(struct rpc_request *r, struct span v, struct arena *a,
                          struct buf *error)
{
    struct span key, value, id = { 0 }, ignored;
    bool        is_ok = true, is_first = true;

    *r = (struct rpc_request){ 0 };
    if (gojson_kind(v) == GOJSON_NULL)
        return true;
    if (gojson_kind(v) != GOJSON_OBJECT) {
        buf_printf(error, "json: cannot unmarshal %s into Go value of type %s",
                   gojson_kind_name(gojson_kind(v)), REQUEST_TYPE);
        return false;
    }
    while (gojson_next(&v, &key, &value)) {
        key = key_text(key, a);
        if (!key.p)
            return false;
        if (key_is(key, "id"))
            id = value;
        else if (key_is(key, "method"))
            is_ok &=
                parse_text(&r->method, value, "method", a, error, &is_first);
        else if (key_is(key, "jsonrpc"))
            is_ok &=
                parse_text(&ignored, value, "jsonrpc", a, error, &is_first);
        else if (key_is(key, "params"))
            r->params = value;
    }
    if (!is_ok)
        return false;
    return id.n == 0 || parse_id(&r->id, id, a, error);
}

static bool parse_batch(struct rpc_request *r, size_t n, struct span v,
                        struct arena *a)
{
    struct span key, value;
    struct buf  why;
    char        text[64];

    for (size_t i = 0; i < n && gojson_next(&v, &key, &value); i++) {
        buf_use(&why, text, sizeof text);
        if (!parse_request(&r[i], value, a, &why))
            return false;
    }
    return true;
}

bool rpc_parse_body(struct span body, struct rpc_request **out, size_t *n,
                    bool *is_batch, struct arena *a, struct buf *error)
{
    struct span v, rest, key, member;

    *n        = 0;
    *is_batch = false;
    if (!gojson_check(body, false, &v, error))
        return false;
    if (gojson_kind(v) == GOJSON_NULL)
        return true;
    if (gojson_kind(v) == GOJSON_ARRAY) {
        for (rest = v; gojson_next(&rest, &key, &member);)
            ++*n;
        *out      = arena_newn(a, struct rpc_request, *n + 1);
        *is_batch = true;
        if (*out && parse_batch(*out, *n, v, a))
            return true;
        buf_printf(error,
                   "json: cannot unmarshal array into Go value of type "
                   "%s",
                   REQUEST_TYPE);
        return false;
    }
    *n   = 1;
    *out = arena_new(a, struct rpc_request);
    return *out && parse_request(*out, v, a, error);
}

bool rpc_parse_message(struct span message, struct rpc_request **out,
                       struct arena *a, struct buf *error)
{
    struct span v;

    *out = arena_new(a, struct rpc_request);
    return *out && gojson_check(message, true, &v, error) &&
           parse_request(*out, v, a, error);
}

static void put_id(struct buf *out, const struct rpc_id *id)
{
    switch (id->kind) {
    case RPC_ID_NONE: break;
    case RPC_ID_STRING:
        buf_str(out, ",\"id\":");
        gojson_quote(out, id->text);
        break;
    case RPC_ID_INT: buf_printf(out, ",\"id\":%" PRId64, id->n); break;
    }
}

void rpc_begin_result(struct buf *out, const struct rpc_id *id)
{
    buf_str(out, "{\"jsonrpc\":\"2.0\"");
    put_id(out, id);
    buf_str(out, ",\"result\":");
}

void rpc_end(struct buf *out)
{
    buf_byte(out, '}');
}

static const char *message_of(enum rpc_code code)
{
    switch (code) {
    case RPC_PARSE_ERROR: return "Parse error. Invalid JSON";
    case RPC_INVALID_REQUEST: return "Invalid Request";
    case RPC_METHOD_NOT_FOUND: return "Method not found";
    case RPC_INVALID_PARAMS: return "Invalid params";
    case RPC_INTERNAL_ERROR: return "Internal error";
    case RPC_SERVER_ERROR: break;
    }
    return "Server error";
}

void rpc_error(struct buf *out, const struct rpc_id *id, enum rpc_code code,
               struct span data)
{
    buf_str(out, "{\"jsonrpc\":\"2.0\"");
    put_id(out, id);
    buf_printf(out, ",\"error\":{\"code\":%d,\"message\":\"%s\"", (int)code,
               message_of(code));
    if (data.n) {
        buf_str(out, ",\"data\":");
        gojson_quote(out, data);
    }
    buf_str(out, "}}");
}
