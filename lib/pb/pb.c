#include "pb/pb.h"

#include "base/buf.h"

enum {
    VARINT    = 0,
    FIXED64   = 1,
    BYTES     = 2,
    GROUP     = 3,
    END_GROUP = 4,
    FIXED32   = 5
};

#define DURATION_SECONDS_MAX INT64_C(315576000000) /* 10,000 years */

struct pair { /* google.protobuf.Timestamp and Duration on the wire */
    int64_t seconds;
    int32_t nanos;
};
static const struct pb_field_desc pair_fields[] = {
    PB_FIELD(struct pair, 1, seconds, PB_INT64),
    PB_FIELD(struct pair, 2, nanos, PB_INT32),
};
static const struct pb_desc pair_desc = { "pair", pair_fields, 2,
                                          sizeof(struct pair) };

/* ---- reading ---- */

bool uvarint_read(struct span *in, uint64_t *v)
{
    uint64_t x = 0;

    for (size_t i = 0; i < 10 && i < in->n; i++) {
        x |= (uint64_t)(in->p[i] & 0x7f) << (7 * i);
        if (in->p[i] < 0x80) {
            *in = SPAN(in->p + i + 1, in->n - i - 1);
            *v  = x;
            return true;
        }
    }
    return false;
}

bool svarint_read(struct span *in, int64_t *v)
{
    uint64_t u;

    if (!uvarint_read(in, &u))
        return false;
    *v = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
    return true;
}

static bool take(struct span *in, uint64_t n, struct span *out)
{
    if (n > in->n)
        return false;
    *out = SPAN(in->p, (size_t)n);
    *in  = SPAN(in->p + n, in->n - (size_t)n);
    return true;
}

/* The value behind a tag; groups are for the caller. */
static bool read_value(struct span *in, uint8_t type, uint64_t *value,
                       struct span *bytes)
{
    struct span s;
    uint64_t    n;

    switch (type) {
    case VARINT: return uvarint_read(in, value);
    case FIXED64:
        if (!take(in, 8, &s))
            return false;
        *value = load_le64(s.p);
        return true;
    case FIXED32:
        if (!take(in, 4, &s))
            return false;
        *value = load_le32(s.p);
        return true;
    case BYTES: return uvarint_read(in, &n) && take(in, n, bytes);
    default: return false;
    }
}

/* Everything up to the end of a group whose start has been read.  As in
 * gogoproto neither the numbers of nested fields nor that of the end count. */
static bool skip_group(struct span *in)
{
    uint64_t    tag, value;
    struct span bytes;

    for (size_t depth = 1; depth > 0;) {
        if (!uvarint_read(in, &tag))
            return false;
        if ((tag & 7) == GROUP)
            depth++;
        else if ((tag & 7) == END_GROUP)
            depth--;
        else if (!read_value(in, tag & 7, &value, &bytes))
            return false;
    }
    return true;
}

int pb_next(struct span *in, struct pb_field *f)
{
    uint64_t tag;

    if (in->n == 0)
        return 0;
    if (!uvarint_read(in, &tag) || (int32_t)(tag >> 3) <= 0)
        return -1;
    f->num  = (uint32_t)(tag >> 3);
    f->type = tag & 7;
    if (f->type == GROUP)
        return skip_group(in) ? 1 : -1;
    return read_value(in, f->type, &f->value, &f->bytes) ? 1 : -1;
}

enum reject pb_delimited_read(struct span *in, size_t max, struct span *body)
{
    struct span rest = *in;
    uint64_t    n;

    if (!uvarint_read(&rest, &n))
        return in->n < 10 ? REJECT_MISSING : REJECT_MALFORMED;
    if (n > max)
        return REJECT_LIMIT;
    if (!take(&rest, n, body))
        return REJECT_MISSING;
    *in = rest;
    return ACCEPT;
}

/* ---- decoding ---- */

struct decoder {
    struct arena *arena;
    int           depth;
};

static enum reject decode(struct decoder *dec, const struct pb_desc *d,
                          void *msg, struct span in);

static void *member(const void *msg, const struct pb_field_desc *f)
{
    return (uint8_t *)(uintptr_t)msg + f->offset;
}

static int32_t *which(const void *msg, const struct pb_field_desc *f)
{
    return (int32_t *)(void *)((uint8_t *)(uintptr_t)msg + f->case_offset);
}

static uint8_t wire_type(enum pb_kind kind)
{
    switch (kind) {
    case PB_SFIXED64: return FIXED64;
    case PB_BYTES:
    case PB_STRING:
    case PB_STAMP:
    case PB_DURATION:
    case PB_MSG: return BYTES;
    case PB_INT32:
    case PB_INT64:
    case PB_UINT32:
    case PB_UINT64:
    case PB_BOOL: break;
    }
    return VARINT;
}

