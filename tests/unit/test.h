/* test - the little that a unit test needs.
 *
 * TEST(name) defines and registers a test; CHECK_* count a case each and go
 * on after a failure, so that one run names them all.  Vectors are read with
 * vectors_open().  Every program ends with "N passed, N failed, N skipped". */
#ifndef WARREN_TEST_H
#define WARREN_TEST_H

#include "base/arena.h"
#include "base/buf.h"

#include <jansson.h>

void test_register(const char *name, void (*fn)(void));
#define TEST(fn)                                                               \
    static void                              fn(void);                         \
    __attribute__((constructor)) static void register_##fn(void)               \
    {                                                                          \
        test_register(#fn, fn);                                                \
    }                                                                          \
    static void fn(void)

/* check - count one case; says what failed and where. */
bool check(bool is_ok, const char *file, int line, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void skip(const char *why);

#define CHECK(cond, ...) check((cond), __FILE__, __LINE__, "" __VA_ARGS__)
#define CHECK_EQ(got, want, ...)                                               \
    check_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__,             \
              "" __VA_ARGS__)
#define CHECK_BYTES(got, want, ...)                                            \
    check_bytes((got), (want), __FILE__, __LINE__, "" __VA_ARGS__)
#define CHECK_STR(got, want, ...)                                              \
    check_str((got), (want), __FILE__, __LINE__, "" __VA_ARGS__)
bool check_int(int64_t got, int64_t want, const char *file, int line,
               const char *fmt, ...) PRINTF_LIKE(5, 6);
bool check_bytes(struct span got, struct span want, const char *file, int line,
                 const char *fmt, ...) PRINTF_LIKE(5, 6);
bool check_str(const char *got, const char *want, const char *file, int line,
               const char *fmt, ...) PRINTF_LIKE(5, 6);

/* vectors_open - tests/vectors/NAME.json(.xz) parsed; ends the program when
 * it is missing.  The caller json_decref()s. */
json_t *vectors_open(const char *name);

/* Members of a case; each ends the program when absent or of another type,
 * since a vector file does not change. */
const char *vec_str(const json_t *c, const char *key);
int64_t     vec_int(const json_t *c, const char *key); /* number or string */
uint64_t    vec_uint(const json_t *c, const char *key);
bool        vec_bool(const json_t *c, const char *key);
bool        vec_has(const json_t *c, const char *key);
/* hex member to bytes in the arena */
struct span vec_hex(const json_t *c, const char *key, struct arena *a);
struct span hex_span(const char *hex, struct arena *a);

/* A scratch arena of 1 GiB (reserved), reset before each test. */
extern struct arena test_arena;

#endif
