#include "toml/internal.h"

#include <math.h>
#include <stdlib.h>

enum { SCALAR_BYTES_MAX = 128 };

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_scalar_byte(int c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           c == '+' || c == '-' || c == '.' || c == '_' || c == ':';
}

/* ---- dates and times ---- */

/* n digits at *p, which moves behind them; -1 if they are not there. */
static int digits(const char **p, int n)
{
    int v = 0;

    for (int i = 0; i < n; i++, (*p)++) {
        if (!is_digit(**p))
            return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

static bool take(const char **p, char c)
{
    return **p == c ? (*p)++, true : false;
}

static bool read_date(const char **p)
{
    static const int days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };
    int y = digits(p, 4), m, d, leap;

    if (y < 0 || !take(p, '-') || (m = digits(p, 2)) < 1 || m > 12 ||
        !take(p, '-') || (d = digits(p, 2)) < 1)
        return false;
    leap = m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
    return d <= days[m - 1] + leap;
}

static bool read_clock(const char **p)
{
    int h = digits(p, 2), m, s;

    if (h < 0 || h > 23 || !take(p, ':') || (m = digits(p, 2)) < 0 || m > 59 ||
        !take(p, ':') || (s = digits(p, 2)) < 0 || s > 60)
        return false;
    if (!take(p, '.'))
        return true;
    if (!is_digit(**p))
        return false;
    while (is_digit(**p))
        (*p)++;
    return true;
}

static bool read_zone(const char **p)
{
    int h, m;

    if (take(p, 'Z') || take(p, 'z') || **p == 0)
        return true;
    if (!take(p, '+') && !take(p, '-'))
        return false;
    h = digits(p, 2);
    if (h < 0 || h > 23 || !take(p, ':'))
        return false;
    m = digits(p, 2);
    return m >= 0 && m <= 59;
}

static bool is_time(const char *p)
{
    bool has_date = p[4] == '-';

    if (has_date && !read_date(&p))
        return false;
    if (has_date && *p == 0)
        return true;
    if (has_date && !take(&p, 'T') && !take(&p, 't') && !take(&p, ' '))
        return false;
    if (!read_clock(&p))
        return false;
    return (has_date ? read_zone(&p) : true) && *p == 0;
}

/* ---- numbers ---- */

static bool is_hex(int c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Remove underscores; false when one does not stand between two digits. */
static bool strip_underscores(char *out, const char *text)
{
    bool is_based        = text[0] == '0' && strchr("xob", text[1]) && text[1];
    bool (*is_fine)(int) = is_based ? is_hex : is_digit;
    size_t n             = 0;

    for (size_t i = 0; text[i]; i++) {
        if (text[i] != '_')
            out[n++] = text[i];
        else if (i == 0 || !is_fine(text[i - 1]) || !is_fine(text[i + 1]))
            return false;
    }
    out[n] = 0;
    return true;
}

/* 0x, 0o and 0b, without sign. */
static bool read_based(const char *t, int64_t *out)
{
    unsigned base = t[1] == 'x' ? 16 : t[1] == 'o' ? 8 : 2;
    uint64_t v    = 0;

    if (t[2] == 0)
        return false;
    for (t += 2; *t; t++) {
        int c = (unsigned char)*t, d;

        d = is_digit(c) ? c - '0' : is_hex(c) ? (c | 0x20) - 'a' + 10 : 99;
        if ((unsigned)d >= base || v > (uint64_t)INT64_MAX / base)
            return false;
        v = v * base + (unsigned)d;
        if (v > INT64_MAX)
            return false;
    }
    *out = (int64_t)v;
    return true;
}

static bool read_decimal(const char *t, int64_t *out)
{
    bool    is_negative = *t == '-';
    int64_t v           = 0;

    t += *t == '-' || *t == '+';
    if (!is_digit(*t) || (t[0] == '0' && t[1]))
        return false;
    for (; *t; t++) {
        int d = *t - '0';

        if (!is_digit(*t) || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, d, &v)) /* downwards: INT64_MIN fits */
            return false;
    }
    if (!is_negative && v == INT64_MIN)
        return false;
    *out = is_negative ? v : -v;
    return true;
}

/* Digits, then a fraction or an exponent or both. */
static bool is_float(const char *t)
{
    t += *t == '-' || *t == '+';
    if (!is_digit(*t) || (t[0] == '0' && is_digit(t[1])))
        return false;
    while (is_digit(*t))
        t++;
    if (*t == '.') {
        if (!is_digit(*++t))
            return false;
        while (is_digit(*t))
            t++;
    }
    if (*t == 'e' || *t == 'E') {
        t++;
        t += *t == '-' || *t == '+';
        if (!is_digit(*t))
            return false;
        while (is_digit(*t))
            t++;
    }
    return *t == 0;
}

static bool read_special(const char *t, double *out)
{
    bool is_negative = *t == '-';

    t += *t == '-' || *t == '+';
    if (strcmp(t, "inf") == 0)
        *out = is_negative ? -INFINITY : INFINITY;
    else if (strcmp(t, "nan") == 0)
        *out = NAN;
    else
        return false;
    return true;
}

static bool read_number(struct toml *out, const char *raw)
{
    char t[SCALAR_BYTES_MAX + 1];

    if (read_special(raw, &out->number)) {
        out->kind = TOML_FLOAT;
        return true;
    }
    if (!strip_underscores(t, raw))
        return false;
    out->kind = TOML_INTEGER;
    if (t[0] == '0' && (t[1] == 'x' || t[1] == 'o' || t[1] == 'b'))
        return read_based(t, &out->integer);
    if (read_decimal(t, &out->integer))
        return true;
    if (!strpbrk(t, ".eE") || !is_float(t))
        return false;
    out->kind   = TOML_FLOAT;
    out->number = strtod(t, NULL);
    return true;
}

/* The bytes of the scalar, a date's blank before its time among them. */
static size_t scalar_bytes(const struct parser *s)
{
    size_t n = 0;

    while (is_scalar_byte(toml_peek_at(s, n)))
        n++;
    if (n == 10 && s->p[4] == '-' && toml_peek_at(s, n) == ' ' &&
        is_digit(toml_peek_at(s, n + 1)))
        for (n++; is_scalar_byte(toml_peek_at(s, n));)
            n++;
    return n;
}

bool toml_scalar(struct parser *s, struct toml *out)
{
    size_t n = scalar_bytes(s);
    char   text[SCALAR_BYTES_MAX + 1];

    if (n == 0)
        return toml_fail(s, "a value is missing");
    if (n > SCALAR_BYTES_MAX)
        return toml_fail(s, "the value is too long");
    memcpy(text, s->p, n);
    text[n] = 0;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        out->kind    = TOML_BOOL;
        out->is_true = text[0] == 't';
    } else if (n >= 8 && (text[2] == ':' || text[4] == '-') && is_time(text)) {
        out->kind   = TOML_TIME;
        out->text   = arena_copy(s->arena, SPAN(text, n + 1));
        out->text.n = n;
        if (!out->text.p)
            return toml_fail(s, "too much text");
    } else if (!read_number(out, text)) {
        return toml_fail(s,
                         "'%.40s' is no value; text needs quotes, numbers at"
                         " most 64 bits and no leading zero",
                         text);
    }
    s->p += n;
    return true;
}