static size_t element_size(const struct pb_field_desc *f)
{
    switch ((enum pb_kind)f->kind) {
    case PB_INT32:
    case PB_UINT32: return 4;
    case PB_BOOL: return sizeof(bool);
    case PB_BYTES:
    case PB_STRING: return sizeof(struct span);
    case PB_STAMP: return sizeof(struct stamp);
    case PB_MSG: return f->sub->size;
    case PB_INT64:
    case PB_UINT64:
    case PB_SFIXED64:
    case PB_DURATION: break;
    }
    return 8;
}

static void init(const struct pb_desc *d, void *msg)
{
    for (size_t i = 0; i < d->field_count; i++) {
        const struct pb_field_desc *f = &d->fields[i];

        if (f->label != PB_ONE)
            continue;
        if (f->kind == PB_STAMP)
            *(struct stamp *)member(msg, f) = STAMP_ZERO;
        else if (f->kind == PB_MSG)
            init(f->sub, member(msg, f));
    }
}

static void store_number(void *at, enum pb_kind kind, uint64_t v)
{
    switch (kind) {
    case PB_INT32:
    case PB_UINT32: *(uint32_t *)at = (uint32_t)v; break;
    case PB_BOOL: *(bool *)at = v != 0; break;
    default: *(uint64_t *)at = v; break;
    }
}

static enum reject decode_stamp(struct decoder *dec, struct stamp *t,
                                struct span in)
{
    struct pair p;
    enum reject r = ACCEPT;

    memset(&p, 0, sizeof p);
    r  = decode(dec, &pair_desc, &p, in);
    *t = (struct stamp){ p.seconds, p.nanos };
    return r ? r : stamp_valid(*t) ? ACCEPT : REJECT_RANGE;
}

static enum reject decode_duration(struct decoder *dec, int64_t *ns,
                                   struct span in)
{
    struct pair p;
    enum reject r;

    memset(&p, 0, sizeof p);
    r = decode(dec, &pair_desc, &p, in);
    if (r)
        return r;
    if (p.seconds < -DURATION_SECONDS_MAX || p.seconds > DURATION_SECONDS_MAX ||
        p.nanos <= -1000000000 || p.nanos >= 1000000000 ||
        (p.seconds < 0 && p.nanos > 0) || (p.seconds > 0 && p.nanos < 0) ||
        __builtin_mul_overflow(p.seconds, INT64_C(1000000000), ns) ||
        __builtin_add_overflow(*ns, (int64_t)p.nanos, ns))
        return REJECT_RANGE;
    return ACCEPT;
}

/* One value of f, which is not packed, to its place. */
static enum reject decode_value(struct decoder             *dec,
                                const struct pb_field_desc *f, void *at,
                                const struct pb_field *in)
{
    switch ((enum pb_kind)f->kind) {
    case PB_BYTES:
    case PB_STRING: *(struct span *)at = in->bytes; return ACCEPT;
    case PB_STAMP: return decode_stamp(dec, at, in->bytes);
    case PB_DURATION: return decode_duration(dec, at, in->bytes);
    case PB_MSG: return decode(dec, f->sub, at, in->bytes);
    default: store_number(at, f->kind, in->value); return ACCEPT;
    }
}

/* A fresh message in the arena behind the pointer at `at`. */
static void *fresh(struct decoder *dec, const struct pb_field_desc *f,
                   void **at)
{
    *at = arena_alloc(dec->arena, f->sub->size);
    if (*at)
        init(f->sub, *at);
    return *at;
}

static bool is_packable(enum pb_kind kind)
{
    return wire_type(kind) != BYTES;
}

static size_t count_packed(enum pb_kind kind, struct span in)
{
    size_t n = 0;

    if (wire_type(kind) == FIXED64)
        return in.n / 8;
    for (size_t i = 0; i < in.n; i++)
        n += in.p[i] < 0x80;
    return n;
}

/* gogoproto reads the last number of a packed list to its own end, also when
 * that lies behind the list's: takes those bytes off the front of *in. */
static void take_overrun(struct pb_field *field, const struct pb_field_desc *f,
                         struct span *in)
{
    struct span *list = &field->bytes;

    if (f->label != PB_MANY || field->type != BYTES ||
        wire_type(f->kind) != VARINT)
        return;
    while (list->n && list->p[list->n - 1] >= 0x80 && in->n) {
        list->n++;
        *in = SPAN(in->p + 1, in->n - 1);
    }
}

