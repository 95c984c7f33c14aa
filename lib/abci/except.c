#include "abci/abci.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void abci_except(struct abci_response *res, struct arena *a, const char *fmt,
                 ...)
{
    static struct abci_res_exception full;
    char                             text[512];
    struct abci_res_exception *e = arena_new(a, struct abci_res_exception);
    va_list                    ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    full.error = span_str("the request needs too much memory");
    if (e)
        e->error = arena_copy(a, span_str(text));
    res->which     = ABCI_RES_EXCEPTION;
    res->exception = e && e->error.p ? e : &full;
}
