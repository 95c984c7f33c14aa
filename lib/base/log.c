#include "base/log.h"

#include "base/bar.h"
#include "base/repeat.h"
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES = 4096, /* PIPE_BUF: lines of several processes do not mix */
    TAIL_BYTES = 32,   /* kept for what says that a line was cut */
    TEXT_BYTES = 1000, /* shown of one text, escaped */
    HELD_BYTES = 200,  /* the same, in a line that tells of held ones */
    ORG_BYTES  = 65,
};

static struct {
    const char       *service;
    enum log_format   format;
    enum log_level    level;
    bool              is_terminal;  /* where a process may draw a bar */
    bool              is_collected; /* JSON goes to standard output */
    char              org[ORG_BYTES];
    size_t            text_max;
    struct repeats   *repeats; /* NULL: every line passes */
    struct request_id request;
} logger = { .service = "warren", .level = LOG_INFO, .text_max = TEXT_BYTES };

static char   line[LINE_BYTES];
static size_t len;

static const char *const level_names[] = { "bug", "warn", "info", "debug" };

static bool level_parse(enum log_level *out, const char *s, size_t n)
{
    static const struct {
        const char    *name;
        enum log_level level;
    } names[] = { { "bug", LOG_BUG },     { "warn", LOG_WARN },
                  { "error", LOG_WARN },  { "info", LOG_INFO },
                  { "debug", LOG_DEBUG }, { "none", LOG_NONE } };

    for (size_t i = 0; i < COUNT(names); i++) {
        if (strlen(names[i].name) == n &&
            strncasecmp(names[i].name, s, n) == 0) {
            *out = names[i].level;
            return true;
        }
    }
    return false;
}

/* One entry of the spec: "level", "*:level" or "module:level". */
static bool apply_entry(const char *s, size_t n, enum log_level *level,
                        bool *is_exact)
{
    const char    *colon = memchr(s, ':', n);
    size_t         name  = colon ? (size_t)(colon - s) : 0;
    enum log_level found;

    if (colon ? !level_parse(&found, colon + 1, n - name - 1)
              : !level_parse(&found, s, n))
        return false;
    if (colon && strlen(logger.service) == name &&
        strncmp(logger.service, s, name) == 0) {
        *level    = found;
        *is_exact = true;
    } else if (!*is_exact && (!colon || (name == 1 && s[0] == '*'))) {
        *level = found;
    }
    return true;
}

bool log_setup(const char *service, enum log_format format, const char *spec)
{
    enum log_level level    = LOG_INFO;
    bool           is_exact = false;

    logger.service = service;
    logger.format  = format;
    logger.is_terminal =
        format == LOG_PLAIN && bar_is_possible() && isatty(STDERR_FILENO);
    while (*spec) {
        size_t n = strcspn(spec, ",");

        if (!apply_entry(spec, n, &level, &is_exact))
            return false;
        spec += n + (spec[n] == ',');
    }
    logger.level = level;
    return true;
}

bool log_spec_valid(const char *spec)
{
    enum log_level level;
    bool           is_exact = false;

    while (*spec) {
        size_t n = strcspn(spec, ",");

        if (!apply_entry(spec, n, &level, &is_exact))
            return false;
        spec += n + (spec[n] == ',');
    }
    return true;
}

bool log_enabled(enum log_level level)
{
    return logger.level != LOG_NONE && level <= logger.level;
}

