/* toml - a strict TOML 1.0 reader.
 *
 * Source:  toml.io, TOML 1.0.0, tested with its own examples.
 * Shapes:  a document is a tree of nodes; each knows its line and column
 *          (bytes, from 1).  Input up to TOML_BYTES_MAX, TOML_NODES_MAX
 *          values, TOML_DEPTH_MAX levels.
 * Memory:  nodes and strings live in the arena; strings also end in a zero
 *          byte.  Date and time values are checked and kept as text. */
#ifndef WARREN_TOML_H
#define WARREN_TOML_H

#include "base/arena.h"

enum {
    TOML_BYTES_MAX = 1 << 20,
    TOML_NODES_MAX = 16384,
    TOML_DEPTH_MAX = 32,
};

enum toml_kind {
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_TIME, /* any of the four date and time forms */
    TOML_ARRAY,
    TOML_TABLE,
};

struct toml {
    enum toml_kind kind;
    uint32_t       line, column; /* of the key, or of the value in arrays */
    struct span    key;          /* empty in arrays and for the root */
    union {
        struct span text; /* TOML_STRING, TOML_TIME */
        int64_t     integer;
        double      number; /* TOML_FLOAT */
        bool        is_true;
        size_t      count; /* of children: TOML_ARRAY, TOML_TABLE */
    };
    struct toml *first, *last; /* children, in order */
    struct toml *next;
    uint8_t      origin; /* how a table or array came to be; toml.c's own */
};

struct toml_error {
    uint32_t line, column;
    char     text[160]; /* what was found and what was expected */
};

/* toml_parse - the root table of a document; false with *e filled in when it
 * is not TOML, or the arena is full. */
NODISCARD bool toml_parse(struct toml **root, struct span text, struct arena *a,
                          struct toml_error *e);

/* toml_get - the child of a table with this key, or NULL. */
struct toml *toml_get(const struct toml *table, struct span key);

const char *toml_kind_name(enum toml_kind kind);

#endif
