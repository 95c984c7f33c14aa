#include "config/duration.h"

static const struct unit {
    const char *name;
    int64_t     ns;
} units[] = {
    { "ns", 1 },
    { "us", 1000 },
    { "\xc2\xb5s", 1000 }, /* micro sign */
    { "\xce\xbcs", 1000 }, /* Greek mu */
    { "ms", 1000000 },
    { "s", INT64_C(1000000000) },
    { "m", INT64_C(60000000000) },
    { "h", INT64_C(3600000000000) },
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The unit at *p, up to the next digit or dot. */
static int64_t read_unit(const char **p)
{
    size_t n = strcspn(*p, "0123456789.");

    for (size_t i = 0; i < COUNT(units); i++) {
        if (strlen(units[i].name) == n && memcmp(units[i].name, *p, n) == 0) {
            *p += n;
            return units[i].ns;
        }
    }
    return 0;
}

/* The digits behind a dot, as parts of a unit; those past the 15th hold less
 * than a nanosecond of any unit. */
struct fraction {
    uint64_t value, scale;
};

static size_t read_fraction(const char **p, struct fraction *f)
{
    size_t n = 0;

    for (; is_digit(**p); (*p)++, n++) {
        if (n >= 15)
            continue;
        f->value = f->value * 10 + (uint64_t)(**p - '0');
        f->scale *= 10;
    }
    return n;
}

/* One "12.5ms"; adds to *total. */
static bool read_part(const char **p, uint64_t *total)
{
    struct fraction f     = { 0, 1 };
    uint64_t        whole = 0;
    size_t          n     = 0;
    int64_t         unit;

    for (; is_digit(**p); (*p)++, n++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(**p - '0'), &whole))
            return false;
    if (**p == '.') {
        (*p)++;
        n += read_fraction(p, &f);
    }
    unit = n ? read_unit(p) : 0;
    if (unit == 0 || __builtin_mul_overflow(whole, (uint64_t)unit, &whole))
        return false;
    f.value = (uint64_t)((unsigned __int128)f.value * (uint64_t)unit / f.scale);
    return !__builtin_add_overflow(whole, f.value, &whole) &&
           !__builtin_add_overflow(*total, whole, total);
}

bool duration_parse(int64_t *out, const char *text)
{
    bool     is_negative = *text == '-';
    uint64_t total       = 0;

    text += *text == '-' || *text == '+';
    if (strcmp(text, "0") == 0) {
        *out = 0;
        return true;
    }
    if (!*text)
        return false;
    while (*text)
        if (!read_part(&text, &total))
            return false;
    if (total > (uint64_t)INT64_MAX + is_negative)
        return false;
    *out = is_negative ? (int64_t)(0 - total) : (int64_t)total;
    return true;
}

/* whole and a fraction of so many digits, without trailing zeros. */
static void print_decimal(struct buf *out, uint64_t whole, uint64_t fraction,
                          int digits)
{
    buf_printf(out, "%" PRIu64, whole);
    if (fraction == 0)
        return;
    while (fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    buf_printf(out, ".%0*" PRIu64, digits, fraction);
}

void duration_print(struct buf *out, int64_t ns)
{
    uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

    if (ns < 0)
        buf_byte(out, '-');
    if (v == 0) {
        buf_str(out, "0s");
    } else if (v < 1000) {
        buf_printf(out, "%" PRIu64 "ns", v);
    } else if (v < 1000000) {
        print_decimal(out, v / 1000, v % 1000, 3);
        buf_str(out, "\xc2\xb5s");
    } else if (v < 1000000000) {
        print_decimal(out, v / 1000000, v % 1000000, 6);
        buf_str(out, "ms");
    } else {
        uint64_t hour = UINT64_C(3600000000000), minute = hour / 60;

        if (v >= hour)
            buf_printf(out, "%" PRIu64 "h", v / hour);
        if (v >= minute)
            buf_printf(out, "%" PRIu64 "m", v % hour / minute);
        v %= minute;
        print_decimal(out, v / 1000000000, v % 1000000000, 9);
        buf_byte(out, 's');
    }
}
