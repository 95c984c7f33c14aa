#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void must_failed(const char *cond, const char *file, int line)
{
    if (log_enabled(LOG_BUG))
        log_text(LOG_BUG, "%s:%d: %s does not hold; please report this", file,
                 line, cond);
    else
        fprintf(stderr, "bug: %s:%d: %s does not hold; please report this\n",
                file, line, cond);
    abort();
}
