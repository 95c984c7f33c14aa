/* write - JSON as Go's encoding/json prints it, straight into a buffer.
 *
 * Shapes:  strings escape <, >, & and U+2028, U+2029 as \u...., broken UTF-8
 *          as \ufffd; commas and indentation come by themselves.
 * Memory:  nothing but the buffer; whether it was large enough is asked once
 *          at the end (is_full).  Nesting is at most 64 deep. */
#ifndef WARREN_JSON_WRITE_H
#define WARREN_JSON_WRITE_H

#include "base/buf.h"
#include "base/stamp.h"

struct json_writer {
    struct buf *out;
    uint64_t    has_items; /* a bit per depth */
    uint8_t     depth;
    uint8_t     indent; /* spaces per depth; 0 prints one line */
    bool        is_after_key;
};

void jw_init(struct json_writer *w, struct buf *out, uint8_t indent);

void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
/* jw_key - the name of the member whose value comes next. */
void jw_key(struct json_writer *w, const char *key);
void jw_key_span(struct json_writer *w, struct span key);

void jw_null(struct json_writer *w);
void jw_bool(struct json_writer *w, bool v);
void jw_str(struct json_writer *w, struct span text);
void jw_cstr(struct json_writer *w, const char *text);
/* Numbers as such (32 bits and less), and as strings (64 bits). */
void jw_int(struct json_writer *w, int64_t v);
void jw_int_text(struct json_writer *w, int64_t v);
void jw_uint_text(struct json_writer *w, uint64_t v);
/* jw_double - the shortest text that reads back the same. */
void jw_double(struct json_writer *w, double v);
/* jw_base64 - a string; null when bytes.n is 0, as a nil slice prints. */
void jw_base64(struct json_writer *w, struct span bytes);
/* jw_base64_text - a string, "" when empty. */
void jw_base64_text(struct json_writer *w, struct span bytes);
void jw_hex(struct json_writer *w, struct span bytes); /* lower case */
void jw_hex_upper(struct json_writer *w, struct span bytes);
void jw_stamp(struct json_writer *w, struct stamp t); /* RFC3339Nano */
/* jw_raw - a value that is JSON already. */
void jw_raw(struct json_writer *w, struct span json);
/* jw_reprint - the same for valid JSON of any layout: white space goes or
 * becomes ours, strings and numbers stay as they stand but for the escapes
 * of <, >, & and U+2028, U+2029.  Any depth. */
void jw_reprint(struct json_writer *w, struct span json);

/* A member in one call. */
#define JW(w, key, kind, value) (jw_key((w), (key)), jw_##kind((w), (value)))

#endif
