#include "base/sort.h"

struct heap {
    uint8_t    *v;
    size_t      size;
    less_fn    *less;
    const void *ctx;
};

static uint8_t *item(const struct heap *h, size_t i)
{
    return h->v + i * h->size;
}

static void swap(const struct heap *h, size_t i, size_t j)
{
    uint8_t t[SORT_ITEM_MAX];

    memcpy(t, item(h, i), h->size);
    memcpy(item(h, i), item(h, j), h->size);
    memcpy(item(h, j), t, h->size);
}

static void sift_down(const struct heap *h, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n &&
            h->less(item(h, child), item(h, child + 1), h->ctx))
            child++;
        if (!h->less(item(h, i), item(h, child), h->ctx))
            return;
        swap(h, i, child);
    }
}

void sort_items(void *v, size_t n, size_t size, less_fn *less, const void *ctx)
{
    struct heap h = { .v = v, .size = size, .less = less, .ctx = ctx };

    must(size <= SORT_ITEM_MAX);
    for (size_t i = n / 2; i-- > 0;)
        sift_down(&h, i, n);
    while (n > 1) {
        swap(&h, 0, --n);
        sift_down(&h, 0, n);
    }
}
