/* args - the arguments of a method, from JSON parameters or a query string.
 *
 * Source:  CometBFT v0.38 rpc/jsonrpc/server (conversion rules and texts),
 *          libs/json (64-bit numbers are strings).
 * Memory:  byte strings live in the arena. */
#ifndef WARREN_ARGS_H
#define WARREN_ARGS_H

#include "base/arena.h"
#include "base/buf.h"

enum arg_kind {
    ARG_INT64,     /* 0 when not given */
    ARG_INT64_PTR, /* distinguishes 0 from not given: is_set */
    ARG_INT_PTR,
    ARG_UINT,
    ARG_BOOL,
    ARG_STRING,
    ARG_BYTES, /* base64 in JSON */
    ARG_TX,    /* the same under another name in errors */
    ARG_HEX,   /* hex in JSON */
    ARG_JSON,  /* any value, raw, not null */
};

struct arg_spec {
    const char   *name;
    enum arg_kind kind;
};

struct arg {
    bool        is_set;
    int64_t     i;
    uint64_t    u;
    bool        b;
    struct span bytes;
};

enum { ARGS_MAX = 5 };

/* args_from_json - params is what a request carries, not empty.
 *
 * False: error holds what goes behind "error converting json params to
 * arguments: ". */
NODISCARD bool args_from_json(struct arg *out, const struct arg_spec *spec,
                              size_t n, struct span params, struct arena *a,
                              struct buf *error);

/* args_from_query - query is the raw text behind '?'; form is a second one
 * (a posted form) for what the first lacks. */
NODISCARD bool args_from_query(struct arg *out, const struct arg_spec *spec,
                               size_t n, const char *query, const char *form,
                               struct arena *a, struct buf *error);

#endif
