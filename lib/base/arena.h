/* arena - memory that is given back all at once.
 *
 * Shapes:  allocations are zeroed and aligned to 16 bytes.
 * Memory:  arena_open reserves address space, pages are touched as used;
 *          its cap is the bound on what one input can cost.  arena_use
 *          takes the caller's memory and never calls the system. */
#ifndef WARREN_ARENA_H
#define WARREN_ARENA_H

#include "base/base.h"

struct arena {
    uint8_t *base;
    size_t   used, cap;
    size_t   dirty; /* bytes from base that may not be zero */
    bool     is_mapped;
};

/* arena_open - reserve cap bytes of address space; aborts when refused. */
void arena_open(struct arena *a, size_t cap);
void arena_close(struct arena *a);

/* arena_use - an arena over the caller's memory. */
void arena_use(struct arena *a, void *mem, size_t cap);

/* arena_alloc - n zeroed bytes, or NULL when the arena is full. */
void *arena_alloc(struct arena *a, size_t n);

/* arena_array - count * size zeroed bytes, overflow checked, or NULL. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* arena_copy - a copy of s in the arena; p is NULL when full and s.n > 0. */
struct span arena_copy(struct arena *a, struct span s);

/* arena_reset - forget everything; large arenas return pages. */
void arena_reset(struct arena *a);

/* arena_mark, arena_release - forget all that came after the mark. */
static inline size_t arena_mark(const struct arena *a)
{
    return a->used;
}
static inline void arena_release(struct arena *a, size_t mark)
{
    a->used = mark;
}

#define arena_new(a, type)     ((type *)arena_alloc((a), sizeof(type)))
#define arena_newn(a, type, n) ((type *)arena_array((a), (n), sizeof(type)))

#endif
