#include "store/index.h"

#include "base/sort.h"

void index_entry_make(struct index_entry *e, const struct hash *hash,
                      int64_t height, uint32_t index)
{
    uint8_t h[8];

    store_be64(h, (uint64_t)height);
    memcpy(e->b, hash->b, 8);
    memcpy(e->b + 8, h + 3, 5);
    e->b[13] = (uint8_t)(index >> 16);
    e->b[14] = (uint8_t)(index >> 8);
    e->b[15] = (uint8_t)index;
}

int64_t index_entry_height(const struct index_entry *e)
{
    return (int64_t)(load_be64(e->b + 8) >> 24);
}

uint32_t index_entry_index(const struct index_entry *e)
{
    return load_be32(e->b + 12) & 0xffffff;
}

uint64_t index_entry_prefix(const struct index_entry *e)
{
    return load_be64(e->b);
}

static bool entry_less(const struct index_entry *a, const struct index_entry *b)
{
    uint64_t x = load_be64(a->b), y = load_be64(b->b);

    return x != y ? x < y : load_be64(a->b + 8) < load_be64(b->b + 8);
}

static bool item_less(const void *a, const void *b, const void *ctx)
{
    UNUSED(ctx);
    return entry_less(a, b);
}

void index_sort(struct index_entry *v, size_t n)
{
    sort_items(v, n, sizeof *v, item_less, NULL);
}

void index_insert(struct index_entry *v, size_t n,
                  const struct index_entry *more, size_t m)
{
    size_t to = n + m;

    while (m > 0) {
        if (n > 0 && entry_less(&more[m - 1], &v[n - 1]))
            v[--to] = v[--n];
        else
            v[--to] = more[--m];
    }
}

/* Keeps the newest INDEX_FOUND_MAX, by height and index. */
static void found_add(struct index_found *f, const struct index_entry *e)
{
    size_t at = f->n;

    while (at > 0 && entry_less(e, &f->v[at - 1]))
        at--;
    if (f->n == INDEX_FOUND_MAX) {
        if (at == 0)
            return;
        memmove(f->v, f->v + 1, (--at) * sizeof *e);
    } else {
        memmove(f->v + at + 1, f->v + at, (f->n++ - at) * sizeof *e);
    }
    f->v[at] = *e;
}

void index_find(struct index_found *out, const struct index_entry *v, size_t n,
                const struct hash *hash)
{
    uint64_t prefix = load_be64(hash->b);
    size_t   low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index_entry_prefix(&v[middle]) < prefix)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && index_entry_prefix(&v[low]) == prefix; low++)
        found_add(out, &v[low]);
}

size_t index_merge(struct index_entry *out, size_t cap,
                   struct index_source *sources, size_t n, int64_t lowest)
{
    size_t count = 0;

    while (count < cap) {
        struct index_source *best = NULL;

        for (size_t i = 0; i < n; i++) {
            struct index_source *s = &sources[i];

            if (s->at == s->n && !s->is_last)
                return count;
            if (s->at < s->n &&
                (!best || entry_less(&s->v[s->at], &best->v[best->at])))
                best = s;
        }
        if (!best)
            return count;
        if (index_entry_height(&best->v[best->at]) >= lowest)
            out[count++] = best->v[best->at];
        best->at++;
    }
    return count;
}
