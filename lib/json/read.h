/* read - JSON texts, strictly or as Go's encoding/json takes them.
 *
 * Shapes:  depth at most JSON_DEPTH_MAX, strings well-formed UTF-8, numbers
 *          within int64 or finite; nothing but white space may follow.
 * Memory:  a document owns its values on the heap until json_doc_fini, which
 *          wipes them; string spans borrow from it. */
#ifndef WARREN_JSON_READ_H
#define WARREN_JSON_READ_H

#include "base/arena.h"
#include "base/err.h"
#include "base/stamp.h"

enum { JSON_DEPTH_MAX = 128 };

enum json_kind {
    JV_NULL,
    JV_BOOL,
    JV_INT,  /* a number without fraction or exponent */
    JV_REAL, /* any other number */
    JV_STRING,
    JV_ARRAY,
    JV_OBJECT,
};

struct json_value; /* opaque, owned by its document */

struct json_doc {
    struct json_value *root;
    struct span        text;
    char               why[160]; /* after a reject: "line 3: ..." */
};

enum json_keys {
    JSON_KEYS_UNIQUE,    /* a key that stands twice is refused */
    JSON_KEYS_LAST_WINS, /* as Go reads */
};

/* json_doc_parse - REJECT_MALFORMED or REJECT_LIMIT with d->why; then there
 * is nothing to free. */
NODISCARD enum reject json_doc_parse(struct json_doc *d, struct span text,
                                     enum json_keys keys);
void                  json_doc_fini(struct json_doc *d);

/* json_member_text - the value of a member of the root object as it stands
 * in the text, without surrounding space; n is 0 when there is none. */
struct span json_member_text(const struct json_doc *d, const char *key);

/* Every function below takes NULL for a value that is not there. */
enum json_kind json_kind(const struct json_value *v);
bool           json_is(const struct json_value *v, enum json_kind kind);

const struct json_value *json_get(const struct json_value *object,
                                  const char              *key);
/* json_get_folded - as Go matches: exactly, else without regard to case. */
const struct json_value *json_get_folded(const struct json_value *object,
                                         const char              *key);
size_t                   json_count(const struct json_value *v);
const struct json_value *json_item(const struct json_value *array, size_t i);
/* json_each - members of an object in the order of the text: *at starts as
 * NULL; false at the end. */
bool json_each(const struct json_value *object, void **at, const char **key,
               const struct json_value **value);

/* Typed reads: false and *out untouched when the kind or form differs. */
NODISCARD bool json_read_bool(bool *out, const struct json_value *v);
NODISCARD bool json_read_int(int64_t *out, const struct json_value *v);
NODISCARD bool json_read_double(double *out, const struct json_value *v);
NODISCARD bool json_read_str(struct span *out, const struct json_value *v);
/* Numbers in strings, as 64-bit ones are written. */
NODISCARD bool json_read_int_text(int64_t *out, const struct json_value *v);
NODISCARD bool json_read_uint_text(uint64_t *out, const struct json_value *v);
/* Bytes in the arena; json_read_base64 also takes null, as no bytes. */
NODISCARD bool json_read_base64(struct span *out, const struct json_value *v,
                                struct arena *a);
NODISCARD bool json_read_hex(struct span *out, const struct json_value *v,
                             struct arena *a);
NODISCARD bool json_read_stamp(struct stamp *out, const struct json_value *v);

#endif