static enum reject decode_packed(const struct pb_field_desc *f,
                                 struct pb_list *list, struct span in)
{
    uint64_t    v;
    struct span bytes;

    while (in.n) {
        if (!read_value(&in, wire_type(f->kind), &v, &bytes))
            return REJECT_MALFORMED;
        store_number((uint8_t *)list->v + list->n++ * element_size(f), f->kind,
                     v);
    }
    return ACCEPT;
}

static enum reject decode_element(struct decoder             *dec,
                                  const struct pb_field_desc *f,
                                  struct pb_list             *list,
                                  const struct pb_field      *in)
{
    void *at;

    if (in->type == BYTES && is_packable(f->kind))
        return decode_packed(f, list, in->bytes);
    at = (uint8_t *)list->v + list->n++ * element_size(f);
    if (f->kind == PB_MSG)
        init(f->sub, at);
    return decode_value(dec, f, at, in);
}

/* Where in the arena the message of a oneof lies. */
struct choice {
    const void *of; /* which oneof */
    size_t      from, to;
};

/* A message of a oneof replaces the one before, whose memory is given back
 * when nothing has been allocated since: repeating it costs nothing. */
static enum reject decode_choice(struct decoder             *dec,
                                 const struct pb_field_desc *f, void **at,
                                 const struct pb_field *in, struct choice *last)
{
    enum reject r;

    if (last->of == at && last->to == arena_mark(dec->arena))
        arena_release(dec->arena, last->from);
    last->of   = at;
    last->from = arena_mark(dec->arena);
    r = fresh(dec, f, at) ? decode(dec, f->sub, *at, in->bytes) : REJECT_LIMIT;
    last->to = arena_mark(dec->arena);
    return r;
}

static enum reject decode_field(struct decoder             *dec,
                                const struct pb_field_desc *f, void *msg,
                                const struct pb_field *in, struct choice *last)
{
    void *at = member(msg, f);

    if (in->type != wire_type(f->kind) &&
        !(f->label == PB_MANY && in->type == BYTES && is_packable(f->kind)))
        return REJECT_MALFORMED;
    switch ((enum pb_label)f->label) {
    case PB_MANY: return decode_element(dec, f, at, in);
    case PB_OPT:
        if (!*(void **)at && !fresh(dec, f, at))
            return REJECT_LIMIT;
        return decode(dec, f->sub, *(void **)at, in->bytes);
    case PB_CASE:
        *which(msg, f) = (int32_t)f->num;
        return f->kind == PB_MSG ? decode_choice(dec, f, at, in, last)
                                 : decode_value(dec, f, at, in);
    case PB_ONE: break;
    }
    return decode_value(dec, f, at, in);
}

static const struct pb_field_desc *find(const struct pb_desc *d, uint32_t num)
{
    for (size_t i = 0; i < d->field_count; i++)
        if (d->fields[i].num == num)
            return &d->fields[i];
    return NULL;
}

/* The elements that a list of n has room for.  A message that stands k times
 * adds to its lists k times: doubling keeps the cost of that linear in k. */
static size_t capacity(size_t n)
{
    size_t cap = n > 0;

    while (cap < n)
        cap *= 2;
    return cap;
}

static enum reject grow_list(struct decoder *dec, const struct pb_field_desc *f,
                             struct pb_list *list, size_t extra)
{
    size_t n = list->n + extra;
    void  *v;

    if (n > (f->max ? f->max : PB_MANY_MAX))
        return REJECT_LIMIT;
    if (n <= capacity(list->n))
        return ACCEPT;
    v = arena_array(dec->arena, capacity(n), element_size(f));
    if (!v)
        return REJECT_LIMIT;
    if (list->n)
        memcpy(v, list->v, list->n * element_size(f));
    list->v = v;
    return ACCEPT;
}

/* First pass: how many elements does each list get?  Lists of a message that
 * occurs twice are merged, so what is there already stays. */
static enum reject size_lists(struct decoder *dec, const struct pb_desc *d,
                              void *msg, struct span in)
{
    const struct pb_field_desc *f;
    struct pb_field             field;
    size_t                      extra[PB_DEPTH_MAX] = { 0 };
    enum reject                 r                   = ACCEPT;
    int                         more;

    must(d->field_count <= PB_DEPTH_MAX);
    while ((more = pb_next(&in, &field)) > 0) {
        f = find(d, field.num);
        if (!f || f->label != PB_MANY)
            continue;
        take_overrun(&field, f, &in);
        extra[f - d->fields] += field.type == BYTES && is_packable(f->kind)
                                    ? count_packed(f->kind, field.bytes)
                                    : 1;
    }
    if (more < 0)
        return REJECT_MALFORMED;
    for (size_t i = 0; !r && i < d->field_count; i++)
        if (extra[i])
            r = grow_list(dec, &d->fields[i], member(msg, &d->fields[i]),
                          extra[i]);
    return r;
}

