#include "api/args.h"

#include "api/gojson.h"
#include "base/text.h"

#include <ctype.h>
#include <strings.h>

static const char *go_type(enum arg_kind kind)
{
    switch (kind) {
    case ARG_INT64:
    case ARG_INT64_PTR: return "int64";
    case ARG_INT_PTR: return "int";
    case ARG_UINT: return "uint";
    case ARG_BOOL: return "bool";
    case ARG_STRING: return "string";
    case ARG_BYTES: return "[]uint8";
    case ARG_TX: return "types.Tx";
    case ARG_HEX: return "bytes.HexBytes";
    case ARG_JSON: break;
    }
    return "interface {}";
}

static bool is_integer(enum arg_kind kind)
{
    return kind == ARG_INT64 || kind == ARG_INT64_PTR || kind == ARG_INT_PTR ||
           kind == ARG_UINT;
}

static bool wrong_kind(struct buf *error, struct span v, enum arg_kind kind)
{
    buf_printf(error, "json: cannot unmarshal %s into Go value of type %s",
               gojson_kind_name(gojson_kind(v)), go_type(kind));
    return false;
}

/* The text between the quotes is itself a JSON number. */
static bool integer(struct arg *out, enum arg_kind kind, struct span raw,
                    struct buf *error)
{
    struct span v;
    bool        is_ok;

    if (raw.p[0] != '"' || raw.p[raw.n - 1] != '"') {
        buf_str(error, "invalid 64-bit integer encoding ");
        gojson_go_quote(error, raw);
        buf_str(error, ", expected string");
        return false;
    }
    if (!gojson_check(SPAN(raw.p + 1, raw.n - 2), false, &v, error))
        return false;
    if (gojson_kind(v) == GOJSON_NULL)
        return true;
    if (gojson_kind(v) != GOJSON_NUMBER)
        return wrong_kind(error, v, kind);
    is_ok =
        kind == ARG_UINT ? uint64_parse(&out->u, v) : int64_parse(&out->i, v);
    if (!is_ok)
        buf_printf(error,
                   "json: cannot unmarshal number %.*s into Go value of type "
                   "%s",
                   (int)(v.n < 64 ? v.n : 64), (const char *)v.p,
                   go_type(kind));
    return is_ok;
}

/* Where Go's decoder stumbles: the first character that cannot stand there.*/
static size_t base64_bad_offset(struct span s)
{
    size_t digits = 0, i;

    for (i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];

        if (c == '\n' || c == '\r')
            continue;
        if (isalnum(c) || c == '+' || c == '/') {
            digits++;
            continue;
        }
        if (c != '=' || digits % 4 < 2)
            return i;
        if (digits % 4 == 2) {
            for (i++; i < s.n && (s.p[i] == '\n' || s.p[i] == '\r');)
                i++;
            if (i == s.n)
                return i;
            if (s.p[i] != '=')
                return i;
        }
        for (i++; i < s.n && (s.p[i] == '\n' || s.p[i] == '\r');)
            i++;
        return i;
    }
    return s.n - digits % 4;
}

static bool base64(struct span *out, struct span text, struct arena *a,
                   struct buf *error)
{
    size_t   cap = text.n / 4 * 3 + 3, n;
    uint8_t *p   = arena_alloc(a, cap);

    if (!p || !base64_decode(p, cap, &n, text)) {
        buf_printf(error, "illegal base64 data at input byte %zu",
                   base64_bad_offset(text));
        return false;
    }
    *out = SPAN(p, n);
    return true;
}

/* Go reads a list of numbers as bytes too. */
static bool byte_list(struct span *out, struct span v, struct arena *a,
                      struct buf *error)
{
    uint8_t    *p = arena_alloc(a, v.n);
    size_t      n = 0;
    struct span key, item;

    while (p && gojson_next(&v, &key, &item)) {
        enum gojson_kind kind   = gojson_kind(item);
        uint64_t         number = 0;

        if (kind != GOJSON_NULL &&
            (!uint64_parse(&number, item) || number > UINT8_MAX)) {
            buf_printf(error, "json: cannot unmarshal %s",
                       gojson_kind_name(kind));
            if (kind == GOJSON_NUMBER)
                buf_printf(error, " %.*s", (int)(item.n < 64 ? item.n : 64),
                           (const char *)item.p);
            buf_str(error, " into Go value of type uint8");
            return false;
        }
        p[n++] = (uint8_t)number;
    }
    *out = SPAN(p, n);
    return p != NULL;
}

