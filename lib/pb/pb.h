/* pb - protobuf, equal in verdict, value and bytes to gogoproto's code.
 *
 * Source:  the protobuf encoding guide; the generated Go of CometBFT v0.38
 *          (what it accepts is wider than the guide: tags, lengths and values
 *          of up to ten bytes, unknown groups whose ends do not match).
 * Shapes:  a message is a C struct described by a struct pb_desc:
 *          PB_ONE   scalar or span, omitted when zero; a message is an
 *                   embedded struct and always written;
 *          PB_OPT   pointer to a message, NULL when absent;
 *          PB_MANY  struct pb_list of elements; numbers are packed;
 *          PB_CASE  oneof member: an int32_t at case_offset holds the number
 *                   of the member that is set (0: none); members share one
 *                   offset; messages by pointer, spans and numbers inline.
 *          PB_STAMP is a struct stamp: always written, year 1 when absent,
 *          refused out of range.  PB_DURATION is an int64_t in nanoseconds.
 * Memory:  decoding allocates lists and pointed-to messages in the arena;
 *          spans borrow from the input. */
#ifndef WARREN_PB_H
#define WARREN_PB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/stamp.h"

enum pb_kind {
    PB_INT32, /* also enums */
    PB_INT64,
    PB_UINT32,
    PB_UINT64,
    PB_BOOL,
    PB_SFIXED64,
    PB_BYTES,
    PB_STRING,
    PB_STAMP,
    PB_DURATION,
    PB_MSG,
};

enum pb_label { PB_ONE, PB_OPT, PB_MANY, PB_CASE };

struct pb_list {
    void  *v;
    size_t n;
};

struct pb_desc;

struct pb_field_desc {
    const char           *name;
    const struct pb_desc *sub; /* PB_MSG */
    uint32_t              num;
    uint32_t              max; /* PB_MANY: elements; 0 is PB_MANY_MAX */
    uint16_t              offset;
    uint16_t              case_offset; /* PB_CASE */
    uint8_t               kind, label;
};

enum { PB_MANY_MAX = 1 << 20, PB_DEPTH_MAX = 32 };

/* Fields stand in ascending order of number. */
struct pb_desc {
    const char                 *name;
    const struct pb_field_desc *fields;
    size_t                      field_count;
    size_t                      size; /* of the struct */
};

#define PB_FIELD(type, n, member, k)                                           \
    {                                                                          \
        .name = #member, .num = (n), .offset = offsetof(type, member),         \
        .kind = (k), .label = PB_ONE                                           \
    }
#define PB_SUB(type, n, member, d)                                             \
    {                                                                          \
        .name = #member, .num = (n), .offset = offsetof(type, member),         \
        .kind = PB_MSG, .label = PB_ONE, .sub = &(d)                           \
    }
#define PB_PTR(type, n, member, d)                                             \
    {                                                                          \
        .name = #member, .num = (n), .offset = offsetof(type, member),         \
        .kind = PB_MSG, .label = PB_OPT, .sub = &(d)                           \
    }
#define PB_LIST(type, n, member, k, limit)                                     \
    {                                                                          \
        .name = #member, .num = (n), .offset = offsetof(type, member),         \
        .kind = (k), .label = PB_MANY, .max = (limit)                          \
    }
#define PB_SUBS(type, n, member, d, limit)                                     \
    {                                                                          \
        .name = #member, .num = (n), .offset = offsetof(type, member),         \
        .kind = PB_MSG, .label = PB_MANY, .sub = &(d), .max = (limit)          \
    }
#define PB_ONEOF(type, n, which, member, k)                                    \
    {                                                                          \
        .name = #member, .num = (n), .offset = offsetof(type, member),         \
        .kind = (k), .label = PB_CASE, .case_offset = offsetof(type, which)    \
    }
#define PB_ONEOF_MSG(type, n, which, member, d)                                \
    {                                                                          \
        .name = #member, .num = (n), .offset = offsetof(type, member),         \
        .kind = PB_MSG, .label = PB_CASE, .sub = &(d),                         \
        .case_offset = offsetof(type, which)                                   \
    }
/* PB_DESC(vote_desc, struct vote, PB_FIELD(...), ...) defines the object. */
#define PB_DESC(object, type, ...)                                             \
    static const struct pb_field_desc object##_fields[] = { __VA_ARGS__ };     \
    const struct pb_desc              object = { #object, object##_fields,     \
                                                 COUNT(object##_fields), sizeof(type) }

/* pb_decode - bytes into *msg, which is zeroed first (stamps to year 1).
 *
 * REJECT_LIMIT when a list is over its bound or the arena is full.  On
 * reject *msg is garbage. */
NODISCARD enum reject pb_decode(const struct pb_desc *d, void *msg,
                                struct arena *a, struct span in);

/* pb_size - bytes that pb_encode will write. */
size_t pb_size(const struct pb_desc *d, const void *msg);

/* pb_encode - the canonical bytes in the arena.  p is NULL when the arena is
 * full; an empty message has a non-NULL p and n 0. */
struct span pb_encode(const struct pb_desc *d, const void *msg,
                      struct arena *a);
/* pb_encode_delimited - the same behind its length as a uvarint. */
struct span pb_encode_delimited(const struct pb_desc *d, const void *msg,
                                struct arena *a);
/* pb_encode_to - into exactly pb_size() bytes at out. */
void pb_encode_to(const struct pb_desc *d, const void *msg, uint8_t *out,
                  size_t size);

/* One field as it stands, for scans that need no struct. */
struct pb_field {
    uint32_t    num;
    uint8_t     type; /* wire type; groups are skipped whole and have 3 */
    uint64_t    value;
    struct span bytes; /* type 2 */
};

/* pb_next - the field at the front of *in, which moves behind it.
 *
 * 1 for a field, 0 at the end, -1 when malformed. */
NODISCARD int pb_next(struct span *in, struct pb_field *f);

/* uvarint_read - one base-128 number of at most ten bytes off the front of
 * *in; false at the end of input or past ten bytes. */
NODISCARD bool uvarint_read(struct span *in, uint64_t *v);
NODISCARD bool svarint_read(struct span *in, int64_t *v); /* zig-zag */

/* pb_delimited_read - a length and that many bytes off the front of *in.
 *
 * ACCEPT, REJECT_LIMIT above max, REJECT_MISSING when the input stops early
 * (read more and try again), REJECT_MALFORMED otherwise. */
NODISCARD enum reject pb_delimited_read(struct span *in, size_t max,
                                        struct span *body);

#endif
