#include "store/runs.h"

#include "store/store.h"

#include <stdlib.h>

enum {
    RUN_KEY_BYTES  = 12,
    TIDY_CHUNKS    = 16, /* written by one step of a merge */
    FOOTER_BYTES   = 12, /* before the prefixes */
    RUN_CHUNKS_MAX = 1 << 24,
    LEVEL_MAX      = 16,
};

struct merge_input {
    uint64_t id;
    uint32_t chunk, chunks; /* the one being read, of how many */
    bool     is_known;      /* its CRC was checked */
};

struct merge {
    struct merge_input  in[INDEX_FANOUT];
    struct index_source source[INDEX_FANOUT];
    size_t              n;
    struct run          out;
    struct index_entry *buffer; /* one chunk being filled */
    size_t              buffered;
};

/* ---- keys and records ---- */

static struct span run_key(uint8_t key[RUN_KEY_BYTES], uint64_t id,
                           uint32_t chunk)
{
    store_be64(key, id);
    store_be32(key + 8, chunk);
    return SPAN(key, RUN_KEY_BYTES);
}

static enum err put_record(struct kv_txn *t, kv_table table, struct span key,
                           struct span payload)
{
    uint8_t *p;
    enum err e = kv_reserve(t, table, key, RECORD_HEAD_BYTES + payload.n, &p);

    if (e != OK)
        return e;
    memcpy(p + RECORD_HEAD_BYTES, payload.p, payload.n);
    record_seal(p, key, RECORD_PLAIN, payload.n);
    return OK;
}

static enum err damaged(uint64_t id, uint32_t chunk)
{
    return fail(ERR_CORRUPT,
                "the index of transactions is damaged (run %" PRIu64
                ", chunk %" PRIu32
                "); restore a backup, or remove the store and synchronize "
                "again",
                id, chunk);
}

static void run_free(struct run *r)
{
    free(r->first);
    free(r->is_known);
    *r = (struct run){ 0 };
}

static void run_grow(struct run *r)
{
    r->first = realloc(r->first, (r->chunks + 1) * sizeof *r->first);
    must(r->first);
}

/* ---- what is there at the start ---- */

static bool footer_read(struct run *r, struct span key, struct span value)
{
    struct record rec;
    struct span   p;

    if (!record_open(&rec, key, value) || rec.payload.n < FOOTER_BYTES)
        return false;
    p          = rec.payload;
    r->level   = load_be32(p.p);
    r->entries = load_be64(p.p + 4);
    p          = SPAN(p.p + FOOTER_BYTES, p.n - FOOTER_BYTES);
    r->chunks  = (uint32_t)(p.n / 8);
    if (p.n % 8 || r->level > LEVEL_MAX || r->chunks > RUN_CHUNKS_MAX)
        return false;
    r->first    = calloc(r->chunks + 1, sizeof *r->first);
    r->is_known = calloc(r->chunks + 1, sizeof *r->is_known);
    must(r->first && r->is_known);
    for (uint32_t i = 0; i < r->chunks; i++)
        r->first[i] = load_be64(p.p + 8 * (size_t)i);
    return true;
}

static void catalog_add(struct runs *r, const struct run *run)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->v   = realloc(r->v, r->cap * sizeof *r->v);
        must(r->v);
    }
    r->v[r->n++] = *run;
    if (run->id >= r->next_id)
        r->next_id = run->id + 1;
}

static void garbage_add(struct runs *r, uint64_t id)
{
    r->garbage = realloc(r->garbage, (r->garbage_n + 1) * sizeof *r->garbage);
    must(r->garbage);
    r->garbage[r->garbage_n++] = id;
    if (id >= r->next_id)
        r->next_id = id + 1;
}

/* Walk from run to run: the footer is the last record of each. */
static enum err read_catalog(struct runs *r, struct kv_cursor *c)
{
    struct span k, v;
    uint8_t     key[RUN_KEY_BYTES];
    enum err    e = kv_seek(c, SPAN(NULL, 0), &k, &v);