static bool has_lists(const struct pb_desc *d)
{
    for (size_t i = 0; i < d->field_count; i++)
        if (d->fields[i].label == PB_MANY)
            return true;
    return false;
}

static enum reject decode(struct decoder *dec, const struct pb_desc *d,
                          void *msg, struct span in)
{
    struct pb_field field;
    struct choice   last = { 0 };
    enum reject     r    = ACCEPT;
    int             more;

    if (++dec->depth > PB_DEPTH_MAX)
        return REJECT_LIMIT;
    if (has_lists(d))
        r = size_lists(dec, d, msg, in);
    while (!r && (more = pb_next(&in, &field)) != 0) {
        const struct pb_field_desc *f;

        if (more < 0)
            return REJECT_MALFORMED;
        f = find(d, field.num);
        if (f) {
            take_overrun(&field, f, &in);
            r = decode_field(dec, f, msg, &field, &last);
        } else if (field.type > FIXED32) {
            r = REJECT_MALFORMED;
        }
    }
    dec->depth--;
    return r;
}

enum reject pb_decode(const struct pb_desc *d, void *msg, struct arena *a,
                      struct span in)
{
    struct decoder dec = { .arena = a };

    memset(msg, 0, d->size);
    init(d, msg);
    return decode(&dec, d, msg, in);
}

/* ---- encoding: sizes first, then from the back to the front ---- */

