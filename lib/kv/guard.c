#include "kv/guard.h"

#include "base/err.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { STACK_BYTES = 64 << 10, LINE_MAX_BYTES = 4400 };

static const char *volatile inside; /* the path of a call under way */
static struct sigaction before[2];

/* ---- only what a signal handler may call ---- */

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        /* Nobody can be told. */
    }
}

/* "low-high perms ... path": the path when the address lies between. */
static const char *path_in_line(const char *line, uintptr_t address)
{
    static const char name[] = "/data.mdb";
    char             *end;
    uintptr_t         low  = strtoull(line, &end, 16);
    uintptr_t         high = *end == '-' ? strtoull(end + 1, &end, 16) : 0;
    size_t            n    = strlen(end);

    if (address < low || address >= high || n < sizeof name ||
        strcmp(end + n - (sizeof name - 1), name) != 0)
        return NULL;
    return strchr(end, '/');
}

/* The database in whose map an address is; NULL for none. */
static const char *path_at(const void *address)
{
    static char line[LINE_MAX_BYTES];
    size_t      n  = 0;
    int         fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    char        byte;

    while (fd >= 0 && read(fd, &byte, 1) == 1) {
        if (byte != '\n' && n < sizeof line - 1) {
            line[n++] = byte;
            continue;
        }
        line[n] = 0;
        n       = 0;
        if (path_in_line(line, (uintptr_t)address))
            return path_in_line(line, (uintptr_t)address);
    }
    return NULL;
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
    const char *path = inside ? inside : path_at(info->si_addr);

    UNUSED(context);
    if (!path) {
        /* Not the database: fault again, as without us. */
        sigaction(signo, &before[signo == SIGBUS], NULL);
        return;
    }
    say(path);
    say(": damaged (a fault while reading it); restore a backup, or remove "
        "the directory and synchronize again\n");
    _exit(ERR_CORRUPT);
}

/* ---- */

void guard_install(void)
{
    static bool      is_installed;
    struct sigaction act   = { .sa_sigaction = on_fault,
                               .sa_flags     = SA_SIGINFO | SA_ONSTACK };
    stack_t          stack = { .ss_size = STACK_BYTES };

    if (is_installed)
        return;
    is_installed = true;
    sigaction(SIGSEGV, NULL, &before[0]);
    sigaction(SIGBUS, NULL, &before[1]);
    if (before[0].sa_handler != SIG_DFL)
        return; /* a sanitizer knows more */
    stack.ss_sp = malloc(STACK_BYTES);
    must(stack.ss_sp);
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
}

void guard_enter(const char *path)
{
    inside = path;
}

void guard_leave(void)
{
    inside = NULL;
}
