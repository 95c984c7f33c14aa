#include "iavl/db.h"

#include <stdlib.h>

/* A sorted array; a deleted entry stays as a hole. */
struct entry {
    struct span key, value;
    bool        is_gone;
};

struct table {
    struct entry *v;
    size_t        n, cap;
};

struct iavl_mem {
    struct iavl_db db;
    struct table   tables[2];
};

static struct table *table_of(struct iavl_db *db, enum iavl_table table)
{
    return &CONTAINER_OF(db, struct iavl_mem, db)->tables[table];
}

/* Index of the first key >= key, holes included. */
static size_t lower(const struct table *t, struct span key)
{
    size_t lo = 0, hi = t->n;

    if (t->n && span_cmp(t->v[t->n - 1].key, key) < 0)
        return t->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (span_cmp(t->v[mid].key, key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct span copy(struct span s)
{
    uint8_t *p = malloc(s.n + 1);

    must(p != NULL);
    if (s.n)
        memcpy(p, s.p, s.n);
    return SPAN(p, s.n);
}

static void forget(struct span s)
{
    free((void *)(uintptr_t)s.p);
}

static enum err mem_seek(struct iavl_db *db, enum iavl_table table,
                         struct span from, struct span *key, struct span *value)
{
    const struct table *t = table_of(db, table);
    size_t              i = lower(t, from);

    while (i < t->n && t->v[i].is_gone)
        i++;
    if (i == t->n)
        return ERR_NOT_FOUND;
    *key   = t->v[i].key;
    *value = t->v[i].value;
    return OK;
}

static enum err mem_get(struct iavl_db *db, enum iavl_table table,
                        struct span key, struct span *value)
{
    struct span found;
    enum err    e = mem_seek(db, table, key, &found, value);

    return e == OK && !span_eq(found, key) ? ERR_NOT_FOUND : e;
}

static enum err mem_last(struct iavl_db *db, enum iavl_table table,
                         struct span *key, struct span *value)
{
    const struct table *t = table_of(db, table);
    size_t              i = t->n;

    while (i > 0 && t->v[i - 1].is_gone)
        i--;
    if (i == 0)
        return ERR_NOT_FOUND;
    *key   = t->v[i - 1].key;
    *value = t->v[i - 1].value;
    return OK;
}

static enum err mem_put(struct iavl_db *db, enum iavl_table table,
                        struct span key, struct span value)
{
    struct table *t = table_of(db, table);
    size_t        i = lower(t, key);

    must(table != IAVL_NODES || i == t->n);
    if (i < t->n && span_eq(t->v[i].key, key)) {
        forget(t->v[i].value);
        t->v[i].value   = copy(value);
        t->v[i].is_gone = false;
        return OK;
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->v   = realloc(t->v, t->cap * sizeof *t->v);
        must(t->v != NULL);
    }
    memmove(t->v + i + 1, t->v + i, (t->n - i) * sizeof *t->v);
    t->v[i] = (struct entry){ copy(key), copy(value), false };
    t->n++;
    return OK;
}

static enum err mem_del(struct iavl_db *db, enum iavl_table table,
                        struct span key)
{
    struct table *t = table_of(db, table);
    size_t        i = lower(t, key);

    if (i == t->n || t->v[i].is_gone || !span_eq(t->v[i].key, key))
        return ERR_NOT_FOUND;
    t->v[i].is_gone = true;
    return OK;
}

struct iavl_mem *iavl_mem_new(void)
{
    struct iavl_mem *m = calloc(1, sizeof *m);

    must(m != NULL);
    m->db = (struct iavl_db){ mem_get, mem_seek, mem_last, mem_put, mem_del };
    return m;
}

struct iavl_db *iavl_mem_db(struct iavl_mem *m)
{
    return &m->db;
}

void iavl_mem_free(struct iavl_mem *m)
{
    for (size_t k = 0; k < COUNT(m->tables); k++) {
        struct table *t = &m->tables[k];

        for (size_t i = 0; i < t->n; i++) {
            forget(t->v[i].key);
            forget(t->v[i].value);
        }
        free(t->v);
    }
    free(m);
}

size_t iavl_mem_count(const struct iavl_mem *m, enum iavl_table table)
{
    const struct table *t = &m->tables[table];
    size_t              n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += !t->v[i].is_gone;
    return n;
}

void iavl_mem_damage(struct iavl_mem *m, enum iavl_table table, size_t nth,
                     size_t bit)
{
    struct span s = m->tables[table].v[nth].value;

    must(s.n > 0);
    bit %= s.n * 8;
    ((uint8_t *)(uintptr_t)s.p)[bit / 8] ^= (uint8_t)(1 << bit % 8);
}