static size_t uvarint_size(uint64_t v)
{
    size_t n = 1;

    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

static uint64_t load_number(const void *at, enum pb_kind kind)
{
    switch (kind) {
    case PB_INT32: return (uint64_t)(int64_t) * (const int32_t *)at;
    case PB_UINT32: return *(const uint32_t *)at;
    case PB_BOOL: return *(const bool *)at;
    default: return *(const uint64_t *)at;
    }
}

static struct pair pair_of(enum pb_kind kind, const void *at)
{
    if (kind == PB_STAMP) {
        const struct stamp *t = at;

        return (struct pair){ t->seconds, t->nanos };
    }
    return (struct pair){ *(const int64_t *)at / 1000000000,
                          (int32_t)(*(const int64_t *)at % 1000000000) };
}

/* Size of one value without its tag; *is_zero when it may be left out. */
static size_t value_size(const struct pb_field_desc *f, const void *at,
                         bool *is_zero)
{
    struct pair p;
    size_t      n;

    *is_zero = false;
    switch ((enum pb_kind)f->kind) {
    case PB_SFIXED64: *is_zero = load_number(at, f->kind) == 0; return 8;
    case PB_BYTES:
    case PB_STRING:
        n        = ((const struct span *)at)->n;
        *is_zero = n == 0;
        break;
    case PB_STAMP:
    case PB_DURATION:
        p = pair_of(f->kind, at);
        n = pb_size(&pair_desc, &p);
        break;
    case PB_MSG: n = pb_size(f->sub, at); break;
    default:
        *is_zero = load_number(at, f->kind) == 0;
        return uvarint_size(load_number(at, f->kind));
    }
    return uvarint_size(n) + n;
}

static size_t tag_size(const struct pb_field_desc *f)
{
    return uvarint_size((uint64_t)f->num << 3);
}

static size_t packed_size(const struct pb_field_desc *f,
                          const struct pb_list       *list)
{
    size_t n = 0, step = element_size(f);
    bool   is_zero;

    for (size_t i = 0; i < list->n; i++)
        n += value_size(f, (const uint8_t *)list->v + i * step, &is_zero);
    return n;
}

static size_t list_size(const struct pb_field_desc *f,
                        const struct pb_list       *list)
{
    size_t n = 0, step = element_size(f);
    bool   is_zero;

    if (list->n == 0)
        return 0;
    if (is_packable(f->kind)) {
        n = packed_size(f, list);
        return tag_size(f) + uvarint_size(n) + n;
    }
    for (size_t i = 0; i < list->n; i++)
        n += tag_size(f) +
             value_size(f, (const uint8_t *)list->v + i * step, &is_zero);
    return n;
}

/* Where the value of a field that is to be written stands, or NULL. */
static const void *present(const struct pb_field_desc *f, const void *msg)
{
    const void *at = member(msg, f);

    switch ((enum pb_label)f->label) {
    case PB_OPT: return *(void *const *)at;
    case PB_CASE:
        if (*which(msg, f) != (int32_t)f->num)
            return NULL;
        return f->kind == PB_MSG ? *(void *const *)at : at;
    case PB_ONE:
    case PB_MANY: break;
    }
    return at;
}

size_t pb_size(const struct pb_desc *d, const void *msg)
{
    size_t total = 0;

    for (size_t i = 0; i < d->field_count; i++) {
        const struct pb_field_desc *f  = &d->fields[i];
        const void                 *at = present(f, msg);
        bool                        is_zero;
        size_t                      n;

        if (!at)
            continue;
        if (f->label == PB_MANY) {
            total += list_size(f, at);
            continue;
        }
        n = value_size(f, at, &is_zero);
        if (!is_zero || f->label == PB_CASE)
            total += tag_size(f) + n;
    }
    return total;
}

static void back_uvarint(uint8_t **p, uint64_t v)
{
    uint8_t *at;

    *p -= uvarint_size(v);
    for (at = *p; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at = (uint8_t)v;
}

static void back_bytes(uint8_t **p, struct span s)
{
    *p -= s.n;
    if (s.n)
        memcpy(*p, s.p, s.n);
}

static void back_message(uint8_t **p, const struct pb_desc *d, const void *msg);

static void back_value(uint8_t **p, const struct pb_field_desc *f,
                       const void *at)
{
    uint8_t    *end = *p;
    struct pair pair;

    switch ((enum pb_kind)f->kind) {
    case PB_SFIXED64:
        *p -= 8;
        store_le64(*p, load_number(at, f->kind));
        return;
    case PB_BYTES:
    case PB_STRING: back_bytes(p, *(const struct span *)at); break;
    case PB_STAMP:
    case PB_DURATION:
        pair = pair_of(f->kind, at);
        back_message(p, &pair_desc, &pair);
        break;
    case PB_MSG: back_message(p, f->sub, at); break;
    default: back_uvarint(p, load_number(at, f->kind)); return;
    }
    back_uvarint(p, (uint64_t)(end - *p));
}

static void back_tag(uint8_t **p, const struct pb_field_desc *f, uint8_t type)
{
    back_uvarint(p, (uint64_t)f->num << 3 | type);
}

static void back_list(uint8_t **p, const struct pb_field_desc *f,
                      const struct pb_list *list)
{
    uint8_t *end  = *p;
    size_t   step = element_size(f);

    if (list->n == 0)
        return;
    for (size_t i = list->n; i-- > 0;) {
        back_value(p, f, (const uint8_t *)list->v + i * step);
        if (!is_packable(f->kind))
            back_tag(p, f, wire_type(f->kind));
    }
    if (is_packable(f->kind)) {
        back_uvarint(p, (uint64_t)(end - *p));
        back_tag(p, f, BYTES);
    }
}

static void back_message(uint8_t **p, const struct pb_desc *d, const void *msg)
{
    for (size_t i = d->field_count; i-- > 0;) {
        const struct pb_field_desc *f  = &d->fields[i];
        const void                 *at = present(f, msg);
        bool                        is_zero;

        if (!at)
            continue;
        if (f->label == PB_MANY) {
            back_list(p, f, at);
            continue;
        }
        if (f->label == PB_ONE && f->kind != PB_MSG) {
            value_size(f, at, &is_zero);
            if (is_zero)
                continue;
        }
        back_value(p, f, at);
        back_tag(p, f, wire_type(f->kind));
    }
}

void pb_encode_to(const struct pb_desc *d, const void *msg, uint8_t *out,
                  size_t size)
{
    uint8_t *p = out + size;

    back_message(&p, d, msg);
    must(p == out);
}

struct span pb_encode(const struct pb_desc *d, const void *msg, struct arena *a)
{
    size_t   n   = pb_size(d, msg);
    uint8_t *out = arena_alloc(a, n + 1); /* never NULL for an empty one */

    if (!out)
        return (struct span){ NULL, n };
    pb_encode_to(d, msg, out, n);
    return SPAN(out, n);
}

struct span pb_encode_delimited(const struct pb_desc *d, const void *msg,
                                struct arena *a)
{
    size_t   n = pb_size(d, msg), prefix = uvarint_size(n);
    uint8_t *out = arena_alloc(a, prefix + n), *p;

    if (!out)
        return (struct span){ NULL, prefix + n };
    p = out + prefix;
    pb_encode_to(d, msg, p, n);
    back_uvarint(&p, n);
    return SPAN(out, prefix + n);
}
