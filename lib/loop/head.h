/* head - the head of an HTTP/1 request, line by line as it comes, and how long
 * the body behind it is.
 *
 * Source:  RFC 9112; what Go's net/http takes and refuses, and its words: who
 *          stands between us and a client shall not read another request.
 * Shapes:  a refusal is a status and its reason, and the body of the answer,
 *          after which nothing is read any more.
 * Memory:  the head itself, at most max bytes. */
#ifndef WARREN_HEAD_H
#define WARREN_HEAD_H

#include "base/buf.h"

enum head_what { HEAD_MORE, HEAD_WHOLE, HEAD_REFUSED };

struct head {
    struct buf  text; /* each part ended by a zero; then the line to come */
    size_t      line, bytes, max;
    size_t      path, query, host; /* offsets; host 0: none in the target */
    size_t      headers;           /* offset: name, value, name, value ... */
    int         major, minor;
    bool        has_line, has_header, is_chunked, is_star;
    uint64_t    length; /* of the body, when it is not chunked */
    bool        is_keep_alive;
    const char *refusal, *refusal_body;
};

void head_init(struct head *h, size_t max);
void head_fini(struct head *h);

/* head_take - go on with in; *used of it belonged to the head. */
NODISCARD enum head_what head_take(struct head *h, struct span in,
                                   size_t *used);

const char *head_method(const struct head *h);
const char *head_path(const struct head *h); /* still escaped */
const char *head_query(const struct head *h);
const char *head_host(const struct head *h);
/* head_value - the first value of a header, NULL when there is none.
 * head_has_token - does its first value list token?  Case does not matter. */
const char *head_value(const struct head *h, const char *name);
bool head_has_token(const struct head *h, const char *name, const char *token);
bool head_is_old(const struct head *h); /* before HTTP/1.1 */

#endif
