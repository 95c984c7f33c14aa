#include "base/stamp.h"

enum { NANOS = 1000000000 };

/* Days since 1970-01-01 of a civil date; Howard Hinnant's days_from_civil. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    int64_t era;
    int     yoe, doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (int)(y - era * 400);
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, int *m, int *d)
{
    int64_t era;
    int     doe, yoe, doy, mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = (int)(z - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp  = (5 * doy + 2) / 153;
    *d  = doy - (153 * mp + 2) / 5 + 1;
    *m  = mp < 10 ? mp + 3 : mp - 9;
    *y  = yoe + era * 400 + (*m <= 2);
}

struct stamp stamp_add(struct stamp t, int64_t nanoseconds)
{
    int64_t s = nanoseconds / NANOS, n = nanoseconds % NANOS + t.nanos;

    if (n < 0) {
        n += NANOS;
        s--;
    } else if (n >= NANOS) {
        n -= NANOS;
        s++;
    }
    if (__builtin_add_overflow(t.seconds, s, &t.seconds))
        t.seconds = s < 0 ? INT64_MIN : INT64_MAX;
    t.nanos = (int32_t)n;
    return t;
}

int64_t stamp_diff(struct stamp a, struct stamp b)
{
    int64_t s, d;

    if (__builtin_sub_overflow(a.seconds, b.seconds, &s) ||
        __builtin_mul_overflow(s, NANOS, &d) ||
        __builtin_add_overflow(d, (int64_t)a.nanos - b.nanos, &d))
        return a.seconds < b.seconds ? INT64_MIN : INT64_MAX;
    return d;
}

/* n decimal digits at p. */
static bool digits(int *out, const uint8_t *p, int n)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + p[i] - '0';
    }
    *out = v;
    return true;
}

static int days_in_month(int y, int m)
{
    static const int days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };
    bool is_leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return days[m - 1] + (m == 2 && is_leap);
}

bool stamp_parse(struct stamp *t, struct span s)
{
    int     y, mo, d, h, mi, sec;
    int32_t nanos = 0, unit = NANOS;
    size_t  i = 19;

    if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || s.p[10] != 'T' ||
        s.p[13] != ':' || s.p[16] != ':' || !digits(&y, s.p, 4) ||
        !digits(&mo, s.p + 5, 2) || !digits(&d, s.p + 8, 2) ||
        !digits(&h, s.p + 11, 2) || !digits(&mi, s.p + 14, 2) ||
        !digits(&sec, s.p + 17, 2))
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 ||
        mi > 59 || sec > 59)
        return false;
    if (s.p[i] == '.') {
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
            unit /= 10; /* digits past the ninth are cut */
            nanos += unit * (s.p[i] - '0');
        }
        if (i == 20)
            return false;
    }
    if (i + 1 != s.n || s.p[i] != 'Z')
        return false;
    t->seconds = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
    t->nanos   = nanos;
    return true;
}

void stamp_print(struct buf *b, struct stamp t)
{
    int64_t days = t.seconds / 86400, rest = t.seconds % 86400, y;
    int     m, d;
    char    frac[16];

    if (rest < 0) {
        rest += 86400;
        days--;
    }
    civil_from_days(days, &y, &m, &d);
    buf_printf(b, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", y, m, d,
               (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    if (t.nanos) {
        int     n = 9;
        int32_t v = t.nanos;

        while (v % 10 == 0) {
            v /= 10;
            n--;
        }
        frac[0] = '.';
        for (int i = n; i > 0; i--, v /= 10)
            frac[i] = (char)('0' + v % 10);
        buf_add(b, SPAN(frac, (size_t)n + 1));
    }
    buf_byte(b, 'Z');
}