    while (e == OK) {
        struct run run = { 0 };

        if (k.n != RUN_KEY_BYTES)
            return damaged(0, 0);
        run.id = load_be64(k.p);
        e      = kv_seek(c, run_key(key, run.id, RUN_FOOTER), &k, &v);
        if (e == OK && k.n == RUN_KEY_BYTES && load_be64(k.p) == run.id) {
            if (!footer_read(&run, k, v))
                return damaged(run.id, RUN_FOOTER);
            catalog_add(r, &run);
            e = kv_next(c, &k, &v);
        } else if (e == OK || e == ERR_NOT_FOUND) {
            garbage_add(r, run.id);
        }
    }
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err runs_open(struct runs *r, struct kv *kv, kv_table table)
{
    struct kv_txn    *t;
    struct kv_cursor *c;
    enum err          e;

    *r = (struct runs){ .table = table, .next_id = 1 };
    e  = kv_read(&t, kv);
    if (e != OK)
        return e;
    e = kv_cursor_open(&c, t, table);
    if (e == OK) {
        e = read_catalog(r, c);
        kv_cursor_close(c);
    }
    kv_abort(t);
    return e;
}

static void merge_drop(struct runs *r)
{
    if (!r->merge)
        return;
    run_free(&r->merge->out);
    free(r->merge->buffer);
    free(r->merge);
    r->merge = NULL;
}

void runs_close(struct runs *r)
{
    runs_undone(r);
    merge_drop(r);
    for (size_t i = 0; i < r->n; i++)
        run_free(&r->v[i]);
    free(r->v);
    free(r->garbage);
    *r = (struct runs){ 0 };
}

/* ---- writing ---- */

static enum err write_chunk(struct runs *r, struct kv_txn *t, struct run *run,
                            const struct index_entry *v, size_t n)
{
    uint8_t  key[RUN_KEY_BYTES];
    enum err e = put_record(t, r->table, run_key(key, run->id, run->chunks),
                            SPAN(v, n * sizeof *v));

    if (e != OK)
        return e;
    run_grow(run);
    run->first[run->chunks++] = index_entry_prefix(&v[0]);
    run->entries += n;
    return OK;
}

static enum err write_footer(struct runs *r, struct kv_txn *t, struct run *run)
{
    size_t   n = FOOTER_BYTES + 8 * (size_t)run->chunks;
    uint8_t *p = malloc(n), key[RUN_KEY_BYTES];
    enum err e;

    must(p);
    store_be32(p, run->level);
    store_be64(p + 4, run->entries);
    for (uint32_t i = 0; i < run->chunks; i++)
        store_be64(p + FOOTER_BYTES + 8 * (size_t)i, run->first[i]);
    e = put_record(t, r->table, run_key(key, run->id, RUN_FOOTER), SPAN(p, n));
    free(p);
    run->is_known = calloc(run->chunks + 1, sizeof *run->is_known);
    must(run->is_known);
    return e;
}

enum err runs_add(struct runs *r, struct kv_txn *t, const struct index_entry *v,
                  size_t n)
{
    struct run *run = &r->added[r->added_n++];
    enum err    e   = OK;

    must(n > 0 && r->added_n <= COUNT(r->added));
    *run = (struct run){ .id = r->next_id++ };
    for (size_t i = 0; i < n && e == OK; i += INDEX_CHUNK)
        e = write_chunk(r, t, run, v + i,
                        n - i < INDEX_CHUNK ? n - i : INDEX_CHUNK);
    return e == OK ? write_footer(r, t, run) : e;
}

static enum err delete_run(struct runs *r, struct kv_txn *t, uint64_t id)
{
    struct kv_cursor *c;
    struct span       k, v;
    uint8_t           key[RUN_KEY_BYTES];
    enum err          e = OK;