static bool hex(struct span *out, struct span text, struct arena *a,
                struct buf *error)
{
    uint8_t *p = arena_alloc(a, text.n / 2 + 1);

    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];

        if (isxdigit(c))
            continue;
        buf_printf(error, "encoding/hex: invalid byte: U+%04X", c);
        if (c >= 0x20 && c < 0x7f)
            buf_printf(error, " '%c'", c);
        else if (c > 0xa0 && c != 0xad) /* Latin-1 as UTF-8 */
            buf_printf(error, " '%c%c'", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
        return false;
    }
    if (text.n % 2) {
        buf_str(error, "encoding/hex: odd length hex string");
        return false;
    }
    if (!p || !hex_decode(p, text.n / 2, text))
        return false;
    *out = SPAN(p, text.n / 2);
    return true;
}

static bool from_value(struct arg *out, enum arg_kind kind, struct span v,
                       struct arena *a, struct buf *error)
{
    if (gojson_kind(v) == GOJSON_NULL)
        return true;
    out->is_set = true;
    if (is_integer(kind))
        return integer(out, kind, v, error);
    switch (kind) {
    case ARG_BOOL:
        if (gojson_kind(v) != GOJSON_BOOL)
            return wrong_kind(error, v, kind);
        out->b = v.p[0] == 't';
        return true;
    case ARG_STRING:
        if (gojson_kind(v) != GOJSON_STRING)
            return wrong_kind(error, v, kind);
        out->bytes = gojson_unquote(v, a);
        return out->bytes.p != NULL;
    case ARG_BYTES:
    case ARG_TX:
        if (gojson_kind(v) == GOJSON_ARRAY)
            return byte_list(&out->bytes, v, a, error);
        if (gojson_kind(v) != GOJSON_STRING)
            return wrong_kind(error, v, kind);
        return base64(&out->bytes, gojson_unquote(v, a), a, error);
    case ARG_HEX:
        if (gojson_kind(v) != GOJSON_STRING) {
            buf_str(error, "invalid hex string: ");
            buf_add(error, v);
            return false;
        }
        return hex(&out->bytes, SPAN(v.p + 1, v.n - 2), a, error);
    default: out->bytes = v; return true;
    }
}

static bool from_object(struct arg *out, const struct arg_spec *spec, size_t n,
                        struct span params, struct arena *a, struct buf *error)
{
    struct span key, value, name;

    for (size_t i = 0; i < n; i++) {
        struct span rest = params, found = { 0 };

        while (gojson_next(&rest, &key, &value)) {
            name = gojson_unquote(key, a);
            if (name.p && span_eq(name, span_str(spec[i].name)))
                found = value;
        }
        if (found.n && !from_value(&out[i], spec[i].kind, found, a, error))
            return false;
    }
    return true;
}

static void put_names(struct buf *out, const struct arg_spec *spec, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? " " : "", spec[i].name);
}

/* Go prints raw messages as lists of byte values. */
static void put_raw(struct buf *out, struct span params)
{
    struct span key, value;

    for (bool is_first = true; gojson_next(&params, &key, &value);
         is_first      = false) {
        buf_str(out, is_first ? "[" : " [");
        for (size_t i = 0; i < value.n; i++)
            buf_printf(out, "%s%u", i ? " " : "", value.p[i]);
        buf_byte(out, ']');
    }
}

static bool from_array(struct arg *out, const struct arg_spec *spec, size_t n,
                       struct span params, struct arena *a, struct buf *error)
{
    struct span rest = params, key, value;
    size_t      got  = 0;

    while (gojson_next(&rest, &key, &value))
        got++;
    if (got != n) {
        buf_printf(error, "expected %zu parameters ([", n);
        put_names(error, spec, n);
        buf_printf(error, "]), got %zu ([", got);
        put_raw(error, params);
        buf_str(error, "])");
        return false;
    }
    for (size_t i = 0; i < n && gojson_next(&params, &key, &value); i++)
        if (!from_value(&out[i], spec[i].kind, value, a, error))
            return false;
    return true;
}

bool args_from_json(struct arg *out, const struct arg_spec *spec, size_t n,
                    struct span params, struct arena *a, struct buf *error)
{
    enum gojson_kind kind = gojson_kind(params);

