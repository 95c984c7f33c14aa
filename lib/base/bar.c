#include "base/bar.h"

#include "base/buf.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS = 80, LINE_BYTES = 512 };

bool bar_is_possible(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

size_t bar_columns(void)
{
    struct winsize w;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col
                                                                     : COLUMNS;
}

static void say(struct span s)
{
    struct pollfd p = { STDOUT_FILENO, POLLOUT, 0 };

    if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT) ||
        write(STDOUT_FILENO, s.p, s.n) < 0) {
        /* It is drawn again soon, or nobody looks. */
    }
}

void bar_draw(struct span text)
{
    char       mem[LINE_BYTES];
    struct buf b;

    buf_use(&b, mem, sizeof mem);
    buf_str(&b, BAR_ERASE);
    buf_add(&b, text);
    say(buf_span(&b));
}

void bar_erase(void)
{
    say(span_str(BAR_ERASE));
}