    while (e == OK) {
        uint8_t at[RUN_KEY_BYTES];

        e = kv_cursor_open(&c, t, r->table);
        if (e != OK)
            return e;
        e = kv_seek(c, run_key(key, id, 0), &k, &v);
        if (e == OK && (k.n != RUN_KEY_BYTES || load_be64(k.p) != id))
            e = ERR_NOT_FOUND;
        if (e == OK)
            memcpy(at, k.p, sizeof at);
        kv_cursor_close(c);
        if (e == OK)
            e = kv_del(t, r->table, SPAN_OF(at));
    }
    return e == ERR_NOT_FOUND ? OK : e;
}

/* ---- merging ---- */

/* INDEX_FANOUT runs of the lowest level that has so many. */
static void merge_start(struct runs *r)
{
    size_t        counts[LEVEL_MAX + 1] = { 0 };
    uint32_t      level                 = 0;
    struct merge *m;

    for (size_t i = 0; i < r->n; i++)
        counts[r->v[i].level]++;
    while (level < LEVEL_MAX && counts[level] < INDEX_FANOUT)
        level++;
    if (level == LEVEL_MAX)
        return;
    m = calloc(1, sizeof *m);
    must(m);
    m->buffer = calloc(INDEX_CHUNK, sizeof *m->buffer);
    must(m->buffer);
    for (size_t i = 0; i < r->n && m->n < INDEX_FANOUT; i++)
        if (r->v[i].level == level)
            m->in[m->n++] = (struct merge_input){ .id     = r->v[i].id,
                                                  .chunks = r->v[i].chunks };
    m->out   = (struct run){ .id = r->next_id++, .level = level + 1 };
    r->merge = m;
}

/* Give source i its next chunk, when it has used up the last one. */
static enum err refill(struct runs *r, struct kv_txn *t, size_t i)
{
    struct merge_input  *in = &r->merge->in[i];
    struct index_source *s  = &r->merge->source[i];
    struct record        rec;
    struct span          value;
    uint8_t              key[RUN_KEY_BYTES];
    enum err             e;

    if (in->chunk == in->chunks)
        return OK;
    e = kv_get(t, r->table, run_key(key, in->id, in->chunk), &value);
    if (e == OK && in->is_known)
        rec.payload =
            SPAN(value.p + RECORD_HEAD_BYTES, value.n - RECORD_HEAD_BYTES);
    else if (e == ERR_NOT_FOUND ||
             (e == OK && !record_open(&rec, SPAN_OF(key), value)))
        return damaged(in->id, in->chunk);
    if (e != OK)
        return e;
    in->is_known = true;
    s->v         = (const struct index_entry *)(const void *)rec.payload.p;
    s->n         = rec.payload.n / INDEX_ENTRY_BYTES;
    return OK;
}

/* The map may have moved since the last step: look everything up again, at
 * the place where it was left. */
static enum err refill_all(struct runs *r, struct kv_txn *t)
{
    enum err e = OK;

    for (size_t i = 0; i < r->merge->n && e == OK; i++)
        e = refill(r, t, i);
    return e;
}

static enum err advance(struct runs *r, struct kv_txn *t)
{
    enum err e = OK;

    for (size_t i = 0; i < r->merge->n && e == OK; i++) {
        struct merge_input  *in = &r->merge->in[i];
        struct index_source *s  = &r->merge->source[i];

        while (e == OK && s->at == s->n && in->chunk < in->chunks) {
            in->chunk++;
            in->is_known = false;
            *s = (struct index_source){ .is_last = in->chunk == in->chunks };
            e  = refill(r, t, i);
        }
    }
    return e;
}

static bool is_exhausted(const struct merge *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->in[i].chunk < m->in[i].chunks)
            return false;
    return true;
}

/* The last chunk, the footer, and no more inputs. */
static enum err merge_finish(struct runs *r, struct kv_txn *t)
{
    struct merge *m = r->merge;
    enum err      e = OK;

    if (m->buffered > 0)
        e = write_chunk(r, t, &m->out, m->buffer, m->buffered);
    if (e == OK && m->out.chunks > 0)
        e = write_footer(r, t, &m->out);
    for (size_t i = 0; i < m->n && e == OK; i++)
        e = delete_run(r, t, m->in[i].id);
    r->ends_merge = true;
    return e;
}

static enum err merge_step(struct runs *r, struct kv_txn *t, int64_t lowest)
{
    struct merge *m = r->merge;
    enum err      e = refill_all(r, t);

    for (size_t written = 0; e == OK && written < TIDY_CHUNKS;) {
        m->buffered +=
            index_merge(m->buffer + m->buffered, INDEX_CHUNK - m->buffered,
                        m->source, m->n, lowest);
        if (m->buffered == INDEX_CHUNK) {
            e           = write_chunk(r, t, &m->out, m->buffer, INDEX_CHUNK);
            m->buffered = 0;
            written++;
            if (e == OK)
                e = refill_all(r, t); /* writing may have moved pages */
        }
        if (e == OK)
            e = advance(r, t);
        if (e == OK && is_exhausted(m))
            return merge_finish(r, t);
    }
    return e;
}

enum err runs_tidy(struct runs *r, struct kv_txn *t, int64_t lowest)
{
    enum err e = OK;

