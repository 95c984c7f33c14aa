#include "json/write.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64 };

void jw_init(struct json_writer *w, struct buf *out, uint8_t indent)
{
    *w = (struct json_writer){ .out = out, .indent = indent };
}

static void new_line_at(struct json_writer *w, size_t depth)
{
    if (!w->indent)
        return;
    buf_byte(w->out, '\n');
    for (size_t i = 0; i < depth * w->indent; i++)
        buf_byte(w->out, ' ');
}

static void new_line(struct json_writer *w)
{
    new_line_at(w, w->depth);
}

/* What stands before a value or key: a comma, a line, or nothing. */
static void begin_item(struct json_writer *w)
{
    uint64_t bit;

    if (w->is_after_key) {
        w->is_after_key = false;
        return;
    }
    if (w->depth == 0)
        return;
    bit = UINT64_C(1) << (w->depth - 1);
    if (w->has_items & bit)
        buf_byte(w->out, ',');
    w->has_items |= bit;
    new_line(w);
}

static void open(struct json_writer *w, uint8_t bracket)
{
    begin_item(w);
    buf_byte(w->out, bracket);
    must(w->depth < DEPTH_MAX);
    w->has_items &= ~(UINT64_C(1) << w->depth++);
}

static void close(struct json_writer *w, uint8_t bracket)
{
    bool had_items;

    must(w->depth > 0);
    had_items = w->has_items >> --w->depth & 1;
    if (had_items)
        new_line(w);
    buf_byte(w->out, bracket);
}

void jw_object(struct json_writer *w)
{
    open(w, '{');
}

void jw_object_end(struct json_writer *w)
{
    close(w, '}');
}

void jw_array(struct json_writer *w)
{
    open(w, '[');
}

void jw_array_end(struct json_writer *w)
{
    close(w, ']');
}

/* ---- strings ---- */

/* Bytes of the well-formed character at p[i], or 0. */
static size_t char_size(struct span s, size_t i)
{
    uint8_t c = s.p[i];
    size_t  n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint8_t second;

    if (n < 2)
        return n;
    if (c > 0xf4 || s.n - i < n)
        return 0;
    for (size_t k = 1; k < n; k++)
        if ((s.p[i + k] & 0xc0) != 0x80)
            return 0;
    second = s.p[i + 1];
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
        return 0;
    return n;
}

static void add_escape(struct buf *out, uint8_t c)
{
    switch (c) {
    case '"': buf_str(out, "\\\""); break;
    case '\\': buf_str(out, "\\\\"); break;
    case '\b': buf_str(out, "\\b"); break;
    case '\f': buf_str(out, "\\f"); break;
    case '\n': buf_str(out, "\\n"); break;
    case '\r': buf_str(out, "\\r"); break;
    case '\t': buf_str(out, "\\t"); break;
    default: buf_printf(out, "\\u%04x", c); break;
    }
}

static bool is_plain(uint8_t c)
{
    return c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' &&
           c != '&';
}

static bool is_line_separator(struct span s, size_t i)
{
    return s.p[i] == 0xe2 && s.p[i + 1] == 0x80 && (s.p[i + 2] | 1) == 0xa9;
}

static void add_text(struct buf *out, struct span s)
{
    size_t from = 0, n;

    buf_byte(out, '"');
    for (size_t i = 0; i < s.n; i += n) {
        n = char_size(s, i);
        if ((n == 1 && is_plain(s.p[i])) || n == 2 || n == 4 ||
            (n == 3 && !is_line_separator(s, i)))
            continue;
        buf_add(out, SPAN(s.p + from, i - from));
        if (n == 3)
            buf_printf(out, "\\u20%02x", s.p[i + 2] - 0x80);
        else if (n == 1)
            add_escape(out, s.p[i]);
        else
            buf_str(out, "\\ufffd");
        n    = n ? n : 1;
        from = i + n;
    }
    if (s.n > from)
        buf_add(out, SPAN(s.p + from, s.n - from));
    buf_byte(out, '"');
}

