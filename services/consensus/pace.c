#include "consensus/pace.h"

#include <stdio.h>

enum { BAR_MIN = 8, BAR_MAX = 40, LEFT_MAX_S = 100 * 86400 };

/* What happened this long ago counts a third. */
#define MEMORY_S 5.0

void pace_begin(struct pace *p, int64_t height, uint64_t now_us)
{
    *p = (struct pace){ .first = height, .height = height, .us = now_us };
}

void pace_note(struct pace *p, int64_t height, uint64_t now_us)
{
    double seconds = (double)(now_us - p->us) / 1e6, rate;

    if (now_us <= p->us || height < p->height)
        return;
    rate = (double)(height - p->height) / seconds;
    p->rate +=
        (rate - p->rate) * (p->has_rate ? seconds / (seconds + MEMORY_S) : 1.0);
    p->has_rate = true;
    p->height   = height;
    p->us       = now_us;
}

int64_t pace_left_s(const struct pace *p, int64_t top)
{
    double left;

    if (top <= p->height)
        return 0;
    if (p->rate <= 0)
        return -1;
    left = (double)(top - p->height) / p->rate;
    return left < LEFT_MAX_S ? (int64_t)(left + 0.5) : -1;
}

static void add_left(struct buf *out, int64_t s)
{
    if (s < 0)
        buf_str(out, "time left unknown");
    else if (s < 60)
        buf_printf(out, "%d s left", (int)s);
    else if (s < 3600)
        buf_printf(out, "%d min %d s left", (int)(s / 60), (int)(s % 60));
    else if (s < 86400)
        buf_printf(out, "%d h %d min left", (int)(s / 3600),
                   (int)(s % 3600 / 60));
    else
        buf_printf(out, "%d d %d h left", (int)(s / 86400),
                   (int)(s % 86400 / 3600));
}

static void add_bar(struct buf *out, double done, size_t width)
{
    size_t full = (size_t)(done * (double)width);

    buf_byte(out, '[');
    for (size_t i = 0; i < width; i++)
        buf_byte(out, i < full ? '#' : '.');
    buf_str(out, "] ");
}

void pace_line(struct buf *out, const struct pace *p, int64_t top, size_t peers,
               size_t columns)
{
    char       mem[PACE_LINE_BYTES];
    struct buf text;
    double     done;
    size_t     room =
        columns < PACE_LINE_BYTES / 2 ? columns : (size_t)PACE_LINE_BYTES / 2;

    buf_use(&text, mem, sizeof mem);
    if (top < 0) {
        buf_printf(&text,
                   "catching up: height %" PRId64 ", %zu peers, none has"
                   " told its height yet",
                   p->height, peers);
    } else {
        done = top <= p->first ? 1.0
               : p->height >= top
                   ? 1.0
                   : (double)(p->height - p->first) / (double)(top - p->first);
        buf_printf(&text, "%d %%  %" PRId64 " of %" PRId64 "  %.0f blocks/s  ",
                   (int)(done * 100), p->height, top, p->rate);
        add_left(&text, pace_left_s(p, top));
        buf_printf(&text, "  %zu peers", peers);
        if (room > text.len + BAR_MIN + 4) {
            size_t width = room - text.len - 4;

            add_bar(out, done, width < BAR_MAX ? width : BAR_MAX);
        }
    }
    room = room > out->len + 1 ? room - out->len - 1 : 0;
    buf_add(out, SPAN(mem, text.len < room ? text.len : room));
}
