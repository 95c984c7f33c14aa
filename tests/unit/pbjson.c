#include "pbjson.h"

#include "base/buf.h"
#include "base/text.h"
#include "test.h"

#include <stdio.h>

static void *member(const void *msg, const struct pb_field_desc *f)
{
    return (uint8_t *)(uintptr_t)msg + f->offset;
}

static int32_t *which(const void *msg, const struct pb_field_desc *f)
{
    return (int32_t *)(void *)((uint8_t *)(uintptr_t)msg + f->case_offset);
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
    default: return 8;
    }
}

/* ---- out ---- */

static json_t *int_json(const char *fmt, int64_t v)
{
    char text[32];

    snprintf(text, sizeof text, fmt, v);
    return json_string(text);
}

static json_t *hex_json(struct span s)
{
    struct buf b;
    json_t    *out;

    buf_init(&b, s.n * 2 + 1);
    buf_hex(&b, s);
    out = json_string(buf_cstr(&b));
    buf_fini(&b);
    return out;
}

static json_t *value_json(const struct pb_field_desc *f, const void *at)
{
    const struct span  *s = at;
    const struct stamp *t = at;

    switch ((enum pb_kind)f->kind) {
    case PB_INT32: return json_integer(*(const int32_t *)at);
    case PB_UINT32: return json_integer(*(const uint32_t *)at);
    case PB_BOOL: return json_boolean(*(const bool *)at);
    case PB_UINT64: return int_json("%" PRIu64, *(const int64_t *)at);
    case PB_INT64:
    case PB_SFIXED64:
    case PB_DURATION: return int_json("%" PRId64, *(const int64_t *)at);
    case PB_BYTES: return hex_json(*s);
    case PB_STRING: return json_stringn(s->n ? (const char *)s->p : "", s->n);
    case PB_STAMP:
        return json_pack("{s:o,s:i}", "seconds",
                         int_json("%" PRId64, t->seconds), "nanos",
                         (int)t->nanos);
    case PB_MSG: break;
    }
    return pb_to_json(f->sub, at);
}

static json_t *list_json(const struct pb_field_desc *f,
                         const struct pb_list       *list)
{
    json_t *out = json_array();

    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(
            out, value_json(f, (const uint8_t *)list->v + i * element_size(f)));
    return out;
}

json_t *pb_to_json(const struct pb_desc *d, const void *msg)
{
    json_t *out = json_object();

    for (size_t i = 0; i < d->field_count; i++) {
        const struct pb_field_desc *f  = &d->fields[i];
        const void                 *at = member(msg, f);

        if (f->label == PB_CASE && *which(msg, f) != (int32_t)f->num)
            continue;
        if (f->label == PB_MANY)
            json_object_set_new(out, f->name, list_json(f, at));
        else if (f->label == PB_OPT && !*(void *const *)at)
            json_object_set_new(out, f->name, json_null());
        else if (f->label == PB_OPT ||
                 (f->label == PB_CASE && f->kind == PB_MSG))
            json_object_set_new(out, f->name,
                                pb_to_json(f->sub, *(void *const *)at));
        else
            json_object_set_new(out, f->name, value_json(f, at));
    }
    return out;
}

/* ---- in ---- */

static bool value_from(const struct pb_field_desc *f, void *at,
                       const json_t *json, struct arena *a)
{
    const char   *text = json_string_value(json);
    struct stamp *t    = at;

    switch ((enum pb_kind)f->kind) {
    case PB_INT32:
    case PB_UINT32:
        *(uint32_t *)at = (uint32_t)json_integer_value(json);
        return json_is_integer(json);
    case PB_BOOL:
        *(bool *)at = json_is_true(json);
        return json_is_boolean(json);
    case PB_UINT64: return text && uint64_parse(at, span_str(text));
    case PB_INT64:
    case PB_SFIXED64:
    case PB_DURATION: return text && int64_parse(at, span_str(text));
    case PB_BYTES: *(struct span *)at = hex_span(text, a); return true;
    case PB_STRING:
        *(struct span *)at = SPAN(text, json_string_length(json));
        return text != NULL;
    case PB_STAMP:
        t->seconds = vec_int(json, "seconds");
        t->nanos   = (int32_t)vec_int(json, "nanos");
        return true;
    case PB_MSG: break;
    }
    return pb_from_json(f->sub, at, json, a);
}

static bool list_from(const struct pb_field_desc *f, struct pb_list *list,
                      const json_t *json, struct arena *a)
{
    list->n = json_array_size(json);
    list->v = arena_array(a, list->n, element_size(f));
    for (size_t i = 0; i < list->n; i++)
        if (!value_from(f, (uint8_t *)list->v + i * element_size(f),
                        json_array_get(json, i), a))
            return false;
    return json_is_array(json);
}

static bool field_from(const struct pb_field_desc *f, void *msg,
                       const json_t *json, struct arena *a)
{
    void *at = member(msg, f);

    if (f->label == PB_MANY)
        return list_from(f, at, json, a);
    if (f->label == PB_CASE)
        *which(msg, f) = (int32_t)f->num;
    if (f->label == PB_OPT && json_is_null(json))
        return true;
    if (f->label == PB_OPT || (f->label == PB_CASE && f->kind == PB_MSG)) {
        *(void **)at = arena_alloc(a, f->sub->size);
        return pb_from_json(f->sub, *(void **)at, json, a);
    }
    return value_from(f, at, json, a);
}

static const struct pb_field_desc *find(const struct pb_desc *d,
                                        const char           *name)
{
    for (size_t i = 0; i < d->field_count; i++)
        if (strcmp(d->fields[i].name, name) == 0)
            return &d->fields[i];
    return NULL;
}

bool pb_from_json(const struct pb_desc *d, void *msg, const json_t *json,
                  struct arena *a)
{
    const char *key;
    json_t     *value;

    memset(msg, 0, d->size);
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        const struct pb_field_desc *f = find(d, key);

        if (!f || !field_from(f, msg, value, a))
            return false;
    }
    return json_is_object(json);
}
