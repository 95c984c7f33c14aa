/* Answers, as text for people or JSON for programs. */
#include "cli.h"

#include <stdlib.h>

enum { OUT_BYTES_MAX = 256 << 20, KEY_WIDTH = 18 };

void out_begin(struct cli *c)
{
    buf_init(&c->out, OUT_BYTES_MAX);
    jw_init(&c->json, &c->out, 2);
    if (c->is_json)
        jw_object(&c->json);
}

/* What stands before a value in text. */
static void begin_text(struct cli *c, const char *key)
{
    if (c->is_in_item)
        buf_str(&c->out, c->has_fields ? "  " : "");
    else
        buf_printf(&c->out, "%-*s ", KEY_WIDTH, key);
    c->has_fields = true;
}

static void end_text(struct cli *c)
{
    if (!c->is_in_item)
        buf_byte(&c->out, '\n');
}

void out_span(struct cli *c, const char *key, struct span value)
{
    if (c->is_json) {
        jw_key(&c->json, key);
        jw_str(&c->json, value);
        return;
    }
    begin_text(c, key);
    buf_add(&c->out, value);
    end_text(c);
}

void out_str(struct cli *c, const char *key, const char *value)
{
    out_span(c, key, span_str(value));
}

void out_int(struct cli *c, const char *key, int64_t value)
{
    if (c->is_json) {
        jw_key(&c->json, key);
        jw_int(&c->json, value);
        return;
    }
    begin_text(c, key);
    buf_printf(&c->out, "%" PRId64, value);
    end_text(c);
}

void out_bool(struct cli *c, const char *key, bool value)
{
    if (c->is_json) {
        jw_key(&c->json, key);
        jw_bool(&c->json, value);
        return;
    }
    if (c->is_in_item) /* a row has no names: say what is so, or "-" */
        out_str(c, key, value ? key : "-");
    else
        out_str(c, key, value ? "yes" : "no");
}

void out_json(struct cli *c, const char *key, struct span json)
{
    if (c->is_json) {
        jw_key(&c->json, key);
        jw_raw(&c->json, json);
        return;
    }
    begin_text(c, key);
    buf_add(&c->out, json);
    end_text(c);
}

void out_list(struct cli *c, const char *key)
{
    if (!c->is_json)
        return;
    jw_key(&c->json, key);
    jw_array(&c->json);
}

void out_item(struct cli *c)
{
    c->is_in_item = true;
    c->has_fields = false;
    if (c->is_json)
        jw_object(&c->json);
}

void out_item_end(struct cli *c)
{
    c->is_in_item = false;
    if (c->is_json)
        jw_object_end(&c->json);
    else
        buf_byte(&c->out, '\n');
}

void out_list_end(struct cli *c)
{
    if (c->is_json)
        jw_array_end(&c->json);
}

enum err out_end(struct cli *c)
{
    enum err code = OK;

    if (c->is_json) {
        jw_object_end(&c->json);
        buf_byte(&c->out, '\n');
    }
    if (c->out.is_full ||
        fwrite(c->out.p, 1, c->out.len, stdout) != c->out.len ||
        fflush(stdout) != 0)
        code = fail(ERR_DISK, "standard output: cannot be written");
    if (c->out.p) /* it may hold the words of a key */
        explicit_bzero(c->out.p, c->out.len);
    buf_fini(&c->out);
    return code;
}
