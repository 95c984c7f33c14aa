/* gojson - JSON read with the verdicts and error texts of Go's encoding/json,
 * because clients of CometBFT's RPC see those texts.
 *
 * Source:  RFC 8259; observed answers of CometBFT v0.38's RPC.
 * Shapes:  a value is a span of text that gojson_check has accepted, without
 *          surrounding white space; depth is at most 10,000.
 * Memory:  nothing is allocated but unquoted strings, in the arena. */
#ifndef WARREN_GOJSON_H
#define WARREN_GOJSON_H

#include "base/arena.h"
#include "base/buf.h"

/* gojson_check - is text one JSON value?  *value becomes it, trimmed; if not,
 * error gets Go's text.  With is_prefix data behind the value is ignored, and
 * texts are those of Go's Decoder. */
NODISCARD bool gojson_check(struct span text, bool is_prefix,
                            struct span *value, struct buf *error);

enum gojson_kind {
    GOJSON_NULL,
    GOJSON_BOOL,
    GOJSON_NUMBER,
    GOJSON_STRING,
    GOJSON_ARRAY,
    GOJSON_OBJECT,
};
enum gojson_kind gojson_kind(struct span value);
const char      *gojson_kind_name(enum gojson_kind k); /* as in Go's errors */

/* gojson_next - walk the members of a checked array or object: start with
 * *rest = value; key (raw, with quotes) is empty in arrays. */
NODISCARD bool gojson_next(struct span *rest, struct span *key,
                           struct span *value);

/* gojson_unquote - the text of a checked string as UTF-8; what is not UTF-8
 * becomes U+FFFD.  p is NULL when the arena is full. */
struct span gojson_unquote(struct span value, struct arena *a);

/* gojson_quote - text as Go's json.Marshal writes a string. */
void gojson_quote(struct buf *out, struct span text);
/* gojson_compact - a checked text without blanks between its tokens and with
 * <, > and & escaped, as json.Marshal embeds raw text. */
void gojson_compact(struct buf *out, struct span text);
/* gojson_go_quote - text as Go's %q prints it. */
void gojson_go_quote(struct buf *out, struct span text);

#endif
