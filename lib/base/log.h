/* log - one event a line, plain or json, a level per module.
 *
 * Levels are named by their reader: bug (file it), warn (an operator acts),
 * info (height by height), debug.  CometBFT's names are accepted in
 * configuration: error = warn, none = nothing.
 * A line: time level service event key=value ..., on standard error; json is
 * one object a line with level, ts, service, org, msg and the pairs; brief is
 * "service: event key=value ...", for commands that people type.  Values are
 * printed by LOG_* pairs and never contain secrets.
 * A line is one write of at most 4,096 bytes, so that lines of processes
 * that share a pipe stay whole.
 * Repeats: once log_limit_repeats was called, lines beyond the bounds of
 * repeat.h are counted, and one line tells of them with repeated=COUNT.
 * Memory:  one static line buffer; longer lines are cut and say so. */
#ifndef WARREN_LOG_H
#define WARREN_LOG_H

#include "base/base.h"

#include <stdarg.h>

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

/* log_setup - service is this process's name; spec is "info" or
 * "consensus:debug,p2p:none,*:warn".  False if the spec does not parse. */
NODISCARD bool log_setup(const char *service, enum log_format format,
                         const char *spec);
/* log_spec_valid - whether log_setup would take it. */
bool log_spec_valid(const char *spec);
bool log_enabled(enum log_level level);
/* log_collected - lines are for a collector: JSON goes to standard output and
 * names org, of which at most 64 bytes are kept. */
void log_collected(const char *org);
/* log_limit_repeats - hold repeats back from now on.
 * log_sweep - tell of those whose window is over; to be called now and then.
 * log_flush - tell of all, before the process ends; lines pass anew. */
void log_limit_repeats(void);
void log_sweep(void);
void log_flush(void);

/* The request of a client that lines are about: made or taken by the api, and
 * carried by the bus.  Letters, digits and -_.:/ only; "" is none. */
enum { REQUEST_ID_MAX = 64 };
struct request_id {
    char text[REQUEST_ID_MAX + 1];
};
/* request_id_take - false, and none, when text is empty, too long or has other
 * characters. */
bool request_id_take(struct request_id *id, struct span text);
/* log_request - lines name it until the next call; returns the one before. */
struct request_id log_request(struct request_id id);
/* log_request_now - the one that lines name. */
const struct request_id *log_request_now(void);

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
/* log_vtext - an event printed from fmt, of which lines are repeats. */
void log_vtext(enum log_level level, const char *fmt, va_list ap,
               const struct log_pair *pairs) PRINTF_LIKE(2, 0);

#endif
