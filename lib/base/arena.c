#include "base/arena.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGN = 16, KEEP_BYTES = 256 << 10 };

/* Under AddressSanitizer a gap behind each piece, and what was given back by a
 * reset, may not be touched.  Not in the caller's memory, which lives on when
 * the arena does not. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
static void forbid(const struct arena *a, const uint8_t *p, size_t n)
{
    if (a->is_mapped)
        ASAN_POISON_MEMORY_REGION(p, n);
}
static void allow(const struct arena *a, const uint8_t *p, size_t n)
{
    if (a->is_mapped)
        ASAN_UNPOISON_MEMORY_REGION(p, n);
}
#else
enum { GAP = 0 };
#define forbid(a, p, n) UNUSED(a)
#define allow(a, p, n)  UNUSED(a)
#endif

void arena_open(struct arena *a, size_t cap)
{
    void *p = mmap(NULL, cap, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    must(p != MAP_FAILED);
    *a = (struct arena){ .base = p, .cap = cap, .is_mapped = true };
}

void arena_close(struct arena *a)
{
    allow(a, a->base, a->dirty);
    if (a->is_mapped)
        munmap(a->base, a->cap);
    *a = (struct arena){ 0 };
}

void arena_use(struct arena *a, void *mem, size_t cap)
{
    size_t skew = (ALIGN - (uintptr_t)mem % ALIGN) % ALIGN;

    if (skew > cap)
        skew = cap;
    *a = (struct arena){ .base  = (uint8_t *)mem + skew,
                         .cap   = cap - skew,
                         .dirty = cap - skew };
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t   gap  = a->is_mapped ? GAP : 0;
    size_t   want = ((n + ALIGN - 1) & ~(size_t)(ALIGN - 1)) + gap;
    uint8_t *p    = a->base + a->used;

    if (want < n || want > a->cap - a->used)
        return NULL;
    allow(a, p, want);
    if (a->used < a->dirty) {
        size_t old = a->dirty - a->used;

        memset(p, 0, want < old ? want : old);
    }
    a->used += want;
    if (a->used > a->dirty)
        a->dirty = a->used;
    forbid(a, p + n, want - n);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    return arena_alloc(a, n);
}

struct span arena_copy(struct arena *a, struct span s)
{
    uint8_t *p;

    if (s.n == 0)
        return (struct span){ 0 };
    p = arena_alloc(a, s.n);
    if (!p)
        return (struct span){ NULL, s.n };
    memcpy(p, s.p, s.n);
    return (struct span){ p, s.n };
}

void arena_reset(struct arena *a)
{
    a->used = 0;
    forbid(a, a->base, a->dirty);
    if (a->is_mapped && a->dirty > KEEP_BYTES) {
        madvise(a->base + KEEP_BYTES, a->cap - KEEP_BYTES, MADV_DONTNEED);
        a->dirty = KEEP_BYTES;
    }
}
