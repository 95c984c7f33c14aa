/* log - one event a line, plain or json, a level per module.
 *
 * Levels are named by their reader: bug (file it), warn (an operator acts),
 * info (height by height), debug.  CometBFT's names are accepted in
 * configuration: error = warn, none = nothing.
 * A line: time level module event key=value ...; brief is "module: event
 * key=value ...", for commands that people type.  Values are printed by
 * LOG_* pairs and never contain secrets.
 * Memory:  one static line buffer; longer lines are cut and say so. */
#ifndef WARREN_LOG_H
#define WARREN_LOG_H

#include "base/base.h"

enum log_level { LOG_BUG, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_NONE };
enum log_format { LOG_PLAIN, LOG_JSON, LOG_BRIEF };

struct log_pair {
    const char *key;
    enum { LOGV_END, LOGV_STR, LOGV_INT, LOGV_UINT, LOGV_HEX } kind;
    union {
        const char *str;
        int64_t     i;
        uint64_t    u;
        struct span hex;
    };
};

#define LOG_STR(k, v) ((struct log_pair){ (k), LOGV_STR, { .str = (v) } })
#define LOG_INT(k, v)                                                          \
    ((struct log_pair){ (k), LOGV_INT, { .i = (int64_t)(v) } })
#define LOG_UINT(k, v)                                                         \
    ((struct log_pair){ (k), LOGV_UINT, { .u = (uint64_t)(v) } })
#define LOG_HEXV(k, v) ((struct log_pair){ (k), LOGV_HEX, { .hex = (v) } })

/* log_setup - module is this process's name; spec is "info" or
 * "consensus:debug,p2p:none,*:warn".  False if the spec does not parse. */
NODISCARD bool log_setup(const char *module, enum log_format format,
                         const char *spec);
/* log_spec_valid - whether log_setup would take it. */
bool log_spec_valid(const char *spec);
bool log_enabled(enum log_level level);

/* log_event(LOG_INFO, "committed", LOG_INT("height", h), ...) */
#ifndef log_event /* static analysis brings its own */
#define log_event(level, event, ...)                                           \
    log_write((level), (event),                                                \
              (const struct log_pair[]){                                       \
                  __VA_ARGS__ __VA_OPT__(, ){ .kind = LOGV_END } })
#endif
void log_write(enum log_level level, const char *event,
               const struct log_pair *pairs);
void log_text(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