    memset(out, 0, n * sizeof *out);
    if (kind == GOJSON_NULL)
        return true;
    if (kind == GOJSON_OBJECT)
        return from_object(out, spec, n, params, a, error);
    if (kind == GOJSON_ARRAY)
        return from_array(out, spec, n, params, a, error);
    buf_printf(error,
               "unknown type for JSON params: json: cannot unmarshal %s into "
               "Go value of type []json.RawMessage. Expected map or array",
               gojson_kind_name(kind));
    return false;
}

/* ---- query strings ---- */

static bool unescape(struct span in, struct arena *a, struct span *out)
{
    uint8_t *p = arena_alloc(a, in.n + 1);
    size_t   n = 0;

    if (!p)
        return false;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '%') {
            if (in.n - i < 3 || !hex_decode(&p[n], 1, SPAN(in.p + i + 1, 2)))
                return false;
            n++;
            i += 2;
        } else {
            p[n++] = in.p[i] == '+' ? ' ' : in.p[i];
        }
    }
    *out = SPAN(p, n);
    return true;
}

/* The first value of name; pairs that do not parse are passed over. */
static struct span query_get(const char *query, const char *name,
                             struct arena *a)
{
    struct span key, value;

    while (*query) {
        size_t         n    = strcspn(query, "&");
        struct span    pair = SPAN(query, n);
        const uint8_t *eq   = memchr(pair.p, '=', n);
        size_t         k    = eq ? (size_t)(eq - pair.p) : n;

        query += n + (query[n] == '&');
        if (memchr(pair.p, ';', n) || !unescape(SPAN(pair.p, k), a, &key) ||
            !span_eq(key, span_str(name)))
            continue;
        if (unescape(eq ? SPAN(eq + 1, n - k - 1) : SPAN("", 0), a, &value))
            return value;
    }
    return (struct span){ 0 };
}

static bool is_int_text(struct span s)
{
    size_t i = s.p[0] == '-';

    if (i == s.n)
        return false;
    for (; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

/* Go's name of the kind of type, which differs from the type's name. */
static const char *go_kind(enum arg_kind kind)
{
    return kind == ARG_JSON ? "interface" : go_type(kind);
}

static bool from_json_text(struct arg *out, enum arg_kind kind, struct span s,
                           struct arena *a, struct buf *error)
{
    struct span v;

    /* 64-bit numbers and hex look at the text before it is parsed. */
    if (is_integer(kind) && !span_eq(s, span_str("null"))) {
        out->is_set = true;
        return integer(out, kind, s, error);
    }
    if (kind == ARG_HEX && (s.p[0] != '"' || s.n < 2 || s.p[s.n - 1] != '"')) {
        buf_str(error, "invalid hex string: ");
        buf_add(error, s);
        return false;
    }
    return gojson_check(s, false, &v, error) &&
           from_value(out, kind, v, a, error);
}

static bool from_text(struct arg *out, enum arg_kind kind, struct span s,
                      struct arena *a, struct buf *error)
{
    bool is_text  = kind == ARG_STRING;
    bool is_bytes = kind == ARG_BYTES || kind == ARG_TX || kind == ARG_HEX;
    struct buf  quoted;
    struct span v;

    if (is_integer(kind) && is_int_text(s)) {
        char text[64];

        out->is_set = true;
        buf_use(&quoted, text, sizeof text);
        buf_byte(&quoted, '"');
        buf_add(&quoted, SPAN(s.p, s.n < 48 ? s.n : 48));
        buf_byte(&quoted, '"');
        return integer(out, kind, buf_span(&quoted), error);
    }
    if (s.n >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x') {
        if (!is_text && !is_bytes) {
            buf_printf(error, "got a hex string arg, but expected '%s'",
                       go_kind(kind));
            return false;
        }
        out->is_set = true;
        return hex(&out->bytes, SPAN(s.p + 2, s.n - 2), a, error);
    }
    if (is_bytes && s.p[0] == '"' && s.p[s.n - 1] == '"') {
        out->is_set = true;
        if (!gojson_check(s, false, &v, error))
            return false;
        out->bytes = gojson_unquote(v, a);
        return out->bytes.p != NULL;
    }
    return from_json_text(out, kind, s, a, error);
}

bool args_from_query(struct arg *out, const struct arg_spec *spec, size_t n,
                     const char *query, const char *form, struct arena *a,
                     struct buf *error)
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        struct span s = query_get(query, spec[i].name, a);

        if (s.n == 0)
            s = query_get(form, spec[i].name, a);
        if (s.n && !from_text(&out[i], spec[i].kind, s, a, error))
            return false;
    }
    return true;
}
