#include "svc/svc.h"

#include <sys/resource.h>

enum { FILES_WANTED = 65536, FILES_LEAST = 128 };

enum err svc_files(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= FILES_WANTED)
        return OK;
    r.rlim_cur = r.rlim_max < FILES_WANTED ? r.rlim_max : FILES_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= FILES_LEAST)
        return OK;
    return fail(ERR_CONFIG,
                "a process may open only %llu files; allow %d or more (ulimit "
                "-n, LimitNOFILE=)",
                (unsigned long long)r.rlim_cur, FILES_LEAST);
}
