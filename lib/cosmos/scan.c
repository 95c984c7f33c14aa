#include "cosmos/scan.h"

#include "cosmos/keys.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    VARINT       = 0,
    FIXED64      = 1,
    BYTES        = 2,
    GROUP        = 3,
    END_GROUP    = 4,
    FIXED32      = 5,
    NON_CRITICAL = 1 << 10, /* this bit of a field's number */
};

bool fault_set(struct cosmos_fault *why, enum cosmos_code code, const char *fmt,
               ...)
{
    va_list ap;

    why->code = code;
    va_start(ap, fmt);
    vsnprintf(why->log, sizeof why->log, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- reading as protowire does, which is narrower than pb_next ---- */

/* A varint of at most ten bytes whose value fits 64 bits. */
static bool read_varint(struct span *in, uint64_t *v)
{
    struct span s = *in;

    if (!uvarint_read(&s, v))
        return false;
    if (s.p - in->p == 10 && s.p[-1] > 1)
        return false;
    *in = s;
    return true;
}

static bool read_tag(struct span *in, uint32_t *num, uint8_t *type)
{
    uint64_t tag;

    if (!read_varint(in, &tag) || tag >> 3 == 0 || tag >> 3 > INT32_MAX)
        return false;
    *num  = (uint32_t)(tag >> 3);
    *type = tag & 7;
    return true;
}

static bool skip(struct span *in, uint64_t n)
{
    if (n > in->n)
        return false;
    *in = SPAN(in->p + n, in->n - n);
    return true;
}

static bool skip_plain(struct span *in, uint8_t type)
{
    uint64_t v;

    switch (type) {
    case VARINT: return read_varint(in, &v);
    case FIXED64: return skip(in, 8);
    case FIXED32: return skip(in, 4);
    case BYTES: return read_varint(in, &v) && skip(in, v);
    default: return false;
    }
}

/* A group up to its own end; every end must match its start. */
static bool skip_group(struct span *in, uint32_t num)
{
    uint32_t open[SCAN_DEPTH_MAX] = { num };
    size_t   depth                = 1;

    while (depth > 0) {
        uint32_t inner;
        uint8_t  type;

        if (!read_tag(in, &inner, &type))
            return false;
        if (type == END_GROUP) {
            if (open[--depth] != inner)
                return false;
        } else if (type == GROUP) {
            if (depth == SCAN_DEPTH_MAX)
                return false;
            open[depth++] = inner;
        } else if (!skip_plain(in, type)) {
            return false;
        }
    }
    return true;
}

/* The value of a field; *bytes is what a length-delimited one holds. */
static bool read_value(struct span *in, uint32_t num, uint8_t type,
                       struct span *bytes)
{
    uint64_t n;

    if (type == GROUP)
        return skip_group(in, num);
    if (type != BYTES)
        return skip_plain(in, type);
    if (!read_varint(in, &n) || n > in->n)
        return false;
    *bytes = SPAN(in->p, n);
    return skip(in, n);
}

/* ---- TxRaw ---- */

/* A varint in its shortest form. */
static bool read_shortest(struct span *in, uint64_t *v)
{
    const uint8_t *from = in->p;

    return read_varint(in, v) && (in->p - from == 1 || in->p[-1] != 0);
}

/* Fields 1, 2 and 3 in that order; in their only form once, not empty, and
 * behind the shortest tags. */
static bool scan_fields(struct span in, bool is_only_form,
                        struct cosmos_fault *why)
{
    uint64_t last = 0, tag, n;

    while (in.n) {
        if (is_only_form ? !read_shortest(&in, &tag) : !read_varint(&in, &tag))
            return fault_set(why, COSMOS_TX_DECODE,
                             "a tag of the transaction is malformed or padded");
        if ((tag & 7) != BYTES || tag >> 3 < 1 || tag >> 3 > 3)
            return fault_set(why, COSMOS_TX_DECODE,
                             "unknown field %" PRIu64 " of wire type %u in "
                             "the transaction",
                             tag >> 3, (unsigned)(tag & 7));
        if (tag >> 3 < last || (is_only_form && tag >> 3 == last && last < 3))
            return fault_set(why, COSMOS_TX_DECODE,
                             "field %" PRIu64 " after field %" PRIu64
                             " in the transaction",
                             tag >> 3, last);
        last = tag >> 3;
        if (!read_shortest(&in, &n) || !skip(&in, n))
            return fault_set(why, COSMOS_TX_DECODE,
                             "the length of field %" PRIu64 " is padded or "
                             "beyond the end",
                             last);
        if (is_only_form && n == 0 && last < 3)
            return fault_set(why, COSMOS_TX_DECODE,
                             "field %" PRIu64 " of the transaction is empty",
                             last);
    }
    return true;
}

bool scan_raw(struct span in, struct cosmos_fault *why)
{
    return scan_fields(in, false, why);
}

bool cosmos_tx_is_canonical(struct span bytes, struct cosmos_fault *why)
{
    return scan_fields(bytes, true, why);
}

/* ---- everything below ---- */

struct scan {
    const struct cosmos_rules *rules; /* NULL: an Any is a key */
    struct cosmos_fault       *why;
    size_t                     depth; /* of messages */
    size_t                     any_depth, any_count;
};

const struct cosmos_type *scan_type(const struct cosmos_rules *rules,
                                    struct span                url)
{
    for (size_t i = 0; i < rules->type_count; i++)
        if (span_eq(url, span_str(rules->types[i].url)))
            return &rules->types[i];
    return NULL;
}

static const struct pb_desc *resolve(const struct scan *s, struct span url)
{
    const struct cosmos_type *t = s->rules ? scan_type(s->rules, url) : NULL;

    if (s->rules)
        return t ? t->desc : NULL;
    return cosmos_key_type(url) != KEY_TYPE_NONE ? &key_value_desc : NULL;
}

static const struct pb_field_desc *find(const struct pb_desc *d, uint32_t num)
{
    for (size_t i = 0; i < d->field_count; i++)
        if (d->fields[i].num == num)
            return &d->fields[i];
    return NULL;
}

static bool type_fits(const struct pb_field_desc *f, uint8_t type)
{
    switch ((enum pb_kind)f->kind) {
    case PB_BYTES:
    case PB_STRING:
    case PB_STAMP:
    case PB_DURATION:
    case PB_MSG: return type == BYTES;
    case PB_SFIXED64: return type == FIXED64;
    default: break;
    }
    return type == VARINT || (type == BYTES && f->label == PB_MANY);
}

static bool scan_message(struct scan *s, const struct pb_desc *d,
                         struct span in);

/* What an Any holds: the last url and value count, as in decoding. */
static bool scan_any(struct scan *s, struct span in)
{
    struct span           url = { 0 }, value = { 0 };
    const struct pb_desc *d;
    struct pb_field       f;
    bool                  ok;

    for (struct span rest = in; pb_next(&rest, &f) > 0;) {
        if (f.num == 1)
            url = f.bytes;
        else if (f.num == 2)
            value = f.bytes;
    }
    d = resolve(s, url);
    if (!d)
        return fault_set(
            s->why, COSMOS_TX_DECODE, "unable to resolve type URL %.*s",
            (int)(url.n < 120 ? url.n : 120), url.n ? (const char *)url.p : "");
    if (s->any_depth == 0)
        s->any_count = 0;
    if (s->any_depth >= ANY_DEPTH_MAX || ++s->any_count > ANY_COUNT_MAX)
        return fault_set(s->why, COSMOS_TX_DECODE,
                         "messages within messages: more than %d deep or %d "
                         "in all",
                         ANY_DEPTH_MAX, ANY_COUNT_MAX);
    s->any_depth++;
    ok = scan_message(s, d, value);
    s->any_depth--;
    return ok;
}

static bool unknown_field(struct scan *s, const struct pb_desc *d, uint32_t num)
{
    if (s->rules && (num & NON_CRITICAL))
        return true;
    return fault_set(s->why, COSMOS_TX_DECODE,
                     "unknown field %" PRIu32 " in %s", num, d->name);
}

static bool malformed(struct scan *s, const struct pb_desc *d)
{
    return fault_set(s->why, COSMOS_TX_DECODE, "%s is malformed", d->name);
}

static bool scan_field(struct scan *s, const struct pb_desc *d, struct span *in)
{
    const struct pb_field_desc *f;
    struct span                 bytes = { 0 };
    uint32_t                    num;
    uint8_t                     type;

    if (!read_tag(in, &num, &type))
        return malformed(s, d);
    f = find(d, num);
    if (!f && !unknown_field(s, d, num))
        return false;
    if (f && !type_fits(f, type))
        return fault_set(s->why, COSMOS_TX_DECODE,
                         "field %" PRIu32 " of %s has wire type %u", num,
                         d->name, type);
    if (!read_value(in, num, type, &bytes))
        return malformed(s, d);
    if (!f || f->kind != PB_MSG)
        return true;
    if (!scan_message(s, f->sub, bytes))
        return false;
    return f->sub != &cosmos_any_desc || scan_any(s, bytes);
}

static bool scan_message(struct scan *s, const struct pb_desc *d,
                         struct span in)
{
    if (++s->depth > SCAN_DEPTH_MAX)
        return fault_set(s->why, COSMOS_TX_DECODE, "nested more than %d deep",
                         SCAN_DEPTH_MAX);
    while (in.n)
        if (!scan_field(s, d, &in))
            return false;
    s->depth--;
    return true;
}

bool scan_body(struct span in, const struct cosmos_rules *rules,
               struct cosmos_fault *why)
{
    struct scan s = { .rules = rules, .why = why };

    return scan_message(&s, &tx_body_desc, in);
}

bool scan_auth_info(struct span in, struct cosmos_fault *why)
{
    struct scan s = { .why = why };

    return scan_message(&s, &auth_info_desc, in);
}
