#include "svc/notify.h"

#include "base/text.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool notify_send(const char *state)
{
    const char        *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to   = { .sun_family = AF_UNIX };
    size_t             n    = path ? strlen(path) : 0;
    ssize_t            sent;
    int                fd;

    if (n < 2 || n >= sizeof to.sun_path || (*path != '/' && *path != '@'))
        return false;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    memcpy(to.sun_path, path, n);
    if (*path == '@')
        to.sun_path[0] = 0;
    sent =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
    return sent >= 0;
}

static uint64_t from_environment(const char *name)
{
    const char *text  = getenv(name);
    uint64_t    value = 0;

    return text && uint64_parse(&value, span_str(text)) ? value : 0;
}

uint64_t notify_watchdog_us(void)
{
    uint64_t pid = from_environment("WATCHDOG_PID");

    return pid && pid != (uint64_t)getpid() ? 0
                                            : from_environment("WATCHDOG_USEC");
}
