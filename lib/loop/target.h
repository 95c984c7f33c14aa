/* target - what a request asks for: the target in its line.
 *
 * Source:  RFC 9112 section 3.2; what Go's net/url takes and refuses.
 * Memory:  allocates nothing but in a buf. */
#ifndef WARREN_TARGET_H
#define WARREN_TARGET_H

#include "base/buf.h"

/* Texts inside the target that was cut up. */
struct target {
    const char *path;  /* still escaped, or "*", or "" */
    const char *query; /* "" when none */
    const char *host;  /* NULL when the target has none */
};

/* target_cut - cut text (ended by a zero) up in place; false when it is none.
 * is_authority: it is host and port, as CONNECT has it, and no path. */
NODISCARD bool target_cut(struct target *t, char *text, bool is_authority);

/* path_escape - every byte escaped that a path cannot hold.
 * path_unescape - the bytes that an escaped path stands for.
 * path_normal - the escaped form: path itself when it is well escaped.
 * path_clean - without "//", "." and "..". */
void path_escape(struct buf *out, struct span path);
void path_unescape(struct buf *out, const char *path);
void path_normal(struct buf *out, const char *path);
void path_clean(struct buf *out, const char *path);

#endif