void jw_key_span(struct json_writer *w, struct span key)
{
    begin_item(w);
    add_text(w->out, key);
    buf_str(w->out, w->indent ? ": " : ":");
    w->is_after_key = true;
}

void jw_key(struct json_writer *w, const char *key)
{
    jw_key_span(w, span_str(key));
}

void jw_str(struct json_writer *w, struct span text)
{
    begin_item(w);
    add_text(w->out, text);
}

void jw_cstr(struct json_writer *w, const char *text)
{
    jw_str(w, span_str(text));
}

/* ---- everything else ---- */

void jw_raw(struct json_writer *w, struct span json)
{
    begin_item(w);
    buf_add(w->out, json);
}

/* Copies the string that begins at json[i]; where it ends. */
static size_t reprint_string(struct buf *out, struct span json, size_t i)
{
    bool is_escaped = false;

    for (size_t from = i; i < json.n; i++) {
        uint8_t c = json.p[i];

        if (c == '<' || c == '>' || c == '&')
            buf_printf(out, "\\u%04x", c);
        else if (c == 0xe2 && json.n - i > 2 && is_line_separator(json, i))
            buf_printf(out, "\\u20%02x", json.p[i += 2] - 0x80);
        else
            buf_byte(out, c);
        if (c == '"' && !is_escaped && i > from)
            return i + 1;
        is_escaped = c == '\\' && !is_escaped;
    }
    return i;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void jw_reprint(struct json_writer *w, struct span json)
{
    size_t  depth = w->depth;
    uint8_t last  = 0; /* the last byte that is no space */

    begin_item(w);
    for (size_t i = 0; i < json.n;) {
        uint8_t c         = json.p[i];
        bool    is_opened = last == '{' || last == '[';

        if (is_space(c)) {
            i++;
            continue;
        }
        last = c;
        if (c == '}' || c == ']') {
            depth--;
            if (!is_opened)
                new_line_at(w, depth);
        } else if (is_opened) {
            new_line_at(w, depth);
        }
        if (c == '"') {
            i = reprint_string(w->out, json, i);
            continue;
        }
        buf_byte(w->out, c);
        depth += c == '{' || c == '[';
        if (c == ',')
            new_line_at(w, depth);
        if (c == ':' && w->indent)
            buf_byte(w->out, ' ');
        i++;
    }
}

void jw_null(struct json_writer *w)
{
    jw_raw(w, span_str("null"));
}

void jw_bool(struct json_writer *w, bool v)
{
    jw_raw(w, span_str(v ? "true" : "false"));
}

void jw_int(struct json_writer *w, int64_t v)
{
    begin_item(w);
    buf_printf(w->out, "%" PRId64, v);
}

void jw_int_text(struct json_writer *w, int64_t v)
{
    begin_item(w);
    buf_printf(w->out, "\"%" PRId64 "\"", v);
}

void jw_uint_text(struct json_writer *w, uint64_t v)
{
    begin_item(w);
    buf_printf(w->out, "\"%" PRIu64 "\"", v);
}

void jw_double(struct json_writer *w, double v)
{
    char text[40];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    jw_raw(w, span_str(text));
}

void jw_base64_text(struct json_writer *w, struct span bytes)
{
    begin_item(w);
    buf_byte(w->out, '"');
    buf_base64(w->out, bytes);
    buf_byte(w->out, '"');
}

void jw_base64(struct json_writer *w, struct span bytes)
{
    if (bytes.n)
        jw_base64_text(w, bytes);
    else
        jw_null(w);
}

void jw_hex(struct json_writer *w, struct span bytes)
{
    begin_item(w);
    buf_byte(w->out, '"');
    buf_hex(w->out, bytes);
    buf_byte(w->out, '"');
}

void jw_hex_upper(struct json_writer *w, struct span bytes)
{
    begin_item(w);
    buf_byte(w->out, '"');
    buf_hex_upper(w->out, bytes);
    buf_byte(w->out, '"');
}

void jw_stamp(struct json_writer *w, struct stamp t)
{
    begin_item(w);
    buf_byte(w->out, '"');
    stamp_print(w->out, t);
    buf_byte(w->out, '"');
}
