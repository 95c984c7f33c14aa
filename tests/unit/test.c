#include "test.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TESTS_MAX = 512, SHOWN_MAX = 50 };

static struct {
    const char *name;
    void (*fn)(void);
} tests[TESTS_MAX];
static size_t      test_count;
static long        passed, failed, skipped;
static const char *current;
struct arena       test_arena;

void test_register(const char *name, void (*fn)(void))
{
    must(test_count < TESTS_MAX);
    tests[test_count].name = name;
    tests[test_count++].fn = fn;
}

static bool count(bool is_ok, const char *file, int line, const char *what,
                  const char *fmt, va_list ap)
{
    if (is_ok) {
        passed++;
        return true;
    }
    if (++failed <= SHOWN_MAX) {
        printf("FAIL %s (%s:%d): %s: ", current, file, line, what);
        vprintf(fmt, ap);
        printf("\n");
    }
    return false;
}

bool check(bool is_ok, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    count(is_ok, file, line, "does not hold", fmt, ap);
    va_end(ap);
    return is_ok;
}

bool check_int(int64_t got, int64_t want, const char *file, int line,
               const char *fmt, ...)
{
    char    what[96];
    va_list ap;

    snprintf(what, sizeof what, "got %" PRId64 ", want %" PRId64, got, want);
    va_start(ap, fmt);
    count(got == want, file, line, what, fmt, ap);
    va_end(ap);
    return got == want;
}

static void describe(struct buf *b, struct span s)
{
    buf_hex(b, SPAN(s.p, s.n < 96 ? s.n : 96));
    if (s.n > 96)
        buf_printf(b, "... (%zu bytes)", s.n);
}

bool check_bytes(struct span got, struct span want, const char *file, int line,
                 const char *fmt, ...)
{
    struct buf what;
    va_list    ap;
    bool       is_ok = span_eq(got, want);

    buf_init(&what, 4096);
    if (!is_ok) {
        buf_str(&what, "got ");
        describe(&what, got);
        buf_str(&what, ", want ");
        describe(&what, want);
    }
    va_start(ap, fmt);
    count(is_ok, file, line, buf_cstr(&what), fmt, ap);
    va_end(ap);
    buf_fini(&what);
    return is_ok;
}

bool check_str(const char *got, const char *want, const char *file, int line,
               const char *fmt, ...)
{
    struct buf what;
    va_list    ap;
    bool       is_ok = got && want && strcmp(got, want) == 0;

    buf_init(&what, 65536);
    buf_str(&what, "got \"");
    buf_str(&what, got ? got : "(null)");
    buf_str(&what, "\", want \"");
    buf_str(&what, want ? want : "(null)");
    buf_str(&what, "\"");
    va_start(ap, fmt);
    count(is_ok, file, line, buf_cstr(&what), fmt, ap);
    va_end(ap);
    buf_fini(&what);
    return is_ok;
}

void skip(const char *why)
{
    skipped++;
    printf("SKIP %s: %s\n", current, why);
}

json_t *vectors_open(const char *name)
{
    char         cmd[512];
    FILE        *f;
    json_t      *v;
    json_error_t e;

    snprintf(cmd, sizeof cmd,
             "if [ -f tests/vectors/%s.json ]; then cat tests/vectors/%s.json;"
             " else xz -dc tests/vectors/%s.json.xz; fi",
             name, name, name);
    f = popen(cmd, "r");
    v = f ? json_loadf(f, JSON_ALLOW_NUL, &e) : NULL;
    if (!v) {
        printf("FAIL cannot read tests/vectors/%s.json: %s\n", name, e.text);
        exit(1);
    }
    pclose(f);
    return v;
}

static const json_t *need(const json_t *c, const char *key)
{
    const json_t *v = json_object_get(c, key);

    if (!v) {
        printf("FAIL a vector lacks \"%s\"\n", key);
        exit(1);
    }
    return v;
}

const char *vec_str(const json_t *c, const char *key)
{
    const char *s = json_string_value(need(c, key));

    must(s != NULL);
    return s;
}

int64_t vec_int(const json_t *c, const char *key)
{
    const json_t *v = need(c, key);
    int64_t       n;

    if (json_is_integer(v))
        return json_integer_value(v);
    must(json_is_string(v) &&
         int64_parse(&n, SPAN(json_string_value(v), json_string_length(v))));
    return n;
}

uint64_t vec_uint(const json_t *c, const char *key)
{
    const json_t *v = need(c, key);
    uint64_t      n;

    if (json_is_integer(v))
        return (uint64_t)json_integer_value(v);
    must(json_is_string(v) &&
         uint64_parse(&n, SPAN(json_string_value(v), json_string_length(v))));
    return n;
}

bool vec_bool(const json_t *c, const char *key)
{
    const json_t *v = need(c, key);

    must(json_is_boolean(v));
    return json_is_true(v);
}

bool vec_has(const json_t *c, const char *key)
{
    return json_object_get(c, key) != NULL;
}

struct span hex_span(const char *hex, struct arena *a)
{
    size_t   n = strlen(hex) / 2;
    uint8_t *p = arena_alloc(a, n + 1);

    must(p && hex_decode(p, n, span_str(hex)));
    return SPAN(p, n);
}

struct span vec_hex(const json_t *c, const char *key, struct arena *a)
{
    return hex_span(vec_str(c, key), a);
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    arena_open(&test_arena, (size_t)1 << 30);
    for (size_t i = 0; i < test_count; i++) {
        long p = passed, f = failed;

        if (!strstr(tests[i].name, only))
            continue;
        current = tests[i].name;
        arena_reset(&test_arena);
        tests[i].fn();
        printf("%-60s %ld cases%s\n", current, passed - p + failed - f,
               failed > f ? ", FAILED" : "");
    }
    printf("%ld passed, %ld failed, %ld skipped\n", passed, failed, skipped);
    return failed != 0;
}
