/* knobs - struct config, made from config.def: one member per key, one inner
 * struct per table (cfg->moniker, cfg->rpc.laddr, cfg->consensus.wal_file). */
#ifndef WARREN_CONFIG_KNOBS_H
#define WARREN_CONFIG_KNOBS_H

#include "base/arena.h"

#include <stdint.h>

/* Several texts, as in cors_allowed_origins = ["a", "b"]. */
struct text_list {
    const char *const *v;
    size_t             n;
};

typedef const char      *config_text_t;
typedef const char      *config_secret_t;
typedef bool             config_bool_t;
typedef int64_t          config_int_t;
typedef int64_t          config_qint_t;
typedef int64_t          config_time_t; /* nanoseconds */
typedef struct text_list config_list_t;

#define CONFIG_C_TEXT   config_text_t
#define CONFIG_C_SECRET config_secret_t
#define CONFIG_C_BOOL   config_bool_t
#define CONFIG_C_INT    config_int_t
#define CONFIG_C_QINT   config_qint_t
#define CONFIG_C_TIME   config_time_t
#define CONFIG_C_LIST   config_list_t

/* One name per knob, and their number. */
enum config_knob {
#define TOP_KNOB(member, key, kind, preset, range, choices, help)              \
    CONFIG_TOP_##member,
#define TABLE(name, title, help)
#define END(name)
#define KNOB(table, member, key, kind, preset, range, choices, help)           \
    CONFIG_##table##_##member,
#define RETIRED(table, key, advice)
#define INERT(knob, what)
#include "config/config.def"
    CONFIG_KNOBS
};

/* Where a value came from. */
struct config_origin {
    enum { FROM_DEFAULT, FROM_FILE, FROM_ENV, FROM_FLAG } kind;
    uint32_t    line; /* of the file */
    const char *name; /* of the flag or variable, or the file */
};

struct config {
#define TOP_KNOB(member, key, kind, preset, range, choices, help)              \
    CONFIG_C_##kind member;
#define TABLE(name, title, help) struct config_##name {
#define END(name)                                                              \
    }                                                                          \
    name;
#define KNOB(table, member, key, kind, preset, range, choices, help)           \
    CONFIG_C_##kind member;
#define RETIRED(table, key, advice)
#define INERT(knob, what)
#include "config/config.def"

    const char *home;         /* absolute */
    const char *path;         /* of config.toml, whether it exists or not */
    bool        has_file;     /* it does */
    const char *genesis_hash; /* of --genesis_hash, hex; "" when not given */
    /* What config_load left of the command line, in order: words, and flags
     * that are no knob.  args[0] is the program. */
    int    argc;
    char **argv;

    struct config_origin origin[CONFIG_KNOBS];
    struct arena         arena;
};

#endif