static void add(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void add(const char *fmt, ...)
{
    va_list ap;
    int     n;

    va_start(ap, fmt);
    n = vsnprintf(line + len, sizeof line - len, fmt, ap);
    va_end(ap);
    if (n > 0)
        len += (size_t)n;
    if (len >= sizeof line - 2)
        len = sizeof line - 2;
}

/* Bytes that may not stand in a line as they are. */
static bool is_unsafe(const unsigned char *c, bool is_utf8)
{
    return *c < 0x20 || *c == 0x7f || (*c >= 0x80 && !is_utf8) ||
           (*c == 0xc2 && c[1] < 0xa0); /* C1 controls */
}

/* Texts may come from strangers: they cannot begin a line, move the cursor
 * or break JSON. */
static void add_escaped(const char *s, bool is_quoted)
{
    size_t               most    = len + logger.text_max;
    bool                 is_utf8 = utf8_valid(span_str(s));
    const unsigned char *c       = (const unsigned char *)s;

    for (; *c; c++) {
        bool is_inside = is_utf8 && (*c & 0xc0) == 0x80; /* a character */

        if (len >= most && !is_inside)
            break;
        if (is_quoted && (*c == '"' || *c == '\\'))
            add("\\%c", *c);
        else if (*c == '\n')
            add("\\n");
        else if (!is_unsafe(c, is_utf8))
            add("%c", *c);
        else if (*c == 0xc2 && is_utf8)
            add("\\u%04x", *++c);
        else
            add("\\u%04x", *c);
    }
    if (*c)
        add("...");
}

static void add_quoted(const char *s)
{
    add("\"");
    add_escaped(s, true);
    add("\"");
}

static bool is_bare(const char *s)
{
    const char *p = s;

    for (; *p; p++)
        if (!isgraph((unsigned char)*p) || *p == '"' || *p == '=')
            return false;
    return p > s && (size_t)(p - s) <= logger.text_max;
}

static void add_value(const struct log_pair *p)
{
    switch (p->kind) {
    case LOGV_STR:
        if (logger.format != LOG_JSON && is_bare(p->str ? p->str : ""))
            add("%s", p->str);
        else
            add_quoted(p->str ? p->str : "");
        break;
    case LOGV_INT: add("%" PRId64, p->i); break;
    case LOGV_UINT: add("%" PRIu64, p->u); break;
    case LOGV_HEX:
        if (logger.format == LOG_JSON)
            add("\"");
        for (size_t i = 0; i < p->hex.n && i < 64; i++)
            add("%02X", p->hex.p[i]);
        if (logger.format == LOG_JSON)
            add("\"");
        break;
    case LOGV_END: break;
    }
}

static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void add_time(void)
{
    struct timespec now;
    struct tm       tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    add("%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900,
        tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
        now.tv_nsec / 1000000);
}

static void add_head(enum log_level level)
{
    if (logger.format == LOG_JSON) {
        add("{\"level\":\"%s\",\"ts\":\"", level_names[level]);
        add_time();
        add("\",\"service\":\"%s\",\"org\":", logger.service);
        add_quoted(logger.org);
        add(",\"msg\":");
    } else if (logger.format == LOG_BRIEF) {
        add("%s: ", logger.service);
    } else {
        add_time();
        add(" %-5s %-9s ", level_names[level], logger.service);
    }
}

static void add_event(const char *event)
{
    if (logger.format == LOG_JSON)
        add_quoted(event);
    else
        add_escaped(event, false);
}

/* False when the line has no room for it. */
static bool add_pair(const struct log_pair *p)
{
    size_t before = len;

    if (logger.format == LOG_JSON)
        add(",\"%s\":", p->key);
    else
        add(" %s=", p->key);
    add_value(p);
    if (len <= sizeof line - TAIL_BYTES)
        return true;
    len = before;
    add(logger.format == LOG_JSON ? ",\"cut\":true" : " cut=true");
    return false;
}

static void add_pairs(const struct log_pair *pairs)
{
    for (const struct log_pair *p = pairs; p->kind != LOGV_END; p++) {
        if (logger.format == LOG_BRIEF && strcmp(p->key, "code") == 0)
            continue; /* it is the exit code */
        if (!add_pair(p))
            break;
    }
}

/* One line, one write: JSON for who collects standard output, the rest for
 * people, beside whatever a command prints. */
static void begin_line(enum log_level level)
{
    len = 0;
    if (logger.is_terminal)
        add("%s", BAR_ERASE);
    add_head(level);
}

static void end_line(void)
{
    int fd = logger.format == LOG_JSON && logger.is_collected ? STDOUT_FILENO
                                                              : STDERR_FILENO;

    if (logger.format == LOG_JSON)
        add("}");
    line[len++] = '\n';
    if (write(fd, line, len) < 0) {
        /* Nobody can be told that the log is gone. */
    }
}

/* ---- repeats ---- */

static void tell_held(void *ctx, const struct repeat_entry *e)
{
    UNUSED(ctx);
    begin_line((enum log_level)e->level);
    add(logger.format == LOG_JSON ? "%s,\"repeated\":%" PRIu32
                                  : "%s repeated=%" PRIu32,
        e->text, e->held);
    end_line();
}

/* Numbers change from one repeat to the next, all but the height. */
static uint64_t line_hash(uint64_t h, const struct log_pair *pairs)
{
    h = repeat_hash(h, span_str(logger.request.text));
    for (const struct log_pair *p = pairs; p->kind != LOGV_END; p++) {
        if (p->kind == LOGV_STR)
            h = repeat_hash(h, span_str(p->str ? p->str : ""));
        else if (p->kind == LOGV_HEX)
            h = repeat_hash(h, p->hex);
        else if (strcmp(p->key, "height") == 0)
            h = repeat_hash(h, SPAN(&p->u, sizeof p->u));
    }
    return h;
}

/* What the line that tells of them will say. */
static void describe(struct repeat_entry *e, enum log_level level,
                     const char *event, const struct log_pair *pairs)
{
    len             = 0;
    logger.text_max = HELD_BYTES;
    add_event(event);
    if (logger.request.text[0] && !repeat_is_event(logger.repeats, e))
        (void)add_pair(&LOG_STR("request", logger.request.text));
    for (; !repeat_is_event(logger.repeats, e) && pairs->kind != LOGV_END;
         pairs++) {
        size_t before = len;

        if (!add_pair(pairs) || len >= sizeof e->text) {
            len = before;
            break;
        }
    }
    logger.text_max = TEXT_BYTES;
    memcpy(e->text, line, len);
    e->text[len] = 0;
    e->level     = (int)level;
}

static bool is_held(enum log_level level, const char *kind, const char *event,
                    const struct log_pair *pairs)
{
    uint64_t of            = repeat_hash((uint64_t)level, span_str(kind));
    uint64_t same          = line_hash(repeat_hash(of, span_str(event)), pairs);
    struct repeat_entry *e = repeat_take(logger.repeats, of, same, clock_us());

    if (e && e->held == 1)
        describe(e, level, event, pairs);
    return e != NULL;
}

void log_limit_repeats(void)
{
    static struct repeats repeats;

    repeat_init(&repeats, tell_held, NULL);
    logger.repeats = &repeats;
}

void log_sweep(void)
{
    if (logger.repeats)
        repeat_sweep(logger.repeats, clock_us());
}

void log_flush(void)
{
    if (logger.repeats)
        repeat_flush(logger.repeats);
}

/* ---- writing ---- */

bool request_id_take(struct request_id *id, struct span text)
{
    *id = (struct request_id){ "" };
    for (size_t i = 0; i < text.n; i++)
        if (!isalnum(text.p[i]) && !memchr("-_.:/", text.p[i], 5))
            return false;
    if (text.n == 0 || text.n > REQUEST_ID_MAX)
        return false;
    memcpy(id->text, text.p, text.n);
    return true;
}

struct request_id log_request(struct request_id id)
{
    struct request_id before = logger.request;

    logger.request = id;
    return before;
}

const struct request_id *log_request_now(void)
{
    return &logger.request;
}

void log_collected(const char *org)
{
    logger.is_collected = true;
    snprintf(logger.org, sizeof logger.org, "%s", org);
}

static void write_line(enum log_level level, const char *kind,
                       const char *event, const struct log_pair *pairs)
{
    if (!log_enabled(level))
        return;
    if (logger.repeats && level != LOG_BUG &&
        is_held(level, kind, event, pairs))
        return;
    begin_line(level);
    add_event(event);
    if (logger.request.text[0])
        (void)add_pair(&LOG_STR("request", logger.request.text));
    add_pairs(pairs);
    end_line();
}

void log_write(enum log_level level, const char *event,
               const struct log_pair *pairs)
{
    write_line(level, event, event, pairs);
}

void log_vtext(enum log_level level, const char *kind, va_list ap,
               const struct log_pair *pairs)
{
    char text[2048];

    vsnprintf(text, sizeof text, kind, ap);
    write_line(level, kind, text, pairs);
}

void log_text(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vtext(level, fmt, ap,
              (const struct log_pair[]){ { .kind = LOGV_END } });
    va_end(ap);
}
