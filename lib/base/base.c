#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void must_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "bug: %s:%d: %s does not hold; please report this\n", file,
            line, cond);
    abort();
}
