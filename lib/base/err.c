#include "base/err.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const err_names[] = {
    [OK]            = "ok",
    [ERR_FAILED]    = "failed",
    [ERR_USAGE]     = "usage",
    [ERR_CONFIG]    = "config",
    [ERR_GENESIS]   = "genesis",
    [ERR_KEY]       = "key",
    [ERR_SIGNSTATE] = "sign-state",
    [ERR_CHAIN]     = "other-chain",
    [ERR_CORRUPT]   = "corrupt",
    [ERR_DISK]      = "disk",
    [ERR_NET]       = "network",
    [ERR_APP]       = "application",
    [ERR_BUSY]      = "busy",
    [ERR_NOT_FOUND] = "not-found",
    [ERR_TIMEOUT]   = "timeout",
    [ERR_VERIFY]    = "verify",
};

static const char *const reject_names[] = {
    [ACCEPT]           = "accept",
    [REJECT_MALFORMED] = "malformed",
    [REJECT_RANGE]     = "range",
    [REJECT_LENGTH]    = "length",
    [REJECT_MISSING]   = "missing",
    [REJECT_MISMATCH]  = "mismatch",
    [REJECT_SIGNATURE] = "signature",
    [REJECT_LIMIT]     = "limit",
};

const char *err_name(enum err code)
{
    return (size_t)code < COUNT(err_names) ? err_names[code] : "unknown";
}

const char *reject_name(enum reject r)
{
    return (size_t)r < COUNT(reject_names) ? reject_names[r] : "unknown";
}

enum err fail(enum err code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vtext(LOG_WARN, fmt, ap,
              (const struct log_pair[]){ LOG_STR("code", err_name(code)),
                                         { .kind = LOGV_END } });
    va_end(ap);
    return code;
}

void must_ok(enum err code, const char *doing)
{
    if (code == OK)
        return;
    log_flush(); /* the reason may be a repeat */
    log_event(LOG_WARN, "cannot go on", LOG_STR("doing", doing),
              LOG_STR("code", err_name(code)), LOG_INT("exit", code));
    exit((int)code);
}

void must_get(bool is_there, const char *what)
{
    if (!is_there)
        must_ok(fail(ERR_FAILED,
                     "the system gives no %s: %s; it limits open files, "
                     "processes or memory",
                     what, strerror(errno)),
                "start");
}
