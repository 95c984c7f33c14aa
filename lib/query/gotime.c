/* gotime - times in queries and values, with Go's verdicts and texts. */
#include "query/internal.h"

struct reading {
    struct span text; /* all of it */
    size_t      at;
    bool        is_date;
    struct buf *error;
};

static bool cannot(struct reading *r, size_t at, const char *element)
{
    if (r->error)
        buf_printf(r->error,
                   "parsing time \"%.*s\" as \"%s\": cannot parse \"%.*s\" as "
                   "\"%s\"",
                   (int)r->text.n, (const char *)r->text.p,
                   r->is_date ? "2006-01-02" : "2006-01-02T15:04:05Z07:00",
                   (int)(r->text.n - at), (const char *)r->text.p + at,
                   element);
    return false;
}

static bool complain(struct reading *r, const char *what)
{
    if (r->error)
        buf_printf(r->error, "parsing time \"%.*s\": %s", (int)r->text.n,
                   (const char *)r->text.p, what);
    return false;
}

static bool is_digit_at(const struct reading *r, size_t at)
{
    return at < r->text.n && r->text.p[at] >= '0' && r->text.p[at] <= '9';
}

static int digit_at(const struct reading *r, size_t at)
{
    return r->text.p[at] - '0';
}

static bool skip(struct reading *r, const char *c)
{
    if (r->at >= r->text.n || r->text.p[r->at] != (uint8_t)*c)
        return cannot(r, r->at, c);
    r->at++;
    return true;
}

/* Two digits; one is enough when not fixed. */
static bool number(struct reading *r, int *out, bool is_fixed,
                   const char *element)
{
    if (!is_digit_at(r, r->at) || (is_fixed && !is_digit_at(r, r->at + 1)))
        return cannot(r, r->at, element);
    *out = digit_at(r, r->at++);
    if (is_digit_at(r, r->at))
        *out = *out * 10 + digit_at(r, r->at++);
    return true;
}

static bool read_year(struct reading *r, int *out)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        if (!is_digit_at(r, r->at + i))
            return cannot(r, r->at, "2006");
        *out = *out * 10 + digit_at(r, r->at + i);
    }
    r->at += 4;
    return true;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int month, int year)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31 };

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - 1, days = y * 365 + y / 4 - y / 100 + y / 400;

    if (year == 0) /* a leap year; the divisions above round to zero */
        days = -366;
    for (int m = 1; m < month; m++)
        days += days_in(m, year);
    return days + day - 1 - 719162;
}

static void fraction(struct reading *r, int32_t *nanos)
{
    int32_t scale = 100000000;

    if (r->at >= r->text.n ||
        (r->text.p[r->at] != '.' && r->text.p[r->at] != ',') ||
        !is_digit_at(r, r->at + 1))
        return;
    for (r->at++; is_digit_at(r, r->at); r->at++) {
        *nanos += digit_at(r, r->at) * scale;
        scale /= 10;
    }
}

static bool clock(struct reading *r, int64_t *seconds, int32_t *nanos)
{
    int hour, minute, second;

    if (!skip(r, "T") || !number(r, &hour, false, "15"))
        return false;
    if (hour >= 24)
        return complain(r, "hour out of range");
    if (!skip(r, ":") || !number(r, &minute, true, "04"))
        return false;
    if (minute >= 60)
        return complain(r, "minute out of range");
    if (!skip(r, ":") || !number(r, &second, true, "05"))
        return false;
    if (second >= 60)
        return complain(r, "second out of range");
    fraction(r, nanos);
    *seconds = (int64_t)hour * 3600 + minute * 60 + second;
    return true;
}

static bool zone(struct reading *r, int64_t *offset)
{
    const uint8_t *p    = r->text.p + r->at;
    size_t         left = r->text.n - r->at, hold = r->at;
    int            hour, minute;

    if (left && *p == 'Z') {
        r->at++;
        return true;
    }
    if (left < 6 || p[3] != ':' || !is_digit_at(r, hold + 1) ||
        !is_digit_at(r, hold + 2))
        return cannot(r, hold, "Z07:00");
    hour   = digit_at(r, hold + 1) * 10 + digit_at(r, hold + 2);
    minute = 0;
    if (is_digit_at(r, hold + 4) && is_digit_at(r, hold + 5))
        minute = digit_at(r, hold + 4) * 10 + digit_at(r, hold + 5);
    if (minute > 60)
        return complain(r, "time zone offset minute out of range");
    if (hour > 24)
        return complain(r, "time zone offset hour out of range");
    if (!is_digit_at(r, hold + 4) || !is_digit_at(r, hold + 5) ||
        (*p != '+' && *p != '-'))
        return cannot(r, hold, "Z07:00");
    *offset = (int64_t)(hour * 60 + minute) * 60 * (*p == '-' ? -1 : 1);
    r->at += 6;
    return true;
}

static bool extra(struct reading *r)
{
    if (r->error)
        buf_printf(r->error, "parsing time \"%.*s\": extra text: \"%.*s\"",
                   (int)r->text.n, (const char *)r->text.p,
                   (int)(r->text.n - r->at), (const char *)r->text.p + r->at);
    return false;
}

bool gotime_parse(struct stamp *out, int *year, struct span text, bool is_date,
                  struct buf *error)
{
    struct reading r       = { text, 0, is_date, error };
    int64_t        seconds = 0, offset = 0;
    int32_t        nanos = 0;
    int            month, day;

    if (!read_year(&r, year) || !skip(&r, "-") ||
        !number(&r, &month, true, "01"))
        return false;
    if (month < 1 || month > 12)
        return complain(&r, "month out of range");
    if (!skip(&r, "-") || !number(&r, &day, true, "02"))
        return false;
    if (!is_date && (!clock(&r, &seconds, &nanos) || !zone(&r, &offset)))
        return false;
    if (r.at < text.n)
        return extra(&r);
    if (day < 1 || day > days_in(month, *year))
        return complain(&r, "day out of range");
    *out =
        (struct stamp){ days_of(*year, month, day) * 86400 + seconds - offset,
                        nanos };
    return true;
}