    for (size_t i = 0; i < r->garbage_n && e == OK; i++)
        e = delete_run(r, t, r->garbage[i]);
    r->cleans_garbage = true;
    if (!r->merge)
        merge_start(r);
    if (r->merge && e == OK)
        e = merge_step(r, t, lowest);
    return e;
}

static struct run *catalog_find(const struct runs *r, uint64_t id)
{
    size_t i = 0;

    while (r->v[i].id != id)
        i++;
    return &r->v[i];
}

int64_t runs_entries(const struct runs *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < r->n; i++)
        sum += r->v[i].entries;
    for (size_t i = 0; i < r->added_n; i++)
        sum += r->added[i].entries;
    if (r->ends_merge) {
        sum += r->merge->out.entries;
        for (size_t i = 0; i < r->merge->n; i++)
            sum -= catalog_find(r, r->merge->in[i].id)->entries;
    }
    return (int64_t)sum;
}

static void catalog_remove(struct runs *r, uint64_t id)
{
    struct run *run = catalog_find(r, id);

    run_free(run);
    memmove(run, run + 1, (size_t)(r->v + r->n - run - 1) * sizeof *run);
    r->n--;
}

void runs_committed(struct runs *r)
{
    for (size_t i = 0; i < r->added_n; i++)
        catalog_add(r, &r->added[i]);
    r->added_n = 0;
    if (r->cleans_garbage)
        r->garbage_n = 0;
    r->cleans_garbage = false;
    if (r->ends_merge) {
        for (size_t i = 0; i < r->merge->n; i++)
            catalog_remove(r, r->merge->in[i].id);
        if (r->merge->out.chunks > 0) {
            catalog_add(r, &r->merge->out);
            r->merge->out = (struct run){ 0 };
        }
        merge_drop(r);
    }
    r->ends_merge = false;
}

void runs_undone(struct runs *r)
{
    for (size_t i = 0; i < r->added_n; i++)
        run_free(&r->added[i]);
    r->added_n        = 0;
    r->cleans_garbage = false;
    r->ends_merge     = false;
    /* What it wrote before is garbage; the merge begins anew. */
    if (r->merge)
        garbage_add(r, r->merge->out.id);
    merge_drop(r);
}

/* ---- finding ---- */

static enum err find_in_chunk(struct runs *r, struct kv_txn *t, struct run *run,
                              uint32_t chunk, struct index_found *out,
                              const struct hash *hash)
{
    struct record rec;
    struct span   value;
    uint8_t       key[RUN_KEY_BYTES];
    enum err      e = kv_get(t, r->table, run_key(key, run->id, chunk), &value);

    if (e == OK && run->is_known[chunk] && value.n > RECORD_HEAD_BYTES)
        rec.payload =
            SPAN(value.p + RECORD_HEAD_BYTES, value.n - RECORD_HEAD_BYTES);
    else if (e == ERR_NOT_FOUND ||
             (e == OK && !record_open(&rec, SPAN_OF(key), value)))
        return damaged(run->id, chunk);
    if (e != OK)
        return e;
    run->is_known[chunk] = true;
    index_find(out, (const struct index_entry *)(const void *)rec.payload.p,
               rec.payload.n / INDEX_ENTRY_BYTES, hash);
    return OK;
}

/* Chunks of the run in which the prefix may be; most often one. */
static enum err find_in_run(struct runs *r, struct kv_txn *t, struct run *run,
                            struct index_found *out, const struct hash *hash)
{
    uint64_t prefix = load_be64(hash->b);
    uint32_t low = 0, high = run->chunks;
    enum err e = OK;

    while (low < high) { /* the first chunk that begins at or behind it */
        uint32_t middle = low + (high - low) / 2;

        if (run->first[middle] < prefix)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        e = find_in_chunk(r, t, run, low - 1, out, hash);
    for (; e == OK && low < run->chunks && run->first[low] == prefix; low++)
        e = find_in_chunk(r, t, run, low, out, hash);
    return e;
}

enum err runs_find(struct runs *r, struct kv_txn *t, struct index_found *out,
                   const struct hash *hash)
{
    enum err e = OK;

    for (size_t i = 0; i < r->n && e == OK; i++)
        e = find_in_run(r, t, &r->v[i], out, hash);
    return e;
}
