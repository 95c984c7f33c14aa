#include "base/log.h"

#include "base/bar.h"
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES = 8192,
    TAIL_BYTES = 32,   /* kept for what says that a line was cut */
    TEXT_BYTES = 1000, /* shown of one text; six times that when escaped */
};

static struct {
    const char     *module;
    enum log_format format;
    enum log_level  level;
    bool            is_terminal; /* where a process may draw a bar */
} logger = { "warren", LOG_PLAIN, LOG_INFO, false };

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
    if (colon && strlen(logger.module) == name &&
        strncmp(logger.module, s, name) == 0) {
        *level    = found;
        *is_exact = true;
    } else if (!*is_exact && (!colon || (name == 1 && s[0] == '*'))) {
        *level = found;
    }
    return true;
}

bool log_setup(const char *module, enum log_format format, const char *spec)
{
    enum log_level level    = LOG_INFO;
    bool           is_exact = false;

    logger.module = module;
    logger.format = format;
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

/* What is shown of a text: whole characters. */
static size_t shown(const char *s)
{
    size_t n = strlen(s);

    if (n <= TEXT_BYTES)
        return n;
    for (n = TEXT_BYTES; n > TEXT_BYTES - 4; n--)
        if (((unsigned char)s[n] & 0xc0) != 0x80)
            break;
    return n;
}

/* Texts may come from strangers: they cannot begin a line, move the cursor
 * or break JSON. */
static void add_escaped(const char *s, bool is_quoted)
{
    size_t n       = shown(s);
    bool   is_utf8 = utf8_valid(SPAN(s, n));

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (is_quoted && (c == '"' || c == '\\'))
            add("\\%c", c);
        else if (c == '\n')
            add("\\n");
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8))
            add("\\u%04x", c);
        else if (c == 0xc2 && (unsigned char)s[i + 1] < 0xa0) /* C1 controls */
            add("\\u%04x", (unsigned char)s[++i]);
        else
            add("%c", c);
    }
    if (s[n])
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
    return p > s && p - s <= TEXT_BYTES;
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

static void add_head(enum log_level level, const char *event)
{
    if (logger.format == LOG_JSON) {
        add("{\"level\":\"%s\",\"ts\":\"", level_names[level]);
        add_time();
        add("\",\"module\":\"%s\",\"msg\":", logger.module);
        add_quoted(event);
    } else if (logger.format == LOG_BRIEF) {
        add("%s: ", logger.module);
        add_escaped(event, false);
    } else {
        add_time();
        add(" %-5s %-9s ", level_names[level], logger.module);
        add_escaped(event, false);
    }
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

void log_write(enum log_level level, const char *event,
               const struct log_pair *pairs)
{
    if (!log_enabled(level))
        return;
    len = 0;
    if (logger.is_terminal)
        add("%s", BAR_ERASE);
    add_head(level, event);
    for (const struct log_pair *p = pairs; p->kind != LOGV_END; p++) {
        if (logger.format == LOG_BRIEF && strcmp(p->key, "code") == 0)
            continue; /* it is the exit code */
        if (!add_pair(p))
            break;
    }
    if (logger.format == LOG_JSON)
        add("}");
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0) {
        /* Nobody can be told that the log is gone. */
    }
}

void log_text(enum log_level level, const char *fmt, ...)
{
    char    text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_write(level, text, (const struct log_pair[]){ { .kind = LOGV_END } });
}
